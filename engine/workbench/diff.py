"""What an amendment changes: two versions of a pack compared over all that can be recorded.

A criterion is *stricter* if some subject stands worse under the new version (passed, open,
failed, in this order) and it is proved that none stands better; *looser* the other way round;
*different* if both occur. Where one direction has a witness and the other is not decided, it
is *stricter-for-some* or *looser-for-some*, and no more is claimed. Every witness has been
screened by the fired rules of both versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Literal

from engine import terms as m
from engine.decide.decision import Screener
from engine.record.shape import Decision, Why
from engine.record.wording import leaf_text, leaf_words
from engine.regions.asked import Plain, fitted, inlined, leaves_of, subject_from
from engine.regions.diagrams import FALSE, TRUE, Effort, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.terms.protocol import condition_paths
from engine.workbench.differences import (
    accepts_alike,
    definition_lines,
    dictionary_lines,
    identity_lines,
    mistakable,
    outcome_lines,
    read_alike,
    used_line,
)
from engine.workbench.edits import only_reached
from engine.workbench.findings import BASE

if TYPE_CHECKING:
    from engine.outcomes.patient import OutcomeScreener

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
FILES_DIFFER = (
    "files: they differ in what is not compared (comments, layout, order of entries, other files)"
)


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


def compare(
    old: m.Protocol,
    new: m.Protocol,
    progress: Progress = lambda *_: None,
    times: int = 1,
) -> Comparison:
    """Compare two versions of a pack, with so many times the usual effort.

    Raises: EngineFault.
    """
    with Screener(old) as before, Screener(new) as after:
        pair = _Pair(
            old, new, (_subject_reader(old, before), _subject_reader(new, after)), progress,
            Effort(times=times),
        )  # fmt: skip
        criteria = tuple(pair.changes())
        progress("the verdict", 0, 1)
        verdict = pair.verdict(criteria)
    outcomes = tuple(_outcome_changes(old, new, progress, times))
    found = Comparison(
        old, new, criteria, verdict, outcomes,
        tuple(dictionary_lines(old, new)), tuple(outcome_lines(old, new)),
        tuple(_protocol_lines(old, new, criteria, outcomes)), accepts_alike(old, new),
    )  # fmt: skip
    if found.alike and old.digest != new.digest:
        return replace(found, protocol=(FILES_DIFFER,))
    return found


def _protocol_lines(
    old: m.Protocol, new: m.Protocol, criteria: Sequence[Change], outcomes: Sequence[Change]
) -> Iterator[str]:
    """What two packs differ in beside meaning, wording and the dictionary."""
    yield from identity_lines(old, new)
    kept = [(c.old, c.new) for c in criteria if c.old is not None and c.new is not None]
    after = [two.id for _, two in kept]
    place = {one.id: number for number, one in enumerate(old.criteria)}
    before = [two.id for _, two in sorted(kept, key=lambda pair: place[pair[0].id])]
    if before != after:
        yield f"criteria in another order: {' '.join(before)} -> {' '.join(after)}"
    yield from definition_lines(old, new)
    for c in (*criteria, *outcomes):
        if c.old is not None and c.new is not None and c.relation == "same" and not c.rewritten:
            yield from used_line(c.new.id, _own_rule(c.old, c.about), _own_rule(c.new, c.about))


def _own_rule(criterion: m.Criterion, about: About) -> m.Condition:
    """A criterion's condition; a class's, without the classes above it."""
    condition = criterion.holds_when
    if about == "class" and isinstance(condition, m.All):
        return condition.children[-1]
    return condition


# --- the same by inspection -----------------------------------------------------------------


def _same_to_read(
    old: m.Protocol, before: m.Condition, new: m.Protocol, after: m.Condition
) -> bool:
    """Whether two conditions are one, over dictionary entries that are one.

    Definitions are written out. Then nothing that a truth depends on differs, whatever is
    recorded, and there is nothing to work out.
    """
    written = inlined(before, old.definitions)
    if written != inlined(after, new.definitions):
        return False
    tests = (leaf for leaf in leaves_of(written, {}) if not isinstance(leaf, m.Todo))
    return read_alike(old, new, (test.fact for test in tests))


# --- two versions side by side --------------------------------------------------------------

Read = tuple[Plain, Mapping[str, str], m.Verdict | None]
Reader = Callable[[Plain, date], Read]
"""How one version reads something recorded on a day: the file that it knows of it, what its
rules conclude of each criterion, and the verdict. Raises: InputRejected, EngineFault."""


def _subject_reader(protocol: m.Protocol, screener: Screener) -> Reader:
    def read(recorded: Plain, as_of: date) -> tuple[Plain, Mapping[str, str], m.Verdict | None]:
        known = fitted(recorded, protocol)
        # As `eligo screen` reads it: against the whole dictionary.
        trace = screener.trace(subject_from(known, protocol, as_of, "WITNESS"), as_of)
        return known, trace.statuses, trace.verdict

    return read


Regions = tuple[list[Space], bool]


class _Pair:
    """Two packs, their rules, and what can be recorded for both, while they are compared.

    `about`: what their criteria are; of classes and events, `belongs` is what tells.
    """

    def __init__(
        self,
        old: m.Protocol,
        new: m.Protocol,
        readers: tuple[Reader, Reader],
        progress: Progress,
        effort: Effort,
        of_entries: bool = False,
    ) -> None:
        self.old, self.new, self.readers, self.progress = old, new, readers, progress
        self.of_entries = of_entries
        self.effort = effort
        self.sizes = [len(condition_paths(pack)) for pack in (old, new)]

    @cached_property
    def regions(self) -> Regions:
        """What can be recorded, day by day, and whether those days stand for all."""
        return spaces([self.old, self.new], self.base, self.effort, self.progress)

    @property
    def base(self) -> date:
        return self.new.effective or self.old.effective or BASE

    def changes(self) -> Iterator[Change]:
        matched = self._matched()
        done: set[str] = set()
        for number, criterion in enumerate(self.new.criteria):
            self.progress("criteria", number, len(self.new.criteria))
            other = matched.get(criterion.id)
            if other is None:
                yield self._alone(criterion, 1)
                continue
            done.add(other.id)
            yield self._change(other, criterion)
        for before in self.old.criteria:
            if before.id not in done:
                yield self._alone(before, 0)

    def _rules(self, old: m.Criterion | None, new: m.Criterion | None, change: Change) -> Change:
        """A change with its criteria, and their conditions in words."""
        one = old or new
        about: About = one.about if one is not None else "criterion"

        def lines(
            protocol: m.Protocol,
            criterion: m.Criterion | None,
            say: Callable[[m.Leaf], str] | None = None,
        ) -> tuple[str, ...]:
            if criterion is None:
                return ()
            return tuple(rule_lines(protocol, _own_rule(criterion, about), say))

        # By the names of facts and codes, in the units of one version.
        facts = {**self.old.facts, **self.new.facts}
        written = [
            lines(pack, one, lambda leaf: leaf_text(leaf, facts))
            for pack, one in ((self.old, old), (self.new, new))
        ]
        return replace(
            change, old=old, new=new, about=about,
            old_rule=lines(self.old, old), new_rule=lines(self.new, new),
            rewritten=all(written) and written[0] != written[1],
        )  # fmt: skip

    def _alone(self, criterion: m.Criterion, number: int) -> Change:
        """A criterion that only one version has, with a subject that fails it; a class, with
        an entry that belongs to it."""
        shown = self._alone_shown(criterion, number)
        gained = bool(number) == self.of_entries
        change = Change(
            "added" if number else "removed", None, None, True,
            None if gained else shown, shown if gained else None, gained, not gained,
        )  # fmt: skip
        old, new = (None, criterion) if number else (criterion, None)
        return self._rules(old, new, change)

    def _alone_shown(self, criterion: m.Criterion, number: int) -> Shown | None:
        self.effort.question()
        wanted = TRUE if self.of_entries else FALSE
        for space in self.regions[0]:
            try:
                goal = space.diagrams.is_(space.status(criterion, number), wanted)
            except TooLarge:
                continue
            for before, after, files, verdicts in self._screened(space, goal):
                said = (before, after)[number][criterion.id]
                if RANK[said] == wanted:
                    two = (NOT_ASKED, said) if number else (said, NOT_ASKED)
                    return Shown(space.as_of, *files, *two, *verdicts)
        return None

    def _screened(
        self, space: Space, goal: int
    ) -> Iterator[
        tuple[
            Mapping[str, str],
            Mapping[str, str],
            tuple[Plain, Plain],
            tuple[m.Verdict | None, m.Verdict | None],
        ]
    ]:
        """Witnesses of a goal, screened by both versions: what each concludes, the file as
        each knows it, and the verdicts."""
        for recorded, _ in space.witnesses(goal, 20):
            self.effort.screened(*self.sizes)
            try:
                first, before, old = self.readers[0](recorded, space.as_of)
                second, after, new = self.readers[1](recorded, space.as_of)
            except (InputRejected, EngineFault):
                continue
            yield before, after, (first, second), (old, new)

    def _matched(self) -> dict[str, m.Criterion]:
        """For each new criterion the old one it continues: by id where meaning or words
        agree, else by words, else by meaning, else by id."""
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

    def _same_to_read(self, old: m.Criterion, new: m.Criterion) -> bool:
        return old.kind == new.kind and _same_to_read(
            self.old, old.holds_when, self.new, new.holds_when
        )

    def _alike(self, old: m.Criterion, new: m.Criterion) -> bool:
        if self._same_to_read(old, new):
            # What is not written yet is no meaning to find a criterion by.
            return not isinstance(inlined(old.holds_when, self.old.definitions), m.Todo)
        self.effort.question()
        try:
            return all(s.status(old, 0) == s.status(new, 1) > 2 for s in self.regions[0])
        except TooLarge:
            return False

    def _change(self, old: m.Criterion, new: m.Criterion) -> Change:
        if self._same_to_read(old, new):
            return self._rules(old, new, _same())

        def moved(regions: Regions) -> Change:
            return self._moved(
                regions,
                lambda s: (s.status(old, 0), s.status(new, 1)),
                [(0, old.holds_when), (1, new.holds_when)],
                (old.id, new.id),
            )

        found = moved(self.regions)
        if not found.proved and self.effort.spent < self.effort.limit // 2:
            # By itself, a criterion may have fewer orders of days to look at.
            alone = [only_reached(self.old, [old]), only_reached(self.new, [new])]
            again = moved(spaces(alone, self.base, self.effort, lambda *_: None))
            found = _moved_as(
                found.worse or again.worse,
                found.better or again.better,
                found.never_worse or again.never_worse,
                found.never_better or again.never_better,
            )
        return self._rules(old, new, found)

    def verdict(self, criteria: Sequence[Change]) -> Change:
        """How the verdict moved, beside what is known of each criterion.

        A verdict is as good as the worst of the statuses: where no criterion is better for
        anybody, no verdict is.
        """
        no_worse = all(c.never_worse for c in criteria)
        no_better = all(c.never_better for c in criteria)
        if no_better and no_worse:
            return replace(_same(), about="verdict")
        about = [(k, c.holds_when) for k, p in enumerate((self.old, self.new)) for c in p.criteria]
        moved = self._moved(
            self.regions, lambda s: (s.verdict(0), s.verdict(1)), about, None, no_worse, no_better
        )
        return replace(moved, about="verdict")

    def _moved(
        self,
        regions: Regions,
        diagrams: Callable[[Space], tuple[int, int]],
        about: Sequence[tuple[int, m.Condition]],
        ids: tuple[str, str] | None,
        never_worse: bool = False,
        never_better: bool = False,
    ) -> Change:
        """How two diagrams stand to each other; `never_worse` and `never_better` are known."""
        worse = better = None
        found, all_dates = regions
        no_worse = no_better = all_dates or found[0].timeless(about)
        self.effort.question()
        for space in found:
            try:
                before, after = diagrams(space)
                if not space.complete(about):
                    no_worse = no_better = False
                if before == after:
                    continue
                down = space.diagrams.less(after, before)
                up = space.diagrams.less(before, after)
                if down != FALSE:
                    no_worse = False
                    worse = worse or self._shown(space, before, after, down, ids, -1)
                if up != FALSE:
                    no_better = False
                    better = better or self._shown(space, before, after, up, ids, 1)
            except TooLarge:
                no_worse = no_better = False
        return _moved_as(worse, better, no_worse or never_worse, no_better or never_better)

    def _shown(
        self,
        space: Space,
        before: int,
        after: int,
        goal: int,
        ids: tuple[str, str] | None,
        sign: int,
    ) -> Shown | None:
        """A subject of a goal that both versions' rules find better (`sign` 1) or worse."""
        # Passed against failed says most; decided against open, less.
        decided = space.diagrams.both(
            goal, space.diagrams.is_(before, 0, 2), space.diagrams.is_(after, 0, 2)
        )
        for one in (decided, goal):
            for old, new, files, verdicts in self._screened(space, one):
                if ids is not None:
                    said = (old[ids[0]], new[ids[1]])
                else:
                    said = (str(verdicts[0]), str(verdicts[1]))
                if (RANK[said[1]] - RANK[said[0]]) * sign > 0:
                    return Shown(space.as_of, *files, *said, *verdicts)
        return None


