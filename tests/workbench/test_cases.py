"""Cases, coverage and mutants: what `eligo test` says is true, and it misses nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings

from app.cli.test import write_suggestions
from app.store.packs import case_files, read_pack
from engine import terms as m
from engine.decide.decision import Screener
from engine.read.source import Document, Num, read_document
from engine.read.subjects import subject_of
from engine.reference import evaluator as reference
from engine.regions.asked import fitted, subject_from
from engine.regions.space import Space
from engine.terms.units import COMMON_UNITS, conversion
from engine.workbench.cases import Case, Cases, read_cases, run_case
from engine.workbench.confused import CONFUSED
from engine.workbench.coverage import Obligation, coverage
from engine.workbench.edits import leaf_paths, replaced
from engine.workbench.judging import Judged, asked_by, counts, judge
from engine.workbench.mutants import BY_VERDICT, Mutant, mutants
from engine.workbench.slips import SWAPPED, SWAPPED_AGO, SWAPPED_ULN
from tests import build
from tests.bad_packs.corpus import Spec, bad
from tests.command import eligo
from tests.workbench.test_findings import everything, read, small_packs, write

SHIPPED = Path("rules/cd19-car-t-b-all")
AS_OF = date(2026, 1, 15)


# --- reading ------------------------------------------------------------------------------

CASES = """\
bases:
  child: {subject: S, facts: {a: true, x: {value: 3, on: 2026-01-14}}}
cases:
  - name: base alone
    as_of: 2026-01-15
    base: child
    expect: {answers: {I01: yes}, verdict: eligible}
  - name: another value
    as_of: 2026-01-15
    base: child
    change: {facts: {x: {value: 9, on: 2026-01-14}}}
    expect: {answers: {I02: no}, verdict: ineligible}
