"""The service as it would be without entries and completions, for one figure: what they cost a page of published blocks.

Only for roles that need no ticket: the vault opens for nobody without an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from accounts.ledger.entry import Entry, Outcome, Ticket, TicketScope
from config.wsgi import application
from monitor.privacy.door import disclosure

__all__ = ["application"]


def _write_nothing(entry: Entry, scope: TicketScope | None = None) -> Ticket:
    return Ticket(uuid4(), None, bytes(32))


def _complete_nothing(
    ticket: Ticket, outcome: Outcome, quantity: int = 0, answer: bytes = b"", cells: Sequence[int] = ()
) -> None:
    """Nothing."""


vars(disclosure).update(
    open_entry=_write_nothing, complete_entry=_complete_nothing, complete_later=_complete_nothing
)
