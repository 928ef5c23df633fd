"""What a record says of the days to come holds on generated packs and subjects."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.generators import LONG, Seeded, pooled, subject_in
from tests.test_explain import leaves, truths_on, verdict_of

PACKS = 150 if LONG else 16
SUBJECTS = 12 if LONG else 4
DAYS = 400 if LONG else 45


@pytest.mark.parametrize("seed", range(PACKS))
def test_no_truth_and_no_verdict_changes_before_the_day_that_the_record_names(seed: int) -> None:
    one = pooled(seed)
    for number in range(SUBJECTS):
        recorded, as_of = one.subject(Seeded(f"time {seed} {number}"))
        subject = subject_in(recorded, one.protocol)
        decision = one.screener.decide(subject, as_of)
        named = {
            leaf["node"]: (leaf["truth"], leaf.get("changes_on", "9999"))
            for criterion in decision["criteria"]
            for leaf in leaves(criterion["why"])
        }
        again = decision["look_again"]["on"] if decision["look_again"] else "9999"
        for step in range(1, DAYS):
            day = (as_of + timedelta(days=step)).isoformat()
            truths = truths_on(one.screener.protocol, subject, as_of + timedelta(days=step))
            if day < again:
                assert verdict_of(one.screener.protocol, truths) == decision["verdict"], recorded
            for node, (truth, changes_on) in named.items():
                if day < changes_on:
                    assert truths[node] == truth, (node, day, recorded)
