"""Read `outcomes.yaml` against a pack's dictionary, or find every fault in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from engine.read import outcome_files as files
from engine.read.conditions import Conditions
from engine.read.dictionary import Dictionary
from engine.read.exclusive import overlap
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.terms import (
    EXAMINED,
    Basis,
    Censoring,
    Condition,
    Duration,
    Endpoint,
    Event,
    Fact,
    FailureDay,
    Field,
    ListScope,
    Outcomes,
    RecordList,
    ResponseRule,
    Scale,
    ScaleClass,
    Toxicity,
    Words,
)
from engine.terms.faults import did_you_mean

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,23}")


def field_fact(field: Field) -> Fact:
    """A field of an entry as a fact that never goes stale: an entry is of its own day."""
    return Fact(
        field.name,
        field.ask,
        field.type,
        field.unit,
        field.choices,
        field.range_u,
        changes="never",
        molar_mass=field.molar_mass,
        also_in=field.also_in,
        uln_u=field.uln_u,
        resolution_u=field.resolution_u,
        place=field.place,
    )


def read_outcomes(sheet: Sheet, dictionary: Dictionary) -> Outcomes | None:
    """The outcomes in a sheet whose pack has been read; None (or nonsense) after a fault."""
    top = sheet.mapping_of((), sheet.document.value, files.OutcomesFile)
    if top is None or files.OutcomesFile.__required_keys__ - top.keys():
        return None
    return _Reader(sheet, dictionary).outcomes(top)


class _Reader:
    def __init__(self, sheet: Sheet, dictionary: Dictionary) -> None:
        self.sheet, self.dictionary = sheet, dictionary
        self.scopes: dict[str, ListScope] = {}
        self.conditions: dict[str, Conditions] = {}
        self.scales: dict[str, Scale] = {}

    def outcomes(self, top: Mapping[str, Any]) -> Outcomes | None:
        start = self._day_fact(("start",), top["start"])
        died = self._day_fact(("died",), top["died"])
        raw = self._names(("scales",), top["scales"], "names to scales")
        self._scopes(raw, top.get("definitions", {}))
        for name, value in raw.items():
            scale = self._scale(name, value)
            if scale is not None:
                self.scales[name] = scale
        response = self._response(("response",), top["response"])
        events: dict[str, Event] = {}
        for name, value in self._names(("events",), top["events"], "names to events").items():
            event = self._event(name, value, response)
            if event is not None:
                events[name] = event
        said = self._names(("endpoints",), top["endpoints"], "names to endpoints")
        endpoints = [self._endpoint(name, value, top["events"]) for name, value in said.items()]
        said = self._names(("toxicities",), top.get("toxicities", {}), "names to toxicities")
        toxicities = [self._toxicity(name, value) for name, value in said.items()]
        chains = []
        listed = self.sheet.list_of(("in_order",), top.get("in_order", []), "chains of dates")
        for i, chain in enumerate(listed):
            at = ("in_order", i)
            days = self.sheet.list_of(at, chain, "dates")
            chains.append(tuple(d for j, v in enumerate(days) if (d := self._any_day((*at, j), v))))
        if not self.sheet.clean or start is None or died is None or response is None:
            return None
        return Outcomes(
            start,
            died,
            self.scopes,
            self.scales,
            response,
            events,
            tuple(e for e in endpoints if e is not None),
            tuple(t for t in toxicities if t is not None),
            tuple(chains),
        )

    # --- words, names, dates ------------------------------------------------------------

    def _names(self, path: Path, value: Any, what: str) -> dict[str, Any]:
        found = self.sheet.names_of(path, value, what)
        for name in found:
            if not _ID.fullmatch(name):
                hint = "letters, digits, `_`, `+`, `-`; at most 24"
                self.sheet.fault(
                    (*path, name), "name", f"`{shorten(name)}` is not a name", hint, key=True
                )
        return found

    def _words(self, path: Path, top: Mapping[str, Any], label: str) -> Words:
        sheet = self.sheet
        interpretation = sheet.words_of(path, top, "interpretation")
        basis = sheet.given(path, top, "basis", sheet.option_of, get_args(Basis))
        return Words(
            sheet.words_of(path, top, "label") or label,
            sheet.words_of(path, top, "text"),
            interpretation,
            basis or ("assumed" if interpretation else "stated"),
            sheet.words_of(path, top, "source"),
        )

    def _id(self, path: Path, value: Any) -> str | None:
        text = self.sheet.text_of(path, value, "an id")
        if text is not None and not _ID.fullmatch(text):
            hint = "letters, digits, `_`, `+`, `-`; at most 24"
            self.sheet.fault(path, "id", f"`{shorten(text)}` is not an id", hint)
            return None
        return text

    def _one_of(
        self, path: Path, value: Any, known: Iterable[str], what: str, code: str
    ) -> str | None:
        text = self.sheet.text_of(path, value, f"a {what}'s name")
        if text is None or text in known:
            return text
        message = f"there is no {what} `{shorten(text)}`"
        self.sheet.fault(path, code, message, did_you_mean(text, known))
        return None

    def _some_of(
        self, path: Path, value: Any, known: Iterable[str], what: str, code: str
    ) -> tuple[str, ...]:
        listed = self.sheet.list_of(path, value, f"{what} names")
        if isinstance(value, list) and not value:
            self.sheet.fault(path, "empty", f"at least one {what} is named here", key=True)
        names = [self._one_of((*path, i), v, known, what, code) for i, v in enumerate(listed)]
        return tuple(dict.fromkeys(n for n in names if n is not None))

    def _day_fact(self, path: Path, value: Any) -> str | None:
        """A recorded date fact: one that says a day, which nothing else can move."""
        name = self._one_of(path, value, self.dictionary.fact_names, "fact", "unknown-fact")
        fact = self.dictionary.facts.get(name or "")
        if fact is not None and (fact.type != "date" or fact.derive is not None):
            message = f"`{fact.name}` is not a recorded date"
            known = self.dictionary.facts.values()
            days = [f.name for f in known if f.type == "date" and not f.derive]
            self.sheet.fault(path, "misfit", message, did_you_mean(fact.name, days))
            return None
        return name

    def _day_facts(self, path: Path, value: Any) -> tuple[str, ...]:
        listed = self.sheet.list_of(path, value, "date facts")
        return tuple(d for i, v in enumerate(listed) if (d := self._day_fact((*path, i), v)))

    def _any_day(self, path: Path, value: Any) -> str | None:
        """`FACT` or `LIST.FIELD`, as written."""
        text = self.sheet.text_of(path, value, "a fact or `LIST.FIELD`")
        if text is None or "." not in text:
            return self._day_fact(path, text) if text is not None else None
        return text if self._dated(path, text) else None

    def _dated(self, path: Path, text: str) -> tuple[RecordList, str] | None:
        """The record list and the date field of `LIST.FIELD`."""
        name, _, field = text.partition(".")
        record = self.dictionary.records.get(name)
        if record is None:
            message = f"there is no record list `{shorten(name)}`"
            hint = did_you_mean(name, self.dictionary.records)
            self.sheet.fault(path, "unknown-record", message, hint)
            return None
        if field not in record.fields or record.fields[field].type != "date":
            message = f"`{record.name}` has no date field `{shorten(field)}`"
            dates = [f"{name}.{f.name}" for f in record.fields.values() if f.type == "date"]
            self.sheet.fault(path, "unknown-field", message, did_you_mean(text, dates))
            return None
        return record, field

    def _durations(self, path: Path, value: Any) -> tuple[Duration, ...]:
        listed = self.sheet.list_of(path, value, "durations")
        if isinstance(value, list) and not value:
            self.sheet.fault(path, "empty", "at least one duration stands here", key=True)
        said = [self.sheet.duration_of((*path, i), v) for i, v in enumerate(listed)]
        found = tuple(d for d in said if d is not None)
        if any(not (d.days or d.months) for d in found):
            self.sheet.fault(path, "duration", "a length of time above zero stands here")
        if len({bool(d.months) for d in found}) > 1:
            hint = "write all of them in months, or all in days"
            self.sheet.fault(path, "duration", "months and days do not share an axis", hint)
        if list(found) != sorted(found, key=lambda d: (d.months, d.days)):
            self.sheet.fault(path, "duration", "these go from the shortest to the longest")
        return found

    # --- scopes and scales ----------------------------------------------------------------

    def _scopes(self, scales: Mapping[str, Any], definitions: Any) -> None:
        """What conditions over each list may look at. One date field to a list."""
        for name, value in scales.items():
            over = value.get("over") if isinstance(value, dict) else None
            if not isinstance(over, str):
                continue  # the scale's own reading says what is wrong
            at = ("scales", name, "over")
            found = self._dated(at, over)
            if found is None:
                continue
            record, field = found
            known = self.scopes.get(record.name)
            if known is not None and known.dated != field:
                what = f"`{record.name}` is dated by `{known.dated}` above and by `{field}` here"
                self.sheet.fault(at, "misfit", what, "one date field to a list")
            if known is None:
                self.scopes[record.name] = self._scope(at, record, field)
        raw = self.sheet.names_of(("definitions",), definitions, "record lists to definitions")
        for name, value in raw.items():
            if name not in self.scopes:
                message = f"no scale is over a record list `{shorten(name)}`"
                hint = did_you_mean(name, self.scopes)
                self.sheet.fault(("definitions", name), "unknown-record", message, hint, key=True)
                continue
            self._definitions(name, value)

    def _scope(self, at: Path, record: RecordList, dated: str) -> ListScope:
        if record.known:
            what = f"`{record.name}` knows agents by name, and a scale reads fields as they stand"
            self.sheet.fault(at, "misfit", what, "keep what is graded in a list of its own")
        fields = {
            f.name: field_fact(f)
            for f in record.fields.values()
            if not f.many and f.type != "text" and f.name != dated
        }
        for name in fields.keys() & self.dictionary.facts.keys():
            what = f"`{name}` is a field of `{record.name}` and also a fact"
            hint = f"a condition could mean either: rename the field in `{record.name}`"
            self.sheet.fault(at, "ambiguous", what, hint)
        facts = {**self.dictionary.facts, **fields}
        names = self.dictionary.fact_names | frozenset(fields)
        self.conditions[record.name] = Conditions(facts, names)
        return ListScope(record.name, dated, facts, tuple(fields), {})

    def _definitions(self, records: str, value: Any) -> None:
        at = ("definitions", records)
        raw = self._names(at, value, "names to conditions")
        conditions, scope = self.conditions[records], self.scopes[records]
        found: dict[str, Condition] = {}
        # A definition may use those before it, so none can come back to itself.
        for name, said in raw.items():
            condition = conditions.condition(self.sheet, (*at, name), said)
            if condition is not None:
                found[name] = condition
            names = conditions.definition_names | {name}
            conditions = replace(conditions, definition_names=names)
        self.conditions[records] = conditions
        self.scopes[records] = ListScope(records, scope.dated, scope.facts, scope.fields, found)

    def _scale(self, name: str, value: Any) -> Scale | None:
        at = ("scales", name)
        top = self.sheet.mapping_of(at, value, files.ScaleFile)
        if top is None or "over" not in top:
            return None
        over = self.sheet.text_of((*at, "over"), top["over"]) or ""
        scope = self.scopes.get(over.partition(".")[0])
        stated = bool(self.sheet.given(at, top, "order", self.sheet.option_of, ("stated",)))
        if scope is None:
            return None
        listed = self.sheet.list_of((*at, "classes"), top.get("classes", []), "classes")
        if "classes" in top and not listed:
            self.sheet.fault((*at, "classes"), "empty", "a scale has at least one class", key=True)
        classes: list[ScaleClass] = []
        for i, one in enumerate(listed):
            read = self._class((*at, "classes", i), one, self.conditions[scope.records])
            if read is not None and read.id in {c.id for c in classes}:
                what = f"the class `{read.id}` stands here twice"
                self.sheet.fault((*at, "classes", i, "id"), "duplicate-id", what)
            elif read is not None:
                classes.append(read)
        scale = Scale(
            name,
            self.sheet.words_of(at, top, "ask") or name,
            scope.records,
            scope.dated,
            tuple(classes),
            stated,
            self.sheet.document.span(at, key=True),
        )
        if not stated and len(classes) == len(listed) and self.sheet.clean:
            self._prove_exclusive(at, scale, scope)
        return scale

    def _prove_exclusive(self, at: Path, scale: Scale, scope: ListScope) -> None:
        for i, one in enumerate(scale.classes):
            for other in scale.classes[:i]:
                found = overlap(scope, other.holds_when, one.holds_when)
                if found is not None:
                    what = f"`{other.id}` and `{one.id}` are not proved exclusive: {found}"
                    hint = "make them so, or write `order: stated` for the first that holds"
                    self.sheet.fault((*at, "classes", i), "not-exclusive", what, hint)

    def _class(self, at: Path, value: Any, conditions: Conditions) -> ScaleClass | None:
        top = self.sheet.mapping_of(at, value, files.ClassFile)
        if top is None or "id" not in top or "holds_when" not in top:
            return None
        id_ = self._id((*at, "id"), top["id"])
        words = self._words(at, top, id_ or "")
        condition = conditions.condition(self.sheet, (*at, "holds_when"), top["holds_when"])
        if id_ is None or condition is None:
            return None
        return ScaleClass(id_, words, condition, self.sheet.document.span(at))

    def _classes_of(self, path: Path, value: Any, scale: Scale | None) -> tuple[str, ...]:
        if scale is None:
            return ()
        known = [one.id for one in scale.classes]
        return self._some_of(path, value, known, "class", "unknown-class")

    # --- response, events, endpoints, toxicities --------------------------------------------

    def _response(self, at: Path, value: Any) -> ResponseRule | None:
        top = self.sheet.mapping_of(at, value, files.ResponseFile)
        if top is None or not {"scale", "remission", "within"} <= top.keys():
            return None
        known = self.scales
        name = self._one_of((*at, "scale"), top["scale"], known, "scale", "unknown-scale")
        scale = self.scales.get(name or "")
        remission = self._classes_of((*at, "remission"), top["remission"], scale)
        if scale and remission != tuple(c.id for c in scale.classes[: len(remission)]):
            what = "the classes that are a remission are the first ones of their scale, in order"
            self.sheet.fault((*at, "remission"), "order", what)
        within = self.sheet.duration_of((*at, "within"), top["within"])
        until = self._day_facts((*at, "until"), top.get("until", []))
        mrd: str | None = None
        negative: tuple[str, ...] = ()
        if "mrd" in top:
            spec = self.sheet.mapping_of((*at, "mrd"), top["mrd"], files.MrdFile) or {}
            one_of, at_mrd = self._one_of, (*at, "mrd")
            mrd = self.sheet.given(at_mrd, spec, "scale", one_of, known, "scale", "unknown-scale")
            over = self.scales.get(mrd or "")
            if scale and over and over.records != scale.records:
                what = f"`{mrd}` and `{scale.name}` are over different record lists"
                self.sheet.fault((*at, "mrd"), "misfit", what)
            negative = self.sheet.given(at_mrd, spec, "negative", self._classes_of, over) or ()
        words = self._words(at, top, "Best response")
        if scale is None or within is None:
            return None
        return ResponseRule(scale.name, remission, within, until, mrd or "", negative, words)

    def _event(self, name: str, value: Any, response: ResponseRule | None) -> Event | None:
        at = ("events", name)
        top = self.sheet.mapping_of(at, value, files.EventFile)
        if top is None:
            return None
        if not {"on", "after_remission", "failure"} & top.keys():
            hint = "one or more of `on`, `after_remission`, `failure`"
            self.sheet.fault(at, "event", "nothing says how this event shows", hint, key=True)
        on = self.sheet.given(at, top, "on", self._day_fact)
        condition = None
        if "after_remission" in top and response is not None:
            records = self.scales[response.scale].records
            path = (*at, "after_remission")
            condition = self.conditions[records].condition(self.sheet, path, top["after_remission"])
        days = get_args(FailureDay)
        failure = self.sheet.given(at, top, "failure", self.sheet.option_of, days)
        words_ = self._words(at, top, name)
        place = self.sheet.document.span(at, key=True)
        return Event(name, words_, on or "", condition, failure, place)

    def _endpoint(self, name: str, value: Any, events: Any) -> Endpoint | None:
        at = ("endpoints", name)
        top = self.sheet.mapping_of(at, value, files.EndpointFile)
        if top is None or files.EndpointFile.__required_keys__ - top.keys():
            return None
        known = events if isinstance(events, dict) else {}
        named = self._some_of((*at, "events"), top["events"], known, "event", "unknown-event")
        sources = []
        path = (*at, "censored_at")
        listed = self.sheet.list_of(path, top["censored_at"], "dates")
        for i, one in enumerate(listed):
            if one == EXAMINED:
                sources.append(EXAMINED)
            elif day := self._any_day((*path, i), one):
                sources.append(day)
        rules: list[Censoring] = []
        listed = self.sheet.list_of((*at, "rules"), top.get("rules", []), "rules of censoring")
        for i, one in enumerate(listed):
            here = (*at, "rules", i)
            spec = self.sheet.mapping_of(here, one, files.CensoringFile) or {}
            id_ = self.sheet.given(here, spec, "id", self._id)
            if id_ in {rule.id for rule in rules}:
                what = f"the rule `{id_}` stands here twice"
                self.sheet.fault((*here, "id"), "duplicate-id", what)
            days = self._day_facts((*here, "at"), spec.get("at", []))
            rules.append(Censoring(id_ or "", self._words(here, spec, id_ or ""), days))
        landmarks = self._durations((*at, "landmarks"), top["landmarks"])
        words = self._words(at, top, name)
        every = tuple(rules) or (Censoring("all", Words("Every patient followed"), ()),)
        place = self.sheet.document.span(at, key=True)
        return Endpoint(name, words, named, tuple(sources), landmarks, every, place)

    def _toxicity(self, name: str, value: Any) -> Toxicity | None:
        at = ("toxicities", name)
        top = self.sheet.mapping_of(at, value, files.ToxicityFile)
        if top is None or files.ToxicityFile.__required_keys__ - top.keys():
            return None
        named = self._one_of((*at, "scale"), top["scale"], self.scales, "scale", "unknown-scale")
        scale = self.scales.get(named or "")
        severe = self._classes_of((*at, "severe"), top["severe"], scale)
        within = self._durations((*at, "within"), top["within"])
        fatal = None
        if "fatal" in top:
            here = (*at, "fatal")
            spec = self.sheet.mapping_of(here, top["fatal"], files.FatalFile) or {}
            if {"id", "holds_when"} <= spec.keys():
                about = Conditions(self.dictionary.facts, self.dictionary.fact_names)
                fatal = self._class(here, top["fatal"], about)
        words = self._words(at, top, name)
        return Toxicity(name, scale.name, severe, within, words, fatal) if scale else None


def conditions_of(outcomes: Outcomes, records: str) -> list[Condition]:
    """Every condition over one record list's entries."""
    scope = outcomes.scopes[records]
    found = list(scope.definitions.values())
    for scale in outcomes.scales.values():
        if scale.records == records:
            found += [one.holds_when for one in scale.classes]
    if outcomes.scales[outcomes.response.scale].records == records:
        shown = (event.after_remission for event in outcomes.events.values())
        found += [condition for condition in shown if condition is not None]
    return found
