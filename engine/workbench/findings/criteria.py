"""Findings about criteria: each alone, two together, and all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from engine import terms as m
from engine.regions.asked import leaves_of
from engine.regions.bounds import held
from engine.regions.diagrams import FALSE, TRUE
from engine.terms.condition import inlined
from engine.workbench.findings import Finding
from engine.workbench.findings import asking as q
from engine.workbench.findings.overlaps import cut_short, overlap


def each_alone(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """Criteria that nobody passes, or fails, or that are never decided."""
    criteria, definitions = bench.protocol.criteria, bench.protocol.definitions
    silent, unwritten, hopeless = set[str](), set[str](), False
    for number, criterion in enumerate(criteria):
        bench.progress("criteria", number, len(criteria))
        id_, inclusion = criterion.id, criterion.kind == "inclusion"
        todo = [isinstance(leaf, m.Todo) for leaf in leaves_of(criterion.holds_when, definitions)]
        if any(todo) or not todo:
            unwritten.add(id_)
        code, what, hint = "never-decided", f"{id_} can never be decided: ", "write `holds_when`"
        if all(todo):
            what += "its rule is not written yet"
        else:
            can = {}
            for status, word in ((TRUE, "passed"), (FALSE, "failed")):
                asked = q.Question(criterion.place, f"whether {id_} can be {word}")
                goal, about = q.stands(status, criterion), [criterion.holds_when]
                can[status] = not (yield from q.never(bench, goal, about, asked, definite=True))
            if any(todo) or all(can.values()):  # of what is not written yet there is more to come
                continue
            hopeless = hopeless or not can[TRUE]
            if can[TRUE]:
                code, what = "never-failed", f"no subject can fail {id_}: it decides nothing"
                hint = f"its condition can never {'fail' if inclusion else 'hold'}"
            elif can[FALSE]:
                code, what = "never-passed", f"no subject can pass {id_}"
                hint = f"its condition can never {'hold' if inclusion else 'fail'}"
            else:
                what += "it is open whatever is recorded"
                hint = "ask for a fact that decides it"
        silent.add(id_)
        yield Finding(code, criterion.place, what, hint, "proved", (id_,))
    return q.Known(frozenset(silent | unwritten), frozenset(unwritten), frozenset(), hopeless)


def pairs(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """Two criteria of which one ensures, contradicts or overlaps the other."""
    rest = [c for c in bench.protocol.criteria if c.id not in known.silent]
    definitions, hopeless = bench.protocol.definitions, known.hopeless
    written = {
        c.id: (whole, list(held(whole)))
        for c in rest
        for whole in [inlined(c.holds_when, definitions)]
    }
    anything = frozenset[int | str](range(len(bench.ground.spaces[0].variables)))
    support = {}
    for c in rest:
        asked = q.Question(c.place, f"whether {c.id} and others imply or exclude each other")
        support[c.id] = yield from q.settled(bench, partial(_concern, bench, c), anything, asked)
    both = [(a, b) for a, b in combinations(rest, 2) if support[a.id] & support[b.id]]
    for number, (a, b) in enumerate(both):
        if not bench.goes_on("pairs of criteria", number, len(both), 75):
            yield q.Left(len(both) - number)
            break
        about, apart = [a.holds_when, b.holds_when], a.kind != b.kind
        asked = q.Question(a.place, f"whether {a.id} and {b.id} can be passed together")
        if (yield from q.never(bench, q.stands(TRUE, a, b), about, asked, definite=True)):
            hopeless = True
            what, hint = f"no subject can pass both {a.id} and {b.id}", _on_line(a)
            yield Finding("contradicted", b.place, what, hint, "proved", (a.id, b.id))
            continue
        two = (a, b) if a.kind == "inclusion" else (b, a)
        if apart and (yield from overlap(bench, *two, written)):
            continue
        ahead = yield from _ensures(bench, a, b, about)
        back = yield from _ensures(bench, b, a, about)
        if ahead or back:
            one, other = (a, b) if ahead else (b, a)
            what = f"{other.id} adds nothing: it is passed wherever {one.id} is"
            if ahead and back:
                what = f"{other.id} says the same as {one.id}"
            ids = (other.id, one.id)
            yield Finding("implied", other.place, what, _on_line(one), "proved", ids)
        elif apart:
            yield from cut_short(bench, *two, written)
    return replace(known, hopeless=hopeless)


def _on_line(one: m.Criterion) -> str:
    return f"{one.id} is on line {one.place.line}"


def _concern(bench: q.Bench, criterion: m.Criterion) -> frozenset[int | str]:
    """What a criterion is about, on any day."""
    found = (space.concerns(space.status(criterion)) for space in bench.ground.spaces)
    return frozenset[int | str]().union(*found)


def _ensures(
    bench: q.Bench, a: m.Criterion, b: m.Criterion, about: Sequence[m.Condition]
) -> q.Said[bool]:
    """Whether `b` never stands worse than `a`: then dropping `b` changes no verdict."""
    asked = q.Question(b.place, f"{b.id}: whether it is passed wherever {a.id} is")
    less = yield from q.never(
        bench, lambda s: s.diagrams.less(s.status(b), s.status(a)), about, asked
    )
    return less


def nobody(bench: q.Bench, known: q.Known) -> q.Said[q.Known]:
    """Whether nobody can be eligible, where no finding says already why."""
    criteria = [c for c in bench.protocol.criteria if c.id not in known.unwritten]
    if known.hopeless or len(criteria) < 2:
        return known
    conditions = [c.holds_when for c in criteria]
    asked = q.Question(bench.protocol.criteria[0].place, "whether anybody can be eligible")
    if (yield from q.never(bench, q.stands(TRUE, *criteria), conditions, asked, definite=True)):
        # A smallest set of criteria that clash: none of it can be spared.
        core = list(criteria)
        asked = q.Question(asked.place, "whether fewer criteria clash")
        for criterion in criteria:
            less = [c for c in core if c is not criterion]
            goal = q.stands(TRUE, *less)
            if not (yield from q.settled(bench, partial(q.somewhere, bench, goal), True, asked)):
                core = less
        what = "no subject at all can be eligible, although each criterion can be passed"
        ids = tuple(c.id for c in core)
        hint = "these cannot all be passed: " + ", ".join(ids)
        yield Finding("never-eligible", criteria[0].place, what, hint, "proved", ids)
    return known
