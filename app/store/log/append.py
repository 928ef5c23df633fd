"""What may be added to a log: a decision; its signature, its report; the redaction of some."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from unicodedata import normalize

from app.store.log.store import Addition, Log, Receipt
from engine.log import LogFault, tree
from engine.log.entry import (
    LONGEST_REASON,
    Decided,
    Details,
    EntryFault,
    Issued,
    Meaning,
    Redacted,
    Signed,
    details_bytes,
    digest_of,
    read_details,
    read_entry,
    report_bytes,
    sealed,
    unsealed,
)
from engine.log.manifest import pack_manifest, read_manifest
from engine.record.checked import checked_decision
from engine.record.shape import dump_any
from engine.record.shapes import Misfit

Clock = Callable[[], datetime]
"""Says what time it is, with its time zone."""


def append_decision(
    log: Log,
    *,
    record: bytes,
    facts: bytes,
    form: Literal["json", "yaml"],
    pack: Mapping[str, bytes],
    by: str,
    reason: str,
    now: Clock,
) -> Receipt:
    """Append a decision with all that it takes to decide again.

    `record` is the published line without its end, `facts` the subject file, read as `form`;
    `pack` the files it was decided under. `reason` may be empty.
    Raises: LogFault if these do not belong together or the log cannot be written.
    """
    plain = whole_record(record)
    details = details_of(plain, form, reason)
    manifest = unsealed(pack_manifest(pack))
    if read_manifest(manifest.data or b"").keys() != pack.keys():
        raise EntryFault("a file of the pack has a name that a log cannot keep")
    if plain["protocol"]["digest"] != manifest.name():
        raise EntryFault("the decision was not made under this pack")
    if plain["facts_digest"] != "sha256:" + sha256(facts).hexdigest():
        raise EntryFault("the decision was not made on this subject file")
    private = sealed(details_bytes(details)), sealed(facts), sealed(record)
    opened = [manifest, *map(unsealed, pack.values())]

    def make(index: int, after: str, time: str) -> Addition:
        summary, file, decision = private
        entry = Decided(
            index=index,
            after=after,
            time=time,
            by=by.strip(),
            as_of=plain["as_of"],
            pack=plain["protocol"]["digest"],
            software=plain["software"],
            details=summary.name(),
            facts=file.name(),
            record=decision.name(),
        )
        return Addition(entry, (*private, *opened))

    return log.append(make, now)


def whole_record(record: bytes) -> Any:
    """A decision record, seen to be one, to hold together, and to state everything once.

    Raises: EntryFault if it is none.
    """
    import orjson

    try:
        whole = orjson.loads(record)
        if isinstance(whole, dict) and whole.get("schema") == "eligo.decision/1":
            return _old_record(record, whole)
        if dump_any(whole) != record:
            raise ValueError("not as records are written")
        return checked_decision(whole)
    except Misfit as misfit:
        raise EntryFault(f"the record is not a decision, or was altered: {misfit}") from None
    except (ValueError, TypeError, LookupError, AttributeError):
        raise EntryFault("the record is not a decision, or states something twice") from None


def _old_record(record: bytes, whole: Any) -> Any:
    """A record of `eligo.decision/1`, as logs took them then."""
    import orjson

    # A quote inside a text is escaped, so these bytes cannot be part of one.
    head, found, _ = record.partition(b',"criteria":')
    plain = orjson.loads(head + b"}") if found else {}
    if not plain or any(whole[name] != value for name, value in plain.items()):
        raise ValueError("a record that states something twice")
    criteria = whole["criteria"]
    if not isinstance(criteria, list) or not isinstance(whole["firings"], list):
        raise TypeError("a record whose criteria or firings are no list")
    for criterion in criteria:
        nodes = [criterion["why"]]
        while nodes:  # what reads a record goes down every condition
            nodes += nodes.pop()["children"]
        _ = [criterion[name] for name in ("id", "text", "interpretation", "status")]
    _ = [whole["protocol"][name] for name in ("id", "version", "digest")]
    _ = [whole["software"].items(), whole["subject"], whole["facts_digest"], whole["as_of"]]
    return whole


def details_of(plain: Any, form: Literal["json", "yaml"], reason: str) -> Details:
    """The details of a decision record. Raises: EntryFault for a reason that is none."""
    reason = reason.strip()
    if len(reason) > LONGEST_REASON or not (reason + ".").isprintable():
        raise EntryFault(f"a reason has at most {LONGEST_REASON} characters on one line")
    return Details(
        subject=plain["subject"],
        verdict=plain["verdict"],
        protocol=plain["protocol"]["id"],
        version=plain["protocol"]["version"],
        determined_by=tuple(plain["determined_by"]),
        form=form,
        reason=reason,
    )


def append_signature(log: Log, index: int, *, by: str, meaning: Meaning, now: Clock) -> Receipt:
    """Append `by`'s signature on the decision at `index`.

    Raises: LogFault if there is no such decision, or it was redacted.
    """

    def make(new: int, after: str, time: str) -> Addition:
        leaf = _leaf_of_decision(log, index, "sign")
        return Addition(Signed(new, after, time, by.strip(), index, leaf, meaning))

    return log.append(make, now)


def append_report(
    log: Log, index: int, *, report: bytes, form: str, by: str, now: Clock
) -> Receipt:
    """Append that a report of the decision at `index` was made: `report` are its bytes.

    The log keeps the digest of the report, not the report.
    Raises: LogFault if there is no such decision, or it was redacted.
    """
    content = sealed(report_bytes(report, form))

    def make(new: int, after: str, time: str) -> Addition:
        leaf = _leaf_of_decision(log, index, "report")
        return Addition(
            Issued(new, after, time, by.strip(), index, leaf, content.name()), (content,)
        )

    return log.append(make, now)


def _leaf_of_decision(log: Log, index: int, act: str) -> str:
    """The hash by which an entry names the decision at `index`. Raises: LogFault."""
    data = log.entry(index)
    decided = read_entry(data)
    if not isinstance(decided, Decided):
        raise LogFault(f"entry {index} is a {decided.kind}; there is no decision to {act}")
    if log.piece(decided.record) is None:
        raise LogFault(f"entry {index} was redacted: there is nothing left to {act}")
    return "sha256:" + tree.leaf_hash(data).hex()


@dataclass(frozen=True, slots=True)
class Removal:
    """What a redaction did: its entry, the decisions it emptied, and whether all copies that
    the database keeps beside itself are gone (else: `Log.forget_removed`, later)."""

    receipt: Receipt
    of: tuple[int, ...]
    complete: bool


def redact_subject(log: Log, subject: str, *, by: str, reason: str, now: Clock) -> Removal:
    """Remove every private content of every decision on `subject`.

    Raises: LogFault if the log has none.
    """

    def chosen() -> list[tuple[int, Decided]]:
        found = []
        for index, data in log.entries():
            entry = read_entry(data)
            if isinstance(entry, Decided):
                details = log.piece(entry.details)
                if details is not None and read_details(details).subject == subject:
                    found.append((index, entry))
        if not found:
            raise LogFault(f"the log has no decision on subject `{subject}`")
        return found

    return _redact(log, chosen, by, reason, now)


def redact_entries(
    log: Log, indices: Iterable[int], *, by: str, reason: str, now: Clock
) -> Removal:
    """Remove every private content of these decisions. Raises: LogFault."""
    wanted = sorted(set(indices))

    def chosen() -> list[tuple[int, Decided]]:
        found = []
        for index in wanted:
            entry = read_entry(log.entry(index))
            if not isinstance(entry, Decided):
                raise LogFault(f"entry {index} is a {entry.kind}; only decisions are redacted")
            if log.piece(entry.record) is None:
                raise LogFault(f"entry {index} was redacted before")
            found.append((index, entry))
        return found

    return _redact(log, chosen, by, reason, now)


def _redact(
    log: Log,
    chosen: Callable[[], list[tuple[int, Decided]]],
    by: str,
    reason: str,
    now: Clock,
) -> Removal:
    of: tuple[int, ...] = ()

    def make(index: int, after: str, time: str) -> Addition:
        nonlocal of
        found = chosen()
        for number, decided in found:
            data = log.piece(decided.details)
            if data is not None and names(reason, read_details(data).subject):
                raise LogFault(
                    f"the reason names the subject of entry {number}, and it stays for good: leave "
                    "out who it is"
                )
        of = tuple(number for number, _ in found)
        reports = _reports(log, set(of))
        removed = tuple(
            name
            for number, entry in found
            for name in (entry.details, entry.facts, entry.record, *reports[number])
        )
        entry = Redacted(index, after, time, by.strip(), of, removed, reason.strip())
        return Addition(entry, removed=[digest_of(name) for name in removed])

    receipt = log.append(make, now)
    return Removal(receipt, of, log.forget_removed())


def names(reason: str, subject: str) -> bool:
    """Whether a text names a subject, however its id is written; a short one as a word."""
    said, known = (normalize("NFKC", text).casefold() for text in (reason, subject))
    if re.search(rf"(?<!\w){re.escape(known)}(?!\w)", said):
        return True
    said, known = ("".join(filter(str.isalnum, text)) for text in (said, known))
    return len(known) >= 4 and known in said


def _reports(log: Log, of: set[int]) -> dict[int, list[str]]:
    """By decision, what the log keeps of its reports, oldest first."""
    reports: dict[int, list[str]] = {number: [] for number in of}
    for _, data in log.entries():
        entry = read_entry(data)
        if isinstance(entry, Issued) and entry.of in of:
            reports[entry.of].append(entry.report)
    return reports
