"""A subject's plan: when, what to collect, what would have to change.

The searches run on the reference evaluator. Whatever is shown of a day, a completion or a
change is then run through the fired rules as well; where the two differ there is no plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from engine.decide.decision import VERDICTS, Screener
from engine.plan import words
from engine.plan.change import ChangeSet, Changing, changing, unknown, with_ended
from engine.plan.collect import Collecting, collecting
from engine.plan.days import (
    Day,
    Stretch,
    confirmed,
    day_of,
    day_with,
    kept_current,
    last_day,
    renewed,
    stretches,
    tests_of,
)
from engine.plan.record import (
    Change,
    Collect,
    CriterionLine,
    Event,
    Next,
    NextKind,
    Part,
    Plan,
    Repeat,
    StatusSpan,
    ToCollect,
    Told,
    VerdictSpan,
    Waiting,
    When,
    Window,
    Would,
)
from engine.plan.regions import Root, Roots, ways, with_derived
from engine.plan.search import OPEN, Shape, Steps, World
from engine.record.shape import Decision, Missing
from engine.record.wording import leaf_words
from engine.select.readings import find_readings
from engine.terms import Fact, Protocol, RecordList, Subject, Verdict
from engine.terms.calendar import back, earliest
from engine.terms.faults import EngineFault

HORIZON = 180
"""Days that a plan looks ahead, unless told otherwise."""

LAST_EFFORT = 99
"""Where the dictionary does not say how much work something is, it comes last."""


class Planner:
    """Plans for subjects of one screener's protocol."""

    def __init__(self, screener: Screener) -> None:
        self.screener = screener
        self.protocol: Protocol = screener.protocol
        self.tests = tests_of(self.protocol)
        self.roots = Roots(self.protocol, self.tests)
        self.shape = Shape(self.protocol, self.tests, self.roots)
        self.order = {name: n for n, name in enumerate(self.protocol.facts)}
        self._days: dict[date, Day] = {}  # of the subject being planned for

    def plan(
        self,
        subject: Subject,
        as_of: date,
        horizon: int = HORIZON,
        decision: Decision | None = None,
    ) -> Plan:
        """The plan of one subject. `decision`: that of the as-of date, if it is at hand.

        Raises: EngineFault if the rules do not confirm what the searches found.
        """
        decision = decision or self.screener.decide(subject, as_of)
        self._days = {}
        today = self._day(subject, as_of)
        if today.verdict != decision["verdict"]:
            raise EngineFault("the plan and the decision differ on the verdict")
        end = as_of + timedelta(days=min(horizon, (date.max - as_of).days))
        until = last_day(self.protocol, subject, as_of, end)
        steps = Steps()
        spans = self._timeline(subject, as_of, until)
        changes: Changing | None = None
        if today.verdict == "ineligible":
            forever = last_day(self.protocol, subject, as_of, date.max)
            changes = changing(self.shape, subject, today, forever, steps)
        window = self._window(subject, spans, until)
        wait = _wait(changes, until)
        on = wait.on if wait is not None else as_of
        at = decision if on == as_of else self.screener.decide(subject, on)
        collect, roots = self._collect(subject, on, at, steps)
        when: When = {
            "first": as_of.isoformat(),
            "last": until.isoformat(),
            "verdict": _verdict_spans(spans),
            "criteria": self._lines(spans),
            "events": self._events(subject, spans),
            "window": window,
            "waiting": self._waiting(subject, today, wait, collect, roots) if wait else None,
            "never": self._fixed(today, changes),
        }
        would = self._would(subject, today, changes) if changes is not None else None
        following, answer = _next(today.verdict, as_of, when, collect, would)
        return {
            "schema": "eligo.plan/1",
            "subject": subject.id,
            "as_of": as_of.isoformat(),
            "horizon": (until - as_of).days,
            "protocol": decision["protocol"],
            "facts_digest": subject.digest,
            "software": decision["software"],
            "verdict": today.verdict,
            "determined_by": decision["determined_by"],
            "answer": answer,
            "next": following,
            "when": when,
            "collect": collect,
            "would": would,
        }

    def _day(self, subject: Subject, on: date) -> Day:
        """The subject being planned for, on one day, as recorded."""
        day = self._days.get(on)
        if day is None:
            day = self._days[on] = day_of(self.protocol, subject, on)
        return day

    # --- confirming ---------------------------------------------------------------------

    def _confirm(self, day: Day, verdict: Verdict | None = None) -> None:
        """Fire the rules on a day's readings. Raises: EngineFault unless they say the same."""
        outcome = self.screener.session.run(day.readings, day.on)
        program = self.screener.program
        for criterion, status in day.statuses.items():
            truth = outcome.truths[program.criteria[criterion]]
            if program.statuses[criterion, truth] != status:
                raise EngineFault(f"the rules do not confirm the plan on `{criterion}`")
        fired = VERDICTS[outcome.truths[program.verdict]]
        if fired != (verdict or day.verdict):
            raise EngineFault("the rules do not confirm the plan's verdict")

    # --- when ---------------------------------------------------------------------------

    def _timeline(self, subject: Subject, as_of: date, until: date) -> tuple[Stretch, ...]:
        spans = stretches(self.protocol, self.tests, subject, as_of, until, self._day)
        for span in spans:
            self._confirm(span.start)
            if span.last != span.first:
                last = self._day(subject, span.last)
                if last.statuses != span.start.statuses:
                    raise EngineFault("a stretch of the plan does not end as it begins")
                self._confirm(last)
        return spans

    def _lines(self, spans: Sequence[Stretch]) -> list[CriterionLine]:
        lines: list[CriterionLine] = []
        for criterion in self.protocol.criteria:
            merged: list[StatusSpan] = []
            for span in spans:
                status = span.start.statuses[criterion.id]
                if merged and merged[-1]["status"] == status:
                    merged[-1]["last"] = span.last.isoformat()
                else:
                    ends = span.first.isoformat(), span.last.isoformat()
                    merged.append({"first": ends[0], "last": ends[1], "status": status})
            lines.append(
                {
                    "id": criterion.id,
                    "kind": criterion.kind,
                    "text": criterion.text,
                    "spans": merged,
                }
            )
        return lines

    def _events(self, subject: Subject, spans: Sequence[Stretch]) -> list[Event]:
        events: list[Event] = []
        for before, after in pairwise(spans):
            old, new = before.start.statuses, after.start.statuses
            changed = [name for name, status in new.items() if status != old[name]]
            eve = self._day(subject, before.last)
            because = self._because(subject, eve, after.start, changed)
            events.append({"on": after.first.isoformat(), "criteria": changed, "because": because})
        return events

    def _because(
        self, subject: Subject, before: Day, after: Day, criteria: Iterable[str]
    ) -> list[str]:
        """What time alone changed between two days, as far as some criteria look at it."""
        numbers = {c.id: n for n, c in enumerate(self.protocol.criteria)}
        leaves = {leaf for name in criteria for leaf in self.shape.leaves_in[numbers[name]]}
        old, new = World(self.shape, before, {}, Steps()), World(self.shape, after, {}, Steps())
        said: dict[str, None] = {}
        lapsed: dict[date, dict[str, None]] = {}
        for number in sorted(leaves - {self.shape.todo}):
            test, was, now = self.tests[number], old.initial[number], new.initial[number]
            if was == now:
                continue
            reading = after.readings[test.fact]
            if now == OPEN and reading.reason in ("out_of_date", "history_not_confirmed"):
                for root in self.shape.leaf_roots[number]:
                    good = self._good_until(subject, root, before.on)
                    if good is not None and good < after.on:
                        ask = words.ask_of(self.protocol, root)
                        lapsed.setdefault(good, {})[ask] = None
            else:
                said[words.turned(self.protocol, test, was, now, reading, after.on)] = None
        return [
            *said,
            *(
                f"{words.LAPSED} {good}: {words.listed(tuple(asks), 30)}"
                for good, asks in sorted(lapsed.items())
            ),
        ]

    def _good_until(self, subject: Subject, root: Root, on: date) -> date | None:
        """The last day on which what counts on `on` may be relied on."""
        if root.startswith("records."):
            name = root.removeprefix("records.")
            if not confirmed(self.protocol, subject, name, on):
                return None
            complete_on = subject.records[name].complete_on
            assert complete_on is not None
            return earliest(complete_on, self.protocol.records[name].valid_for)
        found = find_readings(_only(self.protocol, root), subject, on)[root]
        return found.until if found.reading.low is not None else None

    def _window(self, subject: Subject, spans: Sequence[Stretch], until: date) -> Window | None:
        at = next((n for n, s in enumerate(spans) if s.start.verdict == "eligible"), None)
        if at is None:
            return None
        span = spans[at]
        closes: list[str] = []
        if at + 1 < len(spans):
            after = spans[at + 1].start
            changed = [name for name, status in after.statuses.items() if status != "passed"]
            closes = self._because(subject, self._day(subject, span.last), after, changed)
        resting = [
            (root, good)
            for root in self._sorted(self.roots.facts)
            if (good := self._good_until(subject, root, span.first)) is not None
            and self._without(subject, span.start, root).verdict != "eligible"
        ]
        return {
            "first": span.first.isoformat(),
            "last": min(span.last, until).isoformat(),
            "closes": closes,
            "rests_on": [
                {
                    "collect": _name(root),
                    "ask": words.ask_of(self.protocol, root),
                    "good_until": good.isoformat(),
                }
                for root, good in sorted(resting, key=lambda pair: pair[1])
            ],
        }

    def _without(self, subject: Subject, day: Day, root: Root) -> Day:
        """The same day, had one result or confirmation lapsed."""
        if root.startswith("records."):
            name = root.removeprefix("records.")
            lapsed = replace(subject.records[name], complete_on=None)
            other = replace(subject, records={**subject.records, name: lapsed})
            return day_of(self.protocol, other, day.on)
        readings = dict(day.readings)
        readings[root] = unknown(readings[root])
        counted = [name for name in self.roots.facts[root] if name != root]
        for name in counted:
            del readings[name]
        with_derived(self.roots, counted, readings, day.on.toordinal())
        return day_with(self.protocol, readings, day.on)

    def _waiting(
        self,
        subject: Subject,
        today: Day,
        wait: ChangeSet,
        collect: Collect,
        roots: Sequence[Root],
    ) -> Waiting:
        """The wait that ends every failure, and what must be repeated because of it."""
        lasting = kept_current(self.protocol, today, subject)
        after = day_of(lasting, subject, wait.on)
        renewal = renewed(self.protocol, lasting, subject, wait.on)
        real = day_of(self.protocol, renewal, wait.on)
        if real.verdict != after.verdict:
            raise EngineFault("a plan's wait does not hold when its results are repeated")
        self._confirm(real)
        failed = [name for name, status in today.statuses.items() if status == "failed"]
        because = self._because(subject, today, after, failed)
        repeats: list[Repeat] = []
        conflicts = []
        needed = {item["collect"] for item in collect["needed"]}
        for root in roots:
            good = self._good_until(subject, root, today.on)
            if good is None or good >= wait.on or _name(root) not in needed:
                continue
            start = max(self._covers(root, wait.on), today.on)
            ask = words.ask_of(self.protocol, root)
            repeats.append(
                {
                    "collect": _name(root),
                    "ask": ask,
                    "good_until": good.isoformat(),
                    "not_before": start.isoformat(),
                }
            )
            conflicts.append(
                f"the wait ends on {wait.on}, but {ask} may be relied on only until {good}:"
                f" repeat it on or after {start}"
            )
        return {
            "on": wait.on.isoformat(),
            "verdict": after.verdict,
            "because": because,
            "repeat": repeats,
            "conflicts": conflicts,
        }

    def _covers(self, root: Root, on: date) -> date:
        """The first day on which a result may be recorded and still be relied on on `on`."""
        length = self._of(root).valid_for
        if length is None:
            return date.min
        day = back(on, length, early=True, strict=True)
        return date.min if day is None else day + timedelta(days=1)

    def _fixed(self, today: Day, changes: Changing | None) -> list[str]:
        names = changes.fixed if changes is not None else ()
        facts = self.protocol.facts
        return [words.reading_words(facts[name], today.readings[name]) for name in names]

    # --- what to collect ------------------------------------------------------------------

    def _collect(
        self, subject: Subject, on: date, decision: Decision, steps: Steps
    ) -> tuple[Collect, list[Root]]:
        day = self._day(subject, on)
        world, exact = self.world(subject, day, steps)
        found = collecting(world, exact)
        self._confirm_collecting(world, found)
        missing: dict[str, Missing] = {}
        for criterion in decision["criteria"]:
            for item in criterion["missing"]:
                missing.setdefault(item["collect"], item)
        chosen = set(found.matters) | (set(found.sets[0]) if found.sets else set())
        needed = sorted(
            chosen, key=lambda r: (r not in found.excludes, self._effort(r), self._place(r))
        )
        sets = sorted(
            ([*self._sorted(one)] for one in found.sets),
            key=lambda one: (sum(self._effort(r) for r in one), [self._place(r) for r in one]),
        )
        unwritten = []
        if "undetermined" in found.possible:
            stuck = day_with(self.protocol, world.readings(found.possible["undetermined"]), on)
            unwritten = [name for name, status in stuck.statuses.items() if status == "open"]
        collect: Collect = {
            "on": on.isoformat(),
            "verdict": day.verdict,
            "possible": sorted(found.possible),
            "agrees": found.agrees and day.verdict == "undetermined",
            "needed": [self._item(world, root, found, missing) for root in needed],
            "sets": [[_name(root) for root in one] for one in sets if one],
            "idle": [
                {"collect": _name(root), "ask": words.ask_of(self.protocol, root)}
                for root in self._sorted(found.idle)
            ],
            "unwritten": unwritten,
            "exact": found.exact,
        }
        return collect, needed

    def world(self, subject: Subject, day: Day, steps: Steps) -> tuple[World, bool]:
        """The day with every way in which its open facts may come out, and whether that is all."""
        world = World(self.shape, day, {}, steps)
        states = {}
        exact = True
        for root in self.shape.leaves_of:
            leaves = self.shape.leaves_of[root]
            if any(world.initial[leaf] == OPEN for leaf in leaves):
                found = ways(self.roots, root, subject, day.readings, day.on)
                exact = exact and found.exact
                states[root] = found.states
        return World(self.shape, day, states, steps), exact

    def _confirm_collecting(self, world: World, found: Collecting) -> None:
        """Run a completion for every verdict that is called possible, and for every fact that
        is said to matter or to exclude, through the rules."""

        def run(held: Mapping[Root, int], verdict: Verdict) -> None:
            readings = world.readings(held)
            self._confirm(day_with(self.protocol, readings, world.on), verdict)

        for verdict, held in found.possible.items():
            run(held, verdict)
        for root, state in found.excludes.items():
            run({root: state}, "ineligible")
        if "undetermined" not in found.possible and found.exact:
            for held in found.matters.values():
                run(held, "undetermined")

    def _item(
        self, world: World, root: Root, found: Collecting, missing: Mapping[str, Missing]
    ) -> ToCollect:
        name = _name(root)
        told: Told = {}
        why = missing.get(name)
        if why is not None:
            told["reason"] = why["reason"]
            told["detail"] = why["detail"]
        of = self._of(root)
        if of.found_in:
            told["found_in"] = of.found_in
        if of.effort is not None:
            told["effort"] = of.effort
        if of.valid_for is not None:
            told["not_before"] = self._covers(root, world.on).isoformat()
        open_leaves = {n for n in self.shape.leaves_of[root] if world.initial[n] == OPEN}
        criteria = [
            criterion.id
            for number, criterion in enumerate(self.protocol.criteria)
            if world.day.statuses[criterion.id] == "open"
            and open_leaves & self.shape.leaves_in[number]
        ]
        return {
            "collect": name,
            "ask": words.ask_of(self.protocol, root),
            **told,
            "excludes": root in found.excludes,
            "criteria": criteria,
        }

    def _of(self, root: Root) -> Fact | RecordList:
        if root.startswith("records."):
            return self.protocol.records[root.removeprefix("records.")]
        return self.protocol.facts[root]

    def _effort(self, root: Root) -> int:
        effort = self._of(root).effort
        return LAST_EFFORT if effort is None else effort

    def _place(self, root: Root) -> int:
        facts = self.roots.facts[root]
        return min(self.order[name] for name in facts)

    def _sorted(self, roots: Iterable[Root]) -> list[Root]:
        return sorted(roots, key=lambda root: (self._effort(root), self._place(root)))

    # --- what would have to change ----------------------------------------------------------

    def _would(self, subject: Subject, today: Day, changes: Changing) -> Would:
        sets = [self._change(subject, today, one) for one in changes.sets]
        stays: list[str] = []
        if not sets and not changes.fixed:
            leaves = {leaf for n in self._failed(today) for leaf in self.shape.leaves_in[n]}
            facts = self.protocol.facts
            stays = [leaf_words(self.tests[n], facts) for n in sorted(leaves - {self.shape.todo})]
        return {
            "sets": sets,
            "cannot": self._fixed(today, changes),
            "stays": stays,
            "exact": changes.exact,
        }

    def _change(self, subject: Subject, today: Day, one: ChangeSet) -> Change:
        day = day_with(self.protocol, one.readings, one.on)
        if day.verdict == "ineligible":
            raise EngineFault("a change that the plan names does not change the verdict")
        self._confirm(day)
        parts: list[Part] = []
        for name in one.ended:
            ask = self.protocol.records[name].ask
            says = f"the end of what is under way ({ask}), taken here as {today.on}"
            parts.append({"fact": name, "ask": ask, "changes": "by_treatment", "says": says})
        if one.on != today.on:
            ended = with_ended(subject, one.ended, today.on)
            parts += self._wait_parts(ended, today, one.on)
        for new in one.results:
            fact = self.protocol.facts[new.root]
            value = words.parts_words(fact, self.roots.tests.get(new.root, ()), new.parts)
            parts.append(
                {
                    "fact": new.root,
                    "ask": fact.ask,
                    "changes": fact.changes or "by_retest",
                    "says": f"{fact.ask}: {value}, in a new result",
                }
            )
        says = "; and ".join(part["says"] for part in parts)
        return {"on": one.on.isoformat(), "verdict": day.verdict, "parts": parts, "says": says}

    def _failed(self, day: Day) -> list[int]:
        """The numbers of the criteria that fail on a day."""
        return [n for n, status in enumerate(day.statuses.values()) if status == "failed"]

    def _wait_parts(self, subject: Subject, today: Day, on: date) -> list[Part]:
        """What time changes until a day in the criteria that fail now."""
        lasting = kept_current(self.protocol, today, subject)
        after = day_of(lasting, subject, on)
        leaves = {leaf for n in self._failed(today) for leaf in self.shape.leaves_in[n]}
        old, new = World(self.shape, today, {}, Steps()), World(self.shape, after, {}, Steps())
        more = words.days_text((on - today.on).days)
        parts: list[Part] = []
        for number in sorted(leaves - {self.shape.todo}):
            if old.initial[number] != new.initial[number]:
                test = self.tests[number]
                fact = self.protocol.facts[test.fact]
                turn = "comes to hold" if new.initial[number] == 2 else "ceases to hold"
                if new.initial[number] == OPEN:
                    turn = "is no longer decided"
                parts.append(
                    {
                        "fact": fact.name,
                        "ask": fact.ask,
                        "changes": "with_time",
                        "says": f"{more} more, until {on} ({turn}:"
                        f" {leaf_words(test, self.protocol.facts)})",
                    }
                )
        return parts


