"""Whatever is done to a log, `verify` says so, and where."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.store.log.append import append_report, append_signature, redact_entries
from app.store.log.proof import prove
from app.store.log.replay import Replayer
from app.store.log.review import Wanted, list_decisions, show
from app.store.log.store import DATABASE, Addition, Log, open_log
from app.store.log.verify import MOST, Verified, verify
from engine.log import LogFault, tree
from engine.log.entry import (
    Content,
    Decided,
    Issued,
    LogEntry,
    Redacted,
    Signed,
    details_bytes,
    digest_of,
    entry_bytes,
    read_details,
    read_entry,
    report_bytes,
    sealed,
)
from engine.log.note import Checkpoint, Verifier, open_checkpoint
from tests.log.made import START, decide, log_of, ticking
from tests.log.test_store import raw


@dataclass
class Copy:
    """Everything a log holds, in memory, to be altered at will."""

    verifier: Verifier
    rows: list[tuple[int, bytes]]
    notes: dict[int, str]
    contents: dict[bytes, Content]
    removed: dict[bytes, int]
    hashes: dict[tuple[int, int], bytes] | None
    faults: list[tuple[str, str]] = field(default_factory=list)

    def as_it_stands(self) -> AbstractContextManager[None]:
        return nullcontext()

    def entries(self) -> Iterator[tuple[int, bytes]]:
        yield from self.rows

    def checkpoints(self) -> Iterator[tuple[int, str]]:
        yield from self.notes.items()

    def content(self, digest: bytes) -> Content | None:
        return self.contents.get(digest)

    def content_digests(self) -> Iterator[bytes]:
        yield from self.contents

    def redactions(self) -> dict[bytes, int]:
        return dict(self.removed)

    def nodes(self) -> dict[tuple[int, int], bytes] | None:
        return None if self.hashes is None else dict(self.hashes)

    def own_faults(self) -> list[tuple[str, str]]:
        return self.faults

    def own_remarks(self) -> list[tuple[str, str]]:
        return []

    def altered(self) -> Copy:
        """A copy to alter."""
        return replace(
            self,
            rows=[*self.rows],
            notes={**self.notes},
            contents={**self.contents},
            removed={**self.removed},
            hashes=None if self.hashes is None else {**self.hashes},
        )

    def verified(self, *held: Checkpoint) -> Verified:
        return verify(self, self.verifier, held)


def copy_of(log: Log) -> Copy:
    contents = {digest: log.content(digest) for digest in log.content_digests()}
    return Copy(
        log.verifier,
        [*log.entries()],
        dict(log.checkpoints()),
        {digest: content for digest, content in contents.items() if content is not None},
        log.redactions(),
        log.nodes(),
    )


@pytest.fixture(scope="module")
def small_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two decisions, a report of each, a signature on the first, the redaction of the second."""
    folder = log_of(tmp_path_factory.mktemp("small") / "log", 2)
    now = ticking(START + timedelta(hours=1))
    with open_log(folder, write=True) as log:
        for index in (0, 1):
            append_report(log, index, report=b"...", form="text", by="N. Nurse", now=now)
        append_signature(log, 0, by="Dr A. Example", meaning="approval", now=now)
        redact_entries(log, [1], by="D. Officer", reason="consent withdrawn", now=now)
    return folder


@pytest.fixture(scope="module")
def small(small_log: Path) -> Copy:
    with open_log(small_log) as log:
        return copy_of(log)


def places(result: Verified) -> list[str]:
    return [finding.place for finding in result.findings]


def flips(data: bytes) -> Iterator[bytes]:
    """The data with each of its bits flipped in turn."""
    number = int.from_bytes(data, "big")
    for bit in range(8 * len(data)):
        yield (number ^ 1 << bit).to_bytes(len(data), "big")


# --- every bit --------------------------------------------------------------------------


def test_a_log_as_it_was_written_holds(small: Copy, small_log: Path) -> None:
    result = small.verified()
    assert result.findings == [] and result.remarks == [] and result.holds
    assert (result.size, result.decisions, result.reports, result.signatures) == (6, 2, 2, 1)
    assert (result.redactions, result.redacted) == (1, 1)
    with open_log(small_log) as log:
        assert verify(log, log.verifier) == result
        assert result.root == open_checkpoint(log.checkpoint(), log.verifier).root


