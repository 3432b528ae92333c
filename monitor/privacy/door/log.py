"""The sealed log for auditors: checkpoints, proofs, and the whole of it. No place is in reach of this file.

What is asked here is an entry too, which gets its own place in the log a second later.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress
from uuid import UUID

from accounts.ledger.connection import LedgerUnavailable
from accounts.ledger.entry import Entry, Outcome, Ticket
from accounts.ledger.exporting import export_lines
from accounts.ledger.ocsf import export_events
from accounts.ledger.own_connection import own_connection
from accounts.ledger.proof.checkpoint import read_head
from accounts.ledger.proof.note import encode_base64
from accounts.ledger.proofs import NotSealed, prove_consistency, prove_line, prove_receipt, read_signed
from accounts.ledger.writer import complete_entry, open_entry
from accounts.tokens import still_stands
from accounts.viewer import Viewer
from monitor.errors import StreamCut
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.released_audit import LogLines, LogText, PlacelessConsistency
from monitor.privacy.released_files import Stream

LINES_A_LOOK = 500
"""So many lines of an export may leave after the right to it has ended."""
FORMS = {"log": export_lines, "ocsf": export_events}


def read_checkpoint(viewer: Viewer, size: int | None, endpoint: str) -> LogText:
    """The newest checkpoint, or that of `size`, with what witnesses signed of it. Raises NotSealed, LedgerUnavailable."""
    with disclose(viewer, "read.checkpoint", endpoint) as disclosure:
        note = read_signed(own_connection(), size)
        disclosure.quantity = 1
    return LogText(str(note))


def read_inclusion(
    viewer: Viewer, receipt: bytes | None, entry: UUID | None, kind: str, size: int | None, endpoint: str
) -> LogText:
    """A proof to keep that the line of a receipt, or of an entry's id, is in the log.

    receipt: the hash, 32 bytes. kind: `entry` or `completion`. Raises NotSealed, Archived, LedgerBroken, LedgerUnavailable.
    """
    with disclose(viewer, "read.inclusion", endpoint) as disclosure:
        log = own_connection()
        proof = (
            prove_receipt(log, receipt, size) if receipt is not None else prove_line(log, entry, kind, size)
        )
        disclosure.quantity = 1
    return LogText(str(proof))


def read_consistency(viewer: Viewer, old: int, new: int | None, endpoint: str) -> PlacelessConsistency:
    """The proof that the log of size `new`, or the newest, begins with that of size `old`.

    Raises NotSealed where the log is not so long or the sizes run backwards; LedgerBroken, LedgerUnavailable.
    """
    with disclose(viewer, "read.consistency", endpoint) as disclosure:
        log = own_connection()
        newest = read_head(read_signed(log)).size
        reached = newest if new is None else new
        if not old <= reached <= newest:
            raise NotSealed(f"A proof leads from a size to one that is not smaller, and to {newest} at most.")
        hashes = [encode_base64(hashed) for hashed in prove_consistency(log, old, reached)]
        disclosure.quantity = 1
    return PlacelessConsistency(old, reached, hashes)


def open_log(viewer: Viewer, start: int | None, form: str, endpoint: str) -> LogLines:
    """The log from leaf `start`, or the first that was not archived, to the newest checkpoint.

    form: `log`, as the verifier takes it, or `ocsf`.

    Raises NoSuchStart, LedgerBroken, LedgerUnavailable before a byte is sent. The lines raise StreamCut where the asker's
    token or role has ended.
    """
    whole = open_entry(
        Entry(viewer, "export.ledger", endpoint, viewer.request_id, policy_version=POLICY_VERSION)
    )
    return LogLines(Stream(_tally(viewer, whole, FORMS[form](own_connection(), start))))


def _tally(viewer: Viewer, whole: Ticket, lines: Iterable[bytes]) -> Generator[bytes]:
    """The lines, and the completion of their entry with how many left: answered, refused (cut) or failed."""
    count = 0
    try:
        for line in lines:
            if count % LINES_A_LOOK == 0 and not still_stands(viewer):
                raise StreamCut
            count += 1
            yield line
    except BaseException as error:  # GeneratorExit among them: whoever reads has gone
        outcome = Outcome.REFUSED if isinstance(error, StreamCut) else Outcome.FAILED
        # an entry that cannot be completed stays open, and that counts as full disclosure
        with suppress(LedgerUnavailable):
            complete_entry(whole, outcome, count)
        raise
    complete_entry(whole, Outcome.ANSWERED, count)
