"""Fixtures of the ledger's tests: those of the HTTP tests, and connections of their own as the owner and as the writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from tests.api.conftest import alert, cast, inspection, model, web, western_alert

__all__ = ["alert", "cast", "inspection", "model", "owner", "web", "western_alert", "writer"]

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def connect(**more: Any) -> Iterator[Connection]:
    """A connection of its own to the test database, in autocommit: what it writes stays written.

    It never waits long for a lock, because the test's own transaction may be the one that holds it.
    """
    parameters = {
        name: connection.settings_dict[key]
        for name, key in (
            ("dbname", "NAME"),
            ("host", "HOST"),
            ("port", "PORT"),
            ("user", "USER"),
            ("password", "PASSWORD"),
        )
        if connection.settings_dict[key]
    }
    with psycopg.connect(**(parameters | more), autocommit=True, options="-c lock_timeout=2s") as opened:
        yield opened


@pytest.fixture
def owner(db: None) -> Iterator[Connection]:
    """A connection as the owner of the tables, outside the test's transaction."""
    with connect() as opened:
        yield opened


@pytest.fixture
def writer(db: None) -> Iterator[Connection]:
    """A connection as `penumbra_ledger`, as the web process has it."""
    with connect(user="penumbra_ledger", password=settings.LEDGER_PASSWORD) as opened:
        yield opened
