"""Findings: what is worth an author's look in a pack that has no faults."""

from __future__ import annotations

from engine.faults import Fault
from engine.model import Protocol


def findings(protocol: Protocol) -> list[Fault]:
    """Every finding, in the pack's order. A finding never stops a screening."""
    found = []
    for fact in protocol.facts.values():
        lasting = fact.valid_for is not None or fact.changes == "never"
        if fact.derive is None and fact.type != "text" and not lasting:
            what = f"`{fact.name}` may change, and nothing says how long a value may be relied on"
            hint = "add `valid_for: ...`, or `changes: never`"
            found.append(Fault(fact.place, "no-validity", what, hint))
    return found
