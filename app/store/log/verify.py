"""Verify a whole log: every entry, content and signature, and what others kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from app.store.log.append import details_of, whole_record
from engine.log import LogFault, tree
from engine.log.entry import (
    Content,
    Decided,
    EntryFault,
    Issued,
    LogEntry,
    Redacted,
    Signed,
    digest_of,
    read_details,
    read_entry,
    read_report,
)
from engine.log.manifest import read_manifest
from engine.log.note import (
    Checkpoint,
    NoteFault,
    Verifier,
    note_digest,
    open_checkpoint,
    read_checkpoint,
)

MOST = 100
"""How many faults are listed; the rest is counted."""


class Source(Protocol):
    """What is verified: an open log, or an export of one."""

    def as_it_stands(self) -> AbstractContextManager[None]:
        """Read one state throughout, whatever is appended meanwhile."""

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Every entry in order: index and bytes."""

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        """Every checkpoint the log signed: the size it is filed under, and the note."""

    def content(self, digest: bytes) -> Content | None:
        """The content with this digest, or None."""

    def content_digests(self) -> Iterator[bytes]:
        """The digest of every content."""

    def redactions(self) -> dict[bytes, int]:
        """By digest of a removed content, the index of the entry that removed it."""

    def nodes(self) -> dict[tuple[int, int], bytes] | None:
        """Every node of the tree by level and position; None if the source stores none."""

    def own_faults(self) -> list[tuple[str, str]]:
        """What is wrong with the files themselves: (place, what)."""

    def own_remarks(self) -> list[tuple[str, str]]:
        """What is worth knowing of them, and no fault: (place, what)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: where, and what."""

    place: str
    what: str

    def text(self) -> str:
        """The finding on one line."""
        return f"{self.place}: {self.what}"


@dataclass(slots=True)
class Verified:
    """What a verification found. The log is as it was signed if `findings` is empty.

    `remarks` are worth knowing and no fault: a clock that was set back. `root` is over all
    `size` entries. `more` counts findings beyond the first `MOST`.
    """

    size: int = 0
    root: bytes = tree.EMPTY
    decisions: int = 0
    signatures: int = 0
    reports: int = 0
    redactions: int = 0
    redacted: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)
    more: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def found(self, place: str, what: str) -> None:
        """Note a fault."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(place, what))
        else:
            self.more += 1


def verify(
    source: Source,
    verifier: Verifier,
    held: Iterable[Checkpoint] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Verify everything in a log against its key, and against checkpoints that others `held`.

    `held` were opened with the log's key when they were received. `progress` hears the number
    of entries seen. Every fault is a finding; nothing is raised for what a log contains.
    """
    result = Verified()
    try:
        with source.as_it_stands():
            for place, what in source.own_faults():
                result.found(place, what)
            result.remarks += [Finding(*remark) for remark in source.own_remarks()]
            _Walk(source, verifier, sorted(held, key=lambda one: one.size), result).run(progress)
    except LogFault as fault:
        result.found("the log", str(fault))
    return result


