"""The cases of a pack: read them, run them, and see what they cover.

A case names a person (a whole `subject`, or a `base` and what to `change` in it), a day, and
what must come out. Coverage asks of every test whether some case saw it true, false and
unknown; and for every criterion that uses it, whether some case saw it *decide* there: the
answer was yes or no, and with this test's truth turned round and all else as it was, it would
have been the opposite (masking MC/DC).
Source: J. Chilenski, S. Miller, Applicability of modified condition/decision coverage to
software testing, Software Engineering Journal 9 (1994); masking as in DO-178C's supporting
guidance (CAST-6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Literal, TypeVar, get_args

from engine import terms as m
from engine.decide.decision import Screener
from engine.read import files
from engine.read.sheet import Sheet
from engine.read.source import Document, Path, scan_document, shorten
from engine.read.subjects import checked_on, subject_of
from engine.record.wording import leaf_words
from engine.reference import evaluator as reference
from engine.regions.asked import Plain, subject_from
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, TooLarge
from engine.regions.space import Progress, Space, spaces
from engine.terms.faults import EngineFault, Fault, InputRejected, did_you_mean
from engine.workbench.edits import at_path, leaf_paths, only_reached, replaced, users
from engine.workbench.witness import Witness, confirmed

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `recorded` is what its subject file would hold; `file` is in `cases/`."""

    name: str
    as_of: date
    subject: m.Subject
    recorded: Plain
    answers: Mapping[str, m.Answer]
    verdict: m.Verdict | None
    file: str
    place: m.Span


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a pack, the subjects that they build on, and the faults found in them."""

    cases: tuple[Case, ...]
    bases: Mapping[str, Plain]
    faults: tuple[Fault, ...]


class _Changed(Document):
    """A base with changes, whose places are those of the files it was put together from."""

    __slots__ = ("change", "changed", "origin", "origin_at")

    def __init__(self, case: Document, at: Path, origin: Document, origin_at: Path) -> None:
        change = _get(case.value, (*at, "change")) or {}
        base = _get(origin.value, origin_at) or {}
        value = dict(base)
        changed: set[tuple[str, str]] = set()
        for part in ("facts", "records"):
            new = change.get(part)
            if isinstance(new, dict):
                old = base.get(part)
                value[part] = {**(old if isinstance(old, dict) else {}), **new}
                changed |= {(part, name) for name in new}
        super().__init__(case.path, case.text, value)
        self.change, self.changed = (case, (*at, "change")), changed
        self.origin, self.origin_at = origin, origin_at

    def read_on(self, base: m.Subject, protocol: m.Protocol) -> m.Subject:
        """The base with the changes, of which only these are read: a pack's cases build on
        one base by hundreds. Raises: InputRejected."""
        only = copy(self)
        only.value = {"subject": base.id}
        for part, name in sorted(self.changed):
            only.value.setdefault(part, {})[name] = self.value[part][name]
        change = subject_of(only, protocol)

        def merged(part: str, old: Mapping[str, T], new: Mapping[str, T]) -> dict[str, T]:
            kept = {k: v for k, v in old.items() if (part, k) not in self.changed}
            whole = {**kept, **new}
            return {name: whole[name] for name in self.value.get(part) or {} if name in whole}

        return m.Subject(
            base.id,
            merged("facts", base.facts, change.facts),
            merged("records", base.records, change.records),
        )

    def _place(self, path: Path) -> tuple[Document, Path]:
        if len(path) > 1 and (str(path[0]), str(path[1])) in self.changed:
            return self.change[0], (*self.change[1], *path)
        return self.origin, (*self.origin_at, *path)

    def span(self, path: Path, *, key: bool = False) -> m.Span:
        document, there = self._place(path)
        return document.span(there, key=key)

    def fault(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False
    ) -> Fault:
        document, there = self._place(path)
        return document.fault(there, code, message, hint, key=key)


class _Inside(Document):
    """A subject that stands inside a file of cases."""

    __slots__ = ("at", "outer")

    def __init__(self, outer: Document, at: Path) -> None:
        super().__init__(outer.path, outer.text, _get(outer.value, at))
        self.outer, self.at = outer, at

    def span(self, path: Path, *, key: bool = False) -> m.Span:
        return self.outer.span((*self.at, *path), key=key)

    def fault(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False
    ) -> Fault:
        return self.outer.fault((*self.at, *path), code, message, hint, key=key)


def _get(value: Any, path: Path) -> Any:
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part]
        else:
            return None
    return value


def read_cases(contents: Mapping[str, bytes], protocol: m.Protocol, at: str) -> Cases:
    """The cases in some files; `at` is the folder that places name."""
    faults: list[Fault] = []
    sheets: dict[str, Sheet] = {}
    for name, data in contents.items():
        try:
            sheets[name] = Sheet(scan_document(f"{at}/{name}", data))
        except InputRejected as rejected:
            faults += rejected.faults
    tops = {name: _parts(sheet) for name, sheet in sheets.items()}
    bases: dict[str, tuple[Document, Path]] = {}
    read: dict[str, m.Subject] = {}
    plain: dict[str, Plain] = {}
    for name, sheet in sheets.items():
        for base in sheet.names_of(("bases",), tops[name].get("bases", {}), "names to subjects"):
            if base in bases:
                first, there = bases[base]
                what = f"there are two bases `{shorten(base)}`"
                hint = _first_at(first.span(there, key=True))
                sheet.fault(("bases", base), "duplicate-base", what, hint, key=True)
                continue
            bases[base] = (sheet.document, ("bases", base))
            plain[base] = _get(sheet.document.value, ("bases", base)) or {}
            try:
                inside = _Inside(sheet.document, ("bases", base))
                read[base] = subject_of(inside, protocol)
            except InputRejected as rejected:
                faults += rejected.faults
    found: list[Case] = []
    named: dict[str, m.Span] = {}
    for name, sheet in sheets.items():
        for i, raw in enumerate(sheet.list_of(("cases",), tops[name].get("cases", []), "cases")):
            try:
                case = _case(sheet, ("cases", i), raw, protocol, bases, read, named, name)
            except InputRejected as rejected:
                faults += rejected.faults
                continue
            if case is not None:
                found.append(case)
        faults += sheet.faults()
    order = {f"{at}/{name}": number for number, name in enumerate(contents)}
    ordered = sorted(
        dict.fromkeys(faults),
        key=lambda fault: (order.get(fault.span.path, -1), fault.span.line, fault.span.column),
    )
    return Cases(tuple(found), plain, tuple(ordered))


def _parts(sheet: Sheet) -> dict[str, Any]:
    """The `cases` and `bases` of a file, which has one of them at least."""
    top = sheet.mapping_of((), sheet.document.value, files.CasesFile)
    if sheet.document.value == {}:
        sheet.fault(
            (), "empty", "the file has no cases and no bases", "write some, or take it away"
        )
    return top or {}


def _case(
    sheet: Sheet,
    path: Path,
    raw: Any,
    protocol: m.Protocol,
    bases: Mapping[str, tuple[Document, Path]],
    read: Mapping[str, m.Subject],
    named: dict[str, m.Span],
    file: str,
) -> Case | None:
    top = sheet.mapping_of(path, raw, files.CaseFile)
    if top is None:
        return None
    name = sheet.text_of((*path, "name"), top["name"], "a name") if "name" in top else None
    if name is not None:
        if name in named:
            what, hint = f"there are two cases `{shorten(name)}`", _first_at(named[name])
            sheet.fault((*path, "name"), "duplicate-case", what, hint)
        named.setdefault(name, sheet.document.span((*path, "name")))
    as_of = sheet.day_of((*path, "as_of"), top["as_of"]) if "as_of" in top else None
    answers: dict[str, m.Answer] = {}
    verdict: m.Verdict | None = None
    if "expect" in top:
        answers, verdict = _expected(sheet, (*path, "expect"), top["expect"], protocol)
    if ("subject" in raw) == ("base" in raw):
        hint = "write `subject:`, or `base:` and `change:`"
        sheet.fault(path, "case", "a case has a subject of its own, or a base", hint)
    if ("subject" in top) == ("base" in top):
        return None
    document: Document
    base = None
    if "base" in top:
        base = sheet.text_of((*path, "base"), top["base"], "a base's name")
        if base is None:
            return None
        if base not in bases:
            what = f"there is no base `{shorten(base)}`"
            sheet.fault((*path, "base"), "unknown-base", what, did_you_mean(base, bases))
            return None
        if not _changes(sheet, (*path, "change"), top.get("change", {})) or base not in read:
            return None  # the base has faults, and is listed with them
        document = _Changed(sheet.document, path, *bases[base])
    else:
        if "change" in top:
            sheet.fault((*path, "change"), "case", "`change` needs a `base`", key=True)
        document = _Inside(sheet.document, (*path, "subject"))
    if isinstance(document, _Changed) and base is not None:
        subject = document.read_on(read[base], protocol)
        if as_of is not None:
            checked_on(subject, protocol, as_of, document)
    else:
        subject = subject_of(document, protocol, as_of=as_of)
    if name is None or as_of is None:
        return None
    place = sheet.document.span(path)
    recorded = {part: document.value.get(part) or {} for part in ("facts", "records")}
    return Case(name, as_of, subject, recorded, answers, verdict, file, place)


def _changes(sheet: Sheet, path: Path, value: Any) -> bool:
    """Whether what a case changes can be read, part by part."""
    top = sheet.mapping_of(path, value, files.ChangeFile)
    parts = {} if top is None else top
    for part, said in parts.items():
        sheet.names_of((*path, part), said, "facts" if part == "facts" else "lists")
    return top is not None and all(isinstance(said, dict) for said in parts.values())


def _first_at(place: m.Span) -> str:
    return f"the first is at {place.path}:{place.line}; rename one"


def _expected(
    sheet: Sheet, path: Path, value: Any, protocol: m.Protocol
) -> tuple[dict[str, m.Answer], m.Verdict | None]:
    top = sheet.mapping_of(path, value, files.ExpectFile)
    if top is None:
        return {}, None
    ids = [criterion.id for criterion in protocol.criteria]
    answers: dict[str, m.Answer] = {}
    at = (*path, "answers")
    for name, said in sheet.names_of(at, top.get("answers", {}), "criteria to answers").items():
        if name not in ids:
            what = f"there is no criterion `{shorten(name)}`"
            sheet.fault((*at, name), "unknown-criterion", what, did_you_mean(name, ids), key=True)
            continue
        answer = sheet.option_of((*at, name), said, get_args(m.Answer))
        if answer is not None:
            answers[name] = answer
    if value in ({}, {"answers": {}}):
        hint = "say the answer of a criterion, or the verdict"
        sheet.fault(path, "empty", "the case expects nothing, so it shows nothing", hint)
    verdict = None
    if "verdict" in top:
        verdict = sheet.option_of((*path, "verdict"), top["verdict"], get_args(m.Verdict))
    return answers, verdict


# --- running ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a case came out otherwise: `what` is a criterion's id or `verdict`."""

    what: str
    expected: str
    found: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """A case and what came out of it, by the fired rules."""

    case: Case
    differences: tuple[Difference, ...]


