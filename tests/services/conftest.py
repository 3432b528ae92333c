"""Fixtures of the services: every test speaks to the database as the worker, so that a missing grant shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

import pytest
from django.db import connection

from accounts.ledger.connection import close_ledger_connections
from tests.builders import make_model
from tests.cast import Cast, make_cast
from tests.roles import as_role

Result = TypeVar("Result")


def start_apart(pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Future[Result]:
    """Let a thread do work as the worker on a connection of its own, where every statement is committed at once."""

    def run() -> Result:
        try:
            with as_role("penumbra_worker"):
                return work()
        finally:
            connection.close()

    return pool.submit(run)


@pytest.fixture(autouse=True)
def _as_worker(db: None) -> Iterator[None]:
    """One transaction as the worker."""
    with as_role("penumbra_worker"):
        yield


@pytest.fixture
def lose_ledger(settings: Any) -> Iterator[Callable[[], None]]:
    """Call it, and from then on nobody can sign in to the ledger."""

    def lose() -> None:
        close_ledger_connections()
        settings.LEDGER_PASSWORD, settings.LEDGER_TIMEOUT_S = "not the password", 1

    yield lose
    close_ledger_connections()


@pytest.fixture
def no_ledger(lose_ledger: Callable[[], None]) -> None:
    """A ledger that nobody can sign in to."""
    lose_ledger()


@pytest.fixture
def cast(_as_worker: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def model(cast: Cast) -> UUID:
    """An active model."""
    return make_model(cast.anna.user)
