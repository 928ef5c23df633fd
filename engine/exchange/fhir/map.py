"""What a pack's `sources/fhir.yaml` says: which resources feed which fact, and how.

The map is data. It names resource types, codes and FHIRPath expressions; what a status
means, how dates and units are read and what becomes of a result that cannot be used is the
same for every pack and stands in `fhir_status`, `fhir_statement` and `fhir_entry`.
docs/INTEROP.md is the manual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.exchange.fhir.path import Expression, expression
from engine.terms import Fact, Field, RecordList

RELEASE = "4.0.1"
"""The release of FHIR that is read (R4, with technical corrections)."""

RESOURCE_TYPES = (
    "Patient",
    "Observation",
    "Condition",
    "Procedure",
    "MedicationAdministration",
    "MedicationStatement",
    "MedicationRequest",
    "MedicationDispense",
    "ServiceRequest",
)
"""The types whose statuses are known, so that a map may name them."""

TREATMENTS = ("MedicationAdministration", "MedicationStatement", "Procedure")
"""What is done to a patient. A list that one of them feeds is a list of treatments."""

ORDERS = frozenset({"MedicationRequest", "MedicationDispense", "ServiceRequest"})
"""What was asked for or handed out: no proof that it was given. A map may only point it out."""

# --- what it says -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system, or a prefix (`under`) that its codes begin with."""

    system: str
    code: str
    display: str
    origin: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Type:
    """Where one resource type keeps its codes (element names) and the rest (FHIRPath)."""

    name: str
    codes: str = ""
    parts: str = ""
    medication: str = ""
    patient: str = "subject"
    paths: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doubt:
    when: Expression
    because: str


