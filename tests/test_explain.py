"""What a record says about time is true: screened day by day, nothing changes earlier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.record.checked import checked_decision
from engine.record.shape import Decision, Why, dump
from engine.reference import evaluator as reference
from engine.terms import Protocol, Subject, Truth
from engine.terms.faults import InputRejected

AS_OF = date(2026, 11, 20)
DAYS = 200
FILES = sorted(Path("fixtures/subjects").iterdir())
PROTOCOL = read_pack(shipped_pack())


@pytest.fixture(scope="module")
def screener() -> Iterator[Screener]:
    with Screener(PROTOCOL) as made:
        yield made


def leaves(why: Why) -> Iterator[Why]:
    if "reading" in why:
        yield why
    for child in why["children"]:
        yield from leaves(child)


def truths_on(protocol: Protocol, subject: Subject, day: date) -> dict[str, Truth]:
    return reference.truths(protocol, reference.readings(protocol, subject, day), day)


def verdict_of(protocol: Protocol, truths: dict[str, Truth]) -> str:
    answers = reference.answers(protocol, truths)
    return reference.verdict(reference.statuses(protocol, answers))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_nothing_changes_before_the_day_that_the_record_names(
    screener: Screener, file: Path
) -> None:
    subject = read_subject(file.read_bytes(), file.name, PROTOCOL)
    decision = screener.decide(subject, AS_OF)
    named = {
        leaf["node"]: (leaf["truth"], leaf.get("changes_on"))
        for criterion in decision["criteria"]
        for leaf in leaves(criterion["why"])
    }
    changed: dict[str, str] = {}
    turned = None
    for step in range(1, DAYS):
        day = AS_OF + timedelta(days=step)
        truths = truths_on(screener.protocol, subject, day)
        for node, (truth, _) in named.items():
            if truths[node] != truth:
                changed.setdefault(node, day.isoformat())
        if turned is None and verdict_of(screener.protocol, truths) != decision["verdict"]:
            turned = day.isoformat()
    late = {n: (d, named[n][1]) for n, d in changed.items() if (named[n][1] or "9999") > d}
    assert late == {}
    again = decision["look_again"]
    assert turned is None or (again is not None and again["on"] <= turned)


def one(screener: Screener, name: str) -> tuple[Decision, Subject]:
    (file,) = [f for f in FILES if name in f.name]
    subject = read_subject(file.read_bytes(), file.name, PROTOCOL)
    return screener.decide(subject, AS_OF), subject


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("CAR-028", "2026-11-21"),  # the washout ends
        ("CAR-021", None),  # 19 years old: for good
        ("CAR-039", None),  # prior anti-CD19 therapy: for good
        ("CAR-004", "2026-11-21"),  # eligible until the birthday
        ("CAR-051", "2026-11-21"),  # consent is dated tomorrow
        ("CAR-070", None),  # nothing is recorded
    ],
)
def test_look_again_names_the_day(screener: Screener, name: str, again: str | None) -> None:
    decision, subject = one(screener, name)
    found = decision["look_again"]
    assert (found and found["on"]) == again
    if found and again:
        assert found["because"]
        later = screener.decide(subject, date.fromisoformat(again))
        assert later["verdict"] != decision["verdict"]


def test_a_leaf_says_what_was_compared_and_when_it_turns(screener: Screener) -> None:
    decision, _ = one(screener, "CAR-028")
    (criterion,) = [c for c in decision["criteria"] if c["id"] == "I06"]
    chemotherapy = criterion["why"]["children"][0]
    assert chemotherapy["says"] == (
        "Last chemotherapy: 2026-11-14. Asked: at least 7 days ago. This does not hold."
        " Satisfied from 2026-11-21."
    )
    assert chemotherapy["changes_on"] == "2026-11-21"
    assert chemotherapy["reading"]["entry"].startswith("records.therapy.entries[")


def test_missing_stands_on_open_criteria_only(screener: Screener) -> None:
    for name in ("CAR-058", "CAR-047", "CAR-001", "CAR-070"):
        decision, _ = one(screener, name)
        for criterion in decision["criteria"]:
            assert bool(criterion["missing"]) == (criterion["status"] == "open")


def decided_on(facts: str, recorded: str, condition: str, as_of: date) -> Why:
    """The one leaf of a pack with one criterion."""
    pack = {
        "protocol.yaml": b'{protocol: small, version: "1", title: Small}',
        "facts.yaml": f"facts: {{{facts}}}".encode(),
        "eligibility.yaml": f"criteria: [{{id: I01, kind: inclusion, text: T,"
        f" holds_when: {{{condition}}}}}]".encode(),
    }
    small = protocol_of(pack, "small")
    subject = read_subject(f"{{subject: S, facts: {{{recorded}}}}}".encode(), "s.yaml", small)
    with Screener(small) as made:
        return made.decide(subject, as_of)["criteria"][0]["why"]


def test_a_window_of_any_length_opens_when_its_day_comes() -> None:
    day = "seen: {ask: Seen, type: date, changes: never}"
    why = decided_on(
        day, "seen: 2027-01-03", "seen: {less_than_ago: 99999 years}", date(2027, 1, 1)
    )
    assert (why["truth"], why["changes_on"]) == ("false", "2027-01-03")


def test_a_partial_date_on_its_first_day_is_not_taken_for_that_day() -> None:
    """It is a point today, and may have been any day by tomorrow."""
    day = "seen: {ask: Seen, type: date, changes: never}"
    why = decided_on(day, "seen: 2027-01", "seen: {at_least_ago: 7 days}", date(2027, 1, 1))
    assert (why["truth"], why["changes_on"]) == ("false", "2027-01-08")
    assert "Satisfied from" not in why["says"]
    gap = "gap: {ask: Gap, type: quantity, unit: d, derive: {days_between: {from: seen, to: seen}}}"
    why = decided_on(f"{day}, {gap}", "seen: 2027-01", "gap: {at_least: 3}", date(2027, 1, 1))
    assert why["truth"] == "false" and why["changes_on"] <= "2027-01-04"


# --- what a record says of doubt ----------------------------------------------------------

SMALL = {
    "protocol.yaml": b'{protocol: small, version: "1", title: Small}',
    "facts.yaml": b"""
