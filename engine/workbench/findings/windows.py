"""Findings about how long dates are relied on."""

from __future__ import annotations

from datetime import date, timedelta

from engine import terms as m
from engine.regions.asked import PERSON
from engine.regions.bounds import opposite
from engine.regions.days import back
from engine.workbench.edits import leaf_paths, users
from engine.workbench.findings import Finding
from engine.workbench.findings import asking as q


def windows(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """A date that counts for longer than its statement is relied on."""
    protocol = bench.protocol
    for path, leaf in leaf_paths(protocol).items():
        using = users(protocol, path)
        if not isinstance(leaf, m.AgoTest) or not using:
            continue
        fact = protocol.facts[leaf.fact]
        if _turned(bench, path):
            turned = opposite(leaf)
            assert isinstance(turned, m.AgoTest)
            leaf = turned
        if fact.valid_for is None or leaf.op not in ("within_last", "less_than_ago"):
            continue
        if _days(leaf.duration)[1] < _days(fact.valid_for)[0]:
            continue
        days = _out_of_date(bench, leaf, fact.valid_for)
        if days is None:
            continue
        what = f"{path}: the window of {leaf.duration.text} is longer than `{fact.name}` "
        what += f"may be relied on ({fact.valid_for.text})"
        on = days[1].isoformat()
        said = {"value": on, "on": on, "by": PERSON}
        witness = q.shown(bench, {"facts": {fact.name: said}, "records": {}}, days[0])
        hint = "the witness's date lies inside the window, and is out of date"
        yield Finding(
            "window-beyond-validity", leaf.place, what, hint if witness else "",
            "witnessed" if witness else "read", tuple(sorted(using)), witness,
        )  # fmt: skip
    return known


def _turned(bench: q.Bench, path: str) -> bool:
    """Whether a condition stands under a `not`, in its criterion or definition."""
    steps = path.split(".")
    above = [bench.paths[".".join(steps[:n])] for n in range(1, len(steps))]
    return sum(isinstance(one, m.Not) for one in above) % 2 == 1


def _out_of_date(
    bench: q.Bench, leaf: m.AgoTest, valid_for: m.Duration
) -> tuple[date, date] | None:
    """An as-of date, and a day that lies inside a window then and is relied on no more.

    A month may be longer than 30 days, or shorter, and so may a year than 365: four years
    have all of their kinds.
    """
    first = bench.ground.spaces[0].as_of
    for as_of in (first + timedelta(days=n) for n in range(1461)):
        happened = back(as_of, valid_for, early=True, strict=True)
        if happened > back(as_of, leaf.duration, early=True, strict=leaf.op == "within_last"):
            return as_of, happened
    return None


def _days(duration: m.Duration) -> tuple[int, int]:
    """About how many days a duration has: never more than the least, nor less than the most."""
    years, months = divmod(duration.months, 12)
    least = years * 365 + months * 28 + duration.days
    return least, years * 366 + months * 31 + duration.days
