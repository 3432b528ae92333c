"""Once over HTTP: eight clients at a time against gunicorn, ours and the peer's, each started here and stopped here."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from config.local.daemons import WEB_WORDS
from tests.bench.country import Country
from tests.bench.measuring import Figure, describe_machine, session_ms
from tests.cast import Person
from tests.roles import read_rows

CLIENTS = 8
REQUESTS = 8
"""Of each client in one turn of the peer, and in a first turn of both, not counted: threads open their connections."""
OUR_REQUESTS = 40
"""In one of our turns, which is over sooner all the same."""
TURNS = 3
MOST_BYTES = 4 << 20
"""Of one answer."""
MOST_HEAD = 4096
"""Of its head."""
ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S = 30
WORKERS, THREADS = (int(WEB_WORDS[WEB_WORDS.index(word) + 1]) for word in ("--workers", "--threads"))
SERVERS = f"gunicorn with {WORKERS} workers of {THREADS} threads, ours as `make up` starts it"
PEER_WORDS = ("--workers", str(WORKERS), "--threads", str(THREADS), "--timeout", "60", "--no-control-socket")
"""As many workers and threads, of gunicorn's own kind."""
CONDITIONS = (
    f"{CLIENTS} clients, {TURNS} turns of {CLIENTS * OUR_REQUESTS} (ours) and {CLIENTS * REQUESTS} (peer) requests"
    f" after one that is not counted, {SERVERS}"
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is running. port: on 127.0.0.1. pid: of its first process."""

    port: int
    pid: int

    def measure(
        self, path: str, person: Person, requests: int, settle: Callable[[], object]
    ) -> tuple[float, float]:
        """One turn: requests a second that all clients together got answered; processor time a request in milliseconds.

        The latter is of the server's processes and the sessions of this benchmark's database; it hardly changes with what
        else runs. requests: of each client. settle: returns when what the server does after its answers is done, which
        counts as work.
        """
        before = self._spent()
        rate = measure_rate(self.port, path, person, requests)
        settle()
        spent = sum(ms - before.get(pid, 0.0) for pid, ms in self._spent().items())
        return rate, spent / (CLIENTS * requests)

    def workers(self) -> list[int]:
        """The processes that answer."""
        return [*map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]

    def _spent(self) -> dict[int, float]:
        sessions = read_rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {pid: session_ms(pid) for pid in (*self.workers(), *(pid for (pid,) in sessions))}


def compare_served(country: Country) -> list[Figure]:
    """Pages of 1,000 by rate: a regulator's cells and a partner's blocks, each against the peer's list of the same rows."""
    connection.close()
    with serve("config.settings") as ours, serve("tests.bench.peer_settings", words=PEER_WORDS) as peer:
        return [
            _compare(
                "1000 cells",
                (ours.port, "/api/v1/activity?state=active&limit=1000"),
                (peer.port, "/cells?limit=1000"),
                country.regulator,
            ),
            _compare(
                "1000 blocks",
                (ours.port, "/api/v1/activity?limit=1000"),
                (peer.port, "/blocks?limit=1000"),
                country.partner,
            ),
        ]


def _compare(name: str, ours: tuple[int, str], peer: tuple[int, str], person: Person) -> Figure:
    for place in (ours, peer):
        measure_rate(*place, person, REQUESTS)
    rates: dict[tuple[int, str], list[float]] = {ours: [], peer: []}
    for _ in range(TURNS):
        for place, requests in ((ours, OUR_REQUESTS), (peer, REQUESTS)):
            rates[place].append(measure_rate(*place, person, requests))
    here, there = (statistics.median(rates[place]) for place in (ours, peer))
    said = f"median of {CONDITIONS}; {describe_machine()}, clients on the same machine"
    return Figure(
        f"{name} over HTTP", round(here, 2), round(there, 2), round(here / there, 2), "requests/s", said
    )


def measure_rate(port: int, path: str, person: Person, requests: int) -> float:
    """Requests a second that all clients together got answered. requests: of each client."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        for one in [clients.submit(ask_often, port, path, person, requests) for _ in range(CLIENTS)]:
            one.result()
    return CLIENTS * requests / (time.perf_counter() - began)


def ask_often(port: int, path: str, person: Person, requests: int) -> None:
    """One client: the same question again and again, each over a connection of its own, so that all workers get their share.

    It shares the machine with the server that is measured, so it does no more than a client must: it looks for the status
    and takes what comes until the server closes. Raises AssertionError for anything but a whole 200.
    """
    words = "".join(f"{name}: {value}\r\n" for name, value in person.headers.items())
    question = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{words}\r\n".encode()
    room = memoryview(bytearray(MOST_BYTES))
    for _ in range(requests):
        with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
            connection.sendall(question)
            got = 0
            while more := connection.recv_into(room[got:]):
                got += more
        head, _, _ = bytes(room[: min(got, MOST_HEAD)]).lower().partition(b"\r\n\r\n")
        assert head.startswith(b"http/1.1 200 "), head
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        assert got == len(head) + len(b"\r\n\r\n") + length, "an answer ended before its end"


def bench_environment() -> dict[str, str]:
    """What a process of the web role is told, to work on the database of this benchmark."""
    before, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{before.rpartition('/')[0]}/{connection.settings_dict['NAME']}?{query}"
    return {**os.environ, "DATABASE_URL": url, "PENUMBRA_DB_ROLE": "web"}


@contextmanager
def serve(settings: str, module: str = "config.wsgi", words: Sequence[str] = WEB_WORDS) -> Iterator[Server]:
    """A gunicorn of its own on a free port, as the web role, on this benchmark's database.

    module: of the application. words: how many workers of what kind.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    env = {**bench_environment(), "DJANGO_SETTINGS_MODULE": settings}
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                f"{module}:application",
                "--bind",
                f"127.0.0.1:{port}",
                *words,
                "--log-level",
                "warning",
            ],
            cwd=ROOT,
            env=env,
            stdout=log,
            stderr=log,
        )
        try:
            running = Server(port, server.pid)
            _wait_for(running, server)
            yield running
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(running: Server, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and server.poll() is None:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", running.port), timeout=1).close()
            if len(running.workers()) == WORKERS:
                return
        time.sleep(0.1)
    raise RuntimeError("the server of this benchmark did not start")
