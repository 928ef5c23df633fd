"""Plain values held against the typed dictionaries that say what they must be, by pydantic.

Every key and type is checked, and no key may stand beside them; nothing is converted.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from engine.record.shape import dump_any

_Path = tuple[str | int, ...]
_NO_OBJECT = "is not what it must be: names with values"
_ANOTHER = "is of another kind than it must be"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is a key that no record of this kind has",
    "dict_type": _NO_OBJECT,
    "list_type": "is not a list",
    "bool_type": "is not true or false",
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "string_type": "is not text",
    "recursion_loop": "is nested too deeply",
}
"""By what pydantic finds, what a person is told."""


class Misfit(ValueError):
    """A value that is not what it must be: where it stands, and what is wrong with it."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(place, message)
        self.place, self.message = place, message

    def __str__(self) -> str:
        return f"`{self.place}` {self.message}" if self.place else self.message


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def fits(value: Any, kind: Any, without: frozenset[str] = frozenset()) -> None:
    """See that a plain value is of a kind, whose keys `without` are not there yet.

    Raises: Misfit.
    """
    try:
        _adapter(kind).validate_python(value, strict=True, extra="forbid")
    except ValidationError as error:
        found = [(_path(one, value), one) for one in error.errors(include_url=False)]
        told = [(path, one) for path, one in found if not _is_old(one, without)]
        if told:
            # Of what may be one of several kinds, the kind is told that fits furthest.
            first = told[0][0]
            place = max((path for path, _ in told if path[: len(first)] == first), key=len)
            here = [one for path, one in told if path == place]
            raise Misfit(_text(place), _words(here[0]) if len(here) == 1 else _ANOTHER) from None
    except RecursionError:
        raise Misfit("", "is nested too deeply") from None
    if without and (new := _stated(value, without)):
        raise Misfit(_text(new), _WORDS["extra_forbidden"])


def _is_old(error: ErrorDetails, without: frozenset[str]) -> bool:
    return error["type"] == "missing" and error["loc"][-1] in without


def _words(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return f"is none of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
    return str(
        context.get("error") or _WORDS.get(error["type"], "is of another kind than it must be")
    )


def _path(error: ErrorDetails, value: Any) -> _Path:
    """The keys of a place, without the names of the kinds that were tried there."""
    path: _Path = ()
    for key in error["loc"]:
        inside = isinstance(value, dict) and key in value
        if inside or (isinstance(value, list) and isinstance(key, int)):
            path, value = (*path, key), value[key]
    return (*path, error["loc"][-1]) if error["type"] == "missing" else path


def _text(path: _Path) -> str:
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return words.removeprefix(".")


def _stated(value: Any, keys: frozenset[str], here: tuple[str | int, ...] = ()) -> _Path:
    """The place of the first of some keys in a value; empty where there is none."""
    named = list(value.items()) if isinstance(value, dict) else []
    for key, one in named or (enumerate(value) if isinstance(value, list) else ()):
        found = (*here, key) if key in keys else _stated(one, keys, (*here, key))
        if found:
            return found
    return ()


def same(left: Any, right: Any) -> bool:
    """Whether two plain values are the same, `1`, `1.0` and `true` told apart."""
    if left is right:
        return True
    return dump_any(left) == dump_any(right)
