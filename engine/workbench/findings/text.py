"""Findings that are plain from the text: limits, unused names, vague words, cases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

from engine import terms as m
from engine.read.outcomes import conditions_of
from engine.record.wording import decimal_text, range_text
from engine.regions.asked import leaves_of
from engine.terms.condition import limits_named
from engine.terms.dictionary import derived_from, facts_behind
from engine.workbench.cases import Cases
from engine.workbench.edits import leaf_paths, reached, users
from engine.workbench.findings import Finding
from engine.workbench.findings.amounts import amounts_in, numbers
from engine.workbench.findings.dates import dates, unread_fields

VAGUE = re.compile(
    r"\b(abnormal|acceptable|active|adequate(?:ly)?|appropriate(?:ly)?|clinically|considerabl[ey]"
    r"|elevated|etc|excessive(?:ly)?|extensive(?:ly)?|frequent(?:ly)?|good|heavily|high[- ]dose"
    r"|if possible|important|inadequate(?:ly)?|insufficient(?:ly)?|in the (?:opinion|judge?ment) of"
    r"|long[- ]term|major|markedly|mild(?:ly)?|minimal(?:ly)?|moderate(?:ly)?|normal|poor(?:ly)?"
    r"|prolonged|rapidly|reasonabl[ey]|recent(?:ly)?|relevant|satisfactor(?:y|ily)|serious(?:ly)?"
    r"|severe(?:ly)?|significant(?:ly)?|soon|stable|substantial(?:ly)?|sufficient(?:ly)?|suitabl[ey]"
    r"|uncontrolled|unstable|well[- ]controlled)\b",
    re.IGNORECASE,
)
"""Words that two readers may read in two ways."""

EXACT = re.compile(
    r"\b(?:limits?|range|values?) of (?:the )?normal\b|\bnormal (?:limits?|range|values?)\b"
    r"|\btimes (?:the )?normal\b|\bactive against\b",
    re.IGNORECASE,
)
"""Phrases in which such a word is exact: a laboratory prints its limits of normal."""


def vague_words(text: str) -> list[str]:
    """The vague words of a text, each once."""
    found = VAGUE.findall(EXACT.sub(" ", text))
    return list(dict.fromkeys(word.lower() for word in found))


def from_text(protocol: m.Protocol, cases: Cases | None) -> Iterator[Finding]:
    """The findings that are plain from the text."""
    yield from _limits(protocol)
    yield from _unused(protocol, cases)
    for name, text, interpretation, place in _texts(protocol):
        vague = vague_words(text)
        if vague and not interpretation and not _told(protocol, name, text):
            words = ", ".join(f"`{word}`" for word in vague)
            what = f"{name}: {words} may be read in several ways"
            hint = "say in `interpretation` how it is read"
            ids = (name,) if any(name == c.id for c in protocol.criteria) else ()
            yield Finding("vague-word", place, what, hint, "read", ids)
    yield from numbers(protocol)
    yield from dates(protocol)
    for path, leaf in leaf_paths(protocol).items():
        if isinstance(leaf, m.Todo):
            using = tuple(sorted(users(protocol, path)))
            if using and all(unwritten(protocol, id_) for id_ in using):
                continue  # said of the whole criterion
            what = f"{path}: not yet written as a rule; it stays open for everybody"
            yield Finding("todo", leaf.place, what, "write the condition", "read", using)
    for fact in protocol.facts.values():
        lasting = fact.valid_for is not None or fact.changes == "never"
        if fact.derive is None and fact.type != "text" and not lasting:
            what = f"`{fact.name}` may change, and nothing says how long a value may be relied on"
            yield Finding(
                "no-validity", fact.place, what, "add `valid_for: ...`, or `changes: never`"
            )
    for fault in cases.faults if cases else ():
        message = f"{fault.code}: {fault.message}"
        yield Finding("case-fault", fault.span, message, fault.hint)


def _told(protocol: m.Protocol, name: str, text: str) -> bool:
    """Whether a vague word is settled: somebody judges it, or its number stands beside it."""
    if next(amounts_in(text), None):
        return True
    criteria = (c for c in protocol.criteria if c.id == name)
    tests = (leaf for c in criteria for leaf in leaves_of(c.holds_when, protocol.definitions))
    return any(protocol.facts[n].attested_by for leaf in tests for n in m.facts_of(leaf))


def unwritten(protocol: m.Protocol, id_: str) -> bool:
    """Whether a criterion asks about nothing yet."""
    criterion = next(c for c in protocol.criteria if c.id == id_)
    leaves = leaves_of(criterion.holds_when, protocol.definitions)
    return all(isinstance(leaf, m.Todo) for leaf in leaves)


def _texts(protocol: m.Protocol) -> Iterator[tuple[str, str, str, m.Span]]:
    """The protocol's own words for criteria, and for the classes and events of outcomes: a
    name, the words, how they are read, and where they stand."""
    for one in protocol.criteria:
        yield one.id, one.text, one.interpretation, one.place
    outcomes = protocol.outcomes
    for scale in outcomes.scales.values() if outcomes is not None else ():
        for of in scale.classes:
            yield f"{scale.name} {of.id}", of.words.text, of.words.interpretation, of.place
    for event in outcomes.events.values() if outcomes is not None else ():
        yield event.id, event.words.text, event.words.interpretation, event.place


def _limits(protocol: m.Protocol) -> Iterator[Finding]:
    for path, leaf in leaf_paths(protocol).items():
        using = tuple(sorted(users(protocol, path)))
        if not isinstance(leaf, m.Todo):
            yield from _outside(path, leaf, protocol.facts[leaf.fact], using)
    for records, leaf in _outcome_leaves(protocol):
        assert protocol.outcomes is not None
        yield from _outside(records, leaf, protocol.outcomes.scopes[records].facts[leaf.fact], ())
    for fact in protocol.facts.values():
        derive = fact.derive
        if not isinstance(derive, m.FromList):
            continue
        for where in m.equalities(derive.where):
            field = protocol.records[derive.records].fields[where.field]
            if field.type == "quantity" and field.range_u is not None:
                low, high = field.range_u
                values = [v for v in where.values if not low <= int(v) <= high]
                if values:
                    said = " and ".join(decimal_text(int(value)) for value in values)
                    what = f"`{fact.name}` asks for {said}, outside the range of "
                    what += f"`{derive.records}.{field.name}`, {range_text(low, high, field.unit)}"
                    hint = "check the number and its unit"
                    yield Finding("limit-outside-range", fact.place, what, hint, "proved")


def _outside(path: str, leaf: m.Test, fact: m.Fact, using: tuple[str, ...]) -> Iterator[Finding]:
    """Whether a limit lies outside its fact's range, or tells nothing inside it."""
    limits = limits_named(leaf)
    if not limits or fact.range_u is None:
        return
    low, high = fact.range_u
    outside = [limit for limit in limits if not low <= limit <= high]
    if isinstance(leaf, m.LimitTest):
        # The limits that part the range in two.
        spare = 0 if leaf.op in ("at_least", "below") else 1
        if low - spare < leaf.limit_u <= high - spare:
            return
    elif not outside:
        return
    said = " and ".join(decimal_text(limit) for limit in outside or limits)
    ends = range_text(low, high, fact.unit)
    what = f"{path}: the limit {said} is not inside the range of `{fact.name}`, {ends}"
    if not outside:
        what = f"{path}: the limit {said} tells nothing: `{fact.name}` has a range of {ends}"
    hint = "check the number and its unit"
    yield Finding("limit-outside-range", leaf.place, what, hint, "proved", using)


