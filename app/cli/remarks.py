"""What `eligo check` remarks on in subject files, and the line `...` that it adds to them.

A remark is no fault: the file says what it says, and is screened. But the person who entered it
may have meant something else, or has something to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path as FilePath

from app.run.exits import REJECTED
from app.run.inputs import (
    SubjectFile,
    Twice,
    in_effect,
    may_be_one,
    path_text,
    print_faults,
    same_ids,
    subject_files,
    subject_in,
    unwritable,
)
from app.run.printing import hand_out, put, say, tell
from app.store.writing import write_file
from engine.decide.decision import rejection
from engine.explain.recorded import entry_fields, entry_number, unusual
from engine.read.source import Document, Path, scan_document, shorten
from engine.read.subjects import born_on, entry_path, subject_of
from engine.record.messages import say as worded
from engine.record.shape import dump, dump_any
from engine.record.wording import amount_text, counted, range_text
from engine.select.lists import relied_on
from engine.select.readings import find_readings
from engine.terms import Amount, Days, Entries, Fact, Field, Protocol, RecordList, Subject
from engine.terms.agents import as_recorded, standing
from engine.terms.calendar import earliest
from engine.terms.faults import Fault, InputRejected, did_you_mean

END = b"..."


# --- remarks ----------------------------------------------------------------------------


def remarks(
    protocol: Protocol, subject: Subject, document: Document, as_of: date
) -> Iterator[Fault]:
    """What is worth a look in a subject that has no faults, in the dictionary's order."""
    found = find_readings(protocol, subject, as_of)
    yield from _before_birth(protocol, subject, document)
    for name, fact in protocol.facts.items():
        one = found.get(name)
        if one is None or name not in subject.facts:
            continue
        for statement, why in one.passed:
            if why == "not_yet" and statement.first is not None:
                what = f"this value of `{name}` is passed over: it is of {statement.first}, "
                what += f"after the as-of date, {as_of}"
                hint = "check the day, and screen as of that day or later"
                yield document.fault((*entry_path(statement.entry), "on"), "not-yet", what, hint)
        if one.reading.reason == "out_of_date" and one.until is not None:
            what = f"`{name}` may be relied on up to {one.until}, and is out of date on {as_of}"
            place = entry_path(one.statements[0].entry)
            yield document.fault(place, "out-of-date", what, "record a newer result")
        for statement in subject.facts[name]:
            if isinstance(statement.value, Amount) and not statement.voided:
                yield from _unusual(fact, statement.value, entry_path(statement.entry), document)
    for name, record in protocol.records.items():
        listed = subject.records.get(name)
        if listed is not None:
            yield from _of_list(record, listed, document, as_of)


def _before_birth(protocol: Protocol, subject: Subject, document: Document) -> Iterator[Fault]:
    """Days before the earliest that the subject can have been born on."""
    born = born_on(protocol, subject.facts)
    if born is None:
        return
    slips: list[Path] = []
    for one in (one for several in subject.facts.values() for one in several if not one.voided):
        place = entry_path(one.entry)
        if one.last is not None and one.last < born:
            slips.append((*place, "on" if one.on or one.within else "not_after"))
        elif isinstance(one.value, Days) and one.value.last < born:
            slips.append(place)
    for name, listed in subject.records.items():
        if listed.complete_on is not None and listed.complete_on < born:
            slips.append(("records", name, "complete_on"))
        for entry in as_recorded(listed.entries):
            fields = (f for f, v in entry.values.items() if isinstance(v, Days) and v.last < born)
            slips += [(*entry_path(entry.entry), field) for field in fields]
    for path in slips:
        what = f"it is before the birth, {born}"
        yield document.fault(path, "before-birth", what, "check the year, and the birth date")


