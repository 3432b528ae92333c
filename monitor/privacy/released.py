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


@dataclass(frozen=True, slots=True, eq=False)
class ReleasedBlock:
    """One published block: bands, a month or a quarter, no count, no date. Equal to itself alone, so keeping it is cheap."""

    level: str
    row: int
    col: int
    bounds: tuple[str, str, str, str]
    """West, south, east, north, exact decimals in degrees."""
    period: str
    band: ActivityBand
    trend: Trend
    observed: ObservedBand
    part: str = "whole"
    """`rest` where the row speaks of what is left of its square beside the blocks that are published by themselves."""


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
    """A published batch. digest (an auditor's is keyed), rows: of what the viewer receives; None where kept no longer."""

    id: UUID
    published_at: datetime
    policy_version: str
    digest: str | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class ReleasedCertificate(Leaving):
    """What a batch, or the part that the viewer receives, can tell at most, in figures (`privacy/certificate.py`).

    signature: over the canonical form of `certificate`, in `signature_format`; None until the sealer has signed it.
    """

    release: UUID
    published_at: datetime
    certificate: Mapping[str, object]
    signature: str | None
    signature_format: str


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
class PlacelessPosture(Leaving):
    """The posture of a region. asked: a raise that waits for a second person, or None."""

    region: UUID
    posture: str
    changed_by: str | None
    changed_at: datetime | None
    asked: str | None
    asked_by: str | None
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlacelessAccessRequest(Leaving):
    """Somebody asks for a finer level on a region."""

    id: UUID
    asked_by: str
    role: str
    region: UUID
    level: str
    purpose: str
    reason: str
    until: datetime
    asked_at: datetime
    status: str
    approved_by: Sequence[str]
    refused_by: str | None
    grant: UUID | None


@dataclass(frozen=True, slots=True)
class PlacelessGrant(Leaving):
    """A finer level on a region for one person. in_force: not revoked, not over, and with enough approvals now."""

    id: UUID
    request: UUID
    holder: str
    role: str
    region: UUID
    level: str
    approved_by: Sequence[str]
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class PlacelessAllowance(Leaving):
    """How many different exact cells somebody may be shown today (UTC); how many they were is for themselves alone."""

    username: str
    per_day: int


@dataclass(frozen=True, slots=True)
class PlacelessQuota(PlacelessAllowance):
    """What of it was used, and where somebody else can release more."""

    used: int
    left: int
    release: str


@dataclass(frozen=True, slots=True)
class PlacelessRegion(Leaving):
    """A region by id and name, with its posture and the finest level at which the viewer sees it now."""

    id: UUID
    name: str
    posture: str
    level: str


@dataclass(frozen=True, slots=True)
class PlacelessViewer(Leaving):
    """Who the viewer is to the system."""

    username: str
    role: str
    organisation: UUID | None
    regions: Sequence[PlacelessRegion]
    levels: Sequence[str]
    policy_version: str
    requests_per_minute: int
    open_inspections: int
    open_grants: int
    quota: PlacelessQuota | None
    """Of exact roles."""


@dataclass(frozen=True, slots=True)
class Page(Leaving):
    """A page of placeless shapes."""

    items: Sequence[Leaving]
    next_cursor: str | None = None
