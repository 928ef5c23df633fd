"""Take a document's values apart, collecting a fault for each one that is not as expected.

Every `*_of` method returns None after it has recorded a fault, so that a reader goes on and
finds all of them in one run.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from engine.read.hints import days_for
from engine.read.source import Document, Num, Path, shorten
from engine.record.wording import counted
from engine.terms import LARGEST, Days, Duration, Sign
from engine.terms.faults import MOST, Fault, did_you_mean, first_faults

_TEXT_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_QUANTITY = re.compile(
    r"(?:(<=|>=|<|>)\s*)?(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(?:\s?(\S.*))?"
)
_UNIT = re.compile(r"(?![-+.,:;0-9]|/[0-9])|10\s*[*^eE⁰¹²³⁴-⁹]|1000/")
_DECIMAL_COMMA = re.compile(r"([<>]=?\s*)?-?[0-9]+,[0-9]+(\s?[^\s,].*)?")
_DURATION = re.compile(r"([0-9]{1,5})\s*(day|week|month|year)s?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTIAL = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?")
_WITH_UNIT = re.compile(r"(\S+)\s+(\S.*)")
_DAYS_IN = {"day": 1, "week": 7}
_MONTHS_IN = {"month": 1, "year": 12}
MAX_TEXT = 4_000
T = TypeVar("T")


class NotThat(ValueError):
    """A text that is not of the kind asked for; `hint` says what would be."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        self.code, self.message, self.hint = code, message, hint
        super().__init__(message)


def parse_amount(text: str, *, yaml_number: bool = False) -> int:
    """A number's millionths. Raises: NotThat (not a number, too fine, too large)."""
    if len(text) > 60 or not (yaml_number or _TEXT_NUMBER.fullmatch(text)):
        if _DECIMAL_COMMA.fullmatch(text):
            hint = f"write `{shorten(text.replace(',', '.', 1))}`; leave out what parts thousands"
            raise NotThat("number", f"`{shorten(text)}` has a decimal comma", hint)
        raise NotThat("number", f"`{shorten(text)}` is not a number", "write digits, as in `7.5`")
    try:
        exact = Decimal(text)
    except ArithmeticError:
        raise NotThat("number", f"`{shorten(text)}` is not a number") from None
    if not exact.is_finite():
        raise NotThat("number", f"`{shorten(text)}` is not a number")
    if exact and exact.adjusted() > 12:
        raise NotThat("too-large", f"`{text}` is beyond 9e12")
    if exact and exact.adjusted() < -6:
        raise NotThat("too-fine", f"`{text}` is finer than a millionth")
    scaled = exact.scaleb(6)
    amount = int(scaled)
    if amount != scaled:
        raise NotThat("too-fine", f"`{text}` is finer than a millionth")
    if abs(amount) > LARGEST:
        raise NotThat("too-large", f"`{text}` is beyond 9e12")
    return amount


