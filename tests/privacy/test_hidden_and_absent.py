"""What is hidden costs what is absent costs: the same answer by the same statements, whatever an address names (P8).

Two worlds compare one address in two databases; here two addresses are compared in one. A statement more, where the object
exists, is felt in the time of the answer (LC-24, LC-26).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.api.conftest import EASTERN_SITE, WebClient
from tests.builders import make_alert, make_inspection, make_model, put_cells
from tests.cast import Cast, make_cast
from tests.privacy.asking import counted
from tests.rights import give_grant

FINDING = {"id": str(uuid4()), "kind": "active", "observed_on": "2026-09-15"}
WINDOW = {"inspector": "ivo", "expires_at": "{soon}"}
WISH = {"level": "L1", "purpose": "data-quality", "until": "{soon}"}
READ = (
    ("otis", "/api/v1/alerts/{alert}"),
    ("otis", "/api/v1/alerts/{alert}/history"),
    ("otis", "/api/v1/alerts/{alert}/site"),
    ("otis", "/api/v1/inspections/{inspection}"),
    ("otis", "/api/v1/inspections/{inspection}/findings"),
    ("ivo", "/api/v1/inspections/{inspection}"),
    ("ivo", "/api/v1/inspections/{inspection}/site"),
    ("ivo", "/api/v1/inspections/{inspection}/findings"),
    ("otis", "/api/v1/access-requests/{wish}"),
    ("mallory", "/api/v1/access-requests/{wish}"),
    ("otis", "/api/v1/regions/{region}/posture"),
    ("otis", "/api/v1/regions/{region}/summary"),
    ("mallory", "/api/v1/regions/{region}/summary"),
    ("otis", "/api/v1/activity?region={region}"),
    ("otis", "/api/v1/alerts?region={region}"),
    ("otis", "/tiles/activity/9/284/252.mvt?region={region}"),
)
WRITTEN: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("otis", "/api/v1/alerts/{alert}/triage", {"decision": "confirm"}),
    ("ivo", "/api/v1/inspections/{inspection}/accept", {}),
    ("ivo", "/api/v1/inspections/{inspection}/findings", FINDING),
    ("ivo", "/api/v1/inspections/{inspection}/close", {}),
    ("otis", "/api/v1/inspections/{inspection}/close", {}),
    ("otis", "/api/v1/access-requests/{wish}/approve", {}),
    ("otis", "/api/v1/access-requests/{wish}/refuse", {}),
    ("otis", "/api/v1/grants/{grant}/revoke", {}),
    ("mallory", "/api/v1/grants/{grant}/revoke", {}),
    ("otis", "/api/v1/regions/{region}/posture", {"posture": "sealed"}),
    ("otis", "/api/v1/quotas/{reader}/release", {"cells": 5}),
)


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def hidden(cast: Cast) -> dict[str, object]:
    """What there is in the east, of which Otis, Ivo and Mallory may know nothing."""
    put_cells(make_model(cast.anna.user), EASTERN_SITE)
    alert = make_alert(cast.east, EASTERN_SITE)
    inspection = make_inspection(alert, cast.ines.user, cast.rosa.user)
    grant = give_grant(cast.pia, cast.east, 1, cast.rosa)
    ids = {"alert": alert.id, "inspection": inspection.id, "wish": grant.request_id, "grant": grant.id}
    return {**ids, "region": cast.east, "reader": "rosa"}


@pytest.fixture
def absent() -> dict[str, object]:
    """What there is not."""
    names = ("alert", "inspection", "wish", "grant", "region")
    return {**{name: uuid4() for name in names}, "reader": "nora"}


def ask(cast: Cast, name: str, url: str, body: dict[str, Any] | None) -> tuple[object, ...]:
    """Status, bytes and work of one answer."""
    client = WebClient().as_(cast.everybody()[name])
    with counted() as work:
        answer = client.get(url) if body is None else client.post_json(url, body)
    return answer.status_code, answer.content, tuple(work)


@pytest.mark.parametrize(("name", "url"), READ)
def test_reading_what_is_hidden_is_reading_what_is_absent(
    cast: Cast, hidden: dict[str, object], absent: dict[str, object], name: str, url: str
) -> None:
    # the first answer of all fills what the framework remembers of its own tables
    _, found, nothing = (ask(cast, name, url.format(**names), None) for names in (absent, hidden, absent))
    assert found == nothing


@pytest.mark.parametrize(("name", "url", "body"), WRITTEN)
def test_writing_to_what_is_hidden_is_writing_to_what_is_absent(
    cast: Cast,
    hidden: dict[str, object],
    absent: dict[str, object],
    name: str,
    url: str,
    body: dict[str, Any],
) -> None:
    found, nothing = (ask(cast, name, url.format(**names), body) for names in (hidden, absent))
    assert found == nothing
    assert found[0] == 404


@pytest.mark.parametrize(
    ("name", "url", "field", "body"),
    [
        ("otis", "/api/v1/inspections", "alert", WINDOW),
        ("mallory", "/api/v1/access-requests", "region", WISH),
    ],
)
def test_naming_what_is_hidden_is_naming_what_is_absent(
    cast: Cast,
    hidden: dict[str, object],
    absent: dict[str, object],
    name: str,
    url: str,
    field: str,
    body: Any,
) -> None:
    soon = (timezone.now() + timedelta(days=5)).isoformat()
    said = {key: value.format(soon=soon) for key, value in body.items()}
    found, nothing = (ask(cast, name, url, said | {field: str(names[field])}) for names in (hidden, absent))
    assert found == nothing
    assert found[0] == 404
