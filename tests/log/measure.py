"""Measure a log: `python tests/log/measure.py [ENTRIES]` (100,000 unless said otherwise).

Prints the cost of an append beside that of a bare write to the disk, the time `verify` takes,
and the length of the longest proof. The records are real decisions, so this needs about 50 kB
of disk for each entry, under the temporary folder.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def disk_floor(folder: Path, writes: int = 500) -> float:
    """Seconds to bring one page to the disk."""
    with (folder / "floor").open("wb") as file:
        start = perf_counter()
        for _ in range(writes):
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
        return (perf_counter() - start) / writes


def main(entries: int) -> None:
    """Append, verify and prove; print what each took."""
    from app.log.append import append_decision
    from app.log.proof import prove
    from app.log.store import create_log, open_log
    from app.log.verify import verify
    from engine.decision import Screener
    from engine.packs import pack_files, protocol_of
    from engine.record import dump
    from engine.subjects import read_subject

    pack = pack_files(ROOT / "rules" / "cd19-car-t-b-all")
    protocol = protocol_of(pack, "pack")
    file = sorted((ROOT / "fixtures" / "subjects").glob("*.yaml"))[0]
    facts = file.read_bytes()
    with Screener(protocol) as screener:
        subject = read_subject(facts, file.name, protocol)
        record = dump(screener.decide(subject, date(2026, 11, 20)))
    with TemporaryDirectory() as folder:
        print(f"disk: {1e3 * disk_floor(Path(folder)):.2f} ms to bring a page to it")
        create_log(Path(folder) / "log", "example.org/measured")
        took = []
        with open_log(Path(folder) / "log", write=True) as log:
            for _ in range(entries):
                start = perf_counter()
                append_decision(
                    log,
                    record=record,
                    facts=facts,
                    form="yaml",
                    pack=pack,
                    by="N. Nurse",
                    reason="",
                    now=lambda: datetime.now(UTC),
                )
                took.append(perf_counter() - start)
        took.sort()
        print(f"append: {1e3 * sum(took) / entries:.2f} ms on average, median "
              f"{1e3 * took[entries // 2]:.2f}, 99th of 100 {1e3 * took[entries * 99 // 100]:.2f}"
              f" ({len(record)} bytes a record)")  # fmt: skip
        with open_log(Path(folder) / "log") as log:
            start, busy = perf_counter(), process_time()
            result = verify(log, log.verifier)
            took_all, busy = perf_counter() - start, process_time() - busy
            print(
                f"verify: {took_all:.1f} s ({busy:.1f} s of a processor) for {result.size} "
                f"entries, {len(result.findings)} findings"
            )
            longest = max(
                len(prove(log, n).encode()) for n in range(0, entries, entries // 50 or 1)
            )
            print(f"proof: {longest} bytes at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
