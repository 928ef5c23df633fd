"""Explain a decision in records: what each condition looked at, what is missing, what time changes.

Nothing is decided here. Truths come from the firings; the only arithmetic is the calendar's,
to name the day on which a truth that is already known will change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.explain.recorded import (
    entry_fields,
    entry_number,
    put_day,
    quantity_of,
    stated,
    stated_with_day,
    unusual,
)
from engine.record.messages import Said, asked_text, say, shown_text, value_text
from engine.record.shape import (
    FieldRecord,
    Gap,
    IntervalValue,
    LookAgain,
    Missing,
    ReadingRecord,
    Shown,
    Value,
    Why,
)
from engine.record.wording import amount_text, day_text, number_value, test_record
from engine.select.readings import Found, cited_statements, confirmed
from engine.terms import (
    MILLION,
    NEVER,
    PAST,
    UNBOUNDED,
    AgoTest,
    All,
    Amount,
    Any,
    BetweenTest,
    CompletedYears,
    Condition,
    Count,
    Days,
    DaysBetween,
    DayTest,
    Defined,
    Duration,
    EarliestOf,
    Entry,
    EverTest,
    Exists,
    Fact,
    LatestOf,
    LimitTest,
    Not,
    Protocol,
    Reading,
    Reason,
    Recorded,
    RecordList,
    Statement,
    Subject,
    Test,
    Todo,
    Truth,
    UlnTest,
    Verdict,
)
from engine.terms.agents import unsaid
from engine.terms.calendar import earliest, latest

ListDerivation = LatestOf | EarliestOf | Exists | Count

Cause = tuple[str, str, Said | str]
"""A sentence that is made only if it is asked for: its id, and its one argument with its name."""

Change = tuple[date, tuple[Cause, ...]]
"""The first day on which a truth may change by time alone, and what does it."""

Add = Callable[[date, Duration], date | None]
"""A month-end rule: what date + n months is (engine.terms.calendar)."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One condition, prepared for explaining: what does not depend on the subject.

    `node` is its node in the program. `held`: the truth that its children must hold together
    or the node turns (`all` stays false while a child is false); None for other kinds.
    """

    path: str
    node: int
    words: Said
    test: Test | None
    asked: Said | None
    held: Truth | None
    children: tuple[Branch, ...]


def prepare(protocol: Protocol, paths: Mapping[str, int]) -> dict[str, Branch]:
    """A branch for the condition of every criterion, by id."""
    facts = protocol.facts
    definitions: dict[str, Branch] = {}

    def branch(path: str, condition: Condition) -> Branch:
        node = paths[path]
        if isinstance(condition, All | Any):
            children = tuple(branch(f"{path}.{i}", c) for i, c in enumerate(condition.children, 1))
            if isinstance(condition, All):
                return Branch(path, node, say("condition.all"), None, None, "false", children)
            return Branch(path, node, say("condition.any"), None, None, "true", children)
        if isinstance(condition, Not):
            below = (branch(f"{path}.1", condition.child),)
            return Branch(path, node, say("condition.not"), None, None, None, below)
        if isinstance(condition, Defined):
            name = condition.name
            if name not in definitions:
                definitions[name] = branch(name, protocol.definitions[name])
            words = say("condition.defined", name=name)
            return Branch(path, node, words, None, None, None, (definitions[name],))
        if isinstance(condition, Todo):
            return Branch(path, node, say("condition.todo"), None, None, None, ())
        fact = facts[condition.fact]
        test = test_record(condition, fact)
        asked = Said(asked_text(test), test)
        words = say("condition.test", ask=fact.ask, test=asked)
        return Branch(path, node, words, condition, asked, None, ())

    return {c.id: branch(c.id, c.holds_when) for c in protocol.criteria}


class Explanation:
    """The explanation of one subject's decision on one date."""

    def __init__(
        self,
        protocol: Protocol,
        subject: Subject,
        found: Mapping[str, Found],
        truths: Sequence[Truth],
        as_of: date,
    ) -> None:
        self.protocol = protocol
        self.subject = subject
        self.found = found
        self.truths = truths
        self.as_of = as_of
        self._readings: dict[str, ReadingRecord] = {}
        self._leaves: dict[int, tuple[Said, Change | None]] = {}
        self._changes: dict[int, Change | None] = {}
        self._shown: dict[str, Said] = {}
        self._growing: dict[str, bool] = {}
        self._fields: dict[int, list[FieldRecord]] = {}

    # --- the tree ---------------------------------------------------------------------

    def why(self, branch: Branch) -> Why:
        """A condition with its truth, what it looked at, and its children."""
        truth = self.truths[branch.node]
        test = branch.test
        words = branch.words
        why: Why
        if test is None or branch.asked is None:
            children = [self.why(child) for child in branch.children]
            why = {
                "node": branch.path,
                "condition": words.text,
                "condition_message": words.data,
                "truth": truth,
                "children": children,
            }
            return why
        says, change = self._leaf(branch, test)
        why = {
            "node": branch.path,
            "condition": words.text,
            "condition_message": words.data,
            "truth": truth,
            "test": branch.asked.data,
            "says": says.text,
            "says_message": says.data,
            "reading": self.reading(test.fact),
            "children": [],
        }
        if change is not None:
            why["changes_on"] = change[0].isoformat()
        return why

    def _leaf(self, branch: Branch, test: Test) -> tuple[Said, Change | None]:
        known = self._leaves.get(branch.node)
        if known is None:
            known = self._leaves[branch.node] = self._explain_leaf(branch, test)
        return known

    def _explain_leaf(self, branch: Branch, test: Test) -> tuple[Said, Change | None]:
        truth = self.truths[branch.node]
        fact = self.protocol.facts[test.fact]
        found = self.found[test.fact]
        compared = {"ask": fact.ask, "shown": self.shown(fact, found), "test": branch.asked}
        if truth == "unknown":
            detail = self._detail(test, fact, found, unknown_reason(test, found.reading))
            said = say("says.unknown", **compared, detail=detail)
            return said, self._change(branch, test, fact, found, None)
        turn = self._turn(test, truth, found, earliest)
        # Of an imprecise date the day is only the first on which the truth may turn.
        exact = found.reading.low == found.reading.high
        if turn is None or not exact or self._grows(test.fact):
            said = say("says.holds" if truth == "true" else "says.fails", **compared)
        elif truth == "false":
            sure = self._turn(test, truth, found, latest) or turn
            late = found.until is not None and sure > found.until
            id_ = "says.fails_unless_renewed" if late else "says.fails_until"
            said = say(id_, **compared, day=sure.isoformat())
        else:
            last = (turn - timedelta(days=1)).isoformat()
            said = say("says.holds_until", **compared, day=last)
        return said, self._change(branch, test, fact, found, turn)

    # --- what time changes ------------------------------------------------------------

    def _turn(self, test: Test, truth: Truth, found: Found, add: Add) -> date | None:
        """The day on which a date or age test's truth turns, by the calendar alone."""
        reading = found.reading
        if reading.low is None or reading.high is None or truth == "unknown":
            return None
        fact = self.protocol.facts[test.fact]
        if isinstance(test, AgoTest):
            if _under_way(fact, found):
                return None
            # The earliest day of the interval is the first to come of age.
            first = _calendar_day(reading.low)
            return _ago_turn(test, truth, first, self.as_of, add) if first else None
        if isinstance(fact.derive, CompletedYears) and isinstance(test, LimitTest | BetweenTest):
            if self._moves(fact.derive.since):
                return None
            born = self.found[fact.derive.since].reading
            first = None if born.low is None else _calendar_day(born.low)
            return _age_turn(test, truth, first, self.as_of, add) if first else None
        if isinstance(test, EverTest):
            first = _calendar_day(reading.low)
            return first if first is not None and first > self.as_of else None
        return None

    def _change(
        self, branch: Branch, test: Test, fact: Fact, found: Found, turn: date | None
    ) -> Change | None:
        """The first day on which anything about a leaf may change, nothing new recorded."""
        truth = self.truths[branch.node]
        best: Change | None = None
        if turn is not None and turn > self.as_of:
            id_ = "change.satisfied_from" if truth == "false" else "change.satisfied_until"
            best = (turn, ((id_, "condition", branch.words),))
        if found.starts is not None and (best is None or found.starts < best[0]):
            best = (found.starts, (("change.starts", "ask", fact.ask),))
        if (
            truth != "unknown"
            and found.until is not None
            and (best is None or found.until < best[0])
            and not _proved_by_entry(fact, test, truth, found.reading)
        ):
            after = _next_day(found.until)
            if after is not None and (best is None or after < best[0]):
                what = self._collect(fact)[1]
                best = (after, (("change.expires", "ask", what),))
        if truth == "unknown" or found.reading.low != found.reading.high or self._moving(test.fact):
            day = min(self._widening(test, truth, found), default=None)
            if day is not None and (best is None or day < best[0]):
                best = (day, (("change.decided", "condition", branch.words),))
        return best

    def _fixed_ends(self, name: str) -> list[date]:
        """The ends of a date's reading that do not move with the as-of date."""
        fact = self.protocol.facts[name]
        if isinstance(fact.derive, CompletedYears):
            return self._fixed_ends(fact.derive.since)
        if fact.type != "date":
            return []
        reading = self.found[name].reading
        days = [_calendar_day(n) for n in (reading.low, reading.high) if n is not None]
        return [day for day in days if day is not None and day != self.as_of]

    def _moves(self, name: str) -> bool:
        """Whether a date is today because its entry says `ongoing`."""
        return _under_way(self.protocol.facts[name], self.found[name])

    def _moving(self, name: str) -> bool:
        """Whether a reading may be another tomorrow, though nothing turns or expires."""
        found = self.found[name]
        return self._grows(name) or (
            isinstance(self.protocol.facts[name].derive, DaysBetween)
            and any(self._moves(other) for other in found.from_facts)
        )

    def _grows(self, name: str) -> bool:
        """Whether a reading that may be a point today is an interval tomorrow.

        So is a partial date on the first of its days, and the latest entry of a list that
        nobody confirmed, if it is of today.
        """
        known = self._growing.get(name)
        if known is None:
            known = self._growing[name] = self._looks_growing(name)
        return known

    def _looks_growing(self, name: str) -> bool:
        found, derive = self.found[name], self.protocol.facts[name].derive
        if isinstance(derive, LatestOf) and found.reading.high == self.as_of.toordinal():
            listed = self.subject.records.get(derive.records)
            if not confirmed(self.protocol.records[derive.records], listed, self.as_of):
                return True
        days = [s.value for s in found.statements if isinstance(s.value, Days)]
        for entry in found.around:
            days += [value for value in entry.values.values() if isinstance(value, Days)]
        if any(value.first <= self.as_of < value.last for value in days):
            return True
        return any(self._grows(other) for other in found.from_facts)

    def _widening(self, test: Test, truth: Truth, found: Found) -> list[date]:
        """Days on which an end of an imprecise date comes of age, or is reached."""
        fact, reading = self.protocol.facts[test.fact], found.reading
        dates = [s.value for s in found.statements if isinstance(s.value, Days)]
        for entry in found.around:
            dates += [value for value in entry.values.values() if isinstance(value, Days)]
        ends = [end for value in dates for end in (value.first, value.last)]
        ends += self._fixed_ends(test.fact)
        days: list[date | None] = [v.first for v in dates if v.first != v.last]
        if isinstance(test, AgoTest):
            washout = test.op in ("at_least_ago", "more_than_ago")
            past = reading.high is not None and reading.high <= self.as_of.toordinal()
            if truth == ("true" if washout else "false") and past:
                return []  # long enough ago stays so
            reached = [add(end, test.duration) for end in ends for add in (earliest, latest)]
            if test.op in ("more_than_ago", "within_last"):
                reached = [_next_day(day) for day in reached if day is not None]
            days += reached
        elif isinstance(fact.derive, CompletedYears):
            sizes = _age_limits(test)
            days += [add(e, size) for e in ends for size in sizes for add in (earliest, latest)]
        elif isinstance(test, DayTest):
            days += ends
            if reading.high == self.as_of.toordinal():  # this end moves with the as-of date
                days.append(test.day if test.op == "on_or_after" else _next_day(test.day))
        elif isinstance(test, EverTest):
            days += ends
        elif isinstance(fact.derive, DaysBetween):
            # An end that moves with the as-of date moves the count every day.
            days += [*ends, _next_day(self.as_of)]
        return [day for day in days if day is not None and day > self.as_of]

    def next_change(self, branch: Branch) -> Change | None:
        """The first day on which a condition's truth may change by time alone.

        A bound that is never late: a false `all` stays false at least until the last of its
        false children has had a chance to change, and so on.
        """
        if branch.node in self._changes:
            return self._changes[branch.node]
        change: Change | None
        if branch.test is not None:
            change = self._leaf(branch, branch.test)[1]
        elif branch.held is not None and self.truths[branch.node] == branch.held:
            holding = [c for c in branch.children if self.truths[c.node] == branch.held]
            change = _last([self.next_change(child) for child in holding])
        else:
            change = _first([self.next_change(child) for child in branch.children])
        self._changes[branch.node] = change
        return change

    def look_again(
        self, verdict: Verdict, failed: Sequence[Branch], every: Iterable[Branch]
    ) -> LookAgain | None:
        """The first day on which the verdict may change by time alone."""
        if verdict == "ineligible":
            change = _last([self.next_change(branch) for branch in failed])
        else:
            change = _first([self.next_change(branch) for branch in every])
        if change is None:
            return None
        told = (say(id_, **{name: value}) for id_, name, value in change[1])
        because = {said.text: said.data for said in told}
        texts = sorted(because)
        return {
            "on": change[0].isoformat(),
            "because": texts,
            "messages": [because[text] for text in texts],
        }

    # --- what is missing --------------------------------------------------------------

    def missing(self, branch: Branch) -> list[Missing]:
        """Why an open criterion is open: one item a fact and reason, in the rule's order."""
        items: dict[tuple[str, str], Missing] = {}

        def walk(part: Branch) -> None:
            if self.truths[part.node] != "unknown":
                return
            for child in part.children:
                walk(child)
            if not part.children:
                item = self._missing(part)
                items.setdefault((item["fact"], item["reason"]), item)

        walk(branch)
        return list(items.values())

    def _missing(self, branch: Branch) -> Missing:
        leaf = branch.test
        if leaf is None:
            return {
                "fact": "todo",
                "reason": "not_recorded",
                "detail": branch.words.text,
                "message": branch.words.data,
                "collect": "todo",
                "ask": "Judge this criterion by hand",
            }
        fact = self.protocol.facts[leaf.fact]
        found = self.found[leaf.fact]
        reason = unknown_reason(leaf, found.reading)
        collect, ask, where = self._collect(fact)
        detail = self._detail(leaf, fact, found, reason)
        item: Missing = {
            "fact": fact.name,
            "reason": reason,
            "detail": detail.text,
            "message": detail.data,
            "collect": collect,
            "ask": ask,
        }
        if where:
            item["found_in"] = where
        return item

    def _collect(self, fact: Fact) -> tuple[str, str, str]:
        """The recorded fact or record list that a derived fact comes down to."""
        derive = fact.derive
        if derive is None:
            return fact.name, fact.ask, fact.found_in
        if isinstance(derive, CompletedYears):
            return self._collect(self.protocol.facts[derive.since])
        if isinstance(derive, DaysBetween):
            start = self.found[derive.start].reading
            name = derive.start if start.low is None or start.reason else derive.end
            return self._collect(self.protocol.facts[name])
        record = self.protocol.records[derive.records]
        return record.name, record.ask, record.found_in

    def _detail(self, test: Test, fact: Fact, found: Found, reason: Reason) -> Said:
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
        if reason in ("no_limit", "no_date"):
            return say(f"missing.{reason}")
        gaps = self._gaps(*root)
        if found.reading.low is None:
            return say("missing.gaps", gaps=gaps) if gaps else say("missing.imprecise")
        known = self.value(fact, found.reading)
        if gaps:
            return say("missing.known_as_with_gaps", value=known, gaps=gaps)
        return say("missing.known_as", value=known)

    def _month_end(self, test: Test, fact: Fact, found: Found) -> Said:
        """On which two days a time may be up that ends in a month without its day."""
        number, sizes = found.reading.low, _age_limits(test)
        if isinstance(test, AgoTest):
            sizes = [test.duration]
        elif isinstance(fact.derive, CompletedYears):
            number = self.found[fact.derive.since].reading.low
        day = None if number is None else _calendar_day(number)
        ends = [(earliest(day, size), latest(day, size)) for size in sizes] if day else []
        for early, late in ends:
            if day and early and late and early != late and self.as_of in (early, late):
                counted = {"since": day.isoformat(), "early": early.isoformat()}
                return say("missing.calendar_days", **counted, late=late.isoformat())
        return say("missing.calendar")

    def _not_confirmed(self, fact: Fact) -> Said:
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

    def _gaps(self, fact: Fact, found: Found) -> list[Gap]:
        """Which entries of a record list leave it open, and what they do not say."""
        derive = fact.derive
        if not isinstance(derive, ListDerivation):
            return []
        fields = [where.field for where in derive.where]
        if isinstance(derive, LatestOf | EarliestOf):
            fields.append(derive.field)
        gaps: list[Gap] = []
        record = self.protocol.records[derive.records]
        for entry in found.around:
            lacks = [name for name in fields if _lacks(entry.values.get(name))]
            lacks = [name for name in lacks if unsaid(entry, record, name)]
            gap: Gap = {"number": entry_number(entry), "lacks": lacks}
            if entry.known and not entry.exact:
                gap["holds"] = list(entry.known)
            if lacks or "holds" in gap:
                gaps.append(gap)
        return gaps

    def _root(self, fact: Fact, found: Found) -> tuple[Fact, Found]:
        """The recorded fact whose statements explain an unknown derived one."""
        for name in found.from_facts:
            source = self.found[name]
            if source.reading.low is None or source.reading.reason:
                return self._root(self.protocol.facts[name], source)
        return fact, found

    # --- readings ---------------------------------------------------------------------

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
        one: Statement | None = None
        entry: Entry | None = None
        if len(found.statements) == 1:
            one = found.statements[0]
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
            if isinstance(value, Amount) and reading.low is not None:
                root = self._root_fact(fact, one)
                if value.unit != root.unit or value.sign:
                    written = quantity_of(value)
                    record["recorded"] = value_text(written)
                    record["recorded_as"] = written
            uln_u = one.uln_u if one.uln_u is not None or one.no_limit else fact.uln_u
            if fact.type == "quantity" and uln_u is not None and reading.times_uln is not None:
                unit = (
                    value.unit if one.uln_u is not None and isinstance(value, Amount) else fact.unit
                )
                record["uln"] = amount_text(uln_u, unit)
                record["uln_as"] = {"value": number_value(uln_u), "unit": unit}
        elif entry is not None:
            if entry.source:
                record["source"] = entry.source
            if entry.by:
                record["by"] = entry.by
            record["entry"] = entry.entry
            if _under_way(fact, found):
                record["note"] = "under way"
        elif isinstance(fact.derive, ListDerivation) and places:
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
            isinstance(s.value, Amount) and unusual(fact, s.value) for s in found.statements
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

    def _places(self, fact: Fact, found: Found) -> list[str]:
        """The places that together, and no fewer, give a reading its ends."""
        if fact.derive is None:
            return [one.entry for one in cited_statements(fact, found, self.as_of)]
        if isinstance(fact.derive, ListDerivation):
            places = [f"records.{fact.derive.records}"] if found.rests else []
            return [*places, *(one.entry for one in found.entries)]
        places = []
        for name in found.from_facts:
            places += self._places(self.protocol.facts[name], self.found[name])
        return list(dict.fromkeys(places))

    def _follows_from(self, fact: Fact, found: Found) -> list[Said]:
        """What a derived reading was worked out from, one sentence each."""
        if not isinstance(fact.derive, ListDerivation):
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

    def _root_fact(self, fact: Fact, statement: Statement) -> Fact:
        name = statement.entry.split(".")[1].split("[")[0]
        return self.protocol.facts.get(name, fact)

    def shown(self, fact: Fact, found: Found) -> Said:
        """A reading, with its date and source."""
        known = self._shown.get(fact.name)
        if known is None:
            shown = self._show(fact, found)
            known = self._shown[fact.name] = Said(shown_text(shown), shown)
        return known

    def fields(self, entry: Entry, record: RecordList) -> list[FieldRecord]:
        """The fields of an entry."""
        known = self._fields.get(id(entry))
        if known is None:
            known = self._fields[id(entry)] = entry_fields(entry, record)
        return known

    def _show(self, fact: Fact, found: Found) -> Shown:
        if found.reading.low is None:
            return {"value": None}
        shown = self.value(fact, found.reading)
        if _under_way(fact, found):
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

    def value(self, fact: Fact, reading: Reading) -> Shown:
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


