"""What a table may lose on its way: rows, cells, ends, the subject of an entry. Nobody becomes
eligible by it, and the account says so."""

from __future__ import annotations

import csv
import io
import sys
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.cli.import_csv import load, reader_of
from app.exchange.csv_read import Dialect
from app.exchange.intake import UNCLAIMED
from app.exchange.redcap_form import QUALIFIES
from app.exchange.rows import Rows
from engine import terms as m
from engine.exchange.recorded import subject_yaml
from engine.read.source import read_document
from engine.terms.faults import InputRejected
from tests.command import eligo
from tests.generators import Screening, fewer, screenings
from tests.interop.written import (
    Outcome,
    as_csv,
    as_redcap,
    back,
    from_csv,
    from_redcap,
    outcome,
    shipped,
    table_of,
)

FEWER = fewer(2)
THERAPY = (
    "subject,agent,kind,ended\nA,vincristine,chemotherapy,2026-10-09\n"
    "A,cytarabine,chemotherapy,2026-11-15\n"
)


def main_of(count: str, day: str = "2026-11-18") -> str:
    return f"subject,lansky,lansky.on,therapy.complete_on,therapy.count\nA,80,{day},{day},{count}\n"


def codes(found: Outcome) -> set[str]:
    return {fault.code for fault in found.faults}


def refusal(text: str | bytes, dialect: Dialect | None = None, **lists: str) -> str:
    with pytest.raises(InputRejected) as rejected:
        from_csv(text, lists, shipped()[0], dialect)
    return " ".join(f"{f.span.line}: {f.code}: {f.message}" for f in rejected.value.faults)


# --- confirmations ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "therapy", "confirmed", "why"),
    [
        ("2", THERAPY, True, ""),
        ("2.0", THERAPY, True, ""),  # as data frames write it
        ("0", None, True, ""),
        ("0", "subject,agent\n", True, ""),
        ("1", THERAPY, False, "more entries"),
        ("", THERAPY, False, "not stated"),
        ("", None, False, "not stated"),
        ("", "subject,agent\n", False, "not stated"),
    ],
)
def test_a_list_is_confirmed_by_its_count(
    count: str, therapy: str | None, confirmed: bool, why: str
) -> None:
    lists = {"therapy": therapy} if therapy is not None else {}
    found = from_csv(main_of(count), lists, shipped()[0])
    assert found.faults == []
    (read,) = found.reads
    entries = back(read.recorded, shipped()[0]).records.get("therapy")
    counts = entries is not None and entries.complete_on is not None and entries.doubt is None
    assert counts == confirmed
    assert why in "".join(reason for _, reason in read.unconfirmed)
    assert bool(read.unconfirmed) != confirmed


@pytest.mark.parametrize("therapy", [None, "subject,agent\n", THERAPY])
@pytest.mark.parametrize("count", ["3", "three", "-1", "2.5"])
def test_a_count_that_is_not_met_or_is_none_refuses(count: str, therapy: str | None) -> None:
    lists = {"therapy": therapy} if therapy is not None else {}
    found = from_csv(main_of(count), lists, shipped()[0])
    assert found.recorded == []
    assert codes(found) <= {"count", "type"}
    assert "`therapy.count`" in found.faults[0].message


def test_redcap_confirms_by_its_count_too() -> None:
    head = "subject,redcap_repeat_instrument,redcap_repeat_instance,therapy_complete_on,"
    main, instance = "A,,,2026-11-18,{},\n", "A,therapy,{},,,chemotherapy\n"
    for count, instances, state in (
        ("1", 1, True),
        ("", 1, False),
        ("", 0, False),
        ("0", 0, True),
        ("2", 1, None),
        ("1", 2, False),
    ):
        text = f"{head}therapy_count,therapy_kind\n" + main.format(count)
        text += "".join(instance.format(n + 1) for n in range(instances))
        found = from_redcap(text, shipped()[0])
        if state is None:
            assert codes(found) == {"count"}
            continue
        entries = back(found.recorded[0], shipped()[0]).records.get("therapy")
        counts = entries is not None and entries.complete_on is not None and not entries.doubt
        assert counts == state, (count, instances)


