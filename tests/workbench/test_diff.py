"""Comparing versions: each claim is shown by a subject that both versions' rules screen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import engine.model as m
from engine.decision import Screener
from engine.diff import Change, Comparison, compare, record
from engine.packs import read_pack
from engine.record import dump_any
from engine.subjects import read_subject
from reports.diff import files, summary
from tests.bad_packs.corpus import Spec, bad
from tests.command import eligo
from tests.workbench.test_findings import AS_OF, everything, read, small_packs, statuses_of, write

SHIPPED = Path("rules/cd19-car-t-b-all")
RANK = {"failed": 0, "open": 1, "passed": 2}
ORDER = RANK | {"ineligible": 0, "undetermined": 1, "eligible": 2}


def changes(
    facts: str, old: Mapping[str, str], new: Mapping[str, str], **more: object
) -> dict[str, Change]:
    found = compared(bad("old", "", facts, old), bad("new", "", facts, new, **more))
    return {c.new.id if c.new else f"-{c.old.id}" if c.old else "": c for c in found.criteria}


def compared(old: Spec, new: Spec) -> Comparison:
    """Two packs compared, and every witness screened again."""
    return confirmed(read(old)[0], read(new)[0])


def confirmed(old: m.Protocol, new: m.Protocol) -> Comparison:
    found = compare(old, new)
    confirm(found)
    return found


def confirm(found: Comparison) -> None:
    """Screen every witness again as it is printed: each form under the version that it is for,
    as text and as JSON."""
    told = json.loads(dump_any(record(found, None)))
    with Screener(found.old) as before, Screener(found.new) as after:
        for change in (*told["criteria"], told["verdict"]):
            for side, sign in (("worse", -1), ("better", 1)):
                if change[side]:
                    _screens_as_said(change, change[side], sign, (before, after), found)


def _screens_as_said(
    change: Mapping[str, Any],
    shown: Mapping[str, Any],
    sign: int,
    screeners: tuple[Screener, Screener],
    found: Comparison,
) -> None:
    as_of = date.fromisoformat(shown["as_of"])
    texts = ["\n".join(lines).encode() for _, lines in files(shown)]
    plain = [shown["subject"] or shown["old_subject"], shown["subject"] or shown["new_subject"]]
    if len(texts) == 1:
        texts *= 2
    else:
        assert texts[0] != texts[1] and plain[0] != plain[1]
    came = []
    for number, (screener, protocol) in enumerate(
        zip(screeners, (found.old, found.new), strict=True)
    ):
        version = ("old", "new")[number]
        for name, data in (("w.yaml", texts[number]), ("w.json", dump_any(plain[number]))):
            decision = screener.decide(read_subject(data, name, protocol, as_of), as_of)
            assert decision["verdict"] == shown[f"{version}_verdict"]
            said = decision["verdict"] if change["about"] == "verdict" else "not asked"
            if change[version]:
                of = {c["id"]: c["status"] for c in decision["criteria"]}
                said = of[change[version]["id"]]
            assert said == shown[version]
        came.append(said)
    if change["relation"] in ("added", "removed"):
        assert "failed" in came
    else:
        assert (ORDER[came[1]] - ORDER[came[0]]) * sign > 0


@pytest.mark.parametrize(
    ("old", "new", "relation"),
    [
        ("{wide: {at_least: 5}}", "{wide: {at_least: 6}}", "stricter"),
        ("{wide: {at_least: 5}}", "{wide: {above: 5}}", "stricter"),
        ("{wide: {at_least: 5}}", "{wide: {at_least: 4}}", "looser"),
        ("{wide: {between: [2, 5]}}", "{wide: {between: [3, 6]}}", "different"),
        ("{all: [{a: true}, {b: true}]}", "{any: [{a: true}, {b: true}]}", "looser"),
        ("{all: [{a: true}, {b: true}]}", "{all: [{b: true}, {a: true}]}", "same"),
        ("{wide: {above: 5}}", "{not: {wide: {at_most: 5}}}", "same"),
        ("{age: {at_least: 2}}", "{birth_date: {at_least_ago: 2 years}}", "same"),
        ("{age: {at_most: 18}}", "{birth_date: {less_than_ago: 18 years}}", "stricter"),
        ("{chemo: {at_least_ago: 14 days}}", "{chemo: {at_least_ago: 2 weeks}}", "same"),
        ("{chemo: {at_least_ago: 30 days}}", "{chemo: {at_least_ago: 1 month}}", "different"),
        ("{wide: {above: 5}}", "{todo: true}", "different"),
    ],
)
def test_how_a_criterion_moved(old: str, new: str, relation: str) -> None:
    facts = "wide a b birth_date age chemo steroid treated"
    (change,) = changes(facts, {"I01": old}, {"I01": new}).values()
    assert (change.relation, change.proved) == (relation, True)


def test_numbers_move_and_meaning_finds_them() -> None:
    text = {"I01": "was one", "I02": "new words"}
    found = changes(
        "a b wide",
        {"I01": "{a: true}", "I02": "{b: true}", "I03": "{wide: {above: 5}}"},
        {"I01": "{b: true}", "I02": "{wide: {above: 5}}"},
        text=text,
    )
    assert found["I01"].old is not None and found["I01"].old.id == "I02"
    assert found["I01"].relation == found["I02"].relation == "same"
    assert found["I01"].renumbered and found["I02"].renumbered
    assert found["I01"].reworded and found["-I01"].relation == "removed"


def test_what_was_not_proved_is_not_claimed() -> None:
    """One list asked about twice, in ways that cannot be told apart: intervals are not complete."""
    old, new = "{chemo: {at_least_ago: 14 days}}", "{treated: {at_least_ago: 14 days}}"
    (change,) = changes("chemo treated", {"I01": old}, {"I01": new}).values()
    assert (change.relation, change.proved) == ("stricter-for-some", False)


def test_a_validity_that_shrinks_is_stricter() -> None:
    before, _ = read(bad("old", "", "x", {"I01": "{x: {above: 5}}"}))
    days = m.Duration(7, 0, "7 days")
    shorter = replace(before.facts["x"], valid_for=days)
    found = confirmed(before, replace(before, facts={"x": shorter}))
    (change,) = found.criteria
    assert change.relation == "different" and change.worse is not None
    assert (change.worse.old, change.worse.new) == ("passed", "open")
    assert found.dictionary == ("x: valid_for: 14 days -> 7 days",)


@settings(max_examples=8)
@given(small_packs(), small_packs())
def test_comparison_agrees_with_brute_force(old: m.Protocol, new: m.Protocol) -> None:
    found = confirmed(old, new)
    subjects = everything(old)
    before = [statuses_of(old, subject, AS_OF) for subject in subjects]
    after = [statuses_of(new, subject, AS_OF) for subject in subjects]
    for change in found.criteria:
        if change.old is None or change.new is None:
            continue
        moves = {
            RANK[b[change.new.id]] - RANK[a[change.old.id]]
            for a, b in zip(before, after, strict=True)
        }
        worse, better = any(d < 0 for d in moves), any(d > 0 for d in moves)
        expected = (
            "different" if worse and better else "stricter" if worse
            else "looser" if better else "same"
        )  # fmt: skip
        assert change.relation == expected and change.proved


# --- the command ----------------------------------------------------------------------------


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """The shipped pack with a limit moved, an `any` made `all` and a criterion dropped."""
    pack = tmp_path / "edited"
    shutil.copytree(SHIPPED, pack)
    rules = pack / "eligibility.yaml"
    text = rules.read_text()
    text = text.replace("{marrow_blasts: {at_least: 5}}", "{marrow_blasts: {at_least: 10}}")
    at = text.index("any:", text.index("- id: E02"))
    text = text[:at] + "all:" + text[at + 4 :]
    start, end = text.index("  - id: E05"), text.index("  - id: E06")
    rules.write_text(text[:start] + text[end:])
    return pack


def test_the_shipped_pack_against_itself() -> None:
    ran = eligo("diff", SHIPPED.as_posix(), SHIPPED.as_posix())
    assert ran.code == 0 and "The two versions mean the same." in ran.out


def test_three_edits_and_who_flips(edited: Path) -> None:
    words = ("diff", SHIPPED.as_posix(), edited.as_posix(), "--subjects", "fixtures/subjects",
             "--as-of", "2026-11-20")  # fmt: skip
    ran = eligo(*words)
    assert ran.code == 0
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    for line in ("I02: stricter", "E02: looser", "E05: removed", "stands worse: passed -> failed"):
        assert line in ran.out
    found = json.loads(eligo(*words, "--format", "json").out)
    moved = {(c["new"] or c["old"])["id"]: c["relation"] for c in found["criteria"]}
    assert {k: v for k, v in moved.items() if v != "same"} == {
        "I02": "stricter", "E02": "looser", "E05": "removed",
    }  # fmt: skip
    assert found["verdict"]["relation"] == "different"
    old, new = read_pack(SHIPPED), read_pack(edited)
    with Screener(old) as one, Screener(new) as two:
        assert (one.protocol.digest, two.protocol.digest) == (
            found["old"]["digest"], found["new"]["digest"],
        )  # fmt: skip
    flips = {f["subject"]: f for f in found["subjects"]["flips"]}
    assert set(found["subjects"]["rescreen"]) == set(flips)
    assert flips["CAR-038"]["old"] == "ineligible" and flips["CAR-038"]["new"] == "eligible"
    (because,) = flips["CAR-038"]["because"]
    assert {k: because[k] for k in ("old_id", "new_id", "old", "new")} == {
        "old_id": "E05", "new_id": "", "old": "failed", "new": "",
    }  # fmt: skip
    assert because["new_says"] == [] and "2026-11-06" in because["old_says"][0]


def test_the_page_holds_every_claim_and_nothing_from_elsewhere(
    edited: Path, tmp_path: Path
) -> None:
    out = tmp_path / "amendment.html"
    ran = eligo("diff", SHIPPED.as_posix(), edited.as_posix(), "--format", "html",
                "--out", out.as_posix())  # fmt: skip
    page = out.read_text("utf-8")
    assert ran.code == 0 and ran.out == ""
    assert "<script" not in page and "http" not in page and "src=" not in page
    for words in ("stricter", "looser", "removed", "Criteria that stay as they are"):
        assert words in page
    assert eligo("diff", "a", "b", "--format", "html").code == 2


def git(folder: Path, *words: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


def test_an_older_version_comes_out_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = write(bad("p", "", "wide", {"I01": "{wide: {at_least: 5}}"}), tmp_path / "packs" / "p")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    rules = pack / "eligibility.yaml"
    rules.write_text(rules.read_text().replace("at_least: 5", "at_least: 7"))
    monkeypatch.chdir(tmp_path / "packs")
    ran = eligo("diff", "HEAD:p", "p")
    assert ran.code == 0 and "I01: stricter" in ran.out
    ran = eligo("diff", "HEAD:q", "p")
    assert ran.code == 2 and "no-revision: git cannot give `HEAD:q`" in ran.said
    monkeypatch.setenv("PATH", "")
    ran = eligo("diff", "HEAD:p", "p")
    assert ran.code == 2 and "git is not installed here" in ran.said


# --- what the dictionary alone changes --------------------------------------------------------

ALT = "{{ask: ALT, type: quantity, unit: U/L, {}valid_for: 14 days}}"
MASS = "{{ask: V, type: quantity, unit: mg/dL, {}changes: never}}"


@pytest.mark.parametrize(
    ("rule", "name", "old", "new", "relation"),
    [
        # A result without a limit of its own is divided by the dictionary's.
        ("{v: {below_uln: 3}}", "uln", ALT.format("uln: 40, "), ALT.format("uln: 50, "), "looser"),
        ("{v: {below_uln: 3}}", "uln", ALT.format("uln: 40, "), ALT.format("uln: 40.1, "),
         "looser"),
        ("{v: {below_uln: 3}}", "uln", ALT.format("uln: 50, "), ALT.format("uln: 40, "),
         "stricter"),
        # ">2" is a doubt that a narrower range settles.
        ("{v: {at_most: 3}}", "range", MASS.format("range: [0, 30], "),
         MASS.format("range: [0, 3], "), "looser"),
        # Results in mmol/L are not tried: nothing is claimed.
        ("{v: {below: 3}}", "mass", MASS.format("molar_mass: 113.12, "),
         MASS.format("molar_mass: 120.5, "), "undecided"),
        ("{v: {below: 3}}", "type", MASS.format(""), "{ask: V, type: quantity, unit: mg/dL, "
         "molar_mass: 60, changes: never}", "undecided"),
    ],
)  # fmt: skip
def test_a_dictionary_that_reads_results_otherwise_changes_meaning(
    rule: str, name: str, old: str, new: str, relation: str
) -> None:
    before, _ = read(bad(name, "", "", {"I01": rule}, more={"v": old}))
    after, _ = read(bad(name, "", "", {"I01": rule}, more={"v": new}))
    found = confirmed(before, after)
    (change,) = found.criteria
    assert change.relation == relation and change.proved == (relation != "undecided")
    assert found.verdict.relation == relation


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ("chemo", "{chemo: {at_least_ago: 7 days}}"),
        ("exposed", "{exposed: false}"),
        ("courses", "{courses: {at_most: 2}}"),
        ("chemo steroid treated", "{treated: {at_least_ago: 7 days}}"),
        ("chemo steroid", "{all: [{chemo: {at_least_ago: 9 days}}, {steroid: {ever: false}}]}"),
    ],
)
def test_a_list_that_is_relied_on_for_less_time_makes_what_rests_on_it_stricter(
    facts: str, rule: str
) -> None:
    spec = bad("list", "", facts, {"I01": rule})
    before, _ = read(spec)
    record = before.records["therapy"]
    shorter = replace(record, valid_for=m.Duration(3, 0, "3 days"))
    after = replace(before, records={"therapy": shorter})
    found = confirmed(before, after)
    (change,) = found.criteria
    assert change.relation in ("stricter", "different") and change.worse is not None
    assert (change.worse.old, change.worse.new) == ("passed", "open")


def test_of_no_subjects_nothing_is_said(tmp_path: Path) -> None:
    packs = [SHIPPED.as_posix(), SHIPPED.as_posix()]
    for folder, why in ((tmp_path, "there is no subject file here"), (tmp_path / "x", "no-file")):
        ran = eligo("diff", *packs, "--subjects", folder.as_posix(), "--as-of", "2026-11-20")
        assert ran.code == 2 and ran.out == "" and why in ran.said


@pytest.mark.parametrize(
    ("relation", "says"),
    [
        ("stricter", "Some subjects stand worse, none better."),
        ("stricter-for-some", "Some subjects stand worse; whether any stands better was not"),
        ("looser-for-some", "Some subjects stand better; whether any stands worse was not"),
    ],
)
def test_nobody_is_said_to_stand_otherwise_unless_it_is_proved(relation: str, says: str) -> None:
    found = {"alike": False, "criteria": [], "outcomes": [], "verdict": {"relation": relation}}
    assert f"0 criteria change. {says}" in summary(found)
