"""The order of the rooms, what stays light and pure, and what no file may name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms import (
    PACKAGES,
    ROOT,
    TABLE,
    backward,
    circles,
    first_line,
    graph,
    lengths,
    modules,
    private,
    room_of,
    table,
)

# Out of place in the core: files, terminals, pages, storage, network, the clock.
NOT_IN_THE_ENGINE = frozenset(
    "aiohttp bottle click django fastapi flask http httpx jinja2 multiprocessing os pathlib"
    " requests rich shutil socket sqlalchemy sqlite3 starlette subprocess tempfile time tqdm typer"
    " typst urllib uvicorn webbrowser".split()
)
LOADS_A_LIBRARY = {"engine.fire.session": {"os"}, "engine.decide.decision": {"pathlib"}}
"""durable_rules is loaded with a flag of `os`; a defect's place is the stem of its path."""
OPENS = frozenset("open read_text read_bytes write_text write_bytes iterdir rglob unlink".split())
HEAVY = frozenset(
    "asyncio duckdb durable durable_rules_engine fastapi http.server jinja2 lark pandas pint"
    " polars pydantic rich sqlite3 starlette typer typst ucumvert xml yaml".split()
)
CLOCK = re.compile(r"\b(date|datetime|time)\.(today|now|utcnow|localtime|gmtime|time)$")


def within(*packages: str) -> dict[str, ast.Module]:
    """The parsed modules of some packages, by dotted name."""
    return {name: tree for name, tree in modules().items() if name.split(".")[0] in packages}


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


def test_every_module_stands_in_a_room() -> None:
    outside = {name for name in modules() if not room_of(name)}
    assert outside == {"app", "app.__main__", "engine"}


def test_imports_go_down_the_list_of_rooms() -> None:
    assert backward(graph()) == []


def test_no_module_imports_itself_through_others() -> None:
    assert circles(graph()) == []


def test_a_circle_and_a_way_back_are_noticed() -> None:
    of = {
        "engine.terms.units": frozenset({"engine.read.packs"}),
        "engine.read.packs": frozenset({"engine.read.sheet"}),
        "engine.read.sheet": frozenset({"engine.read.packs"}),
        "engine.plan.days": frozenset({"engine.workbench.cases"}),
    }
    assert circles(of) == [("engine.read.packs", "engine.read.sheet")]
    assert backward(of) == [
        "engine.plan.days imports engine.workbench.cases",
        "engine.terms.units imports engine.read.packs",
    ]


def test_no_module_takes_a_private_name_of_another() -> None:
    assert private(modules()) == []
    taken = ast.parse(
        "from engine.read import packs\nfrom engine.read.sheet import _DAY\npacks._ID"
    )
    assert private({"a": taken}) == ["a: _DAY", "a: packs._ID"]


LONG = 400
"""The most lines of a module but those below, each with its most. Lower them as they shrink."""
LONGER = {
    "engine.read.outcomes": 452,
    "engine.outcomes.patient": 559,
    "engine.drafting.statements": 465,
    "app.store.log.store": 473,
    "engine.read.source": 567,
    "engine.record.checked": 427,
    "reports.diff": 432,
    "engine.regions.bounds": 428,
    "engine.exchange.fhir.map_read": 413,
}


def test_modules_are_short_and_the_list_of_long_ones_shrinks() -> None:
    assert {
        name: count for name, count in lengths().items() if count > LONGER.get(name, LONG)
    } == {}, "split it: the list of long modules only shrinks"
    assert {
        name: most for name, most in LONGER.items() if lengths().get(name, 0) < most - 25
    } == {}, "it is shorter now: lower its number"


def test_the_table_of_modules_is_what_they_say_of_themselves() -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text("utf-8")
    found = TABLE.search(page)
    assert found is not None and found[0] == table(), "run `python -m tests.rooms --table`"
    assert {name for name in modules() if not first_line(name)} == set()


def test_only_session_imports_durable_rules() -> None:
    durable = {"durable", "durable_rules", "durable_rules_engine"}
    importers = [name for name, tree in modules().items() if imports(tree) & durable]
    assert importers == ["engine.fire.session"], (
        "durable_rules has sharp edges: keep them in one file"
    )


def test_the_engine_imports_nothing_that_prints_stores_or_serves() -> None:
    found = {
        name: (imports(tree) & NOT_IN_THE_ENGINE) - LOADS_A_LIBRARY.get(name, set())
        for name, tree in within("engine").items()
    }
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_the_engine_opens_no_file() -> None:
    assert [
        (name, node.lineno)
        for name, tree in within("engine").items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "open")
            or (isinstance(node.func, ast.Attribute) and node.func.attr in OPENS)
        )
    ] == []


def test_the_engine_does_not_print() -> None:
    assert [
        (name, node.lineno)
        for name, tree in within("engine").items()
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
    found = {name: prints(tree) for name, tree in modules().items()}
    assert [name for name, lines in found.items() if lines] == ["app.run.printing"]


def test_neither_engine_nor_reports_read_the_clock() -> None:
    found = {name: clock_reads(tree) for name, tree in within("engine", "reports").items()}
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
    assert not loaded & {"dataclasses", "engine.terms", "importlib.metadata"}
    assert "engine" in loaded or "app.cli.main" in loaded
    assert loaded & HEAVY == set()


def own_files() -> Iterator[Path]:
    """Every file of the project: those at the root, and those in its folders."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.name != ".git")
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
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        if re.search(r"Manager|Helper|Utils?|Processor|Service", node.name)
    ] == []
