"""The one place that prints: nothing of an input commands a terminal or reorders a line."""

from __future__ import annotations

import re
import sys


def say(text: str) -> None:
    """A remark for the person, on standard error."""
    print(shown(text), file=sys.stderr)


def tell(text: str, indent: str = "    ") -> None:
    """A line of a result on standard output, wrapped at 80 columns."""
    from engine.terms.faults import filled

    print(filled(shown(text), indent))


def put(text: str, end: str = "\n") -> None:
    """Lines of a result on standard output, as they are."""
    print(shown(text), end=end, flush=True)


def hand_out(content: bytes | str) -> None:
    """A file on standard output, every byte of it; a terminal shows it as it can bear it."""
    text = content if isinstance(content, str) else content.decode()
    sys.stdout.write(shown(text) if sys.stdout.isatty() else text)


def shown(text: str) -> str:
    """Text of several lines that cannot command a terminal or reorder what stands beside it.

    Marks of direction are made visible too: a note in a report may need them, an id does not.
    """
    if all(line.isascii() and line.isprintable() for line in text.split("\n")):
        return text
    # The vocabulary takes longer to load than all that `--help` needs.
    from engine.terms.faults import clean

    lines = (_MARKS.sub(lambda mark: f"\\u{ord(mark[0]):04x}", clean(x)) for x in text.split("\n"))
    return "\n".join(lines)


_MARKS = re.compile("[\u061c\u200e\u200f]")
