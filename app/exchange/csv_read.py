"""Read a table of text, row by row: what ends a row, what a heading is, what is a fault.

CR, LF and CRLF end a row, and nothing else does. A row has as many cells as the heading, and
the last one ends in a row end: a table that was cut is noticed, unless it was cut at a row's end.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePath
from typing import BinaryIO

from app.run.inputs import unreadable
from engine.read.source import EXCERPT, MAX_BYTES, shorten
from engine.terms import Span
from engine.terms.faults import Fault, InputRejected, did_you_mean

MAX_TABLE = 64 * MAX_BYTES
MAX_LINE = 1024 * 1024
DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|"}
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_NOT_OF_TABLES = frozenset("undefined punycode idna unicode_escape raw_unicode_escape".split())
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written, as far as the person says."""

    delimiter: str = ""
    encoding: str = "utf-8"
    decimal: str = "point"


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by column number (from 0), and the line it begins on."""

    line: int
    cells: tuple[str, ...]

    def cell(self, column: int) -> str:
        """A cell; "" where the row is too short for it."""
        return self.cells[column] if column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table's heading, what faults need to name a cell, and its rows, which come once.

    `lines` are kept so that the file is not closed before they are.
    """

    name: str
    heading: Row
    delimiter: str
    decimal: str
    rows: Iterator[Row]
    lines: _Lines

    def fault(self, row: Row, column: int, code: str, message: str, hint: str = "") -> Fault:
        """A fault in a cell; the message names the column by its heading."""
        heading = self.heading.cell(column) or f"column {column + 1}"
        excerpt = " ".join(self.delimiter.join(row.cells).split("\n"))
        excerpt = excerpt if len(excerpt) <= EXCERPT else excerpt[: EXCERPT - 3] + "..."
        where = f"`{shorten(heading)}`: {message}"
        return Fault(Span(self.name, row.line, column + 1), code, where, hint, excerpt, 1)

    def place(self, row: Row) -> str:
        """A row, as an account names it: no path of the machine."""
        return f"{PurePath(self.name).name} line {row.line}"

    def misfit(self, row: Row) -> Fault | None:
        """The fault of a row that has not the cells that the heading names."""
        have, want = len(row.cells), len(self.heading.cells)
        if have == want:
            nameless = (c for c, cell in enumerate(row.cells) if cell and not self.heading.cells[c])
            for column in nameless if "" in self.heading.cells else ():
                what = "the column has no name, and a cell says something"
                return self.fault(row, column, "unknown-column", what, "name the column")
            return None
        what = f"the row has {have} cells, and the heading has {want}"
        if have > want:
            hint = "is a text with the delimiter in it not quoted?"
            return self.fault(row, want, "too-many", what, hint)
        hint = "was it cut, or is a text with a line break in it not quoted?"
        return self.fault(row, have, "too-few", what, hint)


def _reject(name: str, line: int, code: str, message: str, hint: str = "") -> InputRejected:
    return InputRejected([Fault(Span(name, line, 1), code, message, hint)])


