"""What a hint proposes for slips of the pen: days changed round, a space that is missing."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.read.sheet import NotThat, parse_day, parse_days
from engine.read.subjects import read_subject
from engine.terms.faults import InputRejected

PROTOCOL = read_pack(shipped_pack())


def hints(text: str) -> list[str]:
    try:
        read_subject(text.encode(), "s.yaml", PROTOCOL)
    except InputRejected as rejected:
        return [fault.hint for fault in rejected.faults]
    return []


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("2026-20-10", "month and day changed round? `2026-10-20`"),
        ("2026-31-04", "a month is from `01` to `12`"),  # nor is there a 31 April
        ("2026-13-40", "a month is from `01` to `12`"),
        ("2026-00-10", "a month is from `01` to `12`"),
        ("2026-02-30", "its last day is `2026-02-28`"),
        ("2028-02-30", "its last day is `2028-02-29`"),
        ("2026-04-00", "its last day is `2026-04-30`"),
        ("2026-13", "a month is from `01` to `12`"),
        ("0000-13-01", ""),
        ("0000-01-01", ""),
        ("0000", ""),
    ],
)
def test_a_day_that_is_none_says_what_may_be_meant(text: str, hint: str) -> None:
    with pytest.raises(NotThat) as caught:
        parse_days(text)
    assert caught.value.hint == hint


@given(st.dates(date(1900, 1, 1), date(2999, 12, 31)).filter(lambda day: day.day > 12))
def test_month_and_day_changed_round_are_found(day: date) -> None:
    with pytest.raises(NotThat) as caught:
        parse_day(f"{day.year:04}-{day.day:02}-{day.month:02}")
    assert caught.value.hint == f"month and day changed round? `{day.isoformat()}`"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("subject: S\nfacts:\n  lvef: {value:80, on: 2026-11-20}", "`value: 80`"),
        ("subject: S\nfacts:\n  lvef:{value: 80}", "`lvef: {value`"),
        ("subject: S\nfacts:\n  lvef:80\n  spo2: 90", "line 3: put a space after"),
        ("subject: S\nfacts:\n  spo2: 90\n  lvef:80", "line 4: put a space after"),
        ("subject:S\nfacts: {}", "line 1: put a space after the colon: `subject: S`"),
        ("subject: S\nfacts:\n  lvef: [1\n", "check indentation, quotes and colons"),
        ("subject: S\nurl: http://x: y\n", "check indentation, quotes and colons"),
    ],
)  # fmt: skip
def test_a_missing_space_after_a_colon_is_named(text: str, hint: str) -> None:
    assert any(hint in one for one in hints(text + "\n"))
