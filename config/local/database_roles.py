"""Room: config.local. Roles, database and test template, made by an administrator with the statements of config/sql."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import postgres
from .contract import DATABASE
from .instance import Instance
from .report import EXIT_MACHINE, read_output, run

TEMPLATE = "penumbra_template"
_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate"
_CLOSED_TEMPLATES = "SELECT datname FROM pg_database WHERE datistemplate AND NOT datallowconn"


def bootstrap(cluster: postgres.Cluster, keys: Mapping[str, str]) -> None:
    """Roles and databases of a private server."""
    administrate(postgres.connect(cluster), {**cluster.env, **keys}, cluster.instance)


def administrate(connect: Callable[[str], list[str]], env: Mapping[str, str], instance: Instance) -> None:
    """Roles and the database, on the server that the words of `connect(database)` reach. Again: passwords change, no more.

    For tests there is also a template with PostGIS, from which the owner makes databases without being superuser.
    """
    sql = instance.root / "config/sql"

    def execute(text: str, what: str, database: str = "postgres") -> None:
        run(
            connect(database),
            stdin=text,
            env=env,
            log=instance.log / "bootstrap.log",
            what=what,
            code=EXIT_MACHINE,
        )

    def exists(database: str, query: str) -> bool:
        return database in (read_output([*connect("postgres"), "-c", query], env) or "").split()

    execute((sql / "roles.sql").read_text(), "making the database roles")
    if not exists(DATABASE, _DATABASES):
        execute(
            f"CREATE DATABASE {DATABASE} OWNER penumbra_owner ENCODING 'UTF8' TEMPLATE template0;",
            "making the database",
        )
    execute((sql / "database.sql").read_text(), "preparing the database", DATABASE)
    if instance.name == "test" and not exists(TEMPLATE, _CLOSED_TEMPLATES):
        execute("ALTER ROLE penumbra_owner CREATEDB;", "allowing the owner to make test databases")
        execute(f"DROP DATABASE IF EXISTS {TEMPLATE};", "clearing an unfinished template")
        execute(
            f"CREATE DATABASE {TEMPLATE} ENCODING 'UTF8' TEMPLATE template0;", "making the template database"
        )
        execute((sql / "database.sql").read_text(), "preparing the template database", TEMPLATE)
        # No session may hold the template open, or making a database from it would fail.
        execute(
            f"ALTER DATABASE {TEMPLATE} IS_TEMPLATE true ALLOW_CONNECTIONS false;",
            "closing the template database",
        )
