"""A report of a logged decision says where it stands, and its proof holds it to the byte."""

from __future__ import annotations

import contextlib
import errno
import html
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from app.store.log.append import append_report
from app.store.log.proof import check_proof, prove
from app.store.log.store import open_log
from app.store.log.verify import verify
from engine.log import LogFault, canonical
from engine.log.entry import Decided, Issued, read_entry
from engine.log.note import base64_bytes, base64_text, note_digest, open_checkpoint
from engine.log.tree import ProofFault
from reports.page import Logged
from reports.screening import qr_code
from tests.log.made import NAME, log_of, ticking
from tests.log.test_verify import tampered

ROOT = Path(__file__).resolve().parents[2]
SUBJECT = ROOT / "fixtures" / "subjects" / "CAR-028-fails-I06-chemotherapy-6-days.yaml"
BY = "Dr A. Example"


def eligo(*typed: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in typed])
    return code, out.getvalue(), err.getvalue()


NOT_YET = "note: cd19-car-t-b-all 1.0 is in effect from 2026-11-22, after the as-of date\n"


def screened(log: Path, out: Path, form: str, *subjects: Path) -> Path:
    """Screen into a log; returns the first subject's report."""
    words = ("--as-of", "2026-11-20", "--log", log, "--by", BY, "--format", form, "--out", out)
    code, _, err = eligo("screen", *(subjects or (SUBJECT,)), *words)
    told = err.replace(NOT_YET, "")
    assert code == 0 and (form == "json" or told == "")
    return out / f"CAR-028_2026-11-20.{'txt' if form == 'text' else form}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log, and one report of each form (with its proof) beside it."""
    folder = tmp_path_factory.mktemp("reports")
    assert eligo("log", "init", folder / "log", "--name", NAME)[0] == 0
    for form in ("html", "pdf", "md", "text", "json"):
        screened(folder / "log", folder / "out", form)
    return folder


def stated(folder: Path, number: int) -> dict[str, str]:
    """What the report of the decision at this entry must state of the log."""
    with open_log(folder / "log") as log:
        notes = dict(log.checkpoints())
        entry = read_entry(log.entry(number))
        assert isinstance(entry, Decided)
        record = log.piece(entry.record) or b""
        note = notes[number + 1]
        root = base64_text(open_checkpoint(note, log.verifier).root)
    return {
        "Log": NAME,
        "Entry": str(number),
        "Logged": f"{entry.time} by {BY}",
        "Checkpoint": note_digest(note),
        "which covers": f"{number + 1} entr{'ies' if number else 'y'}, root {root}",
        "Decision digest": "sha256:" + sha256(record).hexdigest(),
    }


# --- what a report says -----------------------------------------------------------------


@pytest.mark.parametrize(("form", "entry"), [("html", 0), ("pdf", 2), ("md", 4), ("txt", 6)])
def test_a_report_states_its_place_in_the_log(folder: Path, form: str, entry: int) -> None:
    text = shown(folder / "out" / f"CAR-028_2026-11-20.{form}")
    for name, value in stated(folder, entry).items():
        assert re.search(rf"{name}[:\s]*{re.escape(value)}", text), (name, value)


def shown(path: Path) -> str:
    """What a reader sees of a report, as text."""
    if path.suffix == ".pdf":
        return typeset(path).replace("\u200b", "")
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        return html.unescape(re.sub(r"<[^>]*>", " ", text))
    return text.replace("\\", "")


def typeset(path: Path) -> str:
    """The text of a PDF, by a second library."""
    import pypdfium2

    pages = pypdfium2.PdfDocument(path)
    return "\n".join(page.get_textpage().get_text_range() for page in pages)


def read_codes(svg: str) -> list[str]:
    """What the QR codes of a drawing say, by a second library."""
    import typst
    import zxingcpp
    from PIL import Image

    source = f'#set page(width: 6cm, height: 6cm)\n#image(bytes({quoted(svg)}), format: "svg")'
    png: Any = typst.compile(source.encode(), format="png", ppi=200)
    with Image.open(io.BytesIO(png)) as picture:
        return [code.text for code in zxingcpp.read_barcodes(picture.convert("L"))]


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def code_of(values: dict[str, str]) -> str:
    return (
        f"log {values['Log']}\nentry {values['Entry']}\n"
        f"checkpoint {values['Checkpoint']}\ndecision {values['Decision digest']}"
    )


def test_the_qr_code_of_a_page_says_what_stands_beside_it(folder: Path) -> None:
    page = (folder / "out" / "CAR-028_2026-11-20.html").read_text("utf-8")
    (svg,) = re.findall(r'<div role="img"[^>]*>(<svg.*?</svg>)</div>', page, re.DOTALL)
    assert read_codes(svg) == [code_of(stated(folder, 0))]


