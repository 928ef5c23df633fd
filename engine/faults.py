"""Faults: problems in input files, held as values so that one run shows all of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from engine.model import Span


@dataclass(frozen=True, slots=True)
class Fault:
    """One problem found in an input file: where, which check, what, and how to mend it.

    `message` is lower case, has no full stop and quotes the user's text in backticks;
    `line` is the source line the place points into ("" where there is none), cut to what
    fits a terminal, and `caret` the column in it, from 1.
    """

    span: Span
    code: str
    message: str
    hint: str = ""
    line: str = ""
    caret: int = 0

    def text(self) -> str:
        """The fault as people read it: place, what, source line with caret, hint."""
        where = f"{self.span.path}:{self.span.line}:{self.span.column}"
        parts = [filled(f"{where}: {self.code}: {self.message}", "    ")]
        if self.line.strip():
            parts += [f"  | {self.line}", "  | " + " " * (self.caret - 1) + "^"]
        if self.hint:
            parts.append(filled(f"  hint: {self.hint}", "        "))
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
        self.faults = tuple(sorted(set(faults), key=_order))
        self.subject = subject
        super().__init__(f"{len(self.faults)} fault(s)")


class EngineFault(Exception):
    """The software is in doubt about itself: there is no verdict. `where` names the place."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(where)


def _order(fault: Fault) -> tuple[str, int, int, str, str]:
    return (fault.span.path, fault.span.line, fault.span.column, fault.code, fault.message)


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
