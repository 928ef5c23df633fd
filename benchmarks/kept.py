"""Figures of a benchmark kept with the commit that they are of, and held against the last kept.

Only ratios of what was measured in one run are kept: they compare across machines.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORTH_SAYING = 1.25
"""A ratio that differs from the last kept by less than this factor is no news."""
MOST = 100


def commit() -> str:
    """The commit that is measured, with `+` where the checkout differs from it."""
    words = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    return subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def keep(name: str, ratios: Mapping[str, float]) -> None:
    """Add the ratios to benchmarks/NAME.json, and print each beside the last kept one."""
    path = Path(__file__).parent / f"{name}.json"
    runs = json.loads(path.read_text("utf-8")) if path.exists() else []
    last: dict[str, Any] = runs[-1] if runs else {"commit": "nothing", "ratios": {}}
    now = {key: float(f"{ratio:.3g}") for key, ratio in ratios.items()}
    for key, ratio in now.items():
        old = last["ratios"].get(key)
        line = f"{key:44}{ratio:10.3g}"
        if old:
            news = ratio / old if ratio > old else old / ratio
            word = "  more" if ratio > old else "  less"
            line += f"{old:10.3g} at {last['commit']}" + (word if news > WORTH_SAYING else "")
        print(line)
    run = {"commit": commit(), "python": platform.python_version(), "ratios": now}
    runs = [one for one in runs if one["commit"] != run["commit"]]
    path.write_text(json.dumps([*runs, run][-MOST:], indent=1) + "\n", "utf-8")
