"""How sharply somebody sees each region now, by posture and grants. For choosing the way and telling people.

What is read is decided again in the statement that reads (P7): nothing here opens anything.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from accounts.viewer import Viewer
from monitor.grid import Level


def find_sharpness(viewer: Viewer) -> dict[UUID, Level]:
    """The finest level of each region that the viewer holds something on; empty for roles that hold nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT region_id, finest FROM access.sharpness(%s)", [viewer.user_id])
        return {region_id: Level(finest) for region_id, finest in cursor.fetchall()}
