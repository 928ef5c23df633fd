"""The bytes of FHIR files, decoded: packed or not, with no key twice."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from engine.exchange.fhir.element import with_known_systems
from engine.exchange.recorded import clean

MAX_DIGITS = 40
"""The longest number that is built, in digits, its exponent counted out."""

PACKED = {
    b"\x1f\x8b": "packed (gzip): unpack it first",
    b"PK": "packed (zip): unpack it first",
    b"BZh": "packed (bzip2): unpack it first",
    b"\xfd7zXZ": "packed (xz): unpack it first",
    b"(\xb5/\xfd": "packed (zstd): unpack it first",
}


class Refused(ValueError):
    """A text that is not the JSON of a resource."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Refused(f"not JSON of FHIR: `{clean(twice)}` stands there twice")
    return result


def _refuse_constant(word: str) -> Any:
    raise Refused(f"not JSON: `{word}` is not a number")


_EXPONENT = re.compile(r"[eE]([+-]?)0*([0-9]+)$")


def _decimal(text: str) -> Any:
    """A number with every digit, if there are not too many; bounded before it is built."""
    exponent = _EXPONENT.search(text)
    if len(text) > MAX_DIGITS or (exponent and int(exponent[2][:4]) > MAX_DIGITS // 2):
        return Unbuilt(text[:MAX_DIGITS])
    return Decimal(text)


def _integer(text: str) -> Any:
    return Unbuilt(text[:MAX_DIGITS]) if len(text) > MAX_DIGITS else int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=_refuse_constant,
)


def decoded(data: bytes) -> Any:
    """A JSON value; numbers keep every digit. Raises: Refused."""
    for magic, why in PACKED.items():
        if data.startswith(magic):
            raise Refused(why)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("not UTF-8 text") from None
    if not text.strip():
        raise Refused("not JSON: the file is empty")
    if text.lstrip()[:1] == "<":
        raise Refused("XML; FHIR is read as JSON")
    try:
        found = _DECODER.decode(text)
        return with_known_systems(found) if "urn:oid:" in text or "/sct/" in text else found
    except Refused:
        raise
    except RecursionError:
        raise Refused("nested too deep") from None
    except ValueError as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise Refused(f"not JSON: {clean(what)[:80].lower()}") from None


class Unbuilt(str):
    """A number of so many digits that it is left as it is written."""
