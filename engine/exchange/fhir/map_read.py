"""Read a pack's `sources/fhir.yaml` into a `FhirMap`, or name every fault in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from engine.exchange.fhir.file import (
    CodeFile,
    DoubtFile,
    EntryRuleFile,
    FactRuleFile,
    FitFile,
    LookFile,
    MapFile,
    TypeFile,
)
from engine.exchange.fhir.map import (
    ORDERS,
    RELEASE,
    RESOURCE_TYPES,
    TREATMENTS,
    Code,
    Doubt,
    EntryRule,
    FactRule,
    FhirMap,
    FieldRule,
    Fit,
    Look,
    Rule,
    Type,
    indexed,
)
from engine.exchange.fhir.path import Expression, NotFhirPath, expression
from engine.read.sheet import Sheet
from engine.read.source import Path, read_document, shorten
from engine.terms import Fact, Field, Protocol, RecordList
from engine.terms.faults import InputRejected, did_you_mean

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ELEMENT = re.compile(r"[a-z][A-Za-z]*")
_PATHS = ("on", "value", "comparator", "unit", "absent", "uln")


def map_of(path: str, data: bytes, protocol: Protocol) -> FhirMap:
    """The map in a file's bytes. Raises: InputRejected."""
    reader = _Reader(Sheet(read_document(path, data)), protocol)
    found = reader.read()
    if found is None or not reader.sheet.clean:
        raise InputRejected(reader.sheet.faults())
    return found


