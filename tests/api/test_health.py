"""`/healthz` and `/readyz`: signs of life, for operations; nothing is behind them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from accounts.ledger.connection import close_ledger_connections
from config.databases import read_database
from monitor.api.middleware import ProblemMiddleware
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient
from tests.oddserver import free_port


@pytest.mark.parametrize(("path", "word"), [("/healthz", "alive"), ("/readyz", "ready")])
def test_a_process_that_lives_and_can_answer_says_so_to_anybody(web: WebClient, path: str, word: str) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": word})


@pytest.mark.parametrize("status", [200, 404])
def test_an_answer_to_head_has_no_body_that_the_web_server_would_have_to_drop(status: int) -> None:
    """It writes a line into its log for each: for every question of a proxy whether this process lives."""
    answer = ProblemMiddleware(lambda request: HttpResponse(b"told", status=status))
    assert answer(RequestFactory().head("/healthz")).content == b""
    assert answer(RequestFactory().get("/healthz")).content != b""


def test_a_whole_answer_says_how_long_it_is_and_one_that_is_still_being_read_does_not() -> None:
    whole = ProblemMiddleware(lambda request: HttpResponse(["eins zwei", " drei größer"]))
    told = whole(RequestFactory().get("/healthz"))
    assert int(told["Content-Length"]) == len(told.content) > 0
    problem = ProblemMiddleware(lambda request: HttpResponse(b"not for anybody", status=404))
    told = problem(RequestFactory().get("/nowhere"))
    assert int(told["Content-Length"]) == len(told.content) > 0
    assert "Content-Length" not in whole(RequestFactory().head("/healthz"))
    streamed = ProblemMiddleware(lambda request: StreamingHttpResponse([b"row"]))  # type: ignore[arg-type,return-value]
    assert "Content-Length" not in streamed(RequestFactory().get("/healthz"))


def test_a_process_that_cannot_write_the_ledger_is_alive_and_not_ready(web: WebClient, settings: Any) -> None:
    close_ledger_connections()
    settings.LEDGER_TIMEOUT_S, settings.LEDGER_PASSWORD = 1, "not the password"
    assert_problem(web.get("/readyz"), 503, "ledger-unavailable")
    assert web.get("/healthz").status_code == 200
    close_ledger_connections()


def test_a_process_that_cannot_count_requests_is_alive_and_not_ready(web: WebClient, settings: Any) -> None:
    settings.COUNTERS_URL = f"redis://127.0.0.1:{free_port()}/0"
    assert_problem(web.get("/readyz"), 503, "limits-unavailable")
    assert web.get("/healthz").status_code == 200


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing, as one whose disk has stalled."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_silent_redis_is_given_up_about(web: WebClient, settings: Any, silent: int) -> None:
    settings.COUNTERS_URL, settings.REDIS_TIMEOUT_S = f"redis://127.0.0.1:{silent}/0", 0.1
    assert_problem(web.get("/readyz"), 503, "limits-unavailable")


def test_a_silent_database_is_given_up_about(
    web: WebClient, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While this process holds a connection to it, and nothing that comes by that one would say so."""
    connection.ensure_connection()
    monkeypatch.setenv("PENUMBRA_DB_TIMEOUT_S", "2")  # libpq waits no shorter
    options = read_database("owner")["OPTIONS"]
    for name, value in {"HOST": "127.0.0.1", "PORT": str(silent), "OPTIONS": options}.items():
        monkeypatch.setitem(connection.settings_dict, name, value)
    assert_problem(web.get("/readyz"), 503, "database-unavailable")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_signs_of_life_are_read_only(web: WebClient, path: str, method: str) -> None:
    answer = getattr(web, method)(path)
    assert_problem(answer, 405)
    assert answer["Allow"] == "GET, HEAD"
