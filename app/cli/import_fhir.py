"""`eligo import fhir`: FHIR R4 records as subject files, and an account of every resource.

Two passes. The first reads each resource once and puts what may say something in a file of its
own (SQLite, in the temporary folder), so that memory does not grow with the input. The second
takes one patient after another, evaluates FHIRPath on what was kept, and writes the subject
file.
"""

from __future__ import annotations

import pickle
import sqlite3
import tempfile
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from hashlib import file_digest
from pathlib import Path

from app.exchange.fhir.account import account_for, contradictions, nothing_for
from app.exchange.fhir.confirm import Confirmation, Whole, settle, word_for
from app.exchange.fhir.files import input_files, read_map
from app.exchange.fhir.gather import Gatherer
from app.exchange.fhir.link import joined
from app.exchange.fhir.made import Gathered
from app.exchange.fhir.read import (
    Read,
    Source,
    contained,
    missing_pages,
    read_file,
)
from app.exchange.fhir.refer import activities
from app.exchange.fhir.select import Doubts, select
from app.exchange.fhir.spool import NOBODY, Spool
from app.exchange.folder import opened
from app.exchange.report import Line, Patient, Report
from app.run.exits import REJECTED
from app.run.inputs import may_be_one, say, unreadable, unwritable
from app.run.printing import put
from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.exchange.fhir.element import dicts
from engine.exchange.fhir.map import FhirMap
from engine.exchange.fhir.path import Resource
from engine.exchange.fhir.status import Around
from engine.exchange.questionnaire import questionnaire_url
from engine.exchange.recorded import Recorded, clean
from engine.exchange.summary import ON_SCREEN
from engine.read.sheet import NotThat
from engine.read.source import Num
from engine.terms import Protocol, Span
from engine.terms.faults import Fault, InputRejected

__all__ = ["Confirmation", "Import", "input_files", "run", "word_for"]
NO_PATIENT = frozenset(
    "Device Location Medication Organization Practitioner Procedure RelatedPerson Substance".split()
)
"""What a resource can be about instead of a patient. A Group is of patients."""

MOST_SAID = 50
"""How many messages the terminal gets; the report has them all."""


def run(arguments: Namespace) -> int:
    """Import; returns the exit code."""
    folder = arguments.protocol or shipped_pack()
    protocol = read_pack(folder)
    fhir_map = read_map(folder, protocol)
    today = date.today()
    try:
        confirmations = word_for(arguments.confirm or [], arguments.by, protocol, today)
    except NotThat as error:
        say(f"{error.message}" + (f"; {error.hint}" if error.hint else ""))
        return REJECTED
    files, missing = input_files(arguments.inputs)
    if not files:
        say("there is no FHIR file here (.json, .ndjson): nothing was imported")
        return REJECTED
    names = [name for _, name in files]
    work = Import(protocol, fhir_map, confirmations, arguments.id_system, arguments.format, today)
    work.missing = missing
    if any(path.is_dir() for path in arguments.inputs):
        work.doubts.partial.append("files of a folder may be missing")
    try:
        with (
            opened(arguments.out, "fhir", names, protocol) as made,
            Report(made, protocol) as report,
        ):
            work.run(files, report)
    except OSError as error:
        say(unwritable(Path(error.filename or arguments.out), error).text())
        return REJECTED
    for message in work.said:
        say(message)
    if work.unsaid:
        say(f"and {work.unsaid} more; the report names them")
    put(made.summary.text(ON_SCREEN, ON_SCREEN), end="")
    put(f"subject files: {made.subjects.as_posix()}")
    put(f"what became of each resource: {(made.account / 'report.txt').as_posix()}")
    return REJECTED if work.failed or made.summary.refused else 0


