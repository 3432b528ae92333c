"""Masks: what a quality band says of each pixel.

Room `imagery`, pure: arrays in, arrays out. May import `sensors` for the names of the rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from monitor.imagery.sensors import MaskRule

Bool = npt.NDArray[np.bool_]

_SCL_SEEN = range(2, 12)
"""0 is no data, 1 saturated or defective, and what is over 11 a fill value of whoever cut the file."""
_SCL_CLOUD = (3, 8, 9, 10)  # cloud shadow, cloud of medium and high probability, thin cirrus
_QA_FILL = 0b1
_QA_NOTHING = 0  # no pixel of the product has it: the bits of confidence are never all unset
_QA_CLOUD = 0b11110  # dilated cloud, cirrus, cloud, cloud shadow
_FMASK_FILL = 255
_FMASK_CLOUD = 0b1111  # cirrus, cloud, beside cloud or shadow, cloud shadow
_CLOUDY_FROM_PERCENT = 50


def decode_mask(rule: MaskRule, stored: npt.NDArray[np.uint16]) -> tuple[Bool, Bool]:
    """Which pixels hold nothing, and which show a cloud or its shadow; two bool arrays of the shape of `stored`.

    Snow stays: bright bare ground in the tropics is often taken for it. So do dark areas, which may be water. Classes:
    Sentinel-2 L2A Algorithm Theoretical Basis (scene classification); Landsat Collection 2 QA_PIXEL bits 0 to 4;
    Harmonized Landsat Sentinel-2 Product User Guide, quality bits 0 to 3.
    """
    if rule is MaskRule.SCL:
        return ~np.isin(stored, _SCL_SEEN), np.isin(stored, _SCL_CLOUD)
    if rule is MaskRule.QA_PIXEL:
        return (stored == _QA_NOTHING) | ((stored & _QA_FILL) > 0), (stored & _QA_CLOUD) > 0
    if rule is MaskRule.FMASK:
        empty = stored == _FMASK_FILL
        return empty, ~empty & ((stored & _FMASK_CLOUD) > 0)
    return np.zeros(stored.shape, bool), stored >= _CLOUDY_FROM_PERCENT
