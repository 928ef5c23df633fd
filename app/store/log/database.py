"""The SQLite file of a log: its schema, which refuses every change but one, and opening it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from engine.log import LogFault, tree
from engine.log.note import (
    Checkpoint,
    Signer,
    sign_checkpoint,
)

FORMAT = "eligo.log/1"
WAIT_SECONDS = 60
"""How long an append waits for other processes before it gives up."""


def _refusing(name: str, when: str, table: str, says: str, condition: str = "") -> str:
    only = f" WHEN {condition}" if condition else ""
    return (
        f"CREATE TRIGGER {name} BEFORE {when} ON {table}{only} "
        f"BEGIN SELECT RAISE(ABORT, '{says}'); END"
    )


SCHEMA = (
    f"""CREATE TABLE log (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  format TEXT NOT NULL CHECK (format = '{FORMAT}'),
  public_key TEXT NOT NULL
) STRICT""",
    """CREATE TABLE entries (
  number INTEGER PRIMARY KEY CHECK (number >= 0),
  entry BLOB NOT NULL CHECK (length(entry) > 0)
) STRICT""",
    """CREATE TABLE contents (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  private INTEGER NOT NULL CHECK (private IN (0, 1)),
  salt BLOB CHECK (length(salt) = 32),
  data BLOB,
  CHECK (private OR (salt IS NULL AND data IS NOT NULL)),
  CHECK (NOT private OR (salt IS NULL) = (data IS NULL))
) STRICT""",
    """CREATE TABLE redactions (
  digest BLOB NOT NULL PRIMARY KEY REFERENCES contents (digest),
  entry INTEGER NOT NULL REFERENCES entries (number)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE nodes (
  level INTEGER NOT NULL CHECK (level >= 0),
  position INTEGER NOT NULL CHECK (position >= 0),
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE checkpoints (
  size INTEGER PRIMARY KEY CHECK (size >= 0),
  note TEXT NOT NULL
) STRICT""",
    # INSERT OR REPLACE deletes without asking a delete trigger, so inserts are guarded too.
    _refusing(
        "entries_in_order",
        "INSERT",
        "entries",
        "entries are only added at the end",
        "NEW.number <> (SELECT COALESCE(MAX(number) + 1, 0) FROM entries)",
    ),
    _refusing(
        "contents_once",
        "INSERT",
        "contents",
        "contents are never replaced",
        "EXISTS (SELECT 1 FROM contents WHERE digest = NEW.digest OR id = NEW.id)",
    ),
    _refusing(
        "nodes_once",
        "INSERT",
        "nodes",
        "nodes are never replaced",
        "EXISTS (SELECT 1 FROM nodes WHERE level = NEW.level AND position = NEW.position)",
    ),
    _refusing(
        "checkpoints_in_order",
        "INSERT",
        "checkpoints",
        "checkpoints are only added at the end",
        "NEW.size <> (SELECT COALESCE(MAX(number) + 1, 0) FROM entries)"
        " OR EXISTS (SELECT 1 FROM checkpoints WHERE size >= NEW.size)",
    ),
    _refusing(
        "log_once",
        "INSERT",
        "log",
        "a log has one identity",
        "EXISTS (SELECT 1 FROM log)",
    ),
    _refusing(
        "redactions_by_entry",
        "INSERT",
        "redactions",
        "a redaction needs its entry, just appended",
        "EXISTS (SELECT 1 FROM redactions WHERE digest = NEW.digest)"
        " OR NEW.entry <> (SELECT MAX(number) FROM entries)"
        ' OR NOT (SELECT instr(CAST(entry AS TEXT), \'"kind":"redaction"\')'
        " FROM entries WHERE number = NEW.entry)",
    ),
    _refusing(
        "contents_kept",
        "UPDATE",
        "contents",
        "contents are only changed by a redaction",
        "NEW.id <> OLD.id OR NEW.digest <> OLD.digest OR NEW.private <> 1 OR OLD.private <> 1"
        " OR NEW.salt IS NOT NULL OR NEW.data IS NOT NULL OR OLD.data IS NULL"
        " OR NOT EXISTS (SELECT 1 FROM redactions WHERE digest = OLD.digest"
        " AND entry = (SELECT MAX(number) FROM entries))",
    ),
    _refusing("contents_never_deleted", "DELETE", "contents", "contents are never deleted"),
    *(
        _refusing(
            f"{table}_never_{what.lower()}d",
            what,
            table,
            f"{table} is only ever added to",
        )
        for table in ("log", "entries", "redactions", "nodes", "checkpoints")
        for what in ("UPDATE", "DELETE")
    ),
)


def check_sqlite() -> None:
    if sqlite3.sqlite_version_info < (3, 37):
        raise LogFault(
            f"the log needs SQLite 3.37 or newer; this Python has {sqlite3.sqlite_version}"
        )


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    name = f"file:{quote(str(path.resolve()))}"
    wal = path.with_name(path.name + "-wal")
    mode = "?mode=rw" if write else "?mode=ro"
    if not write and not os.access(path.parent, os.W_OK) and not has_bytes(wal):
        mode += "&immutable=1"  # SQLite keeps locks beside the file, which cannot be made here
    database = sqlite3.connect(name + mode, uri=True, timeout=WAIT_SECONDS, isolation_level=None)
    # A damaged text must be read, to be found false, and not stop the reading.
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        for pragma in (
            "foreign_keys = ON",
            "recursive_triggers = ON",
            "trusted_schema = OFF",
            "cell_size_check = ON",
            "synchronous = FULL",
            "secure_delete = ON",
        ):
            database.execute(f"PRAGMA {pragma}")
        if write:
            (journal,) = database.execute("PRAGMA journal_mode").fetchone()
            if journal != "wal":
                database.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        database.close()
        raise
    return database


def has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def schema_of(database: sqlite3.Connection) -> set[str]:
    return {sql for (sql,) in database.execute("SELECT sql FROM sqlite_schema WHERE sql NOT NULL")}


def write_database(path: Path, signer: Signer) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA page_size = 8192")  # a record takes 40 kB and more
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            database.execute(statement)
        verifier = signer.verifier()
        database.execute("INSERT INTO log VALUES (1, ?, ?)", (FORMAT, verifier.text()))
        note = sign_checkpoint(Checkpoint(verifier.name, 0, tree.EMPTY), signer)
        database.execute("INSERT INTO checkpoints VALUES (0, ?)", (note,))
        database.execute("COMMIT")
    finally:
        database.close()


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk, where the system knows how."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
