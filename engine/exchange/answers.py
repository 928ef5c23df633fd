"""The answers of a QuestionnaireResponse as the plain values of a subject file, by linkId."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from engine import terms as m
from engine.exchange.questionnaire import NOTES, UCUM, questionnaire_url
from engine.exchange.recorded import (
    Plain,
    Recorded,
    clean,
    entry_faults,
    fit,
    statement_faults,
)
from engine.read.sheet import NotThat, parse_days
from engine.read.source import Num

OTHER_FORM = "answers another questionnaire than this protocol's"


class _Answers:
    """The answers of one response while they are read; every problem is collected."""

    def __init__(self, protocol: m.Protocol, source: str) -> None:
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

    def _statement(self, fact: m.Fact, link: str, group: Plain) -> None:
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

    def _value(
        self, link: str, target: m.Fact | m.Field, answers: list[Plain], *, word: bool
    ) -> Plain:
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


def answers_of(resource: Plain, source: str, protocol: m.Protocol, recorded: Recorded) -> list[str]:
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
    resource: Plain, protocol: m.Protocol
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
