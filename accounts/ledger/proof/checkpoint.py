"""Checkpoints (pure) after C2SP tlog-checkpoint, and what witnesses add to them after C2SP tlog-cosignature.

A checkpoint is a signed note that says: the log of this origin has this size and this root. A cosignature says that its
witness, at this time, knew of no larger tree of this log and of none that contradicts it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.ledger.proof.note import (
    COSIGNATURE,
    Note,
    NoteRefused,
    Signature,
    SigningKey,
    VerifierKey,
    decode_base64,
    encode_base64,
    parse_note,
    refuse_name,
    sign_note,
    verify_note,
)
from accounts.ledger.proof.tree import HASH_BYTES

DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointRefused(NoteRefused):
    """A note's text is no checkpoint."""


@dataclass(frozen=True, slots=True)
class TreeHead:
    """How many leaves a log has, and the root over them. origin: the log's name, in our logs that of its key."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's word: its key, and when it gave it, in seconds since 1970 (UTC)."""

    key: VerifierKey
    time_s: int


def sign_head(head: TreeHead, keys: Iterable[SigningKey]) -> Note:
    """The checkpoint of a tree head, signed with each key."""
    refuse_name(head.origin)
    return sign_note(str(head), keys)


def read_head(note: Note) -> TreeHead:
    """The tree head that a note's text tells, its signatures not looked at. Raises CheckpointRefused.

    Lines after the third are allowed by the specification and not used here.
    """
    lines = note.text[:-1].split("\n")
    if len(lines) < 3 or "" in lines:
        raise CheckpointRefused("A checkpoint has an origin, a size, a root and no empty line.")
    if not DECIMAL.fullmatch(lines[1]):
        raise CheckpointRefused("The size of a checkpoint is a decimal number without leading zeros.")
    root = decode_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise CheckpointRefused("The root of a checkpoint has 32 bytes.")
    return TreeHead(lines[0], int(lines[1]), root)


def open_checkpoint(text: str, keys: Iterable[VerifierKey]) -> tuple[TreeHead, Note]:
    """The head that one of the log's keys has signed. Raises NoteRefused for any other text."""
    note = parse_note(text)
    verify_note(note, keys)
    return read_head(note), note


def cosign(note: Note, key: SigningKey, time_s: int) -> Signature:
    """A witness's signature line under a checkpoint. time_s: now, in seconds since 1970."""
    if key.kind != COSIGNATURE:
        raise NoteRefused("A witness signs with a key of its own kind (4).")
    signed = key.sign(_message(note, time_s))
    return Signature(key.name, key.verifier.id, struct.pack(">Q", time_s) + signed)


def read_cosignatures(note: Note, keys: Iterable[VerifierKey]) -> list[Cosignature]:
    """The word of each known witness under a checkpoint. Raises NoteRefused where a known witness's is wrong."""
    known = {(key.name, key.id): key for key in keys if key.kind == COSIGNATURE}
    found = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if len(signature.content) != 72:
            raise NoteRefused(f"The cosignature of {key.name} has the wrong length.")
        time_s = int(struct.unpack(">Q", signature.content[:8])[0])
        if time_s >= 2**63 or not key.has_signed(_message(note, time_s), signature.content[8:]):
            raise NoteRefused(f"The cosignature of {key.name} is wrong.")
        found.append(Cosignature(key, time_s))
    return found


def _message(note: Note, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{note.text}".encode()
