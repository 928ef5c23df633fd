"""Washouts: longer or shorter, of entries that match or may, by today or by a planned day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.decide.decision import Screener
from engine.exchange.questionnaire import asked_only_when
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.record.checked import checked_decision
from engine.record.shape import Decision
from engine.terms import Protocol
from engine.terms.faults import InputRejected
from tests.generators import json_text

AS_OF = date(2026, 11, 20)
BY_DAY_1: dict[str, Any] = {
    "list": "drug.ended",
    "where": {"trial": True},
    "for": ["28 days", {"field": "half_life", "times": 5}],
    "whichever": "longer",
    "before": "day_1",
}


def pack(washed_out: Any = None) -> Protocol:
    facts = {
        "day_1": {"ask": "Day 1", "type": "date", "changes": "never", "planned": True},
        "washed": {
            "ask": "Washed out", "type": "boolean",
            "derive": {"washed_out": BY_DAY_1 if washed_out is None else washed_out},
        },
    }  # fmt: skip
    fields = {
        "trial": {"type": "boolean"},
        "half_life": {"type": "quantity", "unit": "h", "range": [0, 2000]},
        "name": {"type": "text"},
        "ended": {"type": "date"},
    }
    drug = {"ask": "Drugs", "valid_for": "7 days", "fields": fields}
    criterion = {
        "id": "I01", "kind": "inclusion", "text": "washed out", "holds_when": {"washed": True}
    }  # fmt: skip
    parts = {
        "protocol": {"protocol": "p", "version": "1", "title": "P"},
        "facts": {"facts": facts, "records": {"drug": drug}},
        "eligibility": {"criteria": [criterion]},
    }
    contents = {f"{name}.json": json_text(value).encode() for name, value in parts.items()}
    return protocol_of(contents, "pack")


@contextmanager
def screening(protocol: Protocol) -> Iterator[Any]:
    with Screener(protocol) as screener:

        def decide(
            *entries: Any, day_1: str | None = "2026-12-10", as_of: date = AS_OF, said: str = ""
        ) -> Decision:
            listed = {"complete_on": said or as_of.isoformat(), "entries": list(entries)}
            if said == "never":
                del listed["complete_on"]
            recorded = {"subject": "S", "facts": {"day_1": day_1}, "records": {"drug": listed}}
            subject = read_subject(json_text(recorded).encode(), "s.json", protocol)
            return checked_decision(screener.decide(subject, as_of))

        yield decide


def told(decision: Decision) -> tuple[str, str]:
    (criterion,) = decision["criteria"]
    open_ = "".join(f"{one['collect']} {one['reason']}" for one in criterion["missing"])
    return criterion["answer"], open_


def drug(ended: Any, hours: Any = 100, trial: Any = True) -> dict[str, Any]:
    entry = {"ended": ended, "half_life": hours, "trial": trial}
    return {key: value for key, value in entry.items() if value is not None}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], ("yes", "")),
        # 28 days: until 10 December from 12 November.
        ([drug("2026-11-12")], ("yes", "")),
        ([drug("2026-11-13")], ("no", "")),
        # Five times 144 hours are 30 days; of 144.1 hours they are 31, as days are whole.
        ([drug("2026-11-10", 144)], ("yes", "")),
        ([drug("2026-11-11", 144)], ("no", "")),
        ([drug("2026-11-10", Decimal("144.1"))], ("no", "")),
        # The half-life is not recorded: no is no, and yes is not yet.
        ([drug("2026-11-13", None)], ("no", "")),
        ([drug("2026-10-01", None)], ("unknown", "drug imprecise")),
        ([drug("2025-08-01", None)], ("yes", "")),  # the range goes to 2,000 hours
        # Under way, or without an end: never out by a day to come.
        ([drug("ongoing")], ("no", "")),
        ([drug(None)], ("unknown", "drug imprecise")),
        ([drug("2026-11-25")], ("unknown", "drug imprecise")),
        # Partial days.
        ([drug("2026-10")], ("yes", "")),
        ([drug("2026-11")], ("unknown", "drug imprecise")),
        # What may match, must be out too.
        ([drug("2026-11-15", trial=False)], ("yes", "")),
        ([drug("2026-11-15", trial=None)], ("unknown", "drug imprecise")),
        ([drug("2026-10-15", trial=None)], ("yes", "")),
        ([drug("2026-10-15"), drug("2026-11-15")], ("no", "")),
    ],
)
def test_every_entry_must_be_out(entries: Any, expected: tuple[str, str]) -> None:
    with screening(pack()) as decide:
        assert told(decide(*entries)) == expected


def test_an_unconfirmed_list_proves_only_what_is_on_it() -> None:
    with screening(pack()) as decide:
        open_ = ("unknown", "drug history_not_confirmed")
        assert told(decide(said="never")) == open_
        assert told(decide(drug("2026-10-01"), said="never")) == open_
        assert told(decide(drug("2026-11-19"), said="never")) == ("no", "")
        assert told(decide(drug("2026-10-01"), said="2026-11-01")) == open_


def test_an_unknown_day_is_asked_for_unless_nothing_was_taken() -> None:
    with screening(pack()) as decide:
        assert told(decide(drug("2026-10-01"), day_1=None)) == ("unknown", "day_1 no_anchor")
        assert told(decide(drug("2026-10-01"), day_1="never")) == ("unknown", "day_1 no_anchor")
        assert told(decide(day_1=None)) == ("yes", "")
        assert told(decide(drug("2026-11-01"), day_1="2026-12")) == ("yes", "")
        assert told(decide(drug("2026-11-12"), day_1="2026-12")) == ("unknown", "drug imprecise")


def test_shorter_is_settled_by_what_is_over() -> None:
    with screening(pack(BY_DAY_1 | {"whichever": "shorter"})) as decide:
        assert told(decide(drug("2026-11-12", None))) == ("yes", "")
        assert told(decide(drug("2026-11-19", 96))) == ("yes", "")  # 20 days, of 21
        assert told(decide(drug("2026-11-19", 104))) == ("no", "")
        assert told(decide(drug("2026-11-19", None))) == ("unknown", "drug imprecise")


def test_without_a_day_it_is_today_that_counts_and_the_day_to_look_again_is_told() -> None:
    today = {key: value for key, value in BY_DAY_1.items() if key != "before"}
    with screening(pack(today | {"list": "drug"})) as decide:
        decision = decide(drug("2026-11-01"))
        assert told(decision) == ("no", "")
        assert decision["look_again"] is not None
        assert decision["look_again"]["on"] <= "2026-11-29"
        assert told(decide(drug("2026-11-01"), as_of=date(2026, 11, 28))) == ("no", "")
        assert told(decide(drug("2026-11-01"), as_of=date(2026, 11, 29))) == ("yes", "")
        assert told(decide(drug("ongoing"))) == ("no", "")


def test_months_end_on_two_days_where_a_month_lacks_the_day() -> None:
    month = {"list": "drug", "for": "1 month", "before": "day_1"}
    with screening(pack(month)) as decide:
        day = {"as_of": date(2027, 2, 1)}
        assert told(decide(drug("2027-01-31"), day_1="2027-02-27", **day))[0] == "no"
        assert told(decide(drug("2027-01-31"), day_1="2027-02-28", **day))[0] == "unknown"
        assert told(decide(drug("2027-01-31"), day_1="2027-03-01", **day))[0] == "yes"


def test_a_report_says_what_it_follows_from() -> None:
    with screening(pack()) as decide:
        why = decide(drug("2026-11-13"))["criteria"][0]["why"]
        assert why["reading"]["entries"] == ["records.drug.entries[0]", "facts.day_1"]
        assert why["reading"]["follows_from"][0] == "Day 1: 2026-12-10"
        assert "ended: 2026-11-13" in why["reading"]["follows_from"][-1]
        assert decide()["criteria"][0]["why"]["reading"]["entries"] == ["records.drug"]


def test_a_form_asks_for_every_field_that_it_reads() -> None:
    assert asked_only_when(pack(), "drug") == {}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"whichever": None}, "of several lengths, `whichever` says which counts; of one, nothing"),
        ({"for": "28 days"}, "of several lengths, `whichever` says which counts; of one, nothing"),
        ({"for": []}, "no length of time stands here"),
        ({"for": None}, "`for` is missing here"),
        ({"list": "drugs"}, "there is no record list `drugs`"),
        ({"list": "drug.name"}, "`drug.name` does not say which date is the end"),
        ({"for": ["28 days", {"field": "name"}]},
         "the field `name` is no length of time in days, weeks or hours"),
        ({"for": ["28 days", {"field": "half"}]}, "`drug` has no field `half`"),
        ({"for": ["28 days", {"field": "half_life", "times": 0}]},
         "how many times the field: above zero"),
        ({"before": "day_2"}, "there is no fact `day_2`"),
        ({"after": "day_1"}, "`after` is not a key here"),
    ],
)  # fmt: skip
def test_slips_are_faults(change: dict[str, Any], fault: str) -> None:
    said = {key: value for key, value in (BY_DAY_1 | change).items() if value is not None}
    with pytest.raises(InputRejected) as rejected:
        pack(said)
    assert fault in [one.message for one in rejected.value.faults]
