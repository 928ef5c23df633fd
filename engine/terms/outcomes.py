"""The outcome rules of a pack: scales, response, events, endpoints, toxicities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engine.terms.condition import Condition
from engine.terms.dictionary import Fact
from engine.terms.values import NOWHERE, Basis, Duration, Span

EXAMINED = "examined"
"""In `censored_at`: the last assessment that shows where the patient stands."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the protocol says of something, and how that was read where it leaves it open."""

    label: str
    text: str = ""
    interpretation: str = ""
    basis: Basis = "stated"
    source: str = ""


@dataclass(frozen=True, slots=True)
class ScaleClass:
    """One class of a scale (`CR`, grade `3`), and the condition under which it is stated."""

    id: str
    words: Words
    holds_when: Condition
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Scale:
    """Ordered classes for the entries of one record list; `dated` is the entry's date field.

    An entry is of the first class whose statement holds while every earlier one does not.
    `stated`: the order is the author's; otherwise the statements are proved exclusive.
    """

    name: str
    ask: str
    records: str
    dated: str
    classes: tuple[ScaleClass, ...]
    stated: bool
    place: Span = field(default=NOWHERE, compare=False)

    def rank(self, id_: str) -> int:
        """A class's place in the list, 0 the first."""
        return [one.id for one in self.classes].index(id_)


@dataclass(frozen=True, slots=True)
class ListScope:
    """What conditions over one record list may look at: fields and facts, as one dictionary."""

    records: str
    dated: str
    facts: Mapping[str, Fact]
    fields: tuple[str, ...]
    definitions: Mapping[str, Condition]


@dataclass(frozen=True, slots=True)
class ResponseRule:
    """Best response: by which scale, which classes are a remission, until when it counts.

    Assessments count up to and including start + `within`, and up to and including the day
    of the first of the dates `until`. `mrd` is the scale of residual disease, `mrd_negative`
    its classes that count as negative.
    """

    scale: str
    remission: tuple[str, ...]
    within: Duration
    until: tuple[str, ...]
    mrd: str
    mrd_negative: tuple[str, ...]
    words: Words


FailureDay = Literal["last_assessment", "window_end", "start"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that ends event-free time. It may have several signs; the earliest counts.

    `on`: the date fact that records it ("" if none). `after_remission`: the condition that
    shows it at an assessment later than the first remission. `failure`: no remission in the
    response window, and the day on which that counts.
    """

    id: str
    words: Words
    on: str = ""
    after_remission: Condition | None = None
    failure: FailureDay | None = None
    place: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Censoring:
    """One rule of censoring: follow-up ends at the first of the dates `at` (none: at no date)."""

    id: str
    words: Words
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Time from the start to the first of `events`, else to the last of `censored_at`.

    `rules`: how else follow-up may end; the first one is primary. Landmarks are all in
    months or all in days.
    """

    id: str
    words: Words
    events: tuple[str, ...]
    censored_at: tuple[str, ...]
    landmarks: tuple[Duration, ...]
    rules: tuple[Censoring, ...]
    place: Span = field(default=NOWHERE, compare=False)

    @property
    def in_months(self) -> bool:
        return all(landmark.months for landmark in self.landmarks)


@dataclass(frozen=True, slots=True)
class Toxicity:
    """The worst class of a scale within periods after the start.

    `severe`: the classes whose incidence is reported. `fatal`: a class of its own, given by a
    condition over facts where the patient died. Classes are ordered from the worst.
    """

    id: str
    scale: str
    severe: tuple[str, ...]
    within: tuple[Duration, ...]
    words: Words
    fatal: ScaleClass | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`outcomes.yaml`: everything counted from the date fact `start`.

    `in_order`: chains of dates (`FACT` or `LIST.FIELD`), none of which may precede one that
    stands before it in its chain.
    """

    start: str
    died: str
    scopes: Mapping[str, ListScope]
    scales: Mapping[str, Scale]
    response: ResponseRule
    events: Mapping[str, Event]
    endpoints: tuple[Endpoint, ...]
    toxicities: tuple[Toxicity, ...]
    in_order: tuple[tuple[str, ...], ...]
