"""The shapes that may leave (pure). A view can answer with these and with nothing else.

`Exact*` and `ReleasedBlocks` carry places: only `privacy/door` builds them (a house test reads the source). The other
shapes carry none by construction: their fields are ids, words, dates of people's acts and counts of people's acts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend


class Leaving:
    """What a view may answer with. The base view refuses anything else, whatever it looks like."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every answer with places says of itself (P9)."""

    precision_deg: str
    level: str
    rule: str
    policy_version: str
    generalised: bool


@dataclass(frozen=True, slots=True)
class ExactCells(Leaving):
    """Exact cells as GeoJSON text of features, comma-joined, written by PostgreSQL. For exact roles only."""

    provenance: Provenance
    features: str
    count: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ReleasedBlock:
    """One published block: bands, a month, no count and no date."""

    level: str
    row: int
    col: int
    bounds: tuple[str, str, str, str]
    """West, south, east, north, exact decimals in degrees."""
    period: str
    band: ActivityBand
    trend: Trend
    observed: ObservedBand


@dataclass(frozen=True, slots=True)
class ReleasedBlocks(Leaving):
    """A page of published blocks. applied: the box in blocks that the ask was snapped to, or None."""

    provenance: Provenance
    release: UUID | None
    applied_bbox: tuple[str, str, str, str] | None
    blocks: Sequence[ReleasedBlock]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ReleasedBatch(Leaving):
    """A published batch. digest, rows: of what the viewer receives of it; for an auditor the digest is keyed."""

    id: UUID
    published_at: datetime
    policy_version: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class PlacelessAlert(Leaving):
    """An alert: a region, a confidence, a status."""

    id: UUID
    region: UUID
    kind: str
    mine_class: str
    confidence: str
    status: str
    dismissal: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class PlacelessMove(Leaving):
    """One step in the life of an alert."""

    status: str
    reason: str
    moved_by: str | None
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class PlacelessInspection(Leaving):
    """An inspection: who, when, how far."""

    id: UUID
    alert: UUID
    region: UUID
    inspector: str
    status: str
    opens_at: datetime
    expires_at: datetime
    findings: int


@dataclass(frozen=True, slots=True)
class PlacelessFinding(Leaving):
    """A finding as it was received."""

    id: UUID
    inspection: UUID
    kind: str
    observed_on: date
    people: str
    response: str
    mercury: bool
    child_labour: bool
    armed_presence: bool


@dataclass(frozen=True, slots=True)
class PlacelessScene(Leaving):
    """A scene: its state, how far it is, and why it was refused."""

    id: UUID
    state: str
    sensor: str
    progress: int
    cause: str
    detail: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PlacelessModel(Leaving):
    """A trained model and its figures."""

    id: UUID
    state: str
    sensor: str
    sha256: str
    metrics: Mapping[str, object]
    trained_at: datetime
    activated_by: str | None
    activated_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlacelessEntry(Leaving):
    """A ledger entry as an auditor sees it."""

    id: UUID
    at: datetime
    actor: UUID | None
    organisation: UUID | None
    role: str
    purpose: str
    purpose_text: str
    action: str
    endpoint: str
    level: int | None
    rule: str
    policy_version: str
    regions: Sequence[UUID]
    objects: Sequence[str]
    request_id: UUID
    outcome: str
    completed_at: datetime | None
    quantity: int | None


@dataclass(frozen=True, slots=True)
class RegionName:
    """A region by id and name."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class PlacelessViewer(Leaving):
    """Who the viewer is to the system."""

    username: str
    role: str
    organisation: UUID | None
    regions: Sequence[RegionName]
    levels: Sequence[str]
    policy_version: str
    requests_per_minute: int
    open_inspections: int


@dataclass(frozen=True, slots=True)
class Page(Leaving):
    """A page of placeless shapes."""

    items: Sequence[Leaving]
    next_cursor: str | None = None
