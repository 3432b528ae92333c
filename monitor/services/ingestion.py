"""Ingest a catalogue, or what a STAC API found: receive the items, ring for them in the order of their dates, watch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Sum

from monitor.imagery.catalog import CatalogItem
from monitor.imagery.refusal import SceneRefused
from monitor.imagery.search import Found, Query, search_items
from monitor.models import Alert, Scene
from monitor.services.scenes import receive_scene
from monitor.services.sweeping import ring_for_what_is_due

Progress = Callable[[int, int], None]
POLL_S = 0.5


class WaitedInVain(TimeoutError):
    """The scenes did not move on: no worker is running, or all are stuck."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came of handing a catalogue in. refused: items that never became a scene, by cause."""

    scenes: Sequence[UUID]
    new: int
    refused: dict[str, int]


def receive_catalog(items: Sequence[CatalogItem], folder: Path | None, progress: Progress) -> Received:
    """Receive every item, then ring for what is due. An item that is refused stops nothing.

    folder: of a catalogue on this disk; the files of its items may be read below it. None for items of an API.
    """
    scenes: list[UUID] = []
    new = 0
    refused: Counter[str] = Counter()
    for done, item in enumerate(items, start=1):
        try:
            item.parse()  # says why an item that could not even be read is refused
            scene_id, is_new = receive_scene(
                item.document or {}, item.href, None, announce=False, folder=folder
            )
        except SceneRefused as refusal:
            refused[refusal.cause.value] += 1
        else:
            scenes.append(scene_id)
            new += is_new
        progress(done, len(items))
    ring_for_what_is_due()
    return Received(list(dict.fromkeys(scenes)), new, dict(refused))


def find_scenes(query: Query, progress: Callable[[int], None] | None = None) -> Found:
    """Search a STAC API, within the hosts that the installation allows. Raises SearchFailed."""
    return search_items(query, settings.IMAGERY_HOSTS, progress)


def wait_for_scenes(scenes: Sequence[UUID], patience_s: float, progress: Progress) -> None:
    """Wait until none of these scenes is due or held. Raises WaitedInVain after `patience_s` without any change."""
    mine = Scene.objects.filter(id__in=scenes)
    last: tuple[int, int] | None = None
    changed_at = time.monotonic()
    while True:
        open_scenes = mine.filter(state__in=("received", "claimed"))
        left = open_scenes.count()
        progress(len(scenes) - left, len(scenes))
        if not left:
            return
        now = (left, open_scenes.aggregate(Sum("progress"))["progress__sum"] or 0)
        if now != last:
            last, changed_at = now, time.monotonic()
        if time.monotonic() - changed_at > patience_s:
            raise WaitedInVain(f"{left} scenes made no progress for {patience_s:.0f} s. Is a worker running?")
        time.sleep(POLL_S)


def summarise_scenes(scenes: Sequence[UUID]) -> dict[str, Any]:
    """How these scenes stand: by state, refused by cause, cells scored, alerts there are by status."""
    mine = Scene.objects.filter(id__in=scenes)
    states = dict(mine.values_list("state").annotate(Count("id")).order_by("state"))
    causes = dict(mine.filter(state="refused").values_list("cause").annotate(Count("id")).order_by("cause"))
    alerts = dict(Alert.objects.values_list("status").annotate(Count("id")).order_by("status"))
    return {
        "scenes": states,
        "refused": causes,
        "cells_scored": mine.aggregate(Sum("cells_scored"))["cells_scored__sum"] or 0,
        "alerts": {"all": sum(alerts.values()), **alerts},
    }
