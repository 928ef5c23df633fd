"""Which of several versions of one resource is the newest: what the input proves, and no more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.exchange.fhir.read import Read


@dataclass(frozen=True, slots=True)
class Version:
    """What one version says of its place among the others.

    `number` is its versionId, where that is one; `moment` when it was made. `series`, `place`
    and `method`: the history Bundle that it stands in, where, and what was asked of the server
    (POST, PUT, DELETE). `digest`: what it says, alike for alike contents; empty if it deletes.
    """

    number: int | None
    moment: datetime | None
    series: str
    place: int
    method: str
    digest: bytes = b""

    @property
    def deletes(self) -> bool:
        return self.method == "DELETE"

    @staticmethod
    def of(read: Read) -> Version:
        raw = (read.resource or {}).get("meta")
        meta: dict[str, Any] = raw if isinstance(raw, dict) else {}
        word, made = meta.get("versionId"), meta.get("lastUpdated")
        counted = isinstance(word, str) and word.isdecimal() and len(word) < 16
        number = int(str(word)) if counted else None
        moment = _moment(made) or _moment(read.moment)
        return Version(number, moment, read.series, read.number, read.method)

    def packed(self) -> str:
        moment = self.moment.isoformat() if self.moment else None
        return json.dumps([self.number, moment, self.series, self.place, self.method])

    @staticmethod
    def unpacked(packed: str, digest: bytes) -> Version:
        number, moment, series, place, method = json.loads(packed)
        made = datetime.fromisoformat(moment) if moment else None
        return Version(number, made, series, place, method, digest)


def _moment(text: Any) -> datetime | None:
    """An instant with its offset; a time without one cannot be compared."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def newest(versions: list[Version]) -> Version | None:
    """The version that is newer than every other that says something else; None if none is
    proved to be."""
    for one in versions:
        if all(one.digest == other.digest or _later(one, other) for other in versions):
            return one
    return None


def _later(one: Version, other: Version) -> bool:
    """Whether `one` is proved to be newer than `other`."""
    signs = set()
    if one.moment and other.moment and one.moment != other.moment:
        signs.add(one.moment > other.moment)
    if one.number is not None and other.number is not None and one.number != other.number:
        signs.add(one.number > other.number)
    if (one.method == "POST") != (other.method == "POST") and one.method and other.method:
        signs.add(other.method == "POST")  # what creates it comes first
    if not signs and one.series and one.series == other.series and not other.deletes:
        signs.add(one.place < other.place)  # a history lists the newest first
    return signs == {True}
