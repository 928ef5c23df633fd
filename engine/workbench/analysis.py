"""What a pack means: its findings, proved or shown.

Those about meaning are proved over all regions of what can be recorded (`engine.regions`), or
shown by a witness that the fired rules have screened; what neither settles is said to be
undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from engine import terms as m
from engine.decide.decision import Screener
from engine.regions.diagrams import Effort
from engine.regions.space import Progress
from engine.terms.protocol import condition_paths
from engine.workbench.cases import Cases
from engine.workbench.findings import Finding
from engine.workbench.findings.classes import classes
from engine.workbench.findings.conditions import conditions
from engine.workbench.findings.criteria import each, nobody, pairs
from engine.workbench.findings.inquiry import Inquiry, inquiry
from engine.workbench.findings.ladders import steps
from engine.workbench.findings.text import from_text
from engine.workbench.findings.windows import validity, windows

MOST_NOTES = 20
"""So many questions that were not decided are named; of more, how many there are is said."""

LONGER = "look longer with `--effort 10`"

Kind = Callable[[Inquiry, Sequence[Finding]], Iterator[Finding]]
"""What makes findings of one kind; it is told those made before."""

KINDS: Sequence[tuple[str, Kind]] = (
    ("criteria", validity),
    ("criteria", each),
    ("pairs of criteria", pairs),
    ("conditions", conditions),
    ("ordered lists", steps),
    ("ordered lists", windows),
    ("ordered lists", classes),
    ("the pack as a whole", nobody),
)
"""Every kind of finding about meaning, in the order in which they are looked for, each with the
stage as which this is shown."""


def findings(
    protocol: m.Protocol,
    screener: Screener | None = None,
    cases: Cases | None = None,
    progress: Progress = lambda *_: None,
    effort: Effort | None = None,
) -> list[Finding]:
    """Every finding, in the pack's order.

    `screener`: the pack's fired rules, by which witnesses are confirmed; made here if None.
    `cases`: the pack's cases, which count as uses of a code. `effort`: what may be spent.
    Raises: EngineFault.
    """
    own = screener or Screener(protocol)
    try:
        asked = inquiry(protocol, own, progress, effort or Effort())
        found: list[Finding] = []
        for stage, kind in KINDS:
            asked.doubts.stage = stage
            found += kind(asked, tuple(found))
    finally:
        if screener is None:
            own.close()
    found = [*from_text(protocol, cases), *found, *_not_decided(asked)]
    files = {name: i for i, name in enumerate(("facts", "eligibility", "cases"))}

    def order(finding: Finding) -> tuple[int, str, int, int, str]:
        place = finding.place
        stem = place.path.rpartition("/")[2].partition(".")[0]
        return files.get(stem, 9), place.path, place.line, place.column, finding.code

    return sorted(found, key=order)


def _not_decided(asked: Inquiry) -> Iterator[Finding]:
    """Each question that was not decided; where they are many, how many of each kind."""
    undecided, effort = asked.doubts.undecided, asked.effort
    first = asked.protocol.criteria[0].place
    places = {path: one.place for path, one in condition_paths(asked.protocol).items()}
    places |= {criterion.id: criterion.place for criterion in asked.protocol.criteria}
    hint = LONGER if effort.spent > effort.limit // 2 else ""
    many = Counter(undecided.values()) if len(undecided) > MOST_NOTES else Counter[str]()
    for what in () if many else undecided:
        said = f"not decided within the limit: {what}"
        yield Finding("undecided", _place_of(what, places, first), said, hint, "undecided")
    said = "; ".join(
        f"{how}: {', '.join(f'{stage} {number:,}' for stage, number in counts.items())}"
        for how, counts in (
            ("questions not decided within the limit", many),
            ("not looked at", asked.doubts.left),
        )
        if counts
    )
    if said:
        yield Finding("undecided", first, said, hint, "undecided")


def _place_of(what: str, places: Mapping[str, m.Span], first: m.Span) -> m.Span:
    """Where the criterion or condition stands that a question names first."""
    words = (word.rstrip(":,") for word in what.split())
    return next((places[word] for word in words if word in places), first)
