"""Where the packs that come with the software lie."""

from __future__ import annotations

from pathlib import Path

SHIPPED = "cd19-car-t-b-all"


def shipped_pack() -> Path:
    """The folder of the pack that is used where no other is named.

    An installed package carries `rules/` inside itself; in a checkout it lies beside it.

    Raises: FileNotFoundError if the installation lacks it.
    """
    here = Path(__file__).resolve().parent
    for rules in (here / "rules", here.parent / "rules"):
        if (rules / SHIPPED).is_dir():
            return rules / SHIPPED
    raise FileNotFoundError(f"the pack {SHIPPED} is not installed with eligo; install it again")
