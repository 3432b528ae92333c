"""`/api/v1/activity`: where is activity? As sharp as the viewer's rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from monitor.api.asks import CoarseActivityAsk, ExactActivityAsk
from monitor.api.describe import describe
from monitor.api.rights_asks import GuardedActivityAsk
from monitor.api.shapes import ActivityShape
from monitor.api.view import Answer, DoorView
from monitor.grid import Level
from monitor.privacy.door.activity import (
    DEFAULT_STATES,
    CoarseAsk,
    ExactAsk,
    read_exact_activity,
    read_released_activity,
    rule_for_activity,
)
from monitor.privacy.door.sight import list_asked_regions
from monitor.privacy.policy import ACTIVITY_RULES


def to_exact_ask(asked: Mapping[str, Any]) -> ExactAsk:
    """What an exact role asked, of all that it asked about; which part of that is left out."""
    return ExactAsk(
        region=asked.get("region"),
        box=asked.get("bbox"),
        states=asked.get("state", DEFAULT_STATES),
        mine_class=asked.get("class"),
        min_probability=asked.get("min_probability"),
        since=asked.get("since"),
    )


class ActivityView(DoorView):
    """Exact cells for regulators and analysts, published blocks for partners."""

    roles = {"GET": frozenset(ACTIVITY_RULES)}
    exact_roles = frozenset(role for role, rule in ACTIVITY_RULES.items() if rule.is_exact)
    endpoint = "/api/v1/activity"

    @describe(
        "activity",
        ActivityShape,
        queries=(ExactActivityAsk, CoarseActivityAsk),
        geojson=True,
        purpose="where exact",
    )
    def get(self, request: Request) -> Answer:
        """A page of cells or blocks. Exact roles filter by region, bbox, state, class, min_probability, since; coarse
        roles by bbox, period, level. Where the region asked for, or every region, is guarded or sealed, exact roles get
        published blocks and filter by region, bbox, period. A box is snapped outward to whole squares and echoed."""
        if rule_for_activity(self.viewer).is_exact:
            regions = list_asked_regions(self.viewer, self.named_region())
            return self._guarded() if regions is None else self._exact(regions)
        asked = self.read_query(CoarseActivityAsk)
        ask = CoarseAsk(
            box=asked.get("bbox"),
            period=asked.get("period"),
            level=Level[asked["level"]] if "level" in asked else None,
            limit=asked["limit"],
            cursor=asked.get("cursor"),
        )
        blocks, receipt = read_released_activity(self.viewer, ask, self.endpoint)
        return Answer(blocks, receipt=receipt)

    def _guarded(self) -> Answer:
        """Published blocks, where the posture of the regions leaves an exact role no cells."""
        asked = self.read_query(GuardedActivityAsk)
        ask = CoarseAsk(
            region=asked.get("region"),
            box=asked.get("bbox"),
            period=asked.get("period"),
            limit=asked["limit"],
            cursor=asked.get("cursor"),
        )
        blocks, receipt = read_released_activity(self.viewer, ask, self.endpoint)
        return Answer(blocks, receipt=receipt)

    def _exact(self, regions: Sequence[UUID]) -> Answer:
        asked = self.read_query(ExactActivityAsk)
        ask = replace(to_exact_ask(asked), limit=asked["limit"], cursor=asked.get("cursor"))
        cells, receipt = read_exact_activity(self.viewer, ask, regions, self.endpoint)
        return Answer(cells, receipt=receipt)
