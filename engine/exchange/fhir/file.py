"""The shape of `sources/fhir.yaml`: which keys there are, and what each is for.

No postponed annotations here: the reader asks these types which keys they know.
"""

from typing import Any, Literal, NotRequired, TypedDict

from engine.read.files import Scalar

CodeFile = TypedDict(
    "CodeFile",
    {
        "system": str,
        "code": NotRequired[Scalar],
        "under": NotRequired[Scalar],
        "display": str,
        "from": str,
    },
)
"""One code, or all codes that begin with `under` (hierarchies by prefix, such as ICD-10).

`from` says where the code and its display were looked up.
"""


class TypeFile(TypedDict, total=False):
    """Where a resource type keeps its parts: element names, and FHIRPath for the rest."""

    codes: str
    parts: str
    medication: str
    patient: str
    on: str
    value: str
    comparator: str
    unit: str
    absent: str
    uln: str


class DoubtFile(TypedDict):
    """A FHIRPath that, where true, leaves the fact unknown, and why."""

    when: str
    because: str


FactRuleFile = TypedDict(
    "FactRuleFile",
    {
        "resource": str,
        "codes": NotRequired[list[str] | str],
        "value": NotRequired[str],
        "comparator": NotRequired[str],
        "unit": NotRequired[str],
        "on": NotRequired[str],
        "by": NotRequired[str],
        "uln": NotRequired[str],
        "is": NotRequired[bool | Scalar],
        "units": NotRequired[dict[str, str]],
        "choices": NotRequired[dict[str, Any]],
        "clinical": NotRequired[Literal["active", "any"]],
        "doubt": NotRequired[list[DoubtFile]],
        "unknown": NotRequired[str],
    },
)
"""What feeds one fact. A path that is left out is the resource type's.

`unknown`: the record never says enough, and why; the fact is then unknown on its day.
"""


class EntryRuleFile(TypedDict):
    """What becomes an entry of a record list.

    `fields`: by field, a FHIRPath (`path`), a constant (`is`), or for the day something
    ended `end` and `day`; `gather`: one entry a day, if it has a value for these fields;
    `not_by`: codes of routes by which the drug acts only where it is put.
    """

    resource: str
    fields: dict[str, Any]
    codes: NotRequired[list[str] | str]
    on: NotRequired[str]
    gather: NotRequired[list[str]]
    not_by: NotRequired[list[str] | str]


class LookFile(TypedDict):
    """Resources that give no fact but that a person should see, and why."""

    resource: str
    codes: list[str] | str
    because: str


class FitFile(TypedDict):
    """A second score that must fit a fact: `fits` gives the values that go with each of its own."""

    says: str
    fact: str
    codes: list[str] | str
    within: str
    fits: dict[str, list[Scalar]]


class MapFile(TypedDict):
    """sources/fhir.yaml.

    `irrelevant`: code sets of what is known to be no business of this protocol. `unread`: by
    resource type, the facts and lists that a resource whose code no rule knows may be about.
    """

    fhir: Scalar
    systems: dict[str, str]
    types: dict[str, TypeFile]
    codes: dict[str, list[CodeFile]]
    facts: dict[str, FactRuleFile | list[FactRuleFile]]
    records: NotRequired[dict[str, EntryRuleFile | list[EntryRuleFile]]]
    look_at: NotRequired[list[LookFile]]
    fits: NotRequired[list[FitFile]]
    irrelevant: NotRequired[list[str] | str]
    unread: NotRequired[dict[str, list[str]]]
    not_carried: NotRequired[dict[str, str]]
