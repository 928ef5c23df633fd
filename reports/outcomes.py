"""The trial report: tables, survival curves, swimmer plot, a listing of every patient.

`arrange` orders and words what the records hold; templates print it. Nothing is concluded or
estimated here.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from engine.outcomes.record import (
    CurveUnder,
    EndpointReport,
    Followed,
    Landmark,
    Outcome,
    Proportion,
    Trial,
    Worst,
)
from engine.record.shape import EngineFaultRecord, Rejection
from engine.terms import EXAMINED, Outcomes, Protocol
from engine.terms.faults import clean
from reports import wording
from reports.figures import Drawn, Swimmer, survival_figure, swimmer_figure
from reports.formats import (
    environment,
    set_pdf,
)
from reports.table import first_fault

if TYPE_CHECKING:
    pass
from reports.formats import Table

NotConcluded = Rejection | EngineFaultRecord


LANES = 40
"""Patients in one swimmer plot."""


MOST_LANES = 200
"""From more patients than these, nobody reads a swimmer plot: the listing alone remains."""


STANDS: Mapping[str, str] = {
    "event": "event",
    "event_free": "event-free",
    "censored_before": "censored before",
    "not_yet_reached": "not yet reached",
    "unknown": "not known",
}


MONTH_END = (
    "Where {patients} stood at {after} is not known: the month lacks the day, so that {after} is up"
    " on its last day or on the day after, and that decides. The curve takes the day after."
)


NONE = "–"


@dataclass(frozen=True, slots=True)
class EndpointPage:
    """One endpoint: its words, figure, landmarks, and where the patients stand at them."""

    title: str
    said: tuple[str, ...]
    figure: str
    alt: str
    estimates: Table
    standing: Table


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient of the listing: a row of the table, and lines for plain text."""

    subject: str
    cells: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TrialPage:
    """The trial report before it is printed: everything a reader sees, in order, in words."""

    protocol: str
    version: str
    as_of: str
    headline: tuple[tuple[str, str], ...]
    patients: tuple[tuple[str, str], ...]
    response: Table
    response_notes: tuple[str, ...]
    endpoints: tuple[EndpointPage, ...]
    safety: Table
    safety_grades: Table
    swimmers: tuple[tuple[str, str], ...]
    swimmer_note: str
    listing_titles: tuple[str, ...]
    listing: tuple[Patient, ...]
    not_used: tuple[tuple[str, str], ...]
    assumptions: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    csv_titles: tuple[str, ...]
    csv_rows: tuple[tuple[str, ...], ...]


# --- words for numbers --------------------------------------------------------------------


def percent(value: float | None) -> str:
    """`60.0%`; a dash where there is no number."""
    return NONE if value is None else f"{100 * value:.1f}%"


def interval(low: float | None, high: float | None) -> str:
    """`26.2 to 87.8%`."""
    if low is None and high is None:
        return NONE
    ends = [NONE if end is None else f"{100 * end:.1f}" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}%"


def share(one: Proportion) -> str:
    """`6 of 10`."""
    return f"{one['count']} of {one['of']}"


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """`60.0% (26.2 to 87.8%)`, without the interval where there is none."""
    if value is None or low is None or high is None:
        return percent(value)
    return f"{percent(value)} ({interval(low, high)})"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _months(value: float | None, unit: str) -> str:
    return "not reached" if value is None else f"{value:.1f} {unit}"


# --- arranging ----------------------------------------------------------------------------


