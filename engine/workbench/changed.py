"""What a comparison of two versions of a pack says: each change, and the subjects that show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, assert_never

from engine import terms as m
from engine.record.wording import group_word, leaf_words
from engine.regions.asked import Plain
from engine.terms.condition import parts_of

Relation = Literal[
    "same",
    "stricter",
    "looser",
    "different",
    "stricter-for-some",
    "looser-for-some",
    "undecided",
    "added",
    "removed",
]
About = m.About | Literal["verdict"]
"""What a change is of: a class or an event of the outcome rules is asked of one entry."""

RANK: Mapping[str, int] = {
    "failed": 0, "open": 1, "passed": 2,
    "ineligible": 0, "undetermined": 1, "eligible": 2,
    "no": 0, "unknown": 1, "yes": 2,
}  # fmt: skip
"""How well a subject stands, or how surely an entry belongs to a class."""

NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Shown:
    """A subject that comes out differently, as both versions' rules screened it.

    `old_file` and `new_file`: what its file says, as each version's dictionary knows it.
    `old` and `new`: the status, verdict or answer; the verdicts are None for an entry.
    """

    as_of: date
    old_file: Plain
    new_file: Plain
    old: str
    new: str
    old_verdict: m.Verdict | None
    new_verdict: m.Verdict | None


@dataclass(frozen=True, slots=True)
class Change:
    """One criterion in both versions, and how its meaning moved.

    `worse`: a subject that stands worse under the new version; `better`: one that stands
    better. `proved`: that no other direction occurs (True for added and removed ones).
    `never_worse` and `never_better`: it is proved that nobody stands so, whether or not the
    relation as a whole is decided.
    `old_rule` and `new_rule` are the conditions in words, a line a test, and `rewritten` is
    whether they differ in more than how the dictionary words them, definitions written out.
    """

    relation: Relation
    old: m.Criterion | None
    new: m.Criterion | None
    proved: bool
    worse: Shown | None = None
    better: Shown | None = None
    never_worse: bool = False
    never_better: bool = False
    about: About = "criterion"
    old_rule: tuple[str, ...] = ()
    new_rule: tuple[str, ...] = ()
    rewritten: bool = False

    @property
    def renumbered(self) -> bool:
        return self.old is not None and self.new is not None and self.old.id != self.new.id

    @property
    def turned(self) -> bool:
        """Whether an inclusion became an exclusion, or the other way round."""
        return self.old is not None and self.new is not None and self.old.kind != self.new.kind

    @property
    def reworded(self) -> bool:
        if self.old is None or self.new is None:
            return False
        return _said(self.old) != _said(self.new)

    @property
    def unchanged(self) -> bool:
        written = self.renumbered or self.turned or self.reworded or self.rewritten
        return self.relation == "same" and not written


def _said(criterion: m.Criterion) -> tuple[str, ...]:
    return (
        " ".join(criterion.text.split()),
        " ".join(criterion.interpretation.split()),
        criterion.basis,
        criterion.source,
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions compared: criteria in the new one's order, the verdict as a whole, the
    classes of outcomes, the dictionary, outcome rules that differ in other ways, and what
    else the packs state: their identity, the order of criteria, definitions.

    What is proved holds for what both versions accept; `accepts_alike`: that is all that
    either accepts.
    """

    old: m.Protocol
    new: m.Protocol
    criteria: tuple[Change, ...]
    verdict: Change
    outcomes: tuple[Change, ...]
    dictionary: tuple[str, ...]
    other: tuple[str, ...]
    protocol: tuple[str, ...]
    accepts_alike: bool

    @property
    def alike(self) -> bool:
        """Whether nothing at all differs."""
        return (
            all(change.unchanged for change in (*self.criteria, *self.outcomes))
            and self.verdict.relation == "same"
            and not (self.dictionary or self.other or self.protocol)
        )


def own_rule(criterion: m.Criterion, about: About) -> m.Condition:
    """A criterion's condition; a class's, without the classes above it."""
    condition = criterion.holds_when
    if about == "class" and isinstance(condition, m.All):
        return condition.children[-1]
    return condition


def rule_lines(
    protocol: m.Protocol,
    condition: m.Condition,
    say: Callable[[m.Leaf], str] | None = None,
    pad: str = "",
) -> list[str]:
    """A condition, a line a test, indented by depth; `say` words a test, else plain words do."""
    if isinstance(condition, m.Defined):
        return rule_lines(protocol, protocol.definitions[condition.name], say, pad)
    if isinstance(condition, m.Leaf):
        return [pad + (say(condition) if say else leaf_words(condition, protocol.facts))]
    if isinstance(condition, m.Group | m.Not):
        word = f"{group_word(condition)}:"
        parts = (rule_lines(protocol, one, say, pad + "  ") for one in parts_of(condition))
        return [pad + word, *(line for part in parts for line in part)]
    assert_never(condition)
