"""Digests of everything decided, to be held side by side before and after a change of the code.

`python -m tests.sameness [SUBJECTS]` screens generated subjects and the fixtures, and prints one
SHA-256 a line: of the decisions on the generated ones, and of what the command line prints of
the fixtures, both without `software`. Equal lines mean that no byte is another.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

from tests.command import eligo
from tests.generators import Seeded, case, json_text, subject_in

ROOT = Path(__file__).resolve().parent.parent
EACH = 40
"""Subjects for each pack."""
PRINTED = {
    "screen": "screen fixtures/subjects fixtures/bad/subjects --as-of 2026-11-20 --format json",
    "ten": "screen fixtures/cohorts/ten --as-of 2026-11-20 --format json",
    "plan": "plan fixtures/plan --as-of 2026-11-20 --format json",
    "outcomes": "outcomes fixtures/cohorts/two-hundred --as-of 2026-11-20 --format json",
    "faults": "check fixtures/bad/subjects --protocol rules/cd19-car-t-b-all --as-of 2026-11-20",
}


def generated(subjects: int) -> str:
    """The digest of the decisions on so many generated subjects."""
    digest = sha256()
    for seed in range(subjects // EACH):
        one, choices = case(seed), Seeded(f"sameness {seed}")
        for _ in range(EACH):
            recorded, as_of = one.subject(choices)
            decision = one.screener.decide(subject_in(recorded, one.protocol), as_of)
            kept = {key: value for key, value in decision.items() if key != "software"}
            digest.update(json_text(kept).encode())
        one.close()
        if sys.stderr.isatty():
            print(f"\r{(seed + 1) * EACH:,}", end="", file=sys.stderr)
    return digest.hexdigest()


def printed(words: str) -> str:
    """The digest of what a command prints, line by line, without `software`."""
    digest = sha256()
    lines = eligo(*words.split()).out.splitlines()
    assert lines, words
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            digest.update(line.encode())
            continue
        if isinstance(record, dict):
            record.pop("software", None)
        digest.update(json.dumps(record, sort_keys=False).encode())
    return digest.hexdigest()


def main(subjects: int) -> None:
    print(f"{generated(subjects)}  {subjects} generated subjects")
    for name, words in PRINTED.items():
        print(f"{printed(words)}  {name}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
