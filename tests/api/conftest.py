"""Fixtures of the HTTP tests: the cast, what they work on, and a client that speaks to the database as the web role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from psycopg.pq import TransactionStatus
from rest_framework.test import APIClient

from accounts.roles import Role
from monitor.models import Alert, Inspection
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.builders import cell_at, make_alert, make_inspection, make_model, put_cells
from tests.cast import Cast, Person, hire, make_box, make_cast

JSON = "application/json"
EASTERN_SITE = [cell_at(20.105, 2.105), cell_at(20.115, 2.105)]
WESTERN_SITE = [cell_at(19.705, 2.105)]


@contextmanager
def as_web_role() -> Iterator[None]:
    """The rights of `penumbra_web` for the length of one request, so a missing grant or an open door shows."""
    before = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE penumbra_web")
    yield
    if connection.connection.info.transaction_status == TransactionStatus.INERROR:
        # outside tests a failed statement ends with its request; here it must not end the test
        transaction.savepoint_rollback(before)
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")


class WebClient(APIClient):
    """A client whose every request runs as the web role."""

    def as_(self, person: Person | None) -> WebClient:
        """The same client with a person's token and purpose."""
        client = WebClient()
        client.credentials(
            **{
                f"HTTP_{name.upper().replace('-', '_')}": value
                for name, value in (person.headers if person else {}).items()
            }
        )
        return client

    def send(
        self, method: str, url: str, body: str | bytes = b"", content_type: str = JSON, **environ: str
    ) -> Any:
        """A request whose body is sent as it is. environ: headers as WSGI names them."""
        return self.generic(method, url, body, content_type=content_type, **environ)  # type: ignore[arg-type]

    def post_json(self, url: str, body: Any, **environ: str) -> Any:
        """Post a value as JSON."""
        return self.send("POST", url, json.dumps(body), **environ)

    def request(self, **kwargs: Any) -> Any:
        """One request. What is streamed is read to its end, as the web role too."""
        with as_web_role():
            answer = super().request(**kwargs)
            if not answer.streaming:
                return answer
            return HttpResponse(answer.getvalue(), status=answer.status_code, headers=dict(answer.items()))


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def web(db: None) -> WebClient:
    """A client without an account; `web.as_(cast.rosa)` has one."""
    return WebClient()


@pytest.fixture
def model(cast: Cast) -> UUID:
    """An active model."""
    return make_model(cast.anna.user)


@pytest.fixture
def alert(cast: Cast, model: UUID) -> Alert:
    """An alert in Rosa's east, on a site of two cells."""
    put_cells(model, EASTERN_SITE)
    return make_alert(cast.east, EASTERN_SITE)


@pytest.fixture
def western_alert(cast: Cast, model: UUID) -> Alert:
    """An alert in Otis's west, on a site of one cell."""
    put_cells(model, WESTERN_SITE)
    return make_alert(cast.west, WESTERN_SITE)


@pytest.fixture
def inspection(cast: Cast, alert: Alert) -> Inspection:
    """Rosa has given the eastern alert to Ines, who has accepted it; the window is open."""
    return make_inspection(alert, cast.ines.user, cast.rosa.user)


@dataclass(frozen=True)
class Border:
    """Two regions that meet inside a block of L1, and a regulator of the south. inside: the published blocks of the south
    alone; across: of both."""

    sela: Person
    south: UUID
    north: UUID
    inside: frozenset[tuple[str, int, int]]
    across: frozenset[tuple[str, int, int]]


@pytest.fixture
def border(cast: Cast, model: UUID) -> Border:
    """Sela has the mandate for the south and nothing else. An active cell in it and one in the north share a block of L1."""
    south = create_region("Aruwe South", make_box(21.0, 2.0, 21.4, 2.37))
    north = create_region("Aruwe North", make_box(21.0, 2.37, 21.4, 2.8))
    put_cells(model, [cell_at(21.115, 2.335), cell_at(21.115, 2.385)])
    publish_release(date(2026, 11, 20))
    inside, across = (frozenset(("L1", row, col) for col in (2010, 2011)) for row in (922, 923))
    return Border(hire("sela", Role.REGULATOR, south), south, north, inside, across)
