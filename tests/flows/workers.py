"""Real workers: Celery processes of their own on a private queue, that can be parked, paused and killed.

A worker is parked by a lock that the test holds on what the worker needs next: no product code is replaced.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from django.conf import settings
from django.db import connection

from tests.patience import PATIENCE_S
from tests.privacy.sinks import read_redis

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 6
"""Longer than a small scene takes on a busy machine."""
TICK_S = 0.02


class WaitedTooLong(AssertionError):
    """What a test waited for did not come."""


def wait_until(happened: Callable[[], Any], what: str, tick_s: float = TICK_S) -> Any:
    """The first truthy answer of `happened`, asked again and again. Raises WaitedTooLong."""
    ends = time.monotonic() + PATIENCE_S
    while not (answer := happened()):
        if time.monotonic() > ends:
            raise WaitedTooLong(f"{what}: not within {PATIENCE_S:.0f} s")
        time.sleep(tick_s)
    return answer


class PrivateQueue:
    """A logical database of the test Redis that nobody else uses at the moment, as a Celery broker."""

    def __init__(self) -> None:
        self._door = redis.Redis.from_url(os.environ["REDIS_URL"])
        numbers = range(2, int(self._door.config_get("databases")["databases"] or 0))
        self.number = next(
            n for n in numbers if self._door.set(f"flows-queue-{n}", os.getpid(), nx=True, ex=1800)
        )
        pool = self._door.connection_pool
        own = redis.ConnectionPool(pool.connection_class, **{**pool.connection_kwargs, "db": self.number})
        self._own = redis.Redis(connection_pool=own)
        self.url = self._name_database(settings.CELERY_BROKER_URL)
        self.lose_everything()

    def _name_database(self, url: str) -> str:
        head, _, query = url.partition("?")
        if head.startswith("redis+socket"):
            return f"{head}?virtual_host={self.number}"
        scheme, _, rest = head.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}/{self.number}" + (f"?{query}" if query else "")

    def lose_everything(self) -> None:
        """Empty the queue, as when Redis, which has no disk, is started again."""
        self._own.flushdb()

    def read_everything(self) -> list[bytes]:
        """Every key with all that it holds: messages that wait, messages that were taken, and what Celery keeps beside."""
        return read_redis(self._own)

    def wait_until_empty(self) -> None:
        """Wait until every message was taken and answered for."""
        wait_until(lambda: not self._own.exists("raster", "default", "unacked"), "the queue is empty")

    def close(self) -> None:
        """Give the database back."""
        self.lose_everything()
        self._door.delete(f"flows-queue-{self.number}")
        self._own.close()
        self._door.close()


class Worker:
    """One Celery worker with its pool, a process group of its own."""

    def __init__(
        self, environment: dict[str, str], log: Path, processes: int = 1, level: str = "INFO"
    ) -> None:
        self.log = log
        self._log_from = log.stat().st_size if log.exists() else 0
        words = ["-m", "celery", "-A", "config", "worker", "-Q", "raster,default,notify", "-l", level]
        words += ["-c", str(processes), "-n", f"{log.stem}@localhost", "--without-gossip", "--without-mingle"]
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, *words],
                cwd=ROOT,
                env=environment,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    def mark_log(self) -> None:
        """From now on `read_log` tells what comes."""
        self._log_from = self.log.stat().st_size

    def read_log(self) -> str:
        """Its log from its start, or from the last mark."""
        return self.log.read_bytes()[self._log_from :].decode()

    def is_ready(self) -> bool:
        """Whether it takes messages. Fails with its log where it has ended."""
        assert self.is_alive(), self.read_log()
        return " ready." in self.read_log()

    def has_given_up(self) -> bool:
        """Whether it has said that it lost its scene to another worker."""
        return "was taken over by another worker" in self.read_log()

    def is_alive(self) -> bool:
        """Whether its first process runs."""
        return self._process.poll() is None

    def children(self) -> list[int]:
        """The processes of its pool."""
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self._process.pid

    def kill(self) -> None:
        """kill -9 of all its processes; they are gone when this returns."""
        if self.is_alive():
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def kill_pool(self) -> None:
        """kill -9 of the pool alone, as a machine short of memory does; the worker goes on with new ones."""
        for child in self.children():
            os.kill(child, signal.SIGKILL)

    def pause(self) -> None:
        """Stop all its processes where they are."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        os.killpg(self._process.pid, signal.SIGCONT)


class Crew:
    """Makes workers that share a queue, a vault folder and the present test database, and ends them."""

    def __init__(self, queue: PrivateQueue, folder: Path, imagery: Path) -> None:
        self.queue, self.folder, self.workers = queue, folder, list[Worker]()
        without = {"PENUMBRA_DB_PASSWORD_OWNER", "PENUMBRA_DB_PASSWORD_WEB"}
        database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
        self.environment = {name: value for name, value in os.environ.items() if name not in without} | {
            "DATABASE_URL": urlunsplit(database),
            "PENUMBRA_DB_ROLE": "worker",
            "PENUMBRA_VAULT_DIR": str(folder / "vault"),
            "PENUMBRA_IMAGERY_ROOTS": str(imagery),
            "PENUMBRA_SCENE_LEASE_S": str(LEASE_S),
            "CELERY_BROKER_URL": queue.url,
        }

    def hire(self, name: str = "one", processes: int = 1, level: str = "INFO") -> Worker:
        """A worker that is ready; the one of the same name is kept while it lives."""
        log = self.folder / f"{name}.log"
        for worker in self.workers:
            if worker.log == log and worker.is_alive():
                return worker
        self.workers.append(Worker(self.environment, log, processes, level))
        wait_until(self.workers[-1].is_ready, "a worker is ready")
        return self.workers[-1]

    def hire_alone(self) -> Worker:
        """A worker that is ready, and no other is there."""
        self.dismiss(but="one")
        return self.hire()

    def dismiss(self, but: str = "") -> None:
        """End everybody, or everybody but one."""
        for worker in self.workers:
            if worker.log.stem != but:
                worker.kill()


def open_connection() -> psycopg.Connection[tuple[Any, ...]]:
    """A connection of the owner beside Django's, in autocommit."""
    database = connection.settings_dict
    return psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        dbname=database["NAME"],
        user=database["USER"],
        password=database["PASSWORD"],
        application_name="flows",
        autocommit=True,
    )


class Barrier:
    """A lock that makes workers wait at one statement."""

    def __init__(self, holder: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._pid = holder.info.backend_pid

    def count_waiting(self) -> int:
        """How many connections of workers wait for it at this moment."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'penumbra-worker' AND %s = ANY(pg_blocking_pids(pid))",
                [self._pid],
            )
            return int(cursor.fetchone()[0])


def count_waiting_workers() -> int:
    """How many connections of workers wait for anybody's lock at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'penumbra-worker' AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return int(cursor.fetchone()[0])


@contextmanager
def barrier(statement: str) -> Iterator[Barrier]:
    """Hold what a statement locks, for the length of the block."""
    with open_connection() as holder:
        holder.autocommit = False
        holder.execute(statement)
        yield Barrier(holder)
        holder.rollback()
