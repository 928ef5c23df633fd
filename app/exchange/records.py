"""Read back what `eligo screen` and `eligo outcomes` wrote as JSON, for the exports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from app.exchange.evidence import Evidence, Stated
from app.run.inputs import path_text, say, unfinished_fault
from app.store.writing import unfinished_at
from engine.outcomes.record import Outcome
from engine.read.source import shorten
from engine.record.checked import SCHEMAS, checked_decision
from engine.record.shape import Decision
from engine.record.shapes import Misfit, fits
from engine.terms import Protocol, Span
from engine.terms.faults import Fault, InputRejected

SUFFIXES = (".json", ".jsonl", ".ndjson")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(slots=True)
class Handed:
    """The records to hand on: by subject the latest decision, and the latest outcome."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)

    @property
    def subjects(self) -> list[str]:
        return sorted(self.decisions.keys() | self.outcomes.keys())


def created_time(text: str | None) -> str:
    """The time to state as that of creation, ISO with a zone. Raises: ValueError."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    if not _TIME.fullmatch(text):
        raise ValueError(f"--created {text}: write YYYY-MM-DDThh:mm:ssZ")
    return datetime.fromisoformat(text).isoformat().replace("+00:00", "Z")


def read_records(paths: Sequence[Path], protocol: Protocol, evidence: Evidence) -> Handed:
    """The records in files and folders of JSON, one object a line or a file.

    Raises: InputRejected: for a file that holds none, for a record of another version of the
    protocol, on which this pack's criteria say nothing, and for one that does not hold
    together or that the evidence does not show to be as it was decided.
    """
    faults: list[Fault] = []
    handed = Handed()
    for path, name in _files(paths, faults):
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            faults.append(
                Fault(Span(name, 1, 1), "unreadable", "the file is not readable as UTF-8")
            )
            continue
        for line, value in _values(text):
            where = Span(name, line, 1)
            if not isinstance(value, dict) or "schema" not in value:
                hint = "name what `eligo screen --format json` and `eligo outcomes` wrote"
                faults.append(Fault(where, "no-record", "not a record of Eligo", hint))
                continue
            _take(Stated(value, path, where), protocol, handed, faults, evidence)
    if not handed.subjects and not faults:
        where = Span(", ".join(map(path_text, paths)), 1, 1)
        faults.append(Fault(where, "no-record", "there is no decision and no outcome"))
    if faults:
        raise InputRejected(faults)
    return handed


def _files(paths: Iterable[Path], faults: list[Fault]) -> Iterable[tuple[Path, str]]:
    for path in paths:
        if (mark := unfinished_at(path)) is not None:
            faults.append(unfinished_fault(mark))
        elif path.is_dir():
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                if file.suffix.lower() in SUFFIXES:
                    yield file, path_text(file.relative_to(path))
                else:
                    say(f"passed over, not a record: {path_text(file)}")
        elif path.is_file():
            yield path, path_text(Path(path.name))
        else:
            message = "there is no such file or folder"
            faults.append(Fault(Span(path_text(path), 1, 1), "no-file", message))


def _values(text: str) -> Iterable[tuple[int, Any]]:
    """(line, value) of each JSON value: one a line, or one in the whole file."""
    try:
        yield 1, _json(text)
        return
    except (ValueError, RecursionError):
        pass
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, _json(line)
            except (ValueError, RecursionError):
                yield number, None


def _json(text: str) -> Any:
    """A JSON value that states no key twice. Raises: ValueError, RecursionError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands there twice")
        return found

    def none(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number")

    return json.loads(text, object_pairs_hook=once, parse_constant=none)


def _take(
    one: Stated, protocol: Protocol, handed: Handed, faults: list[Fault], evidence: Evidence
) -> None:
    value, where = one.value, one.where
    schema, subject = value["schema"], str(value.get("subject"))
    if schema in ("eligo.rejection/1", "eligo.fault/1"):
        handed.passed.append(f"{subject}: nothing was decided")
        return
    if schema == "eligo.trial/1":
        return
    if schema not in (*SCHEMAS, "eligo.outcome/1"):
        what = f"a record of another kind: {shorten(str(schema))}"
        faults.append(Fault(where, "no-record", what))
        return
    identity = value.get("protocol")
    identity = identity if isinstance(identity, dict) else {}
    if identity.get("id") != protocol.id or identity.get("digest") != protocol.digest:
        found = shorten(f"{identity.get('id')} {identity.get('version')}")
        what = f"the record of `{shorten(subject)}` is of another protocol or version ({found})"
        hint = "name the pack it was made with, with --protocol"
        faults.append(Fault(where, "other-protocol", what, hint))
        return
    try:
        if schema == "eligo.outcome/1":
            fits(value, Outcome)
        else:
            checked_decision(value)
    except Misfit as misfit:
        what = f"the record of `{shorten(subject)}` does not hold together: {misfit}"
        faults.append(Fault(where, "altered", what, "export what was written, unchanged"))
        return
    known: dict[str, Any] = handed.outcomes if schema == "eligo.outcome/1" else handed.decisions
    earlier = known.get(subject)
    if earlier is not None and earlier["as_of"] == value["as_of"] and earlier != value:
        what = f"two different records of `{shorten(subject)}` for {value['as_of']}"
        faults.append(Fault(where, "two-records", what, "keep the one that stands"))
        return
    fault = evidence.fault(one)
    if fault is not None:
        faults.append(fault)
        return
    if earlier is None or earlier["as_of"] <= value["as_of"]:
        known[subject] = value
    if earlier is not None and earlier["as_of"] != value["as_of"]:
        older = min(earlier["as_of"], value["as_of"])
        handed.passed.append(f"{subject}: the record for {older}, as there is a later one")
