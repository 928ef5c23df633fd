"""Every cell of `all`, `any` and `not`, and what follows from a criterion's truth."""

from __future__ import annotations

from datetime import date

import pytest

from engine import terms as m
from engine.reference import evaluator as reference
from tests.build import criterion, fact, pack, said, subject

AS_OF = date(2026, 11, 20)
WORDS: dict[str, m.Truth] = {"T": "true", "F": "false", "U": "unknown"}

# The children, then what `all` and `any` of them come to.
GROUPS = """
T T T    F F F    U U U
TT T T   TF F T   TU U T   FT F T   FF F F   FU F U   UT U T   UF F U   UU U U
TTT T T  TTF F T  TTU U T  TFT F T  TFF F T  TFU F T  TUT U T  TUF F T  TUU U T
FTT F T  FTF F T  FTU F T  FFT F T  FFF F F  FFU F U  FUT F T  FUF F U  FUU F U
UTT U T  UTF F T  UTU U T  UFT F T  UFF F U  UFU F U  UUT U T  UUF F U  UUU U U
"""
CELLS = GROUPS.split()
ROWS = list(zip(CELLS[::3], CELLS[1::3], CELLS[2::3], strict=True))


def truths_of(values: str, condition: m.Condition, **definitions: m.Condition) -> dict[str, str]:
    """Truths where the facts `f1`, `f2`... are true, false or (not recorded) unknown."""
    names = [f"f{n}" for n in range(1, len(values) + 1)]
    protocol = pack(
        [fact(name, "boolean") for name in names], [criterion("I01", condition)], definitions
    )
    stated = {
        name: [said(value == "T")]
        for name, value in zip(names, values, strict=True)
        if value != "U"
    }
    read = reference.readings(protocol, subject(stated), AS_OF)
    return dict(reference.truths(protocol, read, AS_OF))


def children(values: str) -> tuple[m.Condition, ...]:
    return tuple(m.BooleanTest(f"f{n}", True) for n in range(1, len(values) + 1))


def test_the_table_has_every_cell_once() -> None:
    assert len(ROWS) == len({values for values, _, _ in ROWS}) == 3 + 9 + 27


@pytest.mark.parametrize(("values", "of_all", "of_any"), ROWS)
def test_all_and_any(values: str, of_all: str, of_any: str) -> None:
    leaves = {f"I01.{n}": WORDS[value] for n, value in enumerate(values, 1)}
    assert truths_of(values, m.All(children(values))) == {"I01": WORDS[of_all], **leaves}
    assert truths_of(values, m.Any(children(values))) == {"I01": WORDS[of_any], **leaves}


@pytest.mark.parametrize(("value", "expected"), [("T", "F"), ("F", "T"), ("U", "U")])
def test_not(value: str, expected: str) -> None:
    found = truths_of(value, m.Not(m.BooleanTest("f1", True)))
    assert found == {"I01": WORDS[expected], "I01.1": WORDS[value]}


def test_todo_is_always_unknown() -> None:
    assert truths_of("", m.Not(m.Todo())) == {"I01": "unknown", "I01.1": "unknown"}


@pytest.mark.parametrize("value", ["T", "F", "U"])
def test_a_definition_has_the_truth_of_its_root_and_a_path_of_its_own(value: str) -> None:
    used: m.Condition = m.All((m.BooleanTest("f1", True),))
    found = truths_of(value, m.Any((m.Defined("used"),)), outer=m.Defined("used"), used=used)
    paths = {"I01", "I01.1", "outer", "used", "used.1"}
    assert found == dict.fromkeys(paths, WORDS[value])


def test_a_definition_that_no_criterion_uses_has_its_truth_too() -> None:
    found = truths_of("F", m.Todo(), spare=m.Not(m.BooleanTest("f1", True)))
    assert found == {"I01": "unknown", "spare": "true", "spare.1": "false"}


@pytest.mark.parametrize("value", ["T", "F", "U"])
def test_fifty_deep(value: str) -> None:
    condition: m.Condition = m.BooleanTest("f1", True)
    for level in range(48):
        condition = m.Not(condition) if level % 2 else m.All((condition,))
    assert truths_of(value, condition)["I01"] == WORDS[value]  # 24 negations


@pytest.mark.parametrize(
    ("kind", "truth", "answer", "status"),
    [
        ("inclusion", "true", "yes", "passed"),
        ("inclusion", "false", "no", "failed"),
        ("inclusion", "unknown", "unknown", "open"),
        ("exclusion", "true", "yes", "failed"),
        ("exclusion", "false", "no", "passed"),
        ("exclusion", "unknown", "unknown", "open"),
    ],
)
def test_answer_and_status(kind: m.Kind, truth: m.Truth, answer: str, status: str) -> None:
    protocol = pack(criteria=[criterion("X01", m.Todo(), kind)])
    answers = reference.answers(protocol, {"X01": truth, "other": "true"})
    assert answers == {"X01": answer}
    assert reference.statuses(protocol, answers) == {"X01": status}


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ("", "eligible"),
        ("p", "eligible"),
        ("f", "ineligible"),
        ("o", "undetermined"),
        ("pp", "eligible"),
        ("po", "undetermined"),
        ("op", "undetermined"),
        ("pf", "ineligible"),
        ("fp", "ineligible"),
        ("of", "ineligible"),
        ("fo", "ineligible"),
        ("opf", "ineligible"),
    ],
)
def test_verdict(statuses: str, verdict: str) -> None:
    words: dict[str, m.Status] = {"p": "passed", "f": "failed", "o": "open"}
    given = {f"X{n:02}": words[letter] for n, letter in enumerate(statuses)}
    assert reference.verdict(given) == verdict
