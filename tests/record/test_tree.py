"""The tree is that of RFC 6962: its roots and proofs are the published ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from cct_ops.record import tree
from cct_ops.record.tree import Node

# The reference data of Certificate Transparency (transparency-dev/merkle, testonly/constants.go).
LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
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
_96A2 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_5F08 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_6B47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_BC1A = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_CA85 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_0EBC = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
INCLUSION = {
    (0, 8): [_96A2, _5F08, _6B47],
    (5, 8): [_BC1A, _CA85, ROOTS[4]],
    (2, 3): [ROOTS[2]],
    (1, 5): [ROOTS[1], _5F08, _BC1A],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [_96A2, _5F08, _6B47],
    (6, 8): [_0EBC, _CA85, ROOTS[4]],
    (2, 5): [_5F08, _BC1A],
}


class Stored(dict[Node, bytes]):
    """The complete subtrees over these leaves."""

    def __init__(self, leaves: list[bytes]) -> None:
        hashes = [tree.leaf_hash(leaf) for leaf in leaves]
        super().__init__({(0, index): each for index, each in enumerate(hashes)})
        self.update(tree.grown(0, [], hashes))

    def root(self, size: int) -> bytes:
        """Return the root over the first leaves."""
        return tree.fold([self[node] for node in tree.cover(0, size)])


def of_the_rfc(leaves: list[bytes]) -> bytes:
    """MTH as section 2.1 of the RFC defines it."""
    if len(leaves) < 2:
        return tree.leaf_hash(leaves[0]) if leaves else tree.EMPTY_ROOT
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return tree.node_hash(of_the_rfc(leaves[:k]), of_the_rfc(leaves[k:]))


def test_roots_are_the_published_ones() -> None:
    stored = Stored(LEAVES)

    assert [stored.root(size).hex() for size in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_proofs_of_inclusion_are_the_published_ones(index: int, size: int) -> None:
    stored = Stored(LEAVES)

    proof = tree.proven(tree.inclusion(index, size), stored.__getitem__)

    assert [each.hex() for each in proof] == INCLUSION[index, size]


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_proofs_of_consistency_are_the_published_ones(old: int, size: int) -> None:
    stored = Stored(LEAVES)

    proof = tree.proven(tree.consistency(old, size), stored.__getitem__)

    assert [each.hex() for each in proof] == CONSISTENCY[old, size]


@given(st.integers(1, 80), st.integers(0, 79), st.integers(1, 80))
@settings(deadline=None)
def test_every_proof_leads_to_the_root_of_the_rfc(size: int, index: int, other: int) -> None:
    """And to no other leaf's, nor from another size."""
    leaves = [bytes([at]) for at in range(80)]
    stored, index, old = Stored(leaves), index % size, 1 + (other - 1) % size
    root, old_root = of_the_rfc(leaves[:size]), of_the_rfc(leaves[:old])
    leaf = tree.leaf_hash(leaves[index])
    included = tree.proven(tree.inclusion(index, size), stored.__getitem__)
    goes_on = tree.proven(tree.consistency(old, size), stored.__getitem__)

    assert stored.root(size) == root
    assert tree.root_by_inclusion(index, size, leaf, included) == root
    assert tree.is_consistent(old, old_root, size, root, goes_on)
    assert tree.root_by_inclusion(index, size, b"\x00" * 32, included) != root
    assert tree.root_by_inclusion(size, size, leaf, included) is None
    assert not tree.is_consistent(old, b"\x00" * 32, size, root, goes_on)
    assert not tree.is_consistent(old, old_root, size, b"\x00" * 32, goes_on)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_it_grows_alike_in_pieces_of_any_size(pieces: list[int]) -> None:
    leaves = [str(at).encode() for at in range(sum(pieces))]
    hashes = [tree.leaf_hash(leaf) for leaf in leaves]
    stored: dict[Node, bytes] = {(0, at): each for at, each in enumerate(hashes)}
    size = 0
    for piece in pieces:
        edge = [stored[node] for node in tree.cover(0, size)]
        stored.update(tree.grown(size, edge, hashes[size : size + piece]))
        size += piece

    assert stored == Stored(leaves)


def test_a_proof_of_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="leaf 8 is not in a tree of 8"):
        tree.inclusion(8, 8)
    with pytest.raises(ValueError, match="a tree of 3 does not go on from one of 4"):
        tree.consistency(4, 3)