def arrange(
    trial: Trial,
    records: Sequence[Outcome],
    protocol: Protocol,
    others: Sequence[NotConcluded] = (),
) -> TrialPage:
    """What the trial report shows. `records` need not hold their proofs.

    `others`: the subjects on whom nothing was concluded; they end the listing.
    """
    outcomes = protocol.outcomes
    assert outcomes is not None
    words = _Words(protocol, outcomes)
    treated = [record for record in records if record["started_on"] is not None]
    swimmers, note = _swimmers(treated, outcomes, words)
    endpoints = tuple(_endpoint(one) for one in trial["endpoints"])
    identity, software = trial["protocol"], trial["software"]
    titles, rows = _csv(records, others)
    listing_titles = _listing_titles(outcomes)
    return TrialPage(
        protocol=clean(identity["title"]),
        version=clean(identity["version"]),
        as_of=wording.day_words(trial["as_of"]),
        headline=_headline(trial),
        patients=_counts(trial),
        response=_response(trial),
        response_notes=_response_notes(trial),
        endpoints=endpoints,
        safety=_safety(trial),
        safety_grades=_grades(trial),
        swimmers=swimmers,
        swimmer_note=note,
        listing_titles=listing_titles,
        listing=(
            *(words.patient(record) for record in records),
            *(_left_out(other, len(listing_titles)) for other in others),
        ),
        not_used=tuple(
            (clean(record["subject"]), clean(one["says"]))
            for record in records
            for one in record.get("passed_over", ())
        ),
        assumptions=tuple(
            (clean(a["what"]), clean(a["interpretation"])) for a in trial["assumptions"]
        ),
        provenance=(
            ("Data cut-off", wording.day_words(trial["as_of"])),
            ("Protocol", clean(f"{identity['title']} ({identity['id']})")),
            ("Protocol version", clean(identity["version"])),
            ("Protocol digest", clean(identity["digest"])),
            (
                "Software",
                clean(
                    f"Eligo {software['eligo']}, durable_rules {software['durable_rules']},"
                    f" Python {software['python']}"
                ),
            ),
            ("Record", trial["schema"]),
        ),
        csv_titles=titles,
        csv_rows=rows,
    )


def _left_out(other: NotConcluded, columns: int) -> Patient:
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


def _headline(trial: Trial) -> tuple[tuple[str, str], ...]:
    orr = trial["orr"]
    rate = with_interval(orr["value"], orr["low"], orr["high"])
    rows = [("Overall remission rate", f"{rate}, {share(orr)} infused")]
    for endpoint in trial["endpoints"]:
        for mark in endpoint["curves"][0]["curve"]["landmarks"]:
            estimate = with_interval(mark["survival"], mark["low"], mark["high"])
            rows.append((f"{endpoint['label']} at {mark['after']}", estimate))
    for one in trial["incidences"]:
        severe = one["severe"]
        estimate = with_interval(severe["value"], severe["low"], severe["high"])
        what = f"{one['label']}, grade {' or '.join(one['classes'])}, within {one['after']}"
        rows.append((what, f"{estimate}, {share(severe)}"))
    return tuple((clean(what), said) for what, said in rows)


def _counts(trial: Trial) -> tuple[tuple[str, str], ...]:
    rows = [
        ("Screened", trial["screened"]),
        ("of these rejected: data with faults", trial["rejected"]),
        ("Infused by the cut-off", trial["infused"]),
        ("Evaluable for response", trial["evaluable"]),
        ("No remission yet, response window still open", trial["window_open"]),
        ("Window closed, response not known", trial["response_unknown"]),
    ]
    return tuple((what, str(count)) for what, count in rows)


def _response(trial: Trial) -> Table:
    lines = [("CR or CRi" if _usual(trial) else "Remission", trial["orr"])]
    lines += [(one["label"], one["proportion"]) for one in trial["classes"]]
    lines.append(("Remission, of those evaluable", trial["orr_evaluable"]))
    if trial["mrd_negative"] is not None:
        lines.append(("MRD negative, of those in remission", trial["mrd_negative"]))
    return Table(
        ("Best response", "Patients", "Rate", "95 % interval (exact)"),
        tuple(
            (clean(what), share(one), percent(one["value"]), interval(one["low"], one["high"]))
            for what, one in lines
        ),
    )


def _usual(trial: Trial) -> bool:
    return [one["label"] for one in trial["classes"]][:2] == ["CR", "CRi"]


def _response_notes(trial: Trial) -> tuple[str, ...]:
    counted = sum(one["proportion"]["count"] for one in trial["classes"])
    rest = trial["infused"] - counted
    if not rest:
        return ()
    verb = "has" if rest == 1 else "have"
    return (f"{rest} of {trial['infused']} infused {verb} no settled best response.",)


