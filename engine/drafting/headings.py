"""Headings of an eligibility text: of a kind, of a cohort, or spoken."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.terms import Kind

BULLETS = "*•·∙▪▫◦●○◉■□◆◇❖‣⁃➢➤►▶▸✓✔★⦁・→⇒➔➜☐☑❑❒\uf0b7\uf0a7\u2010\u2011–—−-"

_HEADING = re.compile(
    rf"""^[\s\d#_>.)({BULLETS}]*(?:[A-Za-z][.)]\s|\(?[ivxIVX]{{1,4}}[.)]\s)?[\s#*_]*
    (?P<before>(?:[\w/,()'-]+\s+){{0,5}}?)
    (?P<word>inclusion|exclusion|eligibility|non-?inclusion|ineligib\w+)
    (?P<after>\s*(?:/\s*exclusion\s*)?(?:criteri(?:a|on|ums?))?
      (?:\s+(?:for|of|in|-|–|—)\s+[^:]{{1,80}}|\s*\([^()]{{1,80}}\)|\s*[-–—(\[][^:]{{1,80}})?)
    \s*[*_]*\s*(?P<colon>[:：]|[-–—]\s*$)?\s*[*_]*\s*(?P<rest>.*)$""",
    re.IGNORECASE | re.VERBOSE,
)
_WHO = re.compile(
    r"\W*who\s+(?:can|may|could|is|will|should)\s*(?P<not>not\b|n?['’]t\b)?\s*(?:be\s+)?"
    r"(?:participate|take\s+part|join|enrol\w*|eligible|includ\w+)(?:\s+[\w\s]{1,40})?\s*\?[\W_]*",
    re.IGNORECASE,
)
"""`Who cannot participate?`"""

_SPOKEN = re.compile(r"\b(?P<word>inclusion|exclusion)\s+criteri(?:a|on)\b", re.IGNORECASE)
_BOTH = re.compile(
    r"\W*(?:\w+\s+){0,3}?(?:inclusion|exclusion)\s*(?:criteria\s*)?(?:/|and|&|or|,)\s*"
    r"(?:inclusion|exclusion)(?:\s+criteria)?[\W_]*",
    re.IGNORECASE,
)
_EVERYBODY = re.compile(
    r"\b(?:all|both|every|each)\s+(?:(?:study|treatment)\s+)?(?:cohort|part|phase|arm|group|patient"
    r"|participant|subject)s?\W*$|^\W*(?:general|common)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of kind: the cohort it names (`loose` where that may be a statement, as in
    `Exclusion Criteria - pregnancy`) and what follows on its line. It has no kind if it names
    both, and holds for `everybody` if it says that it is not of one cohort. `Patient` is `whose`
    criteria these are, which matters beside those of others."""

    kind: Kind | None
    group: str
    rest: str = ""
    loose: bool = False
    everybody: bool = False
    whose: str = ""


def heading_of(line: str) -> Heading | None:
    """A heading's kind, the cohort it names, and what follows it on its line."""
    if _BOTH.fullmatch(line):
        return Heading(None, "")
    asked = _WHO.fullmatch(line)
    if asked:
        return Heading("exclusion" if asked["not"] else "inclusion", label_of(line))
    match = _HEADING.match(line)
    if match is None or (found := _plain_heading(line, match)) is None:
        return spoken_heading(line)
    return found


def spoken_heading(line: str) -> Heading | None:
    """A heading that is a sentence: `The exclusion criteria are as follows:`."""
    label = label_of(line)
    kinds = {match["word"].lower() for match in _SPOKEN.finditer(label)}
    if not line.rstrip("*_ ").endswith((":", "：")) or len(label) > 120 or len(kinds) != 1:
        return None
    if re.search(r"\b(?:not|no|fail\w*|unless|except\w*)\b", label, re.IGNORECASE):
        return None
    return Heading("exclusion" if kinds == {"exclusion"} else "inclusion", label)


def _plain_heading(line: str, match: re.Match[str]) -> Heading | None:
    before, after = one_line(match["before"]).lower(), match["after"]
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
            return Heading(_kind(word, before), cohort_of(match["before"], after), rest)
    # "Exclusion of pregnancy ..." is a statement; a heading has a colon, or stands alone.
    if not match["colon"] and (rest or (not named and len(line.split()) > 3)):
        return None
    if not named and not match["colon"] and before:
        return None
    spoken_of = re.search(r"\b(meet|meets|met|all|any|no|not|per|the|of|following)\b", before)
    if spoken_of and (rest or not match["colon"] or spoken_of[1] in ("no", "not")):
        return None  # as in "Participants who meet the exclusion criteria of ..."
    group = cohort_of(match["before"], after, match["word"])
    everybody = _EVERYBODY.search(line[: match.start("rest")]) is not None
    whose = None if group else re.search(r"(?i)\b(?:patient|subject|participant)s?\b", line)
    return Heading(
        _kind(word, before),
        group,
        rest,
        loose and bool(group),
        everybody,
        whose[0] if whose else "",
    )


def _kind(word: str, before: str) -> Kind:
    if word.startswith(("excl", "inelig", "non")) or re.search(r"\bnon?-?\s*$", before):
        return "exclusion"
    return "inclusion"


_PLAIN = re.compile(
    r"(?:(?:key|main|major|general|core|patient|subject|participant|study|trial|and|&"
    r"|criteria|for|reason|of)s?\s*)*",
    re.IGNORECASE,
)
"""Words before the kind that say nothing of a cohort."""


def cohort_of(before: str, after: str, word: str = "") -> str:
    """What a heading says beside its kind."""
    said = re.sub(r"(?i)criteri(?:a|on|ums?)|[()\[\]*_]", " ", after)
    said = re.sub(r"(?i)^\s*(?:for|of|in|-|–|—)\s+|^\s*[-–—]\s*", "", said.strip())
    before = one_line(before)
    negated = re.fullmatch(r"(?i)(.*?)\s*\b(?:non?-?)", before)
    if before and not _PLAIN.fullmatch(negated[1] if negated else before):
        if said and re.fullmatch(r"(?i)additional|further|specific|other|extra", before):
            said = f"{said} ({before})"
        else:
            # `Critères de non inclusion` says nothing without its last word.
            said = f"{before} {word if negated else ''} {said}"
    return one_line(said)


def label_of(text: str) -> str:
    """A line that names what is below it, without the marks of a heading and the colon."""
    return one_line(text.strip().strip("*_# ")).rstrip(":： ").rstrip("*_ ")


def one_line(text: str) -> str:
    """A text with each run of spaces and line ends as one space."""
    return " ".join(text.split())
