"""Packs with one condition replaced: the ground of coverage, mutation and redundancy.

A path is a definition's name or a criterion's id, then `.1`, `.2`... for children, as in
`engine.reference.evaluator`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine import terms as m
from engine.terms.condition import defined_in
from engine.terms.protocol import condition_paths


def leaf_paths(protocol: m.Protocol) -> dict[str, m.Leaf]:
    """Every leaf by its path."""
    return {
        path: condition
        for path, condition in condition_paths(protocol).items()
        if isinstance(condition, m.Leaf)
    }


def at_path(protocol: m.Protocol, path: str) -> m.Condition:
    """The condition at a path."""
    return condition_paths(protocol)[path]


def replaced(protocol: m.Protocol, path: str, condition: m.Condition | None) -> m.Protocol:
    """The pack with another condition at a path; None takes it out of its `all` or `any`."""
    name, *rest = path.split(".")
    steps = [int(step) - 1 for step in rest]
    if name in protocol.definitions:
        new = _inside(protocol.definitions[name], steps, condition)
        return replace(protocol, definitions={**protocol.definitions, name: new})
    criteria = tuple(
        replace(c, holds_when=_inside(c.holds_when, steps, condition)) if c.id == name else c
        for c in protocol.criteria
    )
    return replace(protocol, criteria=criteria)


def _inside(whole: m.Condition, steps: list[int], condition: m.Condition | None) -> m.Condition:
    if not steps:
        assert condition is not None, "a whole condition cannot be dropped"
        return condition
    first, rest = steps[0], steps[1:]
    if isinstance(whole, m.Not):
        return replace(whole, child=_inside(whole.child, rest, condition))
    assert isinstance(whole, m.Group)
    children = list(whole.children)
    if rest or condition is not None:
        children[first] = _inside(children[first], rest, condition)
    else:
        del children[first]
        if isinstance(whole, m.Any):
            whole = replace(whole, when=False)
    return replace(whole, children=tuple(children))


def users(protocol: m.Protocol, path: str) -> frozenset[str]:
    """The criteria that the condition at a path is part of."""
    name = path.partition(".")[0]
    if name not in protocol.definitions:
        return frozenset([name])
    return frozenset(
        c.id for c in protocol.criteria if name in reached(protocol.definitions, c.holds_when)
    )


def reached(definitions: Mapping[str, m.Condition], condition: m.Condition) -> frozenset[str]:
    """The definitions that a condition refers to, and those that they do."""
    found = frozenset(defined_in(condition))
    return found.union(*(reached(definitions, definitions[name]) for name in found))


def only_reached(protocol: m.Protocol, criteria: Sequence[m.Criterion]) -> m.Protocol:
    """The pack with some of its criteria, and the definitions that these refer to."""
    needed = frozenset[str]().union(
        *(reached(protocol.definitions, c.holds_when) for c in criteria)
    )
    kept = {name: one for name, one in protocol.definitions.items() if name in needed}
    return replace(protocol, definitions=kept, criteria=tuple(criteria))
