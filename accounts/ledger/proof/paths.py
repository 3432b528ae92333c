"""Inclusion and consistency (pure): which subtrees prove it, and whether a proof holds. RFC 9162, sections 2.1.3, 2.1.4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accounts.ledger.proof.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    Node,
    TreeUnfit,
    hash_node,
    hash_range,
    list_nodes,
)

Range = tuple[int, int]


class ProofBroken(ValueError):
    """A proof does not lead from what is to be proved to the root."""


def list_inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges of leaves whose hashes prove that leaf `index` is in the tree of `size`, the leaf's neighbour first.

    Raises TreeUnfit where the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise TreeUnfit("The tree has no leaf of this index.")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def list_consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges of leaves whose hashes prove that the tree of size `old` is the beginning of that of size `new`.

    Raises TreeUnfit unless 0 < old <= new: from the empty tree there is nothing to prove.
    """
    if not 0 < old <= new:
        raise TreeUnfit("A proof of consistency leads from a size above zero to one that is not smaller.")
    ranges: list[Range] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        ranges.append((start, end))
    return ranges[::-1]


def list_proof_nodes(ranges: Sequence[Range]) -> list[Node]:
    """Every stored node that the hashes of these ranges are made of: a few dozen, however large the tree."""
    return [node for start, end in ranges for node in list_nodes(start, end)]


def make_proof(ranges: Sequence[Range], nodes: Mapping[Node, bytes]) -> list[bytes]:
    """The hashes of the ranges, in order. Raises KeyError where a node is missing."""
    return [hash_range(nodes, start, end) for start, end in ranges]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofBroken unless `proof` leads from the leaf's hash at `index` to the root of the tree of `size`."""
    if not 0 <= index < size:
        raise ProofBroken("The tree has no leaf of this index.")
    _refuse_misshapen(leaf, root, *proof)
    place, last, joined = index, size - 1, leaf
    for hashed in proof:
        if last == 0:
            raise ProofBroken("The proof is too long.")
        if place & 1 or place == last:
            joined = hash_node(hashed, joined)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            joined = hash_node(joined, hashed)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofBroken("The proof is too short.")
    if joined != root:
        raise ProofBroken("The proof leads to another root.")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofBroken unless `proof` shows the tree (old, old_root) to be the beginning of (new, new_root)."""
    if not 0 <= old <= new:
        raise ProofBroken("The older tree is larger than the newer one.")
    if old == new:
        if proof:
            raise ProofBroken("Trees of one size need no proof.")
        if old_root != new_root:
            raise ProofBroken("Two trees of one size have different roots.")
        if old == 0 and old_root != EMPTY_ROOT:
            raise ProofBroken("This is not the root of the empty tree.")
        return
    if old == 0:
        raise ProofBroken("From the empty tree there is nothing to prove.")
    _refuse_misshapen(old_root, new_root, *proof)
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    if not hashes:
        raise ProofBroken("The proof is too short.")
    _walk(old - 1, new - 1, hashes, old_root, new_root)


def _walk(place: int, last: int, hashes: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = hashes[0]
    for hashed in hashes[1:]:
        if last == 0:
            raise ProofBroken("The proof is too long.")
        if place & 1 or place == last:
            older, newer = hash_node(hashed, older), hash_node(hashed, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = hash_node(newer, hashed)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofBroken("The proof is too short.")
    if older != old_root:
        raise ProofBroken("The proof leads to another older root.")
    if newer != new_root:
        raise ProofBroken("The proof leads to another newer root.")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _refuse_misshapen(*hashes: bytes) -> None:
    if any(len(hashed) != HASH_BYTES for hashed in hashes):
        raise ProofBroken("A hash is not 32 bytes long.")
