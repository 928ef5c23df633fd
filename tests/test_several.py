# ruff: noqa: E501 (tables: a case a line reads best)
"""What several values come to: of a list's entries, and how many of them differ."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.record.wording import number_value
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
LIST = """{ask: Values, valid_for: 7 days, fields: {
  value: {type: quantity, unit: mg/dL, range: [0, 100], molar_mass: 113.12},
  other: {type: quantity, unit: mg},
  arm: {type: choice, choices: [left, right]},
  many: {type: choice, choices: [a, b], many: true},
  drug: {type: text},
  note: {type: text},
  fasting: {type: boolean},
  taken: {type: date}},
  known: {metformin: {arm: left, synonyms: [Glucophage]}, insulin: {arm: right}}, known_by: drug}"""


def pack(derive: str, holds: str = "{at_least: 5}", unit: str = "") -> m.Protocol:
    fact = f"{{ask: X, type: quantity, {unit}derive: {derive}}}"
    return protocol_of(
        {
            "protocol.yaml": b"{protocol: P, version: 1, title: T}\n",
            "facts.yaml": f"facts: {{x: {fact}}}\nrecords: {{l: {LIST}}}\n".encode(),
            "eligibility.yaml": f"criteria: [{{id: I1, kind: inclusion, text: t, holds_when: {{x: {holds}}}}}]\n".encode(),
        },
        "p",
    )


def subject(protocol: m.Protocol, entries: list[str], complete_on: str | None) -> m.Subject:
    listed = f"complete_on: {complete_on}, " if complete_on else ""
    text = f"{{subject: S, records: {{l: {{{listed}entries: [{', '.join(entries)}]}}}}}}\n...\n"
    return read_subject(text.encode(), "s.yaml", protocol)


def found(
    derive: str, entries: list[str], complete_on: str | None = "2026-11-20", as_of: date = AS_OF
) -> object:
    """The ends, or the reason, the same by both derivations."""
    protocol = pack(derive)
    one = subject(protocol, entries, complete_on)
    reading = find_readings(protocol, one, as_of)["x"].reading
    assert reading == reference.readings(protocol, one, as_of)["x"]
    if reading.low is None or reading.high is None:
        return reading.reason
    assert (reading.reason is None) == (reading.low == reading.high)
    ends = [None if abs(n) == m.UNBOUNDED else number_value(n) for n in (reading.low, reading.high)]
    return ends[0] if ends[0] == ends[1] and ends[0] is not None else tuple(ends)


def values(*texts: str) -> list[str]:
    return [f"{{value: '{text}'}}" if text else "{note: none}" for text in texts]


@pytest.mark.parametrize(
    ("way", "entries", "comes_to"),
    [
        ("highest", ["3", "7", "5"], 7),
        ("lowest", ["3", "7", "5"], 3),
        ("mean", ["3", "7", "5"], 5),
        ("mean", ["1", "1", "2"], (1.333333, 1.333334)),
        ("mean", ["-1"], "fault"),
        ("highest", ["3", ">5"], (5.000001, 100)),
        ("highest", ["30", "<5"], 30),
        ("highest", ["3", "<5"], (3, 4.999999)),
        ("lowest", ["3", "<5"], (0, 3)),
        ("lowest", ["30", ">50"], 30),
        ("mean", ["4", "<=6"], (2, 5)),
        ("highest", ["7", ""], (7, 100)),
        ("lowest", ["7", ""], (0, 7)),
        ("mean", ["10", ""], (5, 55)),
        ("highest", [""], (0, 100)),
        ("highest", [], "no_entry"),
        ("mean", [], "no_entry"),
    ],
)  # fmt: skip
def test_of_a_confirmed_list(way: str, entries: list[str], comes_to: object) -> None:
    if comes_to == "fault":
        with pytest.raises(InputRejected):
            found(f"{{{way}: l.value}}", values(*entries))
        return
    assert found(f"{{{way}: l.value}}", values(*entries)) == comes_to


@pytest.mark.parametrize(
    ("way", "entries", "comes_to"),
    [
        ("highest", ["3", "7"], (7, None)),
        ("lowest", ["3", "7"], (None, 3)),
        ("highest", ["<5"], (0, None)),
        ("mean", ["3", "7"], "history_not_confirmed"),
        ("highest", [], "history_not_confirmed"),
        ("mean", [], "history_not_confirmed"),
    ],
)
def test_of_a_list_that_is_not_confirmed(way: str, entries: list[str], comes_to: object) -> None:
    assert found(f"{{{way}: l.value}}", values(*entries), None) == comes_to


def test_a_field_without_a_range_is_open() -> None:
    assert found("{highest: l.other}", ["{other: 3}", "{arm: left}"]) == (3, None)
    assert found("{mean: l.other}", ["{other: 3}", "{arm: left}"]) == (None, None)


@pytest.mark.parametrize(
    ("way", "comes_to"),
    [
        # 4 and 6 count; 1, 9 and one without a value may.
        ("highest", (6, 100)),
        ("lowest", (0, 4)),
        ("mean", (2.75, 36.666667)),
    ],
)
def test_what_may_match_is_tried_in_and_out(way: str, comes_to: object) -> None:
    entries = [
        "{arm: left, value: 4}",
        "{arm: left, value: 6}",
        "{value: 1}",
        "{value: 9}",
        "{note: x}",
    ]
    assert found(f"{{{way}: l.value, where: {{arm: left}}}}", entries) == comes_to


def test_of_those_that_may_match_none_is_enough() -> None:
    assert found("{highest: l.value, where: {arm: left}}", ["{value: 3}"]) == "no_entry"
    assert (
        found("{highest: l.value, where: {arm: left}}", ["{value: 3}"], None)
        == "history_not_confirmed"
    )


@pytest.mark.parametrize(
    ("entries", "complete_on", "comes_to"),
    [
        (["3", "7"], "2026-11-20", "too_few"),
        (["3", "7", ""], "2026-11-20", "too_few"),
        (["3", "7", "5"], "2026-11-20", 5),
        (["3", "7"], None, "too_few"),
        ([], "2026-11-20", "too_few"),
        (["3", "7", "5"], None, "history_not_confirmed"),
    ],
)
def test_fewer_than_are_asked_for(
    entries: list[str], complete_on: str | None, comes_to: object
) -> None:
    assert found("{mean: l.value, at_least_entries: 3}", values(*entries), complete_on) == comes_to


@pytest.mark.parametrize(
    ("entries", "last", "first"),
    [
        (["{value: 3, taken: 2026-11-01}", "{value: 7, taken: 2026-11-10}"], 7, 3),
        (["{value: 3, taken: 2026-11-10}", "{value: 7, taken: 2026-11-10}"], (3, 7), (3, 7)),
        (["{value: 3, taken: 2026-11}", "{value: 7, taken: 2026-11-10}"], (3, 7), (3, 7)),
        (["{value: 3, taken: 2026-10}", "{value: 7, taken: 2026-11-10}"], 7, 3),
        (["{value: 3}", "{value: 7, taken: 2026-11-10}"], (3, 7), (3, 7)),
        (["{value: 3, taken: 2026-12-01}", "{value: 7, taken: 2026-11-10}"], (3, 7), (3, 7)),
        (["{value: 3, taken: ongoing}", "{value: 7, taken: 2026-11-10}"], 3, 7),
        (["{taken: 2026-11-01}", "{value: 7, taken: 2026-11-10}"], 7, "imprecise"),
        (["{value: 3, taken: 2026-11-01}", "{taken: 2026-11-10}"], "imprecise", 3),
        (["{value: 3, taken: 2026-11-01}", "{note: x}"], "imprecise", "imprecise"),
        (["{value: 3, taken: 2026-11-01}", "{value: '<7', taken: 2026-11-10}"], (0, 6.999999), 3),
        ([], "no_entry", "no_entry"),
    ],
)  # fmt: skip
def test_the_last_and_the_first(entries: list[str], last: object, first: object) -> None:
    assert found("{last: l.value, by: taken}", entries) == last
    assert found("{first: l.value, by: taken}", entries) == first
    if entries:
        assert found("{last: l.value, by: taken}", entries, None) == "history_not_confirmed"


def test_one_that_may_match_may_be_the_last() -> None:
    entries = ["{value: 3, arm: left, taken: 2026-11-01}", "{value: 7, taken: 2026-11-10}"]
    derive = "{last: l.value, by: taken, where: {arm: left}}"
    assert found(derive, entries) == (3, 7)
    assert found(derive, [*entries, "{value: 5, arm: left, taken: 2026-11-11}"]) == 5


@pytest.mark.parametrize(
    ("by", "entries", "comes_to"),
    [
        ("arm", ["{arm: left}", "{arm: right}", "{arm: left}"], 2),
        ("arm", ["{arm: left}", "{note: x}"], (1, 2)),
        ("arm", ["{note: x}"], (0, 1)),
        ("arm", [], 0),
        ("fasting", ["{fasting: true}", "{fasting: false}"], 2),
        # Names that are known differ; what is not known may be the same thing.
        ("drug", ["{drug: metformin}", "{drug: Insulin}", "{drug: GLUCOPHAGE}"], 2),
        ("drug", ["{drug: metformin}", "{drug: other}"], (1, 2)),
        ("drug", ["{drug: other}", "{drug: another}"], (1, 2)),
        ("drug", ["{drug: other}", "{drug: ' Other'}"], 1),
        ("drug", ["{drug: metformin}", "{drug: metformin 500}"], (1, 2)),
        ("note", ["{note: metformin}", "{note: insulin}"], (1, 2)),
        ("value", ["{value: 3}", "{value: 3}", "{value: 4}"], 2),
        ("value", ["{value: 3}", "{value: '<4'}"], (1, 2)),
        ("value", ["{value: 5}", "{value: '<4'}"], 2),
        ("value", ["{value: '<3'}", "{value: '<4'}", "{value: 9}"], (2, 3)),
        ("taken", ["{taken: 2026-11-01}", "{taken: 2026-11-02}", "{taken: 2026-11-02}"], 2),
        ("taken", ["{taken: 2026-11}", "{taken: 2026-11-02}", "{taken: 2025}"], (2, 3)),
        ("taken", ["{taken: ongoing}", "{taken: 2026-12-01}"], (0, 2)),
    ],
)  # fmt: skip
def test_how_many_differ(by: str, entries: list[str], comes_to: object) -> None:
    derive = f"{{count: l, distinct: {by}}}"
    assert found(derive, entries) == comes_to
    low = comes_to[0] if isinstance(comes_to, tuple) else comes_to
    assert found(derive, entries, None) == (low, None)


def test_each_that_may_match_may_be_another() -> None:
    derive = "{count: l, distinct: drug, where: {arm: left}}"
    assert found(derive, ["{arm: left, drug: metformin}", "{drug: other}"]) == (1, 2)


@pytest.mark.parametrize("way", ["highest: l.value", "mean: l.value", "last: l.value, by: taken"])
@pytest.mark.parametrize("where", ["", ", where: {taken: {within_last: 10 days}}"])
def test_the_day_to_look_again_is_not_late(way: str, where: str) -> None:
    protocol = pack(f"{{{way}{where}}}")
    entries = [
        "{value: 3, taken: 2026-11-12}", "{value: 9, taken: 2026-11}",
        "{value: 1, taken: ongoing}", "{value: 9, taken: 2026-11-25}",
    ]  # fmt: skip
    with Screener(protocol) as screener:
        for size in range(1, len(entries) + 1):
            one = subject(protocol, entries[:size], "2026-11-20")
            first = screener.decide(one, AS_OF)
            named = first["look_again"]["on"] if first["look_again"] else "9999-12-31"
            for ahead in range(1, 40):
                day = AS_OF + timedelta(days=ahead)
                if day.isoformat() >= named:
                    break
                assert screener.decide(one, day)["verdict"] == first["verdict"], (size, day)


def test_the_record_cites_those_that_give_it() -> None:
    protocol = pack("{highest: l.value}", "{at_most: 6}")
    with Screener(protocol) as screener:
        one = subject(protocol, values("3", "7", "5", "7"), "2026-11-20")
        why = screener.decide(one, AS_OF)["criteria"][0]["why"]
        assert why["says"] == "X: 7 mg/dL. Asked: at most 6 mg/dL. This does not hold."
        assert why["reading"]["entries"] == ["records.l", "records.l.entries[1]"]
    protocol = pack("{mean: l.value, at_least_entries: 3}")
    with Screener(protocol) as screener:
        one = subject(protocol, values("3", "7", "5"), "2026-11-20")
        reading = screener.decide(one, AS_OF)["criteria"][0]["why"]["reading"]
        assert reading["follows_from"] == [
            "Values: confirmed complete on 2026-11-20",
            *(f"entry {n}: value: {value} mg/dL" for n, value in ((1, 3), (2, 7), (3, 5))),
        ]
        one = subject(protocol, values("3", "7"), "2026-11-20")
        missing = screener.decide(one, AS_OF)["criteria"][0]["missing"][0]
        assert missing["detail"] == "fewer values than 3 are recorded that surely count"
        assert (missing["reason"], missing["collect"]) == ("too_few", "l")


def test_the_unit_is_the_fields_and_limits_convert() -> None:
    assert pack("{highest: l.value}").facts["x"].unit == "mg/dL"
    leaf = pack("{highest: l.value}", "{at_most: 88.4 umol/L}").criteria[0].holds_when
    assert isinstance(leaf, m.LimitTest) and leaf.limit_u == 999981


@pytest.mark.parametrize(
    ("derive", "fault"),
    [
        ("{highest: l.arm}", "misfit: the field `arm` of `l` is not a quantity"),
        ("{highest: l.valu}", "unknown-field: `l` has no field `valu` (did you mean `value`?)"),
        ("{highest: l}", "derive: `l` does not fit `highest` (write `highest: l.FIELD`)"),
        ("{last: l.value}", "derive: `last` does not say by which date (write `by: taken`)"),
        ("{last: l.value, by: arm}", "misfit: the field `arm` of `l` is not a date"),
        ("{mean: l.value, by: taken}", "misfit: `by` does not go with `mean`"),
        ("{count: l, at_least_entries: 3}", "misfit: `at_least_entries` does not go with `count`"),
        ("{mean: l.value, at_least_entries: 0}", "number: `at_least_entries` is above zero"),
        ("{mean: l.value, distinct: arm}", "misfit: `distinct` does not go with `mean`"),
        ("{count: l, distinct: many}", "misfit: an entry has several codes of `many`"),
        ("{count: l, distinct: armm}", "unknown-field: `l` has no field `armm` (did you mean `arm`?)"),
        ("{mean: l.value, within_last: 28 days}", "misfit: `within_last` goes with a fact; of a list, `where` asks about days (write `where: {taken: {within_last: ...}}`)"),
        ("{highest: l.value, mean: l.value}", "derive: a derivation says exactly one thing"),
        ("{average: l.value}", "unknown-key: "),
    ],
)  # fmt: skip
def test_a_slip_is_a_fault_with_a_hint(derive: str, fault: str) -> None:
    with pytest.raises(InputRejected) as refused:
        pack(derive)
    said = [
        f"{one.code}: {one.message}{f' ({one.hint})' if one.hint else ''}"
        for one in refused.value.faults
    ]
    assert any(one.startswith(fault) for one in said), said
    assert len(said) <= 2, said


def test_another_unit_is_a_fault() -> None:
    with pytest.raises(InputRejected) as refused:
        pack("{highest: l.value}", unit="unit: g/L, ")
    assert refused.value.faults[0].message == "this derivation gives a number of `mg/dL`"
