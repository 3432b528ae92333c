"""Room: config.local. Both servers of an instance, private or given, from nothing to running."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from . import contract, database_roles, locks, packages, postgres, processes, redis_server
from .contract import Servers
from .instance import Instance
from .keys import make_keys
from .report import EXIT_MACHINE, Trouble, say

ORDER = ("redis", "postgres")  # in which they stop


@dataclass(frozen=True)
class Ready:
    """An instance whose servers answer. `started`: names of the servers that were not running before."""

    instance: Instance
    keys: Mapping[str, str]
    servers: Servers
    started: tuple[str, ...]


def start(instance: Instance) -> Ready:
    """Start what DATABASE_URL and REDIS_URL do not name, and make roles and databases. Running it again changes nothing."""
    instance.make_folders()
    with locks.wait_for(instance.run / "servers.lock", "starting the servers"):
        return _start(instance)


def _start(instance: Instance) -> Ready:
    keys = make_keys(instance.var / "secrets.env", os.environ)
    before = {record.name for record in processes.read_alive(instance)}
    database_url, redis_urls = contract.given_servers(os.environ)
    made = None if database_url else postgres.find_made(instance)
    programs = packages.provide(
        instance,
        postgres_too=database_url is None,
        redis_too=redis_urls is None,
        wanted=postgres.read_major(made) if made else None,
    )
    if database_url is None:
        cluster = postgres.start(instance, programs.need_postgres())
        database_roles.bootstrap(cluster, keys)
        database_url = contract.write_database_url(cluster.socket_folder)
    else:
        _bootstrap_given(instance, keys)
    if redis_urls is None:
        redis_urls = contract.write_redis_urls(redis_server.start(instance, programs.need_redis()))
    started = {record.name for record in processes.read_alive(instance)} - before
    return Ready(instance, keys, Servers(database_url, *redis_urls), tuple(sorted(started)))


def describe(instance: Instance) -> Ready:
    """As `start`, but starts nothing: for work that reads settings and asks no server."""
    instance.make_folders()
    keys = make_keys(instance.var / "secrets.env", os.environ)
    database_url, redis_urls = contract.given_servers(os.environ)
    absent = Servers(
        database_url or contract.write_database_url(instance.run),
        *(redis_urls or contract.write_redis_urls(instance.run / redis_server.SOCKET)),
    )
    return Ready(instance, keys, absent, ())


def _bootstrap_given(instance: Instance, keys: Mapping[str, str]) -> None:
    """Roles on a server that exists: made if PENUMBRA_DB_ADMIN_URL says who may, else expected to be there."""
    admin_url = os.environ.get("PENUMBRA_DB_ADMIN_URL")
    if not admin_url:
        say("   DATABASE_URL is given: its roles are expected to exist (config/sql/roles.sql)")
        return
    psql = shutil.which("psql")
    if psql is None:
        raise Trouble("psql is needed to make the database roles", "install postgresql-client", EXIT_MACHINE)
    head, _, query = admin_url.partition("?")
    server = head.rpartition("/")[0] if head.count("/") > 2 else head

    def connect(database: str) -> list[str]:
        return [psql, *postgres.PSQL_OPTIONS, "-d", f"{server}/{database}" + (f"?{query}" if query else "")]

    database_roles.administrate(connect, {**os.environ, **keys}, instance)
