"""The screening report of one decision, and the table of many.

`arrange` selects and orders what a reader sees; templates print it. Nothing is recomputed:
no value is compared with a limit, and the verdict, the truths and the days all come from the
record (`engine/record/shape.py`), which is the only input.

Jinja2 and Typst are loaded on first use, so importing this module stays light.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from engine.record.shape import (
    CriterionRecord,
    Decision,
    FieldRecord,
    ListRecord,
    Missing,
    PassedOver,
    ReadingRecord,
    Why,
)
from engine.terms import Kind, Reason, Status, Truth, Verdict
from engine.terms.faults import clean
from reports import wording

if TYPE_CHECKING:
    from engine.plan.record import Plan
from reports.formats import environment, set_pdf

SECTIONS = (
    "verdict",
    "missing",
    "failed",
    "open",
    "passed",
    "assumptions",
    "evidence",
    "lists",
    "signatures",
    "provenance",
)
"""The sections of a report, in order. Every template has a macro of each name."""


LOG = "log"
"""The section that follows them in the report of a decision that is in a log."""


# --- what a page holds -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Says:
    """What a condition found, and the day on which time alone may change it.

    The day is "" if there is none, or if the sentence names it.
    """

    says: str
    changes_on: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to collect, what is wrong with it, where it is found, whom it serves."""

    ask: str
    details: tuple[str, ...]
    found_in: tuple[str, ...]
    criteria: str


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of thing to do, and what to do it to."""

    heading: str
    advice: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion as a reader sees it. `says` is empty on a passed one.

    `outcome` is the short form of `answer` that a passed one has in a table. `note` is how
    it was read: that an assumption stands behind it, or the interpretation of one that
    leaves nothing open.
    """

    id: str
    kind: str
    text: str
    status: Status
    status_word: str
    answer: str
    outcome: str
    says: tuple[Says, ...]
    interpretation: str
    assumed: bool
    note: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One known reading: what was asked, what it came to, and where that stands."""

    ask: str
    value: str
    remarks: tuple[str, ...]
    on: str
    sources: tuple[str, ...]
    good_until: str
    criteria: str


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One entry of a list as recorded: its number, fields and what is to be said of it."""

    number: str
    text: str
    remarks: tuple[str, ...]
    voided: bool