"""
PACK = bad("small", "", "a x", {"I01": "{a: true}", "I02": "{x: {below: 5}}"})


def cases_of(text: str) -> Cases:
    protocol, _ = read(PACK)
    return read_cases({"all.yaml": text.encode()}, protocol, "cases")


def test_a_case_on_a_base_is_the_subject_that_its_whole_file_would_be() -> None:
    """Only the changes of a case are read again, and what they take away is gone."""
    protocol = read_pack(SHIPPED)
    cases = read_cases(case_files(SHIPPED), protocol, "cases").cases
    for case in cases:
        whole = Document("w", "", {"subject": case.subject.id, **case.recorded})
        read_whole = subject_of(whole, protocol)
        assert case.subject == read_whole
        assert list(case.subject.facts) == list(read_whole.facts)
    assert any(None in case.recorded["facts"].values() for case in cases)


def test_cases_build_on_bases_and_pass() -> None:
    found = cases_of(CASES)
    assert found.faults == () and [case.name for case in found.cases] == [
        "base alone",
        "another value",
    ]
    with Screener(read(PACK)[0]) as screener:
        assert [run_case(screener, case).differences for case in found.cases] == [(), ()]


@pytest.mark.parametrize(
    ("old", "new", "line", "code"),
    [
        ("expect:", "expects:", 7, "unknown-key"),
        ("I01: yes", "I09: yes", 7, "unknown-criterion"),
        ("I01: yes", "I01: maybe", 7, "option"),
        ("base: child\n    expect", "base: chld\n    expect", 6, "unknown-base"),
        ("2026-01-15\n    base: child\n    e", "2026-13-15\n    base: child\n    e", 5, "date"),
        ("change: {facts: {x", "change: {facts: {y", 11, "unknown-fact"),
        ("value: 9", "value: 900", 11, "implausible"),
        ("change: {facts", "change: {fact", 11, "unknown-key"),
        ("a: true, x", "a: 7, x", 2, "type"),
        ("base: child\n    expect", "expect", 4, "case"),
        ("{answers: {I01: yes}, verdict: eligible}", "{answers: {}}", 7, "empty"),
        ("name: another value", "name: base alone", 8, "duplicate-case"),
    ],
)  # fmt: skip
def test_a_fault_in_a_case_has_its_place(old: str, new: str, line: int, code: str) -> None:
    assert old in CASES
    faults = cases_of(CASES.replace(old, new, 1)).faults
    assert (line, code) in {(fault.span.line, fault.code) for fault in faults}
    assert all(fault.span.path == "cases/all.yaml" for fault in faults)


def test_a_case_expects_an_answer_or_a_verdict() -> None:
    """One that expects nothing would pass for ever, whatever became of the pack."""
    expect = "expect: {answers: {I01: yes}, verdict: eligible}"
    for said, codes in {
        "expect: {answers: {}}": ["empty"],
        "expect: {answers: {}, verdict: eligible}": [],
        "expect: {answers: {}, verdict: maybe}": ["option"],
        "expect: {answers: {I09: yes}}": ["unknown-criterion"],
        "expect: {verdict: eligible}": [],
        "expect: {verdict: maybe}": ["option"],
        "expect: {}": ["empty"],
        "expect: {answers: }": ["blank"],
        "expect: {answer: {I01: yes}}": ["unknown-key"],
        "expect:": ["blank"],
        "expect: [I01]": ["type"],
        "": ["missing-key"],
    }.items():
        faults = cases_of(CASES.replace(expect, said)).faults
        assert [fault.code for fault in faults] == codes, said
    missing = cases_of(CASES.replace(expect, "")).faults[0]
    assert missing.message == "`expect` is missing here"


def test_every_fault_of_a_case_is_shown_at_once() -> None:
    """What a case lacks does not keep its expectation and its subject from being read."""
    case = "cases:\n  - {subject: {subject: S, facts: {y: 1}}, expect: {answers: {I09: yes}}}\n"
    faults = cases_of(case).faults
    assert sorted(fault.code for fault in faults) == [
        "missing-key", "missing-key", "unknown-criterion", "unknown-fact",
    ]  # fmt: skip


def test_faults_of_cases_stand_in_file_order() -> None:
    """Whatever finds them: the form of the file, a base, or what a case changes in it."""
    protocol, _ = read(PACK)
    wrong = (
        CASES.replace("a: true", "a: 7")
        .replace("I01: yes", "I09: yes")
        .replace("value: 9", "value: 900")
        .replace("I02: no", "I02: never")
    )
    again = wrong.replace("child", "other").replace("name: ", "name: the other ")
    files = {"b.yaml": again.encode(), "c.yaml": b"cases: {", "a.yaml": wrong.encode()}
    found = [fault.span for fault in read_cases(files, protocol, "cases").faults]
    assert found == sorted(found, key=lambda s: ("bca".index(s.path[6]), s.line, s.column))
    # What a case changes in a base that has faults is not looked at.
    lines = [2, 7, 12]
    assert [(span.path, span.line) for span in found] == [
        *(("cases/b.yaml", line) for line in lines),
        ("cases/c.yaml", 2),
        *(("cases/a.yaml", line) for line in lines),
    ]


@pytest.mark.parametrize("name", ["more.yml", "more.json", "deep/more.yaml"])
def test_cases_may_stand_in_every_form_of_file_that_packs_have(name: str, tmp_path: Path) -> None:
    pack = write(PACK, tmp_path)
    file = pack / "cases" / name
    file.parent.mkdir(parents=True)
    subject = {"subject": "S", "facts": {"a": True}}
    case = {"name": "one", "as_of": "2026-01-15", "subject": subject}
    file.write_text(json.dumps({"cases": [{**case, "expect": {"answers": {"I01": "no"}}}]}))
    ran = eligo("test", pack.as_posix(), "--coverage", "--write")
    assert ran.code == 1 and "1 case: 0 passed, 1 failed" in ran.out
    assert f"cases/{name}:1: failed: one" in " ".join(ran.out.split())
    assert (pack / "cases" / "suggested.yaml").is_file()


SUBJECT = "{subject: S, facts: {a: true, x: {value: 3, on: 2026-01-14}}}"
CHANGE = "change: {facts: {x: {value: 9, on: 2026-01-14}}}"


@pytest.mark.parametrize(
    ("old", "new", "line", "codes"),
    [
        (SUBJECT, "hello", 2, ["type"]),
        (SUBJECT, "[1, 2]", 2, ["type"]),
        (SUBJECT, "", 2, ["type"]),
        (SUBJECT, "{subject: S, facts: [1]}", 2, ["type"]),
        (CHANGE, "change: hello", 11, ["type"]),
        (CHANGE, "change: [1]", 11, ["type"]),
        (CHANGE, "change:", 11, ["blank"]),
        (CHANGE, "change: {facts: hello, records: [2]}", 11, ["type", "type"]),
        (CHANGE, "change: {facts: null}", 11, ["blank"]),
        (CHANGE, "change: {facts: {z: null}}", 11, ["unknown-fact"]),
        (CHANGE, "change: {records: {z: null}}", 11, ["unknown-record"]),
        (CASES, "{}", 1, ["empty"]),
        (CASES, "", 1, ["type"]),
        (CASES, "# nothing yet\n", 1, ["type"]),
        (CASES, "cases:\n", 1, ["blank"]),
        (CASES, "cases: {a: 1}\n", 1, ["type"]),
        (CASES, "cases: [a, null]\n", 1, ["type", "type"]),
        (CASES, "cases:\n  - {name: a, as_of: 2026-01-15, subject: there.yaml,"
                " expect: {answers: {I01: yes}}}", 2, ["type"]),
        (CASES, "cases:\n  - {name: a, as_of: 2026-01-15, subject: ,"
                " expect: {answers: {I01: yes}}}", 2, ["blank"]),
        ("as_of: 2026-01-15\n    base: child\n    e", "as_of: 1800-01-15\n    base: child\n    e",
         5, ["date"]),
    ],
)  # fmt: skip
def test_whatever_stands_in_a_case_is_a_fault_and_no_traceback(
    old: str, new: str, line: int, codes: list[str]
) -> None:
    assert old in CASES
    faults = cases_of(CASES.replace(old, new, 1)).faults
    assert [fault.code for fault in faults] == codes
    assert {fault.span.line for fault in faults} == {line}


@pytest.mark.parametrize("form", ["crlf", "cr", "bom"])
def test_cases_may_be_saved_as_other_systems_do(form: str) -> None:
    text = {
        "crlf": CASES.replace("\n", "\r\n"),
        "cr": CASES.replace("\n", "\r"),
        "bom": "\ufeff" + CASES,
    }[form]
    assert cases_of(text) == cases_of(CASES)


def test_a_file_of_cases_may_have_any_name(tmp_path: Path) -> None:
    pack = write(PACK, tmp_path)
    (pack / "cases").mkdir()
    wrong = CASES.replace("I01: yes", "I09: yes").encode()
    for name in (b"a\xff.yaml", b"b\nc.yaml"):
        Path(os.fsdecode(os.path.join(os.fsencode(pack / "cases"), name))).write_bytes(wrong)
        wrong = wrong.replace(b": child", b": other").replace(b"child:", b"other:")
        wrong = wrong.replace(b"base alone", b"alone").replace(b"another", b"one")
    ran = eligo("check", pack.as_posix(), "--format", "json")
    found = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["file"].rpartition("/")[2] for one in found] == ["a\\xff.yaml", "b\nc.yaml"]
    assert eligo("check", pack.as_posix(), "--format", "sarif").code == 1
    ran = eligo("test", pack.as_posix())
    assert ran.code == 2 and "cases/a\\xff.yaml:7:24: unknown-criterion" in ran.said


@pytest.mark.parametrize(
    ("pattern", "code", "said"),
    [
        ("(", 2, "is not a pattern"),
        ("a{99999999999}", 2, "is not a pattern"),
        ("(" * 9000 + ")" * 9000, 2, "is not a pattern"),
        ("nothing", 1, "--run: no case's file and name hold `nothing`"),
        ("^base", 1, "no case's"),
        ("", 0, ""),
        ("ALL.yaml: base", 0, ""),
    ],
)
def test_a_pattern_picks_cases_or_is_said_to_be_none(
    pattern: str, code: int, said: str, tmp_path: Path
) -> None:
    pack = write(PACK, tmp_path)
    (pack / "cases").mkdir()
    (pack / "cases" / "all.yaml").write_text(CASES)
    ran = eligo("test", pack.as_posix(), "--run", pattern)
    assert ran.code == code and said in ran.said
    assert all(len(line) <= 80 for line in ran.err.splitlines())


def test_two_cases_of_one_name_are_a_fault_at_the_second() -> None:
    """`--run` and a mutant's killer name a case: it must be one."""
    protocol, _ = read(PACK)
    again = CASES[CASES.index("cases:") :].replace("another value", "of its own")
    files = {"all.yaml": CASES.encode(), "more.yaml": again.encode()}
    found = read_cases(files, protocol, "cases")
    (fault,) = found.faults
    assert (fault.code, fault.span) == ("duplicate-case", m.Span("cases/more.yaml", 2, 11))
    assert fault.message == "there are two cases `base alone`"
    assert fault.hint == "the first is at cases/all.yaml:4; rename one"
    assert {case.name for case in found.cases} == {"base alone", "another value", "of its own"}
    bases = CASES[: CASES.index("cases:")]
    found = read_cases({"a.yaml": bases.encode(), "b.yaml": bases.encode()}, protocol, "cases")
    (fault,) = found.faults
    assert fault.hint == "the first is at cases/a.yaml:2; rename one"


