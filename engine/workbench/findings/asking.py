"""Questions about one pack, asked in every order that its limits can come to stand in.

An answer is proved, or shown by a witness that the fired rules have screened. What neither
settles is no answer: the question is yielded with the findings, and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, TypeVar

from engine import terms as m
from engine.decide.decision import Screener
from engine.regions.asked import Plain, leaves_of, pack_leaves
from engine.regions.diagrams import FALSE, TRUE, Effort, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.terms.protocol import condition_paths
from engine.workbench.edits import only_reached
from engine.workbench.findings import BASE, Finding
from engine.workbench.witness import Witness, confirmed

T = TypeVar("T")
Goal = Callable[[Space], int]
"""What is looked for, as a diagram over what can be recorded."""

Accept = Callable[[Plain, date], bool]
Answer = Literal["some", "none", "undecided"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question that was not decided, with the place that a note of it names."""

    place: m.Span
    words: str


@dataclass(frozen=True, slots=True)
class Left:
    """How many things of one kind were not looked at any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Known:
    """What findings go on from: criteria of which no more is said, those with a `todo` (open for
    everybody as yet), conditions of which no more is said, nor of their parts, and whether a
    finding says already why nobody can be eligible."""

    silent: frozenset[str] = frozenset()
    unwritten: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    hopeless: bool = False


Said = Generator[Finding | Question | Left, None, T]
"""What an analysis finds and leaves open, and in the end a value that the next goes on from."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What can be recorded for a pack, on as-of dates; `all_dates`: they stand for every one."""

    spaces: Sequence[Space]
    all_dates: bool


@dataclass(frozen=True, slots=True)
class Bench:
    """One pack with its fired rules, all that can be recorded for it, and what may be spent.

    `paths`: its conditions; `places`: where they and the criteria stand; `tests`: how many it
    has; `grounds`: what can be recorded for some conditions alone, each made once.
    """

    protocol: m.Protocol
    screener: Screener
    effort: Effort
    progress: Progress
    ground: Ground
    paths: Mapping[str, m.Condition]
    places: Mapping[str, m.Span]
    tests: int
    grounds: dict[object, Ground] = field(default_factory=dict)

    @property
    def spent(self) -> bool:
        """Whether all that may be is spent."""
        return self.effort.spent > self.effort.limit

    def about(self, path: str, words: str) -> Question:
        """A question about the condition at a path."""
        return Question(self.places[path], f"{path}: {words}")

    def goes_on(self, stage: str, done: int, of: int, share: int = 100) -> bool:
        """Begin one thing of a stage; False where nothing may be spent on it any more.
        `share`: per cent of the whole after which the stage ends."""
        self.progress(stage, done, of)
        return self.effort.spent * 100 <= self.effort.limit * share


def bench_of(
    protocol: m.Protocol,
    screener: Screener,
    effort: Effort,
    progress: Progress = lambda *_: None,
) -> Bench:
    """All that is needed to ask about a pack."""
    paths = condition_paths(protocol)
    places = {path: one.place for path, one in paths.items()}
    places |= {criterion.id: criterion.place for criterion in protocol.criteria}
    ground = Ground(*spaces([protocol], protocol.effective or BASE, effort, progress))
    tests = len(pack_leaves(protocol))
    return Bench(protocol, screener, effort, progress, ground, paths, places, tests)


def ground_for(bench: Bench, conditions: Sequence[m.Condition], facts: m.Protocol) -> Ground:
    """What can be recorded for some conditions alone, over the facts of a pack."""
    asking = [m.Criterion(f"C{i}", "inclusion", "", one) for i, one in enumerate(conditions, 1)]
    base = bench.protocol.effective or BASE
    return Ground(*spaces([only_reached(facts, asking)], base, bench.effort, lambda *_: None))


def halved(bench: Bench, conditions: Sequence[m.Condition]) -> Ground:
    """What can be recorded for conditions that are written out, the halves of a `between` apart."""
    return ground_for(bench, conditions, bench.protocol)


def holds(condition: m.Condition, truth: int = TRUE) -> Goal:
    """A condition comes to a truth."""
    return lambda space: space.diagrams.is_(space.diagram(condition), truth)


def stands(truth: int, *criteria: m.Criterion) -> Goal:
    """The worst of some criteria's statuses is this: 2 passed, 0 failed."""
    return lambda space: space.diagrams.is_(
        space.diagrams.all(space.status(one) for one in criteria), truth
    )


def somewhere(bench: Bench, goal: Goal) -> bool:
    """Whether a goal is met in some region, real or only possible. Raises: TooLarge."""
    return any(goal(space) != FALSE for space in bench.ground.spaces)


