"""What an amendment changes: two versions of a pack compared over all that can be recorded.

A criterion is *stricter* if some subject stands worse under the new version (passed, open,
failed, in this order) and it is proved that none stands better; *looser* the other way round;
*different* if both occur. Where one direction has a witness and the other is not decided, it
is *stricter-for-some* or *looser-for-some*, and no more is claimed. Every witness has been
screened by the fired rules of both versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from engine import terms as m
from engine.decide.decision import Screener
from engine.regions.asked import Plain, fitted, subject_from
from engine.regions.diagrams import Effort
from engine.regions.space import Progress
from engine.workbench.alike import accepts_alike, mistakable
from engine.workbench.changed import Change, Comparison, own_rule
from engine.workbench.differences import (
    definition_lines,
    dictionary_lines,
    identity_lines,
    outcome_lines,
    used_line,
)  # fmt: skip
from engine.workbench.pair import Pair, Read, Reader

if TYPE_CHECKING:
    from engine.outcomes.patient import OutcomeScreener

FILES_DIFFER = (
    "files: they differ in what is not compared (comments, layout, order of entries, other files)"
)


def compare(
    old: m.Protocol,
    new: m.Protocol,
    progress: Progress = lambda *_: None,
    times: int = 1,
) -> Comparison:
    """Compare two versions of a pack, with so many times the usual effort.

    Raises: EngineFault.
    """
    with Screener(old) as before, Screener(new) as after:
        pair = Pair(
            old, new, (_subject_reader(old, before), _subject_reader(new, after)), progress,
            Effort(times=times),
        )  # fmt: skip
        criteria = tuple(pair.changes())
        progress("the verdict", 0, 1)
        verdict = pair.verdict(criteria)
    outcomes = tuple(_outcome_changes(old, new, progress, times))
    found = Comparison(
        old, new, criteria, verdict, outcomes,
        tuple(dictionary_lines(old, new)), tuple(outcome_lines(old, new)),
        tuple(_protocol_lines(old, new, criteria, outcomes)), accepts_alike(old, new),
    )  # fmt: skip
    if found.alike and old.digest != new.digest:
        return replace(found, protocol=(FILES_DIFFER,))
    return found


def _protocol_lines(
    old: m.Protocol, new: m.Protocol, criteria: Sequence[Change], outcomes: Sequence[Change]
) -> Iterator[str]:
    """What two packs differ in beside meaning, wording and the dictionary."""
    yield from identity_lines(old, new)
    kept = [(c.old, c.new) for c in criteria if c.old is not None and c.new is not None]
    after = [two.id for _, two in kept]
    place = {one.id: number for number, one in enumerate(old.criteria)}
    before = [two.id for _, two in sorted(kept, key=lambda pair: place[pair[0].id])]
    if before != after:
        yield f"criteria in another order: {' '.join(before)} -> {' '.join(after)}"
    yield from definition_lines(old, new)
    for c in (*criteria, *outcomes):
        if c.old is not None and c.new is not None and c.relation == "same" and not c.rewritten:
            yield from used_line(c.new.id, own_rule(c.old, c.about), own_rule(c.new, c.about))


def _subject_reader(protocol: m.Protocol, screener: Screener) -> Reader:
    def read(recorded: Plain, as_of: date) -> Read:
        known = fitted(recorded, protocol)
        # As `eligo screen` reads it: against the whole dictionary.
        trace = screener.trace(subject_from(known, protocol, as_of, "WITNESS"), as_of)
        return known, trace.statuses, trace.verdict

    return read


def _outcome_changes(
    old: m.Protocol, new: m.Protocol, progress: Progress, times: int
) -> Iterator[Change]:
    """The classes of the outcome rules, entry by entry of each list that both grade."""
    if old.outcomes is None or new.outcomes is None:
        return
    from engine.outcomes.entries import entry_answers, entry_file
    from engine.outcomes.patient import OutcomeScreener
    from engine.outcomes.screened import entry_pack

    with ExitStack() as opened:

        @cache
        def screener(number: int) -> OutcomeScreener:
            return opened.enter_context(OutcomeScreener((old, new)[number]))

        def reader(number: int, records: str) -> Reader:
            """As `eligo outcomes` reads one entry of a list."""

            def read(recorded: Plain, as_of: date) -> Read:
                protocol = (old, new)[number]
                file = entry_file(recorded, protocol, records, as_of)
                said = entry_answers(file, protocol, records, screener(number), as_of)
                return file, said, None

            return read

        for records in new.outcomes.scopes:
            if records not in old.outcomes.scopes or mistakable(old, new, records):
                continue
            before = entry_pack(old, old.outcomes, records)
            after = entry_pack(new, new.outcomes, records)
            if before.criteria and after.criteria:
                readers = (reader(0, records), reader(1, records))
                effort = Effort(times=times)
                yield from Pair(before, after, readers, progress, effort, True).changes()
