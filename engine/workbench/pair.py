"""Two versions of a pack side by side, compared over all that can be recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property

from engine import terms as m
from engine.record.wording import leaf_text, leaf_words
from engine.regions.asked import Plain, inlined, leaves_of
from engine.regions.diagrams import FALSE, TRUE, Effort, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, InputRejected
from engine.terms.protocol import condition_paths
from engine.workbench.changed import RANK, About, Change, Shown, moved_as, own_rule, same
from engine.workbench.differences import (
    read_alike,
)
from engine.workbench.edits import only_reached
from engine.workbench.findings import BASE

NOT_ASKED = "not asked"

Read = tuple[Plain, Mapping[str, str], m.Verdict | None]
Reader = Callable[[Plain, date], Read]
"""How one version reads something recorded on a day: the file that it knows of it, what its
rules conclude of each criterion, and the verdict. Raises: InputRejected, EngineFault."""


Regions = tuple[list[Space], bool]


class Pair:
    """Two packs, their rules, and what can be recorded for both, while they are compared.

    `about`: what their criteria are; of classes and events, `belongs` is what tells.
    """

    def __init__(
        self,
        old: m.Protocol,
        new: m.Protocol,
        readers: tuple[Reader, Reader],
        progress: Progress,
        effort: Effort,
        of_entries: bool = False,
    ) -> None:
        self.old, self.new, self.readers, self.progress = old, new, readers, progress
        self.of_entries = of_entries
        self.effort = effort
        self.sizes = [len(condition_paths(pack)) for pack in (old, new)]

    @cached_property
    def regions(self) -> Regions:
        """What can be recorded, day by day, and whether those days stand for all."""
        return spaces([self.old, self.new], self.base, self.effort, self.progress)

    @property
    def base(self) -> date:
        return self.new.effective or self.old.effective or BASE

    def changes(self) -> Iterator[Change]:
        matched = self._matched()
        done: set[str] = set()
        for number, criterion in enumerate(self.new.criteria):
            self.progress("criteria", number, len(self.new.criteria))
            other = matched.get(criterion.id)
            if other is None:
                yield self._alone(criterion, 1)
                continue
            done.add(other.id)
            yield self._change(other, criterion)
        for before in self.old.criteria:
            if before.id not in done:
                yield self._alone(before, 0)

    def _rules(self, old: m.Criterion | None, new: m.Criterion | None, change: Change) -> Change:
        """A change with its criteria, and their conditions in words."""
        one = old or new
        about: About = one.about if one is not None else "criterion"

        def lines(
            protocol: m.Protocol,
            criterion: m.Criterion | None,
            say: Callable[[m.Leaf], str] | None = None,
        ) -> tuple[str, ...]:
            if criterion is None:
                return ()
            return tuple(rule_lines(protocol, own_rule(criterion, about), say))

        # By the names of facts and codes, in the units of one version.
        facts = {**self.old.facts, **self.new.facts}
        written = [
            lines(pack, one, lambda leaf: leaf_text(leaf, facts))
            for pack, one in ((self.old, old), (self.new, new))
        ]
        return replace(
            change, old=old, new=new, about=about,
            old_rule=lines(self.old, old), new_rule=lines(self.new, new),
            rewritten=all(written) and written[0] != written[1],
        )  # fmt: skip

    def _alone(self, criterion: m.Criterion, number: int) -> Change:
        """A criterion that only one version has, with a subject that fails it; a class, with
        an entry that belongs to it."""
        shown = self._alone_shown(criterion, number)
        gained = bool(number) == self.of_entries
        change = Change(
            "added" if number else "removed", None, None, True,
            None if gained else shown, shown if gained else None, gained, not gained,
        )  # fmt: skip
        old, new = (None, criterion) if number else (criterion, None)
        return self._rules(old, new, change)

    def _alone_shown(self, criterion: m.Criterion, number: int) -> Shown | None:
        self.effort.question()
        wanted = TRUE if self.of_entries else FALSE
        for space in self.regions[0]:
            try:
                goal = space.diagrams.is_(space.status(criterion, number), wanted)
            except TooLarge:
                continue
            for before, after, files, verdicts in self._screened(space, goal):
                said = (before, after)[number][criterion.id]
                if RANK[said] == wanted:
                    two = (NOT_ASKED, said) if number else (said, NOT_ASKED)
                    return Shown(space.as_of, *files, *two, *verdicts)
        return None

    def _screened(
        self, space: Space, goal: int
    ) -> Iterator[
        tuple[
            Mapping[str, str],
            Mapping[str, str],
            tuple[Plain, Plain],
            tuple[m.Verdict | None, m.Verdict | None],
        ]
    ]:
        """Witnesses of a goal, screened by both versions: what each concludes, the file as
        each knows it, and the verdicts."""
        for recorded, _ in space.witnesses(goal, 20):
            self.effort.screened(*self.sizes)
            try:
                first, before, old = self.readers[0](recorded, space.as_of)
                second, after, new = self.readers[1](recorded, space.as_of)
            except (InputRejected, EngineFault):
                continue
            yield before, after, (first, second), (old, new)

    def _matched(self) -> dict[str, m.Criterion]:
        """For each new criterion the old one it continues: by id where meaning or words
        agree, else by words, else by meaning, else by id."""
        left = {c.id: c for c in self.old.criteria}
        found: dict[str, m.Criterion] = {}

        def words(c: m.Criterion) -> str:
            return " ".join(c.text.lower().split())

        def pick(fits: Callable[[m.Criterion, m.Criterion], bool]) -> None:
            for new in self.new.criteria:
                if new.id not in found:
                    one = next((old for old in left.values() if fits(old, new)), None)
                    if one is not None:
                        found[new.id] = left.pop(one.id)

        pick(lambda a, b: a.id == b.id and (words(a) == words(b) or self._alike(a, b)))
        pick(lambda a, b: words(a) == words(b))
        pick(lambda a, b: a.kind == b.kind and self._alike(a, b))
        pick(lambda a, b: a.id == b.id)
        return found

    def _same_to_read(self, old: m.Criterion, new: m.Criterion) -> bool:
        return old.kind == new.kind and same_to_read(
            self.old, old.holds_when, self.new, new.holds_when
        )

    def _alike(self, old: m.Criterion, new: m.Criterion) -> bool:
        if self._same_to_read(old, new):
            # What is not written yet is no meaning to find a criterion by.
            return not isinstance(inlined(old.holds_when, self.old.definitions), m.Todo)
        self.effort.question()
        try:
            return all(s.status(old, 0) == s.status(new, 1) > 2 for s in self.regions[0])
        except TooLarge:
            return False

    def _change(self, old: m.Criterion, new: m.Criterion) -> Change:
        if self._same_to_read(old, new):
            return self._rules(old, new, same())

        def moved(regions: Regions) -> Change:
            return self._moved(
                regions,
                lambda s: (s.status(old, 0), s.status(new, 1)),
                [(0, old.holds_when), (1, new.holds_when)],
                (old.id, new.id),
            )

        found = moved(self.regions)
        if not found.proved and self.effort.spent < self.effort.limit // 2:
            # By itself, a criterion may have fewer orders of days to look at.
            alone = [only_reached(self.old, [old]), only_reached(self.new, [new])]
            again = moved(spaces(alone, self.base, self.effort, lambda *_: None))
            found = moved_as(
                found.worse or again.worse,
                found.better or again.better,
                found.never_worse or again.never_worse,
                found.never_better or again.never_better,
            )
        return self._rules(old, new, found)

    def verdict(self, criteria: Sequence[Change]) -> Change:
        """How the verdict moved, beside what is known of each criterion.

        A verdict is as good as the worst of the statuses: where no criterion is better for
        anybody, no verdict is.
        """
        no_worse = all(c.never_worse for c in criteria)
        no_better = all(c.never_better for c in criteria)
        if no_better and no_worse:
            return replace(same(), about="verdict")
        about = [(k, c.holds_when) for k, p in enumerate((self.old, self.new)) for c in p.criteria]
        moved = self._moved(
            self.regions, lambda s: (s.verdict(0), s.verdict(1)), about, None, no_worse, no_better
        )
        return replace(moved, about="verdict")

    def _moved(
        self,
        regions: Regions,
        diagrams: Callable[[Space], tuple[int, int]],
        about: Sequence[tuple[int, m.Condition]],
        ids: tuple[str, str] | None,
        never_worse: bool = False,
        never_better: bool = False,
    ) -> Change:
        """How two diagrams stand to each other; `never_worse` and `never_better` are known."""
        worse = better = None
        found, all_dates = regions
        no_worse = no_better = all_dates or found[0].timeless(about)
        self.effort.question()
        for space in found:
            try:
                before, after = diagrams(space)
                if not space.complete(about):
                    no_worse = no_better = False
                if before == after:
                    continue
                down = space.diagrams.less(after, before)
                up = space.diagrams.less(before, after)
                if down != FALSE:
                    no_worse = False
                    worse = worse or self._shown(space, before, after, down, ids, -1)
                if up != FALSE:
                    no_better = False
                    better = better or self._shown(space, before, after, up, ids, 1)
            except TooLarge:
                no_worse = no_better = False
        return moved_as(worse, better, no_worse or never_worse, no_better or never_better)

    def _shown(
        self,
        space: Space,
        before: int,
        after: int,
        goal: int,
        ids: tuple[str, str] | None,
        sign: int,
    ) -> Shown | None:
        """A subject of a goal that both versions' rules find better (`sign` 1) or worse."""
        # Passed against failed says most; decided against open, less.
        decided = space.diagrams.both(
            goal, space.diagrams.is_(before, 0, 2), space.diagrams.is_(after, 0, 2)
        )
        for one in (decided, goal):
            for old, new, files, verdicts in self._screened(space, one):
                if ids is not None:
                    said = (old[ids[0]], new[ids[1]])
                else:
                    said = (str(verdicts[0]), str(verdicts[1]))
                if (RANK[said[1]] - RANK[said[0]]) * sign > 0:
                    return Shown(space.as_of, *files, *said, *verdicts)
        return None


