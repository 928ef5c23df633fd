"""The documents: commands run and print what is shown, snippets are read, links lead somewhere.

`ELIGO_GOLDEN=write pytest tests/test_docs.py` writes the shown output anew; whoever runs it
reads every changed line.

- A ```console block holds `$ commands` and what they print, together with standard error.
- A ```yaml block whose first line names a file of the checkout is an excerpt of that file
  (`...` leaves lines out). In TUTORIAL.md they make one small pack and one subject.
- The rows of a table `test | recorded | truth` are worked out with the rules.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest

from app.cli import words as command_words
from app.run import exits
from engine.decide.decision import Screener
from engine.read import packs, sheet, source
from engine.read.conditions import COMBINATORS, OPERATORS
from engine.read.packs import protocol_of
from engine.read.pairs import ANCHORED, PAIRS
from engine.read.source import Num, read_document
from engine.read.subjects import read_subject
from engine.terms import AtLeast, FactType, Protocol, Reason, Verdict, units

ROOT = Path(__file__).parent.parent
README, TUTORIAL = ROOT / "README.md", ROOT / "docs" / "TUTORIAL.md"
REFERENCE = ROOT / "docs" / "REFERENCE.md"
NAMES = "ARCHITECTURE CHANGELOG DECISIONS RECORD REFERENCE SEMANTICS TUTORIAL".split()
OURS = [README, *(ROOT / "docs" / f"{name}.md" for name in NAMES)]
LINKED = [*OURS, ROOT / "CONTRIBUTING.md", ROOT / "fixtures" / "README.md"]
AS_OF = date(2026, 11, 20)


@dataclass(frozen=True)
class Block:
    """A fenced block: the page and the line it begins on, its language, its lines."""

    page: Path
    line: int
    language: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    language, start, body = None, 0, []
    for number, line in enumerate(page.read_text("utf-8").split("\n"), start=1):
        if not line.startswith("```"):
            body.append(line)
        elif language is None:
            language, start, body = line.removeprefix("```").strip(), number, []
        else:
            yield Block(page, start, language, tuple(body))
            language = None
    assert language is None, f"{page.name}:{start}: the block is not closed"


def all_blocks(language: str, *pages: Path) -> list[Block]:
    return [block for page in pages for block in blocks(page) if block.language == language]


def tables(page: Path, *header: str) -> Iterator[list[list[str]]]:
    """The rows of every table whose header begins with these cells, as lists of cells."""
    rows: list[list[str]] | None = None
    for line in [*page.read_text("utf-8").split("\n"), ""]:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line[:1] == "|" else None
        if cells is None:
            if rows is not None:
                yield rows
            rows = None
        elif rows is not None:
            if set(line) > set("|-") or set(line) - set("|- :"):
                rows.append(cells)
        elif tuple(cells[: len(header)]) == header:
            rows = []


def first_cells(*header: str) -> list[str]:
    """The words in backticks in the first cells of a table of REFERENCE.md."""
    return [word for rows in tables(REFERENCE, *header) for row in rows for word in code(row[0])]


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- commands ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shown commands run: what the checkout holds for them, and the manual's pack."""
    where = tmp_path_factory.mktemp("docs")
    for name in ("fixtures", "rules"):
        (where / name).symlink_to(ROOT / name)
    for name, text in manual_files().items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text, "utf-8")
    return where


