"""`eligo survival`: the trial report's estimator on any table of times, without a pack.

Times are the decimals that were written. Programs that count in floating point write one time
in two ways, 0.3 and 0.30000000000000004: times that differ by less than one part in 10^9 are
one, and the output says so. The estimator only ever sees the order of the times.
"""

from __future__ import annotations

import re
from argparse import Namespace
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from app.cli.outcomes import statistics_there
from app.exchange.csv_read import Dialect, Row, Table, table_in
from app.run.exits import REJECTED
from app.run.printing import hand_out, put
from engine.outcomes.estimates import KaplanMeier, kaplan_meier
from engine.outcomes.record import Curve, Step
from engine.read.source import shorten
from engine.record.shape import dump_any
from engine.terms import Span
from engine.terms.faults import Fault, InputRejected, did_you_mean

MOST_BYTES = 64 * 1024 * 1024
NOISE = Decimal("1e-9")
"""The part of a time by which another may differ and be the same."""

KEPT: tuple[Literal["after", "time", "survival", "low", "high", "at_risk"], ...] = (
    "after", "time", "survival", "low", "high", "at_risk",
)  # fmt: skip
"""What is said of a time that was asked about."""
EVENTS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
Groups = dict[str, list[tuple[Decimal, bool]]]


@dataclass(frozen=True, slots=True)
class Order:
    """The times of a table in order, those that are one together.

    `shown`: each, as it was written most shortly; `first`: the smallest that is the same.
    """

    shown: tuple[Decimal, ...]
    first: tuple[Decimal, ...]
    joined: tuple[tuple[Decimal, ...], ...]

    def place(self, time: Decimal) -> float:
        """The place of a time among those of the table; between two of them, a half."""
        after = bisect_left(self.first, time)
        for at in (after - 1, after):
            if 0 <= at < len(self.first) and same_time(self.first[at], time):
                return float(at)
        return after - 0.5


def same_time(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= NOISE * max(one, other)


def order_of(times: Sequence[Decimal]) -> Order:
    """The order of some times."""
    sets: list[list[Decimal]] = []
    for time in sorted(set(times)):
        if sets and same_time(sets[-1][0], time):
            sets[-1].append(time)
        else:
            sets.append([time])
    shown = tuple(min(one, key=lambda time: (len(str(time)), time)) for one in sets)
    joined = tuple(tuple(one) for one in sets if len(one) > 1)
    return Order(shown, tuple(one[0] for one in sets), joined)


def run(arguments: Namespace) -> int:
    """Estimate; returns the exit code."""
    if not statistics_there():
        return REJECTED
    columns = [arguments.time, arguments.event, *([arguments.group] if arguments.group else [])]
    at = _times(arguments.at)
    groups = read_times(arguments.table, columns, arguments.decimal)
    from engine.outcomes.trial import curve_of

    order = order_of([time for one in groups.values() for time, _ in one])
    for number, (name, times) in enumerate(groups.items()):
        fitted = kaplan_meier([(order.place(time), event) for time, event in times])
        curve = curve_of(fitted, [(str(time), order.place(time)) for time in at])
        _write_times(curve, order, at)
        if arguments.format == "json":
            said = {"schema": "eligo.survival/1", "group": name if arguments.group else None}
            hand_out(dump_any({**said, "curve": _plain(curve, order)}) + b"\n")
            continue
        if number:
            put("")
        put(_text(name if arguments.group else "", fitted, curve, at))
    if arguments.format == "text":
        for line in _joined(order):
            put(line)
    return 0


def _write_times(curve: Curve, order: Order, at: Sequence[Decimal]) -> None:
    """Put times in the places of their places in the order."""
    for step in curve["steps"]:
        step["time"] = float(order.shown[int(step["time"])])
    for mark, time in zip(curve["landmarks"], at, strict=True):
        place = order.place(time)
        mark["time"] = float(order.shown[int(place)] if place.is_integer() else time)
    for key in ("median", "median_low", "median_high"):
        if (found := curve[key]) is not None:
            curve[key] = float(order.shown[int(found)])


def _joined(order: Order) -> Iterator[str]:
    for several in order.joined[:5]:
        yield "taken for one time: " + " and ".join(shorten(str(time)) for time in several[:5])
    if len(order.joined) > 5:
        yield f"and {len(order.joined) - 5} more times that differ by floating error alone"


def _plain(curve: Curve, order: Order) -> dict[str, object]:
    """A curve without the counts that only a trial's patients have."""
    marks = [{key: mark[key] for key in KEPT} for mark in curve["landmarks"]]
    made: dict[str, object] = {**curve, "landmarks": marks}
    made.pop("unit")
    if order.joined:
        made["one_time"] = [[str(time) for time in several] for several in order.joined]
    return made


def _times(text: str) -> list[Decimal]:
    times = []
    for part in text.split(",") if text.strip() else []:
        time = _number(part.strip())
        if time is None:
            what = f"`{part.strip()}` is not a time"
            hint = "write numbers from 0 on, as in `--at 30,91,365`"
            raise InputRejected([Fault(Span("--at", 1, 1), "number", what, hint)])
        times.append(time)
    return times


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text) if len(text) <= 60 and text.isascii() else Decimal("nan")
    except InvalidOperation:
        return None
    return value if value.is_finite() and value >= 0 and value.adjusted() < 300 else None


