"""`eligo import fhir`: FHIR R4 records as subject files, and a report of every resource.

Two passes. The first reads each resource once, keeps those that a rule of the map selects by
type and code, and puts them in a file of its own (SQLite, in the temporary folder), so that
memory does not grow with the input. The second takes one patient after another, evaluates
FHIRPath on what was kept, and writes the subject file.
"""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from app.imports import fhir_facts
from app.imports.fhir_facts import Hit, LeftOut, codings, concept_label, day_text, full_day
from app.imports.fhir_map import EntryRule, FactRule, FhirMap, Fit, Look, read_map
from app.imports.fhir_path import Resource
from app.imports.fhir_read import SUFFIXES, Read, read_file
from app.imports.folder import Folder, opened
from app.imports.questionnaire import answers_of, questionnaire_url
from app.imports.recorded import Plain, Recorded, clean
from app.imports.report import Line, Patient, Report
from app.imports.summary import ON_SCREEN
from app.inputs import print_faults, say, unreadable, unwritable
from app.main import REJECTED
from app.printing import put
from app.shipped import shipped_pack
from engine.faults import InputRejected
from engine.model import Protocol
from engine.packs import read_pack
from engine.sheet import NotThat, parse_day, parse_days

DATED = ("effectiveDateTime", "effectivePeriod", "performedDateTime", "performedPeriod")
"""Where a quick look finds the day on which something was observed or done."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's word that a record list is complete, for one patient or the only one."""

    subject: str
    record: str
    on: str
    by: str


def run(arguments: Namespace) -> int:
    """Import; returns the exit code."""
    folder = arguments.protocol or shipped_pack()
    try:
        protocol = read_pack(folder)
        fhir_map = read_map(folder, protocol)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    try:
        confirmations = confirmed(arguments.confirm or [], arguments.by, protocol)
    except NotThat as error:
        say(f"{error.message}" + (f"; {error.hint}" if error.hint else ""))
        return REJECTED
    files, missing = input_files(arguments.inputs)
    if not files:
        say("there is no FHIR file here (.json, .ndjson): nothing was imported")
        return REJECTED
    names = [name for _, name in files]
    try:
        with (
            opened(arguments.out, "fhir", names, protocol) as folder,
            Report(folder, protocol) as report,
        ):
            work = Import(protocol, fhir_map, confirmations, arguments.id_system, arguments.format)
            work.run(files, report)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    except OSError as error:
        say(unwritable(arguments.out, error).text())
        return REJECTED
    put(folder.summary.text(ON_SCREEN, ON_SCREEN), end="")
    put(f"subject files: {folder.subjects.as_posix()}")
    put(f"what became of each resource: {(folder.account / 'report.txt').as_posix()}")
    return REJECTED if missing or folder.summary.refused else 0


def _reading(path: Path, name: str) -> Iterator[Read]:
    try:
        yield from read_file(path, name)
    except OSError as error:
        raise InputRejected([unreadable(path, error)]) from None


def confirmed(words: Iterable[str], by: str | None, protocol: Protocol) -> list[Confirmation]:
    """What `--confirm [SUBJECT:]LIST=DATE` says. Raises: NotThat."""
    found = []
    for word in words:
        where, equals, day = word.rpartition("=")
        subject, _, record = where.rpartition(":")
        if not equals or record not in protocol.records:
            known = ", ".join(f"`{name}`" for name in protocol.records)
            hint = f"write LIST=DATE or SUBJECT:LIST=DATE; the lists are {known}"
            raise NotThat("confirm", f"`--confirm {word}` names no record list", hint)
        parse_day(day)
        if not by or not clean(by):
            raise NotThat("confirm", "--confirm needs --by: who says that the list is complete")
        found.append(Confirmation(subject, record, day, clean(by)))
    return found


