"""All patients together: remission rate, survival curves, incidences, at one data cut-off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

from engine.decide.decision import software
from engine.outcomes.clock import PARTS
from engine.outcomes.estimates import KaplanMeier, kaplan_meier, proportion
from engine.outcomes.record import (
    Assumption,
    Curve,
    CurveUnder,
    Estimate,
    Followed,
    Incidence,
    Landmark,
    LandmarkStatus,
    Outcome,
    Trial,
    Worst,
)
from engine.terms import Censoring, Duration, Endpoint, Outcomes, Protocol, Toxicity, Words

STATUSES: tuple[LandmarkStatus, ...] = (
    "event",
    "event_free",
    "censored_before",
    "not_yet_reached",
    "unknown",
)


def trial_of(
    protocol: Protocol, records: Sequence[Outcome], as_of: date, rejected: int = 0
) -> Trial:
    """The trial's record from its patients' (their proofs are not looked at)."""
    outcomes = protocol.outcomes
    if outcomes is None:
        raise ValueError("the pack has no outcomes.yaml")
    rule = outcomes.response
    infused = [record for record in records if record["started_on"] is not None]
    responses = [r["response"] for r in infused if r["response"] is not None]
    remitted = [r for r in responses if r["remission"] == "yes"]
    evaluable = [r for r in responses if r["evaluable"] and r["remission"] != "unknown"]
    unsettled = [r for r in responses if r["remission"] == "unknown"]
    still_open = [r for r in responses if r["remission"] != "yes" and not r["window_closed"]]
    classes = outcomes.scales[rule.scale].classes
    return {
        "schema": "eligo.trial/1",
        "as_of": as_of.isoformat(),
        "protocol": {
            "id": protocol.id,
            "version": protocol.version,
            "digest": protocol.digest,
            "title": protocol.title,
        },
        "software": software(),
        "screened": len(records) + rejected,
        "rejected": rejected,
        "infused": len(infused),
        "evaluable": len(evaluable),
        "window_open": len(still_open),
        "response_unknown": len([r for r in unsettled if r["window_closed"]]),
        "orr": proportion(len(remitted), len(infused)),
        "orr_evaluable": proportion(len(remitted), len(evaluable)),
        "classes": [
            {
                "label": one.id,
                "proportion": proportion(
                    len([r for r in responses if r["best"] == one.id]), len(infused)
                ),
            }
            for one in classes
        ],
        "mrd_negative": proportion(
            len([r for r in remitted if r["mrd_negative"] == "yes"]), len(remitted)
        )
        if rule.mrd
        else None,
        "endpoints": [
            {
                "id": endpoint.id,
                "label": endpoint.words.label,
                "curves": [
                    _curve_under(endpoint, number, censoring, infused)
                    for number, censoring in enumerate(endpoint.rules)
                ],
            }
            for endpoint in outcomes.endpoints
        ],
        "incidences": [
            _incidence(outcomes, toxicity, number, after, infused)
            for toxicity in outcomes.toxicities
            for number, after in enumerate(toxicity.within)
        ],
        "assumptions": _assumptions(outcomes),
    }


def _curve_under(
    endpoint: Endpoint, number: int, censoring: Censoring, infused: Sequence[Outcome]
) -> CurveUnder:
    followed = [
        rules["rules"][number]
        for record in infused
        for rules in record["endpoints"]
        if rules["id"] == endpoint.id
    ]
    return {
        "rule": censoring.id,
        "label": censoring.words.label,
        "primary": number == 0,
        "curve": _curve(endpoint, followed),
    }


def _curve(endpoint: Endpoint, followed: Sequence[Followed]) -> Curve:
    """Time runs in whole 31sts of a calendar month, or in days, so that ties are ties."""
    months = endpoint.in_months
    scale = PARTS if months else 1
    times = [
        (round(one["months"] * PARTS) if months else one["day"], one["status"] == "event")
        for one in followed
    ]
    fitted = kaplan_meier(times)
    marks = [
        (after.text, (after.months if months else after.days) * scale)
        for after in endpoint.landmarks
    ]
    standing = [[one["landmarks"][i] for one in followed] for i in range(len(marks))]
    return curve_of(fitted, marks, scale, "months" if months else "days", standing)


def curve_of(
    fitted: KaplanMeier,
    marks: Sequence[tuple[str, float]],
    scale: int = 1,
    unit: Literal["months", "days"] = "days",
    standing: Sequence[Sequence[Landmark]] = (),
) -> Curve:
    """A fitted curve as a record, its times divided by `scale`."""
    median, low, high = fitted.quantile()
    return {
        "unit": unit,
        "patients": fitted.patients,
        "events": fitted.events,
        "steps": [{**step, "time": _scaled(step["time"], scale) or 0.0} for step in fitted.steps],
        "median": _scaled(median, scale),
        "median_low": _scaled(low, scale),
        "median_high": _scaled(high, scale),
        "landmarks": [
            _estimate(fitted, text, time, scale, standing[i] if standing else ())
            for i, (text, time) in enumerate(marks)
        ],
    }


def _scaled(time: float | None, scale: int) -> float | None:
    return None if time is None else round(time / scale, 6)


def _estimate(
    fitted: KaplanMeier, text: str, time: float, scale: int, standing: Sequence[Landmark]
) -> Estimate:
    survival, low, high = fitted.at(time)
    counts = {s: len([one for one in standing if one["status"] == s]) for s in STATUSES}
    return {
        "after": text,
        "time": _scaled(time, scale) or 0.0,
        "survival": survival,
        "low": low,
        "high": high,
        "at_risk": fitted.at_risk(time),
        "event": counts["event"],
        "event_free": counts["event_free"],
        "censored_before": counts["censored_before"],
        "not_yet_reached": counts["not_yet_reached"],
        "unknown": counts["unknown"],
    }


def _incidence(
    outcomes: Outcomes,
    toxicity: Toxicity,
    number: int,
    after: Duration,
    infused: Sequence[Outcome],
) -> Incidence:
    worst: list[Worst] = [
        one["within"][number]
        for record in infused
        for one in record["toxicities"]
        if one["id"] == toxicity.id
    ]
    known = [w for w in worst if w["severe"] in ("yes", "no")]
    ids = [one.id for one in outcomes.scales[toxicity.scale].classes]
    if toxicity.fatal is not None:
        ids.insert(0, toxicity.fatal.id)
    sure = [w["low"] for w in worst if w["low"] == w["high"]]
    return {
        "toxicity": toxicity.id,
        "label": toxicity.words.label,
        "after": after.text,
        "classes": sorted(toxicity.severe),
        "severe": proportion(len([w for w in known if w["severe"] == "yes"]), len(known)),
        "grades": {id_: sure.count(id_) for id_ in ids},
        "unknown": len([w for w in worst if w["severe"] == "unknown"]),
        "not_yet_reached": len([w for w in worst if w["severe"] == "not_yet_reached"]),
        "fatal": len([w for w in worst if w["fatal"] == "yes"]),
    }


def _assumptions(outcomes: Outcomes) -> list[Assumption]:
    """Every interpretation of the pack, in the order of its file; equal ones once."""
    listed: list[tuple[str, Words]] = []
    for scale in outcomes.scales.values():
        listed += [(f"{scale.ask}: {one.id}", one.words) for one in scale.classes]
    listed.append((outcomes.response.words.label, outcomes.response.words))
    listed += [(event.words.label, event.words) for event in outcomes.events.values()]
    for endpoint in outcomes.endpoints:
        listed.append((endpoint.id, endpoint.words))
        listed += [(f"{endpoint.id}, {r.words.label}", r.words) for r in endpoint.rules]
    for toxicity in outcomes.toxicities:
        listed.append((toxicity.words.label, toxicity.words))
        if toxicity.fatal is not None:
            name = f"{toxicity.words.label}: {toxicity.fatal.words.label}"
            listed.append((name, toxicity.fatal.words))
    return _merged((what, words) for what, words in listed if words.interpretation)


def _merged(listed: Iterable[tuple[str, Words]]) -> list[Assumption]:
    found: dict[str, Assumption] = {}
    for what, words in listed:
        known = found.get(words.interpretation)
        if known is None:
            found[words.interpretation] = {
                "what": what,
                "text": words.text,
                "interpretation": words.interpretation,
                "basis": words.basis,
            }
        elif ":" in what and what.partition(":")[0] == known["what"].partition(":")[0]:
            known["what"] += "," + what.partition(":")[2]
    return list(found.values())
