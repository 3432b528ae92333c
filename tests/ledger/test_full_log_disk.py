"""The disk of PostgreSQL's write-ahead log is really full: the whole server stops, and nothing acknowledged is lost.

Writers and sealer go on asking; when there is room again the server recovers, and the log is whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.local import processes
from tests.flows.workers import wait_until
from tests.ledger.small_disk import SmallDisk, mounted
from tests.ledger.test_killed import Installation, assert_all_is_there, kill, pytestmark

__all__ = ["pytestmark"]
SIZE_BYTES = 160 << 20
"""Room for the segments that a server keeps, of 16 MB each."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Installation, SmallDisk]]:
    """A PostgreSQL of its own whose write-ahead log lies on a disk of its own."""
    installation = Installation(tmp_path / "checkout")
    try:
        data = installation.cluster.data
        with mounted(SIZE_BYTES, data.stat().st_uid) as folder:
            try:
                stop(installation)
                shutil.copytree(data / "pg_wal", folder / "wal")
                for path in (folder / "wal", *(folder / "wal").rglob("*")):
                    shutil.chown(path, data.stat().st_uid, data.stat().st_gid)
                shutil.rmtree(data / "pg_wal")
                (data / "pg_wal").symlink_to(folder / "wal")
                installation.start_postgres()
                yield installation, SmallDisk(folder)
            finally:
                for process in installation.running:
                    kill(process)
                stop(installation)
    finally:
        installation.close()


def stop(installation: Installation) -> None:
    """End the server, if it runs."""
    record = processes.read_record(installation.instance, "postgres")
    if record is not None:
        processes.stop(installation.instance, record)


def use_up_segments(installation: Installation) -> None:
    """Begin new segments until there is none to be had, and the server is gone."""
    try:
        with psycopg.connect(
            host=str(installation.cluster.socket_folder), dbname="postgres", user="postgres", autocommit=True
        ) as connection:
            for _ in range(100):
                connection.execute("SELECT pg_switch_wal()")
                connection.execute("SELECT pg_logical_emit_message(false, 'full', 'disk')")
    except psycopg.OperationalError:
        return
    pytest.fail("a hundred segments found room on a full disk")


def test_when_the_server_stops_for_want_of_room_nothing_acknowledged_is_lost(
    disk: tuple[Installation, SmallDisk], tmp_path: Path
) -> None:
    installation, small = disk
    noted = tmp_path / "acknowledged"
    writer, sealer = installation.begin_writer(noted), installation.begin_sealer()

    def wait_for_more(what: str) -> None:
        before = installation.count_places()
        wait_until(lambda: installation.count_places() > before + 600, f"lines get places {what}", 0.1)

    wait_for_more("on an empty disk")
    small.fill()
    use_up_segments(installation)
    told = (installation.instance.log / "postgres.log").read_text()
    assert re.search(r"PANIC: .*No space left on device", told)
    small.make_room()
    stop(installation)
    installation.start_postgres()
    wait_for_more("with room again")
    for process in (writer, sealer):
        kill(process)
    installation.manage("sealer", "seal_ledger")
    assert_all_is_there(installation, noted, tmp_path)