@pytest.mark.parametrize("index", range(6))
def test_every_bit_of_an_entry_counts(small: Copy, index: int) -> None:
    """Seen by the tree alone, whatever else sees it too: the stored nodes are left out."""
    bare = replace(small.altered(), hashes=None)
    for data in flips(small.rows[index][1]):
        bare.rows[index] = (index, data)
        assert f"entry {index}" in places(bare.verified())


@pytest.mark.parametrize("size", range(7))
def test_every_bit_of_a_checkpoint_counts(small: Copy, size: int) -> None:
    bent = small.altered()
    for data in flips(small.notes[size].encode()):
        bent.notes[size] = data.decode("utf-8", "replace")
        assert f"checkpoint of {size} entries" in places(bent.verified()) or (
            "entry" in places(bent.verified())[0]
        )


def test_every_bit_of_what_is_stored_counts(small: Copy) -> None:
    stored = {d: c for d, c in small.contents.items() if c.data is not None}
    assert len(stored) == 4 + 1 + 3, "four private pieces, the pack's list and its files"
    (report,) = (read_entry(small.rows[2][1]),)
    assert isinstance(report, Issued)
    for digest, content in stored.items():
        assert content.data is not None
        bent = small.altered()
        place = "entry 2" if content.name() == report.report else "entry 0"
        for data in flips(content.data):
            bent.contents[digest] = replace(content, data=data)
            assert places(bent.verified())[0] == place
        for salt in flips(content.salt or b""):
            bent.contents[digest] = replace(content, salt=salt)
            assert places(bent.verified()) == [place]


def test_every_bit_of_the_digests_that_contents_are_kept_under_counts(small: Copy) -> None:
    for digest, content in small.contents.items():
        for other in flips(digest):
            bent = small.altered()
            bent.contents[other] = replace(bent.contents.pop(digest), digest=other)
            assert {*places(bent.verified())} >= {"the contents"}
        bent = small.altered()
        bent.contents[digest] = replace(content, private=not content.private)
        assert content.redacted or not bent.verified().holds


def test_every_bit_of_the_tree_counts(small: Copy) -> None:
    assert small.hashes is not None
    for place, value in small.hashes.items():
        bent = small.altered()
        assert bent.hashes is not None
        for other in flips(value):
            bent.hashes[place] = other
            assert len(places(bent.verified())) == 1
        del bent.hashes[place]
        assert len(places(bent.verified())) == 1
    bent = small.altered()
    assert bent.hashes is not None
    bent.hashes[3, 0] = bytes(32)
    assert places(bent.verified()) == ["the tree"]


def test_every_bit_of_what_says_what_was_removed_counts(small: Copy) -> None:
    assert len(small.removed) == 4
    for digest in small.removed:
        for other in flips(digest):
            bent = small.altered()
            bent.removed[other] = bent.removed.pop(digest)
            assert not bent.verified().holds
        for index in (0, 1, 2, 4, 6, 9):
            bent = small.altered()
            bent.removed[digest] = index
            assert not bent.verified().holds


# --- more than a bit --------------------------------------------------------------------


@pytest.fixture(scope="module")
def ten_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log_of(tmp_path_factory.mktemp("ten") / "log", 10)


@pytest.fixture(scope="module")
def ten(ten_log: Path) -> Copy:
    with open_log(ten_log) as log:
        return copy_of(log)


def held(copy: Copy, size: int) -> Checkpoint:
    """What a third party kept when the log had this size."""
    return open_checkpoint(copy.notes[size], copy.verifier)


def cut(copy: Copy, size: int) -> Copy:
    """The log as it was when it had this size, as a backup would bring it back."""
    short = copy.altered()
    short.rows = short.rows[:size]
    short.notes = {n: note for n, note in short.notes.items() if n <= size}
    assert short.hashes is not None
    short.hashes = {
        (level, position): value
        for (level, position), value in short.hashes.items()
        if (position + 1) << level <= size
    }
    named = {digest_of(n) for _, data in short.rows for n in names(read_entry(data))}
    packs = {d for d, c in short.contents.items() if not c.private}
    short.contents = {d: c for d, c in short.contents.items() if d in named | packs}
    return short


def names(entry: LogEntry) -> tuple[str, ...]:
    assert isinstance(entry, Decided)
    return entry.details, entry.facts, entry.record


