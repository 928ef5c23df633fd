"""Response, CRS and ICANS over every combination of their tables, known and unknown.

The expectations are written from the clinical tables (protocol summary; Lee and others, Biol
Blood Marrow Transplant 2019;25:625, tables 3 to 7), not from the pack.
"""

from __future__ import annotations

from itertools import product

import pytest

from tests.outcomes.courses import START, course, outcome_of

ON = "2026-01-20"
Known = bool | None


def all_of(*parts: Known) -> Known:
    return False if False in parts else None if None in parts else True


def classes(rows: list[dict[str, object]], records: str, born: str = "2014-03-02") -> list[object]:
    """The class of each row: its id, `?` where it is open."""
    listed = [(ON, {k: v for k, v in row.items() if v is not None}) for row in rows]
    made = course(birth_date=born)
    made["records"] = {records: {"entries": [{"date": on, **fields} for on, fields in listed]}}
    scale = {"assessment": "response"}.get(records, records)
    return [
        grade["value"] or "?"
        for entry in outcome_of(made)["entries"]
        for grade in entry["grades"]
        if grade["scale"] == scale
    ]


def check(rows: list[dict[str, object]], expected: list[str], records: str, born: str) -> None:
    found = classes(rows, records, born)
    assert len(found) == len(rows)
    wrong = [(r, f, e) for r, f, e in zip(rows, found, expected, strict=True) if f != e]
    assert wrong == []


# --- response -----------------------------------------------------------------------------


def response(row: dict[str, object]) -> str:
    """CR, CRi or NR; `?` where what is unknown could change it."""

    def reaches(name: str, limit: float) -> Known:
        value = row[name]
        return None if value is None else float(str(value)) >= limit

    def flip(one: Known) -> Known:
        return None if one is None else not one

    def no(name: str) -> Known:
        return None if row[name] is None else row[name] is False

    clear = all_of(flip(reaches("marrow", 5)), no("blood_blasts"), no("extramedullary"))
    counts = all_of(reaches("anc", 1), reaches("platelets", 100), no("supported"))
    if clear is False:
        return "NR"
    if clear is None or counts is None:
        return "?"
    return "CR" if counts else "CRi"


def test_response_at_every_limit_and_gap() -> None:
    yes_no = [True, False, None]
    rows: list[dict[str, object]] = [
        dict(zip(("marrow", "blood_blasts", "extramedullary", "anc", "platelets", "supported"),
                 values, strict=True))
        for values in product([4.999999, 5, 5.000001, None], yes_no, yes_no,
                              [0.999999, 1, 1.000001, None],
                              [99.999999, 100, 100.000001, None], yes_no)
    ]  # fmt: skip
    assert len(rows) == 4 * 3 * 3 * 4 * 4 * 3
    expected = [response(row) for row in rows]
    assert set(expected) == {"CR", "CRi", "NR", "?"}
    check(rows, expected, "assessment", "2014-03-02")


def test_a_known_gap_in_an_earlier_class_leaves_a_later_one_open() -> None:
    """Platelets unknown: CR and CRi are possible, NR is not, and none is concluded."""
    row = {"marrow": 0, "blood_blasts": False, "extramedullary": False, "anc": 2,
           "supported": False}  # fmt: skip
    (entry,) = outcome_of(course((ON, row)))["entries"]
    assert entry["grades"][0] == {"scale": "response", "value": None, "possible": ["CR", "CRi"]}


@pytest.mark.parametrize(
    ("mrd", "expected"),
    [("0.009999", "negative"), ("<0.01", "negative"), (0, "negative"), (0.01, "positive"),
     ("<0.1", None), (">0.01", "positive"), (None, None)],
)  # fmt: skip
def test_residual_disease_below_one_in_ten_thousand(mrd: object, expected: str | None) -> None:
    fields = {"mrd": mrd} if mrd is not None else {"anc": 1}
    (entry,) = outcome_of(course((ON, fields)))["entries"]
    assert entry["grades"][1]["value"] == expected


# --- CRS ----------------------------------------------------------------------------------

HYPOTENSION = ("none", "no_vasopressor", "one_vasopressor", "several_vasopressors")
HYPOXIA = ("none", "low_flow", "high_flow", "positive_pressure")


def crs(row: dict[str, object]) -> str:
    """Grade by the worse of two columns, where a fever counts."""
    fever: Known = None if row["temperature"] is None else float(str(row["temperature"])) >= 38
    treated = row["fever_treated"]
    started: Known = (
        True if True in (fever, treated) else None if None in (fever, treated) else False
    )
    cause: Known = None if row["other_cause"] is None else row["other_cause"] is False
    present = all_of(started, cause)
    if present is False:
        return "0"
    ranks = []
    for name, column in (("hypotension", HYPOTENSION), ("hypoxia", HYPOXIA)):
        value = row[name]
        ranks.append(None if value is None else column.index(str(value)) + 1)
    known = [rank for rank in ranks if rank is not None]
    if present is None or (None in ranks and max(known, default=0) < 4):
        return "?"
    return str(max(known))


