"""The cases of a pack: read them and run them.

A case names a person (a whole `subject`, or a `base` and what to `change` in it), a day, and
what must come out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar, get_args

from engine import terms as m
from engine.decide.decision import Screener
from engine.read import files
from engine.read.sheet import Sheet
from engine.read.source import Document, Path, scan_document, shorten
from engine.read.subjects import checked_on, subject_of
from engine.regions.asked import Plain
from engine.terms.faults import Fault, InputRejected, did_you_mean

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


class _Elsewhere(Document):
    """A subject put together from parts of files, whose places are those of the files.

    `where`: for a path in it, the file that has it and the path there.
    """

    __slots__ = ("where",)

    def __init__(
        self, of: Document, value: Any, where: Callable[[Path], tuple[Document, Path]]
    ) -> None:
        super().__init__(of.path, of.text, value)
        self.where = where

    def span(self, path: Path, *, key: bool = False) -> m.Span:
        document, there = self.where(path)
        return document.span(there, key=key)

    def fault(
        self, path: Path, code: str, message: str, hint: str = "", *, key: bool = False
    ) -> Fault:
        document, there = self.where(path)
        return document.fault(there, code, message, hint, key=key)


def _inside(outer: Document, at: Path) -> _Elsewhere:
    """A subject that stands inside a file of cases."""
    return _Elsewhere(outer, _get(outer.value, at), lambda path: (outer, (*at, *path)))


def _changed(
    case: Document, at: Path, origin: Document, origin_at: Path, base: m.Subject,
    protocol: m.Protocol,
) -> tuple[_Elsewhere, m.Subject]:  # fmt: skip
    """A base with changes, of which only these are read: a pack's cases build on one base by
    hundreds. Raises: InputRejected."""
    value = dict(_get(origin.value, origin_at) or {})
    only: dict[str, Any] = {"subject": base.id}
    for part in ("facts", "records"):
        new = _get(case.value, (*at, "change", part))
        if new:
            old = value.get(part)
            value[part] = {**(old if isinstance(old, dict) else {}), **new}
            only[part] = {name: value[part][name] for name in sorted(new)}

    def where(path: Path) -> tuple[Document, Path]:
        if len(path) > 1 and str(path[1]) in only.get(str(path[0]), ()):
            return case, (*at, "change", *path)
        return origin, (*origin_at, *path)

    change = subject_of(_Elsewhere(case, only, where), protocol)

    def merged(part: str, old: Mapping[str, T], new: Mapping[str, T]) -> dict[str, T]:
        whole = {k: v for k, v in old.items() if k not in only.get(part, ())} | dict(new)
        return {name: whole[name] for name in value.get(part) or {} if name in whole}

    facts = merged("facts", base.facts, change.facts)
    records = merged("records", base.records, change.records)
    return _Elsewhere(case, value, where), m.Subject(base.id, facts, records)


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
                read[base] = subject_of(_inside(sheet.document, ("bases", base)), protocol)
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
        document, subject = _changed(sheet.document, path, *bases[base], read[base], protocol)
        if as_of is not None:
            checked_on(subject, protocol, as_of, document)
    else:
        if "change" in top:
            sheet.fault((*path, "change"), "case", "`change` needs a `base`", key=True)
        document = _inside(sheet.document, (*path, "subject"))
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
