"""The long forms of the tests, in parts that are taken up again where they stopped.

`python tests/long.py PART` runs what is left of a part for at most ten minutes, prints what is
done by then, and ends with 0 if that is all of it, 2 if some is left, 1 if a test failed.
`--whole` goes on until nothing is left. What was done is kept in out/long/, and begun anew
once the code is another.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = {
    "1": ("properties", ["tests/properties"]),
    "2": ("differential", ["tests/differential"]),
    "3": ("brute force of the workbench", ["tests/workbench/test_brute_force.py",
          "tests/workbench/test_bounds.py", "tests/workbench/test_lists.py"]),
    "4": ("durable log", ["tests/log/test_durable.py"]),
}  # fmt: skip
SECONDS = 400.0
"""After so many no test is begun: one takes up to three minutes on a busy machine."""
ROUNDS = int(os.environ.get("ELIGO_ROUNDS", "1"))
"""How often a property is tried with as many new examples as the profile has: 1,000."""

_PASSED = re.compile(r"(\d+) passing")


class Kept:
    """What was done of a part, in a file."""

    def __init__(self, part: str) -> None:
        self.path = ROOT / "out" / "long" / f"part-{part}.json"
        digest = sha256()
        for folder in ("engine", "app", "reports", "tests", "rules"):
            for path in sorted((ROOT / folder).rglob("*")):
                if path.suffix in (".py", ".yaml"):
                    digest.update(path.read_bytes())
        self.code = digest.hexdigest()
        self.tests: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            before = json.loads(self.path.read_text("utf-8"))
            if before["code"] == self.code:
                self.tests = before["tests"]

    def add(self, name: str, seconds: float, examples: int, subjects: int) -> None:
        of = self.tests.setdefault(name, {"rounds": 0, "seconds": 0, "examples": 0, "subjects": 0})
        of["rounds"] += 1
        of["seconds"] = round(of["seconds"] + seconds, 1)
        of["examples"] += examples
        of["subjects"] += subjects
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".part")
        draft.write_text(json.dumps({"code": self.code, "tests": self.tests}, indent=1), "utf-8")
        draft.replace(self.path)


class Turn:
    """One run of pytest over what is left, until the time is up."""

    def __init__(self, kept: Kept, until: float) -> None:
        self.kept, self.until = kept, until
        self.whole = self.left = 0
        self.failed: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        from hypothesis import settings

        wanted = []
        usual = settings().max_examples
        for item in items:
            of = getattr(getattr(item, "obj", None), "_hypothesis_internal_use_settings", None)
            rounds = ROUNDS if of is not None and of.max_examples == usual else 1
            self.whole += rounds
            left = rounds - self.kept.tests.get(item.nodeid, {"rounds": 0})["rounds"]
            self.left += left
            if left > 0:
                wanted.append(item)
        items[:] = wanted

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Any:
        report = yield
        if report.when == "call" and report.passed:
            said = getattr(item, "hypothesis_statistics", "")
            examples = sum(map(int, _PASSED.findall(said)))
            reached = dict(report.user_properties).get("reached", {})
            self.kept.add(item.nodeid, report.duration, examples, reached.get("subjects", 0))
            self.left -= 1
        elif report.failed:
            self.failed.append(item.nodeid)
        return report

    def pytest_runtest_logfinish(self) -> None:
        if time.monotonic() > self.until:
            pytest.exit("the time is up", returncode=0)


def turn(part: str) -> int:
    """Run what is left of a part until the time is up, and print its figures."""
    name, paths = PARTS[part]
    kept, until = Kept(part), time.monotonic() + SECONDS
    while True:
        one = Turn(kept, until)
        words = ["-q", "-p", "no:cacheprovider", "--no-header", "--no-summary"]
        pytest.main([*words, *(str(ROOT / path) for path in paths)], plugins=[one])
        if one.failed or one.left <= 0 or time.monotonic() > until:
            break
    figures: Counter[str] = Counter()
    for of in kept.tests.values():
        figures.update({key: of[key] for key in ("examples", "subjects", "seconds")})
    print(
        f"part {part}, {name}: {one.whole - one.left} of {one.whole} runs of tests done, "
        f"{figures['examples']:,} examples, {figures['subjects']:,} generated subjects, "
        f"{figures['seconds']:,.0f} s; differences and failures: {len(one.failed)}"
    )
    for failed in one.failed:
        print(f"  failed: {failed}")
    if one.left > 0 and not one.failed:
        print(f"  {one.left} are left: run it again to go on")
    return 1 if one.failed else 2 if one.left > 0 else 0


def main() -> int:
    words = [word for word in sys.argv[1:] if word != "--whole"]
    if not words or any(word not in PARTS for word in words):
        print(f"say which part: {', '.join(f'{n} ({name})' for n, (name, _) in PARTS.items())}")
        return 2
    codes = []
    for part in words:
        codes.append(turn(part))
        while codes[-1] == 2 and "--whole" in sys.argv:
            codes[-1] = turn(part)
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    os.environ["ELIGO_FUZZ"] = "long"  # before any test is loaded
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
