"""`eligo check` of subject files: what it remarks on, and the line that ends a file."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app.cli.check
from engine.read.packs import protocol_of
from engine.read.source import scan_document
from engine.read.subjects import read_subject
from engine.terms.faults import InputRejected
from tests.command import Ran, eligo

PACK = {
    "protocol.yaml": '{protocol: small, version: "1", title: Small, effective: 2026-11-22}',
    "facts.yaml": """
facts:
  lab: {ask: Lab, type: quantity, unit: mg/dL, usual: [1, 5], valid_for: 14 days}
  weight: {ask: Weight, type: quantity, unit: kg, valid_for: 30 days}
  birth_date: {ask: Birth, type: date, changes: never}
  last: {ask: Last, type: date, derive: {latest: therapy.ended}}
records:
  therapy:
    ask: Treatment
    valid_for: 7 days
    known_by: agent
    fields:
      agent: {ask: Drug, type: text}
      kind: {ask: Kind, type: choice, choices: {chemo: C, other: O}}
      dose: {ask: Dose, type: quantity, unit: mg, usual: [1, 100]}
      ended: {ask: Ended, type: date}
    known:
      vincristine: {kind: chemo}
""",
    "eligibility.yaml": """
criteria:
  - {id: I01, kind: inclusion, text: T, holds_when: {lab: {at_least: 1}}}
  - {id: I02, kind: inclusion, text: T, holds_when: {last: {ever: true}}}
