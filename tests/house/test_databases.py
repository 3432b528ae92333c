"""config.databases: whom a process speaks to, and how long it waits for a server that says nothing."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.databases import ROLES, read_database

WAITING = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count"}


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every role has a password."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example.org:5432/penumbra")
    for role in ROLES:
        monkeypatch.setenv(f"PENUMBRA_DB_PASSWORD_{role.upper()}", "x" * 32)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_gives_up_about_a_server_that_is_not_there_or_has_gone(role: str) -> None:
    options = read_database(role)["OPTIONS"]
    assert options.keys() >= WAITING
    assert all(options[name] > 0 for name in WAITING)


@pytest.mark.parametrize("role", ROLES)
def test_statements_of_the_web_role_end_and_no_others(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENUMBRA_DB_STATEMENT_S", "7")
    options = read_database(role)["OPTIONS"]
    assert options.get("options") == ("-c statement_timeout=7000" if role == "web" else None)
    assert ("tcp_user_timeout" in options) == (role == "web")


@pytest.mark.parametrize("name", ["PENUMBRA_DB_TIMEOUT_S", "PENUMBRA_DB_STATEMENT_S"])
def test_a_bound_that_would_be_none_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "0")
    with pytest.raises(ImproperlyConfigured, match=name):
        read_database("web")
