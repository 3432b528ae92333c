"""Room: config.local. A private PostgreSQL with PostGIS on a Unix socket: found, made and started.

No TCP, no system service. The administrator signs in by who he is on the machine (peer), so no superuser password exists;
the five roles of the fence sign in with passwords (database_roles.py).
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import instance as place
from . import processes
from .instance import Instance, ServerUser
from .report import EXIT_MACHINE, Trouble, read_output, run

SOCKET = ".s.PGSQL.5432"
ATTEMPTS_AFTER_KILL = 10
PSQL_OPTIONS = ("-X", "-q", "-At", "-v", "ON_ERROR_STOP=1")
_VERSION = re.compile(r"PostgreSQL\D*(\d+)")

# A failed statement's text, its parameters and its DETAIL can hold places: none of them reaches the server's log.
_QUIET = (
    "log_min_error_statement = panic",
    "log_parameter_max_length_on_error = 0",
    "log_error_verbosity = terse",
)
_FAST = (
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
)  # test instance: lost at a crash, made again
_KEPT_MEMORY = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), str(8 << 20))
"""Bytes that a session may keep of what an answer took, rather than give it back to the kernel and ask for it again with the
next one (decisions/0051)."""


@dataclass(frozen=True)
class Programs:
    """An installed PostgreSQL that has PostGIS. `env`: what its programs need when they were unpacked under var/."""

    bin: Path
    major: int
    env: Mapping[str, str] = field(default_factory=dict)


def find_programs(
    roots: Sequence[tuple[Path, Mapping[str, str]]], wanted: int | None = None
) -> Programs | None:
    """The newest PostgreSQL with PostGIS under these file system roots; with the root / also that of pg_config on PATH.

    `wanted`: take this major version only (a cluster that exists must be opened by its own).
    """
    folders = [
        (folder, env) for root, env in roots for folder in sorted((root / "usr/lib/postgresql").glob("*/bin"))
    ]
    on_path = read_output(["pg_config", "--bindir"]) if any(root == Path("/") for root, _ in roots) else None
    if on_path:
        folders.append((Path(on_path.strip()), {}))
    found = [programs for folder, env in folders if (programs := _examine(folder, env)) is not None]
    fitting = [programs for programs in found if wanted is None or programs.major == wanted]
    return max(fitting, key=lambda programs: programs.major, default=None)


def _examine(folder: Path, env: Mapping[str, str]) -> Programs | None:
    version = _VERSION.search(read_output([str(folder / "postgres"), "--version"], env) or "")
    if version is None or not (folder / "psql").exists():
        return None
    share = folder.parents[3] / "share/postgresql" / version[1]
    if not (share / "extension").is_dir():
        share = Path((read_output([str(folder / "pg_config"), "--sharedir"], env) or "/nowhere").strip())
    return Programs(folder, int(version[1]), env) if (share / "extension/postgis.control").exists() else None


@dataclass(frozen=True)
class Cluster:
    """A private server of one instance. `user`: whom root runs it as."""

    instance: Instance
    programs: Programs
    user: ServerUser | None
    folder: Path
    socket_folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def command(self, program: str, *words: str) -> list[str]:
        prefix = self.user.prefix if self.user else []
        return [*prefix, str(self.programs.bin / program), *words]

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **_KEPT_MEMORY,
            **self.programs.env,
        }


def find_made(instance: Instance) -> Path | None:
    """The folder of the instance's cluster, wherever an earlier command made it; None if there is none yet."""
    folders = (instance.folder / "postgres", instance.system_folder / instance.name / "postgres")
    return next((folder for folder in folders if (folder / "data/PG_VERSION").exists()), None)


def read_major(folder: Path) -> int:
    """The major version that made a cluster; no other opens it."""
    return int((folder / "data/PG_VERSION").read_text())


def start(instance: Instance, programs: Programs) -> Cluster:
    """A running server: made if it does not exist yet, started unless it runs. A cluster keeps the user who made it."""
    made = find_made(instance)
    user = place.find_owner(made / "data") if made else place.choose_server_user("postgres")
    folder = made or place.make_server_folder(instance, "postgres", user)
    socket_folder = place.make_socket_folder(instance, "postgres", folder, SOCKET, user)
    cluster = Cluster(instance, programs, user, folder, socket_folder)
    if made is None:
        _make(cluster)
    _configure(cluster)
    server = processes.Process(
        name="postgres",
        command=cluster.command("postgres", "-D", str(cluster.data)),
        program=str(cluster.data),
        env=cluster.env,
        cwd=folder,
        stop_signal=signal.SIGINT,  # "fast": sessions end, data are safe; SIGTERM would wait for every session
        state=_settings(cluster),
    )
    _keep_running(cluster, server)
    return cluster


def _keep_running(cluster: Cluster, server: processes.Process) -> None:
    """Start the server. After a kill, sessions of the dead server may hold its memory for a moment: then try again."""
    attempts = ATTEMPTS_AFTER_KILL if (cluster.data / "postmaster.pid").exists() else 1
    for left in reversed(range(attempts)):
        try:
            processes.keep_running(cluster.instance, server, lambda: _answers(cluster), ready_s=60)
        except Trouble:
            if left == 0:
                raise
            time.sleep(0.5)
        else:
            return


def _make(cluster: Cluster) -> None:
    options = [
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--auth=peer",
        "--no-instructions",
    ]
    sync = ["--no-sync"] if cluster.instance.name == "test" else []
    run(
        cluster.command("initdb", "-D", str(cluster.data), *options, *sync),
        log=cluster.instance.log / "initdb.log",
        what="making the PostgreSQL cluster",
        cwd=cluster.folder,
        env=cluster.env,
        code=EXIT_MACHINE,
    )


def _settings(cluster: Cluster) -> list[str]:
    lines = [
        "listen_addresses = ''",
        f"unix_socket_directories = '{cluster.socket_folder}'",
        "unix_socket_permissions = 0700",
        "max_connections = 100",
        "shared_buffers = 128MB",
        "jit = off",
        "timezone = 'UTC'",
        "log_timezone = 'UTC'",
        "password_encryption = 'scram-sha-256'",
        *_QUIET,
    ]
    return lines + list(_FAST) if cluster.instance.name == "test" else lines


def _configure(cluster: Cluster) -> None:
    """Write the server's settings and who may sign in how. Written anew at each start: var/ may have moved."""
    main = cluster.data / "postgresql.conf"
    if "penumbra.conf" not in main.read_text():
        with main.open("a") as stream:
            stream.write("\ninclude 'penumbra.conf'\n")
    files = {
        "penumbra.conf": "\n".join(_settings(cluster)) + "\n",
        "pg_hba.conf": "local all postgres peer map=administrator\nlocal all all scram-sha-256\n",
        "pg_ident.conf": f"administrator {pwd.getpwuid(os.geteuid()).pw_name} postgres\n",
    }
    for name, text in files.items():
        file = cluster.data / name
        file.write_text(text)
        if cluster.user is not None:
            place.give(file, cluster.user)


def _answers(cluster: Cluster) -> bool:
    return read_output([*connect(cluster)("postgres"), "-c", "SELECT 1"], cluster.env) is not None


def connect(cluster: Cluster) -> Callable[[str], list[str]]:
    """How an administrator's psql reaches a database of the cluster."""
    socket = ["-h", str(cluster.socket_folder), "-U", "postgres"]
    return lambda database: [str(cluster.programs.bin / "psql"), *PSQL_OPTIONS, *socket, "-d", database]
