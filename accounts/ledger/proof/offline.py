"""Proofs to keep (pure), after C2SP tlog-proof: a leaf, its path and the checkpoint in one text, checked without us."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accounts.ledger.proof.checkpoint import DECIMAL, TreeHead, open_checkpoint
from accounts.ledger.proof.note import NoteRefused, VerifierKey, decode_base64, encode_base64
from accounts.ledger.proof.paths import verify_inclusion
from accounts.ledger.proof.tree import hash_leaf

HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class OfflineProof:
    """That a leaf is in the log. leaf: its bytes, which stand in the text's `extra` line; checkpoint: a signed note."""

    leaf: bytes
    index: int
    path: Sequence[bytes]
    checkpoint: str

    def __str__(self) -> str:
        lines = [HEADER, f"extra {encode_base64(self.leaf)}", f"index {self.index}"]
        return "\n".join([*lines, *map(encode_base64, self.path), "", self.checkpoint])

    def verify(self, keys: Iterable[VerifierKey]) -> TreeHead:
        """The signed head under which the leaf stands. Raises NoteRefused, ProofBroken."""
        head, _ = open_checkpoint(self.checkpoint, keys)
        verify_inclusion(self.index, head.size, hash_leaf(self.leaf), self.path, head.root)
        return head


def parse_proof(text: str) -> OfflineProof:
    """The proof that a text holds, not yet checked. Raises NoteRefused."""
    head, _, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if (
        len(lines) < 3
        or lines[0] != HEADER
        or not lines[1].startswith("extra ")
        or not lines[2].startswith("index ")
    ):
        raise NoteRefused("This is no proof of the form tlog-proof, or it does not hold its entry.")
    index = lines[2].removeprefix("index ")
    if not DECIMAL.fullmatch(index):
        raise NoteRefused("The index of a proof is a decimal number without leading zeros.")
    leaf = decode_base64(lines[1].removeprefix("extra "))
    return OfflineProof(leaf, int(index), [decode_base64(line) for line in lines[3:]], checkpoint)
