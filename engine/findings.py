"""Findings: what is worth an author's look in a pack that has no faults.

A finding never stops a screening. Those about meaning are proved over all regions of what
can be recorded (`engine.worlds`), or shown by a witness that the fired rules have screened;
what neither settles is said to be undecided.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Literal, TypeVar

import engine.model as m
from engine.cases import Cases
from engine.decision import Screener
from engine.diagrams import FALSE, TRUE, UNKNOWN, Effort, TooLarge
from engine.edits import leaf_paths, reached, replaced, users
from engine.faults import EngineFault, Fault, InputRejected
from engine.packs import derived_from
from engine.rules import condition_paths
from engine.witness import Witness, confirmed
from engine.wording import decimal_text, leaf_text
from engine.worlds import Cell, Plain, Progress, Space, back, leaves_of, spaces

T = TypeVar("T")
Severity = Literal["error", "warning", "note"]
Basis = Literal["proved", "witnessed", "undecided", "read"]
"""How a finding is known: proved over all regions; shown by a witness; not decided within
the limit; or plain from the text."""

BASE = date(2026, 1, 15)
"""The as-of date of witnesses, where a pack does not say from when it is in effect."""

CODES: Mapping[str, tuple[Severity, str]] = {
    "never-passed": ("error", "a criterion that no subject can pass"),
    "never-failed": ("warning", "a criterion that no subject can fail"),
    "never-decided": ("error", "a criterion that can never be decided"),
    "todo": ("warning", "a condition that nobody has written yet"),
    "never-eligible": ("error", "no subject at all can be eligible"),
    "implied": ("warning", "a criterion that another already ensures"),
    "contradicted": ("error", "two criteria that no subject passes together"),
    "overlap": ("warning", "an inclusion and an exclusion that hold together"),
    "never-matters": ("warning", "a condition that makes no difference in its criterion"),
    "never-together": ("warning", "two conditions of one `all` that never hold together"),
    "always-holds": ("warning", "an `any` that holds whatever its facts are"),
    "gap": ("warning", "a gap between the steps of an ordered list"),
    "step-overlap": ("warning", "two steps of an ordered list that overlap"),
    "window-beyond-validity": ("warning", "a window longer than its fact is relied on"),
    "no-validity": ("warning", "a fact that may change, without `valid_for`"),
    "limit-outside-range": ("warning", "a limit outside its fact's range"),
    "unused-fact": ("warning", "a fact that no criterion asks about"),
    "unused-definition": ("warning", "a definition that no criterion uses"),
    "unused-choice": ("warning", "a code that no condition and no case names"),
    "vague-word": ("warning", "a vague word without an interpretation"),
    "case-fault": ("error", "a case that contradicts the dictionary"),
    "misnamed-file": ("warning", "a file in a pack's folder that nothing reads"),
    "undecided": ("note", "a question that was not decided within the limit"),
}
"""Every finding: how bad it is, and what it is."""

VAGUE = re.compile(
    r"\b(abnormal|acceptable|active|adequate|appropriate|clinically|considerable|excessive"
    r"|extensive|frequent|high[- ]dose|inadequate|insufficient|major|mild|minimal|moderate|normal"
    r"|poor|prolonged|reasonable|recent|recently|satisfactory|serious|severe|significant"
    r"|significantly|stable|substantial|sufficient|suitable|uncontrolled|unstable)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `criteria`: those it is about; `witness`: a subject that shows it."""

    code: str
    place: m.Span
    message: str
    hint: str = ""
    basis: Basis = "read"
    criteria: tuple[str, ...] = ()
    witness: Witness | None = None

    @property
    def severity(self) -> Severity:
        return CODES[self.code][0]


def findings(
    protocol: m.Protocol,
    screener: Screener | None = None,
    cases: Cases | None = None,
    progress: Progress = lambda *_: None,
) -> list[Finding]:
    """Every finding, in the pack's order.

    `screener`: the pack's fired rules, by which witnesses are confirmed; made here if None.
    `cases`: the pack's cases, which count as uses of a code.
    Raises: EngineFault.
    """
    found = [*_from_text(protocol, cases)]
    own = screener or Screener(protocol)
    try:
        found += _Analysis(protocol, own, progress).findings()
    finally:
        if screener is None:
            own.close()
    files = {name: i for i, name in enumerate(("facts", "eligibility", "cases"))}

    def order(finding: Finding) -> tuple[int, str, int, int, str]:
        place = finding.place
        stem = place.path.rpartition("/")[2].partition(".")[0]
        return files.get(stem, 9), place.path, place.line, place.column, finding.code

    return sorted(found, key=order)


# --- plain from the text ----------------------------------------------------------------


