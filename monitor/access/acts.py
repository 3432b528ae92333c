"""The acts of schema `access`. Each shows the actor's token to the database, which decides whether they may."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from accounts.viewer import Viewer
from monitor.errors import NotNow, NotThere, NotYours
from monitor.grid import Level
from monitor.privacy.posture import GRANT_DAYS_MAX, Move, Posture

NOBODY_TO_ASSIGN = "Nobody of this name can be assigned. Name an active inspector, and never yourself."
_MENDS: dict[str, Exception] = {
    "oneself": NotYours("Somebody else must do this for you."),
    "conflict": NotNow("The posture has changed in the meantime. Read it again."),
    "too_fine": NotYours("This level is finer than your role can be granted."),
    "not_finer": NotNow("You see this region at that level already."),
    "too_long": NotNow(f"A grant ends within {GRANT_DAYS_MAX} days."),
    "waiting": NotNow("A request of yours for this region is waiting already."),
    "over": NotNow("This has been decided already, or its time has passed."),
    "again": NotNow("You have approved this already. It needs another person."),
    "too_many": NotNow("Release at most one day's quota at a time."),
    "nobody": NotYours(NOBODY_TO_ASSIGN),
    "busy": NotNow("This alert has an open inspection already."),
    "no_window": NotNow("A window ends after it opens, and after now, and is 60 days long at most."),
    "past": NotNow("The window of this inspection has passed. Ask the regulator for another."),
    "moved": NotNow("This inspection was accepted or has ended already. Read it again."),
}


def move_posture(viewer: Viewer, region_id: UUID, before: Posture, after: Posture, move: Move) -> None:
    """Make one move. Raises NotThere, or NotNow where the region's posture is not what the actor believes."""
    _act(viewer, "move_posture(%s, %s, %s, %s, %s)", region_id, before.value, after.value, move.value)


def ask(
    viewer: Viewer,
    request_id: UUID,
    region_id: UUID,
    level: Level,
    purpose: str,
    reason: str,
    until: datetime,
) -> None:
    """Ask for a finer level. Raises NotThere for a region that the viewer holds nothing on, NotYours or NotNow."""
    _act(viewer, "ask(%s, %s, %s, %s, %s, %s, %s)", request_id, region_id, int(level), purpose, reason, until)


def decide(viewer: Viewer, request_id: UUID, is_yes: bool) -> None:
    """Approve or refuse somebody else's request. Raises NotThere, NotYours (oneself) or NotNow."""
    _act(viewer, "decide(%s, %s, %s)", request_id, is_yes)


def revoke_grant(viewer: Viewer, grant_id: UUID) -> None:
    """End a grant at once (P7). Raises NotThere or NotNow."""
    _act(viewer, "revoke_grant(%s, %s)", grant_id)


def release_quota(viewer: Viewer, user_id: UUID, cells: int) -> None:
    """Let somebody else read `cells` more today. Raises NotThere, NotYours (oneself) or NotNow."""
    _act(viewer, "release_quota(%s, %s, %s)", user_id, cells)


def assign_inspection(
    viewer: Viewer,
    inspection_id: UUID,
    alert_id: UUID,
    inspector_id: UUID,
    opens_at: datetime,
    expires_at: datetime,
) -> None:
    """Give an alert to an inspector. Raises NotThere, NotYours (nobody to assign, or oneself) or NotNow."""
    _act(
        viewer,
        "assign_inspection(%s, %s, %s, %s, %s, %s)",
        inspection_id,
        alert_id,
        inspector_id,
        opens_at,
        expires_at,
    )


def accept_inspection(viewer: Viewer, inspection_id: UUID) -> None:
    """Take an inspection of one's own on. Raises NotThere, or NotNow where its window has passed or it has moved on."""
    _act(viewer, "accept_inspection(%s, %s)", inspection_id)


def close_inspection(viewer: Viewer, inspection_id: UUID) -> None:
    """End an inspection, and with it the right to it. Raises NotThere, or NotNow where it has ended."""
    _act(viewer, "close_inspection(%s, %s)", inspection_id)


def _act(viewer: Viewer, call: str, *values: UUID | str | int | datetime) -> None:
    if viewer.credential is None:
        raise NotYours("This takes a token of your own.")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT access.{call}", [viewer.credential.secret, *values])
        (word,) = cursor.fetchone()
    if word == "hidden":
        raise NotThere
    if word in _MENDS:
        mend = _MENDS[word]
        raise type(mend)(*mend.args)
