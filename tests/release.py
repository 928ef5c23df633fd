"""Build a release and try it where there is nothing else: `python tests/release.py FOLDER`.

A wheel and an sdist are built with the locked build tools, without any network; both are then
installed apart from the checkout, with their dependencies as they are in the environment, and
asked for the version and for a verdict on a subject. Nothing is uploaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
SUBJECT = next((ROOT / "fixtures" / "subjects").glob("CAR-028*"))


def run(words: Iterable[str], folder: Path, python_path: Path | None = None) -> str:
    """What a command of Python prints in a folder. Ends this one if it fails."""
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}
    if python_path:
        environment["PYTHONPATH"] = str(python_path)
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"release: {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def built(folder: Path) -> list[Path]:
    """The sdist, made of the files of the commit alone, and the wheel made from the sdist."""
    shutil.rmtree(folder, ignore_errors=True)
    run(["-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder)], ROOT)
    (sdist,) = folder.glob("*.tar.gz")
    with TemporaryDirectory() as name:
        with tarfile.open(sdist) as archive:
            archive.extractall(name, filter="data")
        (source,) = Path(name).iterdir()
        words = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        run([*words, "--wheel-dir", str(folder), str(source)], source)
    (wheel,) = folder.glob("*.whl")
    return [sdist, wheel]


def tried(package: Path, version: str) -> None:
    """Install a file in an empty folder, and use it there."""
    with TemporaryDirectory() as name:
        there, empty = Path(name, "installed"), Path(name, "empty")
        empty.mkdir()
        words = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
        run([*words, "--target", str(there), str(package)], empty)
        (shown,) = run(["-m", "app", "--version"], empty, there).split("\n")[:1]
        assert shown == f"eligo {version}", shown
        shutil.copy(SUBJECT, empty / "subject.yaml")
        words = ["-m", "app", "screen", "subject.yaml", "--as-of", "2026-11-20", "--format", "json"]
        record = run(words, empty, there)
        assert '"verdict":"ineligible","determined_by":["I06"]' in record, record
        assert f'"eligo":"{version}"' in record, record
        where = run(["-c", "import app; print(app.__file__)"], empty, there)
        assert where.startswith(str(there)), where


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for package in built(folder):
        tried(package, version)
        print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, installed and tried")


if __name__ == "__main__":
    main()
