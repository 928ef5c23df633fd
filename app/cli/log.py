"""`eligo log` and `eligo replay`: call one function each and print what came of it.

Exit codes: 0 all is well; 1 a log, a proof or a decision is not what it should be; 2 what was
asked cannot be done.
"""

from __future__ import annotations

import secrets
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import Literal

from app.cli.log_proofs import (
    WIDTH,
    checkpoint,
    consistency,
    counted,
    folded,
    progress_shown,
    proof_checked,
    prove_entry,
    verify_log,
)
from app.run.exits import DOUBT, FOUND, REJECTED
from app.run.inputs import protocol_from, say
from app.run.printing import put
from app.store.log.append import (
    append_decision,
    append_report,
    append_signature,
    redact_entries,
    redact_subject,
)
from app.store.log.export import export_log
from app.store.log.proof import prove
from app.store.log.replay import Comparison, Replayed, Replayer
from app.store.log.review import Difference, Listed, Wanted, list_decisions, show
from app.store.log.store import Log, create_log, open_log
from app.store.packs import pack_files
from engine.log import LogFault
from engine.log.entry import read_entry
from engine.log.note import base64_text, note_digest, open_checkpoint
from engine.terms.faults import EngineFault
from reports.page import Logged


def now() -> datetime:
    """The computer's clock, in UTC: entries are dated by it."""
    return datetime.now(UTC)


class Keeper:
    """An open log, to which one run of screening appends its decisions and their reports."""

    def __init__(self, log: Log, pack: Mapping[str, bytes], by: str, reason: str) -> None:
        self.log, self.pack, self.by, self.reason = log, pack, by, reason
        self.kept = 0  # decisions appended so far

    def decision(self, line: bytes, facts: bytes, form: Literal["json", "yaml"]) -> Logged:
        """Append a decision: its record's line, the subject file's bytes and their form.

        Returns what its report is to say of it. Raises: LogFault.
        """
        receipt = append_decision(
            self.log,
            record=line,
            facts=facts,
            form=form,
            pack=self.pack,
            by=self.by,
            reason=self.reason,
            now=now,
        )
        self.kept += 1
        checkpoint = open_checkpoint(receipt.checkpoint, self.log.verifier)
        entry = read_entry(receipt.entry)
        return Logged(
            log=checkpoint.origin,
            entry=receipt.index,
            time=entry.time,
            by=entry.by,
            checkpoint=note_digest(receipt.checkpoint),
            size=checkpoint.size,
            root=base64_text(checkpoint.root),
            decision="sha256:" + sha256(line).hexdigest(),
        )

    def report(self, index: int, report: bytes, form: str) -> str:
        """Append that a report of the decision at `index` was made; returns its proof.

        Raises: LogFault.
        """
        receipt = append_report(self.log, index, report=report, form=form, by=self.by, now=now)
        return prove(self.log, receipt.index)

    def proof(self, index: int) -> str:
        """The proof of the decision at `index`. Raises: LogFault."""
        return prove(self.log, index)


@contextmanager
def keeper(
    folder: Path, pack: Path, by: str, reason: str, key: Path | None = None
) -> Iterator[Keeper]:
    """Open a log to keep decisions made under a pack; `key`: where its private key is.

    Raises: LogFault if there is none.
    """
    files = pack_files(pack)
    with open_log(folder, write=True, key=key) as log:
        yield Keeper(log, files, by, reason)


def run(arguments: Namespace) -> int:
    """Carry out one command; returns the exit code."""
    try:
        return _ACTS[arguments.act](arguments)
    except LogFault as fault:
        say(folded(str(fault)))
        return REJECTED
    except BrokenPipeError:
        raise  # whoever reads the output has seen enough: no fault of a file
    except OSError as error:
        say(f"`{error.filename}`: {(error.strerror or 'unknown error').lower()}")
        return REJECTED


