"""`eligo log` and `eligo replay`, as they are typed."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from app.cli.main import main
from app.store.log.store import open_log
from engine.log.entry import MEANINGS, Decided, read_entry
from engine.terms import Verdict
from tests.log.made import NAME, log_of
from tests.log.test_replay import folder as fixtures_folder

ROOT = Path(__file__).resolve().parents[2]
fixtures_log = fixtures_folder
"""A log of every fixture, decided under the shipped pack."""


def eligo(*typed: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in typed])
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return log_of(tmp_path / "log", 3)


def test_the_words_are_light_and_agree_with_the_log() -> None:
    program = (
        "import sys, app.cli.log_words\n"
        "heavy = {'sqlite3', 'cryptography', 'orjson', 'engine.read.packs'}\n"
        "assert not heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    _, out, _ = eligo("log", "sign", "--help")
    assert "{" + ",".join(MEANINGS) + "}" in out
    _, out, _ = eligo("log", "list", "--help")
    assert "{" + ",".join(get_args(Verdict)) + "}" in out


def test_a_log_is_made(tmp_path: Path) -> None:
    code, out, _ = eligo("log", "init", tmp_path / "new", "--name", NAME)
    assert code == 0
    assert (tmp_path / "new" / "log.pub").read_text().strip() in out
    assert eligo("log", "init", tmp_path / "new")[0] == 2
    assert eligo("log", "init", tmp_path / "unnamed")[0] == 0
    with open_log(tmp_path / "unnamed") as log:
        assert re.fullmatch(r"eligo\.log/[0-9a-f]{8}", log.verifier.name)
    code, out, _ = eligo("log", "verify", tmp_path / "new")
    assert (code, out.splitlines()[-1]) == (0, "the log is as it was signed")


def test_decisions_are_listed_and_shown(log: Path) -> None:
    code, out, err = eligo("log", "list", log, "--subject", "S-1")
    assert (code, err) == (0, "1 decision\n")
    assert out == "     1  2026-11-20 09:00  eligible      S-1, by N. Nurse\n"
    assert eligo("log", "list", log, "--since", "2026-11-21")[1:] == ("", "0 decisions\n")
    code, out, _ = eligo("log", "show", log, 1)
    assert code == 0
    for line in (
        "entry 1: a decision as of 2026-11-20",
        "  subject S-1, protocol made-up 1.0",
        "the first decision on this subject",
        "  lansky: 80",
    ):
        assert line in out.splitlines()
    assert eligo("log", "show", log, 7)[::2] == (
        2,
        "there is no entry 7 in this log: it has entries 0 to 2\n",
    )
    assert eligo("log", "show", log, "-1")[0] == 2
    assert eligo("log", "list", log / "none")[0] == 2


def test_a_signature_and_a_redaction_are_shown(log: Path) -> None:
    by = ("--by", "Dr A. Example")
    code, out, _ = eligo("log", "sign", log, 0, *by, "--meaning", "approval")
    assert (code, out) == (0, "entry 3: entry 0 is signed by Dr A. Example\n")
    assert "signed by Dr A. Example" in eligo("log", "show", log, 0)[1]
    assert ", signed" in eligo("log", "list", log)[1].splitlines()[0]
    code, out, _ = eligo("log", "redact", log, "--subject", "S-0", *by, "--reason", "withdrawn")
    assert (code, out) == (0, "entry 4: redacted 0\n")
    code, out, _ = eligo("log", "redact", log, "--index", 1, "--index", 2, *by, "--reason", "x")
    assert (code, out) == (0, "entry 5: redacted 1, 2\n")
    shown = eligo("log", "show", log, 0)[1]
    assert "redacted" in shown and "because: withdrawn" in shown and "S-0" not in shown
    assert eligo("log", "list", log)[1].count("redacted by entry") == 3
    assert eligo("log", "redact", log, "--subject", "S-0", *by, "--reason", "x")[0] == 2
    assert eligo("log", "redact", log, *by, "--reason", "x")[0] == 2
    code, out, _ = eligo("log", "verify", log)
    assert code == 0
    assert out.splitlines()[0] == (
        "6 entries: 3 decisions (3 redacted), 1 signature, 0 reports, 2 redactions"
    )


def record_at(log: Path, index: int) -> bytes:
    with open_log(log) as opened:
        entry = read_entry(opened.entry(index))
        assert isinstance(entry, Decided)
        return opened.piece(entry.record) or b""


def test_a_proof_is_made_and_checked_and_tamperings_are_refused(log: Path, tmp_path: Path) -> None:
    proof, record, key = tmp_path / "r.tlog-proof", tmp_path / "r.json", log / "log.pub"
    assert eligo("log", "prove", log, 1, "--out", proof)[:2] == (0, "")
    assert eligo("log", "prove", log, 1)[1] == proof.read_text("utf-8")
    record.write_bytes(record_at(log, 1) + b"\n")
    for named in (key, key.read_text().strip()):
        code, out, _ = eligo("log", "check-proof", proof, record, "--key", named)
        assert code == 0
        assert out.startswith(f"proved: entry 1 of {NAME}, a decision\n")
    other = log_of(tmp_path / "other", 1)
    assert eligo("log", "check-proof", proof, record, "--key", other / "log.pub")[:2] == (
        1,
        f"refused: the note is not signed by the key of `{NAME}`\n",
    )
    record.write_bytes(record_at(log, 1).replace(b'"eligible"', b'"ineligible"'))
    code, out, _ = eligo("log", "check-proof", proof, record, "--key", key)
    assert (code, out) == (1, "refused: this is not the decision that entry 1 names\n")
    assert eligo("log", "check-proof", tmp_path / "none", record, "--key", key)[0] == 2
    assert eligo("log", "check-proof", proof, record)[0] == 2


def test_a_log_is_held_against_a_checkpoint(log: Path, tmp_path: Path) -> None:
    kept, key = tmp_path / "kept", log / "log.pub"
    kept.write_text(eligo("log", "checkpoint", log)[1], "utf-8")
    shutil.copytree(log, tmp_path / "backup")
    eligo("log", "sign", log, 0, "--by", "A", "--meaning", "review")
    assert eligo("log", "verify", log, "--checkpoint", kept, "--key", key)[0] == 0
    code, out, _ = eligo("log", "consistency", kept, log)
    assert code == 0
    (tmp_path / "proof").write_text(out, "utf-8")
    assert eligo("log", "consistency", kept, tmp_path / "proof", "--key", key)[:2] == (
        0,
        "the log of 4 entries continues that of 3\n",
    )
    assert eligo("log", "consistency", kept, tmp_path / "proof")[0] == 2
    (tmp_path / "proof").write_text(out.replace("old 3", "old 2"), "utf-8")
    assert eligo("log", "consistency", kept, tmp_path / "proof", "--key", key)[0] == 1
    newer = tmp_path / "newer"
    newer.write_text(eligo("log", "checkpoint", log)[1], "utf-8")
    code, out, _ = eligo("log", "verify", tmp_path / "backup", "--checkpoint", newer)
    assert code == 1
    assert out.splitlines()[0] == (
        "entry 3: missing: the checkpoint covers 4 entries and the log holds 3"
    )
    assert out.splitlines()[-1] == "the log is not as it was signed"
    newer.write_bytes(b"\xff")
    assert eligo("log", "verify", log, "--checkpoint", newer)[0] == 2


def test_an_export_is_verified(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    assert eligo("log", "export", log, "--out", out)[:2] == (0, f"3 entries: {out}\n")
    assert (
        eligo("log", "verify", out, "--key", log / "log.pub", "--checkpoint", out / "checkpoint")[0]
        == 0
    )
    (out / "decisions/000000/record.json").write_bytes(b"{}")
    code, said, err = eligo("log", "verify", out)
    first, second = said.splitlines()[:2]
    assert (code, first) == (1, "decisions/000000/record.json: it was altered")
    assert second == "entry 0: the content"
    assert "to be compared with yours" in err


def test_decisions_are_replayed(fixtures_log: Path, tmp_path: Path) -> None:
    with open_log(fixtures_log) as log:
        size = log.size
    assert eligo("replay", fixtures_log) == (0, f"{size} same\n", "")
    assert eligo("replay", fixtures_log, "--index", 3)[:2] == (0, "1 same\n")
    assert eligo("replay", fixtures_log, "--index", size)[0] == 2
    assert eligo("replay", fixtures_log, "--index", 1, "--all")[0] == 2
    pack = tmp_path / "pack"
    shutil.copytree(ROOT / "rules" / "cd19-car-t-b-all", pack)
    assert eligo("replay", fixtures_log, "--index", 3, "--pack", pack)[:2] == (0, "1 same\n")
    (pack / "protocol.yaml").write_bytes(
        (pack / "protocol.yaml").read_bytes().replace(b'version: "', b'version: "9.')
    )
    code, out, _ = eligo("replay", fixtures_log, "--index", 3, "--pack", pack)
    assert code == 0, "another pack may decide otherwise"
    assert out.startswith("entry 3: different\n  first: protocol: ")
    assert out.endswith("\n1 different\n")
    (pack / "protocol.yaml").unlink()
    code, out, err = eligo("replay", fixtures_log, "--pack", pack)
    assert (code, out) == (2, "") and "`protocol.yaml` is missing" in err


def test_what_does_not_follow_is_told(log: Path) -> None:
    """The made-up decisions follow from no pack that can be read."""
    code, out, _ = eligo("replay", log)
    assert code == 1
    assert out.startswith("entry 0: refused\n")
    assert out.endswith("\n3 refused\n")


def test_what_is_printed_fits_a_terminal(fixtures_log: Path) -> None:
    for typed in (["list", fixtures_log], ["show", fixtures_log, 20], ["verify", fixtures_log]):
        out = eligo("log", *typed)[1]
        known = out.find("what was known:")
        long = [line for line in out[:known].splitlines() if len(line) > 80]
        assert [line for line in long if "sha256:" not in line] == []
