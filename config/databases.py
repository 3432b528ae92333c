"""Where PostgreSQL is and as whom this process speaks to it.

Wiring. One server, five login roles (docs/privacy-promise.md, "The fence"): `owner` migrates, `web` answers, `worker`
detects, `sealer` seals the ledger, `ledger` only ever inserts and has a connection of its own outside Django's
transactions (accounts/ledger/connection.py).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from config.env import MOST_PROBES, read_number, read_secret, read_text

ROLES = ("owner", "web", "worker", "sealer")
TEMPLATE = "penumbra_template"
LONGEST_S = 1_000_000
"""PostgreSQL keeps the bound of a statement as milliseconds in an integer."""


def read_database(role: str) -> dict[str, Any]:
    """Django's settings for the server of DATABASE_URL, signed in as `penumbra_<role>`.

    DATABASE_URL names server and database only: postgresql://host:port/name or postgresql:///name?host=/socket/folder.
    Raises ImproperlyConfigured for another scheme, a role that does not exist, or a superuser's URL.
    """
    if role not in ROLES:
        raise ImproperlyConfigured(f"PENUMBRA_DB_ROLE must be one of {', '.join(ROLES)}.")
    parts = urlsplit(read_text("DATABASE_URL"))
    if parts.scheme not in {"postgresql", "postgres", "postgis"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql://")
    if parts.username:
        raise ImproperlyConfigured(
            "DATABASE_URL must not name a user: the role follows from PENUMBRA_DB_ROLE."
        )
    query = parse_qs(parts.query)
    return {
        "ENGINE": "config.postgis",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": f"penumbra_{role}",
        "PASSWORD": read_secret(f"PENUMBRA_DB_PASSWORD_{role.upper()}"),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # values travel apart from the statement, so none is in a log of statements or in pg_stat_activity (LC-35)
        "OPTIONS": {
            **_bound_waiting(role),
            "application_name": f"penumbra-{role}",
            "server_side_binding": True,
            # a statement that comes again on a connection is read and planned once (decisions/0047)
            "prepare_threshold": 3,
        },
        "TEST": {"TEMPLATE": TEMPLATE},
    }


def _bound_waiting(role: str) -> dict[str, Any]:
    """How long a process waits for a server that says nothing: one that cannot be reached, has gone, or is stuck.

    What lasts long by its nature is not bounded: statements of the owner, the worker and the sealer, and what they send
    while the server is busy. Raises ImproperlyConfigured for a bound below a second, which libpq takes for none.
    """
    timeout_s = read_number("PENUMBRA_DB_TIMEOUT_S", 5, most=MOST_PROBES)
    statement_s = read_number("PENUMBRA_DB_STATEMENT_S", 300, most=LONGEST_S)
    everybody = {
        "connect_timeout": timeout_s,
        "keepalives_idle": timeout_s,
        "keepalives_interval": 1,
        "keepalives_count": timeout_s,
    }
    if role != "web":
        return everybody
    limit = f"-c statement_timeout={statement_s * 1000}"
    return {**everybody, "tcp_user_timeout": 2 * timeout_s * 1000, "options": limit}
