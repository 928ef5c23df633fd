"""REDCap: the data dictionary of a pack.

One form holds the facts and the confirmations of lists, and one form each record list; the
list forms are to be enabled as repeating instruments, and so may the form of the facts where
several values over time are wanted. Codes and names follow REDCap's rules for its data
dictionary (18 columns; variable names of at most 100 characters, lower case letters, digits
and underscores, not two underscores in a row, beginning with a letter and not ending with an
underscore).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.exchange.questionnaire import UNKNOWN, asked_only_when
from engine.record.wording import decimal_text
from engine.terms import Choice, Fact, Field, Protocol
from engine.terms.protocol import is_birth_date

COLUMNS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
"""The heading of a data dictionary, as REDCap exports and expects it."""

SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}
SIGN_LABELS = {"lt": "less than", "le": "at most", "gt": "more than", "ge": "at least"}
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Variable:
    """One field of the REDCap project.

    `owner`: the fact, or the record list; `field` its field; `key`: what of it
    (`value`, `partial`, `on`, `complete_on`, ...). `codes`: REDCap's code by ours.
    """

    name: str
    form: str
    owner: str
    key: str
    type: str
    label: str
    field: str = ""
    section: str = ""
    options: tuple[tuple[str, str], ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    note: str = ""
    validation: str = ""
    low: str = ""
    high: str = ""
    identifier: bool = False
    branching: str = ""
    required: bool = False

    def row(self) -> list[str]:
        """The variable as a row of the data dictionary."""
        options = " | ".join(f"{code}, {label}" for code, label in self.options)
        return [
            self.name, self.form, self.section, self.type, self.label, options, self.note,
            self.validation, self.low, self.high, "y" if self.identifier else "", self.branching,
            "y" if self.required else "", "", "", "", "", "",
        ]  # fmt: skip


def dictionary_csv(protocol: Protocol) -> str:
    """The data dictionary of a pack, to be uploaded as it is."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(variable.row() for variable in variables(protocol))
    return stream.getvalue()


