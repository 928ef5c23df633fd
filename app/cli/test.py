"""`eligo test`: run a pack's cases, see what they cover, and what mistakes they would miss."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from app.run.exits import DOUBT, FOUND, REJECTED
from app.run.inputs import path_text, print_faults, say, stages, tell, unwritable
from app.run.packs import read_all
from app.run.printing import put
from app.store.shipped import schemas_for, shipped_pack
from app.store.writing import made_folder, write_file
from engine.decide.decision import Screener
from engine.read.source import read_document, shorten
from engine.reference.evaluator import answers, readings, statuses, truths, verdict
from engine.regions.asked import Plain, fitted
from engine.regions.diagrams import Effort
from engine.regions.space import Space
from engine.terms import Answer, Protocol
from engine.terms.faults import EngineFault, InputRejected, filled
from engine.workbench import judging
from engine.workbench.analysis import LONGER, MOST_NOTES
from engine.workbench.cases import Case, Cases, Ran, chosen, run_case
from engine.workbench.coverage import Coverage, Obligation, coverage, shows
from engine.workbench.findings import BASE
from engine.workbench.judging import Judged
from engine.workbench.mutants import mutants
from engine.workbench.witness import Witness, change_lines, flow, folded, quoted, screened

SUGGESTED = "suggested.yaml"
HEADING = """\
# Suggested by `eligo test`. Each says what the pack does now: read it, and correct the pack
# or the case where that is not what the protocol means. Then move it to its criterion's file.
cases:
"""

T = TypeVar("T")


def run(arguments: Namespace) -> int:
    """Run the cases; returns the exit code."""
    folder = arguments.protocol or shipped_pack()
    protocol, cases = read_all(folder)
    if cases.faults:
        print_faults(cases.faults)
        return REJECTED
    try:
        picked = chosen(cases.cases, arguments.run or "")
    except (re.error, OverflowError, RecursionError) as error:
        say(filled(f"--run: `{shorten(arguments.run)}` is not a pattern: {error}"))
        return REJECTED
    if cases.cases and not picked:
        say(filled(f"--run: no case's file and name hold `{shorten(arguments.run or '')}`"))
        return FOUND
    if not picked and not (arguments.coverage or arguments.mutate):
        say(filled(f"{path_text(folder)} has no cases"))
        return FOUND
    try:
        with Screener(protocol) as screener:
            return _tested(arguments, folder, protocol, cases, picked, screener)
    except EngineFault as fault:
        say(f"engine fault: {fault.where}")
        return DOUBT


def _tested(
    arguments: Namespace,
    folder: Path,
    protocol: Protocol,
    cases: Cases,
    picked: Sequence[Case],
    screener: Screener,
) -> int:
    ran = [run_case(screener, case) for case in progress(picked, "case")]
    failed = [one for one in ran if one.differences]
    print_failures(failed)
    if ran:
        put(f"{_count(len(ran), 'case')}: {len(ran) - len(failed)} passed, {len(failed)} failed")
    else:
        tell(f"{path_text(folder)} has no cases: nothing is covered yet")
    code = FOUND if failed or not ran else 0
    if not (arguments.coverage or arguments.mutate):
        return code
    as_of = _usual_day(picked)
    suggestions: list[list[str]] = []
    made = mutants(protocol) if arguments.mutate else []
    effort = partial(Effort, times=arguments.effort)
    space = Space([protocol], as_of, judging.asked_by(made), effort=effort())
    suggest = _Suggester(protocol, cases, screener, as_of)
    if arguments.coverage:
        plain = space if not made else Space([protocol], as_of, effort=effort())
        with stages() as reached:
            passing = [one.case for one in ran if not one.differences]
            found = coverage(protocol, passing, plain, screener, reached)
        suggestions += _print_coverage(found, protocol, suggest)
        code = max(code, FOUND if found.percent < 100 else 0)
    if arguments.mutate:
        judged = list(
            progress(judging.judge(protocol, picked, space, screener, made), "mutant", len(made))
        )
        suggestions += _print_mutants(judged, protocol, suggest)
        left = sum(one.fate in ("survived", "undecided") for one in judged)
        code = max(code, FOUND if left else 0)
    unique = list({_without_name(lines): lines for lines in suggestions}.values())
    if arguments.write and unique:
        try:
            where = write_suggestions(folder, unique)
        except OSError as error:
            say(unwritable(folder / "cases" / SUGGESTED, error).text())
            return REJECTED
        put(f"{_count(len(unique), 'case')} appended to {where.as_posix()}: read them")
    return code


def _usual_day(cases: Iterable[Case]) -> date:
    """The as-of date of most cases, of those for which an analysis holds (WORKBENCH, section 1)."""
    days = Counter(case.as_of for case in cases if 2000 <= case.as_of.year <= 2099)
    return days.most_common(1)[0][0] if days else BASE


def _without_name(lines: Sequence[str]) -> tuple[str, ...]:
    start = next(i for i, line in enumerate(lines) if line.startswith("    as_of:"))
    return tuple(lines[start:])


# --- cases ------------------------------------------------------------------------------


def print_failures(failed: Iterable[Ran]) -> None:
    """Each failed case: where it stands, what was expected, what came out and why."""
    for one in failed:
        place = one.case.place
        tell(f"{place.path}:{place.line}: failed: {one.case.name}")
        for difference in one.differences:
            tell(f"  {difference.what}: expected {difference.expected}, found {difference.found}")
            for because in difference.because.split("; "):
                if because:
                    tell(f"    {because}", "      ")


def quickly_failing(protocol: Protocol, cases: Sequence[Case], screener: Screener) -> list[Ran]:
    """The cases that fail, found by the reference evaluator and run again by the rules."""
    failing = []
    for case in cases:
        found = truths(protocol, readings(protocol, case.subject, case.as_of), case.as_of)
        said = answers(protocol, found)
        wrong = any(said[name] != expected for name, expected in case.answers.items())
        if wrong or case.verdict not in (None, verdict(statuses(protocol, said))):
            failing.append(case)
    return [run_case(screener, case) for case in failing]


# --- what is missing, and cases that would show it ----------------------------------------


class _Suggester:
    """Turns a witness into a case, on top of a base of the pack where that shows the same."""

    def __init__(self, protocol: Protocol, cases: Cases, screener: Screener, as_of: date) -> None:
        self.protocol, self.screener, self.as_of = protocol, screener, as_of
        self.bases = cases.bases
        self.names = {case.name for case in cases.cases}

    def case(
        self, name: str, witness: Witness, criterion: str, answer: Answer | None,
        shown: Callable[[Plain], bool],
    ) -> list[str]:  # fmt: skip
        """The lines of a case; it expects what the fired rules say.

        `shown`: whether something recorded still shows what the witness does.
        """
        name = self._unused(name)
        recorded = fitted(witness.recorded, self.protocol)
        for base, plain in self.bases.items():
            whole = {
                part: {**(plain.get(part) or {}), **recorded[part]} for part in ("facts", "records")
            }
            try:
                if not shown(whole):
                    continue
                decision = screened(self.screener, whole, witness.as_of)
            except (InputRejected, EngineFault):
                continue
            said = {c["id"]: c["answer"] for c in decision["criteria"]}
            if not criterion or said[criterion] == answer:
                change = change_lines(recorded, "      ")
                named = folded(f"    base: {flow(base)}")
                body = [*named, *(["    change:"] if change else []), *change]
                return self._lines(
                    name, witness.as_of, body, criterion, answer, decision["verdict"]
                )
        lines = ["subject: CASE", *change_lines(recorded)]
        body = ["    subject:", *(f"      {line}" for line in lines)]
        return self._lines(name, witness.as_of, body, criterion, answer, witness.verdict)

    def _unused(self, name: str) -> str:
        """A name that no case has: one may be left of an earlier suggestion for the same place."""
        found, number = name, 1
        while found in self.names:
            number += 1
            found = f"{name} ({number})"
        self.names.add(found)
        return found

    def _lines(
        self, name: str, as_of: date, body: list[str], criterion: str,
        answer: Answer | None, verdict: str,
    ) -> list[str]:  # fmt: skip
        said = f"answers: {{{criterion}: {answer}}}, " if criterion and answer else ""
        return [
            *folded(f"  - name: {quoted(name)}"),
            f"    as_of: {as_of.isoformat()}",
            *body,
            f"    expect: {{{said}verdict: {verdict}}}",
        ]


def _print_coverage(found: Coverage, protocol: Protocol, suggest: _Suggester) -> list[list[str]]:
    whole = found.met + len(found.uncovered) + len(found.undecided)
    suggestions = []
    for one in found.uncovered:
        tell(f"{_at(one.obligation)}: not covered: {_seen(one.obligation)}")
        name = f"covers {one.obligation.path}: {_shows(one.obligation)}"
        shown = partial(shows, protocol, one.obligation, as_of=one.witness.as_of)
        lines = suggest.case(name, one.witness, one.criterion, one.answer, shown)
        suggestions.append(lines)
        put("\n".join(lines))
    if len(found.undecided) > MOST_NOTES:
        tell(f"not decided within the limit: tests {len(found.undecided):,}; {LONGER}")
    for obligation in found.undecided if len(found.undecided) <= MOST_NOTES else ():
        tell(f"{_at(obligation)}: not decided within the limit: {_seen(obligation)}")
    for obligation in found.infeasible:
        tell(f"{_at(obligation)}: proved impossible, left out: {_seen(obligation)}")
    tell(f"coverage: {found.percent} % ({found.met} of {whole}; {len(found.infeasible)} left out)")
    return suggestions


def _at(obligation: Obligation) -> str:
    return f"{obligation.place.path}:{obligation.place.line}"


def _seen(obligation: Obligation) -> str:
    return f"{obligation.path} ({obligation.words}) {_shows(obligation)}"


def _shows(obligation: Obligation) -> str:
    """What cases should show of a test; of one in a definition, in which criterion too."""
    id_ = obligation.criterion
    inside = obligation.path.partition(".")[0] == id_
    return f"{obligation.seen} in {id_}" if id_ and not inside else obligation.seen


def _print_mutants(
    judged: Sequence[Judged], protocol: Protocol, suggest: _Suggester
) -> list[list[str]]:
    suggestions = []
    count = judging.counts(judged)
    many = count["undecided"] > MOST_NOTES
    for one in judged:
        place = one.mutant.place
        at = f"{place.path}:{place.line}"
        if one.fate == "survived":
            assert one.witness is not None
            tell(f"{at}: survived: {one.mutant.kind}: {one.mutant.words}")
            told = one.criterion or "verdict"
            here = one.witness.statuses[one.criterion] if one.criterion else one.witness.verdict
            tell(f"  {told}: {here} by the pack, {one.mistaken} by the mutant")
            name = f"tells apart: {one.mutant.words}"
            shown = partial(
                judging.tells_apart, protocol, one,
                as_of=one.witness.as_of, screener=suggest.screener,
            )  # fmt: skip
            lines = suggest.case(name, one.witness, one.criterion, one.answer, shown)
            suggestions.append(lines)
            put("\n".join(lines))
        elif one.fate == "equivalent" or (one.fate == "undecided" and not many):
            tell(f"{at}: {one.fate}: {one.mutant.kind}: {one.mutant.words}")
    if many:
        tell(f"not decided within the limit: mutants {count['undecided']:,}; {LONGER}")
    alive = count["survived"] + count["undecided"]
    score = 100 * count["killed"] // (count["killed"] + alive) if count["killed"] + alive else 100
    tell(
        f"mutants: {len(judged)}; killed {count['killed']}, survived {count['survived']}, "
        f"equivalent {count['equivalent']}, undecided {count['undecided']}; score {score} %"
    )
    return suggestions


def _heading(cases: Path) -> str:
    """How a new file of suggestions begins: with its schema, where there is one."""
    schemas = schemas_for(cases)
    line = f"# yaml-language-server: $schema={schemas}/case.schema.json\n#\n" if schemas else ""
    return line + HEADING


def write_suggestions(folder: Path, suggestions: Iterable[Sequence[str]]) -> Path:
    """Append cases to `cases/suggested.yaml`, or where that does not fit its author's layout,
    to a new file beside it: `suggested-2.yaml`. Returns the file. Raises: OSError."""
    text = "".join("\n".join(lines) + "\n" for lines in suggestions)
    new = text.encode()
    cases = folder / "cases"
    made_folder(cases)
    where, number = cases / SUGGESTED, 1
    while True:
        before = where.read_bytes() if where.exists() else _heading(cases).encode()
        end = b"\r\n" if b"\r\n" in before else b"\n"
        gap = b"" if before.endswith(b"\n") else end
        after = before + gap + new.replace(b"\n", end)
        if not where.exists() or _only_adds(before, after):
            break
        number += 1
        where = cases / f"{Path(SUGGESTED).stem}-{number}.yaml"
    write_file(where.resolve(), after)  # a link stays one: the pack is its author's
    return where


def _only_adds(before: bytes, after: bytes) -> bool:
    """Whether a file of cases with text appended holds what it held, and more cases."""
    try:
        old, new = (read_document(SUGGESTED, data).value for data in (before, after))
    except InputRejected:
        return False
    if not isinstance(old, dict) or not isinstance(new, dict) or old.keys() != new.keys():
        return False
    held, cases = old.get("cases"), new.get("cases")
    if not isinstance(cases, list) or not isinstance(held, list | None):
        return False
    rest = all(old[key] == new[key] for key in old if key != "cases")
    return rest and cases[: len(held or ())] == (held or [])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def progress(items: Iterable[T], unit: str, total: int | None = None) -> Iterator[T]:
    """A progress bar on a terminal, for work that a person waits for."""
    if not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm

    bar: Any = tqdm(items, total=total, unit=unit, ncols=78, file=sys.stderr, leave=False)
    yield from bar
