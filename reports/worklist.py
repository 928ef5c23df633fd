"""The worklist of many subjects: text, CSV, calendar."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from io import StringIO

from engine.plan.record import Plan
from engine.record.shape import EngineFaultRecord, Rejection
from engine.terms.faults import clean
from reports import wording
from reports.formats import wrap
from reports.plan import said_of
from reports.table import first_fault

NotPlanned = Rejection | EngineFaultRecord


COLUMNS = ("subject", "verdict", "next_action_on", "kind", "what")
VERBS = {
    "enrol": "Eligible",
    "wait": "Wait",
    "collect": "Collect",
    "correct": "Correct the file",
    "report": "No verdict was given",
    "repeat": "New result",
    "none": "Nothing to do",
}


@dataclass(frozen=True, slots=True)
class Due:
    """A row of the worklist: what to do next for a subject, and when.

    `verdict` is `rejected` or `no_verdict` where there is none: nobody is left out.
    """

    on: str | None
    subject: str
    verdict: str
    kind: str
    says: str
    as_of: str
    protocol: str


NOT_DECIDED = ("rejected", "no_verdict")


def due(plans: Iterable[Plan], others: Iterable[NotPlanned] = (), as_of: str = "") -> list[Due]:
    """The rows by the date of the next action; those without one last.

    `others`: the subjects that nothing was decided on, as of the day `as_of`.
    """
    rows = [
        Due(step["on"], plan["subject"], plan["verdict"], step["kind"], step["says"],
            plan["as_of"], plan["protocol"]["id"])
        for plan in plans
        for step in [plan["next"]]
    ]  # fmt: skip
    for other in others:
        subject = other["subject"] or wording.NO_SUBJECT
        if other["schema"] == "eligo.rejection/1":
            says = f"correct the file: {first_fault(other)}"
            rows.append(Due(as_of, subject, "rejected", "correct", says, as_of, ""))
        else:
            says = f"software fault, no verdict was given: {other['where']}"
            rows.append(Due(as_of, subject, "no_verdict", "report", says, as_of, ""))
    return sorted(rows, key=lambda row: (row.on or "9999", row.subject, row.says))


def worklist(
    plans: Iterable[Plan], others: Iterable[NotPlanned] = (), as_of: str = "", width: int = 80
) -> str:
    """The worklist as text: what to do next for each subject, the soonest first."""
    rows = due(plans, others, as_of)
    lines = []
    for row in rows:
        head = f"{clean(row.subject)}: {_VERDICT[row.verdict].lower()}"
        lines.append(wrap(head, " " * 12, f"{row.on or 'no date':<10}  ", width))
        lines.append(wrap(said_of(row.says), " " * 12, width=width))
    total = f"{len(rows)} subject" + ("" if len(rows) == 1 else "s")
    without = sum(row.verdict in NOT_DECIDED for row in rows)
    end = f"; {without} of them without a decision" if without else ""
    return "\n".join([*lines, "", f"{total}, by the date of the next action{end}", ""])


_VERDICT: Mapping[str, str] = {
    **{str(verdict): words for verdict, words in wording.VERDICT.items()},
    "rejected": wording.REJECTED,
    "no_verdict": wording.NO_VERDICT,
}


def worklist_csv(plans: Iterable[Plan], others: Iterable[NotPlanned] = (), as_of: str = "") -> str:
    """The worklist as CSV; a cell that a spreadsheet would calculate stands behind a quote."""
    rows = due(plans, others, as_of)
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (row.subject, row.verdict, row.on or "", row.kind, row.says)
        writer.writerow([wording.inert(clean(cell)) for cell in cells])
    return out.getvalue()


def worklist_ics(
    plans: Iterable[Plan], others: Iterable[NotPlanned] = (), as_of: str = ""
) -> bytes:
    """The worklist as an iCalendar file: an all-day event for each next action.

    The same plans give the same bytes: the time stamp is the as-of date, at midnight UTC.
    """
    from datetime import UTC, datetime, time

    from icalendar import Calendar, Event

    calendar = Calendar()
    calendar.add("prodid", "-//Eligo//worklist//EN")
    calendar.add("version", "2.0")
    for row in due(plans, others, as_of):
        if row.on is None:
            continue
        day = date.fromisoformat(row.on)
        told = (row.says,) if row.verdict in NOT_DECIDED else ()  # several files may state one id
        identity = "\0".join((row.protocol, row.subject, row.on, row.kind, *told))
        event = Event()
        event.add("uid", f"{sha256(identity.encode()).hexdigest()[:32]}@eligo")
        stamp = datetime.combine(date.fromisoformat(row.as_of), time(), UTC)
        event.add("dtstamp", stamp)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
        event.add("summary", f"{clean(row.subject)}: {VERBS[row.kind]}")
        event.add("description", said_of(row.says))
        calendar.add_component(event)
    return bytes(calendar.to_ical())
