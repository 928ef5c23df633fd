"""The file of a log: what it refuses, and what it says when it cannot do its work."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from app.store.log.append import append_decision, append_signature
from app.store.log.store import (
    DATABASE,
    PRIVATE,
    PUBLIC,
    Log,
    LogBusy,
    LogDamaged,
    NotWritten,
    create_log,
    open_log,
)
from app.store.log.verify import verify
from engine.log import LogFault
from engine.log.entry import Decided, EntryFault, Signed, read_entry
from engine.log.note import NoteFault, Verifier, note_digest, open_checkpoint
from tests.log.made import NAME, PACK, START, decide, facts_of, log_of, record_of, ticking

ROOT = Path(__file__).resolve().parents[2]
NO_ONE = 65534
"""A user without rights, for tests run by one who has them all."""


def raw(folder: Path) -> sqlite3.Connection:
    """The database as somebody with another tool opens it."""
    return sqlite3.connect(folder / DATABASE, isolation_level=None)


# --- making a log -----------------------------------------------------------------------


def test_a_new_log_is_empty_and_signed(tmp_path: Path) -> None:
    verifier = create_log(tmp_path / "log", NAME)
    with open_log(tmp_path / "log") as log:
        assert log.size == 0
        assert log.verifier == verifier
        checkpoint = open_checkpoint(log.checkpoint(), verifier)
        assert (checkpoint.origin, checkpoint.size) == (NAME, 0)
        assert verify(log, verifier).holds
        with pytest.raises(LogFault, match="it is empty"):
            log.entry(0)
    assert Verifier.read((tmp_path / "log" / PUBLIC).read_text().rstrip("\n")) == verifier
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_only_the_owner_reads_the_log_and_its_key(tmp_path: Path) -> None:
    create_log(tmp_path / "log", NAME)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "log" / PRIVATE).stat().st_mode) == 0o600


def test_a_log_may_be_made_in_an_empty_folder_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    create_log(tmp_path / "empty", NAME)
    (tmp_path / "file").write_text("x")
    for taken in ("empty", "file"):
        with pytest.raises(LogFault, match="is not an empty folder"):
            create_log(tmp_path / taken, NAME)
    with pytest.raises(NoteFault, match="no space"):
        create_log(tmp_path / "other", "two words")
    assert not (tmp_path / "other").exists()


def test_the_private_key_may_be_kept_elsewhere(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "site-1"
    key.parent.mkdir()
    create_log(tmp_path / "log", NAME, key)
    assert not (tmp_path / "log" / PRIVATE).exists()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with pytest.raises(LogFault, match=r"private key .* cannot be read: no such file"):
        open_log(tmp_path / "log", write=True)
    with open_log(tmp_path / "log", write=True, key=key) as log:
        decide(log, "S-1", ticking())
    with pytest.raises(LogFault, match=f"is of `{NAME}`, not of `another`"):
        create_log(tmp_path / "second", "another", key)
    create_log(tmp_path / "second", NAME, key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "log", "second"]


def test_a_log_that_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(NotWritten, match="no space left on device"):
        create_log(tmp_path / "log", NAME)
    assert list(tmp_path.iterdir()) == []


# --- opening ----------------------------------------------------------------------------


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_log(tmp_path / "log", NAME)
    for mode in (0o640, 0o604, 0o660):
        (tmp_path / "log" / PRIVATE).chmod(mode)
        with pytest.raises(LogFault, match="open to others"):
            open_log(tmp_path / "log", write=True)


def test_the_key_of_another_log_is_refused(tmp_path: Path) -> None:
    create_log(tmp_path / "log", NAME)
    create_log(tmp_path / "other", NAME)
    with pytest.raises(LogFault, match="not the key of this log"):
        open_log(tmp_path / "log", write=True, key=tmp_path / "other" / PRIVATE)
    (tmp_path / "log" / PRIVATE).write_text("PRIVATE+KEY+nonsense\n")
    with pytest.raises(NoteFault, match="is not of the form"):
        open_log(tmp_path / "log", write=True)
    (tmp_path / "log" / PRIVATE).write_bytes(b"\xff")
    with pytest.raises(LogFault, match="it is not a key"):
        open_log(tmp_path / "log", write=True)


def test_what_is_no_log_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(LogFault, match="there is no log in"):
        open_log(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"")
    with pytest.raises(LogDamaged, match="is damaged"):
        open_log(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"text, and not a database" * 100)
    with pytest.raises(LogDamaged, match="not a database"):
        open_log(tmp_path)


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 1)
    (tmp_path / "log" / PRIVATE).unlink()
    with open_log(tmp_path / "log") as log:
        with pytest.raises(LogFault, match="opened for reading"):
            decide(log, "S-1", ticking())
        assert log.size == 1


# --- appending --------------------------------------------------------------------------


def test_an_entry_says_where_it_stands(tmp_path: Path) -> None:
    create_log(tmp_path / "log", NAME)
    with open_log(tmp_path / "log", write=True) as log:
        before = log.checkpoint()
        receipt = decide(log, "S-1", ticking())
        entry = read_entry(receipt.entry)
        assert isinstance(entry, Decided)
        assert (entry.index, entry.after) == (0, note_digest(before))
        assert entry.time == "2026-11-20T09:00:01Z"
        assert log.entry(0) == receipt.entry
        assert log.checkpoint() == receipt.checkpoint
        assert open_checkpoint(receipt.checkpoint, log.verifier).size == 1
        signature = append_signature(log, 0, by="Dr A. Example", meaning="review", now=ticking())
        signed = read_entry(signature.entry)
        assert isinstance(signed, Signed)
        assert (signed.of, signed.by, signed.meaning) == (0, "Dr A. Example", "review")
        assert signed.after == note_digest(receipt.checkpoint)


def test_the_exact_bytes_are_kept_and_no_entry_names_the_subject(tmp_path: Path) -> None:
    create_log(tmp_path / "log", NAME)
    facts = facts_of("CAR-014")
    record = record_of("CAR-014", facts)
    with open_log(tmp_path / "log", write=True) as log:
        receipt = append_decision(
            log, record=record, facts=facts, form="yaml", pack=PACK, by="N. Nurse",
            reason="mother of CAR-014 asked", now=ticking(),
        )  # fmt: skip
        entry = read_entry(receipt.entry)
        assert isinstance(entry, Decided)
        assert log.piece(entry.facts) == facts
        assert log.piece(entry.record) == record
        assert b"CAR-014" not in receipt.entry
        assert b"eligible" not in receipt.entry
        assert json.loads(record)["facts_digest"].encode() not in receipt.entry


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    create_log(tmp_path / "log", NAME)
    facts = facts_of("S-1")
    record = record_of("S-1", facts)

    def refused(log: Log, says: str, **other: object) -> None:
        given: dict[str, Any] = {
            "record": record, "facts": facts, "form": "yaml", "pack": PACK, "by": "N. Nurse",
            "reason": "", "now": ticking(), **other,
        }  # fmt: skip
        with pytest.raises(EntryFault, match=says):
            append_decision(log, **given)
        assert log.size == 0

    with open_log(tmp_path / "log", write=True) as log:
        refused(log, "not made under this pack", pack={**PACK, "more.yaml": b""})
        refused(log, "not made on this subject file", facts=facts + b"\n")
        refused(log, "must name a person", by=" ")
        refused(log, "on one line", reason="two\nlines")
        twice = record[:-1] + b',"verdict":"ineligible"}'
        refused(log, "states something twice", record=twice)
        refused(log, "the record is not a decision", record=b'{"schema":"eligo.rejection/1"}')
        decide(log, "S-1", ticking(), by="  N. Nurse ", reason="  again ")
        assert log.size == 1


def test_only_decisions_are_signed(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 1)
    with open_log(tmp_path / "log", write=True) as log:
        append_signature(log, 0, by="Dr A. Example", meaning="approval", now=ticking())
        with pytest.raises(LogFault, match="entry 1 is a signature; there is no decision to sign"):
            append_signature(log, 1, by="Dr A. Example", meaning="approval", now=ticking())
        with pytest.raises(LogFault, match="no entry 7 in this log: it has entries 0 to 1"):
            append_signature(log, 7, by="Dr A. Example", meaning="approval", now=ticking())
        waiver: Any = "waiver"
        with pytest.raises(EntryFault, match="must mean one of"):
            append_signature(log, 0, by="A", meaning=waiver, now=ticking())
        assert log.size == 2


def test_the_clock_is_asked_once_no_other_process_can_append(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 1)
    with open_log(tmp_path / "log", write=True) as log:

        def now() -> datetime:
            other = raw(tmp_path / "log")
            other.execute("PRAGMA busy_timeout = 0")
            try:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("BEGIN IMMEDIATE")
            finally:
                other.close()
            return START

        decide(log, "S-1", now)
        assert log.size == 2


def test_a_failing_append_leaves_nothing(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 1)

    def broken() -> datetime:
        raise RuntimeError("no clock")

    with open_log(tmp_path / "log", write=True) as log:
        with pytest.raises(RuntimeError, match="no clock"):
            decide(log, "S-1", broken)
        with pytest.raises(ValueError, match="time zone"):
            decide(log, "S-1", lambda: datetime(2026, 11, 20))
        assert log.size == 1
        decide(log, "S-1", ticking(START + timedelta(days=1)))
        assert verify(log, log.verifier).holds


# --- what the database itself refuses ----------------------------------------------------

HASH = "zeroblob(32)"
REFUSED = {
    "UPDATE entries SET entry = x'00'": "only ever added to",
    "UPDATE entries SET number = 9 WHERE number = 2": "only ever added to",
    "DELETE FROM entries": "only ever added to",
    "DELETE FROM entries WHERE number = 2": "only ever added to",
    "INSERT INTO entries VALUES (9, x'00')": "only added at the end",
    "INSERT OR REPLACE INTO entries VALUES (1, x'00')": "only added at the end",
    "INSERT INTO entries VALUES (3, x'')": "CHECK constraint",
    "INSERT INTO entries VALUES (3, 'text')": "cannot store TEXT value",
    "UPDATE contents SET data = x'00'": "only changed by a redaction",
    "UPDATE contents SET salt = NULL, data = NULL": "only changed by a redaction",
    "UPDATE contents SET private = 0": "only changed by a redaction",
    "DELETE FROM contents": "never deleted",
    "INSERT OR REPLACE INTO contents SELECT * FROM contents": "never replaced",
    f"INSERT INTO contents VALUES (99, {HASH}, 0, {HASH}, x'00')": "CHECK constraint",
    f"INSERT INTO contents VALUES (99, {HASH}, 0, NULL, NULL)": "CHECK constraint",
    f"INSERT INTO contents VALUES (99, {HASH}, 1, NULL, x'00')": "CHECK constraint",
    f"INSERT INTO contents VALUES (99, {HASH}, 1, x'00', x'00')": "CHECK constraint",
    "INSERT INTO contents VALUES (99, x'00', 0, NULL, x'00')": "CHECK constraint",
    "INSERT INTO redactions SELECT digest, 2 FROM contents": "needs its entry",
    "UPDATE nodes SET hash = zeroblob(32)": "only ever added to",
    "DELETE FROM nodes": "only ever added to",
    "INSERT OR REPLACE INTO nodes VALUES (0, 0, zeroblob(32))": "never replaced",
    "UPDATE checkpoints SET note = ''": "only ever added to",
    "DELETE FROM checkpoints": "only ever added to",
    "INSERT OR REPLACE INTO checkpoints VALUES (3, '')": "only added at the end",
    "INSERT INTO checkpoints VALUES (9, '')": "only added at the end",
    "UPDATE log SET public_key = ''": "only ever added to",
    "DELETE FROM log": "only ever added to",
    "INSERT OR REPLACE INTO log VALUES (1, 'eligo.log/1', '')": "one identity",
}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of three decisions, which nothing may change."""
    return log_of(tmp_path_factory.mktemp("three") / "log", 3)


