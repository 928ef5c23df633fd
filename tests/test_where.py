# ruff: noqa: E501 (tables: a case a line reads best)
"""`where` with tests: which entries match, what a window needs, what the record says."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
PACK = {
    "protocol.yaml": b"{protocol: P, version: 1, title: T}\n",
    "eligibility.yaml": b"criteria: [{id: I1, kind: inclusion, text: t, holds_when: %s}]\n",
}
LIST = """{ask: Pressures, valid_for: 7 days, fields: {
  systolic: {type: quantity, unit: "mm[Hg]", range: [0, 300]},
  diastolic: {type: quantity, unit: "mm[Hg]"},
  alt: {type: quantity, unit: U/L, uln: 40},
  arm: {type: choice, choices: [left, right]},
  cuff: {type: boolean},
  drug: {type: text},
  taken: {type: date},
  ended: {type: date}},
  known: {metformin: {arm: left, synonyms: [Glucophage]}}, known_by: drug}"""


def pack(where: str, way: str = "exists: bp", holds: str = "", facts: bytes = b"") -> m.Protocol:
    kind = {"exists": "boolean", "count": "quantity"}.get(way.partition(":")[0], "date")
    derive = f"{{{way}, where: {where}}}"
    x = f"{{x: {{ask: X, type: {kind}, derive: {derive}}}}}"
    facts = facts or f"facts: {x}\nrecords: {{bp: {LIST}}}\n".encode()
    whole = {**PACK, "facts.yaml": facts}
    usual = {"boolean": "true", "quantity": "{at_least: 1}", "date": "{ever: true}"}[kind]
    whole["eligibility.yaml"] %= (holds or f"{{x: {usual}}}").encode()
    return protocol_of(whole, "p")


def faults(where: str) -> list[str]:
    with pytest.raises(InputRejected) as refused:
        pack(where)
    return [
        f"{one.code}: {one.message}{f' ({one.hint})' if one.hint else ''}"
        for one in refused.value.faults
    ]


def subject(protocol: m.Protocol, *entries: str, complete_on: str = "2026-11-19") -> m.Subject:
    listed = f"complete_on: {complete_on}, " if complete_on else ""
    text = f"{{subject: S, records: {{bp: {{{listed}entries: [{', '.join(entries)}]}}}}}}\n...\n"
    return read_subject(text.encode(), "s.yaml", protocol)


def reading(
    protocol: m.Protocol, *entries: str, complete_on: str = "2026-11-19", as_of: date = AS_OF
) -> m.Reading:
    """The reading of the derived fact, the same by both derivations."""
    one = subject(protocol, *entries, complete_on=complete_on)
    found = find_readings(protocol, one, as_of)["x"].reading
    assert found == reference.readings(protocol, one, as_of)["x"]
    return found


@pytest.mark.parametrize(
    ("where", "entry", "matches"),
    [
        ("{systolic: {at_least: 140}}", "{systolic: 140}", "T"),
        ("{systolic: {at_least: 140}}", "{systolic: 139.999999}", "F"),
        ("{systolic: {at_least: 140}}", '{systolic: ">=139"}', "U"),
        ("{systolic: {at_least: 140}}", '{systolic: ">140"}', "T"),
        ("{systolic: {at_least: 140}}", '{systolic: "<140"}', "F"),
        ("{systolic: {at_least: 140}}", "{cuff: true}", "U"),
        ("{systolic: {above: 140}}", "{systolic: 140}", "F"),
        ("{systolic: {at_most: 140}}", '{systolic: "<=140"}', "T"),
        ("{systolic: {below: 140}}", "{systolic: 140}", "F"),
        ("{systolic: {between: [90, 140]}}", "{systolic: 90}", "T"),
        ("{systolic: {between: [90, 140]}}", '{systolic: "<=90"}', "U"),
        ("{systolic: {at_least: 18.665 kPa}}", "{systolic: 140}", "T"),
        ("{systolic: {at_least: {value: 18.665, unit: kPa}}}", "{systolic: 139}", "F"),
        ("{alt: {above_uln: 2.5}}", "{alt: 100}", "F"),
        ("{alt: {above_uln: 2.5}}", "{alt: 100.000001}", "T"),
        ("{alt: {at_most_uln: 2.5}}", '{alt: ">=100"}', "U"),
        ("{alt: {at_least_uln: 2.5}}", '{alt: ">=100"}', "T"),
        ("{alt: {below_uln: 2.5}}", '{alt: "<100"}', "T"),
        ("{taken: {within_last: 12 months}}", "{taken: 2025-11-20}", "T"),
        ("{taken: {within_last: 12 months}}", "{taken: 2025-11-19}", "F"),
        ("{taken: {within_last: 12 months}}", "{taken: 2025-11}", "U"),
        ("{taken: {within_last: 12 months}}", "{taken: 2026-11}", "T"),
        ("{taken: {within_last: 12 months}}", "{taken: ongoing}", "T"),
        ("{taken: {within_last: 12 months}}", "{systolic: 150}", "U"),
        ("{taken: {within_last: 12 months}}", "{taken: 2026-11-21}", "U"),
        ("{taken: {less_than_ago: 12 months}}", "{taken: 2025-11-20}", "F"),
        ("{taken: {at_least_ago: 28 days}}", "{taken: 2026-10-23}", "T"),
        ("{taken: {at_least_ago: 28 days}}", "{taken: 2026-10-24}", "F"),
        ("{taken: {at_least_ago: 28 days}}", "{taken: 2026-10}", "U"),
        ("{taken: {at_least_ago: 28 days}}", "{taken: ongoing}", "F"),
        ("{taken: {more_than_ago: 28 days}}", "{taken: 2026-10-23}", "F"),
        ("{taken: {on_or_after: 2026-01-01}}", "{taken: 2026-01-01}", "T"),
        ("{taken: {on_or_after: 2026-01-01}}", "{taken: 2025}", "F"),
        ("{taken: {on_or_before: 2026-01-01}}", "{taken: 2026-01}", "U"),
        ("{taken: {on_or_before: 2027-01-01}}", "{taken: 2026-12-01}", "U"),
        ("{ended: {ever: true}}", "{ended: 2026-01-01}", "T"),
        ("{ended: {ever: true}}", "{taken: 2026-01-01}", "U"),  # it may be under way
        ("{ended: {ever: true}}", "{ended: ongoing}", "U"),
        ("{ended: {ever: false}}", "{ended: 2026-01-01}", "F"),
        ("{any: [{systolic: {at_least: 140}}, {diastolic: {at_least: 90}}]}", "{systolic: 150}", "T"),
        ("{any: [{systolic: {at_least: 140}}, {diastolic: {at_least: 90}}]}", "{systolic: 130}", "U"),
        ("{any: [{systolic: {at_least: 140}}, {diastolic: {at_least: 90}}]}",
         "{systolic: 130, diastolic: 80}", "F"),
        ("{any: [{systolic: {at_least: 140}, arm: left}, {cuff: true}]}", "{systolic: 150, arm: left}", "T"),
        ("{any: [{systolic: {at_least: 140}, arm: left}, {cuff: true}]}",
         "{systolic: 150, arm: right, cuff: false}", "F"),
        ("{cuff: true, any: [{arm: left}, {drug: aspirin}]}", "{cuff: true, drug: aspirin}", "T"),
        ("{cuff: true, any: [{arm: left}, {drug: aspirin}]}", "{cuff: false, drug: aspirin}", "F"),
        ("{all: [{systolic: {at_least: 140}}, {systolic: {below: 180}}]}", "{systolic: 180}", "F"),
        ("{all: [{systolic: {at_least: 140}}, {systolic: {below: 180}}]}", "{systolic: 179}", "T"),
        # What a name implies counts in every way.
        ("{systolic: {at_least: 140}, arm: left}", "{systolic: 150, drug: glucophage}", "T"),
        ("{any: [{arm: left}, {systolic: {at_least: 140}}]}", "{systolic: 90, drug: metformin}", "T"),
        ("{any: [{arm: right}, {systolic: {at_least: 140}}]}", "{systolic: 90, drug: metformin}", "F"),
        ("{arm: left, systolic: {at_least: 140}}", "{systolic: 150, drug: metformin 500}", "U"),
        ("{arm: left, systolic: {at_least: 140}}", "{systolic: 90, drug: metformin 500}", "F"),
    ],
)  # fmt: skip
def test_an_entry_matches_by_what_its_fields_could_be(where: str, entry: str, matches: str) -> None:
    found = reading(pack(where), entry)
    assert (found.low, found.reason) == {
        "T": (1, None), "F": (0, None), "U": (None, "imprecise")
    }[matches]  # fmt: skip


def test_the_same_of_a_count_and_of_days() -> None:
    listed = ("{systolic: 150, taken: 2026-11-01}", '{systolic: ">130", taken: 2026-11-10}')
    found = reading(pack("{systolic: {at_least: 140}}", "count: bp"), *listed)
    assert (found.low, found.high) == (m.MILLION, 2 * m.MILLION)
    found = reading(pack("{systolic: {at_least: 140}}", "latest: bp.taken"), *listed)
    days = (date(2026, 11, 1).toordinal(), date(2026, 11, 10).toordinal())
    assert (found.low, found.high) == days


@pytest.mark.parametrize(
    ("where", "complete_on", "confirmed"),
    [
        # A window before the confirmation: an old one is enough, up to the day it opens.
        ("{ended: {at_least_ago: 6 months}}", "2026-05-21", True),
        ("{ended: {at_least_ago: 6 months}}", "2026-05-20", False),
        ("{ended: {more_than_ago: 6 months}}", "2026-05-20", True),
        ("{ended: {more_than_ago: 6 months}}", "2026-05-19", False),
        ("{ended: {on_or_before: 2020-01-01}}", "2020-01-02", True),
        ("{ended: {on_or_before: 2020-01-01}}", "2020-01-01", False),
        ("{ended: {within_last: 6 months}}", "2026-05-21", False),
        ("{ended: {on_or_after: 2020-01-01}}", "2026-05-21", False),
        ("{ended: {ever: true}}", "2026-05-21", False),
        ("{cuff: true}", "2026-05-21", False),
        ("{cuff: true, ended: {at_least_ago: 6 months}}", "2026-05-21", True),
        (
            "{any: [{ended: {at_least_ago: 6 months}}, {taken: {at_least_ago: 1 year}}]}",
            "2026-05-21",
            True,
        ),
        ("{any: [{ended: {at_least_ago: 6 months}}, {cuff: true}]}", "2026-05-21", False),
        ("{ended: {at_least_ago: 6 months}}", "2026-11-21", False),  # it has not come
    ],
)
def test_a_window_that_lies_before_the_confirmation_needs_no_newer_one(
    where: str, complete_on: str, confirmed: bool
) -> None:
    for way in ("exists: bp", "count: bp", "latest: bp.ended", "earliest: bp.ended"):
        found = reading(pack(where, way), complete_on=complete_on)
        assert (found.reason is None) == confirmed, way


def test_a_window_does_not_help_a_list_that_was_cut() -> None:
    protocol = pack("{ended: {at_least_ago: 6 months}}")
    text = b"{subject: S, records: {bp: {complete_on: 2026-06-01, entries: []}}}\n"
    one = read_subject(text, "s.yaml", protocol)
    found = find_readings(protocol, one, AS_OF)["x"].reading
    assert found == reference.readings(protocol, one, AS_OF)["x"]
    assert found.reason == "history_not_confirmed"


@pytest.mark.parametrize("way", ["exists: bp", "count: bp", "latest: bp.taken"])
@pytest.mark.parametrize(
    "where",
    [
        "{taken: {within_last: 10 days}}",
        "{taken: {at_least_ago: 10 days}}",
        "{taken: {less_than_ago: 1 month}}",
        "{taken: {on_or_before: 2026-11-25}}",
        "{any: [{taken: {more_than_ago: 10 days}}, {taken: {on_or_after: 2026-12-01}}]}",
        "{taken: {ever: true}}",
    ],
)
@pytest.mark.parametrize(
    "listed",
    [
        ["{taken: 2026-11-12}"],
        ["{taken: 2026-11}"],
        ["{taken: ongoing}", "{taken: 2026-10-31}"],
        ["{taken: 2026-11-28}"],
        ["{taken: 2026-12}"],
    ],
)
def test_the_record_names_the_day_on_which_an_entry_enters_or_leaves_the_window(
    way: str, where: str, listed: list[str]
) -> None:
    protocol = pack(where, way)
    one = subject(protocol, *listed, complete_on="2026-11-20")
    with Screener(protocol) as screener:
        first = screener.decide(one, AS_OF)
        named = first["look_again"]["on"] if first["look_again"] else "9999-12-31"
        for ahead in range(1, 60):
            day = AS_OF + timedelta(days=ahead)
            if day.isoformat() >= named:
                break
            assert screener.decide(one, day)["verdict"] == first["verdict"], day


def test_the_record_says_what_is_not_exact_enough_and_when_it_turns() -> None:
    protocol = pack("{systolic: {at_least: 140}, taken: {within_last: 10 days}}")
    with Screener(protocol) as screener:
        one = subject(protocol, '{systolic: ">130", taken: 2026-11}', "{taken: 2026-11-19}")
        missing = screener.decide(one, AS_OF)["criteria"][0]["missing"]
        assert missing[0]["detail"] == (
            "entry 1 does not say exactly enough: systolic, taken; entry 2 does not say: systolic"
        )
        one = subject(protocol, "{systolic: 150, taken: 2026-11-19}")
        again = screener.decide(one, AS_OF)["look_again"]
        assert again == {
            "on": "2026-11-30",
            "because": ["X: an entry begins or ceases to count by its day"],
            "messages": [{"id": "change.window", "arguments": {"ask": "X"}}],
        }


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("{systolic: {at_least: 140, below: 180}}", "condition: a test has one operator; this one has 2 (use `between`, or join tests with `all:`)"),
        ("{systolic: {atleast: 140}}", "unknown-operator: `atleast` is not an operator (did you mean `at_least`?)"),
        ("{systolic: {within_last: 3 days}}", "misfit: `within_last` does not fit `systolic`, which is a quantity (it takes"),
        ("{systolic: {at_least: 140 mg}}", "unit: "),
        ("{taken: 2026-01-01}", "misfit: `taken` is a date: "),
        ("{taken: {within_last: 6}}", "duration: "),
        ("{taken: {at_least: 6}}", "misfit: `at_least` needs a day to be counted from or to"),
        ("{diastolic: {at_least_uln: 2}}", "misfit: the field `diastolic` has no upper limit of normal"),
        ("{any: []}", "empty: an empty `any` says nothing"),
        ("{any: {arm: left}}", "type: a mapping stands where a list of fields and what is asked of them is expected"),
        ("{any: [{}]}", "empty: an empty `where` asks nothing"),
        ("{any: [{arms: left}]}", "unknown-field: `bp` has no field `arms` (did you mean `arm`?)"),
        ("{any: [{arm: lef}]}", "unknown-code: `lef` is not one of the codes"),
        ("{not: {arm: left}}", "unknown-field: `bp` has no field `not` (ask for what an entry must be, with `any:` for one of several)"),
        ("{arm: {at_least: 3}}", "type: a mapping stands where a code is expected"),
    ],
)  # fmt: skip
def test_a_slip_in_where_is_a_fault_with_a_hint(where: str, fault: str) -> None:
    found = faults(where)
    assert len(found) == 1 and found[0].startswith(fault), found


def test_the_words_of_the_language_are_no_fields() -> None:
    text = b"facts: {a: {ask: A, type: boolean}}\nrecords: {l: {ask: L, fields: {any: {type: date}}}}\n"
    with pytest.raises(InputRejected) as refused:
        pack("{cuff: true}", facts=text)
    assert any("`any` is a word of the rule language" in f.message for f in refused.value.faults)
