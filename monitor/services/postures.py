"""The posture of a region. Lowering precision takes one person and effect at once; raising it takes two.

Services write the ledger and choose the move; whether it may be made is decided in the database, which sees both
people's tokens (monitor/migrations/0004_access.sql).
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from accounts.viewer import Viewer
from monitor.access.acts import move_posture
from monitor.access.postures import find_posture
from monitor.errors import NotThere
from monitor.privacy.policy import POLICY_VERSION
from monitor.privacy.posture import Move, Posture, choose_move
from monitor.privacy.scope import decides_about


def change_posture(viewer: Viewer, region_id: UUID, wanted: Posture, endpoint: str) -> Move:
    """Wish for a posture; what it came to. The ledger has what was and what was wished, whatever comes of it.

    Raises NotThere for a region that the viewer does not decide about, NotNow where it has changed in the meantime.
    """
    if not decides_about(viewer, region_id):
        raise NotThere
    now = find_posture(region_id)
    is_seconded = (
        now.asked is not None and now.asked.posture is wanted and now.asked.asked_by != viewer.user_id
    )
    move = choose_move(now.posture, wanted, is_seconded)
    entry = Entry(
        viewer,
        f"posture.{move.value}",
        endpoint,
        viewer.request_id,
        rule=f"{now.posture.value}-to-{wanted.value}",
        policy_version=POLICY_VERSION,
        regions=[region_id],
    )
    with recorded(entry), transaction.atomic():
        move_posture(viewer, region_id, now.posture, wanted, move)
    return move
