"""`eligo new`: a pack's skeleton from a ClinicalTrials.gov study record."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from app.run.exits import REJECTED
from app.run.inputs import bounded, say, tell, unwritable
from app.store.packs import read_pack
from app.store.shipped import schemas_for
from app.store.writing import new_folder, write_file
from engine.drafting.skeleton import skeleton
from engine.read.source import MAX_BYTES
from engine.terms.faults import filled


def run(arguments: Namespace) -> int:
    """Write the skeleton; returns the exit code."""
    out = arguments.out
    try:
        data = bounded(arguments.study, MAX_BYTES)
        schemas = schemas_for(out)
        made = skeleton(arguments.study.as_posix(), data, schemas)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            say(filled(f"{out.as_posix()} is there already: name a folder that is not"))
            return REJECTED
        with new_folder(out) as draft:
            for name, text in made.files.items():
                write_file(draft / name, text)
        protocol = read_pack(out)
    except OSError as error:
        say(unwritable(Path(error.filename or out), error).text())
        return REJECTED
    for note in made.notes:
        tell(f"note: {note}")
    if schemas is None:
        tell(f"note: {_NO_SCHEMAS}")
    kinds = [c.kind for c in protocol.criteria]
    counted = (
        f"{kinds.count('inclusion')} inclusion and {kinds.count('exclusion')} exclusion criteria"
    )
    next_step = "write their rules, then `eligo check`"
    tell(f"{out.as_posix()}: {counted}; {next_step}")
    return 0


_NO_SCHEMAS = (
    "no `docs/schemas` in a folder above: the files name no schema; for an editor to check them, "
    "begin each with `# yaml-language-server: $schema=` and where its schema is"
)
