"""An export verifies here, and without this software."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from app.store.log.append import append_report, append_signature, redact_entries
from app.store.log.export import Export, export_log
from app.store.log.store import NotWritten, open_log
from app.store.log.verify import verify
from engine.log import LogFault
from engine.log.note import Verifier, open_checkpoint
from tests.log.made import PACK, facts_of, log_of, ticking

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = log_of(tmp_path_factory.mktemp("export") / "log", 5)
    with open_log(folder, write=True) as log:
        append_signature(log, 0, by="Dr A. Example", meaning="approval", now=ticking())
        for index in (0, 3):
            append_report(log, index, report=b"...", form="pdf", by="N. Nurse", now=ticking())
        redact_entries(log, [3], by="D. Officer", reason="withdrawn", now=ticking())
    return folder


@pytest.fixture
def exported(log: Path, tmp_path: Path) -> Path:
    with open_log(log) as opened:
        assert export_log(opened, tmp_path / "export") == 9
    return tmp_path / "export"


def test_an_export_holds_what_the_log_holds(log: Path, exported: Path) -> None:
    export = Export(exported)
    with open_log(log) as opened:
        assert export.verifier == opened.verifier
        assert export.checkpoint() == opened.checkpoint()
        assert [*export.entries()] == [*opened.entries()]
        assert [*export.checkpoints()] == [*opened.checkpoints()]
        assert {*export.content_digests()} == {*opened.content_digests()}
        for digest in opened.content_digests():
            assert export.content(digest) == opened.content(digest)
        expected = verify(opened, opened.verifier)
    held = open_checkpoint(export.checkpoint(), export.verifier)
    assert verify(export, export.verifier, [held]) == expected
    assert expected.holds


def test_a_person_finds_their_way_in_an_export(exported: Path) -> None:
    files = sorted(p.relative_to(exported).as_posix() for p in exported.rglob("*") if p.is_file())
    assert len([file for file in files if file.endswith("/record.json")]) == 4
    assert "decisions/000000/subject.yaml" in files
    assert not [file for file in files if file.startswith("decisions/000003")]
    report = json.loads((exported / "decisions/000000/report-000006.json").read_bytes())
    assert report == {"form": "pdf", "sha256": sha256(b"...").hexdigest()}
    assert (exported / "decisions/000002/subject.yaml").read_bytes() == facts_of("S-2")
    (pack,) = (exported / "packs").iterdir()
    assert {p.name: p.read_bytes() for p in (pack / "files").iterdir()} == PACK
    named = set(re.findall(r"^(\S+)  ", (exported / "HOWTO.txt").read_text("utf-8"), re.MULTILINE))
    assert {name.rstrip("/") for name in named} | {"HOWTO.txt"} == {
        p.name for p in exported.iterdir()
    }
    assert max(map(len, (exported / "HOWTO.txt").read_text("utf-8").splitlines())) <= 80


def documented(export: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the programme that stands in the documents makes of an export."""
    page = (ROOT / "docs" / "AUDIT.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "check.py").write_text(program)
    return subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "check.py", export],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip


def test_the_programme_in_the_documents_verifies_an_export(exported: Path, tmp_path: Path) -> None:
    """It uses Python's own library only, and sees what was altered."""

    def check() -> subprocess.CompletedProcess[str]:
        return documented(exported, tmp_path)

    done = check()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "9 entries, root as in the checkpoint"
    record = exported / "decisions/000002/record.json"
    record.write_bytes(record.read_bytes().replace(b"eligible", b"eligable"))
    assert check().returncode != 0
    record.write_bytes(record.read_bytes().replace(b"eligable", b"eligible"))
    assert check().returncode == 0
    entries = exported / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b"N. Nurse", b"M. Nurse", 1))
    assert check().returncode != 0


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("entries.jsonl", b"N. Nurse", b"M. Nurse", "entry 0"),
        ("decisions/000001/subject.yaml", b"80", b"90", "entry 1"),
        ("decisions/000001/record.json", b"eligible", b"eligable", "entry 1"),
        ("checkpoint", b"\n9\n", b"\n8\n", "checkpoint"),
        ("checkpoints.jsonl", b'\\n3\\n', b'\\n4\\n', "checkpoint of 3 entries"),
        ("contents.jsonl", b'"redacted_by":8', b'"redacted_by":5', "entry 8"),
        ("contents.jsonl", b"000001/subject.yaml", b"000002/subject.yaml", "entry 1"),
    ],
)  # fmt: skip
def test_a_change_to_an_export_is_found(
    exported: Path, file: str, old: bytes, new: bytes, place: str
) -> None:
    data = (exported / file).read_bytes()
    assert old in data
    (exported / file).write_bytes(data.replace(old, new, 1))
    export = Export(exported)
    assert place in [finding.place for finding in verify(export, export.verifier).findings]


