"""Who comes out differently under two versions of a pack, and what each version looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine import terms as m
from engine.record.shape import Decision, Why
from engine.workbench.changed import Comparison


@dataclass(frozen=True, slots=True)
class Because:
    """A criterion whose status differs, and what each version's rules looked at.

    An id is "" where a version does not have the criterion; the sentences are those of the
    tests that made it come out so, without those that both versions share.
    """

    old_id: str
    new_id: str
    old: str
    new: str
    old_says: tuple[str, ...]
    new_says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """One subject under both versions; a verdict is None where the version rejects the file.

    `faults`: why it does, a line each.
    """

    subject: str
    file: str
    old: m.Verdict | None
    new: m.Verdict | None
    faults: tuple[str, ...] = ()
    because: tuple[Because, ...] = ()

    @property
    def flips(self) -> bool:
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class Subjects:
    """Who comes out differently on a day, of how many files that a version could read.

    `rejected`: the files that neither version accepts, of whom nothing is said.
    """

    as_of: date
    compared: int
    flips: tuple[Flip, ...]
    rejected: tuple[str, ...]


def flip(
    comparison: Comparison,
    subject: str,
    file: str,
    decisions: tuple[Decision | None, Decision | None],
    faults: tuple[str, ...] = (),
) -> Flip | None:
    """How a subject stands in both versions; None where nothing differs.

    `decisions`: by version, None where it rejected the file, because of `faults`.
    """
    old, new = decisions
    verdicts = (old["verdict"] if old else None, new["verdict"] if new else None)
    if old is None or new is None:
        return Flip(subject, file, *verdicts, faults)
    sides = [{c["id"]: c for c in decision["criteria"]} for decision in (old, new)]
    because = []
    for change in comparison.criteria:
        before = sides[0][change.old.id] if change.old else None
        after = sides[1][change.new.id] if change.new else None
        said = (before["status"] if before else "", after["status"] if after else "")
        # A criterion that is new, or gone, tells only where it does not pass.
        if said[0] == said[1] or set(said) == {"", "passed"}:
            continue
        own = _reasons(before["why"] if before else None, after["why"] if after else None)
        ids = (change.old.id if change.old else "", change.new.id if change.new else "")
        because.append(Because(*ids, *said, *own))
    if verdicts[0] == verdicts[1] and not because:
        return None
    return Flip(subject, file, *verdicts, (), tuple(because))


def _reasons(old: Why | None, new: Why | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What tests say that made a condition come out otherwise, as each version has them.

    Parts that both have, and that came out alike, are passed over; of one part that is left
    on each side, in a group of the same word, its own parts are looked at.
    """
    if old is None or new is None:
        return (_rests_on(old) if old else (), _rests_on(new) if new else ())
    if old["condition"] == new["condition"] and old["children"] and new["children"]:
        left, come = list(old["children"]), []
        for part in new["children"]:
            same = next((one for one in left if _alike(one, part)), None)
            if same is None:
                come.append(part)
            else:
                left.remove(same)
        if len(left) == len(come) == 1:
            return _reasons(left[0], come[0])
        if left or come:
            return (
                _rests_on({**old, "children": left}) if left else (),
                _rests_on({**new, "children": come}) if come else (),
            )
    return _rests_on(old), _rests_on(new)


def _alike(one: Why, other: Why) -> bool:
    """Whether two conditions say the same of a subject, whatever they are numbered."""
    return (
        (one["condition"], one["truth"], one.get("says"))
        == (other["condition"], other["truth"], other.get("says"))
        and len(one["children"]) == len(other["children"])
        and all(_alike(a, b) for a, b in zip(one["children"], other["children"], strict=True))
    )


def _rests_on(why: Why) -> tuple[str, ...]:
    """What the tests say that a condition's truth rests on, in order."""
    found: dict[str, None] = {}

    def walk(why: Why) -> None:
        children = why["children"]
        if not children:
            found[why.get("says", why["condition"])] = None
            return
        settles = {"all of": "true", "any of": "false"}.get(why["condition"])
        # One part settles an `all` that is not true; that one is true, all of them do.
        telling = [
            child
            for child in children
            if len(children) == 1 or why["truth"] == settles or child["truth"] == why["truth"]
        ]
        for child in telling or children:
            walk(child)

    walk(why)
    return tuple(found)
