"""Read a protocol pack: YAML or JSON files to a `Protocol`, or every fault in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from engine.read import files
from engine.read.dictionary import Dictionary
from engine.read.eligibility import read_eligibility
from engine.read.outcomes import read_outcomes
from engine.read.sheet import Sheet
from engine.read.source import scan_document, shorten
from engine.terms import (
    Protocol,
    Span,
)
from engine.terms.faults import Fault, InputRejected

PARTS = ("protocol", "facts", "eligibility")
OPTIONAL_PARTS = ("outcomes",)
SUFFIXES = (".yaml", ".yml", ".json")
MAP_FILE = "sources/fhir.yaml"
_PACK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def pack_digest(contents: Mapping[str, bytes]) -> str:
    """`sha256:` and the SHA-256 of the manifest: `PATH SHA256` a line, sorted by path."""
    lines = (f"{path} {sha256(contents[path]).hexdigest()}\n" for path in sorted(contents))
    return "sha256:" + sha256("".join(lines).encode()).hexdigest()


def protocol_of(contents: Mapping[str, bytes], at: str) -> Protocol:
    """The protocol in a pack's files; `at` is the folder that faults name.

    Raises: InputRejected.
    """
    faults: list[Fault] = []
    sheets: dict[str, Sheet] = {}
    for part in (*PARTS, *OPTIONAL_PARTS):
        names = [part + suffix for suffix in SUFFIXES if part + suffix in contents]
        if part in OPTIONAL_PARTS and not names:
            continue
        if len(names) != 1:
            what = f"`{part}.yaml` is missing from the pack"
            if names:
                what = f"the pack has both {' and '.join(f'`{n}`' for n in names)}; keep one"
            faults.append(Fault(Span(f"{at}/{part}.yaml", 1, 1), "pack-file", what))
            continue
        try:
            document = scan_document(f"{at}/{names[0]}", contents[names[0]])
        except InputRejected as rejected:
            faults.extend(rejected.faults)
            continue
        sheets[part] = Sheet(document)
    protocol = _protocol(sheets, pack_digest(contents))
    for sheet in sheets.values():
        faults.extend(sheet.faults())
    if faults or protocol is None:
        raise InputRejected(faults)
    return protocol


Identity = tuple[str, str, str, date | None, Mapping[str, str]]


def _protocol(sheets: Mapping[str, Sheet], digest: str) -> Protocol | None:
    """The protocol in the sheets that are there; None, or nonsense, after a fault."""
    whole = all(part in sheets for part in PARTS)
    identity = _identity(sheets["protocol"]) if "protocol" in sheets else None
    if "facts" not in sheets:  # without them, every condition asks about an unknown fact
        return None
    dictionary = Dictionary(sheets["facts"])
    if "eligibility" not in sheets:
        return None
    no_faults = not sheets["facts"].faults()
    definitions, criteria = read_eligibility(sheets["eligibility"], dictionary, no_faults)
    if not whole or identity is None:
        return None
    outcomes = read_outcomes(sheets["outcomes"], dictionary) if "outcomes" in sheets else None
    return Protocol(
        *identity,
        facts=dictionary.facts,
        records=dictionary.records,
        definitions=definitions,
        criteria=criteria,
        digest=digest,
        outcomes=outcomes,
    )


def _identity(sheet: Sheet) -> Identity:
    """What a pack is called and where it is from."""
    top = sheet.mapping_of((), sheet.document.value, files.ProtocolFile) or {}
    name = sheet.words_of((), top, "protocol")
    if name and not _PACK_ID.fullmatch(name):
        sheet.fault(
            ("protocol",), "name", f"`{shorten(name)}` is not an id", "letters, digits, hyphens"
        )
    given = sheet.names_of(("source",), top.get("source", {}), "words to text")
    source = {key: sheet.text_of(("source", key), value) or "" for key, value in given.items()}
    effective = sheet.given((), top, "effective", sheet.day_of)
    version, title = sheet.words_of((), top, "version"), sheet.words_of((), top, "title")
    return name, version, title, effective, source
