"""The patient's fact object: models made from a pack's dictionary, one typed attribute a fact."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import CoreSchema, core_schema

from engine.read.recorded import entries_of, statements_of
from engine.read.sheet import Sheet
from engine.terms import Entries, Fact, Protocol, RecordList, Statement

_CONFIG = ConfigDict(frozen=True, strict=True, extra="allow", protected_namespaces=())


class Patient(NamedTuple):
    """The models of a pack: what is recorded of its facts, and in its record lists."""

    facts: type[BaseModel]
    records: type[BaseModel]


class _Reads(NamedTuple):
    """How the value of an attribute is made; what is wrong with it goes to the sheet."""

    read: Callable[[Sheet, Any, Any], object]
    one: Fact | RecordList

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.read(info.context, self.one, value)
        )


_made: deque[tuple[Protocol, Patient]] = deque(maxlen=8)


def patient_model(protocol: Protocol) -> Patient:
    """The models of a pack's dictionary, made once and kept: of the facts that can be recorded."""
    for known, model in _made:
        if known.facts is protocol.facts and known.records is protocol.records:
            return model
    recorded = [one for one in protocol.facts.values() if one.derive is None]
    model = Patient(
        _model("Facts", tuple[Statement, ...], (), statements_of, recorded),
        _model("Records", Entries | None, None, entries_of, protocol.records.values()),
    )
    _made.append((protocol, model))
    return model


def read_as(
    model: type[BaseModel], value: Mapping[str, Any], sheet: Sheet
) -> tuple[dict[str, Any], list[str]]:
    """What a model makes of the values by name, in their order, and the names it does not know."""
    found = model.model_validate(value, context=sheet)
    unknown = found.model_extra or {}
    values = vars(found)
    return {name: values[_attribute(name)] for name in value if name not in unknown}, [*unknown]


def _model(
    name: str, kind: Any, absent: object, read: Any, ones: Iterable[Fact | RecordList]
) -> type[BaseModel]:
    fields: dict[str, Any] = {
        _attribute(one.name): (Annotated[kind, _Reads(read, one)], Field(absent, alias=one.name))
        for one in ones
    }
    return create_model(name, __config__=_CONFIG, **fields)


def _attribute(name: str) -> str:
    """The attribute of a fact: its name, or one that no model has of its own."""
    return f"{name}_" if hasattr(BaseModel, name) or name.endswith("_") else name
