"""`eligo survival`: the trial report's estimator on any table of times, without a pack."""

from __future__ import annotations

import csv
import math
from argparse import Namespace
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Literal

from app.inputs import bounded, path_text, print_faults
from app.main import REJECTED
from app.outcomes import statistics_there
from app.printing import hand_out, put
from engine.faults import Fault, InputRejected, did_you_mean
from engine.model import Span
from engine.outcomes.estimates import KaplanMeier, kaplan_meier
from engine.outcomes.record import Curve, Step
from engine.record import dump_any

MOST_BYTES = 64 * 1024 * 1024
KEPT: tuple[Literal["after", "time", "survival", "low", "high", "at_risk"], ...] = (
    "after", "time", "survival", "low", "high", "at_risk",
)  # fmt: skip
"""What is said of a time that was asked about."""
EVENTS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def run(arguments: Namespace) -> int:
    """Estimate; returns the exit code."""
    if not statistics_there():
        return REJECTED
    try:
        at = _times(arguments.at)
        groups = read_table(arguments.table, arguments.time, arguments.event, arguments.group)
    except InputRejected as rejected:
        print_faults(rejected.faults)
        return REJECTED
    from engine.outcomes.trial import curve_of

    for number, (name, times) in enumerate(groups.items()):
        fitted = kaplan_meier(times)
        curve = curve_of(fitted, [(f"{time:g}", time) for time in at])
        if arguments.format == "json":
            said = {"schema": "eligo.survival/1", "group": name if arguments.group else None}
            hand_out(dump_any({**said, "curve": _plain(curve)}) + b"\n")
            continue
        if number:
            put("")
        put(_text(name if arguments.group else "", fitted, curve, at))
    return 0


def _plain(curve: Curve) -> dict[str, object]:
    """A curve without the counts that only a trial's patients have."""
    marks = [{key: mark[key] for key in KEPT} for mark in curve["landmarks"]]
    return {key: value for key, value in {**curve, "landmarks": marks}.items() if key != "unit"}


def _times(text: str) -> list[float]:
    times = []
    for part in text.split(",") if text.strip() else []:
        time = _number(part)
        if time is None:
            what = f"`{part.strip()}` is not a time"
            hint = "write numbers from 0 on, as in `--at 30,91,365`"
            raise InputRejected([Fault(Span("--at", 1, 1), "number", what, hint)])
        times.append(time)
    return times


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def read_table(
    path: Path, time: str, event: str, group: str | None
) -> dict[str, list[tuple[float, bool]]]:
    """The times of each group, in the order in which the groups first stand in the table.

    A table of nobody gives one group of nobody, "" . Raises: InputRejected with every fault.
    """
    try:
        text = bounded(path, MOST_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        what = "the file is not UTF-8 text"
        raise InputRejected([Fault(Span(path_text(path), 1, 1), "encoding", what)]) from None
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    faults: list[Fault] = []
    groups: dict[str, list[tuple[float, bool]]] = {}
    try:
        heading = [name.strip() for name in next(reader, [])]
        places = _places(path, heading, [time, event, *([group] if group else [])])
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            cells = [row[at].strip() if at < len(row) else "" for at in places]
            fault, value = _row(path, reader.line_num, places, cells)
            faults += fault
            if value is not None:
                groups.setdefault(cells[2] if group else "", []).append(value)
    except csv.Error as error:
        where = Span(path_text(path), reader.line_num or 1, 1)
        faults.append(Fault(where, "syntax", f"not CSV: {error}"))
    if faults:
        raise InputRejected(faults)
    return groups or {"": []}


def _places(path: Path, heading: Sequence[str], columns: Sequence[str]) -> list[int]:
    where = Span(path_text(path), 1, 1)
    faults = []
    for column in columns:
        if heading.count(column) != 1:
            times = "stands in the heading twice" if column in heading else "is not in the heading"
            hint = "" if column in heading else did_you_mean(column, [h for h in heading if h])
            faults.append(Fault(where, "unknown-column", f"`{column}` {times}", hint))
    if faults:
        raise InputRejected(faults)
    return [heading.index(column) for column in columns]


def _row(
    path: Path, line: int, places: Sequence[int], cells: Sequence[str]
) -> tuple[list[Fault], tuple[float, bool] | None]:
    faults = []
    time, event = _number(cells[0]), EVENTS.get(cells[1].lower())
    if time is None:
        where = Span(path_text(path), line, places[0] + 1)
        what = f"`{cells[0][:40]}` is not a time"
        faults.append(Fault(where, "number", what, "a number from 0 on; the column counts cells"))
    if event is None:
        where = Span(path_text(path), line, places[1] + 1)
        what = f"`{cells[1][:40]}` does not say whether this is an event"
        faults.append(Fault(where, "event", what, "1 for an event, 0 for censored"))
    return faults, (time, event) if time is not None and event is not None else None


def _text(name: str, fitted: KaplanMeier, curve: Curve, at: Sequence[float]) -> str:
    lines = [f"group {name}"] if name else []
    lines.append(f"{fitted.patients} patients, {fitted.events} events")
    if curve["median"] is None:
        lines.append("median not reached")
    else:
        ends = [
            "not reached" if end is None else f"{end:g}"
            for end in (curve["median_low"], curve["median_high"])
        ]
        lines.append(f"median {curve['median']:g} (95 % interval {ends[0]} to {ends[1]})")
    row = "{:>12}{:>10}{:>9}{:>12}{:>10}{:>10}"
    lines += ["", row.format("time", "at risk", "events", "survival", "low", "high")]
    shown: list[Step] = [step for step in curve["steps"] if step["events"]]
    if at:
        for mark in curve["landmarks"]:
            values = (mark["survival"], mark["low"], mark["high"])
            events = sum(s["events"] for s in curve["steps"] if s["time"] <= mark["time"])
            lines.append(_line(row, mark["time"], mark["at_risk"], events, values))
        lines.append("events are counted from the start to the time")
    else:
        for step in shown:
            values = (step["survival"], step["low"], step["high"])
            lines.append(_line(row, step["time"], step["at_risk"], step["events"], values))
        if not shown:
            lines.append("no event: the curve stays at 1")
    lines.append("Kaplan-Meier; 95 % intervals on the log-log scale (Greenwood)")
    return "\n".join(lines)


def _line(row: str, time: float, at_risk: int, events: int, values: Sequence[float | None]) -> str:
    said = ["-" if value is None else f"{value:.4f}" for value in values]
    return row.format(f"{time:g}", at_risk, events, *said)