def test_a_log_holds_against_every_checkpoint_it_ever_had(ten: Copy) -> None:
    assert ten.verified(*(held(ten, size) for size in range(11))).holds


@pytest.mark.parametrize("size", range(1, 10))
def test_a_log_cut_back_is_refused_by_whoever_kept_a_checkpoint(ten: Copy, size: int) -> None:
    short = cut(ten, size)
    assert short.verified().holds, "nobody can tell from the log alone"
    assert short.verified(held(ten, size)).holds
    result = short.verified(held(ten, 1), held(ten, 10))
    missing = f"entries {size} to 9" if size < 9 else "entry 9"
    assert [finding.text() for finding in result.findings] == [
        f"{missing}: missing: the checkpoint covers 10 entries and the log holds {size}"
    ]


def test_an_old_checkpoint_put_back_as_the_latest_is_refused(ten: Copy) -> None:
    bent = ten.altered()
    bent.notes = {size: note for size, note in bent.notes.items() if size <= 7}
    assert "no checkpoint of 8 entries" in bent.verified().findings[0].what
    bent.notes[10] = bent.notes[7]
    assert "checkpoint of 10 entries" in places(bent.verified())


def test_entries_cut_off_under_their_checkpoint_are_missed(ten: Copy) -> None:
    bent = ten.altered()
    bent.rows = bent.rows[:7]
    assert "entries 7 to 9" in places(bent.verified())


def test_two_entries_in_each_other_s_place_are_named(ten: Copy) -> None:
    for swapped in (0, 4, 8):
        bent = replace(ten.altered(), hashes=None)
        one, two = bent.rows[swapped][1], bent.rows[swapped + 1][1]
        bent.rows[swapped : swapped + 2] = [(swapped, two), (swapped + 1, one)]
        found = places(bent.verified())
        assert {f"entry {swapped}", f"entry {swapped + 1}"} <= {*found}


def test_an_entry_put_in_between_or_taken_out_is_named(ten: Copy) -> None:
    for place in (0, 5, 10):
        data = ten.rows[3][1]
        bent = replace(ten.altered(), hashes=None)
        rows = [row[1] for row in bent.rows]
        rows.insert(place, data)
        bent.rows = list(enumerate(rows))
        assert f"entry {place}" in places(bent.verified())
    for place in (0, 5, 9):
        bent = replace(ten.altered(), hashes=None)
        del bent.rows[place]
        assert places(bent.verified())[0] == f"entry {place}" or place == 9
        assert not bent.verified().holds


def test_a_rewritten_entry_is_named_though_the_tree_was_built_anew(ten: Copy) -> None:
    """Without the key nobody can sign the new roots: the first false one gives the place."""
    for place in range(10):
        bent = ten.altered()
        entry = read_entry(bent.rows[place][1])
        rows = [row[1] for row in bent.rows]
        rows[place] = entry_bytes(replace(entry, by="Somebody Else"))
        frontier = tree.Frontier()
        bent.hashes = {
            (level, position): value
            for row in rows
            for level, position, value in frontier.add(tree.leaf_hash(row))
        }
        bent.rows = list(enumerate(rows))
        result = bent.verified()
        assert places(result)[0] == f"entry {place}"
        assert "not what the log signed" in result.findings[0].what


def test_a_content_taken_away_or_put_in_is_named(ten: Copy) -> None:
    entry = read_entry(ten.rows[4][1])
    for name in names(entry):
        bent = ten.altered()
        del bent.contents[digest_of(name)]
        assert places(bent.verified()) == ["entry 4"]
        bent = ten.altered()
        gone = replace(bent.contents[digest_of(name)], salt=None, data=None)
        bent.contents[digest_of(name)] = gone
        assert "removed without an entry" in bent.verified().findings[0].what
    bent = ten.altered()
    more = sealed(b"more")
    bent.contents[more.digest] = more
    assert places(bent.verified()) == ["the contents"]


def test_what_was_redacted_must_not_come_back(small: Copy) -> None:
    bent = small.altered()
    digest = next(iter(small.removed))
    bent.contents[digest] = replace(bent.contents[digest], salt=bytes(32), data=b"back")
    assert "was redacted, and is there" in bent.verified().findings[0].what


def test_many_faults_are_counted_and_some_listed(ten: Copy) -> None:
    bent = ten.altered()
    bent.faults = [("file", "damaged")] * (MOST + 5)
    result = bent.verified()
    assert (len(result.findings), result.more) == (MOST, 5)
    assert result.findings[0].text() == "file: damaged"


