"""The scene that the tests of real workers follow: one quarter is scored already, the second one is handed in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from monitor.field.sites import group_cells
from monitor.models import Alert, Scene
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due
from monitor.vault.scores import _SCORING_LOCK
from tests.flows.mined_land import OLD_MINE, MinedLand
from tests.flows.route import cells_in, read_scores, read_sites, stand
from tests.flows.workers import wait_until

LASTS = timedelta(days=60)
"""A scene that is seen again later."""
POINTS = {
    "after the claim": "LOCK TABLE vault.item IN ACCESS EXCLUSIVE MODE",
    "after the features are kept": f"SELECT pg_advisory_xact_lock({_SCORING_LOCK})",
    "before the scores": "LOCK TABLE vault.score IN SHARE MODE",
    "after the scores": "LOCK TABLE vault.cell_state IN SHARE MODE",
    "after the states": "LOCK TABLE vault.site IN SHARE MODE",
    "after the first site": "LOCK TABLE monitor_alert IN SHARE MODE",
    "after the first alert": "LOCK TABLE vault.alert_site IN SHARE MODE",
}
"""What a worker needs next at each point of a scene: the test holds it, so the worker waits there to be killed."""


@dataclass(frozen=True)
class Prepared:
    """What a test starts from. before: the scene of the first quarter; scene: that of the second."""

    model: UUID
    before: UUID
    scene: UUID
    land: MinedLand

    def read(self) -> Scene:
        """The second scene as it stands."""
        return Scene.objects.get(id=self.scene)

    def assert_finished(self) -> None:
        """The scene is scored whole, once, and says what is true of the land."""
        scores = read_scores(self.scene, self.model)
        assert self.read().cells_scored == len(scores) >= len(self.land.whole)
        assert cells_in("active") - OLD_MINE == self.land.mined
        sites = read_sites()
        assert [site - OLD_MINE for site in sites if site - OLD_MINE] == group_cells(self.land.mined)
        assert Alert.objects.count() == len(sites)


def see_again(land: MinedLand, time: int) -> dict[str, Any]:
    """The item of the second quarter once more, of a later time: the first one follows upon that quarter."""
    item = copy.deepcopy(land.items["t1"])
    item["id"] = f"land-later-{time}"
    begins = date(2025, 7, 1) + time * LASTS
    item["properties"] |= {
        "start_datetime": f"{begins}T00:00:00Z",
        "end_datetime": f"{begins + LASTS - timedelta(days=1)}T00:00:00Z",
    }
    return item


def receive_later(land: MinedLand, times: int) -> list[UUID]:
    """The second quarter once more, so many times later; nobody is told."""
    items = [see_again(land, time) for time in range(times)]
    return [receive_scene(item, "", None, announce=False)[0] for item in items]


def sweep_until(happened: Callable[[], bool]) -> None:
    """Let the clock's sweep run again and again until something has happened."""

    def sweep() -> bool:
        ring_for_what_is_due()
        return happened()

    wait_until(sweep, "what is swept for", tick_s=0.3)


def sweep_until_scored(scene_id: UUID) -> None:
    """Let the sweep run until the scene is done, which it must be by being scored."""
    sweep_until(lambda: stand(scene_id)[0][0] in {"scored", "refused"})
    assert stand(scene_id) == [("scored", "")]


def lapse(scene_id: UUID) -> None:
    """Let the lease of a claimed scene have run out."""
    Scene.objects.filter(id=scene_id, state="claimed").update(
        claimed_until=timezone.now() - timedelta(seconds=1)
    )
