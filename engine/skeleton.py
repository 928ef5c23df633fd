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
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Literal

from engine.faults import Fault, InputRejected
from engine.model import Kind, Span
from engine.sheet import MAX_TEXT, describe
from engine.source import Document, Num, Path, read_document, shorten
from engine.wording import counted

ROOM = MAX_TEXT - 100
"""How much of a statement one entry holds; the rest goes on in the next."""

_BULLETS = "*•·∙▪▫◦●○◉■□◆◇❖‣⁃➢➤►▶▸✓✔★⦁\uf0b7\uf0a7\u2010\u2011–—−-"
_BULLET = re.compile(
    rf"(?P<mark>[{_BULLETS}])(?<!\*(?=\*))(?:\s+|(?=[^\s\d.,)*]))(?P<text>\S.*)$|o\s\s+(?P<o>\S.*)$"
)
_NUMBER = r"\d{1,3}(?:\.\d{1,3}){0,4}"
_ORDERED = re.compile(
    rf"""(?P<mark>\(?(?P<value>{_NUMBER}|[ivx]{{1,5}}|[IVX]{{1,5}}|[A-Za-z])
    (?P<close>\.?[)\]]|[.]|\s?-|(?=\s)))(?P<space>\s*)(?P<text>[^\s.,)].*)$""",
    re.VERBOSE,
)
_HEADING = re.compile(
    rf"""^[\s\d#_>.)({_BULLETS}]*(?:[A-Za-z][.)]\s|\(?[ivxIVX]{{1,4}}[.)]\s)?[\s#*_]*
    (?P<before>(?:[\w/,()'-]+\s+){{0,5}}?)
    (?P<word>inclusion|exclusion|eligibility|non-?inclusion|ineligib\w+)
    (?P<after>\s*(?:/\s*exclusion\s*)?(?:criteri(?:a|on|ums?))?
      (?:\s+(?:for|of|in|-|–|—)\s+[^:]{{1,80}}|\s*\([^()]{{1,80}}\)|\s*[-–—(\[][^:]{{1,80}})?)
    \s*[*_]*\s*(?P<colon>[:：]|[-–—]\s*$)?\s*[*_]*\s*(?P<rest>.*)$""",
    re.IGNORECASE | re.VERBOSE,
)
_SPOKEN = re.compile(r"\b(?P<word>inclusion|exclusion)\s+criteri(?:a|on)\b", re.IGNORECASE)
_INSIDE = re.compile(
    r"""(?P<end>\S)\s+
    (?P<heading>(?:(?:key|main|major|general)\s+)?(?:non-?)?(?:inclusion|exclusion)
      (?:\s+criteri(?:a|on)(?:\s*[:：]|(?=\s+(?:\(?1[.)]|[*•-])\s))|\s*[:：]))""",
    re.IGNORECASE | re.VERBOSE,
)
_MENTION = re.compile(
    r"\b(?:the|an?|any|all|of|these|those|following|meets?|met|no|not|and|or|per|other|with|for"
    r"|by|under|see|in|to)$",
    re.IGNORECASE,
)
_WIDE = re.compile(
    r"^(\W*(?:(?:key|main)\s)?(?:inclusion|exclusion)\scriteria)(?=\s{2,}\w)", re.IGNORECASE
)
"""A heading with a wide gap, once a tab, where others have a colon."""
_KIND = re.compile(r"\b(?:inclusion|exclusion)\b", re.IGNORECASE)
_BOTH = re.compile(
    r"\W*(?:\w+\s+){0,3}?(?:inclusion|exclusion)\s*(?:criteria\s*)?(?:/|and|&|or|,)\s*"
    r"(?:inclusion|exclusion)(?:\s+criteria)?[\W_]*",
    re.IGNORECASE,
)
_COHORT = re.compile(
    r"(?:sub-?)?(?:cohort|part|phase|arm|group|stratum|period)s?\s+(?:\d+\w?|[A-Z]|[IVX]+[ab]?)"
    r"(?:\s*(?:[-–—:(/,&]|and\b).*)?",
    re.IGNORECASE,
)
_EXCLUDES = re.compile(
    r"\b(?:exclu\w+|ineligible|not\s+(?:be\s+)?eligible|(?:must|may|should|shall|can)\s*not)\b",
    re.IGNORECASE,
)
_DOUBTFUL = re.compile(
    r"\bnot\s+(?:be\s+)?(?:an?\s+)?exclu|\bno\s+exclu|\bexcept|\bunless|\binclusion\b",
    re.IGNORECASE,
)
_SPEAKS = re.compile(r"\bexclusion\s+criteri\w+|\bexclu(?:sions?|ded?)\s*:", re.IGNORECASE)
_SPEAKS_IN = re.compile(r"\binclusion\s*:|\binclusion\s+criteri\w+\s*:", re.IGNORECASE)
_EVERYBODY = re.compile(
    r"\b(?:all|both|every|each)\s+(?:(?:study|treatment)\s+)?(?:cohort|part|phase|arm|group|patient"
    r"|participant|subject)s?\W*$|^\W*(?:general|common)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"\b(?:must|met|meets?|criteri\w+|following|any|all|both|every|each)\b", re.IGNORECASE
)
_CHOICE = re.compile(
    r"\b(?:one|any|either|two|three|\d+)\s+(?:\w+\s+)?of\b|\bor\s+more\b|\beither\b", re.IGNORECASE
)
_DEFINED = re.compile(r"\bdefined\b|\bas\s+follows\b", re.IGNORECASE)
_SECTIONS = frozenset((
    "disease characteristics", "patient characteristics", "prior concurrent therapy",
    "prior/concurrent therapy", "age", "sex", "menopausal status", "performance status",
    "life expectancy", "hematopoietic", "hepatic", "renal", "cardiovascular", "pulmonary",
    "neurologic", "immunologic", "other", "biologic therapy", "chemotherapy",
    "endocrine therapy", "radiotherapy", "surgery", "hormone receptor status",
))  # fmt: skip
"""Headings of the registry's older records: they name subjects, and no cohort."""