facts:
  birth_date: {ask: Birth, type: date, changes: never}
  age:
    {ask: Age, type: quantity, unit: a, derive: {completed_years_since: birth_date}, range: [0, 10]}
  alt: {ask: ALT, type: quantity, unit: U/L, uln: 40, changes: never}
  ast: {ask: AST, type: quantity, unit: U/L, uln: 40, valid_for: 28 days}
  consent: {ask: Consent, type: boolean, attested_by: investigator, changes: never}
  cells: {ask: Cells, type: boolean, derive: {exists: therapy, where: {target: cd19}}}
records:
  therapy:
    ask: Therapy
    fields:
      target: {type: choice, choices: [cd19, cd22], many: true}
""",
    "eligibility.yaml": b"""
criteria:
  - {id: I01, kind: inclusion, text: Age, holds_when: {age: {at_least: 2}}}
  - {id: I02, kind: inclusion, text: Consent, holds_when: {consent: true}}
  - {id: E01, kind: exclusion, text: ALT, holds_when: {alt: {above_uln: 2}}}
  - {id: E02, kind: exclusion, text: Cells, holds_when: {cells: true}}
  - {id: E03, kind: exclusion, text: AST, holds_when: {ast: {above_uln: 2}}}
""",
}


def decided(recorded: str) -> Decision:
    small = protocol_of(SMALL, "small")
    subject = read_subject(f"{recorded}\n...\n".encode(), "s.yaml", small, AS_OF)
    with Screener(small) as made:
        return made.decide(subject, AS_OF)


def doubt(recorded: str, id: str) -> list[tuple[str, str]]:
    (found,) = [c for c in decided(recorded)["criteria"] if c["id"] == id]
    return [(one["reason"], one["detail"]) for one in found["missing"]]


def test_equal_values_with_other_limits_are_not_said_to_differ() -> None:
    other = "{value: 0.09, unit: U/mL, uln: 0.048, on: 2026-11-01}"
    said = f"{{subject: S, facts: {{alt: [{{value: 90, on: 2026-11-01}}, {other}]}}}}"
    limits = "the limits of normal beside the values of 2026-11-01 disagree"
    assert doubt(said, "E01") == [("conflicting", limits)]
    said = said.replace("0.09", "0.08")
    assert doubt(said, "E01")[0][1].startswith("the statements of 2026-11-01 disagree: 0.08 U/mL")


def test_an_undated_limit_that_differs_is_the_reason_though_the_values_are_alike() -> None:
    said = "{{subject: S, facts: {{ast: [{{value: 82, uln: {}}}, {{value: 82, on: 2026-11-01}}]}}}}"
    limits = "the limits of normal beside the values differ, and any may be the newest"
    assert doubt(said.format(44), "E03") == [("undated", limits)]
    assert doubt(said.format(39), "E03") == []


@pytest.mark.parametrize("by", ["-", "'?'", "...", '"\\u200b"', "_"])
def test_a_dash_is_nobody_s_name(by: str) -> None:
    (found,) = doubt(f"{{subject: S, facts: {{consent: {{value: true, by: {by}}}}}}}", "I02")
    assert found[0] == "not_attested"
    assert doubt("{subject: S, facts: {consent: {value: true, by: مریم}}}", "I02") == []


@pytest.mark.parametrize("blank", ["null", '""', '" "'])
def test_a_code_left_blank_may_be_any(blank: str) -> None:
    listed = "{{complete_on: 2026-11-20, entries: [{{target: {}}}]}}"
    said = f"{{{{subject: S, records: {{{{therapy: {listed}}}}}}}}}"
    assert doubt(said.format(f"[cd22, {blank}]"), "E02") == [
        ("imprecise", "entry 1 does not say: target")
    ]
    decision = decided(said.format(f"[cd19, {blank}]"))
    assert (decision["verdict"], decision["determined_by"]) == ("ineligible", ["E02"])


@pytest.mark.parametrize(("born", "fits"), [("2016-11-21", True), ("2015-11-20", False)])
def test_a_derived_amount_outside_its_range_is_a_slip(born: str, fits: bool) -> None:
    said = f"{{subject: S, facts: {{birth_date: {born}}}}}"
    if fits:
        assert decided(said)["verdict"] == "undetermined"
        return
    with pytest.raises(InputRejected) as rejected:
        decided(said)
    (fault,) = rejected.value.faults
    assert (fault.span.line, fault.code) == (1, "implausible")
    assert fault.message == (
        "`age` comes to `11 years` on 2026-11-20, outside the plausible range, 0 to 10 years"
    )


def test_what_nobody_confirmed_is_promised_no_day() -> None:
    """The latest entry is today's; whether there is a later one tomorrow nobody says."""
    pack = {
        "protocol.yaml": b'{protocol: small, version: "1", title: Small}',
        "facts.yaml": b"""
facts:
  last: {ask: Last, type: date, derive: {latest: therapy.ended}}
  gap: {ask: Gap, type: quantity, unit: d, derive: {days_between: {from: last, to: last}}}
records:
  therapy: {ask: Therapy, valid_for: 30 days, fields: {ended: {type: date}}}
""",
        "eligibility.yaml": b"""
criteria:
  - {id: I01, kind: inclusion, text: Last, holds_when: {last: {at_least_ago: 7 days}}}
  - {id: I02, kind: inclusion, text: Gap, holds_when: {gap: {at_least: 3}}}
""",
    }
    small = protocol_of(pack, "small")
    for listed, promised in (("", False), ("complete_on: 2026-11-20, ", True)):
        said = f"{{subject: S, records: {{therapy: {{{listed}entries: [{{ended: 2026-11-20}}]}}}}}}"
        with Screener(small) as made:
            decision = made.decide(read_subject(f"{said}\n...\n".encode(), "s.yaml", small), AS_OF)
        last, gap = (criterion["why"] for criterion in decision["criteria"])
        assert ("Satisfied from 2026-11-27" in last["says"]) == promised
        assert last["changes_on"] == "2026-11-27"
        lapses = "2026-12-21" if promised else "2026-11-21"
        truth = "false" if promised else "unknown"  # what nobody confirmed may be under way
        assert (gap["truth"], gap["changes_on"]) == (truth, lapses)


