"""What to collect, against every completion of every open fact."""

from __future__ import annotations

from collections import Counter

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.plan.collect import collecting, open_roots
from engine.plan.days import day_of
from engine.plan.planner import Planner
from engine.plan.search import Steps
from engine.reference import evaluator as reference
from tests import build
from tests.generators import LONG, POOL, Seeded
from tests.plan.brute import Completions, completed, people, truth_vector, world_of

EACH = 60 if LONG else 24


@pytest.mark.parametrize("shard", range(4))
def test_collecting_is_what_brute_force_finds(shard: int) -> None:
    met: Counter[str] = Counter()
    for seed, made, subject, as_of in people(range(shard, POOL, 4), EACH):
        world, exact = world_of(made, subject, as_of)
        roots = open_roots(world)
        if not roots or not exact or not Completions.fit(world, roots):
            continue
        found = collecting(world)
        every = Completions(world, roots)
        where = (seed, subject.id, as_of)
        verdict = every.verdicts[(None,) * len(roots)]
        if verdict != "undetermined":
            assert found.idle == roots, where
            assert all(every.verdicts[held] == verdict for held in every.complete()), where
            met["decided"] += 1
            continue
        met["undetermined"] += 1
        possible = {every.verdicts[held] for held in every.complete()}
        assert set(found.possible) == possible, where
        assert found.agrees == (len(possible) == 1 and "undetermined" not in possible), where
        met["agrees"] += found.agrees
        met["stuck"] += "undetermined" in possible
        assert set(found.matters) == {root for root in roots if every.matters(root)}, where
        assert set(found.sets) == every.smallest(), where
        met["several"] += len(found.sets) > 1
        for root in found.idle:
            assert not every.changes(root), where
            met["idle"] += 1
        for at, root in enumerate(roots):
            alone = [
                every.verdicts[(*(None,) * at, state, *(None,) * (len(roots) - at - 1))]
                for state in range(every.sizes[at])
            ]
            assert (root in found.excludes) == ("ineligible" in alone), where
    assert met["undetermined"] >= 15, met
    assert met["idle"] >= 3, met


def outside(now: m.Reading, settled: m.Reading) -> bool:
    """Whether what was settled is not a part of what is known."""
    if now.low is None or now.high is None or settled.low is None or settled.high is None:
        return False
    return not now.low <= settled.low <= settled.high <= now.high


@pytest.mark.parametrize("shard", range(4))
def test_every_completion_that_can_be_recorded_is_one_of_the_ways(shard: int) -> None:
    met: Counter[str] = Counter()
    for seed, made, subject, as_of in people(range(shard, POOL, 4), EACH):
        world, exact = world_of(made, subject, as_of)
        if not exact:
            continue
        for root, states in world.states.items():
            known = {truth_vector(made, state.readings, root, as_of) for state in states}
            for number in range(12):
                c = Seeded(f"{seed} {subject.id} {root} {number}")
                other = completed(c, made, subject, as_of, root)
                assert other is not None
                readings = reference.readings(made.protocol, other, as_of)
                if any(readings[name].low is None for name in made.roots.alone(root)):
                    continue  # a date that is `never` leaves what is counted from it unknown
                if any(outside(world.day.readings[n], readings[n]) for n in made.roots.alone(root)):
                    # Found out to be another use of the name than the one that the fields of the
                    # entry agree with, which is sure (SEMANTICS 5).
                    assert root.startswith("records."), (seed, as_of, root, other)
                    continue
                vector = truth_vector(made, readings, root, as_of)
                assert vector in known, (seed, as_of, root, other)
                met["list" if root.startswith("records.") else made.protocol.facts[root].type] += 1
    assert min(met[kind] for kind in ("list", "date", "quantity")) >= 12, met


@pytest.mark.parametrize("shard", range(2))
def test_no_way_contradicts_what_is_known(shard: int) -> None:
    """A state is a point inside the reading that is known now."""
    met = 0
    for seed, made, subject, as_of in people(range(shard, POOL, 2), EACH):
        world, _ = world_of(made, subject, as_of)
        for root, states in world.states.items():
            for state in states:
                for name, reading in state.readings.items():
                    now = world.day.readings[name]
                    if now.low is not None and reading.low is not None:
                        assert now.high is not None and reading.high is not None
                        assert now.low <= reading.low, (seed, as_of, root, name)
                        assert reading.high <= now.high, (seed, as_of, root, name)
                        met += 1
    assert met >= 200


# --- by hand ---------------------------------------------------------------------------------

YES = m.BooleanTest


def found_in(criteria: list[m.Condition], *names: str, **facts: object) -> Planner:
    made = build.pack(
        [build.fact(name, "boolean", effort=n) for n, name in enumerate(names)],
        [build.criterion(f"C{n}", one) for n, one in enumerate(criteria)],
    )
    return Planner(Screener(made))


def collected(planner: Planner, subject: m.Subject | None = None):  # type: ignore[no-untyped-def]
    as_of = build.on("2026-11-20")
    assert as_of is not None
    day = day_of(planner.protocol, subject or build.subject(), as_of)
    world, exact = planner.world(subject or build.subject(), day, Steps())
    return collecting(world, exact)


def test_completions_that_agree_are_told_apart_from_a_decided_verdict() -> None:
    """`a or not a` is true of everybody and, in Kleene's logic, unknown of this one."""
    either = m.Any((YES("a", True), m.Not(YES("a", True))))
    found = collected(found_in([either], "a"))
    assert found.agrees
    assert set(found.possible) == {"eligible"}
    assert found.sets == (frozenset({"a"}),)
    assert set(found.matters) == {"a"}, "without it the verdict stays undetermined"


def test_where_each_of_two_facts_would_do_neither_is_called_idle_alone() -> None:
    either: list[m.Condition]
    either = [m.Any((YES(n, True), m.Not(YES(n, True)))) for n in ("a", "b")]
    found = collected(found_in([m.Any(tuple(either))], "a", "b"))
    assert set(found.sets) == {frozenset({"a"}), frozenset({"b"})}
    assert found.matters == {}
    assert found.idle == ()


def test_what_another_criterion_has_settled_need_not_be_collected() -> None:
    both: list[m.Condition] = [m.Any((YES("a", True), YES("b", True))), YES("a", True)]
    found = collected(found_in(both, "a", "b"))
    assert found.idle == ("b",), "if `a` is no, C1 fails; if yes, C0 holds"
    assert found.sets == (frozenset({"a"}),)
    assert set(found.excludes) == {"a"}


def test_a_condition_that_is_not_written_is_settled_by_no_fact() -> None:
    found = collected(found_in([m.Todo(), YES("a", True)], "a"))
    assert set(found.possible) == {"ineligible", "undetermined"}
    assert found.sets == ()
    assert set(found.matters) == {"a"}, "it can still exclude"


def test_a_search_that_is_cut_short_says_so_and_lists_too_much_rather_than_too_little() -> None:
    made = found_in([m.All((YES("a", True), YES("b", True)))], "a", "b")
    as_of = build.on("2026-11-20")
    assert as_of is not None
    day = day_of(made.protocol, build.subject(), as_of)
    world, exact = made.world(build.subject(), day, Steps(3))
    found = collecting(world, exact)
    assert not found.exact
    assert set(found.matters) == {"a", "b"}
    assert not found.agrees
