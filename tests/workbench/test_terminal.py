"""What a person at a terminal sees while they wait, and while they write a pack."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from threading import Timer
from typing import IO

import pytest

from app.cli.check import watch
from app.cli.main import main
from tests.bad_packs.corpus import BAD, CLEAN
from tests.command import eligo
from tests.workbench.test_findings import by_name, write

SHIPPED = Path("rules/cd19-car-t-b-all")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("words", "stages"),
    [
        (["check", SHIPPED.as_posix()], ["what can be recorded", "criteria", "conditions"]),
        (["diff", SHIPPED.as_posix(), SHIPPED.as_posix()], ["criteria", "the verdict"]),
        (["test", SHIPPED.as_posix(), "--coverage", "--run", "I01"], ["what cases show"]),
    ],
)
def test_progress_is_shown_on_a_terminal_and_nowhere_else(
    words: list[str], stages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert eligo(*words).err == ""
    err, out = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(sys, "stdout", out)
    main(words)
    shown = re.split(r"[\r\n]+", err.getvalue())
    for stage in stages:
        assert any(line.startswith(stage) for line in shown), stage
    assert all(len(line) <= 80 for line in shown)
    # A bar leaves nothing behind.
    assert shown[-1].strip() == "" and "%|" not in out.getvalue()


# --- watching -------------------------------------------------------------------------------


def test_watch_looks_again_at_each_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are edited while it waits: changed, broken, mended, and beside the pack."""
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    rules, cases = pack / "eligibility.yaml", pack / "cases"
    good = rules.read_text()
    rounds = []

    def swapped() -> None:
        rules.write_text(good.replace("[g2, g3]", "[g1, g2, g3]"))

    def broken() -> None:
        rules.write_text("criteria: [")

    def replaced_as_editors_do() -> None:
        (pack / ".eligibility.yaml.swp").write_text("half of it")
        (pack / "new.tmp~").unlink(missing_ok=True)
        fresh = tmp_path.parent / "fresh.yaml"
        fresh.write_text(good)
        fresh.replace(rules)

    def without_cases() -> None:
        for file in cases.iterdir():
            file.unlink()

    edits = [swapped, broken, replaced_as_editors_do, without_cases]

    def waited(_: float) -> None:
        rounds.append(capsys.readouterr().out)
        # Each edit is followed by one look in which nothing happens.
        if len(rounds) % 2 == 0:
            edits.pop(0)()

    monkeypatch.setattr("app.cli.check.time.sleep", waited)
    assert watch(pack, rounds=5) == 0
    said = [text for text in rounds if text]
    assert len(rounds) == 9 and len(said) == 4
    assert "2 cases: 0 failed" in said[0] and "no faults" in " ".join(said[0].split())
    assert "E01: expected no, found yes" in said[1]
    assert "syntax: not YAML" in said[2]
    assert "2 cases: 0 failed" in said[3] and "no faults" in " ".join(said[3].split())
    assert "0 cases: 0 failed" in capsys.readouterr().out


def test_watch_waits_until_a_save_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is written in two steps is looked at once, when it is whole."""
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    rules = pack / "eligibility.yaml"
    good = rules.read_text()
    steps = [good[: len(good) // 2], good + "\n# done\n"]

    def waited(_: float) -> None:
        if steps:
            rules.write_text(steps.pop(0))

    monkeypatch.setattr("app.cli.check.time.sleep", waited)
    assert watch(pack, rounds=2) == 0
    said = capsys.readouterr().out
    assert said.count("waiting for a change") == 2 and "fault:" not in said
    assert said.count("0 failed") == 2


def test_watch_outlives_a_folder_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path / "pack")

    def moved(_: float) -> None:
        if pack.exists():
            pack.rename(tmp_path / "moved")

    monkeypatch.setattr("app.cli.check.time.sleep", moved)
    assert watch(pack, rounds=2) == 2
    assert "is not there" in " ".join(capsys.readouterr().out.split())


def test_notes_alone_are_no_finding_when_watching(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.regions.group.MOST_COMBINATIONS", 3)
    pack = write(by_name(BAD, "limits-crossed"), tmp_path)
    assert eligo("check", pack.as_posix()).code == 0
    assert watch(pack, rounds=1) == 0


def test_the_command_watches_until_it_is_interrupted(tmp_path: Path) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    words = [sys.executable, "-m", "app", "check", pack.as_posix(), "--watch"]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background are started with interrupts ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    # It would wait for ever if it missed a save.
    late = Timer(300, process.kill)
    late.start()
    try:
        assert process.stdout is not None and process.stderr is not None
        assert "2 cases: 0 failed" in _until_it_waits(process.stdout)
        rules = pack / "eligibility.yaml"
        rules.write_text(rules.read_text().replace("[g2, g3]", "[g1, g2, g3]"))
        assert "2 cases: 1 failed" in _until_it_waits(process.stdout)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == "interrupted\n"
    finally:
        late.cancel()
        process.kill()
        process.communicate()


def _until_it_waits(out: IO[str]) -> str:
    lines = []
    for line in out:
        lines.append(line)
        if "waiting for a change" in line:
            return "".join(lines)
    raise AssertionError("it ended: " + "".join(lines))
