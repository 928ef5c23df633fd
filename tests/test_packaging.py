"""The wheel carries what it needs, and works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout, with no network."""
    folder = tmp_path_factory.mktemp("wheel")
    run(ROOT, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
        "--wheel-dir", str(folder), str(ROOT))  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel is installed into, apart from the environment's own."""
    folder = tmp_path_factory.mktemp("installed")
    run(ROOT, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile",
        "--target", str(folder), str(wheel))  # fmt: skip
    return folder


def run(folder: Path, *arguments: str, path: Path | None = None) -> str:
    """What Python prints for these arguments, run in `folder`. It must succeed."""
    environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_three_packages_and_the_pack_and_no_more(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("app", "engine", "reports")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {
        f"app/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "rules").rglob("*")
        if path.is_file()
    }
    assert names == expected


def test_an_installed_wheel_screens_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    place = run(tmp_path, "-c", "from app.store.shipped import shipped_pack; print(shipped_pack())",
                path=installed).strip()  # fmt: skip
    assert Path(place) == installed / "app" / "rules" / "cd19-car-t-b-all"
    assert "screen" in run(tmp_path, "-m", "app", "--help", path=installed)
    run(tmp_path, "-m", "app", "check", place, path=installed)
    (tmp_path / "s.yaml").write_text("subject: S-1\nfacts: {}\n", "utf-8")
    for form in ("html", "pdf"):
        run(tmp_path, "-m", "app", "screen", "s.yaml", "--as-of", "2026-11-20", "--format", form,
            "--out", "out", path=installed)  # fmt: skip
        assert len(list((tmp_path / "out").rglob(f"*.{form}"))) >= 1


def test_the_command_is_named_in_the_wheel(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (points,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
    assert archive.read(points).decode().split("\n")[:2] == [
        "[console_scripts]",
        "eligo = app.cli.main:entry",
    ]


def test_a_checkout_uses_its_own_pack() -> None:
    from app.store.shipped import shipped_pack

    assert shipped_pack() == ROOT / "rules" / "cd19-car-t-b-all"