def _of_list(
    record: RecordList, listed: Entries, document: Document, as_of: date
) -> Iterator[Fault]:
    name, on = record.name, listed.complete_on
    if on is not None and not relied_on(record, listed, as_of):
        what = f"the confirmation of `{name}` does not count: "
        hint = "confirm the list again"
        if listed.doubt == "not_closed":
            what += "the file does not end with the line `...`"
            hint = "`eligo check --close FILE` shows the lists and adds it"
        elif listed.doubt == "more_entries":
            what += f"`count` says {listed.count}, and there are more entries"
        elif on > as_of:
            what += f"it is of {on}, after the as-of date, {as_of}"
            hint = "check the day, and screen as of that day or later"
        else:
            what += f"it is of {on}, and counts up to {earliest(on, record.valid_for)}"
        yield document.fault(("records", name, "complete_on"), "not-confirmed", what, hint)
    for entry in as_recorded(listed.entries):
        place = entry_path(entry.entry)
        for field in record.fields.values():
            value = entry.values.get(field.name)
            if isinstance(value, Amount):
                yield from _unusual(field, value, (*place, field.name), document)
        text = entry.values.get(record.known_by)
        if record.known and isinstance(text, str) and not entry.exact:
            said = standing(entry, record)
            names = [n for a in record.known.values() for n in (a.name, *a.synonyms)]
            near = did_you_mean(text, names) if said == "not on the list" else ""
            hint = near if near.startswith("did you mean") else ""
            what = f"`{shorten(text)}` {_STANDS[said]}"
            yield document.fault((*place, record.known_by), "not-listed", what, hint)


_STANDS = {
    "holds a listed name": "holds a listed name among other words, and may be what it implies",
    "not on the list": "is not on the list: its class stands as recorded",
}


def _unusual(of: Fact | Field, value: Amount, place: Path, document: Document) -> Iterator[Fault]:
    if of.usual_u is not None and unusual(of, value):
        said = f"{value.sign}{amount_text(value.amount_u, value.unit)}"
        what = f"`{said}` is not usual ({range_text(*of.usual_u, of.unit)})"
        yield document.fault(place, "unusual", what, "confirm value and unit")


def _alike(subjects: Sequence[tuple[Subject, Document]]) -> Iterator[tuple[str, Fault]]:
    """Ids of several files that may be meant for one person."""
    groups: dict[str, list[tuple[Subject, Document]]] = {}
    for one in subjects:
        groups.setdefault(may_be_one(one[0].id), []).append(one)
    for group in groups.values():
        for subject, document in group if len(group) > 1 else ():
            others = [f"`{other.id}`" for other, _ in group if other.id != subject.id]
            what = f"the id `{subject.id}` may be meant for the same person as {', '.join(others)}"
            hint = "write one person's id alike in all files"
            yield subject.id, document.fault(("subject",), "alike-ids", what, hint)


# --- `eligo check` of subject files ---------------------------------------------------------


def check_subjects(
    paths: Sequence[FilePath], protocol: Protocol, as_of: date, as_json: bool, today: date
) -> int:
    """Print every fault of subject files, and every remark; returns the exit code."""
    files, missing = subject_files(paths)
    worst = 0
    if missing:
        print_rejected(missing, None, "files", as_json)
        worst = REJECTED
    elif not files:
        say("there is no subject file and no pack here: nothing was checked")
        worst = REJECTED
    shown = [replace(file, name=path_text(file.path)) for file in files]
    twice = same_ids(shown)
    clean: list[tuple[Subject, Document]] = []
    found: list[tuple[str, Fault]] = []
    for file in shown:
        try:
            subject, document, _ = subject_in(file, protocol, as_of, twice, today)
        except InputRejected as rejected:
            print_rejected(rejected.faults, rejected.subject, file.name, as_json)
            worst = REJECTED
            continue
        clean.append((subject, document))
        found += [(subject.id, one) for one in remarks(protocol, subject, document, as_of)]
    found += _alike(clean)
    for id_, one in found:
        if as_json:
            put(dump_any(_remark_record(id_, one)).decode())
        else:
            put(replace(one, code=f"remark: {one.code}").text())
    if not as_json:
        note = in_effect(protocol, as_of)
        if note:
            tell(note)
        faulty = len(files) - len(clean)
        said = f"faults in {faulty}" if faulty else "no faults"
        if found:
            said += f", {counted(len(found), 'remark')}"
        put(f"{counted(len(files), 'subject file')}: {said}")
    return worst


