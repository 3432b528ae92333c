"""Real sessions of the login roles on the test database, each with its own password from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.roles import read_rows

Session = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def signed_in(role: str) -> Iterator[Session]:
    """A real session of one login role on the test database, with its own password."""
    settings = connection.settings_dict
    password = os.environ.get(f"PENUMBRA_DB_PASSWORD_{role.upper()}")
    if password is None:
        pytest.skip(f"no password of {role} in the environment")
    with psycopg.connect(
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        dbname=settings["NAME"],
        user=f"penumbra_{role}",
        password=password,
        autocommit=True,
    ) as session:
        yield session


def refused(session: Session, statement: str) -> bool:
    """True where the database says that this role has no right to."""
    try:
        session.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.Error:
        return False
    return False


def relations(*schemas: str) -> list[str]:
    """Tables, views and sequences of the schemas."""
    return [
        name
        for (name,) in read_rows(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text = ANY(%s)"
            " AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1",
            list(schemas),
        )
    ]
