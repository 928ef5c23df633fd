"""The dictionary as a FHIR R4 Questionnaire, and its answers back by linkId.

A linkId is the place in a subject file (`facts.creatinine.value`,
`records.therapy.entries.kind`), so that an answered form and a subject file say the same,
statement by statement. What a voided statement held is kept as the text of its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from engine.exchange.recorded import (
    Plain,
    Recorded,
    clean,
    entry_faults,
    fit,
    json_text,
    statement_faults,
)
from engine.read.sheet import NotThat, parse_days
from engine.read.source import Document, Num
from engine.read.subjects import entry_path
from engine.record.wording import decimal_text
from engine.terms import (
    Amount,
    CompletedYears,
    Days,
    DaysBetween,
    Entry,
    Fact,
    Field,
    Protocol,
    Statement,
    Subject,
)
from engine.terms.agents import as_recorded

UCUM = "http://unitsofmeasure.org"
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
NOTES = ("source", "by", "note")
OTHER_FORM = "answers another questionnaire than this protocol's"
UNKNOWN = {"pending": "A result is expected", "not_done": "It was not done"}


def questionnaire_url(protocol: Protocol) -> str:
    """The canonical URL of a protocol's questionnaire."""
    return f"urn:eligo:questionnaire:{protocol.id}"


