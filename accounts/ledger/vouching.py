"""Whether somebody outside the database vouches for what it says of its log. Must not import Django. Holds no place.

Whoever owns the database can put a key into it and sign a history of their own. So a stored checkpoint is worth believing
where the newest one bears the signature of a key that was kept elsewhere, and continues it.
"""

from __future__ import annotations

from collections.abc import Sequence

from accounts.ledger.proof.checkpoint import TreeHead, open_checkpoint
from accounts.ledger.proof.note import NoteRefused, VerifierKey
from accounts.ledger.proof.paths import ProofBroken, verify_consistency
from accounts.ledger.proofs import prove_consistency
from accounts.ledger.sealing import Connection, LedgerBroken, read_newest


class NotVouchedFor(RuntimeError):
    """Only keys that stand in the database speak for this log, or the one kept elsewhere speaks for another."""


def find_vouched(connection: Connection, trusted: Sequence[VerifierKey]) -> TreeHead | None:
    """The head of the newest checkpoint, if one of these keys has signed it; else, and without a checkpoint, None."""
    newest = read_newest(connection)
    if newest is None:
        return None
    try:
        return open_checkpoint(newest.note, trusted)[0]
    except NoteRefused:
        return None


def check_vouched(connection: Connection, size: int, trusted: Sequence[VerifierKey]) -> None:
    """Raise NotVouchedFor unless the checkpoint of `size` is the beginning of the newest, and a trusted key signed that.

    trusted: public keys of the log that were not read from the database.
    """
    head = find_vouched(connection, trusted)
    if head is None:
        raise NotVouchedFor(
            "The newest checkpoint is signed by keys from the database only. Name with --key the public key of the log that"
            " you keep elsewhere."
        )
    row = connection.execute("SELECT root FROM ledger.checkpoint WHERE size = %s", [size]).fetchone()
    try:
        if row is None:
            raise LedgerBroken(f"There is no checkpoint of size {size}.")
        proof = prove_consistency(connection, size, head.size)
        verify_consistency(size, head.size, bytes(row[0]), head.root, proof)
    except (LedgerBroken, ProofBroken) as error:
        raise NotVouchedFor(
            f"The newest checkpoint does not continue that of size {size}: {error} See `manage.py verify_ledger`."
        ) from error