def test_a_forgotten_table_is_asked_for() -> None:
    (fault,) = from_csv(main_of("3"), {}, shipped()[0]).faults
    assert fault.message.startswith("`therapy.count`: ")
    assert fault.hint == "give the table of its entries with --list therapy=FILE"
    (fault,) = from_csv(main_of("3"), {"therapy": THERAPY}, shipped()[0]).faults
    assert fault.hint.startswith("find what is missing")


def test_of_several_events_the_latest_confirmation_counts() -> None:
    head = "subject,redcap_event_name,therapy_complete_on,therapy_count,therapy_kind\n"
    rows = ["A,v1,2026-10-01,0,\n", "A,v2,2026-11-18,1,chemotherapy\n"]
    for several in (rows, rows[::-1]):
        (read,) = from_redcap(head + "".join(several), shipped()[0]).reads
        entries = back(read.recorded, shipped()[0]).records["therapy"]
        assert (str(entries.complete_on), entries.count, entries.doubt) == ("2026-11-18", 1, None)
        assert "complete_on 2026-10-01, count 0" in read.left[0]
    differ = head + "A,v1,2026-11-18,0,\nA,v2,2026-11-18,1,chemotherapy\n"
    assert codes(from_redcap(differ, shipped()[0])) == {"both"}


def test_an_export_without_the_forms_of_its_lists_confirms_nothing() -> None:
    text = "subject,lansky,therapy_complete_on,therapy_complete_by\nA,80,2026-11-18,Dr A\n"
    (read,) = from_redcap(text, shipped()[0]).reads
    assert read.recorded.heads == {}
    assert read.recorded.imported == {"from": "made.csv", "whole": False, "left_out": "1"}
    assert "complete_on 2026-11-18, by Dr A" in read.left[0]


# --- whose an entry is ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ("B", ["B"]),
        ("a1", ["A1", "a1"]),
        ("A01", ["A1", "A01"]),
        ("\uff211", ["A1", "\uff211"]),
        ("A 1", ["A1", "A 1"]),
        ("A1\u200b", ["A1", "A1\u200b"]),
        ("\u04101", ["A1", "\u04101"]),  # Cyrillic
        ("\u03b11", ["A1", "\u03b11"]),  # Greek
    ],
)
def test_an_entry_of_nobody_refuses_whose_it_may_be(other: str, refused: list[str]) -> None:
    main = "subject,lansky,therapy.complete_on,therapy.count\nA1,80,2026-11-18,0\nC,80,,\n"
    therapy = f"subject,kind,ended\n{other},chemotherapy,2026-11-17\n"
    found = from_csv(main, {"therapy": therapy}, shipped()[0])
    assert found.rejected == refused
    assert [one.subject for one in found.recorded] == [s for s in ("A1", "C") if s not in refused]
    head = (
        "subject,redcap_repeat_instrument,lansky,therapy_complete_on,therapy_count,therapy_kind\n"
    )
    rows = f"A1,,80,2026-11-18,0,\nC,,80,,,\n{other},therapy,,,,chemotherapy\n"
    assert from_redcap(head + rows, shipped()[0]).rejected == refused