class Import:
    """One run of the import, for all its inputs."""

    def __init__(
        self,
        protocol: Protocol,
        fhir_map: FhirMap,
        confirmations: list[Confirmation],
        id_system: str | None,
        form: str,
        today: date | None = None,
    ) -> None:
        self.protocol, self.map, self.form = protocol, fhir_map, form
        self.confirmations, self.id_system = confirmations, id_system
        self.around = Around(today or date.today())
        self.doubts = Doubts()
        self.missing: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.unsaid = 0
        self.failed = False

    def run(self, files: list[tuple[Path, str]], report: Report) -> None:
        """Read the files, write the subjects, fill the report.

        Raises: InputRejected where a file cannot be read, OSError where one cannot be written.
        """
        with tempfile.TemporaryDirectory() as folder:
            spool = Spool(folder)
            try:
                self._read(files, spool, report)
                spool.settle()
                self._subjects(spool, report)
            except sqlite3.OperationalError as error:
                what = f"the temporary folder cannot be written: {error}"
                hint = "make room, or name another with TMPDIR"
                fault = Fault(Span(folder, 1, 1), "unwritable", what, hint)
                raise InputRejected([fault]) from None
            finally:
                spool.base.close()

    def fail(self, messages: list[str]) -> None:
        """Say what makes the run end with an input that was rejected."""
        self.failed |= bool(messages)
        self.warn(messages)

    def warn(self, messages: list[str]) -> None:
        """Say something on the terminal, as long as that is not too much."""
        room = max(0, MOST_SAID - len(self.said))
        self.said += messages[:room]
        self.unsaid += len(messages[room:])

    # --- first pass -----------------------------------------------------------------------

    def _read(self, files: list[tuple[Path, str]], spool: Spool, report: Report) -> None:
        url = questionnaire_url(self.protocol)
        n = 0
        pages: list[tuple[int | None, int, bool]] = []
        seen: dict[str, str] = {}
        for path, name in files:
            try:
                with path.open("rb") as stream:
                    digest = file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                raise InputRejected([unreadable(path, error)]) from None
            if digest in seen:
                what = "a file that equals another of the input was read once"
                report.summary.note("remark", what, about=f"{name} is {seen[digest]}")
                continue
            seen[digest] = name
            spool.new_file()
            source = Source(name)
            for read in _reading(path, name, source):
                n += 1
                outer = n
                try:
                    select(n, read, self.map, url, spool, self.doubts)
                    parts = [read, *contained(read)]
                    for part in (*parts[1:], *(done for one in parts for done in activities(one))):
                        n += 1
                        select(n, part, self.map, url, spool, self.doubts, outer)
                except RecursionError:
                    spool.line(n, NOBODY, Line(read.place, left="nested too deep"))
                    self.doubts.lose(read.place, "nested too deep")
            pages += source.pages
            self.doubts.lost += source.lost
            for why in dict.fromkeys(source.doubts):
                self.doubts.partial.append(f"{name}: {why}")
                report.summary.note("remark", f"not known to be whole: {why}", about=name)
        self.doubts.lost += missing_pages(pages)
        for _, name, _ in self.doubts.linked:
            what = "a patient who is linked to another record of the same person"
            report.summary.note("remark", what, about=name)
        self.names = list(seen.values())
        self.fail([f"not read: {place}: {why}" for place, why in self.doubts.unread])
        self.failed |= bool(self.missing)
        for place, why in (*self.doubts.unread, *self.missing):
            report.summary.note("unread", why, about=place)

    # --- second pass: one patient after another ------------------------------------------

    def _subjects(self, spool: Spool, report: Report) -> None:
        rows = spool.base.execute(
            "SELECT identity, name, state, body FROM placed JOIN seen USING(n)"
            " WHERE kind='Patient' AND body IS NOT NULL AND state IN ('live', 'unclear')"
            " ORDER BY n"
        ).fetchall()
        patients: dict[str, tuple[str, str, str, bool]] = {}
        for identity, name, state, body in rows:
            subject, why = self._subject_id(name, pickle.loads(body))
            patients.setdefault(identity, (name, subject, why, state == "unclear"))
        ids = Counter(subject for _, subject, _, _ in patients.values())
        near: dict[str, list[str]] = {}
        for subject in ids:
            near.setdefault(may_be_one(subject), []).append(subject)
        for several in near.values():
            if len(several) > 1:
                what = "ids that differ in case, width, leading zeros, blanks or script alone"
                hint = "are they one person? the import takes them for several"
                report.summary.note("remark", what, about=" and ".join(several), hint=hint)
        if not patients:
            self.fail(["no patient: nothing was imported"])
        lost = self._others(spool, report)
        links = joined(spool, self.doubts.linked)
        gatherer = Gatherer(self.protocol, self.map, spool, self.around)
        whole = Whole(
            partial=tuple(dict.fromkeys((*self.doubts.partial, *spool.stray()))),
            unread=(
                *(f"{place}: {why}" for place, why in (*self.doubts.unread, *self.missing)),
                *lost,
            ),
            patients=len(patients),
            source=_source(self.names),
            lost=tuple(dict.fromkeys(self.doubts.lost)),
        )
        used: set[int] = set()
        for identity, (name, subject, why, unclear) in patients.items():
            patient = Patient(name, subject)
            if unclear:
                patient.refused.append(f"the input has two different resources called {name}")
            elif why:
                patient.refused.append(why)
            elif ids[subject] > 1:
                patient.refused.append(f"another patient of the input has the id {subject} too")
            found = gatherer.gather(identity, patient)
            patient.refused += found.foreign
            if identity in links.refused:
                patient.refused.append(links.refused[identity])
            if identity in links.lost:
                patient.remarks.append(links.lost[identity])
                found.lost.append(links.lost[identity])
            self._one(identity, patient, found, whole, used, spool, report)
        report.others(partial(spool.lines, NOBODY))
        for number, one in enumerate(self.confirmations):
            if number not in used and one.subject:
                self.fail([f"no list was confirmed for `{one.subject}`, who is not in the input"])

    def _one(
        self,
        identity: str,
        patient: Patient,
        found: Gathered,
        whole: Whole,
        used: set[int],
        spool: Spool,
        report: Report,
    ) -> None:
        recorded = found.recorded
        for message in found.future:
            self.fail([f"{patient.subject}: {message}, after today, {self.around.today}"])
        for message in found.unread:
            self.fail([f"{patient.subject}: {message}"])
            report.summary.note("unread", "a form that cannot be taken", about=message)
        whole = replace(
            whole,
            unread=(*whole.unread, *found.unread),
            lost=(*whole.lost, *found.lost),
            partial=(*whole.partial, *found.partial),
        )
        warned, failed = settle(self.confirmations, recorded, patient, found, whole, used)
        self.warn(warned)
        self.fail(failed)
        patient.statements = recorded.facts
        contradictions(spool, identity, patient, self.around)
        recorded.imported = {
            "from": whole.source,
            "whole": not whole.partial and not whole.unread and not whole.lost,
            "left_out": Num(str(found.left_out)),
        }
        if not patient.refused:
            self._write(recorded, patient, report)
        nothing_for(self.protocol, self.map, recorded, patient)
        account_for(found, patient, report.summary)
        report.patient(patient, partial(spool.lines, identity))

    def _others(self, spool: Spool, report: Report) -> list[str]:
        """What belongs to no patient of the input; returns what may be of any of them."""
        lost = []
        known = (identity.rpartition("|")[2] for identity in spool.patients)
        near = {may_be_one(key): key for key in known}
        rows = spool.base.execute(
            "SELECT n, name, kind, body IS NOT NULL, why, look, day, about, state, patient"
            " FROM placed JOIN seen USING(n)"
            " WHERE patient NOT IN (SELECT identity FROM known) ORDER BY n"
        )
        for n, name, kind, kept, why, look, day, about, state, patient in rows:
            if kind == "Patient" and kept:
                spool.line(n, NOBODY, Line(name, left="deleted since"))
                continue
            if not kept or kind == "Medication":
                if name and kind:
                    spool.line(n, NOBODY, Line(name, left=why, day=day, look=bool(look)))
                continue
            who = patient.rpartition("|")[2]
            if not who and not about:
                left, anybody = "about nobody that can be found, not a patient of the input", True
            elif who.startswith(("Patient/", "urn:")) or (not who and about):
                left, anybody = f"its patient {who} is not in the input", False
                if not who:
                    left, anybody = "about nobody that can be found by the identifier", True
            else:
                left = f"about {who}, not a patient of the input"
                anybody = who.partition("/")[0] not in NO_PATIENT
            if near.get(may_be_one(who), who) != who:
                left, anybody = f"about {who}, which may be {near[may_be_one(who)]}", True
            if state in ("live", "unclear", "again"):
                note = left if anybody else "about somebody who is not in the input"
                report.summary.note("unread", note, about=name)
                if anybody:
                    lost.append(f"{name}: {left}")
            spool.line(n, NOBODY, Line(name, left=left, day=day, look=True))
        self.fail([f"not given to anybody: {one}" for one in lost])
        return lost

    def _subject_id(self, name: str, resource: Resource) -> tuple[str, str]:
        """The study id of a patient, and why there is none."""
        if self.id_system is None:
            return name.rpartition("/")[2].rpartition(":")[2][:100], ""
        values = {
            clean(one["value"])
            for one in dicts(resource.get("identifier"))
            if one.get("system") == self.id_system and isinstance(one.get("value"), str)
        }
        if len(values) == 1 and (value := values.pop()):
            return value[:100], ""
        return name.rpartition("/")[2], f"{len(values)} identifiers of {self.id_system}, not one"

    def _write(self, recorded: Recorded, patient: Patient, report: Report) -> None:
        try:
            pack = f"{self.protocol.id} {self.protocol.version}"
            origin = f"Imported from FHIR R4 ({patient.name}) for {pack}."
            name = report.folder.write(recorded, self.protocol, origin, self.form)
        except InputRejected as rejected:
            patient.refused += [fault.message for fault in rejected.faults]
        else:
            patient.file = name
            patient.facts = {name: len(said) for name, said in recorded.facts.items()}
            patient.entries = {name: len(listed) for name, listed in recorded.entries.items()}


def _source(names: list[str]) -> str:
    """What a subject file says that it was imported from."""
    shown = ", ".join(names[:3])
    return clean(shown + (f" and {len(names) - 3} more files" if len(names) > 3 else ""))


def _reading(path: Path, name: str, source: Source) -> Iterator[Read]:
    try:
        yield from read_file(path, name, source)
    except OSError as error:
        raise InputRejected([unreadable(path, error)]) from None
