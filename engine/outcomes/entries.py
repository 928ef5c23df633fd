"""One entry of a graded list as a subject file, and what `eligo outcomes` makes of it.

The classes of a scale are analysed entry by entry, where an entry's fields stand as facts. A
person screens files: here such facts become one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from engine import terms as m
from engine.regions.asked import PERSON, Plain, fitted, subject_from
from engine.terms.faults import InputRejected

if TYPE_CHECKING:
    from engine.outcomes.patient import OutcomeScreener


def entry_file(recorded: Plain, protocol: m.Protocol, records: str, as_of: date) -> Plain:
    """A subject file with one entry of a list, from what was recorded as facts.

    Raises: InputRejected where a file cannot say it so.
    """
    assert protocol.outcomes is not None
    scope = protocol.outcomes.scopes[records]
    known = fitted(recorded, replace(protocol, facts=scope.facts))
    today = as_of.isoformat()
    entry: Plain = {scope.dated: today}
    start = protocol.facts[protocol.outcomes.start]
    facts: Plain = {start.name: {"value": today, "on": today}}
    if start.attested_by:
        facts[start.name]["by"] = PERSON
    for name, said in known["facts"].items():
        if name not in scope.fields:
            facts[name] = said
            continue
        # An entry speaks on its day, and has no limits of normal of its own.
        if said.keys() - {"value", "unit", "on", "by"} or said["on"] != today:
            raise InputRejected([])
        unit = said.get("unit")
        entry[name] = {"value": said["value"], "unit": unit} if unit else said["value"]
    lists = dict(known["records"])
    there = lists.get(records, {"entries": []})
    lists[records] = {**there, "entries": [entry, *there["entries"]]}
    return {"facts": facts, "records": lists}


def entry_answers(
    file: Plain, protocol: m.Protocol, records: str, screener: OutcomeScreener, as_of: date
) -> Mapping[str, str]:
    """Of the first entry of a list, whether it is of each class and shows each event.

    Raises: InputRejected where the file is not read as it stands, or the entry not graded.
    """
    subject = subject_from(file, protocol, as_of, "WITNESS")
    if fitted(file, protocol) != file:
        raise InputRejected([])
    here = f"records.{records}.entries[0]"
    said = {
        one["id"]: one["answer"]
        for proof in screener.outcome(subject, as_of)["proofs"]
        if proof["entry"] == here
        for one in proof["conclusions"]
    }
    if not said:
        raise InputRejected([])
    return said