def input_files(paths: Iterable[Path]) -> tuple[list[tuple[Path, str]], bool]:
    """The FHIR files named, folders walked in order, with names; whether one was missing."""
    found: dict[Path, tuple[Path, str]] = {}
    missing = False
    for path in paths:
        if path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                relative = file.relative_to(path)
                if any(part.startswith(".") for part in relative.parts):
                    continue
                if file.suffix.lower() in SUFFIXES:
                    found.setdefault(file.resolve(), (file, relative.as_posix()))
                else:
                    say(f"passed over, not a FHIR file: {file.as_posix()}")
        elif path.is_file():
            found.setdefault(path.resolve(), (path, path.name))
        else:
            say(f"there is no such file or folder: {path.as_posix()}")
            missing = True
    return list(found.values()), missing


class Spool:
    """What the first pass keeps, in a file: candidates, medications, lines of the report."""

    def __init__(self, folder: str) -> None:
        self.base = sqlite3.connect(Path(folder) / "spool.db")
        self.base.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4000;"
            "CREATE TABLE kept(n INTEGER PRIMARY KEY, patient TEXT, name TEXT, body BLOB);"
            "CREATE TABLE line(n INTEGER, patient TEXT, name TEXT, day TEXT, gave TEXT, left TEXT,"
            " look INTEGER);"
            "CREATE TABLE medication(name TEXT, codes BLOB);"
            "CREATE TABLE patient(name TEXT PRIMARY KEY, n INTEGER, body BLOB, twice INTEGER);"
        )

    def finish_reading(self) -> None:
        """Index what was read, once it is all there."""
        self.base.executescript(
            "CREATE INDEX kept_patient ON kept(patient);"
            "CREATE INDEX line_patient ON line(patient);"
            "CREATE INDEX medication_name ON medication(name);"
        )

    def keep(self, n: int, patient: str, name: str, body: Any) -> None:
        row = (n, patient, name, pickle.dumps(body))
        self.base.execute("INSERT INTO kept VALUES(?,?,?,?)", row)

    def line(self, n: int, patient: str, line: Line) -> None:
        row = (n, patient, line.name, line.day, "\n".join(line.gave), line.left, line.look)
        self.base.execute("INSERT INTO line VALUES(?,?,?,?,?,?,?)", row)

    def lines(self, patient: str) -> Iterator[Line]:
        rows = self.base.execute(
            "SELECT name,day,gave,left,look FROM line WHERE patient=? ORDER BY n,rowid", (patient,)
        )
        for name, day, gave, left, look in rows:
            yield Line(name, tuple(gave.split("\n")) if gave else (), left, day, bool(look))


@dataclass(slots=True)
class _Bundled:
    """The hits of one day that make one entry together."""

    rule: EntryRule
    day: str
    plain: Plain = field(default_factory=dict)
    sources: list[tuple[int, str]] = field(default_factory=list)
    dropped: set[str] = field(default_factory=set)