def test_a_failure_says_what_differs_and_why(tmp_path: Path) -> None:
    pack = write(PACK, tmp_path)
    (pack / "cases").mkdir()
    (pack / "cases" / "all.yaml").write_text(CASES.replace("I02: no", "I02: yes"))
    ran = eligo("test", pack.as_posix())
    assert ran.code == 1
    assert "all.yaml:8: failed: another value" in " ".join(ran.out.split())
    assert "I02: expected yes, found no" in ran.out and "9 mg/dL" in ran.out
    assert "2 cases: 1 passed, 1 failed" in ran.out
    assert eligo("test", pack.as_posix(), "--run", "BASE").out == "1 case: 1 passed, 0 failed\n"
    assert eligo("test", pack.as_posix(), "--run", "nothing").code == 1
    assert eligo("test", pack.as_posix(), "--run", "(").code == 2
    (pack / "cases" / "all.yaml").write_text(CASES.replace("expect:", "expects:"))
    ran = eligo("test", pack.as_posix())
    assert ran.code == 2 and "did you mean `expect`?" in ran.said


# --- the shipped pack -----------------------------------------------------------------------


def test_the_shipped_cases_cover_everything_and_kill_every_mutant() -> None:
    ran = eligo("test", SHIPPED.as_posix(), "--coverage", "--mutate")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0].endswith(" 0 failed")
    assert any(line.startswith("coverage: 100 %") for line in lines)
    assert "survived 0" in lines[-1] and "undecided 0" in lines[-1]
    assert lines[-1].endswith("score 100 %")


def test_what_is_left_out_of_a_case_is_asked_for_again(tmp_path: Path) -> None:
    """Without I04's cases its boundary is open; the suggested ones close it, and run."""
    pack = tmp_path / "pack"
    shutil.copytree(SHIPPED, pack)
    (pack / "cases" / "I04.yaml").unlink()
    words = ("test", pack.as_posix(), "--coverage", "--mutate")
    ran = eligo(*words, "--write")
    assert ran.code == 1 and "survived: " in ran.out and "not covered: " in ran.out
    assert (pack / "cases" / "suggested.yaml").is_file()
    again = eligo(*words)
    assert again.code == 0, again.out


# --- coverage -------------------------------------------------------------------------------


def test_coupled_tests_make_an_obligation_infeasible() -> None:
    """Over 3 and over 5: the second can never decide while the first is false."""
    spec = bad("coupled", "", "wide", {"I01": "{any: [{wide: {above: 3}}, {wide: {above: 5}}]}"})
    protocol, _ = read(spec)
    with Screener(protocol) as screener:
        found = coverage(protocol, [], Space([protocol], AS_OF), screener)
    impossible = {(one.path, one.seen) for one in found.infeasible}
    assert ("I01.2", "decides when true") in impossible
    assert ("I01.1", "decides when true") not in impossible
    assert found.met == 0 and found.undecided == () and found.percent == 0
    for one in found.uncovered:
        assert one.witness is not None and one.answer is not None


def test_each_suggested_subject_covers_its_obligation() -> None:
    spec = bad(
        "three", "", "a b wide",
        {"E01": "{any: [{a: true}, {all: [{b: true}, {not: {wide: {above: 5}}}]}]}"},
    )  # fmt: skip
    protocol, _ = read(spec)
    with Screener(protocol) as screener:
        space = Space([protocol], AS_OF)
        found = coverage(protocol, [], space, screener)
        cases = []
        for i, one in enumerate(found.uncovered):
            assert one.witness is not None
            subject = subject_from(one.witness.recorded, protocol, one.witness.as_of)
            cases.append(Case(str(i), one.witness.as_of, subject, {}, {}, None, "f", m.NOWHERE))
        full = coverage(protocol, cases, space, screener)
    assert len(found.uncovered) == 3 * 5 and found.infeasible == ()
    assert full.percent == 100 and full.uncovered == ()


