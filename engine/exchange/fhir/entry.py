"""What one FHIR resource says in a record list.

What was given or done and cannot be classified is an entry with its text and its date and
nothing else: it may match anything, and rules nothing out. Dates that contradict themselves
are not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from engine.exchange.fhir.element import (
    codings,
    concept_label,
    concept_understood,
    concept_words,
    day_text,
    dicts,
    misshapen,
    reversed_period,
)
from engine.exchange.fhir.map import Code, EntryRule, FieldRule
from engine.exchange.fhir.statement import LeftOut, Said, quantity
from engine.exchange.fhir.status import Around, Hit, Standing, modified, of_another, standing
from engine.exchange.fhir.unit import Unusable
from engine.exchange.recorded import Plain, clean, entry_faults
from engine.read.sheet import parse_days
from engine.terms import Protocol


def entry(rule: EntryRule, hit: Hit, protocol: Protocol, around: Around) -> Said | LeftOut:
    """What a hit says in a record list.

    Where it is not known whether something happened, only the entry's text and its day are
    kept: such an entry may match anything and rules nothing out.
    """
    kind, words = standing(hit.resource)
    if kind == "never":
        return LeftOut(f"{words}: never counts")
    own, focus = of_another(hit.resource)
    if own is False:
        return LeftOut(focus)
    if local := _local_route(rule, hit):
        return LeftOut(f"given by {local}: it acts where it is put")
    odd = list(misshapen(hit.resource).values())
    doubt = ""
    if kind in ("uncertain", "expected"):
        doubt = f"{words}: whether it happened is not known"
    elif modifier := modified(hit.resource) or modified(hit.part or {}):
        doubt = modifier
    elif focus:
        doubt = focus
    elif "implicitRules" in hit.resource:
        doubt = "is made by rules (`implicitRules`) that are not understood"
    elif odd:
        doubt = odd[0]
    plain: Plain = {}
    notes = [doubt] if doubt else []
    for one in rule.fields:
        if doubt and one.field.type != "text" and not (rule.gather and one.field.type == "date"):
            continue
        try:
            value = _field(one, rule, hit, around, kind, notes)
        except Unusable as reason:
            notes.append(f"{one.field.name}: {reason}")
            continue
        if value in (None, ""):
            continue
        faults = entry_faults(protocol, rule.record.name, {one.field.name: value})
        if faults:
            notes.append(f"{one.field.name}: {faults[0].message}")
        else:
            plain[one.field.name] = value
    if against := entry_faults(protocol, rule.record.name, plain):
        notes.append(against[0].message)
        kept = {one.field.name for one in rule.fields if one.field.type == "date"}
        plain = {name: value for name, value in plain.items() if name in kept}
    plain["source"] = hit.source
    if notes:
        plain["note"] = clean("; ".join(dict.fromkeys(notes)))
    return Said(plain, doubt)


def _local_route(rule: EntryRule, hit: Hit) -> str:
    """The route of a drug, if all that are stated are among those that the rule shuts out."""
    if not rule.not_by:
        return ""
    dosage = hit.resource.get("dosage")
    several = dicts(dosage) if isinstance(dosage, list) else [dosage]
    routes = [one.get("route") if isinstance(one, dict) else None for one in several]
    if not routes or not all(_is_local(route, rule.not_by) for route in routes):
        return ""
    if any(_says_more(one, rule.not_by) for one in several):
        return ""
    return concept_label(routes[0])


_ROUTE_WORDS = frozenset("administration by of qualifier route use value via".split())
_DOSE_WORDS = _ROUTE_WORDS | frozenset(
    "a affected after apply applied area areas at bath both cream d daily day days dose drop drops"
    " each ear ears every evening externally eye eyes for gel h hour hours in inhale inhaled into"
    " layer left local locally lotion lung lungs morning night nose nostril nostrils ointment"
    " on once needed one per puff puffs right skin spray the thin thinly three time times to"
    " topical topically twice two w week weekly weeks".split()
)
"""Words of an instruction that say nothing of another route. Any other word may."""


def _says_more(dosage: Any, shut_out: Sequence[Code]) -> bool:
    """Whether the words of a dosage may name another route than the one that is coded."""
    said = [dosage[key] for key in ("text", "patientInstruction") if key in dosage]
    extra = dosage.get("additionalInstruction", [])
    concepts = [dosage.get("method"), *(extra if isinstance(extra, list) else [extra])]
    said += [one["text"] for one in concepts if isinstance(one, dict) and "text" in one]
    if not all(isinstance(one, str) for one in said):
        return True
    said += [words for concept in concepts for words in concept_words(concept)]
    known = _DOSE_WORDS.union(*(_words(code.display) for code in shut_out))
    return any(word not in known and not word.isdigit() for text in said for word in _words(text))


def _is_local(route: Any, shut_out: Sequence[Code]) -> bool:
    """Whether every coding of a route is among those shut out, and no word of it is another."""
    found = codings(route)
    if not found or not concept_understood(route):
        return False
    words = set(_ROUTE_WORDS)
    for system, word in found:
        meant = [
            code
            for code in shut_out
            if system == code.system
            and (word.startswith(code.code) if code.prefix else word == code.code)
        ]
        if not meant:
            return False
        words |= {one for code in meant for one in _words(code.display)}
    return _words(" ".join(concept_words(route))) <= words and isinstance(
        route.get("text", ""), str
    )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _field(
    one: FieldRule,
    rule: EntryRule,
    hit: Hit,
    around: Around,
    kind: Standing,
    notes: list[str],
) -> Any:
    """A field's value, None where nothing is said. Raises: Unusable."""
    if one.constant is not None:
        return list(one.constant) if isinstance(one.constant, tuple) else one.constant
    if one.end is not None or one.day is not None:
        return _end(one, hit, around, notes, under_way=kind == "under_way")
    if one.field.type == "text":
        return hit.label or next((text for v in hit.values(one.path) if (text := _text(v))), None)
    values = hit.values(one.path, whole=one.field.type == "date")
    if not values:
        return None
    if one.field.type == "quantity":
        text, unit = quantity(values, rule.type.paths, hit, {}, one.field)
        return {"value": text, "unit": unit}
    if one.field.type == "date":
        return _one_day(values, hit, around, notes)
    if one.field.type == "boolean" and isinstance(values[0], bool):
        return values[0]
    raise Unusable("its value is not of a kind that is read")


