"""Counting what was done in the last minute: in Redis, as in production."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.test import override_settings

from accounts.counting import find_counters, take


@pytest.fixture(autouse=True)
def _in_redis() -> Iterator[None]:
    with override_settings(COUNTERS_URL=os.environ["REDIS_URL"], COUNTERS_PREFIX=f"test-{uuid4().hex}"):
        yield
        find_counters().reset()


def test_of_many_who_ask_at_once_no_more_are_let_through_than_of_one_after_the_other() -> None:
    with ThreadPoolExecutor(16) as askers:
        waits = list(askers.map(lambda _: take(20, "a"), range(200)))
    assert waits.count(None) == 20
    assert all(0 < wait <= 60 for wait in waits if wait is not None)


def test_each_name_is_counted_by_itself() -> None:
    assert [take(1, "a"), take(1, "b"), take(1, "a", "b")] == [None] * 3
    assert take(1, "a") is not None


def test_who_is_refused_is_not_counted() -> None:
    assert [take(2, "a") is None for _ in range(5)] == [True, True, False, False, False]
    door = redis.Redis.from_url(settings.COUNTERS_URL)
    (key,) = door.scan_iter(f"{settings.COUNTERS_PREFIX}*")
    assert door.llen(key) == 2
    assert 0 < door.ttl(key) <= 60
