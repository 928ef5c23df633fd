"""The screening report of one decision, and the table of many.

`arrange` selects and orders what a reader sees; templates print it. Nothing is recomputed:
no value is compared with a limit, and the verdict, the truths and the days all come from the
record (`engine/record/shape.py`), which is the only input.

Jinja2 and Typst are loaded on first use, so importing this module stays light.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from engine.record.shape import (
    Decision,
    PassedOver,
)
from engine.terms.faults import clean
from reports import wording

if TYPE_CHECKING:
    from engine.plan.record import Plan
from reports.formats import environment, set_pdf
from reports.page import (
    SECTIONS,
    Logged,
    LogSection,
    Page,
)
from reports.sections import actions_of, criterion_of, evidence_of, list_of, said_of, trace_of

LOG = "log"
"""The section that follows them in the report of a decision that is in a log."""


def arrange(decision: Decision, logged: Logged | None = None) -> Page:
    """What the report of `decision` shows, in the order in which it shows it.

    `logged`: where it stands in a decision log, if it does.
    """
    criteria = decision["criteria"]
    views = [criterion_of(criterion) for criterion in criteria]
    failed = tuple(view for view in views if view.status == "failed")
    missing = actions_of(criteria)
    as_of = wording.day_words(decision["as_of"])
    sentence, quoted = _verdict(decision, as_of)
    again = decision["look_again"]
    # Records of before `eligo.decision/2` do not say what was not used.
    used, not_asked = _not_used(decision.get("passed_over", []))
    lists = tuple(list_of(one) for one in decision.get("records", []))
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
        look_again_because=tuple(said_of(reason) for reason in again["because"]) if again else (),
        not_used_lead=wording.not_used(len(used)) if used else "",
        not_used=(*used, *not_asked),
        origin=_origin(decision),
        missing_lead=wording.CANNOT_CHANGE if failed and missing else "",
        missing=missing,
        failed=failed,
        open=tuple(view for view in views if view.status == "open"),
        passed=tuple(view for view in views if view.status == "passed"),
        assumptions=tuple(view for view in views if view.assumed),
        evidence=evidence_of(criteria),
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
            used.append(f"{said_of(one['says'])} ({clean(one['where'])})")
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
            trace=trace_of(decision) if trace else None,
            plan=following,
        )
    )
