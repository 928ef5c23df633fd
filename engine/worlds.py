"""What can be recorded, cut into finitely many regions: the ground of every proof about a pack.

Whatever a pack asks, it asks through its tests, and the limits in them cut the values of a
fact into finitely many regions inside which no test changes. A *cell* is one combination of
truths that the tests on some coupled facts can have together. Cells are not reasoned out:
each is found by evaluating the reference on something recorded at and beside every limit.

- **real** cells come from something that can be written into a subject file; a witness is
  put together from them and evaluated again as a whole;
- **possible** cells widen them to a superset (any interval between two limits, any entry
  that may match), so that what no possible cell allows is proved.

Facts are coupled, and share a variable, where one is derived from another, where two are
derived from one date, or where two derivations over one list cannot be told apart (every
entry that one counts, the other counts too). Other derivations over a list are free of each
other, for each has entries that it alone counts.

The as-of date shifts the regions of dates. Where a pack mixes days with months, or asks
about fixed days, the order of the limits depends on it; then every order that occurs from
2000 to 2099 is looked at (`as_of_dates`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, islice, pairwise, product
from math import isqrt
from typing import Any, TypeVar

import engine.model as m
from engine import reference
from engine.calendar import add
from engine.diagrams import FALSE, TRUE, UNKNOWN, Diagrams, Effort
from engine.faults import InputRejected
from engine.packs import derived_from, is_birth_date
from engine.source import Document, Num
from engine.subjects import ENTRY_WORDS, subject_of
from engine.wording import decimal_text

Plain = dict[str, Any]
"""What a subject file holds: mappings, lists, text, `Num`, booleans."""

Source = tuple[str, Any]
"""Where a fact comes from: ("root", name), or ("list", derivation)."""

T = TypeVar("T")
Listed = m.LatestOf | m.EarliestOf | m.Exists | m.Count
NUMBER: Mapping[m.Truth, int] = {"false": FALSE, "unknown": UNKNOWN, "true": TRUE}
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
MOST_COMBINATIONS = 3_000
LEAST_COMBINATIONS = 200
MOST_COUNTED = 200
MOST_CODES = 5
MOST_DATES = 24
PERSON = "Dr W. Example"


@dataclass(frozen=True, slots=True)
class Cell:
    """Truths that tests can have together, and something recorded that gives them.

    `recorded` is None where the cell is only possible. `points`: the known readings of what
    is recorded as (low, high), by fact; `spread`: the least and the greatest precisely known
    value that was found in the cell.
    """

    truths: tuple[int, ...]
    recorded: Plain | None
    points: Mapping[str, tuple[int, int]]
    spread: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Variable:
    """Coupled facts and what they can come to.

    `exact`: no cell is missing; `points_exact`: none of those in which every fact is known
    precisely, which is enough for questions about decided truths (a wider interval decides
    no more than its points do). `timeless`: no day cuts them, so they are the same on every
    as-of date.
    """

    facts: tuple[str, ...]
    leaves: tuple[tuple[int, m.Leaf], ...]
    cells: tuple[Cell, ...]
    exact: bool
    points_exact: bool
    timeless: bool


def leaves_of(condition: m.Condition, definitions: Mapping[str, m.Condition]) -> Iterator[m.Leaf]:
    """The leaves of a condition, definitions included."""
    if isinstance(condition, m.All | m.Any):
        for child in condition.children:
            yield from leaves_of(child, definitions)
    elif isinstance(condition, m.Not):
        yield from leaves_of(condition.child, definitions)
    elif isinstance(condition, m.Defined):
        yield from leaves_of(definitions[condition.name], definitions)
    else:
        yield condition


def inlined(condition: m.Condition, definitions: Mapping[str, m.Condition]) -> m.Condition:
    """The condition with every definition written out."""
    if isinstance(condition, m.Defined):
        return inlined(definitions[condition.name], definitions)
    if isinstance(condition, m.All | m.Any):
        children = tuple(inlined(child, definitions) for child in condition.children)
        return replace(condition, children=children)
    if isinstance(condition, m.Not):
        return replace(condition, child=inlined(condition.child, definitions))
    return condition


def pack_leaves(protocol: m.Protocol) -> list[m.Leaf]:
    """Every test of a pack's definitions and criteria, in file order."""
    conditions = [*protocol.definitions.values(), *(c.holds_when for c in protocol.criteria)]
    found = (leaf for one in conditions for leaf in leaves_of(one, protocol.definitions))
    return list(dict.fromkeys(found))


def fitted(recorded: Plain, protocol: m.Protocol) -> Plain:
    """What a pack's dictionary knows of something recorded; the rest is left out.

    Needed to screen one person under two versions of a pack.
    """
    facts = {}
    for name, said in recorded.get("facts", {}).items():
        fact = protocol.facts.get(name)
        if fact is None or fact.derive is not None or said is None:
            continue
        codes = {choice.code for choice in fact.choices}
        if fact.type != "choice" or all(code in codes for code in _stated(said)):
            facts[name] = said
    records: Plain = {}
    for name, listed in recorded.get("records", {}).items():
        record = protocol.records.get(name)
        if record is not None and listed is not None:
            entries = [_fitted_entry(entry, record) for entry in listed.get("entries") or []]
            records[name] = {**listed, "entries": entries}
    return {"facts": facts, "records": records}


def _stated(said: Any) -> Iterator[Any]:
    """The values that statements about one fact give, written in any form."""
    for one in said if isinstance(said, list) else [said]:
        value = one.get("value") if isinstance(one, Mapping) else one
        if value is not None:
            yield value


def _fitted_entry(entry: Plain, record: m.RecordList) -> Plain:
    known = record.fields.keys() | ENTRY_WORDS
    kept = {key: value for key, value in entry.items() if key in known}
    for key, value in list(kept.items()):
        if key not in record.fields:
            continue
        codes = {choice.code for choice in record.fields[key].choices}
        if codes and isinstance(value, list):
            kept[key] = [code for code in value if code in codes]
        if codes and (not kept[key] if isinstance(value, list) else value not in codes):
            del kept[key]
    return kept


def subject_from(recorded: Plain, protocol: m.Protocol, as_of: date, name: str = "W") -> m.Subject:
    """The subject that a file with these contents would give. Raises: InputRejected."""
    document = Document("witness", "", {"subject": name, **fitted(recorded, protocol)})
    return subject_of(document, protocol, as_of=as_of)


