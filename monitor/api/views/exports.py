"""`/export/activity.*`: the question of `/api/v1/activity`, the same rule, as a file. One view a format."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request

from monitor.api.describe import describe
from monitor.api.exit_asks import CoarseFileAsk, ExactFileAsk, GuardedFileAsk
from monitor.api.files.writing import MEDIA_TYPES
from monitor.api.shapes import ActivityShape
from monitor.api.view import Answer, DoorView
from monitor.api.views.activity import to_exact_ask
from monitor.grid import Level
from monitor.privacy.door.activity import CoarseAsk, rule_for_activity
from monitor.privacy.door.exports import open_exact_file, open_released_file
from monitor.privacy.door.sight import sees_blocks_only
from monitor.privacy.policy import ACCOUNT_ROLES_OF_ACTIVITY, ACTIVITY_RULES
from monitor.privacy.released_files import FileFormat

ASKS = (ExactFileAsk, CoarseFileAsk)


class ActivityFileView(DoorView):
    """Exact cells for regulators and analysts, published blocks for partners; filters are those of activity."""

    roles = {"GET": ACCOUNT_ROLES_OF_ACTIVITY}
    exact_roles = frozenset(role for role, rule in ACTIVITY_RULES.items() if rule.is_exact)
    file_format: ClassVar[FileFormat]

    def open_file(self) -> Answer:
        """The file of this view's format. Where posture leaves an exact role no cells, it is a file of blocks."""
        if not rule_for_activity(self.viewer).is_exact:
            asked = self.read_query(CoarseFileAsk)
            level = Level[asked["level"]] if "level" in asked else None
            return self._released(CoarseAsk(box=asked.get("bbox"), period=asked.get("period"), level=level))
        if sees_blocks_only(self.viewer, self.named_region()):
            asked = self.read_query(GuardedFileAsk)
            return self._released(CoarseAsk(asked.get("region"), asked.get("bbox"), asked.get("period")))
        exact = to_exact_ask(self.read_query(ExactFileAsk))
        cells, receipt = open_exact_file(self.viewer, exact, self.file_format, self.endpoint)
        return Answer(cells, receipt=receipt)

    def _released(self, ask: CoarseAsk) -> Answer:
        blocks, receipt = open_released_file(self.viewer, ask, self.file_format, self.endpoint)
        return Answer(blocks, receipt=receipt)


class ActivityGeoJSONView(ActivityFileView):
    """Activity as GeoJSON."""

    endpoint = "/export/activity.geojson"
    file_format = FileFormat.GEOJSON

    @describe("export_geojson", ActivityShape, queries=ASKS, geojson=True, also=(404,), purpose="where exact")
    def get(self, request: Request) -> Answer:
        """One FeatureCollection."""
        return self.open_file()


class ActivityCSVView(ActivityFileView):
    """Activity as comma-separated values."""

    endpoint = "/export/activity.csv"
    file_format = FileFormat.CSV

    @describe(
        "export_csv", OpenApiTypes.STR, queries=ASKS, kind="text/csv", also=(404,), purpose="where exact"
    )
    def get(self, request: Request) -> Answer:
        """A line of names, then a line a square."""
        return self.open_file()


class ActivityGPKGView(ActivityFileView):
    """Activity as GeoPackage."""

    endpoint = "/export/activity.gpkg"
    file_format = FileFormat.GPKG

    @describe(
        "export_gpkg",
        OpenApiTypes.BINARY,
        queries=ASKS,
        kind=MEDIA_TYPES[FileFormat.GPKG],
        also=(404,),
        purpose="where exact",
    )
    def get(self, request: Request) -> Answer:
        """One table, `activity`. At most 100,000 rows."""
        return self.open_file()


class ActivityKMLView(ActivityFileView):
    """Activity as KML."""

    endpoint = "/export/activity.kml"
    file_format = FileFormat.KML

    @describe(
        "export_kml",
        OpenApiTypes.STR,
        queries=ASKS,
        kind=MEDIA_TYPES[FileFormat.KML],
        also=(404,),
        purpose="where exact",
    )
    def get(self, request: Request) -> Answer:
        """One placemark a square."""
        return self.open_file()


class ActivityFGBView(ActivityFileView):
    """Activity as FlatGeobuf."""

    endpoint = "/export/activity.fgb"
    file_format = FileFormat.FGB

    @describe(
        "export_fgb",
        OpenApiTypes.BINARY,
        queries=ASKS,
        kind=MEDIA_TYPES[FileFormat.FGB],
        also=(404,),
        purpose="where exact",
    )
    def get(self, request: Request) -> Answer:
        """Without an index."""
        return self.open_file()