def _endpoint(endpoint: EndpointReport) -> EndpointPage:
    curves = endpoint["curves"]
    first = curves[0]["curve"]
    unit = first["unit"]
    alone = len(curves) == 1
    said = []
    for one in curves:
        curve = one["curve"]
        name = "" if alone else f"{_rule_words(one)}: "
        text = f"{name}{_counted(curve['events'], 'event')} in "
        text += f"{_counted(curve['patients'], 'patient')}; "
        if curve["median"] is None:
            text += "median not reached."
        else:
            ends = " to ".join(
                _months(end, unit) for end in (curve["median_low"], curve["median_high"])
            )
            text += f"median {_months(curve['median'], unit)} (95 % interval {ends})."
        said.append(clean(text))
    title = f"{endpoint['label']} ({endpoint['id']})"
    drawn = [
        Drawn(clean(endpoint["id"] if alone else f"{endpoint['id']}: {_rule_words(one)}"),
              one["curve"])
        for one in curves
    ]  # fmt: skip
    titles = ("At", *(() if alone else ("Rule",)), "Estimate (95 %)", "At risk")
    rows = []
    for i, mark in enumerate(first["landmarks"]):
        for one in curves:
            at = one["curve"]["landmarks"][i]
            estimate = with_interval(at["survival"], at["low"], at["high"])
            rule = () if alone else (clean(_rule_words(one)),)
            rows.append((mark["after"], *rule, estimate, str(at["at_risk"])))
    doubts = [mark for mark in first["landmarks"] if mark["unknown"]]
    for mark in doubts:
        patients = _counted(mark["unknown"], "patient")
        said.append(clean(MONTH_END.format(after=mark["after"], patients=patients)))
    shown = STANDS if doubts else {k: v for k, v in STANDS.items() if k != "unknown"}
    counts: list[Mapping[str, object]] = [{**mark} for mark in first["landmarks"]]
    standing = Table(
        ("At", *(word.capitalize() for word in shown.values())),
        tuple((str(mark["after"]), *(str(mark[status]) for status in shown)) for mark in counts),
    )
    alt = f"Kaplan-Meier curve of {title}; its values stand in the table."
    figure = survival_figure(alt, drawn, f"{unit.capitalize()} since infusion")
    return EndpointPage(
        clean(title), tuple(said), figure, alt, Table(titles, tuple(rows)), standing
    )


def _stands(mark: Landmark) -> str:
    """Where a patient stands; if the month's end decides, the days that it may be on."""
    text = STANDS[mark["status"]]
    if mark["status"] == "unknown" and "or_on" in mark:
        text += f" (it is on {mark['on']} or on {mark['or_on']})"
    return text


def _rule_words(one: CurveUnder) -> str:
    return one["label"] + (" (primary)" if one["primary"] else "")


def _safety(trial: Trial) -> Table:
    return Table(
        ("Incidence", "Within", "Patients", "Rate (95 %)", "Not known", "Not yet reached",
         "Fatal"),
        tuple(
            (
                clean(f"{one['label']}, grade {' or '.join(one['classes'])}"),
                one["after"],
                share(one["severe"]),
                with_interval(one["severe"]["value"], one["severe"]["low"], one["severe"]["high"]),
                str(one["unknown"]),
                str(one["not_yet_reached"]),
                str(one["fatal"]),
            )
            for one in trial["incidences"]
        ),
    )  # fmt: skip


def _grades(trial: Trial) -> Table:
    ids = list(dict.fromkeys(id_ for one in trial["incidences"] for id_ in one["grades"]))
    return Table(
        ("Worst grade, where settled", "Within", *ids),
        tuple(
            (
                clean(one["label"]),
                one["after"],
                *(str(one["grades"].get(id_, 0)) for id_ in ids),
            )
            for one in trial["incidences"]
        ),
    )


# --- patients -----------------------------------------------------------------------------


def _listing_titles(outcomes: Outcomes) -> tuple[str, ...]:
    titles = ["Patient", "Infused", "Best response", "MRD"]
    for endpoint in outcomes.endpoints:
        titles += [endpoint.id, f"{endpoint.id} at {_marks(endpoint.landmarks)}"]
    titles += [f"{t.id} within {_marks(t.within)}" for t in outcomes.toxicities]
    return tuple(clean(title) for title in titles)


def _marks(durations: Sequence[object]) -> str:
    return ", ".join(str(getattr(one, "text", one)).split()[0] for one in durations) + (
        " " + str(getattr(durations[-1], "text", "")).split()[-1] if durations else ""
    )


class _Words:
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
            blank = (NONE,) * (len(_listing_titles(self.outcomes)) - 2)
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
            stands = [_stands(mark) for mark in primary["landmarks"]]
            cells += [said, ", ".join(stands)]
            marks = "; ".join(f"{m['after']}: {_stands(m)}" for m in primary["landmarks"])
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


