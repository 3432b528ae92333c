"""Refusals: which scenes of a catalogue cannot be read, and how many there are for each cause.

Room `detection`, pure. Counts name no scene and may be shown. May import `imagery` and `survey`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from monitor.detection.survey import Refusal
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import SceneItem
from monitor.imagery.pixels import open_scene
from monitor.imagery.refusal import SceneRefused


def count_causes(refused: Iterable[Refusal]) -> dict[str, int]:
    """How many scenes were refused for each cause."""
    return dict(Counter(refusal.cause.value for refusal in refused))


def read_refusals(
    items: Iterable[SceneItem], bands: Sequence[str], access: AssetAccess | None = None
) -> list[Refusal]:
    """Read every strip of every scene, only to see which are refused: for when nothing came of them."""
    refused = []
    for item in items:
        try:
            with open_scene(item, bands, access=access) as scene:
                for _ in scene.strips():
                    pass
        except SceneRefused as error:
            refused.append(Refusal(item.item_id, error.cause, error.detail))
    return refused
