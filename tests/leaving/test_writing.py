"""Files whole or not at all: full disks, kills, links, folders cut short, and names."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import writing
from app.store.writing import (
    UNFINISHED,
    clear_drafts,
    drafted,
    made_folder,
    new_folder,
    safe_stem,
    unfinished,
    unfinished_at,
    write_file,
)

OLD, NEW = b"old\n", b"new and longer\n" * 9_000


@contextlib.contextmanager
def no_more_than(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes, as on a full disk. Python must not keep what it
    compiles meanwhile: it would keep half of it, and fail on that from then on."""
    compiled, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    environment = dict(os.environ)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = compiled
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [0, 1, 4_096, 8_192, 100_000, len(NEW) - 1])
@pytest.mark.parametrize("there", [True, False])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, size: int, there: bool) -> None:
    place = tmp_path / "report.html"
    if there:
        place.write_bytes(OLD)
    with pytest.raises(OSError, match=r"report\.html") as caught, no_more_than(size):
        write_file(place, NEW)
    assert caught.value.errno == errno.EFBIG and caught.value.filename == str(place)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == (
        {"report.html": OLD} if there else {}
    )


@pytest.mark.parametrize("call", ["open", "fsync", "chmod", "replace"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_whatever_fails_nothing_is_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    """Three files, one after the other: none has its name before it is on the disk."""
    names = ["a", "b", "c"]
    for name in names:
        (tmp_path / name).write_bytes(OLD)
    place = writing if call == "open" else os
    real: Callable[..., object] = open if call == "open" else getattr(os, call)
    left = number

    def failing(*words: object, **more: object) -> object:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*words, **more)

    monkeypatch.setattr(place, call, failing, raising=False)
    with contextlib.suppress(OSError):
        for name in names:
            write_file(tmp_path / name, NEW)
    monkeypatch.undo()
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found.keys() == set(names) and set(found.values()) <= {OLD, NEW}
    assert left <= 0, "the call was reached"
    assert found["c"] == OLD, "what failed, and what was to come, is as it was"


KILLED = """
import os, signal, sys
from pathlib import Path
from app.store.writing import drafted, new_folder
with {how}(Path(sys.argv[1]) / "it") as one:
    {act}
    print("at work", flush=True)
    signal.pause()
"""


@pytest.mark.parametrize(
    ("how", "act"),
    [
        ("drafted", "one.write(b'half'); one.flush()"),
        ("new_folder", "(one / 'half').write_bytes(b'x')"),
    ],
)
def test_a_kill_leaves_only_what_the_next_run_takes_away(
    tmp_path: Path, how: str, act: str
) -> None:
    program = [sys.executable, "-c", KILLED.format(how=how, act=act), str(tmp_path)]
    child = subprocess.Popen(program, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.readline() == b"at work\n"
    clear_drafts(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1, "a run at work keeps its draft"
    child.kill()
    child.wait()
    child.stdout.close()
    assert not (tmp_path / "it").exists() and len(list(tmp_path.iterdir())) == 1
    made_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_others_left_is_not_taken_away(tmp_path: Path) -> None:
    for name in (".a.part", ".eligo-1.part", "eligo-0123456789abcdef.part", ".eligo.part"):
        (tmp_path / name).write_bytes(b"")
    clear_drafts(tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_draft_that_was_taken_for_left_behind_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run clears it away in the moment before it is held."""
    real = writing._lock
    done: list[bool] = []

    def late(handle: int) -> bool:
        if not done:
            done.append(True)
            clear_drafts(tmp_path)
        return real(handle)

    monkeypatch.setattr(writing, "_lock", late)
    write_file(tmp_path / "a", NEW)
    assert done and [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_is_written_through_a_link_or_over_what_is_no_file(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(OLD)
    link.symlink_to(target)
    with pytest.raises(OSError, match="symbolic link"):
        write_file(link, NEW)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with pytest.raises(OSError, match="symbolic link"):
        write_file(tmp_path / "dangling", NEW)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a file"):
        write_file(tmp_path / "pipe", NEW)
    with pytest.raises(IsADirectoryError):
        write_file(tmp_path, NEW)
    assert target.read_bytes() == OLD and link.is_symlink()
    folder = tmp_path / "folder"
    folder.symlink_to(tmp_path)
    write_file(folder / "inside", NEW)
    assert (tmp_path / "inside").read_bytes() == NEW


def test_rights_stay_and_new_files_have_the_usual_ones(tmp_path: Path) -> None:
    usual, kept = tmp_path / "usual", tmp_path / "kept"
    kept.write_bytes(OLD)
    kept.chmod(0o640)
    umask = os.umask(0o022)
    try:
        write_file(usual, "text\n")
        write_file(kept, NEW)
    finally:
        os.umask(umask)
    assert usual.stat().st_mode & 0o777 == 0o644 and kept.stat().st_mode & 0o777 == 0o640


def half_a_file(folder: Path) -> None:
    with drafted(folder / "a") as file:
        file.write(NEW)
        raise ValueError("no")


def half_a_folder(folder: Path) -> None:
    with new_folder(folder / "b") as draft:
        (draft / "c").write_bytes(NEW)
        raise ValueError("no")


@pytest.mark.parametrize("half", [half_a_file, half_a_folder])
def test_a_block_that_fails_writes_nothing(tmp_path: Path, half: Callable[[Path], None]) -> None:
    with pytest.raises(ValueError, match="no"):
        half(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_may_be_empty_and_not_more(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "pack"
    place.mkdir(parents=True)
    with new_folder(place) as folder:
        (folder / "a").write_bytes(NEW)
    assert (place / "a").read_bytes() == NEW
    with pytest.raises(OSError, match="pack"), new_folder(place) as folder:
        (folder / "b").write_bytes(NEW)
    assert [path.name for path in place.iterdir()] == ["a"]
    assert [path.name for path in place.parent.iterdir()] == ["pack"]


def test_a_folder_says_that_it_is_unfinished_until_it_is_done(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with unfinished(out, "eligo import csv"):
        write_file(out / "subjects.yaml", NEW, sync=False)
        assert unfinished_at(out) == out / UNFINISHED
        assert "eligo import csv" in (out / UNFINISHED).read_text()
        assert unfinished_at(out / "subjects" / "X.yaml") == out / UNFINISHED
    assert unfinished_at(out) is None and unfinished_at(out / "subjects.yaml") is None
    with pytest.raises(ValueError, match="no"), unfinished(out, "eligo import fhir"):
        raise ValueError("no")
    assert unfinished_at(out) == out / UNFINISHED


NAMES = st.one_of(
    st.text(min_size=1, max_size=100),
    st.text("aA.-_/ ", min_size=1, max_size=6),
    st.sampled_from(["CON", "con", "nul", "NUL.X", "aux.txt", "COM1", "LPT¹", "A\u0301", "Á"]),
)


@given(NAMES, NAMES)
def test_names_are_safe_and_never_shared(one: str, other: str) -> None:
    stems = [safe_stem(name) for name in (one, other)]
    assert one == other or stems[0].casefold() != stems[1].casefold()
    for stem in stems:
        assert stem and len(stem.encode()) < 200 and not set(stem) & set('/\\:*?"<>|\0\n ')
        assert stem[0] != "." and stem[-1] != "." and stem.split(".")[0].upper() not in RESERVED


RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{p}{n}" for p in ("COM", "LPT") for n in "0123456789")}


@pytest.mark.parametrize("name", ["CAR-001", "SYN-00001", "007", "ΑΒ-1", "ب-1", "A.B+C@D_E"])
def test_usual_names_stay_as_they_are(name: str) -> None:
    assert safe_stem(name) == name
    assert safe_stem(name.lower()) != name or name == name.lower()