""",
}


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    class Day(date):
        @classmethod
        def today(cls) -> Day:
            return cls(2026, 12, 1)

    monkeypatch.setattr(app.cli.check, "date", Day)
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, text in PACK.items():
        (folder / name).write_text(text)
    return str(folder)


def check(pack: str, *files: Path | str, as_of: str = "2026-11-20") -> Ran:
    return eligo("check", *map(str, files), "--protocol", pack, "--as-of", as_of)


CASES = [
    ("facts: {lab: {value: 2, on: 2026-11-20}}", []),
    ("facts: {lab: {value: 7, on: 2026-11-20}}", ["unusual"]),
    ("facts: {lab: {value: 7, on: 2026-11-20, voided: slip}}", []),
    ("facts: {lab: {value: 2, on: 2026-11-06}}", []),
    ("facts: {lab: {value: 2, on: 2026-11-05}}", ["out-of-date"]),
    ("facts: {lab: {value: 2, on: 2026-11-21}}", ["not-yet"]),
    ("facts: {lab: [{value: 2, on: 2026-11-20}, {value: 2, on: 2026-11-22}]}", ["not-yet"]),
    ("records: {therapy: {complete_on: 2026-11-18, none: true}}", ["not-confirmed"]),
    ("records: {therapy: {complete_on: 2026-11-18, none: true}}\n...", []),
    ("records: {therapy: {complete_on: 2026-11-12, none: true}}\n...", ["not-confirmed"]),
    ("records: {therapy: {complete_on: 2026-11-21, none: true}}\n...", ["not-confirmed"]),
    ("records: {therapy: {entries: [{agent: vincristine}]}}", []),
    ("records: {therapy: {entries: [{agent: vincristin}]}}", ["not-listed"]),
    ("records: {therapy: {entries: [{agent: vincristine, dose: 1000}]}}", ["unusual"]),
    ("records: {therapy: {complete_on: 2026-11-20, count: 1, entries: [{agent: vincristine},"
     " {agent: vincristine}]}}\n...", ["not-confirmed"]),
    ("facts: {birth_date: 2020-05-05, lab: {value: 2, on: 2006-11-20}}",
     ["before-birth", "out-of-date"]),
    ("facts: {birth_date: 2020-05-05, lab: {value: 2, not_after: 2006-11-20}}",
     ["before-birth"]),
    ("facts: {birth_date: 2020-05-05, lab: {value: 2, on: 2006-11-20, voided: slip}}", []),
    ("facts: {birth_date: 2020-05-05, lab: {value: 2, on: 2020}}", ["out-of-date"]),
    ("facts: {birth_date: 2020}\nrecords: {therapy: {complete_on: 2006-11-20, entries:"
     " [{agent: vincristine, ended: 2019-12-31}]}}\n...", ["before-birth"] * 2 + ["not-confirmed"]),
]  # fmt: skip


@pytest.mark.parametrize(("said", "codes"), CASES)
def test_what_is_worth_a_look_is_remarked_and_is_no_fault(
    said: str, codes: list[str], pack: str, tmp_path: Path
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"subject: S1\n{said}\n")
    ran = check(pack, file)
    assert ran.code == 0
    found = re.findall(r"remark: ([a-z-]+):", " ".join(ran.out.split()))
    assert found == codes
    assert "note: small 1 is in effect from 2026-11-22, after the as-of date" in ran.out
    end = f", {len(codes)} remark{'' if len(codes) == 1 else 's'}" if codes else ""
    assert ran.out.endswith(f"1 subject file: no faults{end}\n")
    as_json = eligo(
        "check", str(file), "--protocol", pack, "--as-of", "2026-11-20", "--format", "json"
    )
    records = [json.loads(line) for line in as_json.out.splitlines()]
    assert [one["code"] for one in records] == codes
    assert all(one["schema"] == "eligo.remark/1" and one["line"] > 1 for one in records)


def test_a_pack_in_effect_is_not_noted(pack: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("subject: S1\n")
    assert "in effect" not in check(pack, file, as_of="2026-11-22").out
    for as_of, noted in (("2026-11-21", True), ("2026-11-22", False)):
        ran = eligo("screen", str(file), "--protocol", pack, "--as-of", as_of)
        assert ("note: small 1 is in effect from 2026-11-22" in ran.err) == noted


def test_ids_that_look_alike_are_remarked(pack: str, tmp_path: Path) -> None:
    for name, id_ in (("a", "S1"), ("b", "s1"), ("c", "S2"), ("d", "S02")):
        (tmp_path / f"{name}.yaml").write_text(f"subject: {id_}\n")
    ran = check(pack, *sorted(tmp_path.glob("*.yaml")))
    assert ran.code == 0 and ran.out.count("remark: alike-ids") == 4


@pytest.mark.parametrize("as_of", ["2026-11-20", "2026-12-31"])
def test_a_day_after_today_is_refused_whatever_the_as_of_date(
    as_of: str, pack: str, tmp_path: Path
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("subject: S1\nfacts: {lab: {value: 2, on: 2026-12-02}}\n")
    ran = check(pack, file, as_of=as_of)
    assert ran.code == 2 and "future" in ran.out
    assert ran.out.endswith("1 subject file: faults in 1\n")
    close = eligo("check", "--close", str(file), "--protocol", pack, "--as-of", as_of)
    assert close.code == 2 and "not closed: " in " ".join(close.out.split())


# --- the line that ends a file --------------------------------------------------------------

BODY = """subject: S1
records:
  therapy:
    complete_on: 2026-11-18
    by: Dr A
    entries:
      - {agent: vincristine, ended: 2026-11-01}
      - {agent: vincristine, ended: 2026-11-02, voided: twice}"""


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n", "\n# the end\n", "\n# the end"])
def test_close_shows_the_lists_and_ends_the_file(end: str, pack: str, tmp_path: Path) -> None:
    file, other = tmp_path / "s.yaml", tmp_path / "t.json"
    text = BODY.replace("\n", "\r\n") if end == "\r\n" else BODY
    file.write_bytes((text + end).encode())
    other.write_text('{"subject": "S2"}')
    assert "not-confirmed" in check(pack, file).out
    words = ("check", "--close", str(file), str(other), "--protocol", pack, "--as-of", "2026-11-20")
    ran = eligo(*words)
    said = " ".join(ran.out.split())
    assert ran.code == 0
    assert "therapy: confirmed complete on 2026-11-18 by Dr A, 2 entries" in said
    assert re.search("entry 1: Drug: vincristine;.* Ended: 2026-11-01 entry 2", said)
    assert re.search(r"entry 2: Drug: vincristine;.* Ended: 2026-11-02 \(voided\)", said)
    assert "closed: the line `...` was added below line" in said and "1 confirmed list" in said
    assert "t.json: nothing to do: JSON cannot be cut unseen" in said
    after = file.read_bytes()
    line = "\r\n" if end == "\r\n" else "\n"
    gap = "" if end.endswith("\n") else line
    assert after == (text + end + gap + "..." + line).encode()
    assert "not-confirmed" not in check(pack, file).out
    again = eligo(*words)
    assert again.code == 0 and "it ends with the line `...` already" in " ".join(again.out.split())
    assert file.read_bytes() == after


def test_close_refuses_what_has_faults(pack: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "a.yaml", tmp_path / "b.yaml"
    good.write_text("subject: S1\n")
    bad.write_text("subject: S2\nfacts: {unheard: 1}\n")
    ran = eligo("check", "--close", str(tmp_path), "--protocol", pack)
    assert ran.code == 2 and "unknown-fact" in ran.out
    assert good.read_text() == "subject: S1\n...\n" and bad.read_text().endswith("1}\n")
    for words in (("--format", "json"), ("--out", str(tmp_path / "o"))):
        assert eligo("check", "--close", str(good), *words).code == 2
    assert eligo("check", "--close", pack).code == 2
    link = tmp_path / "link"
    link.mkdir()
    (link / "c.yaml").symlink_to(bad)
    bad.write_text("subject: S2\n")
    ran = eligo("check", "--close", str(link), "--protocol", pack)
    assert ran.code == 2 and "symbolic link" in ran.err and bad.read_text() == "subject: S2\n"


@given(st.integers(0, len(BODY)))
def test_a_closed_file_says_what_it_said(cut: int) -> None:
    """Of what is left of a cut file, closing confirms just what it shows."""
    protocol = protocol_of({name: text.encode() for name, text in PACK.items()}, "small")
    text = BODY[:cut].rstrip("\n") + "\n"
    try:
        before = scan_document("s.yaml", text.encode())
        read_subject(text.encode(), "s.yaml", protocol)
    except InputRejected:
        return
    after = scan_document("s.yaml", (text + "...\n").encode())
    assert after.tail is None and after.value == before.value