class _Names:
    """Names that REDCap accepts, each once."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def new(self, *parts: str) -> str:
        """A name made of parts; a number tells it from one that is taken."""
        name = re.sub(r"[^a-z0-9]+", "_", "_".join(parts).lower()).strip("_")
        if not name[:1].isalpha():
            name = f"f_{name}"
        base, number = name[: LONGEST_NAME - 4].rstrip("_"), 1
        name = base
        while name in self.taken:
            number += 1
            name = f"{base}_{number}"
        self.taken.add(name)
        return name


def variables(protocol: Protocol) -> list[Variable]:
    """Every field of the project, in order; the first is the record id."""
    names, forms = _Names(), _Names()
    names.new("subject")
    facts_form = forms.new("screening")
    names.taken.add(f"{facts_form}_complete")
    list_forms = {record: forms.new(record) for record in protocol.records}
    names.taken |= {f"{form}_complete" for form in list_forms.values()}
    found = [Variable("subject", facts_form, "", "subject", "text", "Study id", required=True)]
    for fact in protocol.facts.values():
        if fact.derive is None:
            found += _fact_variables(protocol, fact, facts_form, names)
    for record in protocol.records.values():
        what = f"{record.ask}: day on which this list was confirmed complete"
        day = names.new(record.name, "complete_on")
        found.append(Variable(day, facts_form, record.name, "complete_on", "text", _label(what),
                              section=_label(record.ask), validation="date_ymd"))  # fmt: skip
        found.append(Variable(names.new(record.name, "complete_by"), facts_form, record.name, "by",
                              "text", "Confirmed by", branching=f"[{day}] <> ''"))  # fmt: skip
        found.append(Variable(names.new(record.name, "count"), facts_form, record.name, "count",
                              "text", "How many entries were confirmed, 0 for none",
                              validation="integer", low="0",
                              branching=f"[{day}] <> ''"))  # fmt: skip
    for name in protocol.records:
        found += _entry_variables(protocol, name, list_forms[name], names)
    return found


def _fact_variables(protocol: Protocol, fact: Fact, form: str, names: _Names) -> Iterator[Variable]:
    value = names.new(fact.name)
    note = f"found in: {fact.found_in}" if fact.found_in else ""
    yield from _value_variables(
        fact, value, form, fact.name, "", names, section=_label(fact.ask), label=_label(fact.ask),
        note=_label(note), identifier=is_birth_date(protocol, fact), branching="",
    )  # fmt: skip
    given = f"[{value}] <> ''"

    def other(key: str, label: str, **more: Any) -> Variable:
        more.setdefault("branching", given)
        return Variable(names.new(fact.name, key), form, fact.name, key, more.pop("type", "text"),
                        label, **more)  # fmt: skip

    yield other("on", "Date of this value", validation="date_ymd", branching="")
    yield other("unknown", "If there is no value, why", type="dropdown",
                options=tuple(UNKNOWN.items()), codes=_same(UNKNOWN),
                branching=f"[{value}] = ''")  # fmt: skip
    yield other("source", "Source", branching="")
    if fact.attested_by:
        yield other("by", f"Stated by (needed: the {_label(fact.attested_by)})", required=True)
    else:
        yield other("by", "Stated by", branching="")
    yield other("note", "Note", branching="")
    yield other("voided", "If this value is wrong: why", branching="")


def _value_variables(
    target: Fact | Field,
    name: str,
    form: str,
    owner: str,
    field: str,
    names: _Names,
    *,
    section: str,
    label: str,
    note: str,
    identifier: bool,
    branching: str,
) -> Iterator[Variable]:
    """The variable for a value, and those for what its type does not hold."""

    def make(variable: str, key: str, type: str, label: str, **more: Any) -> Variable:
        return Variable(variable, form, owner, key, type, label, field, **more)

    here = {"section": section, "note": note, "identifier": identifier, "branching": branching}
    given = f"[{name}] <> ''"
    if target.type == "boolean":
        yield make(name, "value", "yesno", label, **here)
    elif target.type == "choice":
        many = isinstance(target, Field) and target.many
        codes = _codes(target.choices, many)
        labels = {choice.code: choice.label for choice in target.choices}
        options = tuple((theirs, _option(labels[ours])) for ours, theirs in codes)
        kind = "checkbox" if many else "dropdown"
        yield make(name, "value", kind, label, options=options, codes=codes, **here)
    elif target.type == "quantity":
        ends = ("", "")
        if target.range_u is not None:
            ends = (decimal_text(target.range_u[0]), decimal_text(target.range_u[1]))
        yield make(name, "value", "text", f"{label} ({target.unit})", validation="number",
                   low=ends[0], high=ends[1], **here)  # fmt: skip
        yield make(names.new(name, "sign"), "sign", "dropdown", "Beyond the limit of detection",
                   options=tuple(SIGN_LABELS.items()), codes=_same(SIGN_LABELS),
                   branching=given)  # fmt: skip
        yield make(names.new(name, "unit"), "unit", "text", f"Unit, if not {target.unit} (UCUM)",
                   branching=given)  # fmt: skip
        if isinstance(target, Fact):
            yield make(names.new(name, "uln"), "uln", "text",
                       "Upper limit of normal printed with it", validation="number",
                       branching=given)  # fmt: skip
    elif target.type == "date":
        yield make(name, "value", "text", label, validation="date_ymd", **here)
        word = "never" if isinstance(target, Fact) else "ongoing"
        yield make(names.new(name, "partial"), "partial", "text",
                   f"If the day is not known: YYYY-MM or YYYY, or {word}",
                   branching=f"[{name}] = ''")  # fmt: skip
    else:
        yield make(name, "value", "notes", label, **here)


def _entry_variables(
    protocol: Protocol, record: str, form: str, names: _Names
) -> Iterator[Variable]:
    fields = protocol.records[record].fields
    when = asked_only_when(protocol, record)
    own = {name: names.new(record, name) for name in fields}
    for name, one in fields.items():
        branching = ""
        if name in when:
            other, codes = when[name]
            theirs = dict(_codes(fields[other].choices, fields[other].many))
            branching = " or ".join(f"[{own[other]}] = '{theirs[code]}'" for code in codes)
        yield from _value_variables(
            one, own[name], form, record, name, names, section="", label=_label(one.ask), note="",
            identifier=False, branching=branching,
        )  # fmt: skip
    labels = {"source": "Source", "by": "Stated by", "note": "Note",
              "voided": "If this entry is wrong: why"}  # fmt: skip
    for key, label in labels.items():
        if key not in fields:
            name = names.new(record, "entry", key)
            yield Variable(name, form, record, key, "text", label, field=key)


def _codes(choices: tuple[Choice, ...], many: bool) -> tuple[tuple[str, str], ...]:
    """REDCap's code for each of ours: the same where it fits, else its number."""
    codes = [choice.code for choice in choices]
    fit = all(re.fullmatch(r"[A-Za-z0-9_]+", code) for code in codes)
    if many:  # a checkbox makes columns of its codes, in lower case
        fit = fit and len({code.lower() for code in codes}) == len(codes)
    return tuple((code, code if fit else str(n)) for n, code in enumerate(codes, start=1))


def _same(options: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((code, code) for code in options)


def _label(text: str) -> str:
    return " ".join(text.split())


def _option(text: str) -> str:
    """A choice's label; a bar would end it."""
    return _label(text).replace("|", "/")