def run_case(screener: Screener, case: Case) -> Ran:
    """Screen a case's subject and compare. Raises: EngineFault."""
    trace = screener.trace(case.subject, case.as_of)
    asked = {name: trace.answers[name] for name in case.answers}
    if asked == case.answers and case.verdict in (None, trace.verdict):
        return Ran(case, ())
    # In words only where it came out otherwise: they take as long as the rules.
    decision = screener.decide(case.subject, case.as_of)
    by_id = {record["id"]: record for record in decision["criteria"]}
    differences = []
    for name, expected in case.answers.items():
        record = by_id[name]
        if record["answer"] != expected:
            because = "; ".join(_telling(record["why"], record["why"]["truth"]))
            differences.append(Difference(name, expected, record["answer"], because))
    if case.verdict is not None and case.verdict != decision["verdict"]:
        because = ", ".join(decision["determined_by"])
        differences.append(Difference("verdict", case.verdict, decision["verdict"], because))
    return Ran(case, tuple(differences))


def _telling(why: Any, truth: str) -> Iterator[str]:
    """What the leaves that gave a condition its truth say."""
    if why["children"]:
        for child in why["children"]:
            if child["truth"] == truth or len(why["children"]) == 1:
                yield from _telling(child, child["truth"])
    elif "says" in why:
        yield why["says"]


