"""Decide again from the log alone, and compare byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Literal

from app.store.log.append import whole_record
from app.store.log.review import Difference, decision_changes, nodes
from app.store.log.store import Log, LogDamaged
from engine.decide.decision import Screener
from engine.log import LogFault
from engine.log.entry import Decided, read_details, read_entry
from engine.log.manifest import read_manifest
from engine.read.packs import protocol_of
from engine.read.source import read_document
from engine.read.subjects import subject_of
from engine.record.checked import OLD, as_then
from engine.record.semantics import changed
from engine.record.shape import SEMANTICS, Decision, dump
from engine.terms.faults import EngineFault, InputRejected

Comparison = Literal[
    "same", "same verdict", "changed rules", "different", "refused", "redacted", "damaged"
]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What deciding again came to.

    `same`: the same bytes apart from `software`, whose differences `software` holds.
    `same verdict`: the same verdict from the same answers, in a record that another version
    writes otherwise. `changed rules`: decided otherwise, or not any more, since SEMANTICS
    changed; `rules` names what changed.
    `different`: `step` names the first step that differs, `changes` what differs in all.
    `refused`: nothing can be decided today; `step` says why. `redacted`: nothing is left to
    decide on, which is no failure. `damaged`: what the log holds of it is not what the entry
    names, or is no decision; `step` says what.
    """

    index: int
    outcome: Comparison
    step: str = ""
    software: tuple[Difference, ...] = ()
    changes: tuple[Difference, ...] = ()
    verdicts: tuple[str, str] | None = None
    rules: tuple[str, ...] = ()


class Replayer:
    """Decides again, with each pack's rules compiled once. Used in a `with` statement.

    `pack`: the files of another pack to decide under, instead of the one of each entry.
    """

    def __init__(self, log: Log, pack: Mapping[str, bytes] | None = None) -> None:
        self.log, self.pack = log, pack
        self._screeners: dict[str, Screener] = {}

    def __enter__(self) -> Replayer:
        return self

    def __exit__(self, *_: object) -> None:
        for screener in self._screeners.values():
            screener.close()
        self._screeners.clear()

    def all(self) -> Iterator[Replayed]:
        """Every decision of the log, in order; one that is damaged stops none of the others."""
        for index in range(self.log.size):
            try:
                entry = read_entry(self.log.entry(index))
            except LogFault as fault:
                yield Replayed(index, "damaged", str(fault))
                continue
            if isinstance(entry, Decided):
                yield self._decided(index, entry)

    def one(self, index: int) -> Replayed:
        """The decision at `index`. Raises: LogFault if the entry is none."""
        entry = read_entry(self.log.entry(index))
        if not isinstance(entry, Decided):
            raise LogFault(f"entry {index} is a {entry.kind}, not a decision")
        return self._decided(index, entry)

    def _decided(self, index: int, entry: Decided) -> Replayed:
        try:
            return self._again(index, entry)
        except LogFault as fault:
            return Replayed(index, "damaged", str(fault))

    def _again(self, index: int, entry: Decided) -> Replayed:
        pieces = [self.log.piece(name) for name in (entry.details, entry.facts, entry.record)]
        details, facts, record = pieces
        if details is None or facts is None or record is None:
            return Replayed(index, "redacted")
        try:
            screener = self._screener(entry)
            name = f"subject.{read_details(details).form}"
            document = read_document(name, facts)
            digest = "sha256:" + sha256(facts).hexdigest()
            as_of = date.fromisoformat(entry.as_of)
            subject = subject_of(document, screener.protocol, digest, as_of)
            again = screener.decide(subject, as_of)
        except InputRejected as rejected:
            step, then = rejected.faults[0].text(), whole_record(record)
            rules = changed(then.get("semantics", 1), SEMANTICS)
            if rules and self.pack is None:
                return Replayed(index, "changed rules", step, rules=rules)
            return Replayed(index, "refused", step)
        except EngineFault as fault:
            return Replayed(index, "refused", f"engine fault: {fault.where}")
        return compare(index, record, again, same_pack=self.pack is None)

    def _screener(self, entry: Decided) -> Screener:
        key = "" if self.pack is not None else entry.pack
        if key not in self._screeners:
            files = self.pack if self.pack is not None else pack_of(self.log, entry.pack)
            self._screeners[key] = Screener(protocol_of(files, "pack"))
        return self._screeners[key]


