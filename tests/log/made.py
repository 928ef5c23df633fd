"""What these tests log: small made-up decisions, under a made-up pack, by a made-up clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.store.log.append import append_decision
from app.store.log.store import Log, Receipt, create_log, open_log
from engine.log.manifest import pack_manifest
from engine.record.messages import say
from engine.record.shape import SEMANTICS, dump_any

NAME = "example.org/site-1"
PACK = {
    "eligibility.yaml": b"criteria: []\n",
    "facts.yaml": b"facts: {}\n",
    "protocol.yaml": b"protocol: made-up\n",
}
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def ticking(start: datetime = START) -> Callable[[], datetime]:
    """A clock that moves on by a second each time it is read."""
    moment = start

    def now() -> datetime:
        nonlocal moment
        moment += timedelta(seconds=1)
        return moment

    return now


def facts_of(subject: str, lansky: int = 80) -> bytes:
    """A subject file."""
    return f"subject: {subject}\nfacts:\n  lansky: {lansky}\n".encode()


def record_of(
    subject: str, facts: bytes, verdict: str = "eligible", pack: dict[str, bytes] = PACK
) -> bytes:
    """A decision record of the published shape, with one criterion."""
    lansky: dict[str, Any] = {"eligible": 80, "ineligible": 40, "undetermined": None}
    value = lansky[verdict]
    status = {"eligible": "passed", "ineligible": "failed", "undetermined": "open"}[verdict]
    answer = {"passed": "yes", "failed": "no", "open": "unknown"}[status]
    truth = {"passed": "true", "failed": "false", "open": "unknown"}[status]
    test = {"operator": "above", "limits": [50], "unit": "%"}
    asked = say("condition.test", ask="Lansky", test=test)
    detail = say("missing.not_recorded")
    compared: dict[str, Any] = {"ask": "Lansky", "shown": {"value": value}, "test": test}
    reading: dict[str, Any] = {"fact": "lansky", "ask": "Lansky", "value": value, "unit": "%"}
    if value is None:
        reading["reason"] = "not_recorded"
        says = say("says.unknown", **compared, detail=detail)
    else:
        compared["shown"]["unit"] = "%"
        says = say("says.holds" if truth == "true" else "says.fails", **compared)
    lacks = {"fact": "lansky", "reason": "not_recorded", "detail": detail.text}
    lacks |= {"message": detail.data, "collect": "lansky", "ask": "Lansky"}
    counts = {"true": "1 true, 0 false, 0 unknown", "false": "0 true, 1 false, 0 unknown",
              "unknown": "0 true, 0 false, 1 unknown"}[truth]  # fmt: skip
    section = {"true": "all passed", "false": "not all passed", "unknown": "open"}[truth]
    criterion = f"criterion I05: answer {answer}, {status}"
    concluded = {
        f"lansky above 50 %: {truth}; {criterion}": "reading of lansky",
        f"inclusion criteria: {section}": f"tally of inclusion criteria: {counts}",
        f"verdict: {verdict}": f"tally of verdict: {counts}",
    }
    record: dict[str, Any] = {
        "schema": "eligo.decision/2",
        "semantics": SEMANTICS,
        "subject": subject,
        "as_of": "2026-11-20",
        "protocol": {
            "id": "made-up",
            "version": "1.0",
            "digest": "sha256:" + sha256(pack_manifest(pack)).hexdigest(),
            "title": "Made up",
        },
        "facts_digest": "sha256:" + sha256(facts).hexdigest(),
        "software": {"eligo": "0.1.0", "durable_rules": "2.0.28", "python": "3.11"},
        "verdict": verdict,
        "determined_by": [] if status == "passed" else ["I05"],
        "look_again": None,
        "passed_over": [],
        "records": [],
        "criteria": [
            {
                "id": "I05",
                "kind": "inclusion",
                "text": "Lansky score > 50%",
                "interpretation": "",
                "basis": "stated",
                "answer": answer,
                "status": status,
                "why": {
                    "node": "I05",
                    "condition": asked.text,
                    "condition_message": asked.data,
                    "truth": truth,
                    "test": test,
                    "says": says.text,
                    "says_message": says.data,
                    "reading": reading,
                    "children": [],
                },
                "missing": [lacks] if status == "open" else [],
            }
        ],
        "firings": [
            {"rule": said, "because": [because], "concluded": said}
            for said, because in concluded.items()
        ],
    }
    return dump_any(record)


def decide(
    log: Log,
    subject: str,
    now: Callable[[], datetime],
    verdict: str = "eligible",
    by: str = "N. Nurse",
    lansky: int = 80,
    reason: str = "",
) -> Receipt:
    """Append a made-up decision."""
    facts = facts_of(subject, lansky)
    return append_decision(
        log,
        record=record_of(subject, facts, verdict),
        facts=facts,
        form="yaml",
        pack=PACK,
        by=by,
        reason=reason,
        now=now,
    )


def log_of(folder: Path, subjects: int, name: str = NAME) -> Path:
    """A new log with a decision on each of S-0, S-1, ..."""
    create_log(folder, name)
    now = ticking()
    with open_log(folder, write=True) as log:
        for number in range(subjects):
            decide(log, f"S-{number}", now)
    return folder