def with_cases(folder: Path, spec: Spec, cases: Mapping[str, str]) -> Path:
    """A pack, and cases: recorded facts, each with what it expects."""
    pack = write(spec, folder)
    (pack / "cases").mkdir()
    lines = [
        f"  - {{name: n{number}, as_of: 2026-01-15, subject: {{subject: S, facts: {facts}}},"
        f" expect: {expected}}}\n"
        for number, (facts, expected) in enumerate(cases.items())
    ]
    (pack / "cases" / "all.yaml").write_text("cases:\n" + "".join(lines))
    return pack


EITHER = bad("either", "", "a b", {"I01": "{any: [{a: true}, {b: true}]}"})


def test_a_sibling_that_is_unknown_shows_nothing_to_decide(tmp_path: Path) -> None:
    """From yes to unknown is no decision turned: the criterion was never answered no."""
    cases = {
        "{a: true}": "{answers: {I01: yes}}",
        "{a: false}": "{answers: {I01: unknown}}",
        "{b: true}": "{answers: {I01: yes}}",
        "{b: false}": "{answers: {I01: unknown}}",
    }
    pack = with_cases(tmp_path, EITHER, cases)
    ran = eligo("test", pack.as_posix(), "--coverage", "--write")
    shown = " ".join(ran.out.split())
    assert ran.code == 1 and "coverage: 60 % (6 of 10; 0 left out)" in shown
    for test in ("I01.1 (A: yes)", "I01.2 (B: yes)"):
        for truth in ("true", "false"):
            assert f"not covered: {test} decides when {truth} -" in shown, shown
    assert eligo("test", pack.as_posix(), "--coverage").code == 0


def test_a_definition_must_decide_every_criterion_that_uses_it(tmp_path: Path) -> None:
    spec = bad(
        "shared", "", "a b", {"I01": "{defined: d}", "E01": "{all: [{defined: d}, {b: true}]}"},
        definitions={"d": "{a: true}"},
    )  # fmt: skip
    cases = {
        "{a: true, b: true}": "{answers: {I01: yes, E01: yes}}",
        "{a: true, b: false}": "{answers: {E01: no}}",
        "{a: false, b: false}": "{answers: {I01: no}}",
        "{}": "{answers: {I01: unknown}}",
    }
    pack = with_cases(tmp_path, spec, cases)
    ran = eligo("test", pack.as_posix(), "--coverage", "--write")
    assert ran.out.count("not covered") == 1
    assert "not covered: d (A: yes) decides when false in E01" in " ".join(ran.out.split())
    # Seen 3, and deciding in each of two criteria 2, for the definition; 5 for b.
    assert "coverage: 91 % (11 of 12; 0 left out)" in ran.out
    names = [case.name for case in read_cases(case_files(pack), read_pack(pack), "cases").cases]
    assert names[-1] == "covers d: decides when false in E01"
    ran = eligo("test", pack.as_posix(), "--coverage", "--mutate")
    assert ran.code == 1 and "without `defined d`" not in ran.out
    assert "coverage: 100 %" in ran.out


def test_what_can_never_be_decided_is_proved_impossible() -> None:
    """`d and not d` is never yes, so nothing in it decides; unknown is no third answer."""
    spec = bad(
        "never", "", "a b", {"I01": "{all: [{defined: d}, {not: {defined: d}}]}"},
        definitions={"d": "{any: [{a: true}, {b: true}]}"},
    )  # fmt: skip
    protocol, _ = read(spec)
    with Screener(protocol) as screener:
        found = coverage(protocol, [], Space([protocol], AS_OF), screener)
    assert {(one.path, one.seen, one.criterion) for one in found.infeasible} == {
        (f"d.{i}", f"decides when {truth}", "I01") for i in (1, 2) for truth in ("true", "false")
    }
    assert len(found.uncovered) == 6 and not found.undecided


def decides(protocol: m.Protocol, one: Obligation, readings: Mapping[str, m.Reading]) -> bool:
    """Whether what is read meets an obligation, by the reference alone."""
    truths = reference.truths(protocol, readings, AS_OF)
    truth = one.seen.removeprefix("decides when ")
    if truths[one.path] != truth or truth == one.seen:
        return truths[one.path] == truth
    turned = replaced(protocol, one.path, m.Any(()) if truth == "true" else m.All(()))
    now = reference.truths(turned, readings, AS_OF)
    return {truths[one.criterion], now[one.criterion]} == {"true", "false"}


@settings(max_examples=4)
@given(small_packs())
def test_obligations_are_met_or_impossible_by_brute_force(protocol: m.Protocol) -> None:
    subjects = everything(protocol)
    read = {repr(r): r for s in subjects if (r := reference.readings(protocol, s, AS_OF))}
    with Screener(protocol) as screener:
        found = coverage(protocol, [], Space([protocol], AS_OF), screener)
    assert found.met == 0 and not found.undecided
    for impossible in found.infeasible:
        assert not any(decides(protocol, impossible, readings) for readings in read.values())
    for missing in found.uncovered:
        assert missing.witness is not None
        subject = subject_from(missing.witness.recorded, protocol, AS_OF)
        readings = reference.readings(protocol, subject, AS_OF)
        assert decides(protocol, missing.obligation, readings)


def test_a_case_that_fails_covers_nothing(tmp_path: Path) -> None:
    cases = {
        "{a: true, b: false}": "{answers: {I01: yes}}",
        "{a: false, b: false}": "{answers: {I01: yes}}",
        "{a: false, b: true}": "{verdict: ineligible}",
    }
    ran = eligo("test", with_cases(tmp_path, EITHER, cases).as_posix(), "--coverage")
    assert ran.code == 1 and "3 cases: 1 passed, 2 failed" in ran.out
    # Of the first alone: a was seen true and deciding, b false.
    assert "coverage: 30 % (3 of 10; 0 left out)" in ran.out


