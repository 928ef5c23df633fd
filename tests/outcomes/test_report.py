"""The cohort of ten against its written derivation, every format, and every size."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from engine.outcomes.record import Outcome, Trial
from engine.outcomes.trial import trial_of
from engine.read.source import Num, read_document
from reports import outcomes as report
from tests.command import eligo
from tests.outcomes.courses import (
    CR,
    CUT_OFF,
    NR,
    ROOT,
    SHIPPED,
    TEN,
    UNKNOWN,
    course,
    outcome_of,
    shipped,
)


def trial(records: list[Outcome], as_of: date = CUT_OFF) -> Trial:
    return trial_of(shipped().protocol, records, as_of)


def page(records: list[Outcome], as_of: date = CUT_OFF) -> report.TrialPage:
    return report.arrange(trial(records, as_of), records, shipped().protocol)


@cache
def ten() -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The records of the cohort of ten, and its trial's."""
    ran = eligo("outcomes", str(TEN), "--as-of", "2026-11-20", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    *patients, whole = [json.loads(line) for line in ran.out.splitlines()]
    return patients, whole


# --- the figures of fixtures/cohorts/ten.md -------------------------------------------------


def test_ten_counts_and_remission() -> None:
    _, whole = ten()
    counts = ("screened", "rejected", "infused", "evaluable", "window_open", "response_unknown")
    assert [whole[key] for key in counts] == [11, 0, 10, 8, 1, 1]
    assert (whole["orr"]["count"], whole["orr"]["of"]) == (6, 10)
    assert (round(whole["orr"]["low"], 3), round(whole["orr"]["high"], 3)) == (0.262, 0.878)
    assert [(c["label"], c["proportion"]["count"]) for c in whole["classes"]] == [
        ("CR", 5),
        ("CRi", 1),
        ("NR", 2),
    ]
    assert (whole["mrd_negative"]["count"], whole["mrd_negative"]["of"]) == (5, 6)


def falls(curve: dict[str, Any]) -> list[tuple[int, int, float]]:
    """Where a curve falls: 31sts of a month, at risk, survival."""
    return [
        (round(31 * s["time"]), s["at_risk"], s["survival"]) for s in curve["steps"] if s["events"]
    ]


def test_ten_curves() -> None:
    _, whole = ten()
    efs, os_ = whole["endpoints"]
    stop, through = (one["curve"] for one in efs["curves"])
    assert falls(stop) == [(12, 9, 0.888889), (28, 8, 0.777778), (93, 5, 0.622222),
                           (187, 2, 0.311111)]  # fmt: skip
    assert falls(through) == [(12, 9, 0.888889), (28, 8, 0.777778), (93, 5, 0.622222),
                              (187, 3, 0.414815), (230, 2, 0.207407)]  # fmt: skip
    assert falls(os_["curves"][0]["curve"]) == [(12, 10, 0.9), (46, 8, 0.7875), (239, 3, 0.525)]
    assert [mark["survival"] for mark in stop["landmarks"]] == [0.777778, 0.777778, 0.622222]
    standing = ("event", "event_free", "censored_before", "not_yet_reached")
    assert [[mark[key] for key in standing] for mark in stop["landmarks"]] == [
        [2, 6, 1, 1],
        [2, 5, 2, 1],
        [3, 4, 1, 2],
    ]
    marks = os_["curves"][0]["curve"]["landmarks"]
    assert [mark["survival"] for mark in marks] == [0.9, 0.7875]
    assert [[mark[key] for key in standing] for mark in marks] == [[1, 8, 0, 1], [2, 5, 1, 2]]
    assert (stop["median"], os_["curves"][0]["curve"]["median"]) == (round(187 / 31, 6), None)


def test_ten_toxicity() -> None:
    _, whole = ten()
    keys = ("toxicity", "after", "unknown", "not_yet_reached", "fatal")
    found = [
        (*(one[key] for key in keys), one["severe"]["count"], one["severe"]["of"])
        for one in whole["incidences"]
    ]
    assert found == [
        ("CRS", "1 month", 1, 1, 1, 3, 8),
        ("CRS", "3 months", 0, 2, 1, 3, 8),
        ("ICANS", "1 month", 0, 1, 0, 2, 9),
        ("ICANS", "3 months", 0, 2, 0, 2, 8),
    ]


def test_landmark_counts_agree_with_the_curve_where_nobody_is_censored() -> None:
    """Without censoring before a landmark the estimate is the share of patients event-free."""
    records = [
        outcome_of(course(subject=f"S-{n}", died_on=died, last_known_alive=alive))
        for n, (died, alive) in enumerate(
            [("2026-02-10", None), ("2026-02-11", None), (None, "2026-11-01"), ("2026-04-10", None)]
        )
    ]
    curve = trial(records)["endpoints"][1]["curves"][0]["curve"]
    for mark in curve["landmarks"]:
        assert mark["survival"] == mark["event_free"] / 4


# --- formats --------------------------------------------------------------------------------


def test_json_is_a_line_a_patient_then_the_trial() -> None:
    patients, whole = ten()
    assert [one["subject"] for one in patients] == [f"TEN-{n:02d}" for n in range(1, 12)]
    assert {one["schema"] for one in patients} == {"eligo.outcome/1"}
    assert whole["schema"] == "eligo.trial/1"
    assert all(len(one["proofs"]) >= len(one["entries"]) for one in patients)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    for form in ("json", "csv", "text", "html", "pdf"):
        made = []
        for name in ("a", "b"):
            out = tmp_path / name
            ran = eligo("outcomes", str(TEN), "--as-of", "2026-11-20", "--format", form,
                        "--out", str(out))  # fmt: skip
            assert ran.code == 0
            (file,) = out.iterdir()
            made.append(file.read_bytes())
            file.unlink()
        assert made[0] == made[1], form
        assert len(made[0]) > 1000


def test_text_fits_80_columns_and_says_the_rate() -> None:
    ran = eligo("outcomes", str(TEN), "--as-of", "2026-11-20")
    assert ran.code == 0
    assert max(len(line) for line in ran.out.split("\n")) <= 80
    assert "Overall remission rate: 60.0% (26.2 to 87.8%), 6 of 10 infused" in ran.out
    assert "Treatment failure, day 92. 1 month: event-free" in " ".join(ran.out.split())


def test_csv_has_a_row_a_patient() -> None:
    ran = eligo("outcomes", str(TEN), "--as-of", "2026-11-20", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert len(rows) == 11
    four = next(row for row in rows if row["subject"] == "TEN-04")
    assert (four["EFS_stop_status"], four["EFS_stop_because"], four["EFS_stop_day"]) == (
        "censored",
        "transplanted_on",
        "103",
    )
    assert (four["EFS_through_status"], four["EFS_through_day"]) == ("event", "227")
    assert rows[-1]["started_on"] == rows[-1]["OS_all_status"] == ""


def figures(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg xmlns.*?</svg>", html)]


def test_html_stands_alone_with_three_figures() -> None:
    patients, _ = ten()
    html = report.as_html(page(patients))  # type: ignore[arg-type]
    assert len(figures(html)) == 3
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!#)', html)
    said = (
        "Censored at transplant or new treatment (primary)",
        "Followed through transplant",
        "Number at risk",
        "Months since infusion",
        "Assumptions",
    )
    for words in said:
        assert words in html


def test_figures_show_every_censoring_and_the_numbers_at_risk() -> None:
    patients, whole = ten()
    html = report.as_html(page(patients))  # type: ignore[arg-type]
    curve = whole["endpoints"][1]["curves"][0]["curve"]
    overall = figures(html)[1]
    paths = [node.get("d", "") for node in overall.iter() if node.tag.endswith("path")]
    ticks = sum(1 for step in curve["steps"] if step["censored"])
    assert any(path.count("M") == ticks and "H" not in path for path in paths)
    texts = [node.text for node in overall.iter() if node.tag.endswith("text")]
    assert texts[texts.index("Number at risk") + 1] == "10"


def test_every_record_fits_its_schema_in_the_order_of_its_keys() -> None:
    schema = json.loads((ROOT / "docs" / "outcome.schema.json").read_text("utf-8"))
    patients, whole = ten()
    for record, shape in [*((one, "Outcome") for one in patients), (whole, "Trial")]:
        body = schema["$defs"][shape]
        own = Draft202012Validator({**body, "$defs": schema["$defs"]})
        assert [error.message for error in own.iter_errors(record)] == []
        assert list(record) == [key for key in body["properties"] if key in record]
        assert set(body["required"]) <= record.keys()
    assert not Draft202012Validator(schema).is_valid({**whole, "more": 1})


def test_the_shipped_outcomes_fit_their_schema() -> None:
    text = (ROOT / "docs" / "schemas" / "outcomes.schema.json").read_text("utf-8")
    validator = Draft202012Validator(json.loads(text))
    path = SHIPPED / "outcomes.yaml"
    value = numbers(read_document(path.name, path.read_bytes()).value)
    assert [error.message for error in validator.iter_errors(value)] == []
    assert not validator.is_valid({**value, "starts": "infused_on"})
    assert not validator.is_valid({**value, "events": {"death": {"label": "Death"}}})


def numbers(value: Any) -> Any:
    """A value with its numbers as numbers, as an editor sees them."""
    if isinstance(value, dict):
        return {key: numbers(child) for key, child in value.items()}
    if isinstance(value, list):
        return [numbers(child) for child in value]
    return float(value) if isinstance(value, Num) else value


# --- sizes ----------------------------------------------------------------------------------


def all_formats(records: list[Outcome]) -> str:
    shown = page(records)
    assert report.as_pdf(shown).startswith(b"%PDF")
    assert report.as_csv(shown).count("\n") == len(records) + 1
    assert all(len(figure) for figure in figures(report.as_html(shown)))
    return report.as_text(shown)


def test_no_patient() -> None:
    text = all_formats([])
    assert "Overall remission rate: –, 0 of 0 infused" in text


def test_nobody_infused() -> None:
    assert "not infused" in all_formats([outcome_of(course(infused_on=None))])


def test_one_patient() -> None:
    text = all_formats([outcome_of(course(("2026-02-07", CR)))])
    assert "Overall remission rate: 100.0% (2.5 to 100.0%), 1 of 1 infused" in text
    assert "0 events in 1 patient;" in text


def test_all_events_at_time_0() -> None:
    records = [outcome_of(course(subject=f"S-{n}", died_on="2026-01-10")) for n in range(3)]
    text = all_formats(records)
    assert "Overall survival at 1 month: 0.0%" in text
    assert "3 events in 3 patients; median 0.0 months" in text


def test_ties() -> None:
    records = [outcome_of(course(subject=f"S-{n}", died_on="2026-02-20")) for n in range(2)]
    records.append(outcome_of(course(subject="S-2", last_known_alive="2026-02-20")))
    records.append(outcome_of(course(subject="S-3", last_known_alive="2026-09-20")))
    all_formats(records)
    (first, _) = trial(records)["endpoints"][1]["curves"][0]["curve"]["steps"]
    assert (first["at_risk"], first["events"], first["censored"], first["survival"]) == (
        4,
        2,
        1,
        0.5,
    )


def test_nobody_evaluable() -> None:
    records = [outcome_of(course(("2026-02-07", UNKNOWN), subject=f"S-{n}")) for n in range(2)]
    whole = trial(records)
    assert (whole["evaluable"], whole["response_unknown"], whole["orr"]["count"]) == (0, 2, 0)
    assert "Remission, of those evaluable        0 of 0" in all_formats(records)


def test_ten_thousand_patients() -> None:
    """Numbers, text and HTML; the swimmer plot gives way to the listing."""
    kinds = [
        course(("2026-02-07", CR), last_known_alive="2026-11-01"),
        course(("2026-02-07", NR), died_on="2026-03-15"),
        course(("2026-02-07", CR), ("2026-06-01", NR), died_on="2026-09-01"),
        course(infused_on=None),
    ]
    made = [outcome_of(kind) for kind in kinds]
    records: list[Outcome] = [{**made[n % 4], "subject": f"S-{n:05d}"} for n in range(10_000)]
    shown = page(records)
    assert shown.swimmers == ()
    assert "7500 patients" in shown.swimmer_note
    assert report.as_html(shown).count('<tr><th scope="row"><bdi') == 10_000
    assert report.as_csv(shown).count("\n") == 10_001
    assert trial(records)["orr"]["count"] == 5_000


@pytest.mark.parametrize(
    "name", ["<b>&\"'</b>", '#image("x")', "</svg><script>", "کودک-۱", "中文-1", "=1+1", "a\\u{0}"]
)
def test_a_hostile_name_is_shown_as_text(name: str) -> None:
    records = [outcome_of(course(("2026-02-07", CR), subject=name))]
    html = report.as_html(page(records))
    assert "<script" not in html.replace("&lt;", "")
    assert all(len(figure) for figure in figures(html))
    assert report.as_pdf(page(records)).startswith(b"%PDF")


# --- the command ----------------------------------------------------------------------------


def test_a_contradiction_costs_its_patient_alone(tmp_path: Path) -> None:
    folder = tmp_path / "trial"
    shutil.copytree(TEN, folder)
    bad = folder / "TEN-02.yaml"
    bad.write_text(bad.read_text("utf-8").replace("2026-10-02", "2026-05-02"), "utf-8")
    ran = eligo("outcomes", str(folder), "--as-of", "2026-11-20", "--format", "json")
    assert ran.code == 2
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["schema"] for one in lines].count("eligo.outcome/1") == 10
    (refused,) = [one for one in lines if one["schema"] == "eligo.rejection/1"]
    assert refused["subject"] == "TEN-02"
    said = " ".join(fault["message"] for fault in refused["faults"])
    assert "`facts.died_on` (2026-05-02) is before `records.assessment.entries[1]`" in said
    assert (lines[-1]["screened"], lines[-1]["rejected"]) == (11, 1)
    assert "TEN-02.yaml:" in ran.said
    assert "contradiction:" in ran.said
    kept = {one["subject"]: one for one in lines[:-1]}
    before = {one["subject"]: one for one in ten()[0]}
    assert kept["TEN-01"] == before["TEN-01"]


def test_two_files_of_one_patient_reject_both(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        shutil.copy(TEN / "TEN-01.yaml", tmp_path / name)
    ran = eligo("outcomes", str(tmp_path), "--as-of", "2026-11-20", "--format", "json")
    assert ran.code == 2
    assert json.loads(ran.out.splitlines()[-1])["infused"] == 0


def test_several_processes_say_the_same(tmp_path: Path) -> None:
    words = ("outcomes", str(TEN), "--as-of", "2026-11-20", "--format", "json", "--out")
    assert eligo(*words, str(tmp_path / "1.json"), "--jobs", "1").code == 0
    assert eligo(*words, str(tmp_path / "2.json"), "--jobs", "2").code == 0
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


@pytest.mark.parametrize("form", ["html", "pdf"])
def test_html_and_pdf_need_a_place(form: str) -> None:
    ran = eligo("outcomes", str(TEN), "--format", form)
    assert (ran.code, ran.out) == (2, "")
    assert "--out" in ran.said


def test_an_empty_folder_gives_a_report_of_nobody(tmp_path: Path) -> None:
    ran = eligo("outcomes", str(tmp_path), "--as-of", "2026-11-20")
    assert ran.code == 0
    assert "0 of 0 infused" in ran.out


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    ran = eligo("outcomes", str(tmp_path / "none"), "--as-of", "2026-11-20")
    assert (ran.code, ran.out) == (2, "")


def test_a_pack_without_outcomes_is_refused(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    shutil.copytree(SHIPPED, pack)
    (pack / "outcomes.yaml").unlink()
    ran = eligo("outcomes", str(TEN), "--as-of", "2026-11-20", "--protocol", str(pack))
    assert (ran.code, ran.out) == (2, "")
    assert "the pack has no outcomes.yaml" in ran.said


def test_a_landmark_that_a_month_s_end_decides_is_counted_apart_and_named() -> None:
    """Infused on 31 January: one month is up on 28 February or on 1 March."""
    start: dict[str, Any] = {"infused_on": "2026-01-31"}
    died = [
        outcome_of(course(died_on=day, subject=f"S-{n}", **start))
        for n, day in enumerate(("2026-02-27", "2026-03-01", "2026-03-02"))
    ]
    (survival,) = [e for e in trial(died)["endpoints"] if e["id"] == "OS"]
    first, *rest = survival["curves"][0]["curve"]["landmarks"]
    assert (first["event"], first["unknown"], first["event_free"]) == (1, 1, 1)
    assert [mark["unknown"] for mark in rest] == [0] * len(rest)
    text = " ".join(report.as_text(page(died)).split())
    assert "Where 1 patient stood at 1 month is not known: the month lacks the day" in text
    assert "not known (it is on 2026-02-28 or on 2026-03-01)" in text
    assert "is not known: the month" not in report.as_text(page(died[:1]))