@contextmanager
def table_in(path: Path, dialect: Dialect, first: str, most: int = MAX_TABLE) -> Iterator[Table]:
    """The table in a file, while it is open; `first` is a column that its heading must have.

    Its size is looked at before anything is read. Raises: InputRejected, also from its rows.
    """
    name = path.as_posix()
    try:
        with path.open("rb") as stream:
            state = os.fstat(stream.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise _reject(name, 1, "unreadable", "this is not a file", "save the table as one")
            if state.st_size > most:
                what = f"the file has {state.st_size} bytes; the limit is {most}"
                raise _reject(name, 1, "too-large", what)
            yield read_table(name, stream, dialect, first)
    except OSError as error:
        raise InputRejected([unreadable(path, error)]) from None


def read_table(name: str, stream: BinaryIO, dialect: Dialect, first: str) -> Table:
    """The table in a stream of bytes that can be read from its start again.

    Raises: InputRejected, also from its rows.
    """
    begins = stream.read(4)
    stream.seek(0)
    if begins.startswith(_WORKBOOK):
        hint = "save the sheet as CSV"
        raise _reject(name, 1, "encoding", "this is a workbook or an archive, not a table", hint)
    encoding = next((e for mark, e in _MARKS if begins.startswith(mark)), dialect.encoding)
    lines = _Lines(name, stream, encoding)
    blank = 0
    for head in lines:
        if head.strip():
            break
        blank += 1
    else:
        raise _reject(name, 1, "heading", "the table is empty")
    delimiter = DELIMITERS.get(dialect.delimiter) or _delimiter(head, first)
    rows = _rows(name, chain([head], lines), delimiter, blank)
    heading = next(rows)
    if first not in heading.cells:
        names = [one for one in heading.cells if one]
        hint = did_you_mean(first, names) or "the first row must name the columns"
        what = f"no column is called `{shorten(first)}`"
        raise _reject(name, heading.line, "heading", what, hint)
    table = Table(name, heading, delimiter, dialect.decimal, rows, lines)
    twice = [
        table.fault(heading, column, "duplicate-key", "stands here twice")
        for column, one in enumerate(heading.cells)
        if one and one in heading.cells[:column]
    ]
    if twice:
        raise InputRejected(twice)
    return table


class _Lines:
    """The lines of a text with their ends, each of a bearable length."""

    def __init__(self, name: str, stream: BinaryIO, encoding: str) -> None:
        self.name, self.stream, self.encoding = name, stream, encoding
        self.number, self.ended = 0, True
        try:
            if encoding.lower().replace("-", "_") in _NOT_OF_TABLES:
                raise LookupError
            self.text = io.TextIOWrapper(stream, encoding, newline="")
        except (LookupError, ValueError):
            what = f"there is no encoding `{shorten(encoding)}` for tables"
            hint = "name one like utf-8, cp1252 or latin-1"
            raise _reject(name, 1, "encoding", what, hint) from None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self.text.readline(MAX_LINE)
        except UnicodeError:
            hint = "save it as UTF-8, or name its encoding with --encoding"
            what = f"the file is not {self.encoding} text"
            raise _reject(self.name, self._undecodable(), "encoding", what, hint) from None
        if not line:
            if not self.ended:
                what = "the last row does not end in a row end, so that it may have been cut"
                hint = "save the table whole; if this is its last row, end it with a new line"
                raise _reject(self.name, self.number, "cut", what, hint)
            raise StopIteration
        self.number += 1
        self.ended = line.endswith(("\n", "\r"))
        if len(line) >= MAX_LINE:
            what = f"a line has {MAX_LINE} characters or more"
            raise _reject(self.name, self.number, "too-large", what, "is this a CSV file?")
        if bad := _FORBIDDEN.search(line):
            what = f"character U+{ord(bad.group()):04X} is not allowed in a table"
            raise _reject(self.name, self.number, "encoding", what, "is this a CSV file?")
        return line

    def _undecodable(self) -> int:
        """The line that is not text; near it, for encodings of several bytes a character."""
        self.stream.seek(0)
        for number, line in enumerate(self.stream, start=1):
            try:
                line.decode(self.encoding)
            except UnicodeError:
                return number
        return self.number + 1


def _rows(name: str, lines: Iterator[str], delimiter: str, blank: int) -> Iterator[Row]:
    """The rows that hold anything."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    start = blank + 1
    try:
        for cells in reader:
            stripped = tuple([cell.strip() for cell in cells])
            if any(stripped):
                yield Row(start, stripped)
            start = blank + reader.line_num + 1
    except csv.Error as error:
        line = blank + reader.line_num
        raise _reject(name, line, "syntax", f"not CSV: {error}", "check the quotes") from None


def _delimiter(heading: str, first: str) -> str:
    """The delimiter with which the first line names the column `first`, else the one that it
    has most often."""

    def fits(delimiter: str) -> tuple[bool, int]:
        names: Sequence[str] = next(csv.reader([heading], delimiter=delimiter), [])
        return first in [name.strip() for name in names], len(names)

    return max(DELIMITERS.values(), key=fits)
