"""How attackers speak to a server: HTTP requests with a token, answers kept so that an equal question is sent once.

An answer that is taken from the store still counts as a question: the budget is that of an attacker who has no store.
"""

from __future__ import annotations

import http.client
import io
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

Headers = Mapping[str, str]
JSON = {"Content-Type": "application/json"}
BUDGET = 2000
"""Questions that an attacker may ask for one site."""


@dataclass(frozen=True)
class Reply:
    """What came back. seconds: from the first byte sent to the last byte read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """The value of a header, or the empty text."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Wire(Protocol):
    """Whatever carries a request to a server and its answer back."""

    def send(self, method: str, url: str, headers: Headers, body: str | None = None) -> Reply:
        """One request, one answer. body: a JSON document."""
        ...


class HttpWire:
    """A kept connection to 127.0.0.1 for each thread, speaking as the proxy before a public installation would."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own = threading.local()

    def send(self, method: str, url: str, headers: Headers, body: str | None = None) -> Reply:
        """One request; sent again on a new connection where the server has closed the old one."""
        fields = {**headers, "X-Forwarded-Proto": "https"}
        if body is not None:
            # a body that was refused unread can make the next question on a kept connection wait
            fields |= {**JSON, "Connection": "close"}
        for is_again in (False, True):
            line = getattr(self._own, "line", None)
            if line is None:
                line = self._own.line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                began = time.perf_counter()
                line.request(method, url, body, fields)
                answer = line.getresponse()
                content = answer.read()
                seconds = time.perf_counter() - began
            except (http.client.HTTPException, OSError):
                line.close()
                self._own.line = None
                if is_again:
                    raise
                continue
            return Reply(answer.status, tuple(answer.getheaders()), content, seconds)
        raise AssertionError("unreachable")


class InnerWire:
    """Straight into a WSGI application of this process, with all its middleware: for small trials without a server."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def send(self, method: str, url: str, headers: Headers, body: str | None = None) -> Reply:
        """One request."""
        path, _, query = url.partition("?")
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        if body is not None:
            sent = body.encode()
            environ |= {"CONTENT_TYPE": JSON["Content-Type"], "CONTENT_LENGTH": str(len(sent))}
            environ["wsgi.input"] = io.BytesIO(sent)
        setup_testing_defaults(environ)
        said: list[Any] = []
        began = time.perf_counter()
        chunks = self._application(environ, lambda status, fields, *_: said.extend((status, fields)))
        content = b"".join(chunks)
        if hasattr(chunks, "close"):
            chunks.close()
        return Reply(int(said[0][:3]), tuple(said[1]), content, time.perf_counter() - began)


class Desk:
    """Several accounts at one server, and the store of what each was answered."""

    def __init__(self, wire: Wire, accounts: Sequence[Headers]) -> None:
        self.wire = wire
        self.accounts = list(accounts)
        self.sent = 0
        self._kept: dict[tuple[int, str, str, str | None], Reply] = {}

    def forget(self) -> None:
        """A new batch is out: what was answered before may no longer hold."""
        self._kept.clear()

    def ask(
        self, url: str, account: int, method: str = "GET", fresh: bool = False, body: str | None = None
    ) -> Reply:
        """The answer to a question. fresh: send it even where the answer is in the store."""
        account %= len(self.accounts)
        key = (account, method, url, body)
        if fresh or key not in self._kept:
            self.sent += 1
            self._kept[key] = self.wire.send(method, url, self.accounts[account], body)
        return self._kept[key]


class Purse:
    """What one attacker asks about one block, counted against the budget of a site."""

    def __init__(self, desk: Desk, account: int) -> None:
        self._desk = desk
        self._account = account
        self.spent = 0

    @property
    def left(self) -> int:
        """Questions that may still be asked."""
        return BUDGET - self.spent

    def ask(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        account: int | None = None,
        method: str = "GET",
        fresh: bool = False,
        body: str | None = None,
    ) -> Reply:
        """One question. Raises BudgetSpent where none is left."""
        if self.left <= 0:
            raise BudgetSpent
        self.spent += 1
        url = f"{path}?{urlencode(query, safe=',')}" if query else path
        return self._desk.ask(url, self._account if account is None else account, method, fresh, body)


class BudgetSpent(RuntimeError):
    """The attacker has asked as often about this site as it may."""
