"""
The Merkle tree of RFC 6962, as arithmetic on positions: what is stored where is not its business.

A node ``(level, index)`` is the root of the complete subtree over the leaves
``[index << level, (index + 1) << level)``. Only complete subtrees are ever stored, because they
never change; the root of a tree of any size, and every proof, is folded from a few of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

Node = tuple[int, int]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def cover(begin: int, end: int) -> list[Node]:
    """Return the largest complete subtrees over ``[begin, end)``, from left to right."""
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over neighbouring complete subtrees, each smaller than the one before."""
    if not hashes:
        return EMPTY_ROOT
    *others, root = hashes
    for left in reversed(others):
        root = node_hash(left, root)
    return root


def grown(
    size: int, edge: Sequence[bytes], hashes: Sequence[bytes]
) -> Iterator[tuple[Node, bytes]]:
    """
    Yield every node above the leaves that is complete once these leaves follow.

    ``edge`` holds the hashes of ``cover(0, size)``.
    """
    stack = list(edge)
    for index, each in enumerate(hashes, start=size):
        stack.append(each)
        level, at = 0, index
        while at & 1:
            right = stack.pop()
            stack.append(node_hash(stack.pop(), right))
            level, at = level + 1, at >> 1
            yield (level, at), stack[-1]


def inclusion(index: int, size: int) -> list[list[Node]]:
    """Return what proves that a leaf stands in a tree: each hash of the proof as its subtrees."""
    _check(0 <= index < size, f"leaf {index} is not in a tree of {size}")
    return _inclusion(index, 0, size)


def consistency(old: int, size: int) -> list[list[Node]]:
    """Return what proves that a tree goes on from an older one, each hash as its subtrees."""
    _check(0 < old <= size, f"a tree of {size} does not go on from one of {old}")
    return _consistency(old, 0, size, whole=True)


def nodes_of(proof: Sequence[Sequence[Node]]) -> set[Node]:
    """Return all the nodes that a proof is folded from."""
    return {node for part in proof for node in part}


def proven(proof: Sequence[Sequence[Node]], read: Callable[[Node], bytes]) -> list[bytes]:
    """Return the hashes of a proof."""
    return [fold([read(node) for node in part]) for part in proof]


def root_by_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes | None:
    """Return the root to which a proof leads from a leaf's hash; None where it cannot be one."""
    if not 0 <= index < size:
        return None
    at, last, root = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = node_hash(each, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, each)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(
    old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether a proof shows that the tree of this root goes on from the older one."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            found_old, found = node_hash(each, found_old), node_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and found_old == old_root and found == root


def _split(size: int) -> int:
    """Return the largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)


def _inclusion(index: int, begin: int, end: int) -> list[list[Node]]:
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if index < middle:
        return [*_inclusion(index, begin, middle), cover(middle, end)]
    return [*_inclusion(index, middle, end), cover(begin, middle)]


def _consistency(old: int, begin: int, end: int, *, whole: bool) -> list[list[Node]]:
    if old == end:
        return [] if whole else [cover(begin, end)]
    middle = begin + _split(end - begin)
    if old <= middle:
        return [*_consistency(old, begin, middle, whole=whole), cover(middle, end)]
    return [*_consistency(old, middle, end, whole=False), cover(begin, middle)]


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
