"""Every address that can tell an exact cell, and the files and tiles of blocks: without a ledger 503, and no place.

Real failures at the entry: the insert refused, the table locked, the connection down. That the disk is full is said by the
database itself, with the error that a full disk gives, from a trigger, because that can be tried everywhere; where a disk
can be mounted, test_full_disk.py fills one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from django.conf import LazySettings

from accounts.ledger.connection import close_ledger_connections
from monitor.models import Inspection
from monitor.services.releases import publish_release
from tests.api.conftest import WebClient
from tests.api.files import FORMATS
from tests.cast import Cast
from tests.ledger import test_ledger_down
from tests.ledger.conftest import Connection
from tests.ledger.test_ledger_down import (
    Failure,
    assert_told_nothing,
    count_spent,
    locked_entries,
    refused_insert,
    wrong_password,
)

_impatient = test_ledger_down._impatient
TILE = "/tiles/activity/8/142/126.mvt"
EXITS = (
    ("rosa", "/api/v1/activity"),
    ("rosa", "/api/v1/alerts/{alert}/site"),
    ("ines", "/api/v1/inspections/{inspection}/site"),
    *(("rosa", f"/export/activity.{name}") for name in FORMATS),
    ("rosa", TILE),
    ("pia", "/export/activity.csv"),
    ("pia", TILE),
    ("pia", "/api/v1/regions/{region}/summary"),
    ("aldo", "/api/v1/audit/exposure?alert={alert}"),
    ("aldo", "/api/v1/audit/warnings"),
)


@contextmanager
def full_disk(owner: Connection, settings: LazySettings) -> Iterator[None]:
    """No entry can be stored any more."""
    row = owner.execute("SELECT pg_get_functiondef('ledger.keep_entry()'::regprocedure)").fetchone()
    assert row is not None
    owner.execute(
        "CREATE OR REPLACE FUNCTION ledger.keep_entry() RETURNS trigger LANGUAGE plpgsql"
        " SET search_path = pg_catalog, pg_temp AS $$"
        " BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
    )
    try:
        yield
    finally:
        owner.execute(row[0])


@contextmanager
def connection_down(owner: Connection, settings: LazySettings) -> Iterator[None]:
    """The connections that are there are ended, and no new one is let in."""
    with wrong_password(owner, settings):
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'penumbra_ledger' AND datname = current_database()"
        )
        yield


@pytest.mark.parametrize("failure", [refused_insert, locked_entries, full_disk, connection_down])
@pytest.mark.parametrize(("name", "path"), EXITS)
def test_without_a_ledger_no_exit_opens(
    web: WebClient,
    cast: Cast,
    inspection: Inspection,
    owner: Connection,
    settings: LazySettings,
    name: str,
    path: str,
    failure: Failure,
) -> None:
    publish_release(date(2026, 11, 20))
    client = web.as_(cast.everybody()[name])
    url = path.format(alert=inspection.alert_id, inspection=inspection.id, region=cast.east)
    assert client.get(url).status_code == 200
    spent = count_spent()
    close_ledger_connections()
    with failure(owner, settings):
        assert_told_nothing(client.get(url))
    assert count_spent() == spent
