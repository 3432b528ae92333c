"""The complete permission table: every route, every method, everybody of the cast and nobody, and what they get.

The table is the test. A route that is not in it fails, and so does a method that is answered without a row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from monitor.checks import list_patterns
from monitor.models import AccessGrant, AccessRequest, Alert, Inspection, TrainedModel
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, ledger_of
from tests.api.conftest import WESTERN_SITE, WebClient
from tests.builders import make_alert, make_scene, make_stac_item, put_cells
from tests.cast import Cast
from tests.ledger.sealers import seal_all, sealing, write_lines

REFUSED, UNKNOWN, HIDDEN, NO_METHOD, NOT_NOW = 403, 401, 404, 405, 409
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@dataclass(frozen=True)
class Row:
    """One method of one route: who gets what. Whoever is not named is refused for their role; nobody is unknown.

    url: the route with the ids of the stage put in. body: what is sent. query: what the question must name.
    """

    method: str
    route: str
    who: dict[str, int]
    body: Callable[[Stage], dict[str, Any]] = field(default=lambda stage: {})
    anybody: int | None = None
    query: Callable[[Stage], dict[str, Any]] = field(default=lambda stage: {})


@dataclass(frozen=True)
class Stage:
    """What stands in the database: an alert free to assign, one whose inspection Ines has accepted, one assigned to her."""

    alert_id: UUID
    inspected_id: UUID
    assigned_id: UUID
    scene_id: UUID
    model_id: UUID
    region_id: UUID
    """The east."""
    request_id: UUID
    """Pia, a partner, asks for L1 of the east."""
    grant_id: UUID
    """Pia's grant for L1 of the east, an older one."""
    release_id: UUID
    pseudonym: UUID
    """Rosa's."""
    receipt: str
    """Of an entry that is sealed."""


MANDATE = {"rosa": 200, "otis": HIDDEN}
OWN = {"ines": 200, "ivo": HIDDEN}
V1 = "api/v1"
ALERT = f"{V1}/alerts/<uuid:alert_id>"
INSPECTION = f"{V1}/inspections/<uuid:inspection_id>"


def assignment_of(stage: Stage) -> dict[str, Any]:
    """A week for Ivo."""
    ends = timezone.now() + timedelta(days=7)
    return {"alert": str(stage.alert_id), "inspector": "ivo", "expires_at": ends.isoformat()}


def finding_of(stage: Stage) -> dict[str, Any]:
    """An active mine."""
    return {"id": str(uuid4()), "kind": "active", "observed_on": timezone.now().date().isoformat()}


def wish_of(stage: Stage) -> dict[str, Any]:
    """L1 of the east for a week."""
    until = timezone.now() + timedelta(days=7)
    return {
        "region": str(stage.region_id),
        "level": "L1",
        "purpose": "data-quality",
        "until": until.isoformat(),
    }


