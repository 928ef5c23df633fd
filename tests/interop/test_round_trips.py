"""A subject written out in another form and read back is read, and decided on, the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache

from hypothesis import assume, given
from hypothesis import strategies as st

from app.exchange.csv_read import Dialect
from engine import terms as m
from engine.decide.decision import Screener
from engine.exchange.answers import answers_of
from engine.exchange.recorded import Recorded, json_text, subject_yaml
from engine.read.source import read_document
from engine.read.subjects import read_subject
from tests.generators import (
    Screening,
    Seeded,
    Targets,
    fewer,
    screenings,
    typical_subject,
    varied_subject,
)
from tests.interop.written import (
    Outcome,
    alike,
    as_csv,
    as_fhir,
    as_redcap,
    as_redcap_holds,
    back,
    from_csv,
    from_fhir,
    from_redcap,
    parsed,
    readings,
    shipped,
)

AS_OF = date(2026, 11, 20)
FEWER = fewer(3)


def only(outcome: Outcome, protocol: m.Protocol) -> m.Subject:
    """The one subject that was imported."""
    assert outcome.faults == [], "\n".join(fault.text() for fault in outcome.faults)
    assert len(outcome.recorded) == 1
    return back(outcome.recorded[0], protocol)


def same(one: Screening, subject: m.Subject, found: m.Subject, *without: str) -> None:
    protocol, screener = one.case.protocol, one.case.screener
    before = readings(subject, protocol, one.as_of)
    assert readings(found, protocol, one.as_of) == before
    decision = screener.decide(found, one.as_of)
    assert alike(decision, *without) == alike(screener.decide(subject, one.as_of), *without)


@FEWER
@given(screenings(), st.sampled_from(",;\t|"))
def test_a_subject_survives_a_table(one: Screening, delimiter: str) -> None:
    main, lists = as_csv(one.subject(), one.case.protocol, delimiter)
    # Rows that are the same are taken once, unless the count says that they are several.
    assume(all(e.count in (None, len(e.entries)) or len(set(lists[n].splitlines())) > len(e.entries)
               for n, e in one.subject().records.items()))  # fmt: skip
    same(one, one.subject(), only(from_csv(main, lists, one.case.protocol), one.case.protocol))


@FEWER
@given(screenings())
def test_a_subject_survives_redcap(one: Screening) -> None:
    subject = as_redcap_holds(one.subject(), one.case.protocol)
    text = as_redcap(subject, one.case.protocol)
    found = only(from_redcap(text, one.case.protocol), one.case.protocol)
    same(one, subject, found, "source", "by", "note", "follows_from")


@FEWER
@given(screenings())
def test_a_subject_survives_a_questionnaire(one: Screening) -> None:
    """Statement by statement, voided ones and lists without entries included."""
    from app.exchange.fhir.decoded import decoded
    from engine.exchange.response import response

    protocol = one.case.protocol
    subject, document = parsed(one.recorded, protocol)
    form = decoded(json_text(response(subject, document, protocol)).encode())
    recorded = Recorded(subject.id)
    answers_of(form, "QuestionnaireResponse/1", protocol, recorded)
    found = back(recorded, protocol)

    def bare(said: m.Statement | m.Entry, source: str) -> m.Statement | m.Entry:
        return replace(said, entry="", source=said.source or source)

    for name, said in subject.facts.items():
        assert [bare(s, "QuestionnaireResponse/1") for s in said] == [
            bare(s, "") for s in found.facts[name]
        ]
    assert found.facts.keys() == subject.facts.keys()
    assert found.records.keys() == subject.records.keys()
    for name, entries in subject.records.items():
        again = found.records[name]
        assert (again.complete_on, again.by) == (entries.complete_on, entries.by)
        # An entry that says nothing at all is no answer; every other comes back.
        kept = [e for e in entries.entries if e.values or e.source or e.by or e.note or e.voided]
        assert [bare(e, "QuestionnaireResponse/1") for e in kept] == [
            bare(e, "") for e in again.entries
        ]


@FEWER
@given(screenings())
def test_a_subject_survives_our_yaml(one: Screening) -> None:
    """What an importer writes reads back as what it meant."""
    subject, document = parsed(one.recorded, one.case.protocol)
    lists = {
        name: value if isinstance(value, list) else [value]
        for name, value in document.value.get("facts", {}).items()
    }
    whole = {
        name: [v if isinstance(v, dict) else {"value": v} for v in values]
        for name, values in lists.items()
    }
    records = {
        name: {"entries": [], **{k: v for k, v in (value or {}).items() if v is not None}}
        for name, value in (document.value.get("records") or {}).items()
    }
    text = subject_yaml({"subject": subject.id, "facts": whole, "records": records}, "made")
    assert read_document("made.yaml", text.encode()).value["subject"] == subject.id
    found = read_subject(text.encode(), "made.yaml", one.case.protocol)
    assert readings(found, one.case.protocol, one.as_of) == one.readings()


@lru_cache(maxsize=1)
def screener() -> Screener:
    return Screener(shipped()[0])


@fewer(5)
@given(st.integers(0, 2**32))
def test_a_child_of_the_shipped_protocol_survives_fhir(seed: int) -> None:
    protocol, _ = shipped()
    choices, targets = Seeded(seed), Targets.of(protocol)
    recorded = typical_subject(choices, targets, AS_OF)
    if seed % 4:
        recorded = varied_subject(choices, targets, AS_OF, recorded)
    subject, document = parsed(recorded, protocol)
    found = from_fhir(as_fhir(subject, document, protocol))
    before = readings(subject, screener().protocol, AS_OF)
    assert readings(found, screener().protocol, AS_OF) == before
    # Where it stood and what the record called a missing value are said in other words.
    drop = ("source", "says", "detail", "note", "follows_from", "firings", "entries",
            "passed_over", "records", "imported", "follows_messages", "message")  # fmt: skip
    decided = screener().decide(found, AS_OF)
    assert alike(decided, *drop) == alike(screener().decide(subject, AS_OF), *drop)


def test_a_decimal_comma_is_read_where_it_is_said() -> None:
    protocol = shipped()[0]
    text = "subject;creatinine;creatinine.on\nA;<0,5;2026-11-18\n"
    found = only(from_csv(text, {}, protocol, Dialect(decimal="comma")), protocol)
    assert found.facts["creatinine"][0].value == m.Amount(500_000, "mg/dL", "<")
    refused = from_csv(text, {}, protocol)
    assert refused.recorded == []
    assert "--decimal comma" in refused.faults[0].hint