def test_crs_over_every_row() -> None:
    rows: list[dict[str, object]] = [
        dict(zip(("temperature", "fever_treated", "other_cause", "hypotension", "hypoxia"),
                 values, strict=True))
        for values in product([37.999999, 38, None], [True, False, None], [True, False, None],
                              [*HYPOTENSION, None], [*HYPOXIA, None])
    ]  # fmt: skip
    expected = [crs(row) for row in rows]
    assert set(expected) == {"0", "1", "2", "3", "4", "?"}
    check(rows, expected, "crs", "2014-03-02")


# --- ICANS --------------------------------------------------------------------------------

ICE = {10: 0, 9: 1, 7: 1, 6: 2, 3: 2, 2: 3, 0: 3}
CAPD = {0: 0, 1: 1, 8: 1, 9: 3, 32: 3}
WAKES = {"awake": 0, "to_voice": 2, "to_touch": 3, "unarousable": 4}
SEIZURES = {"none": 0, "brief": 3, "prolonged": 4}
MOTOR = {False: 0, True: 4}
OEDEMA = {"none": 0, "focal": 3, "diffuse": 4}
DOMAINS = ("consciousness", "seizures", "motor", "oedema")
BORN = {11: "2014-01-21", 12: "2014-01-20", 13: "2013-01-20"}  # on the day before, on, a year after


def icans_rows(age: int) -> tuple[list[dict[str, object]], list[str]]:
    scores: list[tuple[dict[str, object], int]]
    if age < 12:
        scores = [({"capd": n, "capd_unable": False}, grade) for n, grade in CAPD.items()]
        scores.append(({"capd_unable": True}, 4))
    else:
        scores = [({"ice": n}, grade) for n, grade in ICE.items()]
    rows, expected = [], []
    for (score, grade), wakes, seizure, motor, oedema in product(
        scores, WAKES, SEIZURES, MOTOR, OEDEMA
    ):
        rows.append({**score, **dict(zip(DOMAINS, (wakes, seizure, motor, oedema), strict=True))})
        worst = max(grade, WAKES[wakes], SEIZURES[seizure], MOTOR[motor], OEDEMA[oedema])
        expected.append(str(worst))
    return rows, expected


@pytest.mark.parametrize("age", [11, 12, 13])
def test_icans_over_every_row_by_age(age: int) -> None:
    rows, expected = icans_rows(age)
    assert set(expected) == {"0", "1", "2", "3", "4"}
    check(rows, expected, "icans", BORN[age])


@pytest.mark.parametrize("age", [11, 12, 13])
@pytest.mark.parametrize("gap", ["score", *DOMAINS])
def test_icans_with_one_gap_is_open_unless_another_domain_is_the_worst(age: int, gap: str) -> None:
    """A gap leaves the grade open but where another domain is already at 4."""
    score: dict[str, object] = {"capd": 0, "capd_unable": False} if age < 12 else {"ice": 10}
    calm = {"consciousness": "awake", "seizures": "none", "motor": False, "oedema": "none"}
    severe = {"consciousness": "unarousable"} if gap != "consciousness" else {"motor": True}
    row = {**({} if gap == "score" else score), **{k: v for k, v in calm.items() if k != gap}}
    check([row, {**row, **severe}], ["?", "4"], "icans", BORN[age])


@pytest.mark.parametrize(
    ("age", "score"), [(11, {"ice": 0}), (12, {"capd": 30, "capd_unable": True})]
)
def test_the_other_ages_score_decides_nothing(age: int, score: dict[str, object]) -> None:
    calm = {"consciousness": "awake", "seizures": "none", "motor": False, "oedema": "none"}
    check([{**score, **calm}], ["?"], "icans", BORN[age])


def test_every_class_has_a_firing_and_a_trace() -> None:
    """Each proof holds the fired conclusion of every class of its entry."""
    row = {"temperature": 39, "other_cause": False, "fever_treated": False,
           "hypotension": "one_vasopressor", "hypoxia": "none"}  # fmt: skip
    record = outcome_of(course(("2026-02-07", {"marrow": 60}), crs=[(ON, row)]))
    assert [proof["entry"] for proof in record["proofs"]] == [
        entry["entry"] for entry in record["entries"]
    ]
    (proof,) = [p for p in record["proofs"] if p["entry"] == "records.crs.entries[0]"]
    said = {c["id"]: c["answer"] for c in proof["conclusions"]}
    assert said == {"crs is 4": "no", "crs is 3": "yes", "crs is 2": "no", "crs is 1": "no",
                    "crs is 0": "no"}  # fmt: skip
    concluded = {firing["concluded"] for firing in proof["firings"]}
    assert any("crs is 3: yes" in said for said in concluded)
    assert any("crs 4: false" in said for said in concluded)
    assert not any("passed" in said or "ligible" in said for said in concluded)
    (three,) = [c for c in proof["conclusions"] if c["id"] == "crs is 3"]
    assert three["why"]["children"][-1]["condition"] == "crs 3"
    assert proof["as_of"] > START
