"""The second pass, for one patient: what the map makes of all that is about them."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.exchange.fhir.made import Bundled, Gathered, Made, Maker
from app.exchange.fhir.select import FOREIGN, IRRELEVANT
from app.exchange.fhir.spool import Kept, Referred, Spool, missing
from app.exchange.report import Line, Patient
from engine.exchange.answers import OTHER_FORM, answers_of, unread_answers
from engine.exchange.fhir.element import (
    day_text,
    days_of,
)
from engine.exchange.fhir.map import FhirMap, Open
from engine.exchange.fhir.status import TAKEN_OUT, Around
from engine.exchange.recorded import Plain, Recorded, clean
from engine.read.sheet import parse_days
from engine.terms import Protocol

NAMED = 5
"""How many of the conditions that leave a fact open its note names."""

TWICE = "two versions of it, and which is newer is not known"


class Gatherer:
    """What is the same for all patients of a run."""

    def __init__(self, protocol: Protocol, fhir_map: FhirMap, spool: Spool, around: Around) -> None:
        self.protocol, self.map, self.spool, self.around = protocol, fhir_map, spool, around
        self.taken = spool.taken_out()

    def gather(self, identity: str, patient: Patient) -> Gathered:
        return _One(self, identity, patient).gathered()


class _One:
    """One patient while their resources are read."""

    def __init__(self, run: Gatherer, identity: str, patient: Patient) -> None:
        self.identity, self.patient = identity, patient
        self.protocol, self.spool = run.protocol, run.spool
        self.taken = run.taken
        self.refers: dict[int, list[Referred]] = {}
        self.out = Gathered(Recorded(patient.subject))
        around = self._known(run.around)
        self.make = Maker(run.protocol, run.map, run.spool, around, patient, self.out)
        self.opened: dict[str, list[tuple[Open, int, str, str]]] = {}

    def _known(self, around: Around) -> Around:
        """What is known of the patient before anything else of them is read."""
        resource = self.spool.patient(self.identity)
        self.patient.days["birthDate"] = day_text(resource.get("birthDate"))
        self.patient.days["deceased"] = day_text(resource.get("deceasedDateTime"))
        return replace(around, born=days_of(resource.get("birthDate")))

    def gathered(self) -> Gathered:
        unclear: dict[str, list[Kept]] = {}
        for one in self.spool.referred(self.identity):
            self.refers.setdefault(one[0], []).append(one)
        for kept in self.spool.of_patient(self.identity):
            for _, _, how, to, key, there, words in self.refers.get(kept.n, ()):
                if not there:
                    self._missing(kept, how, key, words)
                elif to in self.taken and how == "deleted":
                    line = Line(kept.name, left=f"takes {key} out", look=True)
                    self.spool.line(kept.n, self.identity, line)
            if kept.state == "unclear" and kept.kind != "Patient":
                unclear.setdefault(kept.identity, []).append(kept)
            else:
                self.spool.line(kept.n, self.identity, self._kept(kept))
        for versions in unclear.values():
            self._unclear(versions)
        for (record, _), bundled in self.make.bundles.items():
            undated = self.make.bundles.get((record, ""))
            bundled.dropped |= undated.dropped if undated else set()
            for number, line in self._enter_bundle(bundled):
                self.spool.line(number, self.identity, line)
        for fact, several in self.opened.items():
            self._leave_open(fact, several)
        for fact, stated in self.make.active.items():
            self._contradicted(fact, stated)
        self.out.unclassified = [one for one in self.make.unknown if one.lists or one.opens]
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
            if kept.why.startswith(IRRELEVANT):
                self.out.irrelevant[kept.why] += 1
            elif "(" in kept.why:
                self.out.uncoded[kept.kind, kept.why.partition("(")[2].removesuffix(")")] += 1
            return Line(kept.name, left=kept.why, day=kept.day, look=kept.look)
        if kept.kind == "Medication":
            return Line(kept.name, left=kept.why)
        if kept.kind == "QuestionnaireResponse":
            return self._answers(kept)
        if kept.identity in self.taken and kept.kind != "Patient":
            out = {"url": TAKEN_OUT, "by": self.taken[kept.identity]}
            kept = replace(kept, body={**kept.body, "modifierExtension": [out]})
        made = self.make.made(kept)
        if state == "again":
            made = self._once_more(kept, made)
        return self._stated(kept, made)

    def _missing(self, kept: Kept, how: str, key: str, words: str) -> None:
        """Something that a List or a result names, and that the input does not have."""
        kind, why = key.partition("/")[0], missing(kept.name, key, words)
        if kind.startswith("urn:"):
            kind = ""
        made = Made(why=[why], look=True)
        shown = {"text": f"{words or key}, which is not in the input"}
        if how in ("entry", "deleted") and kind in self.make.map.kinds_unread:
            body = {"resourceType": kind, "status": "unknown", "code": shown}
            self.make.unclassified(replace(kept, kind=kind, body=body), shown, "", made)
        elif kind in ("Observation", "QuestionnaireResponse", ""):
            self.out.partial.append(why)
        if how in ("member", "source") and kind in ("Observation", ""):
            body = kept.body or {"status": "final", "effectiveDateTime": kept.day or None}
            body = {key: value for key, value in body.items() if value is not None}
            if how == "member" or not any(key.startswith("value") for key in body):
                whole = replace(kept, body={**body, "resourceType": "Observation"})
                self.make.member(whole, words, why, made)
        self.spool.line(kept.n, self.identity, self._stated(kept, made))

    # --- what the resources come to -------------------------------------------------------

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
        for unknown in self.make.unknown:
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
            self.out.doubtful.append((record, f"{kept.name}: {note}"))
        again.opens, again.label = [], made.label
        return again

    def _unclear(self, versions: list[Kept]) -> None:
        """Versions of one resource of which none is proved to be the newest."""
        name = versions[0].name
        note = f"two versions of {name}, and which is newer is not known"
        facts: dict[str, list[Plain]] = {}
        entries: dict[str, list[list[Plain]]] = {}
        bodies = {pickle.dumps(one.body): one for one in versions}
        several_are = self.spool.versions(versions[0].identity)
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
            doubted, unknown = len(self.out.doubtful), len(self.make.unknown)
            one = self.make.made(kept)
            del self.out.doubtful[doubted:]
            for unclassified in self.make.unknown[unknown:]:
                unclassified.lists = ()  # the entry is one of several versions, named below
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
                own = plains[0] if len(plains) == several_are else {}
                own = {k: v for k, v in own.items() if k not in ("source", "note")}
                same = {k: v for k, v in own.items() if all(p.get(k) == v for p in plains)}
                made.entries.append((record, {**same, "source": name, "note": note}))
                self.out.doubtful.append((record, note))
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
            if str(error).startswith(OTHER_FORM) and not said and not lists:
                return Line(kept.name, left=str(error))
            note = clean(f"an answered form that cannot be taken: {error}")
            ours = [recorded.say(fact, {**plain, "source": kept.name, "note": note})
                    for fact, plain in said]  # fmt: skip
            ours += [recorded.enter(record, {"source": kept.name, "note": note})
                     for record in lists]  # fmt: skip
            if kept.body.get("status") in ("completed", "amended"):
                self.out.unread.append(f"{kept.name}: {error}")
            return Line(kept.name, tuple(ours), str(error), look=True)
        return Line(kept.name, tuple(gave), "" if gave else "answers nothing")

    def _enter_bundle(self, bundled: Bundled) -> Iterator[tuple[int, Line]]:
        """One day's results as one entry, if the day has what makes it one."""
        bundled.dropped &= bundled.plain.keys()
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
