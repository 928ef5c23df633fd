"""A subject's plan in words and as a timeline: "What next".

`arrange` words and orders what the plan record holds, templates print it, and the timeline is
drawn from the record's spans. Nothing is concluded here. The section "What next" of a
screening report and the page of `eligo plan` share their templates (`next.*.j2`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from io import StringIO
from xml.sax.saxutils import escape, quoteattr

from engine.plan.record import Collect, Plan, ToCollect
from engine.record.shape import EngineFaultRecord, Rejection
from engine.terms import Changes, Verdict
from engine.terms.faults import clean
from reports import wording
from reports.formats import environment, set_pdf, wrap
from reports.table import first_fault

NotPlanned = Rejection | EngineFaultRecord
CHANGES: Mapping[Changes, str] = {
    "never": "never changes",
    "with_time": "changes with time",
    "by_retest": "may change on repeat",
    "by_treatment": "may change by treatment",
}
MOST_ITEMS = 40
"""Things to collect that a report lists."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to collect: what, why it is open, where it is found, what else to know."""

    ask: str
    details: tuple[str, ...]
    criteria: str


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under a heading of their own."""

    heading: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A plan before it is printed, in words."""

    subject: str
    as_of: str
    until: str
    protocol: str
    version: str
    verdict: Verdict
    headline: str
    answer: str
    collect_heading: str
    items: tuple[Item, ...]
    collect_note: str
    groups: tuple[Group, ...]
    resting: tuple[Group, ...]
    events: tuple[Group, ...]
    figure: str
    figure_alt: str
    figure_note: str
    provenance: tuple[tuple[str, str], ...]
    title: str = "What next"


def arrange(plan: Plan) -> Page:
    """What a reader sees of a plan, in order."""
    when = plan["when"]
    figure, note = timeline(plan)
    protocol, software = plan["protocol"], plan["software"]
    as_of = wording.day_words(plan["as_of"])
    return Page(
        subject=clean(plan["subject"]),
        as_of=as_of,
        until=wording.day_words(when["last"]),
        protocol=clean(protocol["title"]),
        version=clean(protocol["version"]),
        verdict=plan["verdict"],
        headline=wording.VERDICT[plan["verdict"]],
        answer=_said(plan["answer"]),
        collect_heading=_collect_heading(plan),
        items=tuple(_item(item, plan) for item in plan["collect"]["needed"][:MOST_ITEMS]),
        collect_note=_collect_note(plan["collect"]),
        groups=tuple(_groups(plan)),
        resting=tuple(_resting(plan)),
        events=tuple(
            Group(
                f"{wording.day_words(event['on'])}: {', '.join(map(clean, event['criteria']))}",
                tuple(map(_said, event["because"])),
            )
            for event in when["events"]
        ),
        figure=figure,
        figure_alt=_told(plan),
        figure_note=note,
        provenance=(
            ("Subject", clean(plan["subject"])),
            ("As of", as_of),
            ("Looks ahead until", wording.day_words(when["last"])),
            ("Protocol", clean(f"{protocol['title']} ({protocol['id']})")),
            ("Protocol version", clean(protocol["version"])),
            ("Protocol digest", clean(protocol["digest"])),
            ("Facts digest", clean(plan["facts_digest"])),
            (
                "Software",
                clean(
                    f"Eligo {software['eligo']}, durable_rules {software['durable_rules']},"
                    f" Python {software['python']}"
                ),
            ),
            ("Record", plan["schema"]),
        ),
    )


def _said(text: str) -> str:
    return clean(wording.prose(text))


def _collect_heading(plan: Plan) -> str:
    collect = plan["collect"]
    if not collect["needed"]:
        return ""
    day = wording.day_words(collect["on"])
    return f"To collect for {day}" if collect["on"] != plan["as_of"] else "To collect now"


def _item(item: ToCollect, plan: Plan) -> Item:
    details = [item.get("detail", "")]
    if item.get("found_in"):
        details.append(f"found in: {item['found_in']}")
    if item["excludes"]:
        details.append("could exclude by itself")
    if plan["collect"]["on"] != plan["as_of"] and "not_before" in item:
        start = max(item["not_before"], plan["as_of"])
        details.append(f"a result counts if it is dated on or after {start}")
    return Item(
        clean(item["ask"]),
        tuple(_said(detail) for detail in details if detail),
        ", ".join(map(clean, item["criteria"])),
    )


