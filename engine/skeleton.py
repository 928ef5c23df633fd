"""From a ClinicalTrials.gov study record to a pack's skeleton.

The record is the JSON of version 2 of the registry's API. Its eligibility criteria are one
text, in Markdown more or less: headings in many forms, bullets, numbers, nesting, several
cohorts, or none of these. Each top-level statement becomes a criterion with its own words;
ages and sex, which the registry holds as fields, become rules; the rest is `todo: true`,
which leaves it open for everybody until an author writes the rule.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.faults import Fault, InputRejected
from engine.model import Kind, Span
from engine.sheet import MAX_TEXT
from engine.source import Document, read_document

ROOM = MAX_TEXT - 100
"""How much of a statement one entry holds; the rest goes on in the next."""

_HEADING = re.compile(
    r"""^[\s#*_>\d.)(-]*
    (?P<before>(?:[\w/,()'-]+\s+){0,5}?)
    (?P<word>inclusion|exclusion|eligibility|non-?inclusion|ineligib\w+)
    (?P<after>\s*(?:/\s*exclusion\s*)?(?:criteri(?:a|on|ums?))?(?:\s+(?:for|of|in|-|–|—)\s+[^:]{1,80}
      |\s*[-–—(\[][^:]{1,80})?)
    \s*[*_]*\s*(?P<colon>[:：])?\s*[*_]*\s*(?P<rest>.*)$""",
    re.IGNORECASE | re.VERBOSE,
)
_ITEM = re.compile(
    r"^(?P<indent>\s*)(?P<mark>[*•·▪◦●○‣–—-]|\(?\d{1,3}(?:\.\d{1,3})*[.)]"
    r"|\(?[a-zA-Z][.)]|\(?[ivxIVX]{1,5}[.)])(?:\s+|(?=[^\s\d.,)]))(?P<text>\S.*)$"
)
_AGE = re.compile(r"\s*(\d{1,4})\s*(year|month|week|day|hour|minute)s?\s*", re.IGNORECASE)


@dataclass(slots=True)
class Statement:
    """One statement of the record, its own words in `lines`; `group` is the cohort or
    heading under which it stands."""

    kind: Kind
    lines: list[str] = field(default_factory=list)
    group: str = ""

    @property
    def text(self) -> str:
        return "\n".join(line for line in self.lines if line).strip()


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The files of a new pack, and what an author should know about them."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


def skeleton(name: str, data: bytes) -> Skeleton:
    """The skeleton of the study in a file. Raises: InputRejected."""
    study = _study(read_document(name, data))
    section = study["protocolSection"]
    identity = section.get("identificationModule") or {}
    eligibility = section.get("eligibilityModule") or {}
    nct = _word(identity.get("nctId")) or "new-pack"
    title = _word(identity.get("briefTitle")) or _word(identity.get("officialTitle")) or nct
    text = eligibility.get("eligibilityCriteria")
    notes: list[str] = []
    found = statements(text if isinstance(text, str) else "", notes)
    if not found:
        notes.append("the record states no criteria in words")
    pack = _Pack(nct, notes)
    pack.ages(_word(eligibility.get("minimumAge")), _word(eligibility.get("maximumAge")))
    pack.sex(_word(eligibility.get("sex")), eligibility.get("genderDescription"))
    for statement in found:
        pack.statement(statement)
    if not pack.criteria:
        reject = Fault(Span(name, 1, 1), "no-criteria", "the study has no eligibility criteria")
        raise InputRejected([reject])
    updated = (section.get("statusModule") or {}).get("lastUpdatePostDateStruct") or {}
    return Skeleton(
        {
            "protocol.yaml": _protocol(nct, title, _word(updated.get("date"))),
            "facts.yaml": pack.facts_file(),
            "eligibility.yaml": pack.eligibility_file(),
        },
        tuple(notes),
    )


def _study(document: Document) -> dict[str, Any]:
    """The study in a record, or the only one in an answer of the API."""
    value = document.value
    if isinstance(value, dict) and isinstance(value.get("studies"), list):
        studies = value["studies"]
        if len(studies) != 1:
            what = f"the file holds {len(studies)} studies"
            raise InputRejected([document.fault(("studies",), "not-one-study", what, "keep one")])
        value = studies[0]
    if not isinstance(value, dict) or not isinstance(value.get("protocolSection"), dict):
        hint = "save the record as JSON from version 2 of the ClinicalTrials.gov API"
        what = "`protocolSection` is missing: not a study record"
        raise InputRejected([document.fault((), "not-a-study", what, hint)])
    section = value["protocolSection"]
    for part in ("identificationModule", "eligibilityModule"):
        if section.get(part) is not None and not isinstance(section[part], dict):
            what = f"`{part}` is not a mapping"
            raise InputRejected([document.fault(("protocolSection", part), "type", what)])
    return value


def _word(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


# --- the text ---------------------------------------------------------------------------


def statements(text: str, notes: list[str]) -> list[Statement]:
    """The statements of an eligibility text, in its order; `notes` gets what is doubtful."""
    kind: Kind | None = None
    group = ""
    found: list[Statement] = []
    base: int | None = None
    blank = True
    lines = _cleaned(text)
    for number, line in enumerate(lines):
        if not line.strip():
            blank = True
            continue
        heading = _heading(line)
        if heading is not None:
            kind, group, rest = heading
            base, blank = None, True
            if not rest:
                continue
            line = rest
        here: Kind = kind or "inclusion"
        item = _ITEM.match(line)
        indent = len(line) - len(line.lstrip())
        following = next((one for one in lines[number + 1 :] if one.strip()), "")
        if item is None and _is_group(line, following, indent, base):
            group, base, blank = _word(line).rstrip(":："), None, True
            continue
        if item is not None and (base is None or indent <= base or not found):
            base = indent if base is None else min(base, indent)
            found.append(Statement(here, [item["text"].strip()], group))
        elif item is not None:
            # Deeper than the first: it belongs to the statement above it.
            found[-1].lines.append("- " + item["text"].strip())
        elif (
            found
            and found[-1].kind == here
            and found[-1].group == group
            and (not blank or (base is not None and indent > base))
        ):
            found[-1].lines[-1] += " " + line.strip()
        else:
            found.append(Statement(here, [line.strip()], group))
        blank = False
    kept = [statement for statement in found if statement.text]
    if kept and kind is None:
        notes.append("the text has no heading: everything is taken as inclusion; check each")
    elif kept and not any(s.kind == "exclusion" for s in kept):
        notes.append("no exclusion criteria were found")
    groups = list(dict.fromkeys(s.group for s in kept if s.group))
    if groups:
        named = ", ".join(f"`{one}`" for one in groups[:6])
        notes.append(f"criteria stand under {named}: a pack is for one cohort; keep those of yours")
    return kept


def _cleaned(text: str) -> list[str]:
    """The lines of a text without the registry's escapes."""
    plain = html.unescape(text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    "))
    plain = re.sub(r"\\([\\`*_{}\[\]()#+\-.!<>~|^=&])", r"\1", plain)
    plain = re.sub("[\x00-\x09\x0b-\x1f\x7f\u200b\ufeff\ufffe\uffff\ud800-\udfff]", "", plain)
    return [line.replace("\u00a0", " ").rstrip() for line in plain.split("\n")]


def _heading(line: str) -> tuple[Kind, str, str] | None:
    """A heading's kind, the cohort it names, and what follows it on its line."""
    match = _HEADING.match(line)
    if match is None:
        return None
    before, after = _word(match["before"]).lower(), match["after"]
    word = match["word"].lower()
    rest = match["rest"].strip()
    named = "criteri" in after.lower()
    # "Exclusion of pregnancy ..." is a statement; a heading has a colon, or stands alone.
    if not match["colon"] and (rest or (not named and len(line.split()) > 3)):
        return None
    if not named and not match["colon"] and before:
        return None
    spoken_of = re.search(r"\b(meet|meets|met|all|any|no|not|per|the|of|following)\b", before)
    if spoken_of and (rest or not match["colon"]):
        return None  # as in "Participants who meet the exclusion criteria of ..."
    kind: Kind = "inclusion"
    if word.startswith(("excl", "inelig", "non")) or re.search(r"\bnon?-?\s*$", before):
        kind = "exclusion"
    cohort = re.sub(r"(?i)criteri(?:a|on|ums?)|[()\[\]*_]", " ", after)
    cohort = re.sub(r"(?i)^\s*(?:for|of|in|-|–|—)\s+|^\s*[-–—]\s*", "", cohort.strip())
    if before and not re.fullmatch(
        r"(?:(?:key|main|major|general|core|patient|subject|participant|study|trial|and|&)s?\s*)+",
        before,
    ):
        cohort = _word(f"{match['before']} {cohort}")
    return kind, _word(cohort), rest


def _is_group(line: str, following: str, indent: int, base: int | None) -> bool:
    """Whether a line names the statements below it: `Cohort A:`, then a list."""
    text = line.strip().strip("*_# ")
    if not text.endswith((":", "：")) or len(text) > 120:
        return False
    if base is not None and indent > base:
        return False
    # A heading of headings stands above one, as `PATIENT CHARACTERISTICS:` does.
    return _ITEM.match(following) is not None or following.rstrip().endswith((":", "："))


# --- the files --------------------------------------------------------------------------


class _Pack:
    """The criteria and facts of a skeleton while they are put together."""

    def __init__(self, registry: str, notes: list[str]) -> None:
        self.registry, self.notes = registry, notes
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
                return f"{{birth_date: {{at_least_ago: {number} {unit}s}}}}"
            return f"{{birth_date: {{less_than_ago: {number + 1} {unit}s}}}}"
        return None

    def sex(self, said: str, described: Any) -> None:
        code = {"FEMALE": "female", "MALE": "male"}.get(said.upper())
        if code is None:
            if said and said.upper() != "ALL":
                self.notes.append(f"the sex `{said}` is not turned into a rule")
            return
        self.facts["sex"] = (
            "{ask: Sex at birth, type: choice, choices: {female: Female, male: Male}, "
            "changes: never}"
        )
        how = _word(described) or "Sex at birth, as the record's field says."
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
        head = "# yaml-language-server: $schema=../../docs/schemas/facts.schema.json\nfacts:\n"
        # A dictionary is never empty; a text is there for people and needs no rule.
        facts = self.facts or {"remarks": "{ask: Remarks, type: text}"}
        return head + "".join(f"  {name}: {spec}\n" for name, spec in facts.items())

    def eligibility_file(self) -> str:
        lines = [
            "# yaml-language-server: $schema=../../docs/schemas/eligibility.schema.json",
            "#",
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
        return "\n".join(lines) + "\n"


def _protocol(nct: str, title: str, updated: str) -> str:
    source = f"registry: {_quoted(nct)}, document: ClinicalTrials.gov record"
    if updated:
        source += f", updated: {_quoted(updated)}"
    identity = re.sub(r"[^a-z0-9._-]+", "-", nct.lower()).strip("-.")[:64] or "new-pack"
    return (
        "# yaml-language-server: $schema=../../docs/schemas/protocol.schema.json\n"
        f"protocol: {identity}\n"
        'version: "0.1"\n'
        f"title: {_quoted(title[:300])}\n"
        f"source: {{{source}}}\n"
    )


def _block(key: str, text: str) -> Iterator[str]:
    """A text under its key: quoted in one line, or as a block of its own lines."""
    lines = [" ".join(line.split()) for line in text.split("\n")]
    if len(lines) == 1:
        yield f"{key}: {_quoted(lines[0])}"
        return
    yield f"{key}: |-"
    pad = " " * (len(key) - len(key.lstrip()) + 2)
    yield from (pad + line for line in lines)


def _quoted(text: str) -> str:
    """A text in double quotes, which YAML reads as JSON does."""
    return json.dumps(text, ensure_ascii=False)
