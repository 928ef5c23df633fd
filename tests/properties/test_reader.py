"""The readers, on texts of every kind: one value from both formats, and never a surprise."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.store.packs import pack_files
from engine.decide.decision import Screener
from engine.read import source
from engine.read.packs import protocol_of
from engine.read.source import Num, read_document
from engine.read.subjects import read_subject
from engine.terms import Protocol
from engine.terms.faults import Fault, InputRejected
from tests.generators import (
    LONG,
    Choices,
    Drawn,
    Plain,
    Screening,
    Seeded,
    json_text,
    packs,
    protocol_in,
    screenings,
    yaml_text,
)

ROOT = Path(__file__).parent.parent.parent
AS_OF = date(2026, 11, 20)
SLOWEST = 20.0
"""Seconds that one small file may take on a busy machine; a runaway takes for ever."""

SHARDS, MUTANTS, PACK_MUTANTS = (10, 20_000, 500) if LONG else (1, 1_500, 120)


# --- two formats ----------------------------------------------------------------------


@given(screenings())
def test_yaml_and_json_of_one_subject_are_read_alike(one: Screening) -> None:
    protocol = one.case.protocol
    block, flow = f"{yaml_text(one.recorded)}\n...\n", f"{json_text(one.recorded)}\n...\n"
    texts = {"s.json": json_text(one.recorded), "block.yaml": block, "flow.yaml": flow}
    read = [read_subject(text.encode(), name, protocol) for name, text in texts.items()]
    assert replace(read[0], digest="") == replace(read[1], digest="") == replace(read[2], digest="")
    assert len({subject.digest for subject in read}) == 3


@given(packs())
@settings(max_examples=1_000 if LONG else 50)
def test_yaml_and_json_of_one_pack_are_read_alike(drawn: tuple[dict[str, Plain], date]) -> None:
    parts, _ = drawn
    as_json = protocol_in(parts)
    contents = {f"{name}.yaml": yaml_text(value).encode() for name, value in parts.items()}
    as_yaml = protocol_of(contents, "pack")
    assert replace(as_yaml, digest="") == replace(as_json, digest="")
    assert list(as_yaml.facts) == list(as_json.facts)


# --- JSON, against the standard library's reader --------------------------------------


def careful(text: str) -> Any:
    """What the reader that keeps places makes of a text. Raises: InputRejected."""
    faults: list[Fault] = []
    root = source._JsonReader("t.json", text, faults).read()
    value = source._plain(root, "t.json", text, faults)[0]
    if faults:
        raise InputRejected(faults)
    return value


class _Refused(Exception):
    """What the standard library takes and a clinical file may not hold."""


def library(text: str) -> Any:
    """What the standard library makes of it. Raises: ValueError or _Refused."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise _Refused
        return dict(found)

    decoder = json.JSONDecoder(
        object_pairs_hook=pairs, parse_int=Num, parse_float=Num, parse_constant=Num
    )
    value = decoder.decode(text)
    _look_for_forbidden(value, 0)
    return value


def _look_for_forbidden(value: Any, depth: int) -> None:
    if depth > source.MAX_DEPTH:
        raise _Refused
    if isinstance(value, dict):
        for key, child in value.items():
            _look_for_forbidden(key, depth + 1)
            _look_for_forbidden(child, depth + 1)
    elif isinstance(value, list):
        for child in value:
            _look_for_forbidden(child, depth + 1)
    elif isinstance(value, str) and source._FORBIDDEN.search(value):
        raise _Refused


