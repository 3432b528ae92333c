"""One connection serves many people: whatever a regulator's request leaves behind on it, a partner's must not find."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from rest_framework.test import APIClient

from monitor.services.releases import publish_release
from tests.cast import Person
from tests.patience import PATIENCE_S
from tests.privacy.committed import Committed, start

STATE = {
    "who": "SELECT session_user, current_user, current_setting('role'), current_schemas(true)",
    "settings": "SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name",
    "own settings": "SELECT name, setting FROM pg_settings WHERE name LIKE '%.%' AND source <> 'default' ORDER BY name",
    "token": "SELECT coalesce(current_setting('penumbra.bearer', true), '')",
    # statements that come again stay prepared (decisions/0047): whatever was asked for is a value, and in none of them
    "asked": "SELECT statement FROM pg_prepared_statements WHERE statement ~ '[0-9a-f]{8}-[0-9a-f]{4}|[0-9]{4,}|pen_'",
    "cursors": "SELECT name FROM pg_cursors WHERE name <> '' AND statement NOT LIKE '%pg_cursors%'",
    "temporary": "SELECT relname FROM pg_class WHERE relpersistence = 't' AND relnamespace = pg_my_temp_schema()",
    "locks": "SELECT locktype, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'",
    "listening": "SELECT pg_listening_channels()",
}
Act = Callable[[Committed], Any]


def client_of(person: Person) -> APIClient:
    """A client with a person's token and purpose."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=person.headers["authorization"], HTTP_ACCESS_PURPOSE="field-visit")
    return client


def read_state() -> tuple[int, dict[str, list[Any]]]:
    """The connection's backend, and all that lasts longer than a statement on it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
        state = {}
        for name, statement in STATE.items():
            cursor.execute(statement)
            state[name] = cursor.fetchall()
    return backend, state


def ask_as_regulator(world: Committed) -> list[int]:
    """Everything that a regulator does: exact pages, a site, a refusal, a change that fails, a change, a parse error."""
    client = client_of(world.cast.rosa)
    region = f"/api/v1/regions/{world.cast.west}/posture"
    answers = [
        client.get("/api/v1/activity?limit=3"),
        client.get("/api/v1/activity?bbox=20,2,20.1,2.1&state=active&since=2026-01-01"),
        client.get(f"/api/v1/alerts/{world.alert.id}/site"),
        client.get(f"/api/v1/alerts/{world.western_alert.id}/site"),
        client.post(region, {"posture": "sealed"}, format="json"),
        client.post(f"/api/v1/alerts/{world.alert.id}/triage", {"decision": "confirm"}, format="json"),
        client.post(f"/api/v1/regions/{world.cast.east}/posture", {"posture": "guarded"}, format="json"),
        client.get("/api/v1/activity"),
        client.get("/api/v1/me"),
        client.post("/api/v1/access-requests", b"{", content_type="application/json"),
    ]
    return [answer.status_code for answer in answers]


def ask_as_partner(world: Committed) -> list[tuple[int, dict[str, str], bytes]]:
    """Everything that a partner sees, as bytes."""
    client = client_of(world.cast.pia)
    urls = [
        "/api/v1/activity",
        "/api/v1/activity?bbox=20.001,2.001,20.002,2.002",
        "/api/v1/releases",
        "/api/v1/grants",
        "/api/v1/me",
        "/api/v1/alerts",
        f"/api/v1/alerts/{world.alert.id}/site",
        f"/api/v1/access-requests/{world.alert.id}",
    ]
    told = []
    for url in urls:
        answer = client.get(url)
        headers = {
            name: value for name, value in answer.items() if name not in {"X-Request-Id", "Access-Receipt"}
        }
        told.append((answer.status_code, headers, answer.content))
    return told


def as_one_process(work: Callable[[], Any]) -> Any:
    """Do work on one connection of the web role that outlives its requests, as a process keeps it."""

    def run() -> Any:
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        try:
            return work()
        finally:
            for signal in (request_started, request_finished):
                signal.connect(close_old_connections)

    with ThreadPoolExecutor(1) as pool:
        return start(pool, run, "web").result(PATIENCE_S)


def test_a_regulators_requests_leave_nothing_on_the_connection(committed: Committed) -> None:
    def work() -> tuple[Any, list[int], Any]:
        return read_state(), ask_as_regulator(committed), read_state()

    (backend, before), statuses, (same_backend, after) = as_one_process(work)
    assert statuses == [200, 200, 200, 404, 404, 409, 200, 200, 200, 400]
    assert backend == same_backend
    assert after == before
    assert before["who"][0][:3] == ("penumbra_web", "penumbra_web", "none")
    assert before["asked"] == before["temporary"] == before["locks"] == before["own settings"] == []


def test_a_partner_after_a_regulator_sees_what_a_partner_alone_sees(committed: Committed) -> None:
    with ThreadPoolExecutor(1) as pool:
        start(pool, lambda: publish_release(date(2026, 11, 20)), "worker").result(PATIENCE_S)

    def alone() -> Any:
        return read_state()[0], ask_as_partner(committed)

    def behind_a_regulator() -> Any:
        backend = read_state()[0]
        ask_as_regulator(committed)
        told = ask_as_partner(committed)
        assert read_state()[0] == backend
        return backend, told

    with ThreadPoolExecutor(1) as pool:
        start(pool, lambda: ask_as_regulator(committed), "web").result(
            timeout=PATIENCE_S
        )  # what changes for everybody
    first, expected = as_one_process(alone)
    second, told = as_one_process(behind_a_regulator)
    assert first != second
    assert told == expected
    assert [status for status, _, _ in told] == [200, 200, 200, 200, 200, 403, 403, 404]
    assert b'"features":[{' in told[0][2]


def test_a_request_that_dies_leaves_the_connection_to_nobody(committed: Committed) -> None:
    """A statement that fails in the middle is rolled back; the next question on the connection begins anew."""

    def work() -> tuple[int, Any, Any]:
        before = read_state()
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '1ms'")
        client_of(committed.cast.rosa).get("/api/v1/activity")
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
        return client_of(committed.cast.pia).get("/api/v1/activity").status_code, before, read_state()

    status, before, after = as_one_process(work)
    assert status == 200
    assert after == before
