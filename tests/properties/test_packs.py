"""What writing a pack otherwise can do to a decision: SEMANTICS section 8, about packs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine import model as m
from engine.decision import Screener
from engine.record import Decision
from tests.generators import (
    LONG,
    Case,
    Choices,
    Plain,
    Seeded,
    case,
    condition,
    protocol_in,
    subject_in,
)

EXAMPLES = settings(max_examples=1_500 if LONG else 30)
SUBJECTS = 6
PACKS = st.integers(0, 10**6)
SEEDS = st.integers(0, 2**32)


@contextmanager
def made(seed: int) -> Iterator[Case]:
    one = case(seed)
    try:
        yield one
    finally:
        one.close()


def both(one: Case, parts: dict[str, Plain], c: Choices) -> Iterator[tuple[Decision, Decision]]:
    """Decisions on the same subjects, with the pack as it was and as it is written now."""
    protocol = protocol_in(parts)
    with Screener(protocol) as screener:
        for _ in range(SUBJECTS):
            recorded, as_of = one.subject(c)
            before = one.screener.decide(subject_in(recorded, one.protocol), as_of)
            yield before, screener.decide(subject_in(recorded, protocol), as_of)


def statuses(decision: Decision) -> dict[str, tuple[m.Answer, m.Status]]:
    return {found["id"]: (found["answer"], found["status"]) for found in decision["criteria"]}


def rewritten(c: Choices, value: Any) -> Any:
    """The same, in another order wherever order should say nothing."""
    if isinstance(value, Mapping):
        return {
            key: value[key] if key in ("range", "usual", "between") else rewritten(c, value[key])
            for key in c.shuffled(list(value))
        }
    if isinstance(value, list):
        return [rewritten(c, item) for item in c.shuffled(value)]
    return value


@given(PACKS, SEEDS)
@EXAMPLES
def test_the_order_in_which_a_pack_is_written_does_not_matter(pack: int, seed: int) -> None:
    c = Seeded(seed)
    with made(pack) as one:
        for before, after in both(one, rewritten(c, one.parts), c):
            assert statuses(after) == statuses(before)
            assert after["verdict"] == before["verdict"]


@given(PACKS, SEEDS)
@EXAMPLES
def test_repeating_a_criterion_does_not_matter(pack: int, seed: int) -> None:
    c = Seeded(seed)
    with made(pack) as one:
        parts = deepcopy(one.parts)
        criteria = parts["eligibility"]["criteria"]
        original = c.of(criteria)
        criteria.insert(c.whole(0, len(criteria)), {**original, "id": "AGAIN1"})
        for before, after in both(one, parts, c):
            found = statuses(after)
            assert found.pop("AGAIN1") == found[original["id"]]
            assert found == statuses(before)
            assert after["verdict"] == before["verdict"]


@given(PACKS, SEEDS)
@EXAMPLES
def test_adding_a_criterion_never_makes_anyone_eligible(pack: int, seed: int) -> None:
    c = Seeded(seed)
    with made(pack) as one:
        parts = deepcopy(one.parts)
        facts, defined = parts["facts"]["facts"], list(parts["eligibility"].get("definitions", {}))
        new: Plain = {"id": "NEW1", "kind": c.of(["inclusion", "exclusion"]), "text": "new"}
        new["holds_when"] = condition(c, facts, defined, 3, one.as_of)
        criteria = parts["eligibility"]["criteria"]
        criteria.insert(c.whole(0, len(criteria)), new)
        for before, after in both(one, parts, c):
            found = statuses(after)
            del found["NEW1"]
            assert found == statuses(before)
            if after["verdict"] == "eligible":
                assert before["verdict"] == "eligible"
            if before["verdict"] == "ineligible":
                assert after["verdict"] == "ineligible"