MONTHS = {
    "protocol.yaml": b'{protocol: small, version: "1", title: Small}',
    "facts.yaml": b"""
facts:
  birth_date: {ask: Birth, type: date, changes: never}
  age: {ask: Age, type: quantity, unit: a, derive: {completed_years_since: birth_date}}
  seen: {ask: Seen, type: date, changes: never}
""",
    "eligibility.yaml": b"""
criteria:
  - {id: A1, kind: inclusion, text: T, holds_when: {seen: {at_least_ago: 1 month}}}
  - {id: B1, kind: inclusion, text: T, holds_when: {seen: {more_than_ago: 1 month}}}
  - {id: C1, kind: inclusion, text: T, holds_when: {seen: {within_last: 1 month}}}
  - {id: D1, kind: inclusion, text: T, holds_when: {seen: {less_than_ago: 1 month}}}
  - {id: E1, kind: inclusion, text: T, holds_when: {age: {at_least: 18}}}
  - {id: F1, kind: inclusion, text: T, holds_when: {age: {at_most: 17}}}
""",
}


@pytest.mark.parametrize(
    ("as_of", "id", "says", "changes_on"),
    [
        ("2026-02-27", "A1", "Satisfied from 2026-03-01.", "2026-02-28"),
        ("2026-02-28", "A1", "the time is up on 2026-02-28 or on 2026-03-01.", "2026-03-01"),
        ("2026-03-01", "A1", "This holds.", None),
        ("2026-02-28", "B1", "Satisfied from 2026-03-02.", "2026-03-01"),
        ("2026-03-01", "B1", "the time is up on 2026-02-28 or on 2026-03-01.", "2026-03-02"),
        ("2026-02-27", "C1", "Satisfied until 2026-02-28.", "2026-03-01"),
        ("2026-03-01", "C1", "the time is up on 2026-02-28 or on 2026-03-01.", "2026-03-02"),
        ("2026-02-27", "D1", "Satisfied until 2026-02-27.", "2026-02-28"),
        ("2026-02-28", "D1", "the time is up on 2026-02-28 or on 2026-03-01.", "2026-03-01"),
        ("2026-02-27", "E1", "Satisfied from 2026-03-01.", "2026-02-28"),
        ("2026-02-28", "E1", "the time is up on 2026-02-28 or on 2026-03-01.", "2026-03-01"),
        ("2026-02-27", "F1", "Satisfied until 2026-02-27.", "2026-02-28"),
        ("2026-02-28", "F1", "the time is up on 2026-02-28 or on 2026-03-01.", "2026-03-01"),
    ],
)
def test_the_day_on_which_a_month_may_be_up_is_named(
    as_of: str, id: str, says: str, changes_on: str | None
) -> None:
    small, day = protocol_of(MONTHS, "small"), date.fromisoformat(as_of)
    said = b"{subject: S, facts: {birth_date: 2008-02-29, seen: 2026-01-31}}\n"
    with Screener(small) as made:
        decision = made.decide(read_subject(said, "s.yaml", small, day), day)
    assert checked_decision(json.loads(dump(decision))) == decision
    (found,) = [c for c in decision["criteria"] if c["id"] == id]
    assert found["why"]["says"].endswith(says)
    assert found["why"].get("changes_on") == changes_on
    reasons = {one["reason"] for one in found["missing"]}
    assert reasons == ({"calendar"} if "up on" in says else set())
