"""Comparing versions: each claim is shown by a subject that both versions' rules screen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from app.store.packs import read_pack
from engine import terms as m
from engine.decide.decision import Screener
from engine.read.subjects import read_subject
from engine.record.shape import dump_any
from engine.terms.units import AlsoIn
from engine.workbench.alike import accepts_alike, same_to_read
from engine.workbench.changed import Change, Comparison
from engine.workbench.diff import compare
from engine.workbench.diff_record import record
from reports.diff import as_html, as_text, files, summary
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
            said: str = decision["verdict"] if change["about"] == "verdict" else "not asked"
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
        # Only on 1 March, for a date of 29 to 31 January, is the one known and the other not.
        (
            "{birth_date: {at_least_ago: 1 month}}",
            "{all: [{birth_date: {at_least_ago: 1 month}}, {any: [{birth_date: {more_than_ago:"
            " 1 month}}, {not: {birth_date: {more_than_ago: 1 month}}}]}]}",
            "stricter",
        ),
        (
            "{birth_date: {less_than_ago: 1 month}}",
            "{any: [{birth_date: {less_than_ago: 1 month}}, {all: [{birth_date: {within_last:"
            " 1 month}}, {not: {birth_date: {within_last: 1 month}}}]}]}",
            "looser",
        ),
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


LASTED = "{all: [{started: {at_least_ago: 14 days}}, {lasted: {at_least: 28}}]}"
LONGER = "{all: [{started: {at_least_ago: 14 days}}, {lasted: {at_least: 29}}]}"


def test_what_was_not_proved_is_not_claimed() -> None:
    """Days between two dates, beside one of them: intervals are not complete."""
    (change,) = changes("started ended lasted", {"I01": LASTED}, {"I01": LONGER}).values()
    assert (change.relation, change.proved) == ("stricter-for-some", False)


def test_windows_of_lists_that_share_entries_are_compared_whole() -> None:
    old, new = "{chemo: {at_least_ago: 14 days}}", "{treated: {at_least_ago: 14 days}}"
    (change,) = changes("chemo treated", {"I01": old}, {"I01": new}).values()
    assert (change.relation, change.proved) == ("stricter", True)


@pytest.mark.parametrize(
    ("before", "after", "on"),
    [
        (m.Duration(31, 0), m.Duration(0, 1), "2026-01-15"),
        (m.Duration(0, 12), m.Duration(365, 0), "2026-01-15"),
        (None, m.Duration(0, 1), "2026-03-01"),
    ],
)
def test_a_validity_in_days_is_none_in_months(
    before: m.Duration | None, after: m.Duration, on: str
) -> None:
    """31 days are a month, or three days more; in March 29 January is a month ago until the 1st."""
    pack, _ = read(bad("p", "", "x", {"I01": "{x: {above: 5}}"}))
    old, new = (
        replace(
            pack,
            effective=date.fromisoformat(on),
            facts={"x": replace(pack.facts["x"], valid_for=one, changes=None if one else "never")},
        )
        for one in (before, after)
    )
    (change,) = confirmed(old, new).criteria
    assert change.worse is not None and (change.worse.old, change.worse.new) == ("passed", "open")


def test_a_list_s_validity_in_days_is_none_in_months() -> None:
    pack, _ = read(bad("p", "", "exposed", {"E01": "{exposed: true}"}))
    old, new = (
        replace(pack, records={"therapy": replace(pack.records["therapy"], valid_for=one)})
        for one in (m.Duration(30, 0), m.Duration(0, 1))
    )
    (change,) = confirmed(old, new).criteria
    assert change.relation == "different"


@pytest.mark.parametrize("back", [False, True])
def test_a_code_that_one_version_knows_is_nothing_proved(back: bool) -> None:
    """Its entry is read without the code by the other version: it may be any."""
    pack, _ = read(bad("p", "", "treated", {"E01": "{treated: {within_last: 14 days}}"}))
    therapy = pack.records["therapy"]
    kind = therapy.fields["kind"]
    wider = replace(kind, choices=(*kind.choices, m.Choice("cell", "Cells")))
    other = replace(therapy, fields={**therapy.fields, "kind": wider})
    packs = [pack, replace(pack, records={"therapy": other})]
    (change,) = confirmed(*(packs[::-1] if back else packs)).criteria
    assert not change.proved and change.relation != "undecided"


@pytest.mark.parametrize(
    "more", [{"range_u": (0, 200 * m.MILLION)}, {"unit": "kU/L"}, {"uln_u": 50 * m.MILLION}]
)
def test_how_a_ratio_is_read_is_not_said_to_be_the_same(more: dict[str, object]) -> None:
    rule = "{all: [{alt: {at_least_uln: 1}}, {alt: {below_uln: 3}}]}"
    pack, _ = read(bad("p", "", "alt", {"I01": rule}))
    fact = replace(pack.facts["alt"], **more)  # type: ignore[arg-type]
    (change,) = confirmed(pack, replace(pack, facts={"alt": fact})).criteria
    assert change.relation != "same"


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
        assert (change.never_worse, change.never_better) == (not worse, not better)


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


def test_a_path_in_a_revision_begins_at_the_root_and_may_be_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(bad("p", "", "wide", {"I01": "{wide: {at_least: 5}}"}), tmp_path / "packs" / "p")
    (tmp_path / "shared").mkdir()
    (pack / "facts.yaml").rename(tmp_path / "shared" / "facts.yaml")
    (pack / "facts.yaml").symlink_to("../../shared/facts.yaml")
    (pack / "gone.yaml").symlink_to("nowhere")
    (pack / "more").symlink_to("../../shared")
    (tmp_path / "links").mkdir()
    for name, target in {"now": "../packs/p", "out": "/etc", "gone": "nowhere", "loop": "loop",
                         "file": "../packs/p/facts.yaml"}.items():  # fmt: skip
        (tmp_path / "links" / name).symlink_to(target)
    (tmp_path / "out").mkdir()
    shutil.copytree(pack, tmp_path / "out" / "p", symlinks=True)
    (tmp_path / "out" / "p" / "notes.txt").symlink_to("/etc/hostname")
    (pack / "loop.yaml").symlink_to("loop.yaml")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    rules = pack / "eligibility.yaml"
    rules.write_text(rules.read_text().replace("at_least: 5", "at_least: 7"))
    monkeypatch.chdir(tmp_path / "packs")
    for name in ("p", "/packs/p", "../links/now", "/links/now/", "../out/../packs/p", "./p"):
        ran = eligo("diff", f"HEAD:{name}", "p")
        assert ran.code == 0 and "I01: stricter" in ran.out, name
    ran = eligo("diff", "HEAD:../out/p", "p")
    assert ran.code == 2 and "`notes.txt` in `HEAD:../out/p` is a symbolic link out" in ran.said
    ran = eligo("diff", f"HEAD:{pack.as_posix()}", "p")
    assert ran.code == 2 and "no-revision" in ran.said
    assert "a path that begins with `/` begins at the repository's root" in ran.said
    assert "repository's root" not in eligo("diff", "HEAD:q", "p").said
    for name, why in (
        ("out", "is a symbolic link out of the repository, to `/etc`"),
        ("gone", "is a symbolic link to what is not there"),
        ("loop", "is a symbolic link that leads to itself"),
    ):
        ran = eligo("diff", f"HEAD:/links/{name}", "p")
        assert ran.code == 2 and f"no-revision: `HEAD:/links/{name}` {why}" in ran.said
    ran = eligo("diff", "HEAD:../links/file", "p")
    assert ran.code == 2 and "no-revision: git cannot give `HEAD:../links/file`" in ran.said


def test_a_pack_may_be_the_root_of_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = write(bad("p", "", "wide", {"I01": "{wide: {at_least: 5}}"}), tmp_path / "p")
    git(pack, "init", "-q")
    git(pack, "add", ".")
    git(pack, "commit", "-q", "-m", "first")
    (pack / "more").mkdir()
    for folder, names in ((pack, ("/", "", ".")), (pack / "more", ("/", "..", "../"))):
        monkeypatch.chdir(folder)
        for name in names:
            ran = eligo("diff", f"HEAD:{name}", pack.as_posix())
            assert ran.code == 0 and "The two versions mean the same.\n" in ran.out, name


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
        ("stricter", "Some verdicts get worse, none gets better."),
        ("looser", "Some verdicts get better, none gets worse."),
        ("different", "Some verdicts get worse, and some better."),
        ("stricter-for-some", "Some verdicts get worse; whether any gets better is not decided."),
        ("looser-for-some", "Some verdicts get better; whether any gets worse is not decided."),
    ],
)
def test_nobody_is_said_to_stand_otherwise_unless_it_is_proved(relation: str, says: str) -> None:
    found = {"alike": False, "accepts": "the same", "criteria": [], "outcomes": [],
             "dictionary": [], "other": [], "verdict": {"relation": relation}}  # fmt: skip
    assert f"0 criteria change. {says}" in summary(found)


# --- what is the same by inspection -----------------------------------------------------------

LISTED = "{all: [{chemo: {at_least_ago: 14 days}}, {treated: {at_least_ago: 14 days}}]}"


def test_what_reads_the_same_is_the_same_where_a_search_would_not_end() -> None:
    facts = "chemo treated courses wide a b"
    old = {"I01": LISTED, "I02": "{defined: washed_out}", "E01": "{a: true}"}
    new = {**old, "I02": LISTED, "E01": "{any: [{a: true}, {b: true}]}"}
    written = {"washed_out": LISTED}
    before = bad("old", "", facts, old, definitions=written, text={"I02": "x"})
    found = compared(before, bad("new", "", facts, new, text={"I02": "x"}))
    moved = {c.new.id: (c.relation, c.proved) for c in found.criteria if c.new}
    assert moved == {"I01": ("same", True), "I02": ("same", True), "E01": ("stricter", True)}
    # No criterion is better for anybody, so no verdict is; one of them is worse.
    assert (found.verdict.relation, found.verdict.proved) == ("stricter", True)
    again = compared(before, before)
    assert again.alike and again.verdict.proved


def test_a_verdict_is_not_proved_by_parts_that_are_not() -> None:
    facts = "started ended lasted a b"
    old = {"I01": LASTED, "I02": "{a: true}"}
    new = {"I01": LONGER, "I02": "{all: [{a: true}, {b: true}]}"}
    found = compared(bad("old", "", facts, old), bad("new", "", facts, new))
    assert [c.relation for c in found.criteria] == ["stricter-for-some", "stricter"]
    assert (found.verdict.relation, found.verdict.proved) == ("stricter-for-some", False)
    told = record(found, None)
    assert told["verdict"]["basis"] == told["criteria"][0]["basis"] == "witnessed"
    text = as_text(told)
    assert "stricter for some; whether looser for others is not decided" in text
    assert "stricter" not in summary(told) and "whether any gets better is not" in summary(told)
    assert "whether looser for others is not decided" in as_html(told)


SHADOWED = {"I01": "{x: {at_least: 3}}", "I02": "{x: {at_least: 10}}", "I03": LASTED}


@pytest.mark.parametrize("back", [False, True])
def test_of_what_is_not_decided_the_direction_that_is_proved_is_said(back: bool) -> None:
    """Whom the first criterion lets in the second keeps out, which the days between two dates
    leave undecided; but a verdict is as good as its criteria."""
    facts = "x started ended lasted"
    packs = [bad("old", "", facts, {**SHADOWED, "I01": "{x: {at_least: 5}}"}),
             bad("new", "", facts, SHADOWED)]  # fmt: skip
    found = compared(*(packs[::-1] if back else packs))
    assert found.criteria[0].relation == ("stricter" if back else "looser")
    assert found.verdict.relation == "undecided"
    told = record(found, None)
    assert [told["verdict"][f"never_{way}"] for way in ("worse", "better")] == [not back, back]
    assert [told["criteria"][0][f"never_{way}"] for way in ("worse", "better")] == [not back, back]
    assert told["criteria"][2]["never_worse"] and told["criteria"][2]["never_better"]
    no, maybe = ("better", "worse") if back else ("worse", "better")
    assert f"No verdict gets {no}; whether any gets {maybe} is not decided." in summary(told)
    assert f"nobody stands {no}; whether anybody stands {maybe} is not decided" in " ".join(
        as_text(told).split()
    )
    both = {**told["verdict"], "never_worse": False, "never_better": False}
    assert "Whether a verdict changes is not decided" in summary({**told, "verdict": both})


def test_a_headline_speaks_of_verdicts_where_a_criterion_moves_the_other_way() -> None:
    old = {"I01": "{x: {at_least: 10}}", "I02": "{x: {at_least: 5}}", "I03": "{a: true}"}
    new = {"I01": "{x: {at_least: 10}}", "I02": "{x: {at_least: 8}}"}
    told = record(compared(bad("o", "", "x a", old), bad("n", "", "x a", new)), None)
    assert told["criteria"][1]["worse"] is not None
    assert "Some verdicts get better, none gets worse." in summary(told)
    assert "subjects stand" not in as_text(told)


ONLY_READ = {"ask", "found_in", "effort", "place", "name", "usual_u"}
OTHER: Mapping[str, Any] = {
    "type": "text", "unit": "other", "choices": (m.Choice("z", "Z"),), "range_u": (1, 2),
    "changes": "by_treatment", "valid_for": m.Duration(1, 0), "molar_mass": Decimal("1.5"),
    "also_in": (AlsoIn("mmol/mol", Decimal(1)),),
    "uln_u": 3, "resolution_u": 4, "attested_by": "somebody", "derive": m.CompletedYears("other"),
    "many": True, "unit_required": True, "stands_for": m.BooleanTest("other", True),
    "planned": True,
}  # fmt: skip


@pytest.mark.parametrize("name", [f.name for f in fields(m.Fact) if f.name not in ONLY_READ])
def test_a_fact_that_is_read_otherwise_is_not_the_same_by_inspection(name: str) -> None:
    protocol, _ = read(bad("p", "", "started ended lasted", {"I01": "{lasted: {at_least: 2}}"}))
    rule = protocol.criteria[0].holds_when
    for fact in ("started", "lasted"):
        changed = replace(protocol.facts[fact], **{name: OTHER[name]})
        other = replace(protocol, facts={**protocol.facts, fact: changed})
        assert not same_to_read(protocol, rule, other, rule)
    words = replace(protocol.facts["started"], ask="?", effort=9, found_in="file")
    other = replace(protocol, facts={**protocol.facts, "started": words})
    assert same_to_read(protocol, rule, other, rule)


@pytest.mark.parametrize("name", [f.name for f in fields(m.Field) if f.name not in ONLY_READ])
def test_a_field_that_is_read_otherwise_is_not_the_same_by_inspection(name: str) -> None:
    protocol, _ = read(bad("p", "", "chemo", {"I01": "{chemo: {at_least_ago: 2 days}}"}))
    rule, therapy = protocol.criteria[0].holds_when, protocol.records["therapy"]

    def same(listed: m.RecordList) -> bool:
        return same_to_read(protocol, rule, replace(protocol, records={"therapy": listed}), rule)

    for field in ("kind", "ended"):
        changed = replace(therapy.fields[field], **{name: OTHER[name]})
        assert not same(replace(therapy, fields={**therapy.fields, field: changed}))
    assert same(replace(therapy, ask="?", effort=9))
    assert not same(replace(therapy, valid_for=m.Duration(6, 0)))
    # What no condition asks about may change.
    target = replace(therapy.fields["target"], many=False)
    assert same(replace(therapy, fields={**therapy.fields, "target": target}))


def test_an_exclusion_with_the_same_condition_is_not_the_same() -> None:
    old, new = {"I01": "{a: true}"}, {"E01": "{a: true}"}
    (change,) = changes("a", old, new, text={"E01": "The statement of I01"}).values()
    assert change.relation == "different" and change.turned


# --- what a witness looks like ----------------------------------------------------------------


def test_each_version_gets_the_witness_as_it_knows_it(tmp_path: Path) -> None:
    """A fact, a choice and a field that one version lacks are lost to the other alone."""
    rename = "{ask: Grade, type: choice, choices: [g0, g1, g2], valid_for: 14 days}"
    specs = [
        bad("old", "", "a grade", {"I01": "{grade: [g0, g3]}", "I02": "{a: true}"}),
        bad("new", "", "b", {"I01": "{grade: [g0]}", "I02": "{b: true}"}, more={"grade": rename}),
    ]
    found = compared(*specs)
    told = record(found, None)
    worse = told["criteria"][1]["worse"]
    assert worse["subject"] is None
    assert set(worse["old_subject"]["facts"]) == {"a"} and set(worse["new_subject"]["facts"]) == {
        "b"
    }
    packs = [write(spec, tmp_path / spec.name) for spec in specs]
    text, page = as_text(told), as_html(told)
    assert "as the old version reads it:" in text and "As the new version reads it:" in page
    # As `eligo screen` sees them.
    for change in told["criteria"]:
        for shown in (change["worse"], change["better"]):
            for number, (_, lines) in enumerate(files(shown) if shown else ()):
                assert all(line in text and line.strip() in unescape(page) for line in lines)
                file = tmp_path / "w.yaml"
                file.write_text("\n".join(lines))
                ran = eligo("screen", file.as_posix(), "--protocol", packs[number].as_posix(),
                            "--as-of", shown["as_of"], "--format", "json")  # fmt: skip
                decision = json.loads(ran.out)
                side = ("old", "new")[number]
                assert decision["verdict"] == shown[f"{side}_verdict"]
                of = {c["id"]: c["status"] for c in decision["criteria"]}
                assert of[change[side]["id"]] == shown[side]


def test_a_witness_stays_inside_what_the_whole_dictionary_accepts(tmp_path: Path) -> None:
    """An age that no criterion asks about still has a range, and a file outside it is refused."""
    more = {
        "age": "{ask: Age, type: quantity, unit: a, range: [0, 120],"
        " derive: {completed_years_since: birth_date}}"
    }
    old, new = ({"I01": f"{{birth_date: {{on_or_after: {year}-01-01}}}}"} for year in (1901, 1960))
    found = compared(
        bad("old", "", "birth_date", old, more=more), bad("new", "", "birth_date", new, more=more)
    )
    assert found.criteria[0].worse is not None


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped pack with outcome rules that differ in every way."""
    pack = tmp_path_factory.mktemp("packs") / "graded"
    shutil.copytree(SHIPPED, pack)
    rules = pack / "outcomes.yaml"
    text = rules.read_text()
    for old, new in (
        ("{age: {below: 12}}, {capd_unable", "{age: {below: 13}}, {capd_unable"),
        ("{anc: {at_least: 1.0}}", "{anc: {at_least: 0.5}}"),
        ("start: infused_on", "start: transplanted_on"),
        ("  - [crs.date, died_on]\n", ""),
        ("within: 3 months", "within: 2 months"),
        ("label: Complete response\n", "label: Complete\n"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    rules.write_text(text)
    return pack


def test_a_class_is_shown_by_an_entry_that_outcomes_reads(graded: Path, tmp_path: Path) -> None:
    words = ("diff", SHIPPED.as_posix(), graded.as_posix())
    told = json.loads(eligo(*words, "--format", "json").out)
    changed = [c for c in told["outcomes"] if c["relation"] != "same"]
    assert {c["new"]["id"]: c["relation"] for c in changed} == {
        "icans is 4": "looser", "icans is 3": "stricter", "icans is 2": "stricter",
        "icans is 1": "stricter", "icans is 0": "stricter",
        "response is CR": "looser", "response is CRi": "stricter",
    }  # fmt: skip
    said = {
        (side, change["new"]["id"]): _answers(change, side, pack, tmp_path)
        for change in changed
        for side, pack in (("old", SHIPPED), ("new", graded))
    }
    for change in changed:
        id_ = change["new"]["id"]
        before, after = ("no", "yes") if change["relation"] == "looser" else ("yes", "no")
        assert (said["old", id_], said["new", id_]) == (before, after)
    text = eligo(*words).out
    assert "icans is 4: wider" in text and "icans is 0: narrower" in text
    assert "wider here: does not belong -> belongs to the class" in text
    assert "7 outcome classes change." in text
    assert "stands" not in text and "stricter" not in text and "passed" not in text


def _answers(change: Mapping[str, Any], side: str, pack: Path, folder: Path) -> str:
    """What `eligo outcomes` concludes of a witness's one entry, as it is printed."""
    (shown,) = (one for one in (change["worse"], change["better"]) if one)
    assert shown["old_verdict"] is None
    forms = files(shown)
    lines = forms[0 if side == "old" else -1][1]
    file = folder / "w.yaml"
    file.write_text("\n".join(lines))
    ran = eligo("outcomes", file.as_posix(), "--protocol", pack.as_posix(), "--as-of",
                shown["as_of"], "--format", "json")  # fmt: skip
    outcome = json.loads(ran.out.splitlines()[0])
    (proof,) = (p for p in outcome["proofs"] if p["entry"].endswith(".entries[0]"))
    answers = {c["id"]: c["answer"] for c in proof["conclusions"]}
    assert answers[change[side]["id"]] == shown[side]
    return str(shown[side])


def test_other_outcome_rules_say_what_they_were_and_are(graded: Path) -> None:
    found = compare(read_pack(SHIPPED), read_pack(graded))
    assert found.other == (
        "start: infused_on -> transplanted_on",
        "response: within: 3 months -> 2 months",
        "in order: crs.date, died_on: removed",
        "scales: response: labels: CR: Complete response -> Complete",
    )


def test_events_endpoints_and_toxicities_say_what_changed() -> None:
    protocol = read_pack(SHIPPED)
    assert protocol.outcomes is not None
    outcomes = protocol.outcomes
    first, *rest = outcomes.endpoints
    event = next(iter(outcomes.events.values()))
    shorter = replace(first, events=first.events[:1], landmarks=(m.Duration(0, 1, "1 month"),))
    toxicities = tuple(replace(t, severe=()) for t in outcomes.toxicities[:1])
    found = compare(protocol, replace(protocol, outcomes=replace(
        outcomes,
        died="last_seen",
        events={**outcomes.events, event.id: replace(event, on="")},
        endpoints=(*rest, shorter),
        toxicities=toxicities,
    ))).other  # fmt: skip
    text = "\n".join(found)
    assert f"died: {outcomes.died} -> last_seen" in found
    assert f"events: {event.id}: on: {event.on} -> none" in found
    assert f"endpoints: {first.id}: events: {', '.join(first.events)} -> {first.events[0]}" in found
    assert "-> 1 month\n" in text and "1 months" not in text
    assert "endpoints: in order: " in text
    assert f"toxicities: {outcomes.toxicities[1].id}: removed" in found
    assert f"toxicities: {toxicities[0].id}: severe: " in text


# --- what the dictionary's lines say ------------------------------------------------------------


def test_the_dictionary_says_what_differs_and_nothing_twice() -> None:
    before, _ = read(bad("d", "", "x a sex chemo", {"I01": "{a: true}"}))
    sex, x = before.facts["sex"], before.facts["x"]
    therapy = before.records["therapy"]
    facts = {
        **before.facts,
        "sex": replace(sex, choices=(m.Choice("female", "male"), m.Choice("male", "female"))),
        "x": replace(x, attested_by="investigator", range_u=None, effort=3, resolution_u=100_000,
                     valid_for=m.Duration(7, 0, "1 week")),
        "chemo": replace(before.facts["chemo"], derive=m.EarliestOf("therapy", "ended", ())),
    }  # fmt: skip
    fields_ = {**therapy.fields, "target": replace(therapy.fields["target"], many=False)}
    fields_["agent"] = m.Field("agent", "Agent", "text")
    del fields_["ended"]
    after = replace(before, facts=facts, records={"therapy": replace(therapy, fields=fields_)})
    assert set(compare(before, replace(after, criteria=before.criteria)).dictionary) == {
        "sex: choices: female: label: female -> male",
        "sex: choices: male: label: male -> female",
        "x: attested_by: none -> investigator",
        "x: range: 0 to 100 -> none",
        "x: effort: none -> 3",
        "x: resolution: none -> 0.1",
        "x: valid_for: 14 days -> 1 week",
        "chemo: derive: latest therapy.ended where kind: chemo -> earliest therapy.ended",
        "the list therapy: fields: target: many: yes -> no",
        "the list therapy: fields: agent: added",
        "the list therapy: fields: ended: removed",
    }
    turned = replace(before, facts={**before.facts, "sex": replace(sex, choices=sex.choices[::-1])})
    assert compare(before, turned).dictionary == (
        "sex: choices: in order: female male -> male female",
    )


@pytest.mark.parametrize("written", ["1 week", "1 weeks", "1 years", "1 month"])
def test_one_of_a_unit_has_no_plural(written: str) -> None:
    old, new = ({"I01": f"{{chemo: {{at_least_ago: {n}}}}}"} for n in (written, "3 days"))
    text = as_text(record(compared(bad("o", "", "chemo", old), bad("n", "", "chemo", new)), None))
    assert f"at least {written.removesuffix('s')} ago\n" in text


# --- a criterion of the other kind --------------------------------------------------------------


def test_a_change_of_kind_is_said_where_the_meaning_stays() -> None:
    words = {"I01": "One statement", "E01": "One statement"}
    found = compared(
        bad("old", "", "a", {"I01": "{a: true}"}, text=words),
        bad("new", "", "a", {"E01": "{not: {a: true}}"}, text=words),
    )
    told = record(found, None)
    assert not found.alike and found.criteria[0].turned
    text = as_text(told)
    assert "E01: same meaning, now an exclusion, was I01" in text
    assert "  - kind: inclusion\n  + kind: exclusion\n" in text
    assert "1 criterion changes. No verdict changes." in text
    page = as_html(told)
    assert "now an exclusion" in page and '<del><bdi dir="auto">inclusion</bdi></del>' in page


# --- subjects ----------------------------------------------------------------------------------


def test_who_flips_because_of_what_and_who_is_refused(tmp_path: Path) -> None:
    limits = ({"I01": "{all: [{x: {at_least: 5}}, {a: true}]}"}, {"I01": "{x: {at_least: 7}}"})
    old = write(bad("old", "", "x a", limits[0]), tmp_path / "old")
    new = write(bad("new", "", "x b", limits[1]), tmp_path / "new")
    subjects = tmp_path / "subjects"
    subjects.mkdir()
    x = "facts: {x: {value: 6, on: 2026-01-10}"
    for name, text in {
        "flips": f"subject: S1\n{x}}}\n",
        "one": f"subject: S2\n{x}}}\n",
        "two": f"subject: S2\n{x}}}\n",
        "old_only": f"subject: S3\n{x}, a: {{value: true, on: 2026-01-10}}}}\n",
        "nobody": "subject: S4\nfacts: {x: {value: high}}\n",
    }.items():
        (subjects / f"{name}.yaml").write_text(text)
    words = ("diff", old.as_posix(), new.as_posix(), "--subjects", subjects.as_posix(),
             "--as-of", "2026-01-15")  # fmt: skip
    ran = eligo(*words)
    assert ran.code == 2
    assert ran.said.count("duplicate-subject: the subject `S2` is also in") == 2
    assert ran.said.count("rejected under both versions") == 3
    assert (
        "rejected under both versions, not compared: nobody.yaml, one.yaml, two.yaml"
        in " ".join(ran.out.split())
    )
    assert "subjects as of 2026-01-15: 2 of 2 to screen again\n  screen again: S1, S3\n" in ran.out
    for line in (
        "  S1: undetermined -> ineligible\n    I01: open -> failed\n",
        "      before: A: not known. Asked: yes. Cannot be decided: nothing is recorded.\n",
        "      after: X: 6 mg/dL (2026-01-10). Asked: at least 7 mg/dL.",
        "  S3: eligible -> rejected\n    rejected by the new version: old_only.yaml:2:",
    ):
        assert line in ran.out
    found = json.loads(eligo(*words, "--format", "json").out)["subjects"]
    assert found["rescreen"] == ["S1", "S3"] and found["compared"] == 2
    assert found["rejected"] == ["nobody.yaml", "one.yaml", "two.yaml"]
    by_id = {one["subject"]: one for one in found["flips"]}
    (fault,) = by_id["S3"]["faults"]
    assert by_id["S3"]["new"] is None and "unknown-fact" in fault
    out = tmp_path / "d.html"
    assert eligo(*words, "--format", "html", "--out", out.as_posix()).code == 2
    page = out.read_text()
    for words_ in ("Screen again:", "Rejected by the new version", "at least 7 mg/dL"):
        assert words_ in page


def test_a_flip_names_the_part_that_moved_alone(tmp_path: Path) -> None:
    """Parts that both versions have, and that came out alike, explain nothing."""
    rest = "{all: [{age: {below: 6}}, {x: {above: 80}}]}, {b: true}"
    both = "{wide: {above: 5}}, {x: {above: 50}}"
    facts = "birth_date age wide x b"
    rules = [{"E01": f"{{any: [{rest}, {{{word}: [{both}]}}]}}"} for word in ("any", "all")]
    old = write(bad("old", "", facts, rules[0]), tmp_path / "old")
    new = write(bad("new", "", facts, rules[1]), tmp_path / "new")
    file = tmp_path / "s.yaml"
    file.write_text(
        "subject: S1\nfacts:\n  birth_date: 2016-01-10\n  b: false\n"
        "  x: {value: 40, on: 2026-01-10}\n  wide: {value: 6, on: 2026-01-10}\n"
    )
    ran = eligo("diff", old.as_posix(), new.as_posix(), "--subjects", file.as_posix(),
                "--as-of", "2026-01-15", "--format", "json")  # fmt: skip
    (flip,) = json.loads(ran.out)["subjects"]["flips"]
    (because,) = flip["because"]
    assert (because["old"], because["new"]) == ("failed", "passed")
    assert because["old_says"] == ["Wide: 6 mg/dL (2026-01-10). Asked: above 5 mg/dL. This holds."]
    assert because["new_says"] == [
        "X: 40 mg/dL (2026-01-10). Asked: above 50 mg/dL. This does not hold."
    ]


# --- as it is printed --------------------------------------------------------------------------


def test_every_line_fits_a_terminal_whatever_its_names_are(tmp_path: Path) -> None:
    long = "n" * 60
    names = [f"{long}{i}" for i in range(3)]
    code = "c" * 64
    deep = "{a: true}"
    for _ in range(5):
        deep = f"{{any: [{{all: [{deep}, {{{names[0]}: [{code}]}}]}}, {{a: false}}]}}"
    more = {
        names[0]: f"{{ask: '{'A long question. ' * 12}', type: choice, choices: [{code}, {long}],"
        " valid_for: 14 days}",
        names[1]: f"{{ask: {'w' * 190}, type: date, derive: {{latest: therapy.ended, where:"
        " {kind: chemo}}}",
    }
    rules = {"I01": f"{{{names[0]}: [{code}]}}", "I02": f"{{{names[1]}: {{ever: true}}}}",
             "E01": deep}  # fmt: skip
    other = {"I01": f"{{{names[0]}: [{long}]}}", "I02": f"{{{names[1]}: {{ever: false}}}}",
             "E01": f"{{not: {deep}}}", "E02": "{b: true}"}  # fmt: skip
    text = dict.fromkeys(other, "The quick brown fox " * 20 + "x" * 100)
    changed = {**more, names[0]: more[names[0]].replace("14 days", "1 year")}
    old = write(bad("o" * 60, "", "a b", rules, more=more), tmp_path / "old")
    new = write(bad("p" * 60, "", "a b", other, more=changed, text=text), tmp_path / "new")
    subject = tmp_path / "s.yaml"
    facts = f"{{{names[0]}: {{value: {code}, on: 2026-01-10}}}}"
    subject.write_text(f"subject: {'S' * 100}\nfacts: {facts}\n")
    ran = eligo("diff", old.as_posix(), new.as_posix(), "--subjects", subject.as_posix(),
                "--as-of", "2026-01-15")  # fmt: skip
    assert ran.code == 0 and "\x1b" not in ran.out
    assert [line for line in ran.out.splitlines() if len(line) > 80] == []
    assert "screen again: " in ran.out and code in ran.out


@pytest.mark.parametrize("revision", ["--help", "-p", "--output=x"])
def test_a_revision_is_never_an_option_of_git(revision: str) -> None:
    ran = eligo("diff", "--", f"{revision}:rules", SHIPPED.as_posix())
    assert ran.code == 2 and ran.out == ""
    assert f"no-revision: `{revision}` is no revision: it begins with `-`" in ran.said


# --- what one version alone accepts -------------------------------------------------------------


def test_a_narrower_range_is_not_said_to_change_nothing(tmp_path: Path) -> None:
    """Who is rejected has no verdict any more, and no proof speaks of them."""
    rule = {"I01": "{x: {above: 50}}"}
    narrow = "{ask: X, type: quantity, unit: mg/dL, range: [10, 90], valid_for: 14 days}"
    old = write(bad("p", "", "x", rule), tmp_path / "old")
    new = write(bad("p", "", "", rule, more={"x": narrow}), tmp_path / "new")
    file = tmp_path / "s.yaml"
    file.write_text("subject: S1\nfacts: {x: {value: 5, on: 2026-01-10}}\n")
    words = ("diff", old.as_posix(), new.as_posix(), "--subjects", file.as_posix(),
             "--as-of", "2026-01-15")  # fmt: skip
    ran = eligo(*words)
    said = " ".join(ran.out.split())
    assert "S1: ineligible -> rejected" in said
    assert (
        "No verdict changes of anybody whom both versions accept; a file may be accepted by one"
        " alone (see the dictionary)." in said
    )
    assert "No verdict changes." not in said and "x: range: 0 to 100 -> 10 to 90" in said
    found = json.loads(eligo(*words, "--format", "json").out)
    assert found["accepts"] == "not the same" and found["verdict"]["relation"] == "same"
    assert all(len(line) <= 80 for line in ran.out.splitlines())


RANGED = "{ask: A, type: quantity, unit: a, range: [0, 120], derive: {completed_years_since: born}}"
BORN = "{ask: Born, type: date, changes: with_time, valid_for: 9 days}"


def _with(protocol: m.Protocol, name: str, **more: Any) -> m.Protocol:
    fact = replace(protocol.facts[name], **more)
    return replace(protocol, facts={**protocol.facts, name: fact})


def _listed(protocol: m.Protocol, **more: Any) -> m.Protocol:
    return replace(protocol, records={"therapy": replace(protocol.records["therapy"], **more)})


def _field(protocol: m.Protocol, name: str, **more: Any) -> m.Protocol:
    fields_ = protocol.records["therapy"].fields
    return _listed(protocol, fields={**fields_, name: replace(fields_[name], **more)})


def _without(things: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return {key: value for key, value in things.items() if key != name}


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        (lambda p: _with(p, "x", range_u=None), False),
        (lambda p: _with(p, "x", unit="g/L"), False),
        (lambda p: _with(p, "x", molar_mass=Decimal(60)), False),
        (lambda p: _with(p, "a", type="text"), False),
        (lambda p: _with(p, "sex", choices=p.facts["sex"].choices[:1]), False),
        (lambda p: _with(p, "steroid", derive=None), False),
        (lambda p: _with(p, "years", range_u=(0, 90 * m.MILLION)), False),
        (lambda p: _with(p, "years", derive=m.DaysBetween("started", "born")), False),
        # A date that is asked whole years of, and never changes, is a birth date: not to come.
        (lambda p: _with(p, "born", changes="never", valid_for=None), False),
        # How long a date is relied on tells whether an age is known, and out of its range.
        (lambda p: _with(p, "born", valid_for=m.Duration(3, 0)), False),
        (lambda p: replace(p, facts=_without(p.facts, "a")), False),
        (lambda p: replace(p, facts=_without(p.facts, "years")), False),
        (lambda p: replace(p, records={}, facts=_without(p.facts, "steroid")), False),
        (lambda p: _listed(p, fields=_without(p.records["therapy"].fields, "dose")), False),
        (lambda p: _field(p, "target", many=False), False),
        (lambda p: _field(p, "dose", range_u=(0, 2 * m.MILLION)), False),
        (lambda p: _field(p, "kind", choices=(m.Choice("chemo", ""),)), False),
        (lambda p: _field(p, "ended", type="text"), False),
        (lambda p: p, True),
        (lambda p: _with(p, "x", ask="Y", found_in="file", effort=3), True),
        (lambda p: _with(p, "x", valid_for=m.Duration(3, 0), uln_u=5, attested_by="he"), True),
        (lambda p: _with(p, "sex", choices=p.facts["sex"].choices[::-1]), True),
        (lambda p: _listed(p, ask="?", valid_for=m.Duration(3, 0)), True),
        # What is worked out is in no file.
        (lambda p: replace(p, facts=_without(p.facts, "steroid")), True),
    ],
)  # fmt: skip
def test_whether_one_version_may_reject_what_the_other_accepts(change: Any, alike: bool) -> None:
    facts = "x a sex started steroid"
    more = {"born": BORN, "years": RANGED}
    protocol, _ = read(bad("p", "", facts, {"I01": "{a: true}"}, more=more))
    for pair in ((protocol, change(protocol)), (change(protocol), protocol)):
        assert accepts_alike(*pair) is alike


# --- what is written otherwise, and means the same ----------------------------------------------

WRITTEN = "The two versions mean the same; what is written differs."


def _all_lines(found: Comparison) -> tuple[str, str]:
    """The text, in one line, and the page; every line of the text fits a terminal."""
    told = record(found, None)
    text = as_text(told)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert not found.alike and not told["alike"]
    return " ".join(text.split()), unescape(as_html(told))


def test_what_a_protocol_is_called_and_when_it_is_in_effect_is_listed() -> None:
    old, _ = read(bad("p", "", "a", {"I01": "{a: true}"}))
    new = replace(
        old, version="2", title="Another " * 20 + "title", effective=date(2026, 5, 1),
        source={"registry": "NCT01", "document": "Amendment 2"},
    )  # fmt: skip
    old = replace(old, source={"registry": "NCT00", "sponsor": "S"})
    found = confirmed(old, new)
    text, page = _all_lines(found)
    assert f"p: 1 -> 2 {WRITTEN} protocol: version: 1 -> 2 title: p -> Another" in text
    for line in (
        "effective: none -> 2026-05-01",
        "source: registry: NCT00 -> NCT01",
        "source: sponsor: S -> none",
        "source: document: none -> Amendment 2",
    ):
        assert line in found.protocol and line in text and line.replace("->", "→") in page
    back = record(confirmed(new, old), None)["protocol"]
    assert "effective: 2026-05-01 -> none" in back and "source: sponsor: none -> S" in back


def test_criteria_in_another_order_are_listed() -> None:
    rules = {"I01": "{a: true}", "I02": "{b: true}", "E01": "{x: {above: 5}}"}
    old, _ = read(bad("p", "", "a b x", rules))
    found = confirmed(old, replace(old, criteria=old.criteria[::-1]))
    text, page = _all_lines(found)
    assert f"{WRITTEN} protocol: criteria in another order: I01 I02 E01 -> E01 I02 I01" in text
    assert "criteria in another order" in page
    # One that comes or goes, or has another number, is no other order.
    fewer, _ = read(bad("p", "", "a b x", {"I02": rules["I02"], "E01": rules["E01"]}))
    assert not any("order" in line for line in confirmed(old, fewer).protocol)
    assert not any("order" in line for line in confirmed(fewer, old).protocol)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("{not: {any: [{a: true}, {b: true}]}}",
         "{all: [{not: {a: true}}, {not: {b: true}}]}", "- any of: + all of: "),
        ("{x: {above: 5}}", "{not: {x: {at_most: 5}}}", "- X: above 5 mg/dL + not: + X: at most 5"),
        ("{all: [{a: true}, {b: true}]}", "{all: [{b: true}, {a: true}]}", " B: yes "),
        ("{chemo: {at_least_ago: 14 days}}", "{chemo: {at_least_ago: 2 weeks}}",
         "- C: at least 14 days ago + C: at least 2 weeks ago"),
        ("{not: {defined: either}}", "{not: {any: [{b: true}, {a: true}]}}",
         "+ B: yes A: yes - B: yes"),
    ],
)  # fmt: skip
def test_a_rule_rewritten_is_listed_though_it_means_the_same(
    old: str, new: str, lines: str
) -> None:
    more = {"definitions": {"either": "{any: [{a: true}, {b: true}]}"}}
    packs = [bad("p", "", "a b x chemo", {"I03": rule}, **more) for rule in (old, new)]
    found = compared(*packs)
    assert found.criteria[0].relation == "same" and found.criteria[0].rewritten
    told = record(found, None)
    assert told["criteria"][0]["rewritten"]
    text, page = _all_lines(found)
    assert f"{WRITTEN} I03: same meaning, rule rewritten The statement of I03 " in text
    assert lines in text and "Proved over everything that both versions accept." in text
    assert "same meaning, rule rewritten" in page and 'class="came"' in page


