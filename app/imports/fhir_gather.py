"""The second pass, for one patient: what the map makes of all that is about them."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.imports.fhir_element import (
    codings,
    concept_label,
    concept_words,
    day_text,
    days_of,
    dicts,
    full_day,
)
from app.imports.fhir_entry import entry
from app.imports.fhir_map import EntryRule, FactRule, FhirMap, Fit, Look, Open, Type
from app.imports.fhir_path import Resource
from app.imports.fhir_select import FOREIGN, code_words, uncoded
from app.imports.fhir_spool import Kept, Spool
from app.imports.fhir_statement import LeftOut, statement
from app.imports.fhir_status import Around, Hit, clinical, standing
from app.imports.questionnaire import answers_of, unread_answers
from app.imports.recorded import Plain, Recorded, clean
from app.imports.report import Line, Patient
from engine.model import Protocol
from engine.sheet import parse_days

NAMED = 5
"""How many of the conditions that leave a fact open its note names."""

TWICE = "two versions of it, and which is newer is not known"


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
class _Bundled:
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

    `unclassified`: what may match anything, by resource. `future`: what is dated after the day
    of the import. `left_out`: how many resources gave nothing.
    """

    recorded: Recorded
    unclassified: list[Unclassified] = field(default_factory=list)
    unusable: Counter[tuple[str, str]] = field(default_factory=Counter)
    uncoded: Counter[tuple[str, str]] = field(default_factory=Counter)
    future: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    repeated: int = 0
    left_out: int = 0


class Gatherer:
    """What is the same for all patients of a run."""

    def __init__(self, protocol: Protocol, fhir_map: FhirMap, spool: Spool, around: Around) -> None:
        self.protocol, self.map, self.spool, self.around = protocol, fhir_map, spool, around

    def gather(self, identity: str, patient: Patient) -> Gathered:
        return _One(self, identity, patient).gathered()


