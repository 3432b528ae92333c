"""How sharply a viewer sees the published pieces, now, and a way to ask in the reading statement whether it is so still.

Which pieces that makes is worked out from public geography (`privacy/shown.py`). A statement that reads rows holds
`STILL_SO`: rights that changed in between, or a token that is good no longer, give no rows, and the reader looks again (P7).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db import connection

from monitor.errors import VaultSealed
from monitor.grid import Level
from monitor.privacy.shown import Sight

_STANDS = (
    "(%(token)s::uuid IS NULL OR EXISTS (SELECT FROM public.accounts_token t WHERE t.id = %(token)s"
    " AND t.user_id = %(viewer)s AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()))"
)
_NOW = (
    f"CASE WHEN {_STANDS} THEN"  # noqa: S608 - fixed text; whoever asks is a parameter
    " (SELECT coalesce(string_agg(own::text, ' ' ORDER BY own::text), '') FROM access.sharpness(%(viewer)s) own)"
    " || (SELECT coalesce(string_agg(tile::text, ' ' ORDER BY tile::text), '')"
    " FROM access.sealed_blocks(%(viewer)s) tile) END"
)
STILL_SO = f"(%(viewer)s::uuid IS NULL OR {_NOW} = %(rights)s)"
"""A condition: what `read_rights` found is still true; null where the token behind it is good no longer. Its values are
those of `Rights.values`."""

LOOKS = 5
"""So often a question is tried again whose asker's rights changed while it was read."""
Read = TypeVar("Read")

PUBLIC_SIGHT = Sight({}, {}, is_public=True)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: an account, and the token that it showed; None for a command, behind which no token stands."""

    account: UUID
    token: UUID | None = None


@dataclass(frozen=True, slots=True)
class Rights:
    """What a reader may see now. reader: None for the public. text: what the database said, to compare; None where the token
    is good no longer, and then nothing is seen. regions: of the pieces that are seen, only those that show ground of these;
    None for all.

    The regions asked for select among the pieces that all agreements together show: alone they could show the ground of
    a border finer than the others allow, and the two beside each other would tell the rest of the coarser piece.
    """

    sight: Sight
    reader: Reader | None = None
    text: str | None = ""
    regions: frozenset[UUID] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The values of STILL_SO."""
        return {**_name(self.reader), "rights": self.text}


PUBLIC_RIGHTS = Rights(PUBLIC_SIGHT)
NOTHING = Sight({}, {})


def read_rights(reader: Reader, regions: Collection[UUID] | None = None) -> Rights:
    """The rights of an account, now; nothing for one that holds nothing, or whose token is good no longer. regions: as in
    `Rights`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_NOW},"  # noqa: S608 - fixed text; whoever asks is a parameter
            " ARRAY(SELECT json_build_array(region_id, finest) FROM access.sharpness(%(viewer)s)),"
            " ARRAY(SELECT ARRAY[block_row, block_col, finest] FROM access.sealed_blocks(%(viewer)s)),"
            # what the role sees of an open region, whatever the posture is now
            " EXISTS (SELECT FROM access.held(%(viewer)s) WHERE base = 0)",
            _name(reader),
        )
        text, held, sealed, knows_cells = cursor.fetchone()
    if text is None:
        return Rights(NOTHING, reader, None)
    levels = {UUID(region): Level(finest) for region, finest in held}
    floors = {(row, col): Level(finest) for row, col, finest in sealed}
    wanted = None if regions is None or levels.keys() <= set(regions) else frozenset(regions)
    return Rights(Sight(levels, floors, knows_cells=knows_cells), reader, text, wanted)


class RightsMoved(RuntimeError):
    """What the viewer may see changed while it was read: nothing was read."""


def read_with_rights(
    reader: Reader | None, regions: Collection[UUID] | None, read: Callable[[Rights], Read]
) -> Read:
    """Read with the rights of now; again, where they changed before the statement that read (P7).

    reader: None for the public. regions: as in `read_rights`. Raises VaultSealed where the rights will not
    hold still: nothing may be read then.
    """
    for _ in range(LOOKS):
        rights = PUBLIC_RIGHTS if reader is None else read_rights(reader, regions)
        with suppress(RightsMoved):
            return read(rights)
    raise VaultSealed("What you may see changes too often to be read just now.")


def read_still(query: str, rights: Rights, values: Mapping[str, Any]) -> list[Sequence[Any]]:
    """The rows of a query, if the rights are still those; its first column is never null. Raises RightsMoved."""
    with connection.cursor() as cursor:
        cursor.execute(
            # the query is fixed text of this package; whatever was asked is a parameter
            f"SELECT now.is_so, b.* FROM (SELECT {STILL_SO} AS is_so) now"  # noqa: S608
            f" LEFT JOIN LATERAL ({query}) b ON now.is_so",
            {**values, **rights.values},
        )
        found = cursor.fetchall()
    if not found[0][0]:
        raise RightsMoved
    return [row[1:] for row in found if row[1] is not None]


def _name(reader: Reader | None) -> dict[str, UUID | None]:
    return {"viewer": reader.account, "token": reader.token} if reader else {"viewer": None, "token": None}