def test_definitions_that_come_and_go_are_listed() -> None:
    named = bad("p", "", "a b", {"I01": "{defined: both}", "I02": "{a: true}"},
                definitions={"both": "{all: [{a: true}, {b: true}]}"})  # fmt: skip
    plain = bad("p", "", "a b", {"I01": "{all: [{a: true}, {b: true}]}", "I02": "{a: true}"})
    found = compared(named, plain)
    assert found.protocol == ("definitions: both: removed", "I01: definitions: both -> none")
    assert not found.criteria[0].rewritten
    assert f"{WRITTEN} protocol: definitions: both: removed" in _all_lines(found)[0]
    other = bad("p", "", "a b", {"I01": "{a: true}"}, definitions={"spare": "{b: true}"})
    spare = bad("p", "", "a b", {"I01": "{a: true}"}, definitions={"spare": "{b: false}"})
    assert compared(other, spare).protocol == ("definitions: spare: b yes -> b no",)


def test_two_packs_are_alike_only_if_nothing_at_all_differs(tmp_path: Path) -> None:
    rules = {"I01": "{a: true}", "E01": "{b: true}"}
    old, new = (write(bad("p", "", "a b", rules), tmp_path / name) for name in ("old", "new"))
    words = ("diff", old.as_posix(), new.as_posix())
    assert "The two versions mean the same.\n" in eligo(*words).out
    assert json.loads(eligo(*words, "--format", "json").out)["alike"] is True
    file = new / "facts.yaml"
    file.write_text(file.read_text() + "# a comment\n")
    out = " ".join(eligo(*words).out.split())
    assert f"{WRITTEN} protocol: files: they differ in what is not compared (comments" in out
    assert json.loads(eligo(*words, "--format", "json").out)["alike"] is False


def test_words_of_a_criterion_are_not_said_to_mean_the_same() -> None:
    """A protocol's text says what is meant: whether a rule still says it, nobody has proved."""
    rule = {"I01": "{x: {above: 5}}"}
    packs = [bad("p", "", "x", rule, text={"I01": f"X is above {n}"}) for n in (5, 10)]
    told = record(compared(*packs), None)
    assert summary(told) == "1 criterion changes. No verdict changes."


def test_values_that_stop_growing_old_are_not_claimed_to_be_read_alike() -> None:
    """What never changes has no newest value, and the regions hold one value of each fact."""
    protocol, _ = read(bad("p", "", "started", {"I01": "{started: {at_least_ago: 2 days}}"}))
    fact = protocol.facts["started"]
    turned = replace(fact, changes="by_retest" if fact.changes == "never" else "never")
    other = replace(protocol, facts={**protocol.facts, "started": turned})
    found = compare(protocol, other)
    assert found.criteria[0].relation == "undecided"
