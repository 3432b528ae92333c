"""Requests that schemathesis makes up from the OpenAPI document, as people of five roles: the document must be true.

Bounded and seeded, so that it says the same twice. Each request meets the same rows: whatever it did is undone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID
from wsgiref.types import StartResponse, WSGIEnvironment

import hypothesis
import pytest
import schemathesis
from django.conf import LazySettings
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction

from monitor.api.schema import write_document
from monitor.grid import Level
from monitor.models import AccessRequest, Inspection, TrainedModel
from monitor.services.releases import publish_release
from tests.api.conftest import as_web_role
from tests.builders import make_scene
from tests.cast import PURPOSE, Cast
from tests.rights import give_grant

ROOT = Path(__file__).resolve().parent.parent.parent
ENOUGH = 20
"""Refusals after which somebody whose role may not do a thing is believed to be refused it whatever they ask."""
_handler = WSGIHandler()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application as the web role, whose every request is undone."""
    if not connection.in_atomic_block:
        return _handler(environ, start_response)
    with transaction.atomic():
        with as_web_role():
            response = _handler(environ, start_response)
            content = b"".join(response)
            response.close()
        transaction.set_rollback(True)
    return [content]


def load_document() -> Any:
    """The document, but for its tokens: the test sends a person's own, and the permission table tries all others."""
    served = json.loads(write_document())
    del served["components"]["securitySchemes"]
    for operations in served["paths"].values():
        for operation in operations.values():
            del operation["security"]
    loaded = schemathesis.openapi.from_dict(
        served, config=schemathesis.Config.from_path(ROOT / "schemathesis.toml")
    )
    loaded.app = application
    return loaded


document = load_document()


@pytest.fixture
def known(cast: Cast, inspection: Inspection, settings: LazySettings) -> Iterator[dict[str, str]]:
    """Ids of something behind every route."""
    settings.REQUESTS_PER_MINUTE = 1_000_000
    batch = publish_release(date(2026, 11, 20)).batch
    model = TrainedModel.objects.create(sha256="0" * 64, sensor="sentinel-2", featurizer="")
    grant = give_grant(cast.pia, cast.east, Level.L1, cast.rosa)
    wish = AccessRequest.objects.create(
        asked_by=cast.ines.user,
        role="inspector",
        region_id=cast.east,
        level=0,
        purpose="field-visit",
        until=grant.expires_at,
    )
    for signal in (request_started, request_finished):
        # it would close the connection in the middle of the test's transaction
        signal.disconnect(close_old_connections)
    yield {
        "alert_id": str(inspection.alert_id),
        "inspection_id": str(inspection.id),
        "scene_id": str(make_scene("received", cast.finn.user)),
        "model_id": str(model.id),
        "region_id": str(cast.east),
        "request_id": str(wish.id),
        "grant_id": str(grant.id),
        "release_id": str(batch),
        "actor": str(cast.rosa.user.pseudonym),
    }
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def answered() -> Counter[int]:
    """How often each status was the answer to one person's requests of one operation."""
    return Counter()


@pytest.mark.parametrize("name", ["rosa", "ines", "pia", "finn", "aldo"])
@document.parametrize()
@hypothesis.settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_the_document_is_true(
    case: Any, cast: Cast, known: dict[str, str], answered: Counter[int], name: str
) -> None:
    if answered[403] >= ENOUGH and answered.keys() <= {403, 404, 405}:
        return
    for parameter, value in case.path_parameters.items():
        if _is_id(value):
            case.path_parameters[parameter] = known[parameter]
    if "activity" in case.operation.path:
        # the document cannot say that the purpose is required of exact roles only
        case.headers.setdefault("Access-Purpose", PURPOSE)
    token = cast.everybody()[name].headers["authorization"]
    answered[case.call_and_validate(headers={"Authorization": token}).status_code] += 1


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
