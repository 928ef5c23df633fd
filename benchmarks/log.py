"""What the decision log costs, as ratios measured in one run.

    python benchmarks/log.py [--entries 10000]

Prints the cost of an append beside that of bringing the same bytes to the disk, of a report's
entry, how long `verify` takes for each entry, and the length of the longest proof. The records
are real decisions: 10,000 entries take 0.5 GB under the temporary folder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from app.store.log.append import append_decision, append_report  # noqa: E402
from app.store.log.proof import prove  # noqa: E402
from app.store.log.store import create_log, open_log  # noqa: E402
from app.store.log.verify import verify  # noqa: E402
from app.store.packs import pack_files  # noqa: E402
from benchmarks.kept import keep  # noqa: E402
from engine.decide.decision import Screener  # noqa: E402
from engine.read.packs import protocol_of  # noqa: E402
from engine.read.subjects import read_subject  # noqa: E402
from engine.record.shape import dump  # noqa: E402

SAMPLE = 500


def floor(folder: Path, data: bytes) -> Callable[[], None]:
    """Adds `data` to a file and brings it to the disk: what no durable append can beat."""
    file = (folder / "floor").open("wb", buffering=0)

    def write() -> None:
        file.write(data)
        os.fsync(file.fileno())

    return write


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of `times` calls."""
    took = []
    for _ in range(times):
        start = perf_counter()
        work()
        took.append(perf_counter() - start)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--keep", action="store_true", help="keep the ratios")
    options = parser.parse_args()
    entries, ratios = options.entries, dict[str, float]()
    pack = pack_files(ROOT / "rules" / "cd19-car-t-b-all")
    protocol = protocol_of(pack, "pack")
    file = sorted((ROOT / "fixtures" / "subjects").glob("*.yaml"))[0]
    facts = file.read_bytes()
    with Screener(protocol) as screener:
        subject = read_subject(facts, file.name, protocol)
        record = dump(screener.decide(subject, date(2026, 11, 20)))
        deciding = statistics.median(
            timed(lambda: dump(screener.decide(subject, date(2026, 11, 20))), SAMPLE)
        )
    with TemporaryDirectory() as name:
        folder = Path(name)
        disk = statistics.median(timed(floor(folder, record + facts), SAMPLE))
        create_log(folder / "log", "example.org/measured")
        with open_log(folder / "log", write=True) as log:

            def decision() -> object:
                return append_decision(
                    log, record=record, facts=facts, form="yaml", pack=pack, by="N. Nurse",
                    reason="", now=lambda: datetime.now(UTC),
                )  # fmt: skip

            def report() -> object:
                return append_report(
                    log, 0, report=record, form="html", by="N. Nurse", now=lambda: datetime.now(UTC)
                )

            took = timed(decision, entries)
            reported = statistics.median(timed(report, min(SAMPLE, entries)))
            size = log.size
        appended = statistics.median(took)
        late = sorted(took)[len(took) * 99 // 100]
        print(f"{size} entries, {len(record)} bytes a record")
        for what, seconds in (
            ("the bytes of an append, to the disk", disk),
            ("append a decision, median", appended),
            ("append a decision, 99th of 100", late),
            ("append a report, median", reported),
            ("decide, as JSON", deciding),
        ):
            print(f"{what:42} {1e3 * seconds:8.2f} ms {seconds / disk:8.2f} of the disk's floor")
            ratios[f"{what}, of the disk's floor"] = seconds / disk
        with open_log(folder / "log") as log:
            start, busy = perf_counter(), process_time()
            result = verify(log, log.verifier)
            whole, busy = perf_counter() - start, process_time() - busy
            longest = max(len(prove(log, n).encode()) for n in range(0, size, size // 50 or 1))
        print(
            f"verify: {whole:.1f} s ({busy:.1f} s of a processor), {whole / size * 1e5:.1f} s a "
            f"100,000 entries; {len(result.findings)} findings"
        )
        print(f"the longest proof: {longest} bytes")
        ratios["verify an entry, of deciding it"] = busy / size / deciding
    if options.keep:
        keep("log", ratios)


if __name__ == "__main__":
    main()