def _wait(changes: Changing | None, until: date) -> ChangeSet | None:
    """The wait that ends every failure: one inside the horizon, or the only way there is."""
    sets = changes.sets if changes is not None else ()
    wait = next((one for one in sets if not one.results and not one.ended), None)
    return wait if wait is not None and (wait.on <= until or len(sets) == 1) else None


def _name(root: Root) -> str:
    """What a person records: the fact, or the record list."""
    return root.removeprefix("records.")


def _only(protocol: Protocol, name: str) -> Protocol:
    """The protocol with one fact in its dictionary."""
    return replace(protocol, facts={name: protocol.facts[name]})


def _verdict_spans(spans: Iterable[Stretch]) -> list[VerdictSpan]:
    merged: list[VerdictSpan] = []
    for span in spans:
        if merged and merged[-1]["verdict"] == span.start.verdict:
            merged[-1]["last"] = span.last.isoformat()
        else:
            ends = span.first.isoformat(), span.last.isoformat()
            merged.append({"first": ends[0], "last": ends[1], "verdict": span.start.verdict})
    return merged


# --- the answer in one line ----------------------------------------------------------------


def _next(
    verdict: Verdict, as_of: date, when: When, collect: Collect, would: Would | None
) -> tuple[Next, str]:
    """The next thing to do, and the plan in one line."""
    window = when["window"]
    if verdict == "eligible" and window is not None:
        return _while_eligible(window, when["last"])
    if window is not None:
        says = f"As recorded, eligible from {window['first']} to {window['last']}"
        opens = [e for e in when["events"] if e["on"] == window["first"]]
        if opens and opens[0]["because"]:
            says += f", when this is so: {words.sentences(opens[0]['because'])}"
        if verdict == "undetermined" and collect["needed"]:
            says += f". Sooner if recorded: {_asks(collect)}"
        return {"kind": "wait", "on": window["first"], "says": f"{says}."}, f"{says}."
    if verdict == "undetermined":
        return _while_open(as_of.isoformat(), collect)
    waiting = when["waiting"]
    if waiting is not None:
        says = f"Not before {waiting['on']}: {words.sentences(waiting['because'])}"
        if collect["needed"]:
            says += f". For that day, collect: {_asks(collect)}"
        return {"kind": "wait", "on": waiting["on"], "says": f"{says}."}, f"{says}."
    assert would is not None
    if would["sets"]:
        first = would["sets"][0]
        says = f"Not eligible. It would take: {first['says']}."
        others = len(would["sets"]) - 1
        if others:
            says += f" Or {'another change' if others == 1 else f'{others} other changes'}."
        return {"kind": "repeat", "on": first["on"], "says": says}, says
    if would["cannot"]:
        says = f"Cannot become eligible: {words.sentences(would['cannot'])}."
    else:
        says = "Not eligible, and no wait and no new result that can be named would change it."
    return {"kind": "none", "on": None, "says": says}, says


