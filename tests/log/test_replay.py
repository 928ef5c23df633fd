"""Decide again from the log alone: the same bytes, or the first step that differs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from app.store.log.append import append_decision, append_signature, redact_entries
from app.store.log.replay import Replayer, compare, first_difference, pack_of
from app.store.log.store import Addition, Log, create_log, open_log
from app.store.log.verify import verify
from app.store.packs import pack_files
from engine.decide.decision import Screener
from engine.log import LogFault
from engine.log.entry import Decided, EntryFault, read_entry, sealed
from engine.read.packs import protocol_of
from engine.read.source import read_document
from engine.read.subjects import subject_of
from engine.record.shape import dump
from tests.log.made import NAME, ticking

ROOT = Path(__file__).resolve().parents[2]
PACK = pack_files(ROOT / "rules" / "cd19-car-t-b-all")
SUBJECTS = ROOT / "fixtures" / "subjects"
AS_OF = date(2026, 11, 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of a decision on every fixture that can be decided on, as `screen` decides."""
    from hashlib import sha256

    from engine.terms.faults import InputRejected

    folder = tmp_path_factory.mktemp("replay") / "log"
    create_log(folder, NAME)
    now = ticking()
    with (
        open_log(folder, write=True) as log,
        Screener(protocol_of(PACK, "pack")) as screener,
    ):
        for path in sorted(SUBJECTS.iterdir()):
            facts = path.read_bytes()
            form: Literal["json", "yaml"] = "json" if path.suffix == ".json" else "yaml"
            try:
                document = read_document(path.name, facts)
                digest = "sha256:" + sha256(facts).hexdigest()
                subject = subject_of(document, screener.protocol, digest, AS_OF)
            except InputRejected:
                continue
            append_decision(
                log,
                record=dump(screener.decide(subject, AS_OF)),
                facts=facts,
                form=form,
                pack=PACK,
                by="N. Nurse",
                reason="",
                now=now,
            )
        assert log.size > 30
    return folder


def test_a_record_that_is_none_stops_none_of_the_others(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "log")
    with open_log(tmp_path / "log", write=True) as log:
        entry = read_entry(log.entry(0))
        assert isinstance(entry, Decided)
        details, facts, record = (
            log.piece(name) or b"" for name in (entry.details, entry.facts, entry.record)
        )
        false = record.partition(b'"criteria":')[0] + b'"criteria":"garbage"}'

        def make(index: int, after: str, time: str) -> Addition:
            new = [sealed(details), sealed(facts), sealed(false)]
            named = dict(zip(("details", "facts", "record"), (c.name() for c in new), strict=True))
            told: dict[str, Any] = {"index": index, "after": after, "time": time, **named}
            return Addition(replace(entry, **told), new)

        size = log.size
        log.append(make, ticking())
        with Replayer(log) as replayer:
            found = [one.outcome for one in replayer.all()]
        assert found == ["same"] * size + ["damaged"]
        assert not verify(log, log.verifier).holds


def test_every_fixture_is_decided_again_to_the_byte(folder: Path) -> None:
    with open_log(folder) as log, Replayer(log) as replayer:
        assert verify(log, log.verifier).holds
        replayed = list(replayer.all())
        assert len(replayed) == log.size
        assert {(one.outcome, one.step, one.software, one.changes) for one in replayed} == {
            ("same", "", (), ())
        }
        assert {one.verdicts[1] for one in replayed if one.verdicts} == {
            "eligible",
            "ineligible",
            "undetermined",
        }