ASKERS = dict.fromkeys(["rosa", "otis", "ines", "ivo", "pia", "paul", "anna", "mallory"], 200)
NOT_THEIRS = dict.fromkeys(ASKERS, HIDDEN)
# Rosa and Anna see the cells already, which is finer; whoever holds nothing on the east does not find it
NOBODY_YET = NOT_THEIRS | {"rosa": NOT_NOW, "anna": NOT_NOW, "ines": NOT_NOW}
REQUEST = f"{V1}/access-requests/<uuid:request_id>"
ACTIVITY = dict.fromkeys(["rosa", "otis", "anna", "pia", "paul", "mallory"], 200)
EVERYBODY = dict.fromkeys(
    ["rosa", "otis", "ines", "ivo", "pia", "paul", "aldo", "anna", "adam", "finn", "mallory"], 200
)
TABLE = [
    Row("GET", "healthz", {}, anybody=200),
    Row("GET", "readyz", {}, anybody=200),
    Row("GET", f"{V1}/schema", {}, anybody=200),
    Row("GET", f"{V1}/me", EVERYBODY),
    Row("GET", f"{V1}/activity", ACTIVITY),
    Row("GET", f"{V1}/alerts", {"rosa": 200, "otis": 200}),
    Row("GET", ALERT, MANDATE),
    Row("GET", f"{ALERT}/history", MANDATE),
    Row("GET", f"{ALERT}/site", MANDATE),
    Row("POST", f"{ALERT}/triage", MANDATE, lambda stage: {"decision": "confirm"}),
    Row("GET", f"{V1}/inspections", dict.fromkeys(["rosa", "otis", "ines", "ivo"], 200)),
    Row("POST", f"{V1}/inspections", {"rosa": 201, "otis": HIDDEN}, assignment_of),
    Row("GET", INSPECTION, MANDATE | OWN),
    Row("POST", f"{INSPECTION}/accept", OWN),
    Row("GET", f"{INSPECTION}/site", OWN),
    Row("GET", f"{INSPECTION}/findings", MANDATE | OWN),
    Row("POST", f"{INSPECTION}/findings", {"ines": 201, "ivo": HIDDEN}, finding_of),
    Row("POST", f"{INSPECTION}/close", MANDATE | OWN),
    Row("GET", f"{V1}/scenes", dict.fromkeys(["finn", "anna", "rosa", "otis"], 200)),
    Row("POST", f"{V1}/scenes", {"finn": 202}, lambda stage: make_stac_item()),
    # a scene that Finn did not hand in
    Row("GET", f"{V1}/scenes/<uuid:scene_id>", {"finn": HIDDEN, "anna": 200, "rosa": 200, "otis": 200}),
    Row("GET", f"{V1}/models", {"anna": 200}),
    Row("POST", f"{V1}/models/<uuid:model_id>/activate", {"anna": 200}),
    Row("GET", f"{V1}/releases", dict.fromkeys(["pia", "paul", "mallory", "aldo"], 200)),
    Row(
        "GET",
        f"{V1}/releases/<uuid:release_id>/certificate",
        dict.fromkeys(["pia", "paul", "mallory", "aldo"], 200),
    ),
    Row("GET", f"{V1}/regions/<uuid:region_id>/posture", MANDATE | {"adam": 200, "aldo": 200}),
    Row(
        "POST",
        f"{V1}/regions/<uuid:region_id>/posture",
        MANDATE | {"adam": 200},
        lambda stage: {"posture": "sealed"},
    ),
    Row("GET", f"{V1}/access-requests", ASKERS | {"adam": 200}),
    Row(
        "POST",
        f"{V1}/access-requests",
        NOBODY_YET | {"paul": 201, "pia": NOT_NOW, "mallory": HIDDEN},
        wish_of,
    ),
    Row("GET", REQUEST, NOT_THEIRS | {"rosa": 200, "adam": 200, "pia": 200}),
    Row("POST", f"{REQUEST}/approve", MANDATE | {"adam": 200}),
    Row("POST", f"{REQUEST}/refuse", MANDATE | {"adam": 200}),
    Row("GET", f"{V1}/grants", ASKERS | {"adam": 200}),
    Row("POST", f"{V1}/grants/<uuid:grant_id>/revoke", NOT_THEIRS | {"rosa": 200, "adam": 200, "pia": 200}),
    Row("POST", f"{V1}/quotas/<str:username>/release", {"rosa": 200, "otis": 200, "adam": 200}),
    Row("GET", f"{V1}/audit/entries", {"aldo": 200}),
    Row("GET", f"{V1}/audit/exposure", {"aldo": 200}, query=lambda stage: {"alert": stage.alert_id}),
    Row("GET", f"{V1}/audit/accounts/<pseudonym:actor>", {"aldo": 200}),
    Row("GET", f"{V1}/audit/warnings", {"aldo": 200}),
    Row("GET", f"{V1}/audit/checkpoint", {"aldo": 200}),
    Row("GET", f"{V1}/audit/proof/inclusion", {"aldo": 200}, query=lambda stage: {"receipt": stage.receipt}),
    Row("GET", f"{V1}/audit/proof/consistency", {"aldo": 200}, query=lambda stage: {"old": 1}),
    Row("GET", f"{V1}/audit/export", {"aldo": 200}),
    Row("GET", f"{V1}/regions", ACTIVITY),
    Row("GET", f"{V1}/regions/<uuid:region_id>/summary", {"pia": 200, "paul": 200, "mallory": HIDDEN}),
    Row("GET", "tiles/activity/<int:z>/<int:x>/<int:y>.mvt", ACTIVITY),
    *(
        Row("GET", f"export/activity.{file_format}", ACTIVITY)
        for file_format in ("geojson", "csv", "gpkg", "kml", "fgb")
    ),
]
ROUTES = sorted({str(pattern.pattern) for pattern in list_patterns()})


@pytest.fixture
def stage(cast: Cast, alert: Alert, inspection: Inspection, model: UUID) -> Stage:
    """Something behind every route, in the east, and a release."""
    put_cells(model, WESTERN_SITE)
    release_id = publish_release(date(2026, 11, 20)).batch
    now = timezone.now()
    assigned = Inspection.objects.create(
        alert=make_alert(cast.east, [], "assigned"),
        inspector=cast.ines.user,
        assigned_by=cast.rosa.user,
        opens_at=now,
        expires_at=now + timedelta(days=7),
    )
    trained = TrainedModel.objects.create(sha256=uuid4().hex * 2, sensor="sentinel-2", featurizer="")
    older, wish = (
        AccessRequest.objects.create(
            asked_by=cast.pia.user,
            role="partner",
            region_id=cast.east,
            level=1,
            purpose="data-quality",
            until=now + timedelta(days=7),
            status=status,
        )
        for status in ("granted", "waiting")
    )
    grant = AccessGrant.objects.create(
        request=older,
        holder=cast.pia.user,
        role="partner",
        region_id=cast.east,
        level=1,
        approvals=1,
        expires_at=older.until,
    )
    alert_id = make_alert(cast.east, []).id
    (ticket,) = write_lines(1)
    with sealing() as sealer:
        seal_all(sealer)
    return Stage(
        alert_id,
        inspection.id,
        assigned.id,
        make_scene(),
        trained.id,
        cast.east,
        wish.id,
        grant.id,
        release_id,
        cast.rosa.user.pseudonym,
        ticket.receipt,
    )


