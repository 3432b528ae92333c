"""Exits (pure): every way by which something that is or comes from a place can leave over HTTP, in one table.

A house test holds it against the addresses, and asks for a leaky build per exit (`tests/privacy/leaks/`): an exit that
nobody has tried to break is not built.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Carries(StrEnum):
    """What can leave by an exit."""

    CELLS = "exact cells"
    BLOCKS = "published blocks"
    WORDS = "people, words, times and numbers that were found out from cells, and no cell"
    BOTH = "exact cells to exact roles, published blocks to coarse ones"


@dataclass(frozen=True, slots=True)
class Exit:
    """One way out. route: as the URL configuration writes it. families: of the leak list, the ones that it invites."""

    name: str
    route: str
    media: str
    carries: Carries
    families: tuple[str, ...]


EXITS = (
    Exit("activity", "api/v1/activity", "GeoJSON", Carries.BOTH, ("LC-01", "LC-04", "LC-09")),
    Exit("alert-site", "api/v1/alerts/<uuid:alert_id>/site", "GeoJSON", Carries.CELLS, ("LC-26", "LC-42")),
    Exit(
        "inspection-site",
        "api/v1/inspections/<uuid:inspection_id>/site",
        "GeoJSON",
        Carries.CELLS,
        ("LC-47",),
    ),
    Exit("releases", "api/v1/releases", "JSON", Carries.BLOCKS, ("LC-09", "LC-43")),
    Exit(
        "certificate",
        "api/v1/releases/<uuid:release_id>/certificate",
        "JSON",
        Carries.BLOCKS,
        ("LC-09", "LC-41"),
    ),
    Exit(
        "region-summary",
        "api/v1/regions/<uuid:region_id>/summary",
        "JSON",
        Carries.BLOCKS,
        ("LC-11", "LC-20"),
    ),
    Exit("exposure", "api/v1/audit/exposure", "JSON", Carries.WORDS, ("LC-44", "LC-09")),
    Exit("account", "api/v1/audit/accounts/<pseudonym:actor>", "JSON", Carries.WORDS, ("LC-44", "LC-09")),
    Exit("warnings", "api/v1/audit/warnings", "JSON", Carries.WORDS, ("LC-44", "LC-09")),
    Exit("tile", "tiles/activity/<int:z>/<int:x>/<int:y>.mvt", "MVT", Carries.BOTH, ("LC-12", "LC-23")),
    Exit("export-geojson", "export/activity.geojson", "GeoJSON", Carries.BOTH, ("LC-13", "LC-10")),
    Exit("export-csv", "export/activity.csv", "CSV", Carries.BOTH, ("LC-13", "LC-18")),
    Exit("export-gpkg", "export/activity.gpkg", "GeoPackage", Carries.BOTH, ("LC-13", "LC-10")),
    Exit("export-kml", "export/activity.kml", "KML", Carries.BOTH, ("LC-13", "LC-11")),
    Exit("export-fgb", "export/activity.fgb", "FlatGeobuf", Carries.BOTH, ("LC-13", "LC-10")),
)

PLACELESS_ROUTES = (
    "healthz",
    "readyz",
    "api/v1/schema",
    "api/v1/me",
    "api/v1/regions",
    "api/v1/alerts",
    "api/v1/alerts/<uuid:alert_id>",
    "api/v1/alerts/<uuid:alert_id>/history",
    "api/v1/alerts/<uuid:alert_id>/triage",
    "api/v1/inspections",
    "api/v1/inspections/<uuid:inspection_id>",
    "api/v1/inspections/<uuid:inspection_id>/accept",
    "api/v1/inspections/<uuid:inspection_id>/findings",
    "api/v1/inspections/<uuid:inspection_id>/close",
    "api/v1/scenes",
    "api/v1/scenes/<uuid:scene_id>",
    "api/v1/models",
    "api/v1/models/<uuid:model_id>/activate",
    "api/v1/regions/<uuid:region_id>/posture",
    "api/v1/access-requests",
    "api/v1/access-requests/<uuid:request_id>",
    "api/v1/access-requests/<uuid:request_id>/approve",
    "api/v1/access-requests/<uuid:request_id>/refuse",
    "api/v1/grants",
    "api/v1/grants/<uuid:grant_id>/revoke",
    "api/v1/quotas/<str:username>/release",
    "api/v1/audit/entries",
    "api/v1/audit/checkpoint",
    "api/v1/audit/proof/inclusion",
    "api/v1/audit/proof/consistency",
    "api/v1/audit/export",
)
"""Addresses whose answers hold no place and nothing that was computed from one."""