def _init(arguments: Namespace) -> int:
    name = arguments.name or f"eligo.log/{secrets.token_hex(4)}"
    verifier = create_log(arguments.log, name, arguments.key_file)
    put(f"log: {arguments.log.as_posix()}\npublic key, to hand out: {verifier.text()}")
    return 0


# --- reading --------------------------------------------------------------------------


def _list(arguments: Namespace) -> int:
    wanted = Wanted(
        subject=arguments.subject,
        verdict=arguments.verdict,
        criterion=arguments.criterion,
        since=arguments.since.isoformat() if arguments.since else "",
        until=arguments.until.isoformat() if arguments.until else "",
        by=arguments.by,
    )
    with open_log(arguments.log) as log:
        rows = list_decisions(log, wanted)
    for row in rows:
        put(fill(_row(row), WIDTH, subsequent_indent=" " * 26))
    say(counted(len(rows), "decision"))
    return 0


def _row(row: Listed) -> str:
    """A decision on one line, the long parts last."""
    entry, details = row.entry, row.details
    when = f"{entry.index:>6}  {entry.time[:10]} {entry.time[11:16]}"
    if details is None:
        return f"{when}  redacted by entry {row.removed_by}; by {entry.by}"
    signed = ", signed" if row.signatures else ""
    because = " ".join(details.determined_by)
    text = f"{when}  {details.verdict:<12}  {details.subject}, by {entry.by}{signed}"
    return f"{text}  {because}".rstrip()


def _show(arguments: Namespace) -> int:
    with open_log(arguments.log) as log:
        shown = show(log, arguments.index)
    listed = shown.listed
    entry, details = listed.entry, listed.details
    put(f"entry {entry.index}: a decision as of {entry.as_of}")
    put(f"  logged {entry.time} by {entry.by}")
    put(f"  pack {entry.pack}")
    software = ", ".join(f"{name} {version}" for name, version in entry.software.items())
    put(f"  software {software}")
    for signature in listed.signatures:
        put(
            f"  signed by {signature.by}, {signature.time}, meaning {signature.meaning}"
            f" (entry {signature.index})"
        )
    for report, form in shown.reports:
        written = f"{form} report made" if form else "report made"
        put(f"  {written} {report.time} for {report.by} (entry {report.index})")
    if details is None:
        removal = shown.removal
        if removal is not None:
            put(f"  redacted {removal.time} by {removal.by} (entry {removal.index})")
            put(fill(f"because: {removal.reason}", WIDTH, initial_indent="  "))
        return 0
    put(f"  subject {details.subject}, protocol {details.protocol} {details.version}")
    put(f"  verdict {details.verdict}")
    if details.reason:
        put(fill(f"reason: {details.reason}", WIDTH, initial_indent="  "))
    if details.determined_by:
        because = " ".join(details.determined_by)
        put(fill(f"determined by {because}", WIDTH, initial_indent="  "))
    if shown.before is None:
        put("\nthe first decision on this subject")
    else:
        for what, changes in (
            ("recorded", shown.facts_changed),
            ("decided", shown.decision_changed),
        ):
            put(f"\nsince entry {shown.before}, in what was {what}:")
            _print_changes(changes)
            if not changes:
                put("  no change")
    put("\nwhat was known:\n")
    for line in (shown.facts or b"").decode("utf-8", "replace").rstrip("\n").split("\n"):
        put(line)
    return 0


def _print_changes(changes: tuple[Difference, ...]) -> None:
    for change in changes:
        before = "nothing" if change.before is None else change.before
        after = "nothing" if change.after is None else change.after
        put(fill(f"{change.where}: {before} -> {after}", WIDTH,
                   initial_indent="  ", subsequent_indent="    "))  # fmt: skip


def _export(arguments: Namespace) -> int:
    with open_log(arguments.log) as log:
        size = export_log(log, arguments.out)
    put(f"{size} entries: {arguments.out.as_posix()}")
    return 0


