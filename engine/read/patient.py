"""The patient's fact object: a model made from a pack's dictionary, one typed attribute a fact.

pydantic's core makes it, without the classes of pydantic, which take 70 ms to load at every start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, NoReturn

from pydantic_core import SchemaValidator, core_schema

from engine.read import recorded
from engine.read.sheet import Sheet
from engine.terms import Entries, Fact, Protocol, RecordList, Statement


class Model:
    """What was read of a mapping: an attribute for each name of the dictionary. It is frozen."""

    __slots__ = (
        "__dict__",
        "__pydantic_extra__",
        "__pydantic_fields_set__",
        "__pydantic_private__",
    )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"`{name}` of what was read is frozen")


class Made(NamedTuple):
    """A model, what makes one of the values by name, and the attribute for each name."""

    model: type[Model]
    validator: SchemaValidator
    attributes: Mapping[str, str]


class Patient(NamedTuple):
    """The models of a pack: what is recorded of its facts, and in its record lists."""

    facts: Made
    records: Made


_made: deque[tuple[Protocol, Patient]] = deque(maxlen=8)


def patient_model(protocol: Protocol) -> Patient:
    """The models of a pack's dictionary, made once and kept: of the facts that can be recorded."""
    for known, model in _made:
        if known.facts is protocol.facts and known.records is protocol.records:
            return model
    facts = [one for one in protocol.facts.values() if one.derive is None]
    model = Patient(
        _model("Facts", tuple[Statement, ...], (), _statements, facts),
        _model("Records", Entries | None, None, _entries, protocol.records.values()),
    )
    _made.append((protocol, model))
    return model


def read_as(made: Made, value: Mapping[str, Any], sheet: Sheet) -> tuple[dict[str, Any], list[str]]:
    """What a model makes of the values by name, in their order, and the names it does not know."""
    values = vars(made.validator.validate_python(value, context=sheet))
    known = made.attributes
    read = {name: values[known[name]] for name in value if name in known}
    return read, [name for name in value if name not in known]


def _model(
    name: str, kind: Any, absent: object, read: Any, ones: Collection[Fact | RecordList]
) -> Made:
    """A model whose attributes are read by `read`; what is wrong with one goes to the sheet."""

    def field(one: Fact | RecordList) -> core_schema.ModelField:
        reader = core_schema.with_info_plain_validator_function(
            lambda value, info: read(info.context, one, value)
        )
        default = core_schema.with_default_schema(reader, default=absent)
        return core_schema.model_field(default, validation_alias=one.name)

    attributes = {one.name: _attribute(one.name) for one in ones}
    fields = {attributes[one.name]: field(one) for one in ones}
    space = {"__annotations__": dict.fromkeys(fields, kind), "__slots__": ()}
    model = type(name, (Model,), space)
    schema = core_schema.model_fields_schema(fields, extra_behavior="ignore")
    whole = core_schema.model_schema(model, schema, strict=True, frozen=True)
    return Made(model, SchemaValidator(whole), attributes)


def _statements(sheet: Sheet, fact: Fact, value: object) -> tuple[Statement, ...]:
    return recorded.statements_of(sheet, fact, value)


def _entries(sheet: Sheet, record: RecordList, value: object) -> Entries | None:
    return recorded.entries_of(sheet, record, value)


def _attribute(name: str) -> str:
    """The attribute of a fact: its name, or one that no object has of its own."""
    return f"{name}_" if hasattr(Model, name) or name.endswith("_") else name
