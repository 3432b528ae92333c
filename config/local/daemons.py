"""Room: config.local. Penumbra's own lasting processes: web server, worker, clock, sealer. Each speaks as one role."""

from __future__ import annotations

import hashlib
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import attached, contract, environment, processes
from .instance import Instance
from .processes import Process
from .report import EXIT_MACHINE, Trouble, read_output
from .servers import Ready

HOST = "127.0.0.1"
FIRST_PORT = 8000
PORTS = 200
WORKER_WORDS = (
    "-Q",
    "raster,default,notify",
    "-c",
    "2",
    "-l",
    "INFO",
    "--without-gossip",
    "--without-mingle",
)
WEB_WORDS = (
    "--workers",
    "2",
    "--threads",
    "4",
    "--timeout",
    "60",
    "--limit-request-line",
    "8190",
    "--no-control-socket",
    "--worker-class",
    "config.web_worker.PlacelessWorker",
)
PACKAGES = ("config", "accounts", "monitor", "tasks")
CLOCK_SETTLES_S = 2.0

# What a lasting process keeps of the shell it was started from: where it is, and how it reaches the network.
_KEPT = (
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
_KEPT_PREFIXES = (
    "AWS_",
    "GDAL_",
    "CPL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


def choose_port(remembered: int | None, is_free: Callable[[int], bool]) -> int:
    """The remembered port if it is free, else the first free one from 8000."""
    candidates: list[int] = [*([remembered] if remembered else []), *range(FIRST_PORT, FIRST_PORT + PORTS)]
    for port in candidates:
        if is_free(port):
            return port
    raise Trouble(
        f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free", "end what holds them", EXIT_MACHINE
    )


def provide_port(instance: Instance) -> int:
    """The web server's port: the one it runs on, or one for it to start on; remembered in run/port."""
    file = instance.run / "port"
    remembered = int(file.read_text()) if file.exists() else None
    web = processes.read_record(instance, "web")
    if remembered is not None and web is not None and processes.is_alive(web):
        return remembered
    port = choose_port(remembered, is_free)
    file.write_text(str(port))
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def refuse_taken(instance: Instance, port: int) -> None:
    """Raise `Trouble` where somebody else took the web server's port since it was found free: there are stages between."""
    web = processes.read_record(instance, "web")
    if (web is None or not processes.is_alive(web)) and not is_free(port):
        raise Trouble(
            f"another program has taken port {port} in the meantime",
            "`make up` again: it takes the next free port and repeats nothing that is done",
            EXIT_MACHINE,
        )


def remember_roots(instance: Instance, *named: Path | None) -> list[Path]:
    """Folders that scenes may be read from: those named now and earlier, for scenes may be read again."""
    file = instance.run / "imagery_roots"
    known = [Path(line) for line in file.read_text().splitlines()] if file.exists() else []
    roots = list(dict.fromkeys([*known, *(root for root in named if root)]))
    file.write_text("".join(f"{root}\n" for root in roots))
    return roots


def start_all(ready: Ready, port: int, roots: Sequence[Path]) -> None:
    """Start worker, clock, sealer and web server, or keep those that run the present code with the present settings."""
    worker = contract.write_environment(ready.instance, ready.keys, ready.servers, "worker", roots)
    attached.remember(ready.instance.root, worker)
    sealer = contract.write_environment(ready.instance, ready.keys, ready.servers, "sealer")
    attached.remember(ready.instance.root, sealer, attached.SEALER_FILE)
    for process, is_ready in describe(ready, port, roots):
        if process.name == "web":
            refuse_taken(ready.instance, port)
        processes.keep_running(ready.instance, process, is_ready, ready_s=90)


def describe(ready: Ready, port: int, roots: Sequence[Path]) -> list[tuple[Process, Callable[[], bool]]]:
    """The four processes, each with the question whether it is ready."""
    root, run = ready.instance.root, ready.instance.run
    celery = environment.command_of(root, "celery", "-A", "config")
    name = f"penumbra-{ready.instance.mark}@localhost"
    worker = _describe_one(ready, "worker", "worker", roots, [*celery, "worker", "-n", name, *WORKER_WORDS])
    beat_words = ["beat", "-l", "INFO", "-s", str(run / "beat-schedule"), "--pidfile="]
    beat = _describe_one(ready, "beat", "worker", roots, [*celery, *beat_words])
    seal_words = [str(environment.interpreter(root)), "manage.py", "seal_ledger", "--watch"]
    sealer = _describe_one(ready, "sealer", "sealer", [], seal_words)
    gunicorn = environment.command_of(root, "gunicorn", "config.wsgi:application", "--bind", f"{HOST}:{port}")
    web = _describe_one(ready, "web", "web", roots, [*gunicorn, *WEB_WORDS])
    ping = [*celery, "inspect", "ping", "-d", name, "-t", "2"]
    return [
        (worker, lambda: read_output(ping, worker.env, root) is not None),
        (beat, _settled(CLOCK_SETTLES_S)),
        (sealer, _settled(CLOCK_SETTLES_S)),
        (web, lambda: _holds(ready.instance, port) and answers(f"http://{HOST}:{port}/readyz")),
    ]


def _describe_one(
    ready: Ready, title: str, role: str, roots: Sequence[Path], command: Sequence[str]
) -> Process:
    """A process that speaks as a database role; it is started again when the code or its settings change."""
    root = ready.instance.root
    ours = contract.write_environment(ready.instance, ready.keys, ready.servers, role, roots)
    env = environment.with_path(root, {**_keep(os.environ), **ours})
    state = [read_code(root), *(f"{key}={value}" for key, value in sorted(ours.items()))]
    return Process(title, list(command), Path(command[0]).name, env, root, state=state)


def _holds(instance: Instance, port: int) -> bool:
    """Whether it is our web server that listens: another's may have taken the port since it was found free."""
    record = processes.read_record(instance, "web")
    return record is not None and processes.listens(record.pid, port)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200, without any proxy between."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def read_code(root: Path) -> str:
    """A digest of the project's code and pins: what a running process has loaded."""
    digest = hashlib.sha256(environment.read_pins(root).encode())
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            if not file.is_relative_to(root / "config/local"):
                digest.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return digest.hexdigest()


def _keep(outer: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in outer.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", **kept}


def _settled(seconds: float) -> Callable[[], bool]:
    """The clock answers nobody; it counts as ready when it has not ended for a moment."""
    asked: list[float] = []

    def is_settled() -> bool:
        asked.append(time.monotonic())
        return asked[-1] - asked[0] > seconds

    return is_settled
