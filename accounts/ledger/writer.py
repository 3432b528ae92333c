"""Write the ledger: open an entry, complete it, record what is over at once. Each is one committed statement."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from accounts.ledger.connection import LedgerUnavailable, ledger_connection
from accounts.ledger.entry import Entry, Outcome, Refusal, Ticket, TicketScope
from accounts.ledger.keyed import digest_cells, keyed_digest, keyed_reference
from accounts.ledger.ranges import write_multirange
from accounts.roles import Role

_ENTRY = """
    WITH entry AS (
        INSERT INTO ledger.entry (id, nonce, actor, organisation, role, purpose_code, purpose_text, action, endpoint,
            level, rule, policy_version, regions, object_refs, request_id)
        VALUES (%(id)s, %(nonce)s, %(actor)s, %(organisation)s, %(role)s, %(purpose_code)s, %(purpose_text)s,
            %(action)s, %(endpoint)s, %(level)s, %(rule)s, %(policy_version)s, %(regions)s, %(object_refs)s,
            %(request_id)s)
        RETURNING 1
    )
"""
_TICKET = """, ticket AS (
        INSERT INTO ledger.ticket (entry_id, key, user_id, reads, regions, object_id, token_id)
        VALUES (%(id)s, %(key)s, %(user_id)s, %(reads)s, %(ticket_regions)s, %(object_id)s, %(token_id)s)
    )
"""
_LEAF = "SELECT current_setting('penumbra.leaf') FROM entry"
"""The hash of the line just written: all that its writer is told of it (migration 0009_one_keeper). It is asked for once the
row is inserted, so after the trigger has left it in the session."""
_NO_TICKET = _ENTRY + _LEAF
_WITH_TICKET = _ENTRY + _TICKET + _LEAF
_COMPLETION = """
    INSERT INTO ledger.completion (entry_id, outcome, quantity, answer_digest, cells_digest)
    VALUES (%(id)s, %(outcome)s, %(quantity)s, %(digest)s, %(cells_digest)s)
"""
_DISCLOSURE = """
    WITH disclosure AS (INSERT INTO ledger.disclosure (entry_id, cells) VALUES (%(id)s, %(cells)s::int4multirange))
"""
_COMPLETION_WITH_CELLS = _DISCLOSURE + _COMPLETION


def open_entry(entry: Entry, scope: TicketScope | None = None) -> Ticket:
    """Commit an entry, with the right to read the vault where `scope` is given, and return its ticket.

    Raises LedgerUnavailable where the entry cannot be written; then nothing may be read (P6).
    """
    values = _entry_values(entry)
    key = None if scope is None else uuid4()
    if scope is not None:
        values |= {
            "key": key,
            "user_id": scope.user_id,
            "reads": scope.reads.value,
            "ticket_regions": list(scope.regions),
            "object_id": scope.object_id,
            # a ticket is worth nothing any more once the token behind the request is revoked (P7)
            "token_id": entry.viewer.credential.token_id
            if entry.viewer and entry.viewer.credential
            else None,
        }
    with ledger_connection() as connection:
        leaf = connection.execute(_NO_TICKET if scope is None else _WITH_TICKET, values).fetchone()
    if leaf is None or len(leaf[0]) != 64:
        raise LedgerUnavailable("The ledger does not say what it wrote, so nothing is disclosed.")
    return Ticket(values["id"], key, bytes.fromhex(leaf[0]))


def complete_entry(
    ticket: Ticket, outcome: Outcome, quantity: int = 0, answer: bytes = b"", cells: Iterable[int] = ()
) -> None:
    """Say what came of an entry: how many cells, blocks or rows left, which (sealed), and the answer's keyed digest.

    cells: cell numbers of an exact answer. Raises LedgerUnavailable; then the answer must not be sent.
    """
    values: dict[str, Any] = {
        "id": ticket.entry_id,
        "outcome": outcome.value,
        "quantity": quantity,
        "digest": keyed_digest(answer) if answer else "",
        "cells_digest": "",
    }
    numbers = sorted(set(cells))
    if numbers:
        values["cells_digest"] = digest_cells(ticket.entry_id, numbers)
        values["cells"] = write_multirange(numbers)
    with ledger_connection() as connection:
        connection.execute(_COMPLETION_WITH_CELLS if numbers else _COMPLETION, values)


def record(entry: Entry, outcome: Outcome) -> None:
    """Write an entry that is over at once: a refusal, or a change of rights that its transaction will commit."""
    complete_entry(open_entry(entry), outcome)


def _entry_values(entry: Entry) -> dict[str, Any]:
    viewer = entry.viewer
    purpose = viewer.purpose if viewer else None
    return {
        "id": uuid4(),
        "nonce": secrets.token_bytes(16),
        "actor": viewer.pseudonym if viewer and viewer.role is not Role.PUBLIC else None,
        "organisation": viewer.organisation if viewer else None,
        "role": viewer.role.value if viewer else "anonymous",
        "purpose_code": purpose.code.value if purpose else "",
        "purpose_text": purpose.text if purpose else "",
        "action": entry.action,
        "endpoint": entry.endpoint,
        "level": entry.level,
        "rule": entry.rule,
        "policy_version": entry.policy_version,
        "regions": _as_uuids(entry.regions),
        "object_refs": [keyed_reference(identifier) for identifier in entry.objects],
        "request_id": entry.request_id,
    }


def _as_uuids(identifiers: Iterable[UUID]) -> list[UUID]:
    return sorted(set(identifiers))


@contextmanager
def recorded(entry: Entry) -> Iterator[None]:
    """Record a change around its transaction: the entry before, what came of it after.

    Raises LedgerUnavailable before the change where the entry cannot be written; then nothing is changed.
    """
    ticket = open_entry(entry)
    try:
        yield
    except Refusal as refusal:
        complete_entry(ticket, Outcome.REFUSED)
        refusal.is_recorded = True
        raise
    except Exception:
        complete_entry(ticket, Outcome.FAILED)
        raise
    complete_entry(ticket, Outcome.DONE)
