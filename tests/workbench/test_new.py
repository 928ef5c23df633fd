"""Skeletons from study records: made-up records with the irregularities of real ones."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.packs import read_pack
from engine import terms as m
from engine.drafting.draft import Statement
from engine.drafting.skeleton import skeleton
from engine.drafting.statements import statements
from tests.command import Ran, eligo

STUDIES = Path(__file__).parent / "studies"

# Number of the study: inclusion and exclusion criteria, the rules of those that have one.
EXPECTED = {
    "01": (4, 2, ["I01"]),  # bullets, escapes
    "02": (4, 2, ["I01"]),  # capitals, numbers, nesting, a line that goes on
    "03": (6, 2, ["I01", "I02"]),  # two cohorts, "Key ...", a statement that names criteria
    "04": (2, 1, ["I01"]),  # statements on the heading's own line
    "05": (4, 0, ["I01"]),  # no heading, no bullet
    "06": (5, 2, ["I01", "I02"]),  # bold headings, "Non-inclusion", parts, entities
    "07": (3, 2, []),  # "Inclusion:", 1) and (3) and a), no ages
    "08": (3, 1, ["I01"]),  # carriage returns, tabs, days of age
    "09": (4, 0, []),  # headings of its own, hours of age
    "10": (3, 2, ["I01"]),  # "Ineligibility", numbers that are no list marks
    "11": (4, 3, ["I01"]),  # cohorts named above the headings
    "12": (5, 2, ["I01"]),  # 1.1 and 1.2.1, an amount that begins like a number of a list
    "13": (5, 3, ["I01", "I02"]),  # everything in one paragraph
    "14": (7, 0, ["I01"]),  # sections of the older form
    "15": (4, 3, ["I01"]),  # bullets of other kinds, a list below its sentence, "E. coli"
    "16": (5, 2, ["I01"]),  # Windows line ends, letters, roman parts, escapes, a footnote
    "17": (4, 2, ["I01", "I02"]),  # exclusion first, numbers that run on, no least age
    "18": (3, 4, ["I01"]),  # "Participants must:", "Participants must not:"
    "19": (3, 0, ["I01", "I02"]),  # one statement, for healthy volunteers
    "20": (1, 0, ["I01"]),  # no text, ages in weeks
    "21": (4, 3, ["I01"]),  # a statement a line without marks, one of them broken
    "22": (4, 3, ["I01"]),  # headings that are sentences, a list in one line, days and months
    "23": (4, 3, ["I01"]),  # parts in bold above numbered headings
    "24": (3, 2, ["I01", "I02"]),  # headings inside lines, with dashes, with nothing below
    "25": (6, 2, ["I01"]),  # steps of registration before each statement, notes as items
    "26": (6, 2, ["I01"]),  # a choice whose list is not set in
    "27": (5, 1, ["I01"]),  # headings of cohorts below those of kind
    "28": (3, 1, ["I01"]),  # a table, line by line
    "29": (4, 2, ["I01"]),  # dashes without a space
    "30": (3, 1, ["I01"]),  # semicolons
    "31": (4, 2, ["I01"]),  # three levels, everything set in
    "32": (3, 1, ["I01"]),  # AND and OR on lines of their own
    "33": (5, 1, ["I01"]),  # phases, over which numbers run on
    "34": (2, 2, ["I01"]),  # "Other criteria may apply", whom to ask
    "35": (4, 3, ["I01"]),  # "o" below dashes, "or" at the end of parts
    "36": (4, 3, ["I01"]),  # bullets and dashes in one line
    "37": (3, 1, ["I01"]),  # 1.1 under the names of sections
    "38": (4, 2, ["I01"]),  # numbered headings, also of what is no eligibility
    "39": (4, 2, ["I01"]),  # cohorts in capitals, without colons
    "40": (4, 1, ["I01"]),  # (a), (b) in a sentence
    "41": (3, 0, ["I01"]),  # cohorts as items, "None known."
    "42": (3, 5, ["I01"]),  # exceptions that are not set in
}


@pytest.mark.parametrize("number", EXPECTED)
def test_each_record_becomes_a_pack_that_reads(number: str, tmp_path: Path) -> None:
    inclusion, exclusion, ruled = EXPECTED[number]
    out = tmp_path / "pack"
    ran = eligo("new", (STUDIES / f"NCT900000{number}.json").as_posix(), "--out", out.as_posix())
    assert ran.code == 0 and ran.err == ""
    protocol = read_pack(out)
    kinds = [c.kind for c in protocol.criteria]
    assert (kinds.count("inclusion"), kinds.count("exclusion")) == (inclusion, exclusion)
    written = [c.id for c in protocol.criteria if not _todo(c.holds_when)]
    assert written == ruled
    assert protocol.source["registry"] == f"NCT900000{number}"
    check = eligo("check", out.as_posix(), "--format", "json")
    found = [json.loads(line) for line in check.out.splitlines()]
    open_ = {one["criteria"][0] for one in found if one["code"] in ("never-decided", "todo")}
    assert open_ == {c.id for c in protocol.criteria} - set(ruled)
    assert check.code == (1 if open_ else 0)


def _todo(condition: m.Condition) -> bool:
    if isinstance(condition, m.All):
        return any(_todo(child) for child in condition.children)
    return isinstance(condition, m.Todo)


def test_the_words_are_the_record_s_own(tmp_path: Path) -> None:
    out = tmp_path / "pack"
    eligo("new", (STUDIES / "NCT90000002.json").as_posix(), "--out", out.as_posix())
    text = {c.id: c.text for c in read_pack(out).criteria}
    assert text["I03"] == (
        "Adequate organ function:\n- Creatinine <= 1.5 mg/dL\n"
        "- Bilirubin < 2 mg/dL, unless Gilbert syndrome is known"
    )
    source = {c.id: c.source for c in read_pack(out).criteria}
    assert source["E02"] == "NCT90000002, exclusion criteria"
    eligo("new", (STUDIES / "NCT90000003.json").as_posix(), "--out", (tmp_path / "b").as_posix())
    cohorts = [c.source for c in read_pack(tmp_path / "b").criteria][2:5]
    assert [one.rpartition(", ")[2] for one in cohorts] == ["Cohort A", "Cohort A", "Cohort B"]


def test_ages_follow_the_registry_s_counting(tmp_path: Path) -> None:
    """`21 Years` includes the whole year before the 22nd birthday; days count likewise."""
    for number, kind in (("02", m.LimitTest), ("08", m.AgoTest)):
        out = tmp_path / number
        eligo("new", (STUDIES / f"NCT900000{number}.json").as_posix(), "--out", out.as_posix())
        rule = read_pack(out).criteria[0].holds_when
        assert isinstance(rule, m.All) and isinstance(rule.children[1], kind)
    assert isinstance(rule, m.All)
    oldest = rule.children[1]
    assert isinstance(oldest, m.AgoTest)
    assert (oldest.op, oldest.duration.text) == ("less_than_ago", "29 days")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[1, 2]", "not-a-study"),
        ('{"a": 1}', "not-a-study"),
        ('{"studies": []}', "not-one-study"),
        ('{"protocolSection": {"eligibilityModule": "x"}}', "type"),
        ('{"protocolSection": {}}', "no-criteria"),
        ('{"studies": ["x"]}', "not-a-study"),
        ("{", "syntax"),
    ],
)
def test_what_is_no_study_record_is_a_fault(content: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "study.json"
    file.write_text(content)
    ran = eligo("new", file.as_posix(), "--out", (tmp_path / "pack").as_posix())
    assert ran.code == 2 and f"{code}: " in ran.err and not (tmp_path / "pack").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    study = (STUDIES / "NCT90000001.json").as_posix()
    ran = eligo("new", study, "--out", tmp_path.as_posix())
    assert ran.code == 2 and "is there already" in " ".join(ran.err.split())
    assert eligo("new", (tmp_path / "none.json").as_posix(), "--out", "x").code == 2


def test_a_statement_too_long_for_one_entry_goes_on_in_the_next(tmp_path: Path) -> None:
    long = "word " * 1500
    section = {
        "identificationModule": {"nctId": "NCT1"},
        "eligibilityModule": {"eligibilityCriteria": f"Inclusion Criteria:\n\n* {long}"},
    }
    study = {"protocolSection": section}
    (tmp_path / "s.json").write_text(json.dumps(study))
    ran = eligo("new", (tmp_path / "s.json").as_posix(), "--out", (tmp_path / "p").as_posix())
    protocol = read_pack(tmp_path / "p")
    assert ran.code == 0 and len(protocol.criteria) == 2
    assert " ".join(c.text for c in protocol.criteria).split() == long.split()


@pytest.mark.parametrize(
    "line",
    ["Exclusion of pregnancy by test", "Patients who meet the inclusion criteria of part 1",
     "Inclusion in another study is allowed"],
)  # fmt: skip
def test_a_statement_that_speaks_of_criteria_is_no_heading(line: str) -> None:
    found = statements(f"Inclusion Criteria:\n\n* {line}\n* Another\n", [])
    assert [(s.kind, s.text) for s in found] == [("inclusion", line), ("inclusion", "Another")]


@pytest.mark.parametrize(
    "must", ["MUST MEET ALL", "must have", "must", "should meet all of the following"]
)
def test_a_sentence_without_words_of_its_own_is_no_criterion(must: str) -> None:
    """As `Patients must not have any of:` is none: its statements stand below, without marks."""
    text = (
        f"Patients {must}:\n\nDiabetes\n\nHbA1c of 7 to 10 %\n\nPatients must not have:\n\nGout\n"
    )
    found = statements(text, [])
    assert [(s.kind, s.text, s.group) for s in found] == [
        ("inclusion", "Diabetes", f"Patients {must}"),
        ("inclusion", "HbA1c of 7 to 10 %", f"Patients {must}"),
        ("exclusion", "Gout", "Patients must not have"),
    ]


def _made(number: str, out: Path) -> tuple[Ran, list[m.Criterion]]:
    ran = eligo("new", (STUDIES / f"NCT900000{number}.json").as_posix(), "--out", out.as_posix())
    return ran, list(read_pack(out).criteria)


def test_a_cohort_named_above_a_heading_is_kept(tmp_path: Path) -> None:
    ran, criteria = _made("11", tmp_path / "p")
    assert [c.source.partition(", ")[2] for c in criteria[1:]] == [
        "inclusion criteria, Cohort 1 (untreated)",
        "inclusion criteria, Cohort 1 (untreated)",
        "inclusion criteria, Cohort 2 (pretreated)",
        "exclusion criteria, Cohort 1 (untreated)",
        "exclusion criteria, Cohort 2 (pretreated)",
        "exclusion criteria, all cohorts",
    ]
    assert "a pack is for one cohort" in " ".join(ran.out.split())


def test_decimal_numbers_are_marks_where_they_count_on(tmp_path: Path) -> None:
    _, criteria = _made("12", tmp_path / "p")
    assert [c.text for c in criteria[1:]] == [
        "Agrees to home visits",
        "Speaks one of the languages of the questionnaires\n1.2.1 German\n1.2.2 or Italian",
        "Resting pulse of 50 to 90",
        "2.5 mg per day of prednisone is allowed",
        "Pregnancy",
        "Dialysis",
    ]


def test_a_heading_inside_a_paragraph_parts_it(tmp_path: Path) -> None:
    ran, criteria = _made("13", tmp_path / "p")
    assert [(c.kind, c.text) for c in criteria[2:]] == [
        ("inclusion", "Women of 20 to 60 years;"),
        ("inclusion", "BMI of 22 to 32"),
        ("inclusion", "Consent in writing."),
        ("exclusion", "Breast-feeding"),
        ("exclusion", "Ferritin < 15 ug/L"),
        ("exclusion", "Allergy to nickel"),
    ]
    assert "`Exclusion Criteria:` stands inside a paragraph" in " ".join(ran.out.split())


def test_sections_of_the_older_form_are_no_cohorts(tmp_path: Path) -> None:
    ran, criteria = _made("14", tmp_path / "p")
    assert "cohort" not in ran.out and "`PATIENT CHARACTERISTICS`" in ran.out
    assert [c.source.partition(", ")[2] for c in criteria[3:]] == [
        "inclusion criteria, PATIENT CHARACTERISTICS, Age",
        "inclusion criteria, PATIENT CHARACTERISTICS, Performance status",
        "inclusion criteria, PATIENT CHARACTERISTICS, Hepatic",
        "inclusion criteria, PRIOR CONCURRENT THERAPY",
    ]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("eligibilityModule.eligibilityCriteria", ["Adults"]),
        ("eligibilityModule.eligibilityCriteria", {"inclusion": "Adults"}),
        ("eligibilityModule.minimumAge", 18),
        ("eligibilityModule.maximumAge", ["75 Years"]),
        ("eligibilityModule.sex", True),
        ("eligibilityModule.genderDescription", 1),
        ("identificationModule.nctId", 90000001),
        ("identificationModule.briefTitle", ["A study"]),
        ("identificationModule.officialTitle", False),
        ("statusModule", "RECRUITING"),
        ("statusModule.lastUpdatePostDateStruct", "2026-03-02"),
        ("statusModule.lastUpdatePostDateStruct.date", 2026),
    ],
)
def test_a_field_of_the_wrong_type_is_a_fault(where: str, value: object, tmp_path: Path) -> None:
    study = json.loads((STUDIES / "NCT90000001.json").read_text())
    *path, last = where.split(".")
    parent = study["protocolSection"]
    for key in path:
        parent = parent[key]
    parent[last] = value
    file = tmp_path / "study.json"
    for whole in (study, {"studies": [study]}):
        file.write_text(json.dumps(whole, indent=1))
        ran = eligo("new", file.as_posix(), "--out", (tmp_path / "pack").as_posix())
        assert ran.code == 2 and not (tmp_path / "pack").exists()
        place = next(
            number
            for number, line in enumerate(file.read_text().split("\n"), start=1)
            if line.strip().startswith(f'"{last}":')
        )
        assert f"study.json:{place}:" in ran.err and f"`{last}` is" in " ".join(ran.err.split())
        assert "hint: " in ran.err


def test_every_fault_of_a_record_is_shown_at_once(tmp_path: Path) -> None:
    section = {
        "identificationModule": {"nctId": 1},
        "eligibilityModule": {"minimumAge": 18, "eligibilityCriteria": ["x"]},
    }
    (tmp_path / "s.json").write_text(json.dumps({"protocolSection": section}))
    ran = eligo("new", (tmp_path / "s.json").as_posix(), "--out", (tmp_path / "p").as_posix())
    assert ran.code == 2 and " ".join(ran.err.split()).count(": type: ") == 3


def test_the_output_is_at_most_80_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for number in EXPECTED:
        study = (STUDIES / f"NCT900000{number}.json").as_posix()
        for out in ("p" + number, "a-folder-with-a-rather-long-name-for-study-" + number):
            ran = eligo("new", study, "--out", out)
            assert ran.code == 0 and max(map(len, ran.out.splitlines())) <= 80
        again = eligo("new", study, "--out", out)
        assert again.code == 2 and max(map(len, again.err.splitlines())) <= 80


# --- what a review of irregular records found ----------------------------------------------


def _told(text: str) -> tuple[list[tuple[str, str, str]], str]:
    """Kind, group and words of each statement; all notes as one text."""
    notes: list[str] = []
    found = statements(text, notes)
    return [(s.kind[0].upper(), s.group, s.text) for s in found], "\n".join(notes)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "1. One of the following:\n- Group X:\n\n    * x1\n    * x2\n- Group Y:\n\n    * y1\n"
            "2. Last",
            ["One of the following:\n- Group X:\n  - x1\n  - x2\n- Group Y:\n  - y1", "Last"],
        ),
        (
            "* Group:\n\n  * x1:\n\n    * deep1\n    * deep2\n  * x2\n* Next",
            ["Group:\n- x1:\n  - deep1\n  - deep2\n- x2", "Next"],
        ),
        (
            "1. Either:\na) relapsed after:\ni. one line\nii. two lines\nb) refractory\n2. Last",
            ["Either:\na) relapsed after:\n  i. one line\n  ii. two lines\nb) refractory", "Last"],
        ),
        (
            "1. CLL who:\n\n   1.1. progress\n   1.2. meet one of:\n\n        1.2.1. this\n"
            "        1.2.2. that\n   1.3. consent\n2. Last",
            ["CLL who:\n1.1. progress\n1.2. meet one of:\n  1.2.1. this\n  1.2.2. that\n"
             "1.3. consent", "Last"],
        ),
        (
            "1. Patients with\n\n   * a\n     * a1\n\n     wherever it is\n   * b\n\n"
            "   unless treated",
            ["Patients with\n- a\n  - a1\n  wherever it is\n- b\nunless treated"],
        ),
        # Where nothing is set in, the marks alone tell the levels; dashes are of one kind.
        ("• One of:\no\tCML\no\tALL\n▪\tPh+\n▪\tPh-\no\tAML\n• Last",
         ["One of:\n- CML\n- ALL\n  - Ph+\n  - Ph-\n- AML", "Last"]),
        ("1. Other:\na. x\nb. y\ni. y1\nii. y2\nc. z\n2. Last",
         ["Other:\na. x\nb. y\n  i. y1\n  ii. y2\nc. z", "Last"]),
        ("* Any of:\n- a\n– b\n- c\n* Last", ["Any of:\n- a\n- b\n- c", "Last"]),
        ("1. Use of\n   - steroids\n   - insulin\n   in the last 3 months\n2. Last",
         ["Use of\n- steroids\n- insulin\nin the last 3 months", "Last"]),
    ],
)  # fmt: skip
def test_the_levels_of_a_list_are_kept(text: str, wanted: list[str], tmp_path: Path) -> None:
    """`x1` must not read as one of the groups between which a statement lets choose."""
    assert [words for _, _, words in _told(f"Inclusion Criteria:\n\n{text}\n")[0]] == wanted
    protocol = _pack_of(f"Inclusion Criteria:\n\n{text}\n", tmp_path)
    assert [c.text for c in protocol.criteria[1:]] == wanted


@pytest.mark.parametrize(
    "words",
    ["Patients must have one of", "Any of", "Either", "At least one of", "At least two of these",
     "One or more of the following conditions", "Diagnosis of", "Patients with", "Women who are"],
)  # fmt: skip
@pytest.mark.parametrize("mark", ["1. ", "* ", ""])
def test_a_list_below_an_unfinished_sentence_is_one_statement_with_it(
    words: str, mark: str
) -> None:
    """Apart, its parts would each be required."""
    last = f"{'2. ' if mark == '1. ' else '* '}Consent"
    text = f"Inclusion criteria:\n\n{mark}{words}\n\na) CML\nb) ALL\n\n{last}\n"
    if mark:
        assert _told(text)[0] == [("I", "", f"{words}\na) CML\nb) ALL"), ("I", "", "Consent")]
    else:
        assert _told(text)[0][0][2].startswith(f"{words}\na) CML\nb) ALL")


@pytest.mark.parametrize("words", ["Two or more of the following", "All of the following"])
def test_a_list_whose_parts_exclude_together_is_one_exclusion(words: str) -> None:
    text = f"Exclusion criteria:\n\n{words}:\n\n* Age over 80\n* Frailty\n"
    assert _told(text)[0] == [("E", "", f"{words}:\n- Age over 80\n- Frailty")]


def test_words_between_two_numbers_of_a_list_belong_to_the_first() -> None:
    text = (
        "Exclusion Criteria:\n\n1. Gamma\n\nMore words about gamma.\n\n2. Delta\n\n"
        "The following are allowed:\n\n* aspirin\n* statins\n\n3. Epsilon\n"
    )
    found, notes = _told(text)
    assert [words for _, _, words in found] == [
        "Gamma\nMore words about gamma.",
        "Delta\nThe following are allowed:\n- aspirin\n- statins",
        "Epsilon",
    ]
    assert "`More words about gamma.`" in notes and "`The following are allowed:`" in notes


def test_words_between_bullets_are_a_statement_with_a_note() -> None:
    found, notes = _told("Inclusion Criteria:\n\n* A\n* B\n\nMore words.\n\n* C\n")
    assert [words for _, _, words in found] == ["A", "B", "More words.", "C"]
    assert "`More words.`" in notes


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1. Cancer:\no breast\no ovary\n2. Consent", ["Cancer:\n- breast\n- ovary", "Consent"]),
        ("· Dot one\n· Dot two\no Circle three\n➢ Arrow four",
         ["Dot one", "Dot two", "Circle three", "Arrow four"]),
        ("o One\no Two", ["One", "Two"]),
        ("+ One\n+ Two", ["One", "Two"]),
        ("1）One\n2）Two\n①Three\n②Four", ["One", "Two", "Three", "Four"]),
        ("（1）One\n（2）Two", ["One", "Two"]),
        ("1、A\n2、B", ["A", "B"]),
        ("1．A\n2．B", ["A", "B"]),
        ("#1 First\n#2 Second", ["First", "Second"]),
        ("1/ First\n2/ Second", ["First", "Second"]),
        ("→ First\n→ Second", ["First", "Second"]),
        # No marks, but words.
        ("* diabete di tipo 1\n  o di tipo 2\n* B", ["diabete di tipo 1 o di tipo 2", "B"]),
        ("* HER2\n+ or not\n* Consent", ["HER2 + or not", "Consent"]),
        ("1/2 of the dose taken\n\n1/3 of it spilt", ["1/2 of the dose taken", "1/3 of it spilt"]),
        ("T1. tumour\nT2. tumour", ["T1. tumour", "T2. tumour"]),
    ],
)  # fmt: skip
def test_marks_of_lists_are_no_words(text: str, wanted: list[str]) -> None:
    found = statements(f"Inclusion Criteria:\n\n{text}\n", [])
    assert [s.text for s in found] == wanted


def test_a_criterion_s_own_number_goes_into_its_source(tmp_path: Path) -> None:
    """Other criteria and the protocol refer to it, so it is no mere mark."""
    text = (
        "Inclusion Criteria:\n\nI1. Alpha\nI2. Beta\n\n[I3] Gamma\n\nExclusion Criteria:\n\n"
        "EX01 Delta\n\n  * as in I1\n\nEX02 Eps\n"
    )
    protocol = _pack_of(text, tmp_path)
    assert [(c.text, c.source.rpartition(", ")[2]) for c in protocol.criteria[1:]] == [
        ("Alpha", "I1"), ("Beta", "I2"), ("Gamma", "I3"), ("Delta\n- as in I1", "EX01"),
        ("Eps", "EX02"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "title",
    ["Withdrawal criteria:", "Discontinuation Criteria", "Definitions:", "**Stopping rules**",
     "Criteria for removal from the study:", "Abbreviations:", "WITHDRAWAL CRITERIA:"],
)  # fmt: skip
def test_a_section_that_is_no_criterion_is_set_aside_with_its_words(
    title: str, tmp_path: Path
) -> None:
    text = f"Inclusion:\n\n* A1\n\nExclusion:\n\n* B1\n\n{title}\n\n* C1 says much\n* C2\n"
    found, notes = _told(text)
    assert found == [("I", "", "A1"), ("E", "", "B1")]
    assert "C1 says much" in notes and "C2" in notes and title.strip("*:") in notes
    protocol = _pack_of(text, tmp_path)
    assert len(protocol.criteria) == 3
    file = (tmp_path / "eligibility.yaml").read_text()
    assert "\n# - C1 says much\n" in file and title.strip("*:") in file
    # What comes after it under a heading is a criterion again.
    assert _told(f"{text}\nInclusion:\n\n* D1\n")[0][2] == ("I", "", "D1")


def test_a_sentence_about_definitions_sets_nothing_aside() -> None:
    text = (
        "Inclusion:\n\n* A\n\nDefinitions of response are per RECIST.\n\n* B\n\n"
        "ECOG 0-1\n\n* C and\n* D\n"
    )
    assert [words for _, _, words in _told(text)[0]] == [
        "A", "Definitions of response are per RECIST.", "B", "ECOG 0-1", "C and", "D",
    ]  # fmt: skip
    assert "as if a list" not in _told(text)[1]
    text = "Inclusion criteria - Part 1\nWithdrawal criteria:\nexclusion criteria\n"
    assert _told(text)[0] == [("I", "", "Part 1")]


def test_a_list_counts_on_after_another() -> None:
    text = "Inclusion:\n\n3. LVEF\n4. Pain\n\n* One of the following:\n\na. X\nb. Y\n\n5. Final\n"
    assert [words for _, _, words in _told(text)[0]] == [
        "LVEF", "Pain", "One of the following:\na. X\nb. Y", "Final",
    ]  # fmt: skip


@pytest.mark.parametrize("mark", ["", "* "])
def test_a_list_of_parts_goes_on_though_another_could(mark: str) -> None:
    text = (
        f"Inclusion:\n\n1. A\n2. B\n\n{mark}At least 2 of the following\n\n1. x\n2. y\n3. z\n4. w\n"
    )
    assert [words for _, _, words in _told(text)[0]] == [
        "A", "B", "At least 2 of the following\n1. x\n2. y\n3. z\n4. w",
    ]  # fmt: skip


def test_requirements_under_exclusion_do_not_exclude() -> None:
    text = "Exclusion Criteria\n\n* C\n\nContraception requirements:\n\n* Use two methods\n"
    found, notes = _told(text)
    assert found[1] == ("I", "Contraception requirements", "Use two methods")
    assert "`Contraception requirements` may be no" in notes and "cohort" not in notes


def test_a_title_above_the_headings_is_no_criterion() -> None:
    found, notes = _told(
        "STUDY POPULATION\n\nInclusion Criteria\n\n* A\n\nExclusion Criteria\n\n* C"
    )
    assert found == [("I", "", "A"), ("E", "", "C")] and "`STUDY POPULATION`" in notes
    found, notes = _told("Adults with gout\n\nExclusion Criteria\n\n* C")
    assert found[0] == ("I", "", "Adults with gout") and "`Adults with gout`" in notes


@pytest.mark.parametrize("none", ["None", "* None.", "N/A", "No exclusion criteria", "1. None"])
def test_none_is_no_criterion(none: str) -> None:
    found, notes = _told(f"Inclusion Criteria:\n\n* A\n\nExclusion Criteria:\n\n{none}\n")
    assert found == [("I", "", "A")]
    assert f"`{none.strip('* 1').removeprefix('. ')}`" in notes


def test_patients_beside_caregivers_are_a_cohort() -> None:
    text = (
        "Patient Inclusion Criteria:\n\n1. P1\n\nCaregiver Inclusion Criteria:\n\n1. C1\n\n"
        "Patient Exclusion Criteria:\n\n1. PE1\n"
    )
    found, notes = _told(text)
    assert found == [("I", "Patient", "P1"), ("I", "Caregiver", "C1"), ("E", "Patient", "PE1")]
    assert "`Patient`, `Caregiver`" in notes
    assert _told("Patient Inclusion Criteria:\n\n1. P1\n")[0] == [("I", "", "P1")]


@pytest.mark.parametrize("sign", ["*", "_", "**", "***", "__"])
def test_a_cohort_in_any_emphasis_is_a_heading(sign: str) -> None:
    text = (
        f"***Inclusion Criteria***\n\n{sign}Cohort 1:{sign}\n\n* C1a\n\n{sign}Cohort 2{sign}\n\n"
        "* C2a\n\n***Exclusion Criteria***\n\n* Ex1\n\n***Additional exclusion criteria for "
        "Cohort 2***\n\n* Ex2\n"
    )
    found, notes = _told(text)
    assert found == [
        ("I", "Cohort 1", "C1a"), ("I", "Cohort 2", "C2a"), ("E", "", "Ex1"),
        ("E", "Cohort 2 (Additional)", "Ex2"),
    ]  # fmt: skip
    assert "a pack is for one cohort" in notes


def test_a_french_heading_is_whole() -> None:
    text = "Critères d'inclusion :\n\n- Majeur\n\nCritères de non inclusion :\n\n- Grossesse\n"
    found, notes = _told(text)
    assert found == [
        ("I", "Critères d'inclusion", "Majeur"),
        ("E", "Critères de non inclusion", "Grossesse"),
    ]
    assert "cohort" not in notes


def test_a_question_is_a_heading() -> None:
    text = "Who can participate?\n\n* Adults with gout\n\nWho can't take part?\n\n* Children\n"
    assert _told(text)[0] == [
        ("I", "Who can participate?", "Adults with gout"),
        ("E", "Who can't take part?", "Children"),
    ]


def test_or_between_statements_makes_them_one() -> None:
    """Apart, each would be required."""
    text = (
        "Inclusion Criteria:\n\n* Diabetes\n\nAND\n\n* HbA1c > 7.5 %\n\nOR\n\n* Glucose > 8\n"
        "* Gout, or\n"
        "* Hyperuricaemia\n* Asthma\n* OR COPD\n* Consent\n"
    )
    found, notes = _told(text)
    assert [words for _, _, words in found] == [
        "Diabetes\nAND", "HbA1c > 7.5 %\nOR\n- Glucose > 8", "Gout, or\n- Hyperuricaemia",
        "Asthma\n- OR COPD", "Consent",
    ]  # fmt: skip
    assert "`HbA1c > 7.5 %" in notes and "`Gout, or" in notes and "`Asthma" in notes


def test_that_more_criteria_may_apply_is_no_criterion() -> None:
    words = "Other protocol-defined inclusion/exclusion criteria may apply."
    for mark in ("", "* "):
        found, notes = _told(f"Inclusion:\n\n* A\n\nExclusion:\n\n* B\n\n{mark}{words}\n")
        assert len(found) == 2 and f"`{words}`" in notes


def test_capitals_above_a_list_are_a_heading() -> None:
    text = "INCLUSION CRITERIA\n\nCHILDREN\n\n- Age 2-11\n\nADULTS\n\n- Age 18-65\n- HIV\n"
    found, notes = _told(text)
    assert found == [
        ("I", "CHILDREN", "Age 2-11"), ("I", "ADULTS", "Age 18-65"), ("I", "ADULTS", "HIV")
    ]  # fmt: skip
    assert "cohort" in notes


def test_capitals_are_headings_where_others_are() -> None:
    text = "Inclusion:\n\nAGE:\n\n- 18+\n\nBLOOD VALUES\n\nANC > 1000\n\nPlatelets > 50\n"
    assert [(group, words) for _, group, words in _told(text)[0]] == [
        ("AGE", "18+"), ("BLOOD VALUES", "ANC > 1000"), ("BLOOD VALUES", "Platelets > 50")
    ]  # fmt: skip


def test_numbered_sections_end_one_another() -> None:
    text = (
        "1\\. Inclusion Criteria:\n\n1. Stroke\n2. NIHSS > 5\n\n2\\. Exclusion Criteria:\n\n"
        "1. Bleeding\n"
        "\n3\\. Criteria for discontinuation:\n\n1. Adverse event\n"
    )
    found, notes = _told(text)
    assert found == [("I", "", "Stroke"), ("I", "", "NIHSS > 5"), ("E", "", "Bleeding")]
    assert "`Adverse event`" in notes
    found, notes = _told(text.replace("for discontinuation", "") + "\n4. Randomization criteria:\n"
                         "\n1. Consent confirmed\n")  # fmt: skip
    assert found[-1] == ("I", "Randomization criteria", "Consent confirmed")
    assert "`Randomization criteria` may be no criterion" in notes


def test_decimals_are_joined_by_no_or() -> None:
    _, notes = _told("Inclusion:\n\n1. Demographics\n\n1.1 Age\n\n1.2 BMI\n\n2. Disease\n")
    assert "joined" not in notes


def test_dashes_in_one_line_are_a_list() -> None:
    text = (
        "Exclusion criteria: - Pregnancy - Renal failure - Blindness\n\nInclusion: - Type 2 - 3 - X"
    )
    assert [words for _, _, words in _told(text)[0]] == [
        "Pregnancy", "Renal failure", "Blindness", "Type 2 - 3 - X",
    ]  # fmt: skip


def test_lines_below_a_colon_stay_lines() -> None:
    text = (
        "Inclusion:\n\n1. Adequate function:\n   Renal:\n   Creatinine < 1.5\n   mg/dl;\n"
        "   Bilirubin < 1\n2. B"
    )
    assert _told(text)[0][0][2] == (
        "Adequate function:\nRenal:\nCreatinine < 1.5 mg/dl;\nBilirubin < 1"
    )


def test_cohorts_that_are_items_are_told() -> None:
    text = (
        "Inclusion:\n\nA. Patients with gout:\n\n1. Urate > 6\n2. Pain\n\nB. Controls:\n\n"
        "1. No pain\n"
    )
    found, notes = _told(text)
    assert len(found) == 2 and "`Patients with gout:`, `Controls:`" in notes and "cohort" in notes
    assert "cohort" not in _told("Inclusion:\n\n1. Patients with gout who:\n   * a\n   * b\n")[1]


def test_the_schema_line_leads_to_the_schemas_or_is_left_out(tmp_path: Path) -> None:
    study = (STUDIES / "NCT90000001.json").as_posix()
    project = tmp_path / "project"
    (project / "docs" / "schemas").mkdir(parents=True)
    for name in ("protocol", "facts", "eligibility"):
        (project / "docs" / "schemas" / f"{name}.schema.json").write_text("{}")
    for out in (project / "rules" / "p", project / "a" / "b" / "c", project / "p"):
        ran = eligo("new", study, "--out", out.as_posix())
        assert ran.code == 0 and "docs/schemas" not in " ".join(ran.out.split())
        for file in out.iterdir():
            start = "# yaml-language-server: $schema="
            line = file.read_text().split("\n")[0]
            assert line.startswith(start)
            schema = out / line.removeprefix(start)
            assert schema.is_file() and schema.name == f"{file.stem}.schema.json"
    ran = eligo("new", study, "--out", (tmp_path / "elsewhere").as_posix())
    assert ran.code == 0 and "docs/schemas" in " ".join(ran.out.split())
    assert all("$schema" not in file.read_text() for file in (tmp_path / "elsewhere").iterdir())


# --- no word is lost, and none stands among the wrong kind --------------------------------

HEADING_WORDS = frozenset(
    "inclusion exclusion non noninclusion ineligibility eligibility criteria criterion key main"
    " major general for of in reasons patient subject study".split()
)
MARK = re.compile(r"\d{1,2}|[a-z]|[ivx]+", re.IGNORECASE)


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_\u2460-\u24ff]+", html.unescape(text)))


def _lost(text: str, kept: Iterable[str]) -> list[str]:
    """Words of a text that stand less often elsewhere, but for those of plain headings and
    marks."""
    lost = _words(text) - _words("\n".join(kept))
    return [word for word in lost if word.lower() not in HEADING_WORDS and not MARK.fullmatch(word)]


@pytest.mark.parametrize("number", EXPECTED)
def test_no_word_of_a_record_is_lost(number: str, tmp_path: Path) -> None:
    study = json.loads((STUDIES / f"NCT900000{number}.json").read_text())
    ran, criteria = _made(number, tmp_path / "p")
    kept = [ran.out, *(c.text for c in criteria), *(c.source for c in criteria)]
    text = study["protocolSection"]["eligibilityModule"].get("eligibilityCriteria", "")
    assert _lost(text, kept) == []
    assert all(re.fullmatch(r"[IE]\d{2,7}", c.id) for c in criteria)


def test_two_hundred_criteria_are_each_an_entry(tmp_path: Path) -> None:
    made = [f"Statement number w{n} of the protocol" for n in range(200)]
    text = "Inclusion Criteria:\n\n" + "\n".join(f"{n}. {t}" for n, t in enumerate(made[:120], 1))
    text += "\n\nExclusion Criteria:\n\n" + "\n".join(
        f"{n}. {t}" for n, t in enumerate(made[120:], 1)
    )
    found = statements(text, [])
    assert [s.text for s in found] == made
    assert [s.kind for s in found] == ["inclusion"] * 120 + ["exclusion"] * 80
    protocol = _pack_of(text, tmp_path)
    assert [c.id for c in protocol.criteria][119:123] == ["I120", "I121", "E001", "E002"]


def _pack_of(text: str, folder: Path) -> m.Protocol:
    section = {
        "identificationModule": {"nctId": "NCT1"},
        "eligibilityModule": {"eligibilityCriteria": text, "minimumAge": "18 Years"},
    }
    data = json.dumps({"protocolSection": section}).encode()
    for name, content in skeleton("study.json", data).files.items():
        (folder / name).write_text(content, "utf-8")
    return read_pack(folder)


def test_a_skeleton_screens_everybody_as_open(tmp_path: Path) -> None:
    out = tmp_path / "p"
    _made("23", out)
    (tmp_path / "s.yaml").write_text("subject: A-1\nfacts:\n  birth_date: 1980-01-01\n")
    ran = eligo("screen", (tmp_path / "s.yaml").as_posix(), "--protocol", out.as_posix(),
                "--as-of", "2026-11-20")  # fmt: skip
    assert ran.code in (0, 1) and "NEED" in ran.out.upper() and ran.err == ""


TRAPS = (
    "2.5 mg E. coli C. difficile e.g. i.e. i.v. ≥18 < 5 &lt; &amp; (a) b) iii. 12 1) 3. 1.1 -5 -"
    " • * \\* \\> 10\\^9/L : ; . exclusion criteria inclusion Exclusion: must not any of"
    " following: o Cohort A Part 1 patients excluded Age: ** **bold** # \u00a0 \t 纳入标准： Γ γδ"
    " --- / ( ) [x]"
).split(" ")
INDENTS = st.sampled_from(["", "", "", " ", "  ", "   ", "      ", "\t"])
MARKS = st.sampled_from(
    ["", "", "* ", "- ", "• ", "o  ", "1. ", "2. ", "3) ", "(4) ", "a) ", "b. ", "ii. ", "1.1 ",
     "1.2.1 ", "1-", "-", "*", "E1. ", "E2. ", "EX01 ", "1）", "2、", "①", "② ", "o ", "+ ", "#1 "]
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\n", "\n\n", "\r\n", "\r", ":\n", ":\n\n", ".\n", " ", "; "])
HEADINGS = (
    "{} Criteria:", "{} criteria", "Key {} Criteria", "{}:", "{} Criteria -", "**{} criteria**",
    "# {} Criteria", "1. {} Criteria:", "Main {} criteria (all of these):", "{} Criteria.",
    "Criteria for {}:", "{} criteria include:", "The {} criteria are as follows:", "{} CRITERIA;",
    "__{} Criteria:__", "- {} CRITERIA:", "{} Criteria for Cohort A:", "{} criteria - Part 1",
)  # fmt: skip
SECTIONS = (
    "Withdrawal criteria:\n", "Definitions:\n\n", "Contraception requirements:\n", "Notes:\n",
    "Relapse:\n", "*Cohort B*\n\n", "STUDY POPULATION\n", "None\n", "* N/A\n", "Any of\n\n",
    "Who can take part?\n", "Patient inclusion criteria:\n", "Carer exclusion criteria:\n",
    "Critères de non inclusion :\n",
)  # fmt: skip
_KINDS: tuple[m.Kind, ...] = ("inclusion", "exclusion")


@st.composite
def irregular(draw: st.DrawFn) -> tuple[str, str]:
    """A text of anything: each line has words of its own (`w7`) among some that look like marks,
    headings and cohorts. Also the text without the headings that repeat one: what stands under
    `Cohort A` need not say so twice."""
    text, once, count = "", "", 0
    forms = set()
    for _ in range(draw(st.integers(0, 14))):
        if draw(st.integers(0, 4)) == 0:
            form = draw(st.sampled_from(HEADINGS))
            name = draw(st.sampled_from(["Inclusion", "EXCLUSION", "exclusion"]))
            heading = form.format(name) + draw(st.sampled_from(["\n", "\n\n", " "]))
            text += heading
            once += " " if form in forms else heading
            forms.add(form)
            continue
        if draw(st.integers(0, 8)) == 0:
            label = draw(st.sampled_from(SECTIONS))
            text += label
            once += " " if label in forms else label
            forms.add(label)
            continue
        words = []
        for _ in range(draw(st.integers(1, 5))):
            words += [*draw(st.lists(st.sampled_from(TRAPS), max_size=2)), f"w{count}"]
            count += 1
        line = draw(INDENTS) + draw(MARKS) + " ".join(words) + draw(ENDS)
        text += line
        once += line
    return text, once


@settings(max_examples=300, deadline=None)
@given(irregular())
def test_no_word_of_any_text_is_lost_and_the_order_stays(made: tuple[str, str]) -> None:
    text, once = made
    notes: list[str] = []
    found = statements(text, notes)
    own = (s.own for s in found)
    kept = [*(s.text for s in found), *own, *{s.group for s in found}, *notes]
    assert _lost(once, kept) == []
    order = [int(n) for s in found for n in re.findall(r"\bw(\d+)\b", s.text)]
    assert order == sorted(set(order))
    assert all(s.text.strip() and s.kind in _KINDS for s in found)


def test_a_heading_s_words_are_kept_where_a_sentence_takes_its_place() -> None:
    """`Pregnancy` may be a cohort or a statement; nothing stood under it as a cohort."""
    text = "Exclusion criteria - Pregnancy\nPatients are excluded with:\n\n* Gout\n"
    found = statements(text, [])
    assert [(s.kind, s.text) for s in found] == [("exclusion", "Pregnancy"), ("exclusion", "Gout")]


@settings(max_examples=40, deadline=None)
@given(irregular())
def test_whatever_the_text_the_pack_has_no_faults(made: tuple[str, str]) -> None:
    text, _ = made
    with TemporaryDirectory() as folder:
        protocol = _pack_of(text, Path(folder))
    found = [(c.kind, " ".join(c.text.split())) for c in protocol.criteria[1:]]
    wanted = sorted(statements(text, []), key=lambda s: s.kind == "exclusion")
    assert found == [(s.kind, " ".join(s.text.split())) for s in wanted]


NUMBERINGS: dict[str, Callable[[int], str]] = {
    "bullets": lambda n: "* ", "dots": lambda n: "• ", "numbers": lambda n: f"{n}. ",
    "brackets": lambda n: f"{n}) ", "both brackets": lambda n: f"({n}) ",
    "letters": lambda n: f"{chr(96 + n)}) ", "capitals": lambda n: f"{chr(64 + n)}. ",
    "roman": lambda n: ["i. ", "ii. ", "iii. ", "iv. ", "v. ", "vi. ", "vii. ", "viii. "][n - 1],
    "decimals": lambda n: f"1.{n} ", "dashes": lambda n: f"{n}- ", "none": lambda n: "",
}  # fmt: skip
PHRASES = st.lists(
    st.sampled_from("Able to consent; ECOG 0-1, HbA1c > 7.5 % within 4 weeks (or less)".split()),
    min_size=2, max_size=6,
).map(" ".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_each_item_stands_alone_in_the_kind_of_its_heading(data: st.DataObject) -> None:
    """Under whichever form of heading, in whichever order, with any numbering."""
    text = ""
    wanted: list[tuple[m.Kind, str]] = []
    kinds = data.draw(st.permutations(_KINDS))
    for kind in kinds:
        name = data.draw(st.sampled_from([kind.title(), kind.upper(), kind.capitalize()]))
        text += data.draw(st.sampled_from(HEADINGS)).format(name) + data.draw(
            st.sampled_from(["\n", "\n\n", "\r\n"])
        )
        numbering = data.draw(st.sampled_from(sorted(NUMBERINGS)))
        gap = "\n\n" if numbering == "none" else data.draw(st.sampled_from(["\n", "\n\n"]))
        indent = data.draw(st.sampled_from(["", "  ", "    "]))
        for n in range(1, data.draw(st.integers(2, 8)) + 1):
            phrase = f"W{len(wanted)} {data.draw(PHRASES)}"
            wanted.append((kind, phrase))
            text += indent + NUMBERINGS[numbering](n) + phrase + gap
        text += "\n"
    found: list[Statement] = statements(text, [])
    assert [(s.kind, s.text) for s in found] == wanted
