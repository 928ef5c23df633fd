"""A redaction takes the subject out of every file of the log, and leaves every proof."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.store.log.append import (
    append_report,
    append_signature,
    redact_entries,
    redact_subject,
)
from app.store.log.proof import check_consistency, prove, prove_consistency
from app.store.log.review import Wanted, list_decisions, show
from app.store.log.store import DATABASE, open_log
from app.store.log.verify import verify
from engine.log import LogFault
from engine.log.entry import EntryFault, Redacted, read_entry
from engine.log.note import open_checkpoint
from tests.log.made import NAME, decide, log_of, ticking
from tests.log.test_store import raw


def everything(folder: Path) -> bytes:
    """All bytes of all files of a log."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_subject_is_gone_from_every_file(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 3)
    with open_log(folder, write=True) as log:
        now = ticking()
        for lansky in (41, 42):
            decide(log, "CAR-014", now, lansky=lansky, reason="mother of CAR-014 asked")
            append_report(log, log.size - 1, report=b"...", form="pdf", by="N. Nurse", now=now)
        decide(log, "CAR-01", now, reason="not the one before")
        before = open_checkpoint(log.checkpoint(), log.verifier)
        assert b"CAR-014" in everything(folder)
        removal = redact_subject(log, "CAR-014", by="D. Officer", reason="withdrawn", now=now)
        assert removal.of == (3, 5) and removal.complete
        gone = everything(folder)
        for word in (b"CAR-014", b"lansky: 41", b"lansky: 42", b"mother"):
            assert word not in gone, word
        assert b"CAR-01" in gone and b"S-0" in gone
        entry = read_entry(removal.receipt.entry)
        assert isinstance(entry, Redacted)
        assert (entry.of, entry.by, entry.reason) == ((3, 5), "D. Officer", "withdrawn")
        assert len(entry.removed) == 8
        result = verify(log, log.verifier, [before])
        assert result.findings == []
        assert (result.redactions, result.redacted) == (1, 2)
        proof = prove_consistency(log, before).encode()
        assert check_consistency(proof, before, log.verifier).size == 9
    with open_log(folder) as log:
        assert list_decisions(log, Wanted(subject="CAR-014")) == []
        shown = show(log, 3)
        assert (shown.record, shown.facts, shown.listed.details) == (None, None, None)
        assert shown.removal == entry and shown.listed.removed_by == 8
        assert [form for _, form in shown.reports] == [""]
        assert show(log, 7).before is None
        with pytest.raises(LogFault, match="entry 4 was redacted: there is nothing to prove"):
            prove(log, 4)


def test_what_is_still_in_use_elsewhere_is_said_to_be_left(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 1)
    with open_log(folder, write=True) as log, open_log(folder) as reader:
        with reader.as_it_stands():
            removal = redact_subject(log, "S-0", by="A", reason="withdrawn", now=ticking())
            assert not removal.complete
        assert log.forget_removed()
        assert b"S-0" not in everything(folder)


def test_single_decisions_are_redacted(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 3)
    with open_log(folder, write=True) as log:
        redact_entries(log, [2, 0, 2], by="A", reason="wrong file", now=ticking())
        assert [row.removed_by for row in list_decisions(log, Wanted())] == [3, None, 3]
        append_signature(log, 1, by="Dr A. Example", meaning="review", now=ticking())
        for indices, says in (
            ([0], "entry 0 was redacted before"),
            ([1, 2], "entry 2 was redacted before"),
            ([3], "is a redaction; only decisions are redacted"),
            ([9], "no entry 9"),
        ):
            with pytest.raises(LogFault, match=says):
                redact_entries(log, indices, by="A", reason="again", now=ticking())
        with pytest.raises(LogFault, match="nothing left to sign"):
            append_signature(log, 0, by="Dr A. Example", meaning="review", now=ticking())
        with pytest.raises(LogFault, match="nothing left to report"):
            append_report(log, 0, report=b"...", form="pdf", by="N. Nurse", now=ticking())
        with pytest.raises(LogFault, match="no decision on subject `S-0`"):
            redact_subject(log, "S-0", by="A", reason="again", now=ticking())
        assert log.size == 5
        assert verify(log, log.verifier).holds


