"""Whether an answer of blocks that was begun may go on: a word that changes with whatever the answer depends on.

A page of blocks is decided by the statement that reads it (monitor/releases/sight.py); a file of several pages besides
has to end visibly where the next page would be decided otherwise (P7). Rows of the release are not looked at.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

_STANDING = """
    SELECT md5(concat(
        (SELECT string_agg(concat_ws(' ', s.region_id, s.finest), ',' ORDER BY s.region_id)
            FROM access.sharpness(%(viewer)s) AS s),
        ';',
        (SELECT string_agg(concat_ws(' ', b.block_row, b.block_col, b.finest), ',' ORDER BY b.block_row, b.block_col)
            FROM access.sealed_blocks(%(viewer)s) AS b)
    ))
    WHERE %(token)s::uuid IS NULL OR EXISTS (
        SELECT FROM public.accounts_token t
        WHERE t.id = %(token)s AND t.user_id = %(viewer)s AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
    )
"""


def find_standing(viewer_id: UUID, token_id: UUID | None) -> str | None:
    """What somebody may see of which regions and blocks now, as a digest; None where their token no longer stands.

    token_id: None for a command, behind which no token stands.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"viewer": viewer_id, "token": token_id})
        row = cursor.fetchone()
        return None if row is None else str(row[0])
