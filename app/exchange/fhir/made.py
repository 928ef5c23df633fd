"""What one resource gives by the rules of the map, before it stands in the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from app.exchange.fhir.select import IRRELEVANT, code_words, uncoded
from app.exchange.fhir.spool import Kept, Spool
from app.exchange.report import Patient
from engine.exchange.fhir.element import (
    codings,
    concept_label,
    concept_words,
    day_text,
    dicts,
    full_day,
)
from engine.exchange.fhir.entry import entry
from engine.exchange.fhir.map import EntryRule, FactRule, FhirMap, Fit, Look, Open, Type
from engine.exchange.fhir.path import Resource
from engine.exchange.fhir.statement import LeftOut, Said, statement
from engine.exchange.fhir.status import Around, Hit, clinical, standing
from engine.exchange.recorded import Plain, Recorded, clean
from engine.terms import Protocol

NEARLY = "its code is written otherwise than in the map, and may mean the same"


@dataclass(slots=True)
class Made:
    """What one resource gives, before it stands in the file."""

    facts: list[tuple[str, Plain]] = field(default_factory=list)
    entries: list[tuple[str, Plain]] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    look: bool = False
    opens: list[Open] = field(default_factory=list)
    label: str = ""
    bundled: bool = False


@dataclass(slots=True)
class Bundled:
    """The hits of one day that make one entry together."""

    rule: EntryRule
    day: str
    plain: Plain = field(default_factory=dict)
    sources: list[tuple[int, str]] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Unclassified:
    """A resource that no rule knows: an entry of `lists` without a class, or a fact is open."""

    n: int
    name: str
    kind: str
    what: str
    lists: tuple[str, ...]
    opens: bool = False


@dataclass(slots=True)
class Gathered:
    """What came of a patient's resources.

    `unclassified`: what may match anything, by resource; so may `doubtful`, a list and what is
    in it that is not known to be so. `future`: what is dated after the day
    of the import. `lost`, `partial`: why more of the patient is missing, or may be.
    `left_out`: how many resources gave nothing.
    """

    recorded: Recorded
    unclassified: list[Unclassified] = field(default_factory=list)
    unusable: Counter[tuple[str, str]] = field(default_factory=Counter)
    uncoded: Counter[tuple[str, str]] = field(default_factory=Counter)
    irrelevant: Counter[str] = field(default_factory=Counter)
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    future: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)
    repeated: int = 0
    left_out: int = 0


@dataclass(slots=True)
class Maker:
    """What one patient's resources give.

    `bundles`: the results of a day that make one entry; `unknown`: what no rule knows;
    `active`: what conditions that are active now say, by fact.
    """

    protocol: Protocol
    map: FhirMap
    spool: Spool
    around: Around
    patient: Patient
    out: Gathered
    bundles: dict[tuple[str, str], Bundled] = field(default_factory=dict)
    unknown: list[Unclassified] = field(default_factory=list)
    active: dict[str, list[tuple[Any, Plain, str]]] = field(default_factory=dict)

    def made(self, kept: Kept) -> Made:
        resource, kind = kept.body, kept.kind
        if kind == "Patient":
            made = Made()
            for number in self.map.uncoded.get("Patient", ()):
                self._apply(number, Hit(resource, kept.name), kept, made)
            return made
        described = self.map.type_of(kind)
        assert described is not None  # nothing else is kept
        made = Made()
        concepts, lost = self._concepts(kept, described)
        unknown = []
        near: list[tuple[int, Resource | None, Any]] = []
        for concept in concepts:
            numbers = self.map.selected(kind, codings(concept))
            for number in numbers:
                hit = Hit(resource, kept.name, None, concept_label(concept))
                self._apply(number, hit, kept, made)
            if not numbers:
                unknown.append(concept)
                near += [(n, None, concept) for n in self._near(kind, concept)]
        parts = dicts(resource.get(described.parts))
        whole = Hit(resource, kept.name)
        hits = [(number, whole) for number in self.map.uncoded.get(kind, ())]
        for part in parts:
            one = part.get(described.codes)
            found = self.map.selected(kind, codings(one))
            hits += [(n, Hit(resource, kept.name, part, concept_label(one))) for n in found]
            if not found:
                near += [(n, part, one) for n in self._near(kind, one)]
        for number, hit in hits:
            self._apply(number, hit, kept, made)
        for number, near_part, concept in near:
            hit = Hit(resource, kept.name, near_part, concept_label(concept))
            self._doubted(number, hit, kept, made, NEARLY)
        if kind in self.map.unread_entries or kind in self.map.unread_facts:
            for concept in unknown:
                self.unclassified(kept, concept, lost, made)
        elif len(unknown) == len(concepts) and not hits and not near:
            made.why.append(f"its drug {lost} is not in the input" if lost
                            else uncoded(concepts[0], concept_label(concepts[0])))  # fmt: skip
            made.look = bool(lost)
        return made

    def member(self, kept: Kept, words: str, why: str, made: Made) -> None:
        """A member of a result that the input does not have: what it may be about is open."""
        concept = kept.body.get("code")
        numbers = set(self.map.selected("Observation", codings(concept)))
        for one in (concept, {"text": words}):
            numbers |= set(self._near("Observation", one))
        for number in sorted(numbers):
            self._doubted(number, Hit(kept.body, kept.name), kept, made, why)

    def _doubted(self, number: int, hit: Hit, kept: Kept, made: Made, why: str) -> None:
        """What a rule makes of a hit that is no more than a doubt."""
        rule = self.map.rules[number]
        if isinstance(rule, FactRule):
            self._fact(rule, hit, kept, made, why)
        elif isinstance(rule, EntryRule):
            self._gather_day(rule, hit, kept, made, why)

    def _near(self, kind: str, concept: Any) -> list[int]:
        return self.map.nearly(kind, codings(concept), concept_words(concept))

    def _concepts(self, kept: Kept, described: Type) -> tuple[list[Any], str]:
        """What a resource is coded as, one or several; and the drug that is not in the input."""
        concepts, lost = [], ""
        if described.codes in kept.body:
            concepts.append(kept.body[described.codes])
        holder = kept.body.get(described.medication) if described.medication else None
        if holder is not None:
            drug = self._drug(kept, kept.body, holder)
            if drug is not None:
                concepts += drug
            elif not concepts:
                lost = kept.medication.key or "reference"
                shown = holder.get("display") if isinstance(holder, dict) else None
                concepts.append({"text": shown} if isinstance(shown, str) else None)
        return concepts or [None], lost

    def _drug(self, kept: Kept, resource: Resource, holder: Any) -> list[Any] | None:
        """What a drug that a resource refers to is, or is made of; None if it is not there."""
        text = holder.get("reference") if isinstance(holder, dict) else None
        if isinstance(text, str) and text.startswith("#"):
            found = [one for one in dicts(resource.get("contained")) if one.get("id") == text[1:]]
        else:
            found = self.spool.resources(kept.medication, kept.n) if kept.medication.key else []
        concepts: list[Any] = []
        for drug in found:
            own = drug.get("code")
            parts = [
                one.get("itemCodeableConcept")
                for one in dicts(drug.get("ingredient"))
                if one.get("isActive") is not False
            ]
            known = self.map.selected(kept.kind, codings(own))
            concepts += [own] if known or not any(parts) else [p for p in parts if p is not None]
        return concepts or ([{}] if found else None)

    def _apply(self, number: int, hit: Hit, kept: Kept, made: Made) -> None:
        """What one rule makes of one hit."""
        rule = self.map.rules[number]
        if isinstance(rule, Look):
            made.why.append(rule.because)
            made.look = True
        elif isinstance(rule, Fit):
            self._fit(rule, hit, made)
        elif isinstance(rule, FactRule):
            self._fact(rule, hit, kept, made)
        elif rule.gather:
            self._gather_day(rule, hit, kept, made)
        else:
            found = entry(rule, hit, self.protocol, self.around)
            if isinstance(found, LeftOut):
                made.why.append(found.why)
            else:
                made.entries.append((rule.record.name, found.plain))
                if found.doubt:
                    self.out.doubtful.append((rule.record.name, f"{kept.name}: {found.doubt}"))
                made.why += [str(found.plain["note"])] if "note" in found.plain else []
                made.look |= bool(found.doubt)

    def _fact(self, rule: FactRule, hit: Hit, kept: Kept, made: Made, doubt: str = "") -> None:
        """What a rule of a fact makes of a hit; `doubt`: why that is no more than unknown."""
        said = statement(rule, hit, self.protocol, self.around)
        if doubt and isinstance(said, Said):
            known = ("on", "not_after", "source")
            stated = {key: value for key, value in said.plain.items() if key in known}
            said = Said({"unknown": "pending", **stated, "note": doubt}, doubt, said.future)
        if isinstance(said, LeftOut):
            made.why.append(said.why)
            return
        if kept.kind == "Patient" and said.doubt == "has no value":
            return
        if said.future:
            self.out.future.append(f"{kept.name} is dated {said.future}")
        name = rule.fact.name
        made.facts.append((name, said.plain))
        made.why += [str(said.plain["note"])] if "note" in said.plain else []
        made.look |= bool(said.doubt)
        if said.doubt:
            self.out.unusable[name, said.doubt] += 1
        elif kept.kind == "Condition" and rule.active_only:
            self.active.setdefault(name, []).append((said.plain["value"], said.plain, kept.name))

    def _fit(self, rule: Fit, hit: Hit, made: Made) -> None:
        kind, words = standing(hit.resource)
        if kind != "counts":
            made.why.append(f"{words}: never counts")
            return
        day = day_text(hit.resource.get("effectiveDateTime"))
        values = hit.values(self.map.types["Observation"].paths.get("value"))
        if len(values) == 1 and day:
            self.patient.compared.append((rule, hit.source, str(values[0]), day))
        made.why.append(f"only compared with `{rule.fact}`")

    def _gather_day(
        self, rule: EntryRule, hit: Hit, kept: Kept, made: Made, doubt: str = ""
    ) -> None:
        """A hit of a day's entry; one in doubt may be an entry, or leaves its fields open."""
        said = entry(rule, hit, self.protocol, self.around)
        if isinstance(said, LeftOut):
            made.why.append(said.why)
            return
        days = [day for value in hit.values(rule.on, whole=True) if (day := day_text(value))]
        if len(days) != 1 or not full_day(days[0]):
            days, doubt = [""], doubt or "no full date, so that it belongs to no day's entry"
        dates = {one.field.name for one in rule.fields if one.field.type == "date"}
        own = {one.field.name for one in rule.fields} - dates
        lost = not own <= said.plain.keys()
        doubt = doubt or said.doubt or (str(said.plain.get("note", "")) if lost else "")
        bundled = Bundled(rule, days[0])
        if rule.gather:
            bundled = self.bundles.setdefault((rule.record.name, days[0]), bundled)
        if doubt:
            bundled.dropped |= own
            made.why.append(doubt)
            made.look = True
        if doubt and not (rule.gather and own.isdisjoint(rule.gather)):
            plain = {key: said.plain[key] for key in (*dates, "source") if key in said.plain}
            made.entries.append((rule.record.name, {**plain, "note": clean(doubt)}))
            self.out.doubtful.append((rule.record.name, f"{kept.name}: {doubt}"))
        if doubt:
            return
        for key, value in said.plain.items():
            if key in ("source", "note"):
                continue
            if key in bundled.plain and bundled.plain[key] != value:
                bundled.dropped.add(key)
            bundled.plain[key] = value
        bundled.sources.append((kept.n, hit.source))
        made.bundled = True
        made.why += [str(said.plain["note"])] if "note" in said.plain else []

    def unclassified(self, kept: Kept, concept: Any, named: str, made: Made) -> None:
        """What no rule knows and may be about something: entries without a class, open facts."""
        resource = kept.body
        kind, words = standing(resource)
        if kind == "never":
            made.why.append(f"{words}: never counts")
            return
        code = self.map.is_irrelevant(codings(concept))
        if code is not None:
            made.why.append(f"{IRRELEVANT}{code.display}")
            self.out.irrelevant[made.why[-1]] += 1
            return
        words_of = concept_words(concept)
        label = clean(f"{words_of[0]} ({words_of[-1]})" if len(words_of) > 1
                      else concept_label(concept))  # fmt: skip
        if named:
            why = f"its drug {named} is not in the input"
        else:
            why = uncoded(concept, label)
        lists = []
        for rule in self.map.unread_entries.get(kept.kind, ()):
            found = entry(rule, Hit(resource, kept.name, None, label), self.protocol, self.around)
            if isinstance(found, LeftOut):
                made.why.append(found.why)
                continue
            note = "; ".join(filter(None, (f"{why}: it may be anything",
                                           str(found.plain.get("note", "")))))  # fmt: skip
            made.entries.append((rule.record.name, {**found.plain, "note": note}))
            lists.append(rule.record.name)
        active, past = (clinical(resource, self.around.today) if kept.kind == "Condition"
                        else (True, ""))  # fmt: skip
        facts = [one for one in self.map.unread_facts.get(kept.kind, ())
                 if active is not False or not one.active_only]  # fmt: skip
        made.opens += facts
        made.label = label
        made.why.append(why if lists or facts else past or why)
        made.look |= bool(lists)
        what = code_words(concept, label) if not named else f"drug {named}, not in the input"
        self.unknown.append(Unclassified(kept.n, kept.name, kept.kind, what, tuple(lists)))