def _from_text(protocol: m.Protocol, cases: Cases | None) -> Iterator[Finding]:
    yield from _limits(protocol)
    yield from _unused(protocol, cases)
    for criterion in protocol.criteria:
        vague = [found.lower() for found in VAGUE.findall(criterion.text)]
        if vague and not criterion.interpretation:
            words = ", ".join(f"`{word}`" for word in dict.fromkeys(vague))
            what = f"{criterion.id}: {words} may be read in several ways"
            hint = "say in `interpretation` how it is read"
            yield Finding("vague-word", criterion.place, what, hint, "read", (criterion.id,))
    for path, leaf in leaf_paths(protocol).items():
        if isinstance(leaf, m.Todo):
            using = tuple(sorted(users(protocol, path)))
            if using and all(_unwritten(protocol, id_) for id_ in using):
                continue  # said of the whole criterion
            what = f"{path}: not yet written as a rule; it stays open for everybody"
            yield Finding("todo", leaf.place, what, "write the condition", "read", using)
    for fault in cases.faults if cases else ():
        message = f"{fault.code}: {fault.message}"
        yield Finding("case-fault", fault.span, message, fault.hint)


def _unwritten(protocol: m.Protocol, id_: str) -> bool:
    """Whether a criterion asks about nothing yet."""
    criterion = next(c for c in protocol.criteria if c.id == id_)
    leaves = leaves_of(criterion.holds_when, protocol.definitions)
    return all(isinstance(leaf, m.Todo) for leaf in leaves)


def _limits(protocol: m.Protocol) -> Iterator[Finding]:
    for path, leaf in leaf_paths(protocol).items():
        if not isinstance(leaf, m.LimitTest | m.BetweenTest):
            continue
        fact = protocol.facts[leaf.fact]
        if fact.range_u is None:
            continue
        low, high = fact.range_u
        if isinstance(leaf, m.LimitTest):
            sides = {
                "at_least": (low, high), "below": (low, high),
                "above": (low - 1, high - 1), "at_most": (low - 1, high - 1),
            }[leaf.op]  # fmt: skip
            outside = not sides[0] < leaf.limit_u <= sides[1]
            limits = [leaf.limit_u]
        else:
            limits = [leaf.low_u, leaf.high_u]
            outside = leaf.low_u < low or leaf.high_u > high
        if outside:
            said = " and ".join(decimal_text(limit) for limit in limits)
            ends = f"{decimal_text(low)} to {decimal_text(high)} {fact.unit}"
            what = f"{path}: the limit {said} is not inside the range of `{fact.name}`, {ends}"
            hint = "check the number and its unit"
            using = tuple(sorted(users(protocol, path)))
            yield Finding("limit-outside-range", leaf.place, what, hint, "proved", using)


def _unused(protocol: m.Protocol, cases: Cases | None) -> Iterator[Finding]:
    used = frozenset().union(*(reached(protocol, c.holds_when) for c in protocol.criteria))
    for name, condition in protocol.definitions.items():
        if name not in used:
            what = f"no criterion uses the definition `{name}`"
            yield Finding("unused-definition", _start(condition), what, "remove it, or use it")
    asked = {
        leaf.fact
        for criterion in protocol.criteria
        for leaf in leaves_of(criterion.holds_when, protocol.definitions)
        if not isinstance(leaf, m.Todo)
    }
    asked |= _outcome_names(protocol) & protocol.facts.keys()
    todo = list(asked)
    while todo:
        for name in derived_from(protocol.facts[todo.pop()]):
            if name not in asked:
                asked.add(name)
                todo.append(name)
    for fact in protocol.facts.values():
        # A text cannot be tested: it is there for people.
        if fact.name not in asked and fact.type != "text":
            what = f"no criterion asks about `{fact.name}`"
            yield Finding("unused-fact", fact.place, what, "remove it, or use it")
    named = _named_codes(protocol, cases)
    for fact in protocol.facts.values():
        if fact.name in asked:
            yield from _unused_codes(fact, fact.name, named)
    # The lists of outcome rules alone are no matter for the cases of eligibility.
    derivations = [protocol.facts[name].derive for name in sorted(asked)]
    lists = {getattr(derive, "records", "") for derive in derivations}
    for record in protocol.records.values():
        for one in record.fields.values() if record.name in lists else ():
            yield from _unused_codes(one, f"{record.name}.{one.name}", named)


