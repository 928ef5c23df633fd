"""Durations as they are printed: one of a thing, and several things."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import terms as m
from engine.drafting.skeleton import skeleton
from engine.read.sheet import parse_duration
from engine.record.messages import UNIT_WORDS
from engine.record.wording import amount_text, leaf_text, leaf_words
from engine.workbench.coverage import obligations
from engine.workbench.mutants import mutants
from reports.wording import UNITS, value_words
from tests import build
from tests.bad_packs.corpus import bad
from tests.workbench.test_findings import read

NUMBERS = st.one_of(st.integers(1, 14), st.integers(1, 400))
UNITS_OF_TIME = st.sampled_from(["day", "week", "month", "year"])
_COUNTED = re.compile(r"(?<![\w.])-?(\d+(?:\.\d+)?) (day|week|month|year|hour)(s?)\b")


def wrong(text: str) -> list[str]:
    """What a text counts wrongly: `1 weeks`, `2 week`."""
    return [found[0] for found in _COUNTED.finditer(text) if (found[1] == "1") != (found[3] == "")]


def test_wrong_numbers_are_noticed() -> None:
    text = "1 weeks, 2 week, 1.5 day, -1 years; 1 week, -1 year, 11 weeks, 1.5 days, at 1 day"
    assert wrong(text) == ["1 weeks", "2 week", "1.5 day", "-1 years"]


@given(NUMBERS, UNITS_OF_TIME, st.sampled_from(["", "s"]))
def test_a_duration_is_printed_in_the_right_number(count: int, unit: str, ending: str) -> None:
    """However its author wrote it."""
    duration = parse_duration(f"{count} {unit}{ending}")
    assert wrong(duration.text) == [] and duration.text.startswith(f"{count} {unit}")
    leaf = m.AgoTest("chemo", "at_least_ago", duration, m.NOWHERE)
    facts = {"chemo": build.fact("chemo", "date")}
    assert wrong(leaf_text(leaf, facts)) == wrong(leaf_words(leaf, facts)) == []


@settings(max_examples=60, deadline=None)
@given(NUMBERS, UNITS_OF_TIME, NUMBERS)
def test_a_mutant_is_told_in_the_right_number(count: int, unit: str, limit: int) -> None:
    """Its window is another unit's, or one longer or shorter."""
    spec = bad(
        "windows", "", "birth_date age chemo started ended lasted",
        {
            "I01": f"{{chemo: {{at_least_ago: {count} {unit}s}}}}",
            "I02": f"{{age: {{at_least: {limit}}}}}",
            "I03": f"{{lasted: {{above: {limit}}}}}",
        },
    )  # fmt: skip
    protocol, _ = read(spec)
    made = mutants(protocol)
    assert any(one.kind == "window" for one in made) and any(one.kind == "unit" for one in made)
    texts = [one.words for one in made] + [one.words for one in obligations(protocol)]
    assert [found for text in texts for found in wrong(text)] == []


@given(st.integers(-3_000_000, 3_000_000), st.sampled_from(sorted({*UNIT_WORDS, *UNITS})))
def test_an_amount_is_printed_in_the_right_number(amount: int, unit: str) -> None:
    assert wrong(amount_text(amount, unit)) == []
    assert wrong(value_words(amount / m.MILLION, unit)) == []
    whole = amount // m.MILLION
    assert wrong(amount_text(whole * m.MILLION, unit)) == wrong(value_words(whole, unit)) == []


Unit = Literal["Year", "Month", "Week", "Day", "Hour"]


@pytest.mark.parametrize("unit", ["Year", "Month", "Week", "Day", "Hour"])
@given(st.integers(0, 3), st.integers(0, 3))
def test_a_skeleton_is_written_in_the_right_number(unit: Unit, least: int, most: int) -> None:
    def said(count: int) -> str:
        return f"{count} {unit}{'' if count == 1 else 's'}"

    data = (
        '{"protocolSection": {"identificationModule": {"nctId": "NCT1"}, "eligibilityModule":'
        f' {{"minimumAge": "{said(least)}", "maximumAge": "{said(most)}"}}}}}}'
    )
    made = skeleton("s.json", data.encode())
    texts = [*made.files.values(), *made.notes]
    assert [found for text in texts for found in wrong(text.lower())] == []
