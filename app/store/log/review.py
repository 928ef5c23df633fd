"""Read a log as an auditor does: a list of decisions, or one with what changed before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from app.store.log.append import whole_record
from app.store.log.store import Log
from engine.log import LogFault
from engine.log.entry import (
    Decided,
    Details,
    Issued,
    Redacted,
    Signed,
    read_details,
    read_entry,
    read_report,
)
from engine.read.source import read_document
from engine.terms.faults import InputRejected


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions to list; an empty field asks for nothing.

    `criterion`: it determined the verdict. `since` and `until` are days (ISO) of the entry's UTC
    time, both included. Redacted decisions match only where nothing private is asked.
    """

    subject: str = ""
    verdict: str = ""
    criterion: str = ""
    since: str = ""
    until: str = ""
    by: str = ""

    def fits(self, entry: Decided, details: Details | None) -> bool:
        """Whether a decision is wanted."""
        day = entry.time[:10]
        if (self.since and day < self.since) or (self.until and day > self.until):
            return False
        if self.by and self.by.casefold() not in entry.by.casefold():
            return False
        if details is None:
            return not (self.subject or self.verdict or self.criterion)
        return (
            self.subject in ("", details.subject)
            and self.verdict in ("", details.verdict)
            and self.criterion in ("", *details.determined_by)
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One decision of a list. `details` is None once it was redacted, by entry `removed_by`."""

    entry: Decided
    details: Details | None
    signatures: tuple[Signed, ...]
    removed_by: int | None


def list_decisions(log: Log, wanted: Wanted) -> list[Listed]:
    """The decisions that are wanted, oldest first."""
    found: list[tuple[Decided, Details | None]] = []
    signatures: dict[int, list[Signed]] = {}
    removed: dict[int, int] = {}
    with log.as_it_stands():
        for _, data in log.entries():
            entry = read_entry(data)
            if isinstance(entry, Decided):
                details = _details(log, entry)
                if wanted.fits(entry, details):
                    found.append((entry, details))
            elif isinstance(entry, Signed):
                signatures.setdefault(entry.of, []).append(entry)
            elif isinstance(entry, Redacted):
                removed.update(dict.fromkeys(entry.of, entry.index))
    return [
        Listed(entry, details, tuple(signatures.get(entry.index, ())), removed.get(entry.index))
        for entry, details in found
    ]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs: where, and both values as text; None where there was none."""

    where: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One decision for an auditor: what was known when, by whom, and what changed.

    `reports`: each that was written, with its form ("" once redacted). `record` and `facts` are
    None once redacted. `before` is the last decision on this subject
    ahead of it, if there is one; the changes lead from that one to this.
    """

    listed: Listed
    reports: tuple[tuple[Issued, str], ...]
    record: Mapping[str, Any] | None
    facts: bytes | None
    removal: Redacted | None
    before: int | None
    facts_changed: tuple[Difference, ...]
    decision_changed: tuple[Difference, ...]


def show(log: Log, index: int) -> Shown:
    """One decision. Raises: LogFault if entry `index` is none, or is damaged."""
    with log.as_it_stands():
        entry = read_entry(log.entry(index))
        if not isinstance(entry, Decided):
            raise LogFault(f"entry {index} is a {entry.kind}, not a decision")
        details = _details(log, entry)
        signatures: list[Signed] = []
        reports: list[tuple[Issued, str]] = []
        removal: Redacted | None = None
        before: tuple[Decided, Details] | None = None
        for number, data in log.entries():
            other = read_entry(data)
            if isinstance(other, Decided) and number < index and details is not None:
                theirs = _details(log, other)
                if theirs is not None and theirs.subject == details.subject:
                    before = other, theirs
            elif isinstance(other, Signed) and other.of == index:
                signatures.append(other)
            elif isinstance(other, Issued) and other.of == index:
                kept = log.piece(other.report)
                reports.append((other, "" if kept is None else read_report(kept)[0]))
            elif isinstance(other, Redacted) and index in other.of:
                removal = other
        listed = Listed(entry, details, tuple(signatures), removal.index if removal else None)
        record, facts = log.piece(entry.record), log.piece(entry.facts)
        if details is None or record is None or facts is None:
            return Shown(listed, tuple(reports), None, None, removal, None, (), ())
        plain = whole_record(record)
        if before is None:
            return Shown(listed, tuple(reports), plain, facts, removal, None, (), ())
        old_entry, old_details = before
        old_record, old_facts = log.piece(old_entry.record), log.piece(old_entry.facts)
        assert old_record is not None and old_facts is not None
        return Shown(
            listed,
            tuple(reports),
            plain,
            facts,
            removal,
            old_entry.index,
            differences(_recorded(old_facts, old_details), _recorded(facts, details)),
            decision_changes(whole_record(old_record), plain),
        )


def _details(log: Log, entry: Decided) -> Details | None:
    data = log.piece(entry.details)
    return None if data is None else read_details(data)


def _recorded(facts: bytes, details: Details) -> Any:
    try:
        return read_document(f"subject.{details.form}", facts).value
    except InputRejected:
        raise LogFault("the subject file in the log is not one: run verify") from None


# --- what changed ------------------------------------------------------------------------


def decision_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What differs between two decision records, field by field, in the order of a report."""
    before, after = dict(_summary(old)), dict(_summary(new))
    return tuple(
        Difference(where, before.get(where), after.get(where))
        for where in dict.fromkeys((*before, *after))
        if before.get(where) != after.get(where)
    )


def _summary(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a decision came to, and on what: (where, value)."""
    yield "verdict", record["verdict"]
    yield "as_of", record["as_of"]
    for name in ("id", "version", "digest"):
        yield f"protocol.{name}", record["protocol"][name]
    for name, version in record["software"].items():
        yield f"software.{name}", version
    seen = set()
    for criterion in record["criteria"]:
        yield f"{criterion['id']}.text", criterion["text"]
        yield f"{criterion['id']}.interpretation", criterion["interpretation"]
        yield f"{criterion['id']}.status", criterion["status"]
        for why in nodes(criterion["why"]):
            for reading in (why.get("reading"), why.get("against")):
                if reading is None or reading["fact"] in seen:
                    continue
                seen.add(reading["fact"])
                for name in ("value", "unit", "reason", "on", "source", "by", "good_until"):
                    if reading.get(name) is not None:
                        yield f"{reading['fact']}.{name}", _text(reading[name])


def nodes(why: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A condition of a record and all below it, in order."""
    yield why
    for child in why["children"]:
        yield from nodes(child)


def differences(old: Any, new: Any, where: str = "") -> tuple[Difference, ...]:
    """Field by field, what differs between two plain values.

    Entries of a list that are equal are matched up first, so that one put in at the front
    does not make all others differ; places are those of the new list, of the old one for
    what was taken out.
    """
    return tuple(_differences(old, new, where))


def _differences(old: Any, new: Any, where: str) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys((*old, *new)):
            yield from _at(old, new, name, f"{where}.{name}" if where else str(name))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list_differences(old, new, where)
    elif _text(old) != _text(new):
        yield Difference(where, _text(old), _text(new))


def _at(
    old: Mapping[str, Any], new: Mapping[str, Any], name: str, where: str
) -> Iterator[Difference]:
    if name not in new:
        yield Difference(where, _text(old[name]), None)
    elif name not in old:
        yield Difference(where, None, _text(new[name]))
    else:
        yield from _differences(old[name], new[name], where)


def _list_differences(old: Sequence[Any], new: Sequence[Any], where: str) -> Iterator[Difference]:
    matcher = SequenceMatcher(None, [*map(_text, old)], [*map(_text, new)], autojunk=False)
    for tag, start, end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = min(end - start, new_end - new_start)
        for step in range(pairs):
            place = f"{where}[{new_start + step}]"
            yield from _differences(old[start + step], new[new_start + step], place)
        for number in range(start + pairs, end):
            yield Difference(f"{where}[{number}]", _text(old[number]), None)
        for number in range(new_start + pairs, new_end):
            yield Difference(f"{where}[{number}]", None, _text(new[number]))


def _text(value: Any) -> str:
    """A plain value as one line of text."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(map(_text, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
