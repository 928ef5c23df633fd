"""Messages of a record, each held against the catalogue: its id, and what it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.record import messages
from engine.record.shape import Day, FieldRecord, Gap, Message, Shown, TestRecord
from engine.record.shapes import Misfit, fits

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


def _demand(holds: bool, place: str, message: str) -> None:
    if not holds:
        raise Misfit(place, message)


def check_message(message: Any, place: str) -> None:
    """See that a message is one of the catalogue, with its arguments. Raises: Misfit."""
    id_ = message["id"]
    _demand(id_ in messages.TEMPLATES, f"{place}.id", "is no sentence of the catalogue")
    kinds, arguments = messages.slots(id_), message["arguments"]
    _demand(arguments.keys() == kinds.keys(), f"{place}.arguments", "are not those of the sentence")
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
    _demand(operator in messages.TESTS, f"{place}.operator", "is no operator")
    count = len(test.get("labels", ())) if operator == "one_of" else 1 + (operator == "between")
    plain = operator.startswith("plain_")
    fit = not limits if plain else len(limits) == count > 0
    _demand(fit, f"{place}.limits", "are not as many as the test takes")
    anchored = "{anchor}" in messages.TESTS[operator]
    named = ("anchor" in test) == ("anchor_ask" in test) == anchored
    _demand(named, f"{place}.anchor", "is named, or is not")