def chosen(cases: Iterable[Case], pattern: str) -> list[Case]:
    """The cases whose file or name contains a pattern (a regular expression, any case).

    Raises: re.error.
    """
    search = re.compile(pattern, re.IGNORECASE).search
    return [case for case in cases if search(f"{case.file}: {case.name}")]


# --- coverage ---------------------------------------------------------------------------

SEEN = ("true", "false", "unknown")
DECIDES = ("decides when true", "decides when false")
Seen = str


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something about one test that cases should show. `path` is its place in the pack;
    `criterion` is the one that it should decide ("": any that uses it will do)."""

    path: str
    seen: Seen
    place: m.Span
    words: str
    criterion: str = ""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An obligation that no case meets: a subject that would, or why there is none."""

    obligation: Obligation
    witness: Witness | None
    criterion: str
    answer: m.Answer | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of all obligations, which are met, which cannot be, and which are left."""

    met: int
    infeasible: tuple[Obligation, ...]
    undecided: tuple[Obligation, ...]
    uncovered: tuple[Uncovered, ...]

    @property
    def percent(self) -> int:
        """Met obligations of those that can be met, in whole percent, rounded down."""
        whole = self.met + len(self.uncovered) + len(self.undecided)
        return 100 * self.met // whole if whole else 100


def obligations(protocol: m.Protocol) -> list[Obligation]:
    """What cases should show of every test that some criterion uses."""
    found = []
    for path, leaf in leaf_paths(protocol).items():
        if isinstance(leaf, m.Todo) or not users(protocol, path):
            continue
        words = leaf_words(leaf, protocol.facts)
        found += [Obligation(path, seen, leaf.place, words) for seen in SEEN]
        found += [
            Obligation(path, seen, leaf.place, words, id_)
            for id_ in _using(protocol, path)
            for seen in DECIDES
        ]
    return found


def _using(protocol: m.Protocol, path: str) -> list[str]:
    """The criteria that the condition at a path is part of, in the pack's order."""
    using = users(protocol, path)
    return [criterion.id for criterion in protocol.criteria if criterion.id in using]


