"""Read FHIR R4 JSON: Bundles, single resources and NDJSON, one resource at a time.

NDJSON is read line by line, so that memory does not grow with the file. A Bundle is one
JSON value and is held as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from app.imports.fhir_path import Resource
from app.imports.recorded import clean

SUFFIXES = (".json", ".ndjson", ".jsonl")
MAX_DOCUMENT = 256 * 1024 * 1024
"""The largest Bundle or resource that is read, in bytes; more comes as NDJSON."""

MAX_LINE = 16 * 1024 * 1024
"""The longest line of NDJSON that is read, in bytes."""

BUNDLES = frozenset({"collection", "searchset", "transaction", "batch", "document", "history"})


@dataclass(frozen=True, slots=True)
class Read:
    """One resource as it was found, or why there is none.

    `place` names it where it has no id. `key` is its `Type/id`. `aliases`: what the full
    URLs of its Bundle stand for.
    """

    place: str
    resource: Resource | None = None
    why: str = ""
    key: str = ""
    aliases: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What reports and facts call it."""
        return self.key or self.place

    def resolved(self, reference: Any) -> str:
        """The `Type/id` that a Reference means; "" where it names none that could be found."""
        text = reference.get("reference") if isinstance(reference, dict) else None
        if not isinstance(text, str) or not text:
            return ""
        if text in self.aliases:
            return self.aliases[text]
        if text.startswith("urn:"):
            return clean(text)
        parts = text.partition("/_history/")[0].rstrip("/").split("/")
        if len(parts) < 2 or not parts[-2].isalpha() or "?" in parts[-1]:
            return ""
        return clean("/".join(parts[-2:]))


class _Refused(ValueError):
    """A text that is not the JSON of a resource."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Refused(f"not JSON of FHIR: `{clean(twice)}` stands there twice")
    return result


def _refuse_constant(word: str) -> Any:
    raise _Refused(f"not JSON: `{word}` is not a number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=Decimal, parse_constant=_refuse_constant
)


def _decoded(data: bytes) -> Any:
    """A JSON value; numbers keep every digit. Raises: _Refused."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _Refused("not UTF-8 text") from None
    if text.lstrip()[:1] == "<":
        raise _Refused("XML; FHIR is read as JSON")
    try:
        return _DECODER.decode(text)
    except _Refused:
        raise
    except RecursionError:
        raise _Refused("nested too deep") from None
    except ValueError as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise _Refused(f"not JSON: {clean(what)[:80].lower()}") from None


def read_file(path: Path, name: str) -> Iterator[Read]:
    """Every resource in a file. What cannot be read is an item with a reason.

    Raises: OSError.
    """
    with path.open("rb") as stream:
        if path.suffix.lower() != ".json":
            yield from _lines(stream, name)
            return
        if path.stat().st_size > MAX_DOCUMENT:
            yield Read(name, why=f"larger than {MAX_DOCUMENT} bytes; split it, or use NDJSON")
            return
        try:
            value = _decoded(stream.read())
        except _Refused as error:
            yield Read(name, why=str(error))
            return
    yield from _unpacked(value, name)


def _lines(stream: BinaryIO, name: str) -> Iterator[Read]:
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        place = f"{name} line {number}"
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE + 1)
            yield Read(place, why=f"longer than {MAX_LINE} bytes")
            continue
        if not line.strip():
            continue
        try:
            value = _decoded(line)
        except _Refused as error:
            yield Read(place, why=str(error))
            continue
        yield from _unpacked(value, place)


def _unpacked(value: Any, place: str, depth: int = 0) -> Iterator[Read]:
    """The resources in a JSON value: itself, or the entries of a Bundle."""
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        yield Read(place, why="not a resource: it has no `resourceType`")
        return
    if value["resourceType"] != "Bundle":
        yield _single(value, place, {}, "")
        return
    if depth > 3:
        yield Read(place, why="a Bundle in a Bundle in a Bundle")
        return
    if value.get("type") not in BUNDLES:
        what = clean(str(value.get("type", "none stated")))[:40]
        yield Read(place, why=f"a Bundle of a type that is not read: {what}")
        return
    entries = value.get("entry", [])
    if not isinstance(entries, list):
        yield Read(place, why="a Bundle whose `entry` is not a list")
        return
    aliases: dict[str, str] = {}
    for one in entries:
        if isinstance(one, dict) and isinstance(one.get("resource"), dict):
            url = one.get("fullUrl")
            if isinstance(url, str):
                aliases[url] = _key(one["resource"], url)
    for number, one in enumerate(entries, start=1):
        at = f"{place} entry {number}"
        if not isinstance(one, dict) or not isinstance(one.get("resource"), dict):
            yield Read(at, why="an entry without a resource")
            continue
        request = one.get("request")
        if isinstance(request, dict) and request.get("method") == "DELETE":
            yield Read(at, why="an entry that deletes")
            continue
        resource, url = one["resource"], one.get("fullUrl")
        if resource.get("resourceType") == "Bundle":
            yield from _unpacked(resource, at, depth + 1)
        elif not isinstance(resource.get("resourceType"), str):
            yield Read(at, why="not a resource: it has no `resourceType`")
        else:
            yield _single(resource, at, aliases, url if isinstance(url, str) else "")


def _single(resource: Resource, place: str, aliases: dict[str, str], url: str) -> Read:
    return Read(place, resource, key=_key(resource, url), aliases=aliases)


def _key(resource: Resource, url: str) -> str:
    id_ = resource.get("id")
    if isinstance(id_, str) and id_:
        return clean(f"{resource.get('resourceType')}/{id_}")
    return clean(url)