def ask(
    bench: Bench,
    goal: Goal,
    about: Sequence[m.Condition],
    question: Question,
    *,
    ground: Ground | None = None,
    check: Callable[[Witness], bool] = lambda _: True,
) -> Said[Witness | None]:
    """A confirmed witness of a goal; None where there is none, or the question is left open."""
    found: list[Witness] = []

    def screened(recorded: Plain, as_of: date) -> bool:
        witness = shown(bench, recorded, as_of)
        if witness is None or not check(witness):
            return False
        found.append(witness)
        return True

    if looked(bench, goal, about, definite=True, accept=screened, ground=ground) == "undecided":
        yield question
    return found[0] if found else None


def never(
    bench: Bench,
    goal: Goal,
    about: Sequence[m.Condition],
    question: Question,
    *,
    definite: bool = False,
) -> Said[bool]:
    """Whether it is proved that nothing gives a goal. That something does is no finding,
    so it need not be screened by the rules."""
    answer = looked(bench, goal, about, definite=definite)
    if answer == "undecided":
        yield question
    return answer == "none"


def settled(bench: Bench, how: Callable[[], T], otherwise: T, question: Question) -> Said[T]:
    """What a question comes to; where it is too large that is said, and nothing claimed."""
    if not bench.spent:
        bench.effort.question()
        try:
            return how()
        except TooLarge:
            pass
    yield question
    return otherwise


def may_hold(bench: Bench, condition: m.Condition, ground: Ground | None = None) -> bool:
    """Whether a condition may hold, or it is not known that it never does."""
    return looked(bench, holds(condition), [condition], definite=True, ground=ground) != "none"


def shown(bench: Bench, recorded: Plain, as_of: date) -> Witness | None:
    """A witness, screened; None where the rules cannot."""
    bench.effort.screened(len(bench.screener.program.paths))
    try:
        return confirmed(bench.screener, recorded, as_of)
    except (InputRejected, EngineFault):
        return None


def looked(
    bench: Bench,
    goal: Goal,
    about: Sequence[m.Condition],
    *,
    definite: bool,
    accept: Accept = lambda *_: True,
    ground: Ground | None = None,
) -> Answer:
    """Whether a goal is met by something that can be recorded (and is accepted)."""
    if bench.spent:
        return "undecided"
    for one, accepted in [(ground, accept)] if ground else _grounds(bench, about, accept):
        bench.effort.question()
        found = _looked_on(bench, one, goal, about, definite, accepted)
        if found != "undecided":
            return found
    return "undecided"


def _looked_on(
    bench: Bench,
    ground: Ground,
    goal: Goal,
    about: Sequence[m.Condition],
    definite: bool,
    accept: Accept,
) -> Answer:
    numbered = [(0, one) for one in about]
    proved = ground.all_dates or ground.spaces[0].timeless(numbered)
    for space in ground.spaces:
        try:
            asked = goal(space)
        except TooLarge:
            proved = False
            continue
        if asked != FALSE:
            for recorded, _ in space.witnesses(asked, 20):
                if bench.effort.over:
                    break
                if accept(recorded, space.as_of):
                    return "some"
            proved = False
        elif not space.complete(numbered, definite=definite):
            proved = False
    return "none" if proved else "undecided"


def _grounds(
    bench: Bench, about: Sequence[m.Condition], accept: Accept
) -> Iterator[tuple[Ground, Accept]]:
    """Where a question is asked: of the whole pack; of its own conditions alone, which may have
    fewer orders of days to look at, and less that hangs together; and as if days between dates
    were free of the dates themselves. That is more than can be recorded, so that what is never
    met there is never met. No more is made where half of what may be is spent."""
    yield bench.ground, accept
    protocol = bench.protocol
    leaves = frozenset(leaf for one in about for leaf in leaves_of(one, protocol.definitions))
    if len(leaves) < bench.tests:
        yield from ((one, accept) for one in _made(bench, about, protocol, leaves))
    facts = dict(protocol.facts)
    for name in {leaf.fact for leaf in leaves if not isinstance(leaf, m.Todo)}:
        derive = facts[name].derive
        if isinstance(derive, m.DaysBetween):
            ends = [f"{name}~from", f"{name}~to"]
            facts[name] = replace(facts[name], derive=m.DaysBetween(*ends))
            facts |= {end: m.Fact(end, "", "date", changes="never") for end in ends}
    if facts != protocol.facts:
        free = _made(bench, about, replace(protocol, facts=facts), ("free", leaves))
        yield from ((one, lambda *_: False) for one in free)


def _made(
    bench: Bench, about: Sequence[m.Condition], facts: m.Protocol, key: object
) -> Iterable[Ground]:
    if bench.effort.spent > bench.effort.limit // 2:
        return []
    if key not in bench.grounds:
        bench.grounds[key] = ground_for(bench, about, facts)
    return [bench.grounds[key]]
