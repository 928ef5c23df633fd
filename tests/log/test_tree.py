"""The Merkle tree against its specification, its published vectors, and every small tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.log import tree
from engine.log.tree import Frontier, ProofFault

# The reference tree of certificate transparency: eight leaves, and the roots of the first n.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # (index, size): the audit path
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {  # (old size, new size): the proof
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Grown:
    """A tree grown leaf by leaf, its nodes kept as a log keeps them."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        frontier = Frontier()
        self.roots = [frontier.root()]
        for leaf in leaves:
            for level, position, value in frontier.add(tree.leaf_hash(leaf)):
                assert (level, position) not in self.nodes
                self.nodes[level, position] = value
            self.roots.append(frontier.root())

    def node(self, level: int, position: int) -> bytes:
        return self.nodes[level, position]


def specified(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash, written down as section 2.1 defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + specified(leaves[:k]) + specified(leaves[k:])).digest()


MANY = [n.to_bytes(2, "big") for n in range(65)]
GROWN = Grown(MANY)


def flipped(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


@pytest.mark.parametrize("size", range(9))
def test_the_reference_roots(size: int) -> None:
    grown = Grown(LEAVES[:size])
    assert grown.roots[-1].hex() == ROOTS[size]
    assert tree.root(size, Grown(LEAVES).node).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_the_reference_audit_paths(index: int, size: int) -> None:
    path = tree.inclusion(index, size, Grown(LEAVES).node)
    assert [one.hex() for one in path] == INCLUSION[index, size]


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_the_reference_consistency_proofs(old: int, new: int) -> None:
    proof = tree.consistency(old, new, Grown(LEAVES).node)
    assert [one.hex() for one in proof] == CONSISTENCY[old, new]
    before, after = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    tree.check_consistency(old, new, before, after, proof)


@pytest.mark.parametrize("size", range(66))
def test_a_grown_tree_has_the_specified_root(size: int) -> None:
    assert GROWN.roots[size] == specified(MANY[:size])
    assert tree.root(size, GROWN.node) == GROWN.roots[size]


@pytest.mark.parametrize("size", range(1, 65))
def test_every_leaf_is_proved_at_its_place_and_nowhere_else(size: int) -> None:
    root = GROWN.roots[size]
    for index in range(size):
        leaf = tree.leaf_hash(MANY[index])
        path = tree.inclusion(index, size, GROWN.node)
        assert tree.root_by_inclusion(index, size, leaf, path) == root
        for other in range(size):
            if other != index:
                assert leads_elsewhere(other, size, leaf, path, root)
        assert leads_elsewhere(index, size, tree.leaf_hash(b"another"), path, root)
        assert leads_elsewhere(index, size, leaf, [*path, root], root)
        if path:
            assert leads_elsewhere(index, size, leaf, path[:-1], root)
            assert leads_elsewhere(index, size, leaf, path[1:], root)
            for step in range(len(path)):
                bent = [*path]
                bent[step] = flipped(path[step], (7 * index + step) % 256)
                assert leads_elsewhere(index, size, leaf, bent, root)


def leads_elsewhere(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    try:
        return tree.root_by_inclusion(index, size, leaf, path) != root
    except ProofFault:
        return True


@pytest.mark.parametrize("new", range(65))
def test_every_tree_begins_with_each_smaller_one(new: int) -> None:
    for old in range(new + 1):
        proof = tree.consistency(old, new, GROWN.node)
        before, after = GROWN.roots[old], GROWN.roots[new]
        tree.check_consistency(old, new, before, after, proof)
        wrong = [
            (old, new, flipped(before, new), after, proof),
            (old, new, before, after, [*proof, after]),
        ]
        if old:  # every tree continues the empty one, so its root says nothing there
            wrong.append((old, new, before, flipped(after, old), proof))
        if proof:
            wrong += [(old, new, before, after, proof[:-1]), (old, new, before, after, proof[1:])]
            wrong += [
                (old, new, before, after, [*proof[:n], flipped(proof[n], new), *proof[n + 1 :]])
                for n in range(len(proof))
            ]
        for one in wrong:
            with pytest.raises(ProofFault):
                tree.check_consistency(*one)


def test_a_forked_tree_does_not_continue_the_other() -> None:
    for place in range(16):
        leaves = [*MANY[:16]]
        leaves[place] = b"forged"
        fork = Grown(leaves)
        for old in range(place + 1, 16):
            for nodes in (fork, GROWN):
                with pytest.raises(ProofFault):
                    tree.check_consistency(
                        old, 16, GROWN.roots[old], fork.roots[16],
                        tree.consistency(old, 16, nodes.node),
                    )  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [(-1, 3), (4, 3)])
def test_what_cannot_be_proved_is_refused(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="is not the beginning"):
        tree.consistency(old, new, GROWN.node)
    with pytest.raises(ProofFault):
        tree.check_consistency(old, new, tree.EMPTY, tree.EMPTY, [])
    with pytest.raises(ValueError, match="no leaf"):
        tree.inclusion(new, new, GROWN.node)
    with pytest.raises(ProofFault):
        tree.root_by_inclusion(new, new, tree.EMPTY, [])
    with pytest.raises(ValueError, match="one hash for each peak"):
        Frontier(3, [tree.EMPTY])


@given(st.lists(st.binary(max_size=40), max_size=200), st.data())
def test_any_tree_proves_any_of_its_leaves(leaves: list[bytes], data: st.DataObject) -> None:
    grown = Grown(leaves)
    assert grown.roots[-1] == specified(leaves)
    size = data.draw(st.integers(0, len(leaves)))
    proof = tree.consistency(size, len(leaves), grown.node)
    tree.check_consistency(size, len(leaves), grown.roots[size], grown.roots[-1], proof)
    if size:
        index = data.draw(st.integers(0, size - 1))
        path = tree.inclusion(index, size, grown.node)
        leaf = tree.leaf_hash(leaves[index])
        assert tree.root_by_inclusion(index, size, leaf, path) == grown.roots[size]
        assert len(path) <= (size - 1).bit_length()
