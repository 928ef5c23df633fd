"""From a ClinicalTrials.gov study record to a pack's skeleton.

The record is the JSON of version 2 of the registry's API. Its eligibility criteria are one
text, in Markdown more or less: headings in many forms, bullets, numbers, nesting, several
cohorts, or none of these. Each top-level statement becomes a criterion with its own words;
ages and sex, which the registry holds as fields, become rules; the rest is `todo: true`,
which leaves it open for everybody until an author writes the rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.drafting.draft import Statement
from engine.drafting.headings import one_line
from engine.drafting.statements import statements
from engine.read.sheet import MAX_TEXT, describe
from engine.read.source import Document, Num, Path, read_document
from engine.record.wording import counted
from engine.terms import Kind, Span
from engine.terms.faults import Fault, InputRejected

SCHEMAS = "../../docs/schemas"
"""Where the schemas are from a pack in `rules/`."""
ROOM = MAX_TEXT - 100
"""How much of a statement one entry holds; the rest goes on in the next."""

_AGE = re.compile(r"\s*(\d{1,4})\s*(year|month|week|day|hour|minute)s?\s*", re.IGNORECASE)

_TEXTS = {
    "identificationModule": ("nctId", "briefTitle", "officialTitle"),
    "eligibilityModule": (
        "eligibilityCriteria", "minimumAge", "maximumAge", "sex", "genderDescription",
    ),
}  # fmt: skip
"""The fields of a record that are read as text, by their module."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The files of a new pack, and what an author should know about them."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


def skeleton(name: str, data: bytes, schemas: str | None = SCHEMAS) -> Skeleton:
    """The skeleton of the study in a file; `schemas` is where the pack's files find their JSON
    Schemas, None if nowhere. Raises: InputRejected."""
    record = _record(read_document(name, data))
    notes: list[str] = []
    aside: list[tuple[str, str]] = []
    found = statements(record.criteria, notes, aside)
    if not found:
        notes.append("the record states no criteria in words")
    pack = _Pack(record.nct, notes, aside, schemas)
    pack.ages(record.least, record.most)
    pack.sex(record.sex, record.described)
    for statement in found:
        pack.statement(statement)
    if not pack.criteria:
        reject = Fault(Span(name, 1, 1), "no-criteria", "the study has no eligibility criteria")
        raise InputRejected([reject])
    return Skeleton(
        {
            "protocol.yaml": _schema("protocol", schemas)
            + _protocol(record.nct, record.title, record.updated),
            "facts.yaml": pack.facts_file(),
            "eligibility.yaml": pack.eligibility_file(),
        },
        tuple(notes),
    )


# --- the record -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Record:
    """What is read of a study record; "" for what it does not state."""

    nct: str
    title: str
    updated: str
    criteria: str
    least: str
    most: str
    sex: str
    described: str


def _record(document: Document) -> _Record:
    """The fields of the study. Raises: InputRejected with every field of the wrong type."""
    section, at = _section(document)
    faults: list[Fault] = []

    def mapping(parent: dict[str, Any], path: Path, key: str) -> dict[str, Any]:
        value = parent.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        faults.append(_wrong(document, (*path, key), value, "a mapping"))
        return {}

    def text(parent: dict[str, Any], path: Path, key: str) -> str:
        value = parent.get(key)
        # A number is held as its digits: it is no text for all that.
        if value is None or (isinstance(value, str) and not isinstance(value, Num)):
            return value or ""
        faults.append(_wrong(document, (*path, key), value, "a text"))
        return ""

    read: dict[str, str] = {}
    for module, keys in _TEXTS.items():
        fields = mapping(section, at, module)
        read |= {key: text(fields, (*at, module), key) for key in keys}
    status = mapping(section, at, "statusModule")
    day = "lastUpdatePostDateStruct"
    posted = mapping(status, (*at, "statusModule"), day)
    updated = text(posted, (*at, "statusModule", day), "date")
    if faults:
        raise InputRejected(faults)
    nct = one_line(read["nctId"]) or "new-pack"
    return _Record(
        nct=nct,
        title=one_line(read["briefTitle"]) or one_line(read["officialTitle"]) or nct,
        updated=one_line(updated),
        criteria=read["eligibilityCriteria"],
        least=one_line(read["minimumAge"]),
        most=one_line(read["maximumAge"]),
        sex=one_line(read["sex"]),
        described=one_line(read["genderDescription"]),
    )


