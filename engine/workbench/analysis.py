"""What a pack means: its findings, proved or shown.

Those about meaning are proved over all regions of what can be recorded (`engine.regions`), or
shown by a witness that the fired rules have screened; what neither settles is said to be
undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property, partial
from itertools import combinations, product
from typing import TYPE_CHECKING, Literal, TypeVar

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.source import Num
from engine.record.wording import amount_text, leaf_text
from engine.reference import evaluator as reference
from engine.regions.asked import PERSON, Plain, inlined, leaves_of, pack_leaves, subject_from
from engine.regions.bounds import (
    Ladder,
    Step,
    cut_by,
    held,
    ladders,
    opposite,
    shared_value,
    without,
)
from engine.regions.days import back
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, Effort, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.terms.protocol import condition_paths
from engine.workbench.cases import Cases
from engine.workbench.edits import leaf_paths, only_reached, replaced, users
from engine.workbench.findings import BASE, Finding, from_text, unwritten
from engine.workbench.witness import Witness, confirmed

if TYPE_CHECKING:
    from engine.terms import Scale, ScaleClass

T = TypeVar("T")
Goal = Callable[[Space], int]
"""What is looked for, as a diagram over what can be recorded."""

Tests = Sequence[tuple[m.Leaf, bool]]
"""Tests that hold, or fail to (True), wherever a condition does."""

MOST_NOTES = 20
"""So many questions that were not decided are named; of more, how many there are is said."""

LONGER = "look longer with `--effort 10`"


def holds(condition: m.Condition, truth: int = TRUE) -> Goal:
    """A condition comes to a truth."""
    return lambda space: space.diagrams.is_(space.diagram(condition), truth)


def stands(truth: int, *criteria: m.Criterion) -> Goal:
    """The worst of some criteria's statuses is this: 2 passed, 0 failed."""
    return lambda space: space.diagrams.is_(
        space.diagrams.all(space.status(one) for one in criteria), truth
    )


def findings(
    protocol: m.Protocol,
    screener: Screener | None = None,
    cases: Cases | None = None,
    progress: Progress = lambda *_: None,
    effort: Effort | None = None,
) -> list[Finding]:
    """Every finding, in the pack's order.

    `screener`: the pack's fired rules, by which witnesses are confirmed; made here if None.
    `cases`: the pack's cases, which count as uses of a code. `effort`: what may be spent.
    Raises: EngineFault.
    """
    found = [*from_text(protocol, cases)]
    own = screener or Screener(protocol)
    try:
        found += _Analysis(protocol, own, progress, effort).findings()
    finally:
        if screener is None:
            own.close()
    files = {name: i for i, name in enumerate(("facts", "eligibility", "cases"))}

    def order(finding: Finding) -> tuple[int, str, int, int, str]:
        place = finding.place
        stem = place.path.rpartition("/")[2].partition(".")[0]
        return files.get(stem, 9), place.path, place.line, place.column, finding.code

    return sorted(found, key=order)


@dataclass(frozen=True, slots=True)
class Ground:
    """What can be recorded for a pack, on as-of dates; `all_dates`: they stand for every one."""

    spaces: Sequence[Space]
    all_dates: bool

    def on_every_day(self, about: Iterable[m.Condition]) -> bool:
        """Whether the spaces stand for every as-of date, where some conditions are concerned."""
        return self.all_dates or self.spaces[0].timeless([(0, one) for one in about])


def ground_of(
    protocol: m.Protocol, base: date, effort: Effort, progress: Progress = lambda *_: None
) -> Ground:
    """What can be recorded for a pack, in every order that its limits can come to stand in."""
    return Ground(*spaces([protocol], base, effort, progress))


