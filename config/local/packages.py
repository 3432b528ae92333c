"""Room: config.local. The Debian packages of the servers: what they are called in this release, and how they come here.

Root installs them; their own services are kept from starting. Everybody else, and root with PENUMBRA_NO_ROOT_INSTALL=1,
gets them unpacked under var/debian (unpacked.py). Servers that are installed already are used as they are.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import postgres, redis_server, unpacked
from .instance import Instance
from .postgres import Programs
from .report import EXIT_MACHINE, Trouble, read_output, run, say

SYSTEM = Path("/")
POLICY = Path("/usr/sbin/policy-rc.d")
_SEE_LOG = "see var/log/packages.log"
_POSTGIS = re.compile(r"^postgresql-(\d+)-postgis-3$")


@dataclass(frozen=True)
class ServerPrograms:
    """What programs there are on this machine; None where there is none."""

    postgres: Programs | None
    redis: redis_server.Program | None

    def need_postgres(self) -> Programs:
        """The programs of PostgreSQL. `Trouble` if they were brought and yet do not run."""
        if self.postgres is None:
            raise Trouble("PostgreSQL with PostGIS was brought but does not run", _SEE_LOG, EXIT_MACHINE)
        return self.postgres

    def need_redis(self) -> redis_server.Program:
        """The program of Redis. `Trouble` if it was brought and yet does not run."""
        if self.redis is None:
            raise Trouble("Redis was brought but does not run", _SEE_LOG, EXIT_MACHINE)
        return self.redis


def choose_postgis(
    available: Sequence[str], installed: Sequence[int] = (), wanted: int | None = None
) -> int | None:
    """The PostgreSQL major version to install, from the names of available packages.

    `wanted` (an existing cluster's version) or nothing; else one of `installed`, to add PostGIS only; else the newest.
    """
    offered = {int(match[1]) for name in available if (match := _POSTGIS.match(name))}
    if wanted is not None:
        return wanted if wanted in offered else None
    return max(offered & set(installed), default=None) or max(offered, default=None)


def choose_redis(available: Sequence[str]) -> str | None:
    """The package of the Redis server, or of its drop-in successor where a release has no Redis."""
    return next((name for name in redis_server.PROGRAMS if name in available), None)


def provide(instance: Instance, *, postgres_too: bool, redis_too: bool, wanted: int | None) -> ServerPrograms:
    """The server programs asked for; brought first if they are missing. `wanted`: version of an existing cluster."""
    found = find(instance, wanted)
    lacks_postgres, lacks_redis = postgres_too and not found.postgres, redis_too and not found.redis
    if lacks_postgres or lacks_redis:
        _bring(instance, lacks_postgres, lacks_redis, wanted)
        found = find(instance, wanted)
    return found


def find(instance: Instance, wanted: int | None = None) -> ServerPrograms:
    """What is installed, or unpacked under var/, already."""
    ours = unpacked.root_folder(instance)
    roots: list[tuple[Path, Mapping[str, str]]] = [(ours, unpacked.write_environment(ours))]
    if not prefers_unpacked():
        roots.insert(0, (SYSTEM, {}))
    return ServerPrograms(postgres.find_programs(roots, wanted), redis_server.find_program(roots))


def prefers_unpacked() -> bool:
    """Whether the caller wants nothing of the system's own servers and packages: PENUMBRA_NO_ROOT_INSTALL=1."""
    return os.environ.get("PENUMBRA_NO_ROOT_INSTALL", "") not in {"", "0"}


def _bring(instance: Instance, postgres_too: bool, redis_too: bool, wanted: int | None) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise Trouble(
            "PostgreSQL with PostGIS or Redis is missing, and this is not Debian or Ubuntu",
            "install them, or name servers that exist in DATABASE_URL and REDIS_URL (docs/operations.md)",
            EXIT_MACHINE,
        )
    is_root = os.geteuid() == 0 and not prefers_unpacked()
    apt = [] if is_root else unpacked.write_apt_options(instance)
    log = instance.var / "log/packages.log"
    mend = f"is the network reachable? The whole output is in {log}"
    run(
        ["apt-get", *apt, "update"],
        log=log,
        what="reading the lists of packages",
        mend=mend,
        code=EXIT_MACHINE,
    )
    names = _choose(apt, postgres_too, redis_too, wanted)
    say(f"   {'installing' if is_root else 'unpacking under var/debian'}: {' '.join(names)}")
    if is_root:
        _install(names, log, mend)
    else:
        unpacked.unpack(instance, apt, names, log, mend)


def _choose(apt: Sequence[str], postgres_too: bool, redis_too: bool, wanted: int | None) -> list[str]:
    available = (read_output(["apt-cache", *apt, "pkgnames"]) or "").split()
    names: list[str] = []
    if postgres_too:
        installed = [
            int(folder.name)
            for folder in (SYSTEM / "usr/lib/postgresql").glob("[0-9]*")
            if folder.name.isdigit()
        ]
        major = choose_postgis(available, installed, wanted)
        if major is None:
            what = (
                f"version {wanted}, which made the cluster in var/," if wanted else "PostgreSQL with PostGIS"
            )
            raise Trouble(
                f"{what} is not among this machine's packages",
                "`make clean-var` starts anew, or set DATABASE_URL",
                EXIT_MACHINE,
            )
        names += [f"postgresql-{major}", f"postgresql-client-{major}", f"postgresql-{major}-postgis-3"]
    if redis_too:
        redis = choose_redis(available)
        if redis is None:
            raise Trouble(
                "no Redis is among this machine's packages", "install one, or set REDIS_URL", EXIT_MACHINE
            )
        names.append(redis)
    return names


def _install(names: Sequence[str], log: Path, mend: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with services_kept_still():
        run(
            ["apt-get", "install", "-y", "--no-install-recommends", *names],
            log=log,
            what="installing packages",
            mend=mend,
            env=env,
            code=EXIT_MACHINE,
        )


@contextmanager
def services_kept_still() -> Iterator[None]:
    """Packages may not start their services meanwhile: Debian asks policy-rc.d; 101 means no. An existing policy stays."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
