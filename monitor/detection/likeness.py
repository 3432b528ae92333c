"""Likeness: whether a scene shows the ground of an earlier one, in a like light, so that both can be compared.

Room `detection`, pure. Asks pixels and no scores: what it says of a scene tells whoever handed it in nothing of where mines
are seen, and no rush of mining can set it off. May import `featurizer`, `partmaps`, `registration` and
`imagery.sensors`.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

from monitor.detection.featurizer import CellFeatures
from monitor.detection.partmaps import Layout, find_seen
from monitor.detection.rcf import Bool, Float32
from monitor.detection.registration import MIN_PARTS, find_detail, measure_offset
from monitor.imagery.sensors import OPTICAL_BANDS

MOST_LIGHT = 1.25
"""A scene is in other light where more than half of its parts are brighter by this factor in each band, or darker."""
LIGHT_CELLS = 24
"""Fewer cells do not say what the light of a scene is."""
DETAIL_CELLS = 48
"""Fewer cells do not say that a scene shows other ground."""
MOST_CELLS = 400
"""Of more cells every so-many-th is looked at."""
LEAST_SHARED = 0.3
"""Mean correlation of the detail of two bands of one scene, from which it is detail of the ground and not noise."""
LEAST_MET = 0.1
"""Correlation of the detail of two scenes, below which nothing is where the earlier one has it."""


class Fit(Enum):
    """How a scene lies to an earlier one: upon it, as far as can be told, or why it cannot be compared with it.

    Parameters
    ----------
    value : str
        The word for it.

    Examples
    --------
    >>> Fit("darker").is_odd, Fit("upon").is_odd
    (True, False)
    """

    UPON = "upon"
    UNTOLD = "untold"
    APART = "apart"
    DARKER = "darker"
    BRIGHTER = "brighter"
    STRANGE = "strange"

    @property
    def is_odd(self) -> bool:
        """Whether the scene cannot be compared with the earlier one."""
        return self not in {Fit.UPON, Fit.UNTOLD}


def judge_fit(now: CellFeatures, before: CellFeatures, layout: Layout, min_valid_share: float = 0.0) -> Fit:
    """Whether a scene can be compared with an earlier one of the same sensor.

    Parameters
    ----------
    now, before : CellFeatures
        Of one featurizer.
    layout : Layout
        Of both rows of features.
    min_valid_share : float
        What both must show of a cell.

    Returns
    -------
    Fit
        Darker or brighter where the light differs, apart where the ground lies elsewhere (`measure_offset`), strange where
        both show detail and none of it is found again. Light and strangeness are told of optical bands only.

    Examples
    --------
    >>> from monitor.detection.partmaps import NO_MAP
    >>> place = np.arange(9000, 9030, dtype=np.int32)
    >>> cells = CellFeatures(place, place, np.ones(30, np.float32), np.zeros((30, 4), np.float32), "digest")
    >>> judge_fit(cells, cells, NO_MAP)  # these features hold no part maps
    <Fit.UNTOLD: 'untold'>
    """
    is_optical = layout.map_size > 0 and set(layout.bands) <= set(OPTICAL_BANDS)
    pair = _meet(now, before, layout, min_valid_share) if is_optical else None
    if pair and (light := _judge_light(*pair)) is not None:
        return light
    offset = measure_offset(now, before, layout, min_valid_share)
    if offset is not None:
        return Fit.APART if offset.is_apart else Fit.UPON
    return Fit.STRANGE if pair and _is_strange(*pair) else Fit.UNTOLD


def _meet(
    now: CellFeatures, before: CellFeatures, layout: Layout, min_valid_share: float
) -> tuple[Float32, Float32]:
    """Maps of the cells that both show, float32 (n, bands, across, across) each."""
    _, here, there = np.intersect1d(now.numbers, before.numbers, assume_unique=True, return_indices=True)
    shown = np.minimum(now.valid_share[here], before.valid_share[there]) >= max(min_valid_share, 1e-6)
    late, early = layout.maps(now.values)[here[shown]], layout.maps(before.values)[there[shown]]
    enough = np.flatnonzero(_find_both(late, early).sum(axis=(1, 2)) >= MIN_PARTS)
    enough = enough[:: max(1, -(-len(enough) // MOST_CELLS))]
    return late[enough], early[enough]


def _find_both(late: Float32, early: Float32) -> Bool:
    return find_seen(late) & find_seen(early)


def _judge_light(late: Float32, early: Float32) -> Fit | None:
    """Darker or brighter, None for neither. By medians: mines, fields and water change single parts, rarely all bands."""
    if len(late) < LIGHT_CELLS:
        return None
    both = _find_both(late, early)
    new, old = (maps.transpose(1, 0, 2, 3)[:, both] for maps in (late, early))
    if (np.median(new - old / MOST_LIGHT, axis=1) < 0).all():
        return Fit.DARKER
    return Fit.BRIGHTER if (np.median(new - old * MOST_LIGHT, axis=1) > 0).all() else None


def _is_strange(late: Float32, early: Float32) -> bool:
    """Whether both show detail of some ground, and not of the same."""
    if len(late) < DETAIL_CELLS:
        return False
    (new, new_mask), (old, old_mask) = find_detail(late), find_detail(early)
    if min(_share_detail(new, new_mask), _share_detail(old, old_mask)) < LEAST_SHARED:
        return False
    both = new_mask * old_mask
    energy = np.sqrt(_add_up(new**2 * both) * _add_up(old**2 * both))
    return abs(float(_add_up(new * old * both).sum() / max(float(energy.sum()), 1e-12))) < LEAST_MET


def _share_detail(detail: Float32, mask: Float32) -> float:
    """How far the bands of a scene show the same detail: mean correlation of two, the median of the cells."""
    bands = detail.shape[1]
    each = (detail.sum(axis=1) ** 2).sum(axis=(1, 2)) / np.maximum(mask.sum(axis=(1, 2, 3)), 1)
    return float(np.median((each / bands - 1) / (bands - 1)))


def _add_up(values: Float32) -> npt.NDArray[np.float64]:
    return np.asarray(values.sum(axis=(2, 3), dtype=np.float64))
