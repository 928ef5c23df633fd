"""Read FHIR R4 JSON: Bundles, single resources and NDJSON, one resource at a time.

NDJSON is read line by line, so that memory does not grow with the file. A Bundle is one
JSON value and is held as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from app.exchange.fhir.decoded import PACKED, Refused, decoded
from engine.exchange.fhir.element import dicts
from engine.exchange.fhir.path import Resource
from engine.exchange.fhir.release import named_release
from engine.exchange.recorded import clean

SUFFIXES = (".json", ".ndjson", ".jsonl")
UNREAD_SUFFIXES = (".gz", ".zip", ".xml", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz")
"""Files that may well hold records, and that are not opened."""

MAX_DOCUMENT = 256 * 1024 * 1024
"""The largest Bundle or resource that is read, in bytes; more comes as NDJSON."""

MAX_LINE = 16 * 1024 * 1024
"""The longest line of NDJSON that is read, in bytes."""

BUNDLES = frozenset({"collection", "searchset", "transaction", "batch", "document", "history"})


@dataclass(frozen=True, slots=True)
class Reference:
    """Whom or what a reference means: a `key` at a `base`, or an identifier.

    `base` is None for a relative reference whose own place has no base either.
    """

    key: str = ""
    base: str | None = None
    system: str | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """One resource as it was found, or why there is none.

    `place` names it where it has no id. `key` is its `Type/id`, `base` the server that its
    full URL names. `aliases`: what the full URLs of its Bundle stand for. `series`: the
    history Bundle that it stands in, `number` where, and `method` what was asked there.
    `release`: why its Bundle is of another release of FHIR. `within`: the resource that
    contains it.
    """

    place: str
    resource: Resource | None = None
    why: str = ""
    key: str = ""
    base: str | None = None
    aliases: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    series: str = ""
    number: int = 0
    method: str = ""
    moment: str = ""
    release: str = ""
    within: Resource | None = None

    @property
    def name(self) -> str:
        """What reports and facts call it."""
        return self.key or self.place

    @property
    def deletes(self) -> bool:
        return self.method == "DELETE"

    def resolved(self, reference: Any) -> Reference:
        """What a Reference means; without a key and a value where it names nothing."""
        if not isinstance(reference, dict):
            return Reference()
        system, value = None, ""
        own = reference.get("identifier")
        if isinstance(own, dict) and isinstance(own.get("value"), str):
            value = own["value"]
            system = own["system"] if isinstance(own.get("system"), str) else None
        text = reference.get("reference")
        if not isinstance(text, str) or not text:
            return Reference(system=system, value=value)
        if text in self.aliases:
            base, key = self.aliases[text]
            return Reference(key, base, system, value)
        if text.startswith("urn:"):
            return Reference(clean(text), self.base, system, value)
        whole, question, asked = text.partition("?")
        if question:
            return _asked_for(whole, asked) if not value else Reference(system=system, value=value)
        base, key = split_url(whole)
        if not key:
            return Reference(system=system, value=value)
        return Reference(key, base or self.base, system, value)


def _asked_for(kind: str, query: str) -> Reference:
    """The identifier in a conditional reference, `Patient?identifier=SYSTEM|VALUE`."""
    name, _, asked = query.partition("=")
    if kind.rpartition("/")[2] != "Patient" or name != "identifier" or "&" in asked:
        return Reference()
    system, bar, value = asked.rpartition("|")
    return Reference(system=system if bar and system else None, value=value)


def split_url(url: str) -> tuple[str | None, str]:
    """(base, `Type/id`) of a URL or a relative reference; no key where it names none."""
    parts = url.partition("/_history")[0].rstrip("/").split("/")
    if len(parts) < 2 or not parts[-2].isalpha() or not parts[-1]:
        return None, ""
    key, base = clean("/".join(parts[-2:])), "/".join(parts[:-2])
    if not base:
        return None, key
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    return clean(f"{scheme.lower()}://{host.lower()}{slash}{path}"), key


@dataclass(slots=True)
class Source:
    """What is known of one file: whether it can have lost anything unseen, and why.

    `pages`: of each Bundle of a search, how many it says there are in all (None if it does not),
    how many it holds, and whether it names a next one. `lost`: what a server could not give.
    """

    name: str
    doubts: list[str] = field(default_factory=list)
    pages: list[tuple[int | None, int, bool]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def missing_pages(pages: list[tuple[int | None, int, bool]]) -> list[str]:
    """What the pages of all searches of an input show to be missing, however they are given."""
    held: dict[int, int] = {}
    for total, here, _ in pages:
        if total is not None:
            held[total] = held.get(total, 0) + here
    found = [f"it holds {n} of the {total} that it says it has" for total, n in held.items()
             if n < total]  # fmt: skip
    if pages and all(more for _, _, more in pages):
        found.append("it names a next page of a search, and has no last one")
    return found


def read_file(path: Path, name: str, source: Source | None = None) -> Iterator[Read]:
    """Every resource in a file. What cannot be read is an item with a reason.

    Raises: OSError.
    """
    source = source or Source(name)
    with path.open("rb") as stream:
        if path.suffix.lower() != ".json":
            source.doubts.append("it is read line by line, and says nowhere how many it has")
            yield from _lines(stream, name, source)
            return
        if path.stat().st_size > MAX_DOCUMENT:
            yield Read(name, why=f"larger than {MAX_DOCUMENT} bytes; split it, or use NDJSON")
            return
        try:
            value = decoded(stream.read())
        except Refused as error:
            yield Read(name, why=str(error))
            return
    yield from _unpacked(value, name, source)


def _lines(stream: BinaryIO, name: str, source: Source) -> Iterator[Read]:
    number = 0
    read = False
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        place = f"{name} line {number}"
        if number == 1 and any(line.startswith(magic) for magic in PACKED):
            yield Read(name, why=next(w for m, w in PACKED.items() if line.startswith(m)))
            return
        if number == 1 and line.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            yield Read(name, why="XML; FHIR is read as JSON")
            return
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE + 1)
            yield Read(place, why=f"longer than {MAX_LINE} bytes")
            continue
        if not line.strip():
            continue
        read = True
        try:
            value = decoded(line)
        except Refused as error:
            yield Read(place, why=str(error))
            continue
        yield from _unpacked(value, place, source)
    if not read and not number:
        yield Read(name, why="not JSON: the file is empty")


def _unpacked(
    value: Any, place: str, source: Source, depth: int = 0, release: str = ""
) -> Iterator[Read]:
    """The resources in a JSON value: itself, or the entries of a Bundle."""
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        yield Read(place, why="not a resource: it has no `resourceType`")
        return
    if value["resourceType"] == "Parameters":
        yield Read(place, why="Parameters, which may hold anything and are not read")
        return
    if value["resourceType"] != "Bundle":
        yield _single(value, place, release)
        return
    release = release or named_release(value)
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
    _look_for_pages(value, entries, source)
    aliases: dict[str, tuple[str | None, str]] = {}
    for one in entries:
        if isinstance(one, dict) and isinstance(one.get("resource"), dict):
            url = one.get("fullUrl")
            if isinstance(url, str):
                aliases[url] = (split_url(url)[0], _key(one["resource"], url))
    history = place if value["type"] == "history" else ""
    for number, one in enumerate(entries, start=1):
        at = f"{place} entry {number}"
        found = one if isinstance(one, dict) else {}
        raw = found.get("request")
        request: dict[str, Any] = raw if isinstance(raw, dict) else {}
        method = request.get("method")
        method = method if isinstance(method, str) else ""
        raw_url = found.get("fullUrl")
        url = raw_url if isinstance(raw_url, str) else ""
        resource = found.get("resource")
        if method == "DELETE":
            yield _deletion(at, url, request, resource, found, value, history, number)
        elif method == "PATCH":
            yield Read(at, why="a change of a part of a resource (PATCH), which is not read")
        elif not isinstance(resource, dict):
            if method != "GET":
                yield Read(at, why="an entry without a resource")
        elif resource.get("resourceType") == "Bundle":
            yield from _unpacked(resource, at, source, depth + 1, release)
        elif resource.get("resourceType") == "Parameters":
            yield Read(at, why="Parameters, which may hold anything and are not read")
        elif not isinstance(resource.get("resourceType"), str):
            yield Read(at, why="not a resource: it has no `resourceType`")
        else:
            if resource["resourceType"] == "OperationOutcome":
                source.doubts.append("it holds a message of the server's")
                severe = {one.get("severity") for one in dicts(resource.get("issue"))}
                if severe & {"error", "fatal"}:
                    source.lost.append("it holds an error of the server's")
            yield Read(
                at,
                resource,
                key=_key(resource, url),
                base=split_url(url)[0],
                aliases=aliases,
                series=history,
                number=number,
                method=method if history else "",
                moment=_modified(found),
                release=release,
            )


def _look_for_pages(bundle: dict[str, Any], entries: list[Any], source: Source) -> None:
    """Doubt that a search is whole where its Bundle says that there is more of it."""
    more = any(link.get("relation") == "next" for link in dicts(bundle.get("link")))
    if more:
        source.doubts.append("it is one page of a search, and names a next one")
    total = bundle.get("total")
    held = len(entries)
    if isinstance(total, int):
        included = sum(
            1
            for one in entries
            if isinstance(one, dict)
            and isinstance(one.get("search"), dict)
            and one["search"].get("mode") in ("include", "outcome")
        )
        held -= included
        if held < total:
            source.doubts.append(f"it holds {held} of the {total} that it says it has")
    if more or isinstance(total, int) or bundle.get("type") == "searchset":
        source.pages.append((total if isinstance(total, int) else None, held, more))


def _deletion(
    at: str,
    url: str,
    request: dict[str, Any],
    resource: Any,
    entry: dict[str, Any],
    bundle: dict[str, Any],
    history: str,
    number: int,
) -> Read:
    """What an entry that deletes says: of what, and when."""
    base, key = split_url(url)
    asked = request.get("url")
    if isinstance(asked, str):
        asked_base, asked_key = split_url(asked)
        base, key = base or asked_base, asked_key or key
    if not key and isinstance(resource, dict):
        key = _key(resource, url)
    if not key:
        return Read(at, why="an entry that deletes, and does not say what")
    moment = _modified(entry)
    for whole in (bundle.get("timestamp"), (bundle.get("meta") or {}) if not moment else None):
        found = whole.get("lastUpdated") if isinstance(whole, dict) else whole
        if not moment and not history and isinstance(found, str):
            moment = found
    return Read(at, key=key, base=base, series=history, number=number, method="DELETE",
                moment=moment)  # fmt: skip


def _modified(entry: dict[str, Any]) -> str:
    answer = entry.get("response")
    found = answer.get("lastModified") if isinstance(answer, dict) else None
    return found if isinstance(found, str) else ""


_UNSETTLED = frozenset({"entered-in-error", "cancelled", "registered", "preliminary", "partial"})
_HELPERS = frozenset({"Patient", "Medication"})


def contained(read: Read) -> Iterator[Read]:
    """The resources that one contains, each as one of its own, of the same patient and version.

    What makes the whole uncertain makes its parts so. Drugs and patients are left to those
    that refer to them.
    """
    outer = read.resource
    inside = outer.get("contained") if outer is not None else None
    if outer is None or inside is None:
        return
    listed = inside if isinstance(inside, list) else [inside]
    doubtful = (
        outer.get("status") in _UNSETTLED
        or "modifierExtension" in outer
        or "implicitRules" in outer
    )
    for number, inner in enumerate(listed, start=1):
        own = inner if isinstance(inner, dict) else {}
        name = own["id"] if isinstance(own.get("id"), str) else number
        place = clean(f"{read.name}#{name}")
        if not isinstance(own.get("resourceType"), str) or own["resourceType"] == "Bundle":
            yield Read(place, why="contains something that is not read as a resource")
            continue
        if own["resourceType"] in _HELPERS:
            continue
        made = {"subject": outer.get("subject") or outer.get("patient"), **own}
        if own.get("patient") and "subject" not in own:
            made["subject"] = own["patient"]
        made["meta"] = {**_meta(own), **_meta(outer)}
        made["contained"] = [*listed, *(_list(own.get("contained")))]
        if doubtful:
            made["modifierExtension"] = [{"url": "urn:eligo:contained"}]
        made = {key: value for key, value in made.items() if value is not None}
        part = replace(
            read, place=place, resource=made, key=place if read.key else "", within=outer
        )
        yield part
        yield from contained(replace(part, resource={**made, "contained": own.get("contained")}))


def _meta(resource: Resource) -> Resource:
    found = resource.get("meta")
    return found if isinstance(found, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _single(resource: Resource, place: str, release: str) -> Read:
    return Read(place, resource, key=_key(resource, ""), release=release)


def _key(resource: Resource, url: str) -> str:
    id_ = resource.get("id")
    if isinstance(id_, str) and id_:
        return clean(f"{resource.get('resourceType')}/{id_}")
    return split_url(url)[1] or clean(url)
