"""The synthetic subjects decide as their README says, and the decisions' bytes repeat."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from app.store.packs import read_pack
from app.store.shipped import shipped_pack
from engine.decide.decision import Screener
from engine.read.subjects import read_subject
from engine.terms.faults import InputRejected
from tests.command import eligo

README = Path("fixtures/README.md")
SUBJECTS = Path("fixtures/subjects")
CRITERIA = [("I", n) for n in range(1, 9)] + [("E", n) for n in range(1, 10)]
ROW = re.compile(r"\| (CAR-\S+\.(?:yaml|json)) \| [^|]* \| (\w+) \| ([^|]*)\|")


def expected() -> dict[str, tuple[str, list[str]]]:
    rows = ROW.findall(README.read_text("utf-8"))
    every = [f"{kind}{n:02}" for kind, n in CRITERIA]
    return {
        name: (verdict, every if by.strip() == "all 17" else re.findall(r"\w+", by))
        for name, verdict, by in rows
    }


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, object]]:
    result = eligo("screen", SUBJECTS.as_posix(), "--as-of", "2026-11-20", "--format", "json")
    assert result.code == 0, result.err
    names = sorted(path.name for path in SUBJECTS.iterdir())
    lines = result.out.splitlines()
    return dict(zip(names, map(json.loads, lines), strict=True))


def test_every_subject_decides_as_its_readme_says(records: dict[str, dict[str, object]]) -> None:
    found = {name: (r["verdict"], r["determined_by"]) for name, r in records.items()}
    assert found == expected()


def test_the_subjects_reach_every_verdict_criterion_and_reason(
    records: dict[str, dict[str, object]],
) -> None:
    verdicts = {record["verdict"] for record in records.values()}
    assert verdicts == {"eligible", "ineligible", "undetermined"}
    alone = {str(r["determined_by"]) for r in records.values() if r["verdict"] == "ineligible"}
    assert {f"['{kind}{n:02}']" for kind, n in CRITERIA} <= alone
    text = json.dumps(list(records.values()))
    reasons = set(re.findall(r'"reason": "(\w+)"', text))
    assert reasons == {
        *("not_recorded", "not_yet", "out_of_date", "undated", "conflicting", "imprecise"),
        *("history_not_confirmed", "not_attested", "no_limit", "pending", "not_done"),
        *("older", "voided"),  # of what was passed over
    }


def test_a_subject_file_that_was_cut_is_never_eligible() -> None:
    """At the end of every line of those who are not."""
    protocol, as_of = read_pack(shipped_pack()), date(2026, 11, 20)
    made = expected()
    cut = eligible = 0
    with Screener(protocol) as screener:
        for path in sorted(SUBJECTS.glob("*.yaml")):
            lines = path.read_bytes().splitlines(keepends=True)
            for end in range(len(lines)) if made[path.name][0] != "eligible" else ():
                cut += 1
                try:
                    subject = read_subject(b"".join(lines[:end]), path.name, protocol, as_of)
                except InputRejected:
                    continue
                eligible += screener.decide(subject, as_of)["verdict"] == "eligible"
    assert cut > 1_500 and eligible == 0


def test_same_inputs_give_the_same_bytes() -> None:
    """Other hash seed, time zone, locale and number of processes."""
    command = [sys.executable, "-m", "app", "screen", SUBJECTS.as_posix(), "--as-of", "2026-11-20"]
    command += ["--format", "json"]
    worlds = [
        ({"PYTHONHASHSEED": "0", "TZ": "Asia/Tehran", "LC_ALL": "C"}, []),
        ({"PYTHONHASHSEED": "4242", "TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8"}, []),
        ({"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "tr_TR.UTF-8"}, ["--jobs", "2"]),
    ]
    outputs = [
        subprocess.run(
            command + more, env={**os.environ, **world}, capture_output=True, check=True
        ).stdout
        for world, more in worlds
    ]
    assert outputs[0] and outputs[0] == outputs[1] == outputs[2]


@pytest.mark.parametrize(
    ("on", "truth"), [("2027-02-27", "true"), ("2027-02-28", "unknown"), ("2027-03-01", "false")]
)
def test_whoever_is_born_on_29_february_may_be_a_year_older_on_the_28th(
    on: str, truth: str
) -> None:
    (path,) = SUBJECTS.glob("CAR-009-*")
    protocol = read_pack(shipped_pack())
    subject = read_subject(path.read_bytes(), path.name, protocol)
    with Screener(protocol) as screener:
        (first, *_) = screener.decide(subject, date.fromisoformat(on))["criteria"]
    (age,) = [why for why in first["why"]["children"] if why["condition"].startswith("Age")]
    assert age["truth"] == truth
    assert age["reading"].get("reason") == ("calendar" if truth == "unknown" else None)