class Import:
    """One run of the import, for all its inputs."""

    def __init__(
        self,
        protocol: Protocol,
        fhir_map: FhirMap,
        confirmations: list[Confirmation],
        id_system: str | None,
        form: str,
    ) -> None:
        self.protocol, self.map, self.form = protocol, fhir_map, form
        self.confirmations, self.id_system = confirmations, id_system
        self.response_url = questionnaire_url(protocol)

    def run(self, files: list[tuple[Path, str]], report: Report) -> None:
        """Read the files, write the subjects, fill the report.

        Raises: InputRejected where a file cannot be read, OSError where one cannot be written.
        """
        with tempfile.TemporaryDirectory() as folder:
            spool = Spool(folder)
            try:
                self._first_pass(files, spool)
                self._second_pass(spool, report)
            finally:
                spool.base.close()

    # --- first pass: select -------------------------------------------------------------

    def _first_pass(self, files: list[tuple[Path, str]], spool: Spool) -> None:
        n = 0
        for path, name in files:
            for read in _reading(path, name):
                n += 1
                self._select(n, read, spool)
        spool.finish_reading()

    def _select(self, n: int, read: Read, spool: Spool) -> None:
        resource = read.resource
        if resource is None:
            spool.line(n, "", Line(read.place, left=read.why))
            return
        kind = resource["resourceType"]
        if kind == "Patient":
            self._patient(n, read, spool)
            return
        if kind == "Medication":
            codes = pickle.dumps(
                (codings(resource.get("code")), concept_label(resource.get("code")))
            )
            spool.base.execute("INSERT INTO medication VALUES(?,?)", (read.key, codes))
            spool.line(n, "", Line(read.name, left="a drug that others refer to"))
            return
        described = self.map.types.get(kind)
        patient = read.resolved(resource.get(described.patient if described else "subject"))
        if not patient and isinstance(resource.get("patient"), dict):
            patient = read.resolved(resource["patient"])
        day = _quick_day(resource)
        if kind == "QuestionnaireResponse":
            url = str(resource.get("questionnaire", "")).partition("|")[0]
            if url != self.response_url:
                why = "answers another questionnaire than this protocol's"
                spool.line(n, patient, Line(read.name, left=why))
                return
        elif described is None:
            why = f"no rule of the map reads a {clean(kind)[:40]}"
            spool.line(n, patient, Line(read.name, left=why, day=day))
            return
        elif not self._may_hit(resource, described.codes, described.parts, described.medication):
            why = _uncoded(resource.get(described.codes))
            spool.line(n, patient, Line(read.name, left=why, day=day))
            return
        if not patient.startswith(("Patient/", "urn:", "http")):
            other = clean(patient) or "nobody that can be found"
            why = f"about {other}, not a patient of the input"
            spool.line(n, "", Line(read.name, left=why, day=day, look=True))
            return
        medication = read.resolved(resource.get(described.medication)) if described else ""
        spool.keep(n, patient, read.name, (resource, medication))

    def _patient(self, n: int, read: Read, spool: Spool) -> None:
        if not read.key:
            spool.line(n, "", Line(read.place, left="a Patient without an id"))
            return
        known = spool.base.execute("SELECT body FROM patient WHERE name=?", (read.key,)).fetchone()
        body = pickle.dumps(_without_meta(read.resource or {}))
        if known is None:
            spool.base.execute("INSERT INTO patient VALUES(?,?,?,0)", (read.key, n, body))
        elif known[0] == body:
            spool.line(n, read.key, Line(read.name, left="the same Patient once more"))
        else:
            spool.base.execute("UPDATE patient SET twice=1 WHERE name=?", (read.key,))

    def _may_hit(self, resource: Resource, codes: str, parts: str, medication: str) -> bool:
        kind = resource["resourceType"]
        if kind in self.map.uncoded or (medication and resource.get(medication)):
            return True
        if self.map.selected(kind, codings(resource.get(codes))):
            return True
        return any(
            self.map.selected(kind, codings(part.get(codes)))
            for part in _dicts(resource.get(parts))
        )

    # --- second pass: one patient after another ------------------------------------------

    def _second_pass(self, spool: Spool, report: Report) -> None:
        patients = spool.base.execute("SELECT name, body, twice FROM patient ORDER BY n").fetchall()
        named = [(name, *self._subject_id(name, pickle.loads(body))) for name, body, _ in patients]
        ids = [subject for _, subject, _ in named]
        for (name, body, twice), (_, subject, why) in zip(patients, named, strict=True):
            patient = Patient(name, subject)
            if twice:
                patient.refused.append(f"the input has two different resources called {name}")
            elif why:
                patient.refused.append(why)
            elif ids.count(subject) > 1:
                patient.refused.append(f"another patient of the input has the id {subject} too")
            recorded = self._gather(name, pickle.loads(body), patient, spool)
            patient.statements = recorded.facts
            self._confirm(recorded, patient, len(patients))
            self._contradictions(pickle.loads(body), patient, spool)
            if not patient.refused:
                self._write(recorded, patient, report.folder)
            self._nothing_for(recorded, patient)
            report.patient(patient, partial(spool.lines, name))
        known = {name for name, _, _ in patients}
        self._others(known, spool, report)

    def _others(self, known: set[str], spool: Spool, report: Report) -> None:
        """What belongs to no patient of the input."""
        for n, patient, name in spool.base.execute("SELECT n,patient,name FROM kept").fetchall():
            if patient not in known:
                why = f"its patient {patient} is not in the input"
                spool.line(n, "", Line(name, left=why, look=True))
        rows = spool.base.execute("SELECT DISTINCT patient FROM line").fetchall()
        for (patient,) in sorted(rows):
            if patient not in known:
                report.others(partial(spool.lines, patient))

    def _subject_id(self, name: str, resource: Resource) -> tuple[str, str]:
        """The study id of a patient, and why there is none."""
        if self.id_system is None:
            return name.rpartition("/")[2].rpartition(":")[2][:100], ""
        values = {
            clean(one["value"])
            for one in _dicts(resource.get("identifier"))
            if one.get("system") == self.id_system and isinstance(one.get("value"), str)
        }
        if len(values) == 1 and (value := values.pop()):
            return value[:100], ""
        return name.rpartition("/")[2], f"{len(values)} identifiers of {self.id_system}, not one"

    def _gather(self, name: str, resource: Resource, patient: Patient, spool: Spool) -> Recorded:
        """Everything the map makes of one patient's resources."""
        recorded = Recorded(patient.subject)
        bundles: dict[tuple[str, str], _Bundled] = {}
        hit = Hit(resource, name)
        n = spool.base.execute("SELECT n FROM patient WHERE name=?", (name,)).fetchone()[0]
        lines = [self._apply(rule, hit, n, recorded, bundles, patient)
                 for rule in self.map.uncoded.get("Patient", ())]  # fmt: skip
        outcomes: dict[int, tuple[str, str, list[Line]]] = {n: (name, "", lines)}
        rows = spool.base.execute(
            "SELECT n, name, body FROM kept WHERE patient=? ORDER BY n", (name,)
        ).fetchall()
        for n, source, body in rows:
            resource, medication = pickle.loads(body)
            day = _quick_day(resource)
            if resource["resourceType"] == "QuestionnaireResponse":
                outcomes[n] = (source, day, [self._answers(resource, source, recorded)])
            else:
                found = self._resource(
                    n, resource, source, medication, recorded, bundles, patient, spool
                )
                outcomes[n] = (source, day, found)
        for bundled in bundles.values():
            for number, line in self._enter_bundle(bundled, recorded):
                outcomes[number][2].append(line)
        for number in sorted(outcomes):
            spool.line(number, name, _joined(*outcomes[number]))
        return recorded

    def _answers(self, resource: Resource, source: str, recorded: Recorded) -> Line:
        try:
            gave = answers_of(resource, source, self.protocol, recorded)
        except ValueError as error:
            return Line(source, left=str(error), look=True)
        return Line(source, tuple(gave), "" if gave else "answers nothing")

    def _resource(
        self,
        n: int,
        resource: Resource,
        source: str,
        medication: str,
        recorded: Recorded,
        bundles: dict[tuple[str, str], _Bundled],
        patient: Patient,
        spool: Spool,
    ) -> list[Line]:
        kind = resource["resourceType"]
        described = self.map.types[kind]
        concept = resource.get(described.codes)
        found, label = codings(concept), concept_label(concept)
        if described.medication and resource.get(described.medication):
            drug = _medication(resource, described.medication, medication, spool)
            if drug is None:
                why = f"its drug {medication or 'reference'} is not in the input"
                return [Line(source, left=why, look=True)]
            found, label = [*found, *drug[0]], label or drug[1]
        hits = [(rule, Hit(resource, source, None, label))
                for rule in self.map.selected(kind, found)]  # fmt: skip
        for part in _dicts(resource.get(described.parts)):
            one = part.get(described.codes)
            hits += [(rule, Hit(resource, source, part, concept_label(one)))
                     for rule in self.map.selected(kind, codings(one))]  # fmt: skip
        if not hits:
            return [Line(source, left=_uncoded(concept, label))]
        return [self._apply(rule, hit, n, recorded, bundles, patient) for rule, hit in hits]

    def _apply(
        self,
        number: int,
        hit: Hit,
        n: int,
        recorded: Recorded,
        bundles: dict[tuple[str, str], _Bundled],
        patient: Patient,
    ) -> Line:
        """What one rule makes of one hit."""
        rule = self.map.rules[number]
        if isinstance(rule, Look):
            return Line(hit.source, left=rule.because, look=True)
        if isinstance(rule, Fit):
            kind, words = fhir_facts.standing(hit.resource)
            if kind != "counts":
                return Line(hit.source, left=f"{words}: never counts")
            day = day_text(hit.resource.get("effectiveDateTime"))
            values = hit.values(self.map.types["Observation"].paths.get("value"))
            if len(values) == 1 and day:
                patient.compared.append((rule, hit.source, str(values[0]), day))
            return Line(hit.source, left=f"only compared with `{rule.fact}`")
        if isinstance(rule, FactRule):
            if past := fhir_facts.inactive(rule, hit.resource):
                return Line(hit.source, left=past)
            said = fhir_facts.statement(rule, hit, self.protocol)
            if isinstance(said, LeftOut):
                return Line(hit.source, left=said.why)
            if hit.resource["resourceType"] == "Patient" and said.doubt == "has no value":
                return Line(hit.source)
            where = recorded.say(rule.fact.name, said.plain)
            note = str(said.plain.get("note", ""))
            return Line(hit.source, (where,), note, look=bool(said.doubt))
        return self._entry(rule, hit, n, recorded, bundles)

    def _entry(
        self,
        rule: EntryRule,
        hit: Hit,
        n: int,
        recorded: Recorded,
        bundles: dict[tuple[str, str], _Bundled],
    ) -> Line:
        said = fhir_facts.entry(rule, hit, self.protocol)
        if isinstance(said, LeftOut):
            return Line(hit.source, left=said.why)
        if not rule.gather:
            where = recorded.enter(rule.record.name, said.plain)
            note = str(said.plain.get("note", ""))
            return Line(hit.source, (where,), note, look=bool(said.doubt))
        days = [day for value in hit.values(rule.on, whole=True) if (day := day_text(value))]
        if len(days) != 1 or not full_day(days[0]):
            return Line(hit.source, left="no full date, so that it belongs to no day's entry")
        bundled = bundles.setdefault((rule.record.name, days[0]), _Bundled(rule, days[0]))
        for key, value in said.plain.items():
            if key in ("source", "note"):
                continue
            if key in bundled.plain and bundled.plain[key] != value:
                bundled.dropped.add(key)
            bundled.plain[key] = value
        bundled.sources.append((n, hit.source))
        return Line(hit.source)

    @staticmethod
    def _enter_bundle(bundled: _Bundled, recorded: Recorded) -> Iterator[tuple[int, Line]]:
        """One day's results as one entry, if the day has what makes it one."""
        missing = [name for name in bundled.rule.gather if name not in bundled.plain]
        plain = {k: v for k, v in bundled.plain.items() if k not in bundled.dropped}
        gave, left = "", f"no {', '.join(missing)} on {bundled.day}"
        if not missing:
            plain["source"] = "; ".join(dict.fromkeys(source for _, source in bundled.sources))
            if bundled.dropped:
                names = ", ".join(sorted(bundled.dropped))
                plain["note"] = f"results of this day differ: {names}"
            gave, left = recorded.enter(bundled.rule.record.name, plain), ""
        for n, source in bundled.sources:
            yield n, Line(source, (gave,) if gave else (), left)

    # --- what is said about the whole -----------------------------------------------------

    def _confirm(self, recorded: Recorded, patient: Patient, patients: int) -> None:
        for one in self.confirmations:
            if one.subject == patient.subject or (not one.subject and patients == 1):
                head = {"complete_on": one.on, "by": one.by}
                recorded.heads[one.record] = head
                patient.confirmed.append(f"{one.record} on {one.on}, by {one.by}")
            elif not one.subject:
                patient.remarks.append(
                    f"{one.record} was not confirmed: the input has {patients} patients, so write"
                    f" --confirm {patient.subject}:{one.record}={one.on}"
                )

    def _contradictions(self, resource: Resource, patient: Patient, spool: Spool) -> None:
        born = day_text(resource.get("birthDate"))
        died = day_text(resource.get("deceasedDateTime"))
        if born and died and parse_days(died).last < parse_days(born).first:
            patient.contradictions.append(f"death on {died}, before the birth on {born}")
        for line in spool.lines(patient.name):
            if not line.day or line.name == patient.name:
                continue
            days = parse_days(line.day)
            if born and days.last < parse_days(born).first:
                what = f"{line.name} of {line.day}, before the birth on {born}"
                patient.contradictions.append(what)
            if died and days.first > parse_days(died).last:
                what = f"{line.name} of {line.day}, after the death on {died}"
                patient.contradictions.append(what)
        for rule, source, value, day in patient.compared:
            for other in patient.said(rule.fact):
                on, own = other.get("on"), str(other.get("value"))
                if on is None or full_day(day) is None:
                    continue
                near = abs(parse_day(on) - parse_day(day)) <= timedelta(days=rule.days)
                if near and own not in rule.fits.get(value, {own}):
                    patient.contradictions.append(
                        f"{rule.says}: {own} ({other.get('source')}, {on}) beside {value}"
                        f" ({source}, {day})"
                    )

    def _nothing_for(self, recorded: Recorded, patient: Patient) -> None:
        """Which recorded facts and lists got nothing."""
        names = [fact.name for fact in self.protocol.facts.values() if fact.derive is None]
        for name in (*names, *self.protocol.records):
            if recorded.facts.get(name) or recorded.entries.get(name):
                continue
            why = self.map.not_carried.get(name)
            if why is None:
                patient.nothing.append(name)
            else:
                patient.not_carried[name] = why

    def _write(self, recorded: Recorded, patient: Patient, folder: Folder) -> None:
        try:
            pack = f"{self.protocol.id} {self.protocol.version}"
            origin = f"Imported from FHIR R4 ({patient.name}) for {pack}."
            name = folder.write(recorded, self.protocol, origin, self.form)
        except InputRejected as rejected:
            patient.refused += [fault.message for fault in rejected.faults]
        else:
            patient.file = name
            patient.facts = {name: len(said) for name, said in recorded.facts.items()}
            patient.entries = {name: len(listed) for name, listed in recorded.entries.items()}