def coverage(
    protocol: m.Protocol,
    cases: Sequence[Case],
    space: Space,
    screener: Screener,
    progress: Progress = lambda *_: None,
) -> Coverage:
    """What the cases show; for what they do not, a subject that would or a proof of none."""
    met: set[tuple[str, Seen, str]] = set()
    everything = obligations(protocol)
    paths = {one.path: _using(protocol, one.path) for one in everything}
    turned = {
        (path, truth): _turned(protocol, path, truth)
        for path in paths
        for truth in ("true", "false")
    }
    for number, case in enumerate(cases):
        progress("what cases show", number, len(cases))
        readings = reference.readings(protocol, case.subject, case.as_of)
        truths = reference.truths(protocol, readings, case.as_of)
        for path, using in paths.items():
            truth = truths[path]
            met.add((path, truth, ""))
            seen = f"decides when {truth}"
            if truth != "unknown" and any((path, seen, id_) not in met for id_ in using):
                now = reference.truths(turned[path, truth], readings, case.as_of)
                met |= {(path, seen, id_) for id_ in using if _opposite(truths[id_], now[id_])}

    @cache
    def other_days() -> tuple[list[Space], bool]:
        found, complete = spaces([protocol], space.as_of, space.effort, progress)
        return found[1:], complete

    infeasible, undecided, uncovered = [], [], []
    for number, one in enumerate(everything):
        progress("what is missing", number, len(everything))
        if (one.path, one.seen, one.criterion) in met:
            continue
        kind, witness, criterion = _would_cover(protocol, one, space, other_days, screener)
        if kind == "infeasible":
            infeasible.append(one)
        elif kind == "undecided":
            undecided.append(one)
        else:
            answer = _answer_of(protocol, criterion, witness)
            uncovered.append(Uncovered(one, witness, criterion, answer))
    left = len(infeasible) + len(undecided) + len(uncovered)
    return Coverage(len(everything) - left, tuple(infeasible), tuple(undecided), tuple(uncovered))