def test_the_qr_code_of_a_pdf_says_what_stands_beside_it(folder: Path) -> None:
    """Read off the printed page, as a scanner does."""
    import pypdfium2
    import zxingcpp

    document = pypdfium2.PdfDocument(folder / "out" / "CAR-028_2026-11-20.pdf")
    found = []
    for page in document:
        picture = page.render(scale=200 / 72).to_pil().convert("L")
        found += [code.text for code in zxingcpp.read_barcodes(picture)]
    assert found == [code_of(stated(folder, 2))]


def test_a_code_holds_the_longest_name_of_a_log() -> None:
    logged = Logged("ن" * 100, 2**53, "", "", "sha256:" + "f" * 64, 1, "", "sha256:" + "0" * 64)
    assert read_codes(qr_code(logged.code_text())) == [logged.code_text()]


def test_the_record_says_nothing_of_the_log(folder: Path) -> None:
    """Who screened and when stand in the entry around it: the same facts, the same bytes."""
    code, out, _ = eligo("screen", SUBJECT, "--as-of", "2026-11-20", "--format", "json")
    assert code == 0
    assert (folder / "out" / "CAR-028_2026-11-20.json").read_text("utf-8") == out


def test_a_report_without_a_log_says_nothing_of_one() -> None:
    code, out, _ = eligo("screen", SUBJECT, "--as-of", "2026-11-20", "--format", "md")
    assert code == 0 and "decision log" not in out


def test_a_report_on_the_terminal_states_its_place_too(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "log", tmp_path / "log")
    with open_log(tmp_path / "log") as log:
        size = log.size
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY)
    code, out, _ = eligo("screen", SUBJECT, *words)
    assert code == 0 and "IN THE DECISION LOG" in out and f"Entry             {size}\n" in out
    with open_log(tmp_path / "log") as log:
        assert log.size == size + 1, "what is only shown is no file, and has no entry of its own"


# --- what its proof shows ---------------------------------------------------------------


def issued(folder: Path, form: str) -> tuple[bytes, bytes]:
    """A report's proof, and the report."""
    path = folder / "out" / f"CAR-028_2026-11-20.{form}"
    return path.with_name(f"{path.name}.tlog-proof").read_bytes(), path.read_bytes()


def test_reports_are_checked_in_a_folder_that_holds_nothing_else(
    folder: Path, tmp_path: Path
) -> None:
    key = (folder / "log" / "log.pub").read_text("utf-8").strip()
    for form in ("html", "pdf", "md", "txt", "json"):
        there = tmp_path / form
        there.mkdir()
        for name in (f"CAR-028_2026-11-20.{form}", f"CAR-028_2026-11-20.{form}.tlog-proof"):
            shutil.copy(folder / "out" / name, there)
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from app.cli.main import entry; sys.exit(entry())",
             "log", "check-proof", f"CAR-028_2026-11-20.{form}.tlog-proof",
             f"CAR-028_2026-11-20.{form}", "--key", key],
            cwd=there, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        kind = "decision" if form == "json" else "report"
        assert done.stdout.startswith("proved: entry ") and f", a {kind}\n" in done.stdout
        assert len((there / f"CAR-028_2026-11-20.{form}.tlog-proof").read_bytes()) < 4_000


def test_every_bit_of_a_report_counts(folder: Path) -> None:
    """All bits of some bytes, and one of each byte."""
    proof, report = issued(folder, "txt")
    with open_log(folder / "log") as log:
        verifier = log.verifier
    assert check_proof(proof, report, verifier)
    bent = bytearray(report)
    for at in range(len(report)):
        for bit in range(8) if at % 16 == 0 else (at % 8,):
            bent[at] ^= 1 << bit
            with pytest.raises(ProofFault, match="this is not the report that entry"):
                check_proof(proof, bytes(bent), verifier)
            bent[at] ^= 1 << bit
    for other in (report + b"\n", report[:-1], b"", report.replace(b"\n", b"\r\n")):
        with pytest.raises(ProofFault, match="this is not the report that entry"):
            check_proof(proof, other, verifier)


def test_every_bit_of_a_report_s_proof_counts(folder: Path) -> None:
    proof, report = issued(folder, "txt")
    with open_log(folder / "log") as log:
        verifier = log.verifier
    number = int.from_bytes(proof, "big")
    for bit in range(8 * len(proof)):
        with pytest.raises(LogFault):
            check_proof((number ^ 1 << bit).to_bytes(len(proof), "big"), report, verifier)


