"""How long the author's workbench takes, as ratios measured in one run.

    python benchmarks/workbench.py [--rounds 3]

Times `eligo check`, `test`, `test --coverage --mutate`, `diff` and one cycle of
`check --watch` on the shipped pack, and on a pack of 60 criteria made from it: its criteria
again with other limits and over facts of their own, and its cases again for each of them.
Seconds are processor time of the whole command, start-up included; the median of the rounds.
Those of a watch cycle are from the save to the last line, as an author sees them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.store.packs import (  # noqa: E402
    case_files,
    read_pack,
)
from app.store.shipped import shipped_pack  # noqa: E402
from benchmarks.kept import keep  # noqa: E402
from engine.reference import evaluator as reference  # noqa: E402
from engine.regions.asked import Plain, subject_from  # noqa: E402
from engine.terms import Protocol  # noqa: E402
from engine.workbench.cases import read_cases  # noqa: E402
from engine.workbench.witness import file_lines, flow  # noqa: E402

CRITERIA = 60
SHARED = ("birth_date", "sex")
"""Facts that all copies of a criterion ask about."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="keep the ratios")
    options = parser.parse_args()
    rounds, ratios = options.rounds, dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        packs = {}
        for name, make in (("shipped", shipped), ("large", large)):
            pack = make(Path(folder, name))
            packs[name] = (pack, amended(pack, Path(folder, f"{name}-amended")))
            protocol = read_pack(pack)
            cases = read_cases(case_files(pack), protocol, "cases")
            print(f"{name}: {len(protocol.criteria)} criteria, {len(protocol.facts)} facts, "
                  f"{len(cases.cases)} cases, {len(cases.faults)} faults")  # fmt: skip
        print(f"{'seconds':32}{'shipped':>9}{'large':>9}{'ratio':>8}")
        for name in ("check", "test", "test --coverage --mutate", "diff"):
            took = {
                which: statistics.median(command(name, *pair) for _ in range(rounds))
                for which, pair in packs.items()
            }
            ratios[name] = line(name, took)
        took = {which: watched(pair[0], rounds) for which, pair in packs.items()}
        ratios["check --watch"] = line("check --watch, save to answer", took)
    if options.keep:
        keep("workbench", ratios)


def line(name: str, took: Mapping[str, float]) -> float:
    """Print what something took; how many times longer it took with the large pack."""
    ratio = took["large"] / took["shipped"]
    print(f"{name:32}{took['shipped']:9.2f}{took['large']:9.2f}{ratio:8.1f}", flush=True)
    return ratio


def command(name: str, pack: Path, other: Path) -> float:
    """Processor seconds of one command."""
    first, *more = name.split()
    words = [first, str(pack), *([str(other)] if first == "diff" else []), *more]
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "app", *words], cwd=ROOT, stdout=subprocess.DEVNULL, check=False
    )
    after = os.times()
    assert done.returncode in (0, 1), done.returncode
    return (
        after.children_user - before.children_user + after.children_system - before.children_system
    )


