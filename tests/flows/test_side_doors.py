"""Side doors of real processes: a worker that logs everything, its queue in Redis, its arguments, its files; a dump."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from config.local import packages
from config.local.instance import Instance
from monitor.bell import Bell, ring
from monitor.services.releases import publish_release
from tests.flows.route import as_worker
from tests.flows.second_scene import POINTS, Prepared, sweep_until_scored
from tests.flows.workers import Crew, barrier, wait_until
from tests.privacy.canaries import Canary, find_canaries, write_canaries
from tests.privacy.sinks import dump_schemas, read_files, read_process

PROGRAMS = packages.find(Instance(Path(__file__).resolve().parents[2], "test"))
OPEN_SCHEMAS = ("public", "release", "ledger", "access")
INSIDE = range(2, 18)

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(PROGRAMS.postgres is None, reason="no programs of PostgreSQL on this machine"),
]


@pytest.fixture(autouse=True)
def transactional_db(committed: None) -> None:
    """In place of pytest-django's, whose flush knows neither the vault nor that the ledger cannot be emptied."""


def draw_canaries(prepared: Prepared) -> list[Canary]:
    """Mined cells away from the sides of their blocks: the sides are public."""
    inside = [
        cell for cell in sorted(prepared.land.mined) if cell[0] % 20 in INSIDE and cell[1] % 20 in INSIDE
    ]
    assert inside
    return [canary for cell in inside[:4] for canary in write_canaries(*cell)]


def dump(*schemas: str) -> bytes:
    """What pg_dump writes of these schemas of the test database."""
    return dump_schemas(PROGRAMS.need_postgres().bin / "pg_dump", connection.settings_dict, *schemas)


def test_no_side_door_of_a_worker_receives_an_exact_place(
    crew: Crew, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = draw_canaries(prepared)
    # the ledger keeps what builds that leak on purpose have written into it
    earlier = set(dump(*OPEN_SCHEMAS).splitlines())
    monkeypatch.setitem(crew.environment, "TMPDIR", str(tmp_path))
    worker = crew.hire("talkative", level="DEBUG")
    with barrier(POINTS["before the scores"]) as held:
        ring(Bell.SCENE_RECEIVED, prepared.scene)
        wait_until(held.count_waiting, "the worker holds the scene")
        queue = crew.queue.read_everything()
        arguments = [part for pid in (worker.pid, *worker.children()) for part in read_process(pid)]
    sweep_until_scored(prepared.scene)
    with as_worker():
        publish_release(timezone.now().date())
    sinks = {
        "queue": [*queue, *crew.queue.read_everything()],
        "arguments": arguments,
        "log": [worker.read_log().encode()],
        "temporary files": read_files(tmp_path),
        "dump": [b"\n".join(line for line in dump(*OPEN_SCHEMAS).splitlines() if line not in earlier)],
    }
    worker.kill()
    assert any(str(prepared.scene).encode() in part for part in sinks["queue"])
    assert b"DEBUG" in sinks["log"][0]
    assert b"INSERT INTO release.block" in sinks["dump"][0]
    told = [line for sink, contents in sinks.items() for line in find_canaries(canaries, sink, contents)]
    assert told == []
    # the same search finds the places where they are
    assert find_canaries(canaries, "vault", [dump("vault")])
