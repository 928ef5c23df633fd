"""The listing of every patient in a trial report, and its table as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.outcomes.record import (
    Followed,
    Landmark,
    Outcome,
    Worst,
)
from engine.record.shape import EngineFaultRecord, Rejection
from engine.terms import EXAMINED, Outcomes, Protocol
from engine.terms.faults import clean
from reports import wording
from reports.table import first_fault

if TYPE_CHECKING:
    pass


NotConcluded = Rejection | EngineFaultRecord
STANDS: Mapping[str, str] = {
    "event": "event",
    "event_free": "event-free",
    "censored_before": "censored before",
    "not_yet_reached": "not yet reached",
    "unknown": "not known",
}
NONE = "–"


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient of the listing: a row of the table, and lines for plain text."""

    subject: str
    cells: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


def left_out(other: NotConcluded, columns: int) -> Patient:
    subject, why = _why_not(other)
    said = f"rejected: {why}" if other["schema"] == "eligo.rejection/1" else why
    return Patient(subject, (said, *(NONE,) * (columns - 2)), (("", said),))


def _why_not(other: NotConcluded) -> tuple[str, str]:
    """The subject on whom nothing was concluded, and why."""
    if other["schema"] == "eligo.rejection/1":
        why = first_fault(other)
    else:
        why = f"software fault: {other['where']}"
    return clean(other["subject"] or wording.NO_SUBJECT), clean(why)


def stands_of(mark: Landmark) -> str:
    """Where a patient stands; if the month's end decides, the days that it may be on."""
    text = STANDS[mark["status"]]
    if mark["status"] == "unknown" and "or_on" in mark:
        text += f" (it is on {mark['on']} or on {mark['or_on']})"
    return text


# --- patients -----------------------------------------------------------------------------


def titles_of(outcomes: Outcomes) -> tuple[str, ...]:
    titles = ["Patient", "Infused", "Best response", "MRD"]
    for endpoint in outcomes.endpoints:
        titles += [endpoint.id, f"{endpoint.id} at {_marks(endpoint.landmarks)}"]
    titles += [f"{t.id} within {_marks(t.within)}" for t in outcomes.toxicities]
    return tuple(clean(title) for title in titles)


def _marks(durations: Sequence[object]) -> str:
    return ", ".join(str(getattr(one, "text", one)).split()[0] for one in durations) + (
        " " + str(getattr(durations[-1], "text", "")).split()[-1] if durations else ""
    )


class PatientWords:
    """Puts one patient after another into words."""

    def __init__(self, protocol: Protocol, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.because = {EXAMINED: "last assessment", "start": "no follow-up yet"}
        for endpoint in outcomes.endpoints:
            for name in endpoint.censored_at:
                records, dot, _ = name.partition(".")
                if dot:
                    self.because[name] = protocol.records[records].ask
        for fact in protocol.facts.values():
            self.because.setdefault(fact.name, fact.ask)
        for event in outcomes.events.values():
            self.because[event.id] = event.words.label

    def patient(self, record: Outcome) -> Patient:
        subject = clean(record["subject"])
        response = record["response"]
        if record["started_on"] is None or response is None:
            blank = (NONE,) * (len(titles_of(self.outcomes)) - 2)
            return Patient(subject, ("not infused", *blank), (("", "not infused"),))
        best = response["best"] or ("not known" if response["window_closed"] else "not yet known")
        if response["best"] is None and response["possible"]:
            best += f" ({' or '.join(response['possible'])})"
        if response["day"] is not None:
            best += f", day {response['day']}"
        mrd = response["mrd"] or NONE
        infused = record["started_on"]
        cells = [infused, best, mrd]
        lines = [("Infused", wording.day_words(infused)), ("Response", f"{best}; MRD {mrd}")]
        for endpoint in record["endpoints"]:
            primary = endpoint["rules"][0]
            said = self._followed(primary)
            stands = [stands_of(mark) for mark in primary["landmarks"]]
            cells += [said, ", ".join(stands)]
            marks = "; ".join(f"{m['after']}: {stands_of(m)}" for m in primary["landmarks"])
            lines.append((endpoint["id"], f"{said}. {marks}"))
            for other in endpoint["rules"][1:]:
                if (other["status"], other["day"]) != (primary["status"], primary["day"]):
                    lines.append(("", f"rule `{other['rule']}`: {self._followed(other)}"))
        for toxicity in record["toxicities"]:
            cells.append(", ".join(_worst(one) for one in toxicity["within"]))
            lines.append(
                (
                    toxicity["id"],
                    "; ".join(f"{one['after']}: {_worst(one)}" for one in toxicity["within"]),
                )
            )
        return Patient(
            subject,
            tuple(clean(cell) for cell in cells),
            tuple((clean(name), clean(text)) for name, text in lines),
        )

    def _followed(self, one: Followed) -> str:
        because = self.because.get(one["because"], one["because"])
        if one["status"] == "event":
            return f"{because}, day {one['day']}"
        return f"censored, day {one['day']} ({because})"


def _worst(one: Worst) -> str:
    if one["low"] == one["high"]:
        return str(one["low"])
    return f"{one['low']} or worse"


# --- CSV ----------------------------------------------------------------------------------


def csv_of(
    records: Sequence[Outcome], others: Sequence[NotConcluded]
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """A row a patient; a cell that does not apply is empty.

    The column `rejected` is there where somebody is, and says why.
    """
    columns: dict[str, None] = {}
    flat = []
    for record in records:
        row = dict(_flat(record))
        columns.update(dict.fromkeys(row))
        flat.append(row)
    titles = tuple(columns) or ("subject", "started_on")
    if others:
        titles += ("rejected",)
        flat += [dict(zip(("subject", "rejected"), _why_not(one), strict=True)) for one in others]
    return titles, tuple(
        tuple(wording.inert(clean(row.get(title, ""))) for title in titles) for row in flat
    )


def _flat(record: Outcome) -> list[tuple[str, str]]:
    cells = [("subject", record["subject"]), ("started_on", record["started_on"] or "")]
    response = record["response"]
    if response is not None:
        cells += [
            ("best_response", response["best"] or ""),
            ("best_response_possible", " ".join(response["possible"])),
            ("best_response_on", response["on"] or ""),
            ("remission", response["remission"]),
            ("evaluable", "yes" if response["evaluable"] else "no"),
            ("mrd", response["mrd"] or ""),
            ("mrd_negative_remission", response["mrd_negative"]),
        ]
    for endpoint in record["endpoints"]:
        for one in endpoint["rules"]:
            name = f"{endpoint['id']}_{one['rule']}"
            cells += [
                (f"{name}_status", one["status"]),
                (f"{name}_because", one["because"]),
                (f"{name}_on", one["on"]),
                (f"{name}_day", str(one["day"])),
                (f"{name}_months", f"{one['months']:.6f}"),
            ]
            cells += [
                (f"{name}_at_{mark['after'].replace(' ', '_')}", mark["status"])
                for mark in one["landmarks"]
            ]
    for toxicity in record["toxicities"]:
        for worst in toxicity["within"]:
            name = f"{toxicity['id']}_{worst['after'].replace(' ', '_')}"
            cells += [
                (f"{name}_low", worst["low"] or ""),
                (f"{name}_high", worst["high"] or ""),
                (f"{name}_severe", worst["severe"]),
                (f"{name}_fatal", worst["fatal"]),
            ]
    return cells
