"""What recording more, less, in another order or another unit can do to a decision.

One test for each invariant of SEMANTICS section 8 that is about a subject. The subjects are
varied from ones that pass, so that what may not weaken has something to weaken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import date
from decimal import Decimal
from math import ceil, floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.record.shape import Decision
from engine.reference import evaluator as reference
from engine.reference import measures
from engine.terms.agents import contradicted, named_in
from engine.terms.units import conversion, months_each, stated_in
from tests.generators import (
    KNOWN_FIELDS,
    LONG,
    Choices,
    Plain,
    Screening,
    Seeded,
    Targets,
    amount,
    fits,
    screenings,
    subject_in,
    turned,
    typical_subject,
    units_of,
)

SEEDS = st.integers(0, 2**32)


def answers(decision: Decision) -> dict[str, m.Answer]:
    return {criterion["id"]: criterion["answer"] for criterion in decision["criteria"]}


def statuses(decision: Decision) -> dict[str, m.Status]:
    return {criterion["id"]: criterion["status"] for criterion in decision["criteria"]}


def statements(recorded: Plain) -> Iterator[tuple[str, Plain]]:
    """Every statement with a value that counts, as a mapping that may be changed in place."""
    for name, value in recorded["facts"].items():
        many = value if isinstance(value, list) else [value]
        whole = [one if isinstance(one, dict) else {"value": one} for one in many]
        recorded["facts"][name] = whole
        for one in whole:
            if one.get("value") not in (None, "") and not one.get("voided"):
                yield name, one


# --- verdicts -------------------------------------------------------------------------


@given(screenings())
def test_there_is_one_answer_per_criterion(one: Screening) -> None:
    decision = one.decision()
    criteria = one.case.protocol.criteria
    assert [found["id"] for found in decision["criteria"]] == [c.id for c in criteria]
    for criterion in decision["criteria"]:
        said = f"criterion {criterion['id']}: answer "
        fired = [f["concluded"] for f in decision["firings"] if said in f["concluded"]]
        assert len(fired) == 1
        assert fired[0].endswith(f"{said}{criterion['answer']}, {criterion['status']}")


@given(screenings())
def test_eligible_only_if_every_criterion_passed(one: Screening) -> None:
    decision = one.decision()
    for criterion in decision["criteria"]:
        good = {"inclusion": "yes", "exclusion": "no"}[criterion["kind"]]
        passed = criterion["answer"] == good
        assert (criterion["status"] == "passed") == passed
        assert (criterion["status"] == "open") == (criterion["answer"] == "unknown")
    found = set(statuses(decision).values())
    assert (decision["verdict"] == "eligible") == (found == {"passed"})
    assert (decision["verdict"] == "ineligible") == ("failed" in found)


@given(screenings())
def test_unknown_never_yields_eligible(one: Screening) -> None:
    decision = one.decision()
    assert (decision["verdict"] == "undetermined") == (
        "unknown" in answers(decision).values() and "failed" not in statuses(decision).values()
    )
    if "unknown" in answers(decision).values():
        assert decision["verdict"] != "eligible"


# --- recording less -------------------------------------------------------------------


def assert_only_weaker(before: Decision, after: Decision) -> None:
    """Answers may have become unknown; none is new, so nobody has become eligible."""
    was, is_ = answers(before), answers(after)
    assert all(is_[id_] in (was[id_], "unknown") for id_ in was), (was, is_)
    if after["verdict"] == "eligible":
        assert before["verdict"] == "eligible"


@given(screenings(), SEEDS)
def test_replacing_all_values_of_a_fact_by_unknown_never_makes_anyone_eligible(
    one: Screening, seed: int
) -> None:
    before, c = one.decision(), Seeded(seed)
    for name in one.recorded["facts"]:
        said: list[Plain] = []
        for _ in range(c.whole(1, 2)):
            day = one.as_of.toordinal() + c.of([0, -1, -30, -4000, 1])
            on = {"on": date.fromordinal(day).isoformat()} if c.chance(60) else {}
            said.append({"unknown": c.of(["pending", "not_done"]), **on})
        facts = {**one.recorded["facts"], name: said}
        assert_only_weaker(before, one.changed({**one.recorded, "facts": facts}).decision())


@given(screenings())
def test_removing_all_values_of_a_fact_never_makes_anyone_eligible(one: Screening) -> None:
    before = one.decision()
    for name in one.recorded["facts"]:
        facts = {key: value for key, value in one.recorded["facts"].items() if key != name}
        assert_only_weaker(before, one.changed({**one.recorded, "facts": facts}).decision())


@given(screenings())
def test_recording_nothing_at_all_never_makes_anyone_eligible(one: Screening) -> None:
    """Not even a list that nobody confirmed: what it proves, it proves of everybody."""
    nothing = one.changed({"subject": "nobody"})
    assert_only_weaker(one.decision(), nothing.decision())
    for name, reading in nothing.readings().items():
        if one.case.protocol.facts[name].derive is None:
            assert (reading.low, reading.reason) == (None, "not_recorded")


@given(screenings())
def test_removing_a_lists_confirmation_never_makes_anyone_eligible(one: Screening) -> None:
    before = one.decision()
    for name, listed in one.recorded["records"].items():
        if listed is None:
            continue
        open_ = {key: value for key, value in listed.items() if key != "complete_on"}
        for left in (open_, None):
            records = {**one.recorded["records"], name: left}
            assert_only_weaker(before, one.changed({**one.recorded, "records": records}).decision())


# --- order and repetition -------------------------------------------------------------


def shuffled(c: Choices, value: Any) -> Any:
    """The same value with the keys of its mappings and the items of its lists moved."""
    if isinstance(value, dict):
        return {key: shuffled(c, value[key]) for key in c.shuffled(list(value))}
    return [shuffled(c, item) for item in c.shuffled(value)] if isinstance(value, list) else value


@given(screenings(), SEEDS)
def test_the_order_of_what_is_recorded_does_not_matter(one: Screening, seed: int) -> None:
    other = one.changed(shuffled(Seeded(seed), one.recorded))
    assert other.readings() == one.readings()
    assert statuses(other.decision()) == statuses(one.decision())


@given(screenings(), SEEDS)
def test_repeating_a_value_of_a_fact_does_not_matter(one: Screening, seed: int) -> None:
    c = Seeded(seed)
    facts = {}
    for name, value in one.recorded["facts"].items():
        many = value if isinstance(value, list) else [value]
        again = [item for item in many for _ in range(c.whole(1, 3))]
        facts[name] = c.shuffled(again)
    other = one.changed({**one.recorded, "facts": facts})
    assert other.readings() == one.readings()
    assert statuses(other.decision()) == statuses(one.decision())


# --- recording more -------------------------------------------------------------------


@given(screenings(shares=(45, 30, 60, 100)), SEEDS)
@settings(max_examples=20_000 if LONG else 300)
def test_a_value_inside_a_readings_interval_never_contradicts_a_decided_answer(
    one: Screening, seed: int
) -> None:
    before, c = one.decision(), Seeded(seed)
    other = one.changed(completed(c, one))
    was, now = one.readings(), other.readings()
    late = "unknown" if any(r.reason == "conflicting" for r in now.values()) else ""
    for name, reading in was.items():
        after = now[name]
        if reading.low is None or reading.high is None:
            continue
        # Completing made the interval narrower and left it inside the old one...
        if after.low is None or after.high is None:
            assert late
            continue
        assert reading.low <= after.low <= after.high <= reading.high
    decided = {id_: answer for id_, answer in answers(before).items() if answer != "unknown"}
    # ...so what was decided still is. (Two vague values of a day may have become a conflict.)
    after_all = answers(other.decision())
    assert all(after_all[id_] in (answer, late) for id_, answer in decided.items())


def completed(c: Choices, one: Screening) -> Plain:
    """The same person, better known: vague values precise, gaps filled, lists completed."""
    recorded = deepcopy(one.recorded)
    protocol = one.case.protocol
    known = one.readings()
    points: dict[tuple[str, str, str], Any] = {}
    for name, said in statements(recorded):
        fact = protocol.facts[name]
        key = (name, str(said["value"]), str(said.get("unit")))
        if key not in points:  # a value that stands there twice is still one value
            points[key] = _inside(c, one, fact, said)
        said["value"] = points[key]
    full = typical_subject(c, one.case.targets, one.as_of)
    for name, value in full["facts"].items():
        if name in known and known[name].low is None and c.chance(50):
            recorded["facts"][name] = value
    for name, listed in full["records"].items():
        mine = recorded["records"].get(name) or {"entries": []}
        record = protocol.records[name]
        for entry in mine.get("entries", []):
            if not entry.get("voided"):
                _complete_entry(c, one.case.targets, record, entry, one.as_of)
        subject = subject_in(recorded, protocol)
        if not _confirmed(record, subject.records.get(name), one.as_of):
            mine = {"complete_on": listed["complete_on"], "entries": list(mine.get("entries", []))}
            mine["entries"] += listed["entries"][: c.whole(0, 2)]
        recorded["records"][name] = mine
    return recorded


def _confirmed(record: m.RecordList, listed: m.Entries | None, as_of: date) -> bool:
    if listed is None or listed.complete_on is None:
        return False
    first, last = listed.complete_on.toordinal(), as_of.toordinal()
    return first <= last <= measures.later(first, record.valid_for)[0]


def _inside(c: Choices, one: Screening, fact: m.Fact, said: Plain) -> Any:
    """A precise value of those that a vague one stands for, as SEMANTICS 2 and 3 have it.

    A censored result is read in the declared unit: a value whose rounding would carry it over
    the bound there is not one of its points.
    """
    text = str(said["value"])
    if fact.type == "date":
        return _some_day(c, text, one.as_of)
    sign = text[: len(text) - len(text.lstrip("<>="))]
    if fact.type != "quantity" or not sign:
        return said["value"]
    unit, up = str(said.get("unit", fact.unit)), sign[0] == ">"
    bound = round(Decimal(text[len(sign) :]).scaleb(6))
    if months_each(unit, fact.unit):  # no factor: any number of the interval will do
        return said["value"]
    factor, offset = conversion(unit, fact.unit, fact.molar_mass, fact.also_in)
    outward = (floor if up else ceil) if stated_in(unit, fact.also_in) else round
    edge = bound * factor + offset * m.MILLION
    aside = 1 if len(sign) == 1 and edge.denominator == 1 else 0
    steps = (0, 1, 2, 50, 1_000, 10**6, 10**8, abs(bound), 10**12)
    inside = []
    for number in (bound + step if up else bound - step for step in steps[len(sign) == 1 :]):
        exact = number * factor + offset * m.MILLION
        # A ratio to a limit beside the result is exact, and would see what rounding hides.
        read = exact if "uln" in said else outward(exact)
        beyond = read - outward(edge) if up else outward(edge) - read
        if beyond >= aside and fits(fact, number, unit):
            inside.append(amount(number))
    # The nearest to the bound first: that is where a limit may lie between.
    return c.of([*inside[:1] * 3, *inside]) if inside else said["value"]


def _some_day(c: Choices, text: str, as_of: date) -> str:
    """A full date of those that a partial one could be, up to the as-of date."""
    if len(text) not in (4, 7):
        return text
    first = date.fromisoformat(f"{text}-01-01"[:10])
    months = 1 if len(text) == 7 else 12
    last = measures.later(first.toordinal(), m.Duration(0, months))[0] - 1
    if first <= as_of:
        last = min(last, as_of.toordinal())
    return date.fromordinal(c.whole(first.toordinal(), last)).isoformat()


def _complete_entry(
    c: Choices, targets: Targets, record: m.RecordList, entry: Plain, as_of: date
) -> None:
    today = as_of.toordinal()
    implied = _implied(c, record, entry)
    for name, one in record.fields.items():
        value, asked = entry.get(name), targets.asked.get((record.name, name), [])
        blank = value is None or value == ""
        if one.type == "date" and not blank and value != "ongoing":
            entry[name] = _some_day(c, str(value), as_of)
        elif blank and c.chance(70):
            if one.type == "date":
                day = date.fromordinal(today - c.of([0, 1, 3, 7, 14, 30, 400]))
                entry[name] = c.of(["ongoing", day.isoformat(), day.isoformat()])
            elif implied is not None and name in KNOWN_FIELDS:
                if name in implied:
                    entry[name] = list(implied[name]) if one.many else implied[name][0]
            elif asked and c.chance(70) and one.type != "text":
                wanted = c.of(asked)
                entry[name] = amount(wanted) if one.type == "quantity" else wanted
            elif one.type == "choice":
                entry[name] = c.of(one.choices).code
            elif one.type == "boolean":
                entry[name] = c.chance(50)
            else:
                entry[name] = c.of(["delta", "epsilon"]) if one.type == "text" else Decimal(5)
        elif isinstance(value, str) and one.type == "quantity" and value[:1] in ("<", ">"):
            sign = value.rstrip("0123456789.")
            number = Decimal(value[len(sign) :])
            step = Decimal(0) if "=" in sign and c.chance(50) else Decimal("0.000001")
            entry[name] = number - step if "<" in sign else number + step


def _implied(
    c: Choices, record: m.RecordList, entry: Plain
) -> Mapping[str, tuple[str, ...]] | None:
    """What a name that an entry holds would have said of its other fields; None where it holds
    none, or contradicts what it holds."""
    text = entry.get(record.known_by)
    names, exact = named_in(record, text) if isinstance(text, str) else ((), False)
    stated = {
        name: tuple(str(code or "") for code in (value if isinstance(value, list) else [value]))
        for name, value in entry.items()
        if name in KNOWN_FIELDS and value
    }
    uses = [use for name in names for use in record.known[name].uses]
    agreeing = [use for use in uses if not any(contradicted(use, stated))]
    if exact and len(names) > 1:
        return {}
    return c.of(agreeing) if agreeing else None


# --- units ----------------------------------------------------------------------------


@given(screenings(), SEEDS)
def test_the_unit_of_record_does_not_matter_where_conversion_is_exact(
    one: Screening, seed: int
) -> None:
    c, recorded = Seeded(seed), deepcopy(one.recorded)
    for name, said in statements(recorded):
        fact = one.case.protocol.facts[name]
        if fact.type == "quantity":
            said |= _elsewhere_exactly(c, fact, said)
    other = one.changed(recorded)
    assert other.readings() == one.readings()
    assert answers(other.decision()) == answers(one.decision())


def _elsewhere_exactly(c: Choices, fact: m.Fact, said: Plain) -> Mapping[str, Any]:
    """The same result in another unit; nothing where a millionth of it would be lost.

    The ratio of two temperatures depends on where their scale begins, so no test may ask for
    it: a result with a limit of normal beside it moves only between units in proportion.
    """
    text, unit = str(said["value"]), str(said.get("unit", fact.unit))
    sign = text.rstrip("0123456789.eE+-")
    to = c.of(units_of(fact))
    if months_each(unit, fact.unit) or months_each(to, fact.unit):
        return {}
    factor, offset = turned(unit, to, fact.molar_mass, fact.also_in)
    moved: dict[str, Any] = {"unit": to}
    for key, number in (("value", text[len(sign) :]), ("uln", said.get("uln"))):
        if number is None:
            continue
        exact = round(Decimal(str(number)).scaleb(6)) * factor + offset * m.MILLION
        into, zero = conversion(to, fact.unit, fact.molar_mass, fact.also_in)
        lands = exact * into + zero * m.MILLION  # a result that cannot be read back is no test
        if exact.denominator != 1 or lands.denominator != 1 or not fits(fact, int(exact), to):
            return {}
        if key == "uln" and (offset or exact <= 0):
            return {}
        moved[key] = amount(int(exact))
    if sign:
        moved["value"] = f"{sign}{moved['value']:f}"
    return moved


# --- time -----------------------------------------------------------------------------


@given(screenings(), SEEDS)
def test_the_verdict_stands_until_the_day_to_look_again(one: Screening, seed: int) -> None:
    decision, c = one.decision(), Seeded(seed)
    again = decision["look_again"]
    today = one.as_of.toordinal()
    last = date.fromisoformat(again["on"]).toordinal() - 1 if again else today + 40_000
    days = {last, min(last, today + 1), *(c.whole(today, last) for _ in range(6))}
    days |= {min(last, today + step) for step in (7, 14, 28, 30, 31, 365)}
    protocol, subject = one.case.protocol, one.subject()
    for day in sorted(days):
        as_of = date.fromordinal(day)
        found = reference.readings(protocol, subject, as_of)
        truths = reference.truths(protocol, found, as_of)
        status = reference.statuses(protocol, reference.answers(protocol, truths))
        assert reference.verdict(status) == decision["verdict"], as_of.isoformat()