# --- adding ---------------------------------------------------------------------------


def _sign(arguments: Namespace) -> int:
    with open_log(arguments.log, write=True, key=arguments.key_file) as log:
        receipt = append_signature(
            log, arguments.index, by=arguments.by, meaning=arguments.meaning, now=now
        )
    put(f"entry {receipt.index}: entry {arguments.index} is signed by {arguments.by}")
    return 0


def _redact(arguments: Namespace) -> int:
    said = {"by": arguments.by, "reason": arguments.reason, "now": now}
    with open_log(arguments.log, write=True, key=arguments.key_file) as log:
        if arguments.subject is not None:
            removal = redact_subject(log, arguments.subject, **said)
        else:
            removal = redact_entries(log, arguments.index, **said)
    of = ", ".join(map(str, removal.of))
    put(fill(f"entry {removal.receipt.index}: redacted {of}", WIDTH, subsequent_indent="  "))
    if not removal.complete:
        say(
            "another process reads the log, so what was removed is still in its file: when that\n"
            "process has ended, run `eligo log clear`"
        )
        return FOUND
    return 0


def _clear(arguments: Namespace) -> int:
    with open_log(arguments.log, write=True, key=arguments.key_file) as log:
        if not log.forget_removed():
            say("another process reads the log: what was removed is still in its file")
            return FOUND
    put("nothing is left of what was removed")
    return 0


# --- deciding again -------------------------------------------------------------------


def _replay(arguments: Namespace) -> int:
    pack = None
    if arguments.pack is not None:
        protocol_from(arguments.pack)
        pack = pack_files(arguments.pack)
    counts = dict.fromkeys(REPLAYED, 0)
    rules: dict[str, None] = {}
    try:
        with open_log(arguments.log) as log, Replayer(log, pack) as replayer:
            index = arguments.index
            with progress_shown(log.size) as progress:
                for one in replayer.all() if index is None else [replayer.one(index)]:
                    counts[one.outcome] += 1
                    rules |= dict.fromkeys(one.rules)
                    _print_replayed(one)
                    progress(one.index)
    except EngineFault as fault:
        say(f"engine fault: {fault.where}")
        return DOUBT
    if rules:
        put("rules that changed since:")
    for rule in rules:
        put(fill(rule, WIDTH, initial_indent="  - ", subsequent_indent="    "))
    told = [f"{count} {REPLAYED[outcome]}" for outcome, count in counts.items() if count]
    put(fill("; ".join(told) or "no decision", WIDTH))
    failed = counts["damaged"]
    if pack is None:  # another pack may decide otherwise, or refuse
        failed += counts["different"] + counts["refused"]
    return FOUND if failed else 0


REPLAYED: Mapping[Comparison, str] = {
    "same": "same",
    "same verdict": "same verdict, other record",
    "changed rules": "other by a named change of rules",
    "different": "different",
    "refused": "refused",
    "redacted": "redacted",
    "damaged": "damaged",
}
"""What deciding again can come to, in words."""


def _print_replayed(one: Replayed) -> None:
    if one.outcome == "same" and not one.software:
        return
    text = f"entry {one.index}: {REPLAYED[one.outcome]}"
    if one.verdicts and one.verdicts[0] != one.verdicts[1]:
        text += f", {one.verdicts[0]} then, {one.verdicts[1]} now"
    put(text)
    if one.step:
        put(fill(one.step, WIDTH, initial_indent="  first: ", subsequent_indent="    "))
    _print_changes((*one.software, *one.changes))


_ACTS: dict[str, Callable[[Namespace], int]] = {
    "init": _init,
    "list": _list,
    "show": _show,
    "verify": verify_log,
    "checkpoint": checkpoint,
    "prove": prove_entry,
    "check-proof": proof_checked,
    "consistency": consistency,
    "export": _export,
    "sign": _sign,
    "redact": _redact,
    "clear": _clear,
    "replay": _replay,
}
