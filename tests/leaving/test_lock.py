"""What is installed is what was tested: every version pinned, every file by its hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "build.lock")


def locked(name: str) -> dict[str, tuple[Version, set[str]]]:
    """By package, its version and the hashes of its files."""
    text = re.sub(r"#.*\n", "", (ROOT / name).read_text("utf-8")).replace("\\\n", "")
    found: dict[str, tuple[Version, set[str]]] = {}
    for line in text.splitlines():
        head, *hashes = line.split(" --hash=")
        asked = Requirement(head)
        (pin,) = asked.specifier
        assert pin.operator == "==" and asked.url is None and not asked.extras
        assert hashes and all(re.fullmatch(r"sha256:[0-9a-f]{64} *", one) for one in hashes)
        found[canonicalize_name(asked.name)] = Version(pin.version), {one.strip() for one in hashes}
    return found


def stated() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [one for several in project["optional-dependencies"].values() for one in several]
    return [Requirement(one) for one in (*project["dependencies"], *extras)]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_files_by_hash_and_no_place_to_fetch_them(name: str) -> None:
    assert locked(name)
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert not [line for line in lines if "://" in line or "index" in line]


def test_every_dependency_is_locked_within_its_bounds() -> None:
    versions = locked("requirements.lock")
    for asked in stated():
        version, _ = versions[canonicalize_name(asked.name)]
        assert asked.specifier.contains(version), asked


def test_the_locks_agree() -> None:
    whole, build = map(locked, LOCKS)
    assert {name: one for name, one in build.items() if whole.get(name, one) != one} == {}


def test_no_release_with_a_known_weakness_is_admitted() -> None:
    """Jinja2's sandbox (mended in 3.1.6), cryptography's OpenSSL (44.0.1), tqdm (4.66.3)."""
    weak = {"jinja2": "3.1.5", "cryptography": "44.0.0", "tqdm": "4.66.2"}
    for asked in stated():
        name = canonicalize_name(asked.name)
        assert name not in weak or not asked.specifier.contains(weak[name])
