"""The versions of SEMANTICS: what each changed of how subjects are decided."""

from __future__ import annotations

from collections.abc import Mapping

CHANGES: Mapping[int, tuple[str, ...]] = {
    1: ("the first version",),
    2: (
        "a statement is passed over only where another is provably newer",
        "all values of a fact that never changes must agree",
        "a list is confirmed only with its entries written out, in a file that was not cut",
        "known agents say what an entry is of",
        "a time counted from the end of a month is unknown where two ways of counting differ",
    ),
}
"""By version, what it decides otherwise than the one before."""


def changed(old: int, new: int) -> tuple[str, ...]:
    """What a newer version decides otherwise than an older one."""
    return tuple(
        change for version, changes in CHANGES.items() if old < version <= new for change in changes
    )