def test_ids_that_may_be_one_person_are_named(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("subject,lansky\nS1,80\ns1,70\nS01,60\nT,80\n", "utf-8")
    ran = eligo("import", "csv", str(file), "--out", str(tmp_path / "out"))
    assert ran.code == 0
    for said in (ran.said, (tmp_path / "out" / "import-report" / "summary.txt").read_text()):
        what = "ids that differ in case, width, leading zeros, blanks or script alone"
        assert what in " ".join(said.split())
    assert "(S1 and s1, S1 and S01)" in " ".join(ran.out.split())


def test_ids_that_look_the_same_are_refused() -> None:
    found = from_csv("subject,lansky\nS\u00e9,80\nSe\u0301,70\nT,80\n", {}, shipped()[0])
    assert [one.subject for one in found.recorded] == ["T"]
    assert codes(found) == {"duplicate-subject"}


def test_an_entry_without_an_id_may_be_anybodys(tmp_path: Path) -> None:
    main, therapy = tmp_path / "t.csv", tmp_path / "l.csv"
    main.write_text("subject,lansky\nA,80\n", "utf-8")
    therapy.write_text("subject,kind\n,chemotherapy\n", "utf-8")
    ran = eligo("import", "csv", str(main), "--list", f"therapy={therapy}",
                "--out", str(tmp_path / "out"))  # fmt: skip
    assert ran.code == 2
    assert "l.csv:2:1: blank" in ran.said
    assert not (tmp_path / "out" / "subjects").exists()


@pytest.mark.parametrize("nobody", [",70,,", "B,therapy"])
def test_rows_of_nobody_may_be_anybodys_and_confirm_nothing(nobody: str, tmp_path: Path) -> None:
    main = "subject,lansky,therapy.complete_on,therapy.count\nA,80,2026-11-18,0\n"
    orphan = nobody == "B,therapy"
    lists = {"therapy": "subject,kind\nB,chemotherapy\n"} if orphan else {}
    head = (
        "subject,redcap_repeat_instrument,lansky,therapy_complete_on,therapy_count,therapy_kind\n"
        "A,,80,2026-11-18,0,\n"
    )
    for found in (
        from_csv(main + ("" if orphan else nobody + "\n"), lists, shipped()[0]),
        from_redcap(
            head + ("B,therapy,,,,chemotherapy\n" if orphan else ",,70,,,\n"), shipped()[0]
        ),
    ):
        assert found.rejected == ["B" if orphan else ""]
        (one,) = found.recorded
        assert one.heads == {}
        assert one.imported["whole"] is False
        assert "nobody's" in found.reads[0].left[0]
        assert found.reads[0].unconfirmed == [("therapy", UNCLAIMED)]
    file, out = tmp_path / "t.csv", tmp_path / "out"
    file.write_text(main + ",70,,\n", "utf-8")
    ran = eligo("import", "csv", str(file), "--out", str(out))
    assert (ran.code, UNCLAIMED in " ".join(ran.said.split())) == (2, True)


# --- rows, cells, ends ------------------------------------------------------------------


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_cr_lf_and_crlf_end_a_row(sign: str, end: str) -> None:
    row = f"A,60,2026-11-10,wrong tube{sign}see query,mislabelled"
    head = "subject,lansky,lansky.on,lansky.note,lansky.voided"
    found = from_csv(head + end + row + end, {}, shipped()[0])
    assert [one.subject for one in found.recorded] == ["A"]
    (said,) = back(found.recorded[0], shipped()[0]).facts["lansky"]
    assert (said.voided, said.note) == (True, f"wrong tube{sign}see query")
    redcap = from_redcap(head.replace(".", "_") + end + row + end, shipped()[0])
    assert redcap.recorded[0].facts == found.recorded[0].facts


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x00"])
def test_signs_that_are_no_text_refuse_the_table(sign: str) -> None:
    assert "2: encoding" in refusal(f"subject,lansky.note\nA,x{sign}y\n")


def test_a_row_that_misses_cells_refuses_its_subject_alone() -> None:
    head = "subject,lansky,lansky.on,lansky.voided\n"
    found = from_csv(
        head + "A,60,2026-11-10\nB,60,2026-11-10,\nC,60,2026-11-10,,\n", {}, shipped()[0]
    )
    assert [one.subject for one in found.recorded] == ["B"]
    assert codes(found) == {"too-few", "too-many"}
    therapy = "subject,kind,ended,voided\nB,chemotherapy,2026-11-10\n"
    short = from_csv("subject,lansky\nA,80\nB,80\n", {"therapy": therapy}, shipped()[0])
    assert short.rejected == ["B"]


@pytest.mark.parametrize("text", ["subject,lansky\nA,80\nB,8", "subject,lansky\nA,80\nB,80"])
def test_a_table_that_may_have_been_cut_is_refused(text: str) -> None:
    assert "3: cut" in refusal(text)
    assert "3: cut" in refusal("subject\nA\n", therapy=text.replace("lansky", "agent"))
    with pytest.raises(InputRejected):
        from_redcap(text, shipped()[0])


@pytest.mark.parametrize(
    "encoding", ["undefined", "punycode", "idna", "rot13", "base64", "nonsense", "utf\x008", ""]
)
def test_an_encoding_that_is_none_is_a_fault(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("subject,lansky\nA,80\n", "utf-8")
    for what in ("csv", "redcap"):
        ran = eligo("import", what, str(file), "--encoding", encoding, "--out", str(tmp_path / "o"))
        assert ran.code == 2
        assert "t.csv:1:1: encoding: there is no encoding" in ran.said


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "the table is empty"),
        (b"\n \n", "the table is empty"),
        (b"PK\x03\x04xx", "a workbook or an archive"),
        (b"subject,lansky\n", "the table has no rows"),
        (b"subject,lansky.note\n" + b"A" * 1_100_000 + b",x\n", "2: too-large"),
        (b'subject,lansky\nA,"80\n', "2: syntax"),
        (b"subject,lansky\nA,\x80\n", "2: encoding: the file is not utf-8 text"),
    ],
)
def test_what_is_no_table_is_said_so(data: bytes, expected: str) -> None:
    assert expected in refusal(data)


