"""A subject made up to show something, as a file that anybody can screen."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine import terms as m
from engine.decide.decision import Screener
from engine.read.source import Num
from engine.record.shape import Decision
from engine.regions.asked import Plain, fitted, subject_from

WIDTH = 74
"""How wide lines become: they are shown a little further in, on 80 columns."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ -]*[A-Za-z0-9_.]|[A-Za-z]|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORDS = frozenset("true false null yes no on off y n".split())
_UNIT = re.compile(r"\\(?:u.{4}|.)|.", re.DOTALL)
_BREAKS = {ord(char): f"\\u{ord(char):04X}" for char in "\x7f\x85\u2028\u2029\ufeff"}


@dataclass(frozen=True, slots=True)
class Witness:
    """Something recorded that shows a finding on a day, and what screening it came to.

    `statuses` and `verdict` were read off the fired rules, not promised.
    """

    as_of: date
    recorded: Plain
    statuses: Mapping[str, m.Status]
    verdict: m.Verdict

    def answer(self, protocol: m.Protocol, id_: str) -> m.Answer:
        """Whether a criterion's condition holds for it."""
        status = self.statuses[id_]
        if status == "open":
            return "unknown"
        kind = next(c.kind for c in protocol.criteria if c.id == id_)
        return "yes" if (status == "passed") == (kind == "inclusion") else "no"

    def text(self, protocol: m.Protocol, says: str = "") -> str:
        """The subject file, with what it shows in a comment."""
        head = [f"# {line}" for line in says.splitlines()]
        head.append(f"# Synthetic. Screen it as of {self.as_of.isoformat()}.")
        return "\n".join([*head, *file_lines(fitted(self.recorded, protocol)), ""])


def screened(screener: Screener, recorded: Plain, as_of: date, name: str = "WITNESS") -> Decision:
    """The decision that the fired rules give on something recorded.

    Raises: InputRejected, EngineFault.
    """
    return screener.decide(subject_from(recorded, screener.protocol, as_of, name), as_of)


def confirmed(screener: Screener, recorded: Plain, as_of: date) -> Witness:
    """A witness, screened. Raises: InputRejected, EngineFault."""
    subject = subject_from(recorded, screener.protocol, as_of, "WITNESS")
    trace = screener.trace(subject, as_of)
    return Witness(as_of, recorded, trace.statuses, trace.verdict)


def file_lines(recorded: Mapping[str, Any], name: str = "WITNESS") -> list[str]:
    """The lines of a subject file, ended by the line that says that it is whole."""
    return [f"subject: {name}", *change_lines(recorded), "..."]


def change_lines(recorded: Mapping[str, Any], indent: str = "") -> list[str]:
    """The lines of a subject's facts and lists; also those of a case's `change`."""
    lines = []
    if recorded.get("facts"):
        lines.append(f"{indent}facts:")
        for name, said in recorded["facts"].items():
            lines += folded(f"{indent}  {name}: {flow(said)}")
    if recorded.get("records"):
        lines.append(f"{indent}records:")
        for list_name, listed in recorded["records"].items():
            lines.append(f"{indent}  {list_name}:")
            if listed.get("complete_on"):
                lines.append(f"{indent}    complete_on: {listed['complete_on']}")
            if listed.get("count"):
                lines.append(f"{indent}    count: {listed['count']}")
            if listed.get("entries"):
                lines.append(f"{indent}    entries:")
                for entry in listed["entries"]:
                    lines += folded(f"{indent}      - {flow(entry)}")
            else:
                lines.append(f"{indent}    entries: []")
    return lines


def folded(line: str) -> list[str]:
    """A line of YAML in flow style or quotes, over several where it is long.

    It is broken at single spaces, as which a line's end is read; and inside a long quoted word,
    where a backslash says that nothing stood there.
    """
    pad = " " * (len(line) - len(line.lstrip()) + 4)
    start = line[: len(pad) - 4]
    made: list[str] = []
    now, space, quoted, before, last = start, 0, False, "", ""
    for unit in _UNIT.findall(line[len(start) :]):
        if last == " " and " " not in (before, unit):
            space = len(now) - 1
        if len(now) + len(unit) > WIDTH:
            if space:
                made.append(now[:space])
                now, space = pad + now[space + 1 :], 0
            elif quoted:
                made.append(now + "\\")
                now, unit = pad, "\\ " if unit == " " else unit
        quoted ^= unit == '"'
        now, before, last = now + unit, last, unit
    return [*made, now]


def quoted(text: str) -> str:
    """A text in double quotes, on one line whatever it holds."""
    return json.dumps(text, ensure_ascii=False).translate(_BREAKS)


def flow(value: Any) -> str:
    """A value in YAML's flow style, read back as it was."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Num):
        return str(value)
    if isinstance(value, str):
        # What is long or has wide gaps can be broken in quotes alone.
        plain = _PLAIN.fullmatch(value) and len(value) <= WIDTH // 2 and "  " not in value
        return value if plain and value.lower() not in _WORDS else quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {flow(v)}" for k, v in value.items()) + "}"
    assert isinstance(value, Sequence)
    return "[" + ", ".join(flow(v) for v in value) + "]"
