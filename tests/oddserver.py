"""A web server on this machine that answers whatever a test says, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """One answer. body: text, or what is written as JSON. Silent: nothing is ever answered."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False


@dataclass(frozen=True)
class Asked:
    """One request: method, path, query, body."""

    method: str
    path: str
    query: str
    body: Any


@dataclass
class OddServer:
    """Answers by path; several replies for one path are given in turn, the last one for ever."""

    port: int
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Name and port, as an installation allows them."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """Of its landing page."""
        return f"http://{self.host}"

    def say(self, path: str, *replies: Reply) -> None:
        """Answer this path so."""
        self.replies[path] = list(replies)

    def next_reply(self, asked: Asked) -> Reply:
        """What is said to this request."""
        self.asked.append(asked)
        left = self.replies.get(asked.path, [Reply(status=404)])
        return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def serve() -> Iterator[OddServer]:
    """A server for the length of a block."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            body = json.loads(self.rfile.read(length)) if length else None
            reply = odd.next_reply(Asked(self.command, parts.path, parts.query, body))
            if reply.silent:
                ended.wait()
                return
            text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    odd = OddServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield odd
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
