"""The files a log hands to others, which verify offline with nothing but its public key.

A *proof of an entry* is a C2SP tlog-proof (c2sp.org/tlog-proof). Its `extra` line carries, as
canonical JSON, the entry and the salt under which it names the decision record, or the report
with what the log keeps of it; they are trusted only because the tree and the entry's digest
vouch for them.

A *consistency proof* says that one checkpoint continues another. It is written as
c2sp.org/tlog-witness writes it for witnesses: `old SIZE`, the hashes, the newer checkpoint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from app.store.log.store import Log, LogDamaged
from engine.log import canonical, tree
from engine.log.entry import (
    SALT,
    Decided,
    Issued,
    LogEntry,
    content_digest,
    digest_of,
    entry_of,
    read_entry,
    read_report,
    report_bytes,
)
from engine.log.note import Checkpoint, Verifier, base64_bytes, base64_text, open_checkpoint
from engine.log.tree import ProofFault

SUFFIX = ".tlog-proof"
_HEAD = "c2sp.org/tlog-proof@v1"
_LONGEST = 4_000_000
"""Bytes of a proof. That of a decision or a report has under 4,000; that of a redaction grows
with what it removed."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


def prove(log: Log, index: int) -> str:
    """The proof that the entry at `index` is in the log, by its latest checkpoint.

    Raises: LogFault if there is no such entry, or its record was redacted.
    """
    with log.as_it_stands():
        data = log.entry(index)
        entry = read_entry(data)
        extra: dict[str, object] = {"entry": canonical.decode(data)}
        if isinstance(entry, Decided | Issued):
            name = entry.record if isinstance(entry, Decided) else entry.report
            kept = log.piece(name)
            if kept is None:
                raise ProofFault(f"entry {index} was redacted: there is nothing to prove")
            content = log.content(digest_of(name))
            assert content is not None and content.salt is not None
            extra["salt"] = content.salt.hex()
            if isinstance(entry, Issued):
                extra["form"] = read_report(kept)[0]
        note = log.checkpoint()
        checkpoint = open_checkpoint(note, log.verifier)
        path = tree.inclusion(index, checkpoint.size, log.node)
        if tree.root_by_inclusion(index, checkpoint.size, tree.leaf_hash(data), path) != (
            checkpoint.root
        ):
            raise LogDamaged(f"entry {index} is not in the tree that the log signed: run verify")
    lines = [_HEAD, f"extra {base64_text(canonical.encode(extra))}", f"index {index}"]
    return "\n".join([*lines, *map(base64_text, path), "", note])


@dataclass(frozen=True, slots=True)
class Proved:
    """What a proof showed: the entry, where it stands, and the checkpoint it stands under."""

    index: int
    entry: LogEntry
    checkpoint: Checkpoint


def check_proof(proof: bytes, document: bytes | None, verifier: Verifier) -> Proved:
    """See that an entry is in the tree that the log's key signed, and names this document.

    `document`: for a decision its published line, to the byte, with or without its end; for a
    report the bytes of its file; None for a proof of a signature or a redaction.
    Raises: ProofFault, or another LogFault that names what is wrong.
    """
    head, note = _split(proof)
    if len(head) < 3 or head[0] != _HEAD or not head[1].startswith("extra "):
        raise ProofFault("this is not a proof of a decision or a report")
    encoded = base64_bytes(head[1].removeprefix("extra "), "the entry in the proof")
    extra = canonical.decode(encoded)
    if not isinstance(extra, dict) or "entry" not in extra:
        raise ProofFault("the proof does not carry an entry")
    entry = entry_of(extra["entry"])
    index = _number(head[2], "index ")
    if entry.index != index:
        raise ProofFault(f"the proof is for entry {index}, but carries entry {entry.index}")
    checkpoint = open_checkpoint(note, verifier)
    leaf = tree.leaf_hash(canonical.encode(extra["entry"]))
    path = _hashes(head[3:])
    if tree.root_by_inclusion(index, checkpoint.size, leaf, path) != checkpoint.root:
        raise ProofFault(f"the log has another entry at {index} than the proof carries")
    _check_document(entry, extra, document)
    return Proved(index, entry, checkpoint)


