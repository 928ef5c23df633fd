"""A statement while it is drafted: its lines, its place under headings, what is doubtful of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from engine.drafting.headings import Heading
from engine.drafting.lines import UNFINISHED, Line
from engine.terms import Kind

SENTENCE = re.compile(
    r"\b(?:must|should|shall|met|meets?|criteri\w+|following|any|all|both|every|each)\b",
    re.IGNORECASE,
)
ASIDE = re.compile(
    r"(?:(?:study|patient|subject|participant|treatment)s?\s+)?(?:"
    r"(?:withdrawal|discontinuation|removal|termination|stopping|drop-?\s?out|exit|re-?screening)"
    r"(?:\s+(?:criteri(?:a|on)|rules?|from\s+(?:the\s+)?(?:study|treatment|trial)))+"
    r"|criteri(?:a|on)\s+for\s+(?:the\s+)?(?:\w+\s+)?(?:withdrawal|discontinu\w+|removal|removing"
    r"|terminat\w+|stopping|re-?screening)\b.{0,60}"
    r"|(?P<prose>definitions?(?:\s+of\s+.{1,60})?|abbreviations?|notes?|remarks?|footnotes?"
    r"|glossary|references?))",
    re.IGNORECASE,
)
"""Headings of sections that hold no criteria of eligibility."""

REMARK = re.compile(
    r"\W*(?:please\s+)?(?:notes?|n\.?b\.?|remarks?|definitions?|abbreviations?)\s*[:：]",
    re.IGNORECASE,
)
SPEAKING_HEADING = re.compile(r"(?i)\b(?:crit|kriter)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of the record in its own words; `group` is the cohort or heading under
    which it stands, `own` the number that the protocol gives it."""

    kind: Kind
    text: str
    group: str = ""
    own: str = ""


@dataclass(slots=True)
class Draft:
    """A statement while its lines are gathered. `levels` are the places and marks of the lists
    in which its last line stands, itself first; `aside` is the heading for which it is no
    criterion."""

    kind: Kind
    group: tuple[str, ...]
    lines: list[str]
    marked: bool
    levels: list[tuple[int, str]] = field(default_factory=lambda: [(0, "")])
    own: str = ""
    aside: str = ""
    joined: bool = False
    parts: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def asks(self) -> bool:
        """Whether a list below it goes on with it: it, or its last line, says so."""
        return asks(self.lines[0]) or asks(self.lines[-1])

    def add_item(self, line: Line) -> None:
        """A part, at its level. The number of a part stays: other parts refer to it."""
        key, levels = key_of(line), self.levels
        if line.value:
            self.parts[line.style] = line.value
        while len(levels) > 1 and line.indent < levels[-1][0] - 1:
            levels.pop()
        if len(levels) == 1 or line.indent > levels[-1][0] + 1:
            levels.append((line.indent, key))
        else:
            same = [
                number
                for number, (indent, one) in enumerate(levels)
                if number and one == key and abs(indent - line.indent) <= 1
            ]
            if same:
                del levels[same[-1] + 1 :]
            else:
                levels.append((line.indent, key))  # another mark is another level
        self.lines.append("  " * (len(levels) - 2) + f"{line.mark} {line.text}")

    def add_words(self, line: Line) -> None:
        """Words of their own line: they belong to the part under which they stand."""
        while len(self.levels) > 1 and line.indent <= self.levels[-1][0]:
            self.levels.pop()
        self.lines.append("  " * (len(self.levels) - 1) + line.whole)


def key_of(line: Line) -> str:
    """The kind of an item's mark; dashes are of one kind, and so are dots."""
    if line.value:
        return f"{line.style}/{len(line.value)}"
    for kind in ("-\u2010\u2011–—−⁃", "•·∙●⦁・\uf0b7"):
        if line.style in kind:
            return kind[0]
    return line.style


def asks(words: str) -> bool:
    return words.endswith((":", "：")) or UNFINISHED.search(words) is not None


@dataclass(slots=True)
class Place:
    """Where in the text the reading stands: under which headings, in which list."""

    kind: Kind | None = None
    over: Kind | None = None
    aside: str = ""
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
    tops: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def here(self) -> Kind:
        return self.over or self.kind or "inclusion"

    @property
    def group(self) -> tuple[str, ...]:
        heading = self.heading
        cohort = "" if heading is not None and heading.everybody else self.cohort
        parts = (cohort, heading.group if heading else "", self.section, self.inner)
        return tuple(part for part in parts if part)

    def leave(self, heading: Heading | None) -> None:
        """Under a new heading of kind or cohort nothing of the one before holds."""
        self.heading, self.over = heading, None
        self.section = self.inner = self.aside = ""
        self.new_list()

    def new_list(self) -> None:
        self.base, self.style, self.last, self.run = None, "", (), ""
        self.parent, self.fresh, self.numbers, self.tops = False, True, set(), {}


@dataclass(slots=True)
class Doubts:
    """What the author must be told of, by label or words."""

    turned: list[str] = field(default_factory=list)
    doubted: dict[str, str] = field(default_factory=dict)
    joined: list[str] = field(default_factory=list)
    between: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
