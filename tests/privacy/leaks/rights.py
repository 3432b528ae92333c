"""Leaky builds of rights, revocation and the ledger."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db.models import Q

from accounts import authentication
from accounts.ledger.entry import Entry
from accounts.ledger.writer import complete_entry, record
from accounts.models import Token
from accounts.viewer import Viewer
from monitor.access.sharpness import find_sharpness
from monitor.errors import NotNow
from monitor.field.sites import Cell, group_cells
from monitor.grid import Level
from monitor.models import Finding, Inspection, Region
from monitor.privacy.door import activity, certificates, disclosure, rights
from monitor.privacy.door.viewers import describe_viewer
from monitor.privacy.hiding import MaskArray
from monitor.privacy.shown import Map, Sight, choose_shown
from monitor.releases import blocks, sight
from monitor.releases.sight import PUBLIC_RIGHTS, Reader, Rights, read_rights
from monitor.services.findings import Report, receive_finding
from monitor.services.inspections import find_own_inspection
from monitor.vault import sites
from tests.privacy.leaks.build import LeakyBuild, ask_vault, change_response, leave_code_alone

FORGET_THE_BORDER = """DO $$ BEGIN
    EXECUTE regexp_replace(
        pg_get_functiondef('vault.exact_alert_site'::regproc), 'AND EXISTS \\(.*HAVING', 'HAVING'
    );