class Space:
    """Everything that can be recorded for one or two packs on one as-of date, in regions.

    `extra` are further tests to tell apart (those of mutants), as (pack's number, test).
    `effort` is what the analysis may spend; `like` is a space of the same packs on another
    day, from which the regions that no date cuts are taken over. `progress` is told how many
    variables are cut, and of how many.
    """

    def __init__(
        self,
        protocols: Sequence[m.Protocol],
        as_of: date,
        extra: Iterable[tuple[int, m.Leaf]] = (),
        *,
        effort: Effort | None = None,
        like: Space | None = None,
        progress: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.protocols = tuple(protocols)
        self.as_of = as_of
        self.effort = effort or Effort()
        self.effort.question(4)
        self.templates: dict[str, _Templates] = {} if like is None else like.templates
        self.like, self.progress = like, progress
        leaves = [(k, leaf) for k, p in enumerate(protocols) for leaf in pack_leaves(p)]
        wanted = dict.fromkeys([*leaves, *extra])
        self.variables = tuple(_variables(self, [w for w in wanted if not _is_todo(w[1])]))
        self.place = {
            (number, leaf): (v, position)
            for v, variable in enumerate(self.variables)
            for position, (number, leaf) in enumerate(variable.leaves)
        }
        self.diagrams = Diagrams([len(v.cells) for v in self.variables], self.effort)
        self.effort.question(1)
        self._compiled: dict[tuple[int, m.Condition], int] = {}

    # --- conditions as diagrams ---------------------------------------------------------

    def diagram(self, condition: m.Condition, number: int = 0) -> int:
        """The diagram of a condition of pack `number`. Raises: TooLarge."""
        return self._compile(inlined(condition, self.protocols[number].definitions), number)

    def _compile(self, condition: m.Condition, number: int) -> int:
        key = (number, condition)
        found = self._compiled.get(key)
        if found is not None:
            return found
        diagrams = self.diagrams
        if isinstance(condition, m.All):
            found = diagrams.all(self._compile(child, number) for child in condition.children)
        elif isinstance(condition, m.Any):
            found = diagrams.any(self._compile(child, number) for child in condition.children)
        elif isinstance(condition, m.Not):
            found = diagrams.negate(self._compile(condition.child, number))
        elif isinstance(condition, m.Todo):
            found = UNKNOWN
        else:
            assert not isinstance(condition, m.Defined)
            variable, position = self.place[number, condition]
            cells = self.variables[variable].cells
            found = diagrams.node(variable, tuple(cell.truths[position] for cell in cells))
        self._compiled[key] = found
        return found

    def diagram_of(self, edited: m.Protocol, condition: m.Condition, number: int = 0) -> int:
        """The diagram of a condition of an edited pack, whose tests the space knows."""
        return self._compile(inlined(condition, edited.definitions), number)

    def status(self, criterion: m.Criterion, number: int = 0) -> int:
        """A criterion's status as a diagram: 2 passed, 1 open, 0 failed."""
        found = self.diagram(criterion.holds_when, number)
        return found if criterion.kind == "inclusion" else self.diagrams.negate(found)

    def verdict(self, number: int = 0) -> int:
        """The verdict as a diagram: 2 eligible, 1 undetermined, 0 ineligible."""
        return self.diagrams.all(self.status(c, number) for c in self.protocols[number].criteria)

    # --- witnesses ----------------------------------------------------------------------

    def witness(self, goal: int, tries: int = 40) -> Plain | None:
        """Something recorded for which a diagram is true, evaluated again as a whole.

        None where none was found; that is a proof only if the goal is `FALSE` and the space
        is `complete` for the conditions asked about.
        """
        for recorded, _ in self.witnesses(goal, tries):
            return recorded
        return None

    def witnesses(self, goal: int, tries: int) -> Iterator[tuple[Plain, Mapping[int, int]]]:
        """Witnesses of a goal, each on another way through its diagram."""
        banned: set[tuple[int, int]] = set()
        for _ in range(tries):
            path = self.diagrams.path(
                goal,
                lambda v, c: (
                    (v, c) not in banned and self.variables[v].cells[c].recorded is not None
                ),
            )
            if path is None:
                return
            found = self._together(path)
            self.effort.spent += Effort.ASKED * len(self.protocols)
            if found is not None:
                recorded, agree = found
                if self._holds(path, recorded) if agree else self._reaches(goal, recorded):
                    yield recorded, path
            if not path:
                return
            # Next time, go another way: without the region chosen last.
            last = max(path)
            banned.add((last, path[last]))

    def complete(
        self, conditions: Iterable[tuple[int, m.Condition]], *, definite: bool = False
    ) -> bool:
        """Whether all that can be recorded for the facts of some conditions is in the space.

        `definite`: it is enough to have everything that is known precisely.
        """
        for number, condition in conditions:
            for leaf in leaves_of(condition, self.protocols[number].definitions):
                if isinstance(leaf, m.Todo):
                    continue
                variable = self.variables[self.place[number, leaf][0]]
                if not (variable.points_exact if definite else variable.exact):
                    return False
        return True

    def timeless(self, conditions: Iterable[tuple[int, m.Condition]]) -> bool:
        """Whether what some conditions come to cannot depend on the as-of date."""
        return all(
            isinstance(leaf, m.Todo) or self.variables[self.place[number, leaf][0]].timeless
            for number, condition in conditions
            for leaf in leaves_of(condition, self.protocols[number].definitions)
        )

    def _together(self, path: Mapping[int, int]) -> tuple[Plain, bool] | None:
        """What the cells of a path say, in one subject, and whether they agree on when each
        list was confirmed: the earliest day is taken, or none. None if one is not real."""
        facts: Plain = {}
        records: Plain = {}
        agree = True
        for variable, number in sorted(path.items()):
            recorded = self.variables[variable].cells[number].recorded
            if recorded is None:
                return None
            facts |= recorded["facts"]
            for name, listed in recorded["records"].items():
                on = listed["complete_on"]
                there = records.setdefault(name, {"complete_on": on, "entries": []})
                if there["complete_on"] != on:
                    agree = False
                    both = (there["complete_on"], on)
                    there["complete_on"] = None if None in both else min(both)
                there["entries"] = there["entries"] + listed["entries"]
        return {"facts": facts, "records": records}, agree

    def _reaches(self, goal: int, recorded: Plain) -> bool:
        """Whether a whole subject makes a diagram true, whatever its cells promised."""
        leaves = [leaf for variable in self.variables for leaf in variable.leaves]
        found = _truths(self.protocols, recorded, leaves, self.as_of)
        if found is None:
            return False
        truths = iter(found[0])
        regions = []
        for variable in self.variables:
            own = tuple(next(truths) for _ in variable.leaves)
            regions.append(next((i for i, c in enumerate(variable.cells) if c.truths == own), None))
        while goal > TRUE:
            region = regions[self.diagrams.levels[goal]]
            if region is None:
                return False
            goal = self.diagrams.branches[goal][region]
        return goal == TRUE

    def _holds(self, path: Mapping[int, int], recorded: Plain) -> bool:
        """Whether a whole subject gives the truths that its cells promised."""
        leaves = [leaf for v in path for leaf in self.variables[v].leaves]
        found = _truths(self.protocols, recorded, leaves, self.as_of)
        if found is None:
            return False
        promised = [t for v, c in path.items() for t in self.variables[v].cells[c].truths]
        return list(found[0]) == promised


Progress = Callable[[str, int, int], None]
"""Told how far an analysis is: what it is about, how many of them are done, of how many."""


def spaces(
    protocols: Sequence[m.Protocol], base: date, effort: Effort, progress: Progress
) -> tuple[list[Space], bool]:
    """A space for every as-of date that differs from the others, and whether that is all.

    Those beyond half of what the analysis may spend are left out.
    """
    dates, complete = as_of_dates(protocols, base)
    found: list[Space] = []
    for number, as_of in enumerate(dates):
        if found and effort.spent > effort.limit // 2:
            return found, False

        def cut(done: int, of: int, before: int = number) -> None:
            progress("what can be recorded", before * of + done, len(dates) * of)

        like = found[0] if found else None
        found.append(Space(protocols, as_of, effort=effort, like=like, progress=cut))
    return found, complete


def _is_todo(leaf: m.Leaf) -> bool:
    return isinstance(leaf, m.Todo)


# --- which facts belong together --------------------------------------------------------


def sources(protocol: m.Protocol, name: str) -> frozenset[Source]:
    """What a fact is recorded through: facts, and derivations over lists."""
    fact = protocol.facts[name]
    if fact.derive is None:
        return frozenset([("root", name)])
    if isinstance(fact.derive, m.CompletedYears | m.DaysBetween):
        return frozenset().union(*(sources(protocol, one) for one in derived_from(fact)))
    return frozenset([("list", fact.derive)])


def _variables(space: Space, leaves: Sequence[tuple[int, m.Leaf]]) -> Iterator[Variable]:
    protocols = space.protocols
    origin = {
        (k, leaf): sources(protocols[k], leaf.fact)
        for k, leaf in leaves
        if not isinstance(leaf, m.Todo)
    }
    groups: dict[Source, set[Source]] = {}

    def join(members: Iterable[Source]) -> None:
        whole: set[Source] = set()
        for one in members:
            whole |= groups.setdefault(one, {one})
        for one in whole:
            groups[one] = whole

    for found in origin.values():
        join(found)
    lists = {s[1].records for s in groups if s[0] == "list"}
    entries = space.templates
    for name in sorted(lists - entries.keys()):
        derivations = [s[1] for s in groups if s[0] == "list" and s[1].records == name]
        entries[name] = _Templates(space, name, derivations)
    for templates in entries.values():
        for derive in templates.derivations:
            if templates.private(derive, "true") is None:
                join([("list", derive), *(("list", other) for other in templates.nearest(derive))])
    done: set[int] = set()
    count = len({id(groups[next(iter(found))]) for found in origin.values()})
    for key in origin:
        group = groups[next(iter(origin[key]))]
        if id(group) in done:
            continue
        space.progress(len(done), count)
        done.add(id(group))
        members = [k for k in origin if groups[next(iter(origin[k]))] is group]
        order = sorted(group, key=lambda s: (s[0], repr(s[1])))
        if space.like is not None and _timeless(protocols, order):
            same = next(v for v in space.like.variables if v.leaves == tuple(members))
            yield _on_another_day(same, space.like.as_of, space.as_of)
        else:
            yield _Coupled(space, order, members, entries).variable()


def _timeless(protocols: Sequence[m.Protocol], members: Iterable[Source]) -> bool:
    """Whether no day cuts what some sources can come to."""
    for kind, what in members:
        if kind == "list":
            if isinstance(what, m.LatestOf | m.EarliestOf):
                return False
            continue
        facts = [p.facts[what] for p in protocols if what in p.facts]
        if facts[0].type == "date" or len({fact.valid_for for fact in facts}) > 1:
            return False
    return True


def _on_another_day(variable: Variable, before: date, after: date) -> Variable:
    """The same regions, as they would be recorded on another day."""

    def moved(said: Plain) -> Plain:
        days = {key: said[key] for key in ("on", "complete_on") if key in said}
        now = after.isoformat()
        return {**said, **{k: now for k, day in days.items() if day == before.isoformat()}}

    cells = [
        cell
        if cell.recorded is None
        else replace(
            cell,
            recorded={
                part: {name: moved(said) for name, said in held.items()}
                for part, held in cell.recorded.items()
            },
        )
        for cell in variable.cells
    ]
    return replace(variable, cells=tuple(cells))


class _Templates:
    """Kinds of entries of one list, by which derivations count them: surely, maybe, not."""

    def __init__(self, space: Space, name: str, derivations: Sequence[Listed]) -> None:
        self.name = name
        self.derivations = list(dict.fromkeys(derivations))
        self.protocol = next(p for p in space.protocols if name in p.records)
        fields: dict[str, m.Field] = {}
        for protocol in space.protocols:
            if name in protocol.records:
                fields |= protocol.records[name].fields
        asked: dict[str, list[Any]] = {}
        for derive in self.derivations:
            for where in derive.where:
                values = asked.setdefault(where.field, [])
                values += [v for v in where.values if v not in values]
        options: list[list[tuple[str, Any]]] = []
        self.complete = True
        record = m.RecordList(name, name, m.Duration(0, 0), fields)
        for field, values in asked.items():
            spare = _spare(fields[field], values)
            some = [*([spare] if spare is not None else []), *values]
            more, every = _several(fields[field], some)
            self.complete = self.complete and every
            # Of values that no derivation tells apart, the plainest is enough.
            wheres = [w for d in self.derivations for w in d.where if w.field == field]
            told = _matching([m.Exists(name, (w,)) for w in wheres], record)
            kinds: dict[tuple[m.Truth, ...], Any] = {}
            for value in [*some, *more]:
                space.effort.spent += Effort.ASKED
                kinds.setdefault(told({field: value}), value)
            options.append([(field, value) for value in kinds.values()] + [(field, None)])
        size = 1
        for option in options:
            size *= len(option)
        self.entries: dict[tuple[m.Truth, ...], Plain] = {}
        combos: Iterable[tuple[tuple[str, Any], ...]] = product(*options)
        if size > 5_000:
            self.complete = False
            combos = _one_at_a_time(options)
        matching = _matching(self.derivations, record)
        for combo in combos:
            held = {field: value for field, value in combo if value is not None}
            space.effort.spent += Effort.ASKED
            truths = matching(held)
            plain = {field: _plain_value(fields[field], value) for field, value in held.items()}
            # Of entries counted alike, the one that says most reads best; first the plainest.
            if truths not in self.entries or _worth(plain) > _worth(self.entries[truths]):
                self.entries[truths] = plain

    def private(self, derive: Listed, truth: m.Truth) -> Plain | None:
        """An entry that one derivation counts (surely, or maybe) and no other does."""
        number = self.derivations.index(derive)
        only = tuple(truth if i == number else "false" for i in range(len(self.derivations)))
        return self.entries.get(only)

    def nearest(self, derive: Listed) -> list[Listed]:
        """The other derivations that share the entries of one which has none of its own."""
        number = self.derivations.index(derive)
        found = [t for t in self.entries if t[number] == "true"]
        if not found:
            return []
        least = min(found, key=lambda t: sum(truth != "false" for truth in t))
        return [d for d, t in zip(self.derivations, least, strict=True) if t != "false"]


def _one_at_a_time(
    options: Sequence[Sequence[tuple[str, Any]]],
) -> Iterator[tuple[tuple[str, Any], ...]]:
    spare = tuple(option[0] for option in options)
    for i, option in enumerate(options):
        for one in option:
            yield (*spare[:i], one, *spare[i + 1 :])


def _spare(field: m.Field, values: Sequence[Any]) -> Any:
    """A value of a field that nothing asks for; None where there is none."""
    if field.type == "boolean":
        return next((b for b in (True, False) if b not in values), None)
    if field.type == "choice":
        unasked = [c.code for c in field.choices if c.code not in values]
        return next((c for c in unasked if c in ("other", "none")), unasked[0] if unasked else None)
    if field.type == "quantity":
        low, high = field.range_u or (0, m.LARGEST)
        return next((v for v in range(low, high + 1, m.MILLION) if v not in values), None)
    return next(t for t in ("unlisted", "unlisted too") if t not in values)


def _several(field: m.Field, some: Sequence[Any]) -> tuple[list[Any], bool]:
    """Other values that a field may have, and whether those are all that matching tells apart.

    Codes of a field of several, also with one left blank; amounts as censored results.
    """
    if field.type == "quantity":
        return [(value, sign) for value in some for sign in ("<", "<=", ">", ">=")], True
    if not field.many:
        return [], True
    if len(some) > MOST_CODES:
        return [], False
    sets = [list(codes) for n in range(1, len(some) + 1) for codes in combinations(some, n)]
    return [codes for codes in sets if len(codes) > 1] + [[*codes, ""] for codes in sets], True


def _worth(plain: Plain) -> tuple[int, int]:
    """How well an entry reads: how much it says, in how plain a form."""
    return len(plain), -sum(isinstance(v, list) or str(v)[:1] in "<>" for v in plain.values())


def _plain_value(field: m.Field, value: Any) -> Any:
    if field.type != "quantity":
        return value
    if isinstance(value, tuple):
        return value[1] + decimal_text(value[0])
    return Num(decimal_text(value))


def _matching(
    derivations: Sequence[Listed], record: m.RecordList
) -> Callable[[Mapping[str, Any]], tuple[m.Truth, ...]]:
    """Whether an entry with some values counts, for each derivation, asked of the reference."""
    facts = {
        f"d{i}": m.Fact(f"d{i}", "", "boolean", derive=m.Exists(record.name, d.where))
        for i, d in enumerate(derivations)
    }
    day = date(2026, 1, 15)
    made = m.Protocol("", "", "", None, {}, facts, {record.name: record}, {}, ())

    def asked(values: Mapping[str, Any]) -> tuple[m.Truth, ...]:
        held: dict[str, Any] = {}
        for name, value in values.items():
            field = record.fields[name]
            if field.type == "quantity":
                amount = value if isinstance(value, tuple) else (value, "")
                held[name] = m.Amount(amount[0], field.unit, amount[1])
            elif field.many:
                held[name] = tuple(value) if isinstance(value, list) else (value,)
            else:
                held[name] = value
        listed = m.Entries(day, (m.Entry("", held),))
        found = reference.readings(made, m.Subject("", {}, {record.name: listed}), day)
        return tuple(
            "unknown" if r.low is None else "true" if r.low else "false" for r in found.values()
        )

    return asked


# --- what can be recorded ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Option:
    """One thing that a source may have recorded: as in a file (None: it cannot be written
    down so), and as values.

    `age`: how many days ago the list was confirmed complete; None if nobody did."""

    facts: Plain | None
    statements: tuple[m.Statement, ...] = ()
    list_name: str = ""
    entries: tuple[Plain, ...] = ()
    made: tuple[m.Entry, ...] = ()
    age: int | None = 0


_Known = tuple[_Option, Sequence[m.Subject]]
"""An option, and what each pack's reader makes of it."""


class _Coupled:
    """The facts of one variable while their cells are looked for."""

    def __init__(
        self,
        space: Space,
        members: Sequence[Source],
        leaves: Sequence[tuple[int, m.Leaf]],
        templates: Mapping[str, _Templates],
    ) -> None:
        self.space, self.protocols, self.as_of = space, space.protocols, space.as_of
        self.effort = space.effort
        self.members, self.leaves, self.templates = members, leaves, templates
        self.day_number = self.as_of.toordinal()
        self.exact = self.points_exact = True
        self.lists: dict[str, list[Listed]] = {}
        for kind, what in members:
            if kind == "list":
                self.lists.setdefault(what.records, []).append(what)
        self.shared = sorted(
            name
            for name, found in self.lists.items()
            if any(templates[name].private(d, "true") is None for d in found)
        )
        self.links = self._links()
        # Two intervals may lie to each other in ways that are not tried.
        self.exact = not self.links
        self.otherwise = self._read_otherwise()
        if self.otherwise:
            self.exact = self.points_exact = False
        self.days = self._days()

    def variable(self) -> Variable:
        names = dict.fromkeys(leaf.fact for _, leaf in self.leaves if not isinstance(leaf, m.Todo))
        found: dict[tuple[int, ...], Cell] = {}
        asked = _Asked(self.protocols, self.leaves, self.as_of)
        for number, combo in enumerate(self._combinations()):
            if number >= LEAST_COMBINATIONS and self.effort.over:
                self.exact = self.points_exact = False
                break
            self.effort.spent += Effort.ASKED * len(self.protocols)
            truths, points = asked(self._subjects([part for _, part in combo]))
            if truths not in found:
                recorded = self._recorded([option for option, _ in combo])
            else:
                recorded = {}
            exactly = {name: ends for name, ends in points.items() if ends[0] == ends[1]}
            before = found.get(truths)
            if before is None:
                found[truths] = Cell(truths, recorded, points, exactly)
            else:
                for name, (value, _) in exactly.items():
                    low, high = before.spread.get(name, (value, value))
                    exactly[name] = (min(low, value), max(high, value))
                spread = {**before.spread, **exactly}
                found[truths] = replace(before, spread=spread)
        for truths in self._possible():
            found.setdefault(truths, Cell(truths, None, {}, {}))
        more = self._added_up() if self.shared else self._elapsed() if self.links else None
        if more is not None and not self.otherwise:
            for truths in more:
                found.setdefault(truths, Cell(truths, None, {}, {}))
            self.exact = self.points_exact = True
        # What is decided comes first, so that witnesses are as plain as they can be.
        cells = sorted(found.values(), key=lambda cell: cell.truths.count(UNKNOWN))
        return Variable(
            tuple(names), tuple(self.leaves), tuple(cells), self.exact, self.points_exact,
            _timeless(self.protocols, self.members),
        )  # fmt: skip

    def _read_otherwise(self) -> bool:
        """Whether two versions read what is recorded in ways that are not tried."""
        for kind, what in self.members:
            if kind == "root":
                facts = [p.facts[what] for p in self.protocols if what in p.facts]
                if len({(fact.type, fact.molar_mass) for fact in facts}) > 1:
                    return True
                continue
            for field in (where.field for where in what.where):
                held = [
                    p.records[what.records].fields[field]
                    for p in self.protocols
                    if what.records in p.records and field in p.records[what.records].fields
                ]
                if len({(f.type, f.many, f.unit, f.molar_mass, f.range_u) for f in held}) > 1:
                    return True
        return False

    # --- how members are put together -----------------------------------------------------

    def _combinations(self) -> Iterator[Sequence[_Known]]:
        """What is put to the reference, one thing of each member at a time."""
        if self.links and not self.shared:
            yield from self._corners()
        members = [self._known(options) for options in self._real()]
        if _size(members) > MOST_COMBINATIONS:
            # Where days lie between dates, the corners have all that is known precisely.
            self.exact = False
            self.points_exact = self.points_exact and bool(self.links) and not self.shared
            if all(members):
                yield from _a_few(members, MOST_COMBINATIONS)
            return
        yield from product(*members)

    def _known(self, options: Iterable[_Option]) -> list[_Known]:
        """The options that every pack's reader takes, with what it makes of them."""
        found: list[_Known] = []
        for number, option in enumerate(options):
            full = number >= MOST_COMBINATIONS
            if full or (number >= LEAST_COMBINATIONS and self.effort.over):
                self.exact = self.points_exact = False
                break
            self.effort.spent += Effort.ASKED * len(self.protocols)
            read = self._read(option)
            if read:
                found.append((option, read))
        return found

    def _corners(self) -> Iterator[Sequence[_Known]]:
        """Dates in every order that they can have among each other and to the limits.

        The dates of one region, all of them known, are bounded each by days and two by two
        by distances. Such a region has a corner in whole days unless it is empty; there,
        each date stands on a bound of its own, or at a bound of its distance from another
        that does. A date may also be `never`, which is no distance from anything.
        """
        count = len(self.members)
        blank: tuple[int | None, ...] = (None,) * count
        ways: dict[tuple[int | None, ...], None] = {blank: None}
        for _ in range(count):
            wider: dict[tuple[int | None, ...], None] = {}
            for way in ways:
                for i in (i for i in range(count) if way[i] is None):
                    near = [
                        day + span
                        for j, day in enumerate(way)
                        if day is not None and day != m.NEVER
                        for span in self.links.get((j, i), ())
                    ]
                    for day in dict.fromkeys([*self.days[i], m.NEVER, *near]):
                        wider[(*way[:i], day, *way[i + 1 :])] = None
                if len(wider) > MOST_COMBINATIONS:
                    break
            if len(wider) > MOST_COMBINATIONS:
                self.points_exact = False
            ways = dict.fromkeys(islice(wider, MOST_COMBINATIONS))
        known: dict[tuple[int, int], _Known | None] = {}
        for way in ways:
            parts = []
            for i, on in enumerate(way):
                assert on is not None
                if (i, on) not in known:
                    known[i, on] = self._dated_member(i, on)
                parts.append(known[i, on])
            if all(part is not None for part in parts):
                yield [part for part in parts if part is not None]

    def _dated_member(self, number: int, day: int) -> _Known | None:
        """One member with one day (or `never`); None where that cannot be recorded."""
        kind, what = self.members[number]
        if day != m.NEVER and not FIRST_DAY.toordinal() <= day <= LAST_DAY.toordinal():
            return None
        if kind == "root":
            value = "never" if day == m.NEVER else date.fromordinal(day).isoformat()
            said: Plain = {"value": value, "on": self.as_of.isoformat()}
            facts = [p.facts[what] for p in self.protocols if what in p.facts]
            if any(fact.attested_by for fact in facts):
                said["by"] = PERSON
            option = _Option({what: said})
        elif day == m.NEVER:
            option = _Option({}, (), what.records)
        elif day > self.day_number:
            return None
        else:
            sure = self.templates[what.records].private(what, "true") or {}
            option = _Option({}, (), what.records, ({**sure, **_when(what, day)},))
        read = self._read(option)
        return (option, read) if read else None

    def _read(self, option: _Option) -> list[m.Subject] | None:
        """What each pack's reader makes of one thing recorded; None if one refuses it."""
        try:
            return [subject_from(self._recorded([option]), p, self.as_of) for p in self.protocols]
        except InputRejected:
            return None

    def _subjects(self, parts: Sequence[Sequence[m.Subject]]) -> list[m.Subject]:
        """Several things recorded of one person, as each pack reads it."""
        if len(parts) == 1:
            return list(parts[0])
        subjects = []
        for k in range(len(self.protocols)):
            facts: dict[str, tuple[m.Statement, ...]] = {}
            records: dict[str, m.Entries] = {}
            for part in parts:
                facts |= part[k].facts
                for name, listed in part[k].records.items():
                    there = records.get(name)
                    if there is not None:
                        both = (there.complete_on, listed.complete_on)
                        on = None if None in both else min(day for day in both if day)
                        listed = m.Entries(on, (*there.entries, *listed.entries))
                    records[name] = listed
            subjects.append(m.Subject("", facts, records))
        return subjects

    def _real(self) -> Iterator[Iterable[_Option]]:
        """For each member, what can be recorded."""
        for number, (kind, what) in enumerate(self.members):
            if kind == "root":
                yield self._root(self._fact(what), self.days[number])
            elif what.records not in self.shared:
                yield self._confirmed(what.records, self._listed(number))
        for name in self.shared:
            for options in self._shared(name, self.lists[name]):
                yield self._confirmed(name, options)
            # Entries that count for others as well may widen these further; of several
            # entries of one kind only the latest and the earliest day tell, but not for counts.
            self.exact = False
            if any(isinstance(d, m.Count) for d in self.lists[name]):
                self.points_exact = False

    def _possible(self) -> Iterator[tuple[int, ...]]:
        """Truths that values made up give, over lists whose derivations are told apart."""
        dated = any(
            kind == "list" or self._fact(what).type == "date" for kind, what in self.members
        )
        both = len({type(leaf) is m.UlnTest for _, leaf in self.leaves}) == 2
        if not (dated or both) or not self.exact:
            return
        options: list[list[_Option]] = []
        for number, (kind, what) in enumerate(self.members):
            if kind == "list":
                some = self._confirmed(what.records, self._listed(number, virtual=True))
            elif self._fact(what).type == "date":
                some = self._any_days(self._fact(what), self.days[number])
            else:
                some = self._root(self._fact(what), self.days[number])
            options.append(list(islice(some, MOST_COMBINATIONS + 1)))
        size = _size(options)
        self.effort.spent += Effort.ASKED * len(self.protocols) * min(size, MOST_COMBINATIONS)
        if size > MOST_COMBINATIONS or self.effort.over:
            self.exact = False
            return
        derivations = [d for kind, d in self.members if kind == "list"]
        made = [_told_apart(p, derivations) for p in self.protocols]
        asked = _Asked(made, self.leaves, self.as_of)
        parts = [
            [(o, self._made_up(o, what)) for o in os]
            for (_, what), os in zip(self.members, options, strict=True)
        ]
        seen = {
            asked(self._subjects([part for _, part in combo]))[0]
            for combo in product(*parts)
            if all(part for _, part in combo)
        }
        uln = [i for i, (_, leaf) in enumerate(self.leaves) if isinstance(leaf, m.UlnTest)]
        if not uln or len(uln) == len(self.leaves):
            yield from seen
            return
        # A value and its ratio to a limit of normal are free of each other.
        ratios = {tuple(truths[i] for i in uln) for truths in seen}
        for truths, ratio in product(seen, ratios):
            mixed = list(truths)
            for i, truth in zip(uln, ratio, strict=True):
                mixed[i] = truth
            yield tuple(mixed)

    def _added_up(self) -> set[tuple[int, ...]] | None:
        """Truths of derivations that share a list's entries, whatever entries it has.

        What entries come to for a derivation is summed up in a few figures (`_sum`), and two
        lists put together have the sums of both. So sums are added to each other until no
        new one is found. A day stands for all days that no test tells from it. None where
        there are too many, or days between dates are asked about as well.
        """
        derivations: list[Listed] = [d for kind, d in self.members if kind == "list"]
        templates = self.templates[derivations[0].records]
        if self.links or not templates.complete or self.effort.over:
            return None
        kinds = {
            tuple(truths[templates.derivations.index(d)] for d in derivations)
            for truths in templates.entries
        }
        most = [self._most(d) for d in derivations]
        if max(most) > MOST_COUNTED:
            return None
        made = [_told_apart(p, derivations) for p in self.protocols]
        single: dict[tuple[_Sum, ...], m.Entry] = {}
        spans = self._spans(made)
        for kind in kinds - {("false",) * len(derivations)}:
            counted = [(d, t) for d, t in zip(derivations, kind, strict=True) if t != "false"]
            fields = sorted(
                {d.field for d, _ in counted if isinstance(d, m.LatestOf | m.EarliestOf)}
            )
            for chosen in product([None, "ongoing", *spans], repeat=len(fields)):
                dates = dict(zip(fields, chosen, strict=True))
                sums = tuple(
                    _sum(d, truth, dates, self.day_number)
                    for d, truth in zip(derivations, kind, strict=True)
                )
                self.effort.spent += len(derivations)
                if sums not in single:
                    single[sums] = _entry_of(kind, dates)
                if len(single) > MOST_COMBINATIONS:
                    return None
        nothing = tuple(_nothing(d) for d in derivations)
        reached: dict[tuple[_Sum, ...], tuple[m.Entry, ...]] = {nothing: ()}
        todo = [nothing]
        while todo:
            sums = todo.pop()
            self.effort.spent += 10 * len(single) * len(derivations)
            if len(reached) > MOST_COMBINATIONS or self.effort.over:
                return None
            for other, entry in single.items():
                both = tuple(_added(a, b, top) for a, b, top in zip(sums, other, most, strict=True))
                if both not in reached:
                    reached[both] = (*reached[sums], entry)
                    todo.append(both)
        asked = _Asked(made, self.leaves, self.as_of)
        name = derivations[0].records
        ages = [option.age for option in self._confirmed(name, [_Option(None)])]
        found: set[tuple[int, ...]] = set()
        for entries, age in product(reached.values(), [*ages, None]):
            self.effort.spent += Effort.ASKED * len(self.protocols)
            on = None if age is None else self.as_of - timedelta(days=age)
            one = m.Subject("", {}, {name: m.Entries(on, entries)})
            found.add(asked([one] * len(self.protocols))[0])
        return found

    def _spans(self, made: Sequence[m.Protocol]) -> list[tuple[int, int]]:
        """The first and last days of dates, partial ones included: for each stretch of days
        that no test tells apart the first, and where a year may reach from one to another."""
        cuts: set[Cut] = set()
        for k, leaf in self.leaves:
            assert not isinstance(leaf, m.Todo)
            cuts |= _cuts(leaf, self.protocols[k].facts[leaf.fact])
        edges = _edges(cuts, self.as_of) | {FIRST_DAY.toordinal()}
        days = sorted(d for d in edges if FIRST_DAY.toordinal() <= d <= self.day_number)
        asked = _Asked(made, self.leaves, self.as_of)
        fields = {getattr(d, "field", "") for _, d in self.members} - {""}
        sure = ["true"] * len(self.members)

        def truths(day: int) -> tuple[int, ...]:
            entry = _entry_of(sure, dict.fromkeys(fields, (day, day)))
            records = {self.members[0][1].records: m.Entries(self.as_of, (entry,))}
            return asked([m.Subject("", {}, records)] * len(made))[0]

        first: list[int] = []
        before: tuple[int, ...] | None = None
        for day in days:
            now = truths(day)
            if now != before:
                first.append(day)
            before = now
        return [
            (low, high)
            for i, low in enumerate(first)
            for j, high in enumerate(first[i:], start=i)
            if j <= i + 1 or high - first[i + 1] < 366
        ]

    def _elapsed(self) -> set[tuple[int, ...]] | None:
        """Truths of tests on the days between two dates, where nothing else is asked about:
        the days may lie in any interval. None where something is."""
        names = {leaf.fact for _, leaf in self.leaves if not isinstance(leaf, m.Todo)}
        if len(self.protocols) > 1 or len(names) > 1:
            return None
        (name,) = names
        made = _asking(self.protocols[0], [leaf for _, leaf in self.leaves])
        ends = sorted(
            {limit // m.MILLION + step for _, leaf in self.leaves for limit in _limits(leaf)
             for step in (-1, 0, 1)}
        )  # fmt: skip
        readings = [m.Reading(name, None, None, "no_date")]
        for i, low in enumerate(ends):
            for high in ends[i:]:
                readings.append(m.Reading(name, low * m.MILLION, high * m.MILLION, None))
        found = (reference.truths(made, {name: one}, self.as_of) for one in readings)
        return {tuple(NUMBER[truth] for truth in truths.values()) for truths in found}

    def _made_up(self, option: _Option, what: Any) -> list[m.Subject]:
        """An option as values; empty where it is a file's and a pack refuses it."""
        if option.facts is not None:
            return self._read(option) or []
        facts = {what: option.statements} if isinstance(what, str) else {}
        on = self._confirmed_on(option)
        records = {option.list_name: m.Entries(on, option.made)} if option.list_name else {}
        return [m.Subject("", facts, records)] * len(self.protocols)

    def _recorded(self, combo: Sequence[_Option]) -> Plain:
        facts: Plain = {}
        records: Plain = {}
        for option in combo:
            facts |= option.facts or {}
            if option.list_name:
                on = self._confirmed_on(option)
                said = None if on is None else on.isoformat()
                listed = records.setdefault(option.list_name, {"complete_on": said, "entries": []})
                listed["entries"] = [*listed["entries"], *option.entries]
                if said is None or (listed["complete_on"] or said) > said:
                    listed["complete_on"] = said
        return {"facts": facts, "records": records}

    def _confirmed_on(self, option: _Option) -> date | None:
        return None if option.age is None else self.as_of - timedelta(days=option.age)

    def _confirmed(self, name: str, options: Iterable[_Option]) -> Iterator[_Option]:
        """What a list may hold, as confirmed today; and where two versions rely on that for
        different times, as confirmed before."""
        spans = {p.records[name].valid_for for p in self.protocols if name in p.records}
        ages: dict[int, None] = {}
        for valid_for in spans if len(spans) > 1 else ():
            edge = (self.as_of - back(self.as_of, valid_for, strict=False)).days
            ages |= {edge: None, edge + 1: None}
        for option in options:
            yield option
            if option.age == 0:
                for age in sorted(ages):
                    yield replace(option, age=age)

    def _fact(self, name: str) -> m.Fact:
        return next(p.facts[name] for p in self.protocols if name in p.facts)

    # --- recorded facts -------------------------------------------------------------------

    def _root(self, fact: m.Fact, own: Sequence[int]) -> Iterator[_Option]:
        versions = [p.facts[fact.name] for p in self.protocols if fact.name in p.facts]
        days = {self.as_of}
        stale = {v.valid_for for v in versions}
        if len(stale) > 1:
            # Two dictionaries rely on a result for different times: try between them.
            for valid_for in stale - {None}:
                assert valid_for is not None
                edge = back(self.as_of, valid_for, strict=False)
                days |= {edge, edge - timedelta(days=1)}
        signed = [True] if len({bool(v.attested_by) for v in versions}) == 1 else [True, False]
        for on, by in product(sorted(days, reverse=True), signed):
            said: Plain = {"on": on.isoformat()}
            if by and any(v.attested_by for v in versions):
                said["by"] = PERSON
            for value in self._values(fact, own):
                yield _Option({fact.name: {**value, **said}})
        yield _Option({})

    def _values(self, fact: m.Fact, own: Sequence[int]) -> Iterator[Plain]:
        if fact.type == "boolean":
            yield from ({"value": True}, {"value": False})
        elif fact.type == "choice":
            codes = [
                c.code
                for p in self.protocols
                if fact.name in p.facts
                for c in p.facts[fact.name].choices
            ]
            yield from ({"value": code} for code in dict.fromkeys(codes))
        elif fact.type == "quantity":
            yield from self._amounts(fact)
        elif fact.type == "date":
            for day in own:
                yield {"value": date.fromordinal(day).isoformat()}
            yield {"value": "never"}
            # With other dates beside it, every pair would be tried: two partial ones do.
            partial = own if len(self.members) == 1 else [self.day_number]
            text = [date.fromordinal(day).isoformat() for day in partial]
            yield from ({"value": t} for t in dict.fromkeys(day[:7] for day in text))
            yield from ({"value": t} for t in dict.fromkeys(day[:4] for day in text))

    def _any_days(self, fact: m.Fact, own: Sequence[int]) -> Iterator[_Option]:
        """Any day, and any partial date whatever the day of screening: at most a year."""
        on = self.as_of

        def said(value: m.Days | str) -> _Option:
            return _Option(None, (m.Statement("", value, None, on, by=PERSON),))

        yield _Option(None)
        if not any(
            is_birth_date(p, p.facts[fact.name]) for p in self.protocols if fact.name in p.facts
        ):
            yield said("never")
        days = sorted(own)
        for i, first in enumerate(days):
            yield said(m.Days(date.fromordinal(first), date.fromordinal(first)))
            for j in range(i + 1, len(days)):
                # The ends may lie anywhere beside the limits between them.
                if days[j] - days[i + 1] > 366:
                    break
                ends = (date.fromordinal(first), date.fromordinal(days[j]))
                yield said(m.Days(*ends))

    def _amounts(self, fact: m.Fact) -> Iterator[Plain]:
        limits: set[tuple[int, str]] = set()
        times: set[int] = set()
        for k, leaf in self.leaves:
            if getattr(leaf, "fact", None) != fact.name:
                continue
            unit = self.protocols[k].facts[fact.name].unit
            if isinstance(leaf, m.LimitTest):
                limits.add((leaf.limit_u, unit))
            elif isinstance(leaf, m.BetweenTest):
                limits |= {(leaf.low_u, unit), (leaf.high_u, unit)}
            elif isinstance(leaf, m.UlnTest):
                times.add(leaf.times_u)
        ranges = [p.facts[fact.name].range_u for p in self.protocols if fact.name in p.facts]
        single = len({unit for _, unit in limits} | {fact.unit}) == 1
        step = fact.resolution_u or grain([limit for limit, _ in limits])
        values: dict[tuple[int, str], None] = {}
        exact = sorted({limit for limit, unit in limits if unit == fact.unit})
        for end in {e for r in ranges if r for e in r} if single else ():
            exact = sorted({*exact, end})
        for limit in exact or [0 if not ranges[0] else ranges[0][0]]:
            for other in (limit + step, limit - step, limit, limit + 1, limit - 1):
                values[other, fact.unit] = None
        for low, high in pairwise(exact):
            values[(low + high) // 2, fact.unit] = None
        for limit, unit in limits:
            if unit != fact.unit:
                values |= {(limit, unit): None, (limit + 1, unit): None, (limit - 1, unit): None}
        if times:
            yield from self._ratios(fact, sorted(times), [v for v, _ in values] if limits else [])
        if not (times and not limits):
            for value, unit in values:
                yield self._amount(fact, "", value, unit, single)
            for sign, (value, unit) in product(("<", "<=", ">", ">="), values):
                yield self._amount(fact, sign, value, unit, single)

    def _ratios(self, fact: m.Fact, times: Sequence[int], values: Sequence[int]) -> Iterator[Plain]:
        low, high = fact.range_u or (-m.LARGEST, m.LARGEST)
        step = max(1, min((b - a for a, b in pairwise([0, *times])), default=2) // 2)
        wanted = dict.fromkeys(r for t in times for r in (t + step, t - step, t))
        wanted |= {min(times) - step: None}
        uln = fact.uln_u or 10 * m.MILLION
        while high and max(wanted) * uln // m.MILLION > high and uln > 1:
            uln //= 2
        for ratio in wanted:
            value = ratio * uln // m.MILLION
            if low <= value <= high:
                for sign in ("", "<", "<=", ">", ">="):
                    text = sign + decimal_text(value)
                    yield {"value": text if sign else Num(text), "uln": Num(decimal_text(uln))}
        own = {p.facts[fact.name].uln_u for p in self.protocols if fact.name in p.facts}
        if len(own) == 1:
            if low <= uln <= high:
                yield {"value": Num(decimal_text(uln))}
        else:
            # Results without a limit of their own are divided by those of the dictionaries.
            turning = {t * limit // m.MILLION for t in times for limit in own if limit}
            for value in sorted({v + d for v in turning for d in (-1, 0, 1)}):
                if low <= value <= high:
                    for sign in ("", "<", "<=", ">", ">="):
                        text = sign + decimal_text(value)
                        yield {"value": text if sign else Num(text)}
        if values:
            # Both the value and its ratio are asked about: try each with each.
            for value, ratio in product(values, wanted):
                limit = Fraction(value * m.MILLION, ratio) if ratio else Fraction(0)
                if limit > 0 and low <= value <= high:
                    shown = Num(decimal_text(max(1, round(limit))))
                    yield {"value": Num(decimal_text(value)), "uln": shown}

    def _amount(self, fact: m.Fact, sign: str, value: int, unit: str, single: bool) -> Plain:
        said: Plain = {
            "value": Num(decimal_text(value)) if not sign else sign + decimal_text(value)
        }
        return said if single else {**said, "unit": unit}

    # --- dates ----------------------------------------------------------------------------

    def _links(self) -> dict[tuple[int, int], list[int]]:
        """By two members, the bounds of the days from the first's date to the second's."""
        found: dict[tuple[int, int], dict[int, None]] = {}
        for k, leaf in self.leaves:
            assert not isinstance(leaf, m.Todo)
            derive = self.protocols[k].facts[leaf.fact].derive
            if not isinstance(derive, m.DaysBetween):
                continue
            (start,), (end,) = (sources(self.protocols[k], d) for d in (derive.start, derive.end))
            a, b = self.members.index(start), self.members.index(end)
            for limit in _limits(leaf):
                for days in (limit // m.MILLION + step for step in (-1, 0, 1)):
                    found.setdefault((a, b), {})[days] = None
                    found.setdefault((b, a), {})[-days] = None
        return {pair: list(days) for pair, days in found.items()}

    def _days(self) -> list[list[int]]:
        """For each member the days at and beside every limit on it, the nearest first."""
        first, last = FIRST_DAY.toordinal(), LAST_DAY.toordinal()
        found = [{self.day_number, self.day_number + 1, first} for _ in self.members]
        for k, leaf in self.leaves:
            assert not isinstance(leaf, m.Todo)
            fact = self.protocols[k].facts[leaf.fact]
            for source in sources(self.protocols[k], leaf.fact):
                found[self.members.index(source)] |= _edges(_cuts(leaf, fact), self.as_of)
        if self.links and self.shared:
            # One entry dates several facts: every day that any of them may need.
            spans = {span for spans in self.links.values() for span in spans}
            whole = set().union(*found)
            for _ in self.members[1:]:
                whole |= {day + span for day in whole for span in spans}
                if len(whole) > MOST_COMBINATIONS:
                    self.points_exact = False
                    break
            found = [whole for _ in self.members]
        kept = []
        for (kind, what), days in zip(self.members, found, strict=True):
            born = kind == "root" and any(
                is_birth_date(p, p.facts[what]) for p in self.protocols if what in p.facts
            )
            top = self.day_number if born else last
            inside = (day for day in days if first <= day <= top)
            kept.append(sorted(inside, key=lambda day: (abs(day - self.day_number), day)))
        return kept

    # --- record lists -----------------------------------------------------------------------

    def _listed(self, member: int, virtual: bool = False) -> Iterator[_Option]:
        """What a list may hold for one derivation that has entries of its own."""
        derive: Listed = self.members[member][1]
        name = derive.records
        templates = self.templates[name]
        sure, maybe = templates.private(derive, "true"), templates.private(derive, "unknown")
        number = [d for kind, d in self.members if kind == "list"].index(derive)

        def option(*entries: tuple[bool, Any], age: int | None = 0) -> _Option:
            """Entries as (surely counted, date or dates or None)."""
            if virtual:
                made = tuple(self._made(derive, number, *entry) for entry in entries)
                return _Option(None, (), name, (), made, age)
            assert sure is not None
            plain = tuple(
                {**((sure if certain else maybe) or {}), **_when(derive, day)}
                for certain, day in entries
            )
            return _Option({}, (), name, plain, (), age)

        yield option()
        past = [day for day in self.days[member] if day <= self.day_number]
        possible = virtual or maybe is not None
        if isinstance(derive, m.Exists):
            yield option((True, None))
            if possible:
                yield option((False, None))
            if not virtual:
                yield option(age=None)
            return
        if isinstance(derive, m.Count):
            counts = self._counts(derive)
            for n in counts:
                yield option(*[(True, None)] * n)
                if possible:
                    for most in counts:
                        if most > n:
                            yield option(*[(True, None)] * n, *[(False, None)] * (most - n))
                if not virtual:
                    yield option(*[(True, None)] * n, age=None)
            return
        for day in past:
            yield option((True, day))
        if virtual:
            ordered = sorted(past)
            for i, low in enumerate(ordered):
                for high in ordered[i + 1 :]:
                    yield option((True, (low, high)))
                    yield option((True, (low, high)), (True, None))
        else:
            text = [date.fromordinal(day).isoformat() for day in past]
            for partial in dict.fromkeys([*(t[:7] for t in text), *(t[:4] for t in text)]):
                yield option((True, partial))
        yield option((True, "ongoing"))
        yield option((True, None))
        for day in past:
            yield option((True, day), (True, None))
        if possible:
            for day in past:
                yield option((False, day))
                for other in past:
                    yield option((True, other), (False, day))
        if not virtual:
            yield option(age=None)
            for day in past:
                yield option((True, day), age=None)

    def _counts(self, derive: Listed) -> list[int]:
        """The numbers of entries at and beside every limit on how many there are."""
        limits = {
            limit // m.MILLION
            for k, leaf in self.leaves
            if not isinstance(leaf, m.Todo) and self.protocols[k].facts[leaf.fact].derive == derive
            for limit in _limits(leaf)
        }
        counts = {0, 1} | {limit + step for limit in limits for step in (-1, 0, 1)}
        if max(counts) > MOST_COUNTED:
            self.exact = self.points_exact = False
        return sorted(n for n in counts if 0 <= n <= MOST_COUNTED)

    def _most(self, derive: Listed) -> int:
        """The number of entries beyond which no test tells one from another."""
        limits = [
            limit // m.MILLION
            for k, leaf in self.leaves
            if not isinstance(leaf, m.Todo) and self.protocols[k].facts[leaf.fact].derive == derive
            for limit in _limits(leaf)
        ]
        return max(limits, default=0) + 2

    def _made(self, derive: Listed, number: int, certain: bool, when: Any) -> m.Entry:
        """An entry that one derivation alone counts, told apart by fields made up for it."""
        values: dict[str, Any] = {
            f"~{i}": "no" for i, (kind, _) in enumerate(self.members) if kind == "list"
        }
        mine = f"~{number}"
        values = {key: value for key, value in values.items() if key != mine}
        if certain:
            values[mine] = "yes"
        if isinstance(derive, m.LatestOf | m.EarliestOf) and when is not None:
            ends = when if isinstance(when, tuple) else (when, when)
            values[derive.field] = (
                when
                if isinstance(when, str)
                else m.Days(date.fromordinal(ends[0]), date.fromordinal(ends[1]))
            )
        return m.Entry("", values)

    def _shared(self, name: str, together: Sequence[Listed]) -> Iterator[Iterable[_Option]]:
        """For each kind of entry that coupled derivations share, what may be recorded."""
        templates = self.templates[name]
        numbers = [templates.derivations.index(d) for d in together]
        kinds: dict[tuple[m.Truth, ...], Plain] = {}
        for truths, plain in templates.entries.items():
            if all(t == "false" for i, t in enumerate(truths) if i not in numbers):
                kinds.setdefault(tuple(truths[i] for i in numbers), plain)
        kinds.pop(tuple("false" for _ in numbers), None)
        fields = sorted({d.field for d in together if isinstance(d, m.LatestOf | m.EarliestOf)})
        days = dict.fromkeys(
            day
            for number, (kind, what) in enumerate(self.members)
            if kind == "list" and what in together
            for day in self.days[number]
        )
        past = [day for day in days if day <= self.day_number]
        ways: dict[str, set[type]] = {}
        for derive in together:
            if isinstance(derive, m.LatestOf | m.EarliestOf):
                ways.setdefault(derive.field, set()).add(type(derive))
        both = any(len(types) > 1 for types in ways.values())
        counts = [
            n
            for derive in together
            if isinstance(derive, m.Count)
            for n in self._counts(derive)
            if n > 1
        ]
        for number, plain in enumerate(kinds.values()):
            yield self._entries(name, plain, number, fields, past, both, counts)

    def _entries(
        self, name: str, plain: Plain, number: int, fields: Sequence[str], past: Sequence[int],
        both: bool, counts: Sequence[int],
    ) -> Iterator[_Option]:  # fmt: skip
        """What may be recorded of one kind of entry."""
        yield _Option({}, (), name)
        if number == 0:
            yield _Option({}, (), name, age=None)
        dates = [*past, "ongoing", None]

        def entries() -> Iterator[Plain]:
            for chosen in product(dates, repeat=len(fields)):
                entry = dict(plain)
                for field, day in zip(fields, chosen, strict=True):
                    entry |= _dated(field, day)
                yield entry

        for entry in entries():
            yield _Option({}, (), name, (entry,))
        for n in dict.fromkeys(counts):
            for entry in entries():
                yield _Option({}, (), name, (entry,) * n)
        if both:
            # The earliest and the latest day of one kind are those of two entries.
            made = list(islice(entries(), MOST_COMBINATIONS))
            for two in combinations(made, 2):
                yield _Option({}, (), name, two)


_Sum = tuple[int, ...]
"""What entries come to for one derivation; see `_sum`."""

_NO_FIRST, _NO_LAST = m.UNBOUNDED, m.NEVER


def _nothing(derive: Listed) -> _Sum:
    """The sum of no entries."""
    if isinstance(derive, m.LatestOf | m.EarliestOf):
        return (0, 0, m.NEVER, m.NEVER, _NO_FIRST, _NO_FIRST)
    return (0, 0)


def _sum(
    derive: Listed, truth: m.Truth, dates: Mapping[str, tuple[int, int] | str | None], today: int
) -> _Sum:
    """What one entry, which counts surely, maybe or not, adds to a derivation.

    How many count surely, and maybe; for a date, whether a sure one has a date, and one has
    none; the latest first day of sure ones and the latest last day of all; the earliest first
    day of all and the earliest last day of sure ones (DESIGN's section on lists).
    """
    if truth == "false":
        return _nothing(derive)
    sure = truth == "true"
    if not isinstance(derive, m.LatestOf | m.EarliestOf):
        return (int(sure), int(not sure))
    said = dates[derive.field]
    days = (today, today) if said == "ongoing" else said
    assert not isinstance(days, str)
    if sure and days is None:
        return (0, 1, m.NEVER, m.NEVER, _NO_FIRST, _NO_FIRST)
    low, high = days or (m.PAST, today)
    if sure:
        return (1, 0, low, high, low, high)
    return (0, 0, m.NEVER, high, low, _NO_FIRST)


def _added(one: _Sum, other: _Sum, most: int) -> _Sum:
    """The sum of two sums; all numbers of entries from `most` on are alike."""
    if len(one) == 2:
        return (min(one[0] + other[0], most), min(one[1] + other[1], most))
    return (
        max(one[0], other[0]), max(one[1], other[1]), max(one[2], other[2]),
        max(one[3], other[3]), min(one[4], other[4]), min(one[5], other[5]),
    )  # fmt: skip


def _entry_of(kind: Sequence[str], dates: Mapping[str, tuple[int, int] | str | None]) -> m.Entry:
    """An entry that derivations told apart by `_told_apart` count as said."""
    values: dict[str, Any] = {
        f"~{i}": "yes" if truth == "true" else "no"
        for i, truth in enumerate(kind)
        if truth != "unknown"
    }
    for field, said in dates.items():
        if isinstance(said, str):
            values[field] = said
        elif said is not None:
            values[field] = m.Days(date.fromordinal(said[0]), date.fromordinal(said[1]))
    return m.Entry("", values)


def _told_apart(protocol: m.Protocol, derivations: Sequence[Listed]) -> m.Protocol:
    facts = dict(protocol.facts)
    for name, fact in protocol.facts.items():
        if fact.derive in derivations:
            assert isinstance(fact.derive, m.LatestOf | m.EarliestOf | m.Exists | m.Count)
            where = (m.Where(f"~{derivations.index(fact.derive)}", ("yes",)),)
            facts[name] = replace(fact, derive=replace(fact.derive, where=where))
    return replace(protocol, facts=facts)


def _when(derive: Listed, day: Any) -> Plain:
    if isinstance(derive, m.LatestOf | m.EarliestOf):
        return _dated(derive.field, day)
    return {}


def _dated(field: str, day: Any) -> Plain:
    if day is None:
        return {}
    return {field: date.fromordinal(day).isoformat() if isinstance(day, int) else day}


def _limits(leaf: m.Leaf) -> tuple[int, ...]:
    if isinstance(leaf, m.LimitTest):
        return (leaf.limit_u,)
    return (leaf.low_u, leaf.high_u) if isinstance(leaf, m.BetweenTest) else ()


Cut = date | tuple[int, int, bool]
"""What cuts dates: a day, or so many days and months ago (True: the day before as well)."""


def _cuts(leaf: m.Leaf, fact: m.Fact) -> set[Cut]:
    """Where one test cuts the dates that it asks about, or that its fact is derived from."""
    if isinstance(leaf, m.AgoTest):
        length = leaf.duration
        return {(length.days, length.months, strict) for strict in (False, True)}
    if isinstance(leaf, m.DayTest):
        return {leaf.day, leaf.day - timedelta(days=1)}
    if isinstance(fact.derive, m.CompletedYears):
        whole = {limit // m.MILLION + more for limit in _limits(leaf) for more in (0, 1)}
        return {(0, 12 * years, False) for years in whole}
    return set()


def _edges(cuts: Iterable[Cut], as_of: date) -> set[int]:
    """The day numbers on both sides of every cut, on an as-of date."""
    days = {
        cut if isinstance(cut, date) else back(as_of, m.Duration(*cut[:2]), strict=cut[2])
        for cut in cuts
    }
    return {day.toordinal() + step for day in days for step in (0, 1)}


def back(as_of: date, duration: m.Duration, *, strict: bool) -> date:
    """The latest day from which the duration has passed by the as-of date (strict: before)."""
    guess = as_of - timedelta(days=duration.days)
    if duration.months:
        months = 12 * guess.year + guess.month - 1 - duration.months
        year, month = divmod(months, 12)
        if year < 1:
            return date.min + timedelta(days=1)
        if year > 2999:
            return LAST_DAY
        guess = date(year, month + 1, 1) + timedelta(days=guess.day)
    while (end := add(guess, duration)) is None or end > as_of or (strict and end == as_of):
        guess -= timedelta(days=1)
    return guess


def grain(limits: Sequence[int]) -> int:
    """The step between values that a reader would write next to these limits."""
    step = m.MILLION
    while step > 1 and any(limit % step for limit in limits):
        step //= 10
    return step


def _size(options: Sequence[Sequence[object]]) -> int:
    size = 1
    for option in options:
        size *= len(option)
    return size


def _a_few(options: Sequence[Sequence[T]], most: int) -> Iterator[Sequence[T]]:
    """Some of a product that is too large: the first of each, then others in place of one
    of them, then of two, taken at even distances."""
    count = len(options)
    first = [some[0] for some in options]
    yield first
    each = max(1, most // (2 * count))
    for i, some in enumerate(options):
        for one in _thinned(some[1:], each):
            yield [*first[:i], one, *first[i + 1 :]]
    pairs = list(combinations(range(count), 2))
    side = max(1, isqrt(most // (2 * len(pairs) or 1)))
    for i, j in pairs[:most]:
        for one, other in product(_thinned(options[i][1:], side), _thinned(options[j][1:], side)):
            yield [*first[:i], one, *first[i + 1 : j], other, *first[j + 1 :]]


def _thinned(some: Sequence[T], most: int) -> Sequence[T]:
    return some[:: -(-len(some) // most) or 1]


# --- asking the reference ---------------------------------------------------------------


def _truths(
    protocols: Sequence[m.Protocol],
    recorded: Plain,
    leaves: Sequence[tuple[int, m.Leaf]],
    as_of: date,
) -> tuple[tuple[int, ...], Mapping[str, tuple[int, int]]] | None:
    """The truths of tests on something recorded; None if a dictionary refuses it."""
    try:
        subjects = [subject_from(recorded, protocol, as_of) for protocol in protocols]
    except InputRejected:
        return None
    return _Asked(protocols, leaves, as_of)(subjects)


class _Asked:
    """Some tests, ready to be put to the reference for many subjects."""

    def __init__(
        self, protocols: Sequence[m.Protocol], leaves: Sequence[tuple[int, m.Leaf]], as_of: date
    ) -> None:
        self.as_of = as_of
        self.packs: list[tuple[int, m.Protocol, list[int]]] = []
        self.count = len(leaves)
        for k, protocol in enumerate(protocols):
            mine = [i for i, (number, _) in enumerate(leaves) if number == k]
            if mine:
                self.packs.append((k, _asking(protocol, [leaves[i][1] for i in mine]), mine))

    def __call__(
        self, subjects: Sequence[m.Subject]
    ) -> tuple[tuple[int, ...], Mapping[str, tuple[int, int]]]:
        """The truths of the tests, and the known readings, of one subject as each pack
        reads it."""
        truths = [UNKNOWN] * self.count
        points: dict[str, tuple[int, int]] = {}
        for k, made, mine in self.packs:
            readings = reference.readings(made, subjects[k], self.as_of)
            found = reference.truths(made, readings, self.as_of)
            for i, truth in zip(mine, found.values(), strict=True):
                truths[i] = NUMBER[truth]
            for name, reading in readings.items():
                if reading.low is not None and reading.high is not None:
                    points.setdefault(name, (reading.low, reading.high))
        return tuple(truths), points


def _asking(protocol: m.Protocol, leaves: Sequence[m.Leaf]) -> m.Protocol:
    """A pack that holds some tests alone, and the facts they need."""
    needed: dict[str, None] = {}
    todo = [leaf.fact for leaf in leaves if not isinstance(leaf, m.Todo)]
    while todo:
        name = todo.pop()
        needed[name] = None
        todo.extend(derived_from(protocol.facts[name]))
    facts = {name: fact for name, fact in protocol.facts.items() if name in needed}
    definitions: dict[str, m.Condition] = {f"T{i}": leaf for i, leaf in enumerate(leaves)}
    return replace(protocol, facts=facts, definitions=definitions, criteria=())


# --- which as-of dates there are to look at -----------------------------------------------


def as_of_dates(protocols: Sequence[m.Protocol], base: date) -> tuple[tuple[date, ...], bool]:
    """As-of dates that stand for all from 2000 to 2099, and whether they do.

    One is enough while nothing compares days with months or with fixed days.
    """
    clusters: dict[Source, tuple[set[Source], set[tuple[int, m.Test]]]] = {}
    fixed: set[date] = set()
    for k, protocol in enumerate(protocols):
        for leaf in pack_leaves(protocol):
            if isinstance(leaf, m.Todo):
                continue
            if isinstance(leaf, m.DayTest):
                fixed.add(leaf.day)
            # Dates with days between them are bounded by each other's limits.
            members, leaves = set(sources(protocol, leaf.fact)), {(k, leaf)}
            for source in list(members):
                if source in clusters:
                    members |= clusters[source][0]
                    leaves |= clusters[source][1]
            for source in members:
                clusters[source] = (members, leaves)
    mixed: list[set[tuple[int, m.Test]]] = []
    chained = False
    for members, leaves in clusters.values():
        kinds = {
            "months" if leaf.duration.months else "days"
            for _, leaf in leaves
            if isinstance(leaf, m.AgoTest) and (leaf.duration.months or leaf.duration.days > 1)
        }
        derived = {type(protocols[k].facts[leaf.fact].derive) for k, leaf in leaves}
        kinds |= {"months"} if m.CompletedYears in derived else set()
        kinds |= {"days"} if m.DaysBetween in derived else set()
        if len(kinds) > 1:
            mixed.append(leaves)
        if m.DaysBetween in derived and (len(kinds) > 1 or fixed) and len(members) > 2:
            chained = True
    if not fixed and not mixed:
        return _unmixed(_reach(protocols, [held for _, held in clusters.values()]), base)
    asked = {
        (k, leaf)
        for leaves in ([held for _, held in clusters.values()] if fixed else mixed)
        for k, leaf in leaves
    }
    cuts = {cut for k, leaf in asked for cut in _cuts(leaf, protocols[k].facts[leaf.fact])}
    in_order = tuple(sorted(cuts, key=lambda cut: (isinstance(cut, date), cut)))
    spans = {
        sign * (limit // m.MILLION + step)
        for k, leaf in asked
        if isinstance(protocols[k].facts[leaf.fact].derive, m.DaysBetween)
        for limit in _limits(leaf)
        for step in (-1, 0, 1)
        for sign in (1, -1)
    }
    dates, complete = _orders(
        in_order, tuple(sorted(spans)), tuple(sorted(fixed)), bool(mixed),
        _reach(protocols, [asked]), base,
    )  # fmt: skip
    # Of three dates and more, distances add up: their orders are not all told apart.
    return dates, complete and not chained


def _reach(
    protocols: Sequence[m.Protocol], clusters: Iterable[Iterable[tuple[int, m.Test]]]
) -> int:
    """The most months that the tests of a cluster go back together; 0 if none counts months.

    An age goes back as far as its limit, and days between dates come on top of it.
    """
    most = 0
    for leaves in clusters:
        back_to = between = 0
        monthly = False
        for k, leaf in leaves:
            derive = protocols[k].facts[leaf.fact].derive
            if isinstance(leaf, m.AgoTest):
                back_to = max(back_to, leaf.duration.months + -(-leaf.duration.days // 28))
                monthly = monthly or leaf.duration.months > 0
            elif isinstance(derive, m.CompletedYears):
                years = [limit // m.MILLION + 1 for limit in _limits(leaf)]
                back_to = max(back_to, 12 * max(years, default=0))
                monthly = True
            elif isinstance(derive, m.DaysBetween):
                days = [abs(limit) // m.MILLION + 1 for limit in _limits(leaf)]
                between = max(between, -(-max(days, default=0) // 28))
        most = max(most, back_to + between if monthly or between else 0)
    return most


def _unmixed(longest: int, base: date) -> tuple[tuple[date, ...], bool]:
    """The as-of dates to look at where limits never change their order.

    On a 29th, 30th or 31st some day of that number may be missing from the month that a limit
    goes back to, and then nothing lies exactly so many months ago: a day that every month has
    stands for all others. Nothing is recorded before `FIRST_DAY`, which a limit of a century
    meets on some days only.
    """
    if not longest:
        return (base,), True
    common = [base]
    if base.day > 28:
        common.append((base.replace(day=1) + timedelta(days=31)).replace(day=1))
    if longest < 12 * (2000 - FIRST_DAY.year):
        return tuple(common), True
    return (*common, date(2099, 12, 15)), False


@lru_cache(maxsize=64)
def _orders(
    cuts: tuple[Cut, ...],
    spans: tuple[int, ...],
    fixed: tuple[date, ...],
    mixed: bool,
    longest: int,
    base: date,
) -> tuple[tuple[date, ...], bool]:
    """As `as_of_dates`, by where dates are cut: many mutants of a pack cut them alike.

    `spans`: the days that may have to lie between two dates; `longest`: the most months that
    a test goes back, ages and days between dates included.
    """

    def signature(as_of: date) -> tuple[int, ...]:
        edges: list[int] = [as_of.toordinal(), *(day.toordinal() for day in fixed)]
        for cut in cuts:
            edges += sorted(_edges([cut], as_of))
        edges += [edge + span for edge in edges for span in spans]
        rank = {edge: i for i, edge in enumerate(sorted(set(edges)))}
        return tuple(rank[edge] for edge in edges)

    complete = True
    tried = [base]
    if mixed:
        # From 2000 to 2099 every fourth year is a leap year, so four years hold all months'
        # lengths; limits that reach back before 1901 would meet the year that was none.
        start, years = date(2024, 1, 1), 4
        if fixed:
            # The order of fixed days and moving ones changes round the fixed ones.
            first = max(2000, fixed[0].year - 4)
            years = min(2100, fixed[-1].year + longest // 12 + 6) - first
            start = date(min(first, 2096), 1, 1)
            complete = years <= 16
            years = max(4, min(16, years))
        tried += [start + timedelta(days=i) for i in range(years * 1461 // 4)]
        complete = complete and longest < 99 * 12
    else:
        for day in fixed:
            near_base = [e for cut in cuts for e in _edges([cut], base)]
            for edge in (e + span for e in near_base for span in (0, *spans)):
                # As months differ in length, so may the day on which the two meet.
                met = day.toordinal() + base.toordinal() - edge
                near = range(met - 4, met + 5)
                tried += [date.fromordinal(d) for d in near if 0 < d < 3_000_000]
            tried += [day + timedelta(days=d) for d in range(-2, 3)]
        tried += [date(2000, 1, 1), date(2099, 12, 31)]
    found: dict[tuple[int, ...], date] = {}
    for as_of in dict.fromkeys(tried):
        if date(2000, 1, 1) <= as_of <= date(2099, 12, 31) or as_of == base:
            found.setdefault(signature(as_of), as_of)
    dates = tuple(found.values())
    return dates[:MOST_DATES], complete and len(dates) <= MOST_DATES
