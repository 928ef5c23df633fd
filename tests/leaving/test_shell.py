"""What the shell is told: a process that dies, a slip of ours, exit codes, what is printed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main as command
from app.run.pool import ProcessDied, in_processes, processes_for
from engine.terms.faults import EngineFault
from tests.command import eligo

ROOT = Path(__file__).parents[2]
ELIGIBLE = ROOT / "fixtures/subjects/CAR-001-eligible-girl-of-8.yaml"
AS_OF = ("--as-of", "2026-11-20")
RUN = (sys.executable, "-m", "app")


def cohort(folder: Path, count: int) -> Path:
    """So many subjects, each nothing but an id."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:05}.json").write_text(json.dumps({"subject": f"S{number:05}"}))
    return folder


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(one) for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


def killed_at_work(words: list[str], at_work: Path | None) -> tuple[int, str]:
    """Kill one worker of a run, once a file of its folder is there; exit code, standard error."""
    run = subprocess.Popen(
        [*RUN, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            began = at_work is None or (at_work.is_dir() and any(at_work.iterdir()))
            if began and len(workers := children(run)) == 2:
                break
            time.sleep(0.01)
        os.kill(workers[0], signal.SIGKILL)
        _, err = run.communicate(timeout=60)
    finally:
        run.kill()
    return run.returncode, err


def test_a_killed_worker_ends_the_run_and_is_said(tmp_path: Path) -> None:
    subjects, out = cohort(tmp_path / "in", 3_000), tmp_path / "out"
    words = ["screen", str(subjects), *AS_OF, "--jobs", "2", "--format", "json", "--out", str(out)]
    code, err = killed_at_work(words, out)
    assert code == 3 and "Traceback" not in err
    assert " of 3000 subjects have no decision" in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("a process died; ")
    for file in out.glob("*.json"):
        assert json.loads(file.read_bytes())["schema"] == "eligo.decision/2"


def test_a_killed_worker_leaves_no_trial_report(tmp_path: Path) -> None:
    subjects, out = cohort(tmp_path / "in", 3_000), tmp_path / "out"
    words = ["outcomes", str(subjects), *AS_OF, "--jobs", "2", "--out", str(out)]
    code, err = killed_at_work(words, None)
    assert code == 3 and "Traceback" not in err
    assert " of 3000 subjects have no decision; there is no report" in err.splitlines()[-1]
    assert list(out.iterdir()) == []


# --- the pool -----------------------------------------------------------------------------


Work = Callable[[int], int]


def double(number: int) -> int:
    return 2 * number


def starting() -> Work:
    return double


def not_starting() -> Work:
    raise ImportError("an engine that does not load")


def in_doubt() -> Work:
    raise EngineFault("made for this test")


def slipping() -> Work:
    def work(number: int) -> int:
        if number == 40:
            raise KeyError("a slip")
        return number

    return work


def full() -> Work:
    def work(number: int) -> int:
        if number == 20:
            raise OSError(28, "No space left on device", "here")
        return number

    return work


def dying() -> Work:
    def work(number: int) -> int:
        if number == 40:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    return work


def test_work_comes_back_in_order() -> None:
    assert list(in_processes(starting, (), range(200), 3)) == [*range(0, 400, 2)]
    assert list(in_processes(starting, (), [], 3)) == []


@pytest.mark.parametrize(
    ("start", "error", "done"),
    [
        (not_starting, ProcessDied, 0),
        (in_doubt, EngineFault, 0),
        (slipping, ProcessDied, 32),
        (dying, ProcessDied, 32),
        (full, OSError, 20),
    ],
)
def test_what_ends_a_process_ends_the_work(
    start: Callable[[], Work], error: type[Exception], done: int
) -> None:
    found: list[int] = []

    def gather() -> None:
        for one in in_processes(start, (), range(48), 1):
            found.append(one)

    with pytest.raises(error):
        gather()
    assert len(found) == done


def test_no_more_processes_than_work() -> None:
    assert processes_for(1_000_000, 3, 200) <= 3
    assert processes_for(None, 10, 200) == 1 and processes_for(7, 0, 200) == 1


# --- a slip of ours -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyError("a patient's name"), 3, "a fault of the software, KeyError at "),
        (RecursionError("x"), 3, "a fault of the software, RecursionError at "),
        (MemoryError(), 3, "not enough memory"),
        (
            OSError(28, "No space left on device", "\x1b[2Jx"),
            2,
            "No space left on device: \\x1b[2Jx",
        ),
    ],
)
def test_the_last_handler(
    error: Exception,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def slip() -> int:
        raise error

    monkeypatch.setattr(command, "main", slip)
    monkeypatch.delenv("ELIGO_DEBUG", raising=False)
    assert command.entry() == code
    err = capfd.readouterr().err
    assert said in err and err.count("\n") == 1 and "Traceback" not in err and "name" not in err
    monkeypatch.setenv("ELIGO_DEBUG", "1")
    assert command.entry() == code
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("what", ["survival", "new", "csv", "redcap"])
def test_an_endless_file_is_refused_before_it_is_read_whole(what: str, tmp_path: Path) -> None:
    words = {
        "survival": ("survival", "/dev/zero", "--time", "t", "--event", "e"),
        "new": ("new", "/dev/zero", "--out", str(tmp_path / "pack")),
        "csv": ("import", "csv", "/dev/zero", "--out", str(tmp_path / "o")),
        "redcap": ("import", "redcap", "/dev/zero", "--out", str(tmp_path / "o")),
    }[what]
    ran = eligo(*words)
    assert ran.code == 2 and ("too-large" in ran.said or "not a file" in ran.said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["undefined", "punycode", "no-such", "idna", "hex", "utf-7"])
def test_an_encoding_that_cannot_be_used_is_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("subject,note\nS1,é\n", "utf-8")
    for what in ("csv", "redcap"):
        words = ("import", what, str(tmp_path / "t.csv"), "--encoding", name)
        ran = eligo(*words, "--out", str(tmp_path / "o"))
        assert ran.code == 2 and ": encoding: " in ran.said


# --- what is printed ------------------------------------------------------------------------

HOSTILE = "\x1b[2J\x1b]0;pwn\x07a\u202eb\u200fc\u2066d"


def commands(folder: Path) -> list[tuple[str, ...]]:
    there = str(folder)
    return [
        ("screen", there, *AS_OF),
        ("screen", there, *AS_OF, "--summary"),
        ("check", there, *AS_OF),
        ("plan", there, *AS_OF),
        ("outcomes", there, *AS_OF),
        ("export", "fhir", there, "--out", f"{there}/o"),
        ("export", "sdtm", there, "--out", f"{there}/o"),
        ("screen", f"{there}/{HOSTILE}"),
        ("screen", there, "--as-of", HOSTILE),
        ("screen", there, HOSTILE, "--format", HOSTILE),
        ("diff", there, HOSTILE),
        ("new", f"{there}/{HOSTILE}.json", "--out", f"{there}/o"),
        ("log", "list", f"{there}/{HOSTILE}"),
        ("frobnicate", HOSTILE),
    ]


def hostile(folder: Path) -> Path:
    folder.mkdir()
    (folder / f"{HOSTILE}.txt").write_text("x")
    (folder / f"{HOSTILE}.yaml").write_text("subject: A\nfacts: {lanski: 80}\n")
    (folder / f"b{HOSTILE}.json").write_text(json.dumps({"subject": "B\u202eC"}))
    (folder / f"c{HOSTILE}.json").write_text("{")
    (folder / "d.yaml").write_text('subject: "D\u202e"\nfacts: {"\u202e": 1}\n')
    return folder


@pytest.mark.parametrize("number", range(14))
def test_nothing_of_an_input_commands_a_terminal(number: int, tmp_path: Path) -> None:
    ran = eligo(*commands(hostile(tmp_path / "in"))[number])
    assert ran.out + ran.err and ran.code in (0, 2)
    assert not set("\x1b\x07\u202e\u200f\u2066") & set(ran.out + ran.err)


def test_a_log_prints_ids_that_command_nothing(tmp_path: Path) -> None:
    log, file = str(tmp_path / "log"), tmp_path / "a.json"
    file.write_text(json.dumps({"subject": "A\u202eB"}))
    assert eligo("log", "init", log).code == 0
    words = ("screen", str(file), *AS_OF, "--log", log, "--by", "N. Nurse\u202e")
    assert eligo(*words).code in (0, 2)
    words = ("screen", str(file), *AS_OF, "--log", log, "--by", "N. Nurse")
    assert eligo(*words).code == 0
    for act in (
        ("list", log),
        ("show", log, "0"),
        ("verify", log),
        ("export", log, str(tmp_path / "e")),
    ):
        ran = eligo("log", *act[:2], *(("--out",) if act[0] == "export" else ()), *act[2:])
        assert "\u202e" not in ran.out + ran.err
    assert "A\\u202eB" in eligo("log", "list", log).out


@pytest.mark.parametrize("what", ["fhir", "sdtm"])
@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, '{"schema": "eligo.decision/2"}', "null", "", "\x00", "[1]"],
)
def test_what_is_no_record_is_a_fault_of_the_file(what: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "r.jsonl").write_text(text)
    ran = eligo("export", what, str(tmp_path / "r.jsonl"), "--out", str(tmp_path / "o"))
    assert ran.code == 2 and "r.jsonl:" in ran.said and not (tmp_path / "o").exists()


