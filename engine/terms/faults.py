"""Faults: problems in input files, held as values so that one run shows all of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from engine.terms import Span

MOST = 100
"""Faults of one file that are shown; of the rest, how many there are."""

_MORE = "more-faults"
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_SPACES = "\t\n\r\u0085\u2028\u2029"


def clean(text: str) -> str:
    """Text that cannot command a terminal, break a line or reorder what stands beside it.

    Line breaks and tabs become spaces; other control characters, bidirectional overrides and
    lone surrogates become visible (`\\x1b`, `\\u202e`).
    """
    if text.isprintable() and text.isascii():
        return text
    return _UNSAFE.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    char = match.group()
    if char in _SPACES:
        return " "
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem found in an input file: where, which check, what, and how to mend it.

    `message` is lower case, has no full stop and quotes the user's text in backticks;
    `line` is the source line the place points into ("" where there is none), cut to what
    fits a terminal, and `caret` the column in it, from 1. `count`: it stands for so many.
    """

    span: Span
    code: str
    message: str
    hint: str = ""
    line: str = ""
    caret: int = 0
    count: int = 1

    def text(self) -> str:
        """The fault as people read it: place, what, source line with caret, hint."""
        where = f"{clean(self.span.path)}:{self.span.line}:{self.span.column}"
        parts = [filled(f"{where}: {self.code}: {clean(self.message)}", "    ")]
        if self.line.strip():
            pointed = (self.line, self.line[: self.caret - 1])
            line, before = ("\t".join(map(clean, one.split("\t"))) for one in pointed)
            parts += [f"  | {line}", "  | " + " " * len(before) + "^"]
        if self.hint:
            parts.append(filled(f"  hint: {clean(self.hint)}", "        "))
        return "\n".join(parts)


def filled(text: str, indent: str = "    ") -> str:
    """A text wrapped at 80 columns. A path stays in one piece, to be copied; another word that
    is longer than a line does not."""
    room = 80 - len(indent)

    def pieces(match: re.Match[str]) -> str:
        word = match[0]
        if "/" in word:
            return word
        return " ".join(word[at : at + room] for at in range(0, len(word), room))

    return textwrap.fill(
        re.sub(rf"\S{{{room + 1},}}", pieces, text),
        80,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


class InputRejected(Exception):
    """A pack or a subject that nothing may be decided on; `faults` holds every fault.

    `subject` is the study id, where the file got far enough to state one.
    """

    def __init__(self, faults: Iterable[Fault], subject: str | None = None) -> None:
        self.faults = tuple(first_faults(set(faults)))
        self.subject = subject
        super().__init__(f"{len(self.faults)} fault(s)")


class EngineFault(Exception):
    """The software is in doubt about itself: there is no verdict. `where` names the place."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(where)


def _order(fault: Fault) -> tuple[str, int, int, str, str]:
    return (fault.span.path, fault.span.line, fault.span.column, fault.code, fault.message)


def first_faults(faults: Iterable[Fault], unmade: int = 0) -> list[Fault]:
    """The first faults of each file, in order, and of the rest how many there are.

    `unmade`: so many more were found in the file of the last one, and not kept.
    """
    files: dict[str, list[Fault]] = {}
    for fault in sorted(faults, key=_order):
        files.setdefault(fault.span.path, []).append(fault)
    found: list[Fault] = []
    for number, several in enumerate(files.values(), start=1):
        more = max(0, len(several) - MOST) + (unmade if number == len(files) else 0)
        if more and not any(fault.code == _MORE for fault in several):
            at = several[: MOST + 1][-1].span
            what = f"and {more:,} more fault{'' if more == 1 else 's'} in this file"
            several = [*several[:MOST], Fault(at, _MORE, what, "mend these first", count=more)]
        found += several
    return found


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that offers the known words nearest to `word`, or lists a few of them."""
    options = sorted(known)
    near = get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    if not options:
        return ""
    shown = ", ".join(f"`{option}`" for option in options[:12])
    return f"known: {shown}" + (", ..." if len(options) > 12 else "")
