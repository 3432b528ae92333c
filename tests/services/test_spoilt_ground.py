"""A batch that could tell more than those before it: nothing is published, and cause and mend are said in one sentence."""

from __future__ import annotations

import logging
import zlib
from datetime import date
from uuid import UUID

import numpy as np
import pytest
from django.db import connection

from monitor.grid import Level
from monitor.services.releases import publish_release
from tasks import tasks
from tests.builders import put_cells
from tests.flows.commanding import Commands
from tests.roles import read_rows

pytestmark = pytest.mark.usefixtures("spoilt_ground")


@pytest.fixture
def spoilt_ground(model: UUID) -> None:
    """A batch is published, and then all cells of a tile are remembered as if they had been published as one."""
    put_cells(model, [(9213, 20013)], observed_on=date(2026, 4, 15), around=Level.L3)
    publish_release(date(2026, 11, 20))
    with connection.cursor() as cursor:
        cursor.execute("SELECT row, col, groups FROM release.tile")
        for row, col, packed in cursor.fetchall():
            groups = np.frombuffer(zlib.decompress(packed), dtype="<u2")
            assert len(set(groups[groups > 0].tolist())) > 1
            as_one = zlib.compress(np.minimum(groups, 1).astype("<u2").tobytes())
            cursor.execute(
                "UPDATE release.tile SET groups = %s WHERE row = %s AND col = %s", [as_one, row, col]
            )


def test_the_command_says_what_is_wrong_and_how_to_mend_it(capsys: pytest.CaptureFixture[str]) -> None:
    said = Commands(capsys).refuse("publish_release")
    assert "release.tile" in said
    assert "restore a backup" in said
    assert read_rows("SELECT count(*) FROM release.batch") == [(1,)]


def test_the_clock_says_the_same_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        tasks.publish_release()
    (record,) = (each for each in caplog.records if each.name == "tasks.tasks")
    assert "restore a backup" in record.getMessage()
    assert record.exc_info is None
    assert read_rows("SELECT count(*) FROM release.batch") == [(1,)]