def pack_of(log: Log, name: str) -> dict[str, bytes]:
    """The files of a pack, by path, as they were when it was decided under.

    Raises: LogFault if they are not all there.
    """
    found = {}
    manifest = log.piece(name)
    assert manifest is not None, "a pack is never redacted"
    for path, digest in read_manifest(manifest).items():
        data = log.piece(digest)
        if data is None:
            raise LogDamaged(f"the file `{path}` of a pack is missing from the log")
        found[path] = data
    return found


def compare(index: int, record: bytes, again: Decision, *, same_pack: bool = True) -> Replayed:
    """Compare a stored record with what was decided again. Raises: EntryFault if it is none.

    `same_pack`: it was decided under the pack of the entry, so that nothing but a change of
    rules, or a false record, can have it decided otherwise.
    """
    import orjson

    stored = whole_record(record)
    software = tuple(
        change for change in decision_changes(stored, again) if change.where.startswith("software.")
    )
    retold: Decision = {**again, "software": stored["software"]}
    alike = dump(retold)
    verdicts = (stored["verdict"], again["verdict"])
    if alike == record:
        return Replayed(index, "same", software=software, verdicts=verdicts)
    now = orjson.loads(alike)
    step = first_difference(stored, as_then(now) if stored["schema"] == OLD else now)
    changes = decision_changes(stored, retold)
    if _decided(stored) == _decided(again):
        another = stored["schema"] != again["schema"] or bool(software)
        if another or stored["semantics"] != again["semantics"]:
            return Replayed(index, "same verdict", step, software, changes, verdicts)
    elif same_pack:
        rules = changed(stored.get("semantics", 1), again["semantics"])
        if rules:
            return Replayed(index, "changed rules", step, software, changes, verdicts, rules)
    if not step:
        at = next(
            (n for n, (a, b) in enumerate(zip(record, alike, strict=False)) if a != b),
            min(len(record), len(alike)),
        )
        step = f"the values agree, but are written differently from byte {at} on"
    return Replayed(index, "different", step, software, changes, verdicts)


def _decided(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a record came to: its verdict, and the answer to each criterion."""
    answers = [(one["id"], one["answer"], one["status"]) for one in record["criteria"]]
    return record["verdict"], record["determined_by"], answers


def first_difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The first step of the derivation at which two records differ, "" if none does.

    The order is that of deciding: what was decided on, readings, firings, conditions,
    criteria, verdict; then whatever else a record holds.
    """
    before, after = _steps(old), _steps(new)
    for name in dict.fromkeys((*before, *after)):
        mine, theirs = before.get(name), after.get(name)
        if mine != theirs:
            return f"{name}: {_shown(mine)} then, {_shown(theirs)} now"
    return ""


def _steps(record: Mapping[str, Any]) -> dict[str, Any]:
    steps: dict[str, Any] = {}
    for name in ("schema", "subject", "as_of", "protocol", "facts_digest"):
        steps[name] = record.get(name)
    whys = [(c["id"], why) for c in record["criteria"] for why in nodes(c["why"])]
    for _, why in whys:
        for key in ("reading", "against"):
            if key in why:
                steps.setdefault(f"reading of `{why[key]['fact']}`", why[key])
    for number, firing in enumerate(record["firings"]):
        steps[f"firing {number}"] = firing
    for criterion, why in whys:
        place = f"condition `{why['node']}` of {criterion}"
        steps[place] = {k: v for k, v in why.items() if k != "children"}
    for criterion in record["criteria"]:
        steps[f"criterion {criterion['id']}"] = {k: v for k, v in criterion.items() if k != "why"}
    for name in ("verdict", "determined_by", "look_again"):
        steps[name] = record.get(name)
    steps["the shape of the record"] = {
        k: v for k, v in record.items() if k not in ("criteria", "firings", "software")
    }
    steps["the order of the criteria"] = [c["id"] for c in record["criteria"]]
    return steps


def _shown(value: Any) -> str:
    import orjson

    if value is None:
        return "nothing"
    text = orjson.dumps(value).decode()
    return text if len(text) <= 200 else text[:199] + "…"