@pytest.mark.parametrize("sql", REFUSED)
def test_the_database_refuses_every_change(three: Path, sql: str) -> None:
    database = raw(three)
    try:
        before = list(database.iterdump())
        with pytest.raises(sqlite3.Error, match=REFUSED[sql]):
            database.execute(sql)
        assert list(database.iterdump()) == before
    finally:
        database.close()


@pytest.mark.parametrize("trigger", ["entries_never_deleted", "contents_kept", "nodes_once"])
def test_a_log_whose_safeguards_were_taken_off_is_not_added_to(
    tmp_path: Path, trigger: str
) -> None:
    log_of(tmp_path / "log", 2)
    database = raw(tmp_path / "log")
    database.execute(f"DROP TRIGGER {trigger}")
    database.close()
    with pytest.raises(LogDamaged, match="safeguards"):
        open_log(tmp_path / "log", write=True)
    with open_log(tmp_path / "log") as log:
        assert "safeguards" in verify(log, log.verifier).findings[0].what


def test_nothing_is_signed_on_top_of_a_tree_that_was_changed(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 3)
    database = raw(tmp_path / "log")
    (sql,) = database.execute(
        "SELECT sql FROM sqlite_schema WHERE name = 'nodes_never_updated'"
    ).fetchone()
    database.execute("DROP TRIGGER nodes_never_updated")
    database.execute("UPDATE nodes SET hash = zeroblob(32) WHERE level = 1")
    database.execute(sql)
    database.close()
    with open_log(tmp_path / "log", write=True) as log:
        with pytest.raises(LogDamaged, match="does not match its own last checkpoint"):
            decide(log, "S-9", ticking())
        assert log.size == 3


