"""Kill a process that appends, at moments of chance, many times, and look at what is left.

`python -m tests.log.killing FOLDER ROUNDS SEED`: each round forks a process that appends
until it is killed and says so after each append. Prints what was lost, which must be nothing.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from app.store.log.store import open_log
from app.store.log.verify import verify
from tests.log.made import decide, log_of, ticking


def append_until_killed(folder: Path, pipe: int, first: int) -> NoReturn:
    """Append, and write one byte to the pipe for each append that returned."""
    now = ticking()
    number = first
    with open_log(folder, write=True) as log:
        while True:
            decide(log, f"S-{number}", now)
            os.write(pipe, b".")
            number += 1


def one_round(folder: Path, chance: random.Random) -> int:
    """Kill one process at some moment; returns how many appends it was told had happened."""
    with open_log(folder) as log:
        before = log.size
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            append_until_killed(folder, writer, before)
        finally:
            os._exit(1)
    os.close(writer)
    select.select([reader], [], [], 60)  # it is at work
    time.sleep(chance.uniform(0, 0.008))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told = 0
    while dots := os.read(reader, 65536):
        told += len(dots)
    os.close(reader)
    return before + told


def main(folder: Path, rounds: int, seed: int) -> None:
    """Kill `rounds` times."""
    chance = random.Random(seed)
    log_of(folder, 1)
    lost = torn = unsaid = 0
    for number in range(rounds):
        told = one_round(folder, chance)
        with open_log(folder) as log:
            lost += max(told - log.size, 0)  # said to be on the disk, and is not
            torn += log.size > told + 1  # more than the one entry that was being written
            unsaid += log.size == told + 1
            if number % 50 == 49 or number == rounds - 1:
                assert verify(log, log.verifier).findings == []
    with open_log(folder, write=True) as log:
        decide(log, "S-last", ticking())
        assert verify(log, log.verifier).findings == []
        print(f"{rounds} kills, {log.size} entries, lost {lost}, torn {torn}")
    print(f"{unsaid} appends were on the disk before they were told", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
