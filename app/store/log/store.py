"""The SQLite file of a log: appending, reading, and the one change it permits.

A log is a folder: `log.db`, `log.pub` (the public key, to be handed out) and `log.key` (the
private key, unless it is kept elsewhere). An append is one transaction, on the disk before
the caller hears of it: the entry, what it names, the tree's new nodes, a signed checkpoint.
Triggers refuse every other change, save the removal of a private content that a redaction
entry of the same transaction names. They guard against slips; against somebody who edits the
file on purpose it is the tree and its checkpoints that tell.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from app.store.log import database as waiting
from app.store.log.database import (
    FORMAT,
    SCHEMA,
    check_sqlite,
    connect,
    has_bytes,
    schema_of,
    sync_folder,
    write_database,
)
from app.store.writing import new_folder
from engine.log import LogFault, tree
from engine.log.entry import Content, LogEntry, digest_of, entry_bytes, utc_text
from engine.log.note import (
    Checkpoint,
    NoteFault,
    Signer,
    Verifier,
    check_name,
    note_digest,
    open_checkpoint,
    sign_checkpoint,
)

T = TypeVar("T")
DATABASE, PUBLIC, PRIVATE = "log.db", "log.pub", "log.key"


class LogDamaged(LogFault):
    """The log's file is not as it was written. Nothing may be appended to it."""


class LogBusy(LogFault):
    """Another process kept the log to itself for too long; nothing was written."""


class NotWritten(LogFault):
    """The system did not let the log be written; nothing was."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an append made: the entry's index and bytes, and the checkpoint that covers it."""

    index: int
    entry: bytes
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Addition:
    """An entry to append, the contents it names, and the digests it redacts."""

    entry: LogEntry
    contents: Sequence[Content] = ()
    removed: Sequence[bytes] = ()