def _collect_note(collect: Collect) -> str:
    told = []
    if len(collect["needed"]) > MOST_ITEMS:
        told.append(f"{len(collect['needed']) - MOST_ITEMS} more are not listed here.")
    if len(collect["sets"]) > 1:
        told.append(f"One of {len(collect['sets'])} sets of equal size that settle the verdict.")
    if collect["agrees"]:
        told.append("However these come out, the verdict is the same; it must still be recorded.")
    if collect["idle"] and collect["verdict"] == "undetermined":
        asks = wording.listed(tuple(clean(item["ask"]) for item in collect["idle"]))
        told.append(f"Need not be collected, as it cannot change the verdict any more: {asks}.")
    if collect["unwritten"]:
        told.append(f"To be judged by hand: {', '.join(map(clean, collect['unwritten']))}.")
    if not collect["exact"]:
        told.append("The search was cut short: fewer facts than these may do.")
    return " ".join(told)


def _resting(plan: Plan) -> Iterable[Group]:
    """What the window rests on, by its last safe day; a screening report has it as evidence."""
    window = plan["when"]["window"]
    if window is not None and window["rests_on"]:
        until: dict[str, list[str]] = {}
        for result in window["rests_on"]:
            until.setdefault(result["good_until"], []).append(clean(result["ask"]))
        yield Group(
            f"Eligible {_span(window['first'], window['last'])}; last safe day of each result",
            tuple(f"{wording.day_words(day)}: {'; '.join(asks)}" for day, asks in until.items()),
        )


def _groups(plan: Plan) -> Iterable[Group]:
    when, would = plan["when"], plan["would"]
    window, waiting = when["window"], when["waiting"]
    if window is None and waiting is not None and waiting["conflicts"]:
        yield Group("What lapses before the wait is over", tuple(map(_said, waiting["conflicts"])))
    if would is not None and would["cannot"]:
        yield Group(
            "Cannot become eligible: this never changes", tuple(map(_said, would["cannot"]))
        )
    if would is not None and would["sets"] and window is None:
        lines = []
        for change in would["sets"]:
            parts = [f"{p['says']} ({CHANGES[p['changes']]})" for p in change["parts"]]
            lines.append(_said("; and ".join(parts)))
        word = "Any one of these" if len(lines) > 1 else "This"
        more = "" if would["exact"] else " (there may be more)"
        yield Group(f"{word} would have to come out differently{more}", tuple(lines))
    if would is not None and would["stays"]:
        yield Group(
            "Neither waiting nor a new result changes this", tuple(map(_said, would["stays"]))
        )


def _span(first: str, last: str) -> str:
    if first == last:
        return f"on {wording.day_words(first)}"
    return f"from {wording.day_words(first)} to {wording.day_words(last)}"


def _told(plan: Plan) -> str:
    """The timeline in words, for those who cannot see it."""
    spans = [
        f"{wording.VERDICT[s['verdict']].lower()} {_span(s['first'], s['last'])}"
        for s in plan["when"]["verdict"]
    ]
    return f"Timeline, if nothing changes but time: {'; '.join(spans)}."


# --- the timeline ----------------------------------------------------------------------------

INK, SOFT, PALE = "#1c2328", "#4b5860", "#9fb0b9"
WIDTH, LEFT, TOP, ROW = 680, 66, 26, 20
WORDS = {
    "eligible": "passed",
    "ineligible": "failed",
    "undetermined": "open",
}


