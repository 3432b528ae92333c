"""Fixtures of the services: every test speaks to the database as the worker, so that a missing grant shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import pytest
from django.db import connection
from psycopg.pq import TransactionStatus

from tests.builders import make_model
from tests.cast import Cast, make_cast

Result = TypeVar("Result")


@contextmanager
def as_role(role: str) -> Iterator[None]:
    """The rights of another role (`penumbra_worker`, `penumbra_web`, `none` for the owner) on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET ROLE {role}")
    yield
    # a transaction that failed is about to be rolled back, and the role with it
    if connection.connection.info.transaction_status != TransactionStatus.INERROR:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {before}")


def read_rows(statement: str, *values: object) -> list[tuple[Any, ...]]:
    """What the owner finds in the database, whatever the present role may see."""
    with as_role("none"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


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
def cast(_as_worker: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def model(cast: Cast) -> UUID:
    """An active model."""
    return make_model(cast.anna.user)