@pytest.mark.parametrize("folder", [False, True], ids=["no folder", "bases alone"])
def test_a_pack_without_cases_gets_its_first_ones(folder: bool, tmp_path: Path) -> None:
    pack = write(PACK, tmp_path)
    if folder:
        (pack / "cases").mkdir()
        (pack / "cases" / "bases.yaml").write_text(CASES[: CASES.index("cases:")])
    plain = eligo("test", pack.as_posix())
    assert plain.code == 1 and "has no cases" in plain.said and plain.out == ""
    assert eligo("test", pack.as_posix(), "--write").code == 1
    assert not (pack / "cases" / "suggested.yaml").exists()
    words = ("test", pack.as_posix(), "--coverage", "--mutate")
    ran = eligo(*words, "--write")
    assert ran.code == 1 and "has no cases" in " ".join(ran.out.split())
    assert "coverage: 0 % (0 of 10; 0 left out)" in ran.out and "score 0 %" in ran.out
    again = eligo(*words)
    assert again.code == 0 and "score 100 %" in again.out, again.out


def test_what_is_not_written_yet_is_asked_of_no_case(tmp_path: Path) -> None:
    """A skeleton's `todo` criteria stay open for everybody: a case could only say so."""
    study = Path(__file__).parent / "studies" / "NCT90000001.json"
    pack = tmp_path / "pack"
    assert eligo("new", study.as_posix(), "--out", pack.as_posix()).code == 0
    words = ("test", pack.as_posix(), "--coverage", "--mutate")
    assert eligo(*words, "--write").code == 1
    found = read_cases(case_files(pack), read_pack(pack), "cases")
    assert found.faults == () and found.cases
    assert {name for case in found.cases for name in case.answers} == {"I01"}
    again = eligo(*words)
    assert again.code == 0 and "score 100 %" in again.out, again.out
    half = bad("half", "", "a b", {"I01": "{all: [{a: true}, {todo: true}]}"})
    made = mutants(read(half)[0])
    assert not any("todo" in one.words or one.kind == "dropped-criterion" for one in made)


# --- mutants --------------------------------------------------------------------------------


def judged_of(protocol: m.Protocol, cases: list[Case]) -> list[Judged]:
    made = mutants(protocol)
    with Screener(protocol) as screener:
        space = Space([protocol], AS_OF, asked_by(made))
        return list(judge(protocol, cases, space, screener, made))


def test_every_kind_of_mutant_is_made() -> None:
    spec = bad(
        "all-kinds",
        "",
        "wide a grade birth_date age chemo steroid treated lasted started ended alt",
        {
            "I01": "{all: [{wide: {above: 5}}, {a: true}, {age: {between: [2, 18]}}]}",
            "I02": "{any: [{chemo: {at_least_ago: 7 days}}, {not: {grade: [g2, g3]}}]}",
            "E01": "{treated: {within_last: 2 months}}",
            "E02": "{alt: {above_uln: 3}}",
            "I03": "{lasted: {at_least: 28}}",
            "E03": "{steroid: {within_last: 2 weeks}}",
            "I04": "{started: {on_or_after: 2025-01-01}}",
        },
    )  # fmt: skip
    protocol, _ = read(spec)
    found = mutants(protocol)
    kinds = {one.kind for one in found}
    assert kinds == {
        "limit", "boundary", "unit", "window", "group", "negation", "dropped-condition",
        "dropped-criterion", "unknown-as-met", "kind", "reference-date", "record-field",
    }  # fmt: skip
    words = {one.words for one in found}
    assert "I01.1: `wide above 5 mg/dL` read as `wide above 6 mg/dL`" in words
    assert "I02.1: `chemo at least 7 days ago` read as `chemo more than 7 days ago`" in words
    assert "I02.1: `chemo at least 7 days ago` read as `chemo at least 6 days ago`" in words
    assert "lasted: from and to swapped" in words
    assert all(SWAPPED[other] == word != other for word, other in SWAPPED.items())
    assert all(SWAPPED_ULN[other] == word != other for word, other in SWAPPED_ULN.items())
    assert all(SWAPPED_AGO[other] == word != other for word, other in SWAPPED_AGO.items())


def limits_in_other_units(unit: str, rule: str, **more: str) -> list[str]:
    """What the `unit` mutants of one limit read it as."""
    said = "".join(f", {key}: {value}" for key, value in more.items())
    fact = f"{{ask: Q, type: quantity, unit: '{unit}', changes: never{said}}}"
    protocol, _ = read(bad("unit", "", "", {"I01": f"{{q: {rule}}}"}, more={"q": fact}))
    units = [one.words for one in mutants(protocol) if one.kind == "unit"]
    return [words.partition(" read as ")[2].strip("`").removeprefix("q ") for words in units]


