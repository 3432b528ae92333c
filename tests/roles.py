"""Speak to the database with the rights of another role: the owner may put on each of the lesser ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus


@contextmanager
def as_role(role: str) -> Iterator[None]:
    """The rights of another role (`penumbra_worker`, `penumbra_web`, `none` for the owner) on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET ROLE {role}")
    try:
        yield
    finally:
        # a transaction that failed is about to be rolled back, and the role with it
        if connection.connection.info.transaction_status != TransactionStatus.INERROR:
            with connection.cursor() as cursor:
                cursor.execute(f"SET ROLE {before}")


def read_rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the owner finds in the database, whatever the present role may see."""
    with as_role("none"), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
