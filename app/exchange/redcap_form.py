"""A REDCap project by its pack: which column is which cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.exchange.cells import unread
from app.exchange.csv_read import Row, Table
from app.exchange.report import Line
from engine.exchange.redcap import Variable, variables
from engine.terms import Protocol
from engine.terms.faults import Fault, InputRejected, did_you_mean

SYSTEM = re.compile(
    r"redcap_(event_name|repeat_instrument|repeat_instance|data_access_group|survey_identifier)"
)
INSTRUMENT = "redcap_repeat_instrument"
QUALIFIES = ("sign", "unit", "uln", "on", "unknown", "voided")
"""What a value cannot be read without: keys of variables beside it."""


@dataclass(frozen=True, slots=True)
class Project:
    """What the columns of an export mean, and which forms they are of.

    `lists`: the record lists that have a column of their entries; `instrument`: the column that
    names a row's form, -1 without one; `instance`: those that tell a subject's rows apart;
    `form`: the form of the facts; `forms`: the list whose entries a form holds; `passed`: the
    columns that say nothing about a subject.
    """

    columns: Mapping[int, Cell]
    lists: frozenset[str]
    instrument: int
    instance: tuple[int, ...]
    form: str
    forms: Mapping[str, str]
    passed: tuple[Line, ...]

    def is_main(self, row: Row) -> bool:
        """Whether a row makes a subject of its id: it is no instance of a list's form."""
        return self.instrument < 0 or row.cell(self.instrument) in ("", self.form)


def project_of(table: Table, protocol: Protocol, ignored: Collection[str] = ()) -> Project:
    """What each column means; those `ignored` are not to be read.

    Raises: InputRejected; one that means nothing is a fault.
    """
    by_name: dict[str, Cell] = {}
    passed = {"subject", *ignored}
    form = ""
    for variable in variables(protocol):
        form = form or variable.form
        passed.add(f"{variable.form}_complete")
        passed.add(f"{variable.form}_timestamp")
        if variable.type != "checkbox":
            by_name[variable.name] = Cell(variable)
            continue
        for ours, theirs in variable.codes:
            by_name[f"{variable.name}___{theirs.lower()}"] = Cell(variable, ours)
    faults, found = [], {}
    for at, heading in enumerate(table.heading.cells):
        if heading in by_name and heading not in ("subject", *ignored):
            found[at] = by_name[heading]
        elif heading and heading not in passed and not SYSTEM.fullmatch(heading):
            near = did_you_mean(heading, by_name)
            hint = near if near.startswith("did") else unread(heading)
            if not re.fullmatch(r"[a-z0-9_]+", heading):
                hint = "export the raw data, with variable names as headings"
            what = "is not a variable of this protocol's project"
            faults.append(table.fault(table.heading, at, "unknown-column", what, hint))
    faults += _unqualified(table, found, variables(protocol), ignored)
    if faults:
        raise InputRejected(faults)
    lists = frozenset(c.variable.owner for c in found.values() if c.variable.field)
    names = table.heading.cells
    own = ("redcap_event_name", INSTRUMENT, "redcap_repeat_instance")
    return Project(
        found,
        lists,
        names.index(INSTRUMENT) if INSTRUMENT in names else -1,
        tuple(names.index(name) for name in own if name in names),
        form,
        {v.form: v.owner for v in variables(protocol) if v.owner in protocol.records and v.field},
        (
            *(Line(f"column {name}", left="not to be read, as was said" if name in ignored
                   else "REDCap's own, not about the subject")
              for at, name in enumerate(names) if name and name != "subject" and at not in found),
            *(Line(f"column {names[at]}", left="0 is not ticked, and nothing else")
              for at, cell in found.items() if cell.ticked),
        ),
    )  # fmt: skip


def _unqualified(
    table: Table, found: Mapping[int, Cell], project: Sequence[Variable], ignored: Collection[str]
) -> Iterator[Fault]:
    """Values whose columns stand there without all of those that qualify them."""
    there = {cell.variable.name for cell in found.values()} | {*ignored}
    values = {v.name: at for at, v in reversed([(at, c.variable) for at, c in found.items()])
              if v.key == "value"}  # fmt: skip
    first: dict[str, int] = {}
    for one in project:
        if one.name in values:
            first.setdefault(one.owner, values[one.name])
    lacking: dict[int, list[str]] = {}
    beside = ""
    for one in project:
        beside = one.name if one.key == "value" else beside
        if one.key in QUALIFIES and one.name not in there:
            at = first.get(one.owner) if one.field == one.key else values.get(beside)
            if at is not None:
                lacking.setdefault(at, []).append(one.name)
    for at, names in lacking.items():
        what = f"stands there without {', '.join(f'`{name}`' for name in names)}"
        hint = "export all fields; if the project has none of these, name them with --ignore"
        yield table.fault(table.heading, at, "unknown-column", what, hint)


@dataclass(frozen=True, slots=True)
class Cell:
    """What a column of an export holds; `ticked` is the code of a checkbox's column."""

    variable: Variable
    ticked: str = ""
