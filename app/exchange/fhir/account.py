"""What the account of an import says beside the lines of single resources."""

from __future__ import annotations

from datetime import timedelta

from app.exchange.fhir.made import Gathered
from app.exchange.fhir.spool import Spool
from app.exchange.report import Patient
from engine.exchange.fhir.element import full_day
from engine.exchange.fhir.map import FhirMap
from engine.exchange.fhir.status import Around
from engine.exchange.recorded import Recorded, clean
from engine.exchange.summary import Summary
from engine.read.sheet import NotThat, parse_day, parse_days
from engine.terms import Days, Protocol


def account_for(found: Gathered, patient: Patient, summary: Summary) -> None:
    """Count one patient's unread things by code, over all patients."""
    for one in found.unclassified:
        may = "a diagnosis that is asked for" if one.kind == "Condition" else "treatment"
        what = f"{one.what}: not in the map, may be {may}"
        summary.note("unclassified", what, about=patient.subject)
    for (fact, why), times in found.unusable.items():
        what = f"{fact}: recorded, and not usable: {why}"
        summary.note("unusable", what, about=patient.subject, times=times)
    for (kind, words), times in found.uncoded.items():
        what = f"{words}: not in the map ({kind})"
        summary.note("remark", what, about=patient.subject, times=times)
    for reason, times in found.irrelevant.items():
        summary.note("remark", reason, about=patient.subject, times=times)
    for reason in patient.unconfirmed:
        summary.note("unconfirmed", reason, about=patient.subject)
    for reason in (*found.lost, *found.partial):
        summary.note("remark", reason, about=patient.subject)
    if found.repeated:
        what = "a resource that stands in the input more than once"
        summary.note("remark", what, about=patient.subject, times=found.repeated)
    for why in patient.refused:
        summary.note("refused", why, about=patient.subject)


def contradictions(spool: Spool, identity: str, patient: Patient, around: Around) -> None:
    """What cannot be so: before birth, after death, scores that do not fit one another."""
    born, died = (_stated(patient, name) for name in ("birthDate", "deceased"))
    if born and died and died[1].last < born[1].first:
        patient.contradictions.append(f"death on {died[0]}, before the birth on {born[0]}")
    for line in spool.lines(identity):
        if not line.day or line.name == patient.name:
            continue
        days = parse_days(line.day)
        if born and days.last < born[1].first:
            what = f"{line.name} of {line.day}, before the birth on {born[0]}"
            patient.contradictions.append(what)
        if died and days.first > died[1].last:
            what = f"{line.name} of {line.day}, after the death on {died[0]}"
            patient.contradictions.append(what)
    for rule, source, value, day in patient.compared:
        for other in patient.said(rule.fact):
            on, own = other.get("on"), str(other.get("value"))
            if on is None or full_day(day) is None or full_day(str(on)) is None:
                continue
            near = abs(parse_day(on) - parse_day(day)) <= timedelta(days=rule.days)
            if near and own not in rule.fits.get(value, {own}):
                patient.contradictions.append(
                    f"{rule.says}: {own} ({other.get('source')}, {on}) beside {value}"
                    f" ({source}, {day})"
                )


def _stated(patient: Patient, name: str) -> tuple[str, Days] | None:
    text = patient.days.get(name, "")
    try:
        return (text, parse_days(text)) if text else None
    except NotThat:
        return None


def nothing_for(
    protocol: Protocol, fhir_map: FhirMap, recorded: Recorded, patient: Patient
) -> None:
    """Which recorded facts and lists got nothing."""
    names = [fact.name for fact in protocol.facts.values() if fact.derive is None]
    for name in (*names, *protocol.records):
        if recorded.facts.get(name) or recorded.entries.get(name):
            continue
        why = fhir_map.not_carried.get(name)
        if why is None:
            patient.nothing.append(name)
        else:
            patient.not_carried[name] = clean(why)
