"""The timeline of a plan as SVG, and what it tells in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from xml.sax.saxutils import escape, quoteattr

from engine.plan.record import Plan
from engine.terms.faults import clean
from reports import wording


def span_of(first: str, last: str) -> str:
    if first == last:
        return f"on {wording.day_words(first)}"
    return f"from {wording.day_words(first)} to {wording.day_words(last)}"


def told_of(plan: Plan) -> str:
    """The timeline in words, for those who cannot see it."""
    spans = [
        f"{wording.VERDICT[s['verdict']].lower()} {span_of(s['first'], s['last'])}"
        for s in plan["when"]["verdict"]
    ]
    return f"Timeline, if nothing changes but time: {'; '.join(spans)}."


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
    label = quoteattr(told_of(plan))
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
