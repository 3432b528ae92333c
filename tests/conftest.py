"""Fixtures for all tests: the real data where it is, a client that answers as the web role, the worker's role."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real imagery and labels beside the project; the test is skipped where it is missing."""
    folder = Path(os.environ.get("PENUMBRA_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data: set PENUMBRA_SHARED_DATA ({folder.name} is not beside the project)")
    return folder


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Let the ledger's connections go before the test database is dropped."""
    from accounts.ledger.connection import close_ledger_connections

    yield
    close_ledger_connections()


@pytest.fixture(scope="session", autouse=True)
def _completions_at_once() -> None:
    """What is asked in this process is completed before it is answered, so that a test can look at once.

    Tests of completions that wait, and web servers as processes of their own, do as in production.
    """
    from django.conf import settings

    settings.LEDGER_COMPLETIONS_WAIT_MS = 0


@pytest.fixture(autouse=True)
def _own_counters(settings: object) -> None:
    """Requests are counted in this process, so that tests in parallel do not count together."""
    from accounts.counting import find_counters

    settings.COUNTERS_URL = "memory://"  # type: ignore[attr-defined]
    find_counters().reset()
