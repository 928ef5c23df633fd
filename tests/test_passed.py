"""What a record names of what it did not use, and the lists that it shows whole."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from app.store.packs import read_pack
from engine.decide.decision import Screener
from engine.read.subjects import read_subject
from engine.record.shape import Decision
from reports.screening import as_text

ROOT = Path(__file__).resolve().parents[1]
AS_OF = date(2026, 11, 20)
PROTOCOL = read_pack(ROOT / "rules" / "cd19-car-t-b-all")

STATED = """
subject: S-1
facts:
  creatinine:
  - {value: 0.5, on: 2026-11-01, source: lab 1}
  - {value: 0.37, on: 2026-11-18}
  - {value: 9, on: 2026-11-19, voided: another child}
  - {value: 0.4, on: 2026-11-21}
  infused_on: 2026-11-29
records:
  therapy:
    complete_on: 2026-11-18
    by: Dr A. Example
    entries:
    - {agent: vincristine, kind: chemotherapy, ended: 2026-10, source: chart}
    - {agent: blinatumomab, kind: antibody, target: [cd19], ended: 2026-09-01, voided: not given}
...
"""


def decided(text: str = STATED) -> Decision:
    with Screener(PROTOCOL) as screener:
        return screener.decide(read_subject(text.encode(), "s.yaml", PROTOCOL), AS_OF)


def test_everything_that_was_not_used_is_named_with_place_and_reason() -> None:
    passed = [(one["where"], one["reason"], one.get("on")) for one in decided()["passed_over"]]
    assert passed == [
        ("facts.creatinine[0]", "older", "2026-11-01"),
        ("facts.creatinine[2]", "voided", "2026-11-19"),
        ("facts.creatinine[3]", "not_yet", "2026-11-21"),
        ("facts.infused_on", "not_asked", None),
        ("records.therapy.entries[1]", "voided", None),
    ]


def test_it_is_said_what_was_recorded() -> None:
    says = [one["says"] for one in decided()["passed_over"]]
    assert says[0] == (
        "Serum creatinine: 0.5 mg/dL (2026-11-01, lab 1): something newer is recorded"
    )
    assert says[2].endswith("0.4 mg/dL (2026-11-21): it is of a day after 2026-11-20")
    assert "blinatumomab" in says[4] and says[4].endswith("it is marked as wrong")


def test_a_list_that_is_asked_stands_whole_in_the_record() -> None:
    (therapy,) = decided()["records"]
    assert therapy["confirmation"] == {
        "complete_on": "2026-11-18",
        "counts": True,
        "by": "Dr A. Example",
    }
    first, second = therapy["entries"]
    assert [(one["field"], one["value"], one.get("label", "")) for one in first["fields"]][:2] == [
        ("agent", "vincristine", ""),
        ("kind", "chemotherapy", PROTOCOL.records["therapy"].fields["kind"].choices[0].label),
    ]
    assert first["fields"][-1]["value"] == {"low": "2026-10-01", "high": "2026-10-31"}
    assert first["source"] == "chart" and "voided" not in first and second["voided"]


def test_it_is_said_whether_the_dictionary_knows_what_was_given() -> None:
    text = STATED.replace(
        "    - {agent: blin",
        "    - {agent: Rituximab, ended: 2026-08-01}\n"
        "    - {agent: rituximab 375 mg/m2, ended: 2026-08-02}\n"
        "    - {agent: XB-12, kind: other, ended: 2026-08-03}\n"
        "    - {kind: other, ended: 2026-08-04}\n"
        "    - {agent: blin",
    )
    decision = decided(text)
    (therapy,) = decision["records"]
    told = [(one.get("standing"), one.get("known")) for one in therapy["entries"]]
    assert told[1:5] == [
        ("listed", ["rituximab"]),
        ("holds_listed", ["rituximab"]),
        ("not_listed", None),
        (None, None),
    ]
    printed = " ".join(as_text(decision).split())
    assert "class as recorded, not on the list" in printed
    assert "holds the listed name rituximab" in printed


def test_a_report_says_beside_the_verdict_what_was_not_used() -> None:
    imported = "imported: {from: a table, whole: false}\nrecords:"
    printed = as_text(decided(STATED.replace("records:", imported)))
    first = printed.partition("WHAT IS MISSING")[0]
    assert "4 recorded results were not used:" in first and "(facts.creatinine[0])" in first
    assert "No criterion asks for: CAR-T infusion" in first
    assert "Imported from a table, not known to be whole." in first


def test_a_death_is_said_first_and_in_full_though_no_criterion_asks() -> None:
    facts = "facts:\n  last_known_alive: 2026-11-01\n  died_on: {}\n"
    dead = decided(STATED.replace("facts:\n", facts.format("{value: 2026-11-10, source: letter}")))
    first = dead["passed_over"][0]
    assert (first["what"], first["reason"]) == ("died_on", "not_asked")
    assert first["says"].endswith(
        "2026-11-10 (letter): no criterion asks for it: settle it before anything else is done"
    )
    printed = " ".join(as_text(dead).partition("WHAT IS MISSING")[0].split())
    assert "5 recorded results were not used:" in printed and "(facts.died_on)" in printed
    assert "No criterion asks for: CAR-T infusion, Last known to be alive" in printed
    for other in ("{value: never}", "{value: 2026-11-10, voided: another child}"):
        alive = decided(STATED.replace("facts:\n", facts.format(other)))
        said = [one for one in alive["passed_over"] if one["what"] == "died_on"]
        assert not any("settle it" in one["says"] for one in said)
