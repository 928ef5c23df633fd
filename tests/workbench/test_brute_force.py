"""What is proved of small packs whose facts hang together, held against brute force.

The packs and the grid of what is recorded are in `tests/workbench/coupled.py`. Each claim is
tried on all that the grid has seen; a refutation is a whole subject, read from a file and asked
of the reference evaluator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.decide.decision import Screener
from engine.reference import evaluator as reference
from engine.regions.asked import subject_from
from engine.regions.diagrams import TRUE, Effort
from engine.regions.space import Space, spaces
from engine.terms.faults import InputRejected
from engine.workbench.analysis import findings
from engine.workbench.changed import Change, Comparison
from engine.workbench.coverage import coverage
from engine.workbench.diff import compare
from engine.workbench.edits import at_path, replaced
from engine.workbench.findings import BASE, Finding
from engine.workbench.judging import Judged, asked_by, judge
from engine.workbench.mutants import BY_VERDICT, mutants
from engine.workbench.witness import file_lines
from tests.generators import LONG, Drawn, Plain, json_text, protocol_in
from tests.workbench.coupled import LARGE, SMALL, Grid, Seen, Size, amended, parts

Holds = Callable[[Sequence[int]], bool]
PASSED, FAILED = 2, 0


def shown(claim: str, seen: Seen) -> str:
    return "\n".join([f"{claim}; on {seen.as_of}:", *file_lines(seen.recorded)])


# --- findings ------------------------------------------------------------------------------


def against(one: Finding, protocol: m.Protocol, grid: Grid) -> Holds:
    """What would refute a finding that is said to be proved."""
    by_id = {c.id: grid.status(c, protocol) for c in protocol.criteria}
    some = [by_id[id_] for id_ in one.criteria]
    path = one.message.partition(": ")[0]
    if one.code == "never-passed":
        return lambda t: some[0](t) == PASSED
    if one.code == "never-failed":
        return lambda t: some[0](t) == FAILED
    if one.code == "never-decided":
        return lambda t: some[0](t) != 1
    if one.code in ("contradicted", "never-eligible"):
        return lambda t: all(f(t) == PASSED for f in some)
    if one.code == "implied":
        return lambda t: some[0](t) < some[1](t)
    if one.code == "always-holds":
        whole = grid.compiled(at_path(protocol, path), protocol)
        return lambda t: whole(t) == 0
    if one.code == "never-together":
        numbers = [int(word) for word in re.findall(r"\b\d+\b", one.hint)]
        parts = [grid.compiled(at_path(protocol, f"{path}.{n}"), protocol) for n in numbers]
        return lambda t: all(f(t) == TRUE for f in parts)
    if one.code == "never-matters":
        return differs(protocol, replaced(protocol, path, None), grid, one.criteria)
    assert one.code == "limit-outside-range", one.code
    if isinstance(at_path(protocol, path), m.BetweenTest):
        return lambda t: False  # one of its ends is outside: that is all it says
    leaf = grid.compiled(at_path(protocol, path), protocol)
    return lambda t: len({leaf(other) for other in grid.seen} - {1}) > 1 and leaf(t) != 1


def differs(
    protocol: m.Protocol, other: m.Protocol, grid: Grid, ids: Sequence[str], number: int = 0
) -> Holds:
    """That one of some criteria comes out otherwise under an edited pack."""
    pairs = [
        (grid.status(mine, protocol), grid.status(theirs, other, number))
        for mine in protocol.criteria
        for theirs in other.criteria
        if mine.id == theirs.id and mine.id in ids
    ]
    return lambda t: any(mine(t) != theirs(t) for mine, theirs in pairs)


def refuted_findings(
    protocol: m.Protocol, found: Sequence[Finding], grid: Grid
) -> Iterator[tuple[str, Seen]]:
    for one in found:
        if one.basis == "proved":
            seen = grid.example(against(one, protocol, grid))
            if seen is not None:
                yield f"{one.code}: {one.message}", seen


def omissions(protocol: m.Protocol, found: Sequence[Finding], grid: Grid) -> Iterator[str]:
    """What the grid never shows, is not found, and is not said to be undecided.

    Somebody whom the analysis knows of, and the reference confirms, counts as shown.
    """
    undecided = [one.message for one in found if one.code == "undecided"]
    named = {(one.code, one.criteria) for one in found}
    settled = {
        id_
        for one in found
        if one.code in ("never-passed", "never-failed", "never-decided")
        for id_ in one.criteria
    }
    base = protocol.effective or BASE

    @cache
    def days() -> list[Space]:
        return spaces([protocol], base, Effort(), lambda *_: None)[0]

    def possible(holds: Holds, goal: Callable[[Space], int]) -> bool:
        if any(holds(truths) for truths in grid.seen):
            return True
        for space in days():
            asked = goal(space)
            if asked != 0:
                for recorded, _ in space.witnesses(asked, 20):
                    truths = grid.truths_of(Seen(space.as_of, recorded))
                    if truths is not None and holds(truths):
                        return True
        return False

    for one in protocol.criteria:
        status = grid.status(one, protocol)
        for wanted, word in ((PASSED, "passed"), (FAILED, "failed")):
            what = f"whether {one.id} can be {word}"
            if one.id in settled or any(what in said for said in undecided):
                continue
            if not possible(
                lambda t, f=status, w=wanted: f(t) == w,  # type: ignore[misc]
                lambda s, c=one, w=wanted: s.diagrams.is_(s.status(c), w),  # type: ignore[misc]
            ):
                yield f"{one.id} is never {word}"
    if "never-eligible" in {one.code for one in found} or any(
        "whether anybody can be eligible" in said for said in undecided
    ):
        return  # said of all together, if not always of the two that exclude each other
    silent = {id_ for one in found if one.code == "contradicted" for id_ in one.criteria}
    open_ = {
        c.id for c in protocol.criteria if any(f"{c.id} can be passed" in s for s in undecided)
    }
    left = [c for c in protocol.criteria if c.id not in settled | silent | open_]
    for a, b in combinations(left, 2):
        what = f"whether {a.id} and {b.id} can be passed together"
        if ("contradicted", (a.id, b.id)) in named or any(what in said for said in undecided):
            continue
        f, g = grid.status(a, protocol), grid.status(b, protocol)
        if not possible(
            lambda t, f=f, g=g: f(t) == g(t) == PASSED,  # type: ignore[misc]
            lambda s, a=a, b=b: s.diagrams.is_(  # type: ignore[misc]
                s.diagrams.all([s.status(a), s.status(b)]), PASSED
            ),
        ):
            yield f"{a.id} and {b.id} are never passed together"
    if not (open_ or settled or silent):
        verdict = grid.verdict(protocol)
        if not possible(
            lambda t: verdict(t) == PASSED, lambda s: s.diagrams.is_(s.verdict(), PASSED)
        ):
            yield "nobody is eligible"


# --- versions ---------------------------------------------------------------------------------


def refuted_changes(comparison: Comparison, grid: Grid) -> Iterator[tuple[str, Seen]]:
    changes = [(change, "criterion") for change in comparison.criteria]
    for change, what in [*changes, (comparison.verdict, "verdict")]:
        pair = before_and_after(change, comparison, grid)
        if pair is None:
            continue
        claims: list[tuple[str, Holds]] = []
        before, after = pair
        if change.proved and change.relation in ("same", "looser"):
            claims.append(("nobody worse", lambda t, a=before, b=after: b(t) < a(t)))  # type: ignore[misc]
        if change.proved and change.relation in ("same", "stricter"):
            claims.append(("nobody better", lambda t, a=before, b=after: b(t) > a(t)))  # type: ignore[misc]
        for claim, holds in claims:
            seen = grid.example(holds)
            if seen is not None:
                name = change.new.id if change.new else ""
                yield f"{what} {name} {change.relation}, proved ({claim})", seen


def before_and_after(
    change: Change, comparison: Comparison, grid: Grid
) -> tuple[Callable[[Sequence[int]], int], Callable[[Sequence[int]], int]] | None:
    if change is comparison.verdict:
        return grid.verdict(comparison.old), grid.verdict(comparison.new, 1)
    if change.old is None or change.new is None:
        return None
    return grid.status(change.old, comparison.old), grid.status(change.new, comparison.new, 1)


def untrue_witnesses(comparison: Comparison, grid: Grid) -> Iterator[str]:
    """Witnesses of a change that the reference does not confirm, read from their files."""
    for change in (*comparison.criteria, comparison.verdict):
        pair = before_and_after(change, comparison, grid)
        for one, sign in ((change.worse, -1), (change.better, 1)):
            if one is None or pair is None:
                continue
            # Each version reads the file that is printed for it.
            files = [Seen(one.as_of, file) for file in (one.old_file, one.new_file)]
            old, new = (grid.truths_of(file) for file in files)
            assert old is not None and new is not None, one
            if (pair[1](new) - pair[0](old)) * sign <= 0:
                yield shown(f"{change.relation} is not shown", files[1])


# --- mutants and coverage -----------------------------------------------------------------------


def judged_of(protocol: m.Protocol) -> list[Judged]:
    made = mutants(protocol)
    base = protocol.effective or BASE
    with Screener(protocol) as screener:
        space = Space([protocol], base, asked_by(made))
        return list(judge(protocol, [], space, screener, made))


def mutant_grid(protocol: m.Protocol, judged: Sequence[Judged], size: Size) -> Grid:
    """One grid for the pack and all mutants of its conditions."""
    extra = asked_by(one.mutant for one in judged if one.mutant.protocol.facts == protocol.facts)
    return Grid([protocol], [leaf for leaf in extra if not isinstance(leaf[1], m.Todo)], size=size)


def refuted_mutants(
    protocol: m.Protocol, judged: Sequence[Judged], grid: Grid, size: Size
) -> Iterator[tuple[str, Seen]]:
    for one in judged:
        if one.fate != "equivalent":
            continue
        mutant, own, number = one.mutant, grid, 0
        if mutant.protocol.facts != protocol.facts:
            own, number = Grid([protocol, mutant.protocol], size=size), 1
        if mutant.kind in BY_VERDICT:
            a, b = own.verdict(protocol), own.verdict(mutant.protocol, number)
            holds: Holds = lambda t, a=a, b=b: a(t) != b(t)  # type: ignore[misc] # noqa: E731
        elif mutant.lenient:
            (criterion,) = [c for c in protocol.criteria if c.id == mutant.lenient]
            f = own.status(criterion, protocol)
            holds = lambda t, f=f: f(t) == 1  # type: ignore[misc] # noqa: E731
        else:
            holds = differs(protocol, mutant.protocol, own, sorted(mutant.criteria), number)
        seen = own.example(holds)
        if seen is not None:
            yield f"equivalent: {mutant.words}", seen


def untrue_survivors(protocol: m.Protocol, judged: Sequence[Judged]) -> Iterator[str]:
    """Survivors whose witness, read from its file, does not separate the two packs."""
    for one in judged:
        if one.fate != "survived":
            continue
        assert one.witness is not None
        as_of = one.witness.as_of
        found = []
        for pack in (protocol, one.mutant.protocol):
            subject = subject_from(one.witness.recorded, pack, as_of)
            truths = reference.truths(pack, reference.readings(pack, subject, as_of), as_of)
            found.append(reference.statuses(pack, reference.answers(pack, truths)))
        mine, theirs = found
        if one.mutant.lenient and theirs[one.mutant.lenient] == "open":
            theirs[one.mutant.lenient] = "passed"
        if one.criterion:
            separated = mine[one.criterion] != theirs[one.criterion]
        else:
            separated = reference.verdict(mine) != reference.verdict(theirs)
        if not separated:
            yield shown(one.mutant.words, Seen(as_of, one.witness.recorded))


def refuted_coverage(protocol: m.Protocol, grid: Grid) -> Iterator[tuple[str, Seen]]:
    """What no subject is said to show of a test, and somebody does."""
    base = protocol.effective or BASE
    with Screener(protocol) as screener:
        found = coverage(protocol, [], Space([protocol], base), screener)
    for one in found.infeasible:
        leaf = grid.compiled(at_path(protocol, one.path), protocol)
        word = one.seen.removeprefix("decides when ")
        truth = {"true": 2, "unknown": 1, "false": 0}[word]
        holds: Holds = lambda t, f=leaf, w=truth: f(t) == w  # type: ignore[misc] # noqa: E731
        if word != one.seen:
            turned = replaced(protocol, one.path, m.Any(()) if word == "true" else m.All(()))
            mine, other = (
                grid.compiled(next(c for c in p.criteria if c.id == one.criterion).holds_when, p)
                for p in (protocol, turned)
            )
            holds = lambda t, f=leaf, w=truth, a=mine, b=other: (  # type: ignore[misc] # noqa: E731
                f(t) == w and {a(t), b(t)} == {0, 2}
            )
        seen = grid.example(holds)
        if seen is not None:
            yield f"no subject shows {one.path}: {one.seen}", seen


# --- the properties -------------------------------------------------------------------------


class Pack:
    """A pack of Hypothesis' choosing, as a failing example shows it."""

    def __init__(self, made: dict[str, Plain]) -> None:
        self.made = made
        self.protocol = protocol_in(made)

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {json_text(part)}" for name, part in self.made.items())


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    return Pack(parts(Drawn(draw)))


