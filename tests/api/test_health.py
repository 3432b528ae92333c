"""`/healthz` and `/readyz`: signs of life, for operations; nothing is behind them."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.ledger.connection import close_ledger_connections
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient


@pytest.mark.parametrize(("path", "word"), [("/healthz", "alive"), ("/readyz", "ready")])
def test_a_process_that_lives_and_can_answer_says_so_to_anybody(web: WebClient, path: str, word: str) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": word})


def test_a_process_that_cannot_write_the_ledger_is_alive_and_not_ready(web: WebClient, settings: Any) -> None:
    close_ledger_connections()
    settings.LEDGER_TIMEOUT_S, settings.LEDGER_PASSWORD = 1, "not the password"
    assert_problem(web.get("/readyz"), 503, "ledger-unavailable")
    assert web.get("/healthz").status_code == 200
    close_ledger_connections()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_signs_of_life_are_read_only(web: WebClient, path: str, method: str) -> None:
    answer = getattr(web, method)(path)
    assert_problem(answer, 405)
    assert answer["Allow"] == "GET, HEAD"