class _Reader:
    """The map while it is read; every fault is collected."""

    def __init__(self, sheet: Sheet, protocol: Protocol) -> None:
        self.sheet, self.protocol = sheet, protocol
        self.types: dict[str, Type] = {}
        self.systems: dict[str, str] = {}
        self.codes: dict[str, tuple[Code, ...]] = {}
        self.used: set[str] = set()

    def read(self) -> FhirMap | None:
        sheet = self.sheet
        top = sheet.mapping_of((), sheet.document.value, MapFile)
        if top is None:
            return None
        release = sheet.text_of(("fhir",), top["fhir"]) if "fhir" in top else None
        if release is not None and release != RELEASE:
            sheet.fault(("fhir",), "option", f"FHIR {RELEASE} (R4) is read here, no other release")
        for name, url in sheet.names_of(("systems",), top.get("systems", {}), "names").items():
            self.systems[name] = sheet.text_of(("systems", name), url, "a system's URL") or ""
        for name, value in sheet.names_of(("types",), top.get("types", {}), "types").items():
            self._type(name, value)
        for name, value in sheet.names_of(("codes",), top.get("codes", {}), "names").items():
            self._code_set(name, value)
        rules: list[Rule] = []
        facts = sheet.names_of(("facts",), top.get("facts", {}), "facts")
        for name, value in facts.items():
            rules += self._fact_rules(name, value)
        records = sheet.names_of(("records",), top.get("records", {}), "record lists")
        for name, value in records.items():
            rules += self._entry_rules(name, value)
        for i, one in enumerate(sheet.list_of(("look_at",), top.get("look_at", []), "rules")):
            rules += self._look(("look_at", i), one)
        for i, one in enumerate(sheet.list_of(("fits",), top.get("fits", []), "rules")):
            rules += self._fit(("fits", i), one)
        irrelevant = self._sets(("irrelevant",), top["irrelevant"]) if "irrelevant" in top else ()
        unread = self._unread(top.get("unread", {}), set(facts) | set(records))
        carried = set(facts) | set(records)
        not_carried = self._not_carried(top.get("not_carried", {}), carried)
        for name in sorted(self.codes.keys() - self.used):
            what = f"no rule uses the codes `{name}`"
            sheet.fault(("codes", name), "unused", what, "a typo?", key=True)
        codes = tuple(code for name in irrelevant for code in self.codes[name])
        return indexed(tuple(rules), not_carried, codes, unread, self.types, self.codes)

    def _not_carried(self, value: Any, carried: set[str]) -> dict[str, str]:
        """Every recorded fact and list is either fed, or said to be carried by no record."""
        sheet, protocol = self.sheet, self.protocol
        known = {f.name for f in protocol.facts.values() if f.derive is None}
        known |= set(protocol.records)
        result = {}
        for name, why in sheet.names_of(("not_carried",), value, "facts").items():
            at = ("not_carried", name)
            if name not in known:
                what = f"the dictionary records no `{shorten(name)}`"
                sheet.fault(at, "unknown-fact", what, did_you_mean(name, known), key=True)
            elif name in carried:
                what = f"`{name}` is fed by a rule and said to be carried by no record"
                sheet.fault(at, "both", what, key=True)
            result[name] = sheet.text_of(at, why) or ""
        for name in sorted(known - carried - result.keys()):
            what = f"the map says nothing of `{name}`"
            hint = "feed it, or say under `not_carried` why no record carries it"
            sheet.fault((), "missing-key", what, hint)
        return result

    def _unread(self, value: Any, carried: set[str]) -> dict[str, tuple[str, ...]]:
        """By resource type, what is said to be open while a resource is not understood."""
        sheet, found = self.sheet, {}
        for name, listed in sheet.names_of(("unread",), value, "resource types").items():
            at = ("unread", name)
            if name not in (*TREATMENTS, "Condition"):
                what = f"`{shorten(name)}` is not a resource of which the code alone says enough"
                hint = did_you_mean(name, (*TREATMENTS, "Condition"))
                sheet.fault(at, "option", what, hint, key=True)
            given = sheet.list_of(at, listed, "facts and lists")
            names = [sheet.text_of((*at, i), one) or "" for i, one in enumerate(given)]
            for i, one in enumerate(names):
                if one and one not in carried:
                    what = f"no rule feeds `{shorten(one)}`"
                    sheet.fault((*at, i), "unknown-fact", what, did_you_mean(one, carried))
            found[name] = tuple(names)
        return found

    def _type(self, name: str, value: Any) -> None:
        sheet, at = self.sheet, ("types", name)
        if name not in RESOURCE_TYPES:
            what = f"`{shorten(name)}` is not a resource type that is read"
            sheet.fault(at, "option", what, did_you_mean(name, RESOURCE_TYPES), key=True)
            return
        given = sheet.mapping_of(at, value, TypeFile) or {}
        words: dict[str, str] = {}
        for key in ("codes", "parts", "medication", "patient"):
            text = sheet.text_of((*at, key), given[key]) if key in given else None
            if text is not None and not _ELEMENT.fullmatch(text):
                sheet.fault((*at, key), "name", f"`{shorten(text)}` is not an element's name")
            elif text is not None:
                words[key] = text
        self.types[name] = Type(name, paths=self._paths(at, given, _PATHS), **words)

    def _paths(
        self, at: Path, given: dict[str, Any], keys: tuple[str, ...]
    ) -> dict[str, Expression]:
        return {
            key: path
            for key in keys
            if key in given and (path := self._path((*at, key), given[key])) is not None
        }

    def _path(self, at: Path, value: Any) -> Expression | None:
        text = self.sheet.text_of(at, value, "a FHIRPath")
        if text is None:
            return None
        try:
            return expression(text)
        except NotFhirPath as error:
            self.sheet.fault(at, "fhirpath", str(error))
            return None

    def _code_set(self, name: str, value: Any) -> None:
        sheet, at = self.sheet, ("codes", name)
        if not _NAME.fullmatch(name):
            sheet.fault(at, "name", f"`{shorten(name)}` is not a name", key=True)
        found = []
        for i, one in enumerate(sheet.list_of(at, value, "codes")):
            here = (*at, i)
            given = sheet.mapping_of(here, one, CodeFile) or {}
            system = given.get("system")
            if "system" in given and system not in self.systems:
                hint = did_you_mean(str(system), self.systems)
                sheet.fault((*here, "system"), "option", "a system that `systems` lacks", hint)
            if ("code" in given) == ("under" in given):
                sheet.fault(here, "both", "a code has either `code` or `under`")
                continue
            key = "code" if "code" in given else "under"
            code = sheet.text_of((*here, key), given[key])
            display, origin = (
                sheet.text_of((*here, k), given[k]) if k in given else None
                for k in ("display", "from")
            )
            if code and display and origin and system in self.systems:
                found.append(Code(self.systems[system], code, display, origin, key == "under"))
        self.codes[name] = tuple(found)

    def _sets(self, at: Path, value: Any) -> tuple[str, ...]:
        """Names of code sets: one, or a list."""
        several = isinstance(value, list)
        names = []
        for i, one in enumerate(value if several else [value]):
            here = (*at, i) if several else at
            name = self.sheet.text_of(here, one, "a name under `codes`")
            if name is not None and name not in self.codes:
                hint = did_you_mean(name, self.codes)
                self.sheet.fault(here, "unknown-codes", f"`codes` has no `{shorten(name)}`", hint)
            elif name is not None:
                self.used.add(name)
                names.append(name)
        return tuple(names)

    def _rule_type(self, at: Path, given: dict[str, Any], *, order: bool = False) -> Type | None:
        name = given.get("resource")
        if name is None:
            return None
        found = self.types.get(name) if isinstance(name, str) else None
        if found is None:
            hint = did_you_mean(str(name), self.types)
            self.sheet.fault((*at, "resource"), "option", "a type that `types` lacks", hint)
        elif found.name in ORDERS and not order:
            what = f"a {found.name} proves nothing; it may stand under `look_at` only"
            self.sheet.fault((*at, "resource"), "option", what)
        elif "codes" not in given and found.codes:
            self.sheet.fault(at, "missing-key", "`codes` is missing here")
        elif "codes" in given and not found.codes:
            self.sheet.fault((*at, "codes"), "misfit", f"a {found.name} has no codes")
        return found

    def _several(self, at: Path, value: Any) -> Iterator[tuple[Path, Any]]:
        if isinstance(value, list):
            yield from (((*at, i), one) for i, one in enumerate(value))
        else:
            yield at, value

    def _fact_rules(self, name: str, value: Any) -> list[FactRule]:
        sheet = self.sheet
        fact = self.protocol.facts.get(name)
        if fact is None or fact.derive is not None:
            recorded = [f.name for f in self.protocol.facts.values() if f.derive is None]
            what = f"the dictionary records no fact `{shorten(name)}`"
            hint = did_you_mean(name, recorded)
            sheet.fault(("facts", name), "unknown-fact", what, hint, key=True)
            return []
        rules = []
        for at, one in self._several(("facts", name), value):
            given = sheet.mapping_of(at, one, FactRuleFile) or {}
            found = self._rule_type(at, given)
            if found is None:
                continue
            codes = self._sets((*at, "codes"), given["codes"]) if "codes" in given else ()
            own = self._paths(at, given, ("value", "comparator", "unit", "on", "by", "uln"))
            constant = self._constant((*at, "is"), fact, given.get("is"))
            choices, words = self._choices((*at, "choices"), fact, given.get("choices"))
            units = {
                recorded: sheet.text_of((*at, "units", recorded), unit) or ""
                for recorded, unit in sheet.names_of(
                    (*at, "units"), given.get("units", {}), "recorded units"
                ).items()
            }
            clinical = "active"
            if "clinical" in given:
                here = (*at, "clinical")
                clinical = sheet.option_of(here, given["clinical"], ("active", "any")) or "active"
            doubts = self._doubts((*at, "doubt"), given.get("doubt", []))
            if "unknown" in given:
                because = sheet.text_of((*at, "unknown"), given["unknown"])
                doubts = (*doubts, Doubt(expression("true"), because or ""))
            elif fact.type == "choice" and constant is None and not choices and not words:
                what = "a choice needs `is`, or `choices` that say which codes mean what"
                sheet.fault(at, "missing-key", what)
            rules.append(
                FactRule(
                    fact,
                    found,
                    {**found.paths, **own},
                    codes,
                    constant,
                    units,
                    choices,
                    words,
                    clinical == "active",
                    doubts,
                )
            )
        return rules

    def _doubts(self, at: Path, value: Any) -> tuple[Doubt, ...]:
        doubts = []
        for i, one in enumerate(self.sheet.list_of(at, value, "doubts")):
            given = self.sheet.mapping_of((*at, i), one, DoubtFile) or {}
            when = self._path((*at, i, "when"), given["when"]) if "when" in given else None
            because = self.sheet.text_of((*at, i, "because"), given.get("because", ""))
            if when is not None and because is not None:
                doubts.append(Doubt(when, because))
        return tuple(doubts)

    def _constant(self, at: Path, target: Fact | Field, value: Any) -> str | bool | None:
        if value is None:
            return None
        if target.type == "boolean":
            return self.sheet.boolean_of(at, value)
        text = self.sheet.text_of(at, value)
        if text is not None and target.type == "choice":
            options = tuple(choice.code for choice in target.choices)
            return str(self.sheet.option_of(at, text, options) or "")
        return text

    def _choices(
        self, at: Path, fact: Fact, value: Any
    ) -> tuple[tuple[tuple[Code, str], ...], dict[str, str]]:
        """By choice: code sets (a list of names), or the words that mean it (`words: [...]`)."""
        coded: list[tuple[Code, str]] = []
        words: dict[str, str] = {}
        options = [choice.code for choice in fact.choices]
        for choice, meant in self.sheet.names_of(at, value or {}, "choices").items():
            here = (*at, choice)
            if choice not in options:
                what = f"`{shorten(choice)}` is not one of the codes of `{fact.name}`"
                hint = did_you_mean(choice, options)
                self.sheet.fault(here, "unknown-code", what, hint, key=True)
            if isinstance(meant, dict):
                listed = self.sheet.list_of((*here, "words"), meant.get("words"), "words")
                words.update((str(word), choice) for word in listed)
            else:
                for name in self._sets(here, meant):
                    coded += [(code, choice) for code in self.codes[name]]
        return tuple(coded), words

    def _entry_rules(self, name: str, value: Any) -> list[EntryRule]:
        sheet = self.sheet
        record = self.protocol.records.get(name)
        if record is None:
            what = f"the dictionary has no record list `{shorten(name)}`"
            hint = did_you_mean(name, self.protocol.records)
            sheet.fault(("records", name), "unknown-record", what, hint, key=True)
            return []
        rules = []
        for at, one in self._several(("records", name), value):
            given = sheet.mapping_of(at, one, EntryRuleFile) or {}
            found = self._rule_type(at, given)
            fields = self._fields((*at, "fields"), record, given.get("fields", {}))
            if found is None:
                continue
            codes = self._sets((*at, "codes"), given["codes"]) if "codes" in given else ()
            on = self._path((*at, "on"), given["on"]) if "on" in given else found.paths.get("on")
            gather = sheet.list_of((*at, "gather"), given.get("gather", []), "fields")
            for i, wanted in enumerate(gather):
                if wanted not in record.fields:
                    hint = did_you_mean(str(wanted), record.fields)
                    sheet.fault((*at, "gather", i), "unknown-field", "no such field", hint)
            routes = self._sets((*at, "not_by"), given["not_by"]) if "not_by" in given else ()
            not_by = tuple(code for name in routes for code in self.codes[name])
            needed = tuple(map(str, gather))
            rules.append(EntryRule(record, found, fields, codes, on, needed, not_by))
        return rules

    def _fields(self, at: Path, record: RecordList, value: Any) -> tuple[FieldRule, ...]:
        sheet, rules = self.sheet, []
        for name, one in sheet.names_of(at, value, "fields").items():
            here = (*at, name)
            target = record.fields.get(name)
            if target is None:
                what = f"`{record.name}` entries have no field `{shorten(name)}`"
                hint = did_you_mean(name, record.fields)
                sheet.fault(here, "unknown-field", what, hint, key=True)
                continue
            given = sheet.names_of(here, one, "`path`, `is`, or `end` and `day`")
            for key in given.keys() - {"path", "is", "end", "day"}:
                sheet.fault((*here, key), "unknown-key", f"`{shorten(key)}` is not a key here")
            paths = self._paths(here, given, ("path", "end", "day"))
            constant: str | bool | tuple[str, ...] | None = None
            if "is" in given and target.many:
                several = given["is"] if isinstance(given["is"], list) else [given["is"]]
                found = [self._constant((*here, "is"), target, code) for code in several]
                constant = tuple(str(code) for code in found)
            elif "is" in given:
                constant = self._constant((*here, "is"), target, given["is"])
            rules.append(
                FieldRule(target, paths.get("path"), constant, paths.get("end"), paths.get("day"))
            )
        return tuple(rules)

    def _look(self, at: Path, value: Any) -> list[Look]:
        given = self.sheet.mapping_of(at, value, LookFile) or {}
        found = self._rule_type(at, given, order=True)
        codes = self._sets((*at, "codes"), given["codes"]) if "codes" in given else ()
        because = self.sheet.text_of((*at, "because"), given.get("because", ""))
        return [Look(found, codes, because)] if found and because else []

    def _fit(self, at: Path, value: Any) -> list[Fit]:
        sheet = self.sheet
        given = sheet.mapping_of(at, value, FitFile) or {}
        if not {"says", "fact", "codes", "within", "fits"} <= given.keys():
            return []
        codes = self._sets((*at, "codes"), given["codes"])
        fact = sheet.text_of((*at, "fact"), given["fact"])
        if fact is not None and fact not in self.protocol.facts:
            hint = did_you_mean(fact, self.protocol.facts)
            sheet.fault((*at, "fact"), "unknown-fact", f"no fact `{shorten(fact)}`", hint)
        within = sheet.duration_of((*at, "within"), given["within"])
        says = sheet.text_of((*at, "says"), given["says"])
        fits = {
            own: frozenset(str(v) for v in sheet.list_of((*at, "fits", own), listed, "values"))
            for own, listed in sheet.names_of((*at, "fits"), given["fits"], "values").items()
        }
        if "Observation" not in self.types:
            sheet.fault(at, "missing-key", "`types` says nothing of Observation")
        if within is None or says is None or fact is None or not sheet.clean:
            return []
        return [Fit(says, fact, codes, within.days, fits)]
