"""What an amendment changes: two versions of a pack compared over all that can be recorded.

A criterion is *stricter* if some subject stands worse under the new version (passed, open,
failed, in this order) and none better; *looser* the other way round; *different* if both
occur. Each direction has a witness that the fired rules of both versions have screened; that
a direction does not occur is proved, or said to be undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Literal

import engine.model as m
from engine.decision import Screener
from engine.diagrams import FALSE, Effort, TooLarge
from engine.faults import EngineFault, InputRejected
from engine.findings import BASE
from engine.witness import confirmed
from engine.wording import leaf_words
from engine.worlds import Plain, Progress, Space, fitted, spaces

Relation = Literal["same", "stricter", "looser", "different", "undecided", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A subject that comes out differently, as both versions' rules screened it."""

    as_of: date
    recorded: Plain
    old: str
    new: str
    old_verdict: m.Verdict
    new_verdict: m.Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """One criterion in both versions, and how its meaning moved.

    `worse`: a subject that stands worse under the new version; `better`: one that stands
    better. `proved`: that no other direction occurs (True for added and removed ones).
    """

    relation: Relation
    old: m.Criterion | None
    new: m.Criterion | None
    proved: bool
    worse: Shown | None = None
    better: Shown | None = None

    @property
    def renumbered(self) -> bool:
        return self.old is not None and self.new is not None and self.old.id != self.new.id

    @property
    def reworded(self) -> bool:
        if self.old is None or self.new is None:
            return False
        return _said(self.old) != _said(self.new)

    @property
    def unchanged(self) -> bool:
        return self.relation == "same" and not self.renumbered and not self.reworded


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
    classes of outcomes, the dictionary, and outcome rules that differ in other ways."""

    old: m.Protocol
    new: m.Protocol
    criteria: tuple[Change, ...]
    verdict: Change
    outcomes: tuple[Change, ...]
    dictionary: tuple[str, ...]
    other: tuple[str, ...]

    @property
    def alike(self) -> bool:
        """Whether nothing at all differs in what this looks at."""
        return (
            all(change.unchanged for change in (*self.criteria, *self.outcomes))
            and self.verdict.relation == "same"
            and not self.dictionary
            and not self.other
        )


def compare(old: m.Protocol, new: m.Protocol, progress: Progress = lambda *_: None) -> Comparison:
    """Compare two versions of a pack. Raises: EngineFault."""
    with _Pair(old, new, progress) as pair:
        criteria = tuple(pair.changes())
        progress("the verdict", 0, 1)
        verdict = pair.verdict()
    return Comparison(
        old, new, criteria, verdict, tuple(_outcome_changes(old, new, progress)),
        tuple(_dictionary(old, new)), tuple(_other(old, new)),
    )  # fmt: skip


class _Pair:
    """Two packs, their rules, and what can be recorded for both, while they are compared."""

    def __init__(self, old: m.Protocol, new: m.Protocol, progress: Progress) -> None:
        self.old, self.new, self.progress = old, new, progress
        self.screeners = (Screener(old), Screener(new))
        self.effort = Effort()
        base = new.effective or old.effective or BASE
        self.spaces, self.all_dates = spaces([old, new], base, self.effort, progress)

    def __enter__(self) -> _Pair:
        return self

    def __exit__(self, *_: object) -> None:
        for screener in self.screeners:
            screener.close()

    def changes(self) -> Iterator[Change]:
        matched = self._matched()
        done: set[str] = set()
        for number, criterion in enumerate(self.new.criteria):
            self.progress("criteria", number, len(self.new.criteria))
            other = matched.get(criterion.id)
            if other is None:
                yield Change("added", None, criterion, True, self._alone(criterion, 1), None)
                continue
            done.add(other.id)
            yield self._change(other, criterion)
        for before in self.old.criteria:
            if before.id not in done:
                yield Change("removed", before, None, True, None, self._alone(before, 0))

    def _alone(self, criterion: m.Criterion, number: int) -> Shown | None:
        """A subject that fails a criterion which only one version has."""
        self.effort.question()
        for space in self.spaces:
            try:
                goal = space.diagrams.is_(space.status(criterion, number), FALSE)
            except TooLarge:
                continue
            for recorded, _ in space.witnesses(goal, 20):
                self.effort.spent += 2 * Effort.SCREENED
                try:
                    first = confirmed(self.screeners[0], recorded, space.as_of)
                    second = confirmed(self.screeners[1], recorded, space.as_of)
                except (InputRejected, EngineFault):
                    continue
                said = (first, second)[number].statuses[criterion.id]
                before = "not asked" if number else said
                after = said if number else "not asked"
                return Shown(space.as_of, recorded, before, after, first.verdict, second.verdict)
        return None

    def _matched(self) -> dict[str, m.Criterion]:
        """For each new criterion the old one it continues: by id where meaning or words
        agree, else by meaning, else by words, else by id."""
        left = {c.id: c for c in self.old.criteria}
        found: dict[str, m.Criterion] = {}

        def words(c: m.Criterion) -> str:
            return " ".join(c.text.lower().split())

        def pick(fits: Callable[[m.Criterion, m.Criterion], bool]) -> None:
            for new in self.new.criteria:
                if new.id not in found:
                    one = next((old for old in left.values() if fits(old, new)), None)
                    if one is not None:
                        found[new.id] = left.pop(one.id)

        pick(lambda a, b: a.id == b.id and (words(a) == words(b) or self._alike(a, b)))
        pick(lambda a, b: words(a) == words(b))
        pick(lambda a, b: a.kind == b.kind and self._alike(a, b))
        pick(lambda a, b: a.id == b.id)
        return found

    def _alike(self, old: m.Criterion, new: m.Criterion) -> bool:
        self.effort.question()
        try:
            return all(s.status(old, 0) == s.status(new, 1) > 2 for s in self.spaces)
        except TooLarge:
            return False

    def _change(self, old: m.Criterion, new: m.Criterion) -> Change:
        return self._moved(
            old,
            new,
            lambda s: (s.status(old, 0), s.status(new, 1)),
            [(0, old.holds_when), (1, new.holds_when)],
            (old.id, new.id),
        )

    def verdict(self) -> Change:
        about = [(k, c.holds_when) for k, p in enumerate((self.old, self.new)) for c in p.criteria]
        return self._moved(None, None, lambda s: (s.verdict(0), s.verdict(1)), about, None)

    def _moved(
        self,
        old: m.Criterion | None,
        new: m.Criterion | None,
        diagrams: Callable[[Space], tuple[int, int]],
        about: Sequence[tuple[int, m.Condition]],
        ids: tuple[str, str] | None,
    ) -> Change:
        worse = better = None
        proved = self.all_dates or self.spaces[0].timeless(about)
        self.effort.question()
        for space in self.spaces:
            try:
                before, after = diagrams(space)
                if before == after:
                    proved = proved and space.complete(about)
                    continue
                down = space.diagrams.less(after, before)
                up = space.diagrams.less(before, after)
                if worse is None:
                    worse = self._shown(space, before, after, down, ids)
                    proved = proved and (worse is not None or down == FALSE)
                if better is None:
                    better = self._shown(space, before, after, up, ids)
                    proved = proved and (better is not None or up == FALSE)
                proved = proved and (bool(worse and better) or space.complete(about))
            except TooLarge:
                proved = False
        relation: Relation = "same" if proved else "undecided"
        if worse and better:
            relation, proved = "different", True
        elif worse or better:
            relation = "stricter" if worse else "looser"
        return Change(relation, old, new, proved, worse, better)

    def _shown(
        self, space: Space, before: int, after: int, goal: int, ids: tuple[str, str] | None
    ) -> Shown | None:
        if goal == FALSE:
            return None
        # Passed against failed says most; decided against open, less.
        decided = space.diagrams.both(
            goal, space.diagrams.is_(before, 0, 2), space.diagrams.is_(after, 0, 2)
        )
        for one in (decided, goal):
            for recorded, _ in space.witnesses(one, 20):
                self.effort.spent += 2 * Effort.SCREENED
                try:
                    first = confirmed(self.screeners[0], recorded, space.as_of)
                    second = confirmed(self.screeners[1], recorded, space.as_of)
                except (InputRejected, EngineFault):
                    continue
                said: tuple[str, str] = (first.verdict, second.verdict)
                if ids is not None:
                    said = (first.statuses[ids[0]], second.statuses[ids[1]])
                if said[0] != said[1]:
                    return Shown(space.as_of, recorded, *said, first.verdict, second.verdict)
        return None


# --- outcomes and the dictionary ----------------------------------------------------------


def _outcome_changes(old: m.Protocol, new: m.Protocol, progress: Progress) -> Iterator[Change]:
    """The classes of the outcome rules, entry by entry of each list that both grade."""
    if old.outcomes is None or new.outcomes is None:
        return
    from engine.outcomes.patient import entry_pack

    for records in new.outcomes.scopes:
        if records not in old.outcomes.scopes:
            continue
        before = entry_pack(old, old.outcomes, records)
        after = entry_pack(new, new.outcomes, records)
        if before.criteria and after.criteria:
            with _Pair(before, after, progress) as pair:
                yield from pair.changes()


def _dictionary(old: m.Protocol, new: m.Protocol) -> Iterator[str]:
    pairs: list[tuple[str, Mapping[str, object], Mapping[str, object]]] = [
        ("", old.facts, new.facts),
        ("the list ", old.records, new.records),
    ]
    for what, before, after in pairs:
        for name in dict.fromkeys([*before, *after]):
            if name not in after:
                yield f"{what}{name}: removed"
            elif name not in before:
                yield f"{what}{name}: added"
            elif before[name] != after[name]:
                differing = [
                    f"{field.name.removesuffix('_u')}: {_brief(a)} -> {_brief(b)}"
                    for field in fields(before[name])  # type: ignore[arg-type]
                    if field.name != "place"
                    and (a := getattr(before[name], field.name))
                    != (b := getattr(after[name], field.name))
                ]
                if differing:
                    yield f"{what}{name}: " + "; ".join(differing)


def _brief(value: object) -> str:
    """A value of the dictionary in few words."""
    if value is None or value == "":
        return "none"
    if isinstance(value, m.Duration):
        return value.text
    if isinstance(value, int) and not isinstance(value, bool):
        from engine.wording import decimal_text

        return decimal_text(value)
    if isinstance(value, m.Choice):
        return value.code
    if isinstance(value, Mapping):
        return ", ".join(str(key) for key in value) or "none"
    if isinstance(value, tuple):
        return " ".join(_brief(one) for one in value) or "none"
    if is_dataclass(value):
        kind = type(value).__name__.removesuffix("Of").lower()
        inside = (getattr(value, field.name) for field in fields(value) if field.name != "place")
        return " ".join([kind, *(_brief(one) for one in inside if one != ())])
    return str(value)


def _other(old: m.Protocol, new: m.Protocol) -> Iterator[str]:
    """Outcome rules that differ in what is not a condition on an entry."""
    if (old.outcomes is None) != (new.outcomes is None):
        yield "outcome rules: " + ("added" if old.outcomes is None else "removed")
        return
    if old.outcomes is None or new.outcomes is None:
        return
    for name in ("start", "died", "response", "events", "endpoints", "toxicities", "in_order"):
        before, after = getattr(old.outcomes, name), getattr(new.outcomes, name)
        if before == after:
            continue
        named = name.replace("_", " ")
        if isinstance(before, Mapping):
            changed = [k for k in dict.fromkeys([*before, *after]) if before.get(k) != after.get(k)]
            yield f"outcome rules, {named}: {', '.join(changed)}"
        else:
            yield f"outcome rules, {named}: not the same"
    ranks = [
        {s.name: tuple(c.id for c in s.classes) for s in p.outcomes.scales.values()}
        for p in (old, new)
        if p.outcomes is not None
    ]
    for name in dict.fromkeys([*ranks[0], *ranks[1]]):
        if ranks[0].get(name) != ranks[1].get(name):
            yield f"outcome rules, scale `{name}`: not the same classes in the same order"


# --- subjects -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flip:
    """One subject under both versions; a verdict is None where the version rejects the file.

    `because`: the criteria whose status differs, as (old id, new id, old status, new
    status); an id is "" where a version does not have the criterion.
    """

    subject: str
    file: str
    old: m.Verdict | None
    new: m.Verdict | None
    because: tuple[tuple[str, str, str, str], ...]

    @property
    def flips(self) -> bool:
        return self.old != self.new


def flip(
    comparison: Comparison,
    subject: str,
    file: str,
    old: Mapping[str, m.Status] | None,
    new: Mapping[str, m.Status] | None,
    verdicts: tuple[m.Verdict | None, m.Verdict | None],
) -> Flip | None:
    """How a subject stands in both versions; None where nothing differs.

    `old` and `new`: the statuses by criterion, None where the file was rejected.
    """
    because = []
    for change in comparison.criteria:
        before = old.get(change.old.id, "") if old is not None and change.old else ""
        after = new.get(change.new.id, "") if new is not None and change.new else ""
        if before != after and old is not None and new is not None:
            # A criterion that is new, or gone, tells only where it does not pass.
            if {before, after} == {"", "passed"}:
                continue
            ids = (change.old.id if change.old else "", change.new.id if change.new else "")
            because.append((*ids, before, after))
    if verdicts[0] == verdicts[1] and not because:
        return None
    return Flip(subject, file, verdicts[0], verdicts[1], tuple(because))


# --- in words -----------------------------------------------------------------------------


def rule_lines(protocol: m.Protocol, criterion: m.Criterion) -> list[str]:
    """A criterion's condition in words, a line a test, indented by depth."""
    lines: list[str] = []

    def walk(condition: m.Condition, depth: int) -> None:
        pad = "  " * depth
        if isinstance(condition, m.Defined):
            walk(protocol.definitions[condition.name], depth)
        elif isinstance(condition, m.All | m.Any):
            lines.append(pad + ("all of:" if isinstance(condition, m.All) else "any of:"))
            for child in condition.children:
                walk(child, depth + 1)
        elif isinstance(condition, m.Not):
            lines.append(pad + "not:")
            walk(condition.child, depth + 1)
        else:
            lines.append(pad + leaf_words(condition, protocol.facts))

    walk(criterion.holds_when, 0)
    return lines


