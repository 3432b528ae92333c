"""Which keys begin or cease to sign the log, told from its newest checkpoint. Must not import Django.

A key that none has vouched for is not believed because it bears the log's name: whoever loses a key file, or puts
another in its place, could otherwise sign on without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.ledger.proof.note import NoteRefused, SigningKey, parse_note, verify_note
from accounts.ledger.sealing import LedgerBroken, Sealed


@dataclass(frozen=True, slots=True)
class KeyChange:
    """Against the newest checkpoint: whether a key begins to sign, and whether one that signed it signs no more."""

    is_added: bool
    is_dropped: bool


def find_key_change(
    newest: Sealed | None, keys: Sequence[SigningKey], accepts_new: bool = False
) -> KeyChange:
    """How the keys that are to sign differ from those that signed last.

    newest: the newest checkpoint, None in a log without one, whose first key is added. keys: all of one name. accepts_new:
    a person has said that none of the old keys is left. Raises LedgerBroken where nobody has, and the log goes on under its
    name with none of the keys that signed it. Under a new name it is another log, and everybody sees that.
    """
    if newest is None:
        return KeyChange(is_added=True, is_dropped=False)
    note, own = parse_note(newest.note), [key.verifier for key in keys]
    try:
        signed = verify_note(note, own)
    except NoteRefused:
        signed = []
    if not (signed or accepts_new or newest.head.origin != own[0].name):
        raise LedgerBroken(
            f"The newest checkpoint, of size {newest.head.size}, is signed by none of the keys in the key file: a key was"
            " made anew under the log's name, or another file was put there. Put the old file back; where it is lost, see"
            " docs/operations.md, 'The sealer has stopped'."
        )
    known = {(key.name, key.id) for key in own}
    return KeyChange(
        is_added=len(signed) < len(own),
        is_dropped=any((each.name, each.key_id) not in known for each in note.signatures),
    )
