"""What every page shares: templates, wrapped text, escaped signs, fonts, the typesetter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from reports import wording

if TYPE_CHECKING:
    from jinja2 import Environment


import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment
    from typst import Compiler


HERE = Path(__file__).parent
WIDTH = 80
"""Columns of a text report."""


def set_pdf(source: str) -> bytes:
    """Typst source as a PDF: the same source gives the same bytes."""
    from typst import TypstError

    with _TYPESETTING:
        try:
            pdf = _compiler().compile(
                source.encode(), format="pdf", timestamp=0, pdf_standards="ua-1"
            )
        except TypstError:
            # A cluster of signs that no one font can draw breaks the accessibility standard,
            # not the page.
            pdf = _compiler().compile(source.encode(), format="pdf", timestamp=0)
    if not isinstance(pdf, bytes):
        raise TypeError("typst gave no single document")
    return pdf


_TYPESETTING = Lock()  # one compiler, which keeps its fonts loaded, serves every thread


@cache
def _compiler() -> Compiler:
    import typst

    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(HERE / "fonts")]
    )
    # The root is where a source may read files; ours reads none.
    return typst.Compiler(font_paths=fonts, ignore_system_fonts=True, root=str(HERE / "templates"))


@cache
def environment(html: bool) -> Environment:
    """The templates, with what they may call; loaded on first use."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(HERE / "templates", encoding="utf-8"),
        undefined=StrictUndefined,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[..., str]] = {
        "wrap": wrap,
        "md": markdown_text,
        "typ": typst_string,
        "typs": typst_strings,
        "typ_raw": typst_raw,
        "css": css_string,
        "columns": text_table,
        "svg": typst_svg,
    }
    made.filters.update(filters)
    made.globals.update(
        heading=wording.HEADING,
        lead=wording.LEAD,
        empty=wording.NONE,
        no_day=wording.NO_DAY,
    )
    return made


def columns(text: str) -> int:
    """How many terminal columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def wrap(text: str, indent: str = "", first: str | None = None, width: int = WIDTH) -> str:
    """`text` in lines of at most `width` columns; a longer word gets a line of its own.

    Lines start with `indent`, the first with `first` if given.
    """
    start = indent if first is None else first
    lines: list[str] = []
    line, used = start, columns(start)
    empty = True
    for word in text.split():
        wide = columns(word)
        if not empty and used + 1 + wide > width:
            lines.append(line)
            line, used, empty = indent, columns(indent), True
        line += word if empty else f" {word}"
        used += wide if empty else wide + 1
        empty = False
    return "\n".join([*lines, line.rstrip()])


_MARKDOWN = re.compile(r"([\\`*_\[\]<>&|~$@#!])")
_MARKDOWN_START = re.compile(r"^(\s*)([-+=:]|\d+(?=[.)]))")
_MARKDOWN_LINK = re.compile(r"(?i)(://|\bwww\.)")


def markdown_text(text: str) -> str:
    """`text` as Markdown that shows as it stands: no markup, HTML, link, list or heading."""
    text = _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
    text = _MARKDOWN_LINK.sub(lambda found: found[0].replace("/", "\\/").replace(".", "\\."), text)
    start = _MARKDOWN_START.match(text)
    if start is None:
        return text
    if start[2].isdigit():  # `1.` would begin a list: the sign after the number is escaped
        return f"{start[2]}\\{text[start.end() :]}"
    return f"\\{text}"


def typst_string(text: str) -> str:
    """`text` as a Typst string literal, which Typst shows and never reads as markup.

    A sign that no shipped font can draw is shown by its number, `[U+4E2D]`. Text that runs
    from right to left is isolated, so that it cannot reorder what stands beside it.
    """
    if not text.isascii():
        drawable = _drawable()
        text = "".join(char if ord(char) in drawable else f"[U+{ord(char):04X}]" for char in text)
        if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
            text = f"\u2068{text}\u2069"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_UNSAFE_LITERAL.sub(_typst_escape, escaped)}"'


def typst_raw(text: str) -> str:
    """`text` of our own making, such as a figure, as a Typst string literal, sign for sign."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_UNSAFE_LITERAL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _typst_escape(match: re.Match[str]) -> str:
    return f"\\u{{{ord(match.group()):x}}}"


def typst_strings(texts: Iterable[str]) -> str:
    """A Typst array of string literals."""
    return "(" + "".join(f"{typst_string(text)}, " for text in texts) + ")"


def css_string(text: str) -> str:
    """`text` as a CSS string: every sign by its number, so nothing in it can end the string."""
    return '"' + "".join(f"\\{ord(char):06x}" for char in text) + '"'


@cache
def _drawable() -> frozenset[int]:
    """The characters that a shipped font can draw, from the fonts' own character maps."""
    return frozenset(
        code for font in sorted((HERE / "fonts").glob("*.ttf")) for code in _characters(font)
    )


def _characters(font: Path) -> Iterator[int]:
    """The characters in a TrueType font's map.

    Source: OpenType specification, `cmap` table, subtable formats 4 and 12.
    """
    data = font.read_bytes()

    def number(at: int, size: int = 2) -> int:
        return int.from_bytes(data[at : at + size], "big")

    tables = {data[at : at + 4]: number(at + 8, 4) for at in range(12, 12 + 16 * number(4), 16)}
    cmap = tables[b"cmap"]
    for record in range(cmap + 4, cmap + 4 + 8 * number(cmap + 2), 8):
        table = cmap + number(record + 4, 4)
        if number(table) == 12:
            for group in range(table + 16, table + 16 + 12 * number(table + 12, 4), 12):
                yield from range(number(group, 4), number(group + 4, 4) + 1)
        elif number(table) == 4:
            segments = number(table + 6)  # twice the number of segments
            for end in range(table + 14, table + 14 + segments, 2):
                # a last segment of U+FFFF alone closes the table and maps nothing
                yield from (
                    code
                    for code in range(number(end + segments + 2), number(end) + 1)
                    if code != 0xFFFF
                )


@dataclass(frozen=True, slots=True)
class Table:
    """A table in words; the first column names its row."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def typst_svg(text: str) -> str:
    """A figure as a Typst string literal: no sign is taken out, none is isolated."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def text_table(table: Table, indent: str = "  ", width: int = 80) -> str:
    """A table in plain text; a row that is too wide becomes a line a cell."""
    rows = [table.titles, *table.rows]
    sizes = [max(len(row[at]) for row in rows) for at in range(len(table.titles))]
    if len(indent) + sum(sizes) + 2 * (len(sizes) - 1) <= width:
        lines = [
            indent + "  ".join(c.ljust(s) for c, s in zip(row, sizes, strict=True)) for row in rows
        ]
        lines.insert(1, indent + "  ".join("-" * size for size in sizes))
        return "\n".join(line.rstrip() for line in lines)
    lines = []
    for row in table.rows:
        lines.append(wrap(row[0], indent))
        for title, cell in zip(table.titles[1:], row[1:], strict=True):
            lines.append(wrap(cell, indent + " " * 6, f"{indent}    {title}: "))
    return "\n".join(lines)
