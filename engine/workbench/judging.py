"""Whether the cases notice a mutant.

One that no case notices either means the same as the pack (it is *equivalent*, proved over all
regions of what can be recorded) or *survives*; then a subject on which the two come out
differently is found, and written as a case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from engine import terms as m
from engine.decide.decision import Screener, only_needed
from engine.reference import evaluator as reference
from engine.regions.asked import Plain, leaves_of, subject_from
from engine.regions.days import as_of_dates
from engine.regions.diagrams import FALSE, TRUE, UNKNOWN, TooLarge
from engine.regions.space import Space, spaces
from engine.terms.condition import inlined
from engine.terms.faults import EngineFault, InputRejected
from engine.workbench.cases import Case
from engine.workbench.edits import only_reached
from engine.workbench.mutants import BY_VERDICT, Mutant
from engine.workbench.witness import Witness, confirmed

Fate = Literal["killed", "survived", "equivalent", "undecided"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A mutant and what became of it. `by` names the case that noticed it; a survivor has a
    witness, and the answers of `criterion` under the pack and under the mutant."""

    mutant: Mutant
    fate: Fate
    by: str = ""
    witness: Witness | None = None
    criterion: str = ""
    answer: m.Answer | None = None
    mistaken: str = ""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is the same of a case for every mutant."""

    case: Case
    readings: Mapping[str, m.Reading]
    statuses: Mapping[str, m.Status]


def judge(
    protocol: m.Protocol,
    cases: Sequence[Case],
    space: Space,
    screener: Screener,
    found: Iterable[Mutant],
) -> Iterator[Judged]:
    """What becomes of each mutant. `space` must know the tests of `asked_by(found)`.

    A case that fails by the pack itself notices nothing: it would fail by any mutant.
    """
    known = []
    for case in cases:
        readings = reference.readings(protocol, case.subject, case.as_of)
        answers, statuses = _by_reference(protocol, readings, case.as_of)
        asked = {name: answers[name] for name in case.answers}
        if asked == case.answers and case.verdict in (None, reference.verdict(statuses)):
            known.append(_Known(case, readings, statuses))
    hints: list[int] = list(range(len(known)))
    for one in found:
        killer = _killer(protocol, one, known, hints)
        if killer is not None:
            # A case that noticed one mutant of a criterion is likely to notice the next.
            hints.remove(killer)
            hints.insert(0, killer)
            case = known[killer].case
            yield Judged(one, "killed", f"{case.file}: {case.name}")
        else:
            yield _survivor(protocol, one, space, screener)


def _by_reference(
    protocol: m.Protocol, readings: Mapping[str, m.Reading], as_of: date, lenient: str = ""
) -> tuple[Mapping[str, m.Answer], Mapping[str, m.Status]]:
    """What comes of each criterion. `lenient`: the one whose unknown counts as met."""
    answers = reference.answers(protocol, reference.truths(protocol, readings, as_of))
    statuses = reference.statuses(protocol, answers)
    if lenient and statuses[lenient] == "open":
        statuses[lenient] = "passed"
        kind = next(c.kind for c in protocol.criteria if c.id == lenient)
        answers[lenient] = "yes" if kind == "inclusion" else "no"
    return answers, statuses


def asked_by(found: Iterable[Mutant]) -> list[tuple[int, m.Leaf]]:
    """The tests that mutants of conditions bring in, for `Space`."""
    leaves = (
        leaf
        for one in found
        for criterion in one.protocol.criteria
        if criterion.id in one.criteria
        for leaf in leaves_of(criterion.holds_when, one.protocol.definitions)
    )
    return list(dict.fromkeys((0, leaf) for leaf in leaves))


def _killer(
    protocol: m.Protocol, one: Mutant, known: Sequence[_Known], order: Sequence[int]
) -> int | None:
    mine = [c for c in one.protocol.criteria if c.id in one.criteria]
    part = only_needed(only_reached(one.protocol, mine))
    derived = one.protocol.facts != protocol.facts
    for number in order:
        item = known[number]
        case = item.case
        readings = reference.readings(part, case.subject, case.as_of) if derived else item.readings
        answers, statuses = _by_reference(part, readings, case.as_of, one.lenient)
        # A criterion that is dropped has no answer; whether it is missed, the verdict says.
        if any(case.answers.get(name, answer) != answer for name, answer in answers.items()):
            return number
        moved = not mine or any(item.statuses[name] != now for name, now in statuses.items())
        if case.verdict is not None and moved:
            whole = {
                name: statuses.get(name, status)
                for name, status in item.statuses.items()
                if name in statuses or name not in one.criteria
            }
            if reference.verdict(whole) != case.verdict:
                return number
    return None


def _survivor(protocol: m.Protocol, one: Mutant, space: Space, screener: Screener) -> Judged:
    """A mutant that no case notices: equivalent, or told apart by a witness."""
    if space.effort.spent > space.effort.limit:
        return Judged(one, "undecided")
    if one.protocol.facts != protocol.facts:
        space = Space([protocol, one.protocol], space.as_of, effort=space.effort)
    found = _judged(protocol, one, space, [protocol, one.protocol], screener)
    if found.fate != "undecided" or space.effort.spent > space.effort.limit // 2:
        return found
    if one.kind in BY_VERDICT:
        ensured = one.kind == "dropped-criterion" and _ensured(protocol, one, space)
        return Judged(one, "equivalent") if ensured else found
    # By themselves, the criteria concerned have less that hangs together.
    alone = [
        only_reached(pack, [c for c in pack.criteria if c.id in one.criteria])
        for pack in (protocol, one.protocol)
    ]
    space = Space(alone, space.as_of, effort=space.effort)
    return _judged(protocol, one, space, alone, screener)


def _ensured(protocol: m.Protocol, one: Mutant, space: Space) -> bool:
    """Whether another criterion is proved to stand never better than one that was dropped: then
    the verdict is as good, or as bad, without it."""
    (dropped,) = (c for c in protocol.criteria if c.id in one.criteria)
    for other in protocol.criteria:
        space.effort.question()
        try:
            if (
                other is dropped
                or space.diagrams.less(space.status(dropped), space.status(other)) != FALSE
            ):
                continue
        except TooLarge:
            continue
        both = only_reached(protocol, [dropped, other])
        found, all_dates = spaces([both], space.as_of, space.effort, lambda *_: None)
        about = [(0, dropped.holds_when), (0, other.holds_when)]
        if all_dates and all(
            own.complete(about)
            and own.diagrams.less(own.status(dropped), own.status(other)) == FALSE
            for own in found
        ):
            return True
    return False


def _judged(
    protocol: m.Protocol, one: Mutant, space: Space, packs: Sequence[m.Protocol],
    screener: Screener,
) -> Judged:  # fmt: skip
    """What becomes of a mutant in what can be recorded for some packs: it and the original."""
    found = _compared(protocol, one, space, screener)
    if not isinstance(found, bool):
        return found
    if not found or space.timeless(_about(protocol, one, space)):
        return Judged(one, "equivalent" if found else "undecided")
    # Alike on one day, and to be looked at wherever the limits stand in another order.
    dates, complete = as_of_dates(packs, space.as_of)
    for as_of in dates[1:]:
        if space.effort.spent > space.effort.limit // 2:
            return Judged(one, "undecided")
        space = Space(packs, as_of, effort=space.effort)
        found = _compared(protocol, one, space, screener)
        if not isinstance(found, bool):
            return found
        complete = complete and found
    return Judged(one, "equivalent" if complete else "undecided")


def _compared(protocol: m.Protocol, one: Mutant, space: Space, screener: Screener) -> Judged | bool:
    """A survivor, shown on one day; else whether it is proved that nothing shows it then."""
    number = len(space.protocols) - 1
    complete = True
    space.effort.question()
    try:
        pairs = list(_statuses(protocol, one, space, number))
        for id_, mine, theirs in pairs:
            differ = space.diagrams.differ(mine, theirs)
            if differ == FALSE:
                continue
            # A difference between passed and failed says most.
            plain = space.diagrams.both(
                differ, space.diagrams.is_(mine, 0, 2), space.diagrams.is_(theirs, 0, 2)
            )
            for goal in (plain, differ):
                for recorded, _ in space.witnesses(goal, 10):
                    space.effort.screened(len(screener.program.paths))
                    judged = _told_apart(protocol, one, id_, recorded, space.as_of, screener)
                    if judged is not None:
                        return judged
            complete = False
    except TooLarge:
        return False
    return complete and space.complete(_about(protocol, one, space))


def _about(protocol: m.Protocol, one: Mutant, space: Space) -> list[tuple[int, m.Condition]]:
    """The conditions that a comparison of the pack with a mutant rests on."""
    everything = one.kind in BY_VERDICT
    return [
        (number, inlined(criterion.holds_when, pack.definitions))
        for number, pack in ((0, protocol), (len(space.protocols) - 1, one.protocol))
        for criterion in pack.criteria
        if everything or criterion.id in one.criteria
    ]


def _statuses(
    protocol: m.Protocol, one: Mutant, space: Space, number: int
) -> Iterator[tuple[str, int, int]]:
    """What may differ, as diagrams: a criterion's id ("": the verdict), the pack's, the mutant's.

    `number`: of the pack in the space that knows the mutant's tests. Raises: TooLarge.
    """
    diagrams = space.diagrams
    if one.kind in BY_VERDICT:
        left = diagrams.all(space.status(c) for c in one.protocol.criteria)
        yield "", space.verdict(), left
        return
    for criterion in protocol.criteria:
        if criterion.id not in one.criteria:
            continue
        other = next(c for c in one.protocol.criteria if c.id == criterion.id)
        mine = space.status(criterion)
        if one.lenient:
            theirs = diagrams.map("lenient", lambda t: TRUE if t == UNKNOWN else t, mine)
        else:
            written = space.diagram_of(one.protocol, other.holds_when, number)
            theirs = written if other.kind == "inclusion" else diagrams.negate(written)
        yield criterion.id, mine, theirs


def _told_apart(
    protocol: m.Protocol, one: Mutant, id_: str, recorded: Plain, as_of: date, screener: Screener
) -> Judged | None:
    """A survivor with its witness, if the pack's rules and the mutant differ on it."""
    try:
        witness = confirmed(screener, recorded, as_of)
        subject = subject_from(recorded, one.protocol, as_of)
    except (InputRejected, EngineFault):
        return None
    readings = reference.readings(one.protocol, subject, as_of)
    _, statuses = _by_reference(one.protocol, readings, as_of, one.lenient)
    mistaken: str = statuses[id_] if id_ else reference.verdict(statuses)
    if mistaken == (witness.statuses[id_] if id_ else witness.verdict):
        return None
    answer = witness.answer(protocol, id_) if id_ else None
    return Judged(one, "survived", "", witness, id_, answer, mistaken)


def tells_apart(
    protocol: m.Protocol, one: Judged, recorded: Plain, as_of: date, screener: Screener
) -> bool:
    """Whether something else recorded shows what the witness of a survivor shows."""
    found = _told_apart(protocol, one.mutant, one.criterion, recorded, as_of, screener)
    return found is not None and found.answer == one.answer


def counts(judged: Iterable[Judged]) -> dict[Fate, int]:
    """How many met each fate."""
    fates = [one.fate for one in judged]
    return {fate: fates.count(fate) for fate in get_args(Fate)}