_AGE = re.compile(r"\s*(\d{1,4})\s*(year|month|week|day|hour|minute)s?\s*", re.IGNORECASE)

_TEXTS = {
    "identificationModule": ("nctId", "briefTitle", "officialTitle"),
    "eligibilityModule": (
        "eligibilityCriteria", "minimumAge", "maximumAge", "sex", "genderDescription",
    ),
}  # fmt: skip
"""The fields of a record that are read as text, by their module."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the record in its own words; `group` is the cohort or heading under
    which it stands."""

    kind: Kind
    text: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """The files of a new pack, and what an author should know about them."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


def skeleton(name: str, data: bytes) -> Skeleton:
    """The skeleton of the study in a file. Raises: InputRejected."""
    record = _record(read_document(name, data))
    notes: list[str] = []
    found = statements(record.criteria, notes)
    if not found:
        notes.append("the record states no criteria in words")
    pack = _Pack(record.nct, notes)
    pack.ages(record.least, record.most)
    pack.sex(record.sex, record.described)
    for statement in found:
        pack.statement(statement)
    if not pack.criteria:
        reject = Fault(Span(name, 1, 1), "no-criteria", "the study has no eligibility criteria")
        raise InputRejected([reject])
    return Skeleton(
        {
            "protocol.yaml": _protocol(record.nct, record.title, record.updated),
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
    nct = _line(read["nctId"]) or "new-pack"
    return _Record(
        nct=nct,
        title=_line(read["briefTitle"]) or _line(read["officialTitle"]) or nct,
        updated=_line(updated),
        criteria=read["eligibilityCriteria"],
        least=_line(read["minimumAge"]),
        most=_line(read["maximumAge"]),
        sex=_line(read["sex"]),
        described=_line(read["genderDescription"]),
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


def _line(text: str) -> str:
    return " ".join(text.split())


# --- the lines of the text --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading of kind: the cohort it names (`loose` where that may be a statement, as in
    `Exclusion Criteria - pregnancy`) and what follows on its line. It has no kind if it names
    both, and holds for `everybody` if it says that it is not of one cohort."""

    kind: Kind | None
    group: str
    rest: str = ""
    loose: bool = False
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that is not blank. `mark` is its bullet or number, "" where it has none; `value`
    says which of its list an ordered mark is: (1, 2) for `1.2`, (3,) for `c)`."""

    whole: str
    indent: int
    gap: bool
    heading: _Heading | None = None
    mark: str = ""
    style: str = ""
    value: tuple[int, ...] = ()
    text: str = ""


def _lines(text: str, notes: list[str]) -> list[_Line]:
    """The lines of a text, those parted that hold a heading or a whole list."""
    lines: list[_Line] = []
    gap, base = True, None
    for raw in _cleaned(text):
        if not raw.strip():
            gap = True
            continue
        indent = len(raw) - len(raw.lstrip())
        marked = _BULLET.match(raw.strip()) or _ORDERED.match(raw.strip())
        # `Exclusion: ...` below an item belongs to the item, and turns nothing.
        nested = marked is not None and base is not None and indent > base + 1
        for number, part in enumerate([raw.strip()] if nested else _parts(raw.strip())):
            heading = _heading(part)
            if heading is not None and ((nested and heading.rest) or _wraps(part, gap, lines)):
                heading = None
            if heading is None:
                pieces = _listed(part)
                base = base if not marked else indent if base is None else min(base, indent)
            else:
                if heading.kind is None:
                    notes.append(
                        f"`{shorten(part)}` names both kinds: what stands under it is taken as "
                        "inclusion; check each"
                    )
                elif heading.rest and marked and base is not None and not number:
                    notes.append(
                        f"`{shorten(part)}` stands in a list: what follows it is taken as "
                        f"{heading.kind}; check each"
                    )
                base = None
                if number:
                    notes.append(
                        f"`{shorten(_INSIDE_END.sub('', part))}` stands inside a paragraph: "
                        f"what follows it is taken as {heading.kind}; check each"
                    )
                lines.append(_Line(part, indent, gap, heading))
                pieces = _listed(heading.rest) if heading.rest else []
                gap = True
            for piece in pieces:
                lines.append(_Line(piece, indent, gap))
                gap = False
        gap = False
    lines = _marked(lines)
    for number, (line, following) in enumerate(pairwise(lines)):
        # `Exclusion criteria include`, then a list.
        if not line.mark and line.heading is None and following.mark:
            short = len(line.whole.split()) <= 10 and not line.whole.endswith((".", ";", ","))
            if short and (line.gap or line.whole[0].isupper()):
                heading = _spoken_heading(f"{line.whole.rstrip(':：')}:")
                lines[number] = replace(line, heading=heading)
    return lines


def _wraps(part: str, gap: bool, lines: list[_Line]) -> bool:
    """Whether `exclusion criteria` on a line of its own is the end of a broken sentence."""
    return bool(lines) and not gap and part[0].islower() and ":" not in part


def _cleaned(text: str) -> list[str]:
    """The lines of a text without the registry's escapes."""
    plain = html.unescape(re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text))
    plain = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", plain.replace("\t", "    "))
    plain = re.sub("[\x00-\x09\x0e-\x1f\x7f\u200b\ufeff\ufffe\uffff\ud800-\udfff]", "", plain)
    lines = [line.replace("\u00a0", " ").rstrip() for line in plain.split("\n")]
    return [_WIDE.sub(r"\1:", line) for line in lines]