def _moved_as(worse: Shown | None, better: Shown | None, no_worse: bool, no_better: bool) -> Change:
    """The change that is told by its witnesses, and by the directions proved absent."""
    relation: Relation
    if worse and better:
        # Each is shown, so neither can be absent.
        return Change("different", None, None, True, worse, better)
    if worse:
        relation, proved = "stricter" if no_better else "stricter-for-some", no_better
    elif better:
        relation, proved = "looser" if no_worse else "looser-for-some", no_worse
    else:
        proved = no_worse and no_better
        relation = "same" if proved else "undecided"
    return Change(relation, None, None, proved, worse, better, no_worse, no_better)


def _same() -> Change:
    return _moved_as(None, None, True, True)


# --- outcomes -------------------------------------------------------------------------------


def _outcome_changes(
    old: m.Protocol, new: m.Protocol, progress: Progress, times: int
) -> Iterator[Change]:
    """The classes of the outcome rules, entry by entry of each list that both grade."""
    if old.outcomes is None or new.outcomes is None:
        return
    from engine.outcomes.entries import entry_answers, entry_file
    from engine.outcomes.patient import OutcomeScreener
    from engine.outcomes.screened import entry_pack

    with ExitStack() as opened:

        @cache
        def screener(number: int) -> OutcomeScreener:
            return opened.enter_context(OutcomeScreener((old, new)[number]))

        def reader(number: int, records: str) -> Reader:
            """As `eligo outcomes` reads one entry of a list."""

            def read(recorded: Plain, as_of: date) -> Read:
                protocol = (old, new)[number]
                file = entry_file(recorded, protocol, records, as_of)
                said = entry_answers(file, protocol, records, screener(number), as_of)
                return file, said, None

            return read

        for records in new.outcomes.scopes:
            if records not in old.outcomes.scopes or mistakable(old, new, records):
                continue
            before = entry_pack(old, old.outcomes, records)
            after = entry_pack(new, new.outcomes, records)
            if before.criteria and after.criteria:
                readers = (reader(0, records), reader(1, records))
                effort = Effort(times=times)
                yield from _Pair(before, after, readers, progress, effort, True).changes()


