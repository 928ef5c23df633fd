"""Plain values held against the typed dictionaries that say what they must be.

Every key and type is checked, and no key may stand beside them; nothing is converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from engine.record.shape import dump_any

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class Misfit(ValueError):
    """A value that is not what it must be: where it stands, and what is wrong with it."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(place, message)
        self.place, self.message = place, message

    def __str__(self) -> str:
        return f"`{self.place}` {self.message}" if self.place else self.message

    def below(self, key: str | int) -> Misfit:
        """The same, seen from what holds the value as `key`."""
        here = f"[{key}]" if isinstance(key, int) else key
        dot = "." if self.place and not self.place.startswith("[") else ""
        return Misfit(f"{here}{dot}{self.place}", self.message)


Check = Callable[[Any], None]
"""Sees that a value is of a kind, or raises Misfit with its place."""


def fits(value: Any, kind: Any, without: frozenset[str] = frozenset()) -> None:
    """See that a plain value is of a kind, whose keys `without` are not there yet.

    Raises: Misfit.
    """
    try:
        check_of(kind, without)(value)
    except RecursionError:
        raise Misfit("", "is nested too deeply") from None


@cache
def check_of(kind: Any, without: frozenset[str] = frozenset()) -> Check:
    """What checks values of a kind."""
    if is_typeddict(kind):
        return _object(kind, without)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _day if "day" in arguments else _digest
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, UnionType):
        plain = frozenset(one for one in arguments if one in _NAMES)
        others = tuple(check_of(one, without) for one in arguments if one not in plain)
        return _either(plain, others)
    if origin is list:
        return _list(check_of(arguments[0], without))
    if origin is dict:
        return _named(None if arguments[1] is Any else check_of(arguments[1], without))
    if kind is NoneType:
        return _one_of((None,))
    return _plain(kind)


def _object(kind: Any, without: frozenset[str]) -> Check:
    hints = {k: v for k, v in get_type_hints(kind, include_extras=True).items() if k not in without}
    needed = {key for key, hint in hints.items() if get_origin(hint) is not NotRequired}
    inner = {k: get_args(v)[0] if k not in needed else v for k, v in hints.items()}
    checks: dict[str, Check] = {}  # made when first used: kinds may hold themselves

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise Misfit("", _NO_OBJECT)
        for key in value.keys() - inner.keys():
            raise Misfit(str(key), "is a key that no record of this kind has")
        for key in needed - value.keys():
            raise Misfit(key, "is missing")
        for key, one in value.items():
            if key not in checks:
                checks[key] = check_of(inner[key], without)
            try:
                checks[key](one)
            except Misfit as misfit:
                raise misfit.below(key) from None

    return check


_NO_OBJECT = "is not what it must be: names with values"


def _list(check: Check) -> Check:
    def each(value: Any) -> None:
        if not isinstance(value, list):
            raise Misfit("", "is not a list")
        for number, one in enumerate(value):
            try:
                check(one)
            except Misfit as misfit:
                raise misfit.below(number) from None

    return each


def _named(check: Check | None) -> Check:
    def each(value: Any) -> None:
        if not isinstance(value, dict):
            raise Misfit("", _NO_OBJECT)
        if check is None:
            return
        for key, one in value.items():
            try:
                check(one)
            except Misfit as misfit:
                raise misfit.below(str(key)) from None

    return each


def _either(plain: frozenset[Any], checks: tuple[Check, ...]) -> Check:
    def check(value: Any) -> None:
        if type(value) in plain:
            return
        told: Misfit | None = None
        for one in checks:
            try:
                return one(value)
            except Misfit as misfit:
                if told is None or len(misfit.place) > len(told.place):
                    told = misfit
        raise told or Misfit("", "is of another kind than it must be")

    return check


def _one_of(values: tuple[Any, ...]) -> Check:
    def check(value: Any) -> None:
        if not any(value is one or (value == one and type(value) is type(one)) for one in values):
            known = ", ".join(str(one) for one in values)
            raise Misfit("", f"is none of {known}")

    return check


def _plain(kind: type) -> Check:
    def check(value: Any) -> None:
        if type(value) is not kind:
            raise Misfit("", f"is not {_NAMES[kind]}")

    return check


def _day(value: Any) -> None:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise Misfit("", "is not a day, YYYY-MM-DD")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise Misfit("", "is a day that no calendar has") from None


def _digest(value: Any) -> None:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise Misfit("", "is not a digest, `sha256:` and 64 signs")


def same(left: Any, right: Any) -> bool:
    """Whether two plain values are the same, `1`, `1.0` and `true` told apart."""
    if left is right:
        return True
    return dump_any(left) == dump_any(right)
