"""Figures as SVG text, drawn from the records' numbers: survival curves and swimmer plots.

Ink on white, told apart by shape and dash, so that they read in black and white. The same
text stands in the HTML and, set by Typst, in the PDF. No scripts, no styles, no links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

from engine.outcomes.record import Curve, Step

INK, SOFT, PALE, FILL = "#1c2328", "#4b5860", "#c5d0d6", "#e4eaed"
FONT = "Noto Sans, Arial, sans-serif"
WIDTH = 680
Axis = Callable[[float], float]
SIZE = 12


def _text(
    x: float, y: float, text: str, anchor: str = "start", fill: str = INK, bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{fill}"{weight}>'
        f"{escape(text)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str = INK, width: float = 1) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{stroke}" stroke-width="{width}"/>'
    )


def _figure(height: float, label: str, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label={quoteattr(label)} '
        f'font-family="{FONT}" font-size="{SIZE}">' + "".join(parts) + "</svg>"
    )


def ticks(most: float, target: int = 12) -> list[float]:
    """Round axis marks from 0 to at least `most`, some `target` of them."""
    if most <= 0:
        return [0.0, 1.0]
    for scale in (10.0**power for power in range(-3, 10)):
        for base in (1, 2, 3, 5, 6):
            step = base * scale
            if most / step <= target:
                count = int(-(-most // step))
                return [round(step * i, 6) for i in range(count + 1)]
    return [0.0, most]


def _number(value: float) -> str:
    return f"{value:g}"


# --- survival curves ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve to draw, and its label in the legend."""

    label: str
    curve: Curve


DASHES = ("", "7 4", "2 3", "9 3 2 3", "12 4", "4 2 1 2")


def survival_figure(title: str, drawn: Sequence[Drawn], time: str) -> str:
    """Kaplan-Meier curves with ticks where patients are censored, and the risk table below.

    Beyond six curves the dashes repeat. The first curve alone carries its interval, if it is
    the only one with a solid line.
    """
    left, right, top, plot = 64.0, 16.0, 14.0, 250.0
    most = max((s["time"] for d in drawn for s in d.curve["steps"][-1:]), default=0.0)
    marks = ticks(most)
    across = (WIDTH - left - right) / marks[-1]

    def x(value: float) -> float:
        return left + value * across

    def y(value: float) -> float:
        return top + (1 - value) * plot

    parts: list[str] = []
    for level in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_line(left, y(level), WIDTH - right, y(level), PALE, 0.6))
        parts.append(_text(left - 8, y(level) + 4, f"{level * 100:g} %", "end", SOFT))
    if drawn:
        parts.append(_band(drawn[0].curve["steps"], x, y))
    for i, one in enumerate(drawn):
        parts.append(_curve(one.curve, DASHES[i % len(DASHES)], x, y))
    parts.append(_line(left, y(0), WIDTH - right, y(0)))
    parts.append(_line(left, y(0), left, y(1)))
    for mark in marks:
        parts.append(_line(x(mark), y(0), x(mark), y(0) + 5))
        parts.append(_text(x(mark), y(0) + 19, _number(mark), "middle"))
    below = y(0) + 38
    parts.append(_text((left + WIDTH - right) / 2, below, time, "middle", SOFT))
    below += 12
    for i, one in enumerate(drawn):
        dash = DASHES[i % len(DASHES)]
        below += 19
        parts.append(_sample(left - 50, below - 4, dash))
        parts.append(_text(left, below, one.label, bold=i == 0))
    below += 22
    parts.append(_text(left - 50, below, "Number at risk", fill=SOFT))
    for i, one in enumerate(drawn):
        below += 17
        parts.append(_sample(left - 50, below - 4, DASHES[i % len(DASHES)], 26))
        for mark in marks:
            parts.append(_text(x(mark), below, str(at_risk(one.curve["steps"], mark)), "middle"))
    below += 20
    note = "Upright ticks: censored. Shaded: 95 % interval of the first curve (log-log)."
    parts.append(_text(left - 50, below, note, fill=SOFT))
    return _figure(below + 10, title, parts)


def at_risk(steps: Sequence[Step], time: float) -> int:
    """How many stand at risk at `time`: the number of the first step not before it."""
    return next((step["at_risk"] for step in steps if step["time"] >= time), 0)


def _sample(x: float, y: float, dash: str, length: float = 38) -> str:
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x + length:.1f}" y2="{y:.1f}" stroke="{INK}" '
        f'stroke-width="1.8"{pattern}/>'
    )


def _curve(curve: Curve, dash: str, x: Axis, y: Axis) -> str:
    path = [f"M{x(0):.1f} {y(1):.1f}"]
    censored = []
    for step in curve["steps"]:
        path.append(f"H{x(step['time']):.1f}")
        if step["events"]:
            path.append(f"V{y(step['survival']):.1f}")
        if step["censored"]:
            at, level = x(step["time"]), y(step["survival"])
            censored.append(f"M{at:.1f} {level - 5:.1f}V{level + 5:.1f}")
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    drawn = f'<path d="{"".join(path)}" fill="none" stroke="{INK}" stroke-width="1.8"{pattern}/>'
    if censored:
        drawn += f'<path d="{"".join(censored)}" fill="none" stroke="{INK}" stroke-width="1"/>'
    return drawn


