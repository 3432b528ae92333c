"""Strips: how a scene is cut into full-width bands of rows, so that memory stays bounded and no block is read twice.

Room `imagery`, pure: arithmetic on shapes. Imports nothing of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STRIP_BYTES = 24 * 2**20
"""Bound of what one strip takes: channels, valid and labels."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A full-width band of rows of the scene.

    pixels: float32 (C, H, W), C-contiguous, physical units (reflectance, or dB), 0 where not valid. valid: bool
    (H, W), true where every band holds a measurement and no cloud is known. labels: int32 (H, W), position in
    OpenScene.rows / cols, -1 for none. new_from: first row of the strip that was not in the strip before.
    """

    pixels: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.int32]
    new_from: int


def plan_strips(
    height: int, width: int, channels: int, block_rows: int, strip_bytes: int = STRIP_BYTES
) -> list[tuple[int, int]]:
    """First row of every strip and the row after its last.

    block_rows: rows of one block of the files. A strip is as many whole rows of blocks as fit into `strip_bytes`, or
    an equal part of one where even that is too much; at least one row.
    """
    most = max(1, strip_bytes // (width * (channels * 4 + 4 + 1)))
    block = min(block_rows, height)
    if block > most:
        step, period = -(-block // -(-block // most)), block
    else:
        step = period = most // block * block
    return [
        (row, min(row + step, start + period, height))
        for start in range(0, height, period)
        for row in range(start, min(start + period, height), step)
    ]
