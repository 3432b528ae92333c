"""Canaries: after people, machines and faults have done their work, no side door has received an exact place."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import date
from uuid import uuid4

import pytest
from celery import Celery
from django.core.cache import cache
from django.db import connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from config.celery import app as our_app
from monitor.services.releases import publish_release
from tasks.tasks import label_finding
from tests.api.conftest import WebClient
from tests.builders import cell_at, make_alert, make_model, put_cells
from tests.cast import Cast, make_cast
from tests.privacy.canaries import find_canaries, write_canaries
from tests.roles import as_role, read_rows

SITE = [cell_at(20.075, 2.135), cell_at(20.085, 2.135)]
CANARIES = [canary for cell in SITE for canary in write_canaries(*cell)]
ITEM = {
    "type": "Feature",
    "stac_version": "1.1.0",
    "id": "over 20.07 2.13",
    "bbox": [20.07, 2.13, 20.09, 2.14],
    "geometry": None,
    "properties": {"constellation": "sentinel-2", "datetime": "2026-09-05T10:00:00Z"},
    "assets": {
        "image": {"href": "https://imagery.example.org/20.07/2.13.tif", "bands": [{"eo:common_name": "red"}]}
    },
    "links": [],
}
_ALL_ROWS = "SELECT row_to_json(t)::text FROM {} AS t"

pytestmark = pytest.mark.django_db


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """A queue in memory, with the configuration of the real one."""
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    app = Celery("canaries", set_as_current=True)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    yield app
    our_app.set_current()


def read_messages(app: Celery) -> list[bytes]:
    """Every message in the queue, whole."""
    with app.connection_for_read() as reader:
        queues = reader.default_channel.queues
        return [
            json.dumps(held.get_nowait()).encode() for held in queues.values() for _ in range(held.qsize())
        ]


def read_public_tables() -> list[bytes]:
    """Every row of every table that is not behind the fence, and of what auditors and partners may read."""
    names = read_rows(
        "SELECT oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND (relnamespace = 'public'::regnamespace"
        " OR relnamespace = 'release'::regnamespace OR oid IN ('ledger.entry'::regclass, 'ledger.completion'::regclass))"
        " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"
    )
    rows = []
    for (name,) in names:
        rows += [f"{name} {text}".encode() for (text,) in read_rows(_ALL_ROWS.format(name))]
    return rows


def work(cast: Cast) -> list[bytes]:
    """People of every role use every door; the answers of those who may see no exact place."""
    web = WebClient()
    alert = make_alert(cast.east, SITE)
    rosa, ines = web.as_(cast.rosa), web.as_(cast.ines)
    assert (
        len(rosa.get("/api/v1/activity?bbox=20.07,2.13,20.09,2.14&min_probability=0.5").json()["features"])
        == 2
    )
    assert rosa.get(f"/api/v1/alerts/{alert.id}/site").status_code == 200
    rosa.post(f"/api/v1/alerts/{alert.id}/triage", {"decision": "confirm"}, format="json")
    window = {"alert": str(alert.id), "inspector": "ines", "expires_at": "2099-01-01T00:00:00Z"}
    window["opens_at"] = "2098-12-01T00:00:00Z"
    assigned = rosa.post(
        "/api/v1/inspections", window, format="json", headers={"idempotency-key": "k1"}
    ).json()
    ines.post(f"/api/v1/inspections/{assigned['id']}/accept", {}, format="json")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE monitor_inspection SET opens_at = '2026-01-01'")
    assert ines.get(f"/api/v1/inspections/{assigned['id']}/site").status_code == 200
    finding = {"id": str(uuid4()), "kind": "active", "observed_on": "2026-09-20"}
    ines.post(f"/api/v1/inspections/{assigned['id']}/findings", finding, format="json")
    item = web.as_(cast.finn).post("/api/v1/scenes", ITEM, format="json", headers={"idempotency-key": "k2"})
    assert item.status_code == 202
    with as_role("penumbra_worker"):
        publish_release(date(2026, 11, 20))
    seen = [item.content]
    for name in ("pia", "paul", "aldo", "adam", "finn", "mallory", "otis", "ivo"):
        client = web.as_(cast.everybody()[name])
        for path in (
            "activity",
            "activity?bbox=20.071,2.131,20.079,2.139",
            "activity?min_probability=2.135",
            f"alerts/{alert.id}/site",
            f"inspections/{assigned['id']}/site",
            "alerts",
            "releases",
            "audit/entries",
            "me",
            "scenes",
        ):
            answer = client.get(f"/api/v1/{path}")
            seen += [answer.content, str(answer.headers).encode()]
    return seen


def break_things(cast: Cast) -> None:
    """Faults whose own words would tell the place: in a question, in a statement, in a task."""
    web = WebClient()
    web.as_(cast.rosa).get("/api/v1/activity?bbox=20.07,2.13,20.09")
    web.as_(cast.finn).post("/api/v1/scenes", ITEM | {"assets": {}}, format="json")
    before = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("REVOKE ALL ON release.block, release.batch FROM penumbra_web")
        cursor.execute("ALTER TABLE vault.label ADD CONSTRAINT nothing_fits CHECK (false) NOT VALID")
    assert web.as_(cast.pia).get("/api/v1/activity?bbox=20.07,2.13,20.09,2.14").status_code == 500
    ((finding_id,),) = read_rows("SELECT id FROM monitor_finding")
    with as_role("penumbra_worker"):
        assert label_finding.apply(args=[str(finding_id)]).failed()
    transaction.savepoint_rollback(before)


def test_no_side_door_receives_an_exact_place(
    queue: Celery,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    caplog.set_level(logging.DEBUG)
    cast = make_cast()
    put_cells(make_model(cast.anna.user), SITE)
    with django_capture_on_commit_callbacks(execute=True):
        answers = work(cast)
        break_things(cast)
    messages = read_messages(queue)
    sinks: dict[str, list[bytes]] = {
        "answers": answers,
        "messages": messages,
        "logs": [caplog.text.encode()],
        "cache": [repr(entry).encode() for entry in vars(cache._connections["default"])["_cache"].items()],  # type: ignore[attr-defined]
        "tables": read_public_tables(),
    }
    assert len(messages) == 2  # a scene and a finding: there was something to search
    assert all(sinks.values())
    told = [line for sink, contents in sinks.items() for line in find_canaries(CANARIES, sink, contents)]
    assert told == []


def test_a_running_statement_shows_none_of_its_values(db: None) -> None:
    """What the server lists as running, or logs as slow, is the statement without what it asks for (LC-35)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query, %s::integer FROM pg_stat_activity WHERE pid = pg_backend_pid()", [20007]
        )
        assert cursor.fetchone() == (
            "SELECT query, $1::integer FROM pg_stat_activity WHERE pid = pg_backend_pid()",
            20007,
        )


