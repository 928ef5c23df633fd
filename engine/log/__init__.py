"""The decision log: what was decided, when and by whom, provable years later.

`docs/AUDIT.md` says what this proves, to whom, and what it does not.
"""

from __future__ import annotations


class LogFault(Exception):
    """Something is wrong with a log, a proof, a key or what was asked of them.

    The message is lower case, has no full stop, and names the place.
    """
