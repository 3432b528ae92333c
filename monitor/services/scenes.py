"""Receive scenes. Runs in the web process too, so it reads the item's JSON and never opens a raster."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.ledger.entry import Entry
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.writer import recorded
from accounts.viewer import Viewer
from monitor.bell import Bell, ring
from monitor.imagery.item import parse_item
from monitor.imagery.refusal import Cause, SceneRefused
from monitor.models import Scene
from monitor.vault.items import deposit_item, open_folder

CLOCKS_APART = timedelta(days=1)
"""How far ahead of ours the clock of whoever dates a scene may be; a day that is stated without an hour ends so late."""


def receive_scene(
    document: Mapping[str, Any],
    base_href: str,
    received_by: UUID | None,
    announce: bool = True,
    folder: Path | None = None,
) -> tuple[UUID, bool]:
    """Take in a STAC item: its id outside the vault, and whether it is new. The same item again is the same scene; from
    another account it is another one, so that nobody learns what others have handed in (P8).

    base_href: what relative hrefs are relative to; "" for an item that was handed in by itself. announce: ring for the
    worker at once (a catalogue is announced in the order of its dates when it is in). folder: of an operator's catalogue,
    below which its files may be read from now on: a sweep does not wait for the rest of it. A scene that was refused is
    read again: its files may have been mended. Raises SceneRefused, and stores nothing, where the document is no usable
    item.
    """
    item = parse_item(document, base_href)
    if item.observed_to > timezone.now() + CLOCKS_APART:
        raise SceneRefused(
            Cause.NO_OBSERVATION_DATE,
            "The observation ends in the future, and would be the newest of its ground until then; mend the dates.",
        )
    digest = keyed_digest(f"{item.document_sha256} {base_href} {received_by}".encode())
    known = Scene.objects.filter(digest=digest).values_list("id", flat=True).first()
    if known is not None:
        _receive_again(known, announce, folder)
        return known, False
    try:
        with transaction.atomic():
            scene = Scene.objects.create(
                digest=digest,
                sensor=item.sensor or "",
                received_by_id=received_by,
                rung_at=timezone.now() if announce else None,
            )
            deposit_item(scene.id, item, document, base_href)
            if folder is not None:
                open_folder(scene.id, folder)
            if announce:
                ring(Bell.SCENE_RECEIVED, scene.id)
    except IntegrityError:
        # the same item arrived twice at the same moment: the other one is the scene
        other = Scene.objects.filter(digest=digest).values_list("id", flat=True).first()
        if other is None:
            raise
        return other, False
    return scene.id, True


def hand_in_scene(viewer: Viewer, document: Mapping[str, Any], endpoint: str) -> UUID:
    """Take in an item that somebody hands in by itself, on the ledger. Raises SceneRefused, LedgerUnavailable."""
    with recorded(Entry(viewer, "scene.receive", endpoint, viewer.request_id)):
        scene_id, _ = receive_scene(document, "", viewer.user_id)
    return scene_id


def _receive_again(scene_id: UUID, announce: bool, folder: Path | None) -> None:
    """Read it again if it was refused; its files may lie below another folder now."""
    with transaction.atomic():
        if folder is not None:
            open_folder(scene_id, folder)
        is_due_again = Scene.objects.filter(id=scene_id, state="refused").update(
            state="received",
            cause="",
            detail="",
            attempts=0,
            progress=0,
            rung_at=timezone.now() if announce else None,
        )
        if is_due_again and announce:
            ring(Bell.SCENE_RECEIVED, scene_id)
