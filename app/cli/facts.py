"""`eligo facts`: the data dictionary of a pack, and blank forms made from it."""

from __future__ import annotations

import textwrap
from argparse import Namespace
from collections.abc import Iterator

from app.run.inputs import protocol_from
from app.run.printing import hand_out, put
from engine.record.shape import dump_any
from engine.record.wording import decimal_text
from engine.terms import Agent, Fact, Field, Protocol, RecordList
from engine.terms.agents import use_text
from engine.terms.spellings import unit_choices


def run(arguments: Namespace) -> int:
    """Print the dictionary or a form; returns the exit code."""
    protocol = protocol_from(arguments.protocol)
    if arguments.blank:
        hand_out(blank_subject(protocol))
    elif arguments.csv:
        hand_out(",".join(csv_columns(protocol)) + "\n")
    elif arguments.redcap:
        from engine.exchange.redcap import dictionary_csv

        hand_out(dictionary_csv(protocol))
    elif arguments.questionnaire:
        from engine.exchange.questionnaire import questionnaire
        from engine.exchange.recorded import json_text

        hand_out(json_text(questionnaire(protocol)))
    elif arguments.json:
        hand_out(dump_any(dictionary(protocol)) + b"\n")
    else:
        put("\n".join(described(protocol)))
    return 0


def _kind(fact: Fact | Field) -> str:
    if fact.type == "choice":
        many = "several of " if isinstance(fact, Field) and fact.many else ""
        return many + " | ".join(choice.code for choice in fact.choices)
    if fact.type == "quantity":
        text = f"number in {fact.unit}"
        if fact.range_u is not None:
            text += f", {decimal_text(fact.range_u[0])} to {decimal_text(fact.range_u[1])}"
        if fact.usual_u is not None:
            text += f", usually {decimal_text(fact.usual_u[0])} to {decimal_text(fact.usual_u[1])}"
        if fact.unit_required:
            choices = unit_choices(fact.unit, fact.molar_mass, fact.also_in)
            text += f", with its unit ({' or '.join(choices)})"
        return text
    return {"boolean": "true | false", "date": "date", "text": "text"}[fact.type]


def _about(fact: Fact) -> str:
    parts = []
    if fact.valid_for is not None:
        parts.append(f"good for {fact.valid_for.text}")
    if fact.changes is not None:
        parts.append({"never": "never changes"}.get(fact.changes, f"changes {fact.changes}"))
    if fact.attested_by:
        parts.append(f"needs `by`: stated by the {fact.attested_by}")
    if fact.uln_u is not None:
        parts.append(f"upper limit of normal {decimal_text(fact.uln_u)}")
    if fact.found_in:
        parts.append(f"found in: {fact.found_in}")
    return "; ".join(parts).replace("_", " ")


def described(protocol: Protocol) -> Iterator[str]:
    """The dictionary for people, at 80 columns."""
    yield f"{protocol.title} ({protocol.id} {protocol.version})"
    for heading, derived in (("Facts to record", False), ("Worked out from them", True)):
        facts = [f for f in protocol.facts.values() if (f.derive is not None) == derived]
        if facts:
            yield ""
            yield heading
        for fact in facts:
            yield f"  {fact.name}: {fact.ask}"
            yield from _wrapped(_kind(fact))
            if _about(fact):
                yield from _wrapped(_about(fact))
    for record in protocol.records.values():
        yield ""
        yield f"Record list {record.name}: {record.ask}"
        yield from _wrapped(f"a confirmation that it is complete holds for {record.valid_for.text}")
        if record.found_in:
            yield from _wrapped(f"found in: {record.found_in}")
        for field in record.fields.values():
            yield f"  {field.name}: {field.ask}"
            yield from _wrapped(_kind(field))
        if record.known:
            yield f"  Known by `{record.known_by}`, and what each implies"
        for agent in record.known.values():
            others = f" ({', '.join(agent.synonyms)})" if agent.synonyms else ""
            yield from _wrapped(f"{agent.name}{others}: {_implied(agent)}")


def _implied(agent: Agent) -> str:
    if agent.components:
        return " + ".join(agent.components)
    return " | ".join(use_text(use) for use in agent.uses)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 78, initial_indent="      ", subsequent_indent="      ")