def watched(pack: Path, rounds: int) -> float:
    """Seconds from a save to the end of what `check --watch` says of it."""
    rules = next(path for path in pack.iterdir() if path.stem == "eligibility")
    words = [sys.executable, "-m", "app", "check", str(pack), "--watch"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    took = []
    try:
        for number in range(rounds + 1):
            start = time.perf_counter()
            if number:
                fresh = pack.parent / "fresh"
                fresh.write_text(rules.read_text("utf-8") + "\n", "utf-8")
                fresh.replace(rules)
            while "waiting for a change" not in process.stdout.readline():
                assert process.poll() is None
            took.append(time.perf_counter() - start)
    finally:
        process.kill()
        process.communicate()
    return statistics.median(took[1:])


# --- packs ------------------------------------------------------------------------------


def shipped(folder: Path) -> Path:
    """The shipped pack, in a folder that may be written to."""
    shutil.copytree(shipped_pack(), folder)
    return folder


def amended(pack: Path, folder: Path) -> Path:
    """The pack with two limits moved, as an amendment would."""
    shutil.copytree(pack, folder)
    rules = next(path for path in folder.iterdir() if path.stem == "eligibility")
    text = rules.read_text("utf-8")
    moved = re.sub(r'("?spo2"?:\s*\{\s*"?below"?:\s*)90', r"\g<1>92", text)
    moved = re.sub(r'("?marrow_blasts"?:\s*\{\s*"?at_least"?:\s*)5\b', r"\g<1>10", moved)
    assert moved != text
    rules.write_text(moved, "utf-8")
    return folder


def large(folder: Path) -> Path:
    """The shipped pack with copies of its criteria until there are 60.

    A copy asks about facts of its own, but for birth date, sex and the list of treatments;
    its limits are others, so that the copies cut what they share differently. The cases of
    a criterion stand again for each copy, and expect what the reference evaluator says.
    """
    import yaml

    shutil.copytree(shipped_pack(), folder, ignore=shutil.ignore_patterns("cases", "sources"))
    source = read_pack(shipped_pack())
    parts: dict[str, Plain] = {}
    for part in ("facts", "eligibility"):
        file = folder / f"{part}.yaml"
        parts[part] = yaml.safe_load(file.read_text("utf-8"))
        file.unlink()
    facts, rules = parts["facts"]["facts"], parts["eligibility"]
    own = _asked(source)
    names: list[dict[str, str]] = []
    all_criteria = list(rules["criteria"])
    definitions = dict(rules["definitions"])
    for copy in range(2, 2 + -(-CRITERIA // len(source.criteria)) - 1):
        renamed = {name: f"{name}_{copy}" for name in own}
        names.append(renamed)
        facts |= {new: facts[name] for name, new in renamed.items()}
        words = renamed | {name: f"{name}_{copy}" for name in definitions}
        rules["definitions"] |= {
            words[name]: _varied(held, words, copy) for name, held in definitions.items()
        }
        for criterion in all_criteria:
            if len(rules["criteria"]) < CRITERIA:
                again = {**criterion, "id": f"{criterion['id'][0]}{copy}{criterion['id'][1:]}"}
                again["holds_when"] = _varied(criterion["holds_when"], words, copy)
                rules["criteria"].append(again)
    for part, value in parts.items():
        (folder / f"{part}.json").write_text(json.dumps(value, indent=1), "utf-8")
    _write_cases(folder, source, names)
    return folder


def _asked(protocol: Protocol) -> list[str]:
    """The recorded facts that criteria ask about, without those that all copies share."""
    from engine.regions.asked import pack_leaves

    asked = dict.fromkeys(getattr(leaf, "fact", "") for leaf in pack_leaves(protocol))
    return [
        name
        for name in asked
        if name and protocol.facts[name].derive is None and name not in SHARED
    ]


def _varied(held: Any, words: Mapping[str, str], copy: int) -> Any:
    """A condition over other facts, with every limit a little further out."""
    if isinstance(held, Mapping):
        return {words.get(str(k), k): _varied(v, words, copy) for k, v in held.items()}
    if isinstance(held, list):
        return [_varied(one, words, copy) for one in held]
    if isinstance(held, bool) or not isinstance(held, int | float | str):
        return held
    if isinstance(held, str):
        days = re.fullmatch(r"([0-9]+) days", held)
        return f"{int(days[1]) + copy} days" if days else words.get(held, held)
    return held + copy if isinstance(held, int) and held > 20 else held


def _write_cases(folder: Path, source: Protocol, names: list[dict[str, str]]) -> None:
    """The shipped cases, again for each copy's facts, beside a child that passes all."""
    protocol = read_pack(folder)
    found = read_cases(case_files(shipped_pack()), source, "cases")
    child = found.bases["eligible_child"]
    facts = dict(child["facts"])
    for renamed in names:
        facts |= {new: facts[name] for name, new in renamed.items() if name in facts}
    base = {"facts": facts, "records": child["records"]}
    (folder / "cases").mkdir()
    said = [line for line in file_lines(base, "CHILD") if line != "..."]  # the end of a whole file
    lines = ["bases:", "  child:", *(f"    {line}" for line in said)]
    (folder / "cases" / "bases.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    for copy in range(len(names) + 1):
        lines = ["cases:"]
        for number, case in enumerate(found.cases):
            own = {name: name for name in SHARED} | (names[copy - 1] if copy else {})
            said = case.recorded["facts"]
            change: Plain = {
                "facts": {
                    (own if copy else {}).get(name, name): said.get(name)
                    for name in (own if copy else dict.fromkeys([*child["facts"], *said]))
                    if said.get(name) != child["facts"].get(name)
                },
                "records": {
                    name: listed
                    for name, listed in case.recorded["records"].items()
                    if listed != child["records"].get(name)
                },
            }
            asked = [f"{id_[0]}{copy + 1}{id_[1:]}" if copy else id_ for id_ in case.answers]
            if all(any(c.id == id_ for c in protocol.criteria) for id_ in asked):
                name = f"{number} of {copy}"
                lines += _case(protocol, case.as_of, base, change, name, asked)
        (folder / "cases" / f"copy-{copy}.yaml").write_text("\n".join(lines) + "\n", "utf-8")


def _case(
    protocol: Protocol, as_of: date, base: Plain, change: Plain, name: str, asked: list[str]
) -> list[str]:
    whole = {part: {**base[part], **change[part]} for part in ("facts", "records")}
    subject = subject_from(whole, protocol, as_of)
    readings = reference.readings(protocol, subject, as_of)
    answers = reference.answers(protocol, reference.truths(protocol, readings, as_of))
    verdict = reference.verdict(reference.statuses(protocol, answers))
    said = ", ".join(f"{id_}: {answers[id_]}" for id_ in asked)
    return [
        f'  - name: "{name}"',
        f"    as_of: {as_of.isoformat()}",
        "    base: child",
        *(["    change:"] if any(change.values()) else []),
        *(f"      {part}: {flow(held)}" for part, held in change.items() if held),
        f"    expect: {{answers: {{{said}}}, verdict: {verdict}}}",
    ]


if __name__ == "__main__":
    main()
