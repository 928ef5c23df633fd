"""Findings about the conditions inside a criterion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.asked import leaves_of
from engine.regions.diagrams import FALSE
from engine.terms.protocol import condition_paths
from engine.workbench.edits import replaced, users
from engine.workbench.findings import Finding
from engine.workbench.findings.inquiry import Inquiry, holds, inside, silent


def conditions(asked: Inquiry, said: Sequence[Finding]) -> Iterator[Finding]:
    """Conditions that clash with others of one `all`, that always hold or never matter."""
    protocol = asked.protocol
    paths = condition_paths(protocol)
    told: set[str] = set()
    for number, (path, condition) in enumerate(paths.items()):
        if not asked.progress("conditions", number, len(paths)):
            break
        using = users(protocol, path)
        if not using or using <= silent(asked, said) or inside(path, told):
            continue
        if not isinstance(condition, m.All | m.Any) or len(condition.children) < 2:
            continue
        ids = tuple(sorted(using))
        if isinstance(condition, m.All):
            apart = _apart(asked, path, condition, ids)
            if apart is not None:
                told.add(path)
                yield apart
                continue
        elif asked.never(
            holds(condition, FALSE),
            [condition],
            f"{path}: whether one of its conditions always holds",
            definite=True,
        ):
            told.add(path)
            what = f"{path}: one of these always holds, whatever is recorded"
            yield Finding("always-holds", condition.place, what, "", "proved", ids, path=path)
            continue
        left = protocol  # of two that say the same, one has to stay
        for i, child in enumerate(condition.children, start=1):
            gone = sum(f"{path}.{j}" in told for j in range(1, i))
            if gone == len(condition.children) - 1:
                break
            other = replaced(left, f"{path}.{i - gone}", None)
            if _same(asked, other, using, f"{path}.{i}: whether it makes a difference"):
                left = other
                told.add(f"{path}.{i}")
                what = f"{path}.{i}: {_words(asked, child)} makes no difference here"
                hint = "remove it, or correct what hides it"
                yield Finding(
                    "never-matters", child.place, what, hint, "proved", ids, path=f"{path}.{i}"
                )


def _apart(asked: Inquiry, path: str, whole: m.All, ids: tuple[str, ...]) -> Finding | None:
    """Parts of an `all` that can each hold, but not together: as few as say so."""
    parts = list(enumerate(whole.children, start=1))
    can = [
        (i, one)
        for i, one in parts
        if asked.settle(
            partial(asked.somewhere, holds(one)),
            False,
            f"{path}: whether two of its conditions exclude each other",
        )
    ]
    sets: list[Sequence[tuple[int, m.Condition]]] = [*combinations(can, 2)]
    if len(can) == len(parts) > 2:
        sets.append(parts)
    for some in sets:
        if not _never_hold(asked, path, [one for _, one in some]):
            continue
        for spared in list(some):
            less = [one for one in some if one is not spared]
            if len(less) > 1 and _never_hold(asked, path, [one for _, one in less]):
                some = less
        named = [_words(asked, one) for _, one in some]
        what = f"{path}: {', '.join(named[:-1])} and {named[-1]} never hold together"
        numbers = [str(i) for i, _ in some]
        hint = f"conditions {', '.join(numbers[:-1])} and {numbers[-1]} of this `all`"
        return Finding("never-together", some[-1][1].place, what, hint, "proved", ids, path=path)
    return None


def _never_hold(asked: Inquiry, path: str, parts: Sequence[m.Condition]) -> bool:
    """Whether it is proved that some parts of an `all` never hold together."""
    return asked.never(
        holds(m.All(tuple(parts))),
        parts,
        f"{path}: whether some of its conditions exclude each other",
        definite=True,
    )


def _same(asked: Inquiry, other: m.Protocol, using: frozenset[str], what: str) -> bool:
    """Whether it is proved that some criteria mean the same in an edited pack."""
    pairs = [
        (mine, theirs)
        for mine, theirs in zip(asked.protocol.criteria, other.criteria, strict=True)
        if mine.id in using
    ]
    return asked.never(
        lambda s: s.diagrams.any(
            s.diagrams.differ(s.diagram(mine.holds_when), s.diagram_of(other, theirs.holds_when))
            for mine, theirs in pairs
        ),
        [mine.holds_when for mine, _ in pairs],
        what,
    )


def _words(asked: Inquiry, condition: m.Condition) -> str:
    if isinstance(condition, m.Defined):
        return f"`{condition.name}`"
    if isinstance(condition, m.Not):
        return f"`not {_words(asked, condition.child).strip('`')}`"
    if isinstance(condition, m.All | m.Any):
        leaves = list(leaves_of(condition, asked.protocol.definitions))
        return f"the group with `{leaf_text(leaves[0], asked.protocol.facts)}`"
    return f"`{leaf_text(condition, asked.protocol.facts)}`"
