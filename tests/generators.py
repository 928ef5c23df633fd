"""Made-up packs and subjects: the raw material of the property and differential tests.

Both come as the plain mappings that files hold, so that the readers are tried as well. Every
choice is made through `Choices`, which stands for a seeded generator (`Seeded`, for volume)
or for Hypothesis (`Drawn`, which searches and shrinks). Chance prefers what decides: limits
and one millionth beside them, the first and last day of a washout or of a validity, month
ends and leap days, partial dates, days of observation that are not known, years that are a
slip, censored results, gaps of every kind.
"""

from __future__ import annotations

import json
import os
import re
from calendar import isleap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from random import Random
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.sheet import parse_duration
from engine.read.subjects import read_subject
from engine.record.shape import Decision
from engine.reference import evaluator as reference
from engine.select.readings import find_readings, readings_only
from engine.terms import calendar
from engine.terms.agents import named_in
from engine.terms.calendar import of_year
from engine.terms.condition import limits_named
from engine.terms.dictionary import derived_from
from engine.terms.protocol import condition_paths, is_birth_date
from engine.terms.units import AlsoIn, UnitError, conversion, months_each, stated_in

Plain = dict[str, Any]
"""What a file holds: mappings, lists, text, booleans, None, and `Decimal` for a number."""

T = TypeVar("T")


