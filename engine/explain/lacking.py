"""Why a reading does not settle the question, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from engine import terms as m
from engine.explain.evidence import Evidence
from engine.explain.recorded import (
    entry_number,
    stated,
    stated_with_day,
)
from engine.explain.turns import age_limits, calendar_day, counted_to_today
from engine.record.messages import Said, say, value_text
from engine.record.shape import (
    Gap,
)
from engine.select.found import Found
from engine.select.matching import open_fields
from engine.terms.agents import unsaid
from engine.terms.calendar import earliest, latest
from engine.terms.dictionary import derived_from


class Lacking:
    """What one subject's readings on one date lack."""

    def __init__(
        self,
        protocol: m.Protocol,
        subject: m.Subject,
        found: Mapping[str, Found],
        as_of: date,
        evidence: Evidence,
    ) -> None:
        self.protocol, self.subject, self.found, self.as_of = protocol, subject, found, as_of
        self.evidence = evidence

    def collect(self, fact: m.Fact) -> tuple[str, str, str]:
        """The recorded fact or record list that a derived fact comes down to."""
        derive = fact.derive
        if derive is None:
            return fact.name, fact.ask, fact.found_in
        if isinstance(derive, m.ByTable):
            return self.collect(self.protocol.facts[self.found[fact.name].from_facts[0]])
        unanchored = self.found[fact.name].reading.reason == "no_anchor"
        if isinstance(derive, m.FromList | m.WashedOut) and not unanchored:
            record = self.protocol.records[derive.records]
            return record.name, record.ask, record.found_in
        sources = derived_from(fact)
        readings = [self.found[name].reading for name in sources]
        lacking = (
            name
            for name, one in zip(sources, readings, strict=True)
            if one.low is None or one.reason or one.ahead == "under_way"
        )
        return self.collect(self.protocol.facts[next(lacking, sources[-1])])

    def lacks(self, test: m.Test) -> str:
        """The fact that leaves a test open: the one that it tests, or the one beside it."""
        if isinstance(test, m.FactLimitTest):
            reading, other = self.found[test.fact].reading, self.found[test.against].reading
            if other.low is None and reading.low is not None:
                return test.against
            if reading.low is not None and reading.low == reading.high:
                return test.against
        return test.fact

    def detail(self, test: m.Test, fact: m.Fact, found: Found, reason: m.Reason) -> Said:
        """Why a fact's reading does not settle the question, in words."""
        root = self._root(fact, found)
        statements = root[1].statements
        latest = max((s.last for s in statements if s.last is not None), default=None)
        last = latest.isoformat() if latest else None
        note = next((s.note for s in statements if s.note), "")
        until = root[1].until
        if reason == "not_recorded":
            return say("missing.voided" if statements else "missing.not_recorded")
        if reason == "not_yet":
            if root[1].starts is None:
                return say("missing.not_yet_some_day")
            return say("missing.not_yet", day=root[1].starts.isoformat())
        if reason == "out_of_date" and last is not None and until is not None:
            return say("missing.out_of_date", day=last, until=until.isoformat())
        if reason == "undated":
            if len(statements) < 2:
                return say("missing.undated")
            if found.reading.reason != "undated":
                return say("missing.limits_undated")
            every = [stated_with_day(one, root[0]) for one in statements]
            return say("missing.undated_differ", values=every)
        if reason == "conflicting":
            values = {value_text(v): v for v in (stated(s, root[0]) for s in statements)}
            if len(values) == 1 or found.reading.low is not None:
                if last is None:
                    return say("missing.limits_conflict")
                return say("missing.limits_conflict_on", day=last)
            differing = [values[text] for text in sorted(values)]
            if last is None:
                return say("missing.conflicting", values=differing)
            return say("missing.conflicting_on", day=last, values=differing)
        if reason == "history_not_confirmed":
            return self._not_confirmed(root[0])
        if reason == "not_attested":
            return say("missing.not_attested", role=root[0].attested_by)
        if reason in ("pending", "not_done"):
            if note:
                return say(f"missing.{reason}_note", note=note)
            return say(f"missing.{reason}")
        if reason == "calendar":
            return self._month_end(test, fact, found)
        if reason == "no_limit" and isinstance(fact.derive, m.ByTable):
            return say("missing.no_limit_in_table")
        if reason == "no_anchor" and isinstance(fact.derive, m.WashedOut):
            before = self.protocol.facts[fact.derive.before]
            return say("missing.no_anchor", anchor=before.ask)
        if reason == "no_anchor" and isinstance(test, m.AnchorTest):
            return say("missing.no_anchor", anchor=self.protocol.facts[test.anchor].ask)
        if reason in ("not_together", "no_divisor"):
            return say(f"missing.{reason}")
        if reason == "planned":
            return say("missing.planned")
        if reason == "imprecise" and self._going_on(test, found):
            return say("missing.under_way")
        if reason == "too_few":
            return say("missing.too_few", least=getattr(fact.derive, "least", 0) or 1)
        if reason in ("no_limit", "no_date", "no_entry"):
            return say(f"missing.{reason}")
        gaps = self._gaps(*root)
        if found.reading.low is None:
            return say("missing.gaps", gaps=gaps) if gaps else say("missing.imprecise")
        known = self.evidence.value(fact, found.reading)
        if gaps:
            return say("missing.known_as_with_gaps", value=known, gaps=gaps)
        return say("missing.known_as", value=known)

    def _going_on(self, test: m.Test, found: Found) -> bool:
        """Whether what a test counts from or to is under way, or may be."""
        names = [*m.facts_of(test), *found.from_facts]
        counted = isinstance(test, m.AnchorTest) or bool(found.from_facts)
        return counted and any(self.found[name].reading.ahead == "under_way" for name in names)

    def _month_end(self, test: m.Test, fact: m.Fact, found: Found) -> Said:
        """On which two days a time may be up that ends in a month without its day."""
        unit = counted_to_today(fact)
        number, sizes = found.reading.low, age_limits(test, unit or "a")
        if isinstance(test, m.AgoTest | m.LastingTest):
            sizes = [test.duration]
        elif unit:
            number = self.found[found.from_facts[0]].reading.low
        elif fact.type != "date":
            return say("missing.calendar")
        day = None if number is None else calendar_day(number)
        ends = [(earliest(day, size), latest(day, size)) for size in sizes] if day else []
        for early, late in ends:
            if day and early and late and early != late and self.as_of in (early, late):
                counted = {"since": day.isoformat(), "early": early.isoformat()}
                return say("missing.calendar_days", **counted, late=late.isoformat())
        return say("missing.calendar")

    def _not_confirmed(self, fact: m.Fact) -> Said:
        """Why a list is not confirmed complete."""
        name = getattr(fact.derive, "records", None)
        if name is None:
            return say("missing.history_not_confirmed", list=fact.ask)
        ask, listed = self.protocol.records[name].ask, self.subject.records.get(name)
        doubt = listed.doubt if listed is not None else None
        if doubt == "not_closed":
            return say("missing.not_closed", list=ask)
        if doubt == "more_entries" and listed is not None and listed.count is not None:
            return say("missing.more_entries", list=ask, count=listed.count)
        return say("missing.history_not_confirmed", list=ask)

    def _gaps(self, fact: m.Fact, found: Found) -> list[Gap]:
        """Which entries of a record list leave it open, and what they do not say."""
        derive = fact.derive
        if not isinstance(derive, m.FromList | m.WashedOut):
            return []
        fields = m.fields_read(derive)
        gaps: list[Gap] = []
        record = self.protocol.records[derive.records]
        for entry in found.around:
            lacks = [name for name in fields if _lacks(entry.values.get(name))]
            lacks = [name for name in lacks if unsaid(entry, record, name)]
            gap: Gap = {"number": entry_number(entry), "lacks": lacks}
            left = dict.fromkeys(open_fields(entry.values, derive.where, record, self.as_of))
            vague = [name for name in left if not _lacks(entry.values.get(name))]
            if vague and not entry.known:
                gap["vague"] = vague
            if entry.known and not entry.exact:
                gap["holds"] = list(entry.known)
            if lacks or len(gap) > 2:
                gaps.append(gap)
        return gaps

    def _root(self, fact: m.Fact, found: Found) -> tuple[m.Fact, Found]:
        """The recorded fact whose statements explain an unknown derived one."""
        for name in found.from_facts:
            source = self.found[name]
            if source.reading.low is None or source.reading.reason:
                return self._root(self.protocol.facts[name], source)
        return fact, found


def unknown_reason(test: m.Test, reading: m.Reading, anchor: m.Reading | None) -> m.Reason:
    """Why a test on a reading, held against an anchor's, is unknown (SEMANTICS 7)."""
    if anchor is not None and reading.low is not None:
        if reading.ahead == "unsure":
            return "planned"
        if anchor.low is None or anchor.low == m.NEVER:
            return "no_anchor"
        if reading.ahead == "planned":
            return "planned"
        going = "under_way" in (reading.ahead, anchor.ahead)
        return reading.reason or anchor.reason or ("imprecise" if going else "calendar")
    if isinstance(test, m.UlnTest) and (reading.uln_reason or reading.times_uln is None):
        return reading.uln_reason or "no_limit"
    counted = isinstance(test, m.AgoTest | m.LastingTest)
    return reading.reason or ("calendar" if counted else "imprecise")


def _lacks(value: m.Recorded | tuple[str, ...] | None) -> bool:
    """Whether an entry's field is not recorded, or not all of its codes are."""
    return value is None or (isinstance(value, tuple) and "" in value)