@dataclass(frozen=True, slots=True)
class FactRule:
    """How a hit becomes a statement about `fact`.

    `constant`: what it says by being there. `units`: the unit that stands for a recorded
    one ("" for none). `choices`: code of the choice by (system, code), or by word.
    """

    fact: Fact
    type: Type
    paths: Mapping[str, Expression]
    codes: tuple[str, ...] = ()
    constant: str | bool | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[tuple[Code, str], ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    active_only: bool = True
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field of an entry is filled: by a path, a constant, or the end of something."""

    field: Field
    path: Expression | None = None
    constant: str | bool | tuple[str, ...] | None = None
    end: Expression | None = None
    day: Expression | None = None


@dataclass(frozen=True, slots=True)
class EntryRule:
    """How a hit becomes an entry of `record`; `gather` where a day's hits make one entry.

    `not_by`: the routes by which it is none.
    """

    record: RecordList
    type: Type
    fields: tuple[FieldRule, ...]
    codes: tuple[str, ...] = ()
    on: Expression | None = None
    gather: tuple[str, ...] = ()
    not_by: tuple[Code, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    type: Type
    codes: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Fit:
    """Which values of `fact` go with each value of another score, `days` around it."""

    says: str
    fact: str
    codes: tuple[str, ...]
    days: int
    fits: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Open:
    """A fact that a resource may be about whose code no rule knows.

    `value`: the only one that the map's rules can give it, None if there are several.
    `active_only`: whether only conditions that are active now say anything about it.
    """

    fact: str
    value: str | bool | None
    active_only: bool


Rule = FactRule | EntryRule | Look | Fit


@dataclass(frozen=True, slots=True)
class FhirMap:
    """The whole map, with an index from type and code to rules.

    `unread_entries`, `unread_facts`: by type, what a resource may be about whose code no rule
    knows: lists, by rules that take its text and its day, and facts.
    """

    types: Mapping[str, Type]
    rules: tuple[Rule, ...]
    code_sets: Mapping[str, tuple[Code, ...]]
    not_carried: Mapping[str, str]
    exact: Mapping[tuple[str, str, str], tuple[int, ...]]
    prefixes: Mapping[tuple[str, str], tuple[tuple[str, int], ...]]
    near: Mapping[tuple[str, str], tuple[tuple[str, int], ...]]
    uncoded: Mapping[str, tuple[int, ...]]
    irrelevant: tuple[Code, ...]
    unread_entries: Mapping[str, tuple[EntryRule, ...]]
    unread_facts: Mapping[str, tuple[Open, ...]]
    near_prefixes: Mapping[str, tuple[tuple[str, str, int], ...]]
    open_anyhow: Mapping[str, frozenset[int]]

    def type_of(self, name: str) -> Type | None:
        """Where a type keeps its parts: as the map says, or as FHIR does."""
        return self.types.get(name) or (
            _STANDARD.get(name) if name in self.unread_entries else None
        )

    @property
    def kinds_unread(self) -> frozenset[str]:
        """The types of which a resource that no rule knows is not passed over."""
        return frozenset({*self.unread_entries, *self.unread_facts})

    def is_irrelevant(self, codings: list[tuple[str, str]]) -> Code | None:
        """The code that the map calls irrelevant, if one of a concept's codings is one."""
        for code in self.irrelevant:
            for system, word in codings:
                if system == code.system and (
                    word.startswith(code.code) if code.prefix else word == code.code
                ):
                    return code
        return None

    def selected(self, type_name: str, codings: list[tuple[str, str]]) -> list[int]:
        """The numbers of the rules that one of a concept's codings selects, in order."""
        found: set[int] = set()
        for system, code in codings:
            found.update(self.exact.get((type_name, system, code), ()))
            for prefix, rule in self.prefixes.get((type_name, system), ()):
                if code.startswith(prefix):
                    found.add(rule)
        return sorted(found)

    def nearly(self, type_name: str, codings: list[tuple[str, str]], words: list[str]) -> list[int]:
        """The rules that a concept selects but for the way that its codes are written.

        No system, or one that differs in case or signs; a code that differs in case, blanks
        or its version; the words of a code of the map, where no coding is of its system. Not
        what a resource of this type leaves open anyhow, if no rule knows it.
        """
        systems = {_loose(system) for system, _ in codings}
        found: set[int] = set()
        for system, code in codings:
            for own, rule in self.near.get((type_name, f"code {_loose(code)}"), ()):
                if _loose(system) in ("", own):
                    found.add(rule)
            for own, prefix, rule in self.near_prefixes.get(type_name, ()):
                if _loose(system) in ("", own) and _loose(code).startswith(prefix):
                    found.add(rule)
        for word in words:
            for own, rule in self.near.get((type_name, f"word {_loose(word)}"), ()):
                if own not in systems:
                    found.add(rule)
        return sorted(found - self.open_anyhow.get(type_name, frozenset()))


def _loose(text: str) -> str:
    """A system or a code without case, blanks, version and the signs that it may end with."""
    bare = "".join(text.casefold().partition("|")[0].split())
    return bare.removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/#")


_STANDARD = {
    "Procedure": Type("Procedure", "code"),
    "Condition": Type("Condition", "code"),
    **{
        name: Type(name, "medicationCodeableConcept", medication="medicationReference")
        for name in ("MedicationAdministration", "MedicationStatement")
    },
}
_ENDS = "effective.ofType(Period).end | performed.ofType(Period).end"
_DAYS = "effective.ofType(dateTime) | performed.ofType(dateTime)"


def indexed(
    rules: tuple[Rule, ...],
    not_carried: dict[str, str],
    irrelevant: tuple[Code, ...],
    unread: Mapping[str, tuple[str, ...]],
    types: Mapping[str, Type],
    codes: Mapping[str, tuple[Code, ...]],
) -> FhirMap:
    """The map with its rules found by type and code."""
    exact: dict[tuple[str, str, str], list[int]] = {}
    prefixes: dict[tuple[str, str], list[tuple[str, int]]] = {}
    near: dict[tuple[str, str], list[tuple[str, int]]] = {}
    near_prefixes: dict[str, list[tuple[str, str, int]]] = {}
    uncoded: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        type_name = "Observation" if isinstance(rule, Fit) else rule.type.name
        for name in rule.codes:
            for code in codes[name]:
                if code.prefix:
                    prefixes.setdefault((type_name, code.system), []).append((code.code, number))
                    if isinstance(rule, FactRule | EntryRule):
                        loose = (_loose(code.system), _loose(code.code), number)
                        near_prefixes.setdefault(type_name, []).append(loose)
                else:
                    exact.setdefault((type_name, code.system, code.code), []).append(number)
                    if isinstance(rule, FactRule | EntryRule):
                        meant = (_loose(code.system), number)
                        for key in (f"code {_loose(code.code)}", f"word {_loose(code.display)}"):
                            near.setdefault((type_name, key), []).append(meant)
        if not rule.codes:
            uncoded.setdefault(type_name, []).append(number)
    entries, facts = _of_unread(rules, unread)
    anyhow = {}
    for name in (*TREATMENTS, "Condition"):
        opened = {one.fact for one in facts.get(name, ())}
        opened |= {one.record.name for one in entries.get(name, ())}
        anyhow[name] = frozenset(
            number
            for number, rule in enumerate(rules)
            if (isinstance(rule, FactRule) and rule.fact.name in opened)
            or (isinstance(rule, EntryRule) and rule.record.name in opened)
        )
    return FhirMap(
        types,
        rules,
        codes,
        not_carried,
        {key: tuple(found) for key, found in exact.items()},
        {key: tuple(found) for key, found in prefixes.items()},
        {key: tuple(found) for key, found in near.items()},
        {key: tuple(found) for key, found in uncoded.items()},
        irrelevant,
        entries,
        facts,
        {key: tuple(found) for key, found in near_prefixes.items()},
        anyhow,
    )


def _of_unread(
    rules: tuple[Rule, ...], said: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[EntryRule, ...]], dict[str, tuple[Open, ...]]]:
    """What a resource may be about whose code no rule knows, by its type.

    Where the map does not say: every list that a rule feeds from that type or, for treatments,
    from another type of treatment; and every fact that a rule feeds from that type.
    """
    entries: dict[str, tuple[EntryRule, ...]] = {}
    facts: dict[str, tuple[Open, ...]] = {}
    listing = [rule for rule in rules if isinstance(rule, EntryRule) and not rule.gather]
    stating = [rule for rule in rules if isinstance(rule, FactRule)]
    for name in (*TREATMENTS, "Condition"):
        kin = TREATMENTS if name in TREATMENTS else (name,)
        lists = {rule.record.name: rule for rule in reversed(listing) if rule.type.name in kin}
        lists |= {rule.record.name: rule for rule in reversed(listing) if rule.type.name == name}
        wanted = said.get(name)
        found = [
            _bare(rule, name, [one for one in listing if one.record == rule.record])
            for record, rule in lists.items()
            if wanted is None or record in wanted
        ]
        if found:
            entries[name] = tuple(reversed(found))
        for fact in {rule.fact.name: None for rule in stating if rule.type.name == name}:
            own = [rule for rule in stating if rule.fact.name == fact]
            values = {rule.constant for rule in own}
            one = values.pop() if len(values) == 1 else None
            if wanted is None or fact in wanted:
                opened = Open(fact, one, all(rule.active_only for rule in own))
                facts[name] = (*facts.get(name, ()), opened)
    return entries, facts


def _bare(rule: EntryRule, name: str, rules: list[EntryRule]) -> EntryRule:
    """A rule that takes the text and the days of a resource, and nothing else."""
    own = [one for one in rules if one.type.name == name]
    fields: dict[str, FieldRule] = {}
    for one in own or rules:
        for how in one.fields:
            if (how.field.type == "text" and how.constant is None) or (
                how.field.type == "date" and own
            ):
                fields.setdefault(how.field.name, how)
            elif how.end is not None or how.day is not None:
                end, day = expression(_ENDS), expression(_DAYS)
                fields.setdefault(how.field.name, FieldRule(how.field, end=end, day=day))
    kind = rule.type if own else _STANDARD[name]
    return EntryRule(rule.record, kind, tuple(fields.values()))