def shows(protocol: m.Protocol, one: Obligation, recorded: Plain, as_of: date) -> bool:
    """Whether something recorded meets an obligation. Raises: InputRejected."""
    subject = subject_from(recorded, protocol, as_of)
    readings = reference.readings(protocol, subject, as_of)
    truths = reference.truths(protocol, readings, as_of)
    truth = one.seen.removeprefix("decides when ")
    if truths[one.path] != truth or truth == one.seen:
        return truths[one.path] == truth
    other = _turned(protocol, one.path, truth)
    now = reference.truths(other, readings, as_of)
    return _opposite(truths[one.criterion], now[one.criterion])


def _opposite(truth: m.Truth, other: m.Truth) -> bool:
    """Whether one is true and one is false: what is unknown is no decision."""
    return {truth, other} == {"true", "false"}


def _answer_of(protocol: m.Protocol, id_: str, witness: Witness | None) -> m.Answer | None:
    if witness is None:
        return None
    kind = next(c.kind for c in protocol.criteria if c.id == id_)
    status = witness.statuses[id_]
    if status == "open":
        return "unknown"
    return "yes" if (status == "passed") == (kind == "inclusion") else "no"


def _turned(protocol: m.Protocol, path: str, truth: str) -> m.Protocol:
    """The pack with one test's truth turned round, and only the criteria that use it."""
    constant = m.Any(()) if truth == "true" else m.All(())
    other = replaced(protocol, path, constant)
    using = users(protocol, path)
    return only_reached(other, [c for c in other.criteria if c.id in using])


def _would_cover(
    protocol: m.Protocol,
    one: Obligation,
    space: Space,
    other_days: Callable[[], tuple[Sequence[Space], bool]],
    screener: Screener,
) -> tuple[Literal["uncovered", "infeasible", "undecided"], Witness | None, str]:
    """A subject that would meet an obligation, or whether it is proved that none does."""
    complete, timeless = True, True
    using = {one.criterion} if one.criterion else users(protocol, one.path)
    asked = [criterion for criterion in protocol.criteria if criterion.id in using]
    for criterion in asked:
        about = [(0, criterion.holds_when)]
        found = _covering(protocol, one, criterion, space, screener)
        if isinstance(found, Witness):
            return "uncovered", found, criterion.id
        complete = complete and found
        timeless = timeless and space.timeless(about)
    if not complete or timeless:
        return ("infeasible" if complete else "undecided"), None, ""
    # Not on this day; where limits stand in another order it may be.
    days, complete = other_days()
    for other in days:
        for criterion in asked:
            found = _covering(protocol, one, criterion, other, screener)
            if isinstance(found, Witness):
                return "uncovered", found, criterion.id
            complete = complete and found
    return ("infeasible" if complete else "undecided"), None, ""


def _covering(
    protocol: m.Protocol, one: Obligation, criterion: m.Criterion, space: Space, screener: Screener
) -> Witness | bool:
    """A subject that meets an obligation in a criterion; else whether it is proved that, on
    this day, none does."""
    leaf = at_path(protocol, one.path)
    truth = one.seen.removeprefix("decides when ")
    number = {"true": TRUE, "false": FALSE, "unknown": UNKNOWN}[truth]
    space.effort.question()
    try:
        goal = space.diagrams.is_(space.diagram(leaf), number)
        if truth != one.seen:
            other = _turned(protocol, one.path, truth)
            changed = next(c for c in other.criteria if c.id == criterion.id)
            written = space.diagram_of(other, changed.holds_when)
            mine = space.diagram(criterion.holds_when)
            opposite = space.diagrams.combine(
                "opposite", lambda x, y: TRUE if {x, y} == {TRUE, FALSE} else FALSE, mine, written
            )
            goal = space.diagrams.both(goal, opposite)
    except TooLarge:
        return False
    for recorded, _ in space.witnesses(goal, 10):
        space.effort.screened(len(screener.program.paths))
        try:
            return confirmed(screener, recorded, space.as_of)
        except (InputRejected, EngineFault):
            continue
    # Whoever shows that a test is true or false, or decides, shows it with the rest known too.
    definite = truth != "unknown"
    return goal == FALSE and space.complete([(0, criterion.holds_when)], definite=definite)