_INSIDE_END = re.compile(r"(?<=[:：]).*$", re.DOTALL)


def _parts(line: str) -> list[str]:
    """A line parted before each heading that stands inside it, after other words."""
    cuts = [0]
    for match in _INSIDE.finditer(line):
        before, heading = line[: match.end("end")], match["heading"]
        # Small letters in the middle of a sentence speak of criteria: `the exclusion criteria:`.
        ends = before[-1] in ".;:!?)]"
        if not cuts[1:] and _opens(before, match["heading"]):
            continue
        if _MENTION.search(before) or not (ends or heading[0].isupper()):
            continue
        if ends or re.search(r"criteri", heading, re.IGNORECASE):
            cuts.append(match.start("heading"))
    return [line[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(line)], strict=True)]


def _opens(before: str, heading: str) -> bool:
    """Whether a line's first words belong to its heading: `1. `, `Main`, `Part A`."""
    if re.fullmatch(r"[\W\d_]*(?:[A-Za-z]|[ivxIVX]{1,4})?[.)]?", before):
        return True
    if before[-1] in ".;:!?" or _KIND.search(before):
        return False
    marked = _BULLET.match(before) or _ORDERED.match(before)
    label = marked["text"] if marked and marked["text"] else before
    named = _heading(f"{label} {heading.rstrip(':： ')}:")
    return named is not None and (not marked or not named.group or bool(_COHORT.match(label)))


