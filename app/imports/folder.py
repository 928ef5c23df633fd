"""Where an import writes, so that every other command can be given the same folder.

    DIR/subjects/                    the subject files; what stands in their way is left alone
    DIR/import-report/summary.txt    what to look at, over all patients, the worst first
    DIR/import-report/report.*       what became of each thing of the input
    DIR/import-report/manifest.txt   the files that this import wrote, each with its SHA-256

A manifest is what makes importing again safe: the files in it are replaced or removed, and no
others. While an import runs, and after one that did not end, a mark says that the folder is
unfinished, and a journal takes the manifest's place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO

from app.imports.recorded import Recorded, file_name, subject_text
from app.imports.summary import Summary
from app.inputs import ACCOUNT, path_text
from app.writing import made_folder, unfinished, write_file
from engine.faults import Fault, InputRejected
from engine.model import Protocol, Span
from engine.subjects import read_subject

MANIFEST = "manifest.txt"
JOURNAL = "journal.txt"
SUMMARY = "summary.txt"
_TITLE = "# eligo import "
_ELSEWHERE = "move it out of the folder, or name another with --out"


@dataclass(slots=True)
class Folder:
    """The folder of one import while it writes.

    `earlier`: by name, the digests of what imports into it wrote; `written`: what this one did.
    """

    out: Path
    kind: str
    earlier: dict[str, set[str]]
    summary: Summary
    journal: IO[str]
    written: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _open: list[tuple[IO[str], Path]] = field(default_factory=list)

    @property
    def subjects(self) -> Path:
        return self.out / "subjects"

    @property
    def account(self) -> Path:
        return self.out / ACCOUNT

    def write(self, recorded: Recorded, protocol: Protocol, origin: str, form: str) -> str:
        """Write a subject file, whole, having read it back; returns its name.

        `origin` is a comment for people (YAML only); `form` is `yaml` or `json`.
        Raises: InputRejected, also where a file that no import wrote stands there; OSError.
        """
        text = subject_text(recorded.plain(protocol), origin, form)
        name = file_name(recorded.subject, form)
        if name.casefold() in self._taken:  # a file system may not tell case apart
            name = file_name(recorded.subject, form, apart=True)
        data = text.encode()
        read_subject(data, name, protocol)
        path, inside = self.subjects / name, f"subjects/{name}"
        if inside not in self.earlier and os.path.lexists(path):
            raise InputRejected([_not_ours(path)], recorded.subject)
        digest = sha256(data).hexdigest()
        self.journal.write(f"{digest}  {inside}\n")
        self.journal.flush()
        write_whole(path, data)
        self._taken.add(name.casefold())
        self.written[inside] = digest
        return name

    def text(self, name: str) -> IO[str]:
        """A file of the account, to be written bit by bit; it is there once the import ended."""
        part = self.account / f".{name}.part"
        stream = part.open("w", encoding="utf-8", newline="\n")
        self._open.append((stream, self.account / name))
        return stream

    def finish(self) -> None:
        """Put the account in its place, and remove what earlier imports wrote and this did not."""
        for stream, path in self._open:
            stream.close()
            os.replace(stream.name, path)
        gone = [name for name in self.earlier if name not in self.written]
        for name in gone:
            (self.out / name).unlink(missing_ok=True)
        self.summary.removed = len(gone)
        write_whole(self.account / SUMMARY, self.summary.text().encode())
        lines = [f"{digest}  {name}\n" for name, digest in self.written.items()]
        write_whole(self.account / MANIFEST, (_title(self.kind) + "".join(lines)).encode())
        self.journal.close()
        (self.account / JOURNAL).unlink()


@contextmanager
def opened(out: Path, kind: str, inputs: Iterable[str], protocol: Protocol) -> Iterator[Folder]:
    """The folder of an import of `kind` (`csv`, `redcap`, `fhir`), to be written in.

    Raises: InputRejected if it holds what another kind of import wrote, or a file of an earlier
    import that was changed since; OSError.
    """
    account = out / ACCOUNT
    earlier = _earlier(out, kind)
    with (
        unfinished(out, f"eligo import {kind}"),
        _journal(out) as journal,
    ):
        journal.write(_title(kind))
        journal.writelines(f"{one}  {name}\n" for name, several in earlier.items()
                           for one in sorted(several))  # fmt: skip
        journal.flush()
        with suppress(FileNotFoundError):
            (account / MANIFEST).unlink()
        pack = f"{protocol.id} {protocol.version}"
        folder = Folder(out, kind, earlier, Summary(kind, tuple(inputs), pack), journal)
        try:
            yield folder
            folder.finish()
        finally:
            for stream, _ in folder._open:
                stream.close()


@contextmanager
def _journal(out: Path) -> Iterator[IO[str]]:
    """The journal, in folders that are made ready for it. Raises: OSError."""
    made_folder(out / "subjects")
    made_folder(out / ACCOUNT)
    with (out / ACCOUNT / JOURNAL).open("w", encoding="utf-8", newline="\n") as journal:
        yield journal


def _title(kind: str) -> str:
    return f"{_TITLE}{kind}\n"


def _earlier(out: Path, kind: str) -> dict[str, set[str]]:
    """What earlier imports into a folder wrote. Raises: InputRejected, OSError."""
    found: dict[str, set[str]] = {}
    for name in (MANIFEST, JOURNAL):
        path = out / ACCOUNT / name
        if not path.is_file():
            continue
        lines = path.read_text("utf-8").split("\n")
        if lines[0] != _title(kind).strip():
            what = f"this folder holds what `{lines[0].removeprefix('# ')[:60]}` wrote"
            raise InputRejected([_fault(out, "occupied", what, "name another folder with --out")])
        for line in lines[1:-1]:  # a line that was cut is of a file that was not written
            digest, _, written = line.partition("  ")
            if Path(written).parts[:1] == ("subjects",) and len(Path(written).parts) == 2:
                found.setdefault(written, set()).add(digest)
    what, hint = "this file was changed since it was imported", _ELSEWHERE
    changed = [
        _fault(out / name, "changed", what, hint)
        for name, digests in found.items()
        if (out / name).is_symlink() or (_digest(out / name) or "") not in {"", *digests}
    ]
    if changed:
        raise InputRejected(changed)
    return found


def _digest(path: Path) -> str | None:
    """The digest of a file, None where there is none."""
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _not_ours(path: Path) -> Fault:
    what = "a file stands here that no import wrote"
    return _fault(path, "occupied", what, _ELSEWHERE)


def _fault(path: Path, code: str, what: str, hint: str) -> Fault:
    return Fault(Span(path_text(path), 1, 1), code, what, hint)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; the disk is waited for at the end. Raises: OSError."""
    write_file(path, data, sync=False)