# --- who has the key --------------------------------------------------------------------


def forked(ten_log: Path, folder: Path, at: int) -> Copy:
    """Another log signed by the same key, which parts from the ten after `at` entries.

    This is what the holder of the key can do: go back, and go on otherwise.
    """
    log_of(folder, 0)
    for name in ("log.key", "log.pub"):
        shutil.copy(ten_log / name, folder / name)
    shutil.copy(ten_log / DATABASE, folder / DATABASE)
    database = raw(folder)
    kept = [
        sql for (sql,) in database.execute("SELECT sql FROM sqlite_schema WHERE type='trigger'")
    ]
    for sql in kept:
        database.execute(f"DROP TRIGGER {sql.split()[2]}")
    database.execute("DELETE FROM entries WHERE number >= ?", (at,))
    database.execute("DELETE FROM checkpoints WHERE size > ?", (at,))
    database.execute("DELETE FROM nodes WHERE (position + 1) << level > ?", (at,))
    database.execute("DELETE FROM contents WHERE private AND id > ?", (0,))
    for sql in kept:
        database.execute(sql)
    database.close()
    with open_log(folder, write=True) as log:
        for number in range(at, 10):
            decide(log, f"S-{number}", ticking(), verdict="ineligible")
        copy = copy_of(log)
    with open_log(ten_log) as log:
        copy.contents = {**copy_of(log).contents, **copy.contents}
    used = {digest_of(n) for _, data in copy.rows for n in names(read_entry(data))}
    copy.contents = {d: c for d, c in copy.contents.items() if d in used or not c.private}
    return copy


@pytest.mark.parametrize("at", [1, 4, 9])
def test_a_fork_is_refused_by_a_kept_checkpoint_and_its_place_named(
    ten: Copy, ten_log: Path, tmp_path: Path, at: int
) -> None:
    fork = forked(ten_log, tmp_path / "fork", at)
    assert fork.verified().holds, "the key signs whatever its holder wants"
    assert fork.verified(held(ten, at)).holds, "up to there they agree"
    for size in range(at + 1, 11):
        result = fork.verified(held(ten, at), held(ten, size))
        assert [finding.text() for finding in result.findings] == [
            f"{'entry' if size == at + 1 else 'entries'} {at}"
            + ("" if size == at + 1 else f" to {size - 1}")
            + f": not those of the checkpoint of {size} entries: the log was rewritten or"
            " forked there"
        ]


def test_a_checkpoint_of_another_log_is_refused(ten: Copy) -> None:
    other = replace(held(ten, 5), origin="example.org/site-2")
    assert "of another log" in ten.verified(other).findings[0].what
    bent = replace(ten, verifier=replace(ten.verifier, name="example.org/site-2"))
    assert not bent.verified().holds
    bent = replace(ten, verifier=replace(ten.verifier, public=bytes(32)))
    assert places(bent.verified()) == ["checkpoint of 0 entries"]


def lying(folder: Path, make: Callable[[Log, int, str, str], Addition]) -> Verified:
    """Verify a log of one decision to which the holder of the key appended what it should not."""
    log_of(folder, 1)
    with open_log(folder, write=True) as log:
        log.append(lambda index, after, time: make(log, index, after, time), ticking())
        return verify(log, log.verifier)


