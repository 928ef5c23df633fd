# ruff: noqa: E501 (tables: a case a line reads best)
"""Whether a value stayed the same for so long: a dose, a regimen."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
LIST = """{ask: Drugs, valid_for: 7 days, fields: {
  dose: {type: quantity, unit: mg}, name: {type: text}, kind: {type: choice, choices: [a, b]},
  many: {type: choice, choices: [a, b], many: true}, start: {type: date}, stop: {type: date}},
  known: {metformin: {kind: a}, insulin: {kind: b}}, known_by: name}"""
STABLE = "{stable: drug.dose, for: 3 months, from: start, to: stop}"


def pack(derive: str = STABLE) -> m.Protocol:
    x = f"{{ask: X, type: boolean, derive: {derive}}}"
    return protocol_of(
        {
            "protocol.yaml": b"{protocol: P, version: 1, title: T}\n",
            "facts.yaml": f"facts: {{x: {x}}}\nrecords: {{drug: {LIST}}}\n".encode(),
            "eligibility.yaml": b"criteria: [{id: I1, kind: inclusion, text: t, holds_when: {x: true}}]\n",
        },
        "p",
    )


def subject(protocol: m.Protocol, entries: list[str], complete_on: str | None) -> m.Subject:
    listed = f"complete_on: {complete_on}, " if complete_on else ""
    text = f"{{subject: S, records: {{drug: {{{listed}entries: [{', '.join(entries)}]}}}}}}\n...\n"
    return read_subject(text.encode(), "s.yaml", protocol)


def found(
    entries: list[str], derive: str = STABLE, complete_on: str | None = "2026-11-20"
) -> object:
    """True, false or the reason, the same by both derivations."""
    protocol = pack(derive)
    one = subject(protocol, entries, complete_on)
    reading = find_readings(protocol, one, AS_OF)["x"].reading
    assert reading == reference.readings(protocol, one, AS_OF)["x"]
    return reading.reason if reading.low is None else bool(reading.low)


SAME = "{dose: 5, start: 2026-01-01, stop: ongoing}"


@pytest.mark.parametrize(
    ("entries", "confirmed", "not_confirmed"),
    [
        ([SAME], True, "history_not_confirmed"),
        (["{dose: 5, start: 2026-08-20, stop: ongoing}"], True, "history_not_confirmed"),
        (["{dose: 5, start: 2026-08-21, stop: ongoing}"], "imprecise", "history_not_confirmed"),
        (["{dose: 5, start: 2026-08, stop: ongoing}"], "imprecise", "history_not_confirmed"),
        (["{dose: 5, start: 2026-07, stop: ongoing}"], True, "history_not_confirmed"),
        (["{dose: 5, start: 2026-01-01, stop: 2026-11-20}"], True, "history_not_confirmed"),
        (["{dose: 5, start: 2026-01-01, stop: 2026-11-19}"], "imprecise", "history_not_confirmed"),
        (["{dose: 5, start: 2026-01-01}"], "imprecise", "history_not_confirmed"),
        (["{dose: 5, start: 2026-01-01, stop: 2026-12-31}"], "imprecise", "history_not_confirmed"),
        (["{dose: 5, stop: ongoing}"], "imprecise", "history_not_confirmed"),
        (["{start: 2026-01-01, stop: ongoing}"], "imprecise", "history_not_confirmed"),
        ([], "no_entry", "history_not_confirmed"),
        # Two that surely lasted within the time, and differ.
        ([SAME, "{dose: 7, start: 2026-10-01, stop: 2026-10-10}"], False, False),
        (["{dose: 5, start: 2026-01-01, stop: 2026-10-01}", "{dose: 7, start: 2026-10-01, stop: ongoing}"], False, False),
        # The change is as long ago as is asked: no day within is surely of both.
        (["{dose: 5, start: 2026-01-01, stop: 2026-08-20}", "{dose: 7, start: 2026-08-20, stop: ongoing}"], "imprecise", "history_not_confirmed"),
        (["{dose: 5, start: 2026-01-01, stop: 2026-08-19}", "{dose: 7, start: 2026-08-20, stop: ongoing}"], True, "history_not_confirmed"),
        # Another that is not surely different, or that may lie within.
        ([SAME, "{dose: 5, start: 2026-10-01, stop: 2026-10-10}"], "imprecise", "history_not_confirmed"),
        ([SAME, "{start: 2026-10-01, stop: 2026-10-10}"], "imprecise", "history_not_confirmed"),
        ([SAME, "{dose: '>4', start: 2026-10-01, stop: 2026-10-10}"], "imprecise", "history_not_confirmed"),
        ([SAME, "{dose: '<4', start: 2026-10-01, stop: 2026-10-10}"], False, False),
        ([SAME, "{dose: 7, start: 2026-02-01}"], "imprecise", "history_not_confirmed"),
        ([SAME, "{dose: 7, start: 2027-02-01}"], "imprecise", "history_not_confirmed"),
        ([SAME, "{dose: 7, stop: 2026-03-01}"], True, "history_not_confirmed"),
        ([SAME, "{dose: 7, stop: 2026-10-01}"], "imprecise", "history_not_confirmed"),
        ([SAME, "{dose: 7, start: 2026-02-01, stop: 2026}"], "imprecise", "history_not_confirmed"),
    ],
)  # fmt: skip
def test_a_dose_of_three_months(
    entries: list[str], confirmed: object, not_confirmed: object
) -> None:
    assert found(entries) == confirmed
    assert found(entries, complete_on=None) == not_confirmed
    assert found(list(reversed(entries))) == confirmed


def test_only_entries_that_match_are_looked_at() -> None:
    derive = "{stable: drug.dose, where: {name: metformin}, for: 3 months, from: start, to: stop}"
    same = "{name: metformin, dose: 5, start: 2026-01-01, stop: ongoing}"
    other = "dose: 7, start: 2026-10-01, stop: 2026-10-10"
    assert found([same, f"{{name: insulin, {other}}}"], derive) is True
    assert found([same, f"{{name: metformin, {other}}}"], derive) is False
    assert found([same, f"{{{other}}}"], derive) == "imprecise"
    assert found([f"{{{other}}}"], derive) == "no_entry"


def test_texts_differ_only_if_both_are_known() -> None:
    derive = "{stable: drug.name, for: 3 months, from: start, to: stop}"
    days = "start: 2026-10-01, stop: ongoing"
    assert found([f"{{name: metformin, {days}}}", f"{{name: insulin, {days}}}"], derive) is False
    assert (
        found([f"{{name: metformin, {days}}}", f"{{name: other, {days}}}"], derive) == "imprecise"
    )


def test_both_derivations_agree_and_name_the_day_in_time() -> None:
    c, protocol = Random("stable"), pack()
    days = [AS_OF + timedelta(days=n) for n in (-200, -93, -92, -91, -50, -1, 0, 3)]
    told = set()
    with Screener(protocol) as screener:
        for _ in range(400):
            entries = []
            for _ in range(c.randint(1, 3)):
                start, stop = (
                    c.choice(days).isoformat()[: c.choice([10, 10, 10, 7])] for _ in "ab"
                )
                stop = c.choice([stop, "ongoing", "ongoing"])
                dose = c.choice(["5", "5", "7", "<6", ""])
                said = {"dose": f"'{dose}'" if dose else "", "start": start, "stop": stop}
                entries.append("{" + ", ".join(f"{k}: {v}" for k, v in said.items() if v) + "}")
            one = subject(protocol, entries, c.choice(["2026-11-20", "2026-11-15", None]))
            first = screener.decide(one, AS_OF)
            told.add(first["verdict"])
            named = first["look_again"]["on"] if first["look_again"] else "9999-12-31"
            for ahead in (1, 2, 3, 4, 5, 10, 11, 42, 43, 44, 90, 91, 92, 93):
                day = AS_OF + timedelta(days=ahead)
                if day.isoformat() < named:
                    assert screener.decide(one, day)["verdict"] == first["verdict"], (entries, day)
    assert told == {"eligible", "ineligible", "undetermined"}


def test_the_record_cites_those_that_give_it() -> None:
    with Screener(pack()) as screener:
        old = "{dose: 7, stop: 2026-03-01}"
        why = screener.decide(subject(pack(), [old, SAME], "2026-11-20"), AS_OF)["criteria"][0][
            "why"
        ]
        assert why["reading"]["entries"] == ["records.drug", "records.drug.entries[1]"]
        new = "{dose: 7, start: 2026-10-01, stop: 2026-10-10}"
        why = screener.decide(subject(pack(), [old, SAME, new], None), AS_OF)["criteria"][0]["why"]
        assert why["reading"]["entries"] == ["records.drug.entries[1]", "records.drug.entries[2]"]


@pytest.mark.parametrize(
    ("derive", "fault"),
    [
        ("{stable: drug.dose, from: start, to: stop}", "derive: `stable` does not say for how long"),
        ("{stable: drug.dose, for: 3 months, from: start}", "derive: `stable` does not say to which day an entry lasts"),
        ("{stable: drug.dose, for: 0 days, from: start, to: stop}", "duration: `stable` for 0 days says nothing"),
        ("{stable: drug.dose, for: 3 months, from: dose, to: stop}", "misfit: the field `dose` of `drug` is not a date"),
        ("{stable: drug.start, for: 3 months, from: start, to: stop}", "misfit: `stable` takes a field of one value, and `start` is no such"),
        ("{stable: drug.many, for: 3 months, from: start, to: stop}", "misfit: `stable` takes a field of one value, and `many` is no such"),
        ("{stable: drug, for: 3 months, from: start, to: stop}", "derive: `drug` does not fit `stable`"),
        ("{exists: drug, for: 3 months}", "misfit: `for` does not go with `exists`"),
    ],
)  # fmt: skip
def test_a_slip_is_a_fault(derive: str, fault: str) -> None:
    with pytest.raises(InputRejected) as refused:
        pack(derive)
    said = [f"{one.code}: {one.message}" for one in refused.value.faults]
    assert any(one.startswith(fault) for one in said), said
