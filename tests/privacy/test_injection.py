"""SQL in every parameter, header, address and field: refused or taken as the text that it is, never a fault, never a change.

The questions are made from the OpenAPI document, so an endpoint that is added is tried without a line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

from monitor.api.schema import write_document
from monitor.models import AccessRequest, Alert, Inspection, TrainedModel
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient, alert, cast, inspection, model, web
from tests.builders import make_scene, make_stac_item
from tests.cast import Cast
from tests.rights import give_grant
from tests.roles import as_role, read_rows

__all__ = ["alert", "cast", "inspection", "model", "web"]

SLEEP_S = 30
INJECTIONS = (
    "'",
    '"',
    "' OR 1=1 --",
    "' OR '1'='1",
    '" OR ""="',
    "1 OR 1=1",
    "1; DROP TABLE monitor_region; --",
    "'; UPDATE monitor_regionposture SET posture = 'open'; --",
    "') UNION SELECT row, col FROM vault.cell_state --",
    "' UNION ALL SELECT NULL, NULL, version() --",
    f"'; SELECT pg_sleep({SLEEP_S}); --",
    f"1 AND 1=(SELECT 1 FROM pg_sleep({SLEEP_S}))",
    f"'||pg_sleep({SLEEP_S})||'",
    "$$; SET ROLE penumbra_owner; $$",
    "1) FROM vault.cell_state; RESET ROLE; --",
    "%(viewer)s",
    "%s",
    "%",
    "\\",
    "\\'; DROP SCHEMA vault CASCADE; --",
    "E'\\x27'",
    "{active}",
    "{}'::text[]",
    "NULL",
    "00000000-0000-0000-0000-000000000000' OR 'a'='a",
    "active,suspected'--",
    "\u02bc OR 1=1 --",
    "\uff07 OR 1=1 --",
    "/**/OR/**/1=1",
    "0x27204f5220313d31",
)
SILENT = ("\x00' OR 1=1", "\ud800' OR 1=1")
"""What no text column can hold."""
HEADERS = (
    *("authorization", "access-purpose", "idempotency-key", "accept", "accept-language", "x-forwarded-for"),
    *("user-agent", "cookie", "x-http-method-override", "prefer", "if-none-match"),
)
ASKERS = ("rosa", "ines", "pia", "adam", "anna", "finn", "aldo")
DOCUMENT = json.loads(write_document())
OPERATIONS = sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)
FREE = {"reason", "username", "inspector", "role", "id", "base_href"}
"""Fields in which any text is a text."""


@pytest.fixture
def known(cast: Cast, alert: Alert, inspection: Inspection, settings: LazySettings) -> dict[str, str]:
    """Ids of something behind every address."""
    settings.REQUESTS_PER_MINUTE = 1_000_000
    released = publish_release(date(2026, 11, 20))
    trained = TrainedModel.objects.create(sha256=uuid4().hex * 2, sensor="sentinel-2", featurizer="")
    wish = AccessRequest.objects.create(
        asked_by=cast.pia.user,
        role="partner",
        region_id=cast.east,
        level=1,
        purpose="data-quality",
        until=timezone.now() + timedelta(days=7),
    )
    return {
        "alert_id": str(alert.id),
        "inspection_id": str(inspection.id),
        "scene_id": str(make_scene()),
        "model_id": str(trained.id),
        "region_id": str(cast.east),
        "request_id": str(wish.id),
        "grant_id": str(give_grant(cast.paul, cast.west, 1, cast.otis).id),
        "release_id": str(released.batch),
        "username": "rosa",
        "actor": str(cast.rosa.user.pseudonym),
        "z": "8",
        "x": "142",
        "y": "126",
    }


def bodies_of(path: str, known: dict[str, str]) -> dict[str, Any]:
    """A body that would be taken."""
    until = (timezone.now() + timedelta(days=7)).isoformat()
    if path == "/api/v1/scenes":
        return make_stac_item()
    bodies: dict[str, dict[str, Any]] = {
        "/api/v1/inspections": {"alert": known["alert_id"], "inspector": "ivo", "expires_at": until},
        "/api/v1/alerts/{alert_id}/triage": {"decision": "dismiss", "reason": "cloud"},
        "/api/v1/inspections/{inspection_id}/findings": {
            "id": str(uuid4()),
            "kind": "active",
            "observed_on": date.today().isoformat(),  # noqa: DTZ011 - any day up to today
            "people": "none",
            "response": "none",
            "mercury": False,
        },
        "/api/v1/regions/{region_id}/posture": {"posture": "sealed"},
        "/api/v1/access-requests": {
            "region": known["region_id"],
            "level": "L1",
            "purpose": "data-quality",
            "reason": "",
            "until": until,
        },
        "/api/v1/quotas/{username}/release": {"cells": 5},
    }
    return bodies.get(path, {})


def snapshot() -> dict[str, str]:
    """What every table holds but the ledger's and the count of what was read."""
    names = read_rows(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN"
        " ('public', 'vault', 'release', 'access') AND oid::regclass::text NOT IN"
        " ('vault.spent_ticket', 'vault.cells_read', 'spatial_ref_sys') ORDER BY 1"
    )
    return {
        name: read_rows(
            f"SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {name} t"
        )[0][0]
        for (name,) in names
    }