def swapped(export: Path) -> None:
    """Two decisions under each other's numbers, as the list of contents says too."""
    one, two = export / "decisions/000000", export / "decisions/000001"
    one.rename(export / "x")
    two.rename(one)
    (export / "x").rename(two)
    path = export / "contents.jsonl"
    text = path.read_bytes().replace(b"decisions/000000", b"decisions/x")
    text = text.replace(b"decisions/000001", b"decisions/000000")
    path.write_bytes(text.replace(b"decisions/x", b"decisions/000001"))


def relined(export: Path, old: bytes, new: bytes, name: str = "contents.jsonl") -> None:
    path = export / name
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1))


def added(export: Path, name: str) -> None:
    (export / name).parent.mkdir(exist_ok=True)
    (export / name).write_bytes(b"{}")


def without(export: Path, name: str) -> None:
    """A content gone, with its line."""
    path = export / "contents.jsonl"
    lines = [line for line in path.read_bytes().split(b"\n") if name.encode() not in line]
    path.write_bytes(b"\n".join(lines))
    for file in export.rglob(name):
        file.unlink()


def outdated(export: Path) -> None:
    """A false checkpoint ahead of the true one of its size."""
    path = export / "checkpoints.jsonl"
    first, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(first.replace(b"site-1", b"site-2") + b"\n" + first + b"\n" + rest)


EXPORT_TAMPERINGS: dict[str, Callable[[Path], None]] = {
    "decisions swapped": swapped,
    "a record put in": lambda e: added(e, "decisions/000009/record.json"),
    "a how-to put in its place": lambda e: added(e, "HOWTO.txt"),
    "a record beside the record": lambda e: added(e, "decisions/000000/record.json.corrected"),
    "a file put into a pack": lambda e: added(e, next((e / "packs").iterdir()).name + "/more"),
    "a rule taken out of a pack": lambda e: without(e, "eligibility.yaml"),
    "a checkpoint put in": outdated,
    "a digest spelt otherwise": lambda e: relined(e, b'"salted-sha256:', b'"salted-shc256:'),
    "a redacted one with a file": lambda e: relined(
        e, b'"redacted_by":8', b'"file":"decisions/000000/record.json","redacted_by":8'
    ),
}


@pytest.mark.parametrize("tampering", EXPORT_TAMPERINGS)
def test_a_tampered_export_is_refused(exported: Path, tampering: str) -> None:
    EXPORT_TAMPERINGS[tampering](exported)
    try:
        export = Export(exported)
        findings = verify(export, export.verifier).findings
    except LogFault:
        return
    assert findings


@pytest.mark.parametrize(
    "tampering",
    [name for name in EXPORT_TAMPERINGS if "put in" not in name and "beside" not in name],
)
def test_the_programme_in_the_documents_sees_it_too(
    exported: Path, tmp_path: Path, tampering: str
) -> None:
    """All but what no entry names, and checkpoints before the last."""
    EXPORT_TAMPERINGS[tampering](exported)
    assert documented(exported, tmp_path).returncode != 0


