"""A private database for one country, made from the test template and dropped afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from accounts.ledger.completions import write_waiting
from accounts.ledger.connection import close_ledger_connections


@contextmanager
def private_database(name: str) -> Iterator[str]:
    """Make a database with all migrations and speak to it as the owner; its name. It is dropped at the end."""
    before = connection.settings_dict["NAME"]
    test = connection.settings_dict["TEST"]
    test["NAME"] = f"penumbra_red_{name}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield str(connection.settings_dict["NAME"])
    finally:
        write_waiting()
        close_ledger_connections()
        connection.creation.destroy_test_db(before, verbosity=0)
