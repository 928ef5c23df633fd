"""The UCUM unit of a FHIR quantity: its code, or a text that means one and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.exchange.recorded import clean
from engine.terms import Fact, Field
from engine.terms.spellings import unit_code
from engine.terms.units import UnitError, conversion


class Unusable(Exception):
    """A value that cannot be taken; the message says why."""


def unit_of(
    codes: Sequence[str], quantity: Any, units: Mapping[str, str], target: Fact | Field
) -> str:
    """The unit of a quantity. `codes`: what the map finds as its code; `units`: what the map
    lets a recorded unit stand for. Raises: Unusable.
    """
    code = codes[0] if len(codes) == 1 else ""
    written = [quantity.get("unit"), quantity.get("code")] if isinstance(quantity, dict) else []
    text = next((one for one in written if isinstance(one, str) and one.strip()), "")
    said = code or text
    if said in units:
        unit = units[said]
    elif not said:
        raise Unusable("states no unit")
    else:
        try:
            unit = unit_code(said, target.unit, target.molar_mass, target.also_in)
        except UnitError as error:
            raise Unusable(str(error)) from None
    other = quantity.get("code") if isinstance(quantity, dict) else None
    if not code and isinstance(other, str) and other != text and other not in units:
        meant = _meant(other, target)
        if meant and not _alike(unit, meant):
            raise Unusable(f"its unit is `{clean(text)[:20]}` and `{clean(other)[:20]}`")
    if code and text and text != code and code not in units and text not in units:
        meant = _meant(text, target)
        if meant and not _alike(unit, meant):
            raise Unusable(f"its unit is `{clean(text)[:20]}` and `{clean(code)[:20]}`")
    return unit


def same_unit(quantity: Any, unit: str, target: Fact | Field) -> bool:
    """Whether a quantity is in a unit that is known, by its code or by its text."""
    written = quantity.get("code") or quantity.get("unit") if isinstance(quantity, dict) else None
    return isinstance(written, str) and _alike(_meant(written, target), unit)


def _meant(text: str, target: Fact | Field) -> str:
    try:
        return unit_code(text, target.unit, target.molar_mass, target.also_in)
    except UnitError:
        return ""


def _alike(one: str, other: str) -> bool:
    try:
        factor, offset = conversion(one, other, None)
    except UnitError:
        return False
    return factor == 1 and offset == 0
