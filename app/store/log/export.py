"""A folder that holds a log in open formats, to be verified without this software.

`HOWTO.txt` in it says what each file is and how to check it by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from app.store.log.store import Log, NotWritten
from app.store.writing import new_folder
from engine.log import LogFault, canonical
from engine.log.entry import (
    Content,
    Decided,
    Issued,
    LogEntry,
    content_digest,
    digest_of,
    read_details,
    read_entry,
)
from engine.log.manifest import read_manifest
from engine.log.note import Verifier

ENTRIES, CONTENTS, CHECKPOINTS = "entries.jsonl", "contents.jsonl", "checkpoints.jsonl"
LATEST, KEY, HOWTO = "checkpoint", "log.pub", "HOWTO.txt"

_HOWTO = """\
This folder holds a decision log, to be verified without the software that wrote
it. docs/AUDIT.md of that software holds a programme of 60 lines that does so.

entries.jsonl      One entry a line. The bytes of a line, without its end, are a
                   leaf of the tree: line 1 is entry 0.
checkpoint         The latest checkpoint: the log's name, the number of entries,
                   the root of their tree (base64), signed with the log's key.
checkpoints.jsonl  Every checkpoint the log signed, one an entry.
log.pub            The log's public key. Compare it with one you had before:
                   whoever can change this folder can change this file too.
contents.jsonl     For each digest that an entry names: its salt and the file
                   that holds the content, or which entry redacted it.
packs/             The rules that decisions were made under.
decisions/         By entry: subject file, decision record, a summary, and for
                   each report that was written its form and its SHA-256.

To check by hand:

1. The tree (RFC 6962, section 2.1). The hash of a leaf is SHA-256 of a zero
   byte and the leaf. The hash of two neighbouring trees is SHA-256 of a one
   byte and their two hashes. A tree of n leaves, n above 1, splits after the
   largest power of two below n. The root over all lines must be that of the
   checkpoint.
2. The signature (c2sp.org/signed-note). log.pub is NAME+ID+KEY; KEY is base64
   of a one byte and the 32 bytes of an Ed25519 key. The last line of the
   checkpoint is a dash, NAME, and base64 of the 4-byte ID and the 64-byte
   signature over the three lines before the empty one, their ends included.
3. A content. A digest `sha256:...` is that of the file. `salted-sha256:...` is
   the SHA-256 of the 32 bytes of the salt, then the file:
   (printf SALT | xxd -r -p; cat FILE) | sha256sum
4. A pack. Its digest is that of its MANIFEST, whose lines are a path and the
   SHA-256 of that file.
