"""What the author is told of a text that was read: doubtful headings, lists, cohorts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.drafting.draft import (
    ASIDE,
    REMARK,
    SENTENCE,
    SPEAKING_HEADING,
    Doubts,
    Draft,
    Statement,
    asks,
)
from engine.drafting.headings import label_of, one_line
from engine.drafting.lines import COHORT, UNFINISHED
from engine.read.source import shorten

_SPEAKS = re.compile(r"\bexclusion\s+criteri\w+|\bexclu(?:sions?|ded?)\s*:", re.IGNORECASE)
_SPEAKS_IN = re.compile(r"\binclusion\s*:|\binclusion\s+criteri\w+\s*:", re.IGNORECASE)
_MORE = re.compile(r"\b(?:and|or)[\s,;]*$", re.IGNORECASE)
_COHORT_ITEM = re.compile(
    r"(?:(?:healthy|matched|adult|paediatric|pediatric)\s+)?(?:patient|control|volunteer|participant"
    r"|subject|caregiver|carer|adult|children|donor|recipient)s?\b(?:\s+(?:with|without|group|arm)\b"
    r"[^.:]{0,60})?:",
    re.IGNORECASE,
)
"""An item that names whom its parts are about: `B. Controls:`."""

_SECTIONS = frozenset((
    "disease characteristics", "patient characteristics", "prior concurrent therapy",
    "prior/concurrent therapy", "age", "sex", "menopausal status", "performance status",
    "life expectancy", "hematopoietic", "hepatic", "renal", "cardiovascular", "pulmonary",
    "neurologic", "immunologic", "other", "biologic therapy", "chemotherapy",
    "endocrine therapy", "radiotherapy", "surgery", "hormone receptor status",
))  # fmt: skip
"""Headings of the registry's older records: they name subjects, and no cohort."""


def remarks_on(kept: list[Statement], headed: bool) -> Iterator[str]:
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
        if REMARK.match(one.text) or ASIDE.fullmatch(label_of(one.text.split("\n")[0])):
            yield f"this may be no criterion: `{shorten(one.text)}`"
        elif "\n" not in one.text and asks(one.text) and not _MORE.search(one.text):
            yield f"`{shorten(one.text)}` ends as if a list followed; check where it goes on"


def layout_remarks(found: list[Draft]) -> Iterator[str]:
    """What an author must know about how the parts of statements hang together."""
    joined = [one.lines[0] for one in found if one.joined]
    if joined:
        yield f"joined by the `or` between them: what begins with {some_of(joined)}"
    items = [
        one.lines[0]
        for one in found
        if one.marked
        and (COHORT.fullmatch(one.lines[0]) or _COHORT_ITEM.fullmatch(one.lines[0]))
        and not UNFINISHED.search(one.lines[0].rstrip(":"))
    ]
    if items:
        yield f"these may be cohorts and no criteria: {some_of(items)}"


def doubt_remarks(doubts: Doubts) -> Iterator[str]:
    for label in dict.fromkeys(doubts.titles):
        yield f"`{label}` is taken as a title, and no criterion"
    for label in dict.fromkeys(doubts.turned):
        yield f"what stands under `{label}` is taken as exclusion; check where it ends"
    for label, taken in doubts.doubted.items():
        yield f"what stands under `{label}` may be no criterion{taken}; check it"
    if doubts.joined:
        joined = some_of(doubts.joined)
        yield f"between numbers of a list, and taken as part of the one above: {joined}"
    if doubts.between:
        yield (
            "between the bullets of a list, and taken as criteria of their own: "
            f"{some_of(doubts.between)}"
        )


def _may_be_cohort(label: str) -> bool:
    # `Critères d'inclusion` is no cohort.
    return (
        not label.endswith("?")
        and not SENTENCE.search(label)
        and not SPEAKING_HEADING.search(label)
    )


def group_remarks(groups: list[tuple[str, ...]], told: list[str]) -> Iterator[str]:
    """What an author must know about the headings under which statements stand."""
    sections: dict[str, None] = {}
    cohorts: dict[str, None] = {}
    for group in groups:
        older = any(one.lower() in _SECTIONS for one in group)
        for one in group:
            if older and not COHORT.match(one):
                sections[one] = None
            elif COHORT.match(one) or (one not in told and _may_be_cohort(one)):
                cohorts[one] = None
    if sections:
        yield f"the text has sections, named in each `source`: {some_of(list(sections))}"
    if cohorts:
        sure = any(COHORT.match(one) for one in cohorts)
        what = f"criteria stand under {some_of(list(cohorts))}: "
        what += "" if sure else "if these are cohorts, "
        yield what + "a pack is for one cohort; keep those of yours"


def some_of(names: list[str]) -> str:
    return ", ".join(f"`{shorten(one)}`" for one in names[:6]) + (", ..." if len(names) > 6 else "")
