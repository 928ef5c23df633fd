"""What may import what, what stays light, and what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("engine", "reports", "app")

# Heavy or out of place in the core: templates, terminals, pages, documents, storage, network.
NOT_IN_THE_ENGINE = frozenset(
    "aiohttp bottle click django fastapi flask http httpx jinja2 pydantic requests rich socket"
    " sqlalchemy sqlite3 starlette typer typst urllib uvicorn webbrowser".split()
)
HEAVY = frozenset(
    "asyncio duckdb durable durable_rules_engine fastapi http.server jinja2 lark pandas pint"
    " polars pydantic rich sqlite3 starlette typer typst ucumvert xml yaml".split()
)
CLOCK = re.compile(r"\b(date|datetime|time)\.(today|now|utcnow|localtime|gmtime|time)$")


def modules(*packages: str) -> dict[str, ast.Module]:
    """The parsed modules of some packages, by dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text("utf-8")
        )
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imports(tree: ast.Module) -> set[str]:
    """The top-level names a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what imports what"
            names.add(str(node.module).partition(".")[0])
    return names


def clock_reads(tree: ast.Module) -> list[str]:
    """Where a module could learn what time it is."""
    reads = ["import time"] if "time" in imports(tree) else []
    return reads + [
        f".{node.attr} on line {node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and CLOCK.search(ast.unparse(node))
    ]


@pytest.mark.parametrize(
    ("package", "above"), [("engine", {"reports", "app"}), ("reports", {"app"})]
)
def test_imports_go_one_way(package: str, above: set[str]) -> None:
    found = {name: imports(tree) & (above | {"tests"}) for name, tree in modules(package).items()}
    assert found
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_only_session_imports_durable_rules() -> None:
    durable = {"durable", "durable_rules", "durable_rules_engine"}
    importers = [name for name, tree in modules(*PACKAGES).items() if imports(tree) & durable]
    assert importers == ["engine.fire.session"], (
        "durable_rules has sharp edges: keep them in one file"
    )


def test_the_engine_imports_nothing_that_prints_stores_or_serves() -> None:
    found = {name: imports(tree) & NOT_IN_THE_ENGINE for name, tree in modules("engine").items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_engine_does_not_print() -> None:
    assert [
        (name, node.lineno)
        for name, tree in modules("engine").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ] == []


def prints(tree: ast.Module) -> list[int]:
    """The lines on which a module prints to the terminal, or writes to its streams."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "print"
             and all(one.arg != "file" for one in node.keywords))
            or re.fullmatch(r"sys\.std(out|err)(\.buffer)?\.write", ast.unparse(node.func))
        )
    ]  # fmt: skip


def test_one_module_prints_and_it_escapes() -> None:
    found = {name: prints(tree) for name, tree in modules(*PACKAGES).items()}
    assert [name for name, lines in found.items() if lines] == ["app.run.printing"]


def test_neither_engine_nor_reports_read_the_clock() -> None:
    found = {name: clock_reads(tree) for name, tree in modules("engine", "reports").items()}
    assert {name: reads for name, reads in found.items() if reads} == {}


@pytest.mark.parametrize(
    "source",
    [
        "date.today()",
        "f = datetime.datetime.now",
        "import time",
        "def f():\n    from time import monotonic",
    ],
)
def test_a_clock_read_is_noticed(source: str) -> None:
    assert len(clock_reads(ast.parse(source))) == 1


@pytest.mark.parametrize(
    "statement", ["import engine", "import app.cli.main; app.cli.main.main(['--help'])"]
)
def test_start_up_loads_nothing_heavy(statement: str) -> None:
    """Each of these modules costs 20 ms or more, and is needed only where it is used."""
    program = (
        "import sys\n"
        "try:\n"
        f"    {statement}\n"
        "except SystemExit as stopped:\n"
        "    assert not stopped.code\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    assert "engine" in loaded or "app.cli.main" in loaded
    assert loaded & HEAVY == set()


def own_files() -> Iterator[Path]:
    """Every file of the project: those at the root, and those in its folders."""
    yield from (path for path in ROOT.iterdir() if path.is_file())
    for folder in (*PACKAGES, "rules", "fixtures", "tests", "docs", "benchmarks", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


# Spelt in pieces, so that this file does not name what it forbids.
MACHINE = re.compile(r"(?<![\w.~-])/(?:" + "|".join(("work", "root", "home", "Users")) + r")/\w")
REGISTRY = re.compile(r"\b(?:" + "|".join(("pypi", "pythonhosted", "npmjs")) + r")\.(?:org|com)\b")


def test_no_file_names_a_machine_or_a_registry() -> None:
    named = {}
    for path in own_files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for pattern in (MACHINE, REGISTRY):
            if found := pattern.search(text):
                named[str(path.relative_to(ROOT))] = found[0]
    assert named == {}


def test_such_names_are_noticed() -> None:
    assert MACHINE.search('"' + "/".join(("", "home", "me", "x")) + '"')
    assert REGISTRY.search("https://" + ".".join(("files", "pythonhosted", "org")))


def test_everything_has_a_home() -> None:
    """A function belongs with the type it serves; a class that manages is a function."""
    vague = re.compile(r"^(utils?|helpers?|common|misc|managers?)$")
    assert [
        str(path.relative_to(ROOT))
        for path in own_files()
        if any(vague.match(part) for part in path.relative_to(ROOT).with_suffix("").parts)
    ] == []
    assert [
        f"{name}.{node.name}"
        for name, tree in modules(*PACKAGES).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        if re.search(r"Manager|Helper|Utils?|Processor|Service", node.name)
    ] == []