def _unused(protocol: m.Protocol, cases: Cases | None) -> Iterator[Finding]:
    rules = [c.holds_when for c in protocol.criteria]
    used = frozenset[str]().union(*(reached(protocol.definitions, one) for one in rules))
    for name, condition in protocol.definitions.items():
        if name not in used:
            what = f"no criterion uses the definition `{name}`"
            place = condition.place
            yield Finding("unused-definition", place, what, "remove it, or use it")
    leaves = (leaf for one in rules for leaf in leaves_of(one, protocol.definitions))
    asked = {*facts_behind(protocol.facts, leaves)}
    yield from _unused_in_outcomes(protocol)
    todo = list(_outcome_names(protocol) & protocol.facts.keys())
    while todo:
        name = todo.pop()
        if name not in asked:
            asked.add(name)
            todo += derived_from(protocol.facts[name])
    for fact in protocol.facts.values():
        # A text cannot be tested: it is there for people.
        if fact.name not in asked and fact.type != "text":
            what = f"no criterion asks about `{fact.name}`"
            yield Finding("unused-fact", fact.place, what, "remove it, or use it")
    derivations = [protocol.facts[name].derive for name in sorted(asked)]
    lists = {getattr(derive, "records", "") for derive in derivations}
    graded = _outcome_names(protocol) | (
        protocol.outcomes.scopes.keys() if protocol.outcomes is not None else frozenset()
    )
    for record in protocol.records.values():
        spoken = any(name.partition(".")[0] == record.name for name in graded)
        if record.name not in lists and not spoken:
            what = f"no fact that a criterion asks about comes from the list `{record.name}`"
            yield Finding("unused-list", record.place, what, "remove it, or use it")
    yield from unread_fields(protocol, asked, graded)
    named = _named_codes(protocol, cases)
    for fact in protocol.facts.values():
        if fact.name in asked:
            yield from _unused_codes(fact, fact.name, named)
    # The lists of outcome rules alone are no matter for the cases of eligibility.
    for record in protocol.records.values():
        for one in record.fields.values() if record.name in lists else ():
            yield from _unused_codes(one, f"{record.name}.{one.name}", named)


