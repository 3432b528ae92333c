"""The service as it would be without entries and completions, for one figure: what they cost a page.

The vault opens for nobody without a ticket. Those of this server are written before it is asked (ledger_cost.py), under
names that both can tell: the process, and how many it took before.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

from accounts.ledger.entry import Entry, Outcome, ReadingPage, Ticket, TicketScope

_taken = count()
"""Of each worker its own: it is forked before it has answered anything."""


def name_ticket(pid: int, number: int) -> UUID:
    """The entry and key of a worker's ticket. number: how many it has taken before."""
    return uuid5(NAMESPACE_OID, f"{pid} {number}")


def open_nothing(entry: Entry, scope: TicketScope | None = None) -> Ticket:
    """A ticket that was there, where one is asked for; nothing is written."""
    if scope is None:
        return Ticket(uuid4(), None, bytes(32))
    credential = entry.viewer.credential if entry.viewer else None
    assert credential is not None
    name = name_ticket(os.getpid(), next(_taken))
    return Ticket(name, name, bytes(32), credential.secret.hex())


def complete_nothing(
    ticket: Ticket,
    outcome: Outcome,
    quantity: int = 0,
    answer: bytes = b"",
    cells: Sequence[int] = (),
    page: ReadingPage | None = None,
) -> None:
    """Nothing."""