@pytest.mark.parametrize(
    "content",
    [
        b'{"row":9213,"col":20007}',
        b"(20007, 9213)",
        b"cell 331688007 failed",
        b"at 20.0712 east",
        b"[2.13,",
        b"POINT(20.075 0)",
        b"20075000",
        b"20\xc2\xb004'30",
        b"tile 16/36422/32379",
        b"AAAA\x33\x33\x33\x33\x33\x13\x34\x40",
        b"eyJsb24iOiAyMC4wNzUsICJsYXQiOiAyLjEzNX0=",
    ],
)
def test_the_search_finds_what_it_looks_for(content: bytes) -> None:
    assert cell_at(20.075, 2.135) == (9213, 20007)
    assert find_canaries(write_canaries(9213, 20007), "test", [content])


@pytest.mark.parametrize(
    "content",
    [
        b"2026-11-20T09:45:20.073412Z",
        b"320.07",
        b"920007",
        b"9213",
        b'{"row":460,"col":1000}',
        b"[20,2,20.2,2.2]",
    ],
)
def test_the_search_is_silent_on_what_is_no_place(content: bytes) -> None:
    assert find_canaries(write_canaries(9213, 20007), "test", [content]) == []


def test_the_search_would_find_the_place_in_the_vault(db: None) -> None:
    """The positive control: what is searched for is there, behind the fence."""
    put_cells(make_model(make_cast().anna.user), SITE)
    rows = [text.encode() for (text,) in read_rows("SELECT row_to_json(s)::text FROM vault.cell_state s")]
    assert find_canaries(CANARIES, "vault", rows)
