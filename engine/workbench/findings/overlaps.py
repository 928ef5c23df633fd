"""Inclusions and exclusions that overlap, or cut each other short."""

from __future__ import annotations

from itertools import product

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.bounds import cut_by, shared_value, without
from engine.workbench.findings import Finding
from engine.workbench.findings.inquiry import Inquiry, holds
from engine.workbench.witness import Witness


def overlap(asked: Inquiry, a: m.Criterion, b: m.Criterion) -> Finding | None:
    """An inclusion and an exclusion that both hold at the limit where they meet.

    One begins where the other ends, and both take the limit. Where they hold together
    over more than that, the exclusion cuts a window out of the inclusion, as protocols
    do; but not a code that the inclusion names.
    """
    inclusion, exclusion = (a, b) if a.kind == "inclusion" else (b, a)
    (included, tests), (excluded, others) = asked.in_tests(inclusion, exclusion)
    for (mine, turned), (other, also_turned) in product(tests, others):
        shared = shared_value(mine, turned, other, also_turned, asked.protocol.facts)
        if shared is None:
            continue
        if asked.effort.spent > asked.effort.limit:
            asked.doubt(f"{exclusion.id}: whether it overlaps with {inclusion.id}")
            return None
        ground = asked.halved([included, excluded, shared])
        if isinstance(other, m.ChoiceTest):
            spared = m.All((shared, m.Not(excluded)))
            if asked.may_hold(spared, ground):
                continue
        met = m.All((
            included, excluded, shared,
            m.Not(without(included, mine)), m.Not(without(excluded, other)),
        ))  # fmt: skip
        found = asked.ask(
            holds(met),
            [included, excluded],
            f"{exclusion.id}: whether it overlaps with {inclusion.id}",
            definite=True,
            ground=ground,
            check=lambda w: (
                w.statuses[inclusion.id] == "passed" and w.statuses[exclusion.id] == "failed"
            ),
        )
        if isinstance(found, Witness):
            ids = (inclusion.id, exclusion.id)
            what = f"at its limit a subject meets {ids[0]} and is excluded by {ids[1]}"
            hint = "let one begin where the other ends"
            if isinstance(mine, m.ChoiceTest):
                what = f"a code that {ids[0]} names is excluded by {ids[1]}"
                hint = "name it in one of them"
            return Finding("overlap", exclusion.place, what, hint, "witnessed", ids, found)
    return None


def cut_short(asked: Inquiry, a: m.Criterion, b: m.Criterion) -> Finding | None:
    """An inclusion's limit that an exclusion never lets anybody come near.

    Whoever passes the exclusion is inside the limit, and somebody inside it is excluded:
    to exclude above 65 what is included up to 70 is to include up to 65.
    """
    inclusion, exclusion = (a, b) if a.kind == "inclusion" else (b, a)
    (included, tests), (excluded, others) = asked.in_tests(inclusion, exclusion)
    for (mine, turned), (other, also_turned) in product(tests, others):
        reaches = m.Not(other) if also_turned else other
        for limit in cut_by(mine, turned, other, also_turned):
            # Whoever passes is beyond the one limit, and whoever is, inside the other.
            if asked.may_hold(m.All((reaches, m.Not(excluded)))):
                continue
            apart = m.All((m.Not(reaches), m.Not(limit)))
            if asked.may_hold(apart, asked.halved([apart])):
                continue
            found = asked.ask(
                holds(m.All((included, excluded, m.Not(without(excluded, other))))),
                [included, excluded],
                f"{exclusion.id}: whether it cuts {inclusion.id} short",
                definite=True,
            )
            if isinstance(found, Witness):
                words = leaf_text(limit, asked.protocol.facts)
                ids = (inclusion.id, exclusion.id)
                what = f"{ids[1]} excludes part of what {ids[0]} includes: the limit `{words}` "
                what += "is never reached"
                hint = "let the inclusion end where the exclusion begins"
                place = exclusion.place
                return Finding("overlap", place, what, hint, "witnessed", ids, found)
    return None
