"""What is no fault of a subject file and is worth a look: unusual numbers, names not listed."""

from __future__ import annotations

from collections.abc import Iterator

from engine.faults import did_you_mean
from engine.known import as_recorded, standing
from engine.model import Amount, Fact, Field, Protocol, RecordList, Subject
from engine.recorded import unusual
from engine.source import shorten
from engine.wording import amount_text, range_text


def remarks(subject: Subject, protocol: Protocol) -> Iterator[str]:
    """The remarks on one subject, in the order of its file."""
    for name, statements in subject.facts.items():
        fact = protocol.facts[name]
        for one in statements:
            if not one.voided and isinstance(one.value, Amount) and unusual(fact, one.value):
                yield _unusual(one.entry, fact, one.value)
    for name, listed in subject.records.items():
        record = protocol.records[name]
        for entry in as_recorded(listed.entries):
            for field, value in entry.values.items():
                if isinstance(value, Amount) and unusual(record.fields[field], value):
                    yield _unusual(f"{entry.entry}.{field}", record.fields[field], value)
            text = entry.values.get(record.known_by)
            if record.known and isinstance(text, str) and not entry.exact:
                said = standing(entry, record)
                near = did_you_mean(text, _names(record)) if said == "not on the list" else ""
                near = f"; {near}" if near.startswith("did you mean") else ""
                yield f"`{entry.entry}`: `{shorten(text)}` {_STANDS[said]}{near}"


_STANDS = {
    "holds a listed name": "holds a listed name among other words, and may be what it implies",
    "not on the list": "is not on the list: its class stands as recorded",
}


def _unusual(place: str, of: Fact | Field, value: Amount) -> str:
    low, high = of.usual_u or (0, 0)
    said = f"{value.sign}{amount_text(value.amount_u, value.unit)}"
    usual = range_text(low, high, of.unit)
    return f"`{place}`: `{said}` is not usual ({usual}): confirm value and unit"


def _names(record: RecordList) -> list[str]:
    return [name for agent in record.known.values() for name in (agent.name, *agent.synonyms)]
