"""The files handed to others: they verify alone, and any bit of them counts."""

from __future__ import annotations

import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.store.log.append import append_decision, append_signature, redact_entries
from app.store.log.proof import (
    SUFFIX,
    check_consistency,
    check_proof,
    prove,
    prove_consistency,
)
from app.store.log.store import create_log, open_log
from engine.log import LogFault, tree
from engine.log.entry import LONGEST_NAME, Decided, read_entry
from engine.log.note import Checkpoint, Verifier, open_checkpoint, read_checkpoint
from engine.log.tree import ProofFault
from tests.log.made import NAME, PACK, START, decide, facts_of, log_of, record_of, ticking

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Issued:
    """A proof as it was handed out: with it, its record, and the key it is checked by."""

    proof: bytes
    record: bytes
    verifier: Verifier


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log_of(tmp_path_factory.mktemp("log") / "log", 11)


def issued_from(folder: Path, index: int) -> Issued:
    with open_log(folder) as log:
        entry = read_entry(log.entry(index))
        assert isinstance(entry, Decided)
        record = log.piece(entry.record)
        assert record is not None
        return Issued(prove(log, index).encode(), record, log.verifier)


@pytest.fixture(scope="module")
def issued(log: Path) -> Issued:
    return issued_from(log, 6)


def flips(data: bytes) -> Iterator[bytes]:
    number = int.from_bytes(data, "big")
    for bit in range(8 * len(data)):
        yield (number ^ 1 << bit).to_bytes(len(data), "big")


def test_every_decision_is_proved(log: Path) -> None:
    for index in range(11):
        one = issued_from(log, index)
        proved = check_proof(one.proof, one.record, one.verifier)
        assert (proved.index, proved.checkpoint.size) == (index, 11)
        assert isinstance(proved.entry, Decided)
        assert proved.entry.by == "N. Nurse"


def test_a_proof_has_the_form_of_c2sp(issued: Issued) -> None:
    lines = issued.proof.decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert b64decode(lines[1].removeprefix("extra ")).startswith(b'{"entry":{"after":"sha256:')
    assert lines[2] == "index 6"
    gap = lines.index("")
    assert all(len(b64decode(line, validate=True)) == 32 for line in lines[3:gap])
    assert len(lines[3:gap]) == len(tree.inclusion(6, 11, lambda *_: b""))
    assert lines[gap + 1 : gap + 3] == [NAME, "11"]
    assert lines[gap + 5].startswith(f"— {NAME} ")
    assert SUFFIX == ".tlog-proof"


def test_every_bit_of_a_proof_counts(issued: Issued) -> None:
    for proof in flips(issued.proof):
        with pytest.raises(LogFault):
            check_proof(proof, issued.record, issued.verifier)


def test_every_bit_of_the_record_counts(issued: Issued) -> None:
    for record in flips(issued.record):
        with pytest.raises(ProofFault, match="not the decision that entry 6 names"):
            check_proof(issued.proof, record, issued.verifier)


def test_every_bit_of_the_key_counts(issued: Issued) -> None:
    for public in flips(issued.verifier.public):
        with pytest.raises(LogFault):
            check_proof(issued.proof, issued.record, replace(issued.verifier, public=public))


def test_nothing_may_be_put_in_or_left_out(issued: Issued) -> None:
    lines = issued.proof.decode().split("\n")
    signature = len(lines) - 2
    for number, line in enumerate(lines):
        bent = [lines[:number] + lines[number + 1 :], [*lines[:number], "", *lines[number:]]]
        if number != signature:  # a note may be signed twice
            bent.append([*lines[:number], line, *lines[number:]])
        for one in bent:
            with pytest.raises(LogFault):
                check_proof("\n".join(one).encode(), issued.record, issued.verifier)
    for data in (b"", b"\n\n", b"\xff", issued.proof + b"x", issued.proof * 100):
        with pytest.raises(LogFault):
            check_proof(data, issued.record, issued.verifier)


def test_a_proof_is_for_one_decision(log: Path) -> None:
    one, two = issued_from(log, 3), issued_from(log, 4)
    for proof, record in ((one.proof, two.record), (two.proof, one.record)):
        with pytest.raises(ProofFault, match="is not the decision"):
            check_proof(proof, record, one.verifier)
    with pytest.raises(ProofFault, match="checked against its record"):
        check_proof(one.proof, None, one.verifier)


def test_the_entry_of_one_place_is_not_proved_by_the_path_of_another(log: Path) -> None:
    one, two = (issued_from(log, n).proof.decode().split("\n") for n in (3, 4))
    mixed = [two[0], one[1], *two[2:]]
    issued = issued_from(log, 3)
    with pytest.raises(ProofFault, match="for entry 4, but carries entry 3"):
        check_proof("\n".join(mixed).encode(), issued.record, issued.verifier)
    mixed = [one[0], one[1], one[2], *two[3:]]
    with pytest.raises(ProofFault, match="another entry at 3"):
        check_proof("\n".join(mixed).encode(), issued.record, issued.verifier)


def test_an_old_proof_still_holds_when_the_log_has_grown(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 3)
    old = issued_from(folder, 1)
    with open_log(folder, write=True) as log:
        for number in range(5):
            decide(log, f"T-{number}", ticking())
    assert check_proof(old.proof, old.record, old.verifier).checkpoint.size == 3
    new = issued_from(folder, 1)
    assert new.proof != old.proof and new.record == old.record
    assert check_proof(new.proof, new.record, new.verifier).checkpoint.size == 8


