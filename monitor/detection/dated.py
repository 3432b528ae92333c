"""What decides the order of scenes: whose they are, and from when to when they were observed. Room `detection`, pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DatedScene:
    """One scene among others, whatever is known of its cells.

    item_id: of the STAC item, exact. observed_from, observed_to: UTC. is_composite: made from many passes.
    """

    item_id: str
    sensor: str
    observed_from: datetime
    observed_to: datetime
    is_composite: bool

    @property
    def when(self) -> tuple[str, datetime, datetime]:
        """Id, begin and end: what `labels.choose_scene` asks of a scene."""
        return self.item_id, self.observed_from, self.observed_to

    @property
    def period(self) -> str:
        """Begin and end as text, to the day: `2021-01-01/2021-12-31`."""
        return f"{self.observed_from.date().isoformat()}/{self.observed_to.date().isoformat()}"
