"""The dictionary as a FHIR R4 Questionnaire, and its answers back by linkId.

A linkId is the place in a subject file (`facts.creatinine.value`,
`records.therapy.entries.kind`), so that an answered form and a subject file say the same,
statement by statement. What a voided statement held is kept as the text of its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine import terms as m
from engine.exchange.recorded import (
    Plain,
)
from engine.read.source import Num
from engine.record.wording import decimal_text

UCUM = "http://unitsofmeasure.org"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
NOTES = ("source", "by", "note")
UNKNOWN = {"pending": "A result is expected", "not_done": "It was not done"}


def questionnaire_url(protocol: m.Protocol) -> str:
    """The canonical URL of a protocol's questionnaire."""
    return f"urn:eligo:questionnaire:{protocol.id}"


def asked_only_when(protocol: m.Protocol, record: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Fields of a list that derivations read only beside certain codes of another field.

    `target` is read only where `kind` is antibody or cells: a form need not ask it for
    anything else. By field: the other field, and its codes.
    """
    found: dict[str, tuple[str, tuple[str, ...]] | None] = {}
    fields = protocol.records[record].fields
    for fact in protocol.facts.values():
        derive = fact.derive
        if isinstance(derive, m.WashedOut) and derive.records == record:
            lengths = (one.field for one in derive.lengths if isinstance(one, m.FieldTimes))
            found |= dict.fromkeys((derive.field, *lengths, *m.fields_in(derive.where)))
        if not isinstance(derive, m.FromList) or derive.records != record:
            continue
        found |= dict.fromkeys(m.fields_read(replace(derive, where=())))
        asked = [where for where in derive.where if isinstance(where, m.Where)]
        others = [where for where in derive.where if not isinstance(where, m.Where)]
        found |= dict.fromkeys(m.fields_in(others))
        choices = [w for w in asked if fields[w.field].type == "choice"]
        for where in asked:
            # Of two choice fields, the first in the list's order decides about the second.
            before = list(fields)[: list(fields).index(where.field)]
            guides = [w for w in choices if w.field in before]
            known = found.get(where.field, ())
            if not guides or known is None:
                found[where.field] = None
                continue
            guide = guides[0]
            codes = tuple(str(v) for v in guide.values)
            if known and known[0] != guide.field:
                found[where.field] = None
            else:
                earlier = known[1] if known else ()
                found[where.field] = (guide.field, tuple(dict.fromkeys((*earlier, *codes))))
    return {name: when for name, when in found.items() if when is not None}


def questionnaire(protocol: m.Protocol) -> Plain:
    """The Questionnaire of a pack."""
    facts = [fact for fact in protocol.facts.values() if fact.derive is None]
    items: list[Plain] = [
        {"linkId": "subject", "text": "Study id", "type": "string", "required": True},
        {
            "linkId": "facts",
            "text": "Facts",
            "type": "group",
            "item": [_fact_item(fact) for fact in facts],
        },
    ]
    if protocol.records:
        lists = [_record_item(protocol, name) for name in protocol.records]
        items.append({"linkId": "records", "text": "Record lists", "type": "group", "item": lists})
    return {
        "resourceType": "Questionnaire",
        "id": protocol.id[:64].replace("_", "-"),
        "url": questionnaire_url(protocol),
        "version": protocol.version,
        "name": "".join(c if c.isalnum() else "_" for c in f"Eligo_{protocol.id}"),
        "title": protocol.title,
        "status": "active",
        "subjectType": ["Patient"],
        "item": items,
    }


def _fact_item(fact: m.Fact) -> Plain:
    link = f"facts.{fact.name}"
    text = fact.ask if not fact.found_in else f"{fact.ask} (found in: {fact.found_in})"
    by = _text_item(f"{link}.by", "Stated by")
    if fact.attested_by:
        by = {
            **_text_item(f"{link}.by", f"Stated by (needed: the {fact.attested_by})"),
            "enableWhen": [exists_of(f"{link}.value", answered=True)],
            "required": True,
        }
    items = [
        *_value_items(f"{link}.value", "Value", fact),
        {"linkId": f"{link}.on", "text": "Date of this value", "type": "date"},
        {
            "linkId": f"{link}.not_after",
            "text": "If only the last day that it can be of is known, that day",
            "type": "date",
            "enableWhen": [exists_of(f"{link}.on", answered=False)],
        },
        *(
            [
                {"linkId": f"{link}.uln", "text": "Upper limit of normal", "type": "decimal"},
                options_of(f"{link}.uln.word", "Or", {"none": "No limit is known for this result"}),
            ]
            if fact.type == "quantity"
            else []
        ),
        {
            **options_of(f"{link}.unknown", "If there is no value, why", UNKNOWN),
            "enableWhen": [exists_of(f"{link}.value", answered=False)],
        },
        _text_item(f"{link}.source", "Source"),
        by,
        _text_item(f"{link}.note", "Note"),
        *_voided_items(link),
    ]
    return {"linkId": link, "text": text, "type": "group", "repeats": True, "item": items}


def _record_item(protocol: m.Protocol, name: str) -> Plain:
    record, link = protocol.records[name], f"records.{name}"
    when = asked_only_when(protocol, name)
    fields: list[Plain] = []
    for one in record.fields.values():
        items = _value_items(f"{link}.entries.{one.name}", one.ask, one)
        if one.name in when:
            other, codes = when[one.name]
            conditions = [
                {
                    "question": f"{link}.entries.{other}",
                    "operator": "=",
                    "answerCoding": {"code": code},
                }
                for code in codes
            ]
            items[0]["enableWhen"] = conditions
            if len(conditions) > 1:
                items[0]["enableBehavior"] = "any"
        fields += items
    fields += [_text_item(f"{link}.entries.{note}", note.capitalize()) for note in NOTES
               if note not in record.fields]  # fmt: skip
    fields += _voided_items(f"{link}.entries")
    complete = "Day on which this list was confirmed complete"
    items = [
        {"linkId": f"{link}.complete_on", "text": complete, "type": "date"},
        {
            **_text_item(f"{link}.by", "Confirmed by"),
            "enableWhen": [exists_of(f"{link}.complete_on", answered=True)],
        },
        _text_item(f"{link}.source", "Source"),
        {
            "linkId": f"{link}.count",
            "text": "How many entries it had then, those marked wrong included",
            "type": "integer",
            "enableWhen": [exists_of(f"{link}.complete_on", answered=True)],
        },
        {
            "linkId": f"{link}.entries",
            "text": "Entry",
            "type": "group",
            "repeats": True,
            "item": fields,
        },
    ]
    return {"linkId": link, "text": record.ask, "type": "group", "item": items}


def _value_items(link: str, text: str, target: m.Fact | m.Field) -> list[Plain]:
    """The item for a value, and for a date the one for its words."""
    if target.type == "choice":
        options = {choice.code: choice.label for choice in target.choices}
        item = options_of(link, text, options)
        if isinstance(target, m.Field) and target.many:
            item["repeats"] = True
        return [item]
    if target.type == "date":
        words = {"never": "Never"} if isinstance(target, m.Fact) else {"ongoing": "Under way"}
        return [
            {"linkId": link, "text": f"{text} (day, month or year)", "type": "date"},
            options_of(f"{link}.word", "Or", words),
        ]
    if target.type == "quantity":
        units = (target.unit, *(one.unit for one in target.also_in))
        extensions: list[Plain] = [
            {
                "url": f"{EXTENSION}questionnaire-unitOption",
                "valueCoding": {"system": UCUM, "code": unit, "display": unit},
            }
            for unit in units
        ]
        if target.range_u is not None:
            for end, amount_u in zip(("min", "max"), target.range_u, strict=True):
                quantity = quantity_of(m.Amount(amount_u, target.unit))
                url = f"{SDC}sdc-questionnaire-{end}Quantity"
                extensions.append({"url": url, "valueQuantity": quantity})
        return [{"linkId": link, "text": text, "type": "quantity", "extension": extensions}]
    kind = "boolean" if target.type == "boolean" else "text"
    return [{"linkId": link, "text": text, "type": kind}]


def options_of(link: str, text: str, options: Mapping[str, str]) -> Plain:
    answers = [{"valueCoding": {"code": code, "display": label}} for code, label in options.items()]
    return {"linkId": link, "text": text, "type": "choice", "answerOption": answers}


def _text_item(link: str, text: str) -> Plain:
    return {"linkId": link, "text": text, "type": "text"}


def exists_of(link: str, *, answered: bool) -> Plain:
    return {"question": link, "operator": "exists", "answerBoolean": answered}


def _voided_items(link: str) -> list[Plain]:
    return [
        _text_item(f"{link}.voided", "If this is wrong: why"),
        {
            **_text_item(f"{link}.was", "What the wrong statement held"),
            "readOnly": True,
            "enableWhen": [exists_of(f"{link}.voided", answered=True)],
        },
    ]


def days_text(days: m.Days) -> str:
    """A date as written in files: a day, a month or a year."""
    first, last = days.first.isoformat(), days.last.isoformat()
    if first == last:
        return first
    return first[:7] if first[:7] == last[:7] else first[:4]


def quantity_of(amount: m.Amount) -> Plain:
    comparator = {"comparator": amount.sign} if amount.sign else {}
    value = Num(decimal_text(amount.amount_u))
    unit = {"unit": amount.unit, "system": UCUM, "code": amount.unit}
    return {"value": value, **comparator, **unit}
