"""Packs and their cases in the folders that they lie in."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path as FilePath

from engine.read.eligibility import CRITERION_ID
from engine.read.packs import MAP_FILE, OPTIONAL_PARTS, PARTS, SUFFIXES, protocol_of
from engine.read.source import shorten
from engine.terms import Protocol, Span
from engine.terms.faults import Fault, InputRejected


def pack_files(folder: FilePath) -> dict[str, bytes]:
    """The bytes of every file of a pack without `cases/`, by path relative to the folder.

    Hidden files are not part of a pack. Raises: InputRejected if the folder is not there.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "is not there"
        message = f"the pack `{shorten(folder.as_posix(), 200)}` {what}"
        hint = "name a folder that holds protocol.yaml, facts.yaml and eligibility.yaml"
        raise InputRejected([Fault(Span(folder.as_posix(), 1, 1), "no-pack", message, hint)])
    if not any((folder / (part + suffix)).is_file() for part in PARTS for suffix in SUFFIXES):
        message = f"the folder `{shorten(folder.as_posix(), 200)}` is not a pack"
        hint = "a pack holds protocol.yaml, facts.yaml and eligibility.yaml"
        raise InputRejected([Fault(Span(folder.as_posix(), 1, 1), "no-pack", message, hint)])
    found = {}
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if relative.parts[0] != "cases" and not hidden and file.is_file():
            try:
                relative.as_posix().encode()
            except UnicodeEncodeError:
                name = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
                message = f"the file name `{shorten(name)}` is not UTF-8"
                raise InputRejected([Fault(Span(name, 1, 1), "pack-file", message)]) from None
            if "\\" in relative.as_posix() or not relative.as_posix().isprintable():
                # A digest is made of names, a line each, and must be the same everywhere.
                name = relative.as_posix().encode("unicode_escape").decode()
                message = f"the file name `{shorten(name)}` has a sign that names may not hold"
                raise InputRejected([Fault(Span(name, 1, 1), "pack-file", message, "rename it")])
            found[relative.as_posix()] = file.read_bytes()
    return found


def misnamed_files(folder: FilePath) -> dict[str, str]:
    """The YAML files of a pack that nothing reads, by path in it, each with a hint.

    A JSON file is one only where a name that is read is near: a study's record, say, may lie
    beside the rules. Raises: OSError.
    """
    named = {part + suffix for part in (*PARTS, *OPTIONAL_PARTS) for suffix in SUFFIXES}
    there = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    taken = {
        path.with_suffix("").as_posix(): path.as_posix()
        for path in there
        if path.as_posix() in (*named, MAP_FILE)
    }
    found = {}
    for path in there:
        suffix, name = path.suffix.lower(), path.as_posix()
        case = path.parts[0] == "cases" and path.suffix in SUFFIXES and len(path.parts) > 1
        hidden = any(part.startswith(".") for part in path.parts)
        if suffix not in SUFFIXES or case or hidden or name in (*named, MAP_FILE):
            continue
        near = _near_name(path).encode(errors="backslashreplace").decode()
        read = taken.get(near.partition(".")[0])
        if read:
            found[name] = f"`{read}` is read already: merge the two, or take this one away"
        elif near:
            found[name] = f"did you mean `{near}`?"
        elif suffix != ".json":
            parts = [f"{part}.yaml" for part in (*PARTS, *OPTIONAL_PARTS)]
            found[name] = "known: " + ", ".join(f"`{one}`" for one in (*parts, MAP_FILE, "cases/"))
    return found


def _near_name(path: FilePath) -> str:
    """The name nearest to that of a file which nothing reads; "" if none is."""
    suffix, stem = path.suffix.lower(), path.with_suffix("").as_posix()
    first = path.parts[0] if len(path.parts) > 1 else ""
    if first and get_close_matches(first.lower(), ["cases"]):
        return "/".join(["cases", *path.parts[1:-1], path.stem + suffix])
    if not first and (stem.lower() in ("case", "cases") or CRITERION_ID.fullmatch(stem)):
        return f"cases/{stem}{suffix}"
    known = {part: part + suffix for part in (*PARTS, *OPTIONAL_PARTS)}
    known |= {MAP_FILE.partition(".")[0]: MAP_FILE, FilePath(MAP_FILE).stem: MAP_FILE}
    for name in (stem, path.stem):
        near = get_close_matches(name.lower(), known, n=1)
        if near:
            return known[near[0]]
    return ""


def read_pack(folder: FilePath) -> Protocol:
    """The protocol in a folder. Raises: InputRejected with every fault of every file."""
    return protocol_of(pack_files(folder), folder.as_posix())


def case_files(folder: FilePath) -> dict[str, bytes]:
    """The files of a pack's `cases/`, by path relative to it."""
    inside = folder / "cases"
    return {
        os.fsencode(path.relative_to(inside)).decode("utf-8", "backslashreplace"): path.read_bytes()
        for path in sorted(inside.rglob("*"))
        if path.is_file()
        and path.suffix in (".yaml", ".yml", ".json")
        and not any(part.startswith(".") for part in path.relative_to(inside).parts)
    }
