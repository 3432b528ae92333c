"""Posture, grants and quotas for tests: made as their functions would have left them, and what those answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone

from monitor.models import AccessApproval, AccessGrant, AccessRequest, RegionPosture
from tests.cast import Person
from tests.roles import as_role


def set_posture(region_id: UUID, posture: str) -> None:
    """A posture, as if it had always been."""
    RegionPosture.objects.update_or_create(region_id=region_id, defaults={"posture": posture})


def give_grant(
    holder: Person, region_id: UUID, level: int, *approvers: Person, lasts: timedelta = timedelta(days=1)
) -> AccessGrant:
    """A grant that these people approved; lasts: negative for one that is over."""
    now = timezone.now()
    wish = AccessRequest.objects.create(
        asked_by=holder.user,
        role=holder.user.role,
        region_id=region_id,
        level=level,
        purpose="incident-response",
        asked_at=now - timedelta(days=3),
        until=now + lasts,
        status="granted",
    )
    for approver in approvers:
        AccessApproval.objects.create(request=wish, approver=approver.user)
    return AccessGrant.objects.create(
        request=wish,
        holder=holder.user,
        role=holder.user.role,
        region_id=region_id,
        level=level,
        approvals=len(approvers),
        granted_at=now - timedelta(days=2),
        expires_at=wish.until,
    )


def limit_quota(cells: int) -> None:
    """Another quota for everybody."""
    with as_role("none"), connection.cursor() as cursor:
        cursor.execute("UPDATE access.limits SET cells_per_day = %s", [cells])


def call_act(call: str, *values: Any) -> str:
    """The word that a function of schema `access` answers, called with the rights of the web role."""
    with as_role("penumbra_web"), connection.cursor() as cursor:
        cursor.execute(f"SELECT access.{call}", list(values))
        return str(cursor.fetchone()[0])


def secret_of(person: Person) -> bytes:
    """What a person's program shows."""
    return person.token.encode()


def move(secret: bytes, region: UUID, before: str, after: str, word: str) -> str:
    """Move a posture as the web role."""
    return call_act("move_posture(%s, %s, %s, %s, %s)", secret, region, before, after, word)


def wish(secret: bytes, region: UUID, level: int = 0, days: float = 1) -> tuple[str, UUID]:
    """Ask for a grant as the web role."""
    identifier, until = uuid4(), timezone.now() + timedelta(days=days)
    word = call_act(
        "ask(%s, %s, %s, %s, %s, %s, %s)", secret, identifier, region, level, "incident-response", "", until
    )
    return word, identifier


def say_yes(secret: bytes, request: UUID) -> str:
    """Approve a request as the web role."""
    return call_act("decide(%s, %s, true)", secret, request)