def test_a_proof_is_of_one_report(folder: Path) -> None:
    with open_log(folder / "log") as log:
        verifier = log.verifier
    proofs = {form: issued(folder, form) for form in ("html", "pdf", "md", "txt", "json")}
    for one, (proof, _) in proofs.items():
        for other, (_, report) in proofs.items():
            if one != other:
                with pytest.raises(ProofFault, match="this is not the"):
                    check_proof(proof, report, verifier)
        with pytest.raises(ProofFault, match="is checked against"):
            check_proof(proof, None, verifier)


def carrying(proof: bytes, change: dict[str, Any]) -> bytes:
    """The proof with other things beside its entry; a None takes one away."""
    lines = proof.decode().split("\n")
    extra = canonical.decode(base64_bytes(lines[1].removeprefix("extra "), ""))
    extra = {k: v for k, v in {**extra, **change}.items() if v is not None}
    lines[1] = "extra " + base64_text(canonical.encode(extra))
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "change",
    [{"salt": None}, {"form": None}, {"salt": "00"}, {"salt": 1}, {"form": 1}, {"form": "html"},
     {"form": "text "}, {"more": 1}, {"entry": None}, {"entry": {}}],
)  # fmt: skip
def test_what_a_proof_carries_must_fit(folder: Path, change: dict[str, Any]) -> None:
    proof, report = issued(folder, "txt")
    with open_log(folder / "log") as log:
        with pytest.raises(LogFault):
            check_proof(carrying(proof, change), report, log.verifier)
        assert check_proof(carrying(proof, {}), report, log.verifier)


def test_a_report_names_the_decision_it_is_of(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "log", tmp_path / "log")
    with open_log(tmp_path / "log", write=True) as log:
        for index, kind in ((1, "report"), (99, "")):
            with pytest.raises(LogFault, match="there is no"):
                append_report(log, index, report=b"x", form="pdf", by=BY, now=ticking())
            assert kind in ("", read_entry(log.entry(1)).kind)
        assert verify(log, log.verifier).holds
    code, out, _ = eligo("log", "show", folder / "log", 2)
    assert code == 0
    (line,) = [line for line in out.splitlines() if "report made" in line]
    assert re.fullmatch(rf"  pdf report made \S+Z for {BY} \(entry 3\)", line)
    assert eligo("log", "show", folder / "log", 3)[0] == 2


def test_old_proofs_hold_when_the_log_has_grown_and_its_subject_is_redacted(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    folder = tmp_path / "copy"
    before = {form: issued(folder, form) for form in ("pdf", "json")}
    said = ("--by", "D. Officer", "--reason", "consent withdrawn")
    code, out, _ = eligo("log", "redact", folder / "log", "--subject", "CAR-028", *said)
    assert (code, out) == (0, "entry 9: redacted 0, 2, 4, 6, 8\n")
    with open_log(folder / "log") as log:
        assert verify(log, log.verifier).findings == []
        for proof, report in before.values():
            assert check_proof(proof, report, log.verifier)
        with pytest.raises(ProofFault, match="entry 3 was redacted: there is nothing to prove"):
            prove(log, 3)
    code, out, _ = eligo("log", "show", folder / "log", 2)
    assert "  report made 20" in out and "pdf" not in out


# --- many at once -----------------------------------------------------------------------


def entries(folder: Path) -> Iterator[Decided | Issued]:
    with open_log(folder) as log:
        for _, data in log.entries():
            entry = read_entry(data)
            assert isinstance(entry, Decided | Issued)
            yield entry


def test_every_subject_that_was_decided_has_its_report_and_proof(tmp_path: Path) -> None:
    """Also from several processes, and beside one that is rejected."""
    assert eligo("log", "init", tmp_path / "log")[0] == 0
    subjects = sorted((ROOT / "fixtures" / "subjects").glob("CAR-02*"))
    bad = tmp_path / "bad.yaml"
    bad.write_text("subject: CAR-999\nfacts: {nonsense: 1}\n", "utf-8")
    out = tmp_path / "out"
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY, "--jobs", 2)
    code, _, _ = eligo("screen", *subjects, bad, *words, "--format", "html", "--out", out)
    assert code == 2
    kinds = [entry.kind for entry in entries(tmp_path / "log")]
    assert kinds == ["decision", "report"] * len(subjects)
    proofs = sorted(path.name for path in out.glob("*.tlog-proof"))
    assert proofs == sorted(f"{path.name}.tlog-proof" for path in out.glob("*.html"))
    assert len(proofs) == len(subjects)
    for name in proofs:
        report = out / name.removesuffix(".tlog-proof")
        key = tmp_path / "log" / "log.pub"
        assert eligo("log", "check-proof", out / name, report, "--key", key)[0] == 0


