"""What findings are asked of: one pack, and all that can be recorded for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Literal, TypeVar

from engine import terms as m
from engine.decide.decision import Screener
from engine.regions.asked import Plain, inlined, leaves_of, pack_leaves
from engine.regions.bounds import held
from engine.regions.diagrams import FALSE, TRUE, Effort, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.workbench.edits import only_reached
from engine.workbench.findings import BASE, Finding
from engine.workbench.witness import Witness, confirmed

T = TypeVar("T")
Goal = Callable[[Space], int]
"""What is looked for, as a diagram over what can be recorded."""

Tests = Sequence[tuple[m.Leaf, bool]]
"""Tests that hold, or fail to (True), wherever a condition does."""


def holds(condition: m.Condition, truth: int = TRUE) -> Goal:
    """A condition comes to a truth."""
    return lambda space: space.diagrams.is_(space.diagram(condition), truth)


def stands(truth: int, *criteria: m.Criterion) -> Goal:
    """The worst of some criteria's statuses is this: 2 passed, 0 failed."""
    return lambda space: space.diagrams.is_(
        space.diagrams.all(space.status(one) for one in criteria), truth
    )


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


@dataclass(slots=True)
class Doubts:
    """What was not decided, with the stage that asked; and what was not looked at, by stage."""

    stage: str = "criteria"
    undecided: dict[str, str] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Inquiry:
    """One pack, asked about in every order that its limits can come to stand in.

    `effort` and `doubts` are what it has taken and left so far, `grounds` and `written` are
    kept so that nothing is worked out twice.
    """

    protocol: m.Protocol
    screener: Screener
    told_of: Progress
    effort: Effort
    ground: Ground
    doubts: Doubts = field(default_factory=Doubts)
    grounds: dict[object, Ground] = field(default_factory=dict)
    written: dict[str, tuple[m.Condition, Tests]] = field(default_factory=dict)
    leaves: dict[int, tuple[m.Condition, frozenset[m.Leaf]]] = field(default_factory=dict)

    @property
    def base(self) -> date:
        return self.protocol.effective or BASE

    @property
    def spaces(self) -> Sequence[Space]:
        return self.ground.spaces

    @cached_property
    def count(self) -> int:
        return len(pack_leaves(self.protocol))

    @cached_property
    def unwritten(self) -> frozenset[str]:
        """The criteria with a `todo`: open for everybody as yet."""
        return frozenset(
            c.id
            for c in self.protocol.criteria
            if any(isinstance(leaf, m.Todo) for leaf in self._leaves([c.holds_when]))
        )

    def progress(self, stage: str, done: int, of: int, share: int = 100) -> bool:
        """Begin one thing of a stage; False where nothing may be spent on it any more: the rest
        is then left. `share`: per cent of the whole after which the stage ends."""
        self.doubts.stage = stage
        self.told_of(stage, done, of)
        if self.effort.spent * 100 <= self.effort.limit * share:
            return True
        self.doubts.left[stage] = of - done
        return False

    def doubt(self, what: str) -> None:
        """Keep a question that was not decided."""
        self.doubts.undecided.setdefault(what, self.doubts.stage)

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
            witness = self.confirmed(recorded, as_of)
            if witness is None or not check(witness):
                return False
            found.append(witness)
            return True

        answer = self.looked(goal, about, definite, screened, ground)
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
        answer = self.looked(goal, about, definite, lambda *_: True)
        if answer == "undecided":
            self.doubt(what)
        return answer == "none"

    def looked(
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
            alone = only_reached(protocol, asking(about))
            self.grounds[key] = ground_of(alone, self.base, self.effort)
        yield self.grounds[key]

    def _leaves(self, about: Sequence[m.Condition]) -> frozenset[m.Leaf]:
        for one in about:
            if id(one) not in self.leaves:
                found = frozenset(leaves_of(one, self.protocol.definitions))
                self.leaves[id(one)] = (one, found)  # kept, so that the id stays its own
        return frozenset[m.Leaf]().union(*(self.leaves[id(one)][1] for one in about))

    def confirmed(self, recorded: Plain, as_of: date) -> Witness | None:
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

    def may_hold(self, condition: m.Condition, ground: Ground | None = None) -> bool:
        """Whether a condition may hold, or it is not known that it never does."""
        answer = self.looked(holds(condition), [condition], True, lambda *_: True, ground)
        return answer != "none"

    def halved(self, conditions: Sequence[m.Condition]) -> Ground:
        """A ground that tells the two halves of a `between` apart."""
        alone = replace(self.protocol, definitions={}, criteria=tuple(asking(conditions)))
        return ground_of(alone, self.base, self.effort)

    def somewhere(self, goal: Goal) -> bool:
        """Whether a goal is met in some region, real or only possible. Raises: TooLarge."""
        return any(goal(space) != FALSE for space in self.spaces)

    def in_tests(self, *criteria: m.Criterion) -> Iterator[tuple[m.Condition, Tests]]:
        """Conditions with their definitions written out, and the tests that they hold by."""
        for one in criteria:
            if one.id not in self.written:
                whole = inlined(one.holds_when, self.protocol.definitions)
                self.written[one.id] = (whole, list(held(whole)))
            yield self.written[one.id]


def asking(conditions: Sequence[m.Condition]) -> list[m.Criterion]:
    """Criteria that ask about some conditions, and no more."""
    return [m.Criterion(f"C{i}", "inclusion", "", one) for i, one in enumerate(conditions, 1)]


def silent(asked: Inquiry, said: Sequence[Finding]) -> frozenset[str]:
    """The criteria of which no more is said: unwritten, or decided in one way for all."""
    alone = ("never-decided", "never-passed", "never-failed")
    return asked.unwritten.union(*(one.criteria for one in said if one.code in alone))


def inside(path: str, told: Collection[str]) -> bool:
    """Whether a condition is one of some, or a part of one."""
    steps = path.split(".")
    return any(".".join(steps[:n]) in told for n in range(1, len(steps) + 1))


def inquiry(
    protocol: m.Protocol, screener: Screener, progress: Progress, effort: Effort
) -> Inquiry:
    """What can be recorded for a pack, cut into regions and ready to be asked about."""
    ground = ground_of(protocol, protocol.effective or BASE, effort, progress)
    return Inquiry(protocol, screener, progress, effort, ground)
