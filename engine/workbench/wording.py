"""How a mutant says what is mistaken in it."""

from __future__ import annotations

from typing import assert_never

from engine import terms as m
from engine.record.wording import group_word, leaf_text


def brief(condition: m.Condition, protocol: m.Protocol) -> str:
    """A condition in few words."""
    if isinstance(condition, m.Defined):
        return f"defined {condition.name}"
    if isinstance(condition, m.Group | m.Not):
        return group_word(condition).removesuffix(" of") + " ..."
    if isinstance(condition, m.Leaf):
        return leaf_text(condition, protocol.facts)
    assert_never(condition)


def in_full(condition: m.Condition, protocol: m.Protocol) -> str:
    """What a test is mistaken for: another, one turned round, or several that hold together."""
    if isinstance(condition, m.Not):
        return f"not {in_full(condition.child, protocol)}"
    if isinstance(condition, m.All):
        return " and ".join(in_full(child, protocol) for child in condition.children)
    return brief(condition, protocol)