def test_an_old_proof_still_holds_after_a_redaction(tmp_path: Path) -> None:
    """Who was given a report keeps what it proves; the log gives no new proof of it."""
    folder = log_of(tmp_path / "log", 3)
    old = issued_from(folder, 1)
    with open_log(folder, write=True) as log:
        redact_entries(log, [1], by="D. Officer", reason="withdrawn", now=ticking())
        with pytest.raises(ProofFault, match="entry 1 was redacted"):
            prove(log, 1)
    assert check_proof(old.proof, old.record, old.verifier).index == 1


def test_signatures_and_redactions_are_proved_too(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 2)
    with open_log(folder, write=True) as log:
        append_signature(log, 0, by="Dr A. Example", meaning="approval", now=ticking())
        redact_entries(log, [1], by="D. Officer", reason="withdrawn", now=ticking())
        for index in (2, 3):
            proof = prove(log, index).encode()
            assert check_proof(proof, None, log.verifier).index == index
            with pytest.raises(ProofFault, match="not a decision"):
                check_proof(proof, b"{}", log.verifier)
        with pytest.raises(LogFault, match="no entry 4"):
            prove(log, 4)


def test_a_proof_is_short(tmp_path: Path) -> None:
    """The longest entry there can be, and the path of a log of a billion entries."""
    create_log(tmp_path / "log", "n" * 200)
    facts = facts_of("S-1")
    with open_log(tmp_path / "log", write=True) as log:
        append_decision(
            log, record=record_of("S-1", facts), facts=facts, form="yaml", pack=PACK,
            by="𝔑" * LONGEST_NAME, reason="", now=ticking(START + timedelta(days=1)),
        )  # fmt: skip
        proof = prove(log, 0)
    assert len(proof.encode()) + 30 * 45 < 4_000


def test_a_proof_is_checked_in_a_folder_that_holds_nothing_else(
    issued: Issued, tmp_path: Path
) -> None:
    (tmp_path / "report.tlog-proof").write_bytes(issued.proof)
    (tmp_path / "record.json").write_bytes(issued.record)
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from engine.log.note import Verifier\n"
        "from app.store.log.proof import check_proof\n"
        "proof = Path('report.tlog-proof').read_bytes()\n"
        "record = Path('record.json').read_bytes()\n"
        "print(check_proof(proof, record, Verifier.read(sys.argv[1])).index)\n"
        "assert not {'engine.fire.session', 'yaml', 'durable'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, issued.verifier.text()],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "6\n", "")


# --- consistency ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(log: Path) -> dict[int, Checkpoint]:
    """Every checkpoint of the log, as a third party keeps them."""
    with open_log(log) as opened:
        notes = dict(opened.checkpoints())
        return {size: open_checkpoint(note, opened.verifier) for size, note in notes.items()}


def test_the_log_continues_every_checkpoint_it_had(log: Path, kept: dict[int, Checkpoint]) -> None:
    with open_log(log) as opened:
        for old in kept.values():
            proof = prove_consistency(opened, old)
            assert proof.startswith(f"old {old.size}\n")
            assert check_consistency(proof.encode(), old, opened.verifier) == kept[11]


def test_every_bit_of_a_consistency_proof_counts(log: Path, kept: dict[int, Checkpoint]) -> None:
    with open_log(log) as opened:
        verifier = opened.verifier
        for size in (4, 7, 11):
            proof = prove_consistency(opened, kept[size]).encode()
            for bent in flips(proof):
                with pytest.raises(LogFault):
                    check_consistency(bent, kept[size], verifier)
            for root in flips(kept[size].root):
                with pytest.raises(ProofFault):
                    check_consistency(proof, replace(kept[size], root=root), verifier)


def test_a_log_does_not_continue_what_it_never_was(
    log: Path, kept: dict[int, Checkpoint], tmp_path: Path
) -> None:
    with open_log(log_of(tmp_path / "short", 3)) as short:
        with pytest.raises(ProofFault, match="has 3 entries, fewer than the checkpoint's 11"):
            prove_consistency(short, kept[11])
        with pytest.raises(ProofFault, match="among entries 0 to 1 are others than it covers"):
            prove_consistency(short, kept[2])
        own = read_checkpoint(dict(short.checkpoints())[2])
        proof = prove_consistency(short, own).encode()
        with pytest.raises(ProofFault, match="does not begin with the log of 2 entries"):
            check_consistency(proof, kept[2], short.verifier)
        with pytest.raises(ProofFault, match="not a proof from that checkpoint"):
            check_consistency(proof, kept[3], short.verifier)
        with open_log(log) as opened, pytest.raises(LogFault, match="not signed by the key"):
            check_consistency(proof, kept[2], opened.verifier)
        other = replace(kept[2], origin="example.org/site-2")
        with pytest.raises(ProofFault, match="of different logs"):
            check_consistency(proof, other, short.verifier)


def test_a_newer_checkpoint_may_not_be_answered_by_an_older_one(
    log: Path, kept: dict[int, Checkpoint]
) -> None:
    with open_log(log) as opened:
        old = dict(opened.checkpoints())[5]
        with pytest.raises(ProofFault, match="fewer than the older"):
            check_consistency(f"old 11\n\n{old}".encode(), kept[11], opened.verifier)
