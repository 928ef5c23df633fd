"""A subject as recorded: statements, entries, lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Sign = Literal["", "<", "<=", ">", ">="]
SaidUnknown = Literal["pending", "not_done"]


@dataclass(frozen=True, slots=True)
class Amount:
    """A recorded number: `sign` is not empty for a censored result (`<0.01`).

    `amount_u` is in millionths of `unit`, the unit of record.
    """

    amount_u: int
    unit: str
    sign: Sign = ""


@dataclass(frozen=True, slots=True)
class Days:
    """A recorded date: the days it could be. A full date has `first == last`."""

    first: date
    last: date


Word = Literal["never", "ongoing"]
Recorded = bool | str | Amount | Days
"""A recorded value, by type of fact: boolean; choice code, text, or the word `never` for a
date (`ongoing` in an entry); quantity; date."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One recorded statement about one fact: a value, or that it is unknown and why.

    Exactly one of `value` and `unknown` is not None, except on a voided statement, where
    neither is read: `struck` is the value that it had, to be shown. `uln_u`: the upper limit of
    normal printed with the result, in millionths of the value's unit; `no_limit`: that none is
    known for it, the dictionary's neither. `entry`: where in the file (`facts.creatinine[1]`).

    The day of observation is `on`, or one `within` a partial date, or any day up to
    `not_after`; at most one of the three is stated. `first` and `last` are its ends.
    """

    entry: str
    value: Recorded | None = None
    unknown: SaidUnknown | None = None
    on: date | None = None
    uln_u: int | None = None
    source: str = ""
    by: str = ""
    note: str = ""
    voided: bool = False
    within: Days | None = None
    not_after: date | None = None
    struck: Recorded | None = None
    no_limit: bool = False

    @property
    def first(self) -> date | None:
        """The first day that it can be of; None where any earlier day can be."""
        return self.on or (self.within.first if self.within else None)

    @property
    def last(self) -> date | None:
        """The last day that it can be of; None where nothing is stated about its day."""
        return self.on or (self.within.last if self.within else self.not_after)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a record list. A field that is blank is absent from `values`.

    A field of several codes is a tuple of codes; "" among them is one that is not recorded.
    `known`: the agents of the dictionary that its text names, none where it names no listed
    one; `exact`: the text is one's name, rather than holds it among other words. A regimen is
    read as one entry a component, all with the place of the one that is recorded. A voided
    entry has no `values`; `struck` are those that it had, to be shown.
    """

    entry: str
    values: Mapping[str, Recorded | tuple[str, ...]]
    source: str = ""
    by: str = ""
    note: str = ""
    voided: bool = False
    known: tuple[str, ...] = ()
    exact: bool = False
    struck: Mapping[str, Recorded | tuple[str, ...]] = field(default_factory=dict)


Doubt = Literal["not_closed", "more_entries"]
"""Why a confirmation does not count: the file may have been cut, or the list holds more
entries than were confirmed."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A record list as recorded: its entries, and the day it was confirmed complete.

    `count`: how many entries were confirmed, voided ones included. `doubt`: why the
    confirmation does not count, where it does not.
    """

    complete_on: date | None
    entries: tuple[Entry, ...]
    by: str = ""
    source: str = ""
    count: int | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What a subject file was imported from, where it was.

    `whole`: the input stated its own count, or could not be cut unseen. `left_out`: how many
    things of the input the subject file does not carry.
    """

    source: str
    whole: bool
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """One person being screened. `digest` is that of the file's bytes."""

    id: str
    facts: Mapping[str, tuple[Statement, ...]]
    records: Mapping[str, Entries]
    digest: str = ""
    imported: Imported | None = None