def asked_only_when(protocol: Protocol, record: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Fields of a list that derivations read only beside certain codes of another field.

    `target` is read only where `kind` is antibody or cells: a form need not ask it for
    anything else. By field: the other field, and its codes.
    """
    found: dict[str, tuple[str, tuple[str, ...]] | None] = {}
    fields = protocol.records[record].fields
    for fact in protocol.facts.values():
        derive = fact.derive
        if derive is None or isinstance(derive, CompletedYears | DaysBetween):
            continue
        if derive.records != record:
            continue
        dated = getattr(derive, "field", None)
        if dated is not None:
            found[dated] = None
        choices = [w for w in derive.where if fields[w.field].type == "choice"]
        for where in derive.where:
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


# --- the form ---------------------------------------------------------------------------


def questionnaire(protocol: Protocol) -> Plain:
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


def _fact_item(fact: Fact) -> Plain:
    link = f"facts.{fact.name}"
    text = fact.ask if not fact.found_in else f"{fact.ask} (found in: {fact.found_in})"
    by = _text_item(f"{link}.by", "Stated by")
    if fact.attested_by:
        by = {
            **_text_item(f"{link}.by", f"Stated by (needed: the {fact.attested_by})"),
            "enableWhen": [_exists(f"{link}.value", answered=True)],
            "required": True,
        }
    items = [
        *_value_items(f"{link}.value", "Value", fact),
        {"linkId": f"{link}.on", "text": "Date of this value", "type": "date"},
        {
            "linkId": f"{link}.not_after",
            "text": "If only the last day that it can be of is known, that day",
            "type": "date",
            "enableWhen": [_exists(f"{link}.on", answered=False)],
        },
        *(
            [
                {"linkId": f"{link}.uln", "text": "Upper limit of normal", "type": "decimal"},
                _options(f"{link}.uln.word", "Or", {"none": "No limit is known for this result"}),
            ]
            if fact.type == "quantity"
            else []
        ),
        {
            **_options(f"{link}.unknown", "If there is no value, why", UNKNOWN),
            "enableWhen": [_exists(f"{link}.value", answered=False)],
        },
        _text_item(f"{link}.source", "Source"),
        by,
        _text_item(f"{link}.note", "Note"),
        *_voided_items(link),
    ]
    return {"linkId": link, "text": text, "type": "group", "repeats": True, "item": items}


def _record_item(protocol: Protocol, name: str) -> Plain:
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
            "enableWhen": [_exists(f"{link}.complete_on", answered=True)],
        },
        _text_item(f"{link}.source", "Source"),
        {
            "linkId": f"{link}.count",
            "text": "How many entries it had then, those marked wrong included",
            "type": "integer",
            "enableWhen": [_exists(f"{link}.complete_on", answered=True)],
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


def _value_items(link: str, text: str, target: Fact | Field) -> list[Plain]:
    """The item for a value, and for a date the one for its words."""
    if target.type == "choice":
        options = {choice.code: choice.label for choice in target.choices}
        item = _options(link, text, options)
        if isinstance(target, Field) and target.many:
            item["repeats"] = True
        return [item]
    if target.type == "date":
        words = {"never": "Never"} if isinstance(target, Fact) else {"ongoing": "Under way"}
        return [
            {"linkId": link, "text": f"{text} (day, month or year)", "type": "date"},
            _options(f"{link}.word", "Or", words),
        ]
    if target.type == "quantity":
        unit = {"system": UCUM, "code": target.unit, "display": target.unit}
        extensions: list[Plain] = [
            {"url": f"{EXTENSION}questionnaire-unitOption", "valueCoding": unit}
        ]
        if target.range_u is not None:
            for end, amount_u in zip(("min", "max"), target.range_u, strict=True):
                quantity = _quantity(Amount(amount_u, target.unit))
                url = f"{SDC}sdc-questionnaire-{end}Quantity"
                extensions.append({"url": url, "valueQuantity": quantity})
        return [{"linkId": link, "text": text, "type": "quantity", "extension": extensions}]
    kind = "boolean" if target.type == "boolean" else "text"
    return [{"linkId": link, "text": text, "type": kind}]


def _options(link: str, text: str, options: Mapping[str, str]) -> Plain:
    answers = [{"valueCoding": {"code": code, "display": label}} for code, label in options.items()]
    return {"linkId": link, "text": text, "type": "choice", "answerOption": answers}


def _text_item(link: str, text: str) -> Plain:
    return {"linkId": link, "text": text, "type": "text"}


def _exists(link: str, *, answered: bool) -> Plain:
    return {"question": link, "operator": "exists", "answerBoolean": answered}


def _voided_items(link: str) -> list[Plain]:
    return [
        _text_item(f"{link}.voided", "If this is wrong: why"),
        {
            **_text_item(f"{link}.was", "What the wrong statement held"),
            "readOnly": True,
            "enableWhen": [_exists(f"{link}.voided", answered=True)],
        },
    ]


# --- answers out ------------------------------------------------------------------------


def response(subject: Subject, document: Document, protocol: Protocol) -> Plain:
    """A subject file as a QuestionnaireResponse. `document` is what `subject` was read from."""
    items: list[Plain] = [_answered("subject", [{"valueString": subject.id}])]
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
            inside.append(_answered(f"{link}.complete_on", day))
        for key, text in (("by", entries.by), ("source", entries.source)):
            if text:
                inside.append(_answered(f"{link}.{key}", [{"valueString": text}]))
        if entries.count is not None:
            inside.append(_answered(f"{link}.count", [{"valueInteger": entries.count}]))
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


def _statement_items(fact: Fact, one: Statement, document: Document) -> list[Plain]:
    link = f"facts.{fact.name}"
    items: list[Plain] = []
    if one.voided:
        items += _was(link, one.entry, document)
    elif one.unknown is not None:
        items.append(_answered(f"{link}.unknown", [{"valueCoding": {"code": one.unknown}}]))
    else:
        items += _value_answers(f"{link}.value", one.value, fact)
    if one.first is not None and one.last is not None:
        on = days_text(Days(one.first, one.last))
        items.append(_answered(f"{link}.on", [{"valueDate": on}]))
    elif one.not_after is not None:
        items.append(_answered(f"{link}.not_after", [{"valueDate": one.not_after.isoformat()}]))
    if one.no_limit:
        items.append(_answered(f"{link}.uln.word", [{"valueCoding": {"code": "none"}}]))
    if one.uln_u is not None:
        items.append(_answered(f"{link}.uln", [{"valueDecimal": Num(decimal_text(one.uln_u))}]))
    return items + _note_answers(link, one)


def _entry_items(
    link: str, fields: Mapping[str, Field], one: Entry, document: Document
) -> list[Plain]:
    items: list[Plain] = []
    if one.voided:
        items += _was(link, one.entry, document)
    for name, value in one.values.items():
        items += _value_answers(f"{link}.{name}", value, fields[name])
    return items + _note_answers(link, one)


def _note_answers(link: str, one: Statement | Entry) -> list[Plain]:
    said = ((note, getattr(one, note)) for note in NOTES)
    return [_answered(f"{link}.{note}", [{"valueString": text}]) for note, text in said if text]


def _was(link: str, entry: str, document: Document) -> list[Plain]:
    """The reason for a voided statement or entry, and what it held, as JSON."""
    value: Any = document.value
    for step in entry_path(entry):
        value = value[step]
    stated = ("voided", "on", "not_after", *NOTES)
    held = {key: child for key, child in value.items() if key not in stated}
    why = value["voided"]
    reason = why if isinstance(why, str) else "true"
    items = [_answered(f"{link}.voided", [{"valueString": reason}])]
    if held:
        items.append(_answered(f"{link}.was", [{"valueString": json_text(held)}]))
    return items


def _value_answers(link: str, value: Any, target: Fact | Field) -> list[Plain]:
    if isinstance(value, bool):
        return [_answered(link, [{"valueBoolean": value}])]
    if isinstance(value, Amount):
        return [_answered(link, [{"valueQuantity": _quantity(value)}])]
    if isinstance(value, Days):
        return [_answered(link, [{"valueDate": days_text(value)}])]
    if target.type == "date":
        return [_answered(f"{link}.word", [{"valueCoding": {"code": value}}])]
    if target.type == "choice":
        several = value if isinstance(value, tuple) else (value,)
        return [_answered(link, [{"valueCoding": {"code": code}} for code in several])]
    return [_answered(link, [{"valueString": value}])]


def days_text(days: Days) -> str:
    """A date as written in files: a day, a month or a year."""
    first, last = days.first.isoformat(), days.last.isoformat()
    if first == last:
        return first
    return first[:7] if first[:7] == last[:7] else first[:4]


def _quantity(amount: Amount) -> Plain:
    comparator = {"comparator": amount.sign} if amount.sign else {}
    value = Num(decimal_text(amount.amount_u))
    unit = {"unit": amount.unit, "system": UCUM, "code": amount.unit}
    return {"value": value, **comparator, **unit}


def _answered(link: str, answers: list[Plain]) -> Plain:
    return {"linkId": link, "answer": answers}


def _group(link: str, items: list[Plain]) -> Plain:
    return {"linkId": link, "item": items}


# --- answers in -------------------------------------------------------------------------


class _Answers:
    """The answers of one response while they are read; every problem is collected."""

    def __init__(self, protocol: Protocol, source: str) -> None:
        self.protocol, self.source = protocol, source
        self.problems: list[str] = []
        self.subject = ""
        self.statements: list[tuple[str, Plain]] = []
        self.entries: list[tuple[str, Plain]] = []
        self.heads: list[tuple[str, Plain]] = []

    def read(self, items: Any) -> None:
        if not isinstance(items, list | None):
            self.problems.append("its items are not a list")
        for link, item in self._items(items):
            if link == "subject":
                self.subject = str(self._one(link, _answers(item), "valueString") or "")
            elif link == "facts":
                for inner, group in self._items(item.get("item")):
                    fact = self.protocol.facts.get(inner.removeprefix("facts."))
                    if fact is None or fact.derive is not None or not inner.startswith("facts."):
                        self._unknown(inner)
                    else:
                        self._statement(fact, inner, group)
            elif link == "records":
                for inner, group in self._items(item.get("item")):
                    name = inner.removeprefix("records.")
                    if name not in self.protocol.records or not inner.startswith("records."):
                        self._unknown(inner)
                    else:
                        self._record(name, inner, group)
            else:
                self._unknown(link)

    def _items(self, items: Any) -> Iterable[tuple[str, Plain]]:
        for item in items if isinstance(items, list) else []:
            link = item.get("linkId") if isinstance(item, dict) else None
            if isinstance(link, str):
                self._shape(link, item)
                yield link, item
            else:
                self.problems.append("an item without a linkId")

    def _shape(self, link: str, item: Plain) -> None:
        """An item answers or holds items, as its linkId says; what it holds else is not lost."""
        group = link in ("facts", "records") or (
            link.count(".") == 1 or (link.startswith("records.") and link.endswith(".entries"))
        )
        inside, answers = item.get("item", []), item.get("answer", [])
        if not isinstance(inside, list) or not isinstance(answers, list):
            self.problems.append(f"`{clean(link)[:60]}` is not understood")
        elif any(not isinstance(one, dict) or "item" in one for one in answers):
            self.problems.append(f"`{clean(link)[:60]}` has items inside an answer")
        elif answers if group else inside:
            what = "an answer" if group else "items"
            self.problems.append(f"`{clean(link)[:60]}` has {what} where it can have none")
        if "modifierExtension" in item:
            self.problems.append(f"`{clean(link)[:60]}` carries a modifier that is not understood")

    def _inside(self, link: str, group: Plain) -> Iterator[tuple[str, Plain]]:
        """The items of a group that are its own, each answered once."""
        seen: set[str] = set()
        for inner, item in self._items(group.get("item")):
            if not inner.startswith(f"{link}."):
                self._unknown(inner)
            elif inner in seen and not inner.endswith(".entries"):
                self.problems.append(f"`{clean(inner)[:60]}` stands there twice")
            else:
                seen.add(inner)
                yield inner, item

    def _unknown(self, link: str) -> None:
        self.problems.append(f"this protocol's questionnaire has no item `{clean(link)[:60]}`")

    def _statement(self, fact: Fact, link: str, group: Plain) -> None:
        said: Plain = {}
        for inner, item in self._inside(link, group):
            key, answers = inner.removeprefix(f"{link}."), _answers(item)
            if not answers:
                continue
            if key in ("value", "value.word"):
                said |= self._value(inner, fact, answers, word=key != "value")
            elif key in ("on", "not_after"):
                said[key] = self._one(inner, answers, "valueDate")
            elif key == "uln" and fact.type == "quantity":
                said["uln"] = _number(self._one(inner, answers, "valueDecimal"))
            elif key == "uln.word" and fact.type == "quantity":
                said["uln"] = self._code(inner, answers)
            elif key == "unknown":
                said["unknown"] = self._code(inner, answers)
            else:
                self._note(inner, key, answers, said)
        if not said:
            return
        said.setdefault("source", self.source)
        for fault in statement_faults(self.protocol, fact.name, said):
            self.problems.append(f"`{link}`: {fault.message}")
        self.statements.append((fact.name, said))

    def _record(self, name: str, link: str, group: Plain) -> None:
        head: Plain = {}
        for inner, item in self._inside(link, group):
            key, answers = inner.removeprefix(f"{link}."), _answers(item)
            if key == "entries":
                self._entry(name, inner, item)
            elif key == "complete_on" and answers:
                head["complete_on"] = self._one(inner, answers, "valueDate")
            elif key in ("by", "source") and answers:
                head[key] = self._one(inner, answers, "valueString")
            elif key == "count" and answers:
                count = self._one(inner, answers, "valueInteger")
                if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
                    head[key] = Num(str(count))
                else:
                    self.problems.append(f"`{inner}` is not a number of entries")
            elif answers or key not in ("complete_on", "by", "source", "count"):
                self._unknown(inner)
        if "complete_on" in head:
            head.setdefault("source", self.source)
        self.heads.append((name, head))

    def _entry(self, name: str, link: str, group: Plain) -> None:
        fields = self.protocol.records[name].fields
        made: Plain = {}
        for inner, item in self._inside(link, group):
            key, answers = inner.removeprefix(f"{link}."), _answers(item)
            if not answers:
                continue
            target = fields.get(key.removesuffix(".word"))
            if target is None:
                self._note(inner, key, answers, made)
            elif target.many:
                made[key] = [self._coding(inner, answer) for answer in answers]
            else:
                found = self._value(inner, target, answers, word=key.endswith(".word"))
                unit = found.get("unit")
                value = found.get("value")
                made[target.name] = {"value": value, "unit": unit} if unit else value
        if not made:
            return
        made.setdefault("source", self.source)
        for fault in entry_faults(self.protocol, name, made):
            self.problems.append(f"`{link}`: {fault.message}")
        self.entries.append((name, made))

    def _note(self, link: str, key: str, answers: list[Plain], said: Plain) -> None:
        if key in (*NOTES, "voided"):
            said[key] = self._one(link, answers, "valueString")
            return
        if key != "was":
            self._unknown(link)
            return
        text = str(self._one(link, answers, "valueString") or "")
        try:
            held = json.loads(text, parse_int=Num, parse_float=Num, parse_constant=Num)
        except ValueError:
            held = None
        if isinstance(held, dict):
            said |= {name: value for name, value in held.items() if name not in said}
        else:
            self.problems.append(f"`{link}` does not hold what a statement held")

    def _value(self, link: str, target: Fact | Field, answers: list[Plain], *, word: bool) -> Plain:
        if word or target.type == "choice":
            return {"value": self._code(link, answers)}
        if target.type == "quantity":
            quantity = self._one(link, answers, "valueQuantity")
            if not isinstance(quantity, dict):
                return {}
            number = _number(quantity.get("value"))
            if number is None or quantity.get("system") != UCUM or not quantity.get("code"):
                self.problems.append(f"`{link}` needs a number and a UCUM unit")
                return {}
            sign = quantity.get("comparator", "")
            value = f"{sign}{number}" if sign else number
            return {"value": value, "unit": quantity["code"]}
        kinds = {"boolean": "valueBoolean", "date": "valueDate", "text": "valueString"}
        return {"value": self._one(link, answers, kinds[target.type])}

    def _one(self, link: str, answers: list[Plain], kind: str) -> Any:
        """The one answer, of one kind; None after a problem."""
        if len(answers) == 1 and kind in answers[0]:
            value = answers[0][kind]
            return value if isinstance(value, bool | int | Decimal | dict) else fit(str(value))
        what = "several answers" if len(answers) > 1 else "an answer of another kind"
        self.problems.append(f"`{link}` has {what}, not one `{kind}`")
        return None

    def _code(self, link: str, answers: list[Plain]) -> str | None:
        return self._coding(link, answers[0]) if len(answers) == 1 else (
            self._one(link, answers, "valueCoding")
        )  # fmt: skip

    def _coding(self, link: str, answer: Plain) -> str | None:
        coding = answer.get("valueCoding")
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            return str(coding["code"])
        self.problems.append(f"`{link}` has no `valueCoding` with a code")
        return None


def _answers(item: Plain) -> list[Plain]:
    found = item.get("answer", [])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(value: Any) -> Num | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Num(format(Decimal(value), "f"))


def answers_of(resource: Plain, source: str, protocol: Protocol, recorded: Recorded) -> list[str]:
    """Add a response's answers to a subject; returns the places in the file that they gave.

    All of it, or nothing: raises ValueError that says why it cannot be taken.
    """
    status = resource.get("status")
    if status not in ("completed", "amended"):
        raise ValueError(f"status {clean(str(status))[:40]}: never counts")
    for key in ("modifierExtension", "implicitRules"):
        if key in resource:
            raise ValueError(f"its `{key}` is not understood")
    url, _, version = str(resource.get("questionnaire", "")).partition("|")
    if url and url.strip().rstrip("/").casefold() != questionnaire_url(protocol).casefold():
        raise ValueError(f"{OTHER_FORM}, `{clean(url)[:60]}`")
    if version != protocol.version:
        raise ValueError(
            f"answers version {clean(version)[:40] or 'unknown'} of the questionnaire, "
            f"not {protocol.version}"
        )
    found = _Answers(protocol, source)
    found.read(resource.get("item"))
    if found.subject and found.subject != recorded.subject:
        found.problems.append(f"it is about the subject `{found.subject[:40]}`")
    if found.problems:
        raise ValueError("; ".join(dict.fromkeys(found.problems)))
    gave = [recorded.say(name, said) for name, said in found.statements]
    gave += [recorded.enter(name, made) for name, made in found.entries]
    for name, head in found.heads:
        known = recorded.heads.get(name, {})
        later = str(head.get("complete_on", "")) >= str(known.get("complete_on", ""))
        if later and (head or not known):
            recorded.heads[name] = head
        if head:
            gave.append(f"records.{name}.complete_on")
    return gave


def unread_answers(
    resource: Plain, protocol: Protocol
) -> tuple[list[tuple[str, Plain]], list[str]]:
    """What a form that cannot be taken is about: its facts, each as unknown and with what is
    known of its day, and a list for each entry."""
    facts: list[tuple[str, Plain]] = []
    lists: list[str] = []
    authored = day_of_form(resource)
    placed: set[int] = set()
    for top in _groups(resource):
        for group in _groups(top):
            link = str(group.get("linkId"))
            area, _, name = link.partition(".")
            fact = protocol.facts.get(name) if area == "facts" else None
            answered = {str(item.get("linkId")): _answers(item) for item in _groups(group)}
            placed |= {id(item) for item in _groups(group) if _under(item, link)}
            if fact is not None and fact.derive is None and any(answered.values()):
                said: Plain = {"unknown": "pending"}
                on = [one.get("valueDate") for one in answered.get(f"{link}.on", [])]
                if len(on) == 1 and _is_date(on[0]):
                    said["on"] = on[0]
                elif authored and f"{link}.on" not in answered:
                    said["not_after"] = authored
                facts.append((name, said))
            elif area == "records" and name in protocol.records:
                entries = f"{link}.entries"
                for inner in _groups(group):
                    if inner.get("linkId") == entries and _groups(inner):
                        lists.append(name)
                        placed |= {id(item) for item in _groups(inner) if _under(item, entries)}
    # What stands anywhere else may be of any day, or an entry of its own.
    loose = {link for link, item in every_item(resource)
             if _answers(item) and id(item) not in placed}  # fmt: skip
    for area, name in sorted({(*link.split(".", 2), "", "")[:2] for link in loose}):
        fact = protocol.facts.get(name) if area == "facts" else None
        if fact is not None and fact.derive is None:
            dated = f"facts.{name}.on" in loose or not authored
            facts.append(
                (name, {"unknown": "pending", **({} if dated else {"not_after": authored})})
            )
        elif area == "records" and name in protocol.records:
            lists.append(name)
    return facts, lists


def _under(item: Plain, link: str) -> bool:
    return str(item.get("linkId")).startswith(f"{link}.")


def every_item(item: Plain) -> Iterator[tuple[str, Plain]]:
    """The items of a response with their linkIds, wherever they stand."""
    for holder in (item, *_answers(item)):
        for inner in _groups(holder):
            yield str(inner.get("linkId")), inner
            yield from every_item(inner)


def day_of_form(resource: Plain) -> str:
    """The day on which a form was filled in, "" where it states no full one."""
    written = resource.get("authored")
    day = written.partition("T")[0] if isinstance(written, str) else ""
    return day if len(day) == 10 and _is_date(day) else ""


def _is_date(value: Any) -> bool:
    try:
        parse_days(str(value))
    except NotThat:
        return False
    return isinstance(value, str)


def _groups(item: Plain) -> list[Plain]:
    inside = item.get("item")
    return [one for one in inside if isinstance(one, dict)] if isinstance(inside, list) else []
