"""The patient's fact object: an attribute a fact, typed values in it, and none that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.read.patient import patient_model
from engine.read.sheet import Sheet
from engine.read.source import scan_document
from engine.read.subjects import read_subject
from engine.terms import Amount, Fact, Protocol, Statement

NAMES = ("copy", "copy_", "model_config", "model_fields", "json", "class", "self", "mro", "age")


def asking(*names: str) -> Protocol:
    """A protocol with a fact, a number, of each name."""
    facts = {name: Fact(name, name, "quantity", "a") for name in names}
    return Protocol("p", "1", "P", None, {}, facts, {}, {}, ())


def test_a_fact_may_be_called_as_a_model_calls_its_own() -> None:
    text = "subject: S\nfacts:\n" + "".join(f"  {n}: {i}\n" for i, n in enumerate(NAMES))
    subject = read_subject(text.encode() + b"...\n", "s.yaml", asking(*NAMES))
    assert [*subject.facts] == [*NAMES], "in the file's order"
    for number, name in enumerate(NAMES):
        (one,) = subject.facts[name]
        assert one.value == Amount(number * 1_000_000, "a"), name


def test_the_model_has_a_typed_attribute_for_every_fact_and_list() -> None:
    protocol = read_pack(shipped_pack())
    model = patient_model(protocol)
    recorded = [name for name, fact in protocol.facts.items() if fact.derive is None]
    assert [*model.facts.model.__annotations__] == recorded
    assert [*model.records.model.__annotations__] == [*protocol.records]
    assert {*model.facts.model.__annotations__.values()} == {tuple[Statement, ...]}


def test_what_is_read_cannot_be_changed() -> None:
    protocol = asking("age")
    model = patient_model(protocol)
    value: Mapping[str, str] = {"age": "7"}
    sheet = Sheet(scan_document("s.yaml", b"{}"))
    found = model.facts.validator.validate_python(value, context=sheet)
    assert isinstance(found, model.facts.model) and [*vars(found)] == ["age"]
    with pytest.raises(AttributeError, match="frozen"):
        found.age = ()


def test_models_are_kept_by_the_dictionary() -> None:
    one, other = asking("age"), asking("weight")
    model = patient_model(one)
    assert patient_model(other) is not model
    amended = replace(one, version="2", effective=date(2027, 1, 1))
    assert patient_model(amended) is model