def typed(value: Any) -> Any:
    """The value with its types, so that a number is not taken for its text."""
    if isinstance(value, dict):
        return {key: typed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [typed(child) for child in value]
    return (type(value).__name__, value)


def outcome(read: Callable[[str], Any], text: str) -> Any:
    try:
        return typed(read(text))
    except (InputRejected, ValueError, _Refused):
        return "refused"


_PIECES = (
    *('"', "\\", "\\u00e9", "\\ud83d\\ude00", "\\ud83d", "\\u0000", "\\n", "\\x", "\n", "\t", " "),
    *("\\b", "\\f", "\\r", "\\t", "\\/", "\\\\", '\\"', "\\u0008", "\\u00E9", "\\u12"),
    *("{", "}", "[", "]", ",", ":", "0", "1", "-", "+", ".", "e5", "E", "1e400", "01", "NaN"),
    *(
        "true",
        "null",
        "fals",
        "é",
        "\u200f",
        "٣",
        "\ufeff",
        "Infinity",
        "-Infinity",
        "/",
        "//",
        "'",
    ),
)


def json_source(c: Choices, depth: int = 0) -> str:
    """A JSON text, mostly well formed."""
    space = c.of(["", "", " ", "\n", "\t\r\n"])
    kind = c.whole(0, 9 if depth < 4 else 5)
    if kind <= 1:
        text = c.of(["0", "-1", "7.10", "1e-5", "123456789012345678901", "-0.0E+2", "1.", "-"])
    elif kind == 2:
        text = c.of(["true", "false", "null", "NaN", "Infinity", "-Infinity", "nul"])
    elif kind <= 5:
        text = '"' + "".join(c.of(_PIECES[2:]) for _ in range(c.whole(0, 3))) + '"'
    elif kind <= 7:
        text = "[" + ",".join(json_source(c, depth + 1) for _ in range(c.whole(0, 3))) + "]"
    else:
        keys = [
            c.of(['"a"', '"b"', '"a\\u0062"', '"ab"', '"c"', "d"]) for _ in range(c.whole(0, 3))
        ]
        text = "{" + ",".join(f"{key}:{json_source(c, depth + 1)}" for key in keys) + "}"
    return space + text + space


@given(st.integers(0, 2**32))
@settings(max_examples=50_000 if LONG else 400)
def test_the_careful_json_reader_agrees_with_the_standard_library(seed: int) -> None:
    c = Seeded(seed)
    text = json_source(c)
    for _ in range(5):
        assert outcome(careful, text) == outcome(library, text), repr(text)
        at, until = sorted((c.whole(0, len(text)), c.whole(0, len(text))))
        cut = text[:at] + (text[until:] if c.chance(30) else text[at + c.whole(0, 1) :])
        text = cut[:at] + c.of(("", *_PIECES)) + cut[at:]


@given(st.composite(lambda draw: json_source(Drawn(draw)))())
@settings(max_examples=2_000 if LONG else 100)
def test_both_json_readers_give_one_value(text: str) -> None:
    """The quick reader is used wherever it can be; it must not see another file."""

    def whole(text: str) -> Any:
        return read_document("t.json", text.encode()).value

    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert outcome(whole, text) == outcome(careful, text.replace("\r\n", "\n").replace("\r", "\n"))


@pytest.mark.parametrize("depth", [10, 49, 50, 51, 100, 2_000, 100_000])
@pytest.mark.parametrize(
    ("opening", "inside", "closing"), [("[", "1", "]"), ("[", "", "]"), ('{"a":', "1", "}")]
)
def test_both_formats_and_readers_refuse_the_same_depth(
    depth: int, opening: str, inside: str, closing: str
) -> None:
    text = opening * depth + inside + closing * depth
    found = {
        "json": outcome(lambda t: read_document("t.json", t.encode()).value, text) == "refused",
        "careful": outcome(careful, text) == "refused",
        "yaml": outcome(lambda t: read_document("t.yaml", t.encode()).value, text) == "refused",
    }
    assert set(found.values()) == {depth > source.MAX_DEPTH}, found


# --- damaged files --------------------------------------------------------------------

_NASTY = (
    *(
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\t",
        b"\r",
        b"\n",
        b"\n\n---\n",
        b"...\n",
        b"%YAML 1.2\n",
    ),
    *(b"&a ", b"*a", b"!!python/object:os.system ", b"!x ", b"<<: ", b"? ", b"- ", b": ", b"# "),
    *(
        b"'",
        b'"',
        b"\\",
        b"\\u0000",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"|",
        b">",
        b"[" * 60,
        b"{a: " * 60,
    ),
    *(
        b"1e400",
        b"1e-400",
        b"1e999999999",
        b"1e99999999999999999999",
        b"&a [*a]",
        b"&a {x: *a}",
        b"NaN",
        b".inf",
        b"-0",
        b"0x1F",
        b"1_000",
        b"9" * 40,
    ),
    *(b"0.0000001", b"9000000000000.000001", b"2026-02-30", b"0000-00", b"9999", b"9999-12-31"),
    *(b"never", b"ongoing", b"null", b"true", b"no", b"<", b">=", b"<1", b"pending", b"voided: x"),
    *(
        b"100000 years",
        b"99999 years",
        b"99999 days",
        b"todo: true",
        b"not: ",
        b"all: []",
        b"defined: x",
    ),
    *("٣".encode(), "\u202e".encode(), "é".encode(), b"{1.73_m2}", b"[degF]", b"umol/L", b"10*9/L"),
)


def damaged(c: Choices, data: bytes) -> bytes:
    """A file after one accident, or a few."""
    for _ in range(c.of([1, 1, 1, 2, 4])):
        at = c.whole(0, len(data))
        until = min(len(data), at + c.of([1, 1, 1, 4, 40]))
        way = c.of([5, 8, 5, 8, 0, 1, 2, 3, 4, 6, 7])
        if way == 0:
            data = data[:at] + data[until:]
        elif way == 1:
            data = data[:until] + data[at:until] + data[until:]
        elif way == 2 and at < len(data):
            data = data[:at] + bytes([data[at] ^ (1 << c.whole(0, 7))]) + data[at + 1 :]
        elif way == 3:
            data = data[:at]
        elif way == 4:
            lines = data.split(b"\n")
            first, second = c.whole(0, len(lines) - 1), c.whole(0, len(lines) - 1)
            lines[first], lines[second] = lines[second], lines[first]
            data = b"\n".join(lines)
        elif way in (5, 8):  # another value: an odd one, or that of another line
            lines = data.split(b"\n")
            line = c.whole(0, len(lines) - 1)
            key, colon, _ = lines[line].partition(b": ")
            other = c.of(lines).partition(b": ")[2]
            lines[line] = key + colon + (c.of(_NASTY) if way == 5 else other)
            data = b"\n".join(lines)
        else:
            data = data[:at] + c.of(_NASTY) + data[at if way == 6 else until :]
    return data


def assert_fit_to_print(rejected: InputRejected, names: set[str]) -> None:
    assert rejected.faults
    for fault in rejected.faults:
        assert fault.span.path in names
        assert fault.span.line >= 1
        assert fault.span.column >= 1
        assert "\n" not in fault.message + fault.hint + fault.line
        assert len(fault.message) < 400
        assert fault.code
        assert fault.text()


@pytest.fixture(scope="module")
def shipped() -> Protocol:
    return protocol_of(pack_files(ROOT / "rules" / "cd19-car-t-b-all"), "pack")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_subject_files_are_rejected_or_decided(shard: int, shipped: Protocol) -> None:
    folders = (ROOT / "fixtures" / "subjects", ROOT / "fixtures" / "bad" / "subjects")
    good, bad = (sorted(folder.glob("*.[jy]*")) for folder in folders)
    c, decided = Seeded(f"damaged subjects {shard}"), 0
    with Screener(shipped) as screener:
        for number in range(MUTANTS):
            files = bad if number % 5 == 0 else good
            file = files[number % len(files)]
            data = damaged(c, file.read_bytes())
            started = time.process_time()
            try:
                subject = read_subject(data, file.name, shipped, AS_OF)
                screener.decide(subject, AS_OF)
                decided += 1
            except InputRejected as rejected:
                assert_fit_to_print(rejected, {file.name})
            except BaseException as error:
                error.add_note(f"{file.name}: {data!r}")
                raise
            assert time.process_time() - started < SLOWEST, data
    assert MUTANTS / 20 < decided < MUTANTS * 3 / 4


@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_packs_are_rejected_or_screened_with(shard: int, shipped: Protocol) -> None:
    folders = [ROOT / "rules" / "cd19-car-t-b-all"]
    folders += sorted(p.parent for p in (ROOT / "fixtures" / "bad" / "packs").glob("*/facts.yaml"))
    c, accepted = Seeded(f"damaged packs {shard}"), 0
    for number in range(PACK_MUTANTS):
        contents = pack_files(folders[number % len(folders)] if c.chance(30) else folders[0])
        name = c.of(sorted(contents))
        contents[name] = damaged(c, contents[name])
        started = time.process_time()
        try:
            protocol = protocol_of(contents, "pack")
            accepted += 1
            with Screener(protocol) as screener:
                nobody = read_subject(b'{"subject": "nobody"}', "s.json", protocol)
                assert screener.decide(nobody, AS_OF)["verdict"] == "undetermined"
        except InputRejected as rejected:
            names = {f"pack/{one}" for one in contents}
            names |= {f"pack/{part}.yaml" for part in ("protocol", "facts", "eligibility")}
            assert_fit_to_print(rejected, names)
        except BaseException as error:
            error.add_note(f"{name}: {contents[name]!r}")
            raise
        assert time.process_time() - started < SLOWEST, contents[name]
    assert PACK_MUTANTS / 20 < accepted < PACK_MUTANTS * 3 / 4


@given(st.text(max_size=3), st.text(max_size=8) | st.just("\n"))
def test_a_fault_is_one_line_whatever_stands_behind_a_backslash(before: str, after: str) -> None:
    text = json.dumps({"subject": before})[:-2] + "\\" + after
    for name in ("one.json", "one.yaml"):
        try:
            read_document(name, text.encode("utf-8"))
        except InputRejected as rejected:
            assert_fit_to_print(rejected, {name})
