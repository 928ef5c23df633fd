"""A process that appends to a log, or reads it, in ways that a test cannot bear in its own.

many FOLDER N       append N decisions; prints each index once it is on the disk
append FOLDER N     the same, with the rights of nobody in particular
verify FOLDER       verify, with those rights
limited FOLDER N    append until no file may grow by more than N bytes
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from app.store.log.store import open_log
from app.store.log.verify import verify
from engine.log import LogFault
from tests.log.made import decide, log_of, ticking

NO_ONE = 65534


def drop_rights() -> None:
    """Become a user without rights, who may not even read what is loaded late."""
    with TemporaryDirectory() as folder, open_log(log_of(Path(folder) / "log", 1)) as log:
        verify(log, log.verifier)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NO_ONE)
        os.setuid(NO_ONE)


def main(mode: str, folder: Path, count: int) -> None:
    """Do what was asked; a fault is printed, by its kind and its words."""
    if mode in ("append", "verify"):
        drop_rights()
    if mode == "limited":
        largest = max(path.stat().st_size for path in folder.iterdir())
        sys.dont_write_bytecode = True  # half of it would be kept
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + count, largest + count))
    now = ticking()
    name = f"P{os.getpid()}"
    try:
        with open_log(folder, write=mode != "verify") as log:
            if mode == "verify":
                result = verify(log, log.verifier)
                print(f"{result.size} entries, {len(result.findings)} findings")
            number = 0
            while mode == "limited" or (mode in ("append", "many") and number < count):
                print(decide(log, f"{name}-{number}", now, by=name).index, flush=True)
                number += 1
    except LogFault as fault:
        print(type(fault).__name__, fault)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