def timeline(plan: Plan) -> tuple[str, str]:
    """The verdict and each criterion that is not always passed, day by day; and what it omits.

    Ink on white, told apart by fill, hatch and word, so that it reads in black and white.
    """
    when = plan["when"]
    first = date.fromisoformat(when["first"])
    last = date.fromisoformat(when["last"])
    # What matters is where the verdict changes: the axis ends three weeks after that.
    turns = [date.fromisoformat(span["first"]) for span in when["verdict"][1:]]
    ends = [first + timedelta(days=27), *(day + timedelta(days=20) for day in turns)]
    end = min(last, max(ends))
    count = (end - first).days + 1
    scale = (WIDTH - LEFT - 4) / count

    def at(iso: str, days: int = 0) -> float:
        day = date.fromisoformat(iso)
        return LEFT + scale * min(count, max(0, (day - first).days + days))

    rows: list[tuple[str, list[tuple[str, str, str, str]]]] = [
        (
            "Verdict",
            [
                (s["first"], s["last"], WORDS[s["verdict"]], wording.VERDICT[s["verdict"]])
                for s in when["verdict"]
            ],
        )
    ]
    always = 0  # criteria passed on every day that is drawn
    for line in when["criteria"]:
        drawn = [span for span in line["spans"] if date.fromisoformat(span["first"]) <= end]
        if all(span["status"] == "passed" for span in drawn):
            always += 1
            continue
        rows.append(
            (
                clean(line["id"]),
                [(s["first"], s["last"], s["status"], wording.STATUS[s["status"]]) for s in drawn],
            )
        )
    height = TOP + ROW * len(rows) + 6
    parts = [
        '<defs><pattern id="plan-open" width="5" height="5" patternUnits="userSpaceOnUse">'
        f'<rect width="5" height="5" fill="#ffffff"/><path d="M-1 6L6 -1M-1 1L1 -1M4 6L6 4" '
        f'stroke="{SOFT}" stroke-width="0.9"/></pattern></defs>'
    ]
    taken = -99.0
    for day, label in _marks(first, end):
        x = LEFT + scale * (day - first).days
        if x - taken < 46 or x > WIDTH - 40:
            continue
        taken = x
        parts.append(
            f'<path d="M{x:.1f} {TOP - 6}V{height - 4}" stroke="{PALE}" stroke-width="0.7"/>'
            f'<text x="{x + 1:.1f}" y="{TOP - 11}" fill="{SOFT}">{escape(label)}</text>'
        )
    for number, (name, spans) in enumerate(rows):
        y = TOP + ROW * number
        weight = ' font-weight="bold"' if number == 0 else ""
        parts.append(f'<text x="0" y="{y + 14}" fill="{INK}"{weight}>{escape(name[:9])}</text>')
        for start, stop, look, word in spans:
            left, right = at(start), at(stop, 1)
            if right - left < 0.5:
                continue
            parts.append(_bar(left, y + 3, right - left, ROW - 6, look, word))
    label = quoteattr(_told(plan))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label={label} '
        'font-family="Noto Sans, Arial, sans-serif" font-size="11">' + "".join(parts) + "</svg>"
    )
    notes = []
    if always:
        criteria = f"{always} criteria are" if always > 1 else "1 criterion is"
        notes.append(f"{criteria} passed on all these days and not drawn.")
    later = any(date.fromisoformat(event["on"]) > end for event in when["events"])
    if end < last:
        what = "Single criteria change later" if later else "Nothing changes later"
        notes.append(f"{what}, up to {wording.day_words(last.isoformat())}.")
    return svg, " ".join(notes)


def _bar(x: float, y: float, width: float, height: float, look: str, word: str) -> str:
    fill = {"failed": INK, "open": "url(#plan-open)", "passed": "#ffffff"}[look]
    bar = (
        f'<rect x="{x:.1f}" y="{y}" width="{max(width, 1):.1f}" height="{height}" fill="{fill}" '
        f'stroke="{INK}" stroke-width="1"/>'
    )
    room = 6.2 * len(word) + 8
    if width < room:
        return bar
    middle = x + width / 2
    behind = (
        f'<rect x="{middle - room / 2:.1f}" y="{y + 1}" width="{room:.1f}" height="{height - 2}" '
        'fill="#ffffff"/>'
        if look == "open"
        else ""
    )
    colour = "#ffffff" if look == "failed" else INK
    return (
        f'{bar}{behind}<text x="{middle:.1f}" y="{y + 11}" text-anchor="middle" fill="{colour}">'
        f"{escape(word)}</text>"
    )


def _marks(first: date, end: date) -> Iterable[tuple[date, str]]:
    """The first day, then the first of each month; on a short axis every Monday."""
    yield first, _short(first)
    day = first + timedelta(days=1)
    short = (end - first).days <= 70
    while day <= end:
        if day.weekday() == 0 if short else day.day == 1:
            yield day, _short(day)
        day += timedelta(days=1)


def _short(day: date) -> str:
    return f"{day.day} {wording.MONTHS[day.month - 1][:3]}"


# --- printing --------------------------------------------------------------------------------


def as_text(plan: Plan) -> str:
    """The plan as plain text of at most 80 columns."""
    return environment(False).get_template("plan.txt.j2").render(page=arrange(plan))


def as_html(plan: Plan) -> str:
    """The plan as one HTML file that needs nothing beside it and runs no script."""
    return environment(True).get_template("plan.html.j2").render(page=arrange(plan))


def as_pdf(plan: Plan) -> bytes:
    """The plan as a tagged A4 PDF."""
    return set_pdf(environment(False).get_template("plan.typ.j2").render(page=arrange(plan)))


# --- many subjects ---------------------------------------------------------------------------

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
        lines.append(wrap(_said(row.says), " " * 12, width=width))
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
        event.add("description", _said(row.says))
        calendar.add_component(event)
    return bytes(calendar.to_ical())