def printed(command: str, folder: Path) -> tuple[str, int]:
    """What a person sees of a command, and its exit code."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = os.environ | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "80", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=60,
    )  # fmt: skip
    return done.stdout, done.returncode


def shown(block: Block) -> Iterator[tuple[list[str], list[str]]]:
    """Each command of a console block (its lines), and the lines shown as its output."""
    commands: list[list[str]] = []
    output: list[list[str]] = []
    for line in block.lines:
        if line.startswith("$ "):
            commands.append([line])
            output.append([])
        elif line.startswith("> ") and not output[-1]:
            commands[-1].append(line)
        else:
            output[-1].append(line)
    yield from zip(commands, output, strict=True)


@pytest.mark.parametrize("block", all_blocks("console", *OURS), ids=str)
def test_a_shown_command_prints_what_is_shown(block: Block, folder: Path) -> None:
    made: list[str] = []
    for command, expected in shown(block):
        text, exit_code = printed("\n".join(line[2:] for line in command), folder)
        if not text:
            assert exit_code == 0, command
        actual = text.rstrip("\n").split("\n") if text else []
        made += [*command, *actual]
        if os.environ.get("ELIGO_GOLDEN") != "write":
            assert actual == expected, command
    if tuple(made) != block.lines:
        fence = "```console\n"
        old = block.page.read_text("utf-8")
        new = old.replace(fence + block.text, fence + "\n".join(made) + "\n", 1)
        block.page.write_text(new, "utf-8")


@pytest.mark.parametrize("block", all_blocks("sh", *OURS), ids=str)
def test_every_line_of_a_shell_block_runs(block: Block, folder: Path) -> None:
    for line in block.lines:
        command = line.partition("  #")[0].strip()
        if command.startswith("make "):
            # The targets are what runs this test: here it is enough that make knows them.
            _, exit_code = printed(f"{command} --dry-run", ROOT)
        else:
            _, exit_code = printed(command, folder)
        assert exit_code == 0, line


def test_make_screen_screens_the_fixtures_into_html() -> None:
    text, _ = printed("make --dry-run screen", ROOT)
    (line,) = [line for line in text.split("\n") if "eligo screen" in line]
    assert line.endswith(
        "/eligo screen fixtures/subjects --as-of 2026-11-20 --out out --format html"
    )


def test_make_targets_and_commands_named_in_prose_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = {
        (page.name, word)
        for page in OURS
        for word in re.findall(r"`make ([a-z-]+)`", page.read_text("utf-8"))
    }
    assert named
    assert {name for name in named if name[1] not in targets} == set()
    said = {
        word for page in OURS for word in re.findall(r"`eligo ([a-z]+)", page.read_text("utf-8"))
    }
    assert said == set(subcommands())


# --- the command line, exit codes, words ------------------------------------------------


def subcommands() -> dict[str, argparse.ArgumentParser]:
    for action in command_words.parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("there are no commands")


@pytest.mark.parametrize("name", sorted(subcommands()))
def test_every_option_of_a_command_is_documented_and_no_other(name: str) -> None:
    options = {
        option
        for action in subcommands()[name]._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    documented = {cell.split()[0] for cell in first_cells(f"`eligo {name}`")}
    assert documented == options


def test_formats_are_documented() -> None:
    for name, parser in subcommands().items():
        for action in parser._actions:
            if action.dest == "format":
                ((said,),) = [
                    [row[-1] for row in rows if row[0] == "`--format FORMAT`"]
                    for rows in tables(REFERENCE, f"`eligo {name}`")
                ]
                assert set(action.choices or ()) <= set(code(said)), name


def test_exit_codes_are_documented() -> None:
    (rows,) = tables(REFERENCE, "exit code", "meaning")
    stated = {int(row[0]) for row in rows}
    ours = {0, exits.FOUND, exits.REJECTED, exits.DOUBT}
    tree = ast.parse((ROOT / "app" / "cli" / "main.py").read_text("utf-8"))
    returned = {
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, int)
    }
    assert stated == ours | returned


def test_every_reason_is_documented_and_no_other() -> None:
    assert sorted(first_cells("reason", "meaning")) == sorted(get_args(Reason))


def test_every_operator_and_combinator_is_documented_and_no_other() -> None:
    operators = [op for ops in OPERATORS.values() for op in ops]
    assert sorted(first_cells("test on a quantity or date")) == sorted(operators)
    anchored = first_cells("test against another date")
    assert sorted(anchored) == sorted((*ANCHORED, "before", "after"))
    assert first_cells("key of a condition") == list(COMBINATORS)
    assert first_cells("type", "a recorded value") == list(get_args(FactType))


def test_verdicts_are_documented() -> None:
    for verdict in get_args(Verdict):
        assert f"`{verdict}`" in REFERENCE.read_text("utf-8")


CODED = {"fault", "fault_at", "_reject", "NotThat", "Fault", "_fail"}
CODE = re.compile(r"[a-z]+(-[a-z]+)*")


def codes_in(path: Path) -> set[str]:
    """The fault codes a module may give, read off its source."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else (
                node.func.id if isinstance(node.func, ast.Name) else "")  # fmt: skip
            if name in CODED:
                given = [*node.args[:4], *(k.value for k in node.keywords if k.arg == "code")]
                texts = [a.value for a in given if isinstance(a, ast.Constant)]
                found |= {t for t in texts if isinstance(t, str) and CODE.fullmatch(t)}
    return found


