"""Sentences and conclusions of a record, each seen to be one that can be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.record import messages
from engine.record.shape import Day, FieldRecord, Gap, Message, Shown, TestRecord
from engine.record.shapes import Misfit, fits
from engine.terms import Truth

_KINDS: Mapping[str, Any] = {
    "text": str,
    "name": str,
    "day": Day,
    "number": int,
    "message": Message,
    "shown": Shown,
    "shown_all": list[Shown],
    "values": list[Shown],
    "test": TestRecord,
    "fields": list[FieldRecord],
    "gaps": list[Gap],
}
_OPPOSITE: Mapping[Truth, Truth] = {"true": "false", "false": "true", "unknown": "unknown"}


def demand(holds: bool, place: str, message: str) -> None:
    """See that something holds. Raises: Misfit, with the place."""
    if not holds:
        raise Misfit(place, message)


def combined(kind: str, truths: list[Truth], count: int = 1) -> Truth:
    """The truth of a condition over those of its children, by Kleene's logic.

    `count`: of how many it must hold, where that is said.
    """
    if kind == "condition.at_least":
        held = truths.count("true")
        may = held + truths.count("unknown")
        return "true" if held >= count else "unknown" if may >= count else "false"
    if kind in ("condition.not", "condition.unless"):
        return _OPPOSITE[truths[0]]
    if kind == "condition.defined":
        return truths[0]
    first: Truth = "false" if kind == "condition.all" else "true"
    if first in truths:
        return first
    return "unknown" if "unknown" in truths else _OPPOSITE[first]


def tally(name: str, truths: Iterable[Truth]) -> str:
    """What a group was concluded from."""
    every = list(truths)
    counts = ", ".join(f"{every.count(t)} {t}" for t in ("true", "false", "unknown"))
    return f"tally of {name}: {counts}"


def check_message(message: Any, place: str) -> None:
    """See that a message is one of the catalogue, with its arguments. Raises: Misfit."""
    id_ = message["id"]
    demand(id_ in messages.TEMPLATES, f"{place}.id", "is no sentence of the catalogue")
    kinds, arguments = messages.slots(id_), message["arguments"]
    demand(arguments.keys() == kinds.keys(), f"{place}.arguments", "are not those of the sentence")
    for name, kind in kinds.items():
        below = f"{place}.arguments.{name}"
        try:
            fits(arguments[name], _KINDS[kind])
        except Misfit as misfit:
            dot = "." if misfit.place else ""
            raise Misfit(f"{below}{dot}{misfit.place}", misfit.message) from None
        if kind == "message":
            check_message(arguments[name], below)
        elif kind == "test":
            _test(arguments[name], below)


def _test(test: TestRecord, place: str) -> None:
    """See that a test has an operator and the limits that it takes."""
    operator, limits = test["operator"], test["limits"]
    demand(operator in messages.TESTS, f"{place}.operator", "is no operator")
    count = len(test.get("labels", ())) if operator == "one_of" else 1 + (operator == "between")
    plain = operator.startswith("plain_")
    fit = not limits if plain else len(limits) == count > 0
    demand(fit, f"{place}.limits", "are not as many as the test takes")
    anchored = "{anchor}" in messages.TESTS[operator]
    named = ("anchor" in test) == ("anchor_ask" in test) == anchored
    demand(named, f"{place}.anchor", "is named, or is not")