class _One:
    """One patient while their resources are read."""

    def __init__(self, run: Gatherer, identity: str, patient: Patient) -> None:
        self.run, self.identity, self.patient = run, identity, patient
        self.map, self.protocol, self.spool = run.map, run.protocol, run.spool
        self.around = run.around
        self.out = Gathered(Recorded(patient.subject))
        self.bundles: dict[tuple[str, str], _Bundled] = {}
        self.opened: dict[str, list[tuple[Open, int, str, str]]] = {}
        self.unknown: list[Unclassified] = []
        self.active: dict[str, list[tuple[Any, Plain, str]]] = {}

    def gathered(self) -> Gathered:
        unclear: dict[str, list[Kept]] = {}
        for kept in self.spool.of_patient(self.identity):
            if kept.state == "unclear" and kept.kind != "Patient":
                unclear.setdefault(kept.identity, []).append(kept)
            else:
                self.spool.line(kept.n, self.identity, self._kept(kept))
        for versions in unclear.values():
            self._unclear(versions)
        for bundled in self.bundles.values():
            for number, line in self._enter_bundle(bundled):
                self.spool.line(number, self.identity, line)
        for fact, several in self.opened.items():
            self._leave_open(fact, several)
        for fact, stated in self.active.items():
            self._contradicted(fact, stated)
        self.out.unclassified = [one for one in self.unknown if one.lists or one.opens]
        return self.out

    def _kept(self, kept: Kept) -> Line:
        """What becomes of one resource that stands, or of one that does not."""
        state = kept.state
        if state == "old":
            return Line(kept.name, left="an older version of it")
        if state == "gone":
            return Line(kept.name, left="deleted since")
        if state == "same":
            self.out.repeated += 1
            return Line(kept.name, left="the same once more")
        if kept.why.startswith(FOREIGN):
            self.out.foreign.append(f"{kept.name}: {kept.why}")
        if kept.body is None:
            self.out.left_out += 1
            if "(" in kept.why:
                self.out.uncoded[kept.kind, kept.why.partition("(")[2].removesuffix(")")] += 1
            return Line(kept.name, left=kept.why, day=kept.day, look=kept.look)
        if kept.kind == "Medication":
            return Line(kept.name, left=kept.why)
        if kept.kind == "Patient":
            self._know_birth(kept.body)
        if kept.kind == "QuestionnaireResponse":
            return self._answers(kept)
        made = self._made(kept)
        if state == "again":
            made = self._once_more(kept, made)
        return self._stated(kept, made)

    def _know_birth(self, resource: Resource) -> None:
        self.around = Around(self.around.today, days_of(resource.get("birthDate")))
        days = self.patient.days
        days["birthDate"] = day_text(resource.get("birthDate"))
        days["deceased"] = day_text(resource.get("deceasedDateTime"))

    # --- one resource -------------------------------------------------------------------

    def _made(self, kept: Kept) -> Made:
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
        for concept in concepts:
            numbers = self.map.selected(kind, codings(concept))
            for number in numbers:
                hit = Hit(resource, kept.name, None, concept_label(concept))
                self._apply(number, hit, kept, made)
            if not numbers:
                unknown.append(concept)
        parts = dicts(resource.get(described.parts))
        whole = Hit(resource, kept.name)
        hits = [(number, whole) for number in self.map.uncoded.get(kind, ())]
        for part in parts:
            one = part.get(described.codes)
            found = self.map.selected(kind, codings(one))
            hits += [(n, Hit(resource, kept.name, part, concept_label(one))) for n in found]
        for number, hit in hits:
            self._apply(number, hit, kept, made)
        if kind in self.map.unread_entries or kind in self.map.unread_facts:
            for concept in unknown:
                self._unclassified(kept, concept, lost, made)
        elif len(unknown) == len(concepts) and not hits:
            made.why.append(f"its drug {lost} is not in the input" if lost
                            else uncoded(concepts[0], concept_label(concepts[0])))  # fmt: skip
            made.look = bool(lost)
        return made

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
                made.why += [str(found.plain["note"])] if "note" in found.plain else []
                made.look |= bool(found.doubt)

    def _fact(self, rule: FactRule, hit: Hit, kept: Kept, made: Made) -> None:
        said = statement(rule, hit, self.protocol, self.around)
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

    def _gather_day(self, rule: EntryRule, hit: Hit, kept: Kept, made: Made) -> None:
        said = entry(rule, hit, self.protocol, self.around)
        if isinstance(said, LeftOut):
            made.why.append(said.why)
            return
        days = [day for value in hit.values(rule.on, whole=True) if (day := day_text(value))]
        if len(days) != 1 or not full_day(days[0]):
            made.why.append("no full date, so that it belongs to no day's entry")
            return
        bundled = self.bundles.setdefault((rule.record.name, days[0]), _Bundled(rule, days[0]))
        for key, value in said.plain.items():
            if key in ("source", "note"):
                continue
            if key in bundled.plain and bundled.plain[key] != value:
                bundled.dropped.add(key)
            bundled.plain[key] = value
        bundled.sources.append((kept.n, hit.source))
        made.bundled = True

    # --- what no rule knows -------------------------------------------------------------

    def _unclassified(self, kept: Kept, concept: Any, named: str, made: Made) -> None:
        """What no rule knows and may be about something: entries without a class, open facts."""
        resource = kept.body
        kind, words = standing(resource)
        if kind == "never":
            made.why.append(f"{words}: never counts")
            return
        code = self.map.is_irrelevant(codings(concept))
        if code is not None:
            made.why.append(f"irrelevant, as the map says: {code.display}")
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

    def _leave_open(self, fact: str, several: list[tuple[Open, int, str, str]]) -> None:
        """A fact that resources may be about which no rule knows: it is unknown."""
        recorded = self.out.recorded
        said = recorded.facts.get(fact, [])
        one = several[0][0]
        if one.value is not None and said and all(s.get("value") == one.value for s in said):
            return  # all that they could say of it is said already
        names = [f"{label or 'no text'} ({name})" for _, _, name, label in several]
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        note = clean(f"may be about this, and the map knows no code of it: "
                     f"{', '.join(names[:NAMED])}{more}")  # fmt: skip
        where = recorded.say(fact, {"unknown": "pending", "source": several[0][2], "note": note})
        opened = {n for _, n, _, _ in several}
        for unknown in self.unknown:
            unknown.opens |= unknown.n in opened
        for _, n, name, _ in several:
            self.spool.line(n, self.identity, Line(name, (where,), look=True))

    def _contradicted(self, fact: str, stated: list[tuple[Any, Plain, str]]) -> None:
        """A condition is recorded as active, and something else says otherwise."""
        recorded = self.out.recorded
        for value, plain, name in stated:
            for other in recorded.facts.get(fact, []):
                if other.get("value") in (None, value) or _before(other, plain):
                    continue
                if any(other is own for _, own, _ in stated):
                    continue
                what = f"{name} is recorded as active, and {other.get('source', 'another')} says"
                note = clean(f"{what} {other['value']}")
                self.patient.contradictions.append(f"{fact}: {note}")
                recorded.say(fact, {"unknown": "pending", "source": name, "note": note})
                return

    # --- where it stands ----------------------------------------------------------------

    def _stated(self, kept: Kept, made: Made) -> Line:
        recorded = self.out.recorded
        gave = [recorded.say(name, plain) for name, plain in made.facts]
        gave += [recorded.enter(name, plain) for name, plain in made.entries]
        for one in made.opens:
            self.opened.setdefault(one.fact, []).append((one, kept.n, kept.name, made.label))
        why = "; ".join(dict.fromkeys(made.why))
        if not gave and not made.opens and not made.bundled:
            self.out.left_out += kept.kind != "Patient"
            why = why or "holds nothing that the map asks for"
        return Line(kept.name, tuple(gave), why, kept.day, made.look)

    def _once_more(self, kept: Kept, made: Made) -> Made:
        """An equal resource without an id: the same, or another like it."""
        again = Made(why=["equal to another, without an id: the same, or another like it"])
        self.out.repeated += 1
        for record, plain in made.entries:
            texts = [f.name for f in self.protocol.records[record].fields.values()
                     if f.type == "text" and f.name in plain]  # fmt: skip
            own = {name: clean(f"{plain[name]} (perhaps recorded twice)") for name in texts}
            note = "equal to another resource without an id: perhaps the same"
            again.entries.append((record, {**own, "source": plain["source"], "note": note}))
        again.opens, again.label = [], made.label
        return again

    def _unclear(self, versions: list[Kept]) -> None:
        """Versions of one resource of which none is proved to be the newest."""
        name = versions[0].name
        note = f"two versions of {name}, and which is newer is not known"
        facts: dict[str, list[Plain]] = {}
        entries: dict[str, list[list[Plain]]] = {}
        bodies = {pickle.dumps(one.body): one for one in versions}
        made = Made(why=[note], look=True)
        for kept in bodies.values():
            if kept.why.startswith(FOREIGN):
                self.out.foreign.append(f"{kept.name}: {kept.why}")
            if kept.body is None:
                continue
            if kept.kind == "QuestionnaireResponse":
                said, lists = unread_answers(kept.body, self.protocol)
                for fact, plain in said:
                    facts.setdefault(fact, []).append({**plain, "source": name})
                for record in lists:
                    entries.setdefault(record, []).append([{"source": name}])
                continue
            one = self._made(kept)
            made.opens += one.opens
            for fact, plain in one.facts:
                facts.setdefault(fact, []).append(plain)
            per: dict[str, list[Plain]] = {}
            for record, plain in one.entries:
                per.setdefault(record, []).append(plain)
            for record, listed in per.items():
                entries.setdefault(record, []).append(listed)
        for fact, several in facts.items():
            days = {(str(one.get("on", "")), str(one.get("not_after", ""))) for one in several}
            on, not_after = days.pop() if len(days) == 1 else ("", "")
            day = {"on": on} if on else {"not_after": not_after} if not_after else {}
            made.facts.append((fact, {"unknown": "pending", **day, "source": name, "note": note}))
        for record, groups in entries.items():
            for i in range(max(len(group) for group in groups)):
                plains = [group[i] for group in groups if i < len(group)]
                own = plains[0] if len(plains) == len(bodies) else {}
                own = {k: v for k, v in own.items() if k not in ("source", "note")}
                same = {k: v for k, v in own.items() if all(p.get(k) == v for p in plains)}
                made.entries.append((record, {**same, "source": name, "note": note}))
        line = self._stated(versions[0], made)
        self.spool.line(versions[0].n, self.identity, line)
        for kept in versions[1:]:
            self.spool.line(kept.n, self.identity, Line(kept.name, left=TWICE, look=True))

    def _answers(self, kept: Kept) -> Line:
        """An answered form: as a whole, or every fact of it is open."""
        if kept.state == "again":
            return Line(kept.name, left="the same once more")
        recorded = self.out.recorded
        try:
            gave = answers_of(kept.body, kept.name, self.protocol, recorded)
        except ValueError as error:
            if kept.body.get("status") == "entered-in-error":
                return Line(kept.name, left=str(error), look=True)
            said, lists = unread_answers(kept.body, self.protocol)
            note = clean(f"an answered form that cannot be taken: {error}")
            ours = [recorded.say(fact, {**plain, "source": kept.name, "note": note})
                    for fact, plain in said]  # fmt: skip
            ours += [recorded.enter(record, {"source": kept.name, "note": note})
                     for record in lists]  # fmt: skip
            if kept.body.get("status") in ("completed", "amended"):
                self.out.unread.append(f"{kept.name}: {error}")
            return Line(kept.name, tuple(ours), str(error), look=True)
        return Line(kept.name, tuple(gave), "" if gave else "answers nothing")

    def _enter_bundle(self, bundled: _Bundled) -> Iterator[tuple[int, Line]]:
        """One day's results as one entry, if the day has what makes it one."""
        missing = [name for name in bundled.rule.gather if name not in bundled.plain]
        plain = {k: v for k, v in bundled.plain.items() if k not in bundled.dropped}
        gave, left = "", f"no {', '.join(missing)} on {bundled.day}"
        if not missing:
            plain["source"] = "; ".join(dict.fromkeys(source for _, source in bundled.sources))
            if bundled.dropped:
                names = ", ".join(sorted(bundled.dropped))
                plain["note"] = f"results of this day differ: {names}"
            gave, left = self.out.recorded.enter(bundled.rule.record.name, plain), ""
        for n, source in bundled.sources:
            yield n, Line(source, (gave,) if gave else (), left)


def _before(one: Plain, other: Plain) -> bool:
    """Whether a statement is provably older than another."""
    last = one.get("on", one.get("not_after"))
    first = other.get("on")
    return bool(last and first) and parse_days(str(last)).last < parse_days(str(first)).first