def _section(document: Document) -> tuple[dict[str, Any], Path]:
    """The protocol section of a record, or of the only one in an answer of the API."""
    value: Any = document.value
    at: Path = ()
    if isinstance(value, dict) and isinstance(value.get("studies"), list):
        studies = value["studies"]
        if len(studies) != 1:
            what = f"the file holds {len(studies)} studies"
            raise InputRejected([document.fault(("studies",), "not-one-study", what, "keep one")])
        value, at = studies[0], ("studies", 0)
    if not isinstance(value, dict) or value.get("protocolSection") is None:
        what = "`protocolSection` is missing: not a study record"
        raise InputRejected([document.fault(at, "not-a-study", what, _AS_SAVED)])
    at = (*at, "protocolSection")
    section = value["protocolSection"]
    if not isinstance(section, dict):
        raise InputRejected([_wrong(document, at, section, "a mapping")])
    return section, at


_AS_SAVED = "save the record as JSON from version 2 of the ClinicalTrials.gov API"


def _wrong(document: Document, path: Path, value: Any, expected: str) -> Fault:
    what = f"`{path[-1]}` is {describe(value)}, not {expected}"
    return document.fault(path, "type", what, _AS_SAVED)


# --- the files --------------------------------------------------------------------------


class _Pack:
    """The criteria and facts of a skeleton while they are put together."""

    def __init__(
        self,
        registry: str,
        notes: list[str],
        aside: list[tuple[str, str]],
        schemas: str | None,
    ) -> None:
        self.registry, self.notes = registry, notes
        self.aside, self.schemas = aside, schemas
        self.criteria: list[tuple[Kind, list[str]]] = []
        self.facts: dict[str, str] = {}

    def ages(self, least: str, most: str) -> None:
        parts = []
        for said, end in ((least, "min"), (most, "max")):
            if not said or said.upper() == "N/A":
                continue
            match = _AGE.fullmatch(said)
            rule = self._age(int(match[1]), match[2].lower(), end) if match else None
            if rule is None:
                self.notes.append(f"the age `{said}` is not turned into a rule")
                rule = "{todo: true}"
            parts.append((said, rule))
        if not parts:
            return
        low = least if least and least.upper() != "N/A" else ""
        high = most if most and most.upper() != "N/A" else ""
        text = (
            f"Ages {low} to {high}"
            if low and high
            else f"Minimum age {low}"
            if low
            else f"Maximum age {high}"
        )
        rules = [rule for _, rule in parts]
        whole = rules[0] if len(rules) == 1 else "{all: [" + ", ".join(rules) + "]}"
        how = "In completed units as the registry counts; the whole last one is included."
        self._add("inclusion", text, whole, "age limits of the record", how)

    def _age(self, number: int, unit: str, end: Literal["min", "max"] | str) -> str | None:
        born = "{ask: Date of birth, type: date, changes: never}"
        if unit == "year":
            self.facts["birth_date"] = born
            self.facts["age"] = (
                "{ask: Age in completed years, type: quantity, unit: a, "
                "derive: {completed_years_since: birth_date}}"
            )
            return f"{{age: {{{'at_least' if end == 'min' else 'at_most'}: {number}}}}}"
        if unit in ("month", "week", "day"):
            self.facts["birth_date"] = born
            if end == "min":
                return f"{{birth_date: {{at_least_ago: {counted(number, unit)}}}}}"
            return f"{{birth_date: {{less_than_ago: {counted(number + 1, unit)}}}}}"
        return None

    def sex(self, said: str, described: str) -> None:
        code = {"FEMALE": "female", "MALE": "male"}.get(said.upper())
        if code is None:
            if said and said.upper() != "ALL":
                self.notes.append(f"the sex `{said}` is not turned into a rule")
            return
        self.facts["sex"] = (
            "{ask: Sex at birth, type: choice, choices: {female: Female, male: Male}, "
            "changes: never}"
        )
        how = described or "Sex at birth, as the record's field says."
        self._add("inclusion", f"Sex: {code}", f"{{sex: {code}}}", "sex of the record", how)

    def statement(self, statement: Statement) -> None:
        text, part = statement.text, 1
        while text:
            piece = text
            if len(text) > ROOM:
                cut = max(text.rfind(" ", 0, ROOM), text.rfind("\n", 0, ROOM))
                piece = text[: cut if cut > 0 else ROOM]
                self.notes.append(
                    f"a statement of {len(text)} characters goes on in a second entry"
                )
            text = text[len(piece) :].strip()
            where = f"{statement.kind} criteria" + (
                f", {statement.group}" if statement.group else ""
            )
            where += f", {statement.own}" if statement.own else ""
            where += f", part {part}" if part > 1 or text else ""
            part += 1
            self._add(statement.kind, piece, "{todo: true}", where, "")

    def _add(self, kind: Kind, text: str, rule: str, where: str, how: str) -> None:
        lines = [f"    kind: {kind}", *_block("    text", text)]
        if how:
            lines += [f"    interpretation: {_quoted(how)}", "    basis: assumed"]
        lines += [f"    source: {_quoted(f'{self.registry}, {where}')}", f"    holds_when: {rule}"]
        self.criteria.append((kind, lines))

    def facts_file(self) -> str:
        head = _schema("facts", self.schemas) + "facts:\n"
        # A dictionary is never empty; a text is there for people and needs no rule.
        facts = self.facts or {"remarks": "{ask: Remarks, type: text}"}
        return head + "".join(f"  {name}: {spec}\n" for name, spec in facts.items())

    def eligibility_file(self) -> str:
        lines = [
            "# A skeleton: `todo: true` stays open for everybody until the rule is written.",
            "criteria:",
        ]
        digits = 2 if len(self.criteria) < 100 else 3
        count = {"inclusion": 0, "exclusion": 0}
        # Inclusion first, as packs have it; within each, the record's own order.
        for wanted in ("inclusion", "exclusion"):
            for kind, body in self.criteria:
                if kind == wanted:
                    count[kind] += 1
                    number = str(count[kind]).zfill(digits)
                    lines += [f"  - id: {'I' if kind == 'inclusion' else 'E'}{number}", *body]
        for label, words in self.aside:
            lines += ["", f"# Set aside from the record, which says under `{label}`:"]
            lines += [f"# {line}" for line in words.split("\n")]
        head = _schema("eligibility", self.schemas)
        return head + ("#\n" if head else "") + "\n".join(lines) + "\n"


