"""Write files whole or not at all, under names that every system bears.

A file is written under another name in its folder and gets its own once all of it is on the
disk. So what stands under a final name is whole, however a run ends, and what stood there
before stays until then. What a killed run left behind goes with the next run into the folder.

Nothing is written through a symbolic link, nor over anything that is not a file: a link may
lead where nobody thought of, so the run says so and writes nothing. A folder may be a link.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from unicodedata import normalize

UNFINISHED = "unfinished"
"""A folder with a file of this name is being written into, or a run that did was cut short."""

_DRAFT = re.compile(r"\.eligo-[0-9a-f]{16}\.part")
_MARK = """\
{what} is writing into this folder, or was cut short: files may be missing.
Nothing reads a folder that holds this note. Run {what} again.
"""


# --- files ------------------------------------------------------------------------------


@contextmanager
def drafted(where: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """A file to write to; it stands at `where` once the block ends, or not at all.

    `sync`: wait for the disk; one of many files inside `unfinished` need not.
    Raises: OSError, which names `where`; what stood there is then untouched.
    """
    try:
        with _draft(where.parent) as (draft, file):
            mode = _mode_of(where)
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            if mode is not None:
                os.chmod(draft, mode)
            if os.name != "posix":
                file.close()  # there an open file keeps its name
            os.replace(draft, where)
    except OSError as error:
        if error.filename is None or _DRAFT.fullmatch(os.path.basename(error.filename)):
            error.filename, error.filename2 = str(where), None
        raise


def write_file(where: Path, content: bytes | str, *, sync: bool = True) -> None:
    """Write a file, whole or not at all; text as UTF-8, its line ends as they stand.

    Raises: OSError, which names `where`; what stood there is then untouched.
    """
    with drafted(where, sync=sync) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def on_disk(file: BinaryIO) -> None:
    """Wait until what was written is on the disk. Raises: OSError."""
    file.flush()
    os.fsync(file.fileno())


def made_folder(folder: Path) -> None:
    """Make a folder to write into, and take away what a killed run left there. Raises: OSError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
    clear_drafts(folder)


@contextmanager
def new_folder(folder: Path, *, private: bool = False) -> Iterator[Path]:
    """A folder to fill; it stands at `folder` once the block ends, or not at all.

    `folder` is not there yet, or is empty; a private one only its owner may enter.
    Raises: OSError.
    """
    made_folder(folder.parent)
    draft = folder.parent / _draft_name()
    try:
        draft.mkdir(0o700 if private else 0o777)
        with _held_folder(draft):
            yield draft
            if hasattr(os, "sync"):
                os.sync()
            if folder.exists():
                folder.rmdir()
            draft.rename(folder)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError) and str(draft) in str(error.filename):
            error.filename = str(error.filename).replace(str(draft), str(folder))
        raise


def clear_drafts(folder: Path) -> None:
    """Take away the drafts of runs that ended before they could; those of others stay."""
    for entry in os.scandir(folder):
        if _DRAFT.fullmatch(entry.name):
            try:
                _clear(Path(entry.path), entry.is_dir(follow_symlinks=False))
            except OSError:
                continue  # another's, or another run took it away


def _clear(draft: Path, is_folder: bool) -> None:
    handle = os.open(draft, os.O_RDONLY) if os.name == "posix" else None
    try:
        if handle is not None and not _lock(handle):
            return  # someone is writing it
        if is_folder:
            shutil.rmtree(draft)
        else:
            draft.unlink()
    finally:
        if handle is not None:
            os.close(handle)


def _draft_name() -> str:
    return f".eligo-{token_hex(8)}.part"


@contextmanager
def _draft(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file in a folder, open to write; it is held, so that no other run clears it away."""
    while True:
        draft = folder / _draft_name()
        try:
            with open(draft, "xb") as file:
                if _lock(file.fileno()) and draft.exists():
                    yield draft, file
                    return
        finally:
            draft.unlink(missing_ok=True)
        # Another run took it for left behind, in the moment before it was held: once more.


@contextmanager
def _held_folder(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY) if os.name == "posix" else None
    try:
        if handle is not None:
            _lock(handle)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(handle: int) -> bool:
    """Hold an open file as long as it is open; whether nobody else does."""
    if os.name != "posix":
        return True  # there an open file cannot be taken away
    from fcntl import LOCK_EX, LOCK_NB, flock

    try:
        flock(handle, LOCK_EX | LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # a disk that knows no locks
    return True


def _mode_of(where: Path) -> int | None:
    """The rights of the file that stands there, if one does. Raises: OSError if it may not."""
    try:
        mode = where.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(mode):
        raise OSError(errno.EEXIST, "it is a symbolic link; name the file it leads to")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EEXIST, "it is not a file")
    if not os.access(where, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_IMODE(mode)


# --- folders that say that they are not whole -------------------------------------------


@contextmanager
def unfinished(folder: Path, what: str) -> Iterator[None]:
    """While many files are written into a folder, it says so; if they are not all, it goes on.

    `what` is the command, as in "eligo import csv". Raises: OSError.
    """
    made_folder(folder)
    mark = folder / UNFINISHED
    write_file(mark, _MARK.format(what=what))
    yield
    if hasattr(os, "sync"):
        os.sync()
    mark.unlink()


def unfinished_at(path: Path) -> Path | None:
    """The note that a folder is not whole, for the folder, or the file in it, at `path`.

    An import writes two levels deep: what is above is looked at as well.
    """
    real = path.resolve()
    for folder in (real, *real.parents[:2]):
        if (folder / UNFINISHED).is_file():
            return folder / UNFINISHED
    return None


# --- names ------------------------------------------------------------------------------

_UNSAFE = re.compile(r"[^\w.@+-]|^\.|\.$")
_MARKED = re.compile(r"-[0-9a-f]{8}$")
_RESERVED = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$)(\..*)?", re.I)
"""What some systems take for a device, whatever stands behind a dot."""


def safe_stem(name: str, *, mark: bool = False) -> str:
    """A file name without its suffix, the same for the same `name`, another for another.

    So also on systems that do not tell capitals from small letters: what is not as it was, or
    has small letters, ends with a digest, and so does everything with `mark`.
    """
    stem = _UNSAFE.sub("_", normalize("NFC", name))[:80]
    stem = stem.encode()[:180].decode(errors="ignore")  # a file's name has at most 255 bytes
    same = stem == name == name.upper() and not _RESERVED.fullmatch(name)
    if mark or not same or _MARKED.search(stem):
        stem = ("_" if _RESERVED.fullmatch(stem) else "") + stem
        stem += "-" + sha256(name.encode()).hexdigest()[:8]
    return stem
