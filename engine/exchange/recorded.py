"""What an importer found about one person, as the plain values of a subject file.

Numbers are `Num`, as the reader of files gives them. Texts from outside are made fit for a
file here, single statements and entries are tried out on the engine's reader, and whole
subjects are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.read.sheet import MAX_TEXT
from engine.read.source import Document, Num
from engine.read.subjects import subject_of
from engine.terms import Protocol
from engine.terms.faults import Fault, InputRejected

Plain = dict[str, Any]

_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
_UNFIT_IN_LINES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]+")
_PLAIN_WORD = re.compile(r"[A-Za-z_]([A-Za-z0-9_ ./()+-]*[A-Za-z0-9_/).])?")
_PLAIN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_YAML_WORDS = frozenset("null true false yes no on off y n nan inf".split())
_YAML_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_ESCAPED = {
    code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)
}
"""What YAML takes for the end of a line, or for no text at all."""


@dataclass(slots=True)
class Recorded:
    """One subject's file in the making: statements by fact, entries and heads by list."""

    subject: str
    facts: dict[str, list[Plain]] = field(default_factory=dict)
    entries: dict[str, list[Plain]] = field(default_factory=dict)
    heads: dict[str, Plain] = field(default_factory=dict)
    imported: Plain = field(default_factory=dict)

    def say(self, fact: str, statement: Plain) -> str:
        """Add a statement; returns where it will stand in the file."""
        said = self.facts.setdefault(fact, [])
        said.append(statement)
        return f"facts.{fact}[{len(said) - 1}]"

    def enter(self, record: str, entry: Plain) -> str:
        """Add an entry to a record list; returns where it will stand."""
        listed = self.entries.setdefault(record, [])
        listed.append(entry)
        return f"records.{record}.entries[{len(listed) - 1}]"

    def plain(self, protocol: Protocol) -> Plain:
        """The file's value, facts and lists in the order of the dictionary."""
        result: Plain = {"subject": self.subject}
        if self.imported:
            result["imported"] = self.imported
        facts = {name: self.facts[name] for name in protocol.facts if self.facts.get(name)}
        if facts:
            result["facts"] = facts
        records = {
            name: {**self.heads.get(name, {}), "entries": self.entries.get(name, [])}
            for name in protocol.records
            if self.entries.get(name) or name in self.heads
        }
        if records:
            result["records"] = records
        return result


def fit(text: str) -> str:
    """A text from outside, without the characters that files may not hold; lines stay."""
    return _UNFIT_IN_LINES.sub(" ", text).strip()


def clean(text: str) -> str:
    """A text from outside, on one line and without characters that files may not hold."""
    return " ".join(_UNFIT.sub(" ", text).split())[:MAX_TEXT]


def statement_faults(protocol: Protocol, fact: str, statement: Plain) -> tuple[Fault, ...]:
    """What the engine's reader has against one statement; empty if it is fit."""
    return _faults(protocol, {"facts": {fact: [statement]}})


def entry_faults(protocol: Protocol, record: str, entry: Plain) -> tuple[Fault, ...]:
    """What the engine's reader has against one entry of a record list."""
    return _faults(protocol, {"records": {record: {"entries": [entry]}}})


def _faults(protocol: Protocol, part: Plain) -> tuple[Fault, ...]:
    try:
        subject_of(Document("", "", {"subject": "S", **part}), protocol)
    except InputRejected as rejected:
        return rejected.faults
    return ()


# --- writing ----------------------------------------------------------------------------


def subject_text(value: Plain, origin: str, form: str) -> str:
    """A subject file's text. `origin` is a comment for people (YAML only); `form` is `yaml`
    or `json`."""
    return subject_json(value) if form == "json" else subject_yaml(value, origin)


def subject_json(value: Plain) -> str:
    """A subject file as JSON; numbers keep their digits."""
    return json_text(value)


def json_text(value: Any) -> str:
    """Plain values as indented JSON; a `Num` is a number with the digits it has."""
    return "".join(_json(value, "\n")) + "\n"


def _json(value: Any, newline: str) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        inner = newline + "  "
        opening, closing = "{}" if isinstance(value, Mapping) else "[]"
        yield opening
        pairs = value.items() if isinstance(value, Mapping) else ((None, v) for v in value)
        for number, (key, child) in enumerate(pairs):
            yield ("," if number else "") + inner
            if key is not None:
                yield json.dumps(key, ensure_ascii=False) + ": "
            yield from _json(child, inner)
        yield newline + closing
    elif isinstance(value, Num):
        yield str(value) if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", value) else json.dumps(value)
    else:
        yield json.dumps(value, ensure_ascii=False)


def subject_yaml(value: Plain, origin: str = "") -> str:
    """A subject file as YAML: a statement or entry a line, as people write them; the last line
    says that it was not cut."""
    lines = [f"# {line}" for line in origin.splitlines()]
    lines.append(f"subject: {scalar(value['subject'])}")
    if value.get("imported"):
        lines.append(f"imported: {flow(value['imported'])}")
    if value.get("facts"):
        lines.append("facts:")
    for name, statements in value.get("facts", {}).items():
        if len(statements) == 1:
            lines.append(f"  {name}: {flow(statements[0])}")
            continue
        lines.append(f"  {name}:")
        lines += [f"    - {flow(one)}" for one in statements]
    if value.get("records"):
        lines.append("records:")
    for name, record in value.get("records", {}).items():
        lines.append(f"  {name}:")
        lines += [f"    {key}: {scalar(record[key])}" for key in record if key != "entries"]
        lines.append("    entries:" if record["entries"] else "    entries: []")
        lines += [f"      - {flow(one)}" for one in record["entries"]]
    return "\n".join(lines) + "\n...\n"


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(child)}" for key, child in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar as YAML that reads back as the same value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Num):
        return str(value) if _YAML_NUMBER.fullmatch(value) else json.dumps(value)
    if _PLAIN_DAY.fullmatch(value):
        return str(value)
    if _PLAIN_WORD.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return str(value)
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPED)
