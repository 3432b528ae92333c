"""Completions of published blocks: written a moment after the answer, many at once, none lost while the process lives.

Exact answers, refusals and all else are complete before they are sent, whatever waits beside them.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings

from accounts.ledger import completions
from accounts.ledger.completions import complete_later, write_waiting
from accounts.ledger.connection import close_ledger_connections
from accounts.ledger.entry import Entry, Outcome, Ticket
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.writer import complete_entry, open_entry
from monitor.models import Inspection
from monitor.services.releases import publish_release
from tests.api.answers import outcomes_of
from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.flows.workers import wait_until
from tests.ledger.conftest import Connection
from tests.ledger.sealers import assert_sound, seal_all, sealing
from tests.ledger.test_ledger_down import assert_told_nothing, locked_completions
from tests.patience import PATIENCE_S

FOR_EVER_MS = 600_000
PAGE = "/api/v1/activity"
TILE = "/tiles/activity/8/142/126.mvt"


@pytest.fixture(autouse=True)
def _waiting(settings: LazySettings) -> Iterator[None]:
    """Completions wait for a moment; nothing waits after the test, and no connection outlives it."""
    settings.LEDGER_COMPLETIONS_WAIT_MS = 20
    close_ledger_connections()
    yield
    write_waiting()
    close_ledger_connections()


@pytest.fixture
def for_ever(settings: LazySettings) -> None:
    """What waits is written by nobody but the test."""
    settings.LEDGER_COMPLETIONS_WAIT_MS, settings.LEDGER_TIMEOUT_S = FOR_EVER_MS, FOR_EVER_MS // 1000


def open_one() -> Ticket:
    return open_entry(Entry(None, "read.test", "/test", uuid4()))


def read_completion(owner: Connection, ticket: Ticket) -> Any:
    """What the ledger says came of an entry, or None."""
    return owner.execute(
        "SELECT outcome, quantity, answer_digest, cells_digest FROM ledger.completion WHERE entry_id = %s",
        [ticket.entry_id],
    ).fetchone()


def wait_for(owner: Connection, ticket: Ticket) -> Any:
    """The completion, as soon as it is written."""
    return wait_until(lambda: read_completion(owner, ticket), "the completion is written")


@pytest.mark.parametrize("answer", [b"rows", b""])
def test_a_completion_is_written_a_moment_later_with_all_that_it_says(
    owner: Connection, answer: bytes
) -> None:
    ticket = open_one()
    complete_later(ticket, Outcome.ANSWERED, 7, answer)
    assert wait_for(owner, ticket) == ("answered", 7, keyed_digest(answer) if answer else "", "")


def test_those_that_wait_are_written_in_one_transaction_in_their_order(
    for_ever: None, owner: Connection
) -> None:
    tickets = [open_one() for _ in range(20)]
    for ticket in tickets:
        complete_later(ticket, Outcome.ANSWERED, 1, b"rows")
    assert not any(read_completion(owner, ticket) for ticket in tickets)
    write_waiting()
    rows = owner.execute(
        "SELECT entry_id, xid::text FROM ledger.completion WHERE entry_id = ANY (%s) ORDER BY at",
        [[ticket.entry_id for ticket in tickets]],
    ).fetchall()
    assert [entry for entry, _ in rows] == [ticket.entry_id for ticket in tickets]
    assert len({xid for _, xid in rows}) == 1
    with sealing() as sealer:
        seal_all(sealer)
    assert_sound(owner)


def test_many_do_not_wait_for_more(
    for_ever: None, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completions, "AT_ONCE", 5)
    tickets = []
    for _ in range(5):
        tickets.append(open_one())  # a journey, in which the writer goes to sleep after the first
        complete_later(tickets[-1], Outcome.ANSWERED)
    for ticket in tickets:
        wait_for(owner, ticket)


def test_one_that_is_none_keeps_no_other_from_being_written(
    for_ever: None, owner: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    first, negative, twice, last = (open_one() for _ in range(4))
    nowhere = Ticket(uuid4())
    complete_entry(twice, Outcome.ANSWERED, 3)
    for ticket, quantity in ((first, 1), (negative, -1), (nowhere, 1), (twice, 4), (last, 2)):
        complete_later(ticket, Outcome.ANSWERED, quantity)
    write_waiting()
    found = [read_completion(owner, ticket) for ticket in (first, negative, nowhere, twice, last)]
    assert [row and row[1] for row in found] == [1, None, None, 3, 2]
    assert caplog.messages == [
        f"the completion of entry {ticket.entry_id} was refused: {kind}"
        for ticket, kind in (
            (negative, "CheckViolation"),
            (nowhere, "ForeignKeyViolation"),
            (twice, "UniqueViolation"),
        )
    ]


def test_one_that_was_written_although_nobody_was_told_is_written_once(
    for_ever: None, owner: Connection, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    """As where a connection is lost between the commit and its acknowledgement."""
    lost, other = open_one(), open_one()
    complete_later(lost, Outcome.ANSWERED, 3)
    complete_later(other, Outcome.ANSWERED, 4)
    settings.LEDGER_TIMEOUT_S = 1
    close_ledger_connections()
    with locked_completions(owner, settings):
        write_waiting()
    assert caplog.messages == ["2 completions wait; entries without one count as full disclosure"]
    complete_entry(lost, Outcome.ANSWERED, 3)
    write_waiting()
    assert [read_completion(owner, ticket)[1] for ticket in (lost, other)] == [3, 4]
    assert len(caplog.messages) == 1


# --- over HTTP ----------------------------------------------------------------------------------------------


@pytest.fixture
def partner(web: WebClient, cast: Cast, inspection: Inspection) -> WebClient:
    """Pia, with blocks to read."""
    publish_release(date(2026, 11, 20))
    return web.as_(cast.pia)


def test_only_published_blocks_are_answered_before_their_completion_is_written(
    for_ever: None, web: WebClient, partner: WebClient, cast: Cast, inspection: Inspection
) -> None:
    site = f"/api/v1/alerts/{inspection.alert_id}/site"
    coarse = [partner.get(url) for url in (PAGE, TILE, f"/api/v1/regions/{cast.east}/summary")]
    others = [
        *(
            web.as_(cast.rosa).get(url)
            for url in (PAGE, TILE, site, "/export/activity.csv", "/api/v1/alerts")
        ),
        web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site"),
        *(partner.get(url) for url in (site, "/export/activity.csv", "/api/v1/releases", "/api/v1/regions")),
        partner.get(f"/api/v1/regions/{cast.west}/summary"),
        web.as_(cast.mallory).get(site),
        web.as_(cast.aldo).get("/api/v1/audit/entries"),
    ]
    assert {answer.status_code for answer in coarse} == {200}
    assert [outcome for answer in coarse for _, outcome in outcomes_of(answer)] == [None] * len(coarse)
    open_ones = [answer.request["PATH_INFO"] for answer in others if has_open(answer)]
    assert open_ones == []
    write_waiting()
    assert [outcome for answer in coarse for _, outcome in outcomes_of(answer)] == ["answered"] * len(coarse)


def has_open(answer: Any) -> bool:
    """Whether an entry of this request is still without a completion."""
    outcomes = [outcome for _, outcome in outcomes_of(answer)]
    assert outcomes
    return None in outcomes


def wait_until_complete(answer: Any) -> None:
    """Until every entry of this request has its completion."""
    wait_until(lambda: not has_open(answer), "what was answered is completed")


def test_while_completions_cannot_be_written_blocks_are_answered_and_nothing_exact_is(
    web: WebClient, partner: WebClient, cast: Cast, owner: Connection, settings: LazySettings
) -> None:
    settings.LEDGER_TIMEOUT_S = 3
    with locked_completions(owner, settings):
        answer = partner.get(PAGE)
        assert answer.status_code == 200
        assert outcomes_of(answer) == [("read.activity", None)]
        assert_told_nothing(web.as_(cast.rosa).get(PAGE))
    wait_until_complete(answer)


def test_when_a_completion_has_waited_too_long_the_next_answer_is_not_sent(
    partner: WebClient, owner: Connection, settings: LazySettings
) -> None:
    settings.LEDGER_TIMEOUT_S = 1
    with locked_completions(owner, settings):
        answers = [partner.get(PAGE)]
        assert answers[0].status_code == 200
        ends = time.monotonic() + PATIENCE_S
        while answers[-1].status_code == 200 and time.monotonic() < ends:
            answers.append(partner.get(PAGE))
        assert_told_nothing(answers[-1])
    for answer in answers[:-1]:
        wait_until_complete(answer)
    assert has_open(answers[-1])
    assert partner.get(PAGE).status_code == 200


def test_when_too_many_wait_the_next_answer_is_not_sent(
    partner: WebClient, owner: Connection, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completions, "MAX_WAITING", 2)
    settings.LEDGER_TIMEOUT_S = 3
    with locked_completions(owner, settings):
        answers = [partner.get(PAGE) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 503]
        assert_told_nothing(answers[-1])
    for answer in answers[:-1]:
        wait_until_complete(answer)


# --- processes and threads ----------------------------------------------------------------------------------


def test_a_child_process_writes_its_own_and_leaves_those_of_its_parent(
    for_ever: None, owner: Connection
) -> None:
    kept = open_one()
    complete_later(kept, Outcome.ANSWERED, 1)
    child = os.fork()
    if child == 0:  # no way back into the tests from here
        code = 2
        try:
            ticket = open_entry(Entry(None, "read.child", "/test", UUID(int=kept.entry_id.int)))
            complete_later(ticket, Outcome.ANSWERED, 2)
            write_waiting()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    found = owner.execute(
        "SELECT c.quantity FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id WHERE e.request_id = %s",
        [kept.entry_id],
    ).fetchall()
    assert found == [(2,)]
    assert read_completion(owner, kept) is None
    write_waiting()
    assert read_completion(owner, kept) is not None


def test_while_nothing_waits_nobody_wakes_up(owner: Connection, settings: LazySettings) -> None:
    settings.LEDGER_COMPLETIONS_WAIT_MS = 1
    ticket = open_one()
    complete_later(ticket, Outcome.ANSWERED)
    wait_for(owner, ticket)
    before = count_sleeps()
    for _ in range(50):
        complete_entry(open_one(), Outcome.ANSWERED)
    # it may still have been on its way to sleep
    assert count_sleeps() - before < 5


def count_sleeps() -> int:
    """How often the threads that write completions have gone to sleep so far."""
    told = [
        Path(f"/proc/self/task/{thread.native_id}/status").read_text()
        for thread in threading.enumerate()
        if thread.name == "completions"
    ]
    assert told
    return sum(int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for status in told)
