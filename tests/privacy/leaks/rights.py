"""Leaky builds of rights, revocation and the ledger."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any
from uuid import UUID, uuid4

import pytest
from guardian.shortcuts import get_objects_for_user

from accounts import authentication
from accounts.ledger.entry import Entry
from accounts.ledger.writer import complete_entry, record
from accounts.models import Token, User
from accounts.viewer import Viewer
from monitor.models import Inspection, Region
from monitor.privacy import scope
from monitor.privacy.door import activity, disclosure, placeless
from tests.privacy.leaks.build import LeakyBuild, leave_code_alone

FORGET_THE_BORDER = """DO $$ BEGIN
    EXECUTE regexp_replace(
        pg_get_functiondef('vault.exact_alert_site'::regproc), 'AND EXISTS \\(.*HAVING', 'HAVING'
    );
END $$"""
FORGET_THE_END = """DO $$ BEGIN
    EXECUTE replace(
        pg_get_functiondef('vault.exact_inspection_site'::regproc), 'AND inspection.status = ''accepted''', ''
    );
    EXECUTE replace(pg_get_functiondef('vault.exact_inspection_site'::regproc),
        'held.content_object_id = inspection.id AND held.user_id = inspector.id', 'true');
END $$"""
FORGET_WHO_HOLDS = """DO $$ BEGIN
    EXECUTE replace(
        pg_get_functiondef('vault.exact_activity'::regproc),
        'SELECT held.id FROM vault.held_regions(ticket.user_id, ARRAY[''regulator'', ''analyst'']) AS held (id)',
        'SELECT held.id FROM public.monitor_region AS held'
    );
END $$"""


def _let_superusers_pass(patch: pytest.MonkeyPatch) -> None:
    """guardian's default: whoever is a superuser holds everything."""

    def get(*args: Any, **kwargs: Any) -> Any:
        return get_objects_for_user(*args, **kwargs | {"with_superuser": True})

    patch.setattr(scope, "get_objects_for_user", get)


def _accept_revoked_tokens(patch: pytest.MonkeyPatch) -> None:
    """A token is checked for its signature, not for its revocation."""

    def find(secret: str) -> User | None:
        digest = hashlib.sha256(secret.encode()).digest()
        token = Token.objects.select_related("user").filter(digest=digest).first()
        return token.user if token else None

    patch.setattr(authentication, "find_holder", find)


def _keep_rights(patch: pytest.MonkeyPatch) -> None:
    """Rights are kept in the process for a while."""
    honest, kept = scope.list_regions, dict[UUID, list[Region]]()

    def list_kept(viewer: Viewer) -> list[Region]:
        return kept.setdefault(viewer.user_id, honest(viewer)) or honest(viewer)

    def list_ids(viewer: Viewer) -> list[UUID]:
        return [region.id for region in list_kept(viewer)]

    for module in (activity, placeless):
        patch.setattr(module, "list_region_ids", list_ids)


def _list_permissions(patch: pytest.MonkeyPatch) -> None:
    """`/me` counts the inspections that exist, not one's own."""
    honest = placeless.describe_viewer

    def describe(viewer: Viewer, *args: Any) -> Any:
        return dataclasses.replace(honest(viewer, *args), open_inspections=Inspection.objects.count())

    patch.setattr("monitor.api.views.me.describe_viewer", describe)


def _record_the_address(patch: pytest.MonkeyPatch) -> None:
    """The ledger keeps the address as it was asked, query and all."""
    honest = activity.read_exact_activity

    def read(viewer: Viewer, ask: activity.ExactAsk, endpoint: str) -> Any:
        return honest(viewer, ask, f"{endpoint}?bbox={ask.box}")

    patch.setattr("monitor.api.views.activity.read_exact_activity", read)


def _reference_without_a_key(patch: pytest.MonkeyPatch) -> None:
    """What was answered is referred to by a plain hash: a cell can be tried out in 400 attempts."""

    def complete(ticket: Any, outcome: Any, quantity: int = 0, answer: bytes = b"", cells: Any = ()) -> None:
        complete_entry(ticket, outcome, quantity, answer, cells)
        if cells:
            reference = hashlib.sha256(str(sorted(cells)).encode()).hexdigest()
            record(Entry(None, "read.cells", reference, uuid4()), outcome)

    patch.setattr(disclosure, "complete_entry", complete)


RIGHT_LEAKS = (
    LeakyBuild(
        "a site reaches over a border",
        "LC-42",
        "elsewhere",
        "rosa",
        leave_code_alone,
        FORGET_THE_BORDER,
        "alert-site",
    ),
    LeakyBuild(
        "anybody's regions are open",
        "LC-42",
        "elsewhere",
        "rosa",
        leave_code_alone,
        FORGET_WHO_HOLDS,
        "activity",
    ),
    LeakyBuild(
        "a closed inspection still opens",
        "LC-47",
        "inside",
        "ines",
        leave_code_alone,
        FORGET_THE_END,
        "inspection-site",
    ),
    LeakyBuild("superusers pass", "LC-46", "elsewhere", "mallory", _let_superusers_pass, exit="activity"),
    LeakyBuild("a revoked token still opens", "LC-47", "elsewhere", "vera", _accept_revoked_tokens),
    LeakyBuild("rights are kept for a while", "LC-48", "elsewhere", "paul later", _keep_rights),
    LeakyBuild("inspections of others are counted", "LC-46", "elsewhere", "rosa", _list_permissions),
    LeakyBuild("the ledger keeps addresses", "LC-44", "counted", "aldo", _record_the_address),
    LeakyBuild("the ledger refers without a key", "LC-45", "counted", "aldo", _reference_without_a_key),
)