def url_of(route: str, stage: Stage, alert: Alert) -> str:
    """The address of a route with ids of the stage."""
    alert_id = alert.id if route.endswith("/site") else stage.alert_id
    inspection_id = stage.assigned_id if route.endswith("/accept") else stage.inspected_id
    return "/" + (
        route.replace("<uuid:alert_id>", str(alert_id))
        .replace("<uuid:inspection_id>", str(inspection_id))
        .replace("<uuid:scene_id>", str(stage.scene_id))
        .replace("<uuid:model_id>", str(stage.model_id))
        .replace("<uuid:region_id>", str(stage.region_id))
        .replace("<uuid:request_id>", str(stage.request_id))
        .replace("<uuid:grant_id>", str(stage.grant_id))
        .replace("<uuid:release_id>", str(stage.release_id))
        .replace("<pseudonym:actor>", str(stage.pseudonym))
        .replace("<str:username>", "anna")
        .replace("<int:z>/<int:x>/<int:y>", "8/142/126")
    )


def ask(client: WebClient, method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    """One request, whose effects are undone."""
    with transaction.atomic():
        data = json.dumps(body) if body is not None else ""
        answer = client.send(method, url, data)
        transaction.set_rollback(True)
    return answer


def clients_of(web: WebClient, cast: Cast) -> Iterator[tuple[str, WebClient]]:
    """Everybody and nobody."""
    yield "nobody", web.as_(None)
    for name, person in cast.everybody().items():
        yield name, web.as_(person)


def test_every_route_has_a_row() -> None:
    assert sorted({row.route for row in TABLE}) == ROUTES
    assert len({(row.method, row.route) for row in TABLE}) == len(TABLE)


def test_the_cast_has_every_role(cast: Cast) -> None:
    assert set(cast.everybody()) == set(EVERYBODY)
    assert {person.user.role for person in cast.everybody().values()} == {
        "regulator",
        "inspector",
        "partner",
        "auditor",
        "analyst",
        "administrator",
        "feeder",
    }


def check_ledger(row: Row, answer: Any) -> None:
    """Whatever was told or refused is on the ledger, and complete; who somebody is, and who is nobody, is not."""
    outcomes = {line.outcome for line in ledger_of(answer)}
    if row.anybody is not None or row.route.endswith("/me") or answer.status_code == UNKNOWN:
        assert outcomes == set()
    elif answer.status_code in {REFUSED, HIDDEN}:
        assert outcomes == {"refused"}
    elif answer.status_code == NOT_NOW:
        assert outcomes == {"failed"}
    else:
        assert outcomes
        assert outcomes <= {"answered", "done"}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.route}")
def test_everybody_gets_what_the_table_says(
    web: WebClient, cast: Cast, stage: Stage, alert: Alert, row: Row
) -> None:
    url = url_of(row.route, stage, alert)
    if query := row.query(stage):
        url += f"?{urlencode(query)}"
    expected = {name: row.anybody or row.who.get(name, REFUSED) for name in EVERYBODY}
    expected["nobody"] = row.anybody or UNKNOWN
    found = {}
    for name, client in clients_of(web, cast):
        answer = ask(client, row.method, url, row.body(stage) if row.method == "POST" else None)
        found[name] = answer.status_code
        if answer.status_code >= 400:
            assert_problem(answer, answer.status_code)
        check_ledger(row, answer)
        if row.method == "GET":
            head = ask(client, "HEAD", url)
            assert (head.status_code, head.content) == (answer.status_code, b"")
    assert found == expected


@pytest.mark.parametrize("route", ROUTES)
def test_what_has_no_row_is_no_method_for_anybody(
    web: WebClient, cast: Cast, stage: Stage, alert: Alert, route: str
) -> None:
    url = url_of(route, stage, alert)
    rows = {row.method for row in TABLE if row.route == route}
    allowed = rows | ({"HEAD"} if "GET" in rows else set())
    for name, client in clients_of(web, cast):
        for method in METHODS:
            if method not in allowed:
                answer = ask(client, method, url)
                assert (name, method, answer.status_code) == (name, method, NO_METHOD)
                assert set(answer["Allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.anybody is None], ids=lambda row: f"{row.method} {row.route}"
)
def test_a_token_that_opens_nothing_opens_nothing(
    web: WebClient, cast: Cast, stage: Stage, alert: Alert, row: Row
) -> None:
    web.credentials(HTTP_AUTHORIZATION="Token pen_nothing", HTTP_ACCESS_PURPOSE="field-visit")
    assert_problem(ask(web, row.method, url_of(row.route, stage, alert), row.body(stage)), UNKNOWN)
