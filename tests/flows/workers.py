"""Real workers: Celery processes of their own on a private queue, that can be parked, paused and killed.

A worker is parked by a lock that the test holds on what the worker needs next: no product code is replaced.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 40.0
"""How long anything may take that is known to come; a test that waits longer has failed."""
LEASE_S = 2
TICK_S = 0.02


class WaitedTooLong(AssertionError):
    """What a test waited for did not come."""


def wait_until(happened: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first truthy answer of `happened`, asked again and again. Raises WaitedTooLong."""
    ends = time.monotonic() + patience_s
    while not (answer := happened()):
        if time.monotonic() > ends:
            raise WaitedTooLong(f"{what}: not within {patience_s:.0f} s")
        time.sleep(TICK_S)
    return answer


class PrivateQueue:
    """A logical database of the test Redis that nobody else uses at the moment, as a Celery broker."""

    def __init__(self) -> None:
        self._door = redis.Redis.from_url(os.environ["REDIS_URL"])
        numbers = range(2, int(self._door.config_get("databases")["databases"]))
        self.number = next(n for n in numbers if self._door.set(f"flows-queue-{n}", os.getpid(), nx=True, ex=1800))
        self.url = self._name_database(settings.CELERY_BROKER_URL)
        self.lose_everything()

    def _name_database(self, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme.startswith("redis+socket"):
            return urlunsplit(parts._replace(query=f"virtual_host={self.number}"))
        return urlunsplit(parts._replace(path=f"/{self.number}"))

    def lose_everything(self) -> None:
        """Empty the queue, as a Redis that was restarted without a disk."""
        self._door.execute_command("SELECT", self.number)
        self._door.flushdb()
        self._door.execute_command("SELECT", 0)

    def close(self) -> None:
        """Give the database back."""
        self.lose_everything()
        self._door.delete(f"flows-queue-{self.number}")
        self._door.close()