@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "x" * 2_001])
def test_a_redaction_needs_a_reason(tmp_path: Path, reason: str) -> None:
    folder = log_of(tmp_path / "log", 1)
    with open_log(folder, write=True) as log:
        with pytest.raises(EntryFault, match="a reason must be given"):
            redact_subject(log, "S-0", by="A", reason=reason, now=ticking())
        assert log.size == 1
        assert len(list_decisions(log, Wanted(subject="S-0"))) == 1


def test_the_database_lets_nothing_go_without_its_entry(tmp_path: Path) -> None:
    """Even the mark of an earlier redaction opens nothing once another entry follows."""
    folder = log_of(tmp_path / "log", 2)
    with open_log(folder, write=True) as log:
        redact_entries(log, [0], by="A", reason="withdrawn", now=ticking())
        database = raw(folder)
        redaction = "INSERT INTO redactions SELECT digest, {} FROM contents WHERE id = 8"
        with pytest.raises(sqlite3.IntegrityError, match="needs its entry"):
            database.execute(redaction.format(1))
        decide(log, "S-2", ticking())
        with pytest.raises(sqlite3.IntegrityError, match="needs its entry"):
            database.execute(redaction.format(2))
        with pytest.raises(sqlite3.IntegrityError, match="only changed by a redaction"):
            database.execute("UPDATE contents SET salt = NULL, data = NULL WHERE id = 8")
        database.close()
        assert verify(log, log.verifier).holds


def test_a_mark_without_a_removal_is_found(tmp_path: Path) -> None:
    """What the triggers let through right after a redaction, the verification does not."""
    folder = log_of(tmp_path / "log", 2)
    with open_log(folder, write=True) as log:
        redact_entries(log, [0], by="A", reason="withdrawn", now=ticking())
    database = raw(folder)
    database.execute("INSERT INTO redactions SELECT digest, 2 FROM contents WHERE id = 8")
    database.execute("UPDATE contents SET salt = NULL, data = NULL WHERE id = 8")
    database.close()
    with open_log(folder) as log:
        found = [finding.text() for finding in verify(log, log.verifier).findings]
    assert "entry 1: only part of it was removed" in found
    assert "entry 2: it is said to have removed more than it states" in found


def test_a_log_is_named_in_its_checkpoints_not_its_subjects(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 2)
    with open_log(folder) as log:
        for _, note in log.checkpoints():
            assert note.startswith(NAME + "\n") and "S-" not in note
        for _, data in log.entries():
            assert b"S-0" not in data and b"S-1" not in data
    assert b"S-1" in (folder / DATABASE).read_bytes()


@pytest.mark.parametrize(
    "reason",
    ["CAR-014 withdrew", "asked by (car-014)", "Ｃａｒ 014 left", "car014", "about CAR_014."],
)
def test_a_reason_that_names_the_subject_is_refused(tmp_path: Path, reason: str) -> None:
    folder = log_of(tmp_path / "log", 1)
    with open_log(folder, write=True) as log:
        now = ticking()
        decide(log, "CAR-014", now)
        decide(log, "7", now)
        acts: tuple[Callable[[], object], ...] = (
            lambda: redact_subject(log, "CAR-014", by="D. O.", reason=reason, now=now),
            lambda: redact_entries(log, [0, 1], by="D. O.", reason=reason, now=now),
            lambda: redact_subject(log, "7", by="D. O.", reason="subject 7 withdrew", now=now),
        )
        for act in acts:
            with pytest.raises(LogFault, match="the reason names the subject"):
                act()
        assert log.size == 3
        removal = redact_subject(log, "7", by="D. O.", reason="withdrew after 17 days", now=now)
        assert removal.of == (2,)