class Log:
    """An open log. `open_log` makes one; it is used in a `with` statement.

    Readers see what was there when they began to look; `signer` is None for them.
    """

    def __init__(
        self,
        folder: Path,
        database: sqlite3.Connection,
        verifier: Verifier,
        signer: Signer | None,
    ) -> None:
        self.folder, self.verifier, self.signer = folder, verifier, signer
        self._db = database

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    # --- reading ------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """How many entries there are."""
        (size,) = self._row("SELECT COALESCE(MAX(number) + 1, 0) FROM entries")
        return int(size)

    @contextmanager
    def as_it_stands(self) -> Iterator[None]:
        """Read one state of the log throughout, whatever others append meanwhile."""
        with self._faults():
            self._db.execute("BEGIN")
            self._db.execute("SELECT 1 FROM log").fetchone()
        try:
            yield
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def entry(self, index: int) -> bytes:
        """The bytes of one entry. Raises: LogFault if there is no such entry."""
        row = self._row_or_none("SELECT entry FROM entries WHERE number = ?", index)
        if row is None:
            size = self.size
            has = f"it has entries 0 to {size - 1}" if size else "it is empty"
            raise LogFault(f"there is no entry {index} in this log: {has}")
        return _typed(row[0], bytes, f"entry {index}")

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Every entry in order: index and bytes.

        What is not stored as bytes is given as others, to be found false.
        """
        for number, data in self._rows("SELECT number, entry FROM entries ORDER BY number"):
            yield number, data if isinstance(data, bytes) else repr(data).encode()

    def content(self, digest: bytes) -> Content | None:
        """The content with this digest, or None if the log lacks it."""
        sql = "SELECT digest, private, salt, data FROM contents WHERE digest = ?"
        row = self._row_or_none(sql, digest)
        if row is None:
            return None
        found, private, salt, data = row
        kept = isinstance(salt, bytes | None) and isinstance(data, bytes | None)
        if not isinstance(found, bytes) or not kept:
            raise LogDamaged(f"the content {digest.hex()} is not stored as it was written")
        return Content(found, bool(private), salt, data)

    def piece(self, name: str) -> bytes | None:
        """The content that an entry names, or None if it was redacted.

        Raises: LogDamaged if the log lacks it, or holds something else under that name.
        """
        content = self.content(digest_of(name))
        if content is None:
            raise LogDamaged(f"the content {name} is missing from the log")
        if content.name() != name or not (content.redacted or content.holds()):
            raise LogDamaged(f"the content {name} is not what the entry names")
        if content.redacted and self._row_or_none(
            "SELECT entry FROM redactions WHERE digest = ?", content.digest
        ) is None:  # fmt: skip
            raise LogDamaged(f"the content {name} was removed without an entry that says so")
        return content.data

    def content_digests(self) -> Iterator[bytes]:
        """The digest of every content, from its own row: the index may say otherwise."""
        for (digest,) in self._rows("SELECT digest FROM contents NOT INDEXED"):
            yield _typed(digest, bytes, "the digest of a content")

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Every checkpoint that the log signed: the size it is filed under, and the note."""
        for size, note in self._rows("SELECT size, note FROM checkpoints ORDER BY size"):
            yield size, note if isinstance(note, str) else repr(note)

    def checkpoint(self) -> str:
        """The latest checkpoint, as a signed note."""
        row = self._row_or_none("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
        if row is None:
            raise LogDamaged("the log has no checkpoint: it is damaged")
        return _typed(row[0], str, "the latest checkpoint")

    def node(self, level: int, position: int) -> bytes:
        """A node of the tree. Raises: LogDamaged if it is not there."""
        sql = "SELECT hash FROM nodes WHERE level = ? AND position = ?"
        row = self._row_or_none(sql, level, position)
        if row is None:
            raise LogDamaged(f"node {position} of level {level} of the tree is missing")
        return _typed(row[0], bytes, f"node {position} of level {level} of the tree")

    def nodes(self) -> dict[tuple[int, int], bytes]:
        """Every node of the tree, by level and position."""
        rows = self._rows("SELECT level, position, hash FROM nodes")
        return {(level, position): value for level, position, value in rows}

    def own_faults(self) -> list[tuple[str, str]]:
        """What is wrong with the file beside what it holds: (place, what).

        SQLite's own check is left out. It would read the file a second time, and whoever
        verifies reads every row there is, and finds every content by its index.
        """
        faults = []
        try:
            with self._faults():
                schema = schema_of(self._db)
            for name in sorted(schema ^ set(SCHEMA)):
                what = " ".join(name.split()[:3]).lower()
                faults.append((DATABASE, f"its own safeguards were changed: {what}"))
        except LogFault as fault:
            faults.append((DATABASE, str(fault)))
        try:
            public = (self.folder / PUBLIC).read_text("utf-8").strip()
        except (OSError, UnicodeError):
            public = ""
        if public != self.verifier.text():
            faults.append((PUBLIC, "it is not the public key that the log was made with"))
        return faults

    def own_remarks(self) -> list[tuple[str, str]]:
        """What is worth knowing of the files, and no fault: (place, what)."""
        journal = f"{DATABASE}-wal"
        if self.redactions() and has_bytes(self.folder / journal):
            return [(journal, "what was redacted may still be in it: run `eligo log clear`")]
        return []

    def redactions(self) -> dict[bytes, int]:
        """By digest of a removed content, the index of the entry that removed it."""
        return dict(self._rows("SELECT digest, entry FROM redactions"))

    # --- writing ------------------------------------------------------------------------

    def append(
        self, make: Callable[[int, str, str], Addition], now: Callable[[], datetime]
    ) -> Receipt:
        """Append what `make` returns for its index and its time; on the disk when this returns.

        The time is asked for once no other process can append, so times follow the entries.
        Raises: LogFault; then nothing was written.
        """
        if self.signer is None:
            raise LogFault("this log was opened for reading")
        with self._faults(), self._transaction():
            before = self.checkpoint()
            frontier = self._frontier(before)
            index = frontier.size
            addition = make(index, note_digest(before), utc_text(now()))
            entry = entry_bytes(addition.entry)
            self._db.execute("INSERT INTO entries VALUES (?, ?)", (index, entry))
            for content in addition.contents:
                if content.private or not self._has(content.digest):
                    self._db.execute(
                        "INSERT INTO contents (digest, private, salt, data) VALUES (?, ?, ?, ?)",
                        (content.digest, content.private, content.salt, content.data),
                    )
            for digest in addition.removed:
                self._db.execute("INSERT INTO redactions VALUES (?, ?)", (digest, index))
                self._db.execute(
                    "UPDATE contents SET salt = NULL, data = NULL WHERE digest = ?", (digest,)
                )
            completed = frontier.add(tree.leaf_hash(entry))
            self._db.executemany("INSERT INTO nodes VALUES (?, ?, ?)", completed)
            checkpoint = Checkpoint(self.verifier.name, frontier.size, frontier.root())
            note = sign_checkpoint(checkpoint, self.signer)
            self._db.execute("INSERT INTO checkpoints VALUES (?, ?)", (frontier.size, note))
        return Receipt(index, entry, note)

    def forget_removed(self, patience: int = 5) -> bool:
        """Clear what SQLite still keeps of removed contents beside the database.

        False if another process has been using the log for `patience` seconds, so that this
        must be done again later; opening the log to write does.
        """
        self._row(f"PRAGMA busy_timeout = {patience * 1000}")
        try:
            busy, _, _ = self._row("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._row(f"PRAGMA busy_timeout = {waiting.WAIT_SECONDS * 1000}")
        return not busy

    def _has(self, digest: bytes) -> bool:
        return self._row_or_none("SELECT 1 FROM contents WHERE digest = ?", digest) is not None

    def _frontier(self, note: str) -> tree.Frontier:
        """The tree's right edge, seen to be what the last checkpoint, `note`, signed.

        Nothing is ever signed on top of nodes that do not lead to the last signed root.
        """
        size = self.size
        checkpoint = open_checkpoint(note, self.verifier)
        frontier = tree.Frontier(size, (self.node(*place) for place in tree.peaks(size)))
        if (checkpoint.size, checkpoint.root) != (size, frontier.root()):
            raise LogDamaged("the log does not match its own last checkpoint: run verify")
        return frontier

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk may have ended it already
                self._db.execute("ROLLBACK")
            raise

    def _faults(self) -> _Faults:
        return _Faults(self.folder)

    def _rows(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._faults():
            yield from self._db.execute(sql, values)

    def _row_or_none(self, sql: str, *values: object) -> tuple[Any, ...] | None:
        with self._faults():
            row: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
            return row

    def _row(self, sql: str, *values: object) -> tuple[Any, ...]:
        row = self._row_or_none(sql, *values)
        assert row is not None, sql
        return row


def _typed(value: object, kind: type[T], what: str) -> T:
    """A value that is of the type it was written as. Raises: LogDamaged."""
    if not isinstance(value, kind):
        raise LogDamaged(f"{what} is not stored as it was written")
    return value


class _Faults:
    """Says what SQLite and the system report in words that a person can act on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.Error):
            raise self._said(error) from error
        if isinstance(error, UnicodeError):  # of a text that SQLite keeps of its own
            place = (self.folder / DATABASE).as_posix()
            raise LogDamaged(f"`{place}` is damaged: a text in it is no text") from error
        if isinstance(error, OSError):
            raise NotWritten(f"`{self.folder.as_posix()}`: {_lower(error)}") from error

    def _said(self, error: sqlite3.Error) -> LogFault:
        code = getattr(error, "sqlite_errorcode", None)
        base = -1 if code is None else code & 0xFF
        place = (self.folder / DATABASE).as_posix()
        if base == sqlite3.SQLITE_FULL:
            return NotWritten(f"the disk is full: nothing was written to `{place}`")
        if base in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            return NotWritten(f"`{place}` or its folder is read-only: nothing was written")
        if base == sqlite3.SQLITE_CANTOPEN:
            return NotWritten(
                f"`{place}` cannot be opened: this user may not write to its folder; a copy of the"
                " folder can be read"
            )
        if base in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LogBusy(
                f"another process kept `{place}` for {waiting.WAIT_SECONDS} seconds:"
                " nothing was written"
            )
        if base == sqlite3.SQLITE_IOERR:
            return NotWritten(f"the disk failed at `{place}`: nothing was written ({error})")
        if base == sqlite3.SQLITE_CONSTRAINT:
            return LogFault(f"the log refuses this change: {error}")
        return LogDamaged(f"`{place}` is damaged: {error}")


def _lower(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()


# --- making and opening -----------------------------------------------------------------


def create_log(folder: Path, name: str, key: Path | None = None) -> Verifier:
    """Make an empty log called `name` in a folder that is not there yet, or is empty.

    Only its owner may enter the folder: it will hold subjects' data. `key`: where to keep the
    private key instead of inside the folder; a file that exists is used as it is. The log
    appears whole or not at all. Raises: LogFault.
    """
    check_name(name)
    check_sqlite()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LogFault(f"`{folder.as_posix()}` exists and is not an empty folder")
    with _Faults(folder):
        with new_folder(folder, private=True) as draft:
            if key is not None and key.exists():
                signer = _read_signer(key)
                if signer.name != name:
                    raise LogFault(f"the private key is of `{signer.name}`, not of `{name}`")
            else:
                signer = Signer.new(name)
                _write_file(key or draft / PRIVATE, signer.text() + "\n", 0o600)
            verifier = signer.verifier()
            _write_file(draft / PUBLIC, verifier.text() + "\n", 0o644)
            write_database(draft / DATABASE, signer)
            (draft / DATABASE).chmod(0o600)  # subjects' data
        sync_folder(folder.parent)
    return verifier


def open_log(folder: Path, *, write: bool = False, key: Path | None = None) -> Log:
    """Open the log in a folder; to write, its private key is read as well.

    Raises: LogFault if there is no log, or it cannot be opened so.
    """
    check_sqlite()
    path = folder / DATABASE
    with _Faults(folder):
        if not path.is_file():
            raise LogFault(f"there is no log in `{folder.as_posix()}`")
        signer = _read_signer(key or folder / PRIVATE) if write else None
        database = connect(path, write=write)
        try:
            row = database.execute("SELECT format, public_key FROM log").fetchone()
            if row is None or row[0] != FORMAT:
                raise LogDamaged(f"`{path.as_posix()}` is not a log of the form {FORMAT}")
            verifier = Verifier.read(_typed(row[1], str, "the log's public key"))
            if write and schema_of(database) != set(SCHEMA):
                raise LogDamaged(
                    f"the safeguards of `{path.as_posix()}` were changed: nothing is appended to it"
                )
            if signer is not None and signer.verifier() != verifier:
                raise LogFault("the private key is not the key of this log")
        except BaseException:
            database.close()
            raise
    log = Log(folder, database, verifier, signer)
    if write:
        with _Faults(folder):
            if log.redactions():  # one that was killed may have left its journal
                log.forget_removed(patience=0)
    return log


def _read_signer(path: Path) -> Signer:
    """The private key in a file that nobody else may read. Raises: LogFault."""
    try:
        text = path.read_text("utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        why = _lower(error) if isinstance(error, OSError) else "it is not a key"
        raise LogFault(
            f"the private key `{path.as_posix()}` cannot be read: {why}; without it the log can "
            "be read but not added to"
        ) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise LogFault(
            f"the private key `{path.as_posix()}` is open to others: take their access away "
            "(chmod 600)"
        )
    try:
        return Signer.read(text.rstrip("\n"))
    except NoteFault as fault:
        raise NoteFault(f"`{path.as_posix()}`: {fault}") from None


def _write_file(path: Path, text: str, mode: int) -> None:
    """Write a new file to the disk. Raises: OSError, also if it exists."""
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
