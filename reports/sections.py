"""The sections of a screening report, each from the decision record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.record.shape import (
    CriterionRecord,
    Decision,
    FieldRecord,
    ListRecord,
    Missing,
    ReadingRecord,
    Why,
)
from engine.terms import Kind, Reason, Status
from engine.terms.faults import clean
from reports import wording

if TYPE_CHECKING:
    pass
from reports.page import (
    Action,
    Branch,
    CriterionView,
    EvidenceRow,
    Fired,
    Item,
    ListEntry,
    RecordedList,
    Says,
    TraceSection,
)


def said_of(text: str) -> str:
    return clean(wording.prose(text))


def list_of(record: ListRecord) -> RecordedList:
    entries = []
    for number, entry in enumerate(record["entries"], start=1):
        voided = entry.get("voided", False)
        remarks = [wording.VOIDED] if voided else []
        known = tuple(clean(name) for name in entry.get("known", ()))
        match entry.get("standing"):
            case "not_listed":
                remarks.append(wording.NOT_LISTED)
            case "holds_listed":
                remarks.append(f"{wording.HOLDS_LISTED} {wording.listed(known)}")
            case "listed":
                said = {str(field["value"]).casefold() for field in entry["fields"]}
                if not {name.casefold() for name in known} & said:
                    remarks.append(f"listed as {wording.listed(known)}")
        remarks += [
            f"{wording.CONFIRM}: {clean(field['ask'])}"
            for field in entry["fields"]
            if field.get("confirm")
        ]
        if note := entry.get("note"):
            remarks.append(clean(note))
        if source := entry.get("source"):
            remarks.append(clean(source))
        if by := entry.get("by"):
            remarks.append(f"by {clean(by)}")
        text = "; ".join(map(_field, entry["fields"])) or "nothing is recorded of it"
        entries.append(ListEntry(str(number), text, tuple(remarks), bool(voided)))
    return RecordedList(clean(record["ask"]), _confirmation(record), tuple(entries))


def _field(field: FieldRecord) -> str:
    value, unit = field["value"], field.get("unit", "")
    if isinstance(value, list):
        text = ", ".join(field.get("labels", value))
    else:
        text = wording.value_words(value, unit, field.get("label", ""))
    return clean(f"{field['ask']}: {field.get('sign', '')}{text}")


def _confirmation(record: ListRecord) -> str:
    """Whether a list is confirmed complete, in a sentence."""
    found = record["confirmation"]
    if found is None:
        return "Not confirmed complete."
    text = f"Confirmed complete on {wording.day_words(found['complete_on'])}"
    if by := found.get("by"):
        text += f" by {clean(by)}"
    if source := found.get("source"):
        text += f" ({clean(source)})"
    if (count := found.get("count")) is not None:
        text += f", with {count} entr{'y' if count == 1 else 'ies'}"
    doubt = found.get("doubt")
    if doubt is not None:
        return f"{text}, {wording.DOUBT[doubt]}."
    return f"{text}." if found["counts"] else f"{text}, which is not relied on for this day."


def criterion_of(record: CriterionRecord) -> CriterionView:
    kind: Kind = record["kind"]
    status: Status = record["status"]
    says: tuple[Says, ...] = ()
    if status != "passed":
        # a dict keeps the first place of each sentence and drops its repeats
        says = tuple(
            dict.fromkeys(_says(leaf) for leaf in deciding(record["why"]) if "says" in leaf)
        )
    interpretation = clean(record["interpretation"])
    assumed = record["basis"] == "assumed"
    read_as = f"Read as: {interpretation}" if interpretation else ""
    return CriterionView(
        id=clean(record["id"]),
        kind=wording.KIND[kind],
        text=clean(record["text"]),
        status=status,
        status_word=wording.STATUS[status],
        answer=wording.ANSWER[kind, status],
        outcome=wording.PASSED[kind] if status == "passed" else "",
        says=says,
        interpretation=interpretation,
        assumed=assumed,
        note=wording.ASSUMED if assumed else read_as,
    )


def _says(leaf: Why) -> Says:
    says, day = leaf["says"], leaf.get("changes_on", "")
    return Says(said_of(says), "" if day in says else wording.day_words(day))


def deciding(why: Why) -> Iterator[Why]:
    """The leaves that made a condition true, false or unknown, by truth values alone.

    Under `all` and `any` these are the children that share the condition's truth; under a
    `not` that is decided the child has the opposite truth, and none shares it.
    """
    if not why["children"]:
        yield why
        return
    alike = [child for child in why["children"] if child["truth"] == why["truth"]]
    for child in alike or why["children"]:
        yield from deciding(child)


@dataclass(slots=True)
class _Gathered:
    ask: str
    details: dict[str, None] = field(default_factory=dict)
    found_in: dict[str, None] = field(default_factory=dict)
    criteria: dict[str, None] = field(default_factory=dict)


def actions_of(criteria: Sequence[CriterionRecord]) -> tuple[Action, ...]:
    """What open criteria lack, by what to do, then by what to collect in protocol order."""
    groups: dict[Reason, dict[str, _Gathered]] = {reason: {} for reason in wording.TO_DO}
    for criterion in criteria:
        for missing in criterion["missing"]:
            _gather(groups[missing["reason"]], missing, criterion["id"])
    return tuple(
        Action(
            wording.TO_DO[reason].heading,
            wording.TO_DO[reason].advice,
            tuple(
                Item(
                    ask=clean(thing.ask),
                    details=tuple(thing.details),
                    found_in=tuple(thing.found_in),
                    criteria=", ".join(thing.criteria),
                )
                for thing in things.values()
            ),
        )
        for reason, things in groups.items()
        if things
    )


def _gather(things: dict[str, _Gathered], missing: Missing, criterion: str) -> None:
    thing = things.setdefault(missing["collect"], _Gathered(missing["ask"]))
    thing.criteria[clean(criterion)] = None
    if missing["detail"]:
        thing.details[said_of(missing["detail"])] = None
    if missing.get("found_in"):
        thing.found_in[clean(missing["found_in"])] = None


def evidence_of(criteria: Sequence[CriterionRecord]) -> tuple[EvidenceRow, ...]:
    """Every distinct known reading, in the order in which the criteria first look at it."""
    found: dict[str, list[tuple[ReadingRecord, dict[str, None]]]] = {}
    for criterion in criteria:
        for reading in _known(criterion["why"]):
            same = found.setdefault(reading["fact"], [])
            for other, used_for in same:
                if other == reading:
                    used_for[clean(criterion["id"])] = None
                    break
            else:
                same.append((reading, {clean(criterion["id"]): None}))
    return tuple(
        _one_evidence(reading, ", ".join(used_for))
        for same in found.values()
        for reading, used_for in same
    )


def _known(why: Why) -> Iterator[ReadingRecord]:
    for reading in (why.get("reading"), why.get("against")):
        if reading is not None and reading["value"] is not None:
            yield reading
    for child in why["children"]:
        yield from _known(child)


def _one_evidence(reading: ReadingRecord, used_for: str) -> EvidenceRow:
    remarks, sources = [], []
    value = _value(reading)
    if recorded := reading.get("recorded"):
        if isinstance(reading["value"], dict):  # `>12 weeks` reads better than its ends
            remarks.append(f"read as {value}")
            value = clean(recorded)
        else:
            remarks.append(f"recorded as {clean(recorded)}")
    if uln := reading.get("uln"):
        remarks.append(f"upper limit of normal {clean(uln)}")
    if reading.get("confirm"):
        remarks.append(wording.CONFIRM)
    if note := reading.get("note"):
        remarks.append(clean(note))
    remarks += [wording.prose(clean(line)) for line in reading.get("follows_from", ())]
    if source := reading.get("source"):
        sources.append(clean(source))
    if by := reading.get("by"):
        sources.append(f"by {clean(by)}")
    if entry := reading.get("entry"):
        sources.append(f"entry {clean(entry)}")
    return EvidenceRow(
        ask=clean(reading["ask"]),
        value=value,
        remarks=tuple(remarks),
        on=_observed(reading),
        sources=tuple(sources),
        good_until=wording.day_words(reading.get("good_until", "")),
        criteria=used_for,
    )


def _observed(reading: ReadingRecord) -> str:
    """The day of observation, or the days that it can be of."""
    if "within" in reading:
        return wording.value_words(reading["within"])
    if "not_after" in reading:
        return f"not after {wording.day_words(reading['not_after'])}"
    return wording.day_words(reading.get("on", ""))


def _value(reading: ReadingRecord) -> str:
    value = reading["value"]
    if value is None:
        return f"not known ({reading.get('reason', '')})"
    return clean(wording.value_words(value, reading.get("unit", ""), reading.get("label", "")))


def trace_of(decision: Decision) -> TraceSection:
    return TraceSection(
        criteria=tuple((clean(c["id"]), _branch(c["why"])) for c in decision["criteria"]),
        firings=tuple(
            Fired(
                clean(firing["rule"]),
                tuple(clean(fact) for fact in firing["because"]),
                clean(firing["concluded"]),
            )
            for firing in decision["firings"]
        ),
    )


def _branch(why: Why) -> Branch:
    reading = why.get("reading")
    return Branch(
        node=clean(why["node"]),
        condition=said_of(why["condition"]),
        truth=why["truth"],
        says=said_of(why.get("says", "")),
        reading=f"{clean(reading['fact'])}: {_value(reading)}" if reading else "",
        children=tuple(_branch(child) for child in why["children"]),
    )
