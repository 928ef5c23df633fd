"""What a decision looked at, as data: readings with what gave them, values, fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from engine import terms as m
from engine.explain.fewest import fewest
from engine.explain.recorded import (
    entry_fields,
    entry_number,
    put_day,
    quantity_of,
    stated_with_day,
    unusual,
)
from engine.record.messages import Said, say, shown_text, value_text
from engine.record.shape import (
    FieldRecord,
    IntervalValue,
    ReadingRecord,
    Shown,
    Value,
)
from engine.record.wording import amount_text, day_text, number_value
from engine.select.found import Found
from engine.select.of_values import cited_values
from engine.select.readings import cited_statements


class Evidence:
    """What one subject's readings on one date come from."""

    def __init__(
        self, protocol: m.Protocol, subject: m.Subject, found: Mapping[str, Found], as_of: date
    ) -> None:
        self.protocol, self.subject, self.found, self.as_of = protocol, subject, found, as_of
        self._readings: dict[str, ReadingRecord] = {}
        self._shown: dict[str, Said] = {}
        self._fields: dict[int, list[FieldRecord]] = {}

    def reading(self, name: str) -> ReadingRecord:
        """The record of one fact's reading."""
        record = self._readings.get(name)
        if record is None:
            record = self._readings[name] = self._reading_record(name)
        return record

    def _reading_record(self, name: str) -> ReadingRecord:
        fact, found = self.protocol.facts[name], self.found[name]
        reading = found.reading
        record: ReadingRecord = {"fact": name, "ask": fact.ask, "value": None}
        if fact.type == "quantity":
            record["unit"] = fact.unit
        if reading.low is not None and reading.high is not None:
            record["value"] = _value(fact, reading.low, reading.high)
            if fact.type == "choice":
                record["label"] = fact.choices[reading.low].label
        places = self._places(fact, found)
        one: m.Statement | None = None
        entry: m.Entry | None = None
        if len(found.statements) == 1:
            one = found.statements[0]
        elif isinstance(fact.derive, m.OfValues) and len(places) != 1:
            pass  # no one statement is the reading's
        elif found.statements:
            one = next((s for s in found.statements if s.entry in places), None)
        elif found.entries:
            entry = next((e for e in found.entries if e.entry in places), None)
        if one is not None:
            put_day(record, one)
            if one.source:
                record["source"] = one.source
            if one.by:
                record["by"] = one.by
            if one.note:
                record["note"] = one.note
            record["entry"] = one.entry
            value = one.value
            if isinstance(value, m.Amount) and reading.low is not None:
                root = self._root_fact(fact, one)
                if value.unit != root.unit or value.sign:
                    written = quantity_of(value)
                    record["recorded"] = value_text(written)
                    record["recorded_as"] = written
            uln_u = one.uln_u if one.uln_u is not None or one.no_limit else fact.uln_u
            if fact.type == "quantity" and uln_u is not None and reading.times_uln is not None:
                unit = (
                    value.unit
                    if one.uln_u is not None and isinstance(value, m.Amount)
                    else fact.unit
                )
                record["uln"] = amount_text(uln_u, unit)
                record["uln_as"] = {"value": number_value(uln_u), "unit": unit}
        elif entry is not None:
            if entry.source:
                record["source"] = entry.source
            if entry.by:
                record["by"] = entry.by
            record["entry"] = entry.entry
            if under_way(fact, found):
                record["note"] = "under way"
        elif isinstance(fact.derive, m.FromList) and places:
            listed = self.subject.records[fact.derive.records]
            if listed.complete_on is not None:
                record["on"] = listed.complete_on.isoformat()
            if listed.source:
                record["source"] = listed.source
            if listed.by:
                record["by"] = listed.by
            record["entry"] = f"records.{fact.derive.records}"
        if places:
            record["entries"] = places
        if fact.usual_u is not None and any(
            isinstance(s.value, m.Amount) and unusual(fact, s.value) for s in found.statements
        ):
            record["confirm"] = True
        if reading.reason is not None:
            record["reason"] = reading.reason
        if found.until is not None and reading.low is not None:
            record["good_until"] = found.until.isoformat()
        if fact.derive is not None and reading.low is not None:
            follows = self._follows_from(fact, found)
            record["follows_from"] = [said.text for said in follows]
            record["follows_messages"] = [said.data for said in follows]
        return record

    def _places(self, fact: m.Fact, found: Found) -> list[str]:
        """The places that together, and no fewer, give a reading its ends."""
        if fact.derive is None:
            return [one.entry for one in cited_statements(fact, found, self.as_of)]
        if isinstance(fact.derive, m.FromList):
            places = [f"records.{fact.derive.records}"] if found.rests else []
            return [*places, *(one.entry for one in found.entries)]
        if isinstance(fact.derive, m.OfValues):
            return [one.entry for one in self._values(fact.derive, found)]
        places = []
        for name in found.from_facts:
            places += self._places(self.protocol.facts[name], self.found[name])
        places = list(dict.fromkeys(places))
        one = len(places) < 2 and not isinstance(fact.derive, m.ByTable)
        if found.reading.low is None or one:
            return places
        return fewest(self.protocol, self.subject, found.reading, places, self.as_of)

    def _values(self, derive: m.OfValues, found: Found) -> tuple[m.Statement, ...]:
        """The statements of a fact that give what its values come to."""
        source, own = self.protocol.facts[derive.fact], self.found[derive.fact]
        return cited_values(derive, source, own, found, self.as_of)

    def _follows_from(self, fact: m.Fact, found: Found) -> list[Said]:
        """What a derived reading was worked out from, one sentence each."""
        if isinstance(fact.derive, m.OfValues):
            source = self.protocol.facts[fact.derive.fact]
            return [
                say("follows.fact", ask=source.ask, shown=stated_with_day(one, source))
                for one in self._values(fact.derive, found)
            ]
        if not isinstance(fact.derive, m.FromList):
            facts = [self.protocol.facts[name] for name in found.from_facts]
            return [
                say("follows.fact", ask=one.ask, shown=self.shown(one, self.found[one.name]))
                for one in facts
            ]
        record = self.protocol.records[fact.derive.records]
        listed = self.subject.records.get(record.name)
        lines = []
        if listed is not None and found.until is not None and listed.complete_on is not None:
            day = listed.complete_on.isoformat()
            if listed.by:
                lines.append(say("follows.confirmed_by", ask=record.ask, day=day, by=listed.by))
            else:
                lines.append(say("follows.confirmed", ask=record.ask, day=day))
        for entry in found.entries:
            number, fields = entry_number(entry), self.fields(entry, record)
            lines.append(say("follows.entry", number=number, fields=fields))
        return lines

    def _root_fact(self, fact: m.Fact, statement: m.Statement) -> m.Fact:
        name = statement.entry.split(".")[1].split("[")[0]
        return self.protocol.facts.get(name, fact)

    def shown(self, fact: m.Fact, found: Found) -> Said:
        """A reading, with its date and source."""
        known = self._shown.get(fact.name)
        if known is None:
            shown = self._show(fact, found)
            known = self._shown[fact.name] = Said(shown_text(shown), shown)
        return known

    def fields(self, entry: m.Entry, record: m.RecordList) -> list[FieldRecord]:
        """The fields of an entry."""
        known = self._fields.get(id(entry))
        if known is None:
            known = self._fields[id(entry)] = entry_fields(entry, record)
        return known

    def _show(self, fact: m.Fact, found: Found) -> Shown:
        if found.reading.low is None:
            return {"value": None}
        shown = self.value(fact, found.reading)
        if under_way(fact, found):
            shown["under_way"] = True
        one = found.statements[0] if found.statements else None
        if one is not None and fact.derive is None:
            put_day(shown, one)
            if one.source:
                shown["source"] = one.source
            if one.by:
                shown["by"] = one.by
        elif found.entries and found.entries[0].source:
            shown["source"] = found.entries[0].source
        return shown

    def value(self, fact: m.Fact, reading: m.Reading) -> Shown:
        """What a reading comes to, as data."""
        low, high = reading.low, reading.high
        if low is None or high is None:
            return {"value": None}
        shown: Shown = {"value": _value(fact, low, high)}
        if fact.type == "quantity":
            shown["unit"] = fact.unit
        elif fact.type == "choice":
            shown["label"] = fact.choices[low].label
        return shown


def _value(fact: m.Fact, low: int, high: int) -> Value | IntervalValue:
    if low != high:
        return {"low": _end(fact, low), "high": _end(fact, high)}
    end = _end(fact, low)
    assert end is not None
    return end


def _end(fact: m.Fact, number: int) -> Value | None:
    if fact.type == "boolean":
        return bool(number)
    if fact.type == "choice":
        return fact.choices[number].code
    if fact.type == "date":
        return day_text(number)
    return None if abs(number) >= m.UNBOUNDED else number_value(number)


def under_way(fact: m.Fact, found: Found) -> bool:
    """Whether a latest date is today because its entry says `ongoing`: no day is fixed."""
    return isinstance(fact.derive, m.LatestOf) and any(
        entry.values.get(fact.derive.field) == "ongoing" for entry in found.entries[:1]
    )