def print_rejected(faults: Sequence[Fault], subject: str | None, name: str, as_json: bool) -> None:
    """Print why a pack or a subject file is rejected."""
    if as_json:
        hand_out(dump(rejection(InputRejected(faults), subject)) + b"\n")
        return
    for fault in faults:
        put(fault.text())
    put(f"{name}: {counted(sum(fault.count for fault in faults), 'fault')}")


def _remark_record(subject: str, remark: Fault) -> Mapping[str, object]:
    return {
        "schema": "eligo.remark/1",
        "subject": subject,
        "file": remark.span.path,
        "line": remark.span.line,
        "column": remark.span.column,
        "code": remark.code,
        "message": remark.message,
        "hint": remark.hint,
    }


# --- the line that ends a file --------------------------------------------------------------


def close_files(paths: Sequence[FilePath], protocol: Protocol, as_of: date, today: date) -> int:
    """Show the lists that subject files confirm, and end the files; returns the exit code."""
    files, missing = subject_files(paths)
    print_faults(missing)
    if not files and not missing:
        say("there is no subject file here: nothing was closed")
    shown = [replace(file, name=path_text(file.path)) for file in files]
    twice = same_ids(shown)
    done = [_closed(file, protocol, as_of, twice, today) for file in shown]
    return 0 if files and all(done) and not missing else REJECTED


def _closed(file: SubjectFile, protocol: Protocol, as_of: date, twice: Twice, today: date) -> bool:
    """End one file; False if it cannot be done, which is said."""
    try:
        _, document, data = subject_in(file, protocol, as_of, twice, today)
        if file.path.suffix.lower() == ".json":
            tell(f"{file.name}: nothing to do: JSON cannot be cut unseen")
            return True
        if document.tail is None:
            tell(f"{file.name}: nothing to do: it ends with the line `...` already")
            return True
        line_end = b"\r\n" if b"\r\n" in data else b"\n"
        ended = data if data.endswith(b"\n") else data + line_end
        ended += END + line_end
        document = scan_document(file.name, ended)
        subject = subject_of(document, protocol, "", as_of, today)
    except InputRejected as rejected:
        for fault in rejected.faults:
            put(fault.text())
        tell(f"{file.name}: not closed: mend what is wrong first")
        return False
    tell(f"{file.name}: {subject.id}")
    confirmed_lists = 0
    for name, record in protocol.records.items():
        listed = subject.records.get(name)
        if listed is not None and listed.complete_on is not None:
            confirmed_lists += 1
            _show(record, listed)
    try:
        write_file(file.path, ended)
    except OSError as error:
        say(unwritable(file.path, error).text())
        return False
    lists = counted(confirmed_lists, "confirmed list") if confirmed_lists else "no confirmed list"
    tell(f"{file.name}: closed: the line `...` was added below {_last_line(document)}; {lists}")
    return True


def _last_line(document: Document) -> str:
    """The last line of a file above the one that ends it, as it is called."""
    lines = document.text.rstrip().removesuffix("...").rstrip().split("\n")
    return f"line {len(lines)}, `{lines[-1].strip()}`"


def _show(record: RecordList, listed: Entries) -> None:
    assert listed.complete_on is not None
    shown = as_recorded(listed.entries)
    by = f" by {listed.by}" if listed.by else ""
    entries = counted(len(shown), "entry") if shown else "no entry"
    entries = entries.replace("entrys", "entries")
    tell(f"  {record.name}: confirmed complete on {listed.complete_on}{by}, {entries}", "    ")
    for entry in shown:
        said = worded(
            "follows.entry", number=entry_number(entry), fields=entry_fields(entry, record)
        ).text
        tell(f"    {said}{' (voided)' if entry.voided else ''}", "      ")
