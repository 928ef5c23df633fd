"""The table of many decisions, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.record.shape import (
    Record,
    Rejection,
)
from engine.terms.faults import clean
from reports import wording

if TYPE_CHECKING:
    pass
from reports.formats import WIDTH, columns, wrap


def summary_table(records: Sequence[Record], width: int = WIDTH) -> str:
    """A table for the terminal: one subject a row, then how many there are of each outcome.

    Rejected subjects show their first fault, subjects without a verdict (an engine fault)
    the place where the software was in doubt.
    """
    rows = [_summary_row(record) for record in records]
    titles = ("Subject", "Verdict", "Because of", "Look again")
    subject, verdict, again = (max(columns(row[at]) for row in (titles, *rows)) for at in (0, 1, 3))
    subject = min(subject, max(width // 4, columns(titles[0])))
    because = max(width - subject - verdict - again - 6, 10)
    sizes = (subject, verdict, because, again)
    lines = [*_table_row(titles, sizes), "  ".join("-" * size for size in sizes)]
    for row in rows:
        lines += _table_row(row, sizes)
    counts = {
        outcome: sum(row[1] == outcome for row in rows)
        for outcome in (*wording.VERDICT.values(), wording.REJECTED, wording.NO_VERDICT)
    }
    total = f"{len(rows)} subject" + ("" if len(rows) == 1 else "s")
    parts = [f"{count} {outcome.lower()}" for outcome, count in counts.items() if count]
    tally = ": ".join([total, ", ".join(parts)] if parts else [total])
    return "\n".join([*lines, "", wrap(tally, width=width), ""])


def _summary_row(record: Record) -> tuple[str, str, str, str]:
    subject = clean(record["subject"] or wording.NO_SUBJECT)
    if record["schema"] == "eligo.decision/2":
        again = record["look_again"]
        return (
            subject,
            wording.VERDICT[record["verdict"]],
            ", ".join(clean(name) for name in record["determined_by"]) or "-",
            wording.day_words(again["on"]) if again else "-",
        )
    if record["schema"] == "eligo.rejection/1":
        return subject, wording.REJECTED, clean(first_fault(record)), "-"
    return subject, wording.NO_VERDICT, clean(f"software fault: {record['where']}"), "-"


def first_fault(record: Rejection) -> str:
    """The first fault of a rejected file, and how many more there are."""
    faults = record["faults"]
    if not faults:
        return "no fault stated"
    first = faults[0]
    why = f"{first['file']}:{first['line']}:{first['column']}: {first['message']}"
    return why + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _table_row(cells: tuple[str, ...], sizes: tuple[int, ...]) -> list[str]:
    """One row as lines: each cell wrapped in its column, longer words cut into pieces."""
    stacks = [
        wrap(_cut(cell, size), width=size).split("\n")
        for cell, size in zip(cells, sizes, strict=True)
    ]
    lines = []
    for at in range(max(len(stack) for stack in stacks)):
        shown = [stack[at] if at < len(stack) else "" for stack in stacks]
        padded = (
            text + " " * (size - columns(text)) for text, size in zip(shown, sizes, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return lines


def _cut(text: str, size: int) -> str:
    """`text` with a space inside every word that is wider than `size` columns."""
    if columns(text) <= size:
        return text
    words = []
    for word in text.split():
        piece = ""
        for char in word:
            if columns(piece + char) > size:
                words.append(piece)
                piece = ""
            piece += char
        words.append(piece)
    return " ".join(words)
