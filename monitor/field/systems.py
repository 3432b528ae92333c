"""Systems that publish alerts (pure): what each is about, when its word stands, how far to believe it.

A new system is one entry. What an alert may do to a state is decided in `fusion`, by what is said here. No Django, no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Trust(StrEnum):
    """How sure a system is of one alert, weakest first; the words of Global Forest Watch, and one below them."""

    LOW = "low"
    NOMINAL = "nominal"
    HIGH = "high"
    HIGHEST = "highest"

    @property
    def rank(self) -> int:
        """0 to 3."""
        return list(Trust).index(self)


class Theme(StrEnum):
    """What an alert is of."""

    MINING = "mining"
    FOREST_LOSS = "forest_loss"
    FIRE = "fire"


@dataclass(frozen=True, slots=True)
class System:
    """A system that publishes alerts.

    settles: how long one may still be changed or taken back by those who publish it. confirms_from: the least trust of an
    alert that may confirm what we saw; None where nothing of this system may. satellites: those of our sensors that it
    looks with; it is independent of looks by any other. is_public: whether all the world can read what it says. dataset:
    what columns of its alerts begin with at Global Forest Watch, if it is there.
    """

    name: str
    theme: Theme
    settles: timedelta
    confirms_from: Trust | None = None
    satellites: frozenset[str] = frozenset()
    is_public: bool = True
    dataset: str | None = None


SYSTEMS = {
    system.name: system
    for system in (
        # made of GLAD and RADD: below `highest` nobody can tell of which; there, two of their three satellites agree, so one
        # of them is another than that of any single look
        System(
            "gfw_integrated",
            Theme.FOREST_LOSS,
            timedelta(days=14),
            Trust.HIGHEST,
            dataset="gfw_integrated_alerts",
        ),
        System(
            "glad_s2",
            Theme.FOREST_LOSS,
            timedelta(days=180),
            Trust.HIGH,
            frozenset({"sentinel-2"}),
            dataset="umd_glad_sentinel2_alerts",
        ),
        System(
            "glad_l",
            Theme.FOREST_LOSS,
            timedelta(days=180),
            Trust.HIGH,
            frozenset({"landsat"}),
            dataset="umd_glad_landsat_alerts",
        ),
        System(
            "radd",
            Theme.FOREST_LOSS,
            timedelta(days=90),
            Trust.HIGH,
            frozenset({"sentinel-1"}),
            dataset="wur_radd_alerts",
        ),
        System("viirs", Theme.FIRE, timedelta(days=0), dataset="nasa_viirs_fire_alerts"),
        # people looked at pictures of a few metres
        System("mapbiomas_alerta", Theme.FOREST_LOSS, timedelta(days=0), Trust.HIGH),
        # nobody knows with what, nor whether it was published: it is kept and counted
        System("other_detector", Theme.MINING, timedelta(days=0), is_public=False),
    )
}
"""The integrated layer settles in about a fortnight; GLAD and RADD drop what is not seen again in the time given here."""
