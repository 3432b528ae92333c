"""Room: config.local. A private Redis on a Unix socket, without a disk.

It keeps nothing: rows in PostgreSQL are the truth of what is due, and the clock rings again for what a lost message forgot.
"""

from __future__ import annotations

import shutil
import socket as sockets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import instance as place
from . import processes
from .instance import Instance
from .report import read_output

SOCKET = "redis.sock"
PROGRAMS = ("redis-server", "valkey-server")


@dataclass(frozen=True)
class Program:
    """A Redis server program and what it needs when it was unpacked under var/."""

    path: Path
    env: Mapping[str, str] = field(default_factory=dict)


def find_program(roots: Sequence[tuple[Path, Mapping[str, str]]]) -> Program | None:
    """The first server program under these file system roots that runs; with the root / also those on PATH."""
    found = [Program(root / "usr/bin" / name, env) for root, env in roots for name in PROGRAMS]
    if any(root == Path("/") for root, _ in roots):
        found += [Program(Path(path)) for name in PROGRAMS if (path := shutil.which(name))]
    return next(
        (program for program in found if read_output([str(program.path), "--version"], program.env)), None
    )


def start(instance: Instance, program: Program) -> Path:
    """A running server; returns the path of its socket."""
    user = place.choose_server_user("redis")
    folder = place.make_server_folder(instance, "redis", user)
    socket = place.make_socket_folder(instance, "redis", folder, SOCKET, user) / SOCKET
    options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(folder)]
    server = processes.Process(
        name="redis",
        command=[
            *(user.prefix if user else []),
            str(program.path),
            *options,
            "--save",
            "",
            "--appendonly",
            "no",
        ],
        program=program.path.name,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **program.env},
        cwd=folder,
    )
    processes.keep_running(instance, server, lambda: answers(socket), ready_s=20)
    return socket


def answers(socket: Path) -> bool:
    """Whether a server behind this socket answers a ping. A socket's file alone may be left over from a crash."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