def _outcome_names(protocol: m.Protocol) -> frozenset[str]:
    """The names of facts that outcome rules speak of."""
    outcomes = protocol.outcomes
    if outcomes is None:
        return frozenset()
    found = {
        outcomes.start,
        outcomes.died,
        *(name for chain in outcomes.in_order for name in chain),
    }
    for leaf in _outcome_leaves(protocol):
        found.add(leaf[1].fact)
    todo: list[object] = [
        outcomes.response,
        outcomes.events,
        outcomes.endpoints,
        outcomes.toxicities,
    ]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            found.add(one)
        elif isinstance(one, Mapping):
            todo += [*one.keys(), *one.values()]
        elif isinstance(one, tuple | list | frozenset | set):
            todo += one
        elif is_dataclass(one):
            todo += [getattr(one, field.name) for field in fields(one)]
    return frozenset(found)


def _outcome_leaves(protocol: m.Protocol) -> Iterator[tuple[str, m.Test]]:
    """The tests of outcome rules, each with the list whose entries it looks at."""
    from engine.outcomes.reader import conditions_of

    outcomes = protocol.outcomes
    assert outcomes is not None
    for records, scope in outcomes.scopes.items():
        for condition in conditions_of(outcomes, records):
            for leaf in leaves_of(condition, scope.definitions):
                if not isinstance(leaf, m.Todo):
                    yield records, leaf


def _unused_codes(
    of: m.Fact | m.Field, name: str, named: frozenset[tuple[str, str]]
) -> Iterator[Finding]:
    missing = [c.code for c in of.choices if (name, c.code) not in named]
    if of.choices and missing and any((name, c.code) in named for c in of.choices):
        words = ", ".join(f"`{code}`" for code in missing)
        what = f"no condition and no case names {words} of `{name}`"
        yield Finding("unused-choice", of.place, what, "add a case that says what it leads to")


def _named_codes(protocol: m.Protocol, cases: Cases | None) -> frozenset[tuple[str, str]]:
    """The codes that conditions, `where` and cases name, as (fact or list.field, code)."""
    named: set[tuple[str, str]] = set()
    for leaf in leaf_paths(protocol).values():
        if isinstance(leaf, m.ChoiceTest):
            named |= {(leaf.fact, code) for code in leaf.codes}
    for fact in protocol.facts.values():
        derive = fact.derive
        if isinstance(derive, m.LatestOf | m.EarliestOf | m.Exists | m.Count):
            for where in derive.where:
                named |= {(f"{derive.records}.{where.field}", str(v)) for v in where.values}
    for records, leaf in _outcome_leaves(protocol) if protocol.outcomes else ():
        if isinstance(leaf, m.ChoiceTest):
            named |= {(f"{records}.{leaf.fact}", code) for code in leaf.codes}
            named |= {(leaf.fact, code) for code in leaf.codes}
    for case in cases.cases if cases else ():
        for name, statements in case.subject.facts.items():
            named |= {(name, s.value) for s in statements if isinstance(s.value, str)}
        for name, listed in case.subject.records.items():
            for entry in listed.entries:
                for field, value in entry.values.items():
                    several = value if isinstance(value, tuple) else (value,)
                    named |= {(f"{name}.{field}", v) for v in several if isinstance(v, str)}
    if not (cases and cases.cases):
        # Without cases nothing shows that a code was forgotten: one that stands for the
        # rest (`none`, `other`) is the counterpart of those that are named.
        for fact in protocol.facts.values():
            named |= {(fact.name, choice.code) for choice in fact.choices}
        for record in protocol.records.values():
            for one in record.fields.values():
                named |= {(f"{record.name}.{one.name}", c.code) for c in one.choices}
    return frozenset(named)


def _start(condition: m.Condition) -> m.Span:
    return condition.place


# --- about meaning ----------------------------------------------------------------------


