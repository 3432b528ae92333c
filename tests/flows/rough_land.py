"""Scenes of the land with fields, which tell how a scene lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from tests.flows.mined_land import write_quarter

LATER = ("2025-07-01", "2025-09-30")


def write(folder: Path, name: str, *mined: Any, **more: Any) -> dict[str, Any]:
    """A quarter of the land with fields."""
    return write_quarter(folder, name, *mined, rough=True, **more)


def move(item: dict[str, Any], pixels: int) -> dict[str, Any]:
    """The same scene, its ground so many pixels further east; what comes in from beyond the edge was not seen."""
    with rasterio.open(item["assets"]["image"]["href"], "r+") as file:
        ground = np.roll(file.read(), pixels, axis=2)
        ground[:, :, : max(pixels, 0)] = ground[:, :, ground.shape[2] + min(pixels, 0) :] = 0
        file.write(ground)
    return item
