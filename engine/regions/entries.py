"""What a list may hold, for derivations that have entries of their own or share them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations, islice, product

from engine import terms as m
from engine.regions.asked import Plain, codes_of
from engine.regions.cells import ALL, NOTHING, Held
from engine.regions.days import limits_of
from engine.regions.group import MOST_COUNTED, Group, Option
from engine.regions.lists import Listed, When, dated, dated_by, dated_when, entry_of


def listed(group: Group, member: int, virtual: bool = False) -> Iterator[Option]:
    """What a list may hold for one derivation that has entries of its own."""
    derive = group.members[member]
    assert not isinstance(derive, str)
    name = derive.records
    templates = group.templates[name]
    sure, maybe = templates.plainest(derive, "true"), templates.plainest(derive, "unknown")
    number = group.derivations.index(derive)

    def option(*entries: tuple[bool, When], age: int | None = 0) -> Option:
        """Entries as (surely counted, date or dates or None)."""
        if virtual:
            made = tuple(_made(group, derive, number, *entry) for entry in entries)
            return Option(None, (), name, (), made, age)
        assert sure is not None
        plain = tuple(
            {**((sure if certain else maybe) or {}), **dated_when(derive, day)}
            for certain, day in entries
        )
        return Option({}, (), name, plain, (), age)

    yield option()
    past = [day for day in group.days[member] if day <= group.day_number]
    for plain in () if virtual else _known_to_one(group, derive, sure or {}):
        when = dated_when(derive, past[0] if past else None)
        yield Option({}, (), name, ({**plain, **when},))
    possible = virtual or maybe is not None
    if isinstance(derive, m.Exists):
        yield option((True, None))
        if possible:
            yield option((False, None))
        if not virtual:
            yield option(age=None)
        return
    if isinstance(derive, m.Count):
        counts = _counts(group, derive)
        for n in counts:
            yield option(*[(True, None)] * n)
            if possible:
                for most in counts:
                    if most > n:
                        yield option(*[(True, None)] * n, *[(False, None)] * (most - n))
            if not virtual:
                yield option(*[(True, None)] * n, age=None)
        return
    for day in past:
        yield option((True, day))
    if virtual:
        ordered = sorted(past)
        for i, low in enumerate(ordered):
            for high in ordered[i + 1 :]:
                yield option((True, (low, high)))
                yield option((True, (low, high)), (True, None))
    else:
        text = [date.fromordinal(day).isoformat() for day in past]
        for partial in dict.fromkeys([*(t[:7] for t in text), *(t[:4] for t in text)]):
            yield option((True, partial))
    yield option((True, "ongoing"))
    yield option((True, None))
    for day in past:
        yield option((True, day), (True, None))
    if possible:
        for day in past:
            yield option((False, day))
            for other in past:
                yield option((True, other), (False, day))
    if not virtual:
        yield option(age=None)
        for day in past:
            yield option((True, day), age=None)


def _known_to_one(group: Group, derive: Listed, entry: Plain) -> Iterator[Plain]:
    """An entry with each code that one version's dictionary has, and the other has not."""
    for where in m.equalities(derive.where):
        fields = [
            p.records[derive.records].fields.get(where.field)
            for p in group.protocols
            if derive.records in p.records
        ]
        codes = [codes_of(field) for field in fields if field is not None]
        for code in sorted(frozenset().union(*codes) - frozenset.intersection(*codes)):
            yield {**entry, where.field: code}


def counted(group: Group) -> Held:
    """Whether as many entries are tried as any limit on their number asks for."""
    derived = [one for one in group.derivations if isinstance(one, m.Count)]
    return ALL if all(max(group.at_limits(d)) <= MOST_COUNTED for d in derived) else NOTHING


def _counts(group: Group, derive: Listed) -> list[int]:
    """The numbers of entries that are tried for limits on how many there are."""
    return sorted(n for n in group.at_limits(derive) if 0 <= n <= MOST_COUNTED)


def most(group: Group, derive: Listed) -> int:
    """The number of entries beyond which no test tells one from another."""
    limits = [
        limit // m.MILLION
        for k, leaf in group.leaves
        if not isinstance(leaf, m.Todo) and group.protocols[k].facts[leaf.fact].derive == derive
        for limit in limits_of(leaf, group.protocols[k].facts[leaf.fact])
    ]
    return max(limits, default=0) + 2


def _made(group: Group, derive: Listed, number: int, certain: bool, when: When) -> m.Entry:
    """An entry that one derivation alone counts, told apart by fields made up for it."""
    kind = ["false"] * len(group.derivations)
    kind[number] = "true" if certain else "unknown"
    days = (when, when) if isinstance(when, int) else when
    return entry_of(kind, dict.fromkeys(dated_by([derive]), days))


def shared(group: Group, name: str, together: Sequence[Listed]) -> Iterator[Iterable[Option]]:
    """For each kind of entry that coupled derivations share, what may be recorded."""
    templates = group.templates[name]
    numbers = [templates.derivations.index(d) for d in together]
    kinds: dict[tuple[m.Truth, ...], Plain] = {}
    for truths, plain in sorted(
        templates.entries.items(),
        key=lambda one: sum(t != "false" for i, t in enumerate(one[0]) if i not in numbers),
    ):
        kinds.setdefault(tuple(truths[i] for i in numbers), plain)
    kinds.pop(tuple("false" for _ in numbers), None)
    fields = dated_by(together)
    days = dict.fromkeys(
        day
        for number, what in enumerate(group.members)
        if what in together
        for day in group.days[number]
    )
    past = [day for day in days if day <= group.day_number]
    ways: dict[str, set[type]] = {}
    for derive in together:
        if isinstance(derive, m.LatestOf | m.EarliestOf):
            ways.setdefault(derive.field, set()).add(type(derive))
    both = any(len(types) > 1 for types in ways.values())
    counts = [
        n
        for derive in together
        if isinstance(derive, m.Count)
        for n in _counts(group, derive)
        if n > 1
    ]
    for number, plain in enumerate(kinds.values()):
        yield _entries(group, name, plain, number, fields, past, both, counts)


def _entries(
    group: Group, name: str, plain: Plain, number: int, fields: Sequence[str],
    past: Sequence[int], both: bool, counts: Sequence[int],
) -> Iterator[Option]:  # fmt: skip
    """What may be recorded of one kind of entry."""
    yield Option({}, (), name)
    if number == 0:
        yield Option({}, (), name, age=None)
    dates = [*past, "ongoing", None]

    def entries() -> Iterator[Plain]:
        for chosen in product(dates, repeat=len(fields)):
            entry = dict(plain)
            for field, day in zip(fields, chosen, strict=True):
                entry |= dated(field, day)
            yield entry

    for entry in entries():
        yield Option({}, (), name, (entry,))
    for n in dict.fromkeys(counts):
        for entry in entries():
            yield Option({}, (), name, (entry,) * n)
    if both:
        # The earliest and the latest day of one kind are those of two entries.
        made = list(islice(entries(), group.most))
        for two in combinations(made, 2):
            yield Option({}, (), name, two)