def test_details_that_are_not_those_of_the_record_are_found(tmp_path: Path) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        entry = read_entry(log.entry(0))
        assert isinstance(entry, Decided)
        pieces = [log.piece(name) for name in names(entry)]
        details, facts, record = (piece or b"" for piece in pieces)
        false = replace(read_details(details), verdict="ineligible")
        new = [sealed(details_bytes(false)), sealed(facts), sealed(record)]
        named = dict(zip(("details", "facts", "record"), (c.name() for c in new), strict=True))
        told: dict[str, Any] = {"index": index, "after": after, "time": time, **named}
        return Addition(replace(entry, **told), new)

    (finding,) = lying(tmp_path / "log", make).findings
    assert finding.text() == "entry 1: its details are not those of its record"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"as_of": "2026-11-19"}, "does not say what its record says"),
        ({"software": {"eligo": "9", "durable_rules": "9", "python": "9"}}, "does not say what"),
    ],
)
def test_an_entry_that_says_other_than_its_record_is_found(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        entry = read_entry(log.entry(0))
        assert isinstance(entry, Decided)
        new = [sealed(log.piece(name) or b"") for name in names(entry)]
        named = dict(zip(("details", "facts", "record"), (c.name() for c in new), strict=True))
        told: dict[str, Any] = {"index": index, "after": after, "time": time, **named, **changes}
        return Addition(replace(entry, **told), new)

    (finding,) = lying(tmp_path / "log", make).findings
    assert says in finding.what


def test_a_signature_on_something_else_is_found(tmp_path: Path) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        return Addition(Signed(index, after, time, "A", 0, "sha256:" + "00" * 32, "review"))

    (finding,) = lying(tmp_path / "log", make).findings
    assert finding.text() == "entry 1: it signs another decision than entry 0"


def test_a_report_of_something_else_is_found(tmp_path: Path) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        kept = sealed(report_bytes(b"...", "pdf"))
        leaf = "sha256:" + "00" * 32
        return Addition(Issued(index, after, time, "A", 0, leaf, kept.name()), (kept,))

    (finding,) = lying(tmp_path / "log", make).findings
    assert finding.text() == "entry 1: it reports another decision than entry 0"


@pytest.mark.parametrize(
    "kept",
    [b"", b"{}", b'{"form":"pdf"}', b'{"form":"exe","sha256":"' + b"0" * 64 + b'"}',
     b'{"form":"pdf","sha256":"0"}'],
)  # fmt: skip
def test_what_is_kept_of_a_report_must_be_well_formed(tmp_path: Path, kept: bytes) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        content = sealed(kept)
        leaf = "sha256:" + tree.leaf_hash(log.entry(0)).hex()
        return Addition(Issued(index, after, time, "A", 0, leaf, content.name()), (content,))

    (finding,) = lying(tmp_path / "log", make).findings
    assert finding.text() == "entry 1: what is kept of a report is malformed"


def test_a_redaction_that_leaves_a_report_is_found(tmp_path: Path) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        if index == 1:
            kept = sealed(report_bytes(b"...", "pdf"))
            leaf = "sha256:" + tree.leaf_hash(log.entry(0)).hex()
            return Addition(Issued(index, after, time, "A", 0, leaf, kept.name()), (kept,))
        names_ = names(read_entry(log.entry(0)))
        entry = Redacted(index, after, time, "A", (0,), names_, "none")
        return Addition(entry, removed=[digest_of(name) for name in names_])

    assert lying(tmp_path / "log", make).holds
    with open_log(tmp_path / "log", write=True) as log:
        log.append(lambda index, after, time: make(log, index, after, time), ticking())
        (finding,) = verify(log, log.verifier).findings
    assert finding.text() == "entry 2: it does not remove what the decisions it names hold"


def test_a_redaction_that_removes_less_than_it_says_is_found(tmp_path: Path) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        entry = read_entry(log.entry(0))
        return Addition(Redacted(index, after, time, "A", (0,), names(entry), "none"))

    found = lying(tmp_path / "log", make).findings
    assert [one.place for one in found] == ["entry 1"] * 3
    assert "not marked as removed" in found[0].what


def test_a_clock_that_was_set_back_is_remarked(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 2)
    with open_log(tmp_path / "log", write=True) as log:
        decide(log, "S-2", ticking(START - timedelta(days=1)))
        decide(log, "S-3", ticking(START + timedelta(days=1)))
        result = verify(log, log.verifier)
    assert result.holds
    assert [remark.text() for remark in result.remarks] == [
        "entry 2: its time 2026-11-19T09:00:01Z is before 2026-11-20T09:00:02Z of one before"
    ]


def test_progress_is_told(ten: Copy) -> None:
    heard: list[int] = []
    verify(ten, ten.verifier, progress=heard.append)
    assert heard[-1] == 10


# --- in the file itself -----------------------------------------------------------------

TAMPERINGS = {
    "UPDATE entries SET entry = CAST(replace(CAST(entry AS TEXT), 'Nurse', 'Norse') AS BLOB)"
    " WHERE number = 1": "entry 1",
    "UPDATE contents SET data = x'00' WHERE id = 1": "entry 0",
    "UPDATE contents SET salt = zeroblob(32) WHERE id = 2": "entry 0",
    "DELETE FROM contents WHERE id = 3": "entry 0",
    "UPDATE checkpoints SET note = replace(note, '2', '3') WHERE size = 2": "checkpoint of 2",
    "UPDATE nodes SET hash = zeroblob(32) WHERE level = 1 AND position = 0": "entry 1",
    "DELETE FROM nodes WHERE level = 0 AND position = 2": "entry 2",
    "DELETE FROM redactions": "entry 1",
    "UPDATE redactions SET entry = 2": "entry 5",
    "UPDATE entries SET number = 7 WHERE number = 3": "entry 3",
    "UPDATE entries SET entry = CAST(entry AS TEXT) WHERE number = 1": "entry 1",
    "UPDATE contents SET data = CAST(data AS TEXT) WHERE id = 1": "entry 0",
    "UPDATE contents SET salt = 7 WHERE id = 1": "entry 0",
    "UPDATE contents SET salt = NULL, data = NULL WHERE id = 1": "entry 0",
    "UPDATE checkpoints SET note = CAST(note AS BLOB) WHERE size = 6": "checkpoint of 6",
    "UPDATE checkpoints SET note = 7 WHERE size = 3": "checkpoint of 3",
    "UPDATE nodes SET hash = 7 WHERE level = 0 AND position = 2": "entry 2",
}


def tampered(folder: Path, sql: str) -> None:
    """Change a log's file past its own safeguards, and put them back."""
    with contextlib.closing(raw(folder)) as database:
        schema = [*database.execute("SELECT type, name, sql FROM sqlite_schema")]
        for kind, name, _ in schema:
            if kind == "trigger":
                database.execute(f"DROP TRIGGER {name}")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')')")
    with contextlib.closing(raw(folder)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        assert database.execute(sql).rowcount
        database.execute("PRAGMA writable_schema = ON")
        for kind, name, text in schema:
            if kind == "table":
                database.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (text, name))
    with contextlib.closing(raw(folder)) as database:
        for kind, _, text in schema:
            if kind == "trigger":
                database.execute(text)