def blank_subject(protocol: Protocol) -> str:
    """A subject file with every recorded fact and list, to be filled in."""
    lines = [
        f"# Blank subject file for {protocol.id} {protocol.version}.",
        "# Leave blank what is not known. A value may carry its date and source:",
        "#   FACT: {value: ..., on: 2026-11-18, source: ..., by: ...}",
        "# or say why it is not known: {unknown: pending} or {unknown: not_done}.",
        "subject: ",
        "facts:",
    ]
    for fact in protocol.facts.values():
        if fact.derive is None:
            lines.append(f"  # {_one_line(fact.ask)} ({_one_line(_kind(fact))})")
            lines.append(f"  {fact.name}: ")
    if protocol.records:
        lines.append("records:")
    for record in protocol.records.values():
        lines += _blank_record(record)
    lines += ["# Keep the next line the last: it says that the file is whole.", "..."]
    return "\n".join(lines) + "\n"


def _blank_record(record: RecordList) -> Iterator[str]:
    yield f"  # {_one_line(record.ask)}"
    yield f"  {record.name}:"
    yield "    complete_on:   # the day on which this list was confirmed complete"
    yield "    entries:       # the entries; if there are none, write `none: true` instead"
    yield "    # each entry: {" + ", ".join(f"{name}: ..." for name in record.fields) + "}"
    for field in record.fields.values():
        yield f"    #   {field.name}: {_one_line(_kind(field))}"
        if record.known and field.name == record.known_by:
            many = len(record.known)
            yield f"    #     one of the {many} names that `eligo facts` lists fills in the rest"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def csv_columns(protocol: Protocol) -> list[str]:
    """The columns of a table with a subject a row (record lists have tables of their own)."""
    columns = ["subject"]
    for fact in protocol.facts.values():
        if fact.derive is not None:
            continue
        columns += [fact.name, f"{fact.name}.on"]
        if fact.type == "quantity":
            columns += [f"{fact.name}.unit", f"{fact.name}.uln"]
        columns.append(f"{fact.name}.source")
        if fact.attested_by:
            columns.append(f"{fact.name}.by")
    for record in protocol.records:
        columns += [f"{record}.complete_on", f"{record}.complete_by", f"{record}.count"]
    return columns


def dictionary(protocol: Protocol) -> dict[str, object]:
    """The dictionary as plain values, for other programs."""
    return {
        "protocol": protocol.id,
        "version": protocol.version,
        "facts": {f.name: _entry(f) for f in protocol.facts.values()},
        "records": {
            r.name: {
                "ask": r.ask,
                "valid_for": r.valid_for.text,
                "fields": {f.name: _entry(f) for f in r.fields.values()},
                **({"known_by": r.known_by, "known": _known(r)} if r.known else {}),
            }
            for r in protocol.records.values()
        },
    }


def _known(record: RecordList) -> dict[str, object]:
    return {
        agent.name: {
            "synonyms": list(agent.synonyms),
            "uses": [{field: list(codes) for field, codes in use.items()} for use in agent.uses],
            "components": list(agent.components),
            "source": agent.source,
        }
        for agent in record.known.values()
    }


def _entry(fact: Fact | Field) -> dict[str, object]:
    entry: dict[str, object] = {"ask": fact.ask, "type": fact.type}
    if fact.choices:
        entry["choices"] = {c.code: c.label for c in fact.choices}
    if fact.type == "quantity":
        entry["unit"] = fact.unit
        if fact.unit_required:
            entry["unit_required"] = True
        if fact.also_in:
            entry["also_in"] = {
                one.unit: {"times": str(one.times), "plus": str(one.plus)} for one in fact.also_in
            }
        if fact.usual_u is not None:
            entry["usual"] = [decimal_text(end) for end in fact.usual_u]
    if isinstance(fact, Fact):
        entry["derived"] = fact.derive is not None
        if fact.valid_for is not None:
            entry["valid_for"] = fact.valid_for.text
        if fact.changes is not None:
            entry["changes"] = fact.changes
        if fact.attested_by:
            entry["attested_by"] = fact.attested_by
    return entry
