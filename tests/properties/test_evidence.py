"""What a record cites: those that give a reading, all of them and no other (SEMANTICS 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.decide.decision import Screener
from engine.record.shape import Why
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from tests import build
from tests.generators import LONG, Screening, screenings
from tests.properties.test_recorded import statements

TODAY = date(2026, 11, 20)
OTHER_DAY = m.Days(date(1950, 1, 1), date(1950, 1, 1))
FROM_LISTS = (m.LatestOf, m.EarliestOf, m.Exists, m.Count, m.Distinct, m.OfSeveral, m.Stable)


def only(subject: m.Subject, records: str, entries: tuple[m.Entry, ...], rests: bool) -> m.Subject:
    """The subject with some of a list's entries alone, and its confirmation if that is cited.

    A regimen is cited by its place, for all of its components.
    """
    listed = subject.records.get(records)
    if listed is None:
        return subject
    places = {entry.entry for entry in entries}
    stated = tuple(entry for entry in listed.entries if entry.entry in places)
    kept = replace(listed, entries=stated, complete_on=listed.complete_on if rests else None)
    return replace(subject, records={**subject.records, records: kept})


def ends(
    protocol: m.Protocol, subject: m.Subject, as_of: date, name: str
) -> tuple[int | None, int | None, m.Reason | None]:
    """A reading by the other derivation."""
    one = reference.readings(protocol, subject, as_of)[name]
    return one.low, one.high, one.reason


def holds_of_lists(protocol: m.Protocol, subject: m.Subject, as_of: date) -> int:
    """The entries that a reading from a list cites give it, together and no fewer."""
    found = find_readings(protocol, subject, as_of)
    several = 0
    for name, one in found.items():
        derive = protocol.facts[name].derive
        if not isinstance(derive, FROM_LISTS):
            continue
        whole = ends(protocol, subject, as_of, name)
        alone = only(subject, derive.records, one.entries, one.rests)
        told = ends(protocol, alone, as_of, name)
        assert whole[:2] == told[:2], f"{name}: what is cited gives another reading"
        for number in range(len(one.entries)):
            fewer = (*one.entries[:number], *one.entries[number + 1 :])
            less = ends(protocol, only(subject, derive.records, fewer, one.rests), as_of, name)
            assert whole[:2] != less[:2], f"{name}: one of the cited is to spare"
        several += len(one.entries) > 1
    return several


def holds_of_statements(protocol: m.Protocol, subject: m.Subject, as_of: date) -> None:
    """The statements that a known reading cites give it; with one of them unknown (of what
    never changes, another) it is not known, and with one that is not cited it is the same."""
    found = find_readings(protocol, subject, as_of)
    for name, stated in subject.facts.items():
        if protocol.facts[name].type == "text" or len(stated) < 2:
            continue
        one = found[name]
        if one.reading.low is None:
            continue
        whole = ends(protocol, subject, as_of, name)
        alone = replace(subject, facts={**subject.facts, name: one.statements})
        assert whole == ends(protocol, alone, as_of, name)
        for number, statement in enumerate(stated):
            cited = any(statement is kept for kept in one.statements)
            doubt = replace(statement, value=None, unknown="pending")
            if protocol.facts[name].changes == "never":
                if protocol.facts[name].type != "date" or not cited:
                    continue
                doubt = replace(statement, value=OTHER_DAY, unknown=None)
            other = (*stated[:number], doubt, *stated[number + 1 :])
            changed = replace(subject, facts={**subject.facts, name: other})
            if cited:
                now = ends(protocol, changed, as_of, name)
                assert now[0] is None or (now != whole and doubt.unknown is None)
            elif statement.first is None or statement.first <= as_of:
                assert ends(protocol, changed, as_of, name) == whole


@given(screenings())
def test_what_is_cited_together_and_no_fewer_gives_the_reading(one: Screening) -> None:
    holds_of_lists(one.case.protocol, one.subject(), one.as_of)
    holds_of_statements(one.case.protocol, one.subject(), one.as_of)


@given(screenings())
def test_a_subject_holds_every_value_and_entry_of_its_file(one: Screening) -> None:
    """What the reader loses is lost to both derivations alike."""
    subject = one.subject()
    stated = Counter(name for name, _ in statements(deepcopy(one.recorded)))
    read = Counter(
        name
        for name, several in subject.facts.items()
        for each in several
        if each.value is not None and not each.voided
    )
    assert read == stated
    for name, listed in one.recorded["records"].items():
        places = {entry.entry for entry in subject.records[name].entries} if listed else set()
        assert len(places) == len((listed or {}).get("entries") or ())


# --- lists and statements that crowd together ---------------------------------------------

WHERE = (m.Where("kind", ("a",)),)
CROWDED = build.pack(
    facts=[
        build.fact("first", "date", derive=m.EarliestOf("therapy", "ended", WHERE)),
        build.fact("first_of_all", "date", derive=m.EarliestOf("therapy", "ended", ())),
        build.fact("last", "date", derive=m.LatestOf("therapy", "ended", WHERE)),
        build.fact("last_of_all", "date", derive=m.LatestOf("therapy", "ended", ())),
        build.fact("any", "boolean", derive=m.Exists("therapy", WHERE)),
        build.fact("number", "quantity", unit="1", derive=m.Count("therapy", WHERE)),
        build.fact("lab", "quantity", valid_for=build.duration("30 days")),
        build.fact("weight", "quantity"),
        build.fact("seen", "date"),
        build.fact("born", "date", changes="never"),
        build.fact("flag", "boolean"),
    ],
    criteria=[
        build.criterion("I01", m.EverTest("first", True)),
        build.criterion("I02", m.EverTest("last", True)),
        build.criterion("I03", m.BooleanTest("any", True)),
        build.criterion("I04", m.LimitTest("number", "at_least", 2 * m.MILLION)),
    ],
    records=[
        build.record_list(
            "therapy",
            m.Field("kind", "kind", "choice", choices=build.choices("a", "b")),
            m.Field("ended", "ended", "date"),
            valid_for="7 days",
        )
    ],
)
NEAR = ["2026-11-20", "2026-11-19", "2026-11-18", "2026-11-10", "2026-10-31", "2026-10-01"]
DAYS = [*NEAR, "2026-11", "2026-10", "2026", "2025", "2026-12-01", "2026-12"]
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["a", "a", "a", "b", None]),
        st.sampled_from([*DAYS, "ongoing", "ongoing", None, None]),
        st.booleans(),
    ),
    max_size=6,
)


def entries(listed: list[tuple[str | None, str | None, bool]]) -> tuple[m.Entry, ...]:
    made = []
    for number, (kind, ended, voided) in enumerate(listed):
        values: dict[str, m.Recorded] = {"kind": kind} if kind else {}
        if ended is not None:
            values["ended"] = ended if ended == "ongoing" else build.days(ended)
        place = f"records.therapy.entries[{number}]"
        made.append(m.Entry(place, {} if voided else values, voided=voided))
    return tuple(made)


@given(ENTRIES, st.sampled_from([None, "2026-11-20", "2026-11-15", "2026-11-01"]))
@settings(max_examples=20_000 if LONG else 400)
def test_of_a_crowded_list_no_fewer_are_cited(
    listed: list[tuple[str | None, str | None, bool]], complete_on: str | None
) -> None:
    confirmed = m.Entries(build.on(complete_on), entries(listed))
    holds_of_lists(CROWDED, m.Subject("S", {}, {"therapy": confirmed}), TODAY)


STATEMENTS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from([*DAYS, None, None]),
        st.booleans(),
        st.sampled_from([None, None, None, "pending", "not_done"]),
        st.booleans(),
    ),
    min_size=2,
    max_size=4,
)


@given(STATEMENTS, st.sampled_from(["lab", "weight", "seen", "born", "flag"]))
@settings(max_examples=20_000 if LONG else 400)
def test_of_crowded_statements_each_that_is_cited_decides(
    stated: list[tuple[int, str | None, bool, m.SaidUnknown | None, bool]], name: str
) -> None:
    values: dict[str, list[m.Recorded]] = {
        "lab": [build.amount(text) for text in ("1", "2", "<2")],
        "weight": [build.amount(text) for text in ("1", "1", "2")],
        "seen": [build.days("2026-01-02"), build.days("2026-01"), "never"],
        "born": [build.days("2017-03-02"), build.days("2017-03"), build.days("2017")],
        "flag": [True, True, False],
    }
    made = []
    for number, (which, day, not_after, unknown, voided) in enumerate(stated):
        until = day if not_after and day in NEAR else None
        value = None if unknown else values[name][which - 1]
        one = build.said(value, None if until else day, until, unknown)
        made.append(replace(one, entry=f"facts.{name}[{number}]", voided=voided and which == 3))
    holds_of_statements(CROWDED, m.Subject("S", {name: tuple(made)}, {}), TODAY)


# --- what the record says -----------------------------------------------------------------


def leaves(why: Why) -> Iterator[Why]:
    if "children" in why:
        for child in why["children"]:
            yield from leaves(child)
    else:
        yield why


@given(ENTRIES, st.sampled_from([None, "2026-11-20"]))
@settings(max_examples=2_000 if LONG else 60, deadline=None)
def test_the_record_names_the_places_that_are_cited(
    listed: list[tuple[str | None, str | None, bool]], complete_on: str | None
) -> None:
    confirmed = m.Entries(build.on(complete_on), entries(listed), "Dr A", "chart")
    subject = m.Subject("S", {}, {"therapy": confirmed})
    found = find_readings(CROWDED, subject, TODAY)
    for criterion in SCREENER.decide(subject, TODAY)["criteria"]:
        for leaf in leaves(criterion["why"]):
            record = leaf["reading"]
            one = found[record["fact"]]
            cited = [entry.entry for entry in one.entries]
            rests = ["records.therapy"] if one.until is not None else []
            assert record.get("entries", []) == [*rests, *cited]
            if cited:
                assert record["entry"] == cited[0] and "on" not in record
            elif rests:
                assert record["entry"] == "records.therapy"
                said = (record["on"], record["by"], record["source"])
                assert said == (complete_on, "Dr A", "chart")
            under_way = [e.values.get("ended") == "ongoing" for e in one.entries[:1]]
            latest = isinstance(CROWDED.facts[record["fact"]].derive, m.LatestOf)
            assert (record.get("note") == "under way") == (latest and under_way == [True])


SCREENER = Screener(CROWDED)


def test_of_two_on_one_day_the_one_under_way_is_cited() -> None:
    listed = entries([("a", "2026-11-20", False), ("a", "ongoing", False), ("a", None, False)])
    subject = m.Subject("S", {}, {"therapy": m.Entries(TODAY, listed)})
    found = find_readings(CROWDED, subject, TODAY)
    assert found["last"].entries == (listed[1],)
    # The confirmation is not cited: without it, an earlier one may not be recorded anyway.
    assert found["first"].entries == (listed[0],) and not found["first"].rests