class _Analysis:
    """The questions about one pack, asked in every order that its limits can come to stand in."""

    def __init__(
        self,
        protocol: m.Protocol,
        screener: Screener,
        progress: Progress,
        effort: Effort | None = None,
    ) -> None:
        self.protocol, self.screener, self.told_of = protocol, screener, progress
        self.effort = effort or Effort()
        self.base = protocol.effective or BASE
        self.ground = ground_of(protocol, self.base, self.effort, progress)
        self.spaces = self.ground.spaces
        self.count = len(pack_leaves(protocol))
        self.grounds: dict[object, Ground] = {}
        self.silent: set[str] = set()  # criteria of which no more is said
        self.told: set[str] = set()  # conditions of which no more is said, nor of their parts
        self.written: dict[str, tuple[m.Condition, Tests]] = {}
        self.leaves: dict[int, tuple[m.Condition, frozenset[m.Leaf]]] = {}
        self.unwritten: set[str] = set()  # criteria with a `todo`: open for everybody as yet
        self.hopeless = False  # a finding says already why nobody can be eligible
        self.stage = "criteria"
        self.undecided: dict[str, str] = {}  # questions, with the stage that asked
        self.left: Counter[str] = Counter()  # what was not looked at, by stage

    def progress(self, stage: str, done: int, of: int, share: int = 100) -> bool:
        """Begin one thing of a stage; False where nothing may be spent on it any more: the rest
        is then left. `share`: per cent of the whole after which the stage ends."""
        self.stage = stage
        self.told_of(stage, done, of)
        if self.effort.spent * 100 <= self.effort.limit * share:
            return True
        self.left[stage] = of - done
        return False

    def findings(self) -> Iterator[Finding]:
        yield from self._validity()
        for number, criterion in enumerate(self.protocol.criteria):
            self.progress("criteria", number, len(self.protocol.criteria))
            yield from self._alone(criterion)
        self.left.clear()  # each was looked at, however little could be said
        yield from self._pairs()
        yield from self._inside()
        self.stage = "ordered lists"
        yield from self._steps()
        yield from self._windows()
        yield from self._classes()
        self.stage = "the pack as a whole"
        if not self.hopeless:
            yield from self._nobody()
        yield from self._not_decided()

    def _not_decided(self) -> Iterator[Finding]:
        """Each question that was not decided; where they are many, how many of each kind."""
        hint = LONGER if self.effort.spent > self.effort.limit // 2 else ""
        many = Counter(self.undecided.values()) if len(self.undecided) > MOST_NOTES else Counter()
        for what in () if many else self.undecided:
            said = f"not decided within the limit: {what}"
            yield Finding("undecided", self._place_of(what), said, hint, "undecided")
        said = "; ".join(
            f"{how}: {', '.join(f'{stage} {number:,}' for stage, number in counts.items())}"
            for how, counts in (
                ("questions not decided within the limit", many),
                ("not looked at", self.left),
            )
            if counts
        )
        if said:
            place = self.protocol.criteria[0].place
            yield Finding("undecided", place, said, hint, "undecided")

    @cached_property
    def _places(self) -> dict[str, m.Span]:
        places = {path: one.place for path, one in condition_paths(self.protocol).items()}
        return places | {criterion.id: criterion.place for criterion in self.protocol.criteria}

    def _place_of(self, what: str) -> m.Span:
        """Where the criterion or condition stands that a question names first."""
        words = (word.rstrip(":,") for word in what.split())
        named = next((self._places[word] for word in words if word in self._places), None)
        return named or self.protocol.criteria[0].place

    def doubt(self, what: str) -> None:
        """Keep a question that was not decided."""
        self.undecided.setdefault(what, self.stage)

    # --- asking -------------------------------------------------------------------------

    def ask(
        self,
        goal: Goal,
        about: Sequence[m.Condition],
        what: str,
        *,
        definite: bool = False,
        ground: Ground | None = None,
        check: Callable[[Witness], bool] = lambda _: True,
    ) -> Witness | Literal["none", "undecided"]:
        """A confirmed witness of a goal; else whether it is proved that there is none."""
        found: list[Witness] = []

        def screened(recorded: Plain, as_of: date) -> bool:
            witness = self._confirmed(recorded, as_of)
            if witness is None or not check(witness):
                return False
            found.append(witness)
            return True

        answer = self._looked(goal, about, definite, screened, ground)
        if answer == "some":
            return found[0]
        if answer == "undecided":
            self.doubt(what)
        return answer

    def never(
        self, goal: Goal, about: Sequence[m.Condition], what: str, *,
        definite: bool = False,
    ) -> bool:  # fmt: skip
        """Whether it is proved that nothing gives a goal. That something does is no finding,
        so it need not be screened by the rules."""
        answer = self._looked(goal, about, definite, lambda *_: True)
        if answer == "undecided":
            self.doubt(what)
        return answer == "none"

    def _looked(
        self,
        goal: Goal,
        about: Sequence[m.Condition],
        definite: bool,
        accept: Callable[[Plain, date], bool],
        ground: Ground | None = None,
    ) -> Literal["some", "none", "undecided"]:
        """Whether a goal is met by something that can be recorded (and is accepted)."""
        if self.effort.spent > self.effort.limit:
            return "undecided"
        self.effort.question()
        found = self._looked_on(ground or self.ground, goal, about, definite, accept)
        if found != "undecided" or ground is not None:
            return found
        # By themselves, these conditions may have fewer orders of days to look at, and less
        # that hangs together.
        for own in self._own_grounds(about):
            self.effort.question()
            found = self._looked_on(own, goal, about, definite, accept)
            if found != "undecided":
                return found
        for free in self._free_grounds(about):
            self.effort.question()
            found = self._looked_on(free, goal, about, definite, lambda *_: False)
        return found

    def _looked_on(
        self,
        ground: Ground,
        goal: Goal,
        about: Sequence[m.Condition],
        definite: bool,
        accept: Callable[[Plain, date], bool],
    ) -> Literal["some", "none", "undecided"]:
        proved = ground.on_every_day(about)
        for space in ground.spaces:
            try:
                asked = goal(space)
            except TooLarge:
                proved = False
                continue
            if asked != FALSE:
                for recorded, _ in space.witnesses(asked, 20):
                    if self.effort.over:
                        break
                    if accept(recorded, space.as_of):
                        return "some"
                proved = False
            elif not space.complete([(0, one) for one in about], definite=definite):
                proved = False
        return "none" if proved else "undecided"

    def _own_grounds(self, about: Sequence[m.Condition]) -> Iterator[Ground]:
        """What can be recorded for some conditions alone; nothing where that is no less."""
        leaves = self._leaves(about)
        if len(leaves) < self.count:
            yield from self._ground(self.protocol, about, leaves)

    def _free_grounds(self, about: Sequence[m.Condition]) -> Iterator[Ground]:
        """As if days between dates were free of the dates themselves: more than can be
        recorded, so that what is never met there is never met."""
        facts = dict(self.protocol.facts)
        asked = {leaf.fact for leaf in self._leaves(about) if not isinstance(leaf, m.Todo)}
        for name in asked:
            derive = facts[name].derive
            if isinstance(derive, m.DaysBetween):
                ends = [f"{name}~from", f"{name}~to"]
                facts[name] = replace(facts[name], derive=m.DaysBetween(*ends))
                facts |= {end: m.Fact(end, "", "date", changes="never") for end in ends}
        if facts != self.protocol.facts:
            yield from self._ground(
                replace(self.protocol, facts=facts), about, ("free", self._leaves(about))
            )

    def _ground(
        self, protocol: m.Protocol, about: Sequence[m.Condition], key: object
    ) -> Iterator[Ground]:
        """A ground for some conditions, made once; nothing where the analysis has taken half
        of what it may."""
        if self.effort.spent > self.effort.limit // 2:
            return
        if key not in self.grounds:
            alone = only_reached(protocol, _asking(about))
            self.grounds[key] = ground_of(alone, self.base, self.effort)
        yield self.grounds[key]

    def _leaves(self, about: Sequence[m.Condition]) -> frozenset[m.Leaf]:
        for one in about:
            if id(one) not in self.leaves:
                found = frozenset(leaves_of(one, self.protocol.definitions))
                self.leaves[id(one)] = (one, found)  # kept, so that the id stays its own
        return frozenset[m.Leaf]().union(*(self.leaves[id(one)][1] for one in about))

    def _confirmed(self, recorded: Plain, as_of: date) -> Witness | None:
        self.effort.screened(len(self.screener.program.paths))
        try:
            return confirmed(self.screener, recorded, as_of)
        except (InputRejected, EngineFault):
            return None

    def settle(self, question: Callable[[], T], otherwise: T, what: str) -> T:
        """What a question comes to; where it is too large that is said, and nothing claimed."""
        if self.effort.spent <= self.effort.limit:
            self.effort.question()
            try:
                return question()
            except TooLarge:
                pass
        self.doubt(what)
        return otherwise

    # --- one criterion --------------------------------------------------------------------

    def _alone(self, criterion: m.Criterion) -> Iterator[Finding]:
        if unwritten(self.protocol, criterion.id):
            self.silent.add(criterion.id)
            self.unwritten.add(criterion.id)
            what = f"{criterion.id} can never be decided: its rule is not written yet"
            hint = "write `holds_when`"
            ids = (criterion.id,)
            yield Finding("never-decided", criterion.place, what, hint, "proved", ids)
            return
        about = [criterion.holds_when]
        can: dict[int, bool] = {}
        for status, word in ((TRUE, "passed"), (FALSE, "failed")):
            can[status] = not self.never(
                stands(status, criterion),
                about,
                f"whether {criterion.id} can be {word}",
                definite=True,
            )
        place, id_ = criterion.place, criterion.id
        written = leaves_of(criterion.holds_when, self.protocol.definitions)
        if any(isinstance(leaf, m.Todo) for leaf in written):
            # Said already: there is more to come.
            self.silent.add(id_)
            self.unwritten.add(id_)
            return
        inclusion = criterion.kind == "inclusion"
        if not can[TRUE] and not can[FALSE]:
            self.silent.add(id_)
            self.hopeless = True
            what = f"{id_} can never be decided: it is open whatever is recorded"
            hint = "ask for a fact that decides it"
            yield Finding("never-decided", place, what, hint, "proved", (id_,))
        elif not can[TRUE]:
            self.silent.add(id_)
            self.hopeless = True
            what = f"no subject can pass {id_}"
            hint = f"its condition can never {'hold' if inclusion else 'fail'}"
            yield Finding("never-passed", place, what, hint, "proved", (id_,))
        elif not can[FALSE]:
            self.silent.add(id_)
            what = f"no subject can fail {id_}: it decides nothing"
            hint = f"its condition can never {'fail' if inclusion else 'hold'}"
            yield Finding("never-failed", place, what, hint, "proved", (id_,))

    # --- two criteria -----------------------------------------------------------------------

    def _pairs(self) -> Iterator[Finding]:
        protocol = self.protocol
        rest = [c for c in protocol.criteria if c.id not in self.silent]
        self.stage = "pairs of criteria"
        anything = frozenset[int | str](range(len(self.spaces[0].variables)))
        support = {
            c.id: self.settle(
                partial(self._concern, c),
                anything,
                f"whether {c.id} and others imply or exclude each other",
            )
            for c in rest
        }
        pairs = [(a, b) for a, b in combinations(rest, 2) if support[a.id] & support[b.id]]
        for number, (a, b) in enumerate(pairs):
            if not self.progress("pairs of criteria", number, len(pairs), 75):
                break
            about = [a.holds_when, b.holds_when]
            both = f"{a.id} and {b.id}"
            if self.never(
                stands(TRUE, a, b), about, f"whether {both} can be passed together", definite=True,
            ):  # fmt: skip
                self.hopeless = True
                what = f"no subject can pass both {both}"
                hint = f"{a.id} is on line {a.place.line}"
                yield Finding("contradicted", b.place, what, hint, "proved", (a.id, b.id))
                continue
            if a.kind != b.kind:
                overlap = self._overlap(a, b)
                if overlap is not None:
                    yield overlap
                    continue
            ahead = self._ensures(a, b, about)
            back = self._ensures(b, a, about)
            if a.kind != b.kind and not ahead and not back:
                cut = self._cut_short(a, b)
                if cut is not None:
                    yield cut
            if ahead or back:
                one, other = (a, b) if ahead else (b, a)
                what = f"{other.id} adds nothing: it is passed wherever {one.id} is"
                if ahead and back:
                    what = f"{other.id} says the same as {one.id}"
                hint = f"{one.id} is on line {one.place.line}"
                yield Finding("implied", other.place, what, hint, "proved", (other.id, one.id))

    def _concern(self, criterion: m.Criterion) -> frozenset[int | str]:
        """What a criterion is about, on any day."""
        found = (space.concerns(space.status(criterion)) for space in self.spaces)
        return frozenset[int | str]().union(*found)

    def _ensures(self, a: m.Criterion, b: m.Criterion, about: list[m.Condition]) -> bool:
        """Whether `b` never stands worse than `a`: then dropping `b` changes no verdict."""
        return self.never(
            lambda s: s.diagrams.less(s.status(b), s.status(a)),
            about,
            f"{b.id}: whether it is passed wherever {a.id} is",
        )

    def _overlap(self, a: m.Criterion, b: m.Criterion) -> Finding | None:
        """An inclusion and an exclusion that both hold at the limit where they meet.

        One begins where the other ends, and both take the limit. Where they hold together
        over more than that, the exclusion cuts a window out of the inclusion, as protocols
        do; but not a code that the inclusion names.
        """
        inclusion, exclusion = (a, b) if a.kind == "inclusion" else (b, a)
        (included, asked), (excluded, also_asked) = self._written(inclusion, exclusion)
        for (mine, turned), (other, also_turned) in product(asked, also_asked):
            shared = shared_value(mine, turned, other, also_turned, self.protocol.facts)
            if shared is None:
                continue
            if self.effort.spent > self.effort.limit:
                self.doubt(f"{exclusion.id}: whether it overlaps with {inclusion.id}")
                return None
            ground = self.halved([included, excluded, shared])
            if isinstance(other, m.ChoiceTest):
                spared = m.All((shared, m.Not(excluded)))
                if self.may_hold(spared, ground):
                    continue
            met = m.All((
                included, excluded, shared,
                m.Not(without(included, mine)), m.Not(without(excluded, other)),
            ))  # fmt: skip
            found = self.ask(
                holds(met),
                [included, excluded],
                f"{exclusion.id}: whether it overlaps with {inclusion.id}",
                definite=True,
                ground=ground,
                check=lambda w: (
                    w.statuses[inclusion.id] == "passed" and w.statuses[exclusion.id] == "failed"
                ),
            )
            if isinstance(found, Witness):
                ids = (inclusion.id, exclusion.id)
                what = f"at its limit a subject meets {ids[0]} and is excluded by {ids[1]}"
                hint = "let one begin where the other ends"
                if isinstance(mine, m.ChoiceTest):
                    what = f"a code that {ids[0]} names is excluded by {ids[1]}"
                    hint = "name it in one of them"
                return Finding("overlap", exclusion.place, what, hint, "witnessed", ids, found)
        return None

    def _written(self, *criteria: m.Criterion) -> Iterator[tuple[m.Condition, Tests]]:
        """Conditions with their definitions written out, and the tests that they hold by."""
        for one in criteria:
            if one.id not in self.written:
                whole = inlined(one.holds_when, self.protocol.definitions)
                self.written[one.id] = (whole, list(held(whole)))
            yield self.written[one.id]

    def _cut_short(self, a: m.Criterion, b: m.Criterion) -> Finding | None:
        """An inclusion's limit that an exclusion never lets anybody come near.

        Whoever passes the exclusion is inside the limit, and somebody inside it is excluded:
        to exclude above 65 what is included up to 70 is to include up to 65.
        """
        inclusion, exclusion = (a, b) if a.kind == "inclusion" else (b, a)
        (included, asked), (excluded, also_asked) = self._written(inclusion, exclusion)
        for (mine, turned), (other, also_turned) in product(asked, also_asked):
            reaches = m.Not(other) if also_turned else other
            for limit in cut_by(mine, turned, other, also_turned):
                # Whoever passes is beyond the one limit, and whoever is, inside the other.
                if self.may_hold(m.All((reaches, m.Not(excluded)))):
                    continue
                apart = m.All((m.Not(reaches), m.Not(limit)))
                if self.may_hold(apart, self.halved([apart])):
                    continue
                found = self.ask(
                    holds(m.All((included, excluded, m.Not(without(excluded, other))))),
                    [included, excluded],
                    f"{exclusion.id}: whether it cuts {inclusion.id} short",
                    definite=True,
                )
                if isinstance(found, Witness):
                    words = leaf_text(limit, self.protocol.facts)
                    ids = (inclusion.id, exclusion.id)
                    what = f"{ids[1]} excludes part of what {ids[0]} includes: the limit `{words}` "
                    what += "is never reached"
                    hint = "let the inclusion end where the exclusion begins"
                    place = exclusion.place
                    return Finding("overlap", place, what, hint, "witnessed", ids, found)
        return None

    def may_hold(self, condition: m.Condition, ground: Ground | None = None) -> bool:
        """Whether a condition may hold, or it is not known that it never does."""
        answer = self._looked(holds(condition), [condition], True, lambda *_: True, ground)
        return answer != "none"

    def halved(self, conditions: Sequence[m.Condition]) -> Ground:
        """A ground that tells the two halves of a `between` apart."""
        alone = replace(self.protocol, definitions={}, criteria=tuple(_asking(conditions)))
        return ground_of(alone, self.base, self.effort)

    # --- inside a criterion -----------------------------------------------------------------

    def _inside(self) -> Iterator[Finding]:
        protocol = self.protocol
        paths = condition_paths(protocol)
        for number, (path, condition) in enumerate(paths.items()):
            if not self.progress("conditions", number, len(paths)):
                break
            using = users(protocol, path)
            if not using or using <= self.silent or self._told(path):
                continue
            if not isinstance(condition, m.All | m.Any) or len(condition.children) < 2:
                continue
            ids = tuple(sorted(using))
            if isinstance(condition, m.All):
                apart = self._apart(path, condition, ids)
                if apart is not None:
                    self.told.add(path)
                    yield apart
                    continue
            elif self.never(
                holds(condition, FALSE),
                [condition],
                f"{path}: whether one of its conditions always holds",
                definite=True,
            ):
                self.told.add(path)
                what = f"{path}: one of these always holds, whatever is recorded"
                yield Finding("always-holds", condition.place, what, "", "proved", ids)
                continue
            left = protocol  # of two that say the same, one has to stay
            for i, child in enumerate(condition.children, start=1):
                gone = sum(f"{path}.{j}" in self.told for j in range(1, i))
                if gone == len(condition.children) - 1:
                    break
                other = replaced(left, f"{path}.{i - gone}", None)
                if self._same(other, using, f"{path}.{i}: whether it makes a difference"):
                    left = other
                    self.told.add(f"{path}.{i}")
                    what = f"{path}.{i}: {self._words(child)} makes no difference here"
                    hint = "remove it, or correct what hides it"
                    yield Finding("never-matters", child.place, what, hint, "proved", ids)

    def _told(self, path: str) -> bool:
        """Whether a finding was made of a condition, or of one that it is a part of."""
        steps = path.split(".")
        return any(".".join(steps[:n]) in self.told for n in range(1, len(steps) + 1))

    def _apart(self, path: str, whole: m.All, ids: tuple[str, ...]) -> Finding | None:
        """Parts of an `all` that can each hold, but not together: as few as say so."""
        parts = list(enumerate(whole.children, start=1))
        can = [
            (i, one)
            for i, one in parts
            if self.settle(
                partial(self._somewhere, holds(one)),
                False,
                f"{path}: whether two of its conditions exclude each other",
            )
        ]
        sets: list[Sequence[tuple[int, m.Condition]]] = [*combinations(can, 2)]
        if len(can) == len(parts) > 2:
            sets.append(parts)
        for some in sets:
            if not self._never_hold(path, [one for _, one in some]):
                continue
            for spared in list(some):
                less = [one for one in some if one is not spared]
                if len(less) > 1 and self._never_hold(path, [one for _, one in less]):
                    some = less
            named = [self._words(one) for _, one in some]
            what = f"{path}: {', '.join(named[:-1])} and {named[-1]} never hold together"
            numbers = [str(i) for i, _ in some]
            hint = f"conditions {', '.join(numbers[:-1])} and {numbers[-1]} of this `all`"
            return Finding("never-together", some[-1][1].place, what, hint, "proved", ids)
        return None

    def _somewhere(self, goal: Goal) -> bool:
        """Whether a goal is met in some region, real or only possible. Raises: TooLarge."""
        return any(goal(space) != FALSE for space in self.spaces)

    def _never_hold(self, path: str, parts: Sequence[m.Condition]) -> bool:
        """Whether it is proved that some parts of an `all` never hold together."""
        return self.never(
            holds(m.All(tuple(parts))),
            parts,
            f"{path}: whether some of its conditions exclude each other",
            definite=True,
        )

    def _same(self, other: m.Protocol, using: frozenset[str], what: str) -> bool:
        """Whether it is proved that some criteria mean the same in an edited pack."""
        pairs = [
            (mine, theirs)
            for mine, theirs in zip(self.protocol.criteria, other.criteria, strict=True)
            if mine.id in using
        ]
        return self.never(
            lambda s: s.diagrams.any(
                s.diagrams.differ(
                    s.diagram(mine.holds_when), s.diagram_of(other, theirs.holds_when)
                )
                for mine, theirs in pairs
            ),
            [mine.holds_when for mine, _ in pairs],
            what,
        )

    def _words(self, condition: m.Condition) -> str:
        if isinstance(condition, m.Defined):
            return f"`{condition.name}`"
        if isinstance(condition, m.Not):
            return f"`not {self._words(condition.child).strip('`')}`"
        if isinstance(condition, m.All | m.Any):
            leaves = list(leaves_of(condition, self.protocol.definitions))
            return f"the group with `{leaf_text(leaves[0], self.protocol.facts)}`"
        return f"`{leaf_text(condition, self.protocol.facts)}`"

    # --- ordered lists ------------------------------------------------------------------------

    def _steps(self) -> Iterator[Finding]:
        for path, condition in condition_paths(self.protocol).items():
            using = users(self.protocol, path)
            if not using or using <= self.unwritten or self._told(path):
                continue
            for ladder in ladders(condition, self.protocol.definitions, self.protocol.facts):
                yield from self._ladder(path, ladder, tuple(sorted(using)))

    def _ladder(self, path: str, ladder: Ladder, ids: tuple[str, ...]) -> Iterator[Finding]:
        """Gaps and overlaps of an ordered list, unless some step is a part of another."""
        steps = ladder.steps
        question = f"{path}: whether the steps of `{ladder.fact.name}` leave a gap or overlap"
        if self.effort.spent > self.effort.limit:
            self.doubt(question)
            return
        ground = self.halved([ladder.between, ladder.for_some, *(s.whole for s in steps)])
        pairs = [
            (one, other)
            for one, other in combinations(steps, 2)
            if frozenset(one.bounds) != frozenset(other.bounds)
        ]
        first = ground.spaces[0]

        def some(*wanted: tuple[m.Condition, int]) -> bool:
            goal = (first.diagrams.is_(first.diagram(one), truth) for one, truth in wanted)
            return first.diagrams.all(goal) != FALSE

        def ordered() -> bool:
            return all(
                not some((one.guard, TRUE), (other.guard, TRUE))
                or (
                    some((one.band, TRUE), (other.band, FALSE))
                    and some((one.band, FALSE), (other.band, TRUE))
                )
                for one, other in pairs
            )

        def for_everybody() -> bool:
            """Whether there is a step for everybody, so that all are meant to be."""
            return any(
                not some((m.Any(tuple(step.guard for step in alike)), FALSE))
                for alike in ladder.alike()
            )

        if not pairs or not self.settle(ordered, False, question):
            return
        for one, other in pairs:
            if not (ladder.neighbours(one, other) or ladder.neighbours(other, one)):
                continue
            both = m.All((one.whole, other.whole))
            found = self._seen(both, f"{path}: whether steps overlap", ground)
            if found is not None:
                what = f"{path}: the steps `{self._band(one)}` and `{self._band(other)}` overlap"
                place = other.band.place
                yield Finding("step-overlap", place, what, "", "witnessed", ids, found)
        gaps = [ladder.between]
        if ladder.measures and ladder.fixed and self.settle(for_everybody, False, question):
            gaps.append(ladder.for_some)
        for gap in gaps:
            found = self._seen(gap, f"{path}: whether there is a gap between steps", ground)
            if found is not None:
                what = f"{path}: {self._at(ladder, found)} falls between the steps of "
                what += f"`{ladder.fact.name}`, into none"
                hint = "let one begin where the other ends"
                place = steps[0].band.place
                yield Finding("gap", place, what, hint, "witnessed", ids, found)
                return

    def _at(self, ladder: Ladder, witness: Witness) -> str:
        """What a witness's value is, and for whom, where a list's steps differ in that."""
        protocol = self.protocol
        subject = subject_from(witness.recorded, protocol, witness.as_of)
        found = reference.readings(protocol, subject, witness.as_of)
        reading, fact = found[ladder.fact.name], ladder.fact
        words = f"`{fact.name}`"
        if reading.low == m.NEVER and fact.type == "date":
            words = "no day at all"
        elif reading.low is not None and fact.type == "date":
            words = f"{(witness.as_of - date.fromordinal(reading.low)).days} days ago"
        elif ladder.ratio and reading.times_uln is not None and reading.times_uln.low is not None:
            words = f"{float(reading.times_uln.low):.6g} times the upper limit of normal"
        elif reading.low is not None:
            words = amount_text(reading.low, fact.unit)
        whom = dict.fromkeys(
            leaf.fact
            for step in ladder.steps
            for leaf in leaves_of(step.guard, {})
            if isinstance(leaf, m.ChoiceTest)
        )
        codes = [
            protocol.facts[name].choices[low].code
            for name in whom
            if (low := found[name].low) is not None
        ]
        return f"{words} ({', '.join(codes)})" if codes else words

    def _seen(self, condition: m.Condition, what: str, ground: Ground) -> Witness | None:
        """A confirmed witness of a condition, if there is one."""
        found = self.ask(holds(condition), [condition], what, definite=True, ground=ground)
        return found if isinstance(found, Witness) else None

    def _classes(self) -> Iterator[Finding]:
        """Entries that fall into no class of a scale of the outcome rules."""
        from engine.outcomes.entries import entry_answers, entry_file
        from engine.outcomes.patient import OutcomeScreener, entry_pack

        outcomes = self.protocol.outcomes
        if outcomes is None:
            return
        with OutcomeScreener(self.protocol) as screener:
            for scale in outcomes.scales.values():
                pack = entry_pack(self.protocol, outcomes, scale.records)
                self.effort.question()
                space = Space([pack], self.spaces[0].as_of, effort=self.effort)
                for one in scale.classes:
                    yield from self._class_given(pack, scale, one, space)
                classes = [m.Defined(f"{scale.name} {one.id}") for one in scale.classes]
                try:
                    some = space.diagrams.any(space.diagram(one) for one in classes)
                    goal = space.diagrams.is_(some, FALSE)
                except TooLarge:
                    goal = UNKNOWN
                tried = list(space.witnesses(goal, 20)) if goal > UNKNOWN else []
                made = [recorded for recorded, _ in tried if _recorded_in_steps(recorded, pack)]
                for recorded in made:
                    self.effort.screened(len(pack.criteria))
                    on = space.as_of
                    try:
                        file = entry_file(recorded, self.protocol, scale.records, on)
                        said = entry_answers(file, self.protocol, scale.records, screener, on)
                    except (InputRejected, EngineFault):
                        continue
                    of = [said[f"{scale.name} is {one.id}"] for one in scale.classes]
                    if set(of) == {"no"}:
                        witness = self._confirmed(file, on)
                        what = f"`{scale.name}`: an entry may fall into none of the classes"
                        hint = (
                            f"grade the witness's entry of `{scale.records}` with `eligo outcomes`"
                        )
                        yield Finding("gap", scale.place, what, hint, "witnessed", (), witness)
                        break
                else:
                    # Only between the steps that its numbers are recorded in, nothing is.
                    if goal != FALSE and (made or len(tried) in (0, 20)):
                        self.doubt(f"whether the classes of `{scale.name}` leave a gap")

    def _class_given(
        self, pack: m.Protocol, scale: Scale, of: ScaleClass, space: Space
    ) -> Iterator[Finding]:
        """Whether some entry can be given a class: its statement holds, and none before it."""
        criterion = next(c for c in pack.criteria if c.id == f"{scale.name} is {of.id}")
        if not self.may_hold(criterion.holds_when, Ground([space], all_dates=False)):
            what = f"no entry of `{scale.records}` can be of the class `{of.id}` of `{scale.name}`"
            hint = "its condition never holds, or a class before it takes every such entry"
            yield Finding("never-passed", of.place, what, hint, "proved")

    def _band(self, step: Step) -> str:
        """A step's band, in the words of the rule."""
        return " and ".join(leaf_text(leaf, self.protocol.facts) for leaf in step.bounds)

    # --- dates and validity -------------------------------------------------------------------

    def _validity(self) -> Iterator[Finding]:
        for fact in self.protocol.facts.values():
            lasting = fact.valid_for is not None or fact.changes == "never"
            if fact.derive is None and fact.type != "text" and not lasting:
                what = (
                    f"`{fact.name}` may change, and nothing says how long a value may be relied on"
                )
                hint = "add `valid_for: ...`, or `changes: never`"
                yield Finding("no-validity", fact.place, what, hint)

    def _windows(self) -> Iterator[Finding]:
        for path, leaf in leaf_paths(self.protocol).items():
            using = users(self.protocol, path)
            if not isinstance(leaf, m.AgoTest) or not using:
                continue
            fact = self.protocol.facts[leaf.fact]
            if self._turned(path):
                turned = opposite(leaf)
                assert isinstance(turned, m.AgoTest)
                leaf = turned
            if fact.valid_for is None or leaf.op not in ("within_last", "less_than_ago"):
                continue
            if _days(leaf.duration)[1] < _days(fact.valid_for)[0]:
                continue
            what = f"{path}: the window of {leaf.duration.text} is longer than `{fact.name}` "
            what += f"may be relied on ({fact.valid_for.text})"
            days = self._out_of_date(leaf, fact.valid_for)
            if days is None:
                continue
            on = days[1].isoformat()
            said = {"value": on, "on": on, "by": PERSON}
            witness = self._confirmed({"facts": {fact.name: said}, "records": {}}, days[0])
            hint = "the witness's date lies inside the window, and is out of date"
            ids = tuple(sorted(using))
            yield Finding(
                "window-beyond-validity", leaf.place, what, hint if witness else "",
                "witnessed" if witness else "read", ids, witness,
            )  # fmt: skip

    def _turned(self, path: str) -> bool:
        """Whether a condition stands under a `not`, in its criterion or definition."""
        paths = condition_paths(self.protocol)
        steps = path.split(".")
        above = [paths[".".join(steps[:n])] for n in range(1, len(steps))]
        return sum(isinstance(one, m.Not) for one in above) % 2 == 1

    def _out_of_date(self, leaf: m.AgoTest, valid_for: m.Duration) -> tuple[date, date] | None:
        """An as-of date, and a day that lies inside a window then and is relied on no more.

        A month may be longer than 30 days, or shorter, and so may a year than 365: four years
        have all of their kinds.
        """
        first = self.spaces[0].as_of
        for as_of in (first + timedelta(days=n) for n in range(1461)):
            happened = back(as_of, valid_for, early=True, strict=True)
            strict = leaf.op == "within_last"
            if happened > back(as_of, leaf.duration, early=True, strict=strict):
                return as_of, happened
        return None

    def _nobody(self) -> Iterator[Finding]:
        criteria = [c for c in self.protocol.criteria if c.id not in self.unwritten]
        if len(criteria) < 2:
            return
        conditions = [c.holds_when for c in criteria]
        if self.never(
            stands(TRUE, *criteria),
            conditions, "whether anybody can be eligible", definite=True,
        ):  # fmt: skip
            place = criteria[0].place
            what = "no subject at all can be eligible, although each criterion can be passed"
            ids = self._core(criteria)
            hint = "these cannot all be passed: " + ", ".join(ids)
            yield Finding("never-eligible", place, what, hint, "proved", ids)

    def _core(self, criteria: Sequence[m.Criterion]) -> tuple[str, ...]:
        """A smallest set of criteria that cannot all be passed: none of it can be spared."""
        core = list(criteria)
        for criterion in criteria:
            less = [c for c in core if c is not criterion]
            if not self.settle(
                partial(self._somewhere, stands(TRUE, *less)),
                True,
                "whether fewer criteria clash",
            ):
                core = less
        return tuple(c.id for c in core)


def _asking(conditions: Sequence[m.Condition]) -> list[m.Criterion]:
    """Criteria that ask about some conditions, and no more."""
    return [m.Criterion(f"C{i}", "inclusion", "", one) for i, one in enumerate(conditions, 1)]


def _days(duration: m.Duration) -> tuple[int, int]:
    """About how many days a duration has: never more than the least, nor less than the most."""
    years, months = divmod(duration.months, 12)
    least = years * 365 + months * 28 + duration.days
    return least, years * 366 + months * 31 + duration.days


def _recorded_in_steps(recorded: Plain, pack: m.Protocol) -> bool:
    """Whether every number recorded is one that its fact's `resolution` allows."""
    for name, said in recorded["facts"].items():
        step = pack.facts[name].resolution_u
        value = said.get("value")
        if step and isinstance(value, Num) and Fraction(str(value)) * m.MILLION % step:
            return False
    return True
