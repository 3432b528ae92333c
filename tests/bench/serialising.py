"""From rows in the database to bytes of an answer, HTTP left out.

Two measures of ours. "rows to bytes" is what the peer does too, no more: rows read and written; the rights that the vault
checks while it reads, and the spending of the ticket, are in it. "question to bytes" is the whole way: scope, the entry
committed before and completed after as well, of which the peer has nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from django.db import connection
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.ledger.connection import ledger_connection
from accounts.ledger.entry import Entry, Reads, TicketScope
from accounts.ledger.writer import open_entry
from accounts.roles import Role
from monitor.api.rendering import render
from monitor.field.states import CellState
from monitor.grid import Level
from monitor.privacy.door.activity import (
    WHOLE_EARTH,
    CoarseAsk,
    ExactAsk,
    provenance_of,
    read_exact_activity,
    read_released_activity,
    shape_block,
)
from monitor.privacy.door.sight import list_asked_regions
from monitor.privacy.policy import ACTIVITY_RULES
from monitor.privacy.released import ExactCells, ReleasedBlocks
from monitor.releases.batches import list_batches, shape_line
from monitor.releases.blocks import BlockFilter, read_lines_of
from monitor.releases.sight import Reader
from monitor.vault.tickets import CellFilter, read_activity_with_ticket
from tests.bench import peer
from tests.bench.country import Country
from tests.bench.measuring import WORK_ROUNDS, Figure, compare, compare_work
from tests.builders import viewer_of
from tests.roles import as_role

STATES = (CellState.ACTIVE,)


def compare_cells(country: Country, count: int) -> list[Figure]:
    """Exact cells."""
    ours, alone = answer_cells(country, count), CellsAlone(country, count)
    _check(ours, lambda: peer.write_cells(count), count)
    return _compare(
        f"{count} exact cells", alone.write, ours, lambda: peer.write_cells(count), alone.open_ticket
    )


def compare_blocks(country: Country, count: int) -> list[Figure]:
    """A partner's page of blocks."""
    ours, alone = answer_blocks(country, count), BlocksAlone(country, count)
    _check(ours, lambda: peer.write_blocks(count), count)
    return _compare(f"{count} blocks", alone.write, ours, lambda: peer.write_blocks(count))


def _compare(
    name: str,
    alone: Callable[[], object],
    whole: Callable[[], object],
    theirs: Callable[[], object],
    before: Callable[[], object] = lambda: None,
) -> list[Figure]:
    same = "peer: djangorestframework-gis, the same rows from a table with geometry, no rights, no ledger"
    with as_role("penumbra_web"):
        return [
            compare_work(
                f"{name}, rows to bytes, work",
                alone,
                theirs,
                f"ours without scope and ledger; {same}",
                before,
            ),
            compare_work(
                f"{name}, question to bytes, work",
                whole,
                theirs,
                f"ours with scope and two ledger commits; {same}",
                also=find_ledger_session,
            ),
            compare(
                f"{name}, rows to bytes",
                alone,
                theirs,
                f"ours without scope and ledger; {same}",
                before=before,
            ),
            compare(
                f"{name}, question to bytes", whole, theirs, f"ours with scope and two ledger commits; {same}"
            ),
        ]


def find_ledger_session() -> list[int]:
    """The process of the session on which this process writes the ledger."""
    with ledger_connection() as ledger:
        return [ledger.info.backend_pid]


def compare_pages(country: Country, count: int) -> list[Figure]:
    """A partner's page of blocks (as ours) against a regulator's page of as many cells (as peer): both are ours."""
    with as_role("penumbra_web"):
        return [
            compare_work(
                f"a partner's page of {count} blocks vs a regulator's, work",
                answer_blocks(country, count),
                answer_cells(country, count),
                "both ours, question to bytes: ours = the partner's page, peer = the regulator's",
                also=find_ledger_session,
                peer_rounds=WORK_ROUNDS,
            ),
            compare(
                f"a partner's page of {count} blocks vs a regulator's of {count} cells",
                answer_blocks(country, count),
                answer_cells(country, count),
                "both ours, question to bytes: ours = the partner's page, peer = the regulator's",
            ),
        ]


def answer_cells(country: Country, count: int) -> Callable[[], str | bytes]:
    """A regulator's page."""
    viewer, request = (
        viewer_of(country.regulator),
        Request(APIRequestFactory().get("/api/v1/activity")),
    )

    def answer() -> str | bytes:
        shape: ExactCells = read_exact_activity(
            viewer,
            ExactAsk(states=STATES, limit=count),
            list_asked_regions(viewer, None) or [],
            "/api/v1/activity",
        )[0]
        return render(shape, request)[1]

    return answer


def answer_blocks(country: Country, count: int) -> Callable[[], str | bytes]:
    """A partner's page."""
    viewer, request = viewer_of(country.partner), Request(APIRequestFactory().get("/api/v1/activity"))

    def answer() -> str | bytes:
        shape: ReleasedBlocks = read_released_activity(viewer, CoarseAsk(limit=count), "/api/v1/activity")[0]
        return render(shape, request)[1]

    return answer


class CellsAlone:
    """A regulator's page from the vault's statement to bytes; its ticket is opened beforehand."""

    def __init__(self, country: Country, count: int) -> None:
        self._viewer, self._count = viewer_of(country.regulator), count
        self._scope = TicketScope(self._viewer.user_id, Reads.ACTIVITY, [country.region])
        self._request = Request(APIRequestFactory().get("/api/v1/activity"))
        self.open_ticket()

    def open_ticket(self) -> None:
        """A new one: each opens once."""
        entry = Entry(self._viewer, "read.activity", "/api/v1/activity", self._viewer.request_id)
        self._ticket = open_entry(entry, self._scope)

    def write(self) -> str | bytes:
        """The page."""
        page = read_activity_with_ticket(self._ticket, CellFilter(WHOLE_EARTH, ["active"]), -1, self._count)
        provenance = provenance_of(ACTIVITY_RULES[Role.REGULATOR])
        return render(ExactCells(provenance, page.features, len(page.numbers)), self._request)[1]


class BlocksAlone:
    """A partner's page from the release tables to bytes."""

    def __init__(self, country: Country, count: int) -> None:
        self._region, self._count, self._reader = country.region, count, Reader(country.partner.user.id)
        self._request = Request(APIRequestFactory().get("/api/v1/activity"))

    def write(self) -> str | bytes:
        """The page."""
        (batch,) = list_batches(1)
        lines = read_lines_of(batch, [self._region], BlockFilter(Level.L2), self._count, self._reader)
        blocks = [shape_block(shape_line(line)) for line in lines]
        provenance = provenance_of(ACTIVITY_RULES[Role.PARTNER])
        return render(ReleasedBlocks(provenance, batch.id, None, blocks), self._request)[1]


def _check(ours: Callable[[], str | bytes], theirs: Callable[[], str | bytes], count: int) -> None:
    """Both tell the same squares, or the comparison would mean nothing."""
    told = [json.loads(write())["features"] for write in (ours, theirs)]
    squares = [[(f["properties"]["row"], f["properties"]["col"]) for f in features] for features in told]
    corners = [[f["geometry"]["coordinates"][0][0] for f in features[:100]] for features in told]
    assert squares[0] == squares[1]
    assert len(squares[0]) == count
    assert corners[0] == [[round(x, 9) for x in corner] for corner in corners[1]]
    connection.queries_log.clear()
