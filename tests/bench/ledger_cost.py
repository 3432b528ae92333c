"""What the ledger costs an answer: the same question with it and without, in one process and over HTTP.

The vault opens for nobody without a ticket, so those without have theirs written beforehand, and spend them as all do.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.ledger.entry import Entry, Ticket, TicketScope
from accounts.ledger.writer import complete_entry, open_entry
from accounts.models import Token
from monitor.privacy.door import disclosure
from tests.bench.country import Country
from tests.bench.measuring import Figure, compare, describe_durability, describe_machine
from tests.bench.serialising import answer_blocks, answer_cells
from tests.bench.serving import CLIENTS, SERVERS, Server, serve
from tests.bench.without_ledger import name_ticket
from tests.cast import Person
from tests.roles import as_role, read_rows

STARTS = 4
"""Of both servers: how well a process and its sessions lie on this machine's cores differs from start to start by more than
the ledger costs."""
TURNS = 4
"""After each start, beside one that does not count."""
REQUESTS = 32
"""Of each client in one turn: so many that the completions written after a turn's last answer weigh little in it."""
SETTLED_WITHIN_S = 30
_STOCK = """
    WITH stocked AS (SELECT unnest(%s::uuid[]) AS id), entry AS (
        INSERT INTO ledger.entry_key (id, at) SELECT id, clock_timestamp() FROM stocked RETURNING id)
    INSERT INTO ledger.ticket (entry_id, key, user_id, reads, regions, token_id, opened_at)
    SELECT id, id, %s, 'activity', ARRAY[%s]::uuid[], %s, clock_timestamp() + interval '1 hour' FROM entry RETURNING key
"""
"""Tickets that are good for an hour, where those of the service are for a minute."""


def measure_cost(country: Country) -> list[Figure]:
    """In one process (ratio: time with the ledger to time without) and over HTTP (ratio: rate with to without)."""
    return [
        *_compare_in_process(country),
        *_compare_served("blocks", "/api/v1/activity?limit=1000", country, country.partner),
        *_compare_served(
            "exact cells", "/api/v1/activity?state=active&limit=1000", country, country.regulator
        ),
    ]


def _compare_in_process(country: Country) -> list[Figure]:
    """A question without the ledger (ours) and with it (peer), in turns, in one process."""
    answers = {"cells": answer_cells(country, 1000), "blocks": answer_blocks(country, 1000)}
    figures = []
    for what, answer in answers.items():
        alone = WithoutLedger(answer)
        with as_role("penumbra_web"):
            figures.append(
                compare(
                    f"activity, 1000 {what}, without the ledger (peer: with it)",
                    alone.answer,
                    answer,
                    "question to bytes; without: its ticket was opened beforehand, no completion is written;"
                    f" ratio: time with to time without; {describe_durability()}",
                    rounds=60,
                    before=alone.open_ticket,
                )
            )
    return figures


class WithoutLedger:
    """A question whose entry was written beforehand, as the vault opens for nobody without one, and is not completed."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self._answer = answer
        self._asked: list[tuple[Entry, TicketScope | None]] = []
        with _exchanged(self._note, complete_entry):
            answer()

    def _note(self, entry: Entry, scope: TicketScope | None = None) -> Ticket:
        self._asked.append((entry, scope))
        return open_entry(entry, scope)

    def open_ticket(self) -> None:
        """A new one: each opens once."""
        self._ticket = open_entry(*self._asked[0])

    def answer(self) -> object:
        """The question."""
        with _exchanged(lambda *_: self._ticket, lambda *_: None):
            return self._answer()


@contextmanager
def _exchanged(opening: Callable[..., Ticket], completing: Callable[..., None]) -> Iterator[None]:
    room = vars(disclosure)
    honest = {name: room[name] for name in ("open_entry", "complete_entry", "complete_later")}
    room.update(open_entry=opening, complete_entry=completing, complete_later=completing)
    try:
        yield
    finally:
        room.update(honest)


def _compare_served(what: str, path: str, country: Country, person: Person) -> list[Figure]:
    """Pages over HTTP, from a server with the ledger (ours) and one without (peer), in turns."""
    connection.close()
    rates: dict[str, list[float]] = {"with": [], "without": []}
    spent: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(STARTS):
        with serve("config.settings") as ours, serve("config.settings", "tests.bench.bare_wsgi") as bare:
            _stock_tickets(bare, country.region, person)
            open_before = _count_open()
            for turn in range(TURNS + 1):
                for name, server in zip(rates, (ours, bare), strict=True):
                    rate, spent_ms = server.measure(path, person, REQUESTS, partial(_settle, open_before))
                    if turn:
                        rates[name].append(rate)
                        spent[name].append(spent_ms)
    said = (
        f"median of {STARTS * TURNS} turns each, in turns, after {STARTS} starts of both; {CLIENTS} clients,"
        f" {CLIENTS * REQUESTS} requests a turn, {SERVERS};"
        f" completions of blocks wait {settings.LEDGER_COMPLETIONS_WAIT_MS} ms; {describe_durability()};"
        f" {describe_machine()}"
    )
    faster, leaner = ([statistics.median(each) for each in both.values()] for both in (rates, spent))
    return [
        Figure(
            f"1000 {what} over HTTP, with the ledger (peer: without)",
            round(faster[0], 2),
            round(faster[1], 2),
            round(faster[0] / faster[1], 3),
            "requests/s",
            said,
        ),
        Figure(
            f"1000 {what} over HTTP, with the ledger, work (peer: without)",
            round(leaner[0], 3),
            round(leaner[1], 3),
            round(leaner[1] / leaner[0], 3),
            "ms of CPU",
            f"processor time of the server and its database sessions, a request; {said}",
        ),
    ]


def _stock_tickets(bare: Server, region: UUID, person: Person) -> None:
    """For each worker as many as it could come to need, under the names by which it takes them."""
    wanted = range((TURNS + 1) * CLIENTS * REQUESTS)
    keys = [name_ticket(pid, number) for pid in bare.workers() for number in wanted]
    token = Token.objects.get(user=person.user)
    written = read_rows(_STOCK, keys, person.user.id, region, token.id)
    assert len(written) == len(keys) > 0


def _settle(open_before: int) -> None:
    until = time.monotonic() + SETTLED_WITHIN_S
    while _count_open() > open_before:
        assert time.monotonic() < until, "completions of this benchmark were not written"
        time.sleep(0.02)


def _count_open() -> int:
    """Entries without a completion, of which other benchmarks leave some."""
    found = read_rows(
        "SELECT (SELECT count(*) FROM ledger.entry_key) - (SELECT count(*) FROM ledger.completion_key)"
    )
    return int(found[0][0])