class Asker:
    """Asks with one part of a request spoilt, undoes what was taken, and notes what must not be."""

    def __init__(self, web: WebClient, cast: Cast, known: dict[str, str], path: str, method: str) -> None:
        self.path, self.method, self.known = path, method.upper(), known
        self.web = web
        self.headers = {name: cast.everybody()[name].headers for name in ASKERS}
        self.body = bodies_of(path, known) if method == "post" else None
        self.asked = 0
        self.drawn = sum(map(ord, path + method))

    def draw(self) -> list[str]:
        """Every fourth of the texts, others each time: each endpoint meets them all, though not in each of its parts."""
        self.drawn += 1
        return list(INJECTIONS[self.drawn % 4 :: 4])

    def ask(
        self,
        name: str,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
        ids: dict[str, str] | None = None,
    ) -> Any:
        """One request."""
        url = self.path.format(
            **{key: quote(value, safe="") for key, value in (self.known | (ids or {})).items()}
        )
        url += f"?{urlencode(query, errors='surrogatepass')}" if query else ""
        data = json.dumps(self.body if body is None else body) if self.body is not None else ""
        began = monotonic()
        with transaction.atomic():
            answer = self.web.generic(
                self.method,
                url,
                data,
                content_type="application/json",
                headers=self.headers[name] | (headers or {}),
            )
            if answer.status_code < 400:
                transaction.set_rollback(True)
        self.asked += 1
        spoilt = (name, self.method, url, headers, data)
        assert monotonic() - began < SLEEP_S, f"the database slept: {spoilt}"
        assert answer.status_code < 500, f"{answer.status_code}: {spoilt}"
        if answer.status_code >= 400:
            assert_problem(answer, answer.status_code)
        for word in (b"PostgreSQL", b"syntax error", b"psycopg", b"SQLSTATE", b"does not exist"):
            assert word not in answer.content, spoilt
        return answer

    @property
    def parameters(self) -> list[str]:
        """Parameters of the query."""
        told = DOCUMENT["paths"][self.path][self.method.lower()].get("parameters", [])
        return sorted({parameter["name"] for parameter in told if parameter["in"] == "query"})

    @property
    def ids(self) -> list[str]:
        """Parts of the address."""
        return [part for part in self.known if f"{{{part}}}" in self.path]


