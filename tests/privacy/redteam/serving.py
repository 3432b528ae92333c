"""Web servers to attack: gunicorn as `make up` starts it, production settings, the web role; or a leaky one as the owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.local.daemons import HOST, WEB_WORDS, answers, choose_port, is_free
from tests.patience import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
UNTHROTTLED = 100_000_000
"""Requests a minute for one account during the run: an attacker has a year, the run has minutes."""
HONEST = "config.wsgi:application"
LEAKY = "tests.privacy.redteam.leaky_wsgi:application"
LEAK = "RED_TEAM_LEAK"
_SECRETS_OF_OTHERS = ("PENUMBRA_DB_PASSWORD_OWNER", "PENUMBRA_DB_PASSWORD_WORKER", "PENUMBRA_DB_ADMIN_URL")


@contextmanager
def serve(database: str, leak: str | None = None) -> Iterator[int]:
    """A server on a free port over a database of the test server; the port. leak: a variant of `leaky_wsgi`."""
    port = choose_port(None, is_free)
    command = [sys.executable, "-m", "gunicorn", LEAKY if leak else HONEST, "--bind", f"{HOST}:{port}"]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            [*command, *WEB_WORDS, "--keep-alive", "30", "--graceful-timeout", "1", "--log-level", "warning"],
            cwd=ROOT,
            env=_describe(database, leak),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_for(port, server)
            yield port
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    """End our own server, and its workers with it; one that hangs on a busy machine is killed."""
    server.terminate()
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _describe(database: str, leak: str | None) -> dict[str, str]:
    before, _, query = os.environ["DATABASE_URL"].partition("?")
    environment = {
        **os.environ,
        "DATABASE_URL": f"{before.rpartition('/')[0]}/{database}" + (f"?{query}" if query else ""),
        "DJANGO_SETTINGS_MODULE": "config.production",
        "PENUMBRA_ALLOWED_HOSTS": HOST,
        "PENUMBRA_DEBUG": "0",
        "PENUMBRA_REQUESTS_PER_MINUTE": str(UNTHROTTLED),
        "PENUMBRA_PUBLIC_ACCESS": "1",
        "PENUMBRA_PUBLIC_REQUESTS_PER_MINUTE": str(UNTHROTTLED),
        "PENUMBRA_DB_ROLE": "web",
    }
    if leak is not None:
        return environment | {LEAK: leak, "PENUMBRA_DB_ROLE": "owner"}
    return {name: value for name, value in environment.items() if name not in _SECRETS_OF_OTHERS}


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and server.poll() is None:
        if answers(f"http://{HOST}:{port}/readyz"):
            return
        time.sleep(0.1)
    raise RuntimeError("a server of the red team did not start: try `gunicorn` with its settings to see why")