class _Walk:
    """One pass over a log, in the order in which it was written."""

    def __init__(
        self, source: Source, verifier: Verifier, held: Sequence[Checkpoint], result: Verified
    ) -> None:
        self.source, self.verifier, self.result = source, verifier, result
        self.frontier = tree.Frontier()
        self.held = list(held)
        self.agreed = 0  # the size of the last held checkpoint that the entries lead to
        self.own = dict(source.checkpoints())
        self.nodes = source.nodes()
        self.latest = ""  # the log's own checkpoint of the size reached
        self.signed = 0  # the size of the log's own last checkpoint that they lead to
        self.parted = False  # from its own checkpoints: said once, at the first
        self.unsigned: list[int] = []  # sizes that the log has no checkpoint of
        self.redacted_by = source.redactions()
        self.named: set[bytes] = set()
        self.packs: set[str] = set()
        self.leaves: dict[int, bytes] = {}  # of decisions, for signatures to name
        self.private: dict[int, tuple[str, ...]] = {}
        self.emptied: set[int] = set()  # decisions that a redaction seen so far names
        self.last_time = ""

    def run(self, progress: Callable[[int], None]) -> None:
        self._checkpoints()
        for number, data in self.source.entries():
            self._entry(number, data)
            self._checkpoints()
            if self.frontier.size % 256 == 0:
                progress(self.frontier.size)
        self._signatures()
        size = self.result.size = self.frontier.size
        self.result.root = self.frontier.root()
        progress(size)
        for one in self.held[:1]:
            self.result.found(
                _range(size, one.size),
                f"missing: the checkpoint covers {one.size} entries and the log holds {size}",
            )
        if self.own:
            most = max(self.own)
            self.result.found(
                _range(size, most), f"missing: the log signed {most} entries and holds {size}"
            )
        if self.unsigned:
            first, others = self.unsigned[0], len(self.unsigned) - 1
            what = f"the log has no checkpoint of {first} entries"
            what += f", nor of {others} other sizes" if others else ""
            self.result.found(f"entry {max(first - 1, 0)}", what)
        if self.nodes:
            self.result.found("the tree", "it has nodes that belong to no entry")
        self._leftovers()

    # --- checkpoints ----------------------------------------------------------------------

    def _checkpoints(self) -> None:
        """Check the checkpoints of the size reached: the log's own, and those others held."""
        size = self.frontier.size
        self._own_checkpoint(size)
        self._held_checkpoints(size)

    def _own_checkpoint(self, size: int) -> None:
        """Check the log's own checkpoint of this size, but for its signature.

        Each entry names the checkpoint it follows, so the last signature covers all of them;
        `_signatures` looks at it, and at the others if it is false.
        """
        self.latest = self.own.pop(size, "")
        if not self.latest:  # each entry was appended with its checkpoint
            self.unsigned.append(size)
            return
        expected = Checkpoint(self.verifier.name, size, self.frontier.root()).text()
        if self.latest.startswith(expected + "\n"):
            self.signed = size
            return
        try:
            checkpoint = read_checkpoint(self.latest)
        except NoteFault as fault:
            self.result.found(f"checkpoint of {size} entries", str(fault))
            return
        if (checkpoint.origin, checkpoint.size) != (self.verifier.name, size):
            what = f"it is of `{checkpoint.origin}` with {checkpoint.size} entries"
            self.result.found(f"checkpoint of {size} entries", what)
        elif not self.parted:
            self.parted = True
            what = "not what the log signed when it was appended"
            self.result.found(_range(self.signed, size), what)

    def _signatures(self) -> None:
        """Check the signature of the last checkpoint; if it is false, name the first that is."""
        try:
            if self.latest:
                open_checkpoint(self.latest, self.verifier)
        except NoteFault:
            for size, note in self.source.checkpoints():
                try:
                    open_checkpoint(note, self.verifier)
                except NoteFault as fault:
                    self.result.found(f"checkpoint of {size} entries", str(fault))
                    return

    def _held_checkpoints(self, size: int) -> None:
        while self.held and self.held[0].size == size:
            one = self.held.pop(0)
            if one.origin != self.verifier.name:
                self.result.found(f"checkpoint of {size} entries", "it is of another log")
            elif one.root == self.frontier.root():
                self.agreed = size
            else:
                self.result.found(
                    _range(self.agreed, size),
                    f"not those of the checkpoint of {size} entries: the log was rewritten or"
                    " forked there",
                )

    # --- entries --------------------------------------------------------------------------

    def _entry(self, number: int, data: bytes) -> None:
        index = self.frontier.size
        place = f"entry {index}"
        if number != index:
            self.result.found(place, f"missing: entry {number} follows entry {index - 1}")
        leaf = tree.leaf_hash(data)
        for level, position, value in self.frontier.add(leaf):
            if self.nodes is not None and self.nodes.pop((level, position), None) != value:
                self.result.found(
                    place,
                    "it is not the entry that was hashed when it was appended"
                    if level == 0
                    else f"the tree's node {position} of level {level} above it is false",
                )
        try:
            entry = read_entry(data)
            if entry.index != index:
                self.result.found(place, f"it says that it is entry {entry.index}")
            if self.latest and entry.after != note_digest(self.latest):
                what = f"not the one that entry {index} was appended after"
                self.result.found(f"checkpoint of {index} entries", what)
            self._time(place, entry)
            if isinstance(entry, Decided):
                self.leaves[index] = leaf
                self._decision(place, entry)
            elif isinstance(entry, Signed):
                self._signature(place, entry)
            elif isinstance(entry, Issued):
                self._report(place, entry)
            else:
                self._redaction(place, entry)
        except LogFault as fault:
            self.result.found(place, str(fault))

    def _time(self, place: str, entry: LogEntry) -> None:
        if entry.time < self.last_time and len(self.result.remarks) < MOST:
            self.result.remarks.append(
                Finding(place, f"its time {entry.time} is before {self.last_time} of one before")
            )
        self.last_time = max(self.last_time, entry.time)

    def _decision(self, place: str, entry: Decided) -> None:
        self.result.decisions += 1
        self.private[entry.index] = (entry.details, entry.facts, entry.record)
        if entry.pack not in self.packs:
            self.packs.add(entry.pack)
            self._pack(place, entry.pack)
        for name in self.private[entry.index]:
            self._once(place, name)
        pieces = [self._piece(place, name) for name in self.private[entry.index]]
        if any(piece is None for piece in pieces):
            return
        details, facts, record = (piece.data for piece in pieces if piece is not None)
        if details is None or facts is None or record is None:
            if any(piece is not None for piece in (details, facts, record)):
                self.result.found(place, "only part of it was removed")
            self.result.redacted += 1
            return
        try:
            plain = whole_record(record)
            summary = read_details(details)
            if details_of(plain, summary.form, summary.reason) != summary:
                self.result.found(place, "its details are not those of its record")
            said = (plain["as_of"], plain["protocol"]["digest"], plain["software"])
            if said != (entry.as_of, entry.pack, entry.software):
                self.result.found(place, "it does not say what its record says")
            if plain["facts_digest"] != "sha256:" + sha256(facts).hexdigest():
                self.result.found(place, "its record was made on another subject file")
        except (EntryFault, ValueError, TypeError, LookupError):
            self.result.found(place, "its record is not a decision, or states something twice")

    def _pack(self, place: str, name: str) -> None:
        manifest = self._piece(place, name)
        if manifest is not None and manifest.data is not None:
            for file in read_manifest(manifest.data).values():
                self._piece(place, file)

    def _piece(self, place: str, name: str) -> Content | None:
        """A content that an entry names, seen to be it, or to be redacted; None if it is not."""
        digest = digest_of(name)
        self.named.add(digest)
        content = self.source.content(digest)
        if content is None:
            self.result.found(place, f"the content {name} is missing")
        elif content.redacted and digest not in self.redacted_by:
            self.result.found(place, f"the content {name} was removed without an entry")
        elif not content.redacted and digest in self.redacted_by:
            self.result.found(place, f"the content {name} was redacted, and is there")
        elif content.name() != name or not (content.redacted or content.holds()):
            self.result.found(place, f"the content {name} was altered")
        else:
            return content
        return None

    def _once(self, place: str, name: str) -> None:
        """See that no other entry names this private content: removing it would empty both."""
        if digest_of(name) in self.named:
            self.result.found(place, f"the content {name} is also that of another entry")

    def _signature(self, place: str, entry: Signed) -> None:
        self.result.signatures += 1
        leaf = self.leaves.get(entry.of)
        if leaf is None or digest_of(entry.entry) != leaf:
            self.result.found(place, f"it signs another decision than entry {entry.of}")
        elif entry.of in self.emptied:
            self.result.found(place, f"it signs entry {entry.of}, which was redacted before")

    def _report(self, place: str, entry: Issued) -> None:
        self.result.reports += 1
        leaf = self.leaves.get(entry.of)
        if leaf is None or digest_of(entry.entry) != leaf:
            self.result.found(place, f"it reports another decision than entry {entry.of}")
        elif entry.of in self.emptied:
            self.result.found(place, f"it reports entry {entry.of}, which was redacted before")
        else:
            self.private[entry.of] += (entry.report,)
        self._once(place, entry.report)
        content = self._piece(place, entry.report)
        if content is not None and content.data is not None:
            read_report(content.data)

    def _redaction(self, place: str, entry: Redacted) -> None:
        self.result.redactions += 1
        self.emptied |= set(entry.of)
        wanted = [name for of in entry.of for name in self.private.get(of, ("",))]
        if list(entry.removed) != wanted:
            self.result.found(place, "it does not remove what the decisions it names hold")
        for name in entry.removed:
            if self.redacted_by.pop(digest_of(name), None) != entry.index:
                self.result.found(place, f"the content {name} is not marked as removed by it")

    def _leftovers(self) -> None:
        for index in sorted(set(self.redacted_by.values())):
            self.result.found(f"entry {index}", "it is said to have removed more than it states")
        for digest in self.source.content_digests():
            if digest not in self.named:
                what = f"the content {digest.hex()} belongs to no entry"
                self.result.found("the contents", what)


def _range(start: int, end: int) -> str:
    """The entries from `start` up to, not including, `end`."""
    return f"entry {start}" if end - start == 1 else f"entries {start} to {end - 1}"