def spoilt_bodies(body: Any, text: str) -> Iterator[tuple[str, Any]]:
    """The body with each text or number in it replaced in turn, and with a name that is SQL."""
    for name, value in body.items():
        if isinstance(value, dict):
            yield from ((name, {**body, name: inner}) for _, inner in spoilt_bodies(value, text))
        elif isinstance(value, list):
            yield name, {**body, name: [text]}
        else:
            yield name, {**body, name: text}
    yield "", {**body, text: "x"}


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: part)
def test_sql_in_any_part_of_a_request_does_nothing(
    web: WebClient, cast: Cast, known: dict[str, str], path: str, method: str
) -> None:
    before = snapshot()
    asker = Asker(web, cast, known, path, method)
    # of those who may ask, the exact and the coarse; then a stranger to the endpoint
    may = [name for name in ASKERS if asker.ask(name).status_code not in {401, 403}][:2] or list(ASKERS[:1])
    for name, parameter in product(may, asker.parameters):
        for text in asker.draw():
            answer = asker.ask(name, query={parameter: text})
            assert answer.status_code in {400, 404} or parameter in FREE, (parameter, text, answer.content)
    for part in asker.ids:
        for text in asker.draw():
            assert asker.ask(may[0], ids={part: text}).status_code in {400, 404}, (part, text)
    for text in asker.draw():
        assert asker.ask(may[0], query={text: "1"}).status_code == 400, text
    for text in [*asker.draw(), *SILENT]:
        for field, body in spoilt_bodies(asker.body, text) if asker.body else ():
            answer = asker.ask(may[0], body=body)
            is_text = text not in SILENT and (field in FREE or path == "/api/v1/scenes")
            assert answer.status_code in {400, 404, 409, 422} or is_text, (field, text, answer.content)
    for header in HEADERS:
        for text in filter(str.isascii, asker.draw()):
            status = asker.ask(may[0], headers={header: text}).status_code
            assert status == {"authorization": 401, "access-purpose": 400}.get(header, status), (header, text)
    for parameter, text in product(asker.parameters, SILENT):
        # half a surrogate pair arrives as the sign for what cannot be read
        assert asker.ask(may[0], query={parameter: text}).status_code in {400, 404} or parameter in FREE
    assert snapshot() == before
    assert asker.asked > 60


@pytest.mark.django_db
@pytest.mark.parametrize("text", [text for text in INJECTIONS if text.isprintable()])
def test_sql_in_a_reason_is_kept_as_the_text_that_it_is(
    web: WebClient, cast: Cast, known: dict[str, str], text: str
) -> None:
    body = bodies_of("/api/v1/access-requests", known) | {"reason": text}
    with transaction.atomic():
        answer = web.as_(cast.paul).post("/api/v1/access-requests", body, format="json")
        assert (answer.status_code, answer.json()["reason"]) == (201, text)
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("text", [text for text in INJECTIONS if text.isascii()])
def test_sql_in_the_text_of_a_purpose_is_kept_as_the_text_that_it_is(
    web: WebClient, cast: Cast, alert: Alert, text: str
) -> None:
    answer = web.get(
        "/api/v1/activity", headers=cast.rosa.headers | {"access-purpose": f"field-visit; {text}"}
    )
    assert answer.status_code == 200
    kept = read_rows("SELECT purpose_text FROM ledger.entry WHERE request_id = %s", answer["X-Request-Id"])
    assert kept == [(text,)]


@pytest.mark.django_db
def test_sql_reaches_no_function_of_the_schema_access_as_sql(cast: Cast) -> None:
    """The acts themselves take words, and make no statement of them."""
    before = snapshot()
    for text in INJECTIONS:
        with as_role("penumbra_web"), connection.cursor() as cursor:
            cursor.execute(
                "SELECT access.move_posture(%s, %s, %s, %s, %s)",
                [cast.rosa.token.encode(), cast.east, text, text, text],
            )
            assert cursor.fetchone() == ("hidden",)
            cursor.execute(
                "SELECT access.move_posture(%s, %s, 'open', 'sealed', %s)",
                [cast.rosa.token.encode(), cast.east, text],
            )
            assert cursor.fetchone() == ("conflict",)
            cursor.execute("SELECT access.decide(%s, %s, true)", [text.encode(), cast.east])
            assert cursor.fetchone() == ("hidden",)
    after = snapshot()
    after.pop("monitor_regionposture")  # a row that says `open` stands where none stood
    before.pop("monitor_regionposture")
    assert after == before