def _one_day(values: Sequence[Any], hit: Hit, around: Around, notes: list[str]) -> str | None:
    if against := reversed_period(hit.resource):
        notes.append(f"not dated: {against}")
        return None
    day = day_text(values[0])
    if not day or _before_birth(day, around, notes):
        if not day:
            notes.append(f"dated `{clean(str(values[0]))[:40]}`, which is no date")
        return None
    return day


def _before_birth(day: str, around: Around, notes: list[str]) -> bool:
    before = around.born is not None and parse_days(day).last < around.born.first
    if before:
        notes.append(f"dated {day}, before the patient was born")
    return before


def _end(
    one: FieldRule, hit: Hit, around: Around, notes: list[str], *, under_way: bool
) -> str | None:
    """The day something ended, `ongoing`, or None where neither is known."""
    if against := reversed_period(hit.resource):
        notes.append(f"not dated: {against}")
        return None
    raw = hit.values(one.end, whole=True)
    if not raw and not under_way:
        raw = hit.values(one.day, whole=True)
    notes += [f"dated `{clean(str(v))[:40]}`, which is no date" for v in raw if not day_text(v)]
    ends = [day for value in raw if (day := day_text(value))]
    if not ends:
        return "ongoing" if under_way and not raw else None
    last = max(ends)
    days = parse_days(last)
    if _before_birth(last, around, notes):
        return None
    if not under_way:
        if days.first > around.today:
            notes.append(f"not dated: it is said to be over, and to end on {last}")
            return None
        return last
    if days.first > around.today:
        return "ongoing"
    notes.append(f"not dated: it is said to be under way, and to have ended on {last}")
    return None


def _text(value: Any) -> str:
    return clean(value) if isinstance(value, str) else concept_label(value)