@pytest.mark.parametrize("sql", TAMPERINGS)
def test_a_change_made_in_the_file_is_found_where_it_was_made(
    small_log: Path, tmp_path: Path, sql: str
) -> None:
    shutil.copytree(small_log, tmp_path / "log")
    tampered(tmp_path / "log", sql)
    with open_log(tmp_path / "log") as log:
        result = verify(log, log.verifier)
    assert any(place.startswith(TAMPERINGS[sql]) for place in places(result)), places(result)
    assert not any("safeguards" in finding.what for finding in result.findings)


@pytest.mark.parametrize("sql", [sql for sql in TAMPERINGS if "nodes" not in sql])
def test_no_command_ends_in_a_traceback_on_it(small_log: Path, tmp_path: Path, sql: str) -> None:
    """What reads one decision says that it is damaged, or reads another as it was."""
    shutil.copytree(small_log, tmp_path / "log")
    tampered(tmp_path / "log", sql)
    with open_log(tmp_path / "log") as log, Replayer(log) as replayer:
        replayed = {one.index: one.outcome for one in replayer.all()}
        for work in (
            lambda: list_decisions(log, Wanted()),
            lambda: show(log, 0),
            lambda: prove(log, 0),
            lambda: log.checkpoint(),
        ):
            with contextlib.suppress(LogFault):
                work()
        if sql.startswith("UPDATE contents") and "id = 3" not in sql:
            assert replayed[0] == "damaged"
            with pytest.raises(LogFault):
                show(log, 0)


def test_the_log_s_public_key_file_is_part_of_it(small_log: Path, tmp_path: Path) -> None:
    shutil.copytree(small_log, tmp_path / "log")
    public = tmp_path / "log" / "log.pub"
    other = public.read_text("utf-8").replace("+A", "+B", 1)
    for text in (other, "", None):
        if text is None:
            public.unlink()
        else:
            public.write_text(text, "utf-8")
        with open_log(tmp_path / "log") as log:
            assert places(verify(log, log.verifier)) == ["log.pub"]