@pytest.mark.parametrize(
    ("unit", "rule", "read_as"),
    [
        ("ng/mL", "{below: 5}", ["below 0.05 ng/mL", "below 5000 ng/mL"]),
        ("mm[Hg]", "{at_least: 90}", ["at least 675.05738 mm[Hg]", "at least 66.200515 mm[Hg]"]),
        ("mmol/L", "{above: 5.5}", ["above 0.0055 mmol/L"]),
        ("mg/dL", "{above: 2}", ["above 200 mg/dL", "above 0.2 mg/dL"]),
        ("mg", "{above: 2}", ["above 0.002 mg", "above 2000 mg"]),
        ("Cel", "{at_least: 38}", ["at least 3.333333 Cel", "at least -235.15 Cel"]),
        ("[degF]", "{at_least: 100.4}", ["at least 212.72 [degF]"]),
        ("mL/min", "{above: 60}", ["above 3600 mL/min", "above 1000 mL/min"]),
        ("mL/min/{1.73_m2}", "{above: 60}", ["above 3600 mL/min/{1.73_m2}"]),
        ("ms", "{above: 470}", ["above 470000 ms"]),
        ("10*9/L", "{above: 1}", ["above 0.001 10*9/L", "above 1000 10*9/L"]),
        ("{cells}/uL", "{above: 500}", ["above 500000 {cells}/uL", "above 0.5 {cells}/uL"]),
        ("g/dL", "{between: [8, 10]}", ["between 0.8 and 1 g/dL", "between 0.008 and 0.01 g/dL"]),
        ("mV", "{above: 2}", ["above 2000 mV", "above 0.002 mV"]),
        ("wk", "{above: 2}", ["above 0.285714 weeks", "above 8.696429 weeks"]),
        # Too small to be written in the unit: the other way round.
        ("g", "{above: 0.0005}", ["above 0.5 g"]),
        ("{score}", "{above: 2}", []),
        ("[pH]", "{above: 7}", []),
    ],
)  # fmt: skip
def test_a_limit_is_read_in_the_units_it_is_confused_with(
    unit: str, rule: str, read_as: list[str]
) -> None:
    assert limits_in_other_units(unit, rule) == read_as


def test_a_molar_mass_and_whole_numbers_say_which_units_a_limit_is_read_in() -> None:
    mass = limits_in_other_units("mmol/L", "{above: 5}", molar_mass="180")
    assert mass == ["above 0.277778 mmol/L", "above 0.005 mmol/L"]
    spec = bad("age", "", "birth_date age", {"I01": "{age: {above: 2}}"})
    units = [one.words for one in mutants(read(spec)[0]) if one.kind == "unit"]
    # Two years are 24 months; as two months they would be no whole number of years.
    assert units == ["I01: `age above 2 years` read as `age above 24 years`"]


def test_every_unit_that_is_confused_converts_to_those_it_is_confused_with() -> None:
    """And every common unit is, but for bare numbers and a logarithm."""
    same = (Fraction(1), Fraction(0))
    for unit, others in CONFUSED.items():
        for other in others.split():
            assert conversion(unit, other, Decimal(180)) != same, (unit, other)
    numbers = {f"10*{n}" for n in range(3, 13)}
    bare = {unit for unit in COMMON_UNITS if "{" not in unit}
    assert {u for u in bare if not limits_in_other_units(u, "{above: 7}")} == {
        "1", "%", "/kg", "[pH]", *numbers,
    }  # fmt: skip


@pytest.mark.parametrize("unused", ["", "ended"])
def test_another_date_is_taken_even_if_no_criterion_asks_for_it(unused: str) -> None:
    spec = bad("dates", "", f"started {unused}", {"I01": "{started: {at_least_ago: 7 days}}"})
    protocol, _ = read(spec)
    made = [one for one in mutants(protocol) if one.kind == "reference-date"]
    expected = ["I01: `started at least 7 days ago` read as `ended at least 7 days ago`"]
    assert [one.words for one in made] == (expected if unused else [])
    for judged in judged_of(protocol, []):
        assert judged.fate == "survived", judged.mutant.words


def applied(one: Mutant, readings: Mapping[str, m.Reading]) -> dict[str, m.Status]:
    """The statuses under a mutant, by the reference alone."""
    found = given_readings(one.protocol, readings)
    if one.lenient and found[one.lenient] == "open":
        found[one.lenient] = "passed"
    return found


def given_readings(protocol: m.Protocol, readings: Mapping[str, m.Reading]) -> dict[str, m.Status]:
    truths = reference.truths(protocol, readings, AS_OF)
    return reference.statuses(protocol, reference.answers(protocol, truths))


@settings(max_examples=4)
@given(small_packs())
def test_mutants_are_told_apart_or_equivalent_by_brute_force(protocol: m.Protocol) -> None:
    """A survivor's witness separates the two packs; an equivalent one no subject separates."""
    subjects = everything(protocol)
    # Many subjects come to the same readings: each set of readings once.
    read = {repr(r): r for s in subjects if (r := reference.readings(protocol, s, AS_OF))}
    own = [given_readings(protocol, readings) for readings in read.values()]
    for one in judged_of(protocol, []):
        assert one.fate in ("survived", "equivalent")
        theirs = [applied(one.mutant, readings) for readings in read.values()]
        if one.mutant.kind in BY_VERDICT:
            pairs = [
                (reference.verdict(a), reference.verdict(b))
                for a, b in zip(own, theirs, strict=True)
            ]
            separated = any(a != b for a, b in pairs)
        else:
            separated = own != theirs
        assert separated == (one.fate == "survived"), one.mutant.words
        if one.witness is not None:
            subject = subject_from(one.witness.recorded, protocol, AS_OF)
            readings = reference.readings(protocol, subject, AS_OF)
            before, after = given_readings(protocol, readings), applied(one.mutant, readings)
            if one.criterion:
                assert before[one.criterion] == one.witness.statuses[one.criterion]
                assert after[one.criterion] == one.mistaken != before[one.criterion]
            else:
                assert reference.verdict(after) == one.mistaken != one.witness.verdict


