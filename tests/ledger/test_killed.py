"""Sixteen writers, and kill -9 of writers, sealer and PostgreSQL in turn: nothing acknowledged is lost, doubled or skipped.

Real processes on a PostgreSQL of their own; what a writer was told is what must be found in the log at the end.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.local import contract, database_roles, keys, packages, postgres, processes
from config.local.instance import Instance, remove_folders
from tests.flows.workers import wait_until
from tests.pure.ledger.invented_log import VERIFIER

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = packages.find(Instance(ROOT, "test"))
WRITERS, THREADS, ROUNDS = 2, 8, 3
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(PROGRAMS.postgres is None, reason="no PostgreSQL programs on this machine"),
]


class Installation:
    """A PostgreSQL of its own with the ledger's tables, and the processes that work on it."""

    def __init__(self, folder: Path) -> None:
        (folder / "config").mkdir(parents=True)
        (folder / "config/sql").symlink_to(ROOT / "config/sql")
        self.instance = Instance(folder, "test")
        self.instance.make_folders()
        self.keys = keys.make_keys(self.instance.var / "secrets.env", {})
        self.running: list[subprocess.Popen[bytes]] = []
        self.start_postgres()
        database_roles.bootstrap(self.cluster, self.keys)
        self.manage("owner", "migrate", "--no-input", "-v", "0")
        self.manage("sealer", "make_ledger_key", "crash.example/ledger")

    def start_postgres(self) -> None:
        """Start it, or start it again after it was killed."""
        self.cluster = postgres.start(self.instance, PROGRAMS.need_postgres())

    def kill_postgres(self) -> None:
        """kill -9 of the server."""
        record = processes.read_record(self.instance, "postgres")
        assert record is not None
        os.kill(record.pid, signal.SIGKILL)
        wait_until(lambda: not processes.is_alive(record), "the server is gone")

    def environment(self, role: str) -> dict[str, str]:
        """What a process of this role is told."""
        url = contract.write_database_url(self.cluster.socket_folder)
        redis = contract.write_redis_urls(Path("/nowhere"))
        servers = contract.Servers(url, *redis)
        told = contract.write_environment(self.instance, self.keys, servers, role)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PENUMBRA_")}
        return {**inherited, **told, "PYTHONPATH": str(ROOT), "PENUMBRA_LEDGER_TIMEOUT_S": "5"}

    def manage(self, role: str, *words: str) -> str:
        """A command of manage.py to its end; what it printed."""
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        done = subprocess.run(
            command, env=self.environment(role), cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def begin(self, role: str, *words: str) -> subprocess.Popen[bytes]:
        """A lasting process."""
        begun = subprocess.Popen(
            [sys.executable, *words], env=self.environment(role), cwd=ROOT, stderr=subprocess.DEVNULL
        )
        self.running.append(begun)
        return begun

    def begin_sealer(self) -> subprocess.Popen[bytes]:
        """The sealer."""
        return self.begin("sealer", str(ROOT / "manage.py"), "seal_ledger", "--watch")

    def begin_writer(self, file: Path) -> subprocess.Popen[bytes]:
        """A process of several writers."""
        return self.begin("web", "-m", "tests.ledger.writing", str(file), str(THREADS))

    def ask(self, statement: str) -> Any:
        """One value, as the owner; None while the server is away."""
        try:
            with psycopg.connect(
                host=str(self.cluster.socket_folder),
                dbname=contract.DATABASE,
                user="penumbra_owner",
                password=self.keys["PENUMBRA_DB_PASSWORD_OWNER"],
            ) as connection:
                row = connection.execute(statement).fetchone()
                return row[0] if row else None
        except psycopg.OperationalError:
            return None

    def count_places(self) -> int:
        """Lines that have their place."""
        return int(self.ask("SELECT count(*) FROM ledger.leaf") or 0)

    def close(self) -> None:
        """End what runs and remove it."""
        for process in self.running:
            process.kill()
            process.wait()
        processes.stop_all(self.instance, ("postgres",))
        remove_folders(self.instance)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A PostgreSQL of its own."""
    made = Installation(tmp_path / "checkout")
    yield made
    made.close()


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9, and gone."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_nothing_acknowledged_is_lost_doubled_or_skipped_whoever_is_killed(
    installation: Installation, tmp_path: Path
) -> None:
    noted = tmp_path / "acknowledged"
    writers = [installation.begin_writer(noted) for _ in range(WRITERS)]
    sealer = installation.begin_sealer()

    def wait_for_more(what: str) -> None:
        before = installation.count_places()
        wait_until(lambda: installation.count_places() > before + 200, f"lines get places after {what}", 0.1)

    wait_for_more("the start")
    for _ in range(ROUNDS):
        kill(writers.pop(0))
        writers.append(installation.begin_writer(noted))
        wait_for_more("a writer was killed")
        kill(sealer)
        sealer = installation.begin_sealer()
        wait_for_more("the sealer was killed")
        installation.kill_postgres()
        time.sleep(0.2)  # writers and sealer meet a server that is away
        installation.start_postgres()
        wait_for_more("PostgreSQL was killed")
    for process in (*writers, sealer):
        kill(process)
    installation.manage("sealer", "seal_ledger")
    assert_all_is_there(installation, noted, tmp_path)


def assert_all_is_there(installation: Installation, noted: Path, folder: Path) -> None:
    """Whatever a writer was told of stands in the log, once; the verifier finds the whole sound, receipts included."""
    told = [line.split() for line in noted.read_text().splitlines()]
    assert len(told) > 1000
    verdict = json.loads(installation.manage("sealer", "verify_ledger", "--json"))
    assert (verdict["code"], verdict["damages"]) == (0, [])
    lines = installation.ask(
        "SELECT (SELECT count(*) FROM ledger.entry) + (SELECT count(*) FROM ledger.completion)"
    )
    assert verdict["lines"] == lines == installation.count_places()
    export, receipts = folder / "export.jsonl", folder / "receipts"
    installation.manage("sealer", "export_ledger", str(export))
    receipts.write_text("".join(f"{to_base64(leaf)}; mmd=60\n" for kind, _, leaf in told if kind == "entry"))
    done = subprocess.run(
        [sys.executable, str(VERIFIER), str(export), "--receipt", str(receipts), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert (found["findings"], found["entries"], found["proven"]) == ([], lines, lines)
    completed = {body["entry"] for body in read_bodies(export) if body["kind"] == "completion"}
    assert {entry for kind, entry, _ in told if kind == "completion"} <= completed


def to_base64(leaf: str) -> str:
    """A hash as receipts write it."""
    return base64.b64encode(bytes.fromhex(leaf)).decode()


def read_bodies(export: Path) -> Iterator[dict[str, Any]]:
    """The lines of the log."""
    with export.open() as stream:
        for line in stream:
            value = json.loads(line)
            if "body" in value:
                yield value["body"]
