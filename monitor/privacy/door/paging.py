"""Pages of placeless rows, newest first: by a time, ties by the opaque id.

The cursor is sealed and bound to the question.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from monitor.privacy.door.cursors import CursorUnusable, open_cursor, seal_cursor

AnyModel = TypeVar("AnyModel", bound=Model)


def read_page(
    rows: QuerySet[AnyModel], by: str, limit: int, cursor: str | None, bound_to: str
) -> tuple[list[Any], str | None]:
    """One page, newest first by the field `by`, with the cursor of the next. Raises CursorUnusable.

    bound_to: what the cursor belongs to: the viewer and the filters.
    """
    if cursor is not None:
        moment, identifier = open_position(cursor, bound_to)
        at = datetime.fromisoformat(moment)
        rows = rows.filter(Q(**{f"{by}__lt": at}) | Q(**{by: at, "id__lt": UUID(identifier)}))
    found: list[Any] = list(rows.order_by(f"-{by}", "-id")[: limit + 1])
    page = found[:limit]
    if len(found) <= limit:
        return page, None
    return page, seal_cursor([getattr(page[-1], by).isoformat(), str(page[-1].id)], bound_to)


def open_position(cursor: str, bound_to: str) -> tuple[str, str]:
    """The time and the id at which a page ended. Raises CursorUnusable."""
    match open_cursor(cursor, bound_to):
        case [str(moment), str(identifier)]:
            return moment, identifier
    raise CursorUnusable
