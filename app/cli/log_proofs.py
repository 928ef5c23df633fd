"""`eligo log`: verifying a log, and the files that prove what is in it."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import fill

from app.run.exits import FOUND
from app.run.inputs import say
from app.run.printing import hand_out, put
from app.store.log.export import ENTRIES, Export
from app.store.log.proof import check_consistency, check_proof, prove, prove_consistency
from app.store.log.store import open_log
from app.store.log.verify import Verified, verify
from app.store.writing import write_file
from engine.log import LogFault
from engine.log.entry import Decided, Issued, Signed
from engine.log.note import Checkpoint, Verifier, open_checkpoint
from engine.log.tree import ProofFault

# --- verifying ------------------------------------------------------------------------


def verify_log(arguments: Namespace) -> int:
    if (arguments.log / ENTRIES).is_file():
        export = Export(arguments.log)
        key = key_of(arguments.key) if arguments.key else export.verifier
        held = _held(arguments.checkpoint, key)
        return _verified(verify(export, key, held), key, own=not arguments.key)
    with open_log(arguments.log) as log:
        key = key_of(arguments.key) if arguments.key else log.verifier
        held = _held(arguments.checkpoint, key)
        with progress_shown(log.size) as progress:
            result = verify(log, key, held, progress)
        return _verified(result, key, own=not arguments.key)


def _verified(result: Verified, key: Verifier, *, own: bool) -> int:
    for finding in (*result.findings, *result.remarks):
        put(folded(finding.text()))
    if result.more:
        put(f"and {result.more} more")
    put(
        f"{counted(result.size, 'entry', 'entries')}: {counted(result.decisions, 'decision')} "
        f"({result.redacted} redacted), {counted(result.signatures, 'signature')}, "
        f"{counted(result.reports, 'report')}, {counted(result.redactions, 'redaction')}"
    )
    if own:
        say(f"checked against the log's own key, to be compared with yours:\n{key.text()}")
    put("the log is as it was signed" if result.holds else "the log is not as it was signed")
    return 0 if result.holds else FOUND


def folded(text: str) -> str:
    return fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _held(files: list[Path], key: Verifier) -> list[Checkpoint]:
    return [open_checkpoint(text_in(file), key) for file in files]


def key_of(text: str) -> Verifier:
    """A public key, as given or in the file named."""
    if "+" not in text or Path(text).is_file():
        text = text_in(Path(text)).rstrip("\n")
    return Verifier.read(text)


def text_in(path: Path) -> str:
    """A file's text; what is not UTF-8 will be refused for what it says then."""
    return read_in(path).decode("utf-8", "replace")


def read_in(path: Path, most: int = 16_000_000) -> bytes:
    """A file's bytes. Raises: LogFault if it has more than `most`; OSError."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise LogFault(f"`{path.as_posix()}` is too large: it has more than {most} bytes")
    return data


@contextmanager
def progress_shown(size: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, for what a person waits for."""
    if size < 1_000 or not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(total=size, unit="entry", ncols=78, file=sys.stderr, leave=False) as bar:

        def reached(done: int) -> None:
            bar.update(done - bar.n)

        yield reached


# --- proving --------------------------------------------------------------------------


def checkpoint(arguments: Namespace) -> int:
    with open_log(arguments.log) as log:
        hand_out(log.checkpoint())
    return 0


def prove_entry(arguments: Namespace) -> int:
    with open_log(arguments.log) as log:
        write_out(prove(log, arguments.index), arguments.out)
    return 0


def proof_checked(arguments: Namespace) -> int:
    key = key_of(arguments.key)
    proof = read_in(arguments.proof)
    document = None
    if arguments.report is not None:
        document = read_in(arguments.report, 500_000_000)
    try:
        proved = check_proof(proof, document, key)
    except LogFault as fault:
        put(f"refused: {fault}")
        return FOUND
    entry = proved.entry
    put(f"proved: entry {proved.index} of {proved.checkpoint.origin}, a {entry.kind}")
    put(f"  logged {entry.time} by {entry.by}")
    if isinstance(entry, Decided):
        put(f"  as of {entry.as_of}, under the pack\n  {entry.pack}")
    elif isinstance(entry, Signed):
        put(f"  on entry {entry.of}, meaning {entry.meaning}")
    elif isinstance(entry, Issued):
        put(f"  of the decision in entry {entry.of}, whose hash is\n  {entry.entry}")
    return 0


def consistency(arguments: Namespace) -> int:
    old = text_in(arguments.old)
    if arguments.new.is_dir():
        with open_log(arguments.new) as log:
            kept = open_checkpoint(old, key_of(arguments.key) if arguments.key else log.verifier)
            try:
                proof = prove_consistency(log, kept)
            except ProofFault as fault:
                put(f"refused: {fault}")
                return FOUND
            write_out(proof, arguments.out)
        return 0
    if not arguments.key:
        raise LogFault("to check a proof the log's public key is needed: --key")
    key = key_of(arguments.key)
    try:
        kept = open_checkpoint(old, key)
        new = check_consistency(read_in(arguments.new), kept, key)
    except LogFault as fault:
        put(f"refused: {fault}")
        return FOUND
    put(f"the log of {new.size} entries continues that of {kept.size}")
    return 0


def write_out(text: str, out: Path | None) -> None:
    if out is None:
        hand_out(text)
    else:
        write_file(out, text)


WIDTH = 80
