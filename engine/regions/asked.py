"""What is recorded, as a file and as a subject; and tests put to the reference about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from engine import terms as m
from engine.read.recorded import ENTRY_WORDS
from engine.read.source import Document, Num
from engine.read.subjects import subject_of
from engine.reference import evaluator as reference
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, Effort
from engine.terms.condition import ends_of
from engine.terms.dictionary import facts_behind
from engine.terms.faults import InputRejected

Plain = dict[str, Any]
"""What a subject file holds: mappings, lists, text, `Num`, booleans."""

NUMBER: Mapping[m.Truth, int] = {"false": FALSE, "unknown": UNKNOWN, "true": TRUE}
PERSON = "Dr W. Example"


def leaves_of(condition: m.Condition, definitions: Mapping[str, m.Condition]) -> Iterator[m.Leaf]:
    """The leaves of a condition, definitions included."""
    for one in ends_of(condition):
        if isinstance(one, m.Defined):
            yield from leaves_of(definitions[one.name], definitions)
        else:
            yield one


def pack_leaves(protocol: m.Protocol) -> list[m.Leaf]:
    """Every test of a pack's definitions and criteria, in file order."""
    conditions = [*protocol.definitions.values(), *(c.holds_when for c in protocol.criteria)]
    found = (leaf for one in conditions for leaf in leaves_of(one, protocol.definitions))
    return list(dict.fromkeys(found))


def codes_of(of: m.Fact | m.Field) -> frozenset[str]:
    """The codes of a choice."""
    return frozenset(choice.code for choice in of.choices)


def fitted(recorded: Plain, protocol: m.Protocol) -> Plain:
    """What a pack's dictionary knows of something recorded; the rest is left out.

    Needed to screen one person under two versions of a pack.
    """
    facts = {}
    for name, said in recorded.get("facts", {}).items():
        fact = protocol.facts.get(name)
        if fact is None or fact.derive is not None or said is None:
            continue
        codes = {choice.code for choice in fact.choices}
        if fact.type != "choice" or all(code in codes for code in _stated(said)):
            facts[name] = _with_unit(said, fact) if fact.unit_required else said
    records: Plain = {}
    for name, listed in recorded.get("records", {}).items():
        record = protocol.records.get(name)
        if record is not None and listed is not None:
            entries = [_fitted_entry(entry, record) for entry in listed.get("entries") or []]
            records[name] = {**listed, "entries": entries}
    return {"facts": facts, "records": records}


def _with_unit(said: Any, of: m.Fact | m.Field) -> Any:
    """A number with its unit, where a bare one would be refused."""
    if isinstance(said, list):
        return [_with_unit(one, of) for one in said]
    whole = said if isinstance(said, Mapping) else {"value": said}
    value = whole.get("value")
    bare = isinstance(value, Num) or (isinstance(value, str) and not whole.get("unit"))
    return {**whole, "unit": whole.get("unit") or of.unit} if bare else said


def _stated(said: Any) -> Iterator[Any]:
    """The values that statements about one fact give, written in any form."""
    for one in said if isinstance(said, list) else [said]:
        value = one.get("value") if isinstance(one, Mapping) else one
        if value is not None:
            yield value


def _fitted_entry(entry: Plain, record: m.RecordList) -> Plain:
    known = record.fields.keys() | ENTRY_WORDS
    kept = {key: value for key, value in entry.items() if key in known}
    for key, value in list(kept.items()):
        if key not in record.fields:
            continue
        if record.fields[key].unit_required:
            kept[key] = _with_unit(value, record.fields[key])
        codes = {choice.code for choice in record.fields[key].choices}
        if codes and isinstance(value, list):
            kept[key] = [code for code in value if code in codes]
        if codes and (not kept[key] if isinstance(value, list) else value not in codes):
            del kept[key]
    return kept


def subject_from(recorded: Plain, protocol: m.Protocol, as_of: date, name: str = "W") -> m.Subject:
    """The subject that a file with these contents would give. Raises: InputRejected."""
    document = Document("witness", "", {"subject": name, **fitted(recorded, protocol)})
    return subject_of(document, protocol, as_of=as_of)


def truths_of(
    protocols: Sequence[m.Protocol],
    recorded: Plain,
    leaves: Sequence[tuple[int, m.Leaf]],
    as_of: date,
) -> tuple[tuple[int, ...], Mapping[str, tuple[int, int]]] | None:
    """The truths of tests on something recorded; None if a dictionary refuses it."""
    try:
        subjects = [subject_from(recorded, protocol, as_of) for protocol in protocols]
    except InputRejected:
        return None
    return Asked(protocols, leaves, as_of)(subjects)


class Asked:
    """Some tests, ready to be put to the reference for many subjects."""

    def __init__(
        self, protocols: Sequence[m.Protocol], leaves: Sequence[tuple[int, m.Leaf]], as_of: date
    ) -> None:
        self.as_of = as_of
        self.packs: list[tuple[int, m.Protocol, list[int]]] = []
        self.count = len(leaves)
        self.cost = Effort.ASKED * len(protocols) + Effort.TESTED * len(leaves)
        for k, protocol in enumerate(protocols):
            mine = [i for i, (number, _) in enumerate(leaves) if number == k]
            if mine:
                self.packs.append((k, asking(protocol, [leaves[i][1] for i in mine]), mine))

    def __call__(
        self, subjects: Sequence[m.Subject]
    ) -> tuple[tuple[int, ...], Mapping[str, tuple[int, int]]]:
        """The truths of the tests, and the known readings, of one subject as each pack
        reads it."""
        truths = [UNKNOWN] * self.count
        points: dict[str, tuple[int, int]] = {}
        for k, made, mine in self.packs:
            readings = reference.readings(made, subjects[k], self.as_of)
            found = reference.truths(made, readings, self.as_of)
            for i, truth in zip(mine, found.values(), strict=True):
                truths[i] = NUMBER[truth]
            for name, reading in readings.items():
                if reading.low is not None and reading.high is not None:
                    points.setdefault(name, (reading.low, reading.high))
        return tuple(truths), points


def asking(protocol: m.Protocol, leaves: Sequence[m.Leaf]) -> m.Protocol:
    """A pack that holds some tests alone, and the facts they need."""
    facts = {name: protocol.facts[name] for name in facts_behind(protocol.facts, leaves)}
    definitions: dict[str, m.Condition] = {f"T{i}": leaf for i, leaf in enumerate(leaves)}
    return replace(protocol, facts=facts, definitions=definitions, criteria=())
