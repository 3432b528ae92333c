"""Certificates (pure): what a batch, or the part of it that somebody receives, can tell at most, in figures.

Figures are of public geography, but for rows, periods and the digest. All numbers are whole or decimals as text, rounded
to the unsafe side (what protects down, what threatens up), so that the canonical form (RFC 8785) is plain and the same
everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import UUID

import numpy as np
import numpy.typing as npt

from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, choose_activity_band
from monitor.privacy.policy import K_EFF_MIN, PRIOR_MAX, SEEN_PER_CENT_MIN
from monitor.privacy.shown import EditionFigures

Json = dict[str, object]
Rows = Mapping[Level, Mapping[tuple[date, Level], int]]
"""How many rows, by edition, period and level."""
QUANTILES = (("min", 0), ("p05", 5), ("p50", 50), ("max", 100))
SIGNATURE_FORMAT = "c2sp-signed-note"
"""How a certificate is signed: its canonical form (RFC 8785) and a newline are the text of a note that the ledger's key
signs with Ed25519; the signature is what stands under the note."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a certificate speaks of: a whole batch (`batch`), or what somebody receives of it (`received`), by region and
    level."""

    kind: str
    regions: tuple[tuple[UUID, Level], ...] = ()


def count_most_active(band: ActivityBand, cells: int) -> int | None:
    """The most active cells that a piece of `cells` plausible cells can have in this band, or None where the band is
    impossible there. Whole numbers only, as in `choose_activity_band`."""
    most = {
        ActivityBand.NONE: 0,
        ActivityBand.UNDER_2: (2 * cells - 1) // 100,
        ActivityBand.FROM_2_TO_5: (5 * cells - 1) // 100,
        ActivityBand.FROM_5_TO_10: 10 * cells // 100,
        ActivityBand.OVER_10: cells,
    }[band]
    return most if choose_activity_band(most, cells) is band else None


def bound_posterior(most_active: int, largest_prior: float) -> float:
    """An upper bound of the probability that one particular cell is active, for somebody who knows the band and the prior.

    Model: k cells are active, each set of k as likely as the product of its cells' weights, so that for k = 1 the
    posterior is the prior. For the likeliest cell, of share p, it is p * r / (1 + p * r) with r = e(k-1) / e(k), the
    ratio of elementary symmetric sums of the other weights. No other weight is above p, so e(k) >= e(k-1) * (1 - k p) / k,
    hence the posterior is at most k * p; with equal weights it is exactly k * p. It grows with k, so the band's upper
    edge bounds every mixture of counts that the band allows.
    """
    return min(1.0, most_active * largest_prior)


def make_certificate(
    release: UUID,
    policy_version: str,
    scope: Scope,
    pieces: Mapping[Level, EditionFigures],
    rows: Rows,
    digest: str | None,
) -> Json:
    """The certificate of the rows that `scope` covers.

    pieces: the pieces it covers, by edition. rows: how many, by edition; of an edition that is not in it nothing is told.
    digest: of the rows, None where they are kept no longer.
    """
    return {
        "release": str(release),
        "policy_version": policy_version,
        "limits": {
            "k_eff_min": K_EFF_MIN,
            "largest_prior_max": _up(PRIOR_MAX),
            "seen_per_cent_min": SEEN_PER_CENT_MIN,
        },
        "scope": {
            "kind": scope.kind,
            "regions": [{"region": str(region), "level": level.name} for region, level in scope.regions],
        },
        "editions": [_describe_edition(level, pieces[level], rows) for level in sorted(pieces)],
        "digest": digest,
    }


def canonical_json(content: Mapping[str, object]) -> str:
    """RFC 8785, for content of text, whole numbers, lists and objects with ASCII keys."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


class Quarter(date):
    """A quarter, by its first day. A plain date stands for the month that begins with it.

    Rows of L3 speak of quarters, all others of months, and one is no answer to who asks for the other.
    """


def period_text(edition: Level, period: date) -> str:
    """A month as 2026-09; a quarter, which the L3 edition has, as 2026-Q3."""
    return f"{period.year}-Q{(period.month + 2) // 3}" if edition is Level.L3 else f"{period:%Y-%m}"


def _describe_edition(edition: Level, pieces: EditionFigures, rows: Rows) -> Json:
    counted = None
    if edition in rows:
        counted = [
            {"period": period_text(edition, period), "level": level.name, "rows": count}
            for (period, level), count in sorted(rows[edition].items())
        ]
    levels, counts = np.unique(pieces.level, return_counts=True)
    own = pieces.level == int(edition)
    return {
        "edition": edition.name,
        "blocks": {
            "own_level": int(pieces.blocks[own].sum()),
            "promoted_to_parent": int(pieces.blocks[~own].sum()),
            "published_nowhere": pieces.hidden,
        },
        "pieces": len(pieces.level),
        "pieces_by_level": {
            Level(int(level)).name: int(count) for level, count in zip(levels, counts, strict=True)
        },
        "rests": int((~pieces.is_whole).sum()),
        "k_eff": _quantiles(pieces.k_eff),
        "largest_prior": _up(float(pieces.largest_prior.max(initial=0))),
        "largest_posterior": _bound_by_band(pieces),
        "rows": counted,
    }


def _bound_by_band(pieces: EditionFigures) -> dict[str, str]:
    """For each band, the bound over all pieces, whether a row has that band or not: a figure of public geography."""
    worst = dict.fromkeys(ActivityBand, 0.0)
    # of pieces with equally many cells, the one with the likeliest cell has the greatest bound
    order = np.lexsort((-pieces.largest_prior, pieces.cells))
    sizes, first = np.unique(pieces.cells[order], return_index=True)
    for cells, largest in zip(sizes.tolist(), pieces.largest_prior[order][first].tolist(), strict=True):
        for band in ActivityBand:
            most = count_most_active(band, cells)
            if most is not None:
                worst[band] = max(worst[band], bound_posterior(most, largest))
    return {band.value: _up(bound) for band, bound in worst.items()}


def _quantiles(values: npt.NDArray[np.float64]) -> dict[str, str] | None:
    """Nearest-rank quantiles, or None without values."""
    ordered = np.sort(values).tolist()
    if not ordered:
        return None
    return {
        name: _down(ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]) for name, per_cent in QUANTILES
    }


def _up(value: float) -> str:
    raised = (Decimal(value) - Decimal("1e-12")).quantize(Decimal("0.0001"), ROUND_CEILING)
    return str(abs(raised))  # nothing here is negative but the zero that rounding makes


def _down(value: float) -> str:
    return str((Decimal(value) + Decimal("1e-9")).quantize(Decimal("0.01"), ROUND_FLOOR))