def test_a_case_at_the_boundary_kills_the_boundary_s_mutants() -> None:
    protocol, _ = read(PACK)
    facts = {"a": (build.said(True),), "x": (build.said(build.amount("5"), "2026-01-14"),)}
    at = Case(
        "at", AS_OF, build.subject(facts), {}, {"I01": "yes", "I02": "no"}, None, "f", m.NOWHERE
    )
    fates = {one.mutant.words: one.fate for one in judged_of(protocol, [at])}
    assert fates["I02: `x below 5 mg/dL` read as `x at most 5 mg/dL`"] == "killed"
    assert fates["I02: `x below 5 mg/dL` read as `x below 6 mg/dL`"] == "killed"
    assert fates["I02: `x below 5 mg/dL` read as `x below 4 mg/dL`"] == "survived"


def test_a_mutant_that_means_the_same_is_proved_so() -> None:
    spec = bad(
        "whole", "", "birth_date age", {"I01": "{all: [{age: {above: 5}}, {age: {at_least: 3}}]}"}
    )
    protocol, _ = read(spec)
    fates = {one.mutant.words: one.fate for one in judged_of(protocol, [])}
    assert fates["I01: without `age at least 3 years`"] == "equivalent"
    assert fates["I01.2: `age at least 3 years` read as `age above 3 years`"] == "equivalent"
    assert fates["I01.1: `age above 5 years` read as `age above 6 years`"] == "survived"
    assert counts(judged_of(protocol, []))["undecided"] == 0


def test_paths_are_those_of_the_reference() -> None:
    protocol = read_pack(SHIPPED)
    cases = read_cases(case_files(SHIPPED), protocol, "cases").cases
    readings = reference.readings(protocol, cases[0].subject, cases[0].as_of)
    assert (
        leaf_paths(protocol).keys() <= reference.truths(protocol, readings, cases[0].as_of).keys()
    )


# --- what a suggestion is worth ---------------------------------------------------------------

ON_A_BASE = """\
bases:
  child:
    subject: S
    facts: {a: true, x: {value: 3, on: 2026-01-14}, grade: {value: g1, on: 2026-01-14}}
    records:
      therapy:
        complete_on: 2026-01-14
        entries:
          - {kind: chemo, target: [cd19, cd22], ended: 2026-01-13, voided: not given, by: Dr E}
cases:
  - name: base alone
    as_of: 2026-01-15
    base: child
    expect: {answers: {I01: yes}, verdict: undetermined}
"""


def suggesting(folder: Path) -> Path:
    spec = bad(
        "suggesting", "", "a b x grade chemo",
        {
            "I01": "{any: [{a: true}, {x: {below: 5}}]}",
            "E02": "{all: [{a: true}, {b: true}]}",
            "I02": "{chemo: {at_least_ago: 7 days}}",
            "E01": "{grade: [g2, g3]}",
        },
    )  # fmt: skip
    pack = write(spec, folder)
    (pack / "cases").mkdir()
    (pack / "cases" / "all.yaml").write_text(ON_A_BASE)
    return pack


@pytest.mark.parametrize("listed", [True, False], ids=["list", "no list"])
def test_suggestions_cover_and_kill_what_they_say_on_a_base_too(
    listed: bool, tmp_path: Path
) -> None:
    """On a base, what the witness leaves open is filled in: that must not undo it."""
    pack = suggesting(tmp_path)
    if not listed:
        file = pack / "cases" / "all.yaml"
        text = file.read_text()
        file.write_text(text[: text.index("    records:")] + text[text.index("cases:") :])
    words = ("test", pack.as_posix(), "--coverage", "--mutate")
    first = eligo(*words, "--write")
    assert first.code == 1 and "base: child" in first.out and "subject: CASE" in first.out
    again = eligo(*words)
    assert again.code == 0, again.out
    assert "coverage: 100 %" in again.out and "score 100 %" in again.out


def test_what_is_printed_fits_80_columns_and_reads_as_it_was(tmp_path: Path) -> None:
    pack = suggesting(tmp_path)
    ran = eligo("test", pack.as_posix(), "--coverage", "--mutate", "--write")
    # A name of a file stands unbroken, however long it is.
    shown = ran.out.replace(pack.as_posix(), "p").splitlines()
    assert all(len(line) <= 80 for line in shown)
    names = [case.name for case in read_cases(case_files(pack), read_pack(pack), "cases").cases]
    told = "tells apart: I02: `chemo at least 7 days ago` read as `chemo at least 6 days ago`"
    assert told in names, names


def test_what_is_fitted_to_a_dictionary_keeps_what_it_knows() -> None:
    """Lists of codes, values in short form, and an entry's words beside its fields."""
    protocol = read_pack_of("a x grade chemo")
    entry = {
        "kind": "chemo", "target": ["cd19", "cd22"], "ended": "2026-01-13", "voided": "not given",
        "by": "Dr E", "source": "chart", "note": "twice",
    }  # fmt: skip
    recorded = {
        "facts": {"a": True, "grade": "g1", "x": [{"value": Num("3")}, {"unknown": "pending"}]},
        "records": {"therapy": {"complete_on": "2026-01-14", "entries": [entry]}},
    }
    assert fitted(recorded, protocol) == recorded
    other = {**entry, "target": ["cd19", "cd99"], "colour": "red"}
    unknown = {
        "facts": {"grade": {"value": "g9"}, "b": True},
        "records": {"therapy": {"entries": [other, {"target": ["cd99"]}]}, "diet": {}},
    }
    assert fitted(unknown, protocol) == {
        "facts": {},
        "records": {"therapy": {"entries": [{**entry, "target": ["cd19"]}, {}]}},
    }


def read_pack_of(facts: str) -> m.Protocol:
    rule = {"I01": "{chemo: {at_least_ago: 7 days}}"}
    return read(bad("known", "", facts, rule))[0]


def test_a_case_that_fails_anyway_kills_no_mutant() -> None:
    found = cases_of(CASES.replace("I02: no", "I02: yes"))
    protocol, _ = read(PACK)
    judged = judged_of(protocol, list(found.cases))
    assert {one.by for one in judged} <= {"", "all.yaml: base alone"}
    alone = judged_of(protocol, [found.cases[0]])
    assert [one.fate for one in judged] == [one.fate for one in alone]


