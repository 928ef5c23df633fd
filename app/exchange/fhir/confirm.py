"""A person's word that a list is complete, and what it takes for that word to count.

A confirmation counts the entries that it confirms. Where nobody says how many there are, the
importer counts them itself, if the input cannot have lost any unseen; else nothing is
confirmed. What the map could not classify is among the entries, and is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from app.exchange.fhir.made import Gathered
from app.exchange.report import Patient
from engine.exchange.recorded import Plain, Recorded, clean
from engine.read.sheet import NotThat, parse_day
from engine.read.source import Num
from engine.terms import Protocol

NAMED = 10
"""How many unread resources a warning names; the account names them all."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person's word that a record list is complete, for one patient or the only one.

    `count`: how many entries the person says it has.
    """

    subject: str
    record: str
    on: str
    by: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of the input as a whole.

    `partial`: why it may have lost something unseen; `unread`: what of it could not be read;
    `lost`: what shows that more belongs to it.
    """

    partial: tuple[str, ...]
    unread: tuple[str, ...]
    patients: int
    source: str
    lost: tuple[str, ...] = ()


_COUNT = re.compile(r"(.*):([0-9]{1,7})")


def word_for(
    words: Iterable[str], by: str | None, protocol: Protocol, today: date
) -> list[Confirmation]:
    """What `--confirm [SUBJECT:]LIST=DATE[:COUNT]` says. Raises: NotThat."""
    found = []
    for word in words:
        where, equals, rest = word.rpartition("=")
        subject, _, record = where.rpartition(":")
        if not equals or record not in protocol.records:
            known = ", ".join(f"`{name}`" for name in protocol.records)
            hint = f"write LIST=DATE:COUNT or SUBJECT:LIST=DATE:COUNT; the lists are {known}"
            raise NotThat("confirm", f"`--confirm {word}` names no record list", hint)
        counted = _COUNT.fullmatch(rest)
        day, count = (counted[1], int(counted[2])) if counted else (rest, None)
        if parse_day(day) > today:
            what = f"`--confirm {word}` is of a day after today, {today.isoformat()}"
            raise NotThat("future", what, "a list is confirmed as it was on a day")
        if not by or not clean(by):
            raise NotThat("confirm", "--confirm needs --by: who says that the list is complete")
        found.append(Confirmation(subject, record, day, clean(by), count))
    return found


def settle(
    confirmations: list[Confirmation],
    recorded: Recorded,
    patient: Patient,
    found: Gathered,
    whole: Whole,
    used: set[int],
) -> tuple[list[str], list[str]]:
    """Confirm the lists that were confirmed, by option or by a form, as far as that counts.

    Returns what is to be said of it, and what was not confirmed although `--confirm` asked.
    """
    warned: list[str] = []
    failed: list[str] = []
    heads = {name: head for name, head in recorded.heads.items() if "complete_on" in head}
    asked: dict[str, tuple[Plain, int | None]] = {}
    by_option: set[str] = set()
    for name, head in heads.items():
        count = head.get("count")
        asked[name] = ({k: v for k, v in head.items() if k != "count"},
                       None if count is None else int(str(count)))  # fmt: skip
    for number, one in enumerate(confirmations):
        if one.subject == patient.subject or (not one.subject and whole.patients == 1):
            used.add(number)
            by_option.add(one.record)
            asked[one.record] = ({"complete_on": one.on, "by": one.by}, one.count)
        elif not one.subject:
            used.add(number)
            what = (
                f"{one.record} was not confirmed: the input has {whole.patients} patients, so write"
                f" --confirm {patient.subject}:{one.record}={one.on}"
            )
            patient.remarks.append(what)
            failed.append(what)
    for name, (head, count) in asked.items():
        entries = len(recorded.entries.get(name, []))
        why = _why_not(count, entries, whole)
        if why:
            message = f"{patient.subject}: {name} was not confirmed: {why}"
            patient.remarks.append(message.partition(": ")[2])
            patient.unconfirmed.append(f"{name}: {why}")
            recorded.heads[name] = {k: v for k, v in head.items() if k != "complete_on"}
            if not recorded.entries.get(name):
                recorded.heads.pop(name)
            (failed if name in by_option else warned).append(message)
            continue
        day, source, by = head["complete_on"], head.get("source"), head.get("by")
        stated: Plain = {"complete_on": day}
        stated |= {k: v for k, v in (("by", by), ("source", source)) if v}
        recorded.heads[name] = {**stated, "count": Num(str(entries))}
        who = f", by {by}" if by else ""
        patient.confirmed.append(f"{name} on {day}{who}, with entries: {entries}")
        unread = [f"{one.what} ({one.name})" for one in found.unclassified if name in one.lists]
        unread += [words for record, words in found.doubtful if record == name]
        if unread:
            more = f"; and {len(unread) - NAMED} more" if len(unread) > NAMED else ""
            what = (
                f"{name} is confirmed on {day}, and {len(unread)} of its {entries} entries may be"
                f" anything, as the map does not know them or they are in doubt:"
                f" {'; '.join(unread[:NAMED])}{more}"
            )
            patient.remarks.append(what)
            warned.append(f"{patient.subject}: {what}")
    return warned, failed


def _why_not(count: int | None, entries: int, whole: Whole) -> str:
    """Why a confirmation does not count; "" if it does."""
    if whole.unread:
        return f"a part of the input could not be read ({whole.unread[0]})"
    if whole.lost:
        return f"the input lacks a part: {whole.lost[0]}"
    if count is not None and count != entries:
        return f"it was said to have {count} entries, and the input has {entries}"
    if count is None and whole.partial:
        return f"{whole.partial[0]}; say how many entries it has, as in LIST=DATE:{entries}"
    return ""