def test_a_cell_under_no_heading_refuses_its_subject() -> None:
    found = from_csv("subject,lansky,\nA,80,\nB,80,x\n", {}, shipped()[0])
    assert found.rejected == ["B"]
    assert codes(found) == {"unknown-column"}


def test_a_stated_number_of_rows_is_held_against_the_table(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("subject,lansky\nA,80\nB,80\n", "utf-8")
    lacking = ("--ignore", ",".join(f"lansky_{key}" for key in QUALIFIES))
    for what in ("csv", "redcap"):
        out = str(tmp_path / what)
        ran = eligo("import", what, str(file), "--rows", "3", "--out", out, *lacking)
        assert (ran.code, "has 2 rows below its heading, and 3" in ran.said) == (2, True)
        assert eligo("import", what, str(file), "--rows", "2", "--out", out, *lacking).code == 0
        text = (tmp_path / what / "subjects" / "A.yaml").read_text("utf-8")
        assert "whole: true" in text
        assert text.endswith("\n...\n")
    eligo("import", "redcap", str(file), "--out", str(tmp_path / "redcap"), *lacking)
    assert "whole: false" in (tmp_path / "redcap" / "subjects" / "A.yaml").read_text("utf-8")


def test_days_after_today_are_refused_at_the_door(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    day = date.today().replace(year=date.today().year + 1, day=1).isoformat()
    for cell in (day, day[:4]):
        file.write_text(f"subject,lansky,lansky.on\nA,80,{cell}\nB,80,2020\n", "utf-8")
        ran = eligo("import", "csv", str(file), "--out", str(tmp_path / "out"))
        assert ran.code == 2
        assert "t.csv:2:3: future: `lansky.on`" in ran.said
        assert "imported: 1, refused: 1" in ran.out


# --- properties -------------------------------------------------------------------------


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def text_of(rows: list[list[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


def verdicts(found: Outcome, one: Screening) -> list[str]:
    protocol, screener = one.case.protocol, one.case.screener
    subjects = [back(recorded, protocol) for recorded in found.recorded]
    return [screener.decide(subject, one.as_of)["verdict"] for subject in subjects]


@FEWER
@given(screenings(), st.data())
def test_a_cut_table_makes_nobody_eligible(one: Screening, data: st.DataObject) -> None:
    """Lists that state their counts: wherever the main table or a list's is cut."""
    assume(one.decision()["verdict"] != "eligible")
    main, lists = as_csv(one.subject(), one.case.protocol)
    name = data.draw(st.sampled_from(["", *lists]))
    whole = (lists[name] if name else main).encode()
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    given_lists = {n: cut if n == name else t.encode() for n, t in lists.items()}
    try:
        found = from_csv(main if name else cut, given_lists, one.case.protocol)
    except InputRejected:
        return
    assert "eligible" not in verdicts(found, one)


@FEWER
@given(screenings(), st.data())
def test_an_entry_that_is_counted_and_lost_makes_nobody_eligible(
    one: Screening, data: st.DataObject
) -> None:
    main, lists = as_csv(one.subject(), one.case.protocol)
    full = [name for name, text in lists.items() if len(rows_of(text)) > 1]
    assume(full)
    name = data.draw(st.sampled_from(full))
    rows = rows_of(lists[name])
    del rows[data.draw(st.integers(1, len(rows) - 1))]
    if data.draw(st.booleans()):
        found = from_csv(main, {**lists, name: text_of(rows)}, one.case.protocol)
    else:
        found = from_csv(main, {n: t for n, t in lists.items() if n != name}, one.case.protocol)
    # A count of one entry fewer is an honest one where the subject stated it that way.
    stated = one.subject().records[name].count
    if stated is None or stated == len(one.subject().records[name].entries):
        assert found.recorded == []
    redcap = rows_of(as_redcap(one.subject(), one.case.protocol))
    instances = [n for n, row in enumerate(redcap) if n and row[1] not in ("", "screening")]
    assume(instances)
    del redcap[data.draw(st.sampled_from(instances))]
    assert "eligible" not in verdicts(from_redcap(text_of(redcap), one.case.protocol), one) or (
        stated is not None
    )


@FEWER
@given(screenings(), st.data())
def test_a_row_that_stands_twice_changes_nothing_but_remarks(
    one: Screening, data: st.DataObject
) -> None:
    protocol = one.case.protocol
    main, lists = as_csv(one.subject(), protocol)
    before = from_csv(main, lists, protocol)
    name = data.draw(st.sampled_from(["", *lists]))
    rows = rows_of(lists[name] if name else main)
    assume(len(rows) > 1)
    at = data.draw(st.integers(1, len(rows) - 1))
    rows.insert(data.draw(st.integers(1, len(rows))), rows[at])
    twice = text_of(rows)
    after = from_csv(main if name else twice, {**lists, name: twice} if name else lists, protocol)
    if after.recorded:
        assert files(after, protocol) == files(before, protocol)
        assert sum(read.again for read in after.reads) >= 1
    redcap = rows_of(as_redcap(one.subject(), protocol))
    whole = from_redcap(text_of(redcap), protocol)
    redcap.insert(data.draw(st.integers(1, len(redcap))), data.draw(st.sampled_from(redcap[1:])))
    again = from_redcap(text_of(redcap), protocol)
    assert files(again, protocol) == files(whole, protocol)


def files(found: Outcome, protocol: m.Protocol) -> list[Any]:
    """What would be written; the order of a list says nothing."""
    return [unordered(recorded.plain(protocol)) for recorded in found.recorded]


def unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unordered(child) for key, child in value.items()}
    return sorted(map(unordered, value), key=repr) if isinstance(value, list) else value


WORDS = st.sampled_from(
    ["", "80", "0,5", "2026-11-10", "2026-11", "2026-11-10 00:00:00", "UNK", "unknown: pending",
     "unknown", "true", "never", "b_all", "x", "10.11.2026", "<5", "3.0"]
)  # fmt: skip
COLUMNS = ["lansky", "lansky.on", "lansky.note", "creatinine [umol/L]", "creatinine.on",
           "creatinine.unit", "birth_date", "disease", "consent", "therapy.complete_on",
           "therapy.count", "lansky[1]", "lansky[1].not_after"]  # fmt: skip


@given(st.lists(st.tuples(*[WORDS] * len(COLUMNS)), min_size=1, max_size=4))
def test_every_cell_is_in_the_file_or_in_the_account(rows: list[tuple[str, ...]]) -> None:
    text = text_of([["subject", *COLUMNS], *([f"S{n}", *row] for n, row in enumerate(rows))])
    found = from_csv(text, {}, shipped()[0], missing={"UNK": "pending"})
    assert len(found.reads) == len(rows)
    for read, row in zip(found.reads, rows, strict=True):
        if read.faults:
            assert all(fault.span.line for fault in read.faults)
            assert read.lines[0].left == "refused"
            continue
        carried = flat(read.recorded.plain(shipped()[0])) | {"3", "2026-11-10"}
        for column, cell in zip(COLUMNS, row, strict=True):
            said = cell.removesuffix(" 00:00:00").removeprefix("unknown: ")
            said = {"unknown": "not_done", "UNK": "recorded as UNK", "true": "True"}.get(said, said)
            left = f"{column}: `{cell}`" in "".join(read.left) or (
                column in ("therapy.complete_on", "therapy.count") and cell in "".join(read.left)
            )
            assert not cell or said in carried or left, (column, cell, read.recorded)


def flat(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(flat, value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*map(flat, value)) if value else set()
    return {str(value)}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"))


@given(TEXTS, TEXTS)
def test_any_text_reads_back_as_it_was_written(one: str, other: str) -> None:
    assume(not any(ord(c) < 32 or c == "\x7f" for c in one + other))
    value = {"subject": one or "S", "facts": {"remark": [{"value": other, "note": one}]},
             "records": {"l": {"by": other, "entries": [{"a": [one, other]}]}}}  # fmt: skip
    assert read_document("made.yaml", subject_yaml(value, "made").encode()).value == {
        **value, "facts": {"remark": {"value": other, "note": one}},
    }  # fmt: skip


def test_work_grows_in_step_with_the_rows() -> None:
    """Counted: Python's calls, and the steps of the store."""

    def work(subjects: int) -> int:
        lines = [f"S{n},80,2026-11-18,2026-11-18,1\n" for n in range(subjects)]
        main = table_of("m.csv", "subject,lansky,lansky.on,therapy.complete_on,therapy.count\n"
                        + "".join(lines))  # fmt: skip
        entries = [f"S{n},chemotherapy,2026-10-18\n" for n in reversed(range(subjects))]
        therapy = table_of("l.csv", "subject,kind,ended\n" + "".join(entries))
        rows, steps = Rows(), 0

        def called(frame: FrameType, event: str, arg: Any) -> None:
            nonlocal steps
            steps += 1

        def stepped() -> None:
            nonlocal steps
            steps += 1

        rows.base.set_progress_handler(stepped, 1)
        sys.setprofile(called)
        try:
            reader = reader_of(main, {"therapy": therapy}, shipped()[0])
            load(rows, main, {"therapy": therapy})
            found = outcome(rows, reader, shipped()[0])
        finally:
            sys.setprofile(None)
        assert len(found.recorded) == subjects
        return steps

    few, more, most = work(50), work(100), work(200)
    assert (most - more) / (more - few) < 2.2


def test_two_results_of_which_one_has_no_day_both_stand() -> None:
    """An undated value beside a dated one may be the newer: it is written as it stands."""
    text = "subject,creatinine,creatinine.on,creatinine[1]\nA,0.37,2026-11-08,3.0\n"
    (recorded,) = from_csv(text, {}, shipped()[0]).recorded
    said = back(recorded, shipped()[0]).facts["creatinine"]
    assert [(one.value, one.on) for one in said] == [
        (m.Amount(370_000, "mg/dL"), date(2026, 11, 8)),
        (m.Amount(3_000_000, "mg/dL"), None),
    ]
