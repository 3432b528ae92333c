"""Databases of their own for the tests of months and archives: migrated from the tables before, with lines of four months.

A base is made once; each test gets a copy, so that what it takes from the tables is gone for nobody else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
from django.conf import settings
from psycopg import sql

from accounts.ledger.proof.keyfile import write_keys
from accounts.ledger.sealing import Sealer
from config.databases import TEMPLATE
from tests.ledger.conftest import Connection
from tests.pure.ledger.test_note import LOG

ROOT = Path(__file__).resolve().parents[2]
LINES_A_MONTH = 30


def months_ago(count: int) -> date:
    """The first day of the month so many before this one (UTC)."""
    first = datetime.now(UTC).date().replace(day=1)
    for _ in range(count):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


@dataclass(frozen=True)
class OwnDatabase:
    """One database on the tests' server. folder: of its key and of what commands write."""

    name: str
    folder: Path

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """As the owner, in autocommit."""
        with _connect(self.name) as connection:
            yield connection

    def manage(self, role: str, *words: object) -> subprocess.CompletedProcess[str]:
        """A command of manage.py to its end."""
        return subprocess.run(self.command(*words), **self.surroundings(role), text=True, check=False)  # type: ignore[call-overload,no-any-return]

    def command(self, *words: object) -> list[str]:
        """The words of a command."""
        return [sys.executable, str(ROOT / "manage.py"), *map(str, words)]

    def surroundings(self, role: str) -> dict[str, object]:
        """What `subprocess` is told."""
        database = settings.DATABASES["default"]
        port = f"&port={database['PORT']}" if database["PORT"] else ""
        told = {
            "DATABASE_URL": f"postgresql:///{self.name}?host={database['HOST']}{port}",
            "PENUMBRA_DB_ROLE": role,
            "PENUMBRA_LEDGER_KEY_FILE": str(self.folder / "key"),
        }
        return {"env": {**os.environ, **told}, "cwd": ROOT, "stdout": -1, "stderr": -1}

    def seal(self) -> None:
        """Give every line its place, with a checkpoint of its own for what is new."""
        with self.connect() as connection:
            sealer = Sealer(connection, [LOG])
            while sealer.seal_new():
                pass

    def write(
        self, at: datetime, completed_at: datetime | None = None, connection: Connection | None = None
    ) -> UUID:
        """An entry and its completion as a clock that stood at `at` dated them, perhaps in a transaction under way."""
        identifier = uuid4()
        with self.connect() if connection is None else nullcontext(connection) as own:
            own.execute(
                "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, at) VALUES"
                " (%s, %s, 'auditor', 'read.test', '/', %s, %s)",
                [identifier, uuid4().bytes, uuid4(), at],
            )
            own.execute(
                "INSERT INTO ledger.completion (entry_id, outcome, quantity, at) VALUES (%s, 'answered', 1, %s)",
                [identifier, completed_at or at],
            )
        return identifier

    def export(self, file: Path) -> Path:
        """What the tables hold, as an auditor gets it."""
        done = self.manage("sealer", "export_ledger", file)
        assert done.returncode == 0, done.stderr
        return file


def _connect(name: str) -> Connection:
    database = settings.DATABASES["default"]
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        dbname=name,
        user="penumbra_owner",
        password=database["PASSWORD"],
        autocommit=True,
    )


def make_database(name: str, template: str = TEMPLATE) -> None:
    """A new database from a template that nobody is connected to."""
    with _connect("postgres") as connection:
        _drop(connection, name)
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )


def drop_database(name: str) -> None:
    """And away."""
    with _connect("postgres") as connection:
        _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    """Drop a database with whoever is in it. The server's own vacuuming is not the owner's to end: it is waited for."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for _ in range(60):
        with suppress(psycopg.errors.InsufficientPrivilege):
            connection.execute(drop)
            return
        time.sleep(0.5)
    connection.execute(drop)


def make_base(name: str, folder: Path) -> tuple[OwnDatabase, dict[str, list[str]]]:
    """A database whose lines were written before there were months, and what each table held then, as text."""
    make_database(name)
    base = OwnDatabase(name, folder)
    write_keys(folder / "key", [LOG])
    for words in (("accounts", "0007"), ()):
        done = base.manage("owner", "migrate", "--no-input", "-v", "0", *words)
        assert done.returncode == 0, done.stderr
        if words:
            _write_months(base)
            held = read_tables(base)
    base.seal()
    return base, held


def _write_months(base: OwnDatabase) -> None:
    for count in (3, 2, 1):
        first = datetime.combine(months_ago(count), datetime.min.time(), UTC)
        for line in range(LINES_A_MONTH):
            base.write(first + timedelta(days=line % 27, minutes=line))
    # begun in one month, completed in the next; and a clock that was set back into the oldest
    edge = datetime.combine(months_ago(1), datetime.min.time(), UTC)
    base.write(edge - timedelta(microseconds=1), edge)
    base.write(datetime.combine(months_ago(3), datetime.min.time(), UTC))
    base.write(datetime.now(UTC))


def read_tables(database: OwnDatabase) -> dict[str, list[str]]:
    """Every row of the two tables of lines as text."""
    with database.connect() as connection:
        return {
            table: [
                row
                for (row,) in connection.execute(
                    f"SELECT t::text FROM ledger.{table} t ORDER BY 1"
                ).fetchall()
            ]
            for table in ("entry", "completion")
        }


def copy_database(base: OwnDatabase, name: str, folder: Path) -> OwnDatabase:
    """The same database again, with the same key."""
    make_database(name, base.name)
    shutil.copy(base.folder / "key", folder / "key")
    return OwnDatabase(name, folder)