def test_a_log_may_have_a_name_in_any_script(tmp_path: Path) -> None:
    assert eligo("log", "init", tmp_path / "log", "--name", "مریم/۱")[0] == 0
    report = screened(tmp_path / "log", tmp_path / "out", "text")
    assert "Log               مریم/۱\n" in report.read_text("utf-8")
    assert eligo("log", "verify", tmp_path / "log")[0] == 0


def test_a_log_of_made_up_decisions_takes_reports(tmp_path: Path) -> None:
    folder = log_of(tmp_path / "log", 2)
    with open_log(folder, write=True) as log:
        receipt = append_report(log, 1, report=b"%PDF", form="pdf", by=BY, now=ticking())
        proved = check_proof(prove(log, receipt.index).encode(), b"%PDF", log.verifier)
    assert isinstance(proved.entry, Issued)
    assert (proved.index, proved.entry.of, proved.entry.by) == (2, 1, BY)


# --- what may go wrong on the way -------------------------------------------------------


def decisions(folder: Path) -> list[str]:
    return [entry.kind for entry in entries(folder)]


def test_a_report_that_cannot_be_written_is_not_said_to_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert eligo("log", "init", tmp_path / "log")[0] == 0
    real, calls = os.fsync, 0

    def full(file: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:  # the report of the second subject: each has a report and a proof
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", full)
    subjects = sorted((ROOT / "fixtures" / "subjects").glob("CAR-00[1-3]*"))
    out = tmp_path / "out"
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY, "--format", "html")
    err = io.StringIO()
    with contextlib.redirect_stderr(err), pytest.raises(OSError, match="No space left") as caught:
        main([str(word) for word in ("screen", *subjects, *words, "--out", out)])
    assert str(caught.value.filename).endswith("CAR-002_2026-11-20.html")
    assert (
        err.getvalue().replace(NOT_YET, "")
        == "2 decisions were logged before this; the rest was not made\n"
    )
    assert decisions(tmp_path / "log") == ["decision", "report", "decision"]
    assert sorted(path.name for path in out.iterdir()) == [
        "CAR-001_2026-11-20.html",
        "CAR-001_2026-11-20.html.tlog-proof",
    ]


def test_a_logged_report_stays_and_the_next_stands_beside_it(tmp_path: Path) -> None:
    assert eligo("log", "init", tmp_path / "log")[0] == 0
    out = tmp_path / "out"
    first = screened(tmp_path / "log", out, "html")
    kept = first.read_bytes()
    words = (SUBJECT, "--as-of", "2026-11-20", "--format", "html", "--out", out)
    logging = ("--log", tmp_path / "log", "--by", BY)
    for number, more in ((2, ()), (2, logging), (3, logging)):
        code, _, err = eligo("screen", *words, *more)
        new = f"CAR-028_2026-11-20_{number}.html"
        said = " ".join(err.split())
        assert code == 0 and f"was logged and stays; the new one is {new}" in said
        assert (out / new).exists() and (out / f"{new}.tlog-proof").exists() == bool(more)
    assert first.read_bytes() == kept and len(list(out.iterdir())) == 6
    assert eligo("screen", SUBJECT, "--as-of", "2026-11-21", *words[3:])[0] == 0
    assert (out / "CAR-028_2026-11-21.html").exists(), "another day has its own name"
    for report in out.glob("CAR-028_2026-11-20*.html"):
        proof = out / f"{report.name}.tlog-proof"
        assert eligo("log", "check-proof", proof, report, "--key", tmp_path / "log/log.pub")[0] == 0


def test_no_two_subjects_share_a_report(tmp_path: Path) -> None:
    """An id that needs a mark, one that looks like it with its mark, and two very long ones."""
    marked = f"a_b-{sha256(b'a b').hexdigest()[:8]}"
    ids = ["a b", marked, "漢" * 80, "漢" * 79 + "字", "x" * 99]
    for number, subject in enumerate(ids):
        (tmp_path / f"{number}.yaml").write_text(f"subject: {subject}\n", "utf-8")
    assert eligo("log", "init", tmp_path / "log")[0] == 0
    files = [tmp_path / f"{number}.yaml" for number in range(len(ids))]
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY, "--format", "html")
    code, _, _ = eligo("screen", *files, *words, "--out", tmp_path / "out")
    assert code == 0
    assert len([*(tmp_path / "out").glob("*.html")]) == len(ids)
    assert len([*(tmp_path / "out").glob("*.tlog-proof")]) == len(ids)