def test_fault_codes_are_documented() -> None:
    documented = first_cells("code", "what is wrong")
    assert documented == sorted(set(documented))
    # docs/OUTCOMES.md has a table of those of outcomes.yaml.
    paths = [p for p in (ROOT / "engine" / "read").glob("*.py") if p.stem != "outcomes"]
    paths += [ROOT / "engine" / "workbench" / name for name in ("cases.py", "findings/text.py")]
    paths += [
        ROOT / "app" / name
        for name in ("run/inputs.py", "run/packs.py", "store/packs.py", "cli/check.py")
    ]
    found = {code for path in paths for code in codes_in(path)} | {"partial-date"}
    assert found == set(documented)


def test_limits_are_stated_as_they_are() -> None:
    (rows,) = tables(REFERENCE, "what", "limit")
    limits = {row[0]: row[1] for row in rows}
    assert limits["size of a file"] == f"{source.MAX_BYTES // 2**20} MiB"
    assert limits["values in a file, aliases expanded"] == f"{source.MAX_NODES:,}"
    assert limits["nesting"] == f"{source.MAX_DEPTH} levels"
    assert limits["a text"] == f"{sheet.MAX_TEXT:,} characters"
    assert limits["a unit"] == f"{units.LONGEST} characters"
    assert limits["a criterion's id"].startswith("8 characters")


PATH = re.compile(r"`((?:engine|reports|app|tests|docs)/[\w/.*]+)`")


def test_every_file_that_a_recipe_names_is_there() -> None:
    named = PATH.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(named) > 30
    assert {one for one in named if not list(ROOT.glob(one))} == set()


def test_the_recipe_for_a_kind_of_test_names_every_module_that_names_its_class() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    recipe = page.partition("**Add a kind of test**")[2].partition("**Add a derivation**")[0]
    kinds = {"AgoTest", "BetweenTest", "DayTest", "EverTest", "UlnTest"}
    naming = {
        path.relative_to(ROOT).as_posix()
        for folder in ("engine", "reports", "app")
        for path in (ROOT / folder).rglob("*.py")
        if kinds & set(re.findall(r"\w+", path.read_text("utf-8")))
    }
    assert naming <= set(PATH.findall(recipe)), "a stranger would not find the way there"


