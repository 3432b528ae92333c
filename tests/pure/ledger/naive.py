"""The definitions of RFC 9162, section 2.1, word for word and as slow as that: what the product's tree is held against."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def largest_power_below(count: int) -> int:
    """k: the largest power of two smaller than n."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]) over the leaves' contents (section 2.1.1)."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:])).digest()


def path(place: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n]) (section 2.1.3.1)."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if place < k:
        return [*path(place, leaves[:k]), tree_hash(leaves[k:])]
    return [*path(place - k, leaves[k:]), tree_hash(leaves[:k])]


def consistency(old: int, leaves: Sequence[bytes], known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) (section 2.1.4.1); PROOF where `known` is true."""
    if old == len(leaves):
        return [] if known else [tree_hash(leaves)]
    k = largest_power_below(len(leaves))
    if old <= k:
        return [*consistency(old, leaves[:k], known), tree_hash(leaves[k:])]
    return [*consistency(old - k, leaves[k:], False), tree_hash(leaves[:k])]