class Choices:
    """Where a generator's choices come from; 0 and "no" are the plainest.

    `rich`: packs use the whole language, also what the exact analysis does not cut.
    """

    rich = False

    def whole(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        raise NotImplementedError

    def of(self, options: Sequence[T]) -> T:
        """One of the options; the first is the plainest."""
        return options[self.whole(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.whole(0, 99) >= 100 - percent

    def some(self, options: Sequence[T], least: int, most: int) -> list[T]:
        """Between `least` and `most` different options, in their order."""
        left = list(range(len(options)))
        count = self.whole(least, min(most, len(left)))
        taken = [left.pop(self.whole(0, len(left) - 1)) for _ in range(count)]
        return [options[i] for i in sorted(taken)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        left = list(options)
        return [left.pop(self.whole(0, len(left) - 1)) for _ in options]


class Seeded(Choices):
    """Choices of a generator with a seed: the same seed, the same choices."""

    def __init__(self, seed: str | int) -> None:
        self._random = Random(seed)

    def whole(self, low: int, high: int) -> int:
        # `int(random() * n)` is steady over versions of Python, and quick.
        return low + int(self._random.random() * (high - low + 1))


class Drawn(Choices):
    """Choices that Hypothesis makes, and takes back to find a smaller example."""

    def __init__(self, draw: Callable[[st.SearchStrategy[int]], int]) -> None:
        self._draw = draw

    def whole(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high)) if low < high else low


# --- files ----------------------------------------------------------------------------


def json_text(value: Any) -> str:
    """JSON that keeps every digit of a `Decimal`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_text(k)}: {json_text(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


def yaml_text(value: Any, indent: str = "") -> str:
    """Block YAML of the same value: words and days stand plain, other texts in quotes."""
    if isinstance(value, Mapping) and value:
        lines = (f"{indent}{_yaml_scalar(k)}:{_yaml_child(v, indent)}" for k, v in value.items())
        return "\n".join(lines)
    if isinstance(value, list) and value:
        return "\n".join(f"{indent}-{_yaml_child(v, indent)}" for v in value)
    return indent + _yaml_scalar(value)


def _yaml_child(value: Any, indent: str) -> str:
    if isinstance(value, Mapping | list) and value:
        return "\n" + yaml_text(value, indent + "  ")
    return " " + _yaml_scalar(value)


_PLAIN = re.compile(r"(?!true$|false$|null$)[a-z][a-z0-9_]*|[0-9]{4}-[0-9]{2}(-[0-9]{2})?")


def _yaml_scalar(value: Any) -> str:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value)
    return str(value) if plain else json_text(value)


def pack_contents(parts: Mapping[str, Plain]) -> dict[str, bytes]:
    """The files of a pack, by name."""
    return {f"{part}.json": json_text(value).encode() for part, value in parts.items()}


def protocol_in(parts: Mapping[str, Plain]) -> m.Protocol:
    return protocol_of(pack_contents(parts), "pack")


def subject_in(recorded: Plain, protocol: m.Protocol) -> m.Subject:
    return read_subject(json_text(recorded).encode(), "subject.json", protocol)


def amount(millionths: int) -> Decimal:
    """Millionths as an exact decimal without superfluous digits."""
    return Decimal(millionths).scaleb(-6).normalize() + 0


def _written(c: Choices, millionths: int) -> Decimal | str:
    """A number as a number, or as text that holds exactly one."""
    number = amount(millionths)
    return number if c.chance(70) else format(number, c.of(["f", "e"]))


# --- packs ----------------------------------------------------------------------------

AS_OF = tuple(
    date.fromisoformat(day)
    for day in "2026-11-20 2024-02-29 2024-03-01 2023-02-28 2023-03-01 2025-03-31 2026-04-30"
    " 2026-12-31 2027-01-01 2000-02-29 2100-03-01 2028-02-29 2026-05-31 2026-07-01"
    " 2025-02-28 2025-03-01 2027-02-28 2026-11-30 2026-10-01".split()
)

FIRST = date(1900, 1, 1)
"""The first day that a file may name."""

_DURATIONS = tuple(
    "7 days,0 days,1 day,14 days,28 days,30 days,2 weeks,6 weeks,1 month,3 months,6 months,1 year"
    ",2 years".split(",")
)


@dataclass(frozen=True)
class Analyte:
    """A kind of quantity: other units it is reported in, and where limits on it lie."""

    unit: str
    low: int
    high: int
    grain: int = m.MILLION
    molar_mass: str = ""
    uln: str = ""
    span: tuple[int, int] | None = None
    also_in: tuple[AlsoIn, ...] = ()


ANALYTES: Mapping[str, Analyte] = {
    "creatinine": Analyte("mg/dL", 400_000, 3_000_000, 100_000, "113.12", "1.2", (0, 40)),
    "before": Analyte("umol/L", 35_000_000, 265_000_000, 1_000_000, "113.12", span=(0, 4000)),
    "glucose": Analyte("mmol/L", 2_000_000, 20_000_000, 100_000, "180.156"),
    "platelets": Analyte("10*9/L", 20_000_000, 200_000_000, 5_000_000, span=(0, 3000)),
    "blasts": Analyte(
        "%",
        0,
        100_000_000,
        5_000_000,
        span=(0, 100),
        also_in=(AlsoIn("1", Decimal(100)), AlsoIn("mmol/mol", Decimal("0.0915"), Decimal("2.15"))),
    ),
    "residual": Analyte(
        "1", 0, 20_000, 1_000, span=(0, 1), also_in=(AlsoIn("%", Decimal("0.01")),)
    ),
    "temperature": Analyte("Cel", 35_000_000, 41_000_000, 100_000, span=(25, 45)),
    "alt": Analyte("U/L", 10_000_000, 400_000_000, 5_000_000, uln="40"),
    "weight": Analyte("kg", 5_000_000, 90_000_000, 500_000),
    "score": Analyte("{score}", 0, 10_000_000, span=(0, 10)),
    "outlook": Analyte("wk", 0, 60_000_000, span=(0, 5200)),
}
OTHER_UNITS: Mapping[str, tuple[str, ...]] = {
    "mg/dL": ("umol/L", "mmol/L", "g/L", "mg/L"),
    "mmol/L": ("mg/dL", "mg/L", "umol/L"),
    "10*9/L": ("10*3/uL", "/uL", "10*12/L"),
    "%": ("1",),
    "1": ("%",),
    "Cel": ("[degF]", "K"),
    "U/L": ("kU/L", "mU/L"),
    "kg": ("g",),
    "wk": ("d", "mo", "a"),
    "mg": ("g", "ug"),
}
_KINDS = ("chemotherapy", "antibody", "radiation", "cell_therapy", "other")
_TARGETS = ("cd19", "cd20", "cd22", "none")
_WORDS = ("alpha", "beta", "gamma")
LIMITS = ("at_least", "above", "at_most", "below")
ULNS = ("at_least_uln", "above_uln", "at_most_uln", "below_uln")
AGOS = ("at_least_ago", "more_than_ago", "within_last", "less_than_ago")
DAYS = ("on_or_after", "on_or_before")
ANCHORED = ("at_least", "more_than", "within", "less_than")
COUNTED = ("completed_years_since", "completed_months_since", "completed_weeks_since")
OPERATORS = (*LIMITS, "between", *ULNS, *AGOS, *DAYS, "ever", "boolean", "choice", "todo")


def pack_parts(c: Choices, as_of: date) -> dict[str, Plain]:
    """The three files of a pack whose criteria a typical subject passes.

    Whether a criterion includes or excludes is settled by what it says of one well-recorded
    subject: otherwise hardly anybody generated would ever be eligible.
    """
    return _calibrated(c, as_of)[0]


def _calibrated(c: Choices, as_of: date) -> tuple[dict[str, Plain], m.Protocol, Plain]:
    wide = c.chance(10)  # more facts and leaves than the engine is given in one piece
    records = _record_lists(c)
    facts = _dictionary(c, records, wide)
    definitions: Plain = {}
    for name in [f"set_{i}" for i in range(c.whole(0, 2))]:
        definitions[name] = condition(c, facts, list(definitions), 2, as_of)
    criteria: list[Plain] = []
    for number in range(c.whole(8, 20) if wide else c.whole(1, 7)):
        criterion: Plain = {"id": f"C{number:02}", "kind": "inclusion", "text": "as it stands"}
        criterion["holds_when"] = condition(c, facts, list(definitions), 3, as_of)
        if c.rich and c.chance(15):
            applies = condition(c, facts, [], 1, as_of)
            criterion["holds_when"] = {"when": applies, "require": criterion["holds_when"]}
        if c.chance(10):
            criterion |= {"interpretation": "as read", "basis": "assumed"}
        criteria.append(criterion)
    parts: dict[str, Plain] = {
        "protocol": {"protocol": "made-up", "version": "1", "title": "A made-up protocol"},
        "facts": _dictionary_file(facts, records),
        "eligibility": {"criteria": criteria}
        | ({"definitions": definitions} if definitions else {}),
    }
    protocol = protocol_in(parts)
    typical = typical_subject(c, Targets.of(protocol), as_of)
    readings = reference.readings(protocol, subject_in(typical, protocol), as_of)
    truths = reference.truths(protocol, readings, as_of)
    kept = [one for one in criteria if truths[one["id"]] != "unknown" or c.chance(10)]
    for one in kept:
        excludes = truths[one["id"]] == "false" and "when" not in one["holds_when"]
        one["kind"] = "exclusion" if excludes else "inclusion"
    parts["eligibility"]["criteria"] = kept or criteria
    return parts, protocol_in(parts), typical


def _dictionary_file(facts: Plain, records: Plain) -> Plain:
    """facts.yaml: tables stand among the facts while a pack is made up."""
    tables = {name: fact["rows"] for name, fact in facts.items() if "rows" in fact}
    made: Plain = {"facts": {name: fact for name, fact in facts.items() if name not in tables}}
    if tables:
        made["tables"] = {
            name: {"unit": facts[name]["unit"], "rows": rows} for name, rows in tables.items()
        }
    return made | ({"records": records} if records else {})


def _record_lists(c: Choices) -> Plain:
    lists: Plain = {}
    for name in c.some(["therapy", "infection"], 0, 2):
        fields: Plain = {
            "kind": {"type": "choice", "choices": list(_KINDS)},
            "target": {"type": "choice", "choices": list(_TARGETS), "many": True},
            "dose": {"type": "quantity", "unit": "mg", "uln": Decimal(5)},
            **({"half_life": {"type": "quantity", "unit": "h"}} if c.rich else {}),
            "serious": {"type": "boolean"},
            "agent": {"type": "text"},
            "started": {"type": "date"},
            "ended": {"type": "date"},
        }
        lists[name] = {"ask": f"Any {name}", "fields": fields}
        if c.chance(70):
            lists[name]["valid_for"] = c.of(_DURATIONS)
        if c.chance(60):
            lists[name]["known"] = _known(c)
    return lists


KNOWN_FIELDS = ("kind", "target")
"""What a name may imply."""


def _known(c: Choices) -> Plain:
    """Agents of one use or several, under more than one name, and regimens of them."""
    known: Plain = {}
    for number, name in enumerate(c.some(_WORDS, 1, 3)):
        uses: list[Plain] = []
        for _ in range(c.of([1, 1, 2, 3])):
            use: Plain = {"kind": c.of(_KINDS)} if c.chance(85) else {}
            if not use or c.chance(60):
                use["target"] = c.some(_TARGETS, 1, 2)
            uses.append(use)
        known[name] = uses[0] if len(uses) == 1 else uses
        if c.chance(50):
            more: Plain = {"synonyms": [f"{name.upper()}-{number}"], "source": "made up"}
            known[name] = more | (uses[0] if len(uses) == 1 else {"uses": uses})
    if len(known) > 1 and c.chance(40):
        known["A-B"] = {"components": c.some(list(known), 1, 3)}
        if c.chance(30):
            known["A-B-more"] = {"components": ["A-B"], "synonyms": ["whole"]}
    return known


def _dictionary(c: Choices, records: Plain, wide: bool) -> Plain:
    least, most = (9, 9) if wide else (0, 2)
    facts: Plain = {}
    if c.chance(70):
        facts["birth_date"] = {"ask": "Date of birth", "type": "date", "changes": "never"}
    for name in c.some(["consent", "pregnant", "relapsed"], min(least, 3), most):
        facts[name] = _kept_for(c, {"ask": name, "type": "boolean"})
    for name in c.some(["stage", "lineage"], min(least, 2), most):
        codes: Any = ["a", "b", "c", "d"][: c.whole(2, 4)]
        if c.chance(30):
            codes = {code: code.upper() for code in codes}
        facts[name] = _kept_for(c, {"ask": name, "type": "choice", "choices": codes})
        if c.rich and c.chance(60):
            facts[name]["points"] = {code: Decimal(c.whole(0, 3)) for code in codes}
    if c.chance(6):
        codes = [f"code_{number}" for number in range(c.of([33, 40, 64, 100]))]
        facts["diagnosis"] = {"ask": "Which", "type": "choice", "choices": codes}
    for name in c.some([n for n in ANALYTES if c.rich or n != "before"], max(least, 1), most + 1):
        analyte = ANALYTES[name]
        fact: Plain = {"ask": name, "type": "quantity", "unit": analyte.unit}
        if analyte.molar_mass:
            fact["molar_mass"] = Decimal(analyte.molar_mass)
        stated = analyte.also_in if c.rich else analyte.also_in[:1]
        if stated:
            fact["also_in"] = {o.unit: {"times": o.times, "plus": o.plus} for o in stated}
        if analyte.uln and c.chance(70):
            fact["uln"] = Decimal(analyte.uln)
        if analyte.span and c.chance(80):
            fact["range"] = [Decimal(end) for end in analyte.span]
            if c.chance(15):
                fact["unit_required"] = True
            if c.chance(20):
                fact["usual"] = [Decimal(end) for end in (analyte.span[0], sum(analyte.span) // 2)]
        facts[name] = _kept_for(c, fact)
    for name in c.some(["transplant", "diagnosed", "scan"], min(least, 3), most):
        facts[name] = _kept_for(c, {"ask": name, "type": "date"})
        if c.rich and c.chance(30):
            facts[name]["planned"] = True
    if c.chance(10):
        facts["remark"] = {"ask": "Remark", "type": "text"}
    for name, derive, kind in _derived(c, facts, records):
        facts[name] = {"ask": name, "type": kind, "derive": derive}
    return facts | {
        f"{name}_limits": _table(c, facts, ANALYTES[name])
        for name in list(facts)
        if c.rich and name in ANALYTES and c.chance(25)
    }


def _table(c: Choices, facts: Plain, kind: Analyte) -> Plain:
    """Limits by one or two facts: every value of theirs has one row, some no limit."""
    fit = [n for n, one in facts.items() if one["type"] in ("boolean", "choice", "quantity")]
    by = c.some([n for n in fit if len(facts[n].get("choices", ())) < 9], 1, 2)
    unit = kind.unit
    for other in c.shuffled(OTHER_UNITS.get(unit, ())):
        if c.chance(30) and not months_each(other, unit):
            mass = Decimal(kind.molar_mass) if kind.molar_mass else None
            try:
                unit = unit if conversion(other, kind.unit, mass)[1] else other
            except UnitError:
                continue
    rows: list[Plain] = [{}]
    for name in by:
        bands = _bands(c, facts[name], ANALYTES.get(name))
        rows = [row | {name: band} for row in rows for band in bands]
    for row in rows:
        at = c.whole(kind.low // kind.grain, kind.high // kind.grain) * kind.grain
        mass = Decimal(kind.molar_mass) if kind.molar_mass else None
        row["limit"] = amount(_converted(at, kind.unit, unit, mass, ()))
        if c.chance(8):
            row["limit"] = "none"
    return {"type": "table", "unit": unit, "by": by, "rows": c.shuffled(rows)}


def _bands(c: Choices, fact: Plain, kind: Analyte | None) -> list[Any]:
    """What rows select by: all that a fact can be, in parts."""
    if fact["type"] == "boolean":
        return [True, False]
    if fact["type"] == "choice":
        codes, cut = list(fact["choices"]), c.whole(1, len(fact["choices"]) - 1)
        return [codes[0] if cut == 1 else codes[:cut], codes[cut:]]
    low, high, grain = (kind.low, kind.high, kind.grain) if kind else (0, 19_000_000, m.MILLION)
    cuts = sorted({c.whole(low // grain + 1, high // grain) * grain for _ in range(2)})
    ends = [amount(cut) for cut in cuts]
    between = [{"at_least": a, "below": b} for a, b in pairwise(ends)]
    return [{"below": ends[0]}, *between, {"at_least": ends[-1]}]


def _kept_for(c: Choices, fact: Plain) -> Plain:
    """Say how long a fact may be relied on, and who must attest it."""
    if c.chance(50):
        fact["valid_for"] = c.of(_DURATIONS)
    elif c.chance(60):
        fact["changes"] = "never"
    if c.chance(20):
        fact["attested_by"] = "investigator"
    if c.chance(20):
        fact |= {"effort": Decimal(c.whole(0, 5)), "found_in": "the chart"}
    return fact


_OF_LISTS = ("latest", "exists", "count", "earliest", *["several"] * 4)


def _derived(c: Choices, facts: Plain, records: Plain) -> Iterator[tuple[str, Plain, str]]:
    dates = [name for name, fact in facts.items() if fact["type"] == "date"]
    rich = c.rich and c.chance(80)
    for number in range(c.whole(1, 4) if records else 0):
        name, way = c.of(list(records)), c.of(_OF_LISTS[: None if rich else 4])
        derive: Plain = _several(c, name) if way == "several" else {way: name}
        kind = {"latest": "date", "earliest": "date", "exists": "boolean"}.get(way, "quantity")
        kind = "boolean" if "stable" in derive else kind
        if kind == "date":
            derive = {way: f"{name}.{c.of(['ended', 'started'])}"}
            dates.append(f"{way}_{number}")
        if c.chance(65):
            derive["where"] = {key: _asked(c, key) for key in c.some(_ASKED, 1, 2)}
        if rich and c.chance(50):
            derive["where"] = {**derive.get("where", {}), **_where_tests(c)}
        yield f"{way}_{number}", derive, kind
    terms = [name for name, fact in facts.items() if _in_formulas(fact)]
    if c.rich and terms and c.chance(80):
        yield "worked", _formula(c, terms, facts), "quantity"
    for number in range(c.whole(0, 1) if c.rich and records else 0):
        yield f"washed_{number}", {"washed_out": _washed_out(c, list(records), dates)}, "boolean"
    if c.rich and dates and c.chance(70):
        counted = {c.of(COUNTED): c.of(dates)} | ({"on": c.of(dates)} if c.chance(50) else {})
        yield "counted", counted, "quantity"
    quantities = [name for name, fact in facts.items() if name in ANALYTES]
    for number in range(c.of([0, 1, 2]) if quantities and rich else 0):
        way = c.of(["highest", "lowest", "mean", "last", "first"])
        derive = {way: c.of(quantities)}
        if c.chance(75):
            derive["within_last"] = c.of(_DURATIONS)
        if c.chance(25):
            derive["at_least_entries"] = Decimal(c.whole(1, 3))
        yield f"several_{number}", derive, "quantity"
    if dates and c.chance(60):
        since = "birth_date" if "birth_date" in facts and c.chance(70) else c.of(dates)
        yield "years", {"completed_years_since": since}, "quantity"
    if dates and c.chance(40):
        ends = {"from": c.of(dates), "to": c.of(dates)}
        yield "apart", {"days_between": ends}, "quantity"


def _washed_out(c: Choices, lists: list[str], dates: list[str]) -> Plain:
    """How long after the entries of a list something must be over."""
    lengths: list[Any] = [c.of(_DURATIONS) for _ in range(c.whole(0, 2))]
    if not lengths or c.chance(60):
        times: Plain = {"times": Decimal(c.of([5, 1, 3]))} if c.chance(80) else {}
        lengths.append({"field": "half_life"} | times)
    made: Plain = {"list": f"{c.of(lists)}.{c.of(['ended', 'started'])}"}
    made["for"] = lengths[0] if len(lengths) == 1 and c.chance(50) else lengths
    if len(lengths) > 1:
        made["whichever"] = c.of(["longer", "shorter"])
    if c.chance(60):
        made["where"] = {key: _asked(c, key) for key in c.some(_ASKED, 1, 2)}
    if c.chance(30):
        made["where"] = {**made.get("where", {}), **_where_tests(c)}
    return made | ({"before": c.of(dates)} if dates and c.chance(60) else {})


def _several(c: Choices, name: str) -> Plain:
    """How many values differ, or what several come to."""
    way = c.of(["mean", "highest", "count", "mean", "last", "lowest", "first", "stable"])
    if way == "stable":
        lasting = c.of([one for one in _DURATIONS if not one.startswith("0")])
        field = c.of(["dose", "kind", "agent", "serious"])
        return {way: f"{name}.{field}", "for": lasting, "from": "started", "to": "ended"}
    if way == "count":
        return {way: name, "distinct": c.of(["agent", "kind", "dose", "ended", "serious"])}
    derive: Plain = {way: f"{name}.dose"}
    if way in ("last", "first"):
        derive["by"] = c.of(["ended", "started"])
    if c.chance(25):
        derive["at_least_entries"] = Decimal(c.whole(1, 3))
    return derive


_ASKED = ("kind", "target", "dose", "serious", "agent")


def _asked(c: Choices, key: str) -> Any:
    """What `where` asks of a field: one value, or a list of them."""
    options: Mapping[str, Sequence[Any]] = {
        "kind": _KINDS,
        "target": _TARGETS,
        "dose": (Decimal(5), Decimal("2.5")),
        "serious": (True, False),
        "agent": _WORDS,
    }
    return c.of(options[key]) if c.chance(50) else c.some(options[key], 1, 3)


def _where_tests(c: Choices) -> Plain:
    """What `where` asks with an operator, of one field or of one of several."""
    way = c.whole(0, 3)
    if way == 0:
        ways = [{key: _field_test(c, key)} for key in c.some(_TESTED, 1, 2)]
        more = {key: _asked(c, key) for key in c.some(_ASKED, 1, 2)}
        return {"any": [*ways, more | {"ended": _field_test(c, "ended")}]}
    if way == 1:
        return {"all": [{"dose": _field_test(c, "dose")}, {"dose": _field_test(c, "dose")}]}
    return {key: _field_test(c, key) for key in c.some(_TESTED, 1, 2)}


_TESTED = ("ended", "dose", "started")


def _field_test(c: Choices, key: str) -> Plain:
    if key == "dose":
        op = c.of(["at_least", "above", "at_most", "below", "between", "at_least_uln", "below_uln"])
        limit = c.of([Decimal(5), Decimal("2.5"), "0.005 g"])
        if op.endswith("_uln"):
            return {op: c.of([Decimal(1), Decimal("0.5")])}
        return {op: [Decimal("2.5"), limit] if op == "between" else limit}
    if c.chance(15):
        return {"ever": c.chance(70)}
    if c.chance(30):
        return {c.of(["on_or_after", "on_or_before"]): c.of(["2026-10-31", "2025-02-28"])}
    op = c.of(["within_last", "at_least_ago", "less_than_ago", "more_than_ago"])
    return {op: c.of([one for one in _DURATIONS if not one.startswith("0")])}


def condition(c: Choices, facts: Plain, defined: list[str], depth: int, as_of: date) -> Plain:
    kind = c.whole(0, 99)
    if depth == 0 or kind < 45:
        if defined and c.chance(15):
            return {"defined": c.of(defined)}
        if c.whole(0, 199) == 199:
            return {"todo": True}
        return _leaf(c, facts, as_of)
    if kind < 55:
        return {"not": condition(c, facts, defined, depth - 1, as_of)}
    if c.rich and c.chance(20):
        some = [_leaf(c, facts, as_of) for _ in range(c.whole(2, 4))]
        parts = list({next(iter(one)): one for one in some}.values())
        return {"at_least": Decimal(c.whole(1, len(parts))), "of": parts}
    many = c.whole(1, 4)
    word = "all" if kind < 77 else "any"
    return {word: [condition(c, facts, defined, depth - 1, as_of) for _ in range(many)]}


def _leaf(c: Choices, facts: Plain, as_of: date) -> Plain:
    name = c.of([name for name, fact in facts.items() if fact["type"] not in ("text", "table")])
    fact = facts[name]
    worked = "formula" in fact.get("derive", {})
    if c.rich and fact["type"] == "quantity" and not worked and c.chance(35):
        limits = list(_held_against(facts, name))
        if limits:
            limit = c.of(limits)
            if "fact" in limit and _measured_in(facts, name)[0] != "Cel" and c.chance(60):
                limit = limit | {"times": _written(c, c.of([2, 5, 1]) * 500_000)}
            return {name: {c.of(LIMITS): limit}}
    if fact["type"] == "boolean":
        return {name: c.chance(50)}
    if fact["type"] == "choice":
        codes = list(fact["choices"])
        return {name: c.of(codes) if c.chance(50) else c.shuffled(c.some(codes, 1, len(codes)))}
    if fact["type"] == "date":
        others = [n for n, f in facts.items() if f["type"] == "date" and n != name]
        if c.rich and c.chance(60):
            return {name: _anchored(c, others) if others and c.chance(80) else _lasting(c)}
        op = c.of((*AGOS, *AGOS, *DAYS, "ever"))
        if op == "ever":
            return {name: {op: c.chance(50)}}
        if op in DAYS:
            return {name: {op: back(as_of, _duration(c), c.whole(-1, 1)).isoformat()}}
        most = "5 years" if c.chance(5) else "99999 years" if c.chance(1) else c.of(_DURATIONS)
        return {name: {op: "1 day" if op == "less_than_ago" and most == "0 days" else most}}
    several = _of_several(fact)
    source = fact["derive"][several.pop()] if several else ""
    if source in ANALYTES:
        kind = ANALYTES[source]
        units = [c.whole(kind.low, kind.high) // kind.grain * kind.grain for _ in range(2)]
        return {name: _limits(c, [amount(u) for u in sorted(units)])}
    if source:
        amounts = [Decimal(5), Decimal("2.5"), Decimal("3.333333"), Decimal(c.whole(0, 24))]
        return {name: _limits(c, sorted(c.of(amounts) for _ in range(2)))}
    if "formula" in fact.get("derive", {}):
        amounts = [Decimal(1), Decimal("0.5"), Decimal("1.5"), Decimal(2), Decimal(c.whole(-3, 9))]
        return {name: _limits(c, sorted(c.of(amounts) for _ in range(2)))}
    if "derive" in fact:
        ends = {
            "completed_years_since": (0, 19),
            "count": (0, 4),
            "completed_months_since": (0, 30),
        }
        low, high = ends.get(next(iter(fact["derive"])), (-40, 400))
        return {name: _limits(c, [Decimal(c.whole(low, high)) for _ in range(2)])}
    if fact["unit"] != "Cel" and c.chance(40 if "uln" in fact else 8):
        return {name: {c.of(ULNS): _written(c, c.of([m.MILLION, 2_500_000, 5_000_000, 333_333]))}}
    kind = ANALYTES[name]
    grain = 1 if c.chance(10) else kind.grain
    units = [c.whole(kind.low // grain, kind.high // grain) * grain for _ in range(2)]
    return {name: _limits(c, [_limit(c, kind, u) for u in sorted(units)])}


def _held_against(facts: Plain, name: str) -> Iterator[Plain]:
    """The other facts and the tables that a quantity may be held against."""
    if f"{name}_limits" in facts:
        table = facts[f"{name}_limits"]
        yield {"table": f"{name}_limits", "by": table["by"]}
        yield {"table": f"{name}_limits", "by": table["by"][::-1]}
    unit, mass = _measured_in(facts, name)
    for other, fact in facts.items():
        if other == name or fact["type"] != "quantity" or "formula" in fact.get("derive", {}):
            continue
        own, own_mass = _measured_in(facts, other)
        try:
            _, offset = conversion(own, unit, mass)
        except UnitError:
            continue
        if own_mass in (None, mass) and not (
            offset or months_each(unit, own) or months_each(own, unit)
        ):
            yield {"fact": other}


def _in_formulas(fact: Plain) -> bool:
    """Whether a formula of a made-up pack may name a fact."""
    quantity = fact["type"] == "quantity" and fact.get("unit", "Cel") != "Cel"
    return quantity or "points" in fact


def _formula(c: Choices, terms: list[str], facts: Plain) -> Plain:
    """A formula that comes out as a bare number: quotients of one fact, and points."""
    parts = []
    for name in c.some(terms, 1, 3):
        bare = "points" in facts[name]
        parts.append(name if bare else f"{name} / max({name}, {c.of(terms_like(facts, name))})")
    text = parts[0]
    for part in parts[1:]:
        sign = c.of(["+", "-", "*"])
        text = c.of([f"({text}) {sign} {part}", f"min({text}, {part})", f"max({text}, {part})"])
    if c.chance(30):
        text = f"{c.whole(1, 9)}.5 / ({text})"
    within = {"within": c.of(_DURATIONS)} if c.chance(40) else {}
    return {"formula": text, **within}


def terms_like(facts: Plain, name: str) -> list[str]:
    """The facts of one unit."""
    unit = facts[name].get("unit")
    return [n for n, f in facts.items() if _in_formulas(f) and f.get("unit") == unit]


def _of_several(fact: Plain) -> set[str]:
    """How a fact comes from several values, if it does."""
    return {*fact.get("derive", {})} & {"highest", "lowest", "mean", "last", "first"}


def _measured_in(facts: Plain, name: str) -> tuple[str, Decimal | None]:
    """The unit of a quantity, and its molar mass."""
    fact = facts[name]
    way, source = next(iter(fact.get("derive", {"": ""}).items()))
    of_way = {"completed_years_since": "a", "days_between": "d", "count": "1"}
    of_way |= {"completed_months_since": "mo", "completed_weeks_since": "wk"}
    if way in of_way:
        return of_way[way], None
    if way:
        return ("mg", None) if "." in source else _measured_in(facts, source)
    return fact.get("unit", "1"), fact.get("molar_mass")


def _anchored(c: Choices, others: Sequence[str]) -> Plain:
    test: Plain = {c.of(["before", "after"]): c.of(others)}
    op = c.of((*ANCHORED, "plain"))
    length = c.of(_DURATIONS)
    if op != "plain":
        test[op] = "1 day" if op == "less_than" and length == "0 days" else length
    return test


def _lasting(c: Choices) -> Plain:
    return {"lasting": c.of(_DURATIONS)}


def _limits(c: Choices, two: list[Any]) -> Plain:
    op = c.of((*LIMITS, "between"))
    if op == "between":
        return {op: sorted(two) if all(isinstance(one, Decimal) for one in two) else [two[0]] * 2}
    return {op: two[0]}


def _limit(c: Choices, kind: Analyte, millionths: int) -> Any:
    """A limit in the fact's unit, or sometimes in another that converts."""
    if c.chance(85):
        return amount(millionths)
    others = [one for one in OTHER_UNITS.get(kind.unit, ()) if not months_each(one, kind.unit)]
    others += [one.unit for one in kind.also_in[1:]] if c.rich else []
    unit = c.of((kind.unit, *others))
    mass = Decimal(kind.molar_mass) if kind.molar_mass else None
    moved = _converted(millionths, kind.unit, unit, mass, kind.also_in)
    if stated_in(unit, kind.also_in[1:]):  # it must come out exactly
        moved = moved // 10_000 * 10_000
    number = amount(moved)
    return f"{number:f} {unit}" if c.chance(50) else {"value": number, "unit": unit}


def turned(
    unit: str, other: str, molar_mass: Decimal | None, also_in: tuple[AlsoIn, ...]
) -> tuple[Fraction, Fraction]:
    """How a number of one unit becomes one of another, also against what a dictionary states."""
    try:
        return conversion(unit, other, molar_mass, also_in)
    except UnitError:
        factor, offset = conversion(other, unit, molar_mass, also_in)
        return 1 / factor, -offset / factor


def _converted(
    millionths: int,
    unit: str,
    other: str,
    molar_mass: Decimal | None,
    also_in: tuple[AlsoIn, ...],
) -> int:
    factor, offset = turned(unit, other, molar_mass, also_in)
    return round(millionths * factor + offset * m.MILLION)


def _duration(c: Choices) -> m.Duration:
    return parse_duration(c.of(_DURATIONS))


def back(day: date, duration: m.Duration, steps: int = 0, *, early: bool = False) -> date:
    """The last day whose `duration` later is not after `day`, moved by `steps` days."""
    at = (calendar.back(day, duration, early=early) or FIRST).toordinal() + steps
    return date.fromordinal(max(FIRST.toordinal(), min(at, date.max.toordinal())))


# --- what a pack's limits are, so that subjects can lie on them ------------------------

Field = tuple[str, str]
"""A field of a record list, by both names."""


@dataclass(frozen=True)
class Targets:
    """A protocol with the limits its conditions set on what is recorded."""

    protocol: m.Protocol
    amounts: dict[str | Field, list[int]] = field(default_factory=dict)
    times: dict[str | Field, list[int]] = field(default_factory=dict)
    ago: dict[str | Field, list[m.Duration]] = field(default_factory=dict)
    days: dict[str | Field, list[date]] = field(default_factory=dict)
    asked: dict[Field, list[Any]] = field(default_factory=dict)

    @staticmethod
    def of(protocol: m.Protocol) -> Targets:
        found = Targets(protocol)
        for leaf in condition_paths(protocol).values():
            if isinstance(leaf, m.LimitTest | m.BetweenTest | m.UlnTest | m.AgoTest | m.DayTest):
                found._leaf(leaf)
            elif isinstance(leaf, m.FactLimitTest):
                found._held(leaf)
            elif isinstance(leaf, m.BooleanTest):
                found._washed(protocol.facts[leaf.fact].derive)
            elif isinstance(leaf, m.AnchorTest | m.LastingTest):
                for source in (s for name in m.facts_of(leaf) for s in found._sources(name)):
                    found.ago.setdefault(source, []).append(leaf.duration or m.Duration(0, 0))
        for fact in protocol.facts.values():
            records, where = getattr(fact.derive, "records", ""), getattr(fact.derive, "where", ())
            for asked in m.equalities(where):
                found.asked.setdefault((records, asked.field), []).extend(asked.values)
            if isinstance(fact.derive, m.Stable):
                for name in (fact.derive.start, fact.derive.stop):
                    found.ago.setdefault((records, name), []).append(fact.derive.lasting)
            for test in m.tests_in(where):
                key = (records, test.fact)
                found.asked.setdefault(key, []).extend(limits_named(test))
                if isinstance(test, m.AgoTest):
                    found.ago.setdefault(key, []).append(test.duration)
                elif isinstance(test, m.DayTest):
                    found.days.setdefault(key, []).append(test.day)
        return found

    def _leaf(self, leaf: m.LimitTest | m.BetweenTest | m.UlnTest | m.AgoTest | m.DayTest) -> None:
        derive = self.protocol.facts[leaf.fact].derive
        if isinstance(derive, m.OfValues):
            self.amounts.setdefault(derive.fact, []).extend(limits_named(leaf))
        if isinstance(derive, m.OfSeveral):
            self.asked.setdefault((derive.records, derive.field), []).extend(limits_named(leaf))
        for source in self._sources(leaf.fact):
            if isinstance(leaf, m.AgoTest):
                self.ago.setdefault(source, []).append(leaf.duration)
            elif isinstance(leaf, m.DayTest):
                self.days.setdefault(source, []).append(leaf.day)
            elif isinstance(leaf, m.UlnTest):
                self.times.setdefault(source, []).append(leaf.times_u)
            else:
                ends = (
                    [leaf.limit_u] if isinstance(leaf, m.LimitTest) else [leaf.low_u, leaf.high_u]
                )
                derive = self.protocol.facts[leaf.fact].derive
                if derive is None:
                    self.amounts.setdefault(source, []).extend(ends)
                for number in (abs(end) // m.MILLION for end in ends):
                    if isinstance(derive, m.Completed):
                        days, months = {"a": (0, 12), "mo": (0, 1), "wk": (7, 0)}[derive.unit]
                        span = m.Duration(days * number, months * number)
                        self.ago.setdefault(source, []).append(span)
                    elif isinstance(derive, m.CompletedYears):
                        spans = [m.Duration(0, 12 * number), m.Duration(0, 12 * number + 12)]
                        self.ago.setdefault(source, []).extend(spans)
                    elif isinstance(derive, m.DaysBetween):
                        self.ago.setdefault(source, []).append(m.Duration(number, 0))

    def _washed(self, derive: m.Derivation | None) -> None:
        """The lengths of time that must be over after the entries of a list."""
        for one in derive.lengths if isinstance(derive, m.WashedOut) else ():
            assert isinstance(derive, m.WashedOut)
            own = one if isinstance(one, m.Duration) else m.Duration(5, 0)
            for source in ((derive.records, derive.field), *self._sources(derive.before or "")):
                self.ago.setdefault(source, []).append(own)

    def _held(self, leaf: m.FactLimitTest) -> None:
        """The limits of a table in the unit of the value, and where its rows part."""
        fact, other = self.protocol.facts[leaf.fact], self.protocol.facts[leaf.against]
        if not isinstance(other.derive, m.ByTable):
            return
        for row in other.derive.rows:
            if row.limit_u is not None and fact.derive is None:
                goal = (fact.unit, fact.molar_mass)
                limit = round(row.limit_u * conversion(other.unit, *goal)[0])
                self.amounts.setdefault(leaf.fact, []).append(limit)
            for name, spans in zip(other.derive.by, row.spans, strict=True):
                own = self.protocol.facts[name]
                ends = [end for span in spans for end in span if abs(end) < m.UNBOUNDED]
                if own.type == "quantity" and ends:
                    self._leaf(m.BetweenTest(name, min(ends), max(ends)))

    def _sources(self, name: str) -> Iterator[str | Field]:
        """The recorded facts and fields that a fact comes from."""
        if not name:
            return
        derive = self.protocol.facts[name].derive
        if derive is None:
            yield name
        elif isinstance(derive, m.LatestOf | m.EarliestOf):
            yield (derive.records, derive.field)
        else:
            for source in derived_from(self.protocol.facts[name]):
                yield from self._sources(source)


# --- subjects -------------------------------------------------------------------------


def typical_subject(c: Choices, targets: Targets, as_of: date) -> Plain:
    """Somebody of whom everything is recorded, precisely, lately and by name."""
    protocol = targets.protocol
    facts = {
        name: _settled(c, targets, fact, as_of)
        for name, fact in protocol.facts.items()
        if fact.derive is None
    }
    records = {
        name: {
            "complete_on": _confirmed_on(c, one, as_of),
            "entries": _entries(c, targets, one, as_of),
        }
        for name, one in protocol.records.items()
    }
    return {"subject": "typical", "facts": _in_units(protocol, facts), "records": records}


def _in_units(protocol: m.Protocol, facts: Plain) -> Plain:
    """The facts with a unit where the dictionary asks for one."""

    def stated(fact: m.Fact, said: Any) -> Any:
        if isinstance(said, list):
            return [stated(fact, one) for one in said]
        if not isinstance(said, dict):
            return said if said is None else {"value": said, "unit": fact.unit}
        return {"unit": fact.unit, **said} if said.get("value") is not None else said

    return {
        name: stated(protocol.facts[name], said) if protocol.facts[name].unit_required else said
        for name, said in facts.items()
    }


SHARES = (15, 0, 8, 30, 45, 60, 100)
"""How much of a subject is varied, in hundredths: one of these."""


def varied_subject(
    c: Choices, targets: Targets, as_of: date, typical: Plain, shares: Sequence[int] = SHARES
) -> Plain:
    """The typical subject with some statements anew, gone, doubtful, late, or twice."""
    protocol = targets.protocol
    share = c.of(shares)
    facts: Plain = {}
    for name, fact in protocol.facts.items():
        if fact.derive is not None:
            continue
        if not c.chance(share):
            if name in typical["facts"]:
                facts[name] = typical["facts"][name]
        elif c.chance(40):
            facts[name] = _settled(c, targets, fact, as_of)
        else:
            doubtful = _doubtful(c, targets, fact, as_of)
            if doubtful is not OMITTED:
                facts[name] = doubtful
    records: Plain = {}
    for name, one in protocol.records.items():
        if not c.chance(share):
            records[name] = typical["records"].get(name)
        elif c.chance(90):
            listed = typical["records"].get(name, {})
            records[name] = _record_list(c, targets, one, as_of, listed)
    if c.chance(12):
        facts, records = ending_with_what_decides(c, targets, as_of, typical)
    named = c.of(["S-1", "S-2", "نمونه ۳", "S 4"])
    return {"subject": named, "facts": _in_units(protocol, facts), "records": records}


def ending_with_what_decides(
    c: Choices, targets: Targets, as_of: date, typical: Plain
) -> tuple[Plain, Plain]:
    """The typical subject, whose last list ends with an entry that a derivation looks for."""
    facts, records = dict(typical["facts"]), dict(typical["records"])
    sought = [
        fact.derive
        for fact in targets.protocol.facts.values()
        if isinstance(fact.derive, m.LatestOf | m.EarliestOf | m.Exists | m.Count)
        and all(isinstance(clause, m.Where) for clause in fact.derive.where)
    ]
    if not sought:
        return facts, records
    derive = c.of(sought)
    record = targets.protocol.records[derive.records]
    entry: Plain = {}
    for name, one in record.fields.items():
        value = _field_value(c, targets, record, one, as_of, 0)
        entry[name] = as_of.isoformat() if one.type == "date" and c.chance(50) else value
    for where in m.equalities(derive.where):
        value = c.of(where.values)
        quantity = record.fields[where.field].type == "quantity"
        entry[where.field] = amount(int(value)) if quantity else value
    listed = records.pop(record.name)
    entries = [*listed["entries"], _sorted_out(c, record, entry)]
    return facts, records | {record.name: listed | {"entries": entries}}


OMITTED = object()


def _settled(c: Choices, targets: Targets, fact: m.Fact, as_of: date) -> Any:
    """One statement that counts."""
    value = _value(c, targets, fact, as_of)
    said: Plain = {"value": value}
    if fact.unit_required:
        said["unit"] = fact.unit
    if fact.valid_for is not None:
        said["on"] = _good_on(c, fact.valid_for, as_of).isoformat()
    elif c.chance(30):
        said["on"] = back(as_of, _duration(c)).isoformat()
    if fact.attested_by:
        said["by"] = "Dr A. Example"
    return value if len(said) == 1 and c.chance(80) else said


def _good_on(c: Choices, valid_for: m.Duration, as_of: date) -> date:
    """A day whose value may still be relied on; often the first of them."""
    first = back(as_of, valid_for)
    while (until := calendar.earliest(first, valid_for)) is None or until < as_of:
        first = date.fromordinal(first.toordinal() + 1)
    first = min(first, as_of)
    if c.chance(50):
        return date.fromordinal(c.whole(first.toordinal(), as_of.toordinal()))
    return c.of([as_of, first])


def _doubtful(c: Choices, targets: Targets, fact: m.Fact, as_of: date) -> Any:
    """What may be recorded instead of one good statement."""
    today = as_of.toordinal()
    later = date.fromordinal(min(today + c.of([1, 2, 30]), date.max.toordinal())).isoformat()
    way = c.whole(0, 19)
    if way >= 16:
        return _of_uncertain_day(c, targets, fact, as_of)
    if way == 0:
        return c.of([OMITTED, None, "", [], {"value": None}, {"unknown": None}])
    settled = _settled(c, targets, fact, as_of)
    said: Plain = dict(settled) if isinstance(settled, dict) else {"value": settled}
    unknown: Plain = {"unknown": c.of(["pending", "not_done"])}
    if way == 1:
        return unknown | ({"on": said["on"]} if "on" in said and c.chance(70) else {})
    if way == 2:  # recorded only for a later day
        return said | {"on": later}
    if way == 3:  # a value now, another for a later day
        return c.shuffled([said, {**said, "value": _value(c, targets, fact, as_of), "on": later}])
    if way == 4 and fact.valid_for is not None:  # out of date, often by one day
        stale = back(as_of, fact.valid_for, -c.of([1, 1, 2, 40]))
        while (until := calendar.earliest(stale, fact.valid_for)) is not None and until >= as_of:
            if stale == FIRST:
                break
            stale = date.fromordinal(stale.toordinal() - 1)
        return said | {"on": stale.isoformat()}
    if way == 5:  # undated
        return {key: value for key, value in said.items() if key != "on"}
    if way == 6 and fact.attested_by:
        return {key: value for key, value in said.items() if key != "by"}
    same_day = {key: said[key] for key in ("on",) if key in said}
    if way == 11:  # two on one day that say the same, or nearly: one unsigned, two limits, no value
        if fact.attested_by and c.chance(50):
            return c.shuffled([said, {key: value for key, value in said.items() if key != "by"}])
        if fact.type == "quantity" and c.chance(70):
            ulns = [amount((fact.uln_u or m.MILLION) * c.of([2, 3]) // 2) for _ in range(2)]
            return [said | {"uln": uln} for uln in ulns]
        return c.shuffled([{"unknown": "pending"} | same_day, {"unknown": "not_done"} | same_day])
    if way == 7 and fact.type == "quantity" and c.chance(40):  # two that share their open end
        low, high = fact.range_u or (-m.LARGEST, m.LARGEST)
        sign, bounds = c.of(["<", ">"]), [_amount(c, targets, fact) for _ in range(2)]
        if all(low + 1 < bound < high - 1 for bound in bounds):
            return [said | {"value": f"{sign}{amount(bound):f}"} for bound in bounds]
    if way in (7, 8):  # two on one day: in conflict, unless they happen to agree
        other = dict(said) if c.chance(25) else {**said, "value": _value(c, targets, fact, as_of)}
        if way == 8 or fact.type != "quantity":
            other = c.of([other, unknown | same_day])
        return c.shuffled([_measured(c, targets, fact, said), _measured(c, targets, fact, other)])
    if way == 9:  # the latest day wins
        on = date.fromisoformat(said.get("on", as_of.isoformat()))
        before = {**said, "value": _value(c, targets, fact, as_of)}
        before["on"] = back(on, m.Duration(c.of([1, 30]), 0)).isoformat()
        return c.shuffled([{**said, "on": on.isoformat()}, before])
    if way == 10:  # a wrong entry, kept and marked
        wrong = {**said, "value": c.of(["whatever", Decimal(7)]), "voided": "wrong person"}
        return c.of([wrong, [said, wrong], {"voided": True}])
    return _measured(c, targets, fact, _vague(c, targets, fact, said, as_of))


def _of_uncertain_day(c: Choices, targets: Targets, fact: m.Fact, as_of: date) -> Any:
    """One to three statements, of days of which some are not known, or of a year to come."""
    found: list[Any] = []
    first: Any = None
    for _ in range(c.of([2, 2, 1, 3])):
        settled = _settled(c, targets, fact, as_of)
        said: Plain = dict(settled) if isinstance(settled, dict) else {"value": settled}
        first = said["value"] if first is None else first
        if c.chance(40):
            said["value"] = first
        if c.chance(12):
            said = {"unknown": c.of(["pending", "not_done"])}
        day = date.fromisoformat(said.pop("on", as_of.isoformat()))
        way = c.whole(0, 6)
        if way in (0, 1, 2):
            said["on"] = day.isoformat()[: (10, 7, 4)[way]]
        elif way == 3:
            said["not_after"] = back(as_of, m.Duration(c.of([0, 1, 30, 400]), 0)).isoformat()
        elif way == 4 and day.year < 9000:
            said["on"] = of_year(day, as_of.year + c.of([1, 1, 2])).isoformat()[: c.of([10, 7])]
        elif way == 5:
            said["on"] = as_of.isoformat()
        found.append(_measured(c, targets, fact, said))
    return found


def _vague(c: Choices, targets: Targets, fact: m.Fact, said: Plain, as_of: date) -> Plain:
    """A censored result, or a date of which only the month or year is known."""
    if fact.type == "quantity":
        low, high = fact.range_u or (-m.LARGEST, m.LARGEST)
        bound = _amount(c, targets, fact)
        if low + 1 < bound < high - 1:
            return said | {"value": f"{c.of(['<', '>', '<=', '>='])}{_written(c, bound)}"}
    if fact.type == "date":
        birth = is_birth_date(targets.protocol, fact)
        day = _day(c, targets, fact.name, as_of).isoformat()
        if not birth and c.chance(20):
            return said | {"value": "never"}
        if not birth and c.chance(15):
            return said | {"value": f"{min(9999, as_of.year + c.whole(0, 1)):04}-12"}
        return said | {"value": day[: c.of([7, 4])]}
    return said


def _measured(c: Choices, targets: Targets, fact: m.Fact, said: Plain) -> Plain:
    """A result, perhaps in another unit, perhaps with a limit of normal of its own."""
    if fact.type != "quantity" or "value" not in said:
        return said
    text = str(said["value"])
    sign = text[: len(text) - len(text.lstrip("<>="))]
    number = round(Decimal(text.lstrip("<>=")).scaleb(6))
    other = c.of(units_of(fact)) if c.chance(40) else fact.unit
    said = dict(said)
    uln_u = (fact.uln_u or m.MILLION) * c.of([100, 100, 90, 110]) // 100
    own = c.chance(40)
    if other != fact.unit:
        moved = elsewhere(fact, number, other, spare=2 if sign else 0)
        limits = targets.amounts.get(fact.name)
        if limits and not sign and c.chance(40):
            moved = _tied(c, fact, c.of(limits), other) or moved
        if moved is not None:
            said |= {"value": amount(moved), "unit": other}
            if sign:
                said["value"] = f"{sign}{amount(moved):f}"
            uln_u = max(1, _converted(uln_u, fact.unit, other, fact.molar_mass, fact.also_in))
    if own:
        said["uln"] = amount(uln_u)
        if c.chance(60) and not sign:  # on the limit, so far as a millionth allows
            times = c.of(targets.times.get(fact.name, [m.MILLION]))
            number = times * uln_u // m.MILLION + c.whole(-1, 1)
            if fits(fact, number, said.get("unit", fact.unit)):
                said["value"] = amount(number)
    return said


def units_of(of: m.Fact | m.Field) -> tuple[str, ...]:
    """The units that a quantity is recorded in, its own first."""
    usual = (of.unit, *OTHER_UNITS.get(of.unit, ()))
    return (*usual, *(one.unit for one in of.also_in if one.unit not in usual))


def _tied(c: Choices, fact: m.Fact, millionths: int, unit: str) -> int | None:
    """An amount in another unit, half a millionth of the fact's unit from some number of them."""
    try:
        factor, offset = conversion(unit, fact.unit, fact.molar_mass, fact.also_in)
    except UnitError:
        return None
    exact = (millionths + Fraction(c.of([1, -1]), 2) - offset * m.MILLION) / factor
    whole = exact.denominator == 1 and fits(fact, exact.numerator, unit)
    return exact.numerator if whole else None


def elsewhere(fact: m.Fact | m.Field, millionths: int, unit: str, spare: int = 0) -> int | None:
    """The nearest amount in another unit; None if it does not convert or leaves the range."""
    try:
        moved = _converted(millionths, fact.unit, unit, fact.molar_mass, fact.also_in)
    except UnitError:
        return None
    return moved if fits(fact, moved, unit, spare) else None


def fits(fact: m.Fact | m.Field, millionths: int, unit: str, spare: int = 0) -> bool:
    """Whether the reader will take an amount: not too large, and inside the range."""
    back_again = _converted(millionths, unit, fact.unit, fact.molar_mass, fact.also_in)
    low, high = fact.range_u or (-m.LARGEST, m.LARGEST)
    return abs(millionths) <= m.LARGEST and low + spare <= back_again <= high - spare


def _value(c: Choices, targets: Targets, fact: m.Fact, as_of: date) -> Any:
    """A precise value of a fact's type."""
    if fact.type == "boolean":
        return c.chance(50)
    if fact.type == "choice":
        return c.of(fact.choices).code
    if fact.type == "quantity":
        return _written(c, _amount(c, targets, fact))
    if fact.type == "text":
        return c.of(_WORDS)
    birth = is_birth_date(targets.protocol, fact)
    if not birth and c.chance(6):
        return "never"
    day = _day(c, targets, fact.name, as_of)
    return (min(day, as_of) if birth else day).isoformat()


def _amount(c: Choices, targets: Targets, fact: m.Fact) -> int:
    """Millionths on a limit, next to one, at an end of the range, or anywhere."""
    low, high = fact.range_u or (0, 400 * m.MILLION)
    limits = list(targets.amounts.get(fact.name, ()))
    if fact.uln_u is not None:
        limits += [times * fact.uln_u // m.MILLION for times in targets.times.get(fact.name, ())]
    if limits and c.chance(75):
        near = c.of([0, 1, -1, 100_000, -100_000, m.MILLION, -m.MILLION, 250_000])
        found = c.of(limits) + near
    elif c.chance(15):
        found = c.of([low, high, low + 1, high - 1])
    else:
        kind = ANALYTES.get(fact.name)
        found = c.whole(kind.low, kind.high) if kind else c.whole(low, high)
        found -= found % c.of([m.MILLION, 100_000, 10_000, 1])
    if fact.range_u is None:
        return max(-m.LARGEST, min(found, m.LARGEST))
    return max(low, min(found, high))


def _day(c: Choices, targets: Targets, source: str | Field, as_of: date) -> date:
    """A day on which a test turns, or next to one; seldom one still to come."""
    if c.chance(4):
        return date.fromordinal(min(as_of.toordinal() + c.of([1, 20, 400]), date.max.toordinal()))
    days = targets.days.get(source, [])
    if days and c.chance(40):
        return date.fromordinal(c.of(days).toordinal() + c.whole(-1, 1))
    ago = targets.ago.get(source, [])
    if (as_of.month, as_of.day) in ((2, 28), (3, 1)) and c.chance(45):
        leap = (as_of.year - 1) // 4 * 4 - 4 * c.whole(0, 4)
        return date(leap, 2, 29 if isleap(leap) else 28)
    duration = c.of(ago) if ago and c.chance(70) else _duration(c)
    return back(as_of, duration, c.of([0, 1, -1, -2, -20, 2]), early=c.chance(50))


def _confirmed_on(c: Choices, record: m.RecordList, as_of: date) -> str:
    return _good_on(c, record.valid_for, as_of).isoformat()


def _record_list(
    c: Choices, targets: Targets, record: m.RecordList, as_of: date, typical: Plain
) -> Plain | None:
    """A list as somebody may have left it: unconfirmed, entries vague or marked wrong."""
    listed: Plain = {"entries": []} | dict(typical)
    if c.chance(60):
        listed["entries"] = _entries(c, targets, record, as_of, vague=c.of([20, 0, 50]))
    if c.chance(60):
        way = c.whole(0, 4)
        listed["complete_on"] = _confirmed_on(c, record, as_of)
        if way == 0:
            del listed["complete_on"]
        elif way == 1:
            listed["complete_on"] = None
        elif way == 2:
            listed["complete_on"] = date.fromordinal(as_of.toordinal() + 1).isoformat()
        elif way == 3:
            listed["complete_on"] = back(as_of, record.valid_for, -c.of([1, 1, 2, 40])).isoformat()
    if listed.get("complete_on"):
        listed.setdefault("entries", [])
    if c.chance(25):
        listed["count"] = Decimal(max(0, len(listed.get("entries", [])) - c.of([0, 0, 1])))
    if not listed.get("entries") and c.chance(30):
        listed |= {"none": True}
        listed.pop("entries", None)
    return None if c.chance(4) else listed


def _entries(
    c: Choices, targets: Targets, record: m.RecordList, as_of: date, vague: int = 0
) -> list[Plain]:
    entries = []
    for _ in range(c.of([1, 0, 2, 3, 5])):
        entry: Plain = {}
        for name, one in record.fields.items():
            if vague and c.chance(vague // 2):
                if c.chance(30):
                    entry[name] = c.of([None, ""])
                continue
            value = _field_value(c, targets, record, one, as_of, vague)
            if value is not None:
                entry[name] = value
        if vague and c.chance(10):
            entry["voided"] = "belongs to somebody else"
        entries.append(_sorted_out(c, record, entry))
    return entries


def _field_value(
    c: Choices, targets: Targets, record: m.RecordList, one: m.Field, as_of: date, vague: int
) -> Any:
    key = (record.name, one.name)
    asked = targets.asked.get(key, [])
    if one.type == "date":
        if c.chance(8):
            return "ongoing"
        day = _day(c, targets, key, as_of).isoformat()
        return day[: c.of([7, 4])] if vague and c.chance(vague) else day
    if one.type == "boolean":
        return c.chance(50)
    if one.type == "text":
        return _text(c, record, one)
    if one.type == "choice":
        codes = [choice.code for choice in one.choices]
        picked: list[str | None] = [str(c.of(asked)) if asked and c.chance(50) else c.of(codes)]
        if one.many and c.chance(50):
            picked += c.some(codes, 0, 2)
            if vague and c.chance(vague):
                picked.append(c.of([None, ""]))
            return c.shuffled(picked)
        return picked[0]
    millionths = c.whole(0, 100) * 250_000
    if asked and c.chance(60):
        millionths = c.of(asked) + c.of([0, 0, 0, 1, -1])
    low, high = one.range_u or (0, m.LARGEST)
    millionths = max(low, min(millionths, high))
    if vague and c.chance(30) and low + 2 < millionths < high - 2:
        return f"{c.of(['<', '>', '<=', '>='])}{amount(millionths):f}"
    unit = c.of((one.unit, *OTHER_UNITS.get(one.unit, ())))
    moved = elsewhere(one, millionths, unit)
    if moved is None or unit == one.unit:
        return amount(millionths)
    return {"value": amount(moved), "unit": unit}


def _text(c: Choices, record: m.RecordList, one: m.Field) -> str:
    """A word; where names are known, also one of them, or a text that holds some."""
    if one.name != record.known_by or c.chance(30):
        return c.of((*_WORDS, "delta"))
    names = [n for agent in record.known.values() for n in (agent.name, *agent.synonyms)]
    name = c.of(names)
    name = c.of([name, name, name.upper(), f"  {name.title()} ", name.replace("-", "－")])
    return c.of(
        [name, name, name, f"{name} 375 mg", f"{name} + {c.of(names)}", f"un{name}", f"{name}3"]
    )


def _sorted_out(c: Choices, record: m.RecordList, entry: Plain) -> Plain:
    """An entry as a nurse leaves it once the reader has refused a contradiction."""
    text = entry.get(record.known_by)
    if not isinstance(text, str) or not text or not record.known or "voided" in entry:
        return entry
    names, exact = named_in(record, text)
    if not exact:
        return entry
    uses = [use for name in names for use in record.known[name].uses]
    if c.chance(30):
        return {key: value for key, value in entry.items() if key not in KNOWN_FIELDS}
    use = c.of(uses)
    kept = dict(entry)
    for key in KNOWN_FIELDS:
        if key in use and kept.get(key):
            codes = list(use[key])
            kept[key] = codes[0] if key == "kind" else c.of([codes, codes[:1], [codes[0], None]])
        elif len(names) > 1:  # what this component leaves open, another may forbid
            kept.pop(key, None)
    return kept


# --- both together --------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A made-up pack, ready to screen with, and its typical subject on its as-of date."""

    seed: int
    parts: dict[str, Plain] = field(repr=False)
    protocol: m.Protocol = field(repr=False)
    targets: Targets = field(repr=False)
    typical: Plain = field(repr=False)
    as_of: date
    screener: Screener = field(repr=False)

    @cached_property
    def conditions(self) -> Mapping[str, m.Condition]:
        """Every condition by its path."""
        return condition_paths(self.protocol)

    def subject(self, c: Choices, shares: Sequence[int] = SHARES) -> tuple[Plain, date]:
        """Somebody to screen, mostly on the pack's own date."""
        as_of, typical = self.as_of, self.typical
        if c.chance(15):
            as_of = c.of(AS_OF)
            typical = typical_subject(c, self.targets, as_of)
        return varied_subject(c, self.targets, as_of, typical, shares), as_of

    def close(self) -> None:
        self.screener.close()


def case(seed: int) -> Case:
    """The pack of a seed. Close it when done: its rules are held outside Python's memory."""
    c = Seeded(f"pack {seed}")
    c.rich = seed >= RICH
    as_of = c.of(AS_OF)
    parts, protocol, typical = _calibrated(c, as_of)
    targets = Targets.of(protocol)
    return Case(seed, parts, protocol, targets, typical, as_of, Screener(protocol))


LONG = os.environ.get("ELIGO_FUZZ") == "long"


def fewer(share: int) -> settings:
    """Settings of a property test whose examples take long: one of `share` of the usual."""
    usual = settings.default
    assert usual is not None
    return settings(max_examples=usual.max_examples // share)


RICH = 1_000_000
"""From this seed on packs use the whole language; those before it are what they always were."""

POOL = 300 if LONG else 40
"""Packs that the property tests share; each takes some 15 ms to make ready."""

POOLED = (*range(POOL), *range(RICH, RICH + POOL))
"""The seeds of the shared packs."""

pooled = lru_cache(maxsize=None)(case)


@dataclass(frozen=True)
class Screening:
    """A subject to screen: what a failing example shows."""

    case: Case
    recorded: Plain
    as_of: date

    def __repr__(self) -> str:
        return f"case({self.case.seed}), {self.as_of.isoformat()}, {json_text(self.recorded)}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would print the whole pack

    def subject(self) -> m.Subject:
        return subject_in(self.recorded, self.case.protocol)

    def decision(self) -> Decision:
        return self.case.screener.decide(self.subject(), self.as_of)

    def readings(self) -> dict[str, m.Reading]:
        return readings_only(find_readings(self.case.protocol, self.subject(), self.as_of))

    def changed(self, recorded: Plain) -> Screening:
        """The same pack and day, with something recorded otherwise."""
        return replace(self, recorded=recorded)


@st.composite
def packs(draw: Callable[[st.SearchStrategy[int]], int]) -> tuple[dict[str, Plain], date]:
    """A pack of Hypothesis' choosing, and the as-of date that it was calibrated for."""
    c = Drawn(draw)
    as_of = c.of(AS_OF)
    return pack_parts(c, as_of), as_of


@st.composite
def screenings(
    draw: Callable[[st.SearchStrategy[int]], int], shares: Sequence[int] = SHARES
) -> Screening:
    """Somebody of Hypothesis' choosing, screened with one of the shared packs."""
    one = pooled(draw(st.sampled_from(POOLED)))
    recorded, as_of = one.subject(Drawn(draw), shares)
    return Screening(one, recorded, as_of)
