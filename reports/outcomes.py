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
    Outcome,
    Proportion,
    Trial,
)
from engine.terms import Protocol
from engine.terms.faults import clean
from reports import wording
from reports.figures import Drawn, survival_figure
from reports.formats import (
    environment,
    set_pdf,
)

if TYPE_CHECKING:
    pass
from reports.formats import Table
from reports.listing import (
    NONE,
    STANDS,
    NotConcluded,
    Patient,
    PatientWords,
    csv_of,
    left_out,
    titles_of,
)
from reports.swimmers import swimmers_of

MONTH_END = (
    "Where {patients} stood at {after} is not known: the month lacks the day, so that {after} is up"
    " on its last day or on the day after, and that decides. The curve takes the day after."
)


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
    words = PatientWords(protocol, outcomes)
    treated = [record for record in records if record["started_on"] is not None]
    swimmers, note = swimmers_of(treated, outcomes, words)
    endpoints = tuple(_endpoint(one) for one in trial["endpoints"])
    identity, software = trial["protocol"], trial["software"]
    titles, rows = csv_of(records, others)
    listing_titles = titles_of(outcomes)
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
            *(left_out(other, len(listing_titles)) for other in others),
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
