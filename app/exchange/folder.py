"""Where an import writes, so that every other command can be given the same folder.

    DIR/subjects/                    the subject files; what stands in their way is left alone
    DIR/import-report/summary.txt    what to look at, over all patients, the worst first
    DIR/import-report/report.*       what became of each thing of the input
    DIR/import-report/manifest.txt   the files that this import wrote, each with its SHA-256

A manifest is what makes importing again safe: the files in it are replaced or removed, and no
others. While an import runs, and after one that did not end, the folder says that it is
unfinished, and a journal takes the manifest's place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import IO, BinaryIO

from app.run.inputs import ACCOUNT, path_text, say
from app.store.writing import drafted, made_folder, safe_stem, unfinished, write_file
from engine.exchange.recorded import Plain, Recorded, subject_text
from engine.exchange.summary import Summary
from engine.read.source import MAX_BYTES, Document
from engine.read.subjects import subject_of
from engine.record.wording import counted
from engine.terms import Protocol, Span
from engine.terms.faults import Fault, InputRejected

MANIFEST = "manifest.txt"
JOURNAL = "journal.txt"
SUMMARY = "summary.txt"
_TITLE = "# eligo import "


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
    drafts: ExitStack
    today: date
    written: dict[str, str] = field(default_factory=dict)

    @property
    def subjects(self) -> Path:
        return self.out / "subjects"

    @property
    def account(self) -> Path:
        return self.out / ACCOUNT

    def write(self, recorded: Recorded, protocol: Protocol, origin: str, form: str) -> str:
        """Write a subject file, whole, having had the engine read it; returns its name.

        `origin` is a comment for people (YAML only); `form` is `yaml` or `json`.
        Raises: InputRejected, also where a file that no import wrote stands there; OSError.
        """
        document = Document("", "", recorded.plain(protocol))
        subject_of(document, protocol, today=self.today)
        return self.put(document.value, origin, form)

    def put(self, value: Plain, origin: str, form: str) -> str:
        """As `write`, for what the engine has read already."""
        subject = str(value["subject"])
        name = f"{safe_stem(subject)}.{form}"
        path, inside = self.subjects / name, f"subjects/{name}"
        if inside not in self.earlier and os.path.lexists(path):
            raise InputRejected([_fault(path, "occupied", "no import wrote this file")], subject)
        data = subject_text(value, origin, form).encode()
        if len(data) > MAX_BYTES:
            what = f"the subject file would have {len(data)} bytes; the limit is {MAX_BYTES}"
            raise InputRejected(
                [_fault(path, "too-large", what, "are these one person's?")], subject
            )
        digest = sha256(data).hexdigest()
        self.journal.write(f"{digest}  {inside}\n")
        self.journal.flush()
        write_file(path, data, sync=False)
        self.written[inside] = digest
        return name

    def text(self, name: str) -> BinaryIO:
        """A file of the account, to be written bit by bit; it is there once the import ended."""
        return self.drafts.enter_context(drafted(self.account / name, sync=False))

    def finish(self) -> None:
        """Put the account in its place, and remove what earlier imports wrote and this did not."""
        self.drafts.close()
        gone = [name for name in self.earlier if name not in self.written]
        for name in gone:
            (self.out / name).unlink(missing_ok=True)
        self.summary.removed = len(gone)
        write_file(self.account / SUMMARY, self.summary.text(), sync=False)
        lines = "".join(f"{digest}  {name}\n" for name, digest in self.written.items())
        write_file(self.account / MANIFEST, _title(self.kind) + lines)
        self.journal.close()
        (self.account / JOURNAL).unlink()


@contextmanager
def opened(
    out: Path, kind: str, inputs: Iterable[str], protocol: Protocol, today: date | None = None
) -> Iterator[Folder]:
    """The folder of an import of `kind` (`csv`, `redcap`, `fhir`), to be written in.

    `today`: no day of observation is later; the real one unless another is given.
    Raises: InputRejected if it holds what another kind of import wrote, or a file of an earlier
    import that was changed since; OSError.
    """
    account = out / ACCOUNT
    earlier = _earlier(out, kind)
    with unfinished(out, f"eligo import {kind}"):
        made_folder(out / "subjects")
        made_folder(account)
        with ExitStack() as drafts:
            path = account / JOURNAL
            journal = drafts.enter_context(path.open("w", encoding="utf-8", newline="\n"))
            journal.write(_title(kind))
            journal.writelines(f"{one}  {name}\n" for name, several in earlier.items()
                               for one in sorted(several))  # fmt: skip
            journal.flush()
            (account / MANIFEST).unlink(missing_ok=True)
            summary = Summary(kind, tuple(inputs), f"{protocol.id} {protocol.version}")
            folder = Folder(out, kind, earlier, summary, journal, drafts, today or date.today())
            try:
                yield folder
                folder.finish()
            except OSError:
                done = counted(len(folder.written), "subject file")
                say(f"{done} written before this; the folder is marked as unfinished")
                raise


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
    changed = [
        _fault(out / name, "changed", "this file was changed since it was imported")
        for name, digests in found.items()
        if (out / name).is_symlink() or (_digest(out / name) or "") not in {"", *digests}
    ]
    if changed:
        raise InputRejected(changed)
    return found


def _digest(path: Path) -> str | None:
    """The digest of a file, None where there is none."""
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _fault(path: Path, code: str, what: str, hint: str = "") -> Fault:
    hint = hint or "move it out of the folder, or name another with --out"
    return Fault(Span(path_text(path), 1, 1), code, what, hint)
