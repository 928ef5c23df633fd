"""The words of the reports: one table for each thing that a record states as a code.

Everything a nurse reads that is not the protocol's, the engine's or a source's own text
stands here. Dates are ISO text in the record and `20 November 2026` in a report; the names
of the months are ours, so no locale can change them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import cast

from engine.record.shape import IntervalValue, Value
from engine.terms import Doubt, Kind, Reason, Status, Verdict

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

VERDICT: Mapping[Verdict, str] = {
    "eligible": "Eligible",
    "ineligible": "Not eligible",
    "undetermined": "Undetermined",
}

REJECTED = "Rejected"
NO_VERDICT = "No verdict"
NO_SUBJECT = "(no subject id)"

KIND: Mapping[Kind, str] = {"inclusion": "Inclusion", "exclusion": "Exclusion"}

STATUS: Mapping[Status, str] = {"failed": "Failed", "open": "Open", "passed": "Passed"}

ANSWER: Mapping[tuple[Kind, Status], str] = {
    ("inclusion", "passed"): "this requirement is met",
    ("inclusion", "failed"): "this requirement is not met",
    ("inclusion", "open"): "not known yet whether this requirement is met",
    ("exclusion", "passed"): "this exclusion does not apply",
    ("exclusion", "failed"): "this exclusion applies",
    ("exclusion", "open"): "not known yet whether this exclusion applies",
}
PASSED: Mapping[Kind, str] = {"inclusion": "met", "exclusion": "does not apply"}


@dataclass(frozen=True, slots=True)
class ToDo:
    """What a reason asks of the nurse: a heading, and one sentence of advice."""

    heading: str
    advice: str


TO_DO: Mapping[Reason, ToDo] = {
    "not_recorded": ToDo(
        "Collect and record",
        "Nothing is recorded. Find it, or have it done, and record it with its date and source.",
    ),
    "not_done": ToDo(
        "Have it done",
        "Recorded as not done. Arrange it, then record the result.",
    ),
    "out_of_date": ToDo(
        "Repeat",
        "The latest result is too old to rely on. Repeat it and record the new one.",
    ),
    "pending": ToDo(
        "Await the result",
        "Recorded as pending. Record the result when it comes.",
    ),
    "not_yet": ToDo(
        "Wait for the day, or record an earlier result",
        "Everything recorded is dated after the day of this screening.",
    ),
    "history_not_confirmed": ToDo(
        "Confirm that the list is complete",
        "Go through the history with the family and the files, add what is missing, and record"
        " the day on which the list was found complete.",
    ),
    "too_few": ToDo(
        "Record more values",
        "Fewer values are recorded than the protocol asks for. Find the others, or have them done.",
    ),
    "no_entry": ToDo(
        "Collect and record a value",
        "No value that surely counts is recorded. Find it, or have it done, with its date.",
    ),
    "not_attested": ToDo(
        "Have it attested",
        "Recorded without the name of the person who answers for it. Record who that is.",
    ),
    "conflicting": ToDo(
        "Resolve the conflict",
        "Records of the same day disagree. Find the right one at the source, and mark the"
        " wrong one as void.",
    ),
    "imprecise": ToDo(
        "Give the exact date or value",
        "What is recorded could fall on either side of the limit.",
    ),
    "undated": ToDo(
        "Give the date",
        "A value is recorded without its date, so nobody can tell whether it is still recent.",
    ),
    "no_limit": ToDo(
        "Give the laboratory's upper limit of normal",
        "The result can only be judged against the limit that its laboratory prints with it.",
    ),
    "calendar": ToDo(
        "Wait a day, or ask the sponsor how a month ends",
        "The time is counted from the 29th, 30th or 31st, and the month in which it is up has no"
        " such day: it is up on the last day of that month or on the 1st of the next. Only on"
        " that one day does it matter.",
    ),
    "no_anchor": ToDo(
        "Give the date that another is held against",
        "How long before or after it something was cannot be said while it is not known, or may"
        " never be.",
    ),
    "planned": ToDo(
        "Wait for the day, or settle it",
        "What is recorded is of a day ahead that may not come about, and the answer would change.",
    ),
    "no_date": ToDo(
        "Give the date to count from",
        "A length of time cannot be counted, because the date it runs from never was or may"
        " never have been.",
    ),
}
"""In the order in which the report lists them."""

HEADING: Mapping[str, str] = {
    "verdict": "Verdict",
    "missing": "What is missing, and what to do",
    "failed": "Criteria failed",
    "open": "Criteria open",
    "passed": "Criteria passed",
    "assumptions": "Assumptions relied on",
    "evidence": "Evidence",
    "lists": "Recorded lists, whole",
    "signatures": "Signatures",
    "provenance": "Where this report comes from",
    "log": "In the decision log",
    "trace": "Appendix: trace",
}

LEAD: Mapping[str, str] = {
    "passed": "Passed means: a requirement that is met, or an exclusion that does not apply.",
    "assumptions": "The protocol leaves these points open. The rules read them as follows.",
    "evidence": "Every recorded fact that this decision looked at and could read.",
    "lists": "Every entry of each list that a criterion reads, as recorded.",
    "provenance": "The same protocol, facts and date give the same decision. This report states"
    " what the rules concluded; it is not a medical device, and enrolment is the"
    " investigator's decision.",
    "log": "This decision is an entry of a log that cannot be changed unseen. With the proof that"
    " belongs to this report (its file ends in .tlog-proof) and the log's public key, anyone can"
    " check that the report is as it was written.",
    "trace": "How each conclusion was reached: every condition with its truth, then every rule"
    " that fired.",
}

NONE: Mapping[str, str] = {
    "missing": "Nothing is missing.",
    "failed": "No criterion failed.",
    "open": "No criterion is open.",
    "passed": "No criterion passed.",
    "assumptions": "No criterion rests on an assumption.",
    "evidence": "No recorded fact could be read.",
}

NOT_ASKED = "No criterion asks for"
NOT_WHOLE = "not known to be whole"
VOIDED = "marked as wrong: not used"
NOT_LISTED = "class as recorded, not on the list"
HOLDS_LISTED = "holds the listed name"
CONFIRM = "confirm value and unit"

DOUBT: Mapping[Doubt, str] = {
    "not_closed": "which does not count: the file does not end with the line `...`, so its end may"
    " be missing",
    "more_entries": "which does not count: there are more entries now",
}


def not_used(count: int) -> str:
    """The sentence that leads the recorded results that were not used."""
    one = count == 1
    return f"{count} recorded result{'' if one else 's'} {'was' if one else 'were'} not used:"


SIGNERS = ("Screening nurse", "Investigator")

ASSUMED = "Read by an assumption (listed below)."

CANNOT_CHANGE = "While a criterion is failed, nothing listed here can change the verdict."

NO_DAY = "No day is set: time alone does not change this decision."

UNITS: Mapping[str, tuple[str, str]] = {
    "a": ("year", "years"),
    "mo": ("month", "months"),
    "wk": ("week", "weeks"),
    "d": ("day", "days"),
    "h": ("hour", "hours"),
    "1": ("", ""),
    "Cel": ("°C", "°C"),
    "mm[Hg]": ("mmHg", "mmHg"),
    "10*9/L": ("×10⁹/L", "×10⁹/L"),
    "10*6/L": ("×10⁶/L", "×10⁶/L"),
    "10*3/uL": ("×10³/µL", "×10³/µL"),
    "umol/L": ("µmol/L", "µmol/L"),
    "ug/L": ("µg/L", "µg/L"),
    "kg/m2": ("kg/m²", "kg/m²"),
    "m2": ("m²", "m²"),
    "mL/min/{1.73_m2}": ("mL/min/1.73 m²", "mL/min/1.73 m²"),
    "[IU]/L": ("IU/L", "IU/L"),
}
"""UCUM codes whose printed form is not the code itself: singular, plural."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO_DAY_IN_PROSE = re.compile(r"(?<![\w./-])\d{4}-\d{2}-\d{2}(?![\w/-])")
_ANNOTATION = re.compile(r"\{[^}]*\}")


