"""How the meaning of each criterion moved between two versions of a pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property

from engine import terms as m
from engine.record.wording import leaf_text
from engine.regions.asked import Plain
from engine.regions.diagrams import FALSE, TRUE, Effort, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.condition import inlined
from engine.terms.faults import EngineFault, InputRejected
from engine.terms.protocol import condition_paths
from engine.workbench.alike import same_to_read
from engine.workbench.changed import (
    NOT_ASKED,
    RANK,
    About,
    Change,
    Relation,
    Shown,
    own_rule,
    rule_lines,
)  # fmt: skip
from engine.workbench.edits import only_reached
from engine.workbench.findings import BASE

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
        ids = ("", criterion.id) if number else (criterion.id, "")
        for space in self.regions[0]:
            try:
                goal = space.diagrams.is_(space.status(criterion, number), wanted)
            except TooLarge:
                continue
            for shown in self._screened(space, goal, ids):
                if RANK[shown.new if number else shown.old] == wanted:
                    return shown
        return None

    def _screened(self, space: Space, goal: int, ids: tuple[str, str] | None) -> Iterator[Shown]:
        """Witnesses of a goal, screened by both versions. `ids`: the criterion looked at in each
        ("": it has none), or the verdicts where None."""
        for recorded, _ in space.witnesses(goal, 20):
            self.effort.screened(*self.sizes)
            try:
                first, before, old = self.readers[0](recorded, space.as_of)
                second, after, new = self.readers[1](recorded, space.as_of)
            except (InputRejected, EngineFault):
                continue
            two = (str(old), str(new))
            if ids is not None:
                two = (before.get(ids[0], NOT_ASKED), after.get(ids[1], NOT_ASKED))
            yield Shown(space.as_of, first, second, *two, old, new)

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
            return self._rules(old, new, _same())

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
            found = _moved_as(
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
            return replace(_same(), about="verdict")
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
        return _moved_as(worse, better, no_worse or never_worse, no_better or never_better)

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
            for shown in self._screened(space, one, ids):
                if (RANK[shown.new] - RANK[shown.old]) * sign > 0:
                    return shown
        return None


def _moved_as(worse: Shown | None, better: Shown | None, no_worse: bool, no_better: bool) -> Change:
    """The change that is told by its witnesses, and by the directions proved absent."""
    relation: Relation
    if worse and better:
        # Each is shown, so neither can be absent.
        return Change("different", None, None, True, worse, better)
    if worse:
        relation, proved = "stricter" if no_better else "stricter-for-some", no_better
    elif better:
        relation, proved = "looser" if no_worse else "looser-for-some", no_worse
    else:
        proved = no_worse and no_better
        relation = "same" if proved else "undecided"
    return Change(relation, None, None, proved, worse, better, no_worse, no_better)


def _same() -> Change:
    return _moved_as(None, None, True, True)
