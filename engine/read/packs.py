"""Read a protocol pack: YAML or JSON files to a `Protocol`, or every fault in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Any as Anything
from typing import get_args

from engine.read import files
from engine.read.known import read_known
from engine.read.sheet import NotThat, Sheet, describe, parse_amount, split_limit
from engine.read.source import Num, Path, scan_document, shorten
from engine.terms import (
    LARGEST,
    MILLION,
    AgoOp,
    AgoTest,
    All,
    Any,
    Basis,
    BetweenTest,
    BooleanTest,
    Changes,
    Choice,
    ChoiceTest,
    CompletedYears,
    Condition,
    Count,
    Criterion,
    DayOp,
    DaysBetween,
    DayTest,
    Defined,
    Derivation,
    Duration,
    EarliestOf,
    EverTest,
    Exists,
    Fact,
    FactType,
    Field,
    Kind,
    LatestOf,
    LimitTest,
    Not,
    Protocol,
    QuantityOp,
    RecordList,
    Span,
    Todo,
    UlnOp,
    UlnTest,
    Where,
)
from engine.terms.agents import folded
from engine.terms.condition import defined_in
from engine.terms.dictionary import derived_from
from engine.terms.faults import Fault, InputRejected, did_you_mean
from engine.terms.spellings import spelled, unit_code
from engine.terms.units import COMMON_UNITS, UnitError, conversion, known_unit, months_each

PARTS = ("protocol", "facts", "eligibility")


OPTIONAL_PARTS = ("outcomes",)


SUFFIXES = (".yaml", ".yml", ".json")


MAP_FILE = "sources/fhir.yaml"


COMBINATORS = ("all", "any", "not", "defined", "todo")


TEMPERATURES = ("Cel", "[degF]", "[degRe]")


MAX_CODES = 1_000


MAX_CONDITIONS = 10_000


MAX_CONDITION_DEPTH = 100


_CHECKED = ("unit_required", "usual")


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


_PACK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


CRITERION_ID = re.compile(r"[A-Za-z]+[0-9]+")


_QUANTITY_OPS: tuple[str, ...] = (*get_args(QuantityOp), "between")


_ULN_OPS: tuple[str, ...] = get_args(UlnOp)


_AGO_OPS: tuple[str, ...] = get_args(AgoOp)


_DAY_OPS: tuple[str, ...] = get_args(DayOp)


OPERATORS: Mapping[str, tuple[str, ...]] = {
    "boolean": (),
    "choice": (),
    "text": (),
    "quantity": (*_QUANTITY_OPS, *_ULN_OPS),
    "date": (*_AGO_OPS, *_DAY_OPS, "ever"),
}
"""The operators that fit each type of fact."""


def pack_digest(contents: Mapping[str, bytes]) -> str:
    """`sha256:` and the SHA-256 of the manifest: `PATH SHA256` a line, sorted by path."""
    lines = (f"{path} {sha256(contents[path]).hexdigest()}\n" for path in sorted(contents))
    return "sha256:" + sha256("".join(lines).encode()).hexdigest()


def protocol_of(contents: Mapping[str, bytes], at: str) -> Protocol:
    """The protocol in a pack's files; `at` is the folder that faults name.

    Raises: InputRejected.
    """
    faults: list[Fault] = []
    sheets: dict[str, Sheet] = {}
    for part in (*PARTS, *OPTIONAL_PARTS):
        names = [part + suffix for suffix in SUFFIXES if part + suffix in contents]
        if part in OPTIONAL_PARTS and not names:
            continue
        if len(names) != 1:
            what = f"`{part}.yaml` is missing from the pack"
            if names:
                what = f"the pack has both {' and '.join(f'`{n}`' for n in names)}; keep one"
            faults.append(Fault(Span(f"{at}/{part}.yaml", 1, 1), "pack-file", what))
            continue
        try:
            document = scan_document(f"{at}/{names[0]}", contents[names[0]])
        except InputRejected as rejected:
            faults.extend(rejected.faults)
            continue
        sheets[part] = Sheet(document)
    protocol = None
    pack = _Pack(sheets)
    if all(part in sheets for part in PARTS):
        protocol = pack.protocol(pack_digest(contents))
        if "outcomes" in sheets:
            from engine.outcomes.reader import read_outcomes

            protocol = replace(protocol, outcomes=read_outcomes(sheets["outcomes"], pack))
    else:
        pack.look_through()
    for sheet in sheets.values():
        faults.extend(sheet.faults())
    if faults or protocol is None:
        raise InputRejected(faults)
    return protocol


@dataclass(frozen=True, slots=True)
class _Identity:
    id: str
    version: str
    title: str
    effective: date | None
    source: Mapping[str, str]


class _Pack:
    """The three files of a pack while they are read together."""

    def __init__(self, sheets: Mapping[str, Sheet]) -> None:
        self.sheets = sheets
        self.facts: dict[str, Fact] = {}
        self.records: dict[str, RecordList] = {}
        self.fact_names: frozenset[str] = frozenset()
        self.definition_names: frozenset[str] = frozenset()

    def protocol(self, digest: str) -> Protocol:
        identity = self._identity(self.sheets["protocol"])
        self._dictionary(self.sheets["facts"])
        definitions, criteria = self._eligibility(self.sheets["eligibility"])
        return Protocol(
            identity.id,
            identity.version,
            identity.title,
            identity.effective,
            identity.source,
            self.facts,
            self.records,
            definitions,
            criteria,
            digest,
        )

    def look_through(self) -> None:
        """Find the faults of the files that are there, where one that is needed is not."""
        if "protocol" in self.sheets:
            self._identity(self.sheets["protocol"])
        if "facts" in self.sheets:  # without them, every condition asks about an unknown fact
            self._dictionary(self.sheets["facts"])
            if "eligibility" in self.sheets:
                self._eligibility(self.sheets["eligibility"])

    def _identity(self, sheet: Sheet) -> _Identity:
        top = sheet.mapping_of((), sheet.document.value, files.ProtocolFile) or {}
        name = sheet.text_of(("protocol",), top["protocol"]) if "protocol" in top else None
        if name is not None and not _PACK_ID.fullmatch(name):
            sheet.fault(
                ("protocol",), "name", f"`{shorten(name)}` is not an id", "letters, digits, hyphens"
            )
        version = sheet.text_of(("version",), top["version"]) if "version" in top else None
        title = sheet.text_of(("title",), top["title"]) if "title" in top else None
        effective = sheet.day_of(("effective",), top["effective"]) if "effective" in top else None
        source = {
            key: sheet.text_of(("source", key), value) or ""
            for key, value in sheet.names_of(
                ("source",), top.get("source", {}), "words to text"
            ).items()
        }
        return _Identity(name or "", version or "", title or "", effective, source)

    # --- facts.yaml -------------------------------------------------------------------

    def _dictionary(self, sheet: Sheet) -> None:
        top = sheet.mapping_of((), sheet.document.value, files.FactsFile) or {}
        facts = sheet.names_of(("facts",), top.get("facts", {}), "fact names to facts")
        records = sheet.names_of(("records",), top.get("records", {}), "list names to lists")
        self.fact_names = frozenset(facts)
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
        self._check_derivations(sheet)

    def _name(self, sheet: Sheet, path: Path, name: str, reserved: Iterable[str] = ()) -> None:
        if name in reserved:
            sheet.fault(path, "name", f"`{name}` is a word of the rule language", key=True)
        elif not _NAME.fullmatch(name):
            hint = "a letter, then letters, digits and `_`; at most 64"
            sheet.fault(path, "name", f"`{shorten(name)}` is not a name", hint, key=True)

    def _record_list(
        self, sheet: Sheet, path: Path, name: str, value: Anything
    ) -> RecordList | None:
        self._name(sheet, path, name)
        top = sheet.mapping_of(path, value, files.RecordListFile)
        if top is None:
            return None
        valid_for = Duration(0, 0, "0 days")
        if "valid_for" in top:
            valid_for = sheet.duration_of((*path, "valid_for"), top["valid_for"]) or valid_for
        fields: dict[str, Field] = {}
        at = (*path, "fields")
        for key, child in sheet.names_of(at, top.get("fields", {}), "field names").items():
            self._name(sheet, (*at, key), key, ("voided",))
            spec = sheet.mapping_of((*at, key), child, files.FieldFile)
            if spec is None:
                continue
            if "type" not in spec:
                continue
            kind: FactType | None = sheet.option_of(
                (*at, key, "type"), spec["type"], get_args(FactType)
            )
            if kind is None:
                continue
            common = self._common(sheet, (*at, key), kind, spec)
            many = bool("many" in spec and sheet.boolean_of((*at, key, "many"), spec["many"]))
            if many and kind != "choice":
                sheet.fault((*at, key, "many"), "misfit", "only a choice can carry several codes")
            ask = sheet.text_of((*at, key, "ask"), spec["ask"]) if "ask" in spec else None
            place = sheet.document.span((*at, key), key=True)
            fields[key] = Field(
                key, ask or key.replace("_", " "), kind, many=many, place=place, **common
            )
        ask = sheet.text_of((*path, "ask"), top["ask"]) if "ask" in top else None
        known, known_by, named = read_known(sheet, path, fields, top)
        return RecordList(
            name,
            ask or name,
            valid_for,
            fields,
            self._effort(sheet, path, top),
            self._optional_text(sheet, path, top, "found_in"),
            known,
            known_by,
            named,
            place=sheet.document.span(path, key=True),
        )

    def _effort(self, sheet: Sheet, path: Path, top: Mapping[str, Anything]) -> int | None:
        if "effort" not in top:
            return None
        return sheet.whole_of((*path, "effort"), top["effort"], 1000)

    def _optional_text(
        self, sheet: Sheet, path: Path, top: Mapping[str, Anything], key: str
    ) -> str:
        return (sheet.text_of((*path, key), top[key]) or "") if key in top else ""

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
        unit = self._optional_text(sheet, path, top, "unit") or "1"
        if "unit" in top and not known_unit(unit):
            sheet.fault(
                (*path, "unit"),
                "unit",
                f"`{shorten(unit)}` is not a UCUM unit",
                did_you_mean(spelled(unit), COMMON_UNITS),
            )
        result["unit"] = unit
        if "molar_mass" in top and "unit" not in top:
            sheet.fault((*path, "molar_mass"), "misfit", "`molar_mass` needs a `unit`", key=True)
        if "molar_mass" in top:
            mass = sheet.amount_of((*path, "molar_mass"), top["molar_mass"])
            if mass is not None and mass <= 0:
                sheet.fault((*path, "molar_mass"), "number", "a molar mass is above zero")
            elif mass is not None:
                result["molar_mass"] = Decimal(mass) / MILLION
        for key, target in (("uln", "uln_u"), ("resolution", "resolution_u")):
            if key in top:
                amount = sheet.amount_of((*path, key), top[key])
                if amount is not None and amount <= 0:
                    sheet.fault((*path, key), "number", f"`{key}` is above zero")
                elif amount is not None:
                    result[target] = amount
        for key in ("range", "usual"):
            ends = self._ends(sheet, (*path, key), top[key], key) if key in top else None
            if ends is not None:
                result[f"{key}_u"] = ends
        if "range_u" in result and "usual_u" in result:
            low, high = result["range_u"]
            if not low <= result["usual_u"][0] <= result["usual_u"][1] <= high:
                what = "what is usual reaches beyond the range"
                sheet.fault((*path, "usual"), "range", what, "a usual value is a plausible one")
        if "unit_required" in top:
            said = sheet.boolean_of((*path, "unit_required"), top["unit_required"])
            result["unit_required"] = bool(said)
            if said and "unit" not in top:
                what = "`unit_required` needs a `unit`"
                sheet.fault((*path, "unit_required"), "misfit", what, key=True)
        return result

    def _ends(self, sheet: Sheet, path: Path, value: Anything, key: str) -> tuple[int, int] | None:
        """The two ends of a `range`, or of what is `usual`."""
        ends = sheet.list_of(path, value, "two numbers")
        amounts = [sheet.amount_of((*path, i), end) for i, end in enumerate(ends)]
        if len(ends) != 2:
            what = "a range is a low and a high number"
            sheet.fault(
                path, "range", what if key == "range" else what.replace("a range", f"`{key}`")
            )
        elif amounts[0] is not None and amounts[1] is not None:
            if amounts[0] > amounts[1]:
                what = "the range's low end is above its high end"
                sheet.fault(path, "range", what)
            return (amounts[0], amounts[1])
        return None

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
        self._name(sheet, path, name, COMBINATORS)
        top = sheet.mapping_of(path, value, files.FactFile)
        if top is None:
            return None
        kind: FactType | None = None
        if "type" in top:
            kind = sheet.option_of((*path, "type"), top["type"], get_args(FactType))
        derive = None
        if "derive" in top:
            for key in ("valid_for", "attested_by", "uln", "molar_mass", *_CHECKED):
                if key in top:
                    what = f"`{key}` belongs to recorded facts; `{name}` is derived"
                    sheet.fault((*path, key), "misfit", what, key=True)
            derive = self._derivation(sheet, (*path, "derive"), top["derive"], kind, top)
        common = self._common(sheet, path, kind, top)
        if derive is not None and kind == "quantity":
            natural = {CompletedYears: "a", DaysBetween: "d", Count: "1"}.get(type(derive), "1")
            if top.get("unit") not in (None, natural):
                what = f"this derivation gives a number of `{natural}`"
                sheet.fault((*path, "unit"), "unit", what, f"write `unit: {natural}`")
            common["unit"] = natural
        ask = sheet.text_of((*path, "ask"), top["ask"]) if "ask" in top else None
        changes: Changes | None = None
        if "changes" in top:
            changes = sheet.option_of((*path, "changes"), top["changes"], get_args(Changes))
        valid_for = None
        if "valid_for" in top:
            valid_for = sheet.duration_of((*path, "valid_for"), top["valid_for"])
        if kind is None:
            return None
        return Fact(
            name,
            ask or name,
            kind,
            changes=changes,
            valid_for=valid_for,
            effort=self._effort(sheet, path, top),
            found_in=self._optional_text(sheet, path, top, "found_in"),
            attested_by=self._optional_text(sheet, path, top, "attested_by"),
            derive=derive,
            place=sheet.document.span(path, key=True),
            **common,
        )

    def _derivation(
        self,
        sheet: Sheet,
        path: Path,
        value: Anything,
        kind: FactType | None,
        fact: Mapping[str, Anything],
    ) -> Derivation | None:
        top = sheet.mapping_of(path, value, files.DeriveFile)
        if top is None:
            return None
        ways = [key for key in top if key != "where"]
        if len(ways) != 1:
            known = sorted(files.DeriveFile.__optional_keys__ - {"where"})
            hint = "one of " + ", ".join(f"`{k}`" for k in known)
            sheet.fault(path, "derive", "a derivation says exactly one thing", hint)
            return None
        way = ways[0]
        gives = {"latest": "date", "earliest": "date", "exists": "boolean"}.get(way, "quantity")
        if kind is not None and kind != gives:
            what = f"`{way}` gives a {gives}, but the fact's type is `{kind}`"
            sheet.fault((*path, way), "misfit", what, f"write `type: {gives}`", key=True)
        if way in ("completed_years_since", "days_between") and "where" in top:
            sheet.fault((*path, "where"), "misfit", f"`where` does not go with `{way}`", key=True)
        if way == "completed_years_since":
            name = self._fact_name(sheet, (*path, way), top[way])
            return CompletedYears(name) if name else None
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
        record = self.records.get(name)
        if record is None:
            if name not in sheet.names_of((), sheet.document.value.get("records", {}), ""):
                what = f"there is no record list `{shorten(name)}`"
                sheet.fault((*path, way), "unknown-record", what, did_you_mean(name, self.records))
            return None
        dated = way in ("latest", "earliest")
        if dated != bool(dot):
            hint = f"write `{way}: {name}.FIELD`" if dated else f"write `{way}: {name}`"
            sheet.fault((*path, way), "derive", f"`{shorten(target)}` does not fit `{way}`", hint)
            return None
        if dated and not self._date_field(sheet, (*path, way), record, field):
            return None
        where = self._where(sheet, (*path, "where"), record, top.get("where"))
        if way == "latest":
            return LatestOf(name, field, where)
        if way == "earliest":
            return EarliestOf(name, field, where)
        return Exists(name, where) if way == "exists" else Count(name, where)

    def _date_field(self, sheet: Sheet, path: Path, record: RecordList, field: str) -> bool:
        if field not in record.fields:
            what = f"`{record.name}` has no field `{shorten(field)}`"
            sheet.fault(path, "unknown-field", what, did_you_mean(field, record.fields))
            return False
        if record.fields[field].type != "date":
            dates = [f.name for f in record.fields.values() if f.type == "date"]
            what = f"the field `{field}` of `{record.name}` is not a date"
            sheet.fault(path, "misfit", what, did_you_mean(field, dates))
            return False
        return True

    def _where(
        self, sheet: Sheet, path: Path, record: RecordList, value: Anything
    ) -> tuple[Where, ...]:
        result = []
        if value is None:
            return ()
        if value == {}:
            sheet.fault(path, "empty", "an empty `where` asks nothing", "leave it out", key=True)
        for name, asked in sheet.names_of(path, value, "field names to codes").items():
            here = (*path, name)
            field = record.fields.get(name)
            if field is None:
                what = f"`{record.name}` has no field `{shorten(name)}`"
                hint = did_you_mean(name, record.fields)
                sheet.fault(here, "unknown-field", what, hint, key=True)
                continue
            if field.type == "date":
                sheet.fault(here, "misfit", "`where` cannot ask about a date", key=True)
                continue
            many = isinstance(asked, list)
            values = [
                self._where_value(sheet, (*here, i) if many else here, record, field, one)
                for i, one in enumerate(asked if many else [asked])
            ]
            if not values:
                sheet.fault(here, "empty", "`where` asks for none of no codes")
            result.append(Where(name, tuple(v for v in values if v is not None)))
        return tuple(result)

    def _where_value(
        self, sheet: Sheet, path: Path, record: RecordList, field: Field, value: Anything
    ) -> str | bool | int | None:
        if field.type == "boolean":
            return sheet.boolean_of(path, value)
        if field.type == "quantity":
            return sheet.amount_of(path, value)
        text = sheet.text_of(path, value, "a code")
        if text is not None and field.type == "choice":
            return self._code(sheet, path, field.choices, text)
        if text is not None and field.name == record.known_by:
            name = record.named.get(folded(text), (text,))[0]  # a synonym asks for its agent
            if name in record.known and record.known[name].components:
                what = f"`{shorten(text)}` is read as its components"
                sheet.fault(path, "misfit", what, "ask for one of them")
            return name
        return text

    def _code(self, sheet: Sheet, path: Path, choices: tuple[Choice, ...], code: str) -> str | None:
        codes = [choice.code for choice in choices]
        if code in codes:
            return code
        what = f"`{shorten(code)}` is not one of the codes"
        sheet.fault(path, "unknown-code", what, did_you_mean(code, codes))
        return None

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
            for source in derived_from(fact):
                found = self.facts.get(source)
                if found and found.type != "date":
                    what = f"`{name}` is derived from `{source}`, which is not a date"
                    sheet.fault(("facts", name, "derive"), "misfit", what)
        graph = {name: derived_from(fact) for name, fact in self.facts.items()}
        for name in _in_cycles(graph):
            what = f"`{name}` is derived from itself"
            sheet.fault(("facts", name, "derive"), "cycle", what, "break the circle of derivations")

    # --- eligibility.yaml -------------------------------------------------------------

    def _eligibility(self, sheet: Sheet) -> tuple[dict[str, Condition], tuple[Criterion, ...]]:
        top = sheet.mapping_of((), sheet.document.value, files.EligibilityFile) or {}
        raw = sheet.names_of(("definitions",), top.get("definitions", {}), "names to conditions")
        self.definition_names = frozenset(raw)
        definitions: dict[str, Condition] = {}
        for name, value in raw.items():
            self._name(sheet, ("definitions", name), name)
            condition = self.condition(sheet, ("definitions", name), value)
            if condition is not None:
                definitions[name] = condition
        graph = {name: tuple(defined_in(c)) for name, c in definitions.items()}
        for name in _in_cycles(graph):
            what = f"the definition `{name}` refers to itself"
            sheet.fault(("definitions", name), "cycle", what, "break the circle", key=True)
        if sheet.clean:
            for name, condition in definitions.items():
                if _too_deep(condition, definitions):
                    what = f"`{name}` is nested more than {MAX_CONDITION_DEPTH} conditions deep"
                    hint = "through the definitions it refers to; make them flatter"
                    sheet.fault(("definitions", name), "too-deep", what, hint, key=True)
        entries = sheet.list_of(("criteria",), top.get("criteria", []), "criteria")
        if not entries and "criteria" in top:
            sheet.fault(("criteria",), "empty", "the pack has no criteria")
        criteria: list[Criterion] = []
        seen: dict[str, int] = {}
        for i, value in enumerate(entries):
            criterion = self._criterion(sheet, ("criteria", i), value)
            if criterion is None:
                continue
            if criterion.id in seen:
                what = f"the id `{criterion.id}` stands here twice"
                hint = f"the first is on line {seen[criterion.id]}"
                sheet.fault(("criteria", i, "id"), "duplicate-id", what, hint)
            seen.setdefault(criterion.id, criterion.place.line)
            if criterion.id in self.definition_names:
                what = f"`{criterion.id}` is also the name of a definition"
                sheet.fault(("criteria", i, "id"), "duplicate-id", what, "rename the definition")
            criteria.append(criterion)
        if sheet.clean and not self.sheets["facts"].faults():
            sizes: dict[str, int] = {}
            whole = sum(_size(c.holds_when, definitions, sizes) for c in criteria)
            if whole > MAX_CONDITIONS:
                what = f"the criteria hold {whole} conditions, definitions written out; "
                what += f"the limit is {MAX_CONDITIONS}"
                sheet.fault(("criteria",), "too-large", what, "refer to definitions less often")
        return definitions, tuple(criteria)

    def _criterion(self, sheet: Sheet, path: Path, value: Anything) -> Criterion | None:
        top = sheet.mapping_of(path, value, files.CriterionFile)
        if top is None:
            return None
        id_ = sheet.text_of((*path, "id"), top["id"]) if "id" in top else None
        if id_ is not None and (not CRITERION_ID.fullmatch(id_) or len(id_) > 8):
            what = f"`{shorten(id_)}` is not a criterion id"
            hint = "one or more letters, then digits, at most 8 characters, as in `I05`"
            sheet.fault((*path, "id"), "id", what, hint)
        kind: Kind | None = None
        if "kind" in top:
            kind = sheet.option_of((*path, "kind"), top["kind"], get_args(Kind))
        text = sheet.text_of((*path, "text"), top["text"], "the text") if "text" in top else None
        interpretation = self._optional_text(sheet, path, top, "interpretation")
        # Words of our own beside the protocol's are an assumption unless the author says otherwise.
        basis: Basis = "assumed" if interpretation else "stated"
        if "basis" in top:
            basis = sheet.option_of((*path, "basis"), top["basis"], get_args(Basis)) or basis
        condition: Condition | None = None
        if "holds_when" in top:
            condition = self.condition(sheet, (*path, "holds_when"), top["holds_when"])
        if id_ is None:
            return None
        return Criterion(
            id_,
            kind or "inclusion",
            text or "",
            condition or Todo(),
            interpretation,
            basis,
            self._optional_text(sheet, path, top, "source"),
            sheet.document.span(path),
        )

    def condition(self, sheet: Sheet, path: Path, value: Anything) -> Condition | None:
        """One condition; None after a fault."""
        if not isinstance(value, dict):
            sheet.expected(path, value, "a condition", "as in `age: {at_least: 2}`")
            return None
        if len(value) != 1:
            what = f"a condition has one key; this one has {len(value)}"
            sheet.fault(path, "condition", what, "join several with `all:` or `any:`")
            for key, child in value.items():
                self._keyed(sheet, (*path, key), key, child)
            return None
        ((key, child),) = value.items()
        return self._keyed(sheet, (*path, key), key, child)

    def _keyed(self, sheet: Sheet, path: Path, key: str, value: Anything) -> Condition | None:
        place = sheet.document.span(path, key=True)
        if key in ("all", "any"):
            children = sheet.list_of(path, value, "conditions")
            if isinstance(value, list) and not value:
                sheet.fault(path, "empty", f"an empty `{key}` says nothing", key=True)
            parsed = [self.condition(sheet, (*path, i), c) for i, c in enumerate(children)]
            whole = tuple(c for c in parsed if c is not None)
            if len(whole) != len(parsed) or not whole:
                return None
            return All(whole, place) if key == "all" else Any(whole, place)
        if key == "not":
            child = self.condition(sheet, path, value)
            return Not(child, place) if child else None
        if key == "defined":
            name = sheet.text_of(path, value, "a definition's name")
            if name is None:
                return None
            if name not in self.definition_names:
                what = f"there is no definition `{shorten(name)}`"
                hint = did_you_mean(name, self.definition_names)
                sheet.fault(path, "unknown-definition", what, hint)
                return None
            return Defined(name, place)
        if key == "todo":
            if value is not True:
                sheet.expected(path, value, "`true`", "or write the condition")
                return None
            return Todo(place)
        if key not in self.fact_names:
            what = f"there is no fact `{shorten(key)}`"
            hint = did_you_mean(key, self.fact_names | set(COMBINATORS))
            sheet.fault(path, "unknown-fact", what, hint, key=True)
            return None
        fact = self.facts.get(key)
        return self._test(sheet, path, fact, value, place) if fact else None

    def _test(
        self, sheet: Sheet, path: Path, fact: Fact, value: Anything, place: Span
    ) -> Condition | None:
        if fact.type == "boolean":
            if isinstance(value, bool):
                return BooleanTest(fact.name, value, place)
            self._misfit(sheet, path, fact, value)
            return None
        if fact.type == "choice":
            if isinstance(value, dict):
                self._misfit(sheet, path, fact, value)
                return None
            many = isinstance(value, list)
            if many and not value:
                sheet.fault(path, "empty", "a list of no codes matches nothing")
            codes = []
            for i, one in enumerate(value if many else [value]):
                at = (*path, i) if many else path
                text = sheet.text_of(at, one, "a code")
                code = text and self._code(sheet, at, fact.choices, text)
                if code:
                    codes.append(code)
            # The order and repetition of codes say nothing: one form for equal tests.
            order = [choice.code for choice in fact.choices if choice.code in codes]
            return ChoiceTest(fact.name, tuple(order), place) if codes else None
        if fact.type == "text":
            sheet.fault(path, "misfit", f"`{fact.name}` is text, which cannot be tested", key=True)
            return None
        if not isinstance(value, dict):
            self._misfit(sheet, path, fact, value)
            return None
        if len(value) != 1:
            what = f"a test has one operator; this one has {len(value)}"
            sheet.fault(path, "condition", what, "use `between`, or join tests with `all:`")
            return None
        ((op, limit),) = value.items()
        if op not in OPERATORS[fact.type]:
            fits = OPERATORS[fact.type]
            known = frozenset(op for ops in OPERATORS.values() for op in ops)
            if op in known:
                what = f"`{op}` does not fit `{fact.name}`, which is a {fact.type}"
                hint = "it takes " + ", ".join(f"`{f}`" for f in fits)
                sheet.fault((*path, op), "misfit", what, hint, key=True)
            else:
                what = f"`{shorten(op)}` is not an operator"
                sheet.fault((*path, op), "unknown-operator", what, did_you_mean(op, fits), key=True)
            return None
        return self._operator(sheet, (*path, op), fact, op, limit, place)

    def _misfit(self, sheet: Sheet, path: Path, fact: Fact, value: Anything) -> None:
        takes = {
            "boolean": "`true` or `false`",
            "choice": "a code or a list of codes",
            "quantity": "an operator, as in `{at_least: 5}`",
            "date": "an operator, as in `{at_least_ago: 7 days}`",
        }[fact.type]
        what = f"`{fact.name}` is a {fact.type}: {describe(value)} does not test it"
        sheet.fault(path, "misfit", what, f"it takes {takes}")

    def _operator(
        self, sheet: Sheet, path: Path, fact: Fact, op: Anything, value: Anything, place: Span
    ) -> Condition | None:
        if op == "between":
            ends = sheet.list_of(path, value, "two limits")
            limits = [self._limit(sheet, (*path, i), fact, end) for i, end in enumerate(ends)]
            if len(limits) != 2:
                sheet.fault(path, "range", "`between` takes a low and a high limit")
                return None
            low, high = limits
            if low is None or high is None:
                return None
            if low > high:
                sheet.fault(path, "range", "the low limit is above the high one")
                return None
            return BetweenTest(fact.name, low, high, place)
        if op in _QUANTITY_OPS:
            limit = self._limit(sheet, path, fact, value)
            return None if limit is None else LimitTest(fact.name, op, limit, place)
        if op in _ULN_OPS:
            times = sheet.amount_of(path, value)
            if times is None:
                return None
            if times <= 0:
                sheet.fault(path, "number", "how many times the upper limit of normal: above zero")
                return None
            if fact.derive is not None:
                sheet.fault(path, "misfit", f"`{fact.name}` is derived and has no limit of normal")
                return None
            if fact.unit in TEMPERATURES:
                what = f"`{fact.name}` is in `{fact.unit}`, a scale on which `times` means nothing"
                sheet.fault(path, "misfit", what, "compare it with a limit")
                return None
            return UlnTest(fact.name, op, times, place)
        if op in _AGO_OPS:
            duration = sheet.duration_of(path, value)
            if duration and op == "less_than_ago" and not (duration.days or duration.months):
                sheet.fault(path, "duration", "no date is less than 0 days ago")
                return None
            return AgoTest(fact.name, op, duration, place) if duration else None
        if op in _DAY_OPS:
            day = sheet.day_of(path, value)
            return DayTest(fact.name, op, day, place) if day else None
        expected = sheet.boolean_of(path, value)
        return None if expected is None else EverTest(fact.name, expected, place)

    def _limit(self, sheet: Sheet, path: Path, fact: Fact, value: Anything) -> int | None:
        """A limit in millionths of the fact's unit, converted once, half to even."""
        unit = ""
        if isinstance(value, dict):
            top = sheet.mapping_of(path, value, files.LimitFile) or {}
            number = top.get("value")
            unit = (sheet.text_of((*path, "unit"), top["unit"]) or "") if "unit" in top else ""
            if number is None:
                return None
        else:
            number = value
        if not isinstance(number, str):
            sheet.expected(path, number, "a limit", "a number, or a number and a unit")
            return None
        if not isinstance(number, Num):
            text, inside = split_limit(number)
            number, unit = text, unit or inside
        try:
            amount = parse_amount(number, yaml_number=isinstance(number, Num))
            if unit and unit != fact.unit:
                unit = unit_code(unit, fact.unit, fact.molar_mass)
                if months_each(unit, fact.unit):
                    what = f"a month has no fixed number of days, and `{fact.name}` is in"
                    hint = f"write the limit in `{fact.unit}`"
                    sheet.fault(path, "unit", f"{what} `{fact.unit}`", hint)
                    return None
                factor, offset = conversion(unit, fact.unit, fact.molar_mass)
                amount = round(Fraction(amount) * factor + offset * MILLION)
        except NotThat as error:
            sheet.wrong(path, error)
            return None
        except UnitError as error:
            sheet.fault(path, "unit", str(error), f"`{fact.name}` is in `{fact.unit}`")
            return None
        if abs(amount) > LARGEST:
            sheet.fault(path, "too-large", f"{describe(value)} is beyond 9e12 `{fact.unit}`")
            return None
        if isinstance(fact.derive, CompletedYears | Count | DaysBetween) and amount % MILLION:
            unit_word = {"a": "years", "d": "days"}.get(fact.unit, "numbers")
            what = f"`{fact.name}` is counted in whole {unit_word}"
            sheet.fault(path, "whole", what, f"{describe(value)} is not whole")
            return None
        return amount


def _size(condition: Condition, definitions: Mapping[str, Condition], sizes: dict[str, int]) -> int:
    """How many conditions there are, with every definition written out where it is used."""
    if isinstance(condition, Defined) and condition.name in sizes:
        return 1 + sizes[condition.name]
    inside = sum(_size(c, definitions, sizes) for c in _children(condition, definitions))
    if isinstance(condition, Defined):
        sizes[condition.name] = inside
    return 1 + inside


def _too_deep(condition: Condition, definitions: Mapping[str, Condition]) -> bool:
    level = [condition]
    for _ in range(MAX_CONDITION_DEPTH):
        below: dict[int, Condition] = {}
        for part in level:
            for child in _children(part, definitions):
                below[id(child)] = child
        if not below:
            return False
        level = list(below.values())
    return True


def _children(condition: Condition, definitions: Mapping[str, Condition]) -> tuple[Condition, ...]:
    if isinstance(condition, All | Any):
        return condition.children
    if isinstance(condition, Not):
        return (condition.child,)
    if isinstance(condition, Defined) and condition.name in definitions:
        return (definitions[condition.name],)
    return ()  # a leaf, or a definition that has a fault of its own


def _in_cycles(graph: Mapping[str, tuple[str, ...]]) -> list[str]:
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
