"""Explain a decision in records: what each condition looked at, what is missing, what time changes.

Nothing is decided here. Truths come from the firings; the only arithmetic is the calendar's,
to name the day on which a truth that is already known will change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.calendar import earliest, latest
from engine.model import (
    MILLION,
    NEVER,
    PAST,
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
    EverTest,
    Exists,
    Fact,
    Field,
    LatestOf,
    LimitTest,
    Not,
    Protocol,
    Reading,
    Reason,
    Recorded,
    Statement,
    Subject,
    Test,
    Todo,
    Truth,
    UlnTest,
    Verdict,
)
from engine.readings import Found, confirmed
from engine.record import IntervalValue, LookAgain, Missing, ReadingRecord, Value, Why
from engine.wording import (
    amount_text,
    bound_text,
    day_text,
    decimal_text,
    leaf_words,
    test_text,
)

ListDerivation = LatestOf | EarliestOf | Exists | Count

Change = tuple[date, tuple[str, ...]]
"""The first day on which a truth may change by time alone, and what does it."""

Add = Callable[[date, Duration], date | None]
"""A month-end rule: what date + n months is (engine.calendar)."""

EXACT_FLOAT = 2**53
"""Below this many millionths a float prints the decimal exactly."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One condition, prepared for explaining: what does not depend on the subject.

    `node` is its node in the program. `held`: the truth that its children must hold together
    or the node turns (`all` stays false while a child is false); None for other kinds.
    """

    path: str
    node: int
    words: str
    test: Test | None
    asked: str
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
                return Branch(path, node, "all of", None, "", "false", children)
            return Branch(path, node, "any of", None, "", "true", children)
        if isinstance(condition, Not):
            below = (branch(f"{path}.1", condition.child),)
            return Branch(path, node, "not", None, "", None, below)
        if isinstance(condition, Defined):
            name = condition.name
            if name not in definitions:
                definitions[name] = branch(name, protocol.definitions[name])
            words = name.replace("_", " ")
            return Branch(path, node, words, None, "", None, (definitions[name],))
        words = leaf_words(condition, facts)
        if isinstance(condition, Todo):
            return Branch(path, node, words, None, "", None, ())
        asked = test_text(condition, facts[condition.fact], labels=True)
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
        self._leaves: dict[int, tuple[str, Change | None]] = {}
        self._changes: dict[int, Change | None] = {}
        self._shown_texts: dict[str, str] = {}

    # --- the tree ---------------------------------------------------------------------

    def why(self, branch: Branch) -> Why:
        """A condition with its truth, what it looked at, and its children."""
        truth = self.truths[branch.node]
        test = branch.test
        if test is None:
            children = [self.why(child) for child in branch.children]
            return {
                "node": branch.path,
                "condition": branch.words,
                "truth": truth,
                "children": children,
            }
        says, change = self._leaf(branch, test)
        why: Why = {
            "node": branch.path,
            "condition": branch.words,
            "truth": truth,
            "says": says,
            "reading": self.reading(test.fact),
            "children": [],
        }
        if change is not None:
            why["changes_on"] = change[0].isoformat()
        return why

    def _leaf(self, branch: Branch, test: Test) -> tuple[str, Change | None]:
        known = self._leaves.get(branch.node)
        if known is None:
            known = self._leaves[branch.node] = self._explain_leaf(branch, test)
        return known

    def _explain_leaf(self, branch: Branch, test: Test) -> tuple[str, Change | None]:
        truth = self.truths[branch.node]
        fact = self.protocol.facts[test.fact]
        found = self.found[test.fact]
        shown = self._shown_texts.get(fact.name)
        if shown is None:
            shown = self._shown_texts[fact.name] = (
                f"{fact.ask}: {self._shown(fact, found)}. Asked: "
            )
        text = shown + branch.asked
        if truth == "unknown":
            reason = unknown_reason(test, found.reading)
            return (
                f"{text}. Cannot be decided: {self._detail(test, fact, found, reason)}.",
                self._change(branch, test, fact, found, None),
            )
        turn = self._turn(test, truth, found, earliest)
        text += ". This holds." if truth == "true" else ". This does not hold."
        # Of an imprecise date the day is only the first on which the truth may turn.
        point = found.reading.low == found.reading.high and not self._grows(test.fact)
        if turn is not None and point:
            if truth == "false":
                sure = self._turn(test, truth, found, latest) or turn
                late = found.until is not None and sure > found.until
                renewed = ", if what is recorded is renewed by then" if late else ""
                text += f" Satisfied from {sure.isoformat()}{renewed}."
            else:
                text += f" Satisfied until {(turn - timedelta(days=1)).isoformat()}."
        return text, self._change(branch, test, fact, found, turn)

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
            word = "is satisfied from then" if truth == "false" else "is satisfied until then"
            best = (turn, (f"{branch.words} {word}",))
        if found.starts is not None and (best is None or found.starts < best[0]):
            best = (found.starts, (f"{fact.ask}: something recorded for that day counts",))
        if (
            truth != "unknown"
            and found.until is not None
            and (best is None or found.until < best[0])
            and not _proved_by_entry(fact, test, truth, found.reading)
        ):
            after = _next_day(found.until)
            if after is not None and (best is None or after < best[0]):
                what = self._collect(fact)[1]
                best = (after, (f"{what}: what is recorded expires the day before",))
        moving = self._grows(test.fact) or (
            isinstance(fact.derive, DaysBetween)
            and any(self._moves(name) for name in found.from_facts)
        )
        if truth == "unknown" or found.reading.low != found.reading.high or moving:
            day = min(self._widening(test, truth, found), default=None)
            if day is not None and (best is None or day < best[0]):
                best = (day, (f"{branch.words} may be decided by then",))
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

    def _grows(self, name: str) -> bool:
        """Whether a reading that may be a point today is an interval tomorrow.

        So is a partial date on the first of its days, and the latest entry of a list that
        nobody confirmed, if it is of today.
        """
        found, derive = self.found[name], self.protocol.facts[name].derive
        if isinstance(derive, LatestOf) and found.reading.high == self.as_of.toordinal():
            listed = self.subject.records.get(derive.records)
            if not confirmed(self.protocol.records[derive.records], listed, self.as_of):
                return True
        days = [s.value for s in found.statements if isinstance(s.value, Days)]
        for entry in found.entries:
            days += [value for value in entry.values.values() if isinstance(value, Days)]
        if any(value.first <= self.as_of < value.last for value in days):
            return True
        return any(self._grows(other) for other in found.from_facts)

    def _widening(self, test: Test, truth: Truth, found: Found) -> list[date]:
        """Days on which an end of an imprecise date comes of age, or is reached."""
        fact, reading = self.protocol.facts[test.fact], found.reading
        dates = [s.value for s in found.statements if isinstance(s.value, Days)]
        for entry in found.entries:
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
        return {"on": change[0].isoformat(), "because": sorted(set(change[1]))}

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
                "detail": branch.words,
                "collect": "todo",
                "ask": "Judge this criterion by hand",
            }
        fact = self.protocol.facts[leaf.fact]
        found = self.found[leaf.fact]
        reason = unknown_reason(leaf, found.reading)
        collect, ask, where = self._collect(fact)
        item: Missing = {
            "fact": fact.name,
            "reason": reason,
            "detail": self._detail(leaf, fact, found, reason),
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

    def _detail(self, test: Test, fact: Fact, found: Found, reason: Reason) -> str:
        """Why a fact's reading does not settle the question, in words."""
        root = self._root(fact, found)
        statements = root[1].statements
        last = max((s.on for s in statements if s.on is not None), default=None)
        note = next((f" ({s.note})" for s in statements if s.note), "")
        until = root[1].until
        if reason == "not_recorded":
            return "no value that counts is recorded" if statements else "nothing is recorded"
        if reason == "not_yet":
            return f"recorded only for a later day, {root[1].starts or ''}".rstrip(", ")
        if reason == "out_of_date":
            return f"the value of {last} could be relied on until {until}"
        if reason == "undated":
            return "the value has no date, and this fact goes out of date"
        if reason == "conflicting":
            values = sorted({_as_recorded(s, root[0]) for s in statements})
            when = f" of {last}" if last else ""
            if len(values) == 1 or found.reading.low is not None:
                return f"the limits of normal beside the values{when} disagree"
            return f"the statements{when} disagree: {', '.join(values)}"
        if reason == "history_not_confirmed":
            records = getattr(root[0].derive, "records", None)
            ask = self.protocol.records[records].ask if records else root[0].ask
            return f"the list “{ask}” is not confirmed complete for this day"
        if reason == "not_attested":
            return f"it lacks the name of the {root[0].attested_by} who states it"
        if reason == "no_limit":
            return "no upper limit of normal is known for this result"
        if reason == "no_date":
            return "a date it is counted from is or may be `never`"
        if reason == "calendar":
            return self._month_end(test, fact, found)
        if reason == "pending":
            return f"recorded as pending{note}"
        if reason == "not_done":
            return f"recorded as not done{note}"
        gaps = self._gaps(*root)
        if found.reading.low is None:
            return gaps or "not recorded exactly enough"
        known = f"known only as {self._value_words(fact, found.reading)}"
        return f"{known}; {gaps}" if gaps else known

    def _month_end(self, test: Test, fact: Fact, found: Found) -> str:
        """On which two days a time may be up that ends in a month without its day."""
        number, sizes = found.reading.low, _age_limits(test)
        if isinstance(test, AgoTest):
            sizes = [test.duration]
        elif isinstance(fact.derive, CompletedYears):
            number = self.found[fact.derive.since].reading.low
        day = None if number is None else _calendar_day(number)
        ends = [(earliest(day, size), latest(day, size)) for size in sizes] if day else []
        for end in ends:
            if end[0] != end[1] and self.as_of in end:
                return f"counted from {day}, the time is up on {end[0]} or on {end[1]}"
        return "the month in which the time is up lacks the day"

    def _gaps(self, fact: Fact, found: Found) -> str:
        """Which entries of a record list leave it open, and what they do not say."""
        derive = fact.derive
        if not isinstance(derive, ListDerivation):
            return ""
        fields = [where.field for where in derive.where]
        if isinstance(derive, LatestOf | EarliestOf):
            fields.append(derive.field)
        said = []
        for entry in found.entries:
            lacking = [name for name in fields if _lacks(entry.values.get(name))]
            if lacking:
                number = int(entry.entry.rpartition("[")[2][:-1]) + 1
                said.append(f"entry {number} does not say: {', '.join(lacking)}")
        return "; ".join(said)

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
        one = found.statements[0] if found.statements else None
        if one is not None:
            if one.on is not None:
                record["on"] = one.on.isoformat()
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
                    record["recorded"] = f"{value.sign}{amount_text(value.amount_u, value.unit)}"
            uln_u = one.uln_u if one.uln_u is not None else fact.uln_u
            if fact.type == "quantity" and uln_u is not None and reading.times_uln is not None:
                unit = (
                    value.unit if one.uln_u is not None and isinstance(value, Amount) else fact.unit
                )
                record["uln"] = amount_text(uln_u, unit)
        elif found.entries:
            entry = found.entries[0]
            if entry.source:
                record["source"] = entry.source
            if entry.by:
                record["by"] = entry.by
            record["entry"] = entry.entry
            if _under_way(fact, found):
                record["note"] = "under way"
        elif isinstance(fact.derive, ListDerivation) and found.until is not None:
            listed = self.subject.records[fact.derive.records]
            if listed.complete_on is not None:
                record["on"] = listed.complete_on.isoformat()
            if listed.source:
                record["source"] = listed.source
            if listed.by:
                record["by"] = listed.by
            record["entry"] = f"records.{fact.derive.records}"
        if reading.reason is not None:
            record["reason"] = reading.reason
        if found.until is not None and reading.low is not None:
            record["good_until"] = found.until.isoformat()
        if fact.derive is not None and reading.low is not None:
            record["follows_from"] = self._follows_from(fact, found)
        return record

    def _follows_from(self, fact: Fact, found: Found) -> list[str]:
        """What a derived reading was worked out from, one line each."""
        if not isinstance(fact.derive, ListDerivation):
            facts = [self.protocol.facts[name] for name in found.from_facts]
            return [f"{one.ask}: {self._shown(one, self.found[one.name])}" for one in facts]
        record = self.protocol.records[fact.derive.records]
        listed = self.subject.records.get(record.name)
        lines = []
        if listed is not None and found.until is not None and listed.complete_on is not None:
            by = f" by {listed.by}" if listed.by else ""
            day = listed.complete_on.isoformat()
            lines.append(f"{record.ask}: confirmed complete on {day}{by}")
        for entry in found.entries:
            number = int(entry.entry.rpartition("[")[2][:-1]) + 1
            fields = (record.fields[name] for name in record.fields if name in entry.values)
            said = "; ".join(f"{f.ask}: {_field_words(entry.values[f.name], f)}" for f in fields)
            lines.append(f"entry {number}: {said}")
        return lines

    def _root_fact(self, fact: Fact, statement: Statement) -> Fact:
        name = statement.entry.split(".")[1].split("[")[0]
        return self.protocol.facts.get(name, fact)

    def _shown(self, fact: Fact, found: Found) -> str:
        """A reading in words, with its date and source."""
        reading = found.reading
        if reading.low is None:
            return "not known"
        text = self._value_words(fact, reading)
        if _under_way(fact, found):
            text = "under way"
        beside = []
        one = found.statements[0] if found.statements else None
        if one is not None and fact.derive is None:
            if one.on is not None:
                beside.append(one.on.isoformat())
            if one.source:
                beside.append(one.source)
            if one.by:
                beside.append(f"by {one.by}")
        elif found.entries and found.entries[0].source:
            beside.append(found.entries[0].source)
        return f"{text} ({', '.join(beside)})" if beside else text

    def _value_words(self, fact: Fact, reading: Reading) -> str:
        low, high = reading.low, reading.high
        if low is None or high is None:
            return "not known"
        if fact.type == "boolean":
            return "yes" if low else "no"
        if fact.type == "choice":
            return fact.choices[low].label
        if fact.type == "quantity":
            if low == high:
                return amount_text(low, fact.unit)
            bottom, top = bound_text(low), bound_text(high)
            if bottom is None and top is None:
                return "any value"
            if bottom is None:
                return f"at most {amount_text(high, fact.unit)}"
            if top is None:
                return f"at least {amount_text(low, fact.unit)}"
            return f"between {decimal_text(low)} and {amount_text(high, fact.unit)}"
        if low == high:
            return day_text(low) or "long ago"
        last = day_text(high)
        if low == NEVER:
            return f"never, or any day up to {last}"
        if low == PAST:
            return f"some day up to {last}"
        return f"between {day_text(low)} and {last}"