def unknown_reason(test: Test, reading: Reading) -> Reason:
    """Why a test on a reading is unknown (SEMANTICS 7)."""
    if isinstance(test, UlnTest) and (reading.uln_reason or reading.times_uln is None):
        return reading.uln_reason or "no_limit"
    return reading.reason or ("calendar" if isinstance(test, AgoTest) else "imprecise")


def _value(fact: Fact, low: int, high: int) -> Value | IntervalValue:
    if low != high:
        return {"low": _end(fact, low), "high": _end(fact, high)}
    end = _end(fact, low)
    assert end is not None
    return end


def _end(fact: Fact, number: int) -> Value | None:
    if fact.type == "boolean":
        return bool(number)
    if fact.type == "choice":
        return fact.choices[number].code
    if fact.type == "date":
        return day_text(number)
    return None if abs(number) >= UNBOUNDED else number_value(number)


def _lacks(value: Recorded | tuple[str, ...] | None) -> bool:
    """Whether an entry's field is not recorded, or not all of its codes are."""
    return value is None or (isinstance(value, tuple) and "" in value)


def _calendar_day(number: int) -> date | None:
    return None if number in (NEVER, PAST) else date.fromordinal(number)


def _next_day(day: date) -> date | None:
    return None if day == date.max else day + timedelta(days=1)


