"""Limits that are other facts or stand in tables: for all pairs, in every row that may be it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product
from operator import ge, gt, le, lt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compile.leaves import leaf_rows
from engine.compile.program import Rule, matches
from engine.compile.rules import compile_protocol
from engine.decide.decision import Screener
from engine.fire.facts import limit_part
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.record.checked import checked_decision
from engine.record.shape import Decision
from engine.reference.limits import held_against
from engine.terms import MILLION, UNBOUNDED, FactLimitTest, Protocol, Reading
from engine.terms.faults import InputRejected
from tests.generators import json_text

AS_OF = date(2026, 11, 20)
FACTS: dict[str, Any] = {
    "birth_date": {"ask": "Birth", "type": "date", "changes": "never"},
    "age": {
        "ask": "Age", "type": "quantity", "unit": "a",
        "derive": {"completed_years_since": "birth_date"},
    },
    "sex": {"ask": "Sex", "type": "choice", "choices": ["female", "male"], "changes": "never"},
    "creatinine": {
        "ask": "Creatinine", "type": "quantity", "unit": "umol/L", "molar_mass": Decimal("113.12"),
        "changes": "never",
    },
    "half_life": {"ask": "Half-life", "type": "quantity", "unit": "h", "changes": "never"},
    "gap": {"ask": "Gap", "type": "quantity", "unit": "d", "changes": "never"},
    "warm": {"ask": "Temperature", "type": "quantity", "unit": "Cel", "changes": "never"},
    "fever": {"ask": "Fever", "type": "quantity", "unit": "[degF]", "changes": "never"},
    "note": {"ask": "Note", "type": "text"},
}  # fmt: skip
ROWS: list[Any] = [
    {"age": {"below": 1}, "limit": "none"},
    {"age": {"at_least": 1, "below": 13}, "limit": Decimal("0.8")},
    {"age": {"at_least": 13}, "sex": "female", "limit": Decimal("1.4")},
    {"age": {"at_least": 13}, "sex": "male", "limit": Decimal("1.7")},
]
BY_TABLE = {"creatinine": {"above": {"by": ["age", "sex"], "table": "limits"}}}
BY_FACT = {"gap": {"at_least": {"fact": "half_life", "times": 5}}}


def pack(*holds_when: Any, rows: Any = None, **facts: Any) -> Protocol:
    criteria = [
        {"id": f"C{n}", "kind": "inclusion", "text": "t", "holds_when": one}
        for n, one in enumerate(holds_when)
    ]
    table = {"ask": "Limit of creatinine", "unit": "mg/dL", "rows": ROWS if rows is None else rows}
    parts = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": {"facts": FACTS | facts, "tables": {"limits": table}},
        "eligibility": {"criteria": criteria},
    }
    contents = {f"{name}.json": json_text(value).encode() for name, value in parts.items()}
    return protocol_of(contents, "pack")


def faults(*holds_when: Any, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(InputRejected) as rejected:
        pack(*(holds_when or ({"todo": True},)), **more)
    return [(fault.code, fault.message) for fault in rejected.value.faults]


@contextmanager
def screening(protocol: Protocol) -> Iterator[Any]:
    with Screener(protocol) as screener:

        def decide(as_of: date = AS_OF, **facts: Any) -> Decision:
            text = json_text({"subject": "S", "facts": facts})
            decision = screener.decide(read_subject(text.encode(), "s.json", protocol), as_of)
            return checked_decision(decision)

        yield decide


def told(decision: Decision) -> tuple[str, str]:
    """A criterion's answer, with the fact and the reason that leave it open."""
    (criterion,) = decision["criteria"]
    open_ = "".join(f"{one['collect']} {one['reason']}" for one in criterion["missing"])
    return criterion["answer"], open_


