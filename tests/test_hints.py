"""What a hint proposes for slips of the pen: days changed round, a space that is missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.read.packs import protocol_of
from engine.read.sheet import NotThat, parse_day, parse_days
from engine.read.subjects import read_subject
from engine.terms.faults import InputRejected
from tests.generators import json_text

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


# --- words of other languages ------------------------------------------------------------

WORDS: dict[str, Any] = {
    "facts": {
        "sex": {"ask": "Sex", "type": "choice", "choices": ["f", "m"], "changes": "never"},
        "x": {"ask": "X", "type": "quantity", "unit": "%", "changes": "never"},
        "a": {"ask": "A", "type": "date", "changes": "never"},
        "b": {"ask": "B", "type": "date", "changes": "never"},
        "gap": {
            "ask": "Gap", "type": "quantity", "derive": {"days_between": {"from": "a", "to": "b"}}
        },
    },
    "records": {"bp": {"ask": "BP", "fields": {"s": {"type": "quantity"}, "d": {"type": "date"}}}},
}  # fmt: skip


def pack_faults(holds_when: Any, derive: Any = None, **criterion: Any) -> list[tuple[str, str]]:
    """The faults of a pack, each with its hint."""
    facts: Any = WORDS
    if derive is not None:
        made = {"ask": "Made", "type": "quantity", "derive": derive}
        facts = WORDS | {"facts": WORDS["facts"] | {"made": made}}
    one = {"id": "I01", "kind": "inclusion", "text": "t", "holds_when": holds_when} | criterion
    parts = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": facts,
        "eligibility": {"criteria": [one]},
    }
    contents = {f"{name}.json": json_text(value).encode() for name, value in parts.items()}
    with pytest.raises(InputRejected) as rejected:
        protocol_of(contents, "pack")
    return [(fault.message, fault.hint) for fault in rejected.value.faults]


TODO = {"todo": True}


@pytest.mark.parametrize(
    ("holds_when", "says"),
    [
        (
            {"if": {"sex": "f"}, "then": {"x": {"below": 3}}},
            "{when: CONDITION, require: ",
        ),
        ({"cohort": "c1"}, "a pack for each"),
        ({"at_least": {"count": 2, "of": [{"sex": "f"}]}}, "{at_least: 2, of: [CONDITION, ...]}"),
        ({"mean": "bp.s"}, "`derive:` in facts.yaml"),
        ({"formula": "x / 2"}, "`derive:` in facts.yaml"),
        ({"and": [{"sex": "f"}]}, "{all: [CONDITION, ...]}"),
        ({"or": [{"sex": "f"}]}, "{any: [CONDITION, ...]}"),
        ({"x": {">=": 3}}, "`at_least`"),
        ({"x": {"less_than": 3}}, "`below`"),
        ({"x": {"mean": 3}}, "`derive:` in facts.yaml"),
        ({"a": {"within": "14 days"}}, "`within_last`"),
        ({"x": {"between": [53, 86], "unit": "mmol/mol"}}, "`between: [53 mmol/mol, 86 mmol/mol]`"),
        ({"gap": {"at_least": "6 months"}}, "`{a: {at_least: 6 months, before: b}}`"),
        ({"a": {"within_last": "72 hours"}}, "`3 days`"),
        ({"a": {"at_least_ago": "25 h"}}, "`2 days`"),
    ],
)
def test_what_other_languages_say_is_one_fault_that_names_what_this_one_has(
    holds_when: Any, says: str
) -> None:
    ((_, hint),) = pack_faults(holds_when)
    assert says in hint


@pytest.mark.parametrize(
    ("derive", "says"),
    [
        ({"average": "bp.s"}, "`mean: LIST.FIELD`"),
        ({"worst": "bp.s"}, "`highest: LIST.FIELD`"),
        ({"sum": ["x", "gap"]}, '`formula: "a + b"`'),
        ({"egfr": {"age": "x"}}, "`formula:`"),
        ({"age": "a"}, "`completed_years_since: FACT`"),
    ],
)
def test_so_of_derivations(derive: Any, says: str) -> None:
    ((_, hint),) = pack_faults(TODO, derive)
    assert says in hint


def test_so_of_criteria() -> None:
    ((what, hint),) = pack_faults(TODO, cohort="c1")
    assert what == "`cohort` is not a key here"
    assert "a pack for each" in hint


def test_a_fact_may_be_called_by_such_a_word() -> None:
    facts = {"group": WORDS["facts"]["sex"], "score": WORDS["facts"]["x"]}
    parts = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": {"facts": facts},
        "eligibility": {
            "criteria": [
                {"id": "I01", "kind": "inclusion", "text": "t", "holds_when": {"group": "f"}},
                {
                    "id": "I02",
                    "kind": "inclusion",
                    "text": "t",
                    "holds_when": {"score": {"below": 3}},
                },
            ]
        },
    }
    contents = {f"{name}.json": json_text(value).encode() for name, value in parts.items()}
    assert [c.id for c in protocol_of(contents, "pack").criteria] == ["I01", "I02"]