@pytest.mark.parametrize(
    ("file", "data", "says"),
    [
        ("entries.jsonl", None, "`entries.jsonl` cannot be read: no such file"),
        ("entries.jsonl", b"{}", "the last line of `entries.jsonl` is cut off"),
        ("contents.jsonl", b"{}\n", "`contents.jsonl` has a malformed line"),
        ("contents.jsonl", b"[]\n", "`contents.jsonl` has a malformed line"),
        ("contents.jsonl", b"x\n", "not JSON"),
        ("contents.jsonl", b'{"digest":"sha256:0"}\n', "`contents.jsonl` has a malformed line"),
        ("checkpoints.jsonl", b"[]\n", "`checkpoints.jsonl` has a malformed line"),
        ("log.pub", b"\xff", "`log.pub` is not UTF-8 text"),
        ("log.pub", b"", "the public key is not of the form"),
        ("decisions/000001/record.json", None, "cannot be read: no such file"),
    ],
)
def test_an_export_that_lacks_something_says_so(
    exported: Path, file: str, data: bytes | None, says: str
) -> None:
    if data is None:
        (exported / file).unlink()
    else:
        (exported / file).write_bytes(data)
    try:
        export = Export(exported)
        said = [finding.what for finding in verify(export, export.verifier).findings]
    except LogFault as fault:
        said = [str(fault)]
    assert any(says in what for what in said), said


def test_an_export_reads_no_file_outside_itself(exported: Path) -> None:
    (exported.parent / "secret").write_text("x")
    path = exported / "contents.jsonl"
    path.write_bytes(path.read_bytes().replace(b"decisions/000001/subject.yaml", b"../secret"))
    export = Export(exported)
    found = [finding.what for finding in verify(export, export.verifier).findings]
    assert any("lies outside the export" in what for what in found)


def test_a_content_listed_twice_is_found(exported: Path) -> None:
    path = exported / "contents.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes().split(b"\n")[0] + b"\n")
    export = Export(exported)
    (finding,) = verify(export, export.verifier).findings
    assert finding.text().startswith("contents.jsonl: the content `packs/")
    assert finding.text().endswith("/MANIFEST` is listed twice")


def test_an_export_goes_into_a_new_folder_whole_or_not_at_all(log: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("x")
    with open_log(log) as opened:
        for name in ("there", "file"):
            with pytest.raises(LogFault, match="name a folder that does not"):
                export_log(opened, tmp_path / name)
        with pytest.raises(NotWritten, match="cannot be written"):
            export_log(opened, tmp_path / "file" / "below")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_two_packs_that_share_files_are_each_exported_whole(tmp_path: Path) -> None:
    from app.store.log.append import append_decision
    from tests.log.made import record_of

    folder = log_of(tmp_path / "log", 1)
    newer = {**PACK, "protocol.yaml": b"protocol: newer\n", "copy.yaml": PACK["facts.yaml"]}
    facts = facts_of("S-9")
    with open_log(folder, write=True) as log:
        append_decision(
            log, record=record_of("S-9", facts, pack=newer), facts=facts, form="yaml", pack=newer,
            by="N. Nurse", reason="", now=ticking(),
        )  # fmt: skip
        export_log(log, tmp_path / "export")
    packs = [
        {p.name: p.read_bytes() for p in (pack / "files").iterdir()}
        for pack in (tmp_path / "export" / "packs").iterdir()
    ]
    assert sorted(packs, key=len) == [PACK, newer]
    export = Export(tmp_path / "export")
    assert verify(export, export.verifier).findings == []


def test_a_key_of_another_log_does_not_verify_an_export(exported: Path, tmp_path: Path) -> None:
    other = log_of(tmp_path / "other", 0)
    key = Verifier.read((other / "log.pub").read_text().strip())
    found = verify(Export(exported), key).findings
    assert "not signed by the key" in found[-1].what or "false" in found[-1].what
    shutil.copy(other / "log.pub", exported / "log.pub")
    export = Export(exported)
    assert not verify(export, export.verifier).holds
    assert json.loads((exported / "entries.jsonl").read_bytes().split(b"\n")[0])["index"] == 0