# --- tables -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"birth_date": "2020-01-01", "creatinine": "0.9 mg/dL"}, ("yes", "")),
        ({"birth_date": "2020-01-01", "creatinine": "0.8 mg/dL"}, ("no", "")),
        ({"birth_date": "2000-01-01", "sex": "male", "creatinine": "1.5 mg/dL"}, ("no", "")),
        ({"birth_date": "2000-01-01", "sex": "female", "creatinine": "1.5 mg/dL"}, ("yes", "")),
        # An unknown selector: what every row says is so.
        ({"birth_date": "2000-01-01", "creatinine": "1.8 mg/dL"}, ("yes", "")),
        ({"birth_date": "2000-01-01", "creatinine": "1.4 mg/dL"}, ("no", "")),
        (
            {"birth_date": "2000-01-01", "creatinine": "1.5 mg/dL"},
            ("unknown", "sex not_recorded"),
        ),
        # Sex does not matter to a child, though it is not recorded.
        ({"birth_date": "2013", "creatinine": "1.5 mg/dL"}, ("unknown", "birth_date imprecise")),
        ({"sex": "male", "creatinine": "0.1 mg/dL"}, ("unknown", "birth_date not_recorded")),
        (
            {"birth_date": "2026-06-01", "creatinine": "0.1 mg/dL"},
            ("unknown", "birth_date no_limit"),
        ),
        ({"birth_date": "2020-01-01"}, ("unknown", "creatinine not_recorded")),
        (
            {"birth_date": "2020-01-01", "creatinine": "<0.9 mg/dL"},
            ("unknown", "creatinine imprecise"),
        ),
        ({"birth_date": "2020-01-01", "creatinine": "70 umol/L"}, ("no", "")),
        ({"birth_date": "2020-01-01", "creatinine": "71 umol/L"}, ("yes", "")),
    ],
)  # fmt: skip
def test_the_limit_is_that_of_every_row_that_may_be_it(
    facts: Any, expected: tuple[str, str]
) -> None:
    with screening(pack(BY_TABLE)) as decide:
        assert told(decide(**facts)) == expected


def test_a_report_says_which_limit_it_was_and_why_there_is_none() -> None:
    with screening(pack(BY_TABLE)) as decide:
        why = decide(birth_date="2020-01-01", creatinine="0.9 mg/dL")["criteria"][0]["why"]
        assert why["says"] == (
            "Creatinine: 79.561528 umol/L. Limit of creatinine: 0.8 mg/dL."
            " Asked: above “Limit of creatinine”. This holds."
        )
        assert why["against"]["follows_from"] == ["Age: 6 years", "Sex: not known"]
        none = decide(birth_date="2026-06-01", creatinine="0.9 mg/dL")["criteria"][0]
        assert none["missing"][0]["detail"] == "the table has no limit for this subject"