def _unused_in_outcomes(protocol: m.Protocol) -> Iterator[Finding]:
    outcomes = protocol.outcomes
    if outcomes is None:
        return
    for records, scope in outcomes.scopes.items():
        rules = conditions_of(outcomes, records)[len(scope.definitions) :]
        used = frozenset[str]().union(*(reached(scope.definitions, one) for one in rules))
        for name, condition in scope.definitions.items():
            if name not in used:
                what = f"no class and no event of `{records}` uses the definition `{name}`"
                yield Finding("unused-definition", condition.place, what, "remove it, or use it")


def _outcome_names(protocol: m.Protocol) -> frozenset[str]:
    """The names of facts that outcome rules speak of."""
    outcomes = protocol.outcomes
    if outcomes is None:
        return frozenset()
    found = {name for _, leaf in _outcome_leaves(protocol) for name in m.facts_of(leaf)}
    todo: list[object] = [
        outcomes.start, outcomes.died, outcomes.in_order, outcomes.response,
        outcomes.events, outcomes.endpoints, outcomes.toxicities,
    ]  # fmt: skip
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            found.add(one)
        elif isinstance(one, Mapping):
            todo += [*one.keys(), *one.values()]
        elif isinstance(one, tuple | list | frozenset | set):
            todo += one
        elif is_dataclass(one):
            todo += [getattr(one, field.name) for field in fields(one)]
    return frozenset(found)


def _outcome_leaves(protocol: m.Protocol) -> Iterator[tuple[str, m.Test]]:
    """The tests of outcome rules, each with the list whose entries it looks at."""
    outcomes = protocol.outcomes
    if outcomes is None:
        return
    for records, scope in outcomes.scopes.items():
        for condition in conditions_of(outcomes, records):
            for leaf in leaves_of(condition, scope.definitions):
                if not isinstance(leaf, m.Todo):
                    yield records, leaf


def _unused_codes(
    of: m.Fact | m.Field, name: str, named: frozenset[tuple[str, str]]
) -> Iterator[Finding]:
    missing = [c.code for c in of.choices if (name, c.code) not in named]
    if of.choices and missing and any((name, c.code) in named for c in of.choices):
        words = ", ".join(f"`{code}`" for code in missing)
        what = f"no condition and no case names {words} of `{name}`"
        yield Finding("unused-choice", of.place, what, "add a case that says what it leads to")


def _named_codes(protocol: m.Protocol, cases: Cases | None) -> frozenset[tuple[str, str]]:
    """The codes that conditions, `where` and cases name, as (fact or list.field, code)."""
    named: set[tuple[str, str]] = set()
    for leaf in leaf_paths(protocol).values():
        if isinstance(leaf, m.ChoiceTest):
            named |= {(leaf.fact, code) for code in leaf.codes}
    for fact in protocol.facts.values():
        derive = fact.derive
        if isinstance(derive, m.FromList):
            for where in m.equalities(derive.where):
                named |= {(f"{derive.records}.{where.field}", str(v)) for v in where.values}
    for records, leaf in _outcome_leaves(protocol):
        if isinstance(leaf, m.ChoiceTest):
            named |= {(f"{records}.{leaf.fact}", code) for code in leaf.codes}
            named |= {(leaf.fact, code) for code in leaf.codes}
    for case in cases.cases if cases else ():
        for name, statements in case.subject.facts.items():
            named |= {(name, s.value) for s in statements if isinstance(s.value, str)}
        for name, listed in case.subject.records.items():
            for entry in listed.entries:
                for field, value in entry.values.items():
                    several = value if isinstance(value, tuple) else (value,)
                    named |= {(f"{name}.{field}", v) for v in several if isinstance(v, str)}
    if not (cases and cases.cases):
        # Without cases nothing shows that a code was forgotten: one that stands for the
        # rest (`none`, `other`) is the counterpart of those that are named.
        for fact in protocol.facts.values():
            named |= {(fact.name, choice.code) for choice in fact.choices}
        for record in protocol.records.values():
            for one in record.fields.values():
                named |= {(f"{record.name}.{one.name}", c.code) for c in one.choices}
    return frozenset(named)
