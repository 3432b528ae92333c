"""A disk so small that a test can fill it: a file system in memory, mounted for one test, with tables of the ledger on it.

Only root may mount, and only a server on this machine sees what is mounted: elsewhere the tests are skipped, and say so.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from accounts.ledger.connection import LedgerUnavailable
from tests.ledger.conftest import Connection, connect

SPARE_BYTES = 1 << 20
REFUSALS_ON_END = 150
"""More than the lines of the ledger's narrowest table that a page of 8,192 bytes takes."""
_RELATIONS = """
    SELECT c.oid::regclass::text, c.relkind::text FROM pg_class c
    WHERE c.relnamespace = 'ledger'::regnamespace AND (c.oid = ANY (%(tables)s::regclass[]) AND c.relkind = 'r'
        OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ANY (%(tables)s::regclass[])) AND c.relkind = 'r'
        OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY (%(tables)s::regclass[])
            OR indrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ANY (%(tables)s::regclass[])))
            AND c.relkind = 'i')
"""


class SmallDisk:
    """A mounted folder that a file fills to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self, use_rest: Callable[[], object] | None = None) -> None:
        """Leave no room: not on the disk, and not in pages that tables have already. use_rest: writes a line.

        One refusal does not say that the next line finds no room: keys are random, and a leaf of an index may be full
        while its neighbour is not. A line that an index refuses has taken its room in the table all the same, so more
        refusals on end than a page of the table has lines leave none there.
        """
        with self.filler.open("wb", buffering=0) as stream, suppress(OSError):
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while stream.write(bytes(size)) == size:
                        pass
        refused = 0
        while use_rest and refused < REFUSALS_ON_END:
            try:
                use_rest()
                refused = 0
            except LedgerUnavailable as error:
                if not isinstance(error.__cause__, psycopg.errors.DiskFull):
                    raise
                refused += 1

    def make_room(self) -> None:
        """As if somebody had cleared the disk."""
        self.filler.unlink()


@contextmanager
def mounted(size_bytes: int, uid: int) -> Iterator[Path]:
    """A file system in memory of this size, owned by a user; the test is skipped where mounting is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="penumbra-small-disk-"))
    options = f"size={size_bytes},mode=0700,uid={uid}"
    try:
        folder.chmod(0o755)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "penumbra-small-disk", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("no small disk can be mounted here: that takes root")
        try:
            yield folder
        finally:
            # sessions may hold files a little longer that are none any more; one that is still a table's stays mounted
            words = ["--lazy"] if not list(folder.glob("tables/*")) else []
            subprocess.run(["umount", *words, str(folder)], check=True)
    finally:
        folder.rmdir()


@contextmanager
def tables_on_small_disk(tables: Sequence[str]) -> Iterator[SmallDisk]:
    """Tables of the ledger with their months and indexes on a disk of their own, and back at the end.

    Before and after anybody's transaction: moving a table waits for whoever has looked at it.
    """
    if os.geteuid() != 0:
        pytest.skip("no small disk can be mounted here: that takes root")
    try:
        administrator = connect(user="postgres", password=None)
        with administrator as connection, _small_tablespace(connection, tables) as disk:
            yield disk
    except psycopg.OperationalError as error:
        if error.sqlstate is None or error.sqlstate.startswith("28"):
            pytest.skip("no administrator of this server can sign in from here")
        raise


@contextmanager
def _small_tablespace(connection: Connection, tables: Sequence[str]) -> Iterator[SmallDisk]:
    row = connection.execute("SHOW data_directory").fetchone()
    if row is None or not Path(row[0]).exists():
        pytest.skip("the server runs on another machine")
    named = {"tables": [f"ledger.{table}" for table in tables]}
    relations = connection.execute(_RELATIONS, named).fetchall()
    used = sum(
        connection.execute("SELECT pg_total_relation_size(%s::regclass)", [name]).fetchone()[0]  # type: ignore[index]
        for name, kind in relations
        if kind == "r"
    )
    name = f"small_{uuid4().hex[:12]}"
    with mounted(used + SPARE_BYTES, Path(row[0]).stat().st_uid) as folder:
        space = folder / "tables"
        space.mkdir(mode=0o700)
        os.chown(space, Path(row[0]).stat().st_uid, -1)
        connection.execute(
            sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(str(space)))
        )
        disk = SmallDisk(folder)
        try:
            _move(connection, relations, name)
            yield disk
        finally:
            disk.filler.unlink(missing_ok=True)
            _move(connection, relations, "pg_default")
            connection.execute("CHECKPOINT")
            connection.execute(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(name)))


def _move(connection: Connection, relations: Sequence[tuple[str, str]], space: str) -> None:
    """Away from the default disk nothing is vacuumed, which would make room while a test takes the disk for full."""
    for name, kind in relations:
        if kind == "r":
            word = "RESET (autovacuum_enabled)" if space == "pg_default" else "SET (autovacuum_enabled = off)"
            connection.execute(f"ALTER TABLE {name} {word}")
        word = "INDEX" if kind == "i" else "TABLE"
        connection.execute(f"ALTER {word} {name} SET TABLESPACE {space}")
