"""Every broken file under fixtures/bad gives the faults written beside it, whole.

`make golden` writes the expectations anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.read.source import read_document
from engine.read.subjects import read_subject, subject_of
from engine.terms.faults import InputRejected

BAD = Path("fixtures/bad")
AS_OF = date(2026, 11, 20)
SUBJECTS = sorted(p for p in (BAD / "subjects").iterdir() if p.suffix != ".faults")
PACKS = sorted(p for p in (BAD / "packs").iterdir() if p.is_dir())
PROTOCOL = read_pack(shipped_pack())


def faults_of_subject(path: Path) -> str:
    with pytest.raises(InputRejected) as rejected:
        read(path)
    return shown(rejected.value)


def read(path: Path) -> None:
    read_subject(path.read_bytes(), path.name, PROTOCOL, AS_OF)


def faults_of_pack(path: Path) -> str:
    with pytest.raises(InputRejected) as rejected:
        read_pack(path)
    return shown(rejected.value).replace(f"{path.as_posix()}/", "")


def shown(rejected: InputRejected) -> str:
    assert rejected.faults
    return "".join(fault.text() + "\n" for fault in rejected.faults)


def compare(found: str, golden: Path) -> None:
    if os.environ.get("ELIGO_GOLDEN") == "rewrite":
        golden.write_text(found, "utf-8")
    assert found == golden.read_text("utf-8")


@pytest.mark.parametrize("path", SUBJECTS, ids=lambda p: p.name)
def test_a_broken_subject_gives_all_its_faults_with_their_places(path: Path) -> None:
    compare(faults_of_subject(path), path.with_name(path.name + ".faults"))


@pytest.mark.parametrize("path", PACKS, ids=lambda p: p.name)
def test_a_broken_pack_gives_all_its_faults_with_their_places(path: Path) -> None:
    compare(faults_of_pack(path), path.with_name(path.name + ".faults"))


def test_every_expectation_has_its_file() -> None:
    for golden in [*(BAD / "subjects").glob("*.faults"), *(BAD / "packs").glob("*.faults")]:
        assert golden.with_name(golden.name.removesuffix(".faults")).exists(), golden
    assert len(SUBJECTS) > 70 and len(PACKS) > 60


def test_a_fault_never_quotes_a_whole_record() -> None:
    """A one-line file is quoted round the place only, and its values not beyond 60 characters."""
    long = '{"subject": "X", "facts": {"sex": "' + "a" * 5_000 + '", "disease": "b_all"}}'
    with pytest.raises(InputRejected) as rejected:
        subject_of(read_document("x.json", long.encode()), PROTOCOL)
    (fault,) = rejected.value.faults
    assert len(fault.line) < 80 and len(fault.message) < 150
