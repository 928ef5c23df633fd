"""What became of one patient by the data cut-off, with the proof of every class.

Classes are concluded by fired rules, entry by entry: an entry's fields, with the facts as of
its day, are a subject of their own, screened by a small pack whose criteria are "this entry
is of this class". So every conclusion has the trace and the cross-check that a decision has.
What follows from dated conclusions (which came first, who was followed how long) is worked
out here, on whole days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from engine import terms as m
from engine.decide.decision import Screener
from engine.explain.passed import entry_to_come, passed_over
from engine.outcomes.clock import Dated, landmark_days
from engine.outcomes.record import (
    BestResponse,
    EntryOutcome,
    Followed,
    Graded,
    Happened,
    Landmark,
    LandmarkStatus,
    Outcome,
    Proof,
)
from engine.outcomes.screened import (
    EntryScreener,
    death_criterion,
    months_between,
    proof_of,
    small_pack,
)
from engine.outcomes.toxicity import Treated, grade_of, toxicity_outcome
from engine.read.exclusive import leaves_of
from engine.read.source import Document
from engine.read.subjects import entry_path
from engine.record.shape import PassedOver
from engine.reference import evaluator as reference
from engine.select.readings import find_readings, readings_only
from engine.terms.dictionary import facts_behind
from engine.terms.faults import EngineFault, Fault, InputRejected


class OutcomeScreener:
    """A protocol's outcome rules, compiled and self-tested, for many patients.

    Raises: EngineFault when made; ValueError if the protocol has no outcomes.
    """

    def __init__(self, protocol: m.Protocol) -> None:
        if protocol.outcomes is None:
            raise ValueError("the pack has no outcomes.yaml")
        self.protocol, self.outcomes = protocol, protocol.outcomes
        self.days = replace(
            protocol,
            facts={name: protocol.facts[name] for name in _day_names(self.outcomes)},
            records={},
            definitions={},
            criteria=(),
        )
        self.lists = {
            records: EntryScreener(protocol, self.outcomes, records)
            for records in self.outcomes.scopes
        }
        self.fatal: Screener | None = None
        fatal = [t for t in self.outcomes.toxicities if t.fatal is not None]
        if fatal:
            criteria, leaves = [], []
            scope = m.ListScope("", "", protocol.facts, (), {})
            for toxicity in fatal:
                assert toxicity.fatal is not None
                words = toxicity.fatal.words
                condition = toxicity.fatal.holds_when
                criteria.append(
                    m.Criterion(
                        death_criterion(toxicity),
                        "inclusion",
                        words.text or words.label,
                        condition,
                        words.interpretation,
                        words.basis,
                        about="death",
                    )
                )
                leaves += leaves_of(scope, condition)
            needed = facts_behind(protocol.facts, leaves)
            facts = {name: protocol.facts[name] for name in needed}
            self.fatal = Screener(small_pack(protocol, facts, {}, criteria))

    def outcome(self, subject: m.Subject, as_of: date, document: Document | None = None) -> Outcome:
        """One patient's record at the data cut-off `as_of`.

        `document` gives faults their places. Raises: InputRejected for data that contradicts
        itself, EngineFault.
        """
        return _Patient(self, subject, as_of, document).record()

    def close(self) -> None:
        """Free the rules. The screener cannot be used after this."""
        for one in self.lists.values():
            one.screener.close()
        if self.fatal is not None:
            self.fatal.close()

    def __enter__(self) -> OutcomeScreener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _day_names(outcomes: m.Outcomes) -> list[str]:
    """Every date fact that the outcomes look at."""
    names = [outcomes.start, outcomes.died, *outcomes.response.until]
    names += [event.on for event in outcomes.events.values() if event.on]
    for endpoint in outcomes.endpoints:
        names += [n for n in endpoint.censored_at if n != m.EXAMINED and "." not in n]
        names += [n for rule in endpoint.rules for n in rule.at]
    names += [n for chain in outcomes.in_order for n in chain if "." not in n]
    return list(dict.fromkeys(names))


class _Patient:
    """One patient while the record is made."""

    def __init__(
        self, screener: OutcomeScreener, subject: m.Subject, as_of: date, document: Document | None
    ) -> None:
        self.screener, self.outcomes = screener, screener.outcomes
        self.subject, self.as_of, self.document = subject, as_of, document
        self.faults: list[Fault] = []
        self.passed: list[PassedOver] = []
        self.days = self._days()
        self.listed = {name: self._entries(name) for name in self.outcomes.scopes}
        self._check_order()
        if self.faults:
            raise InputRejected(self.faults, subject.id)
        self.entries: dict[str, list[EntryOutcome]] = {name: [] for name in self.outcomes.scopes}
        self.proofs: list[Proof] = []

    # --- days -----------------------------------------------------------------------------

    def _fault(self, entry: str, code: str, message: str, hint: str = "") -> None:
        if self.document is not None:
            self.faults.append(self.document.fault(entry_path(entry), code, message, hint))
        else:
            self.faults.append(Fault(m.NOWHERE, code, message, hint))

    def _days(self) -> dict[str, Dated]:
        """The date facts that say a day, whether or not it has come by the cut-off."""
        pack = self.screener.days
        found = find_readings(pack, self.subject, self.as_of)
        if reference.readings(pack, self.subject, self.as_of) != readings_only(found):
            raise EngineFault("the two derivations of the dates of outcomes differ")
        stated = {n: said for n, said in self.subject.facts.items() if n in found}
        listed = {n: one for n, one in self.subject.records.items() if n in self.outcomes.scopes}
        course = replace(self.subject, facts=stated, records=listed)
        whole = self.screener.protocol
        self.passed += passed_over(whole, self.outcomes.scopes, course, found, self.as_of)
        days = {}
        for name, one in found.items():
            if one.statements and one.reading.reason in ("pending", "not_done"):
                what = f"`{name}` is recorded as {one.reading.reason.replace('_', ' ')}, so"
                what += " nobody can tell whether it has happened"
                hint = "record its day; if it has not happened, leave it out"
                self._fault(one.statements[0].entry, "pending", what, hint)
            for said in one.statements:
                if isinstance(said.value, m.Days) and said.value.first != said.value.last:
                    what = f"`{name}` is known only as a period; outcomes count from full dates"
                    self._fault(said.entry, "partial-date", what, "write YYYY-MM-DD")
            if one.reading.reason in ("conflicting", "undated") and len(one.statements) > 1:
                entries = " and ".join(f"`{said.entry}`" for said in one.statements)
                what = f"{entries} disagree"
                if one.reading.reason == "undated":
                    what += ", and which of them is newer is not known"
                hint = "correct the wrong one, or mark it `voided`"
                self._fault(one.statements[0].entry, "contradiction", what, hint)
            low = one.reading.low
            if low is not None and low == one.reading.high and low > 0:
                days[name] = Dated(date.fromordinal(low), one.statements[0].entry)
        return days

    def _entries(self, records: str) -> list[tuple[Dated, m.Entry]]:
        """The entries of a list up to the cut-off, in order of their days."""
        field = self.outcomes.scopes[records].dated
        listed = self.subject.records.get(records)
        found = []
        for entry in listed.entries if listed else ():
            if entry.voided:
                continue
            value = entry.values.get(field)
            if not isinstance(value, m.Days) or value.first != value.last:
                what = f"`{entry.entry}` has no full date in `{field}`, so it cannot count"
                self._fault(entry.entry, "partial-date", what, "write YYYY-MM-DD")
            elif value.first <= self.as_of:
                found.append((Dated(value.first, entry.entry), entry))
            else:
                record = self.screener.protocol.records[records]
                self.passed.append(entry_to_come(record, entry, self.as_of))
        return sorted(found, key=lambda pair: pair[0].day)

    def _dated(self, name: str) -> list[Dated]:
        """Every day of `FACT` or `LIST.FIELD`; of entries, those up to the cut-off."""
        records, dot, field = name.partition(".")
        if not dot:
            return [self.days[name]] if name in self.days else []
        if records in self.listed and field == self.outcomes.scopes[records].dated:
            return [dated for dated, _ in self.listed[records]]
        listed = self.subject.records.get(records)
        values = [(e.values.get(field), e) for e in (listed.entries if listed else ())]
        return [
            Dated(value.first, entry.entry)
            for value, entry in values
            if isinstance(value, m.Days)
            and value.first == value.last
            and value.first <= self.as_of
            and not entry.voided
        ]

    def _check_order(self) -> None:
        """Data that contradicts itself: a date before one that it must follow."""
        said: set[tuple[str, str]] = set()
        for chain in self.outcomes.in_order:
            every = [(name, self._dated(name)) for name in chain]
            for i, (_, earlier) in enumerate(every):
                for _, later in every[i + 1 :]:
                    for one in earlier:
                        for other in later:
                            if other.day < one.day and (one.entry, other.entry) not in said:
                                said.add((one.entry, other.entry))
                                self._contradiction(one, other)
        if self.outcomes.start not in self.days:
            for records in self.listed.values():
                for dated, _ in records[:1]:
                    name = self.outcomes.start
                    what = f"`{dated.entry}` follows treatment, but `{name}` is not recorded"
                    self._fault(dated.entry, "contradiction", what, f"record `{name}`")

    def _contradiction(self, one: Dated, other: Dated) -> None:
        what = (
            f"`{other.entry}` ({other.day}) is before `{one.entry}` ({one.day}), "
            "which it cannot precede"
        )
        self._fault(other.entry, "contradiction", what, "correct one of the two dates")

    def _happened(self, name: str) -> Dated | None:
        """A date fact's day, if it has come by the cut-off."""
        found = self.days.get(name)
        return found if found is not None and found.day <= self.as_of else None

    def _first_of(self, names: Iterable[str]) -> tuple[Dated, str] | None:
        came = [(found, name) for name in names if (found := self._happened(name)) is not None]
        return min(came, key=lambda pair: pair[0].day, default=None)

    # --- the record -------------------------------------------------------------------------

    def record(self) -> Outcome:
        protocol, outcomes = self.screener.protocol, self.outcomes
        start = self._happened(outcomes.start)
        record: Outcome = {
            "schema": "eligo.outcome/1",
            "subject": self.subject.id,
            "as_of": self.as_of.isoformat(),
            "protocol": {
                "id": protocol.id,
                "version": protocol.version,
                "digest": protocol.digest,
                "title": protocol.title,
            },
            "facts_digest": self.subject.digest,
            "software": next(iter(self.screener.lists.values())).screener.software,
            "started_on": None,
            "course": [],
            "entries": [],
            "response": None,
            "endpoints": [],
            "toxicities": [],
            "passed_over": self.passed,
            "proofs": [],
        }
        if not self.passed:
            del record["passed_over"]
        if start is None:
            return record
        self.start = start.day
        record["started_on"] = start.day.isoformat()
        record["course"] = self._course()
        for name, screener in self.screener.lists.items():
            for dated, entry in self.listed[name]:
                outcome, proof = screener.screen(self.subject, entry, dated.day, self.start)
                self.entries[name].append(outcome)
                self.proofs.append(proof)
        record["entries"] = [entry for entries in self.entries.values() for entry in entries]
        response, last = self._response()
        record["response"] = response
        events = self._events(response, last)
        if self.faults:
            raise InputRejected(self.faults, self.subject.id)
        record["endpoints"] = [
            {
                "id": endpoint.id,
                "rules": [self._followed(endpoint, rule, events) for rule in endpoint.rules],
            }
            for endpoint in outcomes.endpoints
        ]
        fatal = self._fatal()
        died = self._happened(outcomes.died)
        of = Treated(outcomes, self.subject, self.as_of, self.start, died, self.entries)
        record["toxicities"] = [toxicity_outcome(of, t, fatal) for t in outcomes.toxicities]
        record["proofs"] = self.proofs
        return record

    def _course(self) -> list[Happened]:
        came = [(name, found) for name in self.days if (found := self._happened(name))]
        return [
            {
                "what": name,
                "on": found.day.isoformat(),
                "day": (found.day - self.start).days,
                "months": months_between(self.start, found.day),
                "entry": found.entry,
            }
            for name, found in sorted(came, key=lambda pair: (pair[1].day, pair[0]))
        ]

    def _assessments(self) -> list[EntryOutcome]:
        return self.entries[self.outcomes.scales[self.outcomes.response.scale].records]

    def _response(self) -> tuple[BestResponse, EntryOutcome | None]:
        """Best response, and the last assessment that told against one (if none was found).

        What the two days on which the window may end disagree about is not settled.
        """
        rule = self.outcomes.response
        early, late = landmark_days(self.start, rule.within)
        found, last = self._response_by(early)
        if late == early:
            return found, last
        other, _ = self._response_by(late)
        scale = self.outcomes.scales[rule.scale]
        possible = sorted({*found["possible"], *other["possible"]}, key=scale.rank)
        shown = found["best"] == other["best"]
        same = found["remission"] == other["remission"]
        negative = found["mrd_negative"] == other["mrd_negative"]
        return {
            "window_ends": early.isoformat(),
            "window_or_ends": late.isoformat(),
            "window_closed": other["window_closed"],
            "evaluable": found["evaluable"],
            "best": found["best"] if shown else None,
            "possible": possible,
            "on": found["on"] if shown else None,
            "day": found["day"] if shown else None,
            "entry": found["entry"] if shown else None,
            "remission": found["remission"] if same else "unknown",
            "mrd": found["mrd"] if found["mrd"] == other["mrd"] else None,
            "mrd_negative": found["mrd_negative"] if negative else "unknown",
        }, last

    def _response_by(self, window_ends: date) -> tuple[BestResponse, EntryOutcome | None]:
        """The same for a window that ends on a day."""
        rule = self.outcomes.response
        scale = self.outcomes.scales[rule.scale]
        until = self._first_of((*rule.until, self.outcomes.died))
        limit = min(window_ends, until[0].day) if until else window_ends
        counted = [e for e in self._assessments() if e["on"] <= limit.isoformat()]
        known = [(e, v) for e in counted if (v := grade_of(e, rule.scale)["value"]) is not None]
        best = min((v for _, v in known), key=scale.rank, default=None)
        better = {
            id_
            for e in counted
            if (grade := grade_of(e, rule.scale))["value"] is None
            for id_ in grade["possible"]
            if best is None or scale.rank(id_) < scale.rank(best)
        }
        possible = sorted({*better, *([best] if best else [])}, key=scale.rank)
        remission: m.Answer = "unknown"
        if best in rule.remission:
            remission = "yes"
        elif best is not None and not better & set(rule.remission):
            remission = "no"
        at_best = [e for e, v in known if v == best]
        mrd, negative = self._mrd(remission, at_best, known)
        shown = at_best[0] if at_best and not better else None
        record: BestResponse = {
            "window_ends": window_ends.isoformat(),
            "window_closed": self.as_of >= limit,
            "evaluable": bool(known),
            "best": best if not better else None,
            "possible": possible,
            "on": shown["on"] if shown else None,
            "day": shown["day"] if shown else None,
            "entry": shown["entry"] if shown else None,
            "remission": remission,
            "mrd": mrd,
            "mrd_negative": negative,
        }
        return record, known[-1][0] if known else None

    def _mrd(
        self,
        remission: m.Answer,
        at_best: list[EntryOutcome],
        known: list[tuple[EntryOutcome, str]],
    ) -> tuple[str | None, m.Answer]:
        """Residual disease at best response, and whether a remission without it was reached."""
        rule = self.outcomes.response
        if not rule.mrd:
            return None, "unknown"
        order = self.outcomes.scales[rule.mrd].rank
        at = [v for e in at_best if (v := grade_of(e, rule.mrd)["value"]) is not None]
        best = min(at, key=order, default=None)
        if remission != "yes":
            return best, remission
        found = [grade_of(e, rule.mrd)["value"] for e, v in known if v in rule.remission]
        if any(value in rule.mrd_negative for value in found):
            return best, "yes"
        return best, "unknown" if None in found else "no"

    # --- events and follow-up ---------------------------------------------------------------

    def _events(self, response: BestResponse, last: EntryOutcome | None) -> dict[str, Dated]:
        """The first day of each event that has happened by the cut-off."""
        rule = self.outcomes.response
        assessments = self._assessments()
        grades = [(e, grade_of(e, rule.scale)) for e in assessments]
        remissions = [e["on"] for e, grade in grades if grade["value"] in rule.remission]
        self.first_remission = min(remissions, default=None)
        found: dict[str, Dated] = {}
        for event in self.outcomes.events.values():
            signs = []
            recorded = self._happened(event.on) if event.on else None
            if recorded is not None:
                signs.append(recorded)
                if event.after_remission is not None:
                    self._check_remission(recorded, grades)
            if event.after_remission is not None and self.first_remission is not None:
                signs += [
                    Dated(date.fromisoformat(e["on"]), e["entry"])
                    for e in assessments
                    if e["on"] > self.first_remission and e["shows"][event.id] == "yes"
                ]
            failed = response["remission"] == "no" and response["window_closed"]
            if event.failure is not None and failed and last is not None:
                day = {
                    "last_assessment": date.fromisoformat(last["on"]),
                    "window_end": date.fromisoformat(response["window_ends"]),
                    "start": self.start,
                }[event.failure]
                if day <= self.as_of:
                    signs.append(Dated(day, last["entry"]))
            if signs:
                found[event.id] = min(signs, key=lambda sign: sign.day)
        return found

    def _check_remission(self, recorded: Dated, grades: list[tuple[EntryOutcome, Graded]]) -> None:
        """A relapse is after a remission: assessments that rule one out contradict it."""
        before = [(e, g) for e, g in grades if e["on"] <= recorded.day.isoformat()]
        remission = set(self.outcomes.response.remission)
        if before and not any(remission & set(g["possible"]) for _, g in before):
            last = before[-1][0]
            what = (
                f"`{recorded.entry}` ({recorded.day}) is a relapse, but no assessment up to "
                f"`{last['entry']}` ({last['on']}) shows a remission"
            )
            self._fault(recorded.entry, "contradiction", what, "correct one of the two")

    def _followed(
        self, endpoint: m.Endpoint, rule: m.Censoring, events: Mapping[str, Dated]
    ) -> Followed:
        """Whether and when one endpoint was reached under one rule of censoring."""
        reached = [(events[id_], id_) for id_ in endpoint.events if id_ in events]
        event = min(reached, key=lambda pair: pair[0].day, default=None)
        stop = self._first_of(rule.at)
        status: str = "event"
        entry: str | None
        if event is not None and (stop is None or event[0].day <= stop[0].day):
            (dated, because), entry = event, event[0].entry
            day = dated.day
        else:
            status = "censored"
            last, because, entry = self._last_known(endpoint)
            day = last
            if stop is not None:
                day, because, entry = stop[0].day, stop[1], stop[0].entry
        return {
            "rule": rule.id,
            "status": "event" if status == "event" else "censored",
            "because": because,
            "on": day.isoformat(),
            "day": (day - self.start).days,
            "months": months_between(self.start, day),
            "entry": entry,
            "landmarks": [
                self._landmark(after, day, status == "event") for after in endpoint.landmarks
            ],
        }

    def _last_known(self, endpoint: m.Endpoint) -> tuple[date, str, str | None]:
        """The last day up to which the endpoint is known not to be reached, and by what.

        A day recorded as later than the cut-off proves the cut-off itself.
        """
        known: list[tuple[date, str, str | None]] = [(self.start, "start", None)]
        for name in endpoint.censored_at:
            if name == m.EXAMINED:
                for entry in self._assessments():
                    if self._tells(endpoint, entry):
                        known.append((date.fromisoformat(entry["on"]), m.EXAMINED, entry["entry"]))
            else:
                for dated in self._dated(name):
                    known.append((min(dated.day, self.as_of), name, dated.entry))
        return max(known, key=lambda one: one[0])

    def _tells(self, endpoint: m.Endpoint, entry: EntryOutcome) -> bool:
        """Whether an assessment shows where the patient stands on an endpoint's events."""
        if grade_of(entry, self.outcomes.response.scale)["value"] is None:
            return False
        if self.first_remission is None or entry["on"] <= self.first_remission:
            return True
        return all(entry["shows"].get(id_, "no") != "unknown" for id_ in endpoint.events)

    def _landmark(self, after: m.Duration, day: date, event: bool) -> Landmark:
        early, late = landmark_days(self.start, after)
        status = self._standing(late, day, event)
        if late == early:
            return {"after": after.text, "on": early.isoformat(), "status": status}
        if status not in ("not_yet_reached", self._standing(early, day, event)):
            status = "unknown"
        days = early.isoformat(), late.isoformat()
        return {"after": after.text, "on": days[0], "or_on": days[1], "status": status}

    def _standing(self, on: date, day: date, event: bool) -> LandmarkStatus:
        if event and day <= on:
            return "event"
        if day >= on:
            return "event_free"
        return "censored_before" if self.as_of >= on else "not_yet_reached"

    # --- toxicity ---------------------------------------------------------------------------

    def _fatal(self) -> dict[str, m.Answer]:
        """Of which toxicity the patient died, by the fired rules; nothing while alive."""
        if self.screener.fatal is None or self._happened(self.outcomes.died) is None:
            return {}
        pack = self.screener.fatal.protocol
        facts = {n: s for n, s in self.subject.facts.items() if n in pack.facts}
        records = {n: r for n, r in self.subject.records.items() if n in pack.records}
        subject = m.Subject(self.subject.id, facts, records)
        decision = self.screener.fatal.decide(subject, self.as_of)
        self.proofs.append(proof_of(self.days[self.outcomes.died].entry, self.as_of, decision))
        answers = {c["id"]: c["answer"] for c in decision["criteria"]}
        fatal = [toxicity for toxicity in self.outcomes.toxicities if toxicity.fatal is not None]
        return {toxicity.id: answers[death_criterion(toxicity)] for toxicity in fatal}
