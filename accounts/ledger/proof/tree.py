"""The Merkle tree (pure) of RFC 6962 and RFC 9162, section 2.1, with SHA-256: hashes, and growth at its right edge.

A node is a complete subtree: `Node(level, place)` stands over the leaves place * 2**level and the 2**level - 1 after it.
Complete subtrees never change, so they can be stored once and every proof is put together from few of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without a leaf."""


class Node(NamedTuple):
    """A complete subtree by its height (0 is a leaf) and its place among the subtrees of that height."""

    level: int
    place: int


class TreeUnfit(ValueError):
    """A size, index or list of hashes that no tree has."""


def hash_leaf(content: bytes) -> bytes:
    """The hash of a leaf: SHA-256 over 0x00 and the leaf's bytes."""
    return sha256(b"\x00" + content).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees: SHA-256 over 0x01 and both hashes."""
    return sha256(b"\x01" + left + right).digest()


def list_nodes(start: int, end: int) -> list[Node]:
    """The largest complete subtrees that stand over the leaves start <= i < end, from left to right.

    Raises TreeUnfit for a range that is no range.
    """
    if not 0 <= start <= end:
        raise TreeUnfit("A range of leaves begins at 0 or later and ends after it begins.")
    found: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append(Node(level, start >> level))
        start += 1 << level
    return found


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over neighbouring subtrees of falling height: the right ones are joined first. Nothing: the empty root."""
    if not hashes:
        return EMPTY_ROOT
    joined = hashes[-1]
    for left in reversed(hashes[:-1]):
        joined = hash_node(left, joined)
    return joined


class Frontier:
    """The right edge of a growing tree: all that is needed to add leaves and to know the root."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """hashes: those of `list_nodes(0, size)`, in that order. Raises TreeUnfit where they cannot be."""
        if size < 0 or len(hashes) != size.bit_count() or any(len(each) != HASH_BYTES for each in hashes):
            raise TreeUnfit("These are not the hashes of the right edge of a tree of this size.")
        self.size = size
        self._hashes = list(hashes)

    def append(self, leaf: bytes) -> dict[Node, bytes]:
        """Add one leaf by its hash; the nodes that this completes, the leaf itself first."""
        index, level, joined = self.size, 0, leaf
        completed = {Node(0, index): leaf}
        while index & 1:
            index, level = index >> 1, level + 1
            joined = hash_node(self._hashes.pop(), joined)
            completed[Node(level, index)] = joined
        self._hashes.append(joined)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The root at the present size."""
        return fold(self._hashes)

    def hashes(self) -> list[bytes]:
        """The hashes of the right edge, from left to right."""
        return list(self._hashes)


def hash_range(nodes: Mapping[Node, bytes], start: int, end: int) -> bytes:
    """The hash over the leaves start <= i < end from stored nodes. Raises KeyError where a node is missing."""
    return fold([nodes[node] for node in list_nodes(start, end)])