def _while_eligible(window: Window, horizon: str) -> tuple[Next, str]:
    if not window["closes"]:
        says = f"Eligible, and stays so until {horizon} at least."
    else:
        lapsed = [r["ask"] for r in window["rests_on"] if r["good_until"] == window["last"]]
        told = [said for said in window["closes"] if not said.startswith(words.LAPSED)]
        if lapsed:
            told.append(f"{words.LAPSED} {window['last']}: {words.listed(lapsed)}")
        says = (
            f"Eligible until {window['last']}. Then: {words.sentences(told or window['closes'])}."
        )
    return {"kind": "enrol", "on": window["last"], "says": says}, says


def _while_open(as_of: str, collect: Collect) -> tuple[Next, str]:
    told = []
    if collect["agrees"]:
        verdict = "eligible" if collect["possible"] == ["eligible"] else "not eligible"
        told.append(f"Whatever the open facts come to, the verdict will be: {verdict}.")
    count = len(collect["needed"])
    if count:
        to = "To settle it, collect" if collect["sets"] else "Collect"
        told.append(f"{to}{f' {count} facts' if count > 1 else ''}: {_asks(collect)}.")
    if collect["unwritten"]:
        told.append(f"No recorded fact settles {words.listed(collect['unwritten'])}.")
    kind: NextKind = "collect" if count else "none"
    says = " ".join(told) or "Undetermined."
    return {"kind": kind, "on": as_of if count else None, "says": says}, says


def _asks(collect: Collect) -> str:
    return words.listed([item["ask"] for item in collect["needed"]])
