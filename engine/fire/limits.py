"""The limits of the rules engine, checked before a pack is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from engine.compile.program import PROPERTIES, Program, Test
from engine.compile.rules import BUCKET
from engine.terms.faults import EngineFault

_MAX_RULES, _MAX_LEVEL = 4_096, 400


def fnv32(text: str) -> int:
    """The engine's hash of a name (FNV-1a, 32 bits; ASCII only here)."""
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = ((value ^ byte) * 16_777_619) & 0xFFFFFFFF
    return value


def hash_clash(names: Iterable[str]) -> tuple[str, str] | None:
    """Two different names with one hash, which the engine would take for one; else None."""
    seen: dict[int, str] = {}
    for name in names:
        other = seen.setdefault(fnv32(name), name)
        if other != name:
            return other, name
    return None


def check_limits(program: Program) -> None:
    """Refuse a program that the engine would silently get wrong. Raises: EngineFault."""
    ids = [f"f{kind}" for kind in {rule.kind for rule in program.rules}]
    used = {name for rule in program.rules for name, _, _ in rule.tests}
    for names in ([*PROPERTIES, *used, CANARY, "$s"], [*ids, CANARY, "x", f"sid-{SID}"]):
        clash = hash_clash(names)
        if clash:
            raise EngineFault(f"the engine cannot tell `{clash[0]}` from `{clash[1]}`")
    for numbers in program.rulesets:
        rules = [program.rules[n] for n in numbers]
        kinds = {rule.kind for rule in rules}
        levels: dict[tuple[int, tuple[Test, ...]], set[Test]] = {}
        for rule in rules:
            for depth, test in enumerate(rule.tests):
                levels.setdefault((rule.kind, rule.tests[:depth]), set()).add(test)
        widest = max((len(tests) for tests in levels.values()), default=0)
        if widest > _MAX_LEVEL:
            raise EngineFault(f"{widest} conditions stand at one level of the rules")
        if len(rules) >= _MAX_RULES or len(kinds) / BUCKET > _MAX_LEVEL:
            raise EngineFault(
                f"{len(rules)} rules over {len(kinds)} facts are too many for one ruleset"
            )


SID = "s"
CANARY = "canary"
