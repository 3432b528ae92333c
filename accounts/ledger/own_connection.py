"""The connection of this request, in the form in which the readers of the sealed log take one.

They need no Django, because witnesses and auditors run them too. The web role may read leaves, subtrees and checkpoints.
"""

from __future__ import annotations

from django.db import connection

from accounts.ledger.sealing import Connection


def own_connection() -> Connection:
    """Not to be closed by the caller: it is Django's."""
    connection.ensure_connection()
    own: Connection = connection.connection
    return own
