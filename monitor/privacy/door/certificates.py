"""Batches and their certificates: of what a partner receives, for that partner; of the whole batch, for an auditor.

A partner's figures, counts and digests cover the pieces and rows that they see and no others. An auditor receives no row,
so theirs are of public geography, counts of rows and a keyed digest, which can be recognised and not tried out.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from accounts.ledger.certificates import ask_signature
from accounts.ledger.keyed import keyed_digest
from accounts.ledger.own_connection import own_connection
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.errors import NotThere
from monitor.grid import Level
from monitor.privacy.certificate import SIGNATURE_FORMAT, Json, Scope, canonical_json, make_certificate
from monitor.privacy.door.cursors import CursorUnusable, open_cursor, seal_cursor
from monitor.privacy.door.disclosure import disclose
from monitor.privacy.door.sight import reader_of
from monitor.privacy.released import Page, ReleasedBatch, ReleasedCertificate
from monitor.privacy.scope import list_region_ids
from monitor.releases.batches import BatchRow, find_batch, find_certificate, list_batches
from monitor.releases.blocks import list_shown
from monitor.releases.geography import read_map
from monitor.releases.parts import list_batches_of, read_part
from monitor.releases.sight import Rights, read_with_rights


def list_releases(viewer: Viewer, limit: int, cursor: str | None, endpoint: str) -> Page:
    """Published batches, newest first. A partner's digests and counts cover the rows that this partner receives.

    An auditor receives no row: the digest is keyed, and like the count that of the L2 edition.
    """
    bound_to = f"releases {viewer.user_id}"
    before = _read_cursor(cursor, bound_to)
    regions = list_region_ids(viewer)
    with disclose(viewer, "read.releases", endpoint, regions=regions) as disclosure:
        if viewer.role is Role.AUDITOR:
            rows = [
                replace(row, digest=keyed_digest((row.digest or "").encode()))
                for row in list_batches(limit + 1, before)
            ]
        else:
            rows = read_with_rights(
                reader_of(viewer), None, lambda rights: list_batches_of(rights, limit + 1, before)
            )
        page = rows[:limit]
        disclosure.quantity = len(page)
    following = seal_cursor([page[-1].published_at.isoformat()], bound_to) if len(rows) > limit else None
    batches = [
        ReleasedBatch(row.id, row.published_at, row.policy_version, row.digest, row.row_count) for row in page
    ]
    return Page(batches, following)


def read_certificate(viewer: Viewer, release: UUID, endpoint: str) -> ReleasedCertificate:
    """The certificate of a batch, as far as it concerns the viewer. Raises NotThere (P8), LedgerUnavailable."""
    regions = list_region_ids(viewer)
    with disclose(viewer, "read.certificate", endpoint, regions=regions, objects=[release]) as disclosure:
        batch = find_batch(release)
        geography_id = batch.geography_id if batch else None
        if batch is None or geography_id is None:
            raise NotThere
        if viewer.role is Role.AUDITOR:
            certificate = json.loads(find_certificate(release) or "{}")
        else:
            certificate = read_with_rights(
                reader_of(viewer), None, lambda rights: _certify_part(batch, geography_id, rights)
            )
        text = canonical_json(certificate)
        signature = ask_signature(own_connection(), text)
        disclosure.quantity = 1
        disclosure.answer = text.encode()
    return ReleasedCertificate(batch.id, batch.published_at, certificate, signature, SIGNATURE_FORMAT)


def _certify_part(batch: BatchRow, geography_id: UUID, rights: Rights) -> Json:
    """The certificate of what somebody receives of a batch, from public geography and the rows that they see."""
    ground, part = read_map(geography_id), read_part(batch, rights)
    shown = list_shown(batch, rights, Level.L1)
    pieces = {edition: ground.editions[edition][mask] for edition, mask in shown.items()}
    regions = tuple((region, level) for region, level in sorted(rights.sight.levels.items()) if level)
    scope = Scope("received", regions)
    return make_certificate(batch.id, batch.policy_version, scope, pieces, part.rows, part.digest)


def _read_cursor(cursor: str | None, bound_to: str) -> datetime | None:
    if cursor is None:
        return None
    match open_cursor(cursor, bound_to):
        case [str(moment)]:
            return datetime.fromisoformat(moment)
    raise CursorUnusable
