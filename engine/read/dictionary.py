"""Read the data dictionary of a pack, `facts.yaml`: facts, record lists, derivations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any as Anything
from typing import get_args

from engine.read import files, hints
from engine.read.conditions import COMBINATORS
from engine.read.formulas import read_formula, read_points, settle_formulas
from engine.read.known import read_known
from engine.read.quantities import quantity_keys
from engine.read.several import (
    BESIDE,
    WAYS,
    check_beside,
    field_of,
    read_distinct,
    read_several,
    read_stable,
    read_values,
    settle,
)
from engine.read.sheet import Sheet
from engine.read.source import Path, shorten
from engine.read.tables import read_tables
from engine.read.washout import read_washout
from engine.read.where import GROUPS, read_where
from engine.terms import (
    ByTable,
    Changes,
    Choice,
    Completed,
    CompletedYears,
    Count,
    DaysBetween,
    Derivation,
    Duration,
    EarliestOf,
    Exists,
    Fact,
    FactType,
    Field,
    Formula,
    LatestOf,
    OfSeveral,
    OfValues,
    RecordList,
)
from engine.terms.dictionary import COMPLETED, derived_from
from engine.terms.faults import did_you_mean

MAX_CODES = 1_000
MOST_EFFORT = 1_000
_CHECKED = ("unit_required", "usual", "also_in")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Dictionary:
    """The facts and record lists of `facts.yaml`, with the names of faulty facts."""

    def __init__(self, sheet: Sheet) -> None:
        self.facts: dict[str, Fact] = {}
        self.records: dict[str, RecordList] = {}
        top = sheet.mapping_of((), sheet.document.value, files.FactsFile) or {}
        facts = sheet.names_of(("facts",), top.get("facts", {}), "fact names to facts")
        records = sheet.names_of(("records",), top.get("records", {}), "list names to lists")
        self.fact_names: frozenset[str] = frozenset(facts)
        for name, value in records.items():
            record = self._record_list(sheet, ("records", name), name, value)
            if record:
                self.records[name] = record
        if "facts" in top and not facts:
            sheet.fault(("facts",), "empty", "the dictionary has no facts")
        for name, value in facts.items():
            fact = self._fact(sheet, ("facts", name), name, value)
            if fact:
                self.facts[name] = fact
        tables = sheet.names_of(("tables",), top.get("tables", {}), "table names to tables")
        self.facts |= read_tables(sheet, tables, self.facts, self.fact_names)
        self.fact_names |= frozenset(tables)
        self._check_derivations(sheet)
        settle(sheet, self.facts)
        settle_formulas(sheet, self.facts)

    def _record_list(
        self, sheet: Sheet, path: Path, name: str, value: Anything
    ) -> RecordList | None:
        check_name(sheet, path, name)
        top = sheet.mapping_of(path, value, files.RecordListFile)
        if top is None:
            return None
        valid_for = sheet.given(path, top, "valid_for", sheet.duration_of)
        fields: dict[str, Field] = {}
        at = (*path, "fields")
        for key, child in sheet.names_of(at, top.get("fields", {}), "field names").items():
            check_name(sheet, (*at, key), key, ("voided", *GROUPS))
            spec = sheet.mapping_of((*at, key), child, files.FieldFile)
            if spec is None:
                continue
            kind = sheet.given((*at, key), spec, "type", sheet.option_of, get_args(FactType))
            if kind is None:
                continue
            common = self._common(sheet, (*at, key), kind, spec)
            many = bool(sheet.given((*at, key), spec, "many", sheet.boolean_of))
            if many and kind != "choice":
                sheet.fault((*at, key, "many"), "misfit", "only a choice can carry several codes")
            ask = sheet.words_of((*at, key), spec, "ask")
            place = sheet.document.span((*at, key), key=True)
            fields[key] = Field(
                key, ask or key.replace("_", " "), kind, many=many, place=place, **common
            )
        ask = sheet.words_of(path, top, "ask")
        known, known_by, named = read_known(sheet, path, fields, top)
        return RecordList(
            name,
            ask or name,
            valid_for or Duration(0, 0, "0 days"),
            fields,
            sheet.given(path, top, "effort", sheet.whole_of, MOST_EFFORT),
            sheet.words_of(path, top, "found_in"),
            known,
            known_by,
            named,
            place=sheet.document.span(path, key=True),
        )

    def _common(
        self, sheet: Sheet, path: Path, kind: FactType | None, top: Mapping[str, Anything]
    ) -> dict[str, Anything]:
        """What facts and fields share: choices and the keys of a quantity."""
        choices: tuple[Choice, ...] = ()
        if kind == "choice":
            choices = self._choices(sheet, path, top)
        elif "choices" in top:
            sheet.fault((*path, "choices"), "misfit", "choices belong to `type: choice`", key=True)
        result: dict[str, Anything] = {"choices": choices}
        if kind != "quantity":
            for key in ("unit", "range", "molar_mass", "uln", "resolution", *_CHECKED):
                if key in top:
                    what = f"`{key}` belongs to `type: quantity`"
                    sheet.fault((*path, key), "misfit", what, key=True)
            return result
        return result | quantity_keys(sheet, path, top)

    def _choices(self, sheet: Sheet, path: Path, top: Mapping[str, Anything]) -> tuple[Choice, ...]:
        at = (*path, "choices")
        if "choices" not in top:
            sheet.fault(path, "missing-key", "`choices` is missing here")
            return ()
        value = top["choices"]
        pairs: list[tuple[Path, str | None, str | None]] = []
        if isinstance(value, dict):
            for code, label in value.items():
                text = sheet.text_of((*at, code), label, "a label") if label is not None else code
                pairs.append(((*at, code), code, text))
        else:
            for i, code in enumerate(sheet.list_of(at, value, "codes")):
                text = sheet.text_of((*at, i), code, "a code")
                pairs.append(((*at, i), text, text and text.replace("_", " ")))
        seen: set[str] = set()
        result = []
        for place, code, label in pairs:
            if code in seen:
                sheet.fault(place, "duplicate-key", f"the code `{code}` stands here twice")
            elif code is not None:
                seen.add(code)
                result.append(Choice(code, label or code))
        if not pairs:
            sheet.fault(at, "empty", "a choice needs at least one code")
        if len(pairs) > MAX_CODES:
            what = f"{len(pairs)} codes; the limit is {MAX_CODES}"
            sheet.fault(at, "too-large", what, "record it as text, or ask a coarser question")
        return tuple(result)

    def _fact(self, sheet: Sheet, path: Path, name: str, value: Anything) -> Fact | None:
        check_name(sheet, path, name, COMBINATORS)
        top = sheet.mapping_of(path, value, files.FactFile)
        if top is None:
            return None
        kind = sheet.given(path, top, "type", sheet.option_of, get_args(FactType))
        derive = None
        if "derive" in top:
            for key in ("valid_for", "attested_by", "uln", "molar_mass", *_CHECKED):
                if key in top:
                    what = f"`{key}` belongs to recorded facts; `{name}` is derived"
                    sheet.fault((*path, key), "misfit", what, key=True)
            derive = self._derivation(sheet, (*path, "derive"), top["derive"], kind, top)
        common = self._common(sheet, path, kind, top)
        if derive is not None and kind == "quantity":
            natural = {CompletedYears: "a", DaysBetween: "d"}.get(type(derive), "1")
            natural = derive.unit if isinstance(derive, Completed) else natural
            if isinstance(derive, OfSeveral):
                measured = self.records[derive.records].fields[derive.field]
                natural, common["molar_mass"] = measured.unit, measured.molar_mass
            elif isinstance(derive, Formula):
                natural = top.get("unit") or "1"
            elif isinstance(derive, OfValues):
                natural = top.get("unit") or ""  # its fact's, which may stand below
            if top.get("unit") not in (None, natural):
                what = f"this derivation gives a number of `{natural}`"
                sheet.fault((*path, "unit"), "unit", what, f"write `unit: {natural}`")
            common["unit"] = natural
        ask = sheet.words_of(path, top, "ask")
        changes = sheet.given(path, top, "changes", sheet.option_of, get_args(Changes))
        valid_for = sheet.given(path, top, "valid_for", sheet.duration_of)
        if kind is None:
            return None
        return Fact(
            name,
            ask or name,
            kind,
            changes=changes,
            valid_for=valid_for,
            effort=sheet.given(path, top, "effort", sheet.whole_of, MOST_EFFORT),
            found_in=sheet.words_of(path, top, "found_in"),
            attested_by=sheet.words_of(path, top, "attested_by"),
            planned=self._planned(sheet, path, top, kind),
            points=read_points(
                sheet, path, top, tuple(choice.code for choice in common.get("choices", ()))
            ),
            derive=derive,
            place=sheet.document.span(path, key=True),
            **common,
        )

    def _planned(
        self, sheet: Sheet, path: Path, top: Mapping[str, Anything], kind: FactType | None
    ) -> bool:
        """Whether a date is marked as settled ahead."""
        said = bool(sheet.given(path, top, "planned", sheet.boolean_of))
        if said and (kind != "date" or "derive" in top):
            what = "`planned` is for a date that is recorded"
            sheet.fault((*path, "planned"), "misfit", what, "remove it", key=True)
        return said

    def _derivation(
        self,
        sheet: Sheet,
        path: Path,
        value: Anything,
        kind: FactType | None,
        fact: Mapping[str, Anything],
    ) -> Derivation | None:
        top = sheet.mapping_of(path, value, files.DeriveFile, hints.DERIVATIONS)
        if top is None:
            return None
        ways = [key for key in top if key not in BESIDE]
        if not ways and value:
            return None  # what stands there is a fault already
        if len(ways) != 1:
            known = sorted(files.DeriveFile.__optional_keys__ - {*BESIDE})
            hint = "one of " + ", ".join(f"`{k}`" for k in known)
            sheet.fault(path, "derive", "a derivation says exactly one thing", hint)
            return None
        way = ways[0]
        gives = {"latest": "date", "earliest": "date"}.get(way, "quantity")
        gives = "boolean" if way in ("exists", "washed_out", "stable") else gives
        if kind is not None and kind != gives:
            what = f"`{way}` gives a {gives}, but the fact's type is `{kind}`"
            sheet.fault((*path, way), "misfit", what, f"write `type: {gives}`", key=True)
        check_beside(sheet, path, way, top)
        counted = next((unit for unit, key in COMPLETED.items() if key == way), None)
        if counted is not None:
            name = self._fact_name(sheet, (*path, way), top[way])
            on = self._fact_name(sheet, (*path, "on"), top["on"]) if "on" in top else ""
            if not name or on is None:
                return None
            plain = counted == "a" and not on
            return CompletedYears(name) if plain else Completed(name, counted, on)
        if way == "formula":
            return read_formula(sheet, path, top, self.fact_names)
        if way == "washed_out":
            more = (self.records, self._fact_name)
            return read_washout(sheet, (*path, way), top[way], *more)
        if way == "days_between":
            ends = sheet.mapping_of((*path, way), top[way], files.DaysBetweenFile) or {}
            names = [
                self._fact_name(sheet, (*path, way, end), ends[end])
                for end in ("from", "to")
                if end in ends
            ]
            if len(names) == 2 and names[0] and names[1]:
                return DaysBetween(names[0], names[1])
            return None
        target = sheet.text_of((*path, way), top[way], "a record list's name")
        if target is None:
            return None
        name, dot, field = target.partition(".")
        if way in WAYS and not dot and name not in self.records:
            of = self._fact_name(sheet, (*path, way), name)
            return read_values(sheet, path, of, way, top) if of else None
        record = self.records.get(name)
        if record is None:
            if name not in sheet.names_of((), sheet.document.value.get("records", {}), ""):
                what = f"there is no record list `{shorten(name)}`"
                sheet.fault((*path, way), "unknown-record", what, did_you_mean(name, self.records))
            return None
        if way in WAYS and dot:
            return read_several(sheet, path, record, field, way, top)
        if way == "stable" and dot:
            return read_stable(sheet, path, record, field, top)
        dated = way in ("latest", "earliest", "stable", *WAYS)
        if dated != bool(dot):
            hint = f"write `{way}: {name}.FIELD`" if dated else f"write `{way}: {name}`"
            sheet.fault((*path, way), "derive", f"`{shorten(target)}` does not fit `{way}`", hint)
            return None
        if dated and not field_of(sheet, (*path, way), record, field, "date"):
            return None
        if "distinct" in top:
            return read_distinct(sheet, path, record, top) if way == "count" else None
        where = read_where(sheet, (*path, "where"), record, top.get("where"))
        if way == "latest":
            return LatestOf(name, field, where)
        if way == "earliest":
            return EarliestOf(name, field, where)
        return Exists(name, where) if way == "exists" else Count(name, where)

    def _fact_name(self, sheet: Sheet, path: Path, value: Anything) -> str | None:
        name = sheet.text_of(path, value, "a fact's name")
        if name is None or name in self.fact_names:
            return name
        what = f"there is no fact `{shorten(name)}`"
        sheet.fault(path, "unknown-fact", what, did_you_mean(name, self.fact_names))
        return None

    def _check_derivations(self, sheet: Sheet) -> None:
        """Derivations read dates, and none depends on itself."""
        for name, fact in self.facts.items():
            for source in () if isinstance(fact.derive, ByTable) else derived_from(fact):
                found = self.facts.get(source)
                reckoned = isinstance(fact.derive, OfValues | Formula)
                if found and found.type != "date" and not reckoned:
                    what = f"`{name}` is derived from `{source}`, which is not a date"
                    sheet.fault(("facts", name, "derive"), "misfit", what)
        graph = {name: derived_from(fact) for name, fact in self.facts.items()}
        for name in in_cycles(graph):
            what = f"`{name}` is derived from itself"
            sheet.fault(("facts", name, "derive"), "cycle", what, "break the circle of derivations")


def check_name(sheet: Sheet, path: Path, name: str, reserved: Iterable[str] = ()) -> None:
    """See that a fact, a field, a list or a definition may be called so."""
    if name in reserved:
        sheet.fault(path, "name", f"`{name}` is a word of the rule language", key=True)
    elif not _NAME.fullmatch(name):
        hint = "a letter, then letters, digits and `_`; at most 64"
        sheet.fault(path, "name", f"`{shorten(name)}` is not a name", hint, key=True)


def in_cycles(graph: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The nodes from which a path leads back to themselves, in the graph's order."""

    def reaches_itself(start: str) -> bool:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            node = todo.pop()
            if node == start:
                return True
            if node not in seen:
                seen.add(node)
                todo.extend(graph.get(node, ()))
        return False

    return [node for node in graph if reaches_itself(node)]
