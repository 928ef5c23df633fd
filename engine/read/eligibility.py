"""Read `eligibility.yaml`: definitions, and criteria in the protocol's order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any as Anything
from typing import get_args

from engine.read import files, hints
from engine.read.conditions import Conditions
from engine.read.dictionary import Dictionary, check_name, in_cycles
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import (
    All,
    Any,
    AtLeast,
    Basis,
    BooleanTest,
    Condition,
    Criterion,
    Defined,
    Group,
    Kind,
    Not,
    Todo,
)
from engine.terms.condition import defined_in, inlined

MAX_CONDITIONS = 10_000
MAX_CONDITION_DEPTH = 100
CRITERION_ID = re.compile(r"[A-Za-z]+[0-9]+")


def read_eligibility(
    sheet: Sheet, dictionary: Dictionary, whole_dictionary: bool
) -> tuple[dict[str, Condition], tuple[Criterion, ...]]:
    top = sheet.mapping_of((), sheet.document.value, files.EligibilityFile) or {}
    raw = sheet.names_of(("definitions",), top.get("definitions", {}), "names to conditions")
    conditions = Conditions(dictionary.facts, dictionary.fact_names, frozenset(raw))
    definitions: dict[str, Condition] = {}
    for name, value in raw.items():
        check_name(sheet, ("definitions", name), name)
        condition = conditions.condition(sheet, ("definitions", name), value)
        if condition is not None:
            definitions[name] = condition
    graph = {name: tuple(defined_in(c)) for name, c in definitions.items()}
    for name in in_cycles(graph):
        what = f"the definition `{name}` refers to itself"
        sheet.fault(("definitions", name), "cycle", what, "break the circle", key=True)
    if sheet.clean:
        for name, condition in definitions.items():
            if _too_deep(condition, definitions):
                what = f"`{name}` is nested more than {MAX_CONDITION_DEPTH} conditions deep"
                hint = "through the definitions it refers to; make them flatter"
                sheet.fault(("definitions", name), "too-deep", what, hint, key=True)
    entries = sheet.list_of(("criteria",), top.get("criteria", []), "criteria")
    if not entries and "criteria" in top:
        sheet.fault(("criteria",), "empty", "the pack has no criteria")
    criteria: list[Criterion] = []
    seen: dict[str, int] = {}
    for i, value in enumerate(entries):
        criterion = _criterion(conditions, sheet, ("criteria", i), value)
        if criterion is None:
            continue
        if criterion.id in seen:
            what = f"the id `{criterion.id}` stands here twice"
            hint = f"the first is on line {seen[criterion.id]}"
            sheet.fault(("criteria", i, "id"), "duplicate-id", what, hint)
        seen.setdefault(criterion.id, criterion.place.line)
        if criterion.id in conditions.definition_names:
            what = f"`{criterion.id}` is also the name of a definition"
            sheet.fault(("criteria", i, "id"), "duplicate-id", what, "rename the definition")
        criteria.append(criterion)
    if sheet.clean:
        for i, criterion in enumerate(criteria):
            if _turned(criterion.holds_when, definitions, criterion.kind == "exclusion"):
                what = "`when` with `require` does not go with an exclusion, nor with `not`"
                hint = "it says what is required; write `all:` with the condition and the rest"
                sheet.fault(("criteria", i, "holds_when"), "condition", what, hint, key=True)
            for part in _alike(criterion.holds_when, definitions):
                what = "two conditions of this `at_least` mean the same, and would count as two"
                hint = f"the one on line {part.place.line}: remove it"
                sheet.fault(("criteria", i, "holds_when"), "condition", what, hint, key=True)
    if sheet.clean and whole_dictionary:
        sizes: dict[str, int] = {}
        whole = sum(_size(c.holds_when, definitions, sizes) for c in criteria)
        if whole > MAX_CONDITIONS:
            what = f"the criteria hold {whole} conditions, definitions written out; "
            what += f"the limit is {MAX_CONDITIONS}"
            sheet.fault(("criteria",), "too-large", what, "refer to definitions less often")
    return definitions, tuple(criteria)


def _criterion(
    conditions: Conditions, sheet: Sheet, path: Path, value: Anything
) -> Criterion | None:
    top = sheet.mapping_of(path, value, files.CriterionFile, hints.CRITERIA)
    if top is None:
        return None
    id_ = sheet.given(path, top, "id", sheet.text_of)
    if id_ is not None and (not CRITERION_ID.fullmatch(id_) or len(id_) > 8):
        what = f"`{shorten(id_)}` is not a criterion id"
        hint = "one or more letters, then digits, at most 8 characters, as in `I05`"
        sheet.fault((*path, "id"), "id", what, hint)
    kind = sheet.given(path, top, "kind", sheet.option_of, get_args(Kind))
    text = sheet.given(path, top, "text", sheet.text_of, "the text")
    interpretation = sheet.words_of(path, top, "interpretation")
    # Words of our own beside the protocol's are an assumption unless the author says otherwise.
    basis = sheet.given(path, top, "basis", sheet.option_of, get_args(Basis))
    condition: Condition | None = None
    if "holds_when" in top:
        condition = conditions.condition(sheet, (*path, "holds_when"), top["holds_when"])
    if id_ is None:
        return None
    return Criterion(
        id_,
        kind or "inclusion",
        text or "",
        condition or Todo(),
        interpretation,
        basis or ("assumed" if interpretation else "stated"),
        sheet.words_of(path, top, "source"),
        sheet.document.span(path),
    )


def _turned(condition: Condition, definitions: Mapping[str, Condition], turned: bool) -> bool:
    """Whether a requirement stands where its condition counts turned round."""
    if isinstance(condition, Any) and condition.when:
        applies, required = condition.children
        assert isinstance(applies, Not)
        inside = _turned(applies.child, definitions, True)
        return turned or inside or _turned(required, definitions, turned)
    if isinstance(condition, Not):
        return _turned(condition.child, definitions, True)
    return any(_turned(one, definitions, turned) for one in _children(condition, definitions))


def _alike(condition: Condition, definitions: Mapping[str, Condition]) -> Iterator[Condition]:
    """Conditions of which so many must hold, and which are one with another beside them."""
    if isinstance(condition, AtLeast):
        whole = [_plainest(inlined(one, definitions)) for one in condition.children]
        yield from (one for i, one in enumerate(condition.children) if whole[i] in whole[:i])
    for one in _children(condition, definitions):
        yield from _alike(one, definitions)


def _plainest(condition: Condition) -> object:
    """A form that is equal for conditions that say one thing in other words: a group of one, a
    group in a group, another order, `not` twice, `not` of a yes or no."""
    if isinstance(condition, All | Any):
        kind = All if isinstance(condition, All) else Any
        parts: set[object] = set()
        for one in map(_plainest, condition.children):
            same = isinstance(one, tuple) and one[0] is kind
            parts |= {*one[1]} if same and isinstance(one, tuple) else {one}
        return parts.pop() if len(parts) == 1 else (kind, frozenset(parts))
    if isinstance(condition, AtLeast):
        return (AtLeast, condition.count, frozenset(map(_plainest, condition.children)))
    if isinstance(condition, Not):
        inside = _plainest(condition.child)
        if isinstance(inside, BooleanTest):
            return replace(inside, expected=not inside.expected)
        turned = isinstance(inside, tuple) and inside[0] is Not
        return inside[1] if turned and isinstance(inside, tuple) else (Not, inside)
    return condition


def _size(condition: Condition, definitions: Mapping[str, Condition], sizes: dict[str, int]) -> int:
    """How many conditions there are, with every definition written out where it is used."""
    if isinstance(condition, Defined) and condition.name in sizes:
        return 1 + sizes[condition.name]
    inside = sum(_size(c, definitions, sizes) for c in _children(condition, definitions))
    if isinstance(condition, Defined):
        sizes[condition.name] = inside
    return 1 + inside


def _too_deep(condition: Condition, definitions: Mapping[str, Condition]) -> bool:
    level = [condition]
    for _ in range(MAX_CONDITION_DEPTH):
        below: dict[int, Condition] = {}
        for part in level:
            for child in _children(part, definitions):
                below[id(child)] = child
        if not below:
            return False
        level = list(below.values())
    return True


def _children(condition: Condition, definitions: Mapping[str, Condition]) -> tuple[Condition, ...]:
    if isinstance(condition, Group):
        return condition.children
    if isinstance(condition, Not):
        return (condition.child,)
    if isinstance(condition, Defined) and condition.name in definitions:
        return (definitions[condition.name],)
    return ()  # a leaf, or a definition that has a fault of its own
