"""The Merkle tree of RFC 6962, section 2.1 (the same in RFC 9162): roots and proofs.

A tree is known by its complete subtrees: the node at (level, position) is the hash over
leaves `position << level` up to, not including, `(position + 1) << level`. Such a node never
changes once its last leaf is there, so a log that grows only ever adds nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from engine.log import LogFault

EMPTY = sha256(b"").digest()
"""The root of the tree without leaves."""

SIZE = 32
"""The length of a hash, in bytes."""

Node = Callable[[int, int], bytes]
"""The hash of the complete subtree at (level, position)."""


class ProofFault(LogFault):
    """A proof that does not prove what it should."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees."""
    return sha256(b"\x01" + left + right).digest()


def peaks(size: int) -> list[tuple[int, int]]:
    """Where the largest complete subtrees of a tree of `size` leaves lie, from the left."""
    return [
        (level, (size >> level) - 1)
        for level in range(size.bit_length() - 1, -1, -1)
        if size >> level & 1
    ]


class Frontier:
    """The right edge of a growing tree: what it takes to add a leaf and to know the root.

    `edge` are the hashes of the nodes that `peaks(size)` names.
    """

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size = size
        self._edge = list(edge)
        if len(self._edge) != size.bit_count():
            raise ValueError("a frontier needs one hash for each peak")

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf's hash; returns the nodes it completes: (level, position, hash)."""
        level, position, value = 0, self.size, leaf
        completed = [(level, position, value)]
        while position & 1:
            value = node_hash(self._edge.pop(), value)
            level, position = level + 1, position >> 1
            completed.append((level, position, value))
        self._edge.append(value)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self._edge:
            return EMPTY
        value = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            value = node_hash(left, value)
        return value


def root(size: int, node: Node) -> bytes:
    """The root over the first `size` leaves."""
    return Frontier(size, (node(*place) for place in peaks(size))).root()


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of the leaf at `index` in the tree of `size` leaves, leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(start, middle, node))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves.

    Empty if the sizes are equal, or the old tree is.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves is not the beginning of one of {new}")
    if old == 0:
        return []
    proof = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_subtree(middle, end, node))
            end = middle
        else:
            proof.append(_subtree(start, middle, node))
            start, whole = middle, False
    if not whole:
        proof.append(_subtree(start, end, node))
    return proof[::-1]


def root_by_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root of a tree of `size` leaves in which `path` puts `leaf` at `index`.

    RFC 9162, section 2.1.3.2. Raises: ProofFault if the path has the wrong length.
    """
    if not 0 <= index < size:
        raise ProofFault(f"there is no entry {index} in a log of {size}")
    at, last, value = index, size - 1, leaf
    for other in path:
        if last == 0:
            raise ProofFault("the inclusion proof is too long")
        if at & 1 or at == last:
            value = node_hash(other, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = node_hash(value, other)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofFault("the inclusion proof is too short")
    return value


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """See that the tree of `old` leaves is the beginning of that of `new` leaves.

    RFC 9162, section 2.1.4.2. Raises: ProofFault.
    """
    if not 0 <= old <= new:
        raise ProofFault(f"the newer tree has {new} entries, fewer than the older with {old}")
    if old in (0, new):
        if proof:
            raise ProofFault("the consistency proof is too long")
        if old_root != (new_root if old else EMPTY):
            raise ProofFault(f"the two trees of {old} entries have different roots")
        return
    steps = list(proof)
    if old & (old - 1) == 0:
        steps.insert(0, old_root)
    if not steps:
        raise ProofFault("the consistency proof is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = steps[0]
    for other in steps[1:]:
        if last == 0:
            raise ProofFault("the consistency proof is too long")
        if at & 1 or at == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, other)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofFault("the consistency proof is too short")
    if before != old_root or after != new_root:
        raise ProofFault(f"the log of {new} entries does not begin with the log of {old} entries")


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _subtree(start: int, end: int, node: Node) -> bytes:
    """The hash over the leaves from `start` up to `end`, a range that the splits lead to."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(_subtree(start, middle, node), _subtree(middle, end, node))