def test_the_decision_is_looked_at_again_when_another_row_begins() -> None:
    with screening(pack(BY_TABLE)) as decide:
        adult = {"birth_date": "2014-01-15", "sex": "male", "creatinine": "1.5 mg/dL"}
        decision = decide(**adult)
        assert told(decision) == ("yes", "")
        assert decision["look_again"] is not None
        assert decision["look_again"]["on"] == "2027-01-15"
        assert told(decide(date(2027, 1, 15), **adult)) == ("no", "")
        assert (
            decide(birth_date="2000-01-01", sex="male", creatinine="1 mg/dL")["look_again"] is None
        )


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "a table has 1 to 500 rows; this one has 0"),
        ([{"limit": 1}], "rows select by 1 to 4 facts; these by 0"),
        ([{"age": {"below": 6}, "limit": 1}], "no row is for age at least 6 years"),
        (
            [{"age": {"below": 6}, "limit": 1}, {"age": {"above": 6}, "limit": 2}],
            "no row is for age 6 years",
        ),
        (
            [{"age": {"at_most": 6}, "limit": 1}, {"age": {"at_least": 6}, "limit": 2}],
            "this row and that on line 1 are both for age 6 years",
        ),
        ([{"sex": "male", "limit": 1}], "no row is for sex female"),
        (
            [{"sex": "male", "limit": 1}, {"sex": "female", "age": {"at_least": 3}, "limit": 2}],
            "no row is for sex female, age at most 2 years",
        ),
        ([{"gap": {"below": 3}, "limit": 1}, {"gap": {"at_least": "3.1"}, "limit": 1}],
         "no row is for gap 3 to 3.099999 days"),
        ([{"age": {"below": 6, "at_least": 7}, "limit": 1}], "this band holds nothing"),
        ([{"age": {}, "limit": 1}], "an empty band is for nobody"),
        ([{"age": {"below": 6}}], "`limit` is missing here"),
        ([{"birth_date": "2020-01-01", "limit": 1}],
         "`birth_date` is a date, and rows do not select by one"),
        ([{"weight": {"below": 6}, "limit": 1}], "there is no fact `weight`"),
        ([{"gap": {"above_uln": 2}, "limit": 1}],
         "a band is a number's limits, a code, `true` or `false`"),
        ([{"sex": "other", "limit": 1}], "`other` is not one of the codes"),
        (["male"], "text stands where a row is expected"),
    ],
)  # fmt: skip
def test_gaps_overlaps_and_slips_are_faults(rows: Any, message: str) -> None:
    assert message in [one.replace("the text `male`", "text") for _, one in faults(rows=rows)]


def test_years_are_whole_and_a_range_is_all_there_is() -> None:
    weight = {"ask": "Weight", "type": "quantity", "unit": "kg", "range": [1, 100],
              "changes": "never"}  # fmt: skip
    rows: Any = [{"age": {"between": [0, 5]}, "limit": 1}, {"age": {"at_least": 6}, "limit": 2},
                 {"age": {"below": 0}, "limit": "none"}]  # fmt: skip
    assert pack(BY_FACT, rows=rows)
    rows = [{"weight": {"between": [1, 50]}, "limit": 1}, {"weight": {"above": 50}, "limit": 2}]
    assert pack(BY_FACT, rows=rows, weight=weight)


@pytest.mark.parametrize(
    ("limit", "fault"),
    [
        ({"by": ["age"], "table": "limits"}, "the table `limits` is by `age`, `sex`"),
        ({"table": "limits"}, "`by` is missing here"),
        ({"by": ["age", "sex"], "table": "limit"}, "there is no table `limit`"),
        ({"by": ["age", "sex"], "table": "gap"}, "there is no table `gap`"),
        ({"by": ["age", "sex"], "table": "limits", "times": 2}, "`times` is not a key here"),
    ],
)
def test_a_test_names_a_table_and_what_it_is_by(limit: Any, fault: str) -> None:
    assert fault in [one for _, one in faults({"creatinine": {"above": limit}})]


# --- other facts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"gap": 21, "half_life": 100}, ("yes", "")),
        ({"gap": 20, "half_life": 100}, ("no", "")),
        ({"gap": "20.833332", "half_life": 100}, ("no", "")),  # 500 hours are 20.8333333...
        ({"gap": "20.833333", "half_life": 100}, ("yes", "")),
        ({"gap": "500 h", "half_life": 100}, ("yes", "")),
        ({"gap": 20, "half_life": 96}, ("yes", "")),
        ({"gap": "<21", "half_life": 96}, ("unknown", "gap imprecise")),
        ({"gap": "<20", "half_life": 96}, ("no", "")),
        ({"gap": 21, "half_life": "<=96"}, ("yes", "")),
        ({"gap": 19, "half_life": "<96"}, ("unknown", "half_life imprecise")),
        ({"gap": 19, "half_life": ">96"}, ("no", "")),
        ({"gap": 21, "half_life": ">96"}, ("unknown", "half_life imprecise")),
        ({"gap": 21}, ("unknown", "half_life not_recorded")),
        ({"half_life": 96}, ("unknown", "gap not_recorded")),
        ({"gap": ">30", "half_life": ">30"}, ("unknown", "gap imprecise")),
    ],
)
def test_a_test_against_a_fact_is_for_all_pairs(facts: Any, expected: tuple[str, str]) -> None:
    with screening(pack(BY_FACT)) as decide:
        assert told(decide(**facts)) == expected


