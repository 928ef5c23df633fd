"""A subject's plan in words and as a timeline: "What next".

`arrange` words and orders what the plan record holds, templates print it, and the timeline is
drawn from the record's spans. Nothing is concluded here. The section "What next" of a
screening report and the page of `eligo plan` share their templates (`next.*.j2`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.plan.record import Collect, Plan, ToCollect
from engine.terms import Changes, Verdict
from engine.terms.faults import clean
from reports import wording
from reports.formats import environment, set_pdf
from reports.timeline import span_of, timeline, told_of

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
        answer=said_of(plan["answer"]),
        collect_heading=_collect_heading(plan),
        items=tuple(_item(item, plan) for item in plan["collect"]["needed"][:MOST_ITEMS]),
        collect_note=_collect_note(plan["collect"]),
        groups=tuple(_groups(plan)),
        resting=tuple(_resting(plan)),
        events=tuple(
            Group(
                f"{wording.day_words(event['on'])}: {', '.join(map(clean, event['criteria']))}",
                tuple(map(said_of, event["because"])),
            )
            for event in when["events"]
        ),
        figure=figure,
        figure_alt=told_of(plan),
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


def said_of(text: str) -> str:
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
        tuple(said_of(detail) for detail in details if detail),
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
            f"Eligible {span_of(window['first'], window['last'])}; last safe day of each result",
            tuple(f"{wording.day_words(day)}: {'; '.join(asks)}" for day, asks in until.items()),
        )


def _groups(plan: Plan) -> Iterable[Group]:
    when, would = plan["when"], plan["would"]
    window, waiting = when["window"], when["waiting"]
    if window is None and waiting is not None and waiting["conflicts"]:
        yield Group(
            "What lapses before the wait is over", tuple(map(said_of, waiting["conflicts"]))
        )
    if would is not None and would["cannot"]:
        yield Group(
            "Cannot become eligible: this never changes", tuple(map(said_of, would["cannot"]))
        )
    if would is not None and would["sets"] and window is None:
        lines = []
        for change in would["sets"]:
            parts = [f"{p['says']} ({CHANGES[p['changes']]})" for p in change["parts"]]
            lines.append(said_of("; and ".join(parts)))
        word = "Any one of these" if len(lines) > 1 else "This"
        more = "" if would["exact"] else " (there may be more)"
        yield Group(f"{word} would have to come out differently{more}", tuple(lines))
    if would is not None and would["stays"]:
        yield Group(
            "Neither waiting nor a new result changes this", tuple(map(said_of, would["stays"]))
        )


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
