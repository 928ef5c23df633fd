"""Patients who are linked to another record of the same person.

What two records of one person say is not joined: which is right is not for an import to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.exchange.fhir.read import Read, Reference
from app.exchange.fhir.spool import Spool

_PERSON = ("birthDate", "deceasedBoolean", "deceasedDateTime", "extension")
"""What a Patient says that a map may read."""


@dataclass(frozen=True, slots=True)
class Links:
    """By patient: why no file can be written, and why no list of theirs is known whole."""

    refused: dict[str, str]
    lost: dict[str, str]


def links_of(read: Read) -> list[Reference]:
    """The other records that a Patient names; an empty one where that is not understood.

    A RelatedPerson holds no results: the same person as somebody's relative.
    """
    given = (read.resource or {}).get("link", [])
    listed = given if isinstance(given, list) else [given]
    others = [read.resolved(one.get("other")) if isinstance(one, dict) else Reference()
              for one in listed]  # fmt: skip
    return [one for one in others if not one.key.startswith("RelatedPerson/")]


def joined(spool: Spool, linked: list[tuple[int, str, list[Reference]]]) -> Links:
    """What the links of all patients come to, once the input is read."""
    groups = {identity: {identity} for identity in spool.patients}
    outside: dict[str, str] = {}
    for n, name, references in linked:
        identity, others = spool.others(n, references)
        for other in others if identity in groups else []:
            if other not in groups:
                words = other.rpartition("|")[2] or "another record"
                outside[identity] = f"{name} is linked to {words}, which is not in the input"
                continue
            whole = groups[identity] | groups[other]
            groups |= dict.fromkeys(whole, whole)
    found = Links({}, {})
    holding = spool.holding()
    for identity, group in groups.items():
        away = [outside[one] for one in sorted(group) if one in outside]
        more = sorted((group & holding) - {identity})
        if more:
            found.lost[identity] = f"it is linked to {_name(more[0])}, which holds more"
        elif away:
            found.lost[identity] = f"{away[0]}, and may hold more"
        if identity not in holding or len(group) == 1:
            continue
        own = spool.patient(identity)
        more += [one for one in sorted(group - {identity}) if _says_more(own, spool.patient(one))]
        if more:
            what = f"what is known of one person stands in two records: {_name(more[0])} too"
            found.refused[identity] = f"{what}; join them, as far as they are right"
    return found


def _name(identity: str) -> str:
    return identity.rpartition("|")[2]


def _says_more(own: Any, other: Any) -> bool:
    return any(key in other and other[key] != own.get(key) for key in _PERSON)