def parse_duration(text: str) -> Duration:
    """`7 days`, `2 weeks`, `6 months`, `1 year`. Raises: NotThat."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        hint = "write a whole number and days, weeks, months or years, as in `7 days`"
        hint = days_for(text) or hint
        raise NotThat("duration", f"`{shorten(text)}` is not a duration", hint)
    count, unit = int(match[1]), match[2]
    days, months = count * _DAYS_IN.get(unit, 0), count * _MONTHS_IN.get(unit, 0)
    return Duration(days, months, counted(count, unit))


EARLIEST_YEAR = 1900


def parse_day(text: str) -> date:
    """A full date, `2026-11-18`, not before 1900. Raises: NotThat."""
    if not _DAY.fullmatch(text):
        code = "partial-date" if _PARTIAL.fullmatch(text) else "date"
        what = "is not a full date" if code == "partial-date" else "is not a date"
        raise NotThat(code, f"`{shorten(text)}` {what}", "write YYYY-MM-DD, as in `2026-11-18`")
    try:
        return _modern(date.fromisoformat(text), text)
    except NotThat:
        raise
    except ValueError:
        raise _impossible(text) from None


def _impossible(text: str) -> NotThat:
    """What is wrong with a day or month that is none, and what may have been meant."""
    year, month, day = [*map(int, text.split("-")), 0, 0][:3]
    hint = ""
    if year and month > 12 and _is_day(year, day, month):
        hint = f"month and day changed round? `{year:04}-{day:02}-{month:02}`"
    elif year and not 1 <= month <= 12:
        hint = "a month is from `01` to `12`"
    elif year:
        hint = f"its last day is `{year:04}-{month:02}-{monthrange(year, month)[1]}`"
    return NotThat("date", f"`{text}` does not exist in the calendar", hint)


def _is_day(year: int, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def _modern(day: date, text: str) -> date:
    """Refuse years that only a slip or another calendar can mean (1397 is a Persian 2018)."""
    if day.year < EARLIEST_YEAR:
        hint = "write the Gregorian date, as in `2018-03-02`"
        raise NotThat("date", f"`{text}` is before {EARLIEST_YEAR}", hint)
    return day


def parse_days(text: str) -> Days:
    """A date that may be partial: `2026-11-18`, `2026-11`, `2026`. Raises: NotThat."""
    match = _PARTIAL.fullmatch(text)
    if not match:
        day = parse_day(text)
        return Days(day, day)
    year, month = int(match[1]), int(match[2] or 0)
    if year < 1 or month > 12 or (match[2] and month < 1):
        raise _impossible(text)
    _modern(date(year, 1, 1), text)
    if not match[2]:
        return Days(date(year, 1, 1), date(year, 12, 31))
    last = 31 if month == 12 else (date(year, month + 1, 1) - date(year, month, 1)).days
    return Days(date(year, month, 1), date(year, month, last))


def parse_quantity(text: str, *, yaml_number: bool = False) -> tuple[Sign, int, str]:
    """A sign (`<0.01`), a number's millionths, and the unit after it, as written; "" for none.

    Raises: NotThat.
    """
    match = None if yaml_number else _QUANTITY.fullmatch(text)
    if match is None or (match[3] and not _UNIT.match(match[3])):
        return "", parse_amount(text, yaml_number=yaml_number), ""
    signs: dict[str, Sign] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
    return signs.get(match[1] or "", ""), parse_amount(match[2]), match[3] or ""


class Sheet:
    """A document being read, and the faults found in it so far."""

    __slots__ = ("_found", "_unmade", "blanks", "document")

    def __init__(self, document: Document, *, blanks: bool = False) -> None:
        """`blanks`: a key without a value says nothing, as in a form; else it is a fault."""
        self.document = document
        self.blanks = blanks
        self._found: list[tuple[Path, str, str, str, bool]] = []
        self._unmade = 0

    @property
    def clean(self) -> bool:
        return not self._found and not self.document.faults

    def fault(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False
    ) -> None:
        """Record a fault; its line and column are found only when somebody asks."""
        if len(self._found) < 10 * MOST:
            self._found.append((path, code, message, hint, key))
        else:
            self._unmade += 1

    def near(self, word: str, known: Iterable[str]) -> str:
        """The hint that offers the known words nearest to `word`, where it will be seen."""
        return "" if self._unmade else did_you_mean(word, known)

    def faults(self) -> list[Fault]:
        made = (
            self.document.fault(path, code, message, hint, key=key)
            for path, code, message, hint, key in self._found
        )
        return first_faults([*self.document.faults, *made], self._unmade)

    def wrong(self, path: Path, error: NotThat) -> None:
        self.fault(path, error.code, error.message, error.hint)

    def expected(self, path: Path, value: Any, what: str, hint: str = "") -> None:
        self.fault(path, "type", f"{describe(value)} stands where {what} is expected", hint)

    def mapping_of(
        self, path: Path, value: Any, shape: type, instead: Mapping[str, str] | None = None
    ) -> dict[str, Any] | None:
        """A mapping with the keys of a typed dictionary: unknown and missing keys are faults.

        `instead`: for words that an author may write, the hint at what the language has.
        Returns what is usable: the known keys with their values, nulls dropped.
        """
        if not isinstance(value, dict):
            self.expected(path, value, "a mapping (`key: value` lines)")
            return None
        # A typed dictionary knows its keys; no type says that a class is one.
        required: frozenset[str] = vars(shape)["__required_keys__"]
        known: frozenset[str] = required | vars(shape)["__optional_keys__"]
        result = {}
        for key, child in value.items():
            if key not in known:
                self.fault(
                    (*path, key),
                    "unknown-key",
                    f"`{shorten(key)}` is not a key here",
                    (instead or {}).get(key) or self.near(key, known),
                    key=True,
                )
            elif child is not None:
                result[key] = child
            elif not self.blanks:
                hint = "give it a value or leave it out"
                self.fault((*path, key), "blank", f"`{key}` says nothing", hint, key=True)
        for key in sorted(required - value.keys() if not self.blanks else required - result.keys()):
            self.fault(path, "missing-key", f"`{key}` is missing here")
        return result

    def given(
        self, path: Path, top: Mapping[str, Any], key: str, read: Callable[..., T], *more: Any
    ) -> T | None:
        """What stands under a key, as `read` takes it; None where nothing stands there."""
        return read((*path, key), top[key], *more) if key in top else None

    def words_of(self, path: Path, top: Mapping[str, Any], key: str) -> str:
        """The text under a key; "" where there is none."""
        return self.given(path, top, key, self.text_of) or ""

    def names_of(self, path: Path, value: Any, what: str) -> dict[str, Any]:
        """A mapping from names that the author chose."""
        if isinstance(value, dict):
            return value
        self.expected(path, value, f"a mapping from {what}")
        return {}

    def list_of(self, path: Path, value: Any, what: str) -> list[Any]:
        if isinstance(value, list):
            return value
        self.expected(path, value, f"a list of {what}", "start each with `- `")
        return []

    def text_of(self, path: Path, value: Any, what: str = "text") -> str | None:
        """A scalar's text, as written, not blank."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str):
            self.expected(path, value, what)
            return None
        text = value.strip()
        if not text:
            self.fault(path, "blank", f"{what} is blank here")
            return None
        if len(text) > MAX_TEXT:
            self.fault(
                path, "too-large", f"a text of {len(text)} characters; the limit is {MAX_TEXT}"
            )
            return None
        return text

    def option_of(self, path: Path, value: Any, options: tuple[str, ...]) -> Any:
        text = self.text_of(path, value, "a word")
        if text is None or text in options:
            return text
        hint = self.near(text, options)
        self.fault(path, "option", f"`{shorten(text)}` is not one of the words allowed here", hint)
        return None

    def boolean_of(self, path: Path, value: Any) -> bool | None:
        if isinstance(value, bool):
            return value
        self.expected(path, value, "`true` or `false`", true_or_false(value))
        return None

    def whole_of(self, path: Path, value: Any, most: int) -> int | None:
        if isinstance(value, Num) and value.isdigit() and int(value[:9]) <= most and len(value) < 9:
            return int(value)
        self.expected(path, value, f"a whole number from 0 to {most}")
        return None

    def parsed(self, path: Path, value: Any, what: str, parse: Callable[[str], T]) -> T | None:
        """What a text is read as; None where it is none, or not of that kind."""
        if not isinstance(value, str):
            self.expected(path, value, what)
            return None
        try:
            return parse(value.strip())
        except NotThat as error:
            self.wrong(path, error)
            return None

    def amount_of(self, path: Path, value: Any) -> int | None:
        """A number's millionths."""
        number = isinstance(value, Num)
        return self.parsed(
            path, value, "a number", lambda text: parse_amount(text, yaml_number=number)
        )

    def duration_of(self, path: Path, value: Any) -> Duration | None:
        text = self.text_of(path, value, "a duration")
        return None if text is None else self.parsed(path, text, "a duration", parse_duration)

    def day_of(self, path: Path, value: Any) -> date | None:
        text = self.text_of(path, value, "a date")
        return None if text is None else self.parsed(path, text, "a date", parse_day)


def true_or_false(value: Any) -> str:
    """The hint for a word that means one of the two."""
    word = str(value).strip().lower()
    for answer, words in (("true", "yes y on ja si oui 1"), ("false", "no n off nein non 0")):
        if word in words.split():
            return f"write `{answer}`"
    return "write `true` or `false`" if isinstance(value, str) else ""


def split_limit(value: str) -> tuple[str, str]:
    """A limit's number and unit; the unit is empty for a bare number."""
    match = _WITH_UNIT.fullmatch(value.strip())
    return (match[1], match[2]) if match else (value.strip(), "")


def describe(value: Any) -> str:
    """What a value is, for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{'true' if value else 'false'}`"
    if isinstance(value, Num):
        return f"the number `{shorten(value)}`"
    if isinstance(value, str):
        return f"the text `{shorten(value)}`"
    return "a mapping" if isinstance(value, Mapping) else "a list"