def test_a_digest_altered_in_its_row_alone_is_found(small_log: Path, tmp_path: Path) -> None:
    """SQLite looks a content up by its index, which may say otherwise than the row."""
    shutil.copytree(small_log, tmp_path / "log")
    path = tmp_path / "log" / DATABASE
    with open_log(tmp_path / "log") as log:
        digests = [d for d in log.content_digests() if (c := log.content(d)) and c.private]
    whole = path.read_bytes()
    for digest in digests:
        at = whole.find(digest)
        while at >= 0:
            bent = bytearray(whole)
            bent[at] ^= 1
            path.write_bytes(bent)
            try:
                with open_log(tmp_path / "log") as log:
                    assert not verify(log, log.verifier).holds
            except LogFault:
                pass
            at = whole.find(digest, at + 1)


def test_a_content_that_two_entries_name_is_found(tmp_path: Path) -> None:
    """Redacting one of them would empty the other."""

    def make(log: Log, index: int, after: str, time: str) -> Addition:
        entry = read_entry(log.entry(0))
        assert isinstance(entry, Decided)
        return Addition(replace(entry, index=index, after=after, time=time))

    found = lying(tmp_path / "log", make).findings
    assert [one.place for one in found] == ["entry 1"] * 3
    assert found[0].what.endswith("is also that of another entry")


def test_what_is_said_of_a_redacted_decision_is_found(tmp_path: Path) -> None:
    def signed(log: Log, index: int, after: str, time: str) -> Addition:
        leaf = "sha256:" + tree.leaf_hash(log.entry(0)).hex()
        return Addition(Signed(index, after, time, "A", 0, leaf, "review"))

    def reported(log: Log, index: int, after: str, time: str) -> Addition:
        kept = sealed(report_bytes(b"...", "pdf"))
        leaf = "sha256:" + tree.leaf_hash(log.entry(0)).hex()
        return Addition(Issued(index, after, time, "A", 0, leaf, kept.name()), (kept,))

    log_of(tmp_path / "log", 1)
    with open_log(tmp_path / "log", write=True) as log:
        redact_entries(log, [0], by="A", reason="withdrawn", now=ticking())
        for make in (signed, reported):
            log.append(partial(make, log), ticking())
        found = verify(log, log.verifier).findings
    assert [one.text() for one in found] == [
        "entry 2: it signs entry 0, which was redacted before",
        "entry 3: it reports entry 0, which was redacted before",
    ]


@pytest.mark.parametrize(
    "tail",
    [b'"garbage"}', b"[]}", b'[{"why": 3}],"firings":[]}', b'[],"firings":[],"verdict":"x"}'],
)
def test_a_record_that_is_none_is_found_and_stops_nothing(tmp_path: Path, tail: bytes) -> None:
    def make(log: Log, index: int, after: str, time: str) -> Addition:
        entry = read_entry(log.entry(0))
        assert isinstance(entry, Decided)
        details, facts, record = (log.piece(name) or b"" for name in names(entry))
        false = record.partition(b'"criteria":')[0] + b'"criteria":' + tail
        new = [sealed(details), sealed(facts), sealed(false)]
        named = dict(zip(("details", "facts", "record"), (c.name() for c in new), strict=True))
        told: dict[str, Any] = {"index": index, "after": after, "time": time, **named}
        return Addition(replace(entry, **told), new)

    (finding,) = lying(tmp_path / "log", make).findings
    assert finding.text().startswith("entry 1: its record is not a decision")
    with open_log(tmp_path / "log", write=True) as log, Replayer(log) as replayer:
        decide(log, "S-2", ticking(START + timedelta(days=1)))
        outcomes = [(one.index, one.outcome) for one in replayer.all()]
        # The made-up pack cannot be read, so the others are refused, each by itself.
        assert outcomes == [(0, "refused"), (1, "damaged"), (2, "refused")]
        with pytest.raises(LogFault, match="not a decision"):
            show(log, 1)


def test_the_file_with_a_bit_flipped_is_found_or_holds_what_it_held(
    small_log: Path, small: Copy, tmp_path: Path
) -> None:
    """A database has room that nothing is kept in: a flip there may change nothing at all."""
    shutil.copytree(small_log, tmp_path / "log")
    path = tmp_path / "log" / DATABASE
    data = path.read_bytes()
    found = 0
    for place in range(7, len(data), 397):
        bent = bytearray(data)
        bent[place] ^= 1 << place % 8
        path.write_bytes(bent)
        try:
            with open_log(tmp_path / "log") as log:
                holds = verify(log, log.verifier).holds
                same = not holds or copy_of(log) == small
        except LogFault:
            holds, same = False, True
        assert same, f"byte {place}"
        found += not holds
    assert found
