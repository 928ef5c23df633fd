"""Nothing recorded is passed over unseen: SEMANTICS 4 and 5, as properties.

Whatever is stated decides, or is provably older, or is voided, or keeps the reading open; and
what is lost on the way in never makes anyone eligible.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from engine import terms as m
from engine.read.subjects import read_subject
from engine.reference import evaluator as reference
from engine.select.readings import find_readings
from engine.terms.faults import InputRejected
from tests.generators import Plain, Screening, Seeded, json_text, screenings, yaml_text
from tests.properties.test_recorded import SEEDS, answers


def closed(recorded: Plain) -> str:
    """A subject file in YAML, with the line that ends it."""
    return f"{yaml_text(recorded)}\n...\n"


@given(screenings())
def test_every_statement_decides_or_is_named(one: Screening) -> None:
    subject = one.subject()
    every = find_readings(one.case.protocol, subject, one.as_of)
    for name, found in every.items():
        if one.case.protocol.facts[name].derive is None and name in subject.facts:
            named = Counter(s.entry for s, _ in found.passed)
            several = [
                other
                for other, fact in one.case.protocol.facts.items()
                if isinstance(fact.derive, m.OfValues) and fact.derive.fact == name
            ]
            read = (found, *(every[other] for other in several))
            looked_at = Counter({s.entry for each in read for s in each.statements})
            stated = Counter(s.entry for s in subject.facts[name])
            assert not stated - (named + looked_at)
            if found.reading.low is not None:
                assert named + looked_at == stated


@given(screenings((60, 100)), SEEDS)
def test_what_is_passed_over_changes_nothing(one: Screening, seed: int) -> None:
    c, subject, protocol = Seeded(seed), one.subject(), one.case.protocol
    found = find_readings(protocol, subject, one.as_of)
    share = c.of([100, 50])
    gone = {s.entry for each in found.values() for s, _ in each.passed if c.chance(share)}
    assume(gone)
    facts = {
        name: tuple(s for s in statements if s.entry not in gone)
        for name, statements in subject.facts.items()
    }
    without = replace(subject, facts=facts)
    before = reference.readings(protocol, subject, one.as_of)
    after = reference.readings(protocol, without, one.as_of)
    for name, reading in before.items():
        other = after[name]
        assert (reading.low, reading.high) == (other.low, other.high)
        assert reading.times_uln == other.times_uln
    decide = one.case.screener.decide
    was, now = decide(subject, one.as_of), decide(without, one.as_of)
    assert (answers(was), was["verdict"]) == (answers(now), now["verdict"])


@given(screenings(), SEEDS)
def test_a_file_that_was_cut_never_makes_anyone_eligible(one: Screening, seed: int) -> None:
    recorded = one.recorded
    if seed % 2:  # the lists before the facts
        recorded = {key: recorded[key] for key in ("subject", "records", "facts")}
    was = one.changed(recorded).decision()["verdict"]
    assume(was != "eligible")
    for text, name in ((closed(recorded), "s.yaml"), (json_text(recorded), "s.json")):
        data = text.encode()
        ends = [i for i, byte in enumerate(data) if byte == 0x0A]
        c = Seeded(seed)
        cuts = {c.of(ends) + 1 for _ in range(4) if ends}
        # Between two entries, what is left is a list as somebody could have written it.
        cuts |= {found.start() + 1 for found in [*re.finditer(rb"\n {6,}-\n", data)][-2:]}
        for cut in cuts | {c.whole(0, len(data) - 6) for _ in range(6)}:
            try:
                subject = read_subject(data[:cut], name, one.case.protocol, one.as_of)
            except InputRejected:
                continue
            assert one.case.screener.decide(subject, one.as_of)["verdict"] != "eligible", cut


@given(screenings(), SEEDS)
def test_losing_an_entry_never_makes_anyone_eligible(one: Screening, seed: int) -> None:
    c = Seeded(seed)
    records: Plain = {}
    for name, listed in one.recorded["records"].items():
        if listed and listed.get("entries"):
            listed = dict(listed)
            if c.chance(50):
                listed["count"] = Decimal(len(listed["entries"]))
            else:
                listed.pop("complete_on", None)
                listed.pop("count", None)
        records[name] = listed
    names = [name for name, listed in records.items() if listed and listed.get("entries")]
    assume(names)
    before = one.changed(one.recorded | {"records": records})
    assume(before.decision()["verdict"] != "eligible")
    name = c.of(names)
    entries = list(records[name]["entries"])
    del entries[c.whole(0, len(entries) - 1)]
    lost = records | {name: records[name] | {"entries": entries}}
    try:
        after = before.changed(one.recorded | {"records": lost}).decision()
    except InputRejected:
        return
    assert after["verdict"] != "eligible"


@given(screenings(), SEEDS)
def test_one_more_entry_that_may_match_settles_nothing(one: Screening, seed: int) -> None:
    subject = one.subject()
    derived = [fact.derive for fact in one.case.protocol.facts.values()]
    # Any entry at all matches a derivation that asks nothing of it.
    whole = {d.records for d in derived if isinstance(d, m.ListDerivation) and not d.where}
    names = [n for n, listed in subject.records.items() if listed.count is None and n not in whole]
    assume(names)
    name = Seeded(seed).of(names)
    listed = subject.records[name]
    entries = (*listed.entries, m.Entry(f"records.{name}.entries[{len(listed.entries)}]", {}))
    more = replace(subject, records={**subject.records, name: replace(listed, entries=entries)})
    decide = one.case.screener.decide
    was = answers(decide(subject, one.as_of))
    now = answers(decide(more, one.as_of))
    assert not [id_ for id_, answer in was.items() if answer == "unknown" != now[id_]]


@given(screenings(), st.integers(1, 3))
def test_more_entries_than_were_confirmed_confirm_nothing(one: Screening, more: int) -> None:
    subject = one.subject()
    for name, listed in one.recorded["records"].items():
        if not listed or not listed.get("complete_on") or len(listed.get("entries", [])) < more:
            continue
        fewer = dict(listed) | {"count": Decimal(len(listed["entries"]) - more)}
        recorded = one.recorded | {"records": one.recorded["records"] | {name: fewer}}
        read = one.changed(recorded).subject()
        assert read.records[name].doubt == "more_entries"
        assert subject.records[name].complete_on == read.records[name].complete_on
