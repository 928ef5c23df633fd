"""Random mutants of the deciding core, and whether its fast tests notice them.

`python tests/mutants.py [--seconds 400] [--only TEXT] [--jobs N]` goes through the mutants in an
order that a seed fixes, and keeps in out/mutants.json what became of each. The next run goes on
there; the mutants of a module that was changed are tried again. It ends with 1 if a mutant
survives that tests/mutants_survivors.txt does not name, or one that is named there does not.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from copy import copy, deepcopy
from hashlib import sha256
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = ("select", "compile", "fire", "reference", "decide")
KEPT = ROOT / "out" / "mutants.json"
SURVIVORS = Path(__file__).parent / "mutants_survivors.txt"
SEED, CPU_SECONDS = 20261201, 200  # a mutant that takes longer is noticed: it has no end
TESTS = (  # run on a mutant until one fails: what notices most in the least time is first
    *("tests/test_guards.py", "tests/truth_tables", "tests/test_reference.py"),
    *("tests/differential/test_normal_limits.py", "tests/differential/test_edges.py"),
    *("tests/test_fixtures.py", "tests/test_passed.py"),
    *(f"tests/properties/test_{n}.py" for n in "evidence passed_over records calendar".split()),
    "tests/differential/test_large_packs.py::test_many_leaves_on_one_fact_satisfied_at_once",
    *("tests/differential/test_agreement.py", "tests/test_explain.py", "tests/test_injection.py"),
    *(f"tests/properties/test_{n}.py" for n in "time recorded".split()),
)
_SLOW = "was_cut reach_everything of_any_shape same_bytes subject[1] subject[2] subject[3]".split()
FAST = f"not ({' or '.join(_SLOW)})"

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}
_REMOVED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)
_TYPES = ("Literal", "Mapping", "tuple", "list", "dict", "Callable", "set")
_UNTOUCHED = (ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.AnnAssign)


class Mutant(NamedTuple):
    """One change of one node of a module: the `number`th that `changes` gives."""

    path: str
    number: int
    name: str


def core() -> Iterator[str]:
    """The modules of the deciding core, as paths."""
    for room in CORE:
        for path in sorted((ROOT / "engine" / room).glob("*.py")):
            yield path.relative_to(ROOT).as_posix()


def _altered(node: ast.AST) -> Iterator[tuple[str, dict[str, Any] | ast.AST]]:
    """What can be changed of a node: in words, and its new fields or the node instead of it."""
    if isinstance(node, ast.Compare):
        for number, op in enumerate(node.ops):
            new = _SWAPS[type(op)]
            ops = [*node.ops[:number], new(), *node.ops[number + 1 :]]
            yield f"{type(op).__name__} to {new.__name__}", {"ops": ops}
    elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _SWAPS:
        new = _SWAPS[type(node.op)]
        yield f"{type(node.op).__name__} to {new.__name__}", {"op": new()}
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield f"{type(node.op).__name__} dropped", node.operand
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield f"{node.value} to {not node.value}", {"value": not node.value}
        elif isinstance(node.value, int):
            yield f"{node.value} to {node.value + 1}", {"value": node.value + 1}
            yield f"{node.value} to {node.value - 1}", {"value": node.value - 1}
        elif isinstance(node.value, str):
            yield f"{node.value!r} changed", {"value": f"{node.value}x"}
    elif isinstance(node, ast.Name) and node.id in _NAMES:
        yield f"{node.id} to {_NAMES[node.id]}", {"id": _NAMES[node.id]}
    elif isinstance(node, ast.If | ast.IfExp):
        yield "turned round", {"test": ast.UnaryOp(ast.Not(), node.test)}
    elif isinstance(node, _REMOVED):
        yield "removed", ast.Pass()


def _places(node: ast.AST, where: str) -> Iterator[tuple[str, Any, str | int]]:
    """Every node that may be changed: its function, what holds it, and its key there."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        holder: Any = value if isinstance(value, list) else vars(node)
        for key in range(len(value)) if isinstance(value, list) else (field,):
            child = holder[key]
            if not isinstance(child, ast.AST) or isinstance(child, _UNTOUCHED):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # words about the code
            typed = isinstance(child, ast.Subscript) and ast.unparse(child.value) in _TYPES
            if typed or getattr(child, "arg", "") in ("strict", "slots", "frozen"):
                continue
            yield where, holder, key
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                yield from _places(child, f"{where}.{child.name}".lstrip("."))
            elif not isinstance(child, ast.Raise):  # what a fault says is not what is decided
                yield from _places(child, where)


