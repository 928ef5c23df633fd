"""Small packs whose facts hang together, and brute force over what can be recorded for them.

`parts` makes packs of one to four criteria: dates with windows in days, weeks, months and
years; ages beside the birth date; days between dates, one of them from a list; derivations
over one list with shared and with disjoint `where`; multiples of a limit of normal; validity;
fixed days. `amended` makes one edit of such a pack.

`Grid` records something at and beside every limit of every source, on as-of dates at the ends
of months and years, on leap days and beside fixed days, and asks the reference evaluator what
each test comes to. It shares nothing with `engine.regions`: facts are taken together by what
they are recorded through alone (a fact, or a whole list), days are found by counting, and
nothing is left out because it seems to make no difference.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise, product
from random import Random
from typing import Any, NamedTuple

from engine import terms as m
from engine.read.source import Document, Num
from engine.read.subjects import read_subject, subject_of
from engine.record.wording import decimal_text
from engine.reference import evaluator as reference
from engine.reference import measures
from engine.regions.asked import fitted
from engine.terms.dictionary import derived_from
from engine.terms.faults import InputRejected
from engine.workbench.witness import file_lines
from tests.generators import AGOS, LIMITS, ULNS, Choices, Plain, amount

Leaf = tuple[int, m.Leaf]
"""A test, with the number of its pack."""

TRUTHS: Mapping[m.Truth, int] = {"false": 0, "unknown": 1, "true": 2}
DEFAULT_DAY = date(2026, 1, 15)
FIRST = date(1900, 1, 1)

# --- packs --------------------------------------------------------------------------------

NEAR = tuple(
    tuple(some.split(","))
    for some in (
        "1 month,30 days,31 days,28 days,4 weeks",
        "30 days,1 month,2 weeks,29 days",
        "2 months,59 days,61 days,62 days,60 days",
        "1 year,365 days,366 days,12 months,52 weeks",
        "7 days,8 days,1 week,6 days",
        "0 days,1 day,2 days",
        "2 weeks,14 days,13 days,15 days",
        "1 month,2 months,3 months",
        "1 year,18 months,2 years",
        "18 years,216 months,17 years,6574 days",
    )
)
"""Lengths that lie close to each other."""

FIXED = (
    "2026-01-31 2026-02-28 2026-03-01 2024-02-29 2025-12-31 2026-01-01 2025-12-15 2008-02-29"
    " 2008-03-01 2007-12-31"
).split()
EFFECTIVE = (
    "2026-01-15 2026-03-15 2026-03-31 2024-02-29 2026-05-31 2026-03-01 2026-12-31 2025-03-30"
).split()
KEPT = ("7 days", "30 days", "31 days", "1 month", "1 year", "0 days", "12 months", "4 weeks")
LISTED = ("0 days", "7 days", "30 days", "1 month")
FAMILIES = ("date", "birth", "between", "list", "linked", "uln", "number", "plain")


def kept(c: Choices, fact: Plain, stays: int = 60) -> Plain:
    if c.chance(stays):
        fact["changes"] = "never"
    else:
        fact["valid_for"] = c.of(KEPT)
    if c.chance(10):
        fact["attested_by"] = "investigator"
    return fact


def parts(c: Choices, families: Sequence[str] = FAMILIES) -> dict[str, Plain]:
    """The three files of a small pack."""
    lengths = c.of(NEAR)
    facts: Plain = {}
    records: Plain = {}
    for family in c.some(families, 1, 2):
        _FAMILIES[family](c, facts, records)
    tested = [name for name, fact in facts.items() if name != "started_on" or c.chance(70)]
    tested = c.some(tested, 1, 4)

    def leaf() -> Plain:
        name = c.of(tested)
        return {name: _test(c, facts[name], lengths)}

    def tree(depth: int) -> Plain:
        kind = c.whole(0, 9) if depth else 0
        if kind < 3:
            return leaf()
        if kind < 4:
            return {"not": tree(depth - 1)}
        some = [tree(depth - 1) for _ in range(c.whole(2, 3))]
        return {"all" if kind < 8 else "any": some}

    definitions: Plain = {}
    if c.chance(15):
        definitions["both"] = tree(1)
    criteria = []
    for number in range(c.of([1, 2, 1, 2, 3, 4])):
        condition = tree(c.of([2, 1, 1, 0]))
        if definitions and c.chance(60):
            condition = {c.of(["all", "any"]): [condition, {"defined": "both"}]}
        kind = "exclusion" if c.chance(35) else "inclusion"
        criteria.append(
            {"id": f"C{number:02}", "kind": kind, "text": "as said", "holds_when": condition}
        )
    protocol: Plain = {"protocol": "made-up", "version": "1", "title": "A made-up protocol"}
    if c.chance(50):
        protocol["effective"] = c.of(EFFECTIVE)
    return {
        "protocol": protocol,
        "facts": {"facts": facts} | ({"records": records} if records else {}),
        "eligibility": {"criteria": criteria}
        | ({"definitions": definitions} if definitions else {}),
    }


def _a_date(c: Choices, facts: Plain, records: Plain) -> None:
    facts["scan"] = kept(c, {"ask": "Scan", "type": "date"})


def _a_birth(c: Choices, facts: Plain, records: Plain) -> None:
    name = "birth_date" if c.chance(70) else "born"
    facts[name] = {"ask": "Born", "type": "date", "changes": "never"}
    facts["age"] = {
        "ask": "Age", "type": "quantity", "derive": {"completed_years_since": name},
    }  # fmt: skip
    if c.chance(15):
        facts["age"]["range"] = [amount(0), amount(120 * m.MILLION)]


def _two_dates(c: Choices, facts: Plain, records: Plain) -> None:
    facts["started_on"] = kept(c, {"ask": "Started", "type": "date"})
    facts["ended_on"] = kept(c, {"ask": "Ended", "type": "date"})
    facts["lasted"] = {
        "ask": "Lasted", "type": "quantity",
        "derive": {"days_between": {"from": "started_on", "to": "ended_on"}},
    }  # fmt: skip
    if c.chance(20):
        facts["scan"] = kept(c, {"ask": "Scan", "type": "date"})
        facts["waited"] = {
            "ask": "Waited", "type": "quantity",
            "derive": {"days_between": {"from": c.of(["ended_on", "started_on"]), "to": "scan"}},
        }  # fmt: skip
    if c.chance(15):
        facts["years"] = {
            "ask": "Years", "type": "quantity",
            "derive": {"completed_years_since": c.of(["started_on", "ended_on"])},
        }  # fmt: skip


def _a_list(c: Choices, facts: Plain, records: Plain) -> None:
    fields: Plain = {
        "kind": {"type": "choice", "choices": ["a", "b", "c"]},
        "ended": {"type": "date"},
    }
    if c.chance(30):
        fields["serious"] = {"type": "boolean"}
    if c.chance(25):
        fields["target"] = {"type": "choice", "choices": ["x", "y"], "many": True}
    if c.chance(20):
        ends = [amount(0), amount(2 * m.MILLION)]
        fields["dose"] = {"type": "quantity", "unit": "mg", "range": ends}
    if c.chance(40):
        fields["started"] = {"type": "date"}
    records["therapy"] = {"ask": "Therapy", "fields": fields, "valid_for": c.of(LISTED)}
    for number in range(c.whole(1, 3)):
        facts |= _derived(c, f"from_list_{number}", fields)


_ASKED: Mapping[str, Sequence[Any]] = {
    "kind": ["a", "b", ["a", "b"], ["b", "c"], ["a", "b", "c"]],
    "serious": [True, False],
    "target": ["x", "y", ["x", "y"]],
    "dose": [amount(m.MILLION), [amount(0), amount(m.MILLION)]],
}


def _derived(c: Choices, name: str, fields: Plain, ways: Sequence[str] = ()) -> Plain:
    way = c.of(ways or ["latest", "exists", "count", "earliest"])
    kind = {"exists": "boolean", "count": "quantity"}.get(way, "date")
    target = "therapy"
    if kind == "date":
        target += "." + c.of([key for key in ("ended", "started") if key in fields])
    derive: Plain = {way: target}
    if c.chance(70):
        asked: Plain = {}
        for key in c.some([k for k in _ASKED if k in fields], 1, 2):
            asked[key] = c.of(_ASKED[key])
            if key == "dose" and c.chance(30):
                asked[key] = [amount(n * m.MILLION) for n in range(3)]
        derive["where"] = asked
    return {name: {"ask": name, "type": kind, "derive": derive}}


def _a_linked_list(c: Choices, facts: Plain, records: Plain) -> None:
    """A date on a list, days from it to a recorded date, years since it."""
    if "therapy" not in records:
        _a_list(c, facts, records)
    fields = records["therapy"]["fields"]
    facts |= _derived(c, "last", fields, ["latest", "earliest"])
    facts.setdefault("scan", kept(c, {"ask": "Scan", "type": "date"}))
    dates = [name for name, fact in facts.items() if fact["type"] == "date"]
    ends = ["last", c.of([d for d in dates if d != "last"])]
    ends = c.shuffled(ends)
    facts["apart"] = {
        "ask": "Apart", "type": "quantity", "derive": {"days_between": dict(zip(
            ("from", "to"), ends, strict=True))},
    }  # fmt: skip
    if c.chance(25):
        facts["since"] = {
            "ask": "Since",
            "type": "quantity",
            "derive": {"completed_years_since": "last"},
        }


def _a_ratio(c: Choices, facts: Plain, records: Plain) -> None:
    fact: Plain = {"ask": "ALT", "type": "quantity", "unit": "U/L"}
    if c.chance(60):
        fact["uln"] = amount(c.of([40, 10, 1]) * m.MILLION)
    if c.chance(40):
        fact["range"] = [amount(c.of([0, 5]) * m.MILLION), amount(200 * m.MILLION)]
    facts["alt"] = kept(c, fact)


def _a_number(c: Choices, facts: Plain, records: Plain) -> None:
    fact: Plain = {"ask": "Creatinine", "type": "quantity", "unit": "mg/dL"}
    if c.chance(50):
        fact["molar_mass"] = amount(113_120_000)
    if c.chance(50):
        fact["range"] = [amount(0), amount(c.of([3, 30]) * m.MILLION)]
    if c.chance(20):
        fact["resolution"] = amount(100_000)
    facts["crea"] = kept(c, fact)


def _a_plain_one(c: Choices, facts: Plain, records: Plain) -> None:
    if c.chance(50):
        facts["consent"] = kept(c, {"ask": "Consent", "type": "boolean"})
    else:
        facts["stage"] = kept(c, {"ask": "Stage", "type": "choice", "choices": ["p", "q", "r"]})


_FAMILIES: Mapping[str, Callable[[Choices, Plain, Plain], None]] = {
    "date": _a_date,
    "birth": _a_birth,
    "between": _two_dates,
    "list": _a_list,
    "linked": _a_linked_list,
    "uln": _a_ratio,
    "number": _a_number,
    "plain": _a_plain_one,
}


def _test(c: Choices, fact: Plain, lengths: Sequence[str]) -> Any:
    if fact["type"] == "boolean":
        return c.chance(50)
    if fact["type"] == "choice":
        return c.of(["p", "q", ["p", "q"], ["q", "r"]])
    if fact["type"] == "date":
        way = c.whole(0, 19)
        if way == 19:
            return {"ever": c.chance(50)}
        if way >= 15:
            return {c.of(["on_or_after", "on_or_before"]): c.of(FIXED)}
        most = c.of(lengths)
        op = c.of(AGOS)
        return {op: "1 day" if op == "less_than_ago" and most == "0 days" else most}
    if "derive" in fact:
        way = next(iter(fact["derive"]))
        options: Sequence[int] = {
            "completed_years_since": (1, 0, 2, 17, 18, -1),
            "count": (1, 0, 2, 3),
        }.get(way, (0, 1, -1, 5, 28, 30, 31, 365, -30))
        return _limits(c, [one * m.MILLION for one in options])
    if fact["unit"] == "U/L":
        if c.chance(65):
            return {c.of(ULNS): amount(c.of([m.MILLION, 2_500_000, 3_000_000, 2_000_000]))}
        return _limits(c, [m.MILLION * one for one in (40, 20, 100, 120, 5, 0)])
    return _limits(c, [m.MILLION, 1_200_000, 1_500_000, 2_000_000, 0, 3_000_000])


def _limits(c: Choices, options: Sequence[int]) -> Plain:
    op = c.of((*LIMITS, "between"))
    if op == "between":
        return {op: [amount(one) for one in sorted(c.of(options) for _ in range(2))]}
    return {op: amount(c.of(options))}


# --- one edit ------------------------------------------------------------------------------


def amended(c: Choices, old: dict[str, Plain], edits: Sequence[str] = ()) -> dict[str, Plain]:
    """The same pack with one edit; now and then with none, where none was to be made."""
    new = copy.deepcopy(old)
    for kind in c.shuffled(edits or list(_EDITS))[:6]:
        if _EDITS[kind](c, new):
            break
    return new


def _leaves(new: dict[str, Plain]) -> list[tuple[str, Plain]]:
    """Every test of a pack, as (fact, the mapping that holds it)."""
    found: list[tuple[str, Plain]] = []

    def walk(one: Plain) -> None:
        ((key, value),) = one.items()
        if key in ("all", "any"):
            for child in value:
                walk(child)
        elif key == "not":
            walk(value)
        elif key != "defined":
            found.append((key, one))

    for criterion in new["eligibility"]["criteria"]:
        walk(criterion["holds_when"])
    for condition in new["eligibility"].get("definitions", {}).values():
        walk(condition)
    return found


def _edit_test(c: Choices, new: dict[str, Plain], edit: Callable[[str, Any], Any]) -> bool:
    """Edit one test; `edit` is given the operator and the limit, and returns both or None."""
    found = [(name, one) for name, one in _leaves(new) if isinstance(one[name], dict)]
    for name, one in c.shuffled(found):
        ((op, limit),) = one[name].items()
        edited = edit(op, limit)
        if edited is not None:
            one[name] = dict([edited])
            return True
    return False


def _move_limit(c: Choices, new: dict[str, Plain]) -> bool:
    step = amount(c.of([1, -1]) * m.MILLION)
    return _edit_test(
        c, new, lambda op, limit: (op, limit + step) if op in LIMITS or op in ULNS else None
    )


def _change_window(c: Choices, new: dict[str, Plain]) -> bool:
    def edit(op: str, limit: Any) -> Any:
        if op not in AGOS:
            return None
        lengths = next((some for some in NEAR if limit in some), NEAR[0])
        other = c.of(lengths)
        return None if op == "less_than_ago" and other == "0 days" else (op, other)

    return _edit_test(c, new, edit)


def _change_word(c: Choices, new: dict[str, Plain]) -> bool:
    words = {
        "at_least": "above", "at_most": "below", "at_least_ago": "more_than_ago",
        "within_last": "less_than_ago", "at_least_uln": "above_uln",
    }  # fmt: skip
    words |= {b: a for a, b in words.items()}
    return _edit_test(
        c, new,
        lambda op, limit: (words[op], limit) if op in words and limit != "0 days" else None,
    )  # fmt: skip


def _move_day(c: Choices, new: dict[str, Plain]) -> bool:
    return _edit_test(
        c, new, lambda op, limit: (op, c.of(FIXED)) if op.startswith("on_or") else None
    )


def _recorded(new: dict[str, Plain], *types: str) -> list[Plain]:
    return [
        fact
        for fact in new["facts"]["facts"].values()
        if "derive" not in fact and (not types or fact["type"] in types)
    ]


def _change_validity(c: Choices, new: dict[str, Plain]) -> bool:
    found = _recorded(new)
    if not found:
        return False
    fact = c.of(found)
    before = fact.get("valid_for", "")
    if before and c.chance(15):
        del fact["valid_for"]
    else:
        fact["valid_for"] = c.of(KEPT)
    return True


def _change_list(c: Choices, new: dict[str, Plain]) -> bool:
    for record in new["facts"].get("records", {}).values():
        record["valid_for"] = c.of(LISTED)
        return True
    return False


def _change_where(c: Choices, new: dict[str, Plain]) -> bool:
    found = [f["derive"] for f in new["facts"]["facts"].values() if "where" in f.get("derive", {})]
    if not found:
        return False
    derive = c.of(found)
    if c.chance(30) or "kind" not in derive["where"]:
        del derive["where"]
    else:
        derive["where"]["kind"] = c.of(["a", "b", ["a", "b"], ["b", "c"], ["a", "b", "c"]])
    return True


def _change_way(c: Choices, new: dict[str, Plain]) -> bool:
    for fact in new["facts"]["facts"].values():
        derive = fact.get("derive", {})
        for way, other in (("latest", "earliest"), ("earliest", "latest")):
            if way in derive:
                fact["derive"] = {other: derive.pop(way), **derive}
                return True
        if "days_between" in derive:
            ends = derive["days_between"]
            derive["days_between"] = {"from": ends["to"], "to": ends["from"]}
            return True
    return False


def _change_uln(c: Choices, new: dict[str, Plain]) -> bool:
    fact = new["facts"]["facts"].get("alt")
    if fact is None:
        return False
    if "uln" in fact and c.chance(40):
        del fact["uln"]
    else:
        fact["uln"] = amount(c.of([50, 40, 30, 2]) * m.MILLION)
    return True


def _change_range(c: Choices, new: dict[str, Plain]) -> bool:
    found = _recorded(new, "quantity")
    if not found:
        return False
    fact = c.of(found)
    if "range" in fact and c.chance(40):
        del fact["range"]
    else:
        ends = [(0, 3), (1, 30), (0, 100)] if "molar_mass" in fact else [(0, 100), (10, 200)]
        fact["range"] = [amount(end * m.MILLION) for end in c.of(ends)]
    return True


def _change_signature(c: Choices, new: dict[str, Plain]) -> bool:
    found = _recorded(new)
    if not found:
        return False
    fact = c.of(found)
    if fact.pop("attested_by", None) is None:
        fact["attested_by"] = "investigator"
    return True


def _change_unit(c: Choices, new: dict[str, Plain]) -> bool:
    facts = new["facts"]["facts"]
    fact = facts.get("crea")
    if "alt" in facts and (fact is None or c.chance(50)):
        facts["alt"]["unit"] = "kU/L"
        return True
    if fact is None:
        return False
    fact["unit"] = "umol/L" if "molar_mass" in fact and c.chance(50) else "mg/L"
    return True


def _change_field(c: Choices, new: dict[str, Plain]) -> bool:
    for record in new["facts"].get("records", {}).values():
        record["fields"]["kind"]["choices"] = c.of([["c", "b", "a"], ["a", "b", "c", "d"]])
        return True
    return False


def _drop(c: Choices, new: dict[str, Plain]) -> bool:
    criteria = new["eligibility"]["criteria"]
    for criterion in c.shuffled(criteria):
        ((key, value),) = criterion["holds_when"].items()
        if key in ("all", "any") and len(value) > 1:
            value.pop(c.whole(0, len(value) - 1))
            return True
    if len(criteria) > 1:
        criteria.pop()
        return True
    return False


def _regroup(c: Choices, new: dict[str, Plain]) -> bool:
    for criterion in new["eligibility"]["criteria"]:
        ((key, value),) = criterion["holds_when"].items()
        if key in ("all", "any"):
            criterion["holds_when"] = {"any" if key == "all" else "all": value}
            return True
    return False


def _change_choices(c: Choices, new: dict[str, Plain]) -> bool:
    fact = new["facts"]["facts"].get("stage")
    if fact is None:
        return False
    fact["choices"] = c.of([["r", "q", "p"], ["p", "q", "r", "s"], ["p", "q", "r"]])
    return True


_EDITS: Mapping[str, Callable[[Choices, dict[str, Plain]], bool]] = {
    "limit": _move_limit,
    "window": _change_window,
    "boundary": _change_word,
    "day": _move_day,
    "validity": _change_validity,
    "list": _change_list,
    "where": _change_where,
    "way": _change_way,
    "uln": _change_uln,
    "range": _change_range,
    "attested": _change_signature,
    "unit": _change_unit,
    "field": _change_field,
    "dropped": _drop,
    "group": _regroup,
    "choice": _change_choices,
}


# --- brute force ---------------------------------------------------------------------------

SPECIAL = tuple(
    date.fromisoformat(day)
    for day in (
        "2026-01-15 2026-03-15 2024-02-29 2024-03-01 2023-03-01 2025-03-31 2026-05-31 2026-12-31"
        " 2027-01-01 2026-03-30 2028-02-29 2026-07-31 2027-02-28 2000-01-01 2000-02-29 2099-12-31"
        " 2026-03-01 2028-03-29 2026-05-01 2026-08-31"
    ).split()
)


class Size(NamedTuple):
    """How many as-of dates are tried, and how much at most of what hangs together on each."""

    days: int
    most: int


SMALL, LARGE = Size(6, 250), Size(16, 1200)


@dataclass(frozen=True, slots=True)
class Seen:
    """Something recorded, on a day."""

    as_of: date
    recorded: Plain


def inlined(condition: m.Condition, protocol: m.Protocol) -> m.Condition:
    if isinstance(condition, m.Defined):
        return inlined(protocol.definitions[condition.name], protocol)
    if isinstance(condition, m.Group):
        some = tuple(inlined(child, protocol) for child in condition.children)
        return replace(condition, children=some)
    if isinstance(condition, m.Not):
        return replace(condition, child=inlined(condition.child, protocol))
    return condition


def tests_in(condition: m.Condition) -> Iterator[m.Leaf]:
    """The tests of a condition without definitions."""
    if isinstance(condition, m.Group):
        for child in condition.children:
            yield from tests_in(child)
    elif isinstance(condition, m.Not):
        yield from tests_in(condition.child)
    elif not isinstance(condition, m.Defined):
        yield condition


def all_tests(protocol: m.Protocol) -> Iterator[m.Leaf]:
    for condition in (*protocol.definitions.values(), *(c.holds_when for c in protocol.criteria)):
        yield from tests_in(inlined(condition, protocol))


def behind(protocol: m.Protocol, name: str) -> frozenset[tuple[str, str]]:
    """The facts and lists that a fact is recorded through."""
    derive = protocol.facts[name].derive
    if derive is None:
        return frozenset([("fact", name)])
    if isinstance(derive, m.FromList):
        return frozenset([("list", derive.records)])
    others = derived_from(protocol.facts[name])
    return frozenset().union(*(behind(protocol, other) for other in others))


class Grid:
    """All that brute force has seen of one or two packs.

    `seen`: each combination of the truths of all tests that occurred, with a first example.
    `sampled`: whether some of the grid was left out for its size.
    """

    def __init__(
        self,
        protocols: Sequence[m.Protocol],
        extra: Iterable[Leaf] = (),
        size: Size = SMALL,
        seed: int = 0,
    ) -> None:
        self.protocols, self.most = tuple(protocols), size.most
        self.random = Random(seed)
        leaves = [(k, leaf) for k, p in enumerate(protocols) for leaf in all_tests(p)]
        self.leaves = tuple(dict.fromkeys([*leaves, *extra]))
        self.at = {leaf: i for i, leaf in enumerate(self.leaves)}
        self.sampled = False
        self.groups = self._groups()
        self.seen: dict[tuple[int, ...], Seen] = {}
        for as_of in self._dates(size.days):
            self._look(as_of)

    # --- asking ------------------------------------------------------------------------------

    def compiled(
        self, condition: m.Condition, protocol: m.Protocol, number: int = 0
    ) -> Callable[[Sequence[int]], int]:
        """The truth of a condition, from the truths of all tests."""
        if isinstance(condition, m.Defined):
            return self.compiled(protocol.definitions[condition.name], protocol, number)
        if isinstance(condition, m.Group):
            some = [self.compiled(child, protocol, number) for child in condition.children]
            if isinstance(condition, m.All):
                return lambda t: min((f(t) for f in some), default=2)
            if isinstance(condition, m.AtLeast):
                place_of = len(some) - condition.count
                return lambda t: sorted(f(t) for f in some)[place_of]
            return lambda t: max((f(t) for f in some), default=0)
        if isinstance(condition, m.Not):
            child = self.compiled(condition.child, protocol, number)
            return lambda t: 2 - child(t)
        place = self.at[number, condition]
        return lambda t: t[place]

    def status(
        self, criterion: m.Criterion, protocol: m.Protocol, number: int = 0
    ) -> Callable[[Sequence[int]], int]:
        """2 passed, 1 open, 0 failed."""
        found = self.compiled(criterion.holds_when, protocol, number)
        return found if criterion.kind == "inclusion" else lambda t: 2 - found(t)

    def verdict(self, protocol: m.Protocol, number: int = 0) -> Callable[[Sequence[int]], int]:
        some = [self.status(one, protocol, number) for one in protocol.criteria]
        return lambda t: min(f(t) for f in some)

    def example(self, holds: Callable[[Sequence[int]], bool]) -> Seen | None:
        """Somebody for whom something holds, read from a file and asked as a whole."""
        for truths, seen in self.seen.items():
            if holds(truths):
                again = self.truths_of(seen)
                assert again is None or again == truths, seen
                if again is not None:
                    return seen
        return None

    def truths_of(self, seen: Seen) -> tuple[int, ...] | None:
        """The truths of all tests for a whole subject, written out and read again."""
        truths = [1] * len(self.leaves)
        for k, protocol in enumerate(self.protocols):
            text = "\n".join([*file_lines(fitted(seen.recorded, protocol)), ""])
            try:
                subject = read_subject(text.encode(), "seen.yaml", protocol, seen.as_of)
            except InputRejected:
                return None
            for leaf, truth in _truths(protocol, subject, seen.as_of, self._of(k)).items():
                truths[self.at[k, leaf]] = truth
        return tuple(truths)

    def _of(self, number: int) -> list[m.Leaf]:
        return [leaf for k, leaf in self.leaves if k == number]

    # --- what belongs together -----------------------------------------------------------------

    def _groups(self) -> list[tuple[list[tuple[str, str]], list[Leaf]]]:
        """Sources that some tests join, with the tests on them."""
        found: list[tuple[set[tuple[str, str]], list[Leaf]]] = []
        for k, leaf in self.leaves:
            if isinstance(leaf, m.Todo):
                continue
            sources = set(behind(self.protocols[k], leaf.fact))
            leaves: list[Leaf] = [(k, leaf)]
            rest = []
            for other, others in found:
                if other & sources:
                    sources, leaves = other | sources, [*others, *leaves]
                else:
                    rest.append((other, others))
            found = [*rest, (sources, leaves)]
        return [(sorted(sources), leaves) for sources, leaves in found]

    def _look(self, as_of: date) -> None:
        """Everything that is tried on one day."""
        found: list[dict[tuple[int, ...], Plain]] = []
        for sources, leaves in self.groups:
            found.append(self._group(sources, leaves, as_of))
        places = [[self.at[leaf] for leaf in leaves] for _, leaves in self.groups]
        size = 1
        for one in found:
            size *= len(one)
        combos: Iterable[Sequence[tuple[int, ...]]] = product(*found)
        if size > 20 * self.most:
            self.sampled = True
            lists = [list(one) for one in found]
            combos = [[self.random.choice(one) for one in lists] for _ in range(20 * self.most)]
        for combo in combos:
            truths = [1] * len(self.leaves)
            for some, at in zip(combo, places, strict=True):
                for truth, place in zip(some, at, strict=True):
                    truths[place] = truth
            whole = tuple(truths)
            if whole not in self.seen:
                parts = [one[some] for one, some in zip(found, combo, strict=True)]
                self.seen[whole] = Seen(as_of, _merged(parts))

    def _group(
        self, sources: Sequence[tuple[str, str]], leaves: Sequence[Leaf], as_of: date
    ) -> dict[tuple[int, ...], Plain]:
        options = [self._options(source, leaves, as_of) for source in sources]
        spans = {
            limit + step
            for k, leaf in leaves
            if isinstance(self._derive(k, leaf), m.DaysBetween)
            for limit in (n // m.MILLION for n in _numbers(leaf))
            for step in (-1, 0, 1)
        }
        asked: list[tuple[int, Callable[[m.Subject], list[int]]]] = []
        for k, protocol in enumerate(self.protocols):
            mine = [leaf for number, leaf in leaves if number == k]
            asked.append((k, _asking(protocol, mine, as_of)))
        order = [
            i for k in range(len(self.protocols)) for i, one in enumerate(leaves) if one[0] == k
        ]
        back = [order.index(i) for i in range(len(order))]
        found: dict[tuple[int, ...], Plain] = {}
        for combo in self._combos(options, spans):
            truths: list[int] = []
            for k, ask in asked:
                truths += ask(_joined([one.read[k] for one in combo]))
            key = tuple(truths[i] for i in back)
            if key not in found:
                found[key] = _merged([one.recorded for one in combo])
        return found

    def _derive(self, number: int, leaf: m.Leaf) -> m.Derivation | None:
        return None if isinstance(leaf, m.Todo) else self.protocols[number].facts[leaf.fact].derive

    def _combos(
        self, options: Sequence[Sequence[_Option]], spans: set[int]
    ) -> Iterable[Sequence[_Option]]:
        size = 1
        for some in options:
            size *= len(some)
        if size <= self.most:
            return product(*options)
        self.sampled = True
        chosen: list[Sequence[_Option]] = []
        if len(options) > 1 and spans:
            # Dates at and beside the days that are asked for between two of them.
            reach = sorted({s * sign for s in spans for sign in (1, -1)})
            by_day: list[dict[int, _Option]] = [
                {one.day: one for one in some if one.day is not None} for some in options
            ]
            for _ in range(self.most * 2 // 3):
                combo = [self.random.choice(some) for some in options]
                order = self.random.sample(range(len(options)), len(options))
                for i, j in pairwise(order):
                    day = combo[i].day
                    near = [by_day[j][day + s] for s in reach if day and day + s in by_day[j]]
                    if near and self.random.random() < 0.9:
                        combo[j] = self.random.choice(near)
                chosen.append(combo)
        if len(options) == 1:
            chosen += [[one] for one in self.random.sample(list(options[0]), self.most)]
        else:
            chosen += [
                [self.random.choice(some) for some in options]
                for _ in range(self.most - len(chosen))
            ]
        return chosen

    # --- days ------------------------------------------------------------------------------------

    def _lengths(self, leaves: Iterable[Leaf]) -> set[m.Duration]:
        """The lengths of time that tests look back, those of ages among them."""
        found: set[m.Duration] = set()
        for k, leaf in leaves:
            if isinstance(leaf, m.AgoTest):
                found.add(m.Duration(leaf.duration.days, leaf.duration.months))
            elif isinstance(self._derive(k, leaf), m.CompletedYears):
                years = {n // m.MILLION + step for n in _numbers(leaf) for step in (0, 1)}
                found |= {m.Duration(0, 12 * year) for year in years}
        return found

    def _dates(self, most: int) -> list[date]:
        base = next((p.effective for p in reversed(self.protocols) if p.effective), DEFAULT_DAY)
        fixed = {leaf.day for _, leaf in self.leaves if isinstance(leaf, m.DayTest)}
        met = {day + timedelta(days=step) for day in fixed for step in (-1, 0, 1)}
        for day in fixed:
            for length in self._lengths(self.leaves):
                turn = date.fromordinal(min(measures.later(day.toordinal(), length)[0], 3_000_000))
                met |= {turn + timedelta(days=step) for step in (-2, -1, 0, 1, 2)}
        near = [day for day in sorted(met) if 2000 <= day.year < 2100]
        some = list(SPECIAL)
        some += [date(2000, 1, 1) + timedelta(days=self.random.randrange(36524)) for _ in range(4)]
        self.random.shuffle(some)
        self.random.shuffle(near)
        found = [base, *near[: most // 2], *some]
        return list(dict.fromkeys(found))[:most]

    def _days(self, leaves: Iterable[Leaf], as_of: date) -> list[int]:
        """Days at and beside every limit, seen from a day."""
        leaves = list(leaves)
        found = {as_of.toordinal() + step for step in (-2, -1, 0, 1, 2, 40)}
        for length in self._lengths(leaves):
            found |= _beside(as_of, length)
        for _, leaf in leaves:
            if isinstance(leaf, m.DayTest):
                found |= {leaf.day.toordinal() + step for step in (-1, 0, 1)}
        spans = {
            sign * limit // m.MILLION + step
            for k, leaf in leaves
            if isinstance(self._derive(k, leaf), m.DaysBetween)
            for limit in _numbers(leaf)
            for sign in (1, -1)
            for step in (-1, 0, 1)
        }
        if spans:
            further = {day + span for day in found for span in spans} - found
            found |= set(self.random.sample(sorted(further), min(25, len(further))))
        for day in list(found)[:3]:  # ends of months and years, leap days
            whole = date.fromordinal(max(day, FIRST.toordinal()))
            found |= {
                whole.replace(day=1).toordinal() - 1, date(whole.year, 12, 31).toordinal(),
                date(whole.year - whole.year % 4, 2, 28).toordinal() + 1,
            }  # fmt: skip
        return [
            day for day in sorted(found) if FIRST.toordinal() <= day < date(2200, 1, 1).toordinal()
        ]

    # --- what is recorded ------------------------------------------------------------------------

    def _options(
        self, source: tuple[str, str], leaves: Sequence[Leaf], as_of: date
    ) -> list[_Option]:
        kind, name = source
        mine = [
            (k, leaf)
            for k, leaf in leaves
            if not isinstance(leaf, m.Todo) and source in behind(self.protocols[k], leaf.fact)
        ]
        tried = self._facts(name, mine, as_of) if kind == "fact" else self._lists(name, mine, as_of)
        found: dict[object, _Option] = {}
        for recorded, day in tried:
            try:
                read = [
                    subject_of(
                        Document("seen", "", {"subject": "S", **fitted(recorded, p)}), p,
                        as_of=as_of,
                    )
                    for p in self.protocols
                ]  # fmt: skip
            except InputRejected:
                continue
            found.setdefault(repr(recorded), _Option(recorded, read, day))
        return list(found.values())

    def _facts(
        self, name: str, leaves: Sequence[Leaf], as_of: date
    ) -> Iterator[tuple[Plain, int | None]]:
        versions = [p.facts[name] for p in self.protocols if name in p.facts]
        fact = versions[0]
        values: list[tuple[Plain, int | None]] = []
        if fact.type == "boolean":
            values += [({"value": True}, None), ({"value": False}, None)]
        elif fact.type == "choice":
            codes = dict.fromkeys(one.code for fact in versions for one in fact.choices)
            values += [({"value": code}, None) for code in codes]
        elif fact.type == "date":
            days = self._days(leaves, as_of)
            texts = [date.fromordinal(day).isoformat() for day in days]
            values += [({"value": t}, day) for t, day in zip(texts, days, strict=True)]
            short = dict.fromkeys([*(t[:7] for t in texts), *(t[:4] for t in texts)])
            values += [({"value": t}, None) for t in [*short, "never"]]
        else:
            values += [(one, None) for one in self._amounts(versions, leaves)]
        signed = {"on": as_of.isoformat(), "by": "Dr W. Example"}
        for value, day in values:
            yield {"facts": {name: {**value, **signed}}, "records": {}}, day
        yield {"facts": {}, "records": {}}, None
        some = self.random.sample(values, min(len(values), 5 if len(self.protocols) > 1 else 2))
        for value, day in some:
            for on in self._relied_on({v.valid_for for v in versions}, as_of):
                said = {**value, "on": on.isoformat(), "by": signed["by"]}
                yield {"facts": {name: said}, "records": {}}, day
            yield {"facts": {name: {**value, "by": signed["by"]}}, "records": {}}, day
            yield {"facts": {name: {**value, "on": as_of.isoformat()}}, "records": {}}, day
            if fact.type == "quantity" and len(self.protocols) > 1:
                yield {"facts": {name: dict(value)}, "records": {}}, day

    def _relied_on(self, spans: Iterable[m.Duration | None], as_of: date) -> list[date]:
        """Days at and beside the first on which something may be relied on."""
        found: set[int] = {as_of.toordinal() + 1}
        for span in spans:
            if span is not None:
                found |= _beside(as_of, span)
        return [date.fromordinal(day) for day in sorted(found) if day >= FIRST.toordinal()]

    def _amounts(self, versions: Sequence[m.Fact], leaves: Sequence[Leaf]) -> Iterator[Plain]:
        fact = versions[0]
        limits = {n for _, leaf in leaves for n in _numbers(leaf)}
        limits |= {end for one in versions if one.range_u for end in one.range_u}
        times = sorted({leaf.times_u for _, leaf in leaves if isinstance(leaf, m.UlnTest)})
        ulns = {one.uln_u for one in versions if one.uln_u}
        limits |= {t * u // m.MILLION for t in times for u in ulns}
        beside = {n + step for n in limits for step in (0, 1, -1, 100_000, -100_000)}
        ordered = sorted(limits)
        beside |= {(a + b) // 2 for a, b in pairwise(ordered)}
        beside |= {0, ordered[-1] + 50 * m.MILLION} if ordered else {0, m.MILLION}
        units = {one.unit for one in versions} | ({"kU/L"} if fact.unit == "U/L" else set())
        for n in sorted(beside):
            for sign in ("", "<", "<=", ">", ">="):
                text = sign + decimal_text(n)
                value: Any = text if sign else Num(text)
                if len(versions) == 1:
                    yield {"value": value}
                else:
                    yield from ({"value": value, "unit": unit} for unit in units)
                if times and n > 0:
                    own = {10 * m.MILLION, *ulns}
                    own |= {n * m.MILLION // t + step for t in times for step in (0, 1, -1)}
                    for uln in self.random.sample(sorted(own), min(3, len(own))):
                        if uln > 0:
                            yield {"value": value, "uln": Num(decimal_text(uln))}
        if times:
            yield {"value": Num("0.12"), "unit": "kU/L", "uln": Num("0.04")}

    def _lists(
        self, name: str, leaves: Sequence[Leaf], as_of: date
    ) -> Iterator[tuple[Plain, int | None]]:
        versions = [p.records[name] for p in self.protocols if name in p.records]
        derived = [
            fact.derive
            for p in self.protocols
            for fact in p.facts.values()
            if isinstance(fact.derive, m.LatestOf | m.EarliestOf | m.Exists | m.Count)
            and fact.derive.records == name
        ]
        fields: dict[str, m.Field] = {}
        for one in versions:
            for key, field in one.fields.items():
                if key in fields:  # a code of either version may be recorded
                    codes = dict.fromkeys((*fields[key].choices, *field.choices))
                    field = replace(field, choices=tuple(codes))
                fields[key] = field
        asked = {where.field for derive in derived for where in m.equalities(derive.where)}
        dated = {d.field for d in derived if isinstance(d, m.LatestOf | m.EarliestOf)}
        days = self._days(leaves, as_of)
        past = [day for day in days if day <= as_of.toordinal() + 1]
        if len(past) > 14:
            past = sorted({*self.random.sample(past, 12), *past[-3:]})
        whens: list[Any] = [*past, "ongoing", None]
        texts = [date.fromordinal(day).isoformat() for day in past]
        whens += dict.fromkeys([*(t[:7] for t in texts), *(t[:4] for t in texts)])
        choices: list[list[tuple[str, Any]]] = []
        for key, field in fields.items():
            some: list[Any]
            if key in dated:
                some = whens
            elif key not in asked:
                continue
            elif field.type == "boolean":
                some = [True, False, None]
            elif field.type == "quantity":
                some = [Num(n) for n in ("0", "0.5", "1", "2")] + ["<1", None]
            else:
                some = [one.code for one in field.choices] + [None]
                if field.many:
                    some += [list(some[:2]), [some[0], None]]
            choices.append([(key, value) for value in some])
        count = 1
        for options in choices:
            count *= len(options)
        entries: list[tuple[Plain, int | None]] = []
        combos: Iterable[Sequence[tuple[str, Any]]] = product(*choices)
        if count > 150:
            self.sampled = True
            combos = [[self.random.choice(one) for one in choices] for _ in range(150)]
        for combo in combos:
            entry: Plain = {}
            when = None
            for key, value in combo:
                if isinstance(value, int) and not isinstance(value, bool):
                    when, value = value, date.fromordinal(value).isoformat()
                if value is not None:
                    entry[key] = value
            entries.append((entry, when))
        today = as_of.isoformat()
        relied = self._relied_on({one.valid_for for one in versions}, as_of)
        confirmed = [day.isoformat() for day in relied]

        def listed(on: str | None, *some: Plain) -> Plain:
            return {
                "facts": {},
                "records": {name: {"complete_on": on, "entries": [dict(e) for e in some]}},
            }

        for on in (today, None, *confirmed):
            yield listed(on), None
        for entry, when in entries:
            yield listed(today, entry), when
        for entry, when in self.random.sample(entries, min(len(entries), 25)):
            yield listed(None, entry), when
            yield listed(self.random.choice(confirmed), entry), when
        for _ in range(110 if len(entries) > 1 else 0):
            some_of = self.random.choices(entries, k=self.random.choice([2, 2, 2, 3, 4]))
            on = today if self.random.random() < 0.8 else None
            yield listed(on, *(entry for entry, _ in some_of)), some_of[0][1]
        for entry, when in self.random.sample(entries, min(len(entries), 8)):
            for n in (2, 3, 4):
                yield listed(today, *[entry] * n), when


@dataclass(frozen=True, slots=True)
class _Option:
    """Something recorded of one source, as each pack reads it; its day, where it has one."""

    recorded: Plain
    read: Sequence[m.Subject]
    day: int | None


def _numbers(leaf: m.Leaf) -> tuple[int, ...]:
    if isinstance(leaf, m.LimitTest):
        return (leaf.limit_u,)
    return (leaf.low_u, leaf.high_u) if isinstance(leaf, m.BetweenTest) else ()


def _beside(as_of: date, length: m.Duration) -> set[int]:
    """Days round that from which a length of time has just passed by a day."""
    if not length.months:
        return {as_of.toordinal() - length.days + step for step in (-1, 0, 1)}
    year, month = divmod(12 * as_of.year + as_of.month - 1 - length.months, 12)
    if not 1800 < year < 2900:
        return set()
    near = date(year, month + 1, 1).toordinal() + as_of.day - 1
    return {near + step for step in range(-4, 5)}


def _merged(some: Iterable[Plain]) -> Plain:
    facts: Plain = {}
    records: Plain = {}
    for one in some:
        facts |= one["facts"]
        records |= one["records"]
    return {"facts": facts, "records": records}


def _joined(some: Sequence[m.Subject]) -> m.Subject:
    if len(some) == 1:
        return some[0]
    facts: dict[str, tuple[m.Statement, ...]] = {}
    records: dict[str, m.Entries] = {}
    for one in some:
        facts |= one.facts
        records |= one.records
    return m.Subject("S", facts, records)


def _needed(protocol: m.Protocol, leaves: Iterable[m.Leaf]) -> m.Protocol:
    wanted: set[str] = set()
    todo = [leaf.fact for leaf in leaves if not isinstance(leaf, m.Todo)]
    while todo:
        name = todo.pop()
        wanted.add(name)
        derive = protocol.facts[name].derive
        if isinstance(derive, m.CompletedYears):
            todo.append(derive.since)
        elif isinstance(derive, m.DaysBetween):
            todo += [derive.start, derive.end]
    facts = {name: fact for name, fact in protocol.facts.items() if name in wanted}
    return replace(protocol, facts=facts, definitions={}, criteria=())


def _asking(
    protocol: m.Protocol, leaves: Sequence[m.Leaf], as_of: date
) -> Callable[[m.Subject], list[int]]:
    """The truths of tests, asked of the reference."""
    made = _needed(protocol, leaves)
    made = replace(made, definitions={f"T{i}": leaf for i, leaf in enumerate(leaves)})

    def asked(subject: m.Subject) -> list[int]:
        readings = reference.readings(made, subject, as_of)
        return [TRUTHS[truth] for truth in reference.truths(made, readings, as_of).values()]

    return asked


def _truths(
    protocol: m.Protocol, subject: m.Subject, as_of: date, leaves: Sequence[m.Leaf]
) -> dict[m.Leaf, int]:
    return dict(zip(leaves, _asking(protocol, leaves, as_of)(subject), strict=True))