def test_a_worklist_is_not_logged_in_silence(tmp_path: Path) -> None:
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "none", "--by", BY)
    code, out, err = eligo("screen", SUBJECT, *words, "--summary")
    assert (code, out) == (2, "") and "leave out --summary or --log" in err


def test_the_private_key_may_be_elsewhere(tmp_path: Path) -> None:
    key = tmp_path / "site.key"
    assert eligo("log", "init", tmp_path / "log", "--key-file", key)[0] == 0
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY, "--format", "json")
    code, _, err = eligo("screen", SUBJECT, *words)
    assert code == 2 and "private key" in err
    assert eligo("screen", SUBJECT, *words, "--key-file", key)[0] == 0
    assert decisions(tmp_path / "log") == ["decision"]


@pytest.mark.parametrize("name", ["a\\b.txt", "a\nb.txt"])
def test_a_pack_with_a_name_that_a_log_cannot_keep_is_refused(tmp_path: Path, name: str) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(ROOT / "rules" / "cd19-car-t-b-all", pack)
    (pack / name).write_text("hi")
    assert eligo("log", "init", tmp_path / "log")[0] == 0
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY, "--protocol", pack)
    code, _, err = eligo("screen", SUBJECT, *words)
    assert code == 2 and "has a sign that names may not" in err
    assert eligo("check", pack)[0] == 2
    assert decisions(tmp_path / "log") == []


def test_a_log_that_was_forked_does_not_continue_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(folder / "log", tmp_path / name)
    for name in ("one", "two", "two"):
        screened(tmp_path / name, tmp_path / "out", "json")
    kept = tmp_path / "kept"
    kept.write_text(eligo("log", "checkpoint", tmp_path / "one")[1], "utf-8")
    code, out, _ = eligo("log", "consistency", kept, tmp_path / "two", "--out", tmp_path / "p")
    assert code == 1 and "was rewritten or forked there" in out
    assert not (tmp_path / "p").exists()
    assert eligo("log", "consistency", kept, tmp_path / "one")[0] == 0
    kept.write_text(eligo("log", "checkpoint", tmp_path / "two")[1], "utf-8")
    code, out, _ = eligo("log", "consistency", kept, tmp_path / "one")
    assert code == 1 and "entries 10 to 10 are missing" in out


def test_nothing_is_proved_on_a_tree_that_was_changed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "log", tmp_path / "log")
    tampered(tmp_path / "log", "UPDATE nodes SET hash = zeroblob(32) WHERE level = 0")
    with open_log(tmp_path / "log") as log:
        for index in (0, 3):
            with pytest.raises(LogFault, match="run verify"):
                prove(log, index)
    code, _, err = eligo("log", "prove", tmp_path / "log", 3)
    assert code == 2 and "run verify" in err


def test_what_an_auditor_reads_cannot_be_reordered(tmp_path: Path) -> None:
    subject = tmp_path / "s.yaml"
    subject.write_text("subject: S-1  # \u202enot what it seems\n", "utf-8")
    assert eligo("log", "init", tmp_path / "log")[0] == 0
    words = ("--as-of", "2026-11-20", "--log", tmp_path / "log", "--by", BY, "--format", "json")
    assert eligo("screen", subject, *words)[0] == 0
    code, out, _ = eligo("log", "show", tmp_path / "log", 0)
    assert code == 0 and "\u202e" not in out and "\\u202enot what it seems" in out


def test_a_redaction_that_was_disturbed_is_finished(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "log", tmp_path / "log")
    said = ("--by", "D. Officer", "--reason", "withdrawn")
    with open_log(tmp_path / "log") as reader, reader.as_it_stands():
        code, _, err = eligo("log", "redact", tmp_path / "log", "--subject", "CAR-028", *said)
        assert code == 1 and "run `eligo log clear`" in err
        assert eligo("log", "clear", tmp_path / "log")[0] == 1
        code, out, _ = eligo("log", "verify", tmp_path / "log")
        assert code == 0 and "may still be in it" in out
    held = b"".join(path.read_bytes() for path in (tmp_path / "log").iterdir())
    assert b"CAR-028" in held
    assert eligo("log", "clear", tmp_path / "log")[:2] == (
        0,
        "nothing is left of what was removed\n",
    )
    held = b"".join(path.read_bytes() for path in (tmp_path / "log").iterdir())
    assert b"CAR-028" not in held
    code, out, _ = eligo("log", "verify", tmp_path / "log")
    assert code == 0 and "may still be in it" not in out