def _schema(name: str, schemas: str | None) -> str:
    if schemas is None:
        return ""
    return f"# yaml-language-server: $schema={schemas}/{name}.schema.json\n"


def _protocol(nct: str, title: str, updated: str) -> str:
    source = f"registry: {_quoted(nct)}, document: ClinicalTrials.gov record"
    if updated:
        source += f", updated: {_quoted(updated)}"
    identity = re.sub(r"[^a-z0-9._-]+", "-", nct.lower()).strip("-.")[:64] or "new-pack"
    return (
        f"protocol: {identity}\n"
        'version: "0.1"\n'
        f"title: {_quoted(title[:300])}\n"
        f"source: {{{source}}}\n"
    )


def _block(key: str, text: str) -> Iterator[str]:
    """A text under its key: quoted in one line, or as a block of its own lines."""
    # A part of a part stands two spaces further in; else runs of spaces are one.
    lines = [
        " " * (len(line) - len(line.lstrip(" "))) + " ".join(line.split())
        for line in text.split("\n")
    ]
    if len(lines) == 1:
        yield f"{key}: {_quoted(lines[0])}"
        return
    yield f"{key}: |-"
    pad = " " * (len(key) - len(key.lstrip()) + 2)
    yield from (pad + line for line in lines)


def _quoted(text: str) -> str:
    """A text in double quotes, which YAML reads as JSON does."""
    return json.dumps(text, ensure_ascii=False)
