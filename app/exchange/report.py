"""The import report: what became of each resource, as text for people and as JSON.

Both are written patient by patient, so that they may be longer than fits in memory.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from app.exchange.folder import Folder
from engine.exchange.recorded import Plain
from engine.record.shape import dump_any
from engine.terms import Protocol

if TYPE_CHECKING:
    from engine.exchange.fhir.map import Fit


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one resource: what it gave, and why it gave no more.

    `look`: a person should look at it. `day`: the day it is about, where it states one.
    """

    name: str
    gave: tuple[str, ...] = ()
    left: str = ""
    day: str = ""
    look: bool = False


@dataclass(slots=True)
class Patient:
    """What the report says of one patient."""

    name: str
    subject: str
    file: str = ""
    refused: list[str] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    confirmed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    nothing: list[str] = field(default_factory=list)
    not_carried: dict[str, str] = field(default_factory=dict)
    compared: list[tuple[Fit, str, str, str]] = field(default_factory=list)
    statements: dict[str, list[Plain]] = field(default_factory=dict)
    unconfirmed: list[str] = field(default_factory=list)
    days: dict[str, str] = field(default_factory=dict)

    def said(self, fact: str) -> list[Plain]:
        """The statements about a fact that hold a value."""
        return [one for one in self.statements.get(fact, []) if "value" in one]


class Report:
    """The two report files while they are written, and the summary they come to."""

    def __init__(self, folder: Folder, protocol: Protocol) -> None:
        self.folder, self.summary = folder, folder.summary
        self.totals: Counter[str] = Counter()
        self.contradictions = 0
        self._text = folder.text("report.txt")
        self._json = folder.text("report.json")
        self._first = True
        head = {
            "schema": "eligo.import/1",
            "protocol": {
                "id": protocol.id,
                "version": protocol.version,
                "digest": protocol.digest,
            },
            "inputs": list(folder.summary.inputs),
        }
        self._write(dump_any(head)[:-1] + b',"patients":[')
        self._others_open = False
        self._say(f"Import for {protocol.id} {protocol.version}")

    def __enter__(self) -> Report:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._others_open:
            self._write(b'\n],"others":[')
        totals = {
            "imported": self.summary.imported,
            "refused": len(self.summary.refused),
            "resources": self.totals["gave"] + self.totals["left"],
            "gave": self.totals["gave"],
            "left_out": self.totals["left"],
            "contradictions": self.contradictions,
        }
        self._write(b'\n],"totals":' + dump_any(totals) + b"}\n")
        total = self.totals["gave"] + self.totals["left"]
        what = "resources" if self.folder.kind == "fhir" else "rows"
        self.summary.figures += [
            f"{what} read: {total}, of which gave a fact or an entry: {self.totals['gave']}"
        ]
        if self.contradictions:
            self.summary.figures.append(f"contradictions: {self.contradictions}")

    def _write(self, data: bytes) -> None:
        self._json.write(data)

    def _say(self, text: str) -> None:
        self._text.write(f"{text}\n".encode())

    def patient(self, patient: Patient, lines: Callable[[], Iterable[Line]]) -> None:
        """Write one patient's part. `lines` gives the lines of its resources, each time anew."""
        if patient.refused:
            self.summary.refuse(patient.subject)
        else:
            self.summary.imported += 1
        self.contradictions += len(patient.contradictions)
        head = {
            "patient": patient.name,
            "subject": patient.subject,
            "file": patient.file or None,
            "refused": patient.refused,
            "confirmed": patient.confirmed,
            "remarks": patient.remarks,
            "contradictions": patient.contradictions,
            "nothing_for": patient.nothing,
            "not_carried": patient.not_carried,
        }
        self._write(b"\n" if self._first else b",\n")
        self._write(dump_any(head)[:-1] + b',"resources":[')
        self._first = False
        for number, line in enumerate(lines()):
            self._count(line)
            self._write((b",\n" if number else b"\n") + dump_any(_line_record(line)))
        self._write(b"\n]}")
        for text in _patient_text(patient, lines):
            self._say(text)

    def others(
        self,
        lines: Callable[[], Iterable[Line]],
        title: str = "Resources of no patient in the input",
    ) -> None:
        """Write what belongs to no patient of the input."""
        if not self._others_open:
            self._write(b'\n],"others":[')
            self._others_open, self._first = True, True
            self._say(f"\n{title}")
        for line in lines():
            self._count(line)
            self._write((b"\n" if self._first else b",\n") + dump_any(_line_record(line)))
            self._first = False
        for text in _grouped(lines()):
            self._say(text)

    def _count(self, line: Line) -> None:
        self.totals["gave" if line.gave else "left"] += 1


def _line_record(line: Line) -> dict[str, Any]:
    record: dict[str, Any] = {"resource": line.name}
    if line.gave:
        record["gave"] = list(line.gave)
    if line.left:
        record["because" if line.gave else "left_out"] = line.left
    if line.look:
        record["look"] = True
    return record


def _patient_text(patient: Patient, lines: Callable[[], Iterable[Line]]) -> Iterable[str]:
    yield ""
    yield "=" * 80
    if patient.refused:
        yield f"{patient.name}: refused"
        for why in patient.refused:
            yield from _wrapped(why, "  ")
    else:
        yield f"{patient.name}: subject {patient.subject}, in {patient.file}"
    for title, several in (
        ("Contradictions", patient.contradictions),
        ("Confirmed by the person who imported", patient.confirmed),
        ("Note", patient.remarks),
    ):
        if several:
            yield f"\n{title}"
            for one in several:
                yield from _wrapped(one, "  ")
    title = "\nGiven"
    for line in lines():
        if line.gave:
            if title:
                yield title
            title = ""
            where = ", ".join(one.removeprefix("facts.") for one in line.gave)
            yield from _wrapped(f"{line.name}: {where}", "  ")
            if line.left:
                yield from _wrapped(line.left, "      ")
    for look, title in (
        (True, "\nLeft out, and worth a look before a list is confirmed complete"),
        (False, "\nLeft out"),
    ):
        rest = _grouped(line for line in lines() if line.look == look and not line.gave)
        for number, text in enumerate(rest):
            if number == 0:
                yield title
            yield text
    if patient.nothing:
        yield "\nNothing found for"
        yield from _wrapped(", ".join(patient.nothing), "  ")
    if patient.not_carried:
        yield "\nNot carried by any record; to be asked"
        for name, why in patient.not_carried.items():
            yield from _wrapped(f"{name}: {why}", "  ")


def _grouped(lines: Iterable[Line]) -> Iterable[str]:
    """The names of resources, under the reason that they share."""
    groups: dict[str, list[str]] = {}
    for line in lines:
        groups.setdefault(line.left or "gave nothing", []).append(line.name)
    for why, names in groups.items():
        yield from _wrapped(why, "  ")
        row = "      "
        for number, name in enumerate(names):
            word = name if number == len(names) - 1 else f"{name}, "
            if row.strip() and len(row) + len(word.rstrip()) > 80:
                yield row.rstrip()
                row = "      "
            row += word
        yield row


def _wrapped(text: str, indent: str) -> list[str]:
    if len(indent) + len(text) <= 80 and text.isprintable() and "  " not in text:
        return [indent + text]
    return textwrap.wrap(
        text,
        80,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
