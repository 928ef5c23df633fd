"""Findings about criteria: each alone, two together, and all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations, product

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.asked import inlined, leaves_of
from engine.regions.bounds import Bound, cut_by, held, shared_value, without
from engine.regions.diagrams import FALSE, TRUE
from engine.workbench import asking as q
from engine.workbench.findings import Finding

Written = Mapping[str, tuple[m.Condition, Sequence[tuple[m.Leaf, bool]]]]
"""By criterion its condition with definitions written out, and the tests that hold, or fail to
(True), wherever it does."""


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
        if apart and (yield from _overlap(bench, *two, written)):
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
            yield from _cut_short(bench, *two, written)
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


def _overlap(
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


def _cut_short(
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
