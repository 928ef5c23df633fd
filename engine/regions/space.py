"""The regions of one or two packs, with every condition as a diagram over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeVar

from engine import terms as m
from engine.regions import free
from engine.regions.asked import Plain, leaves_of, pack_leaves, truths_of
from engine.regions.cells import Variable
from engine.regions.coupled import never_cut, variable_of
from engine.regions.days import Source, as_of_dates, cuts_of, limits_of, sources
from engine.regions.diagrams import TRUE, UNKNOWN, Diagrams, Effort
from engine.regions.group import Group
from engine.regions.lists import Templates

T = TypeVar("T")
MOST_WAYS = 1_000
"""In how many ways derivations of one list may come out, to be looked at together."""


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
        self.protocols, self.as_of = tuple(protocols), as_of
        self.effort = effort or Effort()
        self.effort.question(4)
        self.templates: dict[str, Templates] = {} if like is None else like.templates
        self.like, self.progress = like, progress
        leaves = [(k, leaf) for k, p in enumerate(protocols) for leaf in pack_leaves(p)]
        wanted = dict.fromkeys([*leaves, *extra])
        self.apart: set[str] = set()
        tests = [(k, leaf) for k, leaf in wanted if not isinstance(leaf, m.Todo)]
        loose = [(k, leaf) for k, leaf in tests if free.is_free(protocols[k], leaf)]
        cut = [one for one in tests if one not in {*loose}]
        self.variables = (*_variables(self, cut), *free.variables(protocols, loose, as_of))
        self.place = {
            (number, leaf): (v, position)
            for v, variable in enumerate(self.variables)
            for position, (number, leaf) in enumerate(variable.leaves)
        }
        self.diagrams = Diagrams([len(v.cells) for v in self.variables], self.effort)
        self.effort.question(1)
        self._compiled: dict[tuple[int, m.Condition], int] = {}
        self._asked: dict[tuple[int, int], tuple[m.Condition, int]] = {}

    # --- conditions as diagrams ---------------------------------------------------------

    def diagram(self, condition: m.Condition, number: int = 0) -> int:
        """The diagram of a condition of pack `number`. Raises: TooLarge."""
        # By the object: to compare long conditions part by part takes longer than the rest.
        known = self._asked.get((number, id(condition)))
        if known is not None:
            return known[1]
        found = self._compile(m.inlined(condition, self.protocols[number].definitions), number)
        self._asked[number, id(condition)] = (condition, found)
        return found

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
        elif isinstance(condition, m.AtLeast):
            parts = (self._compile(child, number) for child in condition.children)
            found = diagrams.at_least(condition.count, parts)
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
        return self._compile(m.inlined(condition, edited.definitions), number)

    def status(self, criterion: m.Criterion, number: int = 0) -> int:
        """A criterion's status as a diagram: 2 passed, 1 open, 0 failed."""
        found = self.diagram(criterion.holds_when, number)
        return found if criterion.kind == "inclusion" else self.diagrams.negate(found)

    def verdict(self, number: int = 0) -> int:
        """The verdict as a diagram: 2 eligible, 1 undetermined, 0 ineligible."""
        return self.diagrams.all(self.status(c, number) for c in self.protocols[number].criteria)

    def concerns(self, diagram: int) -> frozenset[int | str]:
        """What a diagram is about: variables, and lists whose facts are taken each by itself
        although they share entries. Diagrams about nothing in common are free of each other."""
        found: set[int | str] = set()
        for v in self.diagrams.support(diagram):
            found.add(v)
            for k, leaf in () if self.variables[v].free else self.variables[v].leaves:
                if not isinstance(leaf, m.Todo):
                    own = sources(self.protocols[k], leaf.fact)
                    found |= {s.records for s in own if not isinstance(s, str)} & self.apart
        return frozenset(found)

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
                if agree and self._holds(path, recorded):
                    yield recorded, path
                else:
                    # Entries of one list count for other facts of it as well.
                    for other in (recorded, self._long_ago(recorded)):
                        self.effort.spent += Effort.ASKED * len(self.protocols)
                        if self._reaches(goal, other):
                            yield other, path
                            break
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
                if not variable.free and self._aged(number, leaf):
                    return False
                if not (variable.held.points if definite else variable.held.whole):
                    return False
        return True

    def _aged(self, number: int, leaf: m.Test) -> bool:
        """Whether the packs disagree on whether an older value of what a test asks about still
        counts (`changes: never`): the space holds one value of each fact."""
        for name in sources(self.protocols[number], leaf.fact):
            if not isinstance(name, str):
                continue
            facts = [p.facts[name] for p in self.protocols if name in p.facts]
            if len({fact.changes == "never" for fact in facts}) > 1:
                return True
        return False

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

    def _long_ago(self, recorded: Plain) -> Plain:
        """The same, with every entry's missing dates ten years ago: as what counts least."""
        day = (self.as_of - timedelta(days=3653)).isoformat()
        records = {}
        for name, listed in recorded["records"].items():
            fields = [
                field.name
                for protocol in self.protocols
                if name in protocol.records
                for field in protocol.records[name].fields.values()
                if field.type == "date"
            ]
            old = dict.fromkeys(fields, day)
            entries = [{**old, **entry} for entry in listed["entries"]]
            records[name] = {**listed, "entries": entries}
        return {"facts": recorded["facts"], "records": records}

    def _reaches(self, goal: int, recorded: Plain) -> bool:
        """Whether a whole subject makes a diagram true, whatever its cells promised."""
        leaves = [leaf for variable in self.variables for leaf in variable.leaves]
        found = truths_of(self.protocols, recorded, leaves, self.as_of)
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
        found = truths_of(self.protocols, recorded, leaves, self.as_of)
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

    Those beyond half of what the analysis may spend are left out; beyond a tenth, where they
    are not all in any case, and can show something but prove nothing.
    """
    dates, complete = as_of_dates(protocols, base)
    most = effort.limit // (2 if complete else 10)
    found: list[Space] = []
    for number, as_of in enumerate(dates):
        if found and effort.spent > most:
            return found, False

        def cut(done: int, of: int, before: int = number) -> None:
            progress("what can be recorded", before * of + done, len(dates) * of)

        like = found[0] if found else None
        found.append(Space(protocols, as_of, effort=effort, like=like, progress=cut))
    return found, complete


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
    derived = [one for one in groups if not isinstance(one, str)]
    lists = {one.records for one in derived}
    entries = space.templates
    for name in sorted(lists - entries.keys()):
        derivations = [one for one in derived if one.records == name]
        entries[name] = Templates(protocols, space.effort, name, derivations)
    for templates in entries.values():
        for derive in templates.derivations:
            if templates.private(derive, "true") is None:
                near = [derive, *templates.nearest(derive)]
                together = frozenset[Source]().union(*(groups[one] for one in near))
                # Too many together are taken each by itself: as if its entries were its own,
                # which leaves nothing out.
                if _ways(protocols, together, origin) <= MOST_WAYS:
                    join(near)
                else:
                    space.apart.add(templates.name)
    done: set[int] = set()
    count = len({id(groups[next(iter(found))]) for found in origin.values()})
    for key in origin:
        group = groups[next(iter(origin[key]))]
        if id(group) in done:
            continue
        space.progress(len(done), count)
        done.add(id(group))
        members = [k for k in origin if groups[next(iter(origin[k]))] is group]
        order = sorted(group, key=lambda one: (isinstance(one, str), repr(one)))
        if space.like is not None and never_cut(protocols, order):
            same = next(v for v in space.like.variables if v.leaves == tuple(members))
            yield _on_another_day(same, space.like.as_of, space.as_of)
        else:
            yield variable_of(Group(protocols, space.as_of, space.effort, order, members, entries))


def _ways(
    protocols: Sequence[m.Protocol],
    members: Iterable[Source],
    origin: Mapping[tuple[int, m.Test], frozenset[Source]],
) -> int:
    """About how many ways the derivations of some sources can come out together."""
    ways = 1
    for one in members:
        mine = [(k, leaf) for (k, leaf), found in origin.items() if one in found]
        if isinstance(one, str | m.Exists):
            ways *= 3
        elif isinstance(one, m.Count):
            limits = [
                limit // m.MILLION
                for k, leaf in mine
                for limit in limits_of(leaf, protocols[k].facts[leaf.fact])
            ]
            most = max(limits, default=0)
            ways *= (most + 3) * (most + 4) // 2
        else:
            cuts = {c for k, leaf in mine for c in cuts_of(leaf, protocols[k].facts[leaf.fact])}
            ways *= (len(cuts) + 2) * (len(cuts) + 3) // 2
    return ways


def _on_another_day(variable: Variable, before: date, after: date) -> Variable:
    """The same regions, as they would be recorded on another day."""

    def moved(said: Any) -> Any:
        if isinstance(said, list):
            return [moved(one) for one in said]
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
