"""One day of work in which every door is used and things break, with every side door watched.

Everything happens at one site; what comes out of the side doors is what the canaries are looked for in.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from celery import Celery
from django.db import connection, transaction
from django.test import TestCase, override_settings

from config.celery import app as our_app
from monitor.models import Finding
from monitor.services.releases import publish_release
from tasks.tasks import label_finding
from tests.api.conftest import WebClient
from tests.builders import cell_at, make_alert, make_model, put_cells
from tests.cast import Cast, make_cast
from tests.flows.workers import PrivateQueue
from tests.privacy.canaries import write_canaries
from tests.privacy.sinks import all_logs, read_files, read_open_tables, read_redis
from tests.roles import as_role

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
FILES = ("geojson", "csv", "gpkg", "kml", "fgb")
COARSE = ("pia", "paul", "aldo", "adam", "finn", "mallory", "otis", "ivo")
"""Who may see no exact place of this site; Otis because it is in Rosa's region."""


def watch_a_day(
    patch: pytest.MonkeyPatch, folder: Path, watched: Sequence[str] = COARSE
) -> dict[str, list[bytes]]:
    """Let people work and things break; what each sink received. Needs a database.

    folder: for temporary files. watched: whose answers are a sink.
    """
    patch.setenv("TMPDIR", str(folder))
    patch.setattr(tempfile, "tempdir", None)
    door = redis.Redis.from_url(os.environ["REDIS_URL"])
    # the ledger keeps the lines of every test before this one
    earlier = set(read_open_tables())
    with _private_queue(patch) as queue, _counters_in_redis() as prefix, all_logs() as heard:
        with TestCase.captureOnCommitCallbacks(execute=True):
            cast = make_cast()
            put_cells(make_model(cast.anna.user), SITE)
            answers = work(cast, watched)
            break_things(cast)
        return {
            "answers": answers,
            "messages": queue.read_everything(),
            "logs": [heard.getvalue().encode()],
            "counters": read_redis(door, f"{prefix}*"),
            "tables": [row for row in read_open_tables() if row not in earlier],
            "temporary files": read_files(folder),
        }


@contextmanager
def _private_queue(patch: pytest.MonkeyPatch) -> Iterator[PrivateQueue]:
    """A queue in Redis with the configuration of the real one, that nobody takes messages from."""
    queue = PrivateQueue()
    patch.setenv("CELERY_BROKER_URL", queue.url)
    app = Celery("canaries", set_as_current=True)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    try:
        with override_settings(CELERY_BROKER_URL=queue.url):
            yield queue
    finally:
        our_app.set_current()
        queue.close()


@contextmanager
def _counters_in_redis() -> Iterator[str]:
    """Requests are counted as in production, under a prefix of its own."""
    prefix = f"canaries-{uuid4().hex}"
    with override_settings(COUNTERS_URL=os.environ["REDIS_URL"], COUNTERS_PREFIX=prefix):
        yield prefix
        for key in (door := redis.Redis.from_url(os.environ["REDIS_URL"])).scan_iter(f"{prefix}*"):
            door.delete(key)


def work(cast: Cast, watched: Sequence[str]) -> list[bytes]:
    """People of every role use every door; the answers of those who may see no exact place."""
    web = WebClient()
    alert = make_alert(cast.east, SITE)
    rosa, ines = web.as_(cast.rosa), web.as_(cast.ines)
    shown = rosa.get("/api/v1/activity?bbox=20.07,2.13,20.09,2.14&min_probability=0.5").json()
    assert len(shown["features"]) == 2
    assert rosa.get(f"/api/v1/alerts/{alert.id}/site").status_code == 200
    for kind in FILES:
        assert rosa.get(f"/export/activity.{kind}?bbox=20.07,2.13,20.09,2.14").status_code == 200
    rosa.post(f"/api/v1/alerts/{alert.id}/triage", {"decision": "confirm"}, format="json")
    window = {"alert": str(alert.id), "inspector": "ines", "expires_at": "2099-01-01T00:00:00Z"}
    window["opens_at"] = "2098-12-01T00:00:00Z"
    key = {"idempotency-key": "k1"}
    assigned = rosa.post("/api/v1/inspections", window, format="json", headers=key).json()
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
    paths = [
        *("api/v1/activity", "api/v1/activity?bbox=20.071,2.131,20.079,2.139"),
        *(
            "api/v1/activity?min_probability=2.135",
            "api/v1/alerts",
            "api/v1/releases",
            "api/v1/audit/entries",
        ),
        *(f"api/v1/alerts/{alert.id}/site", f"api/v1/inspections/{assigned['id']}/site", "api/v1/scenes"),
        *("api/v1/me", "api/v1/regions", "api/v1/grants", "api/v1/access-requests"),
        *(f"export/activity.{kind}" for kind in FILES),
        *(
            "tiles/activity/9/284/252.mvt",
            "tiles/activity/9/284/253.mvt",
            f"api/v1/regions/{cast.east}/summary",
        ),
    ]
    for name in watched:
        client = web.as_(cast.everybody()[name])
        for path in paths:
            answer = client.get(f"/{path}")
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
        # whose text tells the row that does not fit, cells and all
        cursor.execute("ALTER TABLE vault.cells_read ADD CONSTRAINT nothing_fits CHECK (used < 1) NOT VALID")
        cursor.execute("DELETE FROM vault.cells_read")
    assert web.as_(cast.pia).get("/api/v1/activity?bbox=20.07,2.13,20.09,2.14").status_code == 500
    assert web.as_(cast.rosa).get("/api/v1/activity").status_code == 500
    finding = Finding.objects.get()
    with as_role("penumbra_worker"):
        assert label_finding.apply(args=[str(finding.id)]).failed()
    transaction.savepoint_rollback(before)
