"""`eligo survival`: anyone's own table, without a pack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import eligo

DATA = Path(__file__).parent / "data" / "freireich-6mp.csv"
WORDS = ("survival", str(DATA), "--time", "weeks", "--event", "relapse")


def table(folder: Path, text: str) -> str:
    file = folder / "table.csv"
    file.write_text(text, "utf-8")
    return str(file)


def test_the_published_table() -> None:
    ran = eligo(*WORDS, "--group", "arm")
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.out.split("group placebo")
    for value in ("0.8571", "0.8067", "0.7529", "0.6902", "0.6275", "0.5378", "0.4482"):
        assert value in first
    assert "median 23" in first
    assert "median 8" in second


def test_values_at_given_times() -> None:
    ran = eligo(*WORDS, "--group", "arm", "--at", "10,30,40", "--format", "json")
    groups = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["group"] for one in groups] == ["6-MP", "placebo"]
    marks = groups[0]["curve"]["landmarks"]
    assert [mark["survival"] for mark in marks] == [0.752941, 0.448179, None]
    assert [mark["at_risk"] for mark in marks] == [15, 4, 0]


def test_without_groups_all_are_one() -> None:
    ran = eligo(*WORDS)
    assert "42 patients, 30 events" in ran.out


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("weeks,relapse\n-1,1\n", "number", ":2:1:"),
        ("weeks,relapse\n1,1\nx,1\n", "number", ":3:1:"),
        ("weeks,relapse\nnan,1\n", "number", ":2:1:"),
        ("weeks,relapse\n1,2\n", "event", ":2:2:"),
        ("weeks,relapse\n1\n", "too-few", ":2:2:"),
        ("weeks,relapse\n1,1", "cut", ":2:1:"),
        ("week,relapse\n1,1\n", "heading", ":1:1:"),
        ("weeks,relaps\n1,1\n", "unknown-column", ":1:1:"),
        ("weeks,weeks,relapse\n1,1,1\n", "duplicate-key", ":1:2:"),
        ("", "heading", ":1:1:"),
        ("weeks;relapse\n1,5;1\n", "number", ":2:1:"),
        ("weeks,relapse\n1e400,1\n", "number", ":2:1:"),
        ('weeks,relapse\n"1,1\n', "syntax", ":"),
    ],
)
def test_a_wrong_table_is_refused_with_its_places(
    text: str, code: str, place: str, tmp_path: Path
) -> None:
    ran = eligo("survival", table(tmp_path, text), "--time", "weeks", "--event", "relapse")
    assert (ran.code, ran.out) == (2, "")
    assert f"{code}:" in ran.said
    assert place in ran.said


def test_every_wrong_row_is_named(tmp_path: Path) -> None:
    ran = eligo("survival", table(tmp_path, "t,e\nx,1\n1,y\n"), "--time", "t", "--event", "e")
    said = " ".join(ran.err.split())
    assert ":2:1: number" in said
    assert ":3:2: event" in said


@pytest.mark.parametrize("text", ["t,e\n", "t,e\n\n\n"])
def test_a_table_of_nobody(text: str, tmp_path: Path) -> None:
    ran = eligo("survival", table(tmp_path, text), "--time", "t", "--event", "e", "--at", "1")
    assert ran.code == 0
    assert "0 patients, 0 events" in ran.out


def test_all_at_time_0(tmp_path: Path) -> None:
    ran = eligo("survival", table(tmp_path, "t,e\n0,1\n0,yes\n"), "--time", "t", "--event", "e")
    assert ran.code == 0
    assert "0.0000" in ran.out


def test_a_missing_file_and_a_wrong_time_are_refused(tmp_path: Path) -> None:
    missing = eligo("survival", str(tmp_path / "no.csv"), "--time", "t", "--event", "e")
    assert missing.code == 2
    wrong = eligo(*WORDS, "--at", "1,soon")
    assert (wrong.code, "`soon`" in wrong.err) == (2, True)


@pytest.mark.parametrize(
    "text",
    [
        "t,e\n0.5,1\n2,0\n3,1\n",
        "t;e\n0,5;1,0\n2,0;0,0\n3;1\n",
        "t\te\n0.5\t1.0\n2\t0.00\n3\ttrue\n",
        "\n e , x , t \r\n1,,0.50\r\n0,,2.0\r\n1,y,3\r\n",
    ],
)
def test_forms_of_one_table(text: str, tmp_path: Path) -> None:
    comma = ("--decimal", "comma") if ";" in text else ()
    ran = eligo("survival", table(tmp_path, text), "--time", "t", "--event", "e", *comma)
    assert ran.code == 0, ran.err
    assert "3 patients, 2 events" in ran.out
    assert "0.5         3        1      0.6667" in ran.out


def survival(folder: Path, text: str, *words: str) -> list[tuple[float, int, int, float]]:
    words = ("--time", "t", "--event", "e", "--format", "json", *words)
    ran = eligo("survival", table(folder, text), *words)
    assert ran.code == 0, ran.err
    steps = json.loads(ran.out)["curve"]["steps"]
    return [(one["time"], one["at_risk"], one["events"], one["survival"]) for one in steps]


def test_times_that_differ_by_floating_error_are_one_and_it_says_so(tmp_path: Path) -> None:
    text = "t,e\n0.7,1\n0.7000000000000001,1\n2,0\n"
    assert survival(tmp_path, text) == [(0.7, 3, 2, 0.333333), (2.0, 1, 0, 0.333333)]
    ran = eligo("survival", table(tmp_path, text), "--time", "t", "--event", "e")
    assert "taken for one time: 0.7 and 0.7000000000000001" in ran.out
    assert "taken for one time" not in eligo(*WORDS).out
    marked = eligo("survival", table(tmp_path, text), "--time", "t", "--event", "e",
                   "--at", "0.7000000000000001", "--format", "json")  # fmt: skip
    (mark,) = json.loads(marked.out)["curve"]["landmarks"]
    assert (mark["survival"], mark["time"]) == (0.333333, 0.7)


def test_times_that_are_near_and_differ_stay_apart(tmp_path: Path) -> None:
    """Also where a record's six digits, or a double's sixteen, would make them one."""
    text = "t,e\n0.0000001,1\n0.0000002,1\n123456.7,1\n123456.8,0\n"
    assert [one[0] for one in survival(tmp_path, text)] == [1e-7, 2e-7, 123456.7, 123456.8]
    ran = eligo("survival", table(tmp_path, text), "--time", "t", "--event", "e")
    assert "123456.7 " in ran.out


def test_a_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.survival.MOST_BYTES", 20)
    long = eligo("survival", table(tmp_path, "t,e\n" + "1,1\n" * 5), "--time", "t", "--event", "e")
    assert (long.code, "too-large: the file has 24 bytes; the limit is 20" in long.said) == (
        2,
        True,
    )
    endless = eligo("survival", "/dev/zero", "--time", "t", "--event", "e")
    assert (endless.code, "this is not a file" in endless.said) == (2, True)


def test_statistics_load_where_they_are_used_and_nowhere_else() -> None:
    """scipy takes most of a second: no other command, and no refusal, waits for it."""
    program = (
        "import sys, app.cli.main, app.cli.screen, app.cli.outcomes, engine.outcomes.patient\n"
        "import engine.outcomes.trial, reports.outcomes\n"
        "assert not {'scipy', 'numpy', 'pandas', 'statsmodels'} & set(sys.modules)\n"
        "engine.outcomes.estimates.proportion(1, 2)\n"
        "assert 'scipy' in sys.modules and 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=DATA.parents[3], check=True)
