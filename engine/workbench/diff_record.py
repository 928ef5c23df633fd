"""A comparison of two versions of a pack as one JSON object."""

from __future__ import annotations

from dataclasses import asdict

from engine import terms as m
from engine.regions.asked import Plain
from engine.workbench.changed import Change, Comparison, Shown
from engine.workbench.flips import Subjects


def record(comparison: Comparison, subjects: Subjects | None) -> Plain:
    """The comparison as one JSON object, keys in a fixed order."""
    return {
        "schema": "eligo.diff/1",
        "old": _identity(comparison.old),
        "new": _identity(comparison.new),
        "alike": comparison.alike,
        "accepts": "the same" if comparison.accepts_alike else "not the same",
        "protocol": list(comparison.protocol),
        "verdict": _change_record(comparison.verdict),
        "criteria": [_change_record(c) for c in comparison.criteria],
        "outcomes": [_change_record(c) for c in comparison.outcomes],
        "dictionary": list(comparison.dictionary),
        "other": list(comparison.other),
        "subjects": None if subjects is None else _subjects_record(subjects),
    }


def _subjects_record(subjects: Subjects) -> Plain:
    return {
        "as_of": subjects.as_of.isoformat(),
        "compared": subjects.compared,
        "rescreen": sorted({one.subject for one in subjects.flips}),
        "rejected": list(subjects.rejected),
        "flips": [asdict(one) for one in subjects.flips],
    }


def _identity(protocol: m.Protocol) -> Plain:
    return {
        "id": protocol.id,
        "version": protocol.version,
        "title": protocol.title,
        "effective": protocol.effective.isoformat() if protocol.effective else None,
        "digest": protocol.digest,
    }


def _change_record(change: Change) -> Plain:
    def side(criterion: m.Criterion | None, rule: tuple[str, ...]) -> Plain | None:
        if criterion is None:
            return None
        return {
            "id": criterion.id,
            "kind": criterion.kind if change.about == "criterion" else None,
            "text": criterion.text,
            "interpretation": criterion.interpretation,
            "basis": criterion.basis,
            "source": criterion.source,
            "rule": list(rule),
        }

    def shown(one: Shown | None) -> Plain | None:
        if one is None:
            return None
        old, new = ({"subject": "WITNESS", **file} for file in (one.old_file, one.new_file))
        alike = old == new
        return {
            "as_of": one.as_of.isoformat(),
            "old": one.old,
            "new": one.new,
            "old_verdict": one.old_verdict,
            "new_verdict": one.new_verdict,
            "subject": new if alike else None,
            "old_subject": None if alike else old,
            "new_subject": None if alike else new,
        }

    return {
        "about": change.about,
        "relation": change.relation,
        "renumbered": change.renumbered,
        "turned": change.turned,
        "reworded": change.reworded,
        "rewritten": change.rewritten,
        "never_worse": change.never_worse,
        "never_better": change.never_better,
        "basis": _basis(change),
        "old": side(change.old, change.old_rule),
        "new": side(change.new, change.new_rule),
        "worse": shown(change.worse),
        "better": shown(change.better),
    }


def _basis(change: Change) -> str:
    """How the relation is known; see WORKBENCH, section 1."""
    if change.relation in ("added", "removed"):
        return "read"
    if change.relation in ("different", "stricter-for-some", "looser-for-some"):
        return "witnessed"
    return "proved" if change.proved else "undecided"
