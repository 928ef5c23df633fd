"""The decision log: what was decided, when and by whom, provable years later.

| module | what it holds |
|---|---|
| tree | the Merkle tree of RFC 6962: roots, inclusion and consistency proofs |
| canonical | RFC 8785 JSON: one value, one sequence of bytes |
| note | C2SP signed notes and checkpoints, Ed25519 keys |
| entry | the entries a log is made of, and the salted digests that hide what they speak of |
| store | the SQLite file: appending, reading, and the only change it permits |
| append | what is appended: decisions, signatures, reports, redactions |
| proof | the files handed to others: C2SP tlog-proof, and consistency between checkpoints |
| verify | the whole log against its own checkpoints and those that others kept |
| review | lists of decisions, and one decision with what changed since the last |
| replay | decide again from the log alone |
| export | a folder that can be verified without this software |
| words, commands | the command line: what may be asked, and carrying it out |

`docs/AUDIT.md` says what this proves, to whom, and what it does not.
"""

from __future__ import annotations


class LogFault(Exception):
    """Something is wrong with a log, a proof, a key or what was asked of them.

    The message is lower case, has no full stop, and names the place.
    """
