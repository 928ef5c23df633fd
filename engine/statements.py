"""The statements of an eligibility text: what each line of it says, and in which kind.

Headings, cohorts and lists are told apart by layout alone (`engine.lines` reads it); what is
doubtful is a note to the author. No word is lost: each stands in a statement, in the heading
under which it stands, or in a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from engine.lines import COHORT, Heading, Line, counts_on, label_of, lines_of, one_line
from engine.model import Kind
from engine.source import shorten

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
_SENTENCE = re.compile(
    r"\b(?:must|should|shall|met|meets?|criteri\w+|following|any|all|both|every|each)\b",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"(?:all\s+)?(?:patient|participant|subject|candidate|volunteer)s?\s+(?:must|should|shall|will"
    r"|need\s+to|have\s+to)\s+(?:meet|fulfil\w*|satisfy|have|be)?\s*(?:all|each)?(?:\s+of)?"
    r"(?:\s+(?:the|these))?(?:\s+following)?(?:\s+(?:criteria|conditions))?",
    re.IGNORECASE,
)
"""A sentence that says nothing before its list: `Patients must meet all of the following:`."""
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


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the record in its own words; `group` is the cohort or heading under
    which it stands."""

    kind: Kind
    text: str
    group: str = ""


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
    heading: Heading | None = None
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
    lines = lines_of(text, notes)
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
            at.cohort, at.heading = label_of(line.text or line.whole), None
            at.section = at.inner = ""
            at.new_list()
            labels.append(at.cohort)
        elif _names_group(line, following, at):
            label = label_of(line.whole)
            _open_group(at, label, following, found)
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


def _names_cohort(line: Line, following: Line | None) -> bool:
    """Whether a line stands above a heading of kind, and names whom that is about."""
    if following is None or following.heading is None:
        return False
    label = label_of(line.text or line.whole)
    if len(label) > 120:
        return False
    if COHORT.fullmatch(label) and not label.endswith((".", ";")):
        return True
    return not line.mark and line.whole.rstrip("*_ ").endswith((":", "："))


def _names_group(line: Line, following: Line | None, at: _Place) -> bool:
    """Whether a line names the statements below it: `Cohort A:`, then a list."""
    label = label_of(line.whole)
    if line.mark or following is None or len(label) > 120:
        return False
    if at.base is not None and line.indent > at.base:
        return False
    below = bool(following.mark) or following.whole.endswith((":", "："))
    if not line.whole.rstrip("*_ ").endswith((":", "：")):
        bold = re.fullmatch(r"(\*\*|__)[^*_]+\1|#+\s.*", line.whole) is not None
        return below and line.gap and (bold or bool(COHORT.fullmatch(label)))
    if _excludes(label):
        return True
    # "One of the following:" and its list say one thing together; so does a definition.
    below = below or (following.gap and _FRAME.fullmatch(label) is not None)
    together = _DEFINED.search(label) or (at.here == "inclusion" and _CHOICE.search(label))
    # A heading of headings stands above one, as `PATIENT CHARACTERISTICS:` does.
    return below and not together


def _excludes(label: str) -> bool:
    return bool(_EXCLUDES.search(label)) and not _DOUBTFUL.search(label)


def _open_group(at: _Place, label: str, following: Line | None, found: list[_Draft]) -> None:
    if _excludes(label) and re.search(r"exclu|eligible", label, re.IGNORECASE):
        # "Patients will be excluded if:" is as good as a heading, and holds like one.
        _keep_loose(at, found)
        at.turned = at.kind != "exclusion"
        at.kind, at.heading = "exclusion", Heading("exclusion", label)
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


def _take_item(line: Line, at: _Place, found: list[_Draft]) -> None:
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


def _belongs(line: Line, at: _Place, above: _Draft) -> bool:
    """Whether an item is a part of the statement above it."""
    if len(line.value) > 1 and line.value[:-1] in at.numbers:
        return True
    goes_on = bool(at.last) and line.style == at.style and counts_on({at.last}, line.value)
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


def _take_words(line: Line, above: Line | None, at: _Place, found: list[_Draft]) -> None:
    """A line without a mark: it goes on with the statement above it, or is one."""
    last = found[-1] if found and not at.fresh else None
    if last is not None and above is not None and not line.gap and _goes_on(line, above, last):
        last.lines[-1] += " " + line.whole
        return
    if last is not None and at.base is not None and line.indent > at.base:
        last.lines.append(line.whole)
        return
    if last is not None and last.marked and not at.turned and not COHORT.match(at.inner):
        at.inner = ""  # a list under its heading has ended
    found.append(_Draft(at.here, at.group, [line.whole], False))
    at.fresh, at.run = False, ""
    at.parent = line.whole.endswith((":", "："))


def _goes_on(line: Line, above: Line, last: _Draft) -> bool:
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
            yield f"an {one.kind} speaks of `{one_line(spoken[0])}`; check: `{shorten(one.text)}`"


def _group_remarks(groups: list[tuple[str, ...]], turned: list[str]) -> Iterator[str]:
    """What an author must know about the headings under which statements stand."""
    sections: dict[str, None] = {}
    cohorts: dict[str, None] = {}
    for group in groups:
        older = any(one.lower() in _SECTIONS for one in group)
        for one in group:
            if older and not COHORT.match(one):
                sections[one] = None
            elif COHORT.match(one) or (one not in turned and not _SENTENCE.search(one)):
                cohorts[one] = None
    if sections:
        yield f"the text has sections, named in each `source`: {_some(list(sections))}"
    if cohorts:
        sure = any(COHORT.match(one) for one in cohorts)
        what = f"criteria stand under {_some(list(cohorts))}: "
        what += "" if sure else "if these are cohorts, "
        yield what + "a pack is for one cohort; keep those of yours"


def _some(names: list[str]) -> str:
    return ", ".join(f"`{one}`" for one in names[:6]) + (", ..." if len(names) > 6 else "")
