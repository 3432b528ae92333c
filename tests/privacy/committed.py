"""A world that is really committed, for tests with several connections: made before, and gone after.

Other tests live in one transaction that nobody else sees. Here every statement is committed, so all tables but the
ledger's, which keeps everything, are emptied at the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection, connections

from monitor.models import Alert, Inspection
from tests.builders import cell_at, make_alert, make_inspection, make_model, put_cells
from tests.cast import Cast, make_cast
from tests.patience import PATIENCE_S

Result = TypeVar("Result")
EMPTY = (
    "TRUNCATE accounts_user, accounts_organisation, monitor_region, monitor_scene, monitor_trainedmodel,"
    " vault.cell_state, vault.label, vault.spent_ticket, vault.told, release.batch, release.region_block CASCADE"
)
EASTERN = [cell_at(20.005 + k / 100, 2.005 + k / 100) for k in range(12)]
WESTERN = [cell_at(19.705, 2.105)]


@dataclass(frozen=True)
class Committed:
    """Everybody, twelve active cells in the east of which three are an alert's site, one in the west."""

    cast: Cast
    alert: Alert
    western_alert: Alert
    inspection: Inspection
    model: UUID


@contextmanager
def commit_world() -> Iterator[Committed]:
    """The world, for as long as the block lasts: written and emptied by a thread, beside this one's transaction."""
    with ThreadPoolExecutor(1) as pool:
        try:
            yield start(pool, _write).result(PATIENCE_S)
        finally:
            start(pool, _empty).result(PATIENCE_S)


def _write() -> Committed:
    cast = make_cast()
    model = make_model(cast.anna.user)
    put_cells(model, [*EASTERN, *WESTERN])
    alert = make_alert(cast.east, EASTERN[:3])
    inspection = make_inspection(alert, cast.ines.user, cast.rosa.user)
    return Committed(cast, alert, make_alert(cast.west, WESTERN), inspection, model)


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20s'")
        cursor.execute(EMPTY)
        cursor.execute("UPDATE access.limits SET cells_per_day = 20000")


def start(pool: ThreadPoolExecutor, work: Callable[[], Result], role: str = "owner") -> Future[Result]:
    """Let a thread work on a connection of its own that is signed in as one of the login roles, as a process is."""

    database = connection.settings_dict

    def run() -> Result:
        sign_in(role, database)
        try:
            return work()
        finally:
            connection.close()

    return pool.submit(run)


def sign_in(role: str, database: dict[str, Any]) -> None:
    """Give this thread a connection of its own as a login role, to a database of tests and to no other."""
    if not str(database["NAME"]).startswith("test_"):
        raise RuntimeError(
            "These tests empty tables. They run on a database that the test runner made, and nowhere else."
        )
    fresh = connections.create_connection("default")
    fresh.settings_dict = {
        **database,
        "USER": f"penumbra_{role}",
        "PASSWORD": os.environ[f"PENUMBRA_DB_PASSWORD_{role.upper()}"],
    }
    connections["default"] = fresh
