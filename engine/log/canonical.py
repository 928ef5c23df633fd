"""RFC 8785 JSON (JCS): one value has one sequence of bytes, so bytes can be hashed."""

from __future__ import annotations

import json
from typing import Any

from engine.log import LogFault


class NotCanonical(LogFault):
    """Bytes that are not canonical JSON, or a value that has no such form."""


def encode(value: Any) -> bytes:
    """The canonical bytes of a JSON value. Raises: NotCanonical if it has none."""
    import rfc8785

    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not a value of canonical JSON: {error}") from None


def decode(data: bytes) -> Any:
    """The value of canonical bytes; any other spelling of a value is refused.

    Repeated keys, other orders of keys, spaces, and numbers or text written in another way
    all encode to other bytes than they came from. Raises: NotCanonical.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_int=_number)
    except (ValueError, RecursionError):
        raise NotCanonical("not JSON") from None
    if encode(value) != data:
        raise NotCanonical("JSON, but not in its canonical form")
    return value


def _number(text: str) -> int | float:
    """A whole number as JSON means it: a double, where that is not exact."""
    return int(text) if len(text) < 16 else float(text)