def same_to_read(old: m.Protocol, before: m.Condition, new: m.Protocol, after: m.Condition) -> bool:
    """Whether two conditions are one, over dictionary entries that are one.

    Definitions are written out. Then nothing that a truth depends on differs, whatever is
    recorded, and there is nothing to work out.
    """
    written = inlined(before, old.definitions)
    if written != inlined(after, new.definitions):
        return False
    tests = (leaf for leaf in leaves_of(written, {}) if not isinstance(leaf, m.Todo))
    return read_alike(old, new, (test.fact for test in tests))


def rule_lines(
    protocol: m.Protocol, condition: m.Condition, say: Callable[[m.Leaf], str] | None = None
) -> list[str]:
    """A condition, a line a test, indented by depth; `say` words a test, else plain words do."""
    lines: list[str] = []

    def walk(condition: m.Condition, depth: int) -> None:
        pad = "  " * depth
        if isinstance(condition, m.Defined):
            walk(protocol.definitions[condition.name], depth)
        elif isinstance(condition, m.All | m.Any):
            lines.append(pad + ("all of:" if isinstance(condition, m.All) else "any of:"))
            for child in condition.children:
                walk(child, depth + 1)
        elif isinstance(condition, m.Not):
            lines.append(pad + "not:")
            walk(condition.child, depth + 1)
        else:
            lines.append(pad + (say(condition) if say else leaf_words(condition, protocol.facts)))

    walk(condition, 0)
    return lines
