"""Fixtures of the HTTP tests: the cast, and a client that speaks to the database as the web role."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from psycopg.pq import TransactionStatus
from rest_framework.test import APIClient

from tests.cast import Cast, Person, make_cast


class WebClient(APIClient):
    """Each request runs with the rights of `penumbra_web`, so a missing grant or an open door shows."""

    def as_(self, person: Person | None) -> WebClient:
        """The same client with a person's token and purpose."""
        client = WebClient()
        client.credentials(
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (person.headers if person else {}).items()}
        )
        return client

    def request(self, **kwargs: Any) -> Any:
        """One request."""
        before = transaction.savepoint()
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE penumbra_web")
        response = super().request(**kwargs)
        if connection.connection.info.transaction_status == TransactionStatus.INERROR:
            # outside tests a failed statement ends with its request; here it must not end the test
            transaction.savepoint_rollback(before)
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
        return response


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def web(db: None) -> WebClient:
    """A client without an account; `web.as_(cast.rosa)` has one."""
    return WebClient()