class _Analysis:
    """The questions about one pack, asked in every order that its limits can come to stand in."""

    def __init__(self, protocol: m.Protocol, screener: Screener, progress: Progress) -> None:
        self.protocol, self.screener, self.progress = protocol, screener, progress
        self.effort = Effort()
        base = protocol.effective or BASE
        self.spaces, self.all_dates = spaces([protocol], base, self.effort, progress)
        self.silent: set[str] = set()
        self.unwritten: set[str] = set()  # criteria with a `todo`: open for everybody as yet
        self.hopeless = False  # a finding says already why nobody can be eligible
        self.undecided: list[str] = []

    def findings(self) -> Iterator[Finding]:
        yield from self._validity()
        for number, criterion in enumerate(self.protocol.criteria):
            self.progress("criteria", number, len(self.protocol.criteria))
            yield from self._alone(criterion)
        yield from self._pairs()
        yield from self._inside()
        yield from self._steps()
        yield from self._windows()
        yield from self._classes()
        if not self.hopeless:
            yield from self._nobody()
        for what in dict.fromkeys(self.undecided):
            said = f"not decided within the limit: {what}"
            yield Finding("undecided", self._place_of(what), said, "", "undecided")

    def _place_of(self, what: str) -> m.Span:
        """Where the criterion or condition stands that a question names first."""
        places = {path: one.place for path, one in condition_paths(self.protocol).items()}
        places |= {criterion.id: criterion.place for criterion in self.protocol.criteria}
        words = (word.rstrip(":,") for word in what.split())
        named = next((places[word] for word in words if word in places), None)
        return named or self.protocol.criteria[0].place

    # --- asking -------------------------------------------------------------------------

    def ask(
        self,
        goal: Callable[[Space], int],
        about: Sequence[m.Condition],
        what: str,
        *,
        definite: bool = False,
        check: Callable[[Witness], bool] = lambda _: True,
    ) -> Witness | Literal["none", "undecided"]:
        """A confirmed witness of a goal; else whether it is proved that there is none."""
        proved = self._on_every_day(about)
        self.effort.question()
        for space in self.spaces:
            try:
                asked = goal(space)
            except TooLarge:
                proved = False
                continue
            if asked != FALSE:
                for recorded, _ in space.witnesses(asked, 20):
                    if self.effort.over:
                        break
                    witness = self._confirmed(recorded, space.as_of)
                    if witness is not None and check(witness):
                        return witness
                proved = False
            elif not space.complete([(0, one) for one in about], definite=definite):
                proved = False
        if proved:
            return "none"
        self.undecided.append(what)
        return "undecided"

    def _confirmed(self, recorded: Plain, as_of: date) -> Witness | None:
        self.effort.spent += Effort.SCREENED
        try:
            return confirmed(self.screener, recorded, as_of)
        except (InputRejected, EngineFault):
            return None

    def never(
        self, goal: Callable[[Space], int], about: Sequence[m.Condition], what: str, *,
        definite: bool = False,
    ) -> bool:  # fmt: skip
        """Whether it is proved that nothing gives a goal. That something does is no finding,
        so it need not be screened by the rules."""
        proved = self._on_every_day(about)
        self.effort.question()
        for space in self.spaces:
            try:
                asked = goal(space)
            except TooLarge:
                proved = False
                continue
            if asked != FALSE:
                if space.witness(asked, 20) is not None:
                    return False
                proved = False
            elif not space.complete([(0, one) for one in about], definite=definite):
                proved = False
        if not proved:
            self.undecided.append(what)
        return proved

    def _on_every_day(self, about: Iterable[m.Condition]) -> bool:
        """Whether the spaces stand for every as-of date, where some conditions are concerned."""
        return self.all_dates or self.spaces[0].timeless([(0, one) for one in about])

    def settle(self, question: Callable[[], T], otherwise: T, what: str) -> T:
        """What a question comes to; where it is too large that is said, and nothing claimed."""
        self.effort.question()
        try:
            return question()
        except TooLarge:
            self.undecided.append(what)
            return otherwise

    # --- one criterion --------------------------------------------------------------------

    def _alone(self, criterion: m.Criterion) -> Iterator[Finding]:
        if _unwritten(self.protocol, criterion.id):
            self.silent.add(criterion.id)
            self.unwritten.add(criterion.id)
            what = f"{criterion.id} can never be decided: its rule is not written yet"
            hint = "write `holds_when`"
            ids = (criterion.id,)
            yield Finding("never-decided", criterion.place, what, hint, "proved", ids)
            return
        about = [criterion.holds_when]
        can: dict[int, bool] = {}
        for status, word in ((TRUE, "passed"), (FALSE, "failed")):
            can[status] = not self.never(
                lambda s, t=status: s.diagrams.is_(s.status(criterion), t),  # type: ignore[misc]
                about,
                f"whether {criterion.id} can be {word}",
                definite=True,
            )
        place, id_ = criterion.place, criterion.id
        written = leaves_of(criterion.holds_when, self.protocol.definitions)
        if any(isinstance(leaf, m.Todo) for leaf in written):
            # Said already: there is more to come.
            self.silent.add(id_)
            self.unwritten.add(id_)
            return
        if not can[TRUE] and not can[FALSE]:
            self.silent.add(id_)
            self.hopeless = True
            what = f"{id_} can never be decided: it is open whatever is recorded"
            hint = "ask for a fact that decides it"
            yield Finding("never-decided", place, what, hint, "proved", (id_,))
        elif not can[TRUE]:
            self.silent.add(id_)
            self.hopeless = True
            what = f"no subject can pass {id_}"
            yield Finding("never-passed", place, what, _why_not(criterion), "proved", (id_,))
        elif not can[FALSE]:
            self.silent.add(id_)
            what = f"no subject can fail {id_}: it decides nothing"
            yield Finding("never-failed", place, what, _why_not(criterion), "proved", (id_,))

    # --- two criteria -----------------------------------------------------------------------

    def _pairs(self) -> Iterator[Finding]:
        protocol = self.protocol
        rest = [c for c in protocol.criteria if c.id not in self.silent]
        first = self.spaces[0]
        support = {
            c.id: self.settle(
                lambda c=c: first.diagrams.support(first.status(c)),  # type: ignore[misc]
                frozenset[int](),
                f"whether {c.id} and others imply or exclude each other",
            )
            for c in rest
        }
        pairs = list(combinations(rest, 2))
        for number, (a, b) in enumerate(pairs):
            self.progress("pairs of criteria", number, len(pairs))
            if not support[a.id] & support[b.id]:
                continue
            about = [a.holds_when, b.holds_when]
            both = f"{a.id} and {b.id}"
            if self.never(
                lambda s, x=a, y=b: s.diagrams.both(  # type: ignore[misc]
                    s.diagrams.is_(s.status(x), TRUE), s.diagrams.is_(s.status(y), TRUE)
                ),
                about, f"whether {both} can be passed together", definite=True,
            ):  # fmt: skip
                self.silent |= {a.id, b.id}
                self.hopeless = True
                what = f"no subject can pass both {both}"
                hint = f"{a.id} is on line {a.place.line}"
                yield Finding("contradicted", b.place, what, hint, "proved", (a.id, b.id))
                continue
            if a.kind != b.kind and support[a.id] == support[b.id] and len(support[a.id]) == 1:
                overlap = self.settle(
                    lambda a=a, b=b: list(self._overlap(a, b)),  # type: ignore[misc]
                    list[Finding](),
                    f"whether {both} overlap",
                )
                if overlap:
                    yield from overlap
                    continue
            ahead = self._ensures(a, b, about)
            back = self._ensures(b, a, about)
            if ahead or back:
                one, other = (a, b) if ahead else (b, a)
                what = f"{other.id} adds nothing: it is passed wherever {one.id} is"
                if ahead and back:
                    what = f"{other.id} says the same as {one.id}"
                hint = f"{one.id} is on line {one.place.line}"
                yield Finding("implied", other.place, what, hint, "proved", (other.id, one.id))

    def _ensures(self, a: m.Criterion, b: m.Criterion, about: list[m.Condition]) -> bool:
        """Whether `b` never stands worse than `a`: then dropping `b` changes no verdict."""
        return self._quietly_never(lambda s: s.diagrams.less(s.status(b), s.status(a)), about)

    def _quietly_never(self, goal: Callable[[Space], int], about: list[m.Condition]) -> bool:
        """Like `never`, for questions that most packs answer with no: no witness is made."""
        return self.settle(
            lambda: (
                self._on_every_day(about)
                and all(
                    goal(s) == FALSE and s.complete([(0, one) for one in about])
                    for s in self.spaces
                )
            ),
            False,
            "whether conditions imply each other",
        )

    def _overlap(self, a: m.Criterion, b: m.Criterion) -> Iterator[Finding]:
        """An inclusion and an exclusion that both hold at one value, the limit of both.

        Where they hold together over more than one value, the exclusion cuts a window out
        of the inclusion, as protocols do.
        """
        inclusion, exclusion = (a, b) if a.kind == "inclusion" else (b, a)

        def goal(space: Space) -> int:
            return space.diagrams.both(
                space.diagrams.is_(space.status(inclusion), TRUE),
                space.diagrams.is_(space.status(exclusion), FALSE),
            )

        space = self.spaces[0]
        asked = goal(space)
        if asked <= TRUE:
            return
        cells = space.variables[space.diagrams.levels[asked]].cells
        both = [
            cell
            for cell, branch in zip(cells, space.diagrams.branches[asked], strict=True)
            if branch == TRUE
        ]
        facts = {leaf.fact for c in (a, b) for leaf in self._tests(c)}
        values = {
            (name, *ends) for cell in both for name, ends in cell.spread.items() if name in facts
        }
        if len(values) != len(facts) or any(low != high for _, low, high in values):
            return
        found = self.ask(
            goal,
            [a.holds_when, b.holds_when],
            f"whether {a.id} and {b.id} overlap",
            definite=True,
            check=lambda w: (
                w.statuses[inclusion.id] == "passed" and w.statuses[exclusion.id] == "failed"
            ),
        )
        if isinstance(found, Witness):
            what = f"at its limit a subject meets {inclusion.id} and is excluded by {exclusion.id}"
            hint = "let one begin where the other ends"
            ids = (inclusion.id, exclusion.id)
            yield Finding("overlap", exclusion.place, what, hint, "witnessed", ids, found)

    def _tests(self, criterion: m.Criterion) -> list[m.Test]:
        found = leaves_of(criterion.holds_when, self.protocol.definitions)
        return [leaf for leaf in found if not isinstance(leaf, m.Todo)]

    # --- inside a criterion -----------------------------------------------------------------

    def _inside(self) -> Iterator[Finding]:
        protocol = self.protocol
        paths = condition_paths(protocol)
        for number, (path, condition) in enumerate(paths.items()):
            self.progress("conditions", number, len(paths))
            using = users(protocol, path)
            if not using or using & self.silent:
                continue
            if not isinstance(condition, m.All | m.Any) or len(condition.children) < 2:
                continue
            ids = tuple(sorted(using))
            if isinstance(condition, m.All):
                apart = self.settle(
                    lambda p=path, c=condition, i=ids: self._apart(p, c, i),  # type: ignore[misc]
                    None,
                    f"{path}: whether two of its conditions exclude each other",
                )
                if apart is not None:
                    self.silent |= using
                    yield apart
                    continue
            elif self.settle(
                lambda c=condition: self._quietly_never_false(c),  # type: ignore[misc]
                False,
                f"{path}: whether one of its conditions always holds",
            ):
                self.silent |= using
                what = f"{path}: one of these always holds, whatever is recorded"
                yield Finding("always-holds", condition.place, what, "", "proved", ids)
                continue
            for i, child in enumerate(condition.children, start=1):
                if self._idle(f"{path}.{i}", using):
                    self.silent |= using
                    what = f"{path}.{i}: {self._words(child)} makes no difference here"
                    hint = "remove it, or correct what hides it"
                    yield Finding("never-matters", child.place, what, hint, "proved", ids)

    def _quietly_never_false(self, condition: m.Condition) -> bool:
        return self._on_every_day([condition]) and all(
            s.diagrams.is_(s.diagram(condition), FALSE) == FALSE
            and s.complete([(0, condition)], definite=True)
            for s in self.spaces
        )

    def _apart(self, path: str, whole: m.All, ids: tuple[str, ...]) -> Finding | None:
        """Two parts of an `all` that can each hold, but not together."""
        for (i, a), (j, b) in combinations(enumerate(whole.children, start=1), 2):
            alone = [
                any(s.diagrams.is_(s.diagram(one), TRUE) != FALSE for s in self.spaces)
                for one in (a, b)
            ]
            together = any(
                s.diagrams.is_(s.diagrams.both(s.diagram(a), s.diagram(b)), TRUE) != FALSE
                or not s.complete([(0, a), (0, b)], definite=True)
                for s in self.spaces
            )
            if all(alone) and not together and self._on_every_day([a, b]):
                what = f"{path}: {self._words(a)} and {self._words(b)} never hold together"
                hint = f"conditions {i} and {j} of this `all`"
                return Finding("never-together", b.place, what, hint, "proved", ids)
        return None

    def _idle(self, path: str, using: frozenset[str]) -> bool:
        """Whether leaving a condition out changes no criterion."""
        other = replaced(self.protocol, path, None)
        pairs = [
            (mine, theirs)
            for mine, theirs in zip(self.protocol.criteria, other.criteria, strict=True)
            if mine.id in using
        ]
        return self._quietly_never(
            lambda s: s.diagrams.any(
                s.diagrams.differ(
                    s.diagram(mine.holds_when), s.diagram_of(other, theirs.holds_when)
                )
                for mine, theirs in pairs
            ),
            [mine.holds_when for mine, _ in pairs],
        )

    def _words(self, condition: m.Condition) -> str:
        if isinstance(condition, m.Defined):
            return f"`{condition.name}`"
        if isinstance(condition, m.All | m.Any | m.Not):
            leaves = list(leaves_of(condition, self.protocol.definitions))
            return f"the group with `{leaf_text(leaves[0], self.protocol.facts)}`"
        return f"`{leaf_text(condition, self.protocol.facts)}`"

    # --- ordered lists ------------------------------------------------------------------------

    def _steps(self) -> Iterator[Finding]:
        for path, condition in condition_paths(self.protocol).items():
            using = users(self.protocol, path)
            if isinstance(condition, m.Any) and using and not using & self.silent:
                ids = tuple(sorted(using))
                for steps in ladders(condition.children, self.spaces[0]):
                    yield from self._ladder(path, steps, ids)

    def _ladder(self, path: str, steps: Ladder, ids: tuple[str, ...]) -> Iterator[Finding]:
        about = [*steps.guards]
        for (i, a), (j, b) in combinations(enumerate(steps.guards), 2):
            if steps.own[i] == steps.own[j]:
                continue
            found = self.ask(
                lambda s, x=a, y=b: s.diagrams.is_(  # type: ignore[misc]
                    s.diagrams.both(s.diagram(x), s.diagram(y)), TRUE
                ),
                about, f"{path}: whether steps overlap", definite=True,
            )  # fmt: skip
            if isinstance(found, Witness):
                what = f"{path}: the steps `{self._step(steps.own[i])}` and "
                what += f"`{self._step(steps.own[j])}` overlap"
                place = steps.own[j].place
                yield Finding("step-overlap", place, what, "", "witnessed", ids, found)
        gap = self.ask(
            lambda s: s.diagrams.both(
                s.diagrams.is_(s.diagrams.any(s.diagram(g) for g in steps.guards), FALSE),
                steps.between(s),
            ),
            about, f"{path}: whether there is a gap between steps", definite=True,
        )  # fmt: skip
        if isinstance(gap, Witness):
            what = f"{path}: a gap between the steps of `{steps.fact}`"
            hint = "the witness falls into none of them"
            place = steps.own[0].place
            yield Finding("gap", place, what, hint, "witnessed", ids, gap)

    def _classes(self) -> Iterator[Finding]:
        """Entries that fall into no class of a scale of the outcome rules."""
        from engine.outcomes.patient import entry_pack

        outcomes = self.protocol.outcomes
        for scale in outcomes.scales.values() if outcomes is not None else ():
            assert outcomes is not None
            pack = entry_pack(self.protocol, outcomes, scale.records)
            self.effort.question()
            space = Space([pack], self.spaces[0].as_of, effort=self.effort)
            classes = [m.Defined(f"{scale.name} {one.id}") for one in scale.classes]
            try:
                some = space.diagrams.any(space.diagram(one) for one in classes)
                goal = space.diagrams.is_(some, FALSE)
            except TooLarge:
                self.undecided.append(f"whether the classes of `{scale.name}` leave a gap")
                continue
            with Screener(pack) as screener:
                for recorded, _ in space.witnesses(goal, 5):
                    self.effort.spent += Effort.SCREENED
                    try:
                        witness = confirmed(screener, recorded, space.as_of)
                    except (InputRejected, EngineFault):
                        continue
                    what = f"`{scale.name}`: an entry may fall into none of the classes"
                    hint = f"the witness's facts are the fields of one entry of `{scale.records}`"
                    yield Finding("gap", scale.place, what, hint, "witnessed", (), witness)
                    break

    def _step(self, leaf: m.Leaf) -> str:
        return leaf_text(leaf, self.protocol.facts)

    # --- dates and validity -------------------------------------------------------------------

    def _validity(self) -> Iterator[Finding]:
        for fact in self.protocol.facts.values():
            lasting = fact.valid_for is not None or fact.changes == "never"
            if fact.derive is None and fact.type != "text" and not lasting:
                what = (
                    f"`{fact.name}` may change, and nothing says how long a value may be relied on"
                )
                hint = "add `valid_for: ...`, or `changes: never`"
                yield Finding("no-validity", fact.place, what, hint)

    def _windows(self) -> Iterator[Finding]:
        for path, leaf in leaf_paths(self.protocol).items():
            using = users(self.protocol, path)
            if not isinstance(leaf, m.AgoTest) or not using:
                continue
            fact = self.protocol.facts[leaf.fact]
            if fact.valid_for is None or leaf.op not in ("within_last", "less_than_ago"):
                continue
            if _longest(leaf.duration) <= _longest(fact.valid_for):
                continue
            what = f"{path}: the window of {leaf.duration.text} is longer than `{fact.name}` "
            what += f"may be relied on ({fact.valid_for.text})"
            days = self._out_of_date(leaf, fact.valid_for)
            if days is None:
                continue
            on = days[1].isoformat()
            said = {"value": on, "on": on, "by": "Dr W. Example"}
            witness = self._confirmed({"facts": {fact.name: said}, "records": {}}, days[0])
            hint = "the witness's date lies inside the window, and is out of date"
            ids = tuple(sorted(using))
            yield Finding(
                "window-beyond-validity", leaf.place, what, hint if witness else "",
                "witnessed" if witness else "read", ids, witness,
            )  # fmt: skip

    def _out_of_date(self, leaf: m.AgoTest, valid_for: m.Duration) -> tuple[date, date] | None:
        """An as-of date, and a day that lies inside a window then and is relied on no more.

        A month may be longer than 30 days, or shorter, and so may a year than 365: four years
        have all of their kinds.
        """
        first = self.spaces[0].as_of
        for as_of in (first + timedelta(days=n) for n in range(1461)):
            happened = back(as_of, valid_for, strict=True)
            if happened > back(as_of, leaf.duration, strict=leaf.op == "within_last"):
                return as_of, happened
        return None

    def _nobody(self) -> Iterator[Finding]:
        criteria = [c for c in self.protocol.criteria if c.id not in self.unwritten]
        if len(criteria) < 2:
            return
        conditions = [c.holds_when for c in criteria]
        if self.never(
            lambda s: s.diagrams.is_(s.diagrams.all(s.status(c) for c in criteria), TRUE),
            conditions, "whether anybody can be eligible", definite=True,
        ):  # fmt: skip
            place = criteria[0].place
            what = "no subject at all can be eligible, although each criterion can be passed"
            ids = self._core(criteria)
            hint = "these cannot all be passed: " + ", ".join(ids)
            yield Finding("never-eligible", place, what, hint, "proved", ids)

    def _core(self, criteria: Sequence[m.Criterion]) -> tuple[str, ...]:
        """A smallest set of criteria that cannot all be passed: none of it can be spared."""
        core = list(criteria)
        for criterion in criteria:
            less = [c for c in core if c is not criterion]
            if self.settle(
                lambda less=less: all(  # type: ignore[misc]
                    s.diagrams.is_(s.diagrams.all(s.status(c) for c in less), TRUE) == FALSE
                    for s in self.spaces
                ),
                False,
                "whether fewer criteria clash",
            ):
                core = less
        return tuple(c.id for c in core)


