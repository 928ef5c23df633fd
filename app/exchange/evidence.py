"""What shows that a record is as it was decided: deciding again, or the proof of a log.

A record that holds together may still be a false one, made as a whole. So an export takes
none on its word.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.run.inputs import SubjectFile, say, subject_files
from engine.decide.decision import Screener
from engine.read.source import scan_document, shorten
from engine.read.subjects import subject_of
from engine.record.shape import dump_any
from engine.terms import Protocol, Span
from engine.terms.faults import EngineFault, Fault, InputRejected

if TYPE_CHECKING:
    from app.store.log.store import Log
    from engine.log.note import Verifier
    from engine.outcomes.patient import OutcomeScreener

_HINT = (
    "name its subject file with --subjects, the log that holds it with --log, or the log's public"
    " key with --key where its proof lies beside it"
)


@dataclass(frozen=True, slots=True)
class Stated:
    """A decision or an outcome as it was read: its value, file and place."""

    value: dict[str, Any]
    path: Path
    where: Span


class Evidence:
    """What was named to hold records against. Used in a `with` statement."""

    def __init__(self, arguments: Namespace, protocol: Protocol) -> None:
        self.protocol = protocol
        self.subjects: Sequence[Path] = arguments.subjects or ()
        self.log_folder: Path | None = arguments.log
        self.key: str = arguments.key
        self._files: dict[str, tuple[SubjectFile, bytes]] | None = None
        self._open = ExitStack()
        self._screener: Screener | None = None
        self._outcomes: OutcomeScreener | None = None
        self._logged: tuple[Log, dict[bytes, int]] | None = None

    def __enter__(self) -> Evidence:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def fault(self, one: Stated) -> Fault | None:
        """Why a record cannot be taken, or None. Raises: InputRejected, LogFault, OSError."""
        told = self._log_says(one)
        if told == "":
            return None
        told = self._again(one) or told
        if told == "same":
            return None
        name = f"the record of `{shorten(one.value['subject'])}`"
        if told is None:
            return Fault(one.where, "unproved", f"nothing shows that {name} was decided so", _HINT)
        return Fault(one.where, "altered", f"{name} {told}", "export what was written, unchanged")

    # --- the log ----------------------------------------------------------------------

    def _log_says(self, one: Stated) -> str | None:
        """What a log has against a decision, "" if it proves it, None if none was named."""
        from app.store.log.proof import check_proof, prove
        from engine.log import LogFault
        from engine.log.note import Verifier

        if one.value["schema"] == "eligo.outcome/1":
            return None
        line = dump_any(one.value)
        told = None
        proof = one.path.with_name(f"{one.path.name}.tlog-proof")
        if self.key and proof.is_file():
            key = Path(self.key).read_text("utf-8").strip() if "+" not in self.key else self.key
            told = _refusal(proof.read_bytes(), line, Verifier.read(key))
        if told != "" and self.log_folder is not None:
            log, kept = self._log(self.log_folder)
            index = kept.get(sha256(line).digest())
            if index is None:
                return "is not in the log"
            try:
                check_proof(prove(log, index).encode(), line, log.verifier)
            except LogFault as fault:
                return f"is not proved by the log: {fault}"
            return ""
        return told

    def _log(self, folder: Path) -> tuple[Log, dict[bytes, int]]:
        if self._logged is None:
            from app.store.log.store import open_log
            from engine.log.entry import Decided, read_entry

            log = self._open.enter_context(open_log(folder))
            kept: dict[bytes, int] = {}
            for index, data in log.entries():
                entry = read_entry(data)
                record = log.piece(entry.record) if isinstance(entry, Decided) else None
                if record is not None:
                    kept[sha256(record).digest()] = index
            self._logged = log, kept
        return self._logged

    # --- deciding again ---------------------------------------------------------------

    def _again(self, one: Stated) -> str | None:
        """What deciding again has against a record, "same" if nothing, None if it cannot be."""
        value = one.value
        found = self._subject_files().get(value["facts_digest"])
        if found is None:
            return None
        if value["schema"] == "eligo.decision/1":
            return "is of an earlier form: screen again, or name the log that holds it"
        file, data = found
        as_of = date.fromisoformat(value["as_of"])
        document = scan_document(file.name, data)
        try:
            subject = subject_of(document, self.protocol, value["facts_digest"], as_of)
            again: Any
            if value["schema"] == "eligo.outcome/1":
                again = self._outcome_screener().outcome(subject, as_of, document)
            else:
                again = self._decisions().decide(subject, as_of)
        except EngineFault as fault:
            return f"cannot be decided again: {fault.where}"
        if dump_any({**again, "software": value["software"]}) != dump_any(value):
            return f"is not what its subject file comes to: {_difference(value, again)}"
        if again["software"] != value["software"]:
            made = f"eligo {shorten(value['software']['eligo'])}"
            say(f"note: {shorten(value['subject'])}: made by {made}, and decided again the same")
        return "same"

    def _subject_files(self) -> dict[str, tuple[SubjectFile, bytes]]:
        if self._files is None:
            files, missing = subject_files(self.subjects)
            if missing:
                raise InputRejected(missing)
            read = [(file, file.path.read_bytes()) for file in files]
            self._files = {"sha256:" + sha256(data).hexdigest(): (f, data) for f, data in read}
        return self._files

    def _decisions(self) -> Screener:
        if self._screener is None:
            self._screener = self._open.enter_context(Screener(self.protocol))
        return self._screener

    def _outcome_screener(self) -> OutcomeScreener:
        if self._outcomes is None:
            from engine.outcomes.patient import OutcomeScreener

            self._outcomes = self._open.enter_context(OutcomeScreener(self.protocol))
        return self._outcomes


def _refusal(proof: bytes, line: bytes, key: Verifier) -> str:
    """What a proof has against a record, "" if it proves it."""
    from app.store.log.proof import check_proof
    from engine.log import LogFault

    try:
        check_proof(proof, line, key)
    except LogFault as fault:
        return f"is not what its proof says: {fault}"
    return ""


def _difference(value: Any, again: Any) -> str:
    """The first part of two records that differs, by name."""
    import orjson

    if value["schema"] == "eligo.outcome/1":
        keys = dict.fromkeys((*again, *value))
        return next((key for key in keys if value.get(key) != again.get(key)), "its order")
    from app.store.log.replay import first_difference

    alike = {**orjson.loads(dump_any(again)), "software": value["software"]}
    return first_difference(value, alike).partition(": ")[0] or "its order"