"""


def export_log(log: Log, folder: Path) -> int:
    """Write a log into a folder that is not there yet; returns the number of entries.

    Raises: LogFault if the folder exists or cannot be written; then it is not there.
    """
    if folder.exists():
        raise LogFault(f"`{folder.as_posix()}` exists; name a folder that does not")
    try:
        with new_folder(folder, private=True) as draft, log.as_it_stands():
            size = _write(log, draft)
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise NotWritten(f"`{folder.as_posix()}` cannot be written: {why}") from None
    return size


def _write(log: Log, folder: Path) -> int:
    (folder / HOWTO).write_text(_HOWTO, "utf-8", newline="\n")
    (folder / KEY).write_text(log.verifier.text() + "\n", "utf-8", newline="\n")
    (folder / LATEST).write_text(log.checkpoint(), "utf-8", newline="\n")
    with (folder / CHECKPOINTS).open("wb") as checkpoints:
        for filed, note in log.checkpoints():
            checkpoints.write(canonical.encode({"note": note, "size": filed}) + b"\n")
    size = 0
    listed: set[str] = set()
    redacted = log.redactions()
    with (folder / ENTRIES).open("wb") as entries, (folder / CONTENTS).open("wb") as contents:
        for index, data in log.entries():
            entries.write(data + b"\n")
            size = index + 1
            entry = read_entry(data)
            if isinstance(entry, Decided):
                details = log.piece(entry.details)
                form = "" if details is None else read_details(details).form
                manifest = None if entry.pack in listed else log.piece(entry.pack)
            else:
                form, manifest = "", None
            for name, file in _places(entry, manifest, form):
                content = log.content(digest_of(name))
                if content is None:
                    raise LogFault(f"the content {name} is missing: run verify")
                line: dict[str, object] = {"digest": name, "file": file}
                if content.salt is not None:
                    line["salt"] = content.salt.hex()
                if content.data is None:
                    line = {"digest": name, "redacted_by": redacted.get(content.digest, -1)}
                else:
                    target = folder / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content.data)
                listed.add(name)
                contents.write(canonical.encode(line) + b"\n")
    return size


def _places(entry: LogEntry, manifest: bytes | None, form: str) -> Iterator[tuple[str, str]]:
    """The contents that an entry names, and the file of each in an export.

    `manifest`: that of the entry's pack, where it is the first under it; `form`: how the
    subject file is written.
    """
    if isinstance(entry, Issued):
        yield entry.report, f"decisions/{entry.of:06}/report-{entry.index:06}.json"
    if not isinstance(entry, Decided):
        return
    if manifest is not None:
        pack = f"packs/{digest_of(entry.pack).hex()[:16]}"
        yield entry.pack, f"{pack}/MANIFEST"
        for path, name in read_manifest(manifest).items():
            yield name, f"{pack}/files/{path}"
    folder = f"decisions/{entry.index:06}"
    yield entry.details, f"{folder}/details.json"
    yield entry.facts, f"{folder}/subject.{form}"
    yield entry.record, f"{folder}/record.json"


_NAME = re.compile(r"(salted-)?sha256:[0-9a-f]{64}")
_LINES = ({"digest", "file"}, {"digest", "file", "salt"}, {"digest", "redacted_by"})
_OWN = frozenset((ENTRIES, CONTENTS, CHECKPOINTS, LATEST, KEY, HOWTO))


class Export:
    """An exported log, as `verify` reads it. Raises: LogFault if it is not one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.verifier = Verifier.read(self._text(KEY).removesuffix("\n"))
        self._contents: dict[bytes, dict[str, str]] = {}
        self._redactions: dict[bytes, int] = {}
        self._listed: dict[str, str] = {}  # by file, the digest of what it holds
        self._faults: list[tuple[str, str]] = []
        for line in self._lines(CONTENTS):
            plain = canonical.decode(line)
            if not isinstance(plain, dict) or plain.keys() not in _LINES:
                raise LogFault(f"`{CONTENTS}` has a malformed line")
            texts = [value for key, value in plain.items() if key != "redacted_by"]
            if not all(isinstance(one, str) for one in texts) or not _NAME.fullmatch(
                plain["digest"]
            ):
                raise LogFault(f"`{CONTENTS}` has a malformed line")
            digest = digest_of(plain["digest"])
            file = plain.get("file", "")
            if "redacted_by" in plain:
                if not isinstance(plain["redacted_by"], int) or digest in self._contents:
                    raise LogFault(f"`{CONTENTS}` has a malformed line")
                self._redactions[digest] = plain["redacted_by"]
            elif digest in self._contents and (file in self._listed or "salt" in plain):
                self._faults.append((CONTENTS, f"the content `{file}` is listed twice"))
            else:
                self._listed[file] = plain["digest"]
            self._contents.setdefault(digest, plain)

    def as_it_stands(self) -> AbstractContextManager[None]:
        """Nothing to do: an export does not change."""
        return nullcontext()

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Every entry in order: index and bytes."""
        yield from enumerate(self._lines(ENTRIES))

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Every checkpoint the log signed."""
        sizes: set[int] = set()
        for line in self._lines(CHECKPOINTS):
            plain = canonical.decode(line)
            if not isinstance(plain, dict) or plain.keys() != {"note", "size"}:
                raise LogFault(f"`{CHECKPOINTS}` has a malformed line")
            size, note = plain["size"], plain["note"]
            if not isinstance(size, int) or not isinstance(note, str) or size in sizes:
                raise LogFault(f"`{CHECKPOINTS}` has a malformed line, or one twice")
            sizes.add(size)
            yield size, note

    def checkpoint(self) -> str:
        """The latest checkpoint."""
        return self._text(LATEST)

    def content(self, digest: bytes) -> Content | None:
        """The content with this digest, or None."""
        plain = self._contents.get(digest)
        if plain is None:
            return None
        private = plain["digest"].startswith("salted-")
        if "redacted_by" in plain:
            return Content(digest, private, None, None)
        try:
            salt = bytes.fromhex(plain["salt"]) if "salt" in plain else None
            return Content(digest, private, salt, self._bytes(plain["file"]))
        except (LookupError, TypeError, ValueError):
            raise LogFault(f"`{CONTENTS}` has a malformed line") from None

    def content_digests(self) -> Iterator[bytes]:
        """The digest of every content."""
        yield from self._contents

    def redactions(self) -> dict[bytes, int]:
        """By digest of a removed content, the index of the entry that removed it."""
        return dict(self._redactions)

    def nodes(self) -> None:
        """None: an export holds no nodes."""

    def own_faults(self) -> list[tuple[str, str]]:
        """What is wrong with the files themselves."""
        faults = [*self._faults, *self._misplaced()]
        notes = dict(self.checkpoints())
        if not notes or notes[max(notes)] != self.checkpoint():
            faults.append((LATEST, "it is not the last of the checkpoints"))
        if self._bytes(HOWTO) != _HOWTO.encode():  # a former text, if there is one, goes with it
            faults.append((HOWTO, "it was altered"))
        return faults

    def own_remarks(self) -> list[tuple[str, str]]:
        """Nothing: an export has no journal."""
        return []

    def _misplaced(self) -> Iterator[tuple[str, str]]:
        """Files that are not where the entries put them, or that no entry names."""
        expected: dict[str, str] = {}
        packs: set[str] = set()
        for _, data in self.entries():
            try:
                entry = read_entry(data)
                form, manifest = "", None
                if isinstance(entry, Decided):
                    details = self._piece(entry.details)
                    form = "" if details is None else read_details(details).form
                    manifest = None if entry.pack in packs else self._piece(entry.pack)
                    packs.add(entry.pack)
                expected.update((file, name) for name, file in _places(entry, manifest, form))
            except LogFault:
                continue  # found where the entries are verified
        kept = {
            file: name for file, name in expected.items() if digest_of(name) not in self._redactions
        }
        for file in sorted(kept.keys() | self._listed.keys()):
            if kept.get(file) != self._listed.get(file):
                yield file, "it is not what the entries put there"
            elif not self._holds(file):
                yield file, "it was altered"
        there = {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if not path.is_dir() or path.is_symlink()
        }
        for file in sorted(there - kept.keys() - _OWN):
            yield file, "it belongs to no entry"

    def _piece(self, name: str) -> bytes | None:
        """The bytes that an entry names, as far as they are there."""
        content = self.content(digest_of(name))
        return None if content is None else content.data

    def _holds(self, file: str) -> bool:
        """Whether a file holds what it is listed as."""
        name = self._listed[file]
        plain = self._contents[digest_of(name)]
        try:
            salt = bytes.fromhex(plain["salt"]) if "salt" in plain else None
            return content_digest(self._bytes(file), salt) == digest_of(name)
        except (LogFault, ValueError):
            return False

    def _bytes(self, name: str) -> bytes:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()) or (self.folder / name).is_symlink():
            raise LogFault(f"`{name}` lies outside the export")
        try:
            return path.read_bytes()
        except OSError as error:
            why = (error.strerror or "unknown error").lower()
            raise LogFault(f"`{name}` cannot be read: {why}") from None

    def _text(self, name: str) -> str:
        try:
            return self._bytes(name).decode("utf-8")
        except UnicodeDecodeError:
            raise LogFault(f"`{name}` is not UTF-8 text") from None

    def _lines(self, name: str) -> Iterator[bytes]:
        data = self._bytes(name)
        if data and not data.endswith(b"\n"):
            raise LogFault(f"the last line of `{name}` is cut off")
        yield from data.split(b"\n")[:-1]
