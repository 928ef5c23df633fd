"""Findings about an inclusion and an exclusion that hold together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.bounds import Bound, cut_by, shared_value, without
from engine.workbench.findings import Finding
from engine.workbench.findings import asking as q

Written = Mapping[str, tuple[m.Condition, Sequence[tuple[m.Leaf, bool]]]]
"""By criterion its condition with definitions written out, and the tests that hold, or fail to
(True), wherever it does."""


def overlap(
    bench: q.Bench, inclusion: m.Criterion, exclusion: m.Criterion, written: Written
) -> q.Said[bool]:
    """An inclusion and an exclusion that both hold at the limit where they meet.

    One begins where the other ends, and both take the limit. Where they hold together
    over more than that, the exclusion cuts a window out of the inclusion, as protocols
    do; but not a code that the inclusion names.
    """
    (included, asked), (excluded, also_asked) = written[inclusion.id], written[exclusion.id]
    ids = (inclusion.id, exclusion.id)
    question = q.Question(exclusion.place, f"{ids[1]}: whether it overlaps with {ids[0]}")
    for (mine, turned), (other, also_turned) in product(asked, also_asked):
        shared = shared_value(mine, turned, other, also_turned, bench.protocol.facts)
        if shared is None:
            continue
        if bench.spent:
            yield question
            return False
        ground = q.halved(bench, [included, excluded, shared])
        coded = isinstance(mine, m.ChoiceTest)
        if coded and q.may_hold(bench, m.All((shared, m.Not(excluded))), ground):
            continue
        met = m.All((
            included, excluded, shared,
            m.Not(without(included, mine)), m.Not(without(excluded, other)),
        ))  # fmt: skip
        found = yield from q.ask(
            bench,
            q.holds(met),
            [included, excluded],
            question,
            ground=ground,
            check=lambda w: (w.statuses[ids[0]], w.statuses[ids[1]]) == ("passed", "failed"),
        )
        if found is not None:
            what = f"at its limit a subject meets {ids[0]} and is excluded by {ids[1]}"
            hint = "let one begin where the other ends"
            if coded:
                what = f"a code that {ids[0]} names is excluded by {ids[1]}"
                hint = "name it in one of them"
            yield Finding("overlap", exclusion.place, what, hint, "witnessed", ids, found)
            return True
    return False


def cut_short(
    bench: q.Bench, inclusion: m.Criterion, exclusion: m.Criterion, written: Written
) -> q.Said[None]:
    """An inclusion's limit that an exclusion never lets anybody come near.

    Whoever passes the exclusion is inside the limit, and somebody inside it is excluded:
    to exclude above 65 what is included up to 70 is to include up to 65.
    """
    (included, asked), (excluded, also_asked) = written[inclusion.id], written[exclusion.id]
    ids = (inclusion.id, exclusion.id)
    question = q.Question(exclusion.place, f"{ids[1]}: whether it cuts {ids[0]} short")
    for limit, other, reaches in _cuts(asked, also_asked):
        # Whoever passes is beyond the one limit, and whoever is, inside the other.
        if q.may_hold(bench, m.All((reaches, m.Not(excluded)))):
            continue
        apart = m.All((m.Not(reaches), m.Not(limit)))
        if q.may_hold(bench, apart, q.halved(bench, [apart])):
            continue
        goal = q.holds(m.All((included, excluded, m.Not(without(excluded, other)))))
        found = yield from q.ask(bench, goal, [included, excluded], question)
        if found is not None:
            words = leaf_text(limit, bench.protocol.facts)
            what = f"{ids[1]} excludes part of what {ids[0]} includes: the limit `{words}` "
            what += "is never reached"
            hint = "let the inclusion end where the exclusion begins"
            yield Finding("overlap", exclusion.place, what, hint, "witnessed", ids, found)
            return


def _cuts(
    asked: Sequence[tuple[m.Leaf, bool]], also_asked: Sequence[tuple[m.Leaf, bool]]
) -> Iterator[tuple[Bound, m.Leaf, m.Condition]]:
    """A limit, a test that may cut it short, and that test as it holds."""
    for (mine, turned), (other, also_turned) in product(asked, also_asked):
        for limit in cut_by(mine, turned, other, also_turned):
            yield limit, other, m.Not(other) if also_turned else other
