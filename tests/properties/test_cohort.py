"""A cohort is its subjects one by one, and the same inputs give the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.packs import pack_files
from engine.decide.decision import Screener, rejection
from engine.read.packs import protocol_of
from engine.read.subjects import read_subject
from engine.record.shape import Decision
from engine.select.readings import find_readings, readings_only
from engine.terms.faults import EngineFault, InputRejected
from tests.generators import LONG, POOL, Seeded, case, pooled, subject_in

ROOT = Path(__file__).parent.parent.parent
OTHER_SETTINGS = [
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Tehran", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati", "LC_ALL": "fa_IR.UTF-8"},
    {"PYTHONHASHSEED": "7", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR"},
]


@given(st.integers(0, POOL - 1), st.integers(0, 2**32))
@settings(max_examples=1_000 if LONG else 12)
def test_a_cohort_is_its_subjects_one_by_one(pack: int, seed: int) -> None:
    c, one = Seeded(seed), pooled(pack)
    cohort = [
        (subject_in(recorded, one.protocol), on) for recorded, on in map(one.subject, [c] * 6)
    ]
    alone: list[Decision] = []
    for subject, as_of in cohort:
        with Screener(one.protocol) as fresh:
            alone.append(fresh.decide(subject, as_of))
    for number in c.shuffled(range(len(cohort) * 2)):
        subject, as_of = cohort[number % len(cohort)]
        if c.chance(30):
            _fail_midway(one.screener, as_of, c.whole(0, 3))
        assert one.screener.decide(subject, as_of) == alone[number % len(cohort)]


def _fail_midway(screener: Screener, as_of: date, after: int) -> None:
    """Let the engine fail on somebody, when some of their readings are already asserted."""
    nobody = subject_in({"subject": "nobody"}, screener.protocol)
    readings = readings_only(find_readings(screener.protocol, nobody, as_of))
    used = [kind.fact for kind in screener.program.readings if kind.fact]
    for name in set(used[after:]) - set(used[:after]):
        del readings[name]
    if len(readings.keys() & set(used)) < len(set(used)):
        with pytest.raises(EngineFault):
            screener.session.run(readings, as_of)


def everything() -> bytes:
    """Decisions and rejections on a sample, as they are printed, without `software`."""
    lines: list[object] = []
    for seed in range(8):
        one = case(seed)
        c = Seeded(f"bytes {seed}")
        for _ in range(6):
            recorded, as_of = one.subject(c)
            decision = one.screener.decide(subject_in(recorded, one.protocol), as_of)
            lines.append({key: value for key, value in decision.items() if key != "software"})
        one.close()
    protocol = protocol_of(pack_files(ROOT / "rules" / "cd19-car-t-b-all"), "pack")
    bad = ROOT / "fixtures" / "bad"
    for file in sorted((bad / "subjects").glob("*.[jy]*")):
        lines.append(_rejected(partial(read_subject, file.read_bytes(), file.name, protocol)))
    for folder in sorted(p.parent for p in (bad / "packs").glob("*/facts.yaml")):
        lines.append(_rejected(partial(protocol_of, pack_files(folder), "pack")))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def _rejected(read: Callable[[], object]) -> object:
    try:
        read()
    except InputRejected as rejected:
        return rejection(rejected, rejected.subject)
    return "accepted"


@pytest.mark.parametrize("environment", OTHER_SETTINGS, ids=lambda e: e["TZ"])
def test_the_same_inputs_give_the_same_bytes(environment: dict[str, str]) -> None:
    script = (
        "import sys; from tests.properties.test_cohort import everything;"
        " sys.stdout.buffer.write(everything())"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert result.stdout == everything()
    assert result.stdout.count(b"eligo.decision/2") == 48
    assert result.stdout.count(b"eligo.rejection/1") > 50