@dataclass(frozen=True, slots=True)
class RecordedList:
    """A list that a criterion reads, whole, and whether it is confirmed complete."""

    ask: str
    confirmation: str
    entries: tuple[ListEntry, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One condition of the trace, with the reading it looked at, in words."""

    node: str
    condition: str
    truth: Truth
    says: str
    reading: str
    children: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Fired:
    """One rule that fired."""

    rule: str
    because: tuple[str, ...]
    concluded: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The appendix: the conditions of every criterion as a tree, and every firing in order."""

    criteria: tuple[tuple[str, Branch], ...]
    firings: tuple[Fired, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a decision stands in a decision log, for its report to print.

    `log` is the log's name; `entry` the index; `time` is UTC. `checkpoint` is the digest of the
    signed checkpoint that the entry was appended with, which covers `size` entries under `root`
    (base64, as checkpoints write it). `decision` is the digest of the record's published line.
    """

    log: str
    entry: int
    time: str
    by: str
    checkpoint: str
    size: int
    root: str
    decision: str

    def code_text(self) -> str:
        """What the QR code says: four lines, each a name and a value."""
        return (
            f"log {self.log}\nentry {self.entry}\ncheckpoint {self.checkpoint}\n"
            f"decision {self.decision}"
        )


@dataclass(frozen=True, slots=True)
class LogSection:
    """What a report says of the log: names and values, and the QR code of them as SVG."""

    rows: tuple[tuple[str, str], ...]
    code: str
    code_alt: str


@dataclass(frozen=True, slots=True)
class Page:
    """A report before it is printed: everything a reader sees, in order, in words.

    Every string is free of control characters and bidirectional overrides. `quoted` is the
    criterion's own text where one criterion alone determined the verdict.
    """

    subject: str
    as_of: str
    protocol: str
    version: str
    verdict: Verdict
    headline: str
    sentence: str
    quoted: str
    look_again_on: str
    look_again_because: tuple[str, ...]
    not_used_lead: str
    not_used: tuple[str, ...]
    origin: str
    missing_lead: str
    missing: tuple[Action, ...]
    failed: tuple[Criterion, ...]
    open: tuple[Criterion, ...]
    passed: tuple[Criterion, ...]
    assumptions: tuple[Criterion, ...]
    evidence: tuple[Evidence, ...]
    lists: tuple[RecordedList, ...]
    signers: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    log: LogSection | None = None
    sections: tuple[str, ...] = SECTIONS


# --- selecting and ordering ------------------------------------------------------------


def _said(text: str) -> str:
    return clean(wording.prose(text))


def arrange(decision: Decision, logged: Logged | None = None) -> Page:
    """What the report of `decision` shows, in the order in which it shows it.

    `logged`: where it stands in a decision log, if it does.
    """
    criteria = decision["criteria"]
    views = [_criterion(criterion) for criterion in criteria]
    failed = tuple(view for view in views if view.status == "failed")
    missing = _missing(criteria)
    as_of = wording.day_words(decision["as_of"])
    sentence, quoted = _verdict(decision, as_of)
    again = decision["look_again"]
    # Records of before `eligo.decision/2` do not say what was not used.
    used, not_asked = _not_used(decision.get("passed_over", []))
    lists = tuple(_list(one) for one in decision.get("records", []))
    left_out = () if lists else ("lists",)
    protocol, software = decision["protocol"], decision["software"]
    return Page(
        subject=clean(decision["subject"]),
        as_of=as_of,
        protocol=clean(protocol["title"]),
        version=clean(protocol["version"]),
        verdict=decision["verdict"],
        headline=wording.VERDICT[decision["verdict"]],
        sentence=sentence,
        quoted=quoted,
        look_again_on=wording.day_words(again["on"]) if again else "",
        look_again_because=tuple(_said(reason) for reason in again["because"]) if again else (),
        not_used_lead=wording.not_used(len(used)) if used else "",
        not_used=(*used, *not_asked),
        origin=_origin(decision),
        missing_lead=wording.CANNOT_CHANGE if failed and missing else "",
        missing=missing,
        failed=failed,
        open=tuple(view for view in views if view.status == "open"),
        passed=tuple(view for view in views if view.status == "passed"),
        assumptions=tuple(view for view in views if view.assumed),
        evidence=_evidence(criteria),
        lists=lists,
        signers=wording.SIGNERS,
        provenance=(
            ("Subject", clean(decision["subject"])),
            ("As of", as_of),
            ("Protocol", clean(f"{protocol['title']} ({protocol['id']})")),
            ("Protocol version", clean(protocol["version"])),
            ("Protocol digest", clean(protocol["digest"])),
            ("Facts digest", clean(decision["facts_digest"])),
            (
                "Software",
                clean(
                    f"Eligo {software['eligo']}, durable_rules {software['durable_rules']},"
                    f" Python {software['python']}"
                ),
            ),
            ("Record", clean(decision["schema"])),
        ),
        log=_log_section(logged) if logged else None,
        sections=(
            *(name for name in SECTIONS if name not in left_out),
            *((LOG,) if logged else ()),
        ),
    )


def _not_used(passed: Sequence[PassedOver]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was recorded and not used, each with its place; apart, what no criterion asks for."""
    used, not_asked = [], Counter[str]()
    for one in passed:
        if one["message"]["id"] in ("passed.not_asked", "passed.entry_not_asked"):
            not_asked[one["message"]["arguments"]["ask"]] += 1
        else:
            used.append(f"{_said(one['says'])} ({clean(one['where'])})")
    if not not_asked:
        return tuple(used), ()
    each = [f"{clean(ask)}{f' ({n})' if n > 1 else ''}" for ask, n in not_asked.items()]
    return tuple(used), (f"{wording.NOT_ASKED}: {', '.join(each)}",)


def _origin(decision: Decision) -> str:
    imported = decision.get("imported")
    if imported is None:
        return ""
    text = f"Imported from {clean(imported['from'])}"
    if not imported["whole"]:
        text += f", {wording.NOT_WHOLE}"
    if imported["left_out"]:
        count = imported["left_out"]
        text += f"; {count} thing{'s' if count > 1 else ''} of it left out"
    return text


def _list(record: ListRecord) -> RecordedList:
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


def _log_section(logged: Logged) -> LogSection:
    return LogSection(
        rows=(
            ("Log", clean(logged.log)),
            ("Entry", str(logged.entry)),
            ("Logged", clean(f"{logged.time} by {logged.by}")),
            ("Checkpoint", logged.checkpoint),
            (
                "which covers",
                f"{logged.size} entr{'y' if logged.size == 1 else 'ies'}, root {logged.root}",
            ),
            ("Decision digest", logged.decision),
        ),
        code=qr_code(logged.code_text()),
        code_alt=f"QR code of the log, entry {logged.entry}, its checkpoint and decision digest",
    )


def qr_code(text: str) -> str:
    """`text` as a QR code in SVG, black on white with its quiet zone of four modules.

    Source: ISO/IEC 18004, error correction level M.
    """
    import segno

    svg = BytesIO()
    segno.make_qr(text, error="m", boost_error=False, encoding="utf-8").save(
        svg, kind="svg", border=4, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False
    )
    return svg.getvalue().decode("ascii")


def _verdict(decision: Decision, as_of: str) -> tuple[str, str]:
    """The verdict in one sentence without its full stop, and the one criterion to quote."""
    verdict, by, total = decision["verdict"], decision["determined_by"], len(decision["criteria"])
    head = f"{wording.VERDICT[verdict]} on {as_of}"
    if verdict == "eligible":
        every = f"all {total} criteria passed" if total != 1 else "the one criterion passed"
        return f"{head}, because {every}", ""
    verb = ("failed", "failed") if verdict == "ineligible" else ("is open", "are open")
    if len(by) == 1:
        text = next((c["text"] for c in decision["criteria"] if c["id"] == by[0]), "")
        return f"{head}, because criterion {clean(by[0])} {verb[0]}", clean(text)
    ids = wording.listed(tuple(clean(name) for name in by))
    return f"{head}, because {len(by)} of {total} criteria {verb[1]}: {ids}", ""


def _criterion(record: CriterionRecord) -> Criterion:
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
    return Criterion(
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
    return Says(_said(says), "" if day in says else wording.day_words(day))


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


def _missing(criteria: Sequence[CriterionRecord]) -> tuple[Action, ...]:
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
        thing.details[_said(missing["detail"])] = None
    if missing.get("found_in"):
        thing.found_in[clean(missing["found_in"])] = None


def _evidence(criteria: Sequence[CriterionRecord]) -> tuple[Evidence, ...]:
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
    reading = why.get("reading")
    if reading is not None and reading["value"] is not None:
        yield reading
    for child in why["children"]:
        yield from _known(child)


def _one_evidence(reading: ReadingRecord, used_for: str) -> Evidence:
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
    return Evidence(
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


def _trace(decision: Decision) -> Trace:
    return Trace(
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
        condition=_said(why["condition"]),
        truth=why["truth"],
        says=_said(why.get("says", "")),
        reading=f"{clean(reading['fact'])}: {_value(reading)}" if reading else "",
        children=tuple(_branch(child) for child in why["children"]),
    )


# --- printing --------------------------------------------------------------------------


def as_text(
    decision: Decision,
    *,
    trace: bool = False,
    plan: Plan | None = None,
    logged: Logged | None = None,
) -> str:
    """The report as plain text, at most 80 columns wide but for words that are longer."""
    return _render("screening.txt.j2", decision, trace, plan, logged)


def as_markdown(
    decision: Decision,
    *,
    trace: bool = False,
    plan: Plan | None = None,
    logged: Logged | None = None,
) -> str:
    """The report as Markdown (CommonMark with tables)."""
    return _render("screening.md.j2", decision, trace, plan, logged)


def as_html(
    decision: Decision,
    *,
    trace: bool = False,
    plan: Plan | None = None,
    logged: Logged | None = None,
) -> str:
    """The report as one HTML file that needs nothing beside it and runs no script."""
    return _render("screening.html.j2", decision, trace, plan, logged)


def as_typst(
    decision: Decision,
    *,
    trace: bool = False,
    plan: Plan | None = None,
    logged: Logged | None = None,
) -> str:
    """The report as Typst source, which `as_pdf` sets."""
    return _render("screening.typ.j2", decision, trace, plan, logged)


def as_pdf(
    decision: Decision,
    *,
    trace: bool = False,
    plan: Plan | None = None,
    logged: Logged | None = None,
) -> bytes:
    """The report as a tagged A4 PDF (PDF/UA-1) with its fonts inside.

    The same record gives the same bytes: there is no date of creation in the file, and only
    the fonts that are shipped here are used.
    """
    return set_pdf(as_typst(decision, trace=trace, plan=plan, logged=logged))


def _render(
    template: str, decision: Decision, trace: bool, plan: Plan | None, logged: Logged | None
) -> str:
    """Print a decision; with a plan, the section "What next" stands after the verdict."""
    following = None
    if plan is not None:
        from reports.plan import arrange as arrange_plan

        following = arrange_plan(plan)
    return (
        environment(template.endswith(".html.j2"))
        .get_template(template)
        .render(
            page=arrange(decision, logged),
            trace=_trace(decision) if trace else None,
            plan=following,
        )
    )
