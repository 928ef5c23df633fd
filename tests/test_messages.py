"""The sentences of a record: each is its message rendered, and the catalogue is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.store.packs import read_pack
from engine.decide.decision import Screener
from engine.read.subjects import read_subject
from engine.record.messages import KINDS, TEMPLATES, render, slots
from engine.record.semantics import CHANGES, changed
from engine.record.shape import SEMANTICS, dump
from engine.terms.faults import InputRejected

ROOT = Path(__file__).resolve().parents[1]
AS_OF = date(2026, 11, 20)
BESIDE = {
    "message": ("says", "detail"),
    "condition_message": ("condition",),
    "says_message": ("says",),
    "messages": ("because",),
    "follows_messages": ("follows_from",),
}
"""By key of a message, the key of its text."""


@cache
def records() -> list[Any]:
    """The decisions on the fixtures, as they are published."""
    protocol, found = read_pack(ROOT / "rules" / "cd19-car-t-b-all"), []
    with Screener(protocol) as screener:
        for path in sorted((ROOT / "fixtures" / "subjects").iterdir()):
            try:
                subject = read_subject(path.read_bytes(), path.name, protocol, AS_OF)
            except InputRejected:
                continue
            found.append(json.loads(dump(screener.decide(subject, AS_OF))))
    return found


def sentences(value: Any) -> Iterator[tuple[str, Any]]:
    """Every text of a record that has a message, with that message."""
    if isinstance(value, list):
        for one in value:
            yield from sentences(one)
    elif isinstance(value, dict):
        for key, message in value.items():
            texts = [value[name] for name in BESIDE.get(key, ()) if name in value]
            if texts and isinstance(message, list):
                yield from zip(texts[0], message, strict=True)
            elif texts:
                yield texts[0], message
            yield from sentences(message)


def test_every_text_of_a_record_is_its_message_rendered() -> None:
    seen = set()
    for record in records():
        for text, message in sentences(record):
            assert render(message) == text
            assert message["arguments"].keys() == slots(message["id"]).keys()
            seen.add(message["id"])
    assert {id_.partition(".")[0] for id_ in seen} == {
        *("condition", "says", "missing", "follows", "change", "passed"),
    }


def test_a_sentence_does_not_depend_on_what_is_not_in_its_message() -> None:
    record = records()[0]
    for text, message in sentences(record):
        assert render(json.loads(json.dumps(message))) == text


@pytest.mark.parametrize("id_", TEMPLATES)
def test_every_slot_has_a_kind(id_: str) -> None:
    assert set(slots(id_).values()) <= KINDS.keys()
    assert TEMPLATES[id_].count("{") == len(slots(id_)), "no argument twice"


def test_a_test_is_there_as_data() -> None:
    """Values and limits need not be read out of a sentence."""

    def leaves(why: Any) -> Iterator[Any]:
        if "test" in why:
            yield why
        for child in why["children"]:
            yield from leaves(child)

    asked = {
        leaf["reading"]["fact"]: leaf["test"]
        for criterion in records()[0]["criteria"]
        for leaf in leaves(criterion["why"])
    }
    assert asked["last_chemotherapy"] == {"operator": "at_least_ago", "limits": [7], "unit": "d"}
    assert asked["alt"] == {"operator": "above_uln", "limits": [5]}
    assert asked["consent"] == {"operator": "is", "limits": [True]}
    assert asked["sex"]["operator"] == "one_of" and len(asked["sex"]["labels"]) == 1


def test_what_the_rules_of_today_changed_is_named() -> None:
    assert max(CHANGES) == SEMANTICS and all(CHANGES.values())
    assert changed(SEMANTICS, SEMANTICS) == ()
    assert changed(1, 2) == CHANGES[2] != ()