def record(comparison: Comparison, flips: Sequence[Flip] | None, as_of: date | None) -> Plain:
    """The comparison as one JSON object, keys in a fixed order."""
    return {
        "schema": "eligo.diff/1",
        "old": _identity(comparison.old),
        "new": _identity(comparison.new),
        "alike": comparison.alike,
        "verdict": _change_record(comparison, comparison.verdict, rules=False),
        "criteria": [_change_record(comparison, c) for c in comparison.criteria],
        "outcomes": [_change_record(comparison, c, rules=False) for c in comparison.outcomes],
        "dictionary": list(comparison.dictionary),
        "other": list(comparison.other),
        "subjects": None
        if flips is None
        else {
            "as_of": as_of.isoformat() if as_of else None,
            "rescreen": sorted({one.subject for one in flips}),
            "flips": [
                {
                    "subject": one.subject,
                    "file": one.file,
                    "old": one.old,
                    "new": one.new,
                    "because": [
                        {"old_id": a, "new_id": b, "old": before, "new": after}
                        for a, b, before, after in one.because
                    ],
                }
                for one in flips
            ],
        },
    }


def _identity(protocol: m.Protocol) -> Plain:
    return {
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "effective": protocol.effective.isoformat() if protocol.effective else None,
        "digest": protocol.digest,
    }


def _change_record(comparison: Comparison, change: Change, rules: bool = True) -> Plain:
    def side(criterion: m.Criterion | None, protocol: m.Protocol) -> Plain | None:
        if criterion is None:
            return None
        return {
            "id": criterion.id,
            "kind": criterion.kind,
            "text": criterion.text,
            "interpretation": criterion.interpretation,
            "basis": criterion.basis,
            "source": criterion.source,
            "rule": rule_lines(protocol, criterion) if rules else [],
        }

    def shown(one: Shown | None) -> Plain | None:
        if one is None:
            return None
        return {
            "as_of": one.as_of.isoformat(),
            "old": one.old,
            "new": one.new,
            "old_verdict": one.old_verdict,
            "new_verdict": one.new_verdict,
            "subject": {"subject": "WITNESS", **fitted(one.recorded, comparison.new)}
            if rules or change is comparison.verdict
            else {"subject": "WITNESS", **one.recorded},
        }

    return {
        "relation": change.relation,
        "renumbered": change.renumbered,
        "reworded": change.reworded,
        "basis": "proved" if change.proved else "undecided",
        "old": side(change.old, comparison.old),
        "new": side(change.new, comparison.new),
        "worse": shown(change.worse),
        "better": shown(change.better),
    }
