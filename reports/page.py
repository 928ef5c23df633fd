"""The page of one decision, as values: what stands in each of its sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.terms import Status, Truth, Verdict

if TYPE_CHECKING:
    pass


SECTIONS = (
    "verdict",
    "missing",
    "failed",
    "open",
    "passed",
    "assumptions",
    "evidence",
    "lists",
    "signatures",
    "provenance",
)
"""The sections of a report, in order. Every template has a macro of each name."""


@dataclass(frozen=True, slots=True)
class Says:
    """What a condition found, and the day on which time alone may change it.

    The day is "" if there is none, or if the sentence names it.
    """

    says: str
    changes_on: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to collect, what is wrong with it, where it is found, whom it serves."""

    ask: str
    details: tuple[str, ...]
    found_in: tuple[str, ...]
    criteria: str


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of thing to do, and what to do it to."""

    heading: str
    advice: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class CriterionView:
    """One criterion as a reader sees it. `says` is empty on a passed one.

    `outcome` is the short form of `answer` that a passed one has in a table. `note` is how
    it was read: that an assumption stands behind it, or the interpretation of one that
    leaves nothing open.
    """

    id: str
    kind: str
    text: str
    status: Status
    status_word: str
    answer: str
    outcome: str
    says: tuple[Says, ...]
    interpretation: str
    assumed: bool
    note: str


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One known reading: what was asked, what it came to, and where that stands."""

    ask: str
    value: str
    remarks: tuple[str, ...]
    on: str
    sources: tuple[str, ...]
    good_until: str
    criteria: str


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of a list as recorded: its number, fields and what is to be said of it."""

    number: str
    text: str
    remarks: tuple[str, ...]
    voided: bool


@dataclass(frozen=True, slots=True)
class RecordedList:
    """A list that a criterion reads, whole, and whether it is confirmed complete."""

    ask: str
    confirmation: str
    entries: tuple[ListEntry, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One condition of the trace, with the reading it looked at, in words."""

    node: str
    condition: str
    truth: Truth
    says: str
    reading: str
    children: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule that fired."""

    rule: str
    because: tuple[str, ...]
    concluded: str


@dataclass(frozen=True, slots=True)
class TraceSection:
    """The appendix: the conditions of every criterion as a tree, and every firing in order."""

    criteria: tuple[tuple[str, Branch], ...]
    firings: tuple[Fired, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a decision stands in a decision log, for its report to print.

    `log` is the log's name; `entry` the index; `time` is UTC. `checkpoint` is the digest of the
    signed checkpoint that the entry was appended with, which covers `size` entries under `root`
    (base64, as checkpoints write it). `decision` is the digest of the record's published line.
    """

    log: str
    entry: int
    time: str
    by: str
    checkpoint: str
    size: int
    root: str
    decision: str

    def code_text(self) -> str:
        """What the QR code says: four lines, each a name and a value."""
        return (
            f"log {self.log}\nentry {self.entry}\ncheckpoint {self.checkpoint}\n"
            f"decision {self.decision}"
        )


@dataclass(frozen=True, slots=True)
class LogSection:
    """What a report says of the log: names and values, and the QR code of them as SVG."""

    rows: tuple[tuple[str, str], ...]
    code: str
    code_alt: str


@dataclass(frozen=True, slots=True)
class Page:
    """A report before it is printed: everything a reader sees, in order, in words.

    Every string is free of control characters and bidirectional overrides. `quoted` is the
    criterion's own text where one criterion alone determined the verdict.
    """

    subject: str
    as_of: str
    protocol: str
    version: str
    verdict: Verdict
    headline: str
    sentence: str
    quoted: str
    look_again_on: str
    look_again_because: tuple[str, ...]
    not_used_lead: str
    not_used: tuple[str, ...]
    origin: str
    missing_lead: str
    missing: tuple[Action, ...]
    failed: tuple[CriterionView, ...]
    open: tuple[CriterionView, ...]
    passed: tuple[CriterionView, ...]
    assumptions: tuple[CriterionView, ...]
    evidence: tuple[EvidenceRow, ...]
    lists: tuple[RecordedList, ...]
    signers: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    log: LogSection | None = None
    sections: tuple[str, ...] = SECTIONS
