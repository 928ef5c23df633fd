"""What a pack means: its findings, proved or shown.

Those about meaning are proved over all regions of what can be recorded (`engine.regions`), or
shown by a witness that the fired rules have screened; what neither settles is said to be
undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext

from engine import terms as m
from engine.decide.decision import Screener
from engine.record.wording import leaf_text
from engine.regions.asked import pack_leaves
from engine.regions.diagrams import Effort
from engine.regions.free import is_free
from engine.regions.space import Progress
from engine.workbench.cases import Cases
from engine.workbench.findings import Finding
from engine.workbench.findings.asking import Bench, Known, Left, Question, Said, bench_of
from engine.workbench.findings.classes import classes
from engine.workbench.findings.conditions import inside
from engine.workbench.findings.criteria import each_alone, nobody, pairs
from engine.workbench.findings.ladders import ordered_lists
from engine.workbench.findings.text import from_text
from engine.workbench.findings.windows import windows

FINDINGS: tuple[tuple[str, Callable[[Bench, Known], Said[Known]]], ...] = (
    ("criteria", each_alone),
    ("pairs of criteria", pairs),
    ("conditions", inside),
    ("ordered lists", ordered_lists),
    ("ordered lists", windows),
    ("ordered lists", classes),
    ("the pack as a whole", nobody),
)
"""Every finding about meaning, in the order of asking, by what it is about. What one comes to
know the next goes on from; what it leaves open is counted by what it is about."""

MOST_NOTES = 20
"""So many questions that were not decided are named; of more, how many there are is said."""

FEW_NOTES = 3
"""The same, where tests that are not looked into leave them open."""

TAKEN = "taken as coming out in any way"
LONGER = "look longer with `--effort 10`"


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
    found = [*from_text(protocol, cases)]
    with nullcontext(screener) if screener else Screener(protocol) as own:
        found += _about_meaning(bench_of(protocol, own, effort or Effort(), progress))
    files = {name: i for i, name in enumerate(("facts", "eligibility", "cases"))}

    def order(finding: Finding) -> tuple[int, str, int, int, str]:
        place = finding.place
        stem = place.path.rpartition("/")[2].partition(".")[0]
        return files.get(stem, 9), place.path, place.line, place.column, finding.code

    return sorted(found, key=order)


def _about_meaning(bench: Bench) -> Iterator[Finding]:
    open_: dict[str, tuple[m.Span, str]] = {}  # questions, with the place and what they are about
    left: dict[str, int] = {}
    stage = ""
    for one in _in_order(bench):
        if isinstance(one, Finding):
            yield one
        elif isinstance(one, Question):
            open_.setdefault(one.words, (one.place, stage))
        elif isinstance(one, Left):
            left[stage] = one.number
        else:
            stage = one
    yield from _not_decided(bench, open_, left)


def _in_order(bench: Bench) -> Iterator[str | Finding | Question | Left]:
    """What each finding comes to, after what it is about."""
    known = Known()
    for stage, find in FINDINGS:
        yield stage
        known = yield from find(bench, known)


def _not_cut(protocol: m.Protocol) -> str:
    """A hint at the tests that the analysis takes as coming out in any way."""
    tests = [
        leaf_text(leaf, protocol.facts) for leaf in pack_leaves(protocol) if is_free(protocol, leaf)
    ]
    return f"{TAKEN}: {', '.join(tests[:3])}" if tests else ""


def _not_decided(
    bench: Bench, open_: dict[str, tuple[m.Span, str]], left: dict[str, int]
) -> Iterator[Finding]:
    """Each question that was not decided; where they are many, how many of each kind."""
    hint = LONGER if bench.effort.spent > bench.effort.limit // 2 else _not_cut(bench.protocol)
    # What turns on tests that are not looked into leaves one question open after another.
    most = FEW_NOTES if hint.startswith(TAKEN) else MOST_NOTES
    many = Counter(stage for _, stage in open_.values()) if len(open_) > most else Counter()
    for what, (place, _) in () if many else open_.items():
        said = f"not decided within the limit: {what}"
        yield Finding("undecided", place, said, hint, "undecided")
    said = "; ".join(
        f"{how}: {', '.join(f'{stage} {number:,}' for stage, number in counts.items())}"
        for how, counts in (
            ("questions not decided within the limit", many),
            ("not looked at", left),
        )
        if counts
    )
    if said:
        place = bench.protocol.criteria[0].place
        yield Finding("undecided", place, said, hint, "undecided")
