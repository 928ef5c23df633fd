"""Nothing is lost: not to many processes, not to `kill -9`, not to a write cut short."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.store.log.store import DATABASE, create_log, open_log
from app.store.log.verify import verify
from engine.log.entry import Decided, read_details, read_entry
from engine.log.note import open_checkpoint
from tests.log.made import NAME, decide, log_of, ticking

ROOT = Path(__file__).resolve().parents[2]
LONG = os.environ.get("ELIGO_FUZZ") == "long"
KILLS = 1_000 if LONG else 60
PROCESSES = 8
EACH = 1_250 if LONG else 40


def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    create_log(folder, NAME)
    command = [sys.executable, "-m", "tests.log.child", "many", str(folder), str(EACH)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    told: list[list[int]] = []
    with open_log(folder) as log:  # whoever reads meanwhile sees a whole log, ever longer
        sizes = []
        while running[0].poll() is None:
            result = verify(log, log.verifier)
            assert result.findings == []
            sizes.append(result.size)
        assert sizes == sorted(sizes)
    for process in running:
        out, _ = process.communicate(timeout=900)
        assert process.returncode == 0
        told.append([int(line) for line in out.split()])
    assert sorted(index for indices in told for index in indices) == list(
        range(PROCESSES * EACH)
    ), "each index was given out once"
    assert all(indices == sorted(indices) for indices in told)
    written: dict[str, list[str]] = {}
    last = ""
    with open_log(folder) as log:
        assert verify(log, log.verifier).findings == []
        for _, data in log.entries():
            entry = read_entry(data)
            assert isinstance(entry, Decided)
            details = log.piece(entry.details)
            assert details is not None
            written.setdefault(entry.by, []).append(read_details(details).subject)
        last = log.checkpoint()
        assert open_checkpoint(last, log.verifier).size == PROCESSES * EACH
    assert len(written) == PROCESSES
    for by, subjects in written.items():
        assert subjects == [f"{by}-{number}" for number in range(EACH)], "each in its order"


def test_a_process_killed_at_any_moment_loses_at_most_what_it_was_writing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.log.killing", str(tmp_path / "log"), str(KILLS), "7"],
        cwd=ROOT, capture_output=True, text=True, timeout=1_800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(rf"{KILLS} kills, \d+ entries, lost 0, torn 0\n", done.stdout)


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, list[int]]:
    """A log's files as they lie while it is open, with every append still in the journal.

    Returns the folder, the log's size, and the journal's length after each append.
    """
    folder = tmp_path_factory.mktemp("unfinished")
    log_of(folder / "log", 2)
    lengths = []
    with open_log(folder / "log", write=True) as log:
        now = ticking()
        for number in range(6):
            decide(log, f"T-{number}", now)
            lengths.append((folder / "log" / (DATABASE + "-wal")).stat().st_size)
        shutil.copytree(folder / "log", folder / "copy")
        size = log.size
    return folder / "copy", size, lengths


def test_a_journal_cut_short_anywhere_keeps_every_append_before_the_cut(
    unfinished: tuple[Path, int, list[int]], tmp_path: Path
) -> None:
    """Power may fail between any two writes: what was cut off is gone whole, nothing before."""
    copy, size, lengths = unfinished
    journal = (copy / (DATABASE + "-wal")).read_bytes()
    assert len(journal) == lengths[-1]
    steps = range(0, len(journal) + 1, 97 if LONG else 1_531)
    for cut in sorted(
        {*steps, *lengths, *(n - 1 for n in lengths), *(n + 1 for n in lengths[:-1])}
    ):
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(copy, folder)
        (folder / (DATABASE + "-shm")).unlink(missing_ok=True)
        (folder / (DATABASE + "-wal")).write_bytes(journal[:cut])
        with open_log(folder, write=True) as log:
            assert log.size == size - len(lengths) + sum(length <= cut for length in lengths)
            assert verify(log, log.verifier).findings == []
            decide(log, "after", ticking())
            assert verify(log, log.verifier).findings == []


def test_a_journal_with_a_bit_flipped_never_yields_a_false_log(
    unfinished: tuple[Path, int, list[int]], tmp_path: Path
) -> None:
    copy, size, lengths = unfinished
    journal = (copy / (DATABASE + "-wal")).read_bytes()
    for place in range(0, len(journal), 211 if LONG else 6_007):
        folder = tmp_path / "flipped"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(copy, folder)
        (folder / (DATABASE + "-shm")).unlink(missing_ok=True)
        bent = bytearray(journal)
        bent[place] ^= 1 << place % 8
        (folder / (DATABASE + "-wal")).write_bytes(bent)
        with open_log(folder, write=True) as log:
            assert size - len(lengths) <= log.size < size or place < 32
            assert verify(log, log.verifier).findings == []
