"""Room: config.local. The environment that settings read (config/env.py), made from an instance and its keys.

Each process gets the passwords of its own roles and no others: the web server could not sign in as the owner if it tried.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .instance import Instance
from .keys import PASSWORDS

DATABASE = "penumbra"
EXPORTED = "PENUMBRA_EXPORTED"
_ROLES_OF = {
    "web": ("WEB", "LEDGER"),
    "worker": ("WORKER", "LEDGER"),
    "sealer": ("SEALER", "LEDGER"),
    "owner": ("OWNER", "WEB", "WORKER", "LEDGER", "SEALER"),
}
_THREADS = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL and Redis are, as settings understand it."""

    database_url: str
    redis_url: str
    broker_url: str


def write_database_url(socket_folder: Path) -> str:
    """The URL of our database on a private server: no user, no password, the socket's folder as host."""
    return f"postgresql:///{DATABASE}?host={quote(str(socket_folder), safe='/')}"


def write_redis_urls(socket: Path) -> tuple[str, str]:
    """(URL for the counters, URL for Celery): two spellings of one socket, two logical databases."""
    path = quote(str(socket), safe="/")
    return f"unix://{path}?db=0", f"redis+socket://{path}?virtual_host=1"


def given_servers(given: Mapping[str, str]) -> tuple[str | None, tuple[str, str] | None]:
    """What the caller's environment names: (DATABASE_URL, (REDIS_URL, CELERY_BROKER_URL)); None where nothing."""
    redis_url = given.get("REDIS_URL")
    broker = given.get("CELERY_BROKER_URL") or redis_url or ""
    return given.get("DATABASE_URL") or None, (redis_url, broker) if redis_url else None


def write_environment(
    instance: Instance,
    keys: Mapping[str, str],
    servers: Servers,
    role: str,
    imagery_roots: Sequence[Path] = (),
) -> dict[str, str]:
    """All variables of the contract for a process that speaks as `role` (owner, web, worker, sealer).

    The caller's own PENUMBRA_ settings are kept; passwords of other roles are not among the result.
    """
    roots = [instance.folder / "scenes", *imagery_roots]
    settings = {
        "PENUMBRA_DEBUG": "0",
        "PENUMBRA_IMAGERY_ROOTS": ":".join(str(root) for root in dict.fromkeys(roots)),
    }
    passwords = {f"PENUMBRA_DB_PASSWORD_{name}" for name in _ROLES_OF[role]}
    return {
        **_THREADS,
        **settings,
        **{
            name: value
            for name, value in os.environ.items()
            if name.startswith("PENUMBRA_") and name not in PASSWORDS
        },
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "CELERY_BROKER_URL": servers.broker_url,
        "PENUMBRA_DB_ROLE": role,
        "PENUMBRA_STATE_DIR": str(instance.folder),
        "PENUMBRA_VAULT_DIR": str(instance.folder / "vault"),
        **{name: value for name, value in keys.items() if name not in PASSWORDS or name in passwords},
    }


def write_exports(environment: Mapping[str, str]) -> str:
    """The contract as lines for a shell; they name themselves, so that a later command can tell them from settings."""
    named = {**environment, EXPORTED: " ".join(environment)}
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in named.items())


def forget_exports(environment: MutableMapping[str, str]) -> None:
    """Drop what `write_exports` put into the caller's shell: our own test servers are not servers that the caller gave."""
    for name in environment.pop(EXPORTED, "").split():
        environment.pop(name, None)


def with_caller(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: the caller's (PATH, HOME, locale, certificates) without any password, and ours over it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in PASSWORDS and name != "PENUMBRA_DB_ADMIN_URL"
    }
    return {**kept, **environment}