def _band(steps: Sequence[Step], x: object, y: object) -> str:
    """The interval's area, where there is one."""
    assert callable(x) and callable(y)
    areas = []
    for step, after in pairwise(steps):
        low, high = step["low"], step["high"]
        if low is None or high is None:
            continue
        areas.append(
            f"M{x(step['time']):.1f} {y(high):.1f}H{x(after['time']):.1f}"
            f"V{y(low):.1f}H{x(step['time']):.1f}Z"
        )
    return f'<path d="{"".join(areas)}" fill="{FILL}"/>' if areas else ""


# --- swimmer plot -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Swimmer:
    """One patient's lane: followed to `end` months; marks as (symbol, months)."""

    subject: str
    end: float
    alive: bool
    remission: tuple[float, float] | None
    marks: tuple[tuple[str, float], ...]


_LANE = 22.0


def symbol(name: str, x: float, y: float) -> str:
    """A mark of the plot, some 10 wide."""
    if name == "disc":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.4" fill="{INK}"/>'
    if name == "ring":
        return (
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#ffffff" stroke="{INK}" '
            'stroke-width="1.5"/>'
        )
    if name == "cross":
        path = f"M{x - 3.6:.1f} {y - 3.6:.1f}l7.2 7.2m0 -7.2l-7.2 7.2"
        return f'<path d="{path}" stroke="{INK}" stroke-width="1.7"/>'
    if name == "bar":
        return _line(x, y - 8, x, y + 8, INK, 3)
    if name == "arrow":
        return f'<path d="M{x:.1f} {y - 4.5:.1f}l8 4.5l-8 4.5z" fill="{INK}"/>'
    shapes = {
        "triangle": f"M{x:.1f} {y - 5.5:.1f}l5.2 9.4h-10.4z",
        "diamond": f"M{x:.1f} {y - 5.8:.1f}l5.8 5.8l-5.8 5.8l-5.8 -5.8z",
        "square": f"M{x - 4:.1f} {y - 4:.1f}h8v8h-8z",
    }
    fill = INK if name == "triangle" else "#ffffff"
    return f'<path d="{shapes[name]}" fill="{fill}" stroke="{INK}" stroke-width="1.4"/>'


def swimmer_figure(
    title: str, lanes: Sequence[Swimmer], legend: Sequence[tuple[str, str]], most: float
) -> str:
    """A lane a patient, from the start to the end of follow-up; `legend`: symbol, words."""
    left, right, top = 108.0, 26.0, 8.0
    marks = ticks(most)
    across = (WIDTH - left - right) / marks[-1]
    bottom = top + _LANE * max(len(lanes), 1)
    parts = [_line(left + m * across, top, left + m * across, bottom, PALE, 0.6) for m in marks]
    for i, lane in enumerate(lanes):
        middle = top + _LANE * (i + 0.5)
        end = left + lane.end * across
        parts.append(_text(left - 8, middle + 4, _short(lane.subject), "end"))
        parts.append(
            f'<rect x="{left:.1f}" y="{middle - 5:.1f}" width="{max(end - left, 0.5):.1f}" '
            f'height="10" fill="#ffffff" stroke="{SOFT}" stroke-width="0.9"/>'
        )
        if lane.remission is not None:
            begin, stop = (left + months * across for months in lane.remission)
            parts.append(
                f'<rect x="{begin:.1f}" y="{middle - 5:.1f}" width="{max(stop - begin, 0.5):.1f}" '
                f'height="10" fill="{PALE}" stroke="{SOFT}" stroke-width="0.9"/>'
            )
        if lane.alive:
            parts.append(symbol("arrow", end + 2, middle))
        parts += [symbol(name, left + months * across, middle) for name, months in lane.marks]
    parts.append(_line(left, bottom, WIDTH - right, bottom))
    for mark in marks:
        parts.append(_line(left + mark * across, bottom, left + mark * across, bottom + 5))
        parts.append(_text(left + mark * across, bottom + 19, _number(mark), "middle"))
    below = bottom + 37
    middle_x = (left + WIDTH - right) / 2
    parts.append(_text(middle_x, below, "Months since infusion", "middle", SOFT))
    below += 24
    column = (WIDTH - 20) / 2
    for i, (name, words) in enumerate(legend):
        at = 20 + column * (i % 2)
        if i and i % 2 == 0:
            below += 19
        if name in ("lane", "remission"):
            fill = PALE if name == "remission" else "#ffffff"
            parts.append(
                f'<rect x="{at - 7:.1f}" y="{below - 9:.1f}" width="16" height="10" '
                f'fill="{fill}" stroke="{SOFT}" stroke-width="0.9"/>'
            )
        else:
            parts.append(symbol(name, at, below - 4))
        parts.append(_text(at + 16, below, words))
    return _figure(below + 12, title, parts)


def _short(subject: str) -> str:
    return subject if len(subject) <= 14 else subject[:13] + "…"
