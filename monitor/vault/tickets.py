"""Read the vault with a ticket: the three functions through which the web role can reach an exact place (P6).

Used by `privacy/door` only. What comes back is text that PostgreSQL wrote from integer cells, and the numbers of the
cells for the ledger's sealed part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import ProgrammingError, connection
from django.db.backends.utils import CursorWrapper
from psycopg.errors import InsufficientPrivilege

from accounts.ledger.entry import Ticket
from monitor.errors import QuotaSpent, VaultSealed
from monitor.grid import Box


@dataclass(frozen=True, slots=True)
class CellFilter:
    """Which cells of the viewer's regions are wanted. box: closed-open L0 box; states: at least one."""

    box: Box
    states: Sequence[str]
    mine_class: str | None = None
    min_probability: float | None = None
    since: date | None = None


@dataclass(frozen=True, slots=True)
class CellPage:
    """Exact cells: `features` is GeoJSON text of features joined by commas, `numbers` their cell numbers in order."""

    features: str
    numbers: Sequence[int]
    more: bool = False


def read_activity_with_ticket(ticket: Ticket, wanted: CellFilter, after: int, limit: int) -> CellPage:
    """Up to `limit` cells behind cell number `after` in the regions of the ticket that the holder sees exactly now.

    Fewer than `limit`, with `more`, where the day's quota ends in this page. Raises VaultSealed, QuotaSpent.
    """
    values = _activity_values(wanted, after, limit)
    with spending(ticket, "content, cells, more", f"exact_activity({_ACTIVITY})", values) as cursor:
        return _within_quota(CellPage(*cursor.fetchone()))


class ChunkShape(StrEnum):
    """As what the vault writes a chunk of cells."""

    FEATURES = "features"
    LINES = "lines"
    FLATGEOBUF = "flatgeobuf"


@dataclass(frozen=True, slots=True)
class CellChunk:
    """Some cells of a longer answer. content: as the ChunkShape says; empty where there is no cell.

    sight: None unless the token stood and the holder saw every region of the ticket exactly while this was read; else a
    word for what is shut inside them. Where it is None or another than that of the chunk before, a stream ends (P7).
    """

    content: bytes
    numbers: Sequence[int]
    more: bool
    sight: str | None


def read_activity_chunk_with_ticket(
    ticket: Ticket, shape: ChunkShape, wanted: CellFilter, after: int, limit: int, rule: str, policy: str
) -> CellChunk:
    """Up to `limit` cells behind cell number `after`, as `read_activity_with_ticket`, written in one of three shapes.

    rule, policy: for the columns of a FlatGeobuf. Raises VaultSealed, QuotaSpent.
    """
    values = [*_activity_values(wanted, after, limit), shape.value, rule, policy]
    columns, call = "content, cells, more, sight, file", f"exact_activity({_ACTIVITY}, %s, %s, %s)"
    with spending(ticket, columns, call, values) as cursor:
        content, numbers, more, sight, file = cursor.fetchone()
    if content is None:
        raise QuotaSpent
    return CellChunk(content.encode() if file is None else bytes(file), numbers, more, sight)


def read_alert_site_with_ticket(ticket: Ticket, alert_id: UUID) -> CellPage | None:
    """The cells of an alert's site, or None where the holder may not see them or there are none (P8)."""
    return _read_site("exact_alert_site", ticket, alert_id)


def read_inspection_site_with_ticket(ticket: Ticket, inspection_id: UUID) -> CellPage | None:
    """The cells of an inspection's site, or None unless it is accepted, open and the holder's own now (P7, P8)."""
    return _read_site("exact_inspection_site", ticket, inspection_id)


def _read_site(function: str, ticket: Ticket, object_id: UUID) -> CellPage | None:
    with spending(ticket, "features, cells", f"{function}({TICKET}, %s)", [object_id]) as cursor:
        row = cursor.fetchone()
    return _within_quota(CellPage(*row)) if row else None


def _within_quota(page: CellPage) -> CellPage:
    """The page. Raises QuotaSpent where the vault returned no text at all: then it did not look at any cell."""
    if page.features is None:
        raise QuotaSpent
    return page


TICKET = "CASE WHEN shown.bearer IS NOT NULL THEN %s::uuid END"
"""The first argument of every function that spends a ticket. It hangs on the token, so the token is shown first."""
_ACTIVITY = f"{TICKET}, %s, %s, %s, %s, %s::text[], %s::text, %s::real, %s::date, %s, %s"


def _activity_values(wanted: CellFilter, after: int, limit: int) -> list[Any]:
    box = wanted.box
    return [
        *(box.row_from, box.row_to, box.col_from, box.col_to, list(wanted.states)),
        *(wanted.mine_class, wanted.min_probability, wanted.since, after, limit),
    ]


@contextmanager
def spending(ticket: Ticket, columns: str, call: str, values: Sequence[Any]) -> Iterator[CursorWrapper]:
    """A cursor upon what a function of the vault gives for a ticket, to whoever shows the token behind it.

    columns, call: fixed text; `call` begins with `name(TICKET`, and `values` are its other arguments. The token is set until
    the transaction ends and never part of the text. Raises VaultSealed where the vault did not accept the ticket.
    """
    statement = (
        f"SELECT {columns} FROM (SELECT set_config('penumbra.bearer', %s, true)) AS shown (bearer),"  # noqa: S608
        f" LATERAL vault.{call} AS told"
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, [ticket.bearer, ticket.key, *values])
            yield cursor
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise VaultSealed("The vault did not accept the ticket.") from None
        raise
