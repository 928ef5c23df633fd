"""What a subject file says as a QuestionnaireResponse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import terms as m
from engine.exchange.questionnaire import NOTES, days_text, quantity_of, questionnaire_url
from engine.exchange.recorded import (
    Plain,
    json_text,
)
from engine.read.source import Document, Num
from engine.read.subjects import entry_path
from engine.record.wording import decimal_text
from engine.terms.agents import as_recorded


def response(subject: m.Subject, document: Document, protocol: m.Protocol) -> Plain:
    """A subject file as a QuestionnaireResponse. `document` is what `subject` was read from."""
    items: list[Plain] = [answered("subject", [{"valueString": subject.id}])]
    facts = [
        _group(f"facts.{name}", _statement_items(protocol.facts[name], one, document))
        for name, said in subject.facts.items()
        for one in said
    ]
    if facts:
        items.append(_group("facts", facts))
    lists = []
    for name, entries in subject.records.items():
        link = f"records.{name}"
        inside: list[Plain] = []
        if entries.complete_on is not None:
            day = [{"valueDate": entries.complete_on.isoformat()}]
            inside.append(answered(f"{link}.complete_on", day))
        for key, text in (("by", entries.by), ("source", entries.source)):
            if text:
                inside.append(answered(f"{link}.{key}", [{"valueString": text}]))
        if entries.count is not None:
            inside.append(answered(f"{link}.count", [{"valueInteger": entries.count}]))
        fields = protocol.records[name].fields
        inside += [_group(f"{link}.entries", _entry_items(f"{link}.entries", fields, one, document))
                   for one in as_recorded(entries.entries)]  # fmt: skip
        lists.append(_group(link, inside))
    if lists:
        items.append(_group("records", lists))
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{questionnaire_url(protocol)}|{protocol.version}",
        "status": "completed",
        "subject": {"identifier": {"value": subject.id}},
        "item": items,
    }


def _statement_items(fact: m.Fact, one: m.Statement, document: Document) -> list[Plain]:
    link = f"facts.{fact.name}"
    items: list[Plain] = []
    if one.voided:
        items += _was(link, one.entry, document)
    elif one.unknown is not None:
        items.append(answered(f"{link}.unknown", [{"valueCoding": {"code": one.unknown}}]))
    else:
        items += _value_answers(f"{link}.value", one.value, fact)
    if one.first is not None and one.last is not None:
        on = days_text(m.Days(one.first, one.last))
        items.append(answered(f"{link}.on", [{"valueDate": on}]))
    elif one.not_after is not None:
        items.append(answered(f"{link}.not_after", [{"valueDate": one.not_after.isoformat()}]))
    if one.no_limit:
        items.append(answered(f"{link}.uln.word", [{"valueCoding": {"code": "none"}}]))
    if one.uln_u is not None:
        items.append(answered(f"{link}.uln", [{"valueDecimal": Num(decimal_text(one.uln_u))}]))
    return items + _note_answers(link, one)


def _entry_items(
    link: str, fields: Mapping[str, m.Field], one: m.Entry, document: Document
) -> list[Plain]:
    items: list[Plain] = []
    if one.voided:
        items += _was(link, one.entry, document)
    for name, value in one.values.items():
        items += _value_answers(f"{link}.{name}", value, fields[name])
    return items + _note_answers(link, one)


def _note_answers(link: str, one: m.Statement | m.Entry) -> list[Plain]:
    said = ((note, getattr(one, note)) for note in NOTES)
    return [answered(f"{link}.{note}", [{"valueString": text}]) for note, text in said if text]


def _was(link: str, entry: str, document: Document) -> list[Plain]:
    """The reason for a voided statement or entry, and what it held, as JSON."""
    value: Any = document.value
    for step in entry_path(entry):
        value = value[step]
    stated = ("voided", "on", "not_after", *NOTES)
    held = {key: child for key, child in value.items() if key not in stated}
    why = value["voided"]
    reason = why if isinstance(why, str) else "true"
    items = [answered(f"{link}.voided", [{"valueString": reason}])]
    if held:
        items.append(answered(f"{link}.was", [{"valueString": json_text(held)}]))
    return items


def _value_answers(link: str, value: Any, target: m.Fact | m.Field) -> list[Plain]:
    if isinstance(value, bool):
        return [answered(link, [{"valueBoolean": value}])]
    if isinstance(value, m.Amount):
        return [answered(link, [{"valueQuantity": quantity_of(value)}])]
    if isinstance(value, m.Days):
        return [answered(link, [{"valueDate": days_text(value)}])]
    if target.type == "date":
        return [answered(f"{link}.word", [{"valueCoding": {"code": value}}])]
    if target.type == "choice":
        several = value if isinstance(value, tuple) else (value,)
        return [answered(link, [{"valueCoding": {"code": code}} for code in several])]
    return [answered(link, [{"valueString": value}])]


def answered(link: str, answers: list[Plain]) -> Plain:
    return {"linkId": link, "answer": answers}


def _group(link: str, items: list[Plain]) -> Plain:
    return {"linkId": link, "item": items}