def test_the_walk_of_one_subject_is_as_the_page_says() -> None:
    (rows,) = tables(ROOT / "docs" / "ARCHITECTURE.md", "file", "function")
    told = [(code(row[0])[0], code(row[1])[0]) for row in rows]
    program = (
        "import sys\n"
        "from app.cli.main import main\n"
        "called = {}\n"
        "def seen(frame, event, _):\n"
        "    if event == 'call':\n"
        "        at = frame.f_code.co_filename, frame.f_code.co_qualname\n"
        "        called.setdefault(at, None)\n"
        "sys.setprofile(seen)\n"
        "main(['screen', sys.argv[1], '--as-of', '2026-11-20'])\n"
        "sys.setprofile(None)\n"
        "print(*('\\t'.join(at) for at in called), sep='\\n', file=sys.stderr)\n"
    )
    (file,) = (ROOT / "fixtures" / "subjects").glob("CAR-028*")
    done = subprocess.run(
        [sys.executable, "-c", program, str(file)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = (line.split("\t") for line in done.stderr.splitlines() if "\t" in line)
    called = [(path.removeprefix(f"{ROOT}/"), name) for path, name in lines]
    assert [one for one in called if one in told] == told


# --- the manual's pack ------------------------------------------------------------------


def named_file(block: Block) -> str | None:
    """The file that the first line of a block names."""
    match = re.fullmatch(r"# ([\w./-]+\.(?:yaml|json))", block.lines[0])
    return match[1] if match else None


@cache
def manual_files() -> dict[str, str]:
    """The files that the snippets of TUTORIAL.md make, by path."""
    sections: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for block in all_blocks("yaml", TUTORIAL):
        name = named_file(block)
        if name is not None:
            files[f"demo/{name}"] = block.text
        elif block.lines[0].startswith("subject:"):
            files["DEMO-014.yaml"] = block.text
        else:
            key = ""
            for line in block.lines:
                if re.fullmatch(r"\w+:", line):
                    key = line[:-1]
                else:
                    assert line.startswith("  "), f"{block}: {line}"
                    sections.setdefault(key, []).append(line)
    assert sections.keys() == {"facts", "records", "definitions", "criteria"}

    def file(*keys: str) -> str:
        return "".join("\n".join((f"{key}:", *sections[key], "")) for key in keys)

    files["demo/facts.yaml"] = file("facts", "records")
    files["demo/eligibility.yaml"] = file("definitions", "criteria")
    return files


def manual_pack(eligibility: str | None = None) -> Protocol:
    """The manual's pack, or the same dictionary with other criteria."""
    parts = {f"{name}.yaml": manual_files()[f"demo/{name}.yaml"].encode() for name in packs.PARTS}
    if eligibility is not None:
        parts["eligibility.yaml"] = eligibility.encode()
    return protocol_of(parts, "demo")


def flow(value: Any) -> str:
    """A value as YAML on one line, numbers as they were written."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value) if isinstance(value, Num) else json.dumps(value)


def parsed(text: str) -> Any:
    return read_document("cell.yaml", text.encode()).value


def subject_text(protocol: Protocol, fact: str, recorded: str) -> str:
    """A subject of whom a table's cell is recorded."""
    value = parsed(recorded)
    if isinstance(value, dict) and value.keys() <= protocol.facts.keys() | protocol.records.keys():
        facts = {name: child for name, child in value.items() if name in protocol.facts}
        records = {name: child for name, child in value.items() if name in protocol.records}
    else:
        if not isinstance(value, dict | list):
            value = {"value": value, "on": AS_OF.isoformat()}
        facts, records = {fact: value}, {}
    return f"subject: ROW\nfacts: {flow(facts)}\nrecords: {flow(records)}\n"


def boundary_rows() -> list[tuple[str, str, str]]:
    """(test, recorded, truth) of every table of tests; an empty test repeats the one above."""
    rows = []
    for table in tables(REFERENCE, "test", "recorded", "truth"):
        test = ""
        for row in table:
            test = code(row[0])[0] if row[0] else test
            rows.append((test, code(row[1])[0], row[2]))
    return rows


@pytest.fixture(scope="module")
def screener() -> Iterator[Screener]:
    """The manual's dictionary with a criterion for every test of its tables."""
    tests = dict.fromkeys(test for test, _, _ in boundary_rows())
    criteria = "".join(
        f"  - {{id: T{number}, kind: inclusion, text: a test, holds_when: {{{test}}}}}\n"
        for number, test in enumerate(tests)
    )
    with Screener(manual_pack(f"criteria:\n{criteria}")) as made:
        yield made


@pytest.mark.parametrize(("test", "recorded", "truth"), boundary_rows())
def test_a_row_of_the_tables_of_tests(
    test: str, recorded: str, truth: str, screener: Screener
) -> None:
    protocol = screener.protocol
    text = subject_text(protocol, test.partition(":")[0], recorded)
    subject = read_subject(f"{text}\n...\n".encode(), "row.yaml", protocol)
    tests = list(dict.fromkeys(test for test, _, _ in boundary_rows()))
    criterion = screener.decide(subject, AS_OF)["criteria"][tests.index(test)]
    said = criterion["why"]["truth"]
    reasons = "".join(f" (`{missing['reason']}`)" for missing in criterion["missing"])
    assert said + reasons == truth


def test_the_tables_show_every_operator_holding_and_not_holding() -> None:
    seen: dict[str, set[str]] = {}
    for test, _, truth in boundary_rows():
        value = parsed(test)
        ((_, asked),) = value.items()
        if isinstance(asked, dict):
            operator = next(key for key in sorted(asked, key=lambda k: k in ("before", "after")))
            operator += " against" if {"before", "after"} & asked.keys() else ""
            seen.setdefault(operator, set()).add(truth.split()[0])
    operators = {op for ops in OPERATORS.values() for op in ops}
    operators |= {f"{op} against" for op in (*ANCHORED, "before", "after")}
    assert seen.keys() == operators
    assert {op for op, truths in seen.items() if not {"true", "false"} <= truths} == set()


def test_the_manual_s_pack_and_subject_are_read() -> None:
    protocol = manual_pack()
    assert len(protocol.criteria) == 3
    assert [c.basis for c in protocol.criteria] == ["stated", "assumed", "assumed"]
    text = manual_files()["DEMO-014.yaml"]
    subject = read_subject(text.encode(), "DEMO-014.yaml", protocol)
    assert len(subject.records["therapy"].entries) == 3
    with Screener(protocol) as screener:
        decision = screener.decide(subject, AS_OF)
    assert decision["verdict"] in get_args(Verdict)


def test_the_examples_of_conditions_are_read() -> None:
    (rows,) = tables(REFERENCE, "key of a condition", "example")
    definitions = manual_files()["demo/eligibility.yaml"].partition("criteria:")[0]
    criteria = "".join(
        f"  - {{id: C{n}, kind: exclusion, text: t, holds_when: {code(row[1])[0]}}}\n"
        for n, row in enumerate(rows)
    )
    protocol = manual_pack(f"{definitions}criteria:\n{criteria}")
    assert [type(c.holds_when).__name__.lower() for c in protocol.criteria] == list(COMBINATORS)


def test_the_examples_of_conditions_of_two_keys_are_read() -> None:
    (rows,) = tables(REFERENCE, "keys of a condition", "example")
    assert [tuple(code(row[0])) for row in rows] == list(PAIRS)
    criteria = "".join(
        f"  - {{id: C{n}, kind: inclusion, text: t, holds_when: {code(row[1])[0]}}}\n"
        for n, row in enumerate(rows)
    )
    some, when = (c.holds_when for c in manual_pack(f"criteria:\n{criteria}").criteria)
    assert isinstance(some, AtLeast) and getattr(when, "when", False)


def test_the_manual_s_cases_come_out() -> None:
    protocol = manual_pack()
    value = parsed(manual_files()["demo/cases/I02.yaml"])
    assert len(value["cases"]) >= 3
    with Screener(protocol) as screener:
        for case in value["cases"]:
            base = value["bases"][case["base"]]
            whole = {"subject": base["subject"]} | {
                part: base[part] | case["change"].get(part, {}) for part in ("facts", "records")
            }
            subject = read_subject(f"{flow(whole)}\n...\n".encode(), "case.yaml", protocol)
            decision = screener.decide(subject, date.fromisoformat(case["as_of"]))
            answers = {c["id"]: c["answer"] for c in decision["criteria"]}
            assert case["expect"]["answers"].items() <= answers.items(), case["name"]
            expected = case["expect"].get("verdict", decision["verdict"])
            assert decision["verdict"] == expected, case["name"]


@pytest.mark.parametrize(
    "block", [b for b in all_blocks("yaml", *OURS) if b.page != TUTORIAL], ids=str
)
def test_an_excerpt_stands_in_its_file(block: Block) -> None:
    name = named_file(block)
    assert name is not None, f"{block} names no file"
    text = (ROOT / name).read_text("utf-8")
    at = 0
    for part in re.split(r"^ *\.\.\.$\n", "\n".join(block.lines[1:]) + "\n", flags=re.MULTILINE):
        found = text.find("\n" + part, max(0, at - 1))
        assert found >= 0, f"{name} does not hold:\n{part}"
        at = found + len(part) + 1


# --- links ------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```|<!--.*?-->", "", page.read_text("utf-8"), flags=re.DOTALL)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


def test_no_page_is_orphaned() -> None:
    linked = README.read_text("utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in linked, f"README does not link {page.name}"
