"""Reports: whole pages against golden files, and what no text in a record may do to them.

`ELIGO_GOLDEN=rewrite` writes the golden files anew; read every change before keeping it.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.record.shape import Decision, IntervalValue, Record, Value, Why
from engine.terms import Kind, Reason, Status, Verdict
from reports import wording
from reports.formats import columns, css_string, markdown_text, typst_string, wrap
from reports.page import SECTIONS, Logged
from reports.screening import LOG, arrange, as_html, as_markdown, as_pdf, as_text, as_typst
from reports.sections import deciding
from reports.table import summary_table
from tests.reports.samples import (
    ENGINE_FAULT,
    HOSTILE,
    REJECTION,
    SAMPLES,
    again,
    eligible,
    hostile,
    ineligible,
    single,
    undetermined,
)

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
REWRITE = os.environ.get("ELIGO_GOLDEN") == "rewrite"
FORMATS: dict[str, Callable[..., str]] = {
    "txt": as_text,
    "md": as_markdown,
    "html": as_html,
    "typ": as_typst,
}
PAGES = [(name, suffix, False) for name in SAMPLES for suffix in FORMATS] + [
    ("ineligible", suffix, True) for suffix in FORMATS
]
LOGGED = Logged(
    log="example.org/<b>سایت-1</b>",
    entry=1234,
    time="2026-11-20T09:15:00Z",
    by='Dr A. "#Example"',
    checkpoint="sha256:" + "c" * 64,
    size=1235,
    root="A" * 43 + "=",
    decision="sha256:" + "d" * 64,
)
RECORDS: list[Record] = [*(make() for make in SAMPLES.values()), REJECTION, ENGINE_FAULT]


def matches_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if REWRITE:
        path.write_text(text, "utf-8", newline="\n")
    assert text == path.read_bytes().decode()


@pytest.mark.parametrize(("name", "suffix", "trace"), PAGES)
def test_a_report_is_its_golden_file(name: str, suffix: str, trace: bool) -> None:
    text = FORMATS[suffix](SAMPLES[name](), trace=trace)
    matches_golden(f"{name}{'-trace' if trace else ''}.{suffix}", text)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_report_of_a_logged_decision_is_its_golden_file(suffix: str) -> None:
    text = FORMATS[suffix](SAMPLES["single"](), logged=LOGGED)
    matches_golden(f"single-logged.{suffix}", text)


def test_every_golden_file_is_of_a_report() -> None:
    wanted = {f"{name}{'-trace' if trace else ''}.{suffix}" for name, suffix, trace in PAGES}
    wanted |= {f"single-logged.{suffix}" for suffix in FORMATS}
    assert {path.name for path in GOLDEN.iterdir()} == wanted | {"summary.txt"}


# --- what a report says ------------------------------------------------------------------


def test_every_code_of_a_record_has_words() -> None:
    assert set(wording.TO_DO) == set(get_args(Reason))
    assert set(wording.VERDICT) == set(get_args(Verdict))
    assert set(wording.KIND) == set(wording.PASSED) == set(get_args(Kind))
    assert set(wording.STATUS) == set(get_args(Status))
    assert set(wording.ANSWER) == {(k, s) for k in get_args(Kind) for s in get_args(Status)}
    assert set(wording.HEADING) == {*SECTIONS, LOG, "trace"}
    assert all(todo.heading and todo.advice for todo in wording.TO_DO.values())


@pytest.mark.parametrize(
    ("sample", "sentence", "quoted"),
    [
        (eligible, "Eligible on 20 November 2026, because all 17 criteria passed", ""),
        (
            ineligible,
            "Not eligible on 20 November 2026, because 2 of 17 criteria failed: I06 and E06",
            "",
        ),
        (
            single,
            "Not eligible on 20 November 2026, because criterion E06 failed",
            "History of Anti-CD19 or Anti-CD20 therapy",
        ),
    ],
)
def test_the_verdict_is_one_sentence(
    sample: Callable[[], Decision], sentence: str, quoted: str
) -> None:
    page = arrange(sample())
    assert (page.sentence, page.quoted) == (sentence, quoted)


def test_one_open_criterion_is_quoted_in_the_verdict() -> None:
    record = undetermined()
    record["determined_by"] = ["I07"]
    page = arrange(record)
    assert page.sentence == "Undetermined on 20 November 2026, because criterion I07 is open"
    assert page.quoted == "Informed consent"


def test_what_is_missing_is_grouped_by_what_to_do() -> None:
    groups = {action.heading: action.items for action in arrange(undetermined()).missing}
    beyond = ("too_few", "no_entry", "no_anchor", "planned")  # this pack asks nothing of the kind
    wanted = [todo.heading for reason, todo in wording.TO_DO.items() if reason not in beyond]
    assert list(groups) == wanted
    (therapy,) = groups["Confirm that the list is complete"]
    assert therapy.ask == "Prior treatment"
    assert therapy.criteria == "I06, E05", "one list to confirm serves both"
    assert therapy.details == (
        "last confirmed complete on 1 November 2026, for use until 8 November 2026",
    )
    assert [item.ask for item in groups["Repeat"]] == [
        "Lymphoblasts in the bone marrow, by morphology",
        "Serum creatinine",
    ]
    (born,) = groups["Give the exact date or value"]
    assert born.ask == "Date of birth", "the recorded fact, not the age that is derived from it"


def test_missing_facts_cannot_change_a_failed_verdict() -> None:
    assert arrange(ineligible()).missing_lead == wording.CANNOT_CHANGE
    assert arrange(undetermined()).missing_lead == ""


def test_every_criterion_stands_once_under_its_status_in_protocol_order() -> None:
    for make in SAMPLES.values():
        record, page = make(), arrange(make())
        for status, shown in (
            ("failed", page.failed), ("open", page.open), ("passed", page.passed)
        ):  # fmt: skip
            assert [one.id for one in shown] == [
                one["id"] for one in record["criteria"] if one["status"] == status
            ]


def test_a_failed_criterion_says_what_failed_it_and_nothing_else() -> None:
    failed = {one.id: one for one in arrange(ineligible()).failed}
    (said,) = failed["I06"].says
    assert said.says.startswith("Last chemotherapy was on 17 November 2026, 3 days ago")
    assert said.changes_on == "24 November 2026"
    assert failed["E06"].note.startswith("Read as: At any time")


def test_a_day_that_the_sentence_names_is_not_said_twice() -> None:
    record = ineligible()
    why = next(c["why"] for c in record["criteria"] if c["id"] == "I06")["children"][0]
    why["says"] += ". Satisfied from 2026-11-24."
    (said,) = {one.id: one for one in arrange(record).failed}["I06"].says
    assert said.says.endswith("Satisfied from 24 November 2026.")
    assert said.changes_on == ""


def leaf(truth: str) -> Why:
    return cast(Why, {"node": truth, "condition": "", "truth": truth, "children": []})


def group(truth: str, *children: Why) -> Why:
    return cast(Why, {"node": "", "condition": "", "truth": truth, "children": list(children)})


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        (leaf("true"), ["true"]),
        (group("false", leaf("true"), leaf("false"), leaf("unknown")), ["false"]),
        (group("true", leaf("unknown"), leaf("true"), leaf("true")), ["true", "true"]),
        (group("unknown", leaf("true"), leaf("unknown")), ["unknown"]),
        (group("false", leaf("true")), ["true"]),  # a `not`
        (group("true", group("false", leaf("true"), leaf("false"))), ["false"]),  # not all
        (group("unknown", leaf("unknown")), ["unknown"]),
    ],
)
def test_the_leaves_that_decide_are_found_by_truth_alone(why: Why, expected: list[str]) -> None:
    assert [found["node"] for found in deciding(why)] == expected


def test_evidence_lists_each_known_reading_once_with_all_it_served() -> None:
    evidence = arrange(eligible()).evidence
    asks = [one.ask for one in evidence]
    assert len(asks) == len(set(asks))
    assert "Karnofsky performance score" not in asks, "what is not known is no evidence"
    by_ask = {one.ask: one for one in evidence}
    assert by_ask["Age in completed years"].criteria == "I01, I05, E09"
    creatinine = by_ask["Serum creatinine"]
    assert creatinine.value == "0.497738 mg/dL"
    assert creatinine.remarks == ("recorded as 44 umol/L",)
    assert creatinine.sources == ("lab 99182", "entry facts.creatinine[1]")
    assert (creatinine.on, creatinine.good_until) == ("18 November 2026", "2 December 2026")
    life = by_ask["Life expectancy, estimated"]
    assert (life.value, life.remarks) == (
        ">12 weeks",
        ("read as between 12.000001 and 5200 weeks",),
    )


def test_two_readings_of_one_fact_are_both_evidence() -> None:
    record = eligible()
    looked_at = record["criteria"][1]["why"]["reading"]
    record["criteria"][2]["why"]["reading"] = {**looked_at, "source": "another report"}
    sources = [e.sources[0] for e in arrange(record).evidence if e.ask == looked_at["ask"]]
    assert sources == ["marrow report 4417", "another report"]


@pytest.mark.parametrize(
    ("value", "unit", "label", "words"),
    [
        (True, "", "", "yes"),
        (False, "", "", "no"),
        (9, "a", "", "9 years"),
        (1, "a", "", "1 year"),
        (0.5, "mg/dL", "", "0.5 mg/dL"),
        (1e-06, "%", "", "0.000001 %"),
        ("1.50", "10*9/L", "", "1.50 ×10⁹/L"),
        (61, "mL/min/{1.73_m2}", "", "61 mL/min/1.73 m²"),
        (7, "{score}", "", "7"),
        (3, "1", "", "3"),
        ("b_all", "", "B-cell ALL", "B-cell ALL"),
        ("never", "", "", "never"),
        ("2026-02-01", "", "", "1 February 2026"),
        ({"low": "2026-10-01", "high": "2026-10-31"}, "", "", "between 1 and 31 October 2026"),
        (
            {"low": "2026-10-30", "high": "2026-11-02"}, "", "",
            "between 30 October and 2 November 2026",
        ),
        (
            {"low": "2025-12-30", "high": "2026-01-02"}, "", "",
            "between 30 December 2025 and 2 January 2026",
        ),
        ({"low": None, "high": "2026-11-20"}, "", "", "on or before 20 November 2026"),
        ({"low": "2026-11-20", "high": None}, "", "", "on or after 20 November 2026"),
        ({"low": "never", "high": "2026-11-20"}, "", "", "never, or on or before 20 November 2026"),
        ({"low": 2, "high": None}, "", "", "at least 2"),
        ({"low": None, "high": 0.009999}, "%", "", "at most 0.009999 %"),
        ({"low": 18, "high": 19}, "a", "", "between 18 and 19 years"),
        ({"low": None, "high": None}, "%", "", "some value, not known"),
    ],
)  # fmt: skip
def test_values_in_words(value: Value | IntervalValue, unit: str, label: str, words: str) -> None:
    assert wording.value_words(value, unit, label) == words


def test_days_in_a_sentence_are_words_and_other_numbers_stay() -> None:
    assert wording.prose("due 2026-11-20, lab 2026-11-20-7, 2026-13-01.") == (
        "due 20 November 2026, lab 2026-11-20-7, 2026-13-01."
    )


# --- many subjects -----------------------------------------------------------------------


def test_the_summary_is_its_golden_file() -> None:
    matches_golden("summary.txt", summary_table(RECORDS))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_summary_keeps_to_its_width(width: int) -> None:
    assert max(columns(line) for line in summary_table(RECORDS, width).split("\n")) <= width


def test_a_summary_of_nobody_says_so() -> None:
    assert summary_table([]).endswith("\n\n0 subjects\n")


def test_a_rejection_without_a_subject_still_has_a_row() -> None:
    assert "(no subject id)" in summary_table([{**REJECTION, "subject": None}])


# --- form --------------------------------------------------------------------------------

VOID = frozenset("br meta path circle use".split())


class Tags(HTMLParser):
    """The elements of a page with their attributes; fails where tags do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.seen.append((tag, tuple(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


@pytest.mark.parametrize("name", SAMPLES)
def test_html_is_well_formed_accessible_and_alone(name: str) -> None:
    html = as_html(SAMPLES[name](), trace=True)
    tags = Tags(html).seen
    assert html.startswith("<!DOCTYPE html>\n")
    assert ("html", (("lang", "en"),)) in tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(dict(attrs).get("scope") in ("col", "row") for tag, attrs in tags if tag == "th")
    ids = [value for _, attrs in tags for key, value in attrs if key == "id"]
    assert len(ids) == len(set(ids))
    for tag, attrs in tags:
        for key, value in attrs:
            if key in ("aria-labelledby", "href"):
                assert (value or "").lstrip("#") in ids
            assert key != "src" and not key.startswith("on"), (tag, key)
    assert {"script", "link", "img", "iframe", "a"} & {tag for tag, _ in tags} == set()
    assert "default-src 'none'" in html


@pytest.mark.parametrize("suffix", FORMATS)
def test_status_is_said_in_words(suffix: str) -> None:
    text = FORMATS[suffix](ineligible()).lower()
    for words in ("not eligible", "failed", "open", "passed"):
        assert words in text


def luminance(colour: str) -> float:
    """Relative luminance. Source: WCAG 2.2, definition of relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_right() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=0.001)


def test_every_text_colour_is_readable_on_every_background() -> None:
    css = (ROOT / "reports/templates/screening.css").read_text("utf-8")
    typst = (ROOT / "reports/templates/screening.typ.j2").read_text("utf-8")
    inks = set(re.findall(r"[{; ]color: (#\w+)", css))
    grounds = set(re.findall(r"background: (#\w+)", css))
    named = dict(re.findall(r'#let (\w+) = rgb\("(#\w+)"\)', typst))
    inks |= {named["accent"], named["soft"], *re.findall(r'text\([^()]*rgb\("(#\w+)"\)', typst)}
    assert len(inks) >= 4
    assert len(grounds) >= 2
    low = {(i, g): round(contrast(i, g), 2) for i in inks for g in grounds if contrast(i, g) < 4.5}
    assert low == {}
    colours = set(re.findall(r"#[0-9a-f]{6}\b", css))
    rules = set(re.findall(r"border[\w-]*: [^;]*(#\w+)", css))
    assert colours == inks & colours | grounds | rules, "a colour nobody has checked"


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("trace", [False, True])
def test_text_is_at_most_80_columns_wide(name: str, trace: bool) -> None:
    for line in as_text(SAMPLES[name](), trace=trace).split("\n"):
        assert columns(line) <= 80 or max(len(word) for word in line.split()) > 60, line
        assert line == line.rstrip()


def test_wrap_counts_columns_not_characters() -> None:
    assert wrap("漢字漢字 漢字", width=8).split("\n") == ["漢字漢字", "漢字"]
    assert wrap("e\u0301e\u0301 abc", width=6) == "e\u0301e\u0301 abc"
    assert wrap("a  b\nc", "  ", "- ") == "- a b c"


# --- what no record may do ---------------------------------------------------------------

CODES = frozenset(
    "schema as_of on good_until changes_on verdict status answer kind basis truth reason"
    " unit".split()
)


def filled(text: str) -> Decision:
    """A decision in which every free text is `text`, with all sections and the trace in use."""
    record = ineligible()
    record["look_again"] = again("2026-11-24", ["x"])

    def fill(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: fill(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [fill(inner, "") for inner in value]
        return text if isinstance(value, str) and key not in CODES else value

    return cast(Decision, fill(record, ""))


LITERAL = re.compile(r'"(?:[^"\\\n]|\\["\\]|\\u\{[0-9a-f]+\})*"')


def typst_code(decision: Decision) -> str:
    return LITERAL.sub('""', as_typst(decision, trace=True))


def html_tags(decision: Decision) -> object:
    return Tags(as_html(decision, trace=True)).seen


def text_rules(decision: Decision) -> list[str]:
    lines = as_text(decision, trace=True).split("\n")
    return [line for line in lines if re.fullmatch(r"[-=*]{10,}", line)]


SHAPES: list[Callable[[Decision], object]] = [typst_code, html_tags, text_rules]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_structure(shape: Callable[[Decision], object], text: str) -> None:
    assert shape(filled(text)) == shape(filled("plain"))


@given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=30))
@settings(max_examples=25)
def test_no_text_changes_the_structure(text: str) -> None:
    plain = filled("plain")
    record = filled(text)
    for shape in (typst_code, html_tags):
        assert shape(record) == shape(plain)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("text", [*HOSTILE, "".join(map(chr, range(1, 0x20))), "\x7f\x9b\u2028"])
def test_no_control_character_or_override_reaches_a_report(suffix: str, text: str) -> None:
    report = FORMATS[suffix](filled(text), trace=True)
    found = re.findall(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", report
    )
    assert found == []
    if suffix == "typ":
        assert report.count("\u2068") == report.count("\u2069")
    else:
        assert not re.search("[\u2066-\u2069]", report)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain, text (x)", "plain, text (x)"),
        ("*b* _i_ `c`", "\\*b\\* \\_i\\_ \\`c\\`"),
        ("[l](u) <b> &amp; | ~ $ @ # !", "\\[l\\](u) \\<b\\> \\&amp; \\| \\~ \\$ \\@ \\# \\!"),
        ("# h", "\\# h"),
        ("- item", "\\- item"),
        ("+ item", "\\+ item"),
        ("1. item", "1\\. item"),
        ("23) item", "23\\) item"),
        ("=== ", "\\==="),
        ("a\\b", "a\\\\b"),
        ("line\n\n# two", "line \\# two"),
        ("http://x.invalid", "http:\\/\\/x.invalid"),
        ("www.x.invalid", "www\\.x.invalid"),
        ("version 1.0", "version 1.0"),
    ],
)
def test_markdown_is_escaped(text: str, escaped: str) -> None:
    assert markdown_text(text) == escaped


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_markdown(text: str) -> None:
    """Take the escaped text away, and the page is the page of a plain text."""
    page = arrange(filled(text))
    with_text = as_markdown(filled(text)).replace(markdown_text(page.protocol), "")
    plain = as_markdown(filled("plain")).replace("plain", "")
    if page.protocol != "plain":
        # texts that follow words of ours are escaped together with them
        mid = markdown_text(f"x {page.protocol}").removeprefix("x ")
        with_text = with_text.replace(mid, "")
    assert with_text == plain


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ('a"b', '"a\\"b"'),
        ("a\\", '"a\\\\"'),
        ("#x $y$ *z*", '"#x $y$ *z*"'),
        ("a\nb\x1b", '"a\\u{a}b\\u{1b}"'),
        ("مریم", '"\u2068مریم\u2069"'),
        ("漢 µ", '"[U+6F22] µ"'),
    ],
)
def test_typst_strings_are_literals(text: str, literal: str) -> None:
    assert typst_string(text) == literal
    assert LITERAL.fullmatch(literal)


def test_css_strings_hold_no_sign_that_means_anything() -> None:
    assert css_string('"</style>') == (
        '"\\000022\\00003c\\00002f\\000073\\000074\\000079\\00006c\\000065\\00003e"'
    )


# --- the PDF -----------------------------------------------------------------------------

PDF_DIGEST = """
import sys
from hashlib import sha256
from reports.screening import as_pdf
from tests.reports.samples import SAMPLES
print(*(sha256(as_pdf(SAMPLES[name](), trace=True)).hexdigest() for name in sys.argv[1:]))
"""


def test_the_same_record_gives_the_same_pdf_anywhere() -> None:
    places = [
        {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        {"TZ": "America/Lima", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2", "LANG": "tr_TR"},
    ]
    printed = {
        subprocess.run(
            [sys.executable, "-c", PDF_DIGEST, *SAMPLES],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **place},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for place in places
    }
    here = " ".join(sha256(as_pdf(make(), trace=True)).hexdigest() for make in SAMPLES.values())
    assert printed == {here + "\n"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_pdf_is_tagged_for_readers_and_has_no_date(name: str) -> None:
    pdf = as_pdf(SAMPLES[name]())
    assert pdf.startswith(b"%PDF-1.7")
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf
    assert b"/Lang(en" in pdf
    assert b"CreationDate" not in pdf
    assert b"CreateDate" not in pdf
    fonts = set(re.findall(rb"/FontName/[A-Z]{6}\+(\w+)", pdf))
    assert {b"NotoSans"} <= fonts
    assert fonts <= {b"NotoSans", b"NotoSansArabic", b"NotoSansMath"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_still_makes_a_pdf(text: str) -> None:
    assert as_pdf(filled(text)).startswith(b"%PDF")


def test_many_threads_may_make_pdfs() -> None:
    record = single()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: as_pdf(record), range(8))) == {as_pdf(record)}


def test_the_fonts_come_with_their_licence() -> None:
    fonts = ROOT / "reports/fonts"
    assert "SIL OPEN FONT LICENSE Version 1.1" in (fonts / "OFL.txt").read_text("utf-8")
    assert sum(path.stat().st_size for path in fonts.iterdir()) < 3_000_000


@pytest.mark.parametrize(
    "text",
    [
        "Zażółć gęślą jaźń, ÅÄÖ, İstanbul",
        "Ωμέγα ἀρχή",
        "Дмитрий Ґалаґан",
        "مریم پژوهش گچ",
        "≥ ≤ ≠ → µ ×10⁹ m²",
    ],
)
def test_the_fonts_cover_the_scripts_we_promise(text: str) -> None:
    assert "[U+" not in typst_string(text)


# --- what reports are made from ----------------------------------------------------------


def test_reports_know_nothing_of_the_engine_but_its_types() -> None:
    sources = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "reports").glob("*.py")]
    seen = {
        node.module
        for tree in sources
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine")
    }
    # Modules of types and of words; none that selects, evaluates, fires or decides.
    assert seen <= {
        "engine",  # its version
        "engine.terms.faults",
        "engine.workbench.findings",
        "engine.terms",
        "engine.outcomes.record",
        "engine.plan.record",
        "engine.record.shape",
        "engine.workbench.witness",
        "engine.record.wording",
    }


def test_importing_reports_loads_neither_jinja_nor_typst() -> None:
    program = "import reports.screening, sys; print({'jinja2', 'typst'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_a_name_that_is_missing_fails_and_prints_no_blank() -> None:
    from jinja2 import UndefinedError

    from reports.formats import environment

    for name in ("txt", "md", "html", "typ"):
        template = environment(name == "html").get_template(f"screening.{name}.j2")
        with pytest.raises(UndefinedError):
            template.render(trace=None)


def test_a_report_leaves_its_record_as_it_was() -> None:
    record = hostile()
    as_text(record, trace=True)
    as_html(record)
    assert record == hostile()
