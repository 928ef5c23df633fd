"""How fast subjects are screened, as ratios measured in one run.

    python benchmarks/screening.py [--seconds 3] [--subjects 200000]

Prints rates in processor time (median of five rounds) beside a hand-written function for the same
protocol (`benchmarks/plain.py`), the engine's own floor (its C calls alone, replayed), the command
line's rate from JSON files, start-up times and memory over many subjects. `--keep` keeps the
ratios (`benchmarks/kept.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.store.packs import read_pack  # noqa: E402
from app.store.shipped import shipped_pack  # noqa: E402
from benchmarks.kept import keep  # noqa: E402
from benchmarks.plain import answers  # noqa: E402
from engine.decide.decision import Screener  # noqa: E402
from engine.read.subjects import read_subject  # noqa: E402
from engine.record.shape import dump  # noqa: E402
from engine.select.readings import find_readings, readings_only  # noqa: E402
from engine.terms import Subject  # noqa: E402
from engine.terms.faults import InputRejected  # noqa: E402

AS_OF = date(2026, 11, 20)
FIXTURES = sorted((ROOT / "fixtures" / "subjects").iterdir())


def rate(work: Callable[[Subject], object], subjects: list[Subject], seconds: float) -> float:
    """Subjects a second of processor time: the median of five rounds."""
    rounds, clock = [], time.process_time
    for _ in range(5):
        count, start = 0, clock()
        while clock() - start < seconds / 5:
            for subject in subjects:
                work(subject)
            count += len(subjects)
        rounds.append(count / (clock() - start))
    return statistics.median(rounds)


def floor(screener: Screener, subjects: list[Subject]) -> Callable[[Subject], object]:
    """Replays only the engine's C calls of each decision: what no Python around it can beat."""
    engine, handle = screener.session._engine, screener.session._handles[0]
    calls: dict[str, list[str]] = {}

    class Recorder:
        def __init__(self, texts: list[str]) -> None:
            self.texts = texts

        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

        def assert_fact(self, number: int, text: str) -> Any:
            self.texts.append(text)
            return engine.assert_fact(number, text)

    for subject in subjects:
        readings = readings_only(find_readings(screener.protocol, subject, AS_OF))
        calls[subject.id] = []
        screener.session._engine = Recorder(calls[subject.id])
        screener.session.run(readings, AS_OF)
    screener.session._engine = engine

    def replay(subject: Subject) -> None:
        state = None
        for text in calls[subject.id]:
            _, state = engine.assert_fact(handle, text)
        message = engine.start_action_for_state(handle, state)[1]
        while message:
            message = engine.complete_and_start_action(handle, state)
        engine.delete_state(handle, "s")

    return replay


def as_json(subject_file: Path, number: int) -> str:
    """A fixture as a JSON subject file with an id of its own."""
    import yaml

    value = yaml.load(subject_file.read_text("utf-8"), Loader=yaml.BaseLoader)
    value["subject"] = f"BENCH-{number:06}"
    return json.dumps(_typed(value))


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _typed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_typed(child) for child in value]
    return {"true": True, "false": False, "": None, "null": None}.get(value, value)