@pytest.mark.parametrize(
    ("holds_when", "fault"),
    [
        ({"gap": {"at_least": {"fact": "gap"}}}, "`gap` is the fact itself"),
        ({"gap": {"at_least": {"fact": "sex"}}}, "`sex` is no number"),
        ({"gap": {"at_least": {"fact": "gup"}}}, "there is no fact `gup`"),
        ({"gap": {"at_least": {"fact": "creatinine"}}}, "`umol/L` does not convert to `d`"),
        ({"gap": {"at_least": {"fact": "age"}}}, "a month has no fixed number of days"),
        ({"gap": {"at_least": {"fact": "half_life", "times": 0}}},
         "how many times the other fact: above zero"),
        ({"warm": {"above": {"fact": "fever"}}}, "these are scales with different zeros"),
        ({"warm": {"above": {"fact": "warm", "unit": "Cel"}}}, "`unit` is not a key here"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_a_fault(holds_when: Any, fault: str) -> None:
    assert fault in [one for _, one in faults(holds_when)]


ENDS = st.one_of(st.integers(-3 * MILLION, 3 * MILLION), st.integers(-9 * 10**18, 9 * 10**18))
OPEN = st.tuples(st.booleans(), st.booleans())


def interval(low: int, high: int, opened: tuple[bool, bool]) -> tuple[int, int]:
    low, high = min(low, high), max(low, high)
    return (-UNBOUNDED if opened[0] else low, UNBOUNDED if opened[1] else high)


INTERVALS = st.builds(interval, ENDS, ENDS, OPEN)
OPS = st.sampled_from(["at_least", "above", "at_most", "below"])
PROTOCOL = pack(BY_FACT)


@given(INTERVALS, INTERVALS, OPS, st.sampled_from([1, 5, 400]))
@settings(max_examples=400)
def test_one_rule_matches_any_two_intervals_and_is_right(
    value: tuple[int, int], limit: tuple[int, int], op: Any, tenths: int
) -> None:
    """Against trying every pair of ends, and of an open end two points far beyond."""
    test = FactLimitTest("gap", op, "half_life", tenths * MILLION // 10)
    (against,) = [one.against for one in compile_protocol(PROTOCOL).readings]
    assert against is not None and isinstance(against[0], Fraction)
    times = against[0] / 50 * tenths
    readings = Reading("gap", *value, None), Reading("half_life", *limit, None)
    parts = (part.split(":") for part in limit_part(0, times, *readings).strip(",").split(","))
    fact = {name.strip('"').rstrip("0"): int(number) for name, number in parts}
    (truth,) = [
        truth
        for truth, tests in leaf_rows(PROTOCOL, test)
        if matches(Rule("", 0, truth, 0, tests, ""), {"k": 0, **fact})
    ]
    far = (10**30, 10**40)

    def points(ends: tuple[int, int], each: Fraction) -> list[int]:
        found = [round(end * each) for end in ends if abs(end) < UNBOUNDED]
        found += [-one for one in far if ends[0] == -UNBOUNDED]
        return found + [one for one in far if ends[1] == UNBOUNDED]

    compare = {"at_least": ge, "above": gt, "at_most": le, "below": lt}[op]
    pairs = product(points(value, Fraction(1)), points(limit, times))
    holds = {compare(v, w) for v, w in pairs}
    assert truth == ("unknown" if len(holds) == 2 else "true" if True in holds else "false")
    units = (PROTOCOL.facts["gap"], PROTOCOL.facts["half_life"])
    assert held_against(test, *readings, units) == truth
