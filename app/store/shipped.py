"""Where the packs that come with the software lie, and the schemas of their files."""

from __future__ import annotations

import os
from pathlib import Path

SHIPPED = "cd19-car-t-b-all"


def shipped_pack() -> Path:
    """The folder of the pack that is used where no other is named.

    An installed package carries `rules/` inside itself; in a checkout it lies beside it.

    Raises: FileNotFoundError if the installation lacks it.
    """
    package = Path(__file__).resolve().parents[1]
    for rules in (package / "rules", package.parent / "rules"):
        if (rules / SHIPPED).is_dir():
            return rules / SHIPPED
    raise FileNotFoundError(f"the pack {SHIPPED} is not installed with eligo; install it again")


def schemas_for(folder: Path) -> str | None:
    """The folder of schemas of the project in which a folder stands, as its files see it; None
    outside a checkout, where an editor finds none."""
    real = folder.resolve()
    for above in real.parents:
        schemas = above / "docs" / "schemas"
        if (schemas / "eligibility.schema.json").is_file():
            return Path(os.path.relpath(schemas, real)).as_posix()
    return None