def read_times(path: Path, columns: Sequence[str], decimal: str = "point") -> Groups:
    """The times of each group, in the order in which the groups first stand in the table.

    `columns`: those of the time, of the event and, if there are groups, of the group. A table of
    nobody gives one group of nobody, "". Raises: InputRejected with every fault.
    """
    faults: list[Fault] = []
    groups: Groups = {}
    with table_in(path, Dialect(decimal=decimal), columns[0], MOST_BYTES) as table:
        places = _places(table, columns)
        for row in table.rows:
            if misfit := table.misfit(row):
                faults.append(misfit)
                continue
            time, event, *group = (row.cell(at) for at in places)
            found, value = _row(table, row, places, time, event)
            faults += found
            if value is not None:
                groups.setdefault("".join(group), []).append(value)
    if faults:
        raise InputRejected(faults)
    return groups or {"": []}


def _places(table: Table, columns: Sequence[str]) -> list[int]:
    heading = table.heading.cells
    faults = [
        table.fault(table.heading, 0, "unknown-column", f"`{column}` is not in the heading",
                    did_you_mean(column, [name for name in heading if name]))
        for column in columns if column not in heading
    ]  # fmt: skip
    if faults:
        raise InputRejected(faults)
    return [heading.index(column) for column in columns]


def _row(
    table: Table, row: Row, places: Sequence[int], said: str, end: str
) -> tuple[list[Fault], tuple[Decimal, bool] | None]:
    faults = []
    comma = table.decimal == "comma"
    time = _number(said.replace(",", ".", 1) if comma and "." not in said else said)
    event = EVENTS.get(re.sub(r"(?<=^[01])[.,]0+$", "", end.lower()))
    if time is None:
        hint = "a number from 0 on; the column counts cells"
        if re.fullmatch(r"[0-9]+,[0-9]+", said) and not comma:
            hint = "if this is a decimal comma, say --decimal comma"
        what = f"`{shorten(said, 40)}` is not a time"
        faults.append(table.fault(row, places[0], "number", what, hint))
    if event is None:
        what = f"`{shorten(end, 40)}` does not say whether this is an event"
        faults.append(table.fault(row, places[1], "event", what, "1 for an event, 0 for censored"))
    return faults, (time, event) if time is not None and event is not None else None


def _text(name: str, fitted: KaplanMeier, curve: Curve, at: Sequence[Decimal]) -> str:
    lines = [f"group {name}"] if name else []
    lines.append(f"{fitted.patients} patients, {fitted.events} events")
    if curve["median"] is None:
        lines.append("median not reached")
    else:
        ends = [
            "not reached" if end is None else f"{end:.12g}"
            for end in (curve["median_low"], curve["median_high"])
        ]
        lines.append(f"median {curve['median']:.12g} (95 % interval {ends[0]} to {ends[1]})")
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
    return row.format(f"{time:.12g}", at_risk, events, *said)