def started(words: list[str]) -> float:
    """Processor seconds of a Python process, from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words], cwd=ROOT, check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each rate")
    parser.add_argument("--subjects", type=int, default=20_000, help="for the memory figure")
    parser.add_argument("--files", type=int, default=2_000, help="for the command line's rate")
    parser.add_argument("--keep", action="store_true", help="keep the ratios")
    options = parser.parse_args()
    protocol = read_pack(shipped_pack())
    subjects = []
    for path in FIXTURES:
        try:
            subjects.append(read_subject(path.read_bytes(), path.name, protocol))
        except InputRejected:
            continue
    screener = Screener(protocol)
    print(
        f"{len(subjects)} subjects, {len(protocol.criteria)} criteria, {os.cpu_count()} processors"
    )

    plain = rate(lambda s: answers(s, AS_OF), subjects, options.seconds)
    decide = rate(lambda s: screener.trace(s, AS_OF), subjects, options.seconds)
    bare = rate(floor(screener, subjects), subjects, options.seconds)
    lines = [
        ("plain function, answers only", plain),
        ("engine's C calls alone", bare),
        ("decisions, traced and cross-checked", decide),
        (
            "decisions, as JSON",
            rate(lambda s: dump(screener.decide(s, AS_OF)), subjects, options.seconds),
        ),
    ]
    decisions = {s.id: screener.decide(s, AS_OF) for s in subjects}
    from reports.screening import as_html, as_pdf

    lines.append(
        ("HTML reports", rate(lambda s: as_html(decisions[s.id]), subjects, options.seconds))
    )
    lines.append(
        ("PDF reports", rate(lambda s: as_pdf(decisions[s.id]), subjects[:10], options.seconds))
    )
    for name, figure in lines:
        print(f"{name:40} {figure:10.0f} /s   {figure / plain:8.4f} of plain")
    print(f"decisions at {decide / bare:.2f} of the engine's floor")
    ratios = {f"{name}, of plain": plain / figure for name, figure in lines[2:]}
    ratios["decisions, of the engine's C calls"] = bare / decide
    ratios |= parts(screener, subjects, options.seconds)

    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.files):
            text = as_json(FIXTURES[number % len(FIXTURES)], number)
            Path(folder, f"s{number:06}.json").write_text(text, "utf-8")
        words = ["screen", folder, "--as-of", AS_OF.isoformat(), "--format", "json"]
        took = started(["-m", "app", *words])
        print(f"command line, {options.files} JSON files: {options.files / took:.0f} /s")
        ratios["command line, of plain"] = plain * took / options.files
    fixture = FIXTURES[0].as_posix()
    cold = ["screen", fixture, "--as-of", AS_OF.isoformat(), "--format", "json"]
    bare_start = statistics.median(started(["-c", "pass"]) for _ in range(7))
    for name, words in (("eligo --help", ["--help"]), ("one subject to JSON, cold", cold)):
        took = statistics.median(started(["-m", "app", *words]) for _ in range(7))
        print(f"{name}: {took * 1000:.0f} ms")
        ratios[f"{name}, of Python's own start"] = took / bare_start

    before, count = memory_mb(), 0
    start = time.perf_counter()
    while count < options.subjects:
        for subject in subjects:
            screener.decide(subject, AS_OF)
        count += len(subjects)
    took = time.perf_counter() - start
    print(f"memory over {count} subjects: {memory_mb() - before:+.1f} MB ({count / took:.0f} /s)")
    if options.keep:
        keep("screening", ratios)


def parts(screener: Screener, subjects: list[Subject], seconds: float) -> dict[str, float]:
    """Where a decision's time goes: the share of each part."""
    names = ("readings", "rules fired", "reference and comparison", "record", "JSON")
    spent = dict.fromkeys(names, 0.0)
    clock, count, start = time.process_time, 0, time.process_time()
    while clock() - start < seconds:
        for subject in subjects:
            t0 = clock()
            found = find_readings(screener.protocol, subject, AS_OF)
            readings = readings_only(found)
            t1 = clock()
            outcome = screener.session.run(readings, AS_OF)
            t2 = clock()
            trace = screener._conclude(subject, AS_OF, found, outcome)
            screener._cross_check(trace, readings)
            t3 = clock()
            record = screener._record(trace)
            t4 = clock()
            dump(record)
            took = (t1 - t0, t2 - t1, t3 - t2, t4 - t3, clock() - t4)
            for name, part in zip(names, took, strict=True):
                spent[name] += part
            count += 1
    whole = sum(spent.values())
    for name, all_of_it in spent.items():
        print(f"  {name:38} {all_of_it / count * 1e6:10.0f} us  {all_of_it / whole:8.0%}")
    return {f"{name}, of a decision": part / whole for name, part in spent.items()}


if __name__ == "__main__":
    main()