def _medication(
    resource: Resource, element: str, reference: str, spool: Spool
) -> tuple[list[tuple[str, str]], str] | None:
    """The codings and the label of the drug that a resource refers to."""
    holder = resource[element]
    text = str(holder.get("reference", "")) if isinstance(holder, dict) else ""
    if text.startswith("#"):
        for one in _dicts(resource.get("contained")):
            if one.get("id") == text[1:]:
                return codings(one.get("code")), concept_label(one.get("code"))
        return None
    rows = spool.base.execute("SELECT codes FROM medication WHERE name=?", (reference,)).fetchall()
    if not rows:
        return None
    found: list[tuple[str, str]] = []
    label = ""
    for (codes,) in rows:
        more, own = pickle.loads(codes)
        found, label = [*found, *more], label or own
    return found, label


def _joined(source: str, day: str, lines: list[Line]) -> Line:
    """One line for a resource that several rules looked at."""
    gave = tuple(where for line in lines for where in line.gave)
    why = "; ".join(dict.fromkeys(line.left for line in lines if line.left))
    if not gave and not why:
        why = "holds nothing that the map asks for"
    return Line(source, gave, why, day, any(line.look for line in lines))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _quick_day(resource: Resource) -> str:
    for key in DATED:
        value = resource.get(key)
        if isinstance(value, dict):
            value = value.get("end", value.get("start"))
        if day := day_text(value):
            return day
    return day_text(resource.get("onsetDateTime"))


def _without_meta(resource: Resource) -> Resource:
    return {key: value for key, value in resource.items() if key not in ("meta", "text")}


def _uncoded(concept: Any, label: str = "") -> str:
    found = codings(concept)
    if not found and isinstance(concept, dict) and concept.get("text"):
        return "its code is free text only"
    if not found:
        return f"no code of it is in the map ({label})" if label else "it has no code"
    system, code = found[0]
    name = concept_label(concept) or label
    return f"no code of it is in the map ({clean(system).rpartition('/')[2]} {clean(code)}, {name})"
