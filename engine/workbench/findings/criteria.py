"""Findings about criteria: alone, two by two, and all together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations

from engine import terms as m
from engine.regions.diagrams import FALSE, TRUE
from engine.workbench.findings import Finding
from engine.workbench.findings.inquiry import Inquiry, silent, stands
from engine.workbench.findings.overlaps import cut_short, overlap
from engine.workbench.findings.text import unwritten


def each(asked: Inquiry, _: Sequence[Finding]) -> Iterator[Finding]:
    """Criteria that can never be passed, failed or decided."""
    criteria = asked.protocol.criteria
    for number, criterion in enumerate(criteria):
        asked.told_of("criteria", number, len(criteria))
        yield from _alone(asked, criterion)


def _alone(asked: Inquiry, criterion: m.Criterion) -> Iterator[Finding]:
    if unwritten(asked.protocol, criterion.id):
        what = f"{criterion.id} can never be decided: its rule is not written yet"
        hint = "write `holds_when`"
        ids = (criterion.id,)
        yield Finding("never-decided", criterion.place, what, hint, "proved", ids)
        return
    about = [criterion.holds_when]
    can: dict[int, bool] = {}
    for status, word in ((TRUE, "passed"), (FALSE, "failed")):
        can[status] = not asked.never(
            stands(status, criterion),
            about,
            f"whether {criterion.id} can be {word}",
            definite=True,
        )
    place, id_ = criterion.place, criterion.id
    if id_ in asked.unwritten:
        return  # said already: there is more to come
    inclusion = criterion.kind == "inclusion"
    if not can[TRUE] and not can[FALSE]:
        what = f"{id_} can never be decided: it is open whatever is recorded"
        hint = "ask for a fact that decides it"
        yield Finding("never-decided", place, what, hint, "proved", (id_,))
    elif not can[TRUE]:
        what = f"no subject can pass {id_}"
        hint = f"its condition can never {'hold' if inclusion else 'fail'}"
        yield Finding("never-passed", place, what, hint, "proved", (id_,))
    elif not can[FALSE]:
        what = f"no subject can fail {id_}: it decides nothing"
        hint = f"its condition can never {'fail' if inclusion else 'hold'}"
        yield Finding("never-failed", place, what, hint, "proved", (id_,))


def pairs(asked: Inquiry, said: Sequence[Finding]) -> Iterator[Finding]:
    """Criteria that contradict, overlap or imply each other."""
    protocol = asked.protocol
    rest = [c for c in protocol.criteria if c.id not in silent(asked, said)]
    anything = frozenset[int | str](range(len(asked.spaces[0].variables)))
    support = {
        c.id: asked.settle(
            partial(_concern, asked, c),
            anything,
            f"whether {c.id} and others imply or exclude each other",
        )
        for c in rest
    }
    near = [(a, b) for a, b in combinations(rest, 2) if support[a.id] & support[b.id]]
    for number, (a, b) in enumerate(near):
        if not asked.progress("pairs of criteria", number, len(near), 75):
            break
        about = [a.holds_when, b.holds_when]
        both = f"{a.id} and {b.id}"
        if asked.never(
            stands(TRUE, a, b), about, f"whether {both} can be passed together", definite=True,
        ):  # fmt: skip
            what = f"no subject can pass both {both}"
            hint = f"{a.id} is on line {a.place.line}"
            yield Finding("contradicted", b.place, what, hint, "proved", (a.id, b.id))
            continue
        if a.kind != b.kind:
            found = overlap(asked, a, b)
            if found is not None:
                yield found
                continue
        ahead = _ensures(asked, a, b, about)
        back = _ensures(asked, b, a, about)
        if a.kind != b.kind and not ahead and not back:
            cut = cut_short(asked, a, b)
            if cut is not None:
                yield cut
        if ahead or back:
            one, other = (a, b) if ahead else (b, a)
            what = f"{other.id} adds nothing: it is passed wherever {one.id} is"
            if ahead and back:
                what = f"{other.id} says the same as {one.id}"
            hint = f"{one.id} is on line {one.place.line}"
            yield Finding("implied", other.place, what, hint, "proved", (other.id, one.id))


def _concern(asked: Inquiry, criterion: m.Criterion) -> frozenset[int | str]:
    """What a criterion is about, on any day."""
    found = (space.concerns(space.status(criterion)) for space in asked.spaces)
    return frozenset[int | str]().union(*found)


def _ensures(asked: Inquiry, a: m.Criterion, b: m.Criterion, about: list[m.Condition]) -> bool:
    """Whether `b` never stands worse than `a`: then dropping `b` changes no verdict."""
    return asked.never(
        lambda s: s.diagrams.less(s.status(b), s.status(a)),
        about,
        f"{b.id}: whether it is passed wherever {a.id} is",
    )


def nobody(asked: Inquiry, said: Sequence[Finding]) -> Iterator[Finding]:
    """Whether anybody can be eligible, where no finding says already why not."""
    hopeless = ("never-passed", "never-decided", "contradicted")
    if any(one.code in hopeless and {*one.criteria} - asked.unwritten for one in said):
        return
    criteria = [c for c in asked.protocol.criteria if c.id not in asked.unwritten]
    if len(criteria) < 2:
        return
    conditions = [c.holds_when for c in criteria]
    if asked.never(
        stands(TRUE, *criteria),
        conditions, "whether anybody can be eligible", definite=True,
    ):  # fmt: skip
        place = criteria[0].place
        what = "no subject at all can be eligible, although each criterion can be passed"
        ids = _core(asked, criteria)
        hint = "these cannot all be passed: " + ", ".join(ids)
        yield Finding("never-eligible", place, what, hint, "proved", ids)


def _core(asked: Inquiry, criteria: Sequence[m.Criterion]) -> tuple[str, ...]:
    """A smallest set of criteria that cannot all be passed: none of it can be spared."""
    core = list(criteria)
    for criterion in criteria:
        less = [c for c in core if c is not criterion]
        if not asked.settle(
            partial(asked.somewhere, stands(TRUE, *less)),
            True,
            "whether fewer criteria clash",
        ):
            core = less
    return tuple(c.id for c in core)