def _check_document(entry: LogEntry, extra: Mapping[str, object], document: bytes | None) -> None:
    """See that the entry names this document under the proof's salt. Raises: ProofFault."""
    kind = "decision" if isinstance(entry, Decided) else "report"
    if not isinstance(entry, Decided | Issued):
        if document is not None:
            raise ProofFault(f"entry {entry.index} is a {entry.kind}, not a decision or a report")
        if extra.keys() != {"entry"}:
            raise ProofFault("the proof carries more than its entry")
        return
    if extra.keys() != ({"entry", "salt"} if kind == "decision" else {"entry", "salt", "form"}):
        raise ProofFault(f"the proof does not carry what a proof of a {kind} must")
    salt, form = extra["salt"], extra.get("form", "")
    if not isinstance(salt, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * SALT}}}", salt):
        raise ProofFault(f"the proof lacks the salt of the {kind}")
    if not isinstance(form, str):
        raise ProofFault("the proof lacks the form of the report")
    if document is None:
        needed = "its record" if kind == "decision" else "the file of the report"
        raise ProofFault(f"a proof of a {kind} is checked against {needed}")
    if isinstance(entry, Decided):
        kept, named = document.removesuffix(b"\n"), entry.record
    else:
        kept, named = report_bytes(document, form), entry.report
    if content_digest(kept, bytes.fromhex(salt)) != digest_of(named):
        raise ProofFault(f"this is not the {kind} that entry {entry.index} names")


def prove_consistency(log: Log, old: Checkpoint) -> str:
    """The proof that the log's latest checkpoint continues the state `old`.

    Raises: LogFault if the log does not continue it, and names the place.
    """
    with log.as_it_stands():
        note = log.checkpoint()
        new = open_checkpoint(note, log.verifier)
        if old.size > new.size:
            raise ProofFault(
                f"the log has {new.size} entries, fewer than the checkpoint's {old.size}: entries "
                f"{new.size} to {old.size - 1} are missing"
            )
        path = tree.consistency(old.size, new.size, log.node)
        try:
            tree.check_consistency(old.size, new.size, old.root, new.root, path)
        except ProofFault:
            _parted(log, old)
    return "\n".join([f"old {old.size}", *map(base64_text, path), "", note])


def _parted(log: Log, old: Checkpoint) -> NoReturn:
    """Say why a log does not continue a checkpoint that it has the entries for."""
    frontier = tree.Frontier()
    for _, data in log.entries():
        if frontier.size == old.size:
            break
        frontier.add(tree.leaf_hash(data))
    if frontier.root() == old.root:
        raise LogDamaged("the log's tree is not that of its entries: run verify")
    raise ProofFault(
        f"the log does not continue the checkpoint: among entries 0 to {old.size - 1} are others "
        "than it covers; the log was rewritten or forked there"
    )


def check_consistency(proof: bytes, old: Checkpoint, verifier: Verifier) -> Checkpoint:
    """See that the checkpoint in the proof continues `old`; returns it.

    Raises: ProofFault, or another LogFault that names what is wrong.
    """
    head, note = _split(proof)
    if not head or _number(head[0], "old ") != old.size:
        raise ProofFault("this is not a proof from that checkpoint")
    new = open_checkpoint(note, verifier)
    if old.origin != new.origin:
        raise ProofFault("the two checkpoints are of different logs")
    tree.check_consistency(old.size, new.size, old.root, new.root, _hashes(head[1:]))
    return new


def _split(proof: bytes) -> tuple[list[str], str]:
    """The lines before the first empty line, and the checkpoint after it."""
    if len(proof) > _LONGEST:
        raise ProofFault("this is too long for a proof")
    try:
        text = proof.decode("utf-8")
    except UnicodeDecodeError:
        raise ProofFault("this is not a proof: it is not UTF-8 text") from None
    head, gap, note = text.partition("\n\n")
    if not gap:
        raise ProofFault("the proof has no checkpoint")
    return head.split("\n"), note


def _number(line: str, word: str) -> int:
    if not line.startswith(word) or not _NUMBER.fullmatch(line.removeprefix(word)):
        raise ProofFault(f"the proof has no line `{word}NUMBER`")
    return int(line.removeprefix(word))


def _hashes(lines: list[str]) -> list[bytes]:
    hashes = [base64_bytes(line, "a hash of the proof") for line in lines]
    if any(len(one) != tree.SIZE for one in hashes):
        raise ProofFault("a hash of the proof is not a SHA-256 hash")
    return hashes
