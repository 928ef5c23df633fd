"""Comparing versions: each claim is shown by a subject that both versions' rules screen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

import engine.model as m
from engine.decision import Screener
from engine.diff import Change, compare
from engine.packs import read_pack
from engine.witness import screened
from reports.diff import summary
from tests.bad_packs.corpus import bad
from tests.command import eligo
from tests.workbench.test_findings import AS_OF, everything, read, small_packs, statuses_of, write

SHIPPED = Path("rules/cd19-car-t-b-all")
RANK = {"failed": 0, "open": 1, "passed": 2}


def changes(
    facts: str, old: Mapping[str, str], new: Mapping[str, str], **more: object
) -> dict[str, Change]:
    before, _ = read(bad("old", "", facts, old))
    after, _ = read(bad("new", "", facts, new, **more))
    found = compare(before, after)
    confirm(before, after, list(found.criteria))
    return {c.new.id if c.new else f"-{c.old.id}" if c.old else "": c for c in found.criteria}


def confirm(old: m.Protocol, new: m.Protocol, found: list[Change]) -> None:
    """Screen every witness again, under both versions."""
    with Screener(old) as before, Screener(new) as after:
        for change in found:
            for shown, sign in ((change.worse, -1), (change.better, 1)):
                if shown is None or change.old is None or change.new is None:
                    continue
                one = screened(before, shown.recorded, shown.as_of)
                two = screened(after, shown.recorded, shown.as_of)
                was = next(c for c in one["criteria"] if c["id"] == change.old.id)["status"]
                now = next(c for c in two["criteria"] if c["id"] == change.new.id)["status"]
                assert (was, now) == (shown.old, shown.new)
                assert (RANK[now] > RANK[was]) == (sign == 1) and was != now


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
    assert (change.relation, change.proved) == ("stricter", False)


def test_a_validity_that_shrinks_is_stricter() -> None:
    before, _ = read(bad("old", "", "x", {"I01": "{x: {above: 5}}"}))
    days = m.Duration(7, 0, "7 days")
    shorter = replace(before.facts["x"], valid_for=days)
    found = compare(before, replace(before, facts={"x": shorter}))
    (change,) = found.criteria
    assert change.relation == "different" and change.worse is not None
    assert (change.worse.old, change.worse.new) == ("passed", "open")
    assert found.dictionary == ("x: valid_for: 14 days -> 7 days",)


@settings(max_examples=8)
@given(small_packs(), small_packs())
def test_comparison_agrees_with_brute_force(old: m.Protocol, new: m.Protocol) -> None:
    found = compare(old, new)
    confirm(old, new, list(found.criteria))
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
    assert flips["CAR-038"]["because"] == [
        {"old_id": "E05", "new_id": "", "old": "failed", "new": ""}
    ]


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
    found = compare(before, after)
    confirm(before, after, list(found.criteria))
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
    found = compare(before, after)
    confirm(before, after, list(found.criteria))
    (change,) = found.criteria
    assert change.relation in ("stricter", "different") and change.worse is not None
    assert (change.worse.old, change.worse.new) == ("passed", "open")


def test_of_no_subjects_nothing_is_said(tmp_path: Path) -> None:
    packs = [SHIPPED.as_posix(), SHIPPED.as_posix()]
    for folder, why in ((tmp_path, "there is no subject file here"), (tmp_path / "x", "no-file")):
        ran = eligo("diff", *packs, "--subjects", folder.as_posix(), "--as-of", "2026-11-20")
        assert ran.code == 2 and ran.out == "" and why in ran.said


@pytest.mark.parametrize(
    ("relation", "basis", "says"),
    [
        ("stricter", "proved", "Some subjects stand worse, none better."),
        ("stricter", "undecided", "Some subjects stand worse; whether any stands better was not"),
        ("looser", "undecided", "Some subjects stand better; whether any stands worse was not"),
    ],
)
def test_nobody_is_said_to_stand_otherwise_unless_it_is_proved(
    relation: str, basis: str, says: str
) -> None:
    verdict = {"relation": relation, "basis": basis}
    found = {"alike": False, "criteria": [], "verdict": verdict}
    assert f"0 criteria change. {says}" in summary(found)
