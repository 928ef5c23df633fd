"""Where a subject's reports lie in a folder: by subject and day, and the logged ones for good.

A name is the same for the same subject and day in every run, so that a report is replaced by
its correction, and the rejection of a subject takes away what no longer stands. A report that
was logged has its proof beside it and is neither replaced nor taken away.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import count
from pathlib import Path

from app.run.inputs import SubjectFile, path_text
from app.run.printing import say
from app.store.writing import made_folder, safe_stem, write_file

SUFFIX = {"text": "txt", "json": "json", "html": "html", "pdf": "pdf", "md": "md"}
_REJECTED = ".rejected"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of one run's reports: as of a day, in one form. `kind`: "" for screening.

    `doubled`: what stands there since a run in which several files stated one subject.
    """

    folder: Path
    as_of: date
    form: str
    kind: str = ""
    doubled: tuple[str, ...] = ()

    def keep(self, subject: str, file: SubjectFile, content: bytes) -> Path:
        """Write a subject's report, in place of an earlier one or of a rejection, and say where.

        Raises: OSError.
        """
        where = self.place(subject)
        write_file(where, content)
        self.accepted(subject, file)
        return where

    def place(self, subject: str) -> Path:
        """Where a report goes; beside one that was logged, which is said."""
        stem, suffix = self._stem(subject), f"{self.kind}.{SUFFIX[self.form]}"
        for number in count(1):
            where = self._numbered(stem, number, suffix)
            if not proof_of(where).exists():
                break
            logged = where
        if number > 1:
            say(f"{path_text(logged)} was logged and stays; the new one is {where.name}")
        return where

    def accepted(self, subject: str, file: SubjectFile) -> None:
        """Take away what an earlier run said of its rejection. Raises: OSError."""
        stem = self._stem(subject)
        names = {f"{one}{self.kind}{_REJECTED}.txt" for one in (stem, self._of_file(file))}
        names.add(f"{self._of_file(file)}{self.kind}.json")
        if self.doubled:
            names |= {
                name for name in self.doubled if name.startswith(f"{stem}{self.kind}{_REJECTED}-")
            }
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def reject(
        self, subject: str | None, file: SubjectFile, content: bytes, *, doubled: bool = False
    ) -> None:
        """Write why nothing was decided, and take away the reports that it overrules.

        `doubled`: other files state the same subject. Raises: OSError.
        """
        stem = self._of_file(file) if subject is None else self._stem(subject)
        if subject is not None:
            self._withdraw(stem)
        if doubled:
            ending = sha256(file.name.encode()).hexdigest()[:8]
            name = (
                f"{stem}{self.kind}{_REJECTED}-{ending}.{'json' if self.form == 'json' else 'txt'}"
            )
            write_file(self.folder / name, content)
        elif self.form == "json" and subject is not None:
            write_file(self.place(subject), content)
        else:
            suffix = "json" if self.form == "json" else f"{_REJECTED[1:]}.txt"
            write_file(self.folder / f"{stem}{self.kind}.{suffix}", content)

    def _withdraw(self, stem: str) -> None:
        for suffix in SUFFIX.values():
            for where in self._standing(stem, f"{self.kind}.{suffix}"):
                if proof_of(where).exists():
                    say(f"{path_text(where)} was logged and stays; the subject is now rejected")
                else:
                    where.unlink(missing_ok=True)

    def _standing(self, stem: str, suffix: str) -> Iterator[Path]:
        """The reports of one subject, day and form, as far as their numbers go."""
        for number in count(1):
            where = self._numbered(stem, number, suffix)
            there = os.path.lexists(where)
            if there:
                yield where
            elif number > 1 and not proof_of(where).exists():
                return

    def _numbered(self, stem: str, number: int, suffix: str) -> Path:
        return self.folder / (stem + (f"_{number}" if number > 1 else "") + suffix)

    def _stem(self, subject: str) -> str:
        return f"{safe_stem(subject)}_{self.as_of}"

    def _of_file(self, file: SubjectFile) -> str:
        return f"{safe_stem(file.name, mark=True)}_{self.as_of}"


def shelf(folder: Path, as_of: date, form: str, kind: str = "") -> Shelf:
    """Make the folder of a run's reports ready. Raises: OSError."""
    made_folder(folder)
    doubled = [one for one in os.listdir(folder) if f"_{as_of}{kind}{_REJECTED}-" in one]
    return Shelf(folder, as_of, form, kind, tuple(doubled))


def proof_of(report: Path) -> Path:
    """Where the proof of a logged report lies."""
    return report.with_name(f"{report.name}.tlog-proof")