# --- when the system does not let it ---------------------------------------------------------


def child(*words: str) -> str:
    """What `tests/log/child.py` prints: it appends in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.log.child", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def append_many(log: Log, count: int) -> None:
    for number in range(count):
        decide(log, f"T-{number}", ticking())


def test_a_full_database_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    """`max_page_count` is how SQLite itself plays a full disk."""
    log_of(tmp_path / "log", 2)
    with open_log(tmp_path / "log", write=True) as log:
        (pages,) = log._row("PRAGMA page_count")
        log._row(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(NotWritten, match="the disk is full: nothing was written"):
            append_many(log, 50)
        size = log.size
        assert verify(log, log.verifier).holds
        log._row("PRAGMA max_page_count = 100000")
        decide(log, "S-9", ticking())
        assert log.size == size + 1
        assert verify(log, log.verifier).holds


@pytest.mark.parametrize("more", [0, 1_000, 5_000, 20_000, 60_000, 200_000])
def test_a_disk_that_takes_no_more_bytes_is_said_and_nothing_is_half_written(
    tmp_path: Path, more: int
) -> None:
    """The system refuses to let files grow beyond a limit; appends go on until it does."""
    log_of(tmp_path / "log", 2)
    said = child("limited", str(tmp_path / "log"), str(more)).splitlines()
    assert said[-1].startswith("NotWritten "), said
    assert "nothing was written" in said[-1]
    with open_log(tmp_path / "log", write=True) as log:
        assert log.size == 2 + len(said) - 1
        assert verify(log, log.verifier).holds
        decide(log, "S-9", ticking())
        assert verify(log, log.verifier).holds


@pytest.fixture
def shared() -> Iterator[Path]:
    """A log that a user without rights may read, key included, in a folder they may enter."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        log_of(folder / "log", 2)
        if os.getuid() == 0:
            for path in (folder / "log", *(folder / "log").iterdir()):
                os.chown(path, NO_ONE, NO_ONE)
        yield folder / "log"
        (folder / "log").chmod(0o755)