def _swimmers(
    treated: Sequence[Outcome], outcomes: Outcomes, words: _Words
) -> tuple[tuple[tuple[str, str], ...], str]:
    """The figures with their alternative texts, some lanes each, or why there is none."""
    if not treated:
        return (), "No patient was infused by the cut-off."
    if len(treated) > MOST_LANES:
        text = f"A swimmer plot of {len(treated)} patients cannot be read and is left out."
        return (), text + " The listing holds every patient."
    legend = _legend(outcomes, words)
    drawn = sorted((_lane(r, outcomes) for r in treated), key=lambda one: (-one.end, one.subject))
    most = max(lane.end for lane in drawn)
    figures = []
    for at in range(0, len(drawn), LANES):
        part = drawn[at : at + LANES]
        count = f"{len(part)} patients" if len(part) > 1 else "one patient"
        alt = f"Swimmer plot of {count}, longest followed first; the listing holds their values."
        figures.append((swimmer_figure(alt, part, legend, most), alt))
    return tuple(figures), ""


def _symbols(outcomes: Outcomes) -> dict[str, str]:
    """The symbol of each class of response, and of each date drawn."""
    rule = outcomes.response
    found = {}
    for i, one in enumerate(outcomes.scales[rule.scale].classes):
        found[one.id] = ("disc" if i == 0 else "ring") if one.id in rule.remission else "cross"
    days = [*rule.until]
    days += [day for endpoint in outcomes.endpoints for one in endpoint.rules for day in one.at]
    for i, name in enumerate(dict.fromkeys(days)):
        found[name] = "diamond" if i == 0 else "square"
    for event in outcomes.events.values():
        if event.after_remission is not None:
            found[event.id] = "triangle"
    found[outcomes.died] = "bar"
    return found


def _legend(outcomes: Outcomes, words: _Words) -> list[tuple[str, str]]:
    legend = [("lane", "Followed (alive or to death)"), ("remission", "From remission to an event")]
    for name, sign in _symbols(outcomes).items():
        legend.append((sign, clean(words.because.get(name, name))))
    legend.append(("arrow", "Alive at the last contact"))
    return legend


def _lane(record: Outcome, outcomes: Outcomes) -> Swimmer:
    symbols = _symbols(outcomes)
    followed = [one for endpoint in record["endpoints"] for one in endpoint["rules"]]
    course = {one["what"]: one["months"] for one in record["course"]}
    died = course.get(outcomes.died)
    known = [one["months"] for one in followed] + [one["months"] for one in record["entries"]]
    end = max(known) if died is None else died
    ends = {one["because"]: one["months"] for one in followed if one["status"] == "event"}
    marks = [(symbols[name], months) for name, months in course.items() if name in symbols]
    marks += [
        (symbols[name], months)
        for name, months in ends.items()
        if name in symbols and name not in course
    ]
    relapsed = {months for name, months in ends.items() if symbols.get(name) == "triangle"}
    remission: float | None = None
    rule = outcomes.response
    for entry in record["entries"]:
        for grade in entry["grades"]:
            value = grade["value"]
            if grade["scale"] == rule.scale and value is not None:
                if value in rule.remission and remission is None:
                    remission = entry["months"]
                if entry["months"] not in relapsed:
                    marks.append((symbols[value], entry["months"]))
    span = None
    if remission is not None:
        span = (remission, max(remission, min([end, *ends.values()])))
    return Swimmer(clean(record["subject"]), end, died is None, span, tuple(marks))


# --- CSV ----------------------------------------------------------------------------------


def _csv(
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


# --- printing -----------------------------------------------------------------------------


def as_csv(page: TrialPage) -> str:
    """A row a patient, with a heading (RFC 4180, but lines end in a line feed)."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(page.csv_titles)
    writer.writerows(page.csv_rows)
    return text.getvalue()


def as_text(page: TrialPage) -> str:
    """The report as plain text, at most 80 columns wide but for words that are longer."""
    return _render("outcomes.txt.j2", page)


def as_html(page: TrialPage) -> str:
    """The report as one HTML file that needs nothing beside it and runs no script."""
    return _render("outcomes.html.j2", page)


def as_typst(page: TrialPage) -> str:
    """The report as Typst source, which `as_pdf` sets."""
    return _render("outcomes.typ.j2", page)


def as_pdf(page: TrialPage) -> bytes:
    """The report as a tagged A4 PDF with its fonts inside; the same page gives the same bytes."""
    return set_pdf(as_typst(page))


def _render(template: str, page: TrialPage) -> str:
    return environment(template.endswith(".html.j2")).get_template(template).render(page=page)
