"""The rooms of the code: what imports what, how long everything is, and the two printed.

`python -m tests.rooms` prints each room with its modules, its lines of code and the rooms that it
imports. `--table` writes the table of modules in docs/ARCHITECTURE.md anew.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "reports", "app")
ROOMS = (
    "engine.terms",
    "engine.record",
    "engine.reference",
    "engine.select",
    "engine.read",
    "engine.compile",
    "engine.fire",
    "engine.explain",
    "engine.decide",
    "engine.regions",
    "engine.outcomes",
    "engine.workbench",
    "engine.plan",
    "engine.drafting",
    "engine.log",
    "engine.exchange",
    "reports",
    "app.store",
    "app.run",
    "app.exchange",
    "app.cli",
)
"""A room may import those above it."""
SIDE_ROOMS = frozenset(
    f"engine.{name}" for name in "outcomes workbench plan drafting log exchange".split()
)
"""They stand on the decision and not on each other."""
SIDE_DOORS = {("engine.workbench", "engine.outcomes")}
"""Findings and amendments are about outcome rules, too."""

Graph = Mapping[str, frozenset[str]]


@cache
def modules() -> Mapping[str, ast.Module]:
    """The parsed modules, by dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text("utf-8")
        )
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def file_of(module: str) -> Path:
    """Where a module stands."""
    path = ROOT / Path(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def room_of(module: str) -> str:
    """The room a module stands in; "" for the packages themselves."""
    return next((room for room in ROOMS if f"{module}.".startswith(f"{room}.")), "")


@cache
def graph() -> Graph:
    """Which own modules each module imports, at its top, in a function or for its types."""
    known = modules()
    found: dict[str, frozenset[str]] = {}
    for name, tree in known.items():
        imported: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                imported |= whole & known.keys()
                if whole - known.keys():
                    imported.add(str(node.module))
        found[name] = frozenset(imported & known.keys() - {name})
    return found


def circles(of: Graph) -> list[tuple[str, ...]]:
    """The modules that import each other, directly or through others."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            fresh = of.get(todo.pop(), frozenset()) - seen
            seen |= fresh
            todo += fresh
        return seen

    all_reached = {name: reached(name) for name in of}
    return sorted(
        {
            tuple(sorted(one for one in found if name in all_reached[one]))
            for name, found in all_reached.items()
            if name in found
        }
    )


def backward(of: Graph) -> list[str]:
    """The imports of a room that stands further down, or of a side room beside."""
    found = []
    for name, imported in of.items():
        for other in imported:
            here, there = room_of(name), room_of(other)
            if not here or not there or here == there:
                continue
            beside = {here, there} <= SIDE_ROOMS and (here, there) not in SIDE_DOORS
            if beside or ROOMS.index(there) > ROOMS.index(here):
                found.append(f"{name} imports {other}")
    return sorted(found)


def private(trees: Mapping[str, ast.Module]) -> list[str]:
    """Where a module takes a private name of another."""
    found = []
    for name, tree in trees.items():
        aliases = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
                whole = {a.asname or a.name for a in node.names
                         if f"{node.module}.{a.name}" in modules()}  # fmt: skip
                aliases |= whole
                found += [f"{name}: {a.name}" for a in node.names if re.match(r"_[A-Za-z]", a.name)]
        found += [
            f"{name}: {node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in aliases
            and re.match(r"_[A-Za-z]", node.attr)
        ]
    return found


def code_lines(source: str) -> int:
    """The lines that hold code: none blank, no comment, no docstring."""
    lines: set[int] = set()
    aside = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
             tokenize.ENDMARKER)  # fmt: skip
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in aside:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def lengths() -> dict[str, int]:
    """The lines of every module, blank ones included."""
    return {name: file_of(name).read_text("utf-8").count("\n") for name in modules()}


def first_line(module: str) -> str:
    """What a module says that it is."""
    return (ast.get_docstring(modules()[module]) or "").split("\n\n")[0].replace("\n", " ")


def table() -> str:
    """The modules by room, with what each says of itself, as docs/ARCHITECTURE.md prints them."""
    lines = ["| module | what it holds |", "|---|---|"]
    for room in ROOMS:
        inside = [name for name in modules() if room_of(name) == room]
        for name in sorted(inside, key=lambda one: (one != room, one)):
            path = file_of(name).relative_to(ROOT).as_posix()
            if path.endswith("__init__.py"):
                path = f"**{path.removesuffix('__init__.py')}**"
                lines.append(f"| {path} | {first_line(name)} |")
            else:
                lines.append(f"| `{path}` | {first_line(name)} |")
    return "\n".join(lines) + "\n"


TABLE = re.compile(r"\| module \| what it holds \|\n(\|.*\n)+")


def printed(of: Graph) -> Iterable[str]:
    """Each room in a few lines: its size, and the rooms that it imports."""
    whole = 0
    for room in ROOMS:
        inside = [name for name in of if room_of(name) == room]
        code = sum(code_lines(file_of(name).read_text("utf-8")) for name in inside)
        whole += code
        used = {room_of(other) for name in inside for other in of[name]} - {room, ""}
        yield f"{room:18} {len(inside):3} modules {code:6,} lines of code"
        yield f"{'':18} imports {', '.join(sorted(used, key=ROOMS.index)) or 'nothing of ours'}"
    yield f"{whole:,} lines of code; circles: {len(circles(of))}; backward: {len(backward(of))}"


def main() -> None:
    if "--table" in sys.argv:
        page = ROOT / "docs" / "ARCHITECTURE.md"
        text = page.read_text("utf-8")
        page.write_text(TABLE.sub(lambda _: table(), text), "utf-8")
    print(*printed(graph()), sep="\n")


if __name__ == "__main__":
    main()