def test_a_criterion_that_is_dropped_is_noticed_by_the_verdict(tmp_path: Path) -> None:
    """That a case names the criterion says nothing: it is gone from every other record too."""
    spec = bad("two", "", "a b", {"I01": "{a: true}", "E01": "{b: true}"})
    both = "{answers: {I01: no, E01: yes}, verdict: ineligible}"
    cases = {
        "{a: false, b: true}": both,
        "{a: false, b: false}": "{answers: {I01: no, E01: no}}",
        "{a: true, b: true}": "{answers: {I01: yes, E01: yes}, verdict: ineligible}",
    }
    pack = with_cases(tmp_path, spec, cases)
    protocol = read_pack(pack)
    found = read_cases(case_files(pack), protocol, "cases").cases
    judged = {one.mutant.words: one for one in judged_of(protocol, list(found))}
    assert judged["without I01"].fate == "survived" and judged["without I01"].mistaken
    assert judged["without E01"].by == "all.yaml: n2"
    eligo("test", pack.as_posix(), "--mutate", "--write")
    text = (pack / "cases" / "suggested.yaml").read_text()
    assert "    expect: {verdict: " in text and "answers: {}" not in text
    assert eligo("test", pack.as_posix(), "--mutate").code == 0


def test_a_file_of_suggestions_stays_what_it_was_but_for_more_cases(tmp_path: Path) -> None:
    """Its line ends, its rights, and where it lies."""
    (tmp_path / "cases").mkdir()
    path, kept = tmp_path / "cases" / "suggested.yaml", tmp_path / "elsewhere.yaml"
    kept.write_bytes(b"# ours\r\ncases:\r\n  - name: old\r\n    as_of: 2026-11-20\r\n")
    kept.chmod(0o640)
    path.symlink_to(kept)
    assert write_suggestions(tmp_path, [CASE]) == path
    assert path.is_symlink() and kept.stat().st_mode & 0o777 == 0o640
    assert kept.read_bytes().count(b"\n") == kept.read_bytes().count(b"\r\n") == 8
    assert len(read_document("s.yaml", path.read_bytes()).value["cases"]) == 2


@pytest.mark.parametrize("day", ["1900-01-01", "2030-06-01", "9999-12-31"])
def test_what_a_mutant_is_does_not_depend_on_a_strange_day_of_a_case(
    day: str, tmp_path: Path
) -> None:
    """At the ends of the calendar some windows are empty; nothing is equivalent for that."""
    pack = suggesting(tmp_path)
    (pack / "cases" / "all.yaml").write_text(ON_A_BASE.replace("2026-01-15", day))
    ran = eligo("test", pack.as_posix(), "--mutate")
    assert ran.code == 1 and "equivalent 0, undecided 0" in ran.out


def test_a_suggestion_never_takes_the_name_of_a_case(tmp_path: Path) -> None:
    """One that is left of an earlier suggestion covers something else by now."""
    pack = suggesting(tmp_path)
    file = pack / "cases" / "all.yaml"
    taken = "covers I01.1: false"
    file.write_text(file.read_text().replace("name: base alone", f'name: "{taken}"'))
    words = ("test", pack.as_posix(), "--coverage")
    assert eligo(*words, "--write").code == 1
    names = [case.name for case in read_cases(case_files(pack), read_pack(pack), "cases").cases]
    assert f"{taken} (2)" in names and len(set(names)) == len(names)
    assert eligo(*words).code == 0


CASE = ["  - name: one more", "    as_of: 2026-11-20", "    subject: {}", "    expect: {}"]
APPENDED = {
    "as written": "cases:\n  - name: old\n    as_of: 2026-11-20\n",
    "no final newline": "cases:\n  - name: old\n    as_of: 2026-11-20",
    "nothing yet": "# none\ncases:\n",
}
BESIDE = {
    "dashes at column 0": "cases:\n- name: old\n  as_of: 2026-11-20\n",
    "indented by four": "cases:\n    - name: old\n      as_of: 2026-11-20\n",
    "in one line": "cases: [{name: old, as_of: 2026-11-20}]\n",
    "an empty list": "cases: []\n",
    "bases last": "cases:\n  - name: old\nbases:\n  one:\n    facts: {}\n",
    "no YAML at all": "cases: [\n",
    "an open text": "cases:\n  - name: |\n      old\n    note: |\n      a\n",
}


@pytest.mark.parametrize("layout", [*APPENDED, *BESIDE])
def test_suggestions_never_spoil_a_file_of_cases(layout: str, tmp_path: Path) -> None:
    """What cannot be appended to as it is laid out stays as it is, and a new file is begun."""
    (tmp_path / "cases").mkdir()
    path = tmp_path / "cases" / "suggested.yaml"
    text = {**APPENDED, **BESIDE}[layout]
    path.write_text(text, "utf-8")
    where = write_suggestions(tmp_path, [CASE, CASE])
    if layout == "an open text":
        assert where == path or path.read_text("utf-8") == text
    else:
        assert (where == path) == (layout in APPENDED)
    if where != path:
        assert path.read_text("utf-8") == text and where.name == "suggested-2.yaml"
    cases = read_document("s.yaml", where.read_bytes()).value["cases"]
    assert [one["name"] for one in cases][-2:] == ["one more", "one more"]
    assert where.read_text("utf-8").startswith(text) == (where == path)
    again = write_suggestions(tmp_path, [CASE])
    assert again == where
    assert len(read_document("s.yaml", again.read_bytes()).value["cases"]) == len(cases) + 1
    assert not [p for p in (tmp_path / "cases").iterdir() if p.suffix == ".part"]