def test_it_does_not_matter_where_and_when(folder: Path, tmp_path: Path) -> None:
    """Another time zone, locale and order of hashing, in a folder without the checkout."""
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from app.store.log.replay import Replayer\n"
        "from app.store.log.store import open_log\n"
        "with open_log(Path(sys.argv[1])) as log, Replayer(log) as replayer:\n"
        "    print({one.outcome for one in replayer.all()}, log.size)\n"
    )
    for zone, locale, seed in (("Asia/Tehran", "C", "1"), ("Pacific/Apia", "fa_IR.UTF-8", "77")):
        done = subprocess.run(
            [sys.executable, "-c", program, str(folder)],
            cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("{'same'} ")


def test_the_pack_comes_out_of_the_log_as_it_went_in(folder: Path) -> None:
    with open_log(folder) as log:
        entry = read_entry(log.entry(0))
        assert isinstance(entry, Decided)
        assert pack_of(log, entry.pack) == PACK


def record_at(log: Log, index: int) -> Any:
    entry = read_entry(log.entry(index))
    assert isinstance(entry, Decided)
    return json.loads(log.piece(entry.record) or b"")


def test_another_software_is_told_apart(folder: Path) -> None:
    with open_log(folder) as log:
        stored = record_at(log, 0)
        again: Any = {
            **stored,
            "software": {**stored["software"], "eligo": "9.9", "python": "3.9"},
        }
        result = compare(0, dump(stored), again)
    assert (result.outcome, result.step, result.changes) == ("same", "", ())
    assert [(c.where, c.after) for c in result.software] == [
        ("software.eligo", "9.9"),
        ("software.python", "3.9"),
    ]


def altered(what: str) -> Callable[[Any], None]:
    def change(record: Any) -> None:
        criterion = record["criteria"][1]
        why = criterion["why"]
        while "reading" not in why:
            why = why["children"][0]
        match what:
            case "facts":
                record["facts_digest"] = "sha256:" + "0" * 64
            case "reading":
                why["reading"]["value"] = "another"
                why["truth"] = criterion["answer"] = record["verdict"] = "changed with it"
            case "firing":
                record["firings"][7]["concluded"] = "another"
                record["verdict"] = "changed with it"
            case "fewer firings":
                del record["firings"][-1]
            case "condition":
                criterion["why"]["truth"] = "another"
                record["verdict"] = "changed with it"
            case "criterion":
                criterion["status"] = "another"
                record["verdict"] = "changed with it"
            case "verdict":
                record["verdict"] = "another"
            case "look again":
                record["look_again"] = {"on": "2030-01-01", "because": ["none"]}
            case "order":
                record["criteria"].reverse()
            case "more":
                record["more"] = 1
            case "shape":
                record["criteria"][0] = dict(reversed(record["criteria"][0].items()))

    return change


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("facts", "facts_digest: "),
        ("reading", "reading of `"),
        ("firing", "firing 7: "),
        ("fewer firings", "firing "),
        ("condition", "condition `"),
        ("criterion", "criterion "),
        ("verdict", "verdict: "),
        ("look again", "look_again: "),
        ("order", "reading of `|firing|condition|the order of the criteria"),
        ("more", "the shape of the record: "),
        ("shape", "the values agree, but are written differently from byte "),
    ],
)
def test_the_first_step_that_differs_is_named(folder: Path, what: str, says: str) -> None:
    with open_log(folder) as log:
        stored, again = record_at(log, 0), record_at(log, 0)
    altered(what)(again)
    result = compare(0, dump(stored), again)
    assert result.outcome == "different"
    assert any(result.step.startswith(word) for word in says.split("|")), result.step
    assert first_difference(stored, stored) == ""


def decided_under(
    folder: Path, where: Path, pack: dict[str, bytes], alter: Callable[[Any], None]
) -> Log:
    """A log of one decision of the fixtures' log, altered: what a forger would have logged."""
    create_log(where, NAME)
    log = open_log(where, write=True)
    with open_log(folder) as source:
        entry = read_entry(source.entry(0))
        assert isinstance(entry, Decided)
        facts = source.piece(entry.facts)
        assert facts is not None
        record = record_at(source, 0)
    alter(record)
    append_decision(
        log, record=dump(record), facts=facts, form="yaml", pack=pack, by="A", reason="",
        now=ticking(),
    )  # fmt: skip
    return log


