"""A log that was written when decisions were `eligo.decision/1`, by the software of then.

It holds decisions on seven made-up children on three days, one of them again after a
correction; a signature, a redaction, and reports. Two of the decisions rest on what is read
otherwise now: an undated value, and a list without entries.
"""

from __future__ import annotations

import json
import lzma
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.store.log.append import append_decision
from app.store.log.export import Export, export_log
from app.store.log.proof import check_proof, prove
from app.store.log.replay import Replayer, pack_of
from app.store.log.review import Wanted, list_decisions, show
from app.store.log.store import Log, create_log, open_log
from app.store.log.verify import verify
from engine.decide.decision import Screener
from engine.log.entry import Decided, read_entry
from engine.log.note import Verifier
from engine.read.packs import protocol_of
from engine.read.source import read_document
from engine.read.subjects import subject_of
from engine.record.checked import checked_decision
from engine.record.shape import dump_any
from reports.screening import as_html, as_markdown, as_text, as_typst
from tests.command import eligo
from tests.log.made import NAME, ticking

HERE = Path(__file__).parent / "old"
KEY = (HERE / "log.pub").read_text("utf-8").strip()


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log, unpacked."""
    folder = tmp_path_factory.mktemp("old") / "log"
    folder.mkdir()
    (folder / "log.db").write_bytes(lzma.decompress((HERE / "log.db.xz").read_bytes()))
    (folder / "log.pub").write_text(f"{KEY}\n", "utf-8")
    return folder


def lines(log: Log) -> dict[int, bytes]:
    """The records that are left, by index."""
    found = {}
    for index, data in log.entries():
        entry = read_entry(data)
        line = log.piece(entry.record) if isinstance(entry, Decided) else None
        if line is not None:
            found[index] = line
    return found


def test_it_verifies(old: Path) -> None:
    with open_log(old) as log:
        result = verify(log, Verifier.read(KEY))
    assert result.holds and not result.findings
    assert (result.decisions, result.redacted, result.signatures, result.reports) == (9, 1, 1, 3)


def test_every_entry_is_listed_and_shown(old: Path) -> None:
    with open_log(old) as log:
        rows = list_decisions(log, Wanted())
        told = [(row.details.subject, row.details.verdict) for row in rows if row.details]
        assert told == [
            ("CAR-001", "eligible"),
            ("CAR-028", "ineligible"),
            ("CAR-050", "undetermined"),
            ("CAR-028", "eligible"),
            ("OLD-1", "eligible"),
            ("OLD-2", "eligible"),
            ("CAR-005", "eligible"),
            ("CAR-057", "undetermined"),
        ]
        for row in rows:
            shown = show(log, row.entry.index)
            assert (shown.record is None) == (row.details is None)
        corrected = show(log, 6)
    assert corrected.before == 2
    assert ("verdict", "ineligible", "eligible") in {
        (c.where, c.before, c.after) for c in corrected.decision_changed
    }


def test_every_record_of_it_holds_together(old: Path) -> None:
    with open_log(old) as log:
        for line in lines(log).values():
            assert checked_decision(json.loads(line))["verdict"]


def test_it_is_exported_and_the_export_verifies(old: Path, tmp_path: Path) -> None:
    with open_log(old) as log:
        assert export_log(log, tmp_path / "out") == log.size
    assert verify(Export(tmp_path / "out"), Verifier.read(KEY)).holds


def test_its_reports_and_records_are_proved(old: Path) -> None:
    key = Verifier.read(KEY)
    report = (HERE / "CAR-028.txt").read_bytes()
    assert check_proof((HERE / "CAR-028.txt.tlog-proof").read_bytes(), report, key).index == 3
    with open_log(old) as log:
        for index, line in lines(log).items():
            assert check_proof(prove(log, index).encode(), line, key).index == index


def test_deciding_again_tells_what_the_rules_changed_from_what_they_did_not(old: Path) -> None:
    with open_log(old) as log, Replayer(log) as replayer:
        replayed = {one.index: one for one in replayer.all()}
    outcomes = {index: one.outcome for index, one in replayed.items()}
    # A JSON file cannot be cut unseen, so its confirmed list counts as it did.
    assert outcomes[12] == outcomes[13] == "same verdict"
    assert outcomes[7] == outcomes[8] == "changed rules" and outcomes[10] == "redacted"
    assert replayed[7].verdicts == ("eligible", "undetermined")
    assert "a statement is passed over only where another is provably newer" in replayed[7].rules
    assert "no-entries" in replayed[8].step
    assert {*outcomes.values()} == {"same verdict", "changed rules", "redacted"}
    ran = eligo("replay", str(old))
    assert ran.code == 0
    assert "2 same verdict, other record; 6 other by a named change of rules; 1 redacted" in ran.out


def test_what_no_change_of_rules_explains_fails(old: Path, tmp_path: Path) -> None:
    """A false record of today's form, put in by whoever holds the key."""
    with open_log(old) as source:
        entry = read_entry(source.entry(12))
        assert isinstance(entry, Decided)
        facts, pack = source.piece(entry.facts) or b"", pack_of(source, entry.pack)
        digest = json.loads(lines(source)[12])["facts_digest"]
    with Screener(protocol_of(pack, "pack")) as screener:
        document = read_document("subject.json", facts)
        subject = subject_of(document, screener.protocol, digest, date(2026, 11, 20))
        record: Any = screener.decide(subject, date(2026, 11, 20))
    record["criteria"][0]["text"] = "Another text"
    create_log(tmp_path / "log", NAME)
    with open_log(tmp_path / "log", write=True) as log:
        append_decision(log, record=dump_any(record), facts=facts, form="json", pack=pack, by="A",
                        reason="", now=ticking())  # fmt: skip
        with Replayer(log) as replayer:
            (one,) = replayer.all()
    assert one.outcome == "different" and one.step.startswith("criterion ")
    assert eligo("replay", str(tmp_path / "log")).code == 1


def test_its_records_are_still_printed(old: Path) -> None:
    with open_log(old) as log:
        for line in lines(log).values():
            record: Any = json.loads(line)
            for render in (as_text, as_markdown, as_html, as_typst):
                assert record["subject"] in render(record, trace=True)