def _listed(text: str) -> list[str]:
    """A list that stands in one line, `1) ...; 2) ... 3) ...`, as lines; else the line."""
    for first, other in (
        (r"\(1\)\s", r"\s(\({}\)\s)"), (r"1\)\s?", r"[\s;,]({}\)\s?)"),
        (r"1\.\s", r"[.;]\s({}\.\s)"),
        (r"a\)\s", r"\s({}\)\s)"), (r"\(a\)\s", r"\s(\({}\)\s)"),
    ):  # fmt: skip
        if not re.match(first, text):
            continue
        cuts, at = [0], 0
        for number in range(2, 500):
            sign = str(number) if "1" in first else chr(ord("a") + number - 1)
            found = re.compile(other.format(sign)).search(text, at)
            if found is None or not (sign.isdigit() or number <= 26):
                break
            at = found.start(1)
            cuts.append(at)
        return [text[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    bullet = re.match(r"[•●▪■]\s", text)
    if bullet:
        return [bullet[0] + part.strip() for part in text[1:].split(f" {bullet[0]}")]
    return [text]


def _marked(lines: list[_Line]) -> list[_Line]:
    """The lines with their marks. An amount at the beginning of a line (`2.5 mg`) or a genus
    (`E. coli`) looks like one: what counts is whether a list counts on there."""
    made: list[_Line] = []
    seen: dict[str, set[tuple[int, ...]]] = {}
    last: dict[str, tuple[int, ...]] = {}
    ordered = [None if line.heading else _ORDERED.match(line.whole) for line in lines]
    options = [_readings(match) if match else [] for match in ordered]
    after: dict[str, tuple[int, ...]] = {}
    following: list[dict[str, tuple[int, ...]]] = []
    for readings in reversed(options):
        following.append(dict(after))
        after |= dict(readings)
    following.reverse()
    for line, match, readings, ahead in zip(lines, ordered, options, following, strict=True):
        if line.heading:
            made.append(line)
            continue
        bullet = _BULLET.match(line.whole)
        if bullet:
            text = bullet["text"] or bullet["o"]
            made.append(replace(line, mark="-", style=bullet["mark"] or "o", text=text))
            continue
        chosen = None
        for style, value in readings:
            before = seen.get(style, set()) if style[0] == "1" else {last.get(style, ())}
            if _counts_on(before, value) or (
                style in ahead and _counts_on(_with_parents(value), ahead[style])
            ):
                chosen = style, value
                break
        if match is None:
            made.append(line)
        elif chosen:
            style, value = chosen
            seen.setdefault(style, set()).update(_with_parents(value))
            last[style] = value
            mark = match["mark"].strip()
            made.append(replace(line, mark=mark, style=style, value=value, text=match["text"]))
        elif _alone(match):
            style, value = readings[0]
            # The first of a list may be its only one; any other number stays in the words.
            text = match["text"] if value == (1,) else line.whole
            mark = match["mark"].strip() if value == (1,) else "-"
            made.append(replace(line, mark=mark, style=style, value=value, text=text))
        else:
            made.append(line)
    return made


def _alone(match: re.Match[str]) -> bool:
    """Whether an ordered mark needs no other beside it: `1. `, `3) `, `(b) `."""
    whole = match["value"].isdigit()
    if ")" in match["close"]:
        return whole or "(" in match["mark"] or bool(match["space"])
    return whole and match["close"] == "." and bool(match["space"])


def _readings(match: re.Match[str]) -> list[tuple[str, tuple[int, ...]]]:
    """The lists that a mark may belong to: `i)` stands between h and j, or before ii."""
    value, close = match["value"], match["close"].strip()
    if close in (".", "-") and not match["space"] and not value.replace(".", "").isdigit():
        return []  # `e.g.`, `i.e.`, `T-cell`
    if not close and "." not in value:
        return []  # `5 prior lines`, `A person`
    bracket = ")" if ")" in close or "]" in close else ""
    if value[0].isdigit():
        return [("1" + bracket, tuple(int(one) for one in value.split(".")))]
    made: list[tuple[str, tuple[int, ...]]] = []
    if len(value) == 1:
        made.append((("a" if value.islower() else "A") + bracket, (ord(value.lower()) - 96,)))
    if set(value.lower()) <= set("ivx"):
        made.append((("i" if value.islower() else "I") + bracket, (_roman(value.lower()),)))
    return made


def _roman(numeral: str) -> int:
    worth = [{"i": 1, "v": 5, "x": 10}[letter] for letter in numeral]
    return sum(
        -one if any(other > one for other in worth[at + 1 : at + 2]) else one
        for at, one in enumerate(worth)
    )


def _with_parents(value: tuple[int, ...]) -> set[tuple[int, ...]]:
    return {value[: length + 1] for length in range(len(value))}


def _counts_on(seen: set[tuple[int, ...]], value: tuple[int, ...]) -> bool:
    """Whether a list that holds `seen` goes on with `value`: 1.2 after 1.1, or 2.1 after 1.2."""
    *parent, last = value
    if (*parent, last - 1) in seen:
        return True
    if last != 1 or not parent:
        return False
    return tuple(parent) in seen or (*parent[:-1], parent[-1] - 1) in seen


def _heading(line: str) -> _Heading | None:
    """A heading's kind, the cohort it names, and what follows it on its line."""
    if _BOTH.fullmatch(line):
        return _Heading(None, "")
    match = _HEADING.match(line)
    if match is None or (found := _plain_heading(line, match)) is None:
        return _spoken_heading(line)
    return found


def _spoken_heading(line: str) -> _Heading | None:
    """A heading that is a sentence: `The exclusion criteria are as follows:`."""
    label = _label(line)
    kinds = {match["word"].lower() for match in _SPOKEN.finditer(label)}
    if not line.rstrip("*_ ").endswith((":", "：")) or len(label) > 120 or len(kinds) != 1:
        return None
    if re.search(r"\b(?:not|no|fail\w*|unless|except\w*)\b", label, re.IGNORECASE):
        return None
    return _Heading("exclusion" if kinds == {"exclusion"} else "inclusion", label)


def _plain_heading(line: str, match: re.Match[str]) -> _Heading | None:
    before, after = _line(match["before"]).lower(), match["after"]
    word = match["word"].lower()
    rest = match["rest"].strip()
    if not re.search(r"\w", rest):
        rest = ""
    named = "criteri" in after.lower() or "criteri" in before
    loose = False
    if not match["colon"] and not rest and re.search(r"[-–—]\s", after):
        loose = True
        tail = re.split(r"[-–—]\s+", after, maxsplit=1)[1]
        if re.search(r"[.;]|\s[-–—]\s", tail):
            after, rest, loose = after[: -len(tail)].rstrip(" -–—"), tail, False
            return _Heading(_kind(word, before), _cohort(match["before"], after), rest)
    # "Exclusion of pregnancy ..." is a statement; a heading has a colon, or stands alone.
    if not match["colon"] and (rest or (not named and len(line.split()) > 3)):
        return None
    if not named and not match["colon"] and before:
        return None
    spoken_of = re.search(r"\b(meet|meets|met|all|any|no|not|per|the|of|following)\b", before)
    if spoken_of and (rest or not match["colon"] or spoken_of[1] in ("no", "not")):
        return None  # as in "Participants who meet the exclusion criteria of ..."
    group = _cohort(match["before"], after)
    everybody = _EVERYBODY.search(line[: match.start("rest")]) is not None
    return _Heading(_kind(word, before), group, rest, loose and bool(group), everybody)


def _kind(word: str, before: str) -> Kind:
    if word.startswith(("excl", "inelig", "non")) or re.search(r"\bnon?-?\s*$", before):
        return "exclusion"
    return "inclusion"


def _cohort(before: str, after: str) -> str:
    """What a heading says beside its kind."""
    said = re.sub(r"(?i)criteri(?:a|on|ums?)|[()\[\]*_]", " ", after)
    said = re.sub(r"(?i)^\s*(?:for|of|in|-|–|—)\s+|^\s*[-–—]\s*", "", said.strip())
    if before and not re.fullmatch(
        r"(?:(?:key|main|major|general|core|patient|subject|participant|study|trial|and|&"
        r"|criteria|for|reason|of)s?\s*)+",
        _line(before).lower(),
    ):
        said = f"{before} {said}"
    return _line(said)


# --- the statements ---------------------------------------------------------------------


@dataclass(slots=True)
class _Draft:
    """A statement while its lines are gathered."""

    kind: Kind
    group: tuple[str, ...]
    lines: list[str]
    marked: bool


@dataclass(slots=True)
class _Place:
    """Where in the text the reading stands: under which headings, in which list."""

    kind: Kind | None = None
    turned: bool = False
    cohort: str = ""
    heading: _Heading | None = None
    section: str = ""
    inner: str = ""
    base: int | None = None
    style: str = ""
    last: tuple[int, ...] = ()
    run: str = ""
    parent: bool = False
    fresh: bool = True
    numbers: set[tuple[int, ...]] = field(default_factory=set)

    @property
    def here(self) -> Kind:
        return "exclusion" if self.turned else self.kind or "inclusion"

    @property
    def group(self) -> tuple[str, ...]:
        heading = self.heading
        cohort = "" if heading is not None and heading.everybody else self.cohort
        parts = (cohort, heading.group if heading else "", self.section, self.inner)
        return tuple(part for part in parts if part)

    def new_list(self) -> None:
        self.base, self.style, self.last, self.run = None, "", (), ""
        self.parent, self.fresh, self.numbers = False, True, set()


def statements(text: str, notes: list[str]) -> list[Statement]:
    """The statements of an eligibility text, in its order; `notes` gets what is doubtful."""
    lines = _lines(text, notes)
    at = _Place()
    found: list[_Draft] = []
    labels: list[str] = []
    turned: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else None
        if line.heading is not None:
            _keep_loose(at, found)
            at.kind, at.turned, at.heading = line.heading.kind, False, line.heading
            at.section = at.inner = ""
            at.new_list()
            labels.append("" if line.heading.loose else line.heading.group)
        elif _names_cohort(line, following):
            _keep_loose(at, found)
            at.cohort, at.heading = _label(line.text or line.whole), None
            at.section = at.inner = ""
            at.new_list()
            labels.append(at.cohort)
        elif _names_group(line, following, at):
            label = _label(line.whole)
            _open_group(at, label, following)
            labels.append(label)
            if at.turned:
                turned.append(label)
        elif line.mark:
            _take_item(line, at, found)
        else:
            _take_words(line, lines[number - 1] if number else None, at, found)
    _keep_loose(at, found)
    kept = [Statement(one.kind, "\n".join(one.lines), ", ".join(one.group)) for one in found]
    notes += _remarks(kept, at.kind is not None or any(line.heading for line in lines))
    for label in dict.fromkeys(turned):
        notes.append(f"what stands under `{label}` is taken as exclusion; check where it ends")
    used = {part for one in found for part in one.group}
    for label in dict.fromkeys(labels):
        if label and label not in used:
            notes.append(f"nothing stands under `{label}`")
    notes += _group_remarks([one.group for one in found], turned)
    return kept


def _keep_loose(at: _Place, found: list[_Draft]) -> None:
    """Keep what a heading that ends was thought to name, if nothing stood under it."""
    if at.heading is not None and at.heading.loose and at.fresh:
        at.heading, words = replace(at.heading, group="", loose=False), at.heading.group
        found.append(_Draft(at.here, at.group, [words], False))


def _label(text: str) -> str:
    return _line(text.strip().strip("*_# ")).rstrip(":： ").rstrip("*_ ")


def _names_cohort(line: _Line, following: _Line | None) -> bool:
    """Whether a line stands above a heading of kind, and names whom that is about."""
    if following is None or following.heading is None:
        return False
    label = _label(line.text or line.whole)
    if len(label) > 120:
        return False
    if _COHORT.fullmatch(label) and not label.endswith((".", ";")):
        return True
    return not line.mark and line.whole.rstrip("*_ ").endswith((":", "："))


def _names_group(line: _Line, following: _Line | None, at: _Place) -> bool:
    """Whether a line names the statements below it: `Cohort A:`, then a list."""
    label = _label(line.whole)
    if line.mark or following is None or len(label) > 120:
        return False
    if at.base is not None and line.indent > at.base:
        return False
    below = bool(following.mark) or following.whole.endswith((":", "："))
    if not line.whole.rstrip("*_ ").endswith((":", "：")):
        bold = re.fullmatch(r"(\*\*|__)[^*_]+\1|#+\s.*", line.whole) is not None
        return below and line.gap and (bold or bool(_COHORT.fullmatch(label)))
    if _excludes(label):
        return True
    # "One of the following:" and its list say one thing together; so does a definition.
    together = _DEFINED.search(label) or (at.here == "inclusion" and _CHOICE.search(label))
    # A heading of headings stands above one, as `PATIENT CHARACTERISTICS:` does.
    return below and not together


def _excludes(label: str) -> bool:
    return bool(_EXCLUDES.search(label)) and not _DOUBTFUL.search(label)


def _open_group(at: _Place, label: str, following: _Line | None) -> None:
    if _excludes(label) and re.search(r"exclu|eligible", label, re.IGNORECASE):
        # "Patients will be excluded if:" is as good as a heading, and holds like one.
        at.turned = at.kind != "exclusion"
        at.kind, at.heading = "exclusion", _Heading("exclusion", label)
        at.section = at.inner = ""
        at.new_list()
        return
    outer = following is not None and not following.mark and following.whole.endswith((":", "："))
    if outer or (label.isupper() and (at.section.isupper() or not at.section)):
        at.section, at.inner = label, ""
        at.turned = at.kind != "exclusion" and _excludes(label)
    else:
        at.inner = label
        at.turned = at.kind != "exclusion" and (_excludes(label) or _excludes(at.section))
    at.new_list()


def _take_item(line: _Line, at: _Place, found: list[_Draft]) -> None:
    """A line with a mark: a statement, or a part of the one above it."""
    if found and not at.fresh and _belongs(line, at, found[-1]):
        if line.indent <= (at.base if at.base is not None else line.indent):
            at.run = line.style
        # The number of a part stays: other parts refer to it.
        found[-1].lines.append(f"{line.mark} {line.text}")
    else:
        at.base = line.indent if at.base is None else min(at.base, line.indent)
        at.style, at.last, at.run = line.style, line.value, ""
        at.parent = at.fresh = False
        found.append(_Draft(at.here, at.group, [line.text], True))
    if line.value:
        at.numbers.add(line.value)


def _belongs(line: _Line, at: _Place, above: _Draft) -> bool:
    """Whether an item is a part of the statement above it."""
    if len(line.value) > 1 and line.value[:-1] in at.numbers:
        return True
    goes_on = bool(at.last) and line.style == at.style and _counts_on({at.last}, line.value)
    if at.parent:
        return not goes_on
    if at.base is None:
        return False
    asks = above.lines[0].endswith((":", "："))
    if line.indent > at.base + 1:
        return True
    if goes_on:
        return False
    if line.indent > at.base:
        return asks
    return line.style != at.style and (line.style == at.run or asks)


def _take_words(line: _Line, above: _Line | None, at: _Place, found: list[_Draft]) -> None:
    """A line without a mark: it goes on with the statement above it, or is one."""
    last = found[-1] if found and not at.fresh else None
    if last is not None and above is not None and not line.gap and _goes_on(line, above, last):
        last.lines[-1] += " " + line.whole
        return
    if last is not None and at.base is not None and line.indent > at.base:
        last.lines.append(line.whole)
        return
    if last is not None and last.marked and not at.turned and not _COHORT.match(at.inner):
        at.inner = ""  # a list under its heading has ended
    found.append(_Draft(at.here, at.group, [line.whole], False))
    at.fresh, at.run = False, ""
    at.parent = line.whole.endswith((":", "："))


def _goes_on(line: _Line, above: _Line, last: _Draft) -> bool:
    """Whether words without a mark, right below others, are of one sentence with them."""
    if last.marked or above.mark or line.whole[0].islower():
        return True
    # A line that was broken is long; a short one is a statement of its own.
    return not above.whole.endswith((".", ";")) and (
        above.whole.endswith((",", "(")) or len(above.whole) >= 60
    )


def _remarks(kept: list[Statement], headed: bool) -> Iterator[str]:
    """What an author must know about the kinds of the statements."""
    excluding = any(one.kind == "exclusion" for one in kept)
    if kept and not headed:
        what = "what is not said to exclude" if excluding else "everything"
        yield f"the text has no heading: {what} is taken as inclusion; check each"
    elif kept and not excluding:
        yield "no exclusion criteria were found"
    for one in kept:
        spoken = (_SPEAKS if one.kind == "inclusion" else _SPEAKS_IN).search(one.text)
        if spoken:
            yield f"an {one.kind} speaks of `{_line(spoken[0])}`; check: `{shorten(one.text)}`"


def _group_remarks(groups: list[tuple[str, ...]], turned: list[str]) -> Iterator[str]:
    """What an author must know about the headings under which statements stand."""
    sections: dict[str, None] = {}
    cohorts: dict[str, None] = {}
    for group in groups:
        older = any(one.lower() in _SECTIONS for one in group)
        for one in group:
            if older and not _COHORT.match(one):
                sections[one] = None
            elif _COHORT.match(one) or (one not in turned and not _SENTENCE.search(one)):
                cohorts[one] = None
    if sections:
        yield f"the text has sections, named in each `source`: {_some(list(sections))}"
    if cohorts:
        sure = any(_COHORT.match(one) for one in cohorts)
        what = f"criteria stand under {_some(list(cohorts))}: "
        what += "" if sure else "if these are cohorts, "
        yield what + "a pack is for one cohort; keep those of yours"


def _some(names: list[str]) -> str:
    return ", ".join(f"`{one}`" for one in names[:6]) + (", ..." if len(names) > 6 else "")


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
