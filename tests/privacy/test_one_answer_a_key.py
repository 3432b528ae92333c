"""A POST that is sent again while the first one is still being answered does nothing a second time.

Real connections and real commits: the repeat is sent once the first has been let in and before it acts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection

from monitor.services import requests
from tests.patience import PATIENCE_S
from tests.privacy.committed import Committed, start
from tests.privacy.test_revocation import client_of

ACTS = "access.release_quota"
Told = tuple[int, Any]


def send_twice(world: Committed) -> list[Told]:
    """Status and body of a quota's release and of the same request with the same key, sent before the first acts."""
    overtaken, acted = Event(), Event()

    def release(is_first: bool) -> Told:
        def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if ACTS in sql and is_first:
                overtaken.set()
                acted.wait(2)
            elif ACTS in sql:
                acted.set()
            return execute(sql, params, many, context)

        with connection.execute_wrapper(watch):
            answer: Any = client_of(world.cast.adam).post(
                "/api/v1/quotas/anna/release", {"cells": 1000}, format="json", HTTP_IDEMPOTENCY_KEY="k"
            )
            return answer.status_code, answer.json()

    with ThreadPoolExecutor(2) as pool:
        first = start(pool, lambda: release(True), "web")
        assert overtaken.wait(20)
        second = start(pool, lambda: release(False), "web")
        return [first.result(PATIENCE_S), second.result(PATIENCE_S)]


def test_a_repeat_that_overtakes_the_first_request_gets_its_answer(committed: Committed) -> None:
    told = send_twice(committed)
    assert told == [(200, {"username": "anna", "per_day": 21_000})] * 2


def test_a_repeat_waits_for_so_long_and_no_longer(
    committed: Committed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PATIENCE_S", 0.2)
    first, second = send_twice(committed)
    assert first == (200, {"username": "anna", "per_day": 21_000})
    assert (second[0], second[1]["code"]) == (409, "not-now")