def _under_way(fact: Fact, found: Found) -> bool:
    """Whether a latest date is today because its entry says `ongoing`: no day is fixed."""
    return isinstance(fact.derive, LatestOf) and any(
        entry.values.get(fact.derive.field) == "ongoing" for entry in found.entries[:1]
    )


def _ago_turn(test: AgoTest, truth: Truth, day: date, as_of: date, add: Add) -> date | None:
    washout = test.op in ("at_least_ago", "more_than_ago")
    if truth == "false" and not washout:  # it turns when the day comes, however long it counts
        return day if day > as_of else None
    reached = add(day, test.duration)
    if reached is None or (truth == "true" and washout):
        return None
    return _next_day(reached) if test.op in ("more_than_ago", "within_last") else reached


def _age_limits(test: Test) -> list[Duration]:
    """The whole years at which an age test's truth turns."""
    if isinstance(test, BetweenTest):
        years = [test.low_u // MILLION, test.high_u // MILLION + 1]
    elif isinstance(test, LimitTest):
        after = test.op in ("above", "at_most")
        years = [test.limit_u // MILLION + (1 if after else 0)]
    else:
        return []
    return [Duration(0, 12 * n) for n in years if n >= 0]


def _age_turn(test: Test, truth: Truth, born: date, as_of: date, add: Add) -> date | None:
    days = [add(born, size) for size in _age_limits(test)]
    return min((day for day in days if day is not None and day > as_of), default=None)


def _proved_by_entry(fact: Fact, test: Test, truth: Truth, reading: Reading) -> bool:
    """Whether a known entry proves the truth, so that a lapsed confirmation changes nothing."""
    if isinstance(fact.derive, LatestOf | EarliestOf):
        if reading.low == NEVER:
            return False
        if isinstance(test, AgoTest):
            # An unknown entry can only be later than the latest, or earlier than the earliest.
            long_ago = (test.op in ("at_least_ago", "more_than_ago")) == (truth == "true")
            return long_ago == isinstance(fact.derive, EarliestOf)
        if isinstance(test, EverTest):
            return (truth == "true") == test.expected
    if isinstance(fact.derive, Count) and isinstance(test, LimitTest):
        return truth == ("true" if test.op in ("at_least", "above") else "false")
    return False


def _first(changes: list[Change | None]) -> Change | None:
    known = [c for c in changes if c is not None]
    if not known:
        return None
    day = min(c[0] for c in known)
    return day, tuple(text for c in known if c[0] == day for text in c[1])


def _last(changes: list[Change | None]) -> Change | None:
    if not changes or any(c is None for c in changes):
        return None
    known = [c for c in changes if c is not None]
    day = max(c[0] for c in known)
    return day, tuple(text for c in known if c[0] == day for text in c[1])