def test_a_record_that_does_not_hold_together_is_not_logged(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EntryFault, match="altered: `verdict`"):
        decided_under(folder, tmp_path / "log", PACK, altered("verdict"))


def test_a_verdict_that_does_not_follow_is_found_though_the_log_verifies(
    folder: Path, tmp_path: Path
) -> None:
    """The whole decision on another child, which holds together in itself."""

    def of_another(record: Any) -> None:
        with open_log(folder) as source:
            other = next(
                one
                for one in (record_at(source, n) for n in range(source.size))
                if one["verdict"] == "ineligible"
            )
        record |= {**other, "subject": record["subject"], "facts_digest": record["facts_digest"]}

    with decided_under(folder, tmp_path / "log", PACK, of_another) as log:
        assert verify(log, log.verifier).holds, "it was logged like this"
        with Replayer(log) as replayer:
            (one,) = replayer.all()
    assert (one.outcome, one.verdicts) == ("different", ("ineligible", "eligible"))
    assert one.step.startswith("reading of `")


def test_a_newer_pack_shows_what_it_would_have_decided(folder: Path) -> None:
    stricter = dict(PACK)
    name = next(name for name in PACK if name.startswith("eligibility"))
    assert PACK[name].count(b"\ncriteria:\n") == 1
    stricter[name] = PACK[name].replace(
        b"\ncriteria:\n",
        b"\ncriteria:\n"
        b"  - {id: X99, kind: exclusion, text: Nobody any more, basis: assumed,\n"
        b"     interpretation: for this test, holds_when: {any: [{sex: female}, {sex: male}]}}\n",
    )
    with open_log(folder) as log:
        with Replayer(log, stricter) as replayer:
            replayed = list(replayer.all())
        assert {one.outcome for one in replayed} == {"different"}
        turned = [one for one in replayed if one.verdicts == ("eligible", "ineligible")]
        assert turned
        assert any(change.where == "X99.status" for change in turned[0].changes)
        with Replayer(log, {**PACK, "facts.yaml": b"facts: {}\n"}) as replayer:
            assert replayer.one(0).outcome == "refused"
            assert "unknown-fact" in replayer.one(0).step
        with Replayer(log, PACK) as replayer:
            assert replayer.one(0).outcome == "same"


def test_redacted_decisions_are_no_failure(folder: Path, tmp_path: Path) -> None:
    with decided_under(folder, tmp_path / "log", PACK, lambda _: None) as log:
        append_signature(log, 0, by="Dr A. Example", meaning="review", now=ticking())
        with Replayer(log) as replayer:
            assert [one.outcome for one in replayer.all()] == ["same"]
            with pytest.raises(LogFault, match="entry 1 is a signature, not a decision"):
                replayer.one(1)
        redact_entries(log, [0], by="A", reason="withdrawn", now=lambda: datetime.now(UTC))
        with Replayer(log) as replayer:
            (one,) = replayer.all()
            assert (one.outcome, one.step) == ("redacted", "")


def test_facts_that_are_read_otherwise_today_are_said_to_be(folder: Path, tmp_path: Path) -> None:
    """The holder of the key appends a decision on a file that cannot be read as a subject."""
    from engine.log.entry import sealed

    with decided_under(folder, tmp_path / "log", PACK, lambda _: None) as log:

        def make(index: int, after: str, time: str) -> Addition:
            entry = read_entry(log.entry(0))
            assert isinstance(entry, Decided)
            pieces = [log.piece(entry.details), b"subject: [", log.piece(entry.record)]
            new = [sealed(piece or b"") for piece in pieces]
            named = dict(zip(("details", "facts", "record"), (c.name() for c in new), strict=True))
            told: dict[str, Any] = {"index": index, "after": after, "time": time, **named}
            return Addition(replace(entry, **told), new)

        log.append(make, ticking())
        assert verify(log, log.verifier).findings[0].place == "entry 1"
        with Replayer(log) as replayer:
            assert replayer.one(1).outcome == "refused"