def changes(path: str) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of a module: its name, and the module changed, valid until the next."""
    text = (ROOT / path).read_text("utf-8")
    tree, lines, seen = ast.parse(text), text.split("\n"), Counter[str]()
    for where, holder, key in list(_places(tree, "")):
        node = holder[key]
        for words, new in list(_altered(node)):
            name = f"{path} {where}: {lines[getattr(node, 'lineno', 1) - 1].strip()} | {words}"
            seen[name] += 1
            holder[key] = new if isinstance(new, ast.AST) else copy(node)
            for field, value in new.items() if isinstance(new, dict) else ():
                setattr(holder[key], field, value)
            yield f"{name} ({seen[name]})" if seen[name] > 1 else name, tree
            holder[key] = node


CONTROL = Mutant("engine/select/readings.py", -1, "nothing changed")  # every test must pass on it


def mutants() -> list[Mutant]:
    """All, in the order that the seed gives."""
    found = [Mutant(path, n, name) for path in core() for n, (name, _) in enumerate(changes(path))]
    random.Random(SEED).shuffle(found)
    return found


def survivors() -> dict[str, str]:
    """The mutants that are known to survive: a line each, and a line with the reason."""
    lines = [one for one in SURVIVORS.read_text("utf-8").split("\n") if one and one[0] != "#"]
    return {name: why.strip() for name, why in zip(lines[::2], lines[1::2], strict=True)}


def change(one: Mutant) -> None:
    """Let the loaded module be the mutant: its functions get other code, its constants change."""
    (changed,) = (deepcopy(t) for n, (_, t) in enumerate(changes(one.path)) if n == one.number)
    module = sys.modules[one.path.removesuffix(".py").replace("/", ".")]
    made = compile(ast.fix_missing_locations(changed), str(ROOT / one.path), "exec")
    codes = [made]
    for code in codes:  # it grows
        codes += [one for one in code.co_consts if isinstance(one, CodeType)]
    named = {code.co_qualname: code for code in codes}
    for function in gc.get_objects():
        ours = isinstance(function, FunctionType) and function.__module__ == module.__name__
        if ours and "<locals>" not in function.__qualname__:
            function.__code__ = named.get(function.__qualname__, function.__code__)
    for value in vars(module).values():
        getattr(value, "cache_clear", int)()
    if not one.name.split(" ", 1)[1].startswith(":"):
        return
    new = {**vars(module)}
    exec(made, new)
    loaded = [vars(other) for key, other in sys.modules.items() if key.startswith("engine.")]
    for name, old in list(vars(module).items()):
        if not isinstance(old, FunctionType | type | ModuleType) and repr(old) != repr(new[name]):
            for names in (names for names in loaded if names.get(name) is old):
                names[name] = new[name]


class Tries:
    """For pytest: instead of running the tests once, run them in a process for each mutant."""

    def __init__(self, chosen: list[Mutant], seconds: float, jobs: int) -> None:
        self.until, self.jobs, self.running = time.monotonic() + seconds, jobs, dict[int, Mutant]()
        self.code = {path: sha256((ROOT / path).read_bytes()).hexdigest() for path in core()}
        kept = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {"code": {}, "mutants": {}}
        same = {path for path, digest in self.code.items() if kept["code"].get(path) == digest}
        self.kept = {n: became for n, became in kept["mutants"].items() if n.split()[0] in same}
        self.waiting = [one for one in [CONTROL, *chosen] if one.name not in self.kept]

    def pytest_runtestloop(self, session: object) -> bool | None:
        while self.running or (self.waiting and time.monotonic() < self.until):
            if self.waiting and len(self.running) < self.jobs and time.monotonic() < self.until:
                one = self.waiting.pop(0)
                child = os.fork()
                if not child:
                    self.in_the_child(one)
                    return None
                self.running[child] = one
            else:
                self.ended(*os.wait())
        return True

    def in_the_child(self, one: Mutant) -> None:
        """What follows is a usual run of pytest, unseen, whose exit code says what became."""
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        for shown in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), shown)
        if one is not CONTROL:
            change(one)

    def ended(self, child: int, status: int) -> None:
        one = self.running.pop(child)
        self.kept[one.name] = os.waitstatus_to_exitcode(status)  # negative: ended by a signal
        if one is CONTROL and status:
            pytest.exit("the tests fail on the core as it is: nothing was tried", returncode=1)
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps({"code": self.code, "mutants": self.kept}, indent=1), "utf-8")
        print("." if self.kept[one.name] else "S", end="", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Try mutants of the deciding core.")
    parser.add_argument("--seconds", type=float, default=400)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    words = parser.parse_args()
    every, known, parent = mutants(), survivors(), os.getpid()
    tries = Tries([one for one in every if words.only in one.name], words.seconds, words.jobs)
    options = ["-x", "-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", FAST]
    code = pytest.main([*options, *(str(ROOT / path) for path in TESTS)], plugins=[tries])
    if os.getpid() != parent:
        os._exit(code)
    tried = [one.name for one in every if one.name in tries.kept]
    alive = [name for name in tried if not tries.kept[name]]
    new = [name for name in alive if name not in known]
    gone = [name for name in tried if name in known and name not in alive]
    print(f"\n{len(tried)} of {len(every)} tried, {len(alive)} survived, {len(new)} not listed")
    for name in (*new, *gone):
        print(f"  {'not on' if name in new else 'to be taken off'} the list of survivors: {name}")
    return 1 if code or new or gone else 0


if __name__ == "__main__":
    os.environ["ELIGO_FUZZ"] = "mutants"  # before any test is loaded
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