@st.composite
def amendments(draw: st.DrawFn) -> tuple[Pack, Pack]:
    c = Drawn(draw)
    old = parts(c)
    try:
        return Pack(old), Pack(amended(c, old))
    except InputRejected:  # an edit that the readers refuse
        return Pack(old), Pack(old)


SIZE = LARGE if LONG else SMALL


@settings(max_examples=2_000 if LONG else 40)
@given(packs())
def test_no_proof_is_refuted_and_nothing_is_left_out(pack: Pack) -> None:
    protocol = pack.protocol
    grid = Grid([protocol], size=SIZE)
    found = findings(protocol)
    for claim, seen in refuted_findings(protocol, found, grid):
        raise AssertionError(shown(claim, seen))
    assert not list(omissions(protocol, found, grid))


@settings(max_examples=2_000 if LONG else 10)
@given(amendments())
def test_no_comparison_is_refuted(pair: tuple[Pack, Pack]) -> None:
    old, new = (pack.protocol for pack in pair)
    comparison = compare(old, new)
    grid = Grid([old, new], size=SIZE)
    for claim, seen in refuted_changes(comparison, grid):
        raise AssertionError(shown(claim, seen))
    assert not list(untrue_witnesses(comparison, grid))


@settings(max_examples=500 if LONG else 3)
@given(packs())
def test_no_mutant_said_to_be_equivalent_is_told_apart(pack: Pack) -> None:
    protocol = pack.protocol
    judged = judged_of(protocol)
    grid = mutant_grid(protocol, judged, SIZE)
    for claim, seen in (
        *refuted_mutants(protocol, judged, grid, SIZE),
        *refuted_coverage(protocol, grid),
    ):
        raise AssertionError(shown(claim, seen))
    assert not list(untrue_survivors(protocol, judged))
