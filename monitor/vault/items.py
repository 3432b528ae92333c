"""Items of scenes in the vault: the web process deposits them, the worker loads them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from monitor.imagery.item import SceneItem


@dataclass(frozen=True, slots=True)
class StoredItem:
    """A STAC item as it was handed in, and what its relative hrefs are relative to.

    folder: of the catalogue that an operator ingested; its files may be read below it. None for an item that came over
    HTTP: a machine account cannot say what of this disk may be read.
    """

    document: Mapping[str, Any]
    base_href: str
    folder: str | None


def deposit_item(scene_id: UUID, item: SceneItem, document: Mapping[str, Any], base_href: str) -> None:
    """Keep the item of a scene. A second deposit for the same scene changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT vault.deposit_item(%s, %s, %s, %s, %s, %s)",
            [
                scene_id,
                json.dumps(document),
                base_href,
                item.sensor or "",
                item.observed_from,
                item.observed_to,
            ],
        )


def load_item(scene_id: UUID) -> StoredItem:
    """The item of a scene. Raises LookupError where none was deposited."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT document, base_href, folder FROM vault.item WHERE scene_id = %s", [scene_id])
        row = cursor.fetchone()
    if row is None:
        raise LookupError("This scene has no item in the vault.")
    return _read_row(row)


def list_readable_items(sensor: str) -> list[StoredItem]:
    """The items of one sensor whose scenes were read and not refused, oldest observation first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT document, base_href, folder FROM vault.item JOIN public.monitor_scene scene ON scene.id = scene_id"
            " WHERE item.sensor = %s AND scene.state <> 'refused' ORDER BY observed_to, scene_id",
            [sensor],
        )
        return [_read_row(row) for row in cursor.fetchall()]


def count_refused_items(sensor: str) -> dict[str, int]:
    """How many scenes of one sensor stand refused, by cause. Names no scene."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scene.cause, count(*) FROM vault.item JOIN public.monitor_scene scene ON scene.id = scene_id"
            " WHERE item.sensor = %s AND scene.state = 'refused' GROUP BY scene.cause",
            [sensor],
        )
        return dict(cursor.fetchall())


def open_folder(scene_id: UUID, folder: Path) -> None:
    """Let the files of a scene be read below `folder`. The worker's right: whoever ingests is the operator."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE vault.item SET folder = %s WHERE scene_id = %s", [str(folder), scene_id])


def list_scenes_by_date(scene_ids: list[UUID]) -> list[UUID]:
    """The same scenes, oldest observation first, so that references are there before what is compared with them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scene_id FROM vault.item WHERE scene_id = ANY(%s) ORDER BY observed_to, scene_id",
            [scene_ids],
        )
        return [scene_id for (scene_id,) in cursor.fetchall()]


def _read_row(row: tuple[Any, ...]) -> StoredItem:
    document, base_href, folder = row
    return StoredItem(json.loads(document) if isinstance(document, str) else document, base_href, folder)
