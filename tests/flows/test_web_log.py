"""What the web server itself says of requests that it cannot read, and of faults: never what was sent (LC-35)."""

from __future__ import annotations

import gc
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.local.daemons import HOST, WEB_WORDS
from tests.flows.workers import wait_until
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
BOX = "20.3177, 2.1177, 20.32, 2.12"
SECRET = "pen_7dIYiDLc2Kkq"
UNREADABLE = {
    "a box with blanks": (f"GET /api/v1/activity?bbox={BOX} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 400),
    "no version": (f"GET /api/v1/activity?bbox={BOX.replace(' ', '')}\r\n\r\n", 400),
    "a header without its colon": (f"GET / HTTP/1.1\r\nAuthorization Token {SECRET}\r\n\r\n", 400),
    "a header of two lines": (f"GET / HTTP/1.1\r\nAccess-Purpose: x\r\n at {BOX}\r\n\r\n", 400),
    "a verb of its own": (f"{SECRET}?{BOX.replace(' ', '')} / HTTP/1.1\r\n\r\n", 400),
    "an expectation": (f"GET / HTTP/1.1\r\nHost: {HOST}\r\nExpect: {BOX}\r\n\r\n", 417),
    "a long address": (f"GET /?bbox={'20.3177,' * 2000} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", 414),
}


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Breaks off in the middle of an answer, or before it, with an error that tells a place; or says how much is frozen."""
    if environ["PATH_INFO"] == "/before":
        raise ValueError(BOX)
    if environ["PATH_INFO"] == "/frozen":
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield str(gc.get_freeze_count()).encode()
        return
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"begun"
    if environ["PATH_INFO"] == "/amid":
        raise ValueError(BOX)


class Server:
    """gunicorn with the words of `make up`, over the application above."""

    def __init__(self, port: int, log: Path) -> None:
        self.port, self.log = port, log

    def send(self, request: str) -> bytes:
        """All that comes back until the server closes the connection."""
        with socket.create_connection((HOST, self.port), timeout=PATIENCE_S) as client:
            client.sendall(request.encode())
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def answers(self) -> bool:
        """Whether it listens."""
        try:
            return b"begun" in self.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        except OSError:
            return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("web") / "log") as found:
        yield found


@contextmanager
def running(log: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    words = ["-m", "gunicorn", f"{__name__}:application", "--bind", f"{HOST}:{port}", *WEB_WORDS]
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=stream, stderr=stream)
        try:
            found = Server(port, log)
            wait_until(found.answers, "the web server answers")
            yield found
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_request_that_cannot_be_read_is_a_problem_document_and_is_not_repeated(
    server: Server, name: str
) -> None:
    request, status = UNREADABLE[name]
    head, _, body = server.send(request).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert not tells(head + body)


def test_the_web_servers_log_says_what_kind_of_fault_it_was_and_not_what_was_sent(server: Server) -> None:
    for request, _ in UNREADABLE.values():
        server.send(request)
    for path in ("/before", "/amid"):
        assert not tells(
            server.send(f"GET {path}?bbox={BOX.replace(' ', '')} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
        )
    told = server.log.read_bytes()
    assert b"InvalidHTTPVersion" in told
    assert told.count(b"unexpected ValueError") == 2
    assert not tells(told)


def test_what_a_worker_has_loaded_is_not_searched_for_garbage(server: Server) -> None:
    answer = server.send(f"GET /frozen HTTP/1.0\r\nHost: {HOST}\r\n\r\n")
    assert int(answer.rpartition(b"\r\n\r\n")[2]) > 10_000


def test_the_views_are_loaded_when_the_server_starts_and_not_by_whoever_asks_first() -> None:
    words = "import sys, config.wsgi; print('monitor.api.views.activity' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"


def test_the_image_for_production_starts_the_same_worker() -> None:
    worker = WEB_WORDS[WEB_WORDS.index("--worker-class") + 1]
    assert f'"--worker-class", "{worker}"' in (ROOT / "docker/Dockerfile").read_text()


def tells(content: bytes) -> bool:
    return any(word in content for word in (b"20.3177", b"2.1177", SECRET.encode()))