@lru_cache(maxsize=1024)
def day_words(iso: str) -> str:
    """`2026-11-20` as `20 November 2026`; anything that is not a day stays as it is."""
    if not _ISO_DAY.fullmatch(iso):
        return iso
    year, month, day = iso.split("-")
    return f"{int(day)} {MONTHS[int(month) - 1]} {year}" if 1 <= int(month) <= 12 else iso


def prose(sentence: str) -> str:
    """A sentence of the engine with its ISO days in words."""
    return _ISO_DAY_IN_PROSE.sub(lambda match: day_words(match.group()), sentence)


@lru_cache(maxsize=1024)
def unit_words(unit: str, value: str = "") -> str:
    """A UCUM code as people write it: `a` is `years`, `10*9/L` is `×10⁹/L`."""
    words = UNITS.get(unit)
    if words is not None:
        return words[0] if value in ("1", "-1") else words[1]
    return _ANNOTATION.sub("", unit)


def listed(words: tuple[str, ...]) -> str:
    """`I03`, `I03 and E06`, `I03, I05 and E06`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def value_words(value: Value | IntervalValue, unit: str = "", label: str = "") -> str:
    """A known value, or the values it could be, in words.

    `between 1 and 31 October 2026`, `never`, `on or before 20 November 2026`, `0.5 mg/dL`,
    `at least 2`. `label` is the label of a choice and stands for its code.
    """
    if label:
        return label
    if isinstance(value, dict):
        low, high = value["low"], value["high"]
        if _is_date(low) or _is_date(high):
            return _date_interval(cast("str | None", low), cast("str | None", high))
        return _amount_interval(low, high, unit)
    return _one(value, unit)


def _is_date(value: Value | None) -> bool:
    return isinstance(value, str) and (value == "never" or _ISO_DAY.fullmatch(value) is not None)


def _one(value: Value, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        words = day_words(value)
    else:
        # a float prints as its shortest exact decimal, never with an exponent
        words = format(Decimal(str(value)), "f")
    return f"{words} {unit_words(unit, words)}".rstrip() if unit else words


def _date_interval(low: str | None, high: str | None) -> str:
    if low == "never":
        if high is None or high == "never":
            return "never"
        return f"never, or on or before {day_words(high)}"
    if low is None:
        return f"on or before {day_words(high)}" if high is not None else "some day, not known"
    if high is None:
        return f"on or after {day_words(low)}"
    if low == high:
        return day_words(low)
    first, last = date.fromisoformat(low), date.fromisoformat(high)
    start = str(first.day)
    if (first.year, first.month) != (last.year, last.month):
        start += f" {MONTHS[first.month - 1]}"
    if first.year != last.year:
        start += f" {first.year}"
    return f"between {start} and {day_words(high)}"


def _amount_interval(low: Value | None, high: Value | None, unit: str) -> str:
    if low is None and high is None:
        return "some value, not known"
    if low is None:
        return f"at most {_one(cast(Value, high), unit)}"
    if high is None:
        return f"at least {_one(low, unit)}"
    if low == high:
        return _one(low, unit)
    if isinstance(low, bool) or isinstance(high, bool):
        return "yes or no, not known"
    return f"between {_one(low, '')} and {_one(high, unit)}"


_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def inert(cell: str) -> str:
    """A cell of a table for spreadsheets: what one would calculate stands behind a quote."""
    runs = cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if runs else cell