# --- subjects -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Because:
    """A criterion whose status differs, and what each version's rules looked at.

    An id is "" where a version does not have the criterion; the sentences are those of the
    tests that made it come out so, without those that both versions share.
    """

    old_id: str
    new_id: str
    old: str
    new: str
    old_says: tuple[str, ...]
    new_says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """One subject under both versions; a verdict is None where the version rejects the file.

    `faults`: why it does, a line each.
    """

    subject: str
    file: str
    old: m.Verdict | None
    new: m.Verdict | None
    because: tuple[Because, ...]
    faults: tuple[str, ...] = ()

    @property
    def flips(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class Subjects:
    """Who comes out differently on a day, of how many files that a version could read.

    `rejected`: the files that neither version accepts, of whom nothing is said.
    """

    as_of: date
    compared: int
    flips: tuple[Flip, ...]
    rejected: tuple[str, ...]


def flip(
    comparison: Comparison,
    subject: str,
    file: str,
    decisions: tuple[Decision | None, Decision | None],
    faults: tuple[str, ...] = (),
) -> Flip | None:
    """How a subject stands in both versions; None where nothing differs.

    `decisions`: by version, None where it rejected the file, because of `faults`.
    """
    old, new = decisions
    verdicts = (old["verdict"] if old else None, new["verdict"] if new else None)
    if old is None or new is None:
        return Flip(subject, file, *verdicts, (), faults)
    sides = [{c["id"]: c for c in decision["criteria"]} for decision in (old, new)]
    because = []
    for change in comparison.criteria:
        before = sides[0][change.old.id] if change.old else None
        after = sides[1][change.new.id] if change.new else None
        said = (before["status"] if before else "", after["status"] if after else "")
        # A criterion that is new, or gone, tells only where it does not pass.
        if said[0] == said[1] or set(said) == {"", "passed"}:
            continue
        own = _reasons(before["why"] if before else None, after["why"] if after else None)
        ids = (change.old.id if change.old else "", change.new.id if change.new else "")
        because.append(Because(*ids, *said, *own))
    if verdicts[0] == verdicts[1] and not because:
        return None
    return Flip(subject, file, *verdicts, tuple(because))


def _reasons(old: Why | None, new: Why | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What tests say that made a condition come out otherwise, as each version has them.

    Parts that both have, and that came out alike, are passed over; of one part that is left
    on each side, in a group of the same word, its own parts are looked at.
    """
    if old is None or new is None:
        return (_rests_on(old) if old else (), _rests_on(new) if new else ())
    if old["condition"] == new["condition"] and old["children"] and new["children"]:
        left, come = list(old["children"]), []
        for part in new["children"]:
            same = next((one for one in left if _alike(one, part)), None)
            if same is None:
                come.append(part)
            else:
                left.remove(same)
        if len(left) == len(come) == 1:
            return _reasons(left[0], come[0])
        if left or come:
            return (
                _rests_on({**old, "children": left}) if left else (),
                _rests_on({**new, "children": come}) if come else (),
            )
    return _rests_on(old), _rests_on(new)


def _alike(one: Why, other: Why) -> bool:
    """Whether two conditions say the same of a subject, whatever they are numbered."""
    return (
        (one["condition"], one["truth"], one.get("says"))
        == (other["condition"], other["truth"], other.get("says"))
        and len(one["children"]) == len(other["children"])
        and all(_alike(a, b) for a, b in zip(one["children"], other["children"], strict=True))
    )


def _rests_on(why: Why) -> tuple[str, ...]:
    """What the tests say that a condition's truth rests on, in order."""
    found: dict[str, None] = {}

    def walk(why: Why) -> None:
        children = why["children"]
        if not children:
            found[why.get("says", why["condition"])] = None
            return
        settles = {"all of": "true", "any of": "false"}.get(why["condition"])
        # One part settles an `all` that is not true; that one is true, all of them do.
        telling = [
            child
            for child in children
            if len(children) == 1 or why["truth"] == settles or child["truth"] == why["truth"]
        ]
        for child in telling or children:
            walk(child)

    walk(why)
    return tuple(found)


# --- in words -----------------------------------------------------------------------------


def rule_lines(
    protocol: m.Protocol, condition: m.Condition, say: Callable[[m.Leaf], str] | None = None
) -> list[str]:
    """A condition, a line a test, indented by depth; `say` words a test, else plain words do."""
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
            lines.append(pad + (say(condition) if say else leaf_words(condition, protocol.facts)))

    walk(condition, 0)
    return lines


def record(comparison: Comparison, subjects: Subjects | None) -> Plain:
    """The comparison as one JSON object, keys in a fixed order."""
    return {
        "schema": "eligo.diff/1",
        "old": _identity(comparison.old),
        "new": _identity(comparison.new),
        "alike": comparison.alike,
        "accepts": "the same" if comparison.accepts_alike else "not the same",
        "protocol": list(comparison.protocol),
        "verdict": _change_record(comparison.verdict),
        "criteria": [_change_record(c) for c in comparison.criteria],
        "outcomes": [_change_record(c) for c in comparison.outcomes],
        "dictionary": list(comparison.dictionary),
        "other": list(comparison.other),
        "subjects": None if subjects is None else _subjects_record(subjects),
    }


def _subjects_record(subjects: Subjects) -> Plain:
    return {
        "as_of": subjects.as_of.isoformat(),
        "compared": subjects.compared,
        "rescreen": sorted({one.subject for one in subjects.flips}),
        "rejected": list(subjects.rejected),
        "flips": [
            {
                "subject": one.subject,
                "file": one.file,
                "old": one.old,
                "new": one.new,
                "faults": list(one.faults),
                "because": [
                    {
                        "old_id": item.old_id,
                        "new_id": item.new_id,
                        "old": item.old,
                        "new": item.new,
                        "old_says": list(item.old_says),
                        "new_says": list(item.new_says),
                    }
                    for item in one.because
                ],
            }
            for one in subjects.flips
        ],
    }


def _identity(protocol: m.Protocol) -> Plain:
    return {
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "effective": protocol.effective.isoformat() if protocol.effective else None,
        "digest": protocol.digest,
    }


def _change_record(change: Change) -> Plain:
    def side(criterion: m.Criterion | None, rule: tuple[str, ...]) -> Plain | None:
        if criterion is None:
            return None
        return {
            "id": criterion.id,
            "kind": criterion.kind if change.about == "criterion" else None,
            "text": criterion.text,
            "interpretation": criterion.interpretation,
            "basis": criterion.basis,
            "source": criterion.source,
            "rule": list(rule),
        }

    def shown(one: Shown | None) -> Plain | None:
        if one is None:
            return None
        old, new = ({"subject": "WITNESS", **file} for file in (one.old_file, one.new_file))
        alike = old == new
        return {
            "as_of": one.as_of.isoformat(),
            "old": one.old,
            "new": one.new,
            "old_verdict": one.old_verdict,
            "new_verdict": one.new_verdict,
            "subject": new if alike else None,
            "old_subject": None if alike else old,
            "new_subject": None if alike else new,
        }

    return {
        "about": change.about,
        "relation": change.relation,
        "renumbered": change.renumbered,
        "turned": change.turned,
        "reworded": change.reworded,
        "rewritten": change.rewritten,
        "never_worse": change.never_worse,
        "never_better": change.never_better,
        "basis": _basis(change),
        "old": side(change.old, change.old_rule),
        "new": side(change.new, change.new_rule),
        "worse": shown(change.worse),
        "better": shown(change.better),
    }


def _basis(change: Change) -> str:
    """How the relation is known; see WORKBENCH, section 1."""
    if change.relation in ("added", "removed"):
        return "read"
    if change.relation in ("different", "stricter-for-some", "looser-for-some"):
        return "witnessed"
    return "proved" if change.proved else "undecided"