END $$"""
FORGET_WHO_HOLDS = """
CREATE OR REPLACE FUNCTION vault.held_regions(p_user uuid, p_roles text[]) RETURNS SETOF uuid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$ SELECT id FROM public.monitor_region $$;
"""
LET_SUPERUSERS_PASS = """
CREATE OR REPLACE FUNCTION access.sharpness(p_user uuid) RETURNS TABLE (region_id uuid, finest smallint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.id, 2::smallint FROM public.monitor_region r
    WHERE EXISTS (SELECT FROM public.accounts_user u WHERE u.id = p_user AND u.is_superuser)
$$;
"""
FORGET_POSTURE = """
CREATE OR REPLACE FUNCTION access.shut_regions(p_user uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$ SELECT NULL::uuid WHERE false $$;
"""
COUNT_READINGS = "GRANT SELECT ON vault.cells_read TO penumbra_web"


def _accept_revoked_tokens(patch: pytest.MonkeyPatch) -> None:
    """A token is checked for its signature, not for its revocation, neither by the door nor by the statement that reads."""
    honest = sight._name

    def find(secret: str) -> Token | None:
        digest = hashlib.sha256(secret.encode()).digest()
        return Token.objects.select_related("user").filter(digest=digest).first()

    patch.setattr(authentication, "find_token", find)
    patch.setattr(sight, "_name", lambda reader: honest(reader) | {"token": None})


def _keep_rights(patch: pytest.MonkeyPatch, module: Any) -> None:
    """Rights are kept in the process for a while, and the statement that reads asks nothing."""
    kept = dict[Reader, Rights]()

    def read(reader: Reader | None, regions: Any, reading: Callable[[Rights], Any]) -> Any:
        if reader is None:
            return reading(PUBLIC_RIGHTS)
        if reader not in kept:
            kept[reader] = read_rights(reader, regions)
        return reading(kept[reader])

    patch.setattr(module, "read_with_rights", read)
    patch.setattr(Rights, "values", property(lambda rights: {"viewer": None, "token": None, "rights": ""}))


def _ask_no_region(patch: pytest.MonkeyPatch) -> None:
    """The ticket names every region, and the statement does not ask who holds them."""

    def hold_everything(viewer: object, region: object) -> list[UUID]:
        return sorted(Region.objects.values_list("id", flat=True))

    patch.setattr("monitor.api.views.activity.list_asked_regions", hold_everything)


def _forget_what_was_read(patch: pytest.MonkeyPatch) -> None:
    """Blocks on a border are kept from whoever sees cells now, not from whoever may know some from before."""

    def choose(ground: Map, seen: Sight) -> Mapping[Level, MaskArray]:
        return choose_shown(ground, dataclasses.replace(seen, knows_cells=False))

    patch.setattr(blocks, "choose_shown", choose)


def _merge_over_borders(patch: pytest.MonkeyPatch) -> None:
    """Cells that touch are one site, of the region that holds most of them, as before decision 0041."""
    honest = sites._find_regions

    def find(cells: Collection[Cell]) -> dict[Cell, UUID]:
        own = honest(cells)
        for group in group_cells(own):
            counts = Counter(own[cell] for cell in group)
            own |= dict.fromkeys(group, max(counts, key=lambda region: (counts[region], region)))
        return own

    patch.setattr(sites, "_find_regions", find)


def _go_by_the_role(patch: pytest.MonkeyPatch) -> None:
    """The way is chosen by the role, not by the posture."""

    def hold(viewer: Viewer, region: UUID | None) -> list[UUID]:
        return sorted(held for held in find_sharpness(viewer) if region in (None, held))

    patch.setattr("monitor.api.views.activity.list_asked_regions", hold)


def _show_all_requests(patch: pytest.MonkeyPatch) -> None:
    """Access requests of all regions, as lists of rights are often open to everybody."""
    patch.setattr(rights, "own_or_decided", lambda viewer, own: Q())


def _count_what_others_read(patch: pytest.MonkeyPatch) -> None:
    """What is left of a quota that all share."""

    def count(view: object, answer: Any) -> None:
        answer["X-Cells-Left"] = str(20_000 - (ask_vault("SELECT sum(used) FROM vault.cells_read") or 0))

    change_response(patch, count)


def _list_permissions(patch: pytest.MonkeyPatch) -> None:
    """`/me` counts the inspections that exist, not one's own."""

    def describe(viewer: Viewer) -> Any:
        return dataclasses.replace(describe_viewer(viewer), open_inspections=Inspection.objects.count())

    patch.setattr("monitor.api.views.me.describe_viewer", describe)


def _record_the_address(patch: pytest.MonkeyPatch) -> None:
    """The ledger keeps the address as it was asked, query and all."""
    honest = activity.read_exact_activity

    def read(viewer: Viewer, ask: activity.ExactAsk, regions: list[UUID], endpoint: str) -> Any:
        return honest(viewer, ask, regions, f"{endpoint}?bbox={ask.box}")

    patch.setattr("monitor.api.views.activity.read_exact_activity", read)


def _reference_without_a_key(patch: pytest.MonkeyPatch) -> None:
    """What was answered is referred to by a plain hash: a cell can be tried out in 400 attempts."""

    def complete(
        ticket: Any, outcome: Any, quantity: int = 0, answer: bytes = b"", cells: Any = (), page: Any = None
    ) -> None:
        complete_entry(ticket, outcome, quantity, answer, cells, page)
        if cells:
            reference = hashlib.sha256(str(sorted(cells)).encode()).hexdigest()
            record(Entry(None, "read.cells", reference, uuid4()), outcome)

    patch.setattr(disclosure, "complete_entry", complete)


def _share_ids_of_findings(patch: pytest.MonkeyPatch) -> None:
    """The id of a finding is taken in all inspections at once."""

    def receive(viewer: Viewer, inspection_id: UUID, report: Report, endpoint: str) -> bool:
        find_own_inspection(viewer, inspection_id)
        if Finding.objects.filter(own_id=report.id).exclude(inspection_id=inspection_id).exists():
            raise NotNow("This id belongs to another finding.")
        return receive_finding(viewer, inspection_id, report, endpoint)

    patch.setattr("monitor.api.views.inspections.receive_finding", receive)


RIGHT_LEAKS = (
    LeakyBuild(
        "a site reaches over a border",
        "LC-42",
        "elsewhere",
        "rosa",
        leave_code_alone,
        FORGET_THE_BORDER,
        "alert-site",
        focus="known by id",
    ),
    LeakyBuild(
        "a block on a border is shown to whoever has read cells there",
        "LC-42",
        "elsewhere",
        "sela guarded",
        _forget_what_was_read,
        focus="activity",
    ),
    LeakyBuild(
        "an alert is made of cells across a border",
        "LC-42",
        "elsewhere",
        "rosa",
        _merge_over_borders,
        focus="alerts are raised",
    ),
    LeakyBuild(
        "anybody's regions are open",
        "LC-42",
        "elsewhere",
        "rosa",
        _ask_no_region,
        FORGET_WHO_HOLDS,
        "activity",
    ),
    LeakyBuild(
        "posture is forgotten", "LC-48", "inside", "rosa sealed", _go_by_the_role, FORGET_POSTURE, "activity"
    ),
    LeakyBuild(
        "superusers pass", "LC-46", "elsewhere", "mallory", leave_code_alone, LET_SUPERUSERS_PASS, "releases"
    ),
    LeakyBuild("a revoked token still opens", "LC-47", "elsewhere", "vera", _accept_revoked_tokens),
    LeakyBuild(
        "rights are kept for a while",
        "LC-48",
        "elsewhere",
        "paul later",
        partial(_keep_rights, module=certificates),
        exit="releases",
    ),
    LeakyBuild(
        "pages go on after a revocation",
        "LC-48",
        "elsewhere",
        "paul later",
        partial(_keep_rights, module=blocks),
        exit="activity",
    ),
    LeakyBuild(
        "inspections of others are counted",
        "LC-46",
        "elsewhere",
        "rosa",
        _list_permissions,
        focus="addresses",
    ),
    LeakyBuild(
        "the id of a finding is taken by another inspection",
        "LC-27",
        "elsewhere",
        "ivo",
        _share_ids_of_findings,
        focus="report a finding",
    ),
    LeakyBuild("access requests of others are shown", "LC-46", "elsewhere", "rosa", _show_all_requests),
    LeakyBuild(
        "a quota counts what others read",
        "LC-50",
        "inside",
        "pia",
        _count_what_others_read,
        COUNT_READINGS,
        focus="asked after others",
    ),
    LeakyBuild("the ledger keeps addresses", "LC-44", "counted", "aldo", _record_the_address),
    LeakyBuild("the ledger refers without a key", "LC-45", "counted", "aldo", _reference_without_a_key),
)