def _longest(duration: m.Duration) -> int:
    """A duration in days, at its longest."""
    return duration.days + (duration.months * 367 + 11) // 12


def _why_not(criterion: m.Criterion) -> str:
    wanted = "hold" if criterion.kind == "inclusion" else "fail"
    return f"its condition would have to {wanted}"


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of an ordered list: an `any` whose parts each begin with a band of one fact.

    `guards`: each part's band together with its choices and booleans; `own`: the band.
    """

    fact: str
    guards: tuple[m.Condition, ...]
    own: tuple[m.Test, ...]

    def between(self, space: Space) -> int:
        """True where the fact lies between the first and the last of the steps."""
        variable, _ = space.place[0, self.own[0]]
        cells = space.variables[variable].cells
        covered = [
            cell.points[self.fact][0]
            for cell in cells
            if self._known(cell)
            and any(cell.truths[space.place[0, leaf][1]] == TRUE for leaf in self.own)
        ]
        if not covered:
            return FALSE
        low, high = min(covered), max(covered)
        return space.diagrams.node(
            variable,
            tuple(
                TRUE if self._known(cell) and low < cell.points[self.fact][0] < high else FALSE
                for cell in cells
            ),
        )

    def _known(self, cell: Cell) -> bool:
        low, high = cell.points.get(self.fact, (0, 1))
        return low == high


def ladders(parts: Sequence[m.Condition], space: Space) -> Iterator[Ladder]:
    """The ordered lists among the parts of an `any`: bands of one fact, none inside another."""
    groups = [part.children if isinstance(part, m.All) else (part,) for part in parts]
    banded: dict[str, list[tuple[int, m.Test]]] = {}
    for number, group in enumerate(groups):
        for leaf in group:
            if isinstance(leaf, m.LimitTest | m.BetweenTest | m.AgoTest | m.DayTest):
                banded.setdefault(leaf.fact, []).append((number, leaf))
    for fact, found in banded.items():
        numbers = [number for number, _ in found]
        if len(found) < 2 or len(set(numbers)) < len(numbers):
            continue
        if any(len(groups[number]) < 2 for number in numbers):
            continue
        variable, _ = space.place[0, found[0][1]]
        cells = space.variables[variable].cells
        bands = {
            leaf: frozenset(
                i
                for i, cell in enumerate(cells)
                if cell.truths[space.place[0, leaf][1]] == TRUE and UNKNOWN not in cell.truths
            )
            for _, leaf in found
        }
        distinct = set(bands.values())
        if len(distinct) < 2 or any(a < b for a in distinct for b in distinct):
            continue
        guards = []
        for number, leaf in found:
            others = [
                one for one in groups[number] if isinstance(one, m.ChoiceTest | m.BooleanTest)
            ]
            guards.append(m.All((leaf, *others), leaf.place))
        yield Ladder(fact, tuple(guards), tuple(leaf for _, leaf in found))


def as_faults(found: Iterable[Finding]) -> list[Fault]:
    """Findings in the form of faults, for places that print those."""
    return [Fault(one.place, one.code, one.message, one.hint) for one in found]
