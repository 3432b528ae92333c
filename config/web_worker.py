"""Wiring. gunicorn's worker: what it says by itself, of a request that it cannot read or of a fault, and how it ends.

Its own words quote what was sent: a box with a blank in it, or a token in a header without its colon, would stand in the
log. So its log says what kind of fault it was and nothing of the request (LC-35), and its answers are problem details.
"""

from __future__ import annotations

import gc
import json
import sys
from http import HTTPStatus
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

from accounts.ledger.completions import write_waiting
from monitor.errors import describe_fault

_STATUSES: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
)


class PlacelessWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker of threads, which answers what it cannot read without repeating it."""

    def run(self) -> None:
        """Serve, and write what still waits for the ledger when this ends. What went wrong before, in reading the settings
        say, was told in full."""
        self.log.exception = self._note_fault
        # what is loaded lives as long as this process: it need not be looked through for garbage again and again
        gc.collect()
        gc.freeze()
        try:
            super().run()
        finally:
            write_waiting()

    def _note_fault(self, *words: object, **more: object) -> None:
        """In place of an error's text and traceback: of what kind it is, and where in this project."""
        error = sys.exc_info()[1]
        self.log.error("unexpected %s", describe_fault(error) if error is not None else "fault")

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Log the kind of error, answer a problem document. What was sent stands in neither."""
        status = next((status for kind, status in _STATUSES if isinstance(exc, kind)), None)
        if status is None:
            status, code, detail = (
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "fault",
                "Something went wrong on our side.",
            )
            self.log.error("unexpected %s", describe_fault(exc))
        else:
            code, detail = "bad-request", "Malformed."
            self.log.warning("a request could not be read: %s", type(exc).__name__)
        try:
            write_nonblock(client, write_problem(status, code, detail))
        except OSError:  # whoever asked has gone
            self.log.debug("an answer could not be sent")


def write_problem(status: HTTPStatus, code: str, detail: str) -> bytes:
    """A whole HTTP answer with a problem document (RFC 9457), after which the connection is closed."""
    body = json.dumps(
        {
            "type": f"urn:penumbra:problem:{code}",
            "title": status.phrase,
            "status": int(status),
            "detail": detail,
            "code": code,
        }
    )
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        "Cache-Control: private, no-store\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode("ascii")
