"""How many different exact cells an account may be shown in a day (UTC). The vault counts in the statement that reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import AppConfig
from django.conf import settings
from django.db import connection, connections


@dataclass(frozen=True, slots=True)
class Quota:
    """One account's day. allowed: with what others released. used: different cells that were shown."""

    allowed: int
    used: int

    @property
    def left(self) -> int:
        """How many more cells may be shown; a site that was shown whole can have taken more than was left."""
        return max(0, self.allowed - self.used)


def read_quota(user_id: UUID) -> Quota:
    """The quota of an account today."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT allowed, used FROM access.quota(%s)", [user_id])
        return Quota(*cursor.fetchone())


def apply_limits(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Write the configured quota into the database. Runs as the owner, after `migrate`; no process can do it."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass('access.limits') IS NOT NULL")
        if cursor.fetchone()[0]:  # not before the migration that makes it
            cursor.execute("UPDATE access.limits SET cells_per_day = %s", [settings.CELLS_PER_DAY])
