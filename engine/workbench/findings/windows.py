"""Findings about how long facts are relied on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from engine import terms as m
from engine.regions.asked import PERSON
from engine.regions.bounds import opposite
from engine.regions.days import back
from engine.terms.protocol import condition_paths
from engine.workbench.edits import leaf_paths, users
from engine.workbench.findings import Finding
from engine.workbench.findings.inquiry import Inquiry


def validity(asked: Inquiry, _: Sequence[Finding]) -> Iterator[Finding]:
    """Facts that may change, without a word on how long they are relied on."""
    for fact in asked.protocol.facts.values():
        lasting = fact.valid_for is not None or fact.changes == "never"
        if fact.derive is None and fact.type != "text" and not lasting:
            what = f"`{fact.name}` may change, and nothing says how long a value may be relied on"
            hint = "add `valid_for: ...`, or `changes: never`"
            yield Finding("no-validity", fact.place, what, hint)


def windows(asked: Inquiry, _: Sequence[Finding]) -> Iterator[Finding]:
    """Windows longer than their fact is relied on."""
    for path, leaf in leaf_paths(asked.protocol).items():
        using = users(asked.protocol, path)
        if not isinstance(leaf, m.AgoTest) or not using:
            continue
        fact = asked.protocol.facts[leaf.fact]
        if _turned(asked, path):
            turned = opposite(leaf)
            assert isinstance(turned, m.AgoTest)
            leaf = turned
        if fact.valid_for is None or leaf.op not in ("within_last", "less_than_ago"):
            continue
        if _days(leaf.duration)[1] < _days(fact.valid_for)[0]:
            continue
        what = f"{path}: the window of {leaf.duration.text} is longer than `{fact.name}` "
        what += f"may be relied on ({fact.valid_for.text})"
        days = _out_of_date(asked, leaf, fact.valid_for)
        if days is None:
            continue
        on = days[1].isoformat()
        said = {"value": on, "on": on, "by": PERSON}
        witness = asked.confirmed({"facts": {fact.name: said}, "records": {}}, days[0])
        hint = "the witness's date lies inside the window, and is out of date"
        ids = tuple(sorted(using))
        yield Finding(
            "window-beyond-validity", leaf.place, what, hint if witness else "",
            "witnessed" if witness else "read", ids, witness,
        )  # fmt: skip


def _turned(asked: Inquiry, path: str) -> bool:
    """Whether a condition stands under a `not`, in its criterion or definition."""
    paths = condition_paths(asked.protocol)
    steps = path.split(".")
    above = [paths[".".join(steps[:n])] for n in range(1, len(steps))]
    return sum(isinstance(one, m.Not) for one in above) % 2 == 1


def _out_of_date(
    asked: Inquiry, leaf: m.AgoTest, valid_for: m.Duration
) -> tuple[date, date] | None:
    """An as-of date, and a day that lies inside a window then and is relied on no more.

    A month may be longer than 30 days, or shorter, and so may a year than 365: four years
    have all of their kinds.
    """
    first = asked.spaces[0].as_of
    for as_of in (first + timedelta(days=n) for n in range(1461)):
        happened = back(as_of, valid_for, early=True, strict=True)
        strict = leaf.op == "within_last"
        if happened > back(as_of, leaf.duration, early=True, strict=strict):
            return as_of, happened
    return None


def _days(duration: m.Duration) -> tuple[int, int]:
    """About how many days a duration has: never more than the least, nor less than the most."""
    years, months = divmod(duration.months, 12)
    least = years * 365 + months * 28 + duration.days
    return least, years * 366 + months * 31 + duration.days
