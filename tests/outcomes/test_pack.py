"""outcomes.yaml: every kind of fault, exclusivity, and what an edit changes without Python."""

from __future__ import annotations

from datetime import date

import pytest

from app.store.packs import pack_files, read_pack
from engine.decide.decision import Screener
from engine.outcomes.patient import OutcomeScreener
from engine.read.packs import protocol_of
from engine.read.source import read_document
from engine.read.subjects import subject_of
from engine.terms import Protocol
from engine.terms.faults import InputRejected
from tests.outcomes.courses import (
    CR,
    NR,
    ROOT,
    SHIPPED,
    course,
    edited,
    followed,
    outcome_of,
    stands,
)


def faults(*edits: tuple[str, str]) -> list[tuple[str, int, str]]:
    """Code, line and message of every fault after some edits of outcomes.yaml."""
    with pytest.raises(InputRejected) as refused:
        edited(*edits)
    assert {fault.span.path for fault in refused.value.faults} == {"pack/outcomes.yaml"}
    return [(f.code, f.span.line, f.message) for f in refused.value.faults]


def line_of(text: str) -> int:
    lines = (SHIPPED / "outcomes.yaml").read_text("utf-8").split("\n")
    return next(number for number, line in enumerate(lines, 1) if text in line)


FAULTS = [
    (("start: infused_on", "start: infused"), "unknown-fact", "`infused`"),
    (("start: infused_on", "start: alt"), "misfit", "`alt` is not a recorded date"),
    (("died: died_on", "died: last_radiation"), "misfit", "`last_radiation` is not a recorded"),
    (("died: died_on\n", ""), "missing-key", "`died` is missing"),
    (("start: infused_on", "starts: infused_on"), "unknown-key", "`starts`"),
    (("over: crs.date", "over: crs.day"), "unknown-field", "`crs` has no date field `day`"),
    (("over: crs.date", "over: crss.date"), "unknown-record", "`crss`"),
    (("over: crs.date", "over: therapy.ended"), "misfit", "`therapy` knows agents by name"),
    (("{mrd: {below: 0.01}}", "{mrdd: {below: 0.01}}"), "unknown-fact", "`mrdd`"),
    (("{mrd: {below: 0.01}}", "{mrd: {under: 0.01}}"), "unknown-operator", "`under`"),
    (("{mrd: {at_least: 0.01}}", "{mrd: {at_least: 0.001}}"), "not-exclusive", "`negative` and"),
    (("remission: [CR, CRi]", "remission: [CR, CRI]"), "unknown-class", "`CRI`"),
    (("remission: [CR, CRi]", "remission: [CRi]"), "order", "the first ones of their scale"),
    (("within: 3 months\n", "within: 3 moons\n"), "duration", "`3 moons`"),
    (("events: [death, relapse, failure]", "events: [death, relaps]"), "unknown-event", "`relaps`"),
    (("failure: last_assessment", "failure: some_day"), "option", "`some_day`"),
    (("    on: died_on\n", ""), "event", "nothing says how this event shows"),
    (("censored_at: [examined]", "censored_at: [seen]"), "unknown-fact", "`seen`"),
    (("landmarks: [1 month, 3 months]", "landmarks: [30 days, 3 months]"), "duration", "axis"),
    (("landmarks: [1 month, 3 months]", "landmarks: [3 months, 1 month]"), "duration", "shortest"),
    (("landmarks: [1 month, 3 months]", "landmarks: []"), "empty", "at least one duration"),
    (("severe: [4, 3]", "severe: [4, 6]"), "unknown-class", "`6`"),
    (("holds_when: {death_cause: crs}", "holds_when: {temperature: {above: 38}}"), "unknown-fact",
     "`temperature`"),
    (("- [infused_on, crs.date, last_seen]", "- [infused_on, crs.fever, last_seen]"),
     "unknown-field", "`fever`"),
    (("      - id: CRi", "      - id: CR"), "duplicate-id", "`CR` stands here twice"),
    (("{defined: counts_recovered}]}\n      - id: CRi", "{defined: counts}]}\n      - id: CRi"),
     "unknown-definition", "`counts`"),
    (("  crs:\n    crs_present:", "  crss:\n    crs_present:"), "unknown-record", "`crss`"),
    (("scale: crs\n", "scale: crss\n"), "unknown-scale", "`crss`"),
    (("order: stated  ", "order: any  "), "option", "`any`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "code", "message"), FAULTS, ids=[f"{c}-{m}" for _, c, m in FAULTS]
)
def test_a_fault_is_named_at_its_place(edit: tuple[str, str], code: str, message: str) -> None:
    found = faults(edit)
    assert [line for c, line, m in found if c == code and message in m], found


def test_a_fault_stands_on_its_line() -> None:
    found = faults(("{mrd: {below: 0.01}}", "{mrdd: {below: 0.01}}"))
    assert ("unknown-fact", line_of("{mrd: {below: 0.01}}")) in [(c, n) for c, n, _ in found]


def test_every_fault_is_found_in_one_run() -> None:
    found = faults(("start: infused_on", "start: alt"), ("[4, 3]", "[9]"), ("3 months\n", "x\n"))
    assert {code for code, _, _ in found} >= {"misfit", "unknown-class", "duration"}


def test_a_field_named_as_a_fact_would_be_ambiguous() -> None:
    contents = dict(pack_files(SHIPPED))
    facts = contents["facts.yaml"].decode().replace("      platelets:\n", "      alt:\n")
    text = contents["outcomes.yaml"].decode().replace("{platelets:", "{alt:")
    contents |= {"facts.yaml": facts.encode(), "outcomes.yaml": text.encode()}
    with pytest.raises(InputRejected) as refused:
        protocol_of(contents, "pack")
    assert "ambiguous" in {fault.code for fault in refused.value.faults}


def test_the_overlap_of_two_statements_is_shown_by_a_case() -> None:
    found = faults(("{not: {defined: counts_recovered}}", "{anc: {at_most: 1.0}}"))
    (message,) = [m for c, _, m in found if c == "not-exclusive"]
    assert "both hold for" in message
    assert "anc 1 10*9/L" in message


def test_statements_that_overlap_may_state_their_order() -> None:
    pack = edited(
        ("over: assessment.date\n    classes:\n      - id: CR\n",
         "over: assessment.date\n    order: stated\n    classes:\n      - id: CR\n"),
        ("{not: {defined: counts_recovered}}", "{anc: {at_most: 1.0}}"),
    )  # fmt: skip
    with OutcomeScreener(pack) as screener:
        record = outcome_of(course(("2026-02-07", {**CR, "anc": 1})), screener=screener)
    assert record["entries"][0]["grades"][0]["value"] == "CR"


def test_a_pack_without_outcomes_is_a_pack() -> None:
    contents = {k: v for k, v in pack_files(SHIPPED).items() if k != "outcomes.yaml"}
    assert protocol_of(contents, "pack").outcomes is None


def test_the_digest_covers_outcomes() -> None:
    assert edited(("below: 0.01", "below: 0.02"), ("at_least: 0.01", "at_least: 0.02")).digest != (
        read_pack(SHIPPED).digest
    )


def test_outcomes_change_no_decision_on_eligibility() -> None:
    """The facts and lists of outcomes are read by no criterion, and recording them changes none."""
    protocol = read_pack(SHIPPED)
    name = "CAR-001-eligible-girl-of-8.yaml"
    data = (ROOT / "fixtures" / "subjects" / name).read_bytes()
    more = data.replace(
        b"facts:\n", b"facts:\n  infused_on: 2026-11-19\n  died_on: 2026-11-20\n", 1
    )
    with Screener(protocol) as screener:
        decisions = [
            screener.decide(subject_of(read_document(name, text), protocol), date(2026, 11, 20))
            for text in (data, more)
        ]
    assert decisions[0]["verdict"] == "eligible"
    asked = [{**decision, "passed_over": []} for decision in decisions]
    assert asked[0] == asked[1]
    named = {one["what"]: one["reason"] for one in decisions[1]["passed_over"]}
    assert named == {"infused_on": "not_asked", "died_on": "not_asked"}


# --- an edit changes the result ------------------------------------------------------------


def record_under(pack: Protocol, *assessments: tuple[str, object]) -> object:
    with OutcomeScreener(pack) as screener:
        return outcome_of(course(*assessments), screener=screener)  # type: ignore[arg-type]


def test_an_edited_threshold_of_residual_disease_changes_the_result() -> None:
    made = ("2026-02-07", {**CR, "mrd": 0.05})
    looser = edited(("{mrd: {below: 0.01}}", "{mrd: {below: 0.1}}"),
                    ("{mrd: {at_least: 0.01}}", "{mrd: {at_least: 0.1}}"))  # fmt: skip
    found = [record_under(pack, made)["response"]["mrd_negative"]  # type: ignore[index]
             for pack in (edited(), looser)]  # fmt: skip
    assert found == ["no", "yes"]


def test_an_edited_threshold_of_relapse_changes_the_result() -> None:
    made = (("2026-02-07", CR), ("2026-06-01", {**CR, "marrow": 12}))
    nci = edited(("{blood_blasts: true}, {marrow: {at_least: 5}}",
                  "{blood_blasts: true}, {marrow: {at_least: 25}}"))  # fmt: skip
    found = [followed(record_under(pack, *made), "EFS")["status"]  # type: ignore[arg-type]
             for pack in (edited(), nci)]  # fmt: skip
    assert found == ["event", "censored"]


def test_an_edited_landmark_changes_the_result() -> None:
    made = (("2026-02-07", CR), ("2026-06-01", NR))
    longer = edited(("landmarks: [1 month, 2 months, 3 months]", "landmarks: [1 month, 6 months]"))
    found = [stands(record_under(pack, *made), "EFS") for pack in (edited(), longer)]  # type: ignore[arg-type]
    assert found == [["event_free"] * 3, ["event_free", "event"]]


def test_landmarks_in_days_count_days() -> None:
    pack = edited(("landmarks: [1 month, 3 months]", "landmarks: [28 days, 90 days]"))
    with OutcomeScreener(pack) as screener:
        record = outcome_of(course(last_known_alive="2026-02-07"), screener=screener)
    assert stands(record, "OS") == ["event_free", "censored_before"]


def test_an_edited_response_window_changes_the_result() -> None:
    made = (("2026-02-07", NR), ("2026-05-01", CR))
    pack = edited(("  within: 3 months\n", "  within: 4 months\n"))
    found = [record_under(p, *made)["response"]["remission"] for p in (edited(), pack)]  # type: ignore[index]
    assert found == ["no", "yes"]
