"""What the workbench prints: it fits a terminal, and reads back as what it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.packs import case_files, read_pack
from engine.read.source import read_document
from engine.terms.faults import filled
from engine.workbench.cases import read_cases
from engine.workbench.witness import flow, folded, quoted
from tests.command import eligo

TEXTS = st.text(
    st.one_of(
        st.sampled_from(" \"\\'#:,[]{}-\n\tax7é\u2028\u0085\ufeff\u00a0😀"),
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    ),
    max_size=200,
)
LONG = st.builds(
    lambda word, count, end: word * count + end,
    st.sampled_from(["x", "word ", '"', "\\", "two  ", "\u2028", "a-b "]),
    st.integers(1, 300),
    TEXTS,
)
VALUES = st.recursive(
    st.one_of(TEXTS, LONG, st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True), inner, max_size=4),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(VALUES, st.integers(0, 8))
def test_a_folded_value_reads_back_as_it_was(value: Any, indent: int) -> None:
    lines = folded(f"{' ' * indent}here: {flow(value)}")
    assert all(len(line) <= 80 for line in lines)
    read = read_document("made.yaml", "\n".join(["top:", *(f" {one}" for one in lines)]).encode())
    assert read.value == {"top": {"here": value}}


@settings(max_examples=200, deadline=None)
@given(st.one_of(TEXTS, LONG))
def test_a_folded_name_reads_back_as_it_was(name: str) -> None:
    lines = folded(f"  - name: {quoted(name)}")
    assert all(len(line) <= 80 for line in lines)
    read = read_document("made.yaml", "\n".join(["cases:", *lines, "    z: 1"]).encode())
    assert read.value == {"cases": [{"name": name, "z": "1"}]}


@given(st.lists(st.sampled_from(["a", "word", "x" * 77, "y" * 300, "p/" * 60, "-"]), max_size=9))
def test_a_line_of_a_result_fits_unless_a_path_is_longer(words: list[str]) -> None:
    text = " ".join(words)
    shown = filled(text)
    assert "".join(shown.split()) == "".join(text.split())
    assert all(len(line) <= 80 or "/" in line for line in shown.splitlines())
    assert all(word in shown.split() for word in words if "/" in word)


# --- whole commands, on a pack of long and odd names ------------------------------------------

NAMES = [
    "a: b", "yes", "null", "~", "it's", 'q"uo\\te', "tab\tx", "line\nbreak", "two  spaces x",
    "emoji 😀", "sep\u2028x", "nel\u0085x", "#hash", "x" * 300, "- dash", "1e5", "2026-01-01",
    "{b", "[c]", "bom\ufeffx", "nbsp\u00a0x", "word " * 40 + "end",
]  # fmt: skip
LIMITED = "long_" + "f" * 59


def odd_pack(folder: Path, base: str, codes: list[str]) -> Path:
    facts = {
        "c": {"ask": f"Which {'w' * 90} of them", "type": "choice", "choices": codes,
              "changes": "never"},
        LIMITED: {"ask": "Long " + "word " * 40, "type": "quantity", "unit": "mg/dL",
                  "changes": "never"},
        "b": {"ask": "B", "type": "boolean", "changes": "never"},
    }  # fmt: skip
    some = {"c": codes[:-1]}
    criteria = [
        {"id": "I01", "kind": "inclusion", "text": "word " * 200,
         "holds_when": {"any": [some, {LIMITED: {"above": 123456.789}}]}},
        {"id": "E01", "kind": "exclusion", "text": "t" * 300,
         "holds_when": {"all": [{"c": [codes[-1]]}, {"b": True}, {LIMITED: {"between": [1, 2]}}]}},
        {"id": "E02", "kind": "exclusion", "text": "adequate " * 60,
         "holds_when": {"all": [{LIMITED: {"above": 5}}, {LIMITED: {"below": 3}}, some]}},
    ]  # fmt: skip
    case = {
        "name": "n" * 200, "as_of": "2026-01-15", "base": base,
        "expect": {"answers": {"I01": "no"}, "verdict": "eligible"},
    }  # fmt: skip
    files = {
        "protocol": {"protocol": "o" * 64, "version": "1" * 70, "title": "odd"},
        "facts": {"facts": facts},
        "eligibility": {"criteria": criteria},
        "cases/all": {"bases": {base: {"subject": "S", "facts": {"c": codes[0]}}}, "cases": [case]},
    }
    (folder / "cases").mkdir(parents=True)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


@pytest.mark.parametrize("base", ["null", "a: b", "yes", "l\nb", "7", "b" * 200])
def test_every_line_fits_80_columns_and_what_is_written_reads_back(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ids, codes, names and questions as long and as odd as a pack may have them."""
    monkeypatch.chdir(tmp_path)
    turn = len(base) % len(NAMES)
    pack = odd_pack(Path("p"), base, [*NAMES[turn:], *NAMES[:turn]])
    plain = eligo("test", "p")
    assert plain.code == 1 and "1 case: 0 passed, 1 failed" in plain.out
    written = eligo("test", "p", "--coverage", "--mutate", "--write")
    assert written.code == 1 and "cases appended to" in written.out
    found = read_cases(case_files(pack), read_pack(pack), "cases")
    assert found.faults == () and len(found.cases) > 20
    again = eligo("test", "p", "--coverage", "--mutate")
    assert "not covered" not in again.out and "survived: " not in again.out
    (pack / "outcome.yaml").write_text("#\n")
    check = eligo("check", "p")
    assert check.code == 1 and "never-failed" in check.out and "misnamed-file" in check.out
    wrong = pack / "cases" / "wrong.yaml"
    wrong.write_text(f"cases:\n  - {{name: {'w' * 200}, {'k' * 200}: 1}}\n")
    faults = (eligo("test", "p"), eligo("check", "p"))
    for ran in (plain, written, again, check, *faults):
        for line in (ran.out + ran.err).splitlines():
            assert len(line) <= 80, line