def unknown_reason(test: Test, reading: Reading) -> Reason:
    """Why a test on a reading is unknown (SEMANTICS 7)."""
    if isinstance(test, UlnTest) and reading.times_uln is None:
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
    text = bound_text(number)
    if text is None:
        return None
    if number % MILLION == 0:
        return number // MILLION
    return float(text) if abs(number) < EXACT_FLOAT else text


def _as_recorded(statement: Statement, fact: Fact) -> str:
    value = statement.value
    if value is None:
        return (statement.unknown or "unknown").replace("_", " ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Amount):
        return f"{value.sign}{amount_text(value.amount_u, value.unit)}"
    if isinstance(value, Days):
        if value.first == value.last:
            return value.first.isoformat()
        return f"{value.first.isoformat()} to {value.last.isoformat()}"
    return next((c.label for c in fact.choices if c.code == value), value)


def _lacks(value: Recorded | tuple[str, ...] | None) -> bool:
    """Whether an entry's field is not recorded, or not all of its codes are."""
    return value is None or (isinstance(value, tuple) and "" in value)


def _field_words(value: Recorded | tuple[str, ...], field: Field) -> str:
    labels = {choice.code: choice.label for choice in field.choices}
    if isinstance(value, tuple):
        return ", ".join(labels.get(code, code) if code else "one not recorded" for code in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Amount):
        return f"{value.sign}{amount_text(value.amount_u, value.unit)}"
    if isinstance(value, Days):
        whole = value.first == value.last
        first, last = value.first.isoformat(), value.last.isoformat()
        return first if whole else f"{first} to {last}"
    return labels.get(value, value)


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
