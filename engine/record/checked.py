"""Decision records, seen to hold together before anything is read from them.

A record is held against its shape, and every conclusion in it against what it was concluded
from: sentences against messages, truths against the truths below them and against the
firings, answers against truths, statuses against answers, the verdict against statuses. What
no other part of the record binds (a text of the protocol, a value with all that repeats it) is
found by deciding again, or by a proof of a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from engine.record import messages
from engine.record.semantics import CHANGES
from engine.record.shape import Decision, Message, ReadingRecord, Why
from engine.record.shapes import Misfit, fits, same
from engine.record.told import check_message, combined, demand, tally
from engine.terms import Answer, Kind, Status, Truth

OLD = "eligo.decision/1"
SCHEMAS = ("eligo.decision/2", OLD)
"""The schemas of decisions that are read."""

_SINCE_2 = frozenset(
    (
        *("semantics", "imported", "passed_over", "records", "messages", "message", "entries"),
        *("condition_message", "test", "says_message", "recorded_as", "uln_as", "confirm"),
        *("follows_messages", "within", "not_after"),
    )
)
"""The keys that `eligo.decision/1` did not have."""

_SOFTWARE = {"eligo": r"[0-9][\w.+!-]*|uninstalled", "durable_rules": r"[0-9]+(\.[0-9]+)+",
             "python": r"3\.[0-9]+"}  # fmt: skip
_PLACE = re.compile(r"(facts|records)\.[A-Za-z][A-Za-z0-9_]*(\.entries\[[0-9]+\]|\[[0-9]+\])?")
_ANSWERS: Mapping[Truth, Answer] = {"true": "yes", "false": "no", "unknown": "unknown"}


def checked_decision(value: Any) -> Decision:
    """A plain value as the decision that it is. Raises: Misfit, with the place."""
    if not isinstance(value, dict) or value.get("schema") not in SCHEMAS:
        raise Misfit("schema", f"is none of {', '.join(SCHEMAS)}")
    old = value["schema"] == OLD
    shown = {**value, "schema": "eligo.decision/2"} if old else value
    fits(shown, Decision, _SINCE_2 if old else frozenset())
    try:
        _Record(cast(Decision, value), old).hold()
    except RecursionError:
        raise Misfit("", "is nested too deeply") from None
    return cast(Decision, value)


def as_then(value: Any) -> Any:
    """A decision without what `eligo.decision/1` did not have, for comparing the two."""
    if isinstance(value, list):
        return [as_then(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: as_then(one) for key, one in value.items() if key not in _SINCE_2}
    return {**kept, "schema": OLD} if "schema" in kept else kept


def status_of(kind: Kind, answer: Answer) -> Status:
    """What an answer makes of a criterion."""
    if answer == "unknown":
        return "open"
    return "passed" if (answer == "yes") == (kind == "inclusion") else "failed"


class _Record:
    """One record and what was seen of it so far."""

    def __init__(self, record: Decision, old: bool) -> None:
        self.record, self.old, self.as_of = record, old, record["as_of"]
        self.readings: dict[str, Any] = {}
        self.nodes: dict[str, Any] = {}
        self.concluded: dict[str, str | None] = {}  # by conclusion, what it was concluded from
        self.names: set[str] = set()
        self.days: set[str] = set()

    def hold(self) -> None:
        """Raises: Misfit where anything does not follow."""
        record = self.record
        for name, pattern in _SOFTWARE.items():
            version = cast(Mapping[str, str], record["software"])[name]
            demand(bool(re.fullmatch(pattern, version)), f"software.{name}", "is no version")
        if not self.old:
            known = record["semantics"] in CHANGES and record["semantics"] > 1
            demand(known, "semantics", "is no version that is known here")
        demand(bool(record["criteria"]), "criteria", "is empty")
        statuses: dict[str, Status] = {}
        for number, criterion in enumerate(record["criteria"]):
            place = f"criteria[{number}]"
            demand(criterion["id"] not in statuses, f"{place}.id", "stands there twice")
            statuses[criterion["id"]] = self._criterion(criterion, place)
        self._verdict(statuses)
        self._firings()
        self._look_again()
        if not self.old:
            self._passed_over()
            self._records()

    # --- criteria ---------------------------------------------------------------------

    def _criterion(self, criterion: Any, place: str) -> Status:
        why = criterion["why"]
        self._why(why, criterion["id"], f"{place}.why")
        truth: Truth = why["truth"]
        follows = criterion["answer"] == _ANSWERS[truth]
        demand(follows, f"{place}.answer", "does not follow from the condition")
        status = status_of(criterion["kind"], criterion["answer"])
        demand(criterion["status"] == status, f"{place}.status", "does not follow from the answer")
        self._missing(criterion, f"{place}.missing")
        id_, name = criterion["id"], self._name(why)
        said = f"criterion {id_}: answer {criterion['answer']}, {status}"
        together = f"{name}: {truth}; {said}"
        fired = {firing["concluded"] for firing in self.record["firings"]}
        if name is None:  # an old record does not say what its tests are called
            ends = f": {truth}; {said}"
            together = next((one for one in fired if one.endswith(ends)), together)
        if together in fired:
            self.concluded[together] = self.concluded.pop(f"{name}: {truth}", None)
        else:
            self.concluded[said] = tally(f"criterion {id_}", [truth])
        return status

    def _why(self, why: Why, node: str, place: str) -> None:
        """A condition and all below it."""
        demand(why["node"] == node, f"{place}.node", f"is not `{node}`")
        kind, children = self._kind(why, place), why["children"]
        truth: Truth = why["truth"]
        if kind in ("condition.test", "condition.todo"):
            demand(not children, f"{place}.children", "is not empty")
            self._leaf(why, kind == "condition.test", place)
        else:
            one = kind in ("condition.not", "condition.unless", "condition.defined")
            demand(len(children) == 1 if one else bool(children), f"{place}.children",
                    "holds another number of conditions than it must")  # fmt: skip
            demand(not {"test", "says", "reading", "changes_on"} & why.keys(), place,
                    "is no test, and says what only a test does")  # fmt: skip
            defined = kind == "condition.defined"
            for number, child in enumerate(children, 1):
                below = child["node"] if defined else f"{node}.{number}"
                demand("." not in below or not defined, f"{place}.children[0].node", "is no name")
                self._why(child, below, f"{place}.children[{number - 1}]")
            truths = [child["truth"] for child in children]
            count = 1
            if kind == "condition.at_least":
                count = why["condition_message"]["arguments"]["count"]
                demand(
                    1 <= count <= len(truths), f"{place}.condition", "asks for too many, or none"
                )
            if kind == "condition.when":
                known = [child["condition_message"]["id"] for child in children]
                demand(len(known) == 2 and known[0] == "condition.unless", f"{place}.children",
                        "are not a condition and what it requires")  # fmt: skip
            demand(truth == combined(kind, truths, count), f"{place}.truth",
                    "does not follow from the conditions inside")  # fmt: skip
            if not defined:
                self._conclude(f"{node}: {truth}", tally(node, truths))
        seen = self.nodes.setdefault(node, why)
        demand(seen is why or same(seen, why), place, f"differs from `{node}` elsewhere")
        if "changes_on" in why:
            demand(why["changes_on"] > self.as_of, f"{place}.changes_on", "is past")
            self.days.add(why["changes_on"])

    def _kind(self, why: Why, place: str) -> str:
        if not self.old:
            self._sentence(why["condition"], why["condition_message"], f"{place}.condition")
            kind = why["condition_message"]["id"]
            if kind == "condition.defined" and why["children"]:
                name = why["condition_message"]["arguments"]["name"]
                named = why["children"][0]["node"] == name
                demand(named, f"{place}.children[0].node", f"is not `{name}`")
            demand(kind.startswith("condition."), f"{place}.condition_message.id", "is none")
            return kind
        words, children = why["condition"], why["children"]
        if not children:
            return "condition.test" if "reading" in why else "condition.todo"
        if "." not in children[0]["node"]:
            return "condition.defined"
        return {"any of": "condition.any", "not": "condition.not"}.get(words, "condition.all")

    def _leaf(self, why: Why, test: bool, place: str) -> None:
        truth: Truth = why["truth"]
        if not test:
            demand(truth == "unknown", f"{place}.truth", "is known of a condition not written yet")
            demand("reading" not in why, place, "looks at a reading")
            self._conclude("todo: unknown", "no reading: todo")
            return
        demand("reading" in why, place, "lacks its reading")
        reading = why["reading"]
        fact = reading["fact"]
        self._seen(reading, f"{place}.reading")
        anchored = "anchor" in why.get("test", {})
        demand(("against" in why) == anchored, place, "is held against another date, or is not")
        if anchored:
            self._seen(why["against"], f"{place}.against")
        if self.old:
            return
        demand("test" in why and "says" in why and "says_message" in why, place,
                "lacks what it asked")  # fmt: skip
        asked, says = why["condition_message"]["arguments"], why["says_message"]["arguments"]
        self._sentence(why["says"], why["says_message"], f"{place}.says")
        demand(same(asked["test"], why["test"]), f"{place}.test", "is not what was asked")
        demand(asked["ask"] == reading["ask"], f"{place}.condition", "asks of another fact")
        told = says["ask"] == reading["ask"] and same(says["test"], why["test"])
        demand(told, f"{place}.says", "tells of another test")
        self._shows(says["shown"], reading, f"{place}.says")
        because = f"reading of {fact}"
        if anchored:
            other, of = why["against"], why["test"]
            named = of["anchor"] == other["fact"] and of.get("anchor_ask") == other["ask"]
            demand(named and says.get("other") == other["ask"], f"{place}.against",
                    "is not the date that was named")  # fmt: skip
            self._shows(says["against"], other, f"{place}.says")
            because += f" and of {other['fact']}"
        kind = {"true": "says.holds", "false": "says.fails", "unknown": "says.unknown"}[truth]
        demand(why["says_message"]["id"].startswith(kind), f"{place}.says", f"is not of a {truth}")
        name = f"{fact} {messages.asked_text(why['test'], labels=False)}"
        self._conclude(f"{name}: {truth}", because)

    def _seen(self, reading: ReadingRecord, place: str) -> None:
        """A reading, the same wherever the record has it."""
        seen = self.readings.setdefault(reading["fact"], reading)
        elsewhere = f"differs from the reading of `{reading['fact']}` elsewhere"
        demand(seen is reading or same(seen, reading), place, elsewhere)
        if seen is reading:
            self._reading(reading, place)

    def _shows(self, said: dict[str, Any], reading: ReadingRecord, place: str) -> None:
        shown = {key: said.get(key) for key in ("value", "unit", "label")}
        known: dict[str, Any] = {**reading} if reading["value"] is not None else {}
        should = {key: known.get(key) for key in shown}
        demand(same(shown, should), place, "shows another value than the reading")

    def _name(self, why: Why) -> str | None:
        """By what name firings conclude about a condition; None where the record cannot say."""
        kind = self._kind(why, "")
        if kind == "condition.defined":
            return self._name(why["children"][0])
        if kind == "condition.todo":
            return "todo"
        if kind != "condition.test":
            return why["node"]
        if self.old:
            return None
        return f"{why['reading']['fact']} {messages.asked_text(why['test'], labels=False)}"

    def _conclude(self, conclusion: str, because: str) -> None:
        self.names.add(conclusion.rpartition(": ")[0])
        self.concluded[conclusion] = because

    def _reading(self, reading: Any, place: str) -> None:
        value, reason = reading["value"], reading.get("reason")
        exact = value is not None and not isinstance(value, dict)
        demand((reason is None) == exact, f"{place}.reason", "does not fit the value")
        if self.old:
            return
        entries = reading.get("entries", [])
        demand(all(map(_PLACE.fullmatch, entries)) and len(set(entries)) == len(entries),
                f"{place}.entries", "are no places of a subject file")  # fmt: skip
        if "entry" in reading:
            demand(reading["entry"] in entries, f"{place}.entry", "is not among the entries")
        for key in ("recorded", "uln"):
            demand((key in reading) == (f"{key}_as" in reading), f"{place}.{key}", "stands alone")
            if key in reading:
                text = messages.value_text(reading[f"{key}_as"])
                demand(text == reading[key], f"{place}.{key}", "is not what it is as data")
        texts = reading.get("follows_from", [])
        self._sentences(texts, reading.get("follows_messages", []), f"{place}.follows_from")

    def _missing(self, criterion: Any, place: str) -> None:
        lacking = criterion["missing"]
        if criterion["status"] != "open":
            demand(not lacking, place, "is said of a criterion that is not open")
            return
        open_ = list(_unknown(criterion["why"]))
        asked = [
            {leaf[key]["fact"] for key in ("reading", "against") if key in leaf} or {"todo"}
            for leaf in open_
        ]
        said = {one["fact"] for one in lacking}
        follows = said <= set().union(*asked) and all(said & one for one in asked)
        demand(follows, place, "is not what is open")
        if self.old:
            return
        details = [
            leaf["says_message"]["arguments"].get("detail")
            if "reading" in leaf
            else leaf["condition_message"]
            for leaf in open_
        ]
        for number, one in enumerate(lacking):
            self._sentence(one["detail"], one["message"], f"{place}[{number}].detail")
            told = any(same(one["message"], detail) for detail in details)
            demand(told, f"{place}[{number}].message", "is not what the condition says")
            if one["message"]["id"].startswith("missing."):
                said = one["message"]["id"].removeprefix("missing.")
                tells = _REASONS.get(said, said).startswith(one["reason"])
                demand(tells, f"{place}[{number}].reason", "is not the one that is told")

    # --- the whole --------------------------------------------------------------------

    def _verdict(self, statuses: Mapping[str, Status]) -> None:
        record = self.record
        failed = [id_ for id_, status in statuses.items() if status == "failed"]
        open_ = [id_ for id_, status in statuses.items() if status == "open"]
        verdict = "ineligible" if failed else "undetermined" if open_ else "eligible"
        demand(record["verdict"] == verdict, "verdict", "does not follow from the statuses")
        demand(record["determined_by"] == (failed or open_), "determined_by",
                "does not follow from the statuses")  # fmt: skip
        truth_of: Mapping[Status, Truth] = {"passed": "true", "failed": "false", "open": "unknown"}
        said = {"true": "all passed", "false": "not all passed", "unknown": "open"}
        sections: list[Truth] = []
        for kind in ("inclusion", "exclusion"):
            one = [truth_of[c["status"]] for c in record["criteria"] if c["kind"] == kind]
            if one:
                truth = combined("condition.all", one)
                sections.append(truth)
                self._conclude(f"{kind} criteria: {said[truth]}", tally(f"{kind} criteria", one))
        self._conclude(f"verdict: {verdict}", tally("verdict", sections))

    def _firings(self) -> None:
        fired: dict[str, str] = {}
        for number, firing in enumerate(self.record["firings"]):
            place, concluded = f"firings[{number}]", firing["concluded"]
            demand(concluded not in fired, f"{place}.concluded", "was concluded before")
            demand(len(firing["because"]) == 1, f"{place}.because", "is not one fact")
            fired[concluded] = firing["because"][0]
            rule = firing["rule"].removeprefix(concluded)
            numbered = firing["rule"] == concluded + rule
            demand(bool(numbered and re.fullmatch(r"( \([0-9]+\))?", rule)), f"{place}.rule",
                    "is not the rule of what was concluded")  # fmt: skip
            because = self.concluded.get(concluded, "")
            if because:
                demand(fired[concluded] == because, f"{place}.because", f"is not `{because}`")
            elif not self.old and concluded not in self.concluded:
                name = concluded.rpartition(": ")[0]
                demand(name not in self.names and bool(name), f"{place}.concluded",
                        "is not what the conditions say")  # fmt: skip
        for conclusion in self.concluded:
            demand(conclusion in fired, "firings", f"lack `{conclusion}`")

    def _look_again(self) -> None:
        again = self.record["look_again"]
        if again is None:
            return
        demand(again["on"] in self.days, "look_again.on", "is no day on which anything changes")
        because = again["because"]
        once = bool(because) and because == sorted(set(because))
        demand(once, "look_again.because", "is not a sorted list")
        if not self.old:
            self._sentences(because, again["messages"], "look_again.because")

    def _passed_over(self) -> None:
        for number, one in enumerate(self.record["passed_over"]):
            place = f"passed_over[{number}]"
            self._sentence(one["says"], one["message"], f"{place}.says")
            told = one["message"]["id"].rpartition(".")[2]
            told = told.removeprefix("entry_").removeprefix("death_")
            demand(told == one["reason"], f"{place}.reason", "is not the one that is told")
            demand(_within(one["where"], one["what"]), f"{place}.where", "is another place")
            shown = one["message"]["arguments"].get("shown", {})
            day = shown.get("on") or shown.get("not_after") or shown.get("within", {}).get("high")
            demand(one.get("on") == day, f"{place}.on", "is not the day that is told")

    def _records(self) -> None:
        names: set[str] = set()
        for number, listed in enumerate(self.record["records"]):
            place = f"records[{number}]"
            demand(listed["name"] not in names, f"{place}.name", "stands there twice")
            names.add(listed["name"])
            for at, entry in enumerate(listed["entries"]):
                inside = entry["entry"].startswith(f"records.{listed['name']}.entries[")
                demand(inside and _PLACE.fullmatch(entry["entry"]) is not None,
                        f"{place}.entries[{at}].entry", "is another place")  # fmt: skip
                known = entry.get("standing") in ("listed", "holds_listed")
                demand(known == ("known" in entry), f"{place}.entries[{at}].standing",
                        "does not fit what is known")  # fmt: skip

    # --- sentences --------------------------------------------------------------------

    def _sentences(self, texts: list[str], told: list[Message], place: str) -> None:
        demand(len(texts) == len(told), place, "has not one message for each sentence")
        for number, (text, message) in enumerate(zip(texts, told, strict=True)):
            self._sentence(text, message, f"{place}[{number}]")

    def _sentence(self, text: str, message: Message, place: str) -> None:
        check_message(message, place)
        demand(messages.render(message) == text, place, "is not its message in words")


_REASONS = {
    "voided": "not_recorded",
    "not_closed": "history_not_confirmed",
    "more_entries": "history_not_confirmed",
    "limits_undated": "undated",
    "limits_conflict": "conflicting",
    "limits_conflict_on": "conflicting",
    **dict.fromkeys(("gaps", "known_as", "known_as_with_gaps"), "imprecise"),
}
"""By message, the reason that it tells of, where its id does not begin with it."""


def _unknown(why: Why) -> Iterator[Any]:
    """The unknown leaves that leave a condition open."""
    if why["truth"] != "unknown":
        return
    for child in why["children"]:
        yield from _unknown(child)
    if not why["children"]:
        yield why


def _within(where: str, what: str) -> bool:
    head = where.startswith((f"facts.{what}", f"records.{what}.entries["))
    return head and _PLACE.fullmatch(where) is not None