# --- names and hints -------------------------------------------------------------------------


def test_a_subject_file_named_without_its_end_is_offered(tmp_path: Path) -> None:
    shutil.copy(ELIGIBLE, tmp_path / "CAR-001.yaml")
    ran = eligo("screen", str(tmp_path / "CAR-001"), *AS_OF)
    assert ran.code == 2 and f"did you mean `{tmp_path}/CAR-001.yaml`?" in ran.said
    ran = eligo("screen", str(ELIGIBLE.parent / "CAR-001"), *AS_OF)
    assert "CAR-001-eligible-girl-of-8.yaml" in ran.said


def test_faults_have_an_upper_number(tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    facts = {f"k{number}": 1 for number in range(60_000)}
    file.write_text(json.dumps({"subject": "X", "facts": facts}))
    ran = eligo("check", str(file))
    assert ran.code == 2 and "and 59,900 more faults in this file" in ran.out
    assert ran.out.count("unknown-fact") == 100 and "60000 faults" in ran.out
    other = tmp_path / "few.yaml"
    other.write_text("subject: Y\nfacts: {lanski: 80}\n")
    ran = eligo("screen", str(file), str(other), *AS_OF, "--format", "json")
    records = [json.loads(line) for line in ran.out.splitlines()]
    assert [len(record["faults"]) for record in records] == [101, 1]
