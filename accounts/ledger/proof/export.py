"""The lines of an export (pure): what docs/verify/penumbra_verify.py reads. The format is told in docs/verify/README.md.

A line holds a leaf's bytes as they are stored, never written anew: the hash is over them.
"""

from __future__ import annotations

from collections.abc import Sequence

from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.note import VerifierKey, encode_base64
from accounts.ledger.proof.tree import hash_leaf


def write_start_line(origin: str, keys: Sequence[VerifierKey], start: int, edge: Sequence[bytes]) -> bytes:
    """The first line: which log, its keys, the first index, and the hashes of the tree before it."""
    told = {
        "edge": [encode_base64(hashed) for hashed in edge],
        "keys": [str(key) for key in keys],
        "origin": origin,
        "start": start,
    }
    return canonicalise({"export": told}) + b"\n"


def write_checkpoint_line(note: str, edge: Sequence[bytes]) -> bytes:
    """A checkpoint, with the hashes of the right edge that make up its root, from left to right."""
    return canonicalise({"checkpoint": note, "edge": [encode_base64(hashed) for hashed in edge]}) + b"\n"


def write_leaf_line(content: bytes, index: int) -> bytes:
    """A leaf's own bytes, its hash and its index."""
    hashed = encode_base64(hash_leaf(content)).encode()
    return b'{"body":%b,"hash":"%b","index":%d}\n' % (content, hashed, index)
