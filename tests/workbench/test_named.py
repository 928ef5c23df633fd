"""Names leave entries open in ways that no field does: the analyses know all of them."""

from __future__ import annotations

from collections import Counter

from engine import terms as m
from engine.reference.entries import matches
from engine.regions.diagrams import Effort
from engine.regions.lists import Templates
from engine.terms.faults import InputRejected
from tests.generators import Plain, Seeded, Targets, _entries, case, subject_in

PACKS, ENTRIES = 60, 60


def test_however_derivations_count_a_named_entry_is_one_of_the_ways() -> None:
    met: Counter[str] = Counter()
    for seed in range(PACKS):
        one, c = case(seed), Seeded(f"named {seed}")
        for name, record in one.protocol.records.items():
            derivations = [
                fact.derive
                for fact in one.protocol.facts.values()
                if isinstance(fact.derive, m.LatestOf | m.EarliestOf | m.Exists | m.Count)
                and fact.derive.records == name
                and all(isinstance(clause, m.Where) for clause in fact.derive.where)
            ]
            if not derivations or not record.known:
                continue
            templates = Templates([one.protocol], Effort(), name, derivations)
            if not templates.complete:
                met["incomplete"] += 1
                continue
            targets = Targets.of(one.protocol)
            for _ in range(ENTRIES):
                entries = _entries(c, targets, record, one.as_of, vague=20)
                for entry in entries:
                    _check(one.protocol, templates, record, entry, met)
        one.close()
    assert met["open only by a name"] >= 20 and met["complete"] >= 1_000, met
    assert met["incomplete"] <= 30, met


def _check(
    protocol: m.Protocol,
    templates: Templates,
    record: m.RecordList,
    entry: Plain,
    met: Counter[str],
) -> None:
    try:
        recorded = {"subject": "S", "records": {record.name: {"entries": [entry]}}}
        read = subject_in(recorded, protocol).records[record.name].entries
    except InputRejected:
        return
    for part in read:
        if not part.voided:
            ways = tuple(matches(part, derive.where, record, 0) for derive in templates.derivations)
            assert ways in templates.kinds, (entry, ways)
            met["complete"] += 1
            met["open only by a name"] += ways not in templates.entries
