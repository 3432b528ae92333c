"""What happens to a world between two questions: another person asks, a batch is published, a right is taken back.

An act is done with the owner's or the worker's rights, and to both worlds alike; what it hides differs between them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from accounts.tokens import revoke_tokens
from monitor.models import (
    AccessGrant,
    Agreement,
    Inspection,
    InspectionUserPermission,
    Region,
    RegionPosture,
    RegionUserPermission,
    Scene,
)
from monitor.services.alerts import raise_alerts
from tests.privacy.layouts import BLOCKS, PRESENT, Look, identify
from tests.privacy.worlds import (
    LONG_AGO,
    PUBLICATIONS,
    World,
    name_alerts,
    publish,
    write_scores,
    write_states,
)
from tests.roles import as_role

BORDER_ROW, BORDER_COL = 9234, 20000
"""Where mines are found: the easternmost cells of the west are beside this column. No other site lies in these rows."""


@dataclass(frozen=True)
class Act:
    """Something that happens. do: to a world, while the named viewer asks."""

    name: str
    do: Callable[[World, str | None], None]


def _publish_once_more(world: World, viewer: str | None) -> None:
    publish(PUBLICATIONS[-1] + timedelta(days=7), len(PUBLICATIONS))


def _publish_twice_more(world: World, viewer: str | None) -> None:
    for number in range(2):
        publish(PUBLICATIONS[-1] + timedelta(days=1 + number), len(PUBLICATIONS) + number)


def _take_regions_back(world: World, viewer: str | None) -> None:
    if viewer is not None:
        RegionUserPermission.objects.filter(user=world.people[viewer].user).delete()


def _take_one_region_back(world: World, viewer: str | None) -> None:
    if viewer is not None:
        region = Region.objects.get(name="Aruwe East")
        RegionUserPermission.objects.filter(user=world.people[viewer].user, content_object=region).delete()


def _take_the_west_back(world: World, viewer: str | None) -> None:
    if viewer is not None:
        region = Region.objects.get(name="Aruwe West")
        RegionUserPermission.objects.filter(user=world.people[viewer].user, content_object=region).delete()


def _revoke_token(world: World, viewer: str | None) -> None:
    if viewer is not None:
        revoke_tokens(world.people[viewer].user)


def _close_account(world: World, viewer: str | None) -> None:
    if viewer is not None:
        user = world.people[viewer].user
        type(user).objects.filter(id=user.id).update(is_active=False)


def _shut_every_inspection(world: World, viewer: str | None) -> None:
    for inspection in Inspection.objects.filter(status="accepted"):
        Inspection.objects.filter(id=inspection.id).update(status="closed")
        InspectionUserPermission.objects.filter(content_object=inspection).delete()


def _set_posture(posture: str) -> Callable[[World, str | None], None]:
    """Less precision, never more: what is sealed already stays so."""

    def change(world: World, viewer: str | None) -> None:
        sealed = RegionPosture.objects.filter(posture="sealed").values("region_id")
        for region in Region.objects.exclude(id__in=sealed):
            RegionPosture.objects.update_or_create(
                region=region, defaults={"posture": posture, "changed_at": LONG_AGO}
            )

    return change


def _end_every_grant(world: World, viewer: str | None) -> None:
    AccessGrant.objects.update(revoked_at=LONG_AGO.replace(month=10))


def _agree_on_l1(world: World, viewer: str | None) -> None:
    """Rosa and Adam agree on L1 for every region that the viewer receives."""
    if viewer is None:
        return
    partner = world.people[viewer].user
    for held in RegionUserPermission.objects.filter(user=partner):
        Agreement.objects.create(
            id=identify(f"agreement {viewer} {held.content_object_id}"),
            user=partner,
            region_id=held.content_object_id,
            level=1,
            reference="MoU 2026/14",
            agreed_by=world.people["rosa"].user,
            seconded_by=world.people["adam"].user,
            agreed_at=LONG_AGO,
            expires_at=LONG_AGO + timedelta(days=365),
        )


def _see_another_scene(world: World, viewer: str | None) -> None:
    """A scene of the present month is scored: cells wake up and fall asleep, elsewhere in each world."""
    looks = []
    for name in ("east", "west"):
        hidden = random.Random(f"afterwards {name} {world.layout.plan.hidden[name]}")
        for block_row, block_col in BLOCKS[name]:
            for _ in range(hidden.randint(1, 9)):
                cell = (block_row * 20 + hidden.randrange(20), block_col * 20 + hidden.randrange(20))
                state = hidden.choice(["active", "active", "quiet"])
                looks.append(Look(cell, PRESENT + timedelta(days=19), state, round(hidden.random(), 4)))
    looks = list({look.cell: look for look in looks}.values())
    scene = Scene.objects.create(digest="another", sensor="sentinel-2", state="scored")
    Scene.objects.filter(id=scene.id).update(received_at=LONG_AGO)
    write_scores(identify("model"), looks, [scene.id] * len(looks))
    write_states(looks)


def _find_mines_at_the_border(world: World, viewer: str | None) -> None:
    """A scene finds mines on the border of east and west, and alerts are raised: two in the east, one in the west. Whether
    the western mine touches the others, and how large it is, is the west's to know."""
    plan = world.layout.plan
    west = random.Random(f"border west {plan.field['west']}")
    row = BORDER_ROW + random.Random(f"border east {plan.hidden['east']}").randrange(3)
    eastern = [(row, BORDER_COL), (row, BORDER_COL + 1), (row, BORDER_COL + 2), (row + 2, BORDER_COL)]
    nearest = BORDER_COL - west.choice([1, 1, 3])
    western = [(row + 1, nearest - number) for number in range(west.randint(1, 8))]
    day = PRESENT + timedelta(days=19)
    looks = [Look(cell, day, "active", 0.9) for cell in (*eastern, *western)]
    scene = Scene.objects.create(digest="border", sensor="sentinel-2", state="scored")
    Scene.objects.filter(id=scene.id).update(received_at=LONG_AGO)
    write_scores(identify("model"), looks, [scene.id] * len(looks))
    write_states(looks)
    with as_role("penumbra_worker"):
        raised = raise_alerts([scene.id])
    name_alerts(raised)


ANOTHER_BATCH = Act("another batch", _publish_once_more)
TWO_BATCHES = Act("two more batches", _publish_twice_more)
REGIONS_TAKEN_BACK = Act("all regions taken back", _take_regions_back)
ONE_REGION_TAKEN_BACK = Act("one region taken back", _take_one_region_back)
WEST_TAKEN_BACK = Act("the west taken back", _take_the_west_back)
TOKEN_REVOKED = Act("token revoked", _revoke_token)
ACCOUNT_CLOSED = Act("account closed", _close_account)
INSPECTIONS_SHUT = Act("inspections shut", _shut_every_inspection)
REGIONS_GUARDED = Act("all regions guarded", _set_posture("guarded"))
REGIONS_SEALED = Act("all regions sealed", _set_posture("sealed"))
L1_AGREED = Act("agreements on L1", _agree_on_l1)
GRANTS_ENDED = Act("all grants ended", _end_every_grant)
ANOTHER_SCENE = Act("another scene", _see_another_scene)
ALERTS_RAISED = Act("alerts raised at the border", _find_mines_at_the_border)