def test_a_read_only_folder_is_said_and_can_still_be_read(shared: Path) -> None:
    for path in shared.iterdir():
        path.chmod(0o400)
    shared.chmod(0o555)
    assert re.fullmatch(
        r"NotWritten `.*` (or its folder is read-only|cannot be opened).*\n",
        child("append", str(shared), "1"),
    )
    assert child("verify", str(shared)) == "2 entries, 0 findings\n"


def test_a_read_only_file_is_said(shared: Path) -> None:
    (shared / DATABASE).chmod(0o400)
    assert re.fullmatch(
        r"NotWritten `.*` or its folder is read-only: nothing was written\n",
        child("append", str(shared), "1"),
    )


def test_a_folder_that_may_not_be_entered_is_said(shared: Path) -> None:
    shared.chmod(0o000)
    assert re.fullmatch(r"NotWritten `.*`: permission denied\n", child("verify", str(shared)))


def test_a_log_that_another_process_keeps_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of(tmp_path / "log", 1)
    monkeypatch.setattr("app.store.log.database.WAIT_SECONDS", 0)
    other = raw(tmp_path / "log")
    other.execute("BEGIN IMMEDIATE")
    try:
        with open_log(tmp_path / "log", write=True) as log:
            with pytest.raises(LogBusy, match="another process kept"):
                decide(log, "S-9", ticking())
            assert log.size == 1
    finally:
        other.close()


@pytest.mark.parametrize("what", ["cut short", "zeroed in the middle", "overwritten at the start"])
def test_a_damaged_file_is_said(tmp_path: Path, what: str) -> None:
    log_of(tmp_path / "log", 30)
    path = tmp_path / "log" / DATABASE
    data = path.read_bytes()
    half = len(data) // 8192 * 4096
    path.write_bytes(
        {
            "cut short": data[:half],
            "zeroed in the middle": data[:4096] + bytes(half) + data[4096 + half :],
            "overwritten at the start": b"x" * 4096 + data[4096:],
        }[what]
    )
    with (
        pytest.raises(LogDamaged, match=r"log\.db` is damaged|missing|checkpoint"),
        open_log(tmp_path / "log", write=True) as log,
    ):
        decide(log, "S-99", ticking())
    try:
        with open_log(tmp_path / "log") as log:
            findings = verify(log, log.verifier).findings
    except LogDamaged:
        return
    assert findings
