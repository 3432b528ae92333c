"""Agreements: on which terms a partner receives a region is written down, and ended. Each change is an entry of the ledger.

Runs as the worker: nobody who answers questions can widen an agreement.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.deciders import make_decider
from accounts.ledger.entry import Entry
from accounts.ledger.writer import recorded
from accounts.models import User
from accounts.roles import Role
from monitor.grid import Level
from monitor.models import Agreement, Region
from monitor.privacy.policy import AGREED_DAYS_MAX, FINEST_AGREED, POLICY_VERSION
from monitor.privacy.scope import decides_about, grant_region, holds_region, withdraw_region

REFERENCE_LENGTH = Agreement._meta.get_field("reference").max_length or 0


class AgreementRefused(ValueError):
    """These terms cannot be agreed; the text names the cause."""


def make_agreement(
    agreed_by: User,
    partner: User,
    region: Region,
    level: Level = Level.L2,
    *,
    seconded_by: User | None = None,
    reference: str = "",
    until: datetime | None = None,
) -> UUID:
    """Let a partner receive a region, on terms that replace those of before; the agreement's id.

    At once, for what is published already. L1 needs a written agreement, which `reference` names, an end (`until`), and two
    people who decide about the region, neither of them the partner. Raises AgreementRefused, and then nothing is changed;
    LedgerUnavailable, as `recorded` does.
    """
    now = timezone.now()
    _check_terms(partner, level, reference.strip(), until, now)
    if len(reference.strip()) > REFERENCE_LENGTH:
        raise AgreementRefused(f"The reference is too long: at most {REFERENCE_LENGTH} characters.")
    _check_people(agreed_by, seconded_by, partner, region, level)
    with (
        recorded(_entry(agreed_by, "agreement.make", region, level, partner, seconded_by)),
        transaction.atomic(),
    ):
        grant_region(partner, region)
        agreement, _ = Agreement.objects.update_or_create(
            user=partner,
            region=region,
            defaults={
                "level": int(level),
                "reference": reference.strip(),
                "agreed_by": agreed_by,
                "seconded_by": seconded_by,
                "agreed_at": now,
                "expires_at": until,
            },
        )
    return agreement.id


def end_agreement(ended_by: User, partner: User, region: Region) -> None:
    """Let a partner receive a region no longer, from the next statement on (P7).

    One person is enough. Raises AgreementRefused; LedgerUnavailable, as `recorded` does.
    """
    if not ended_by.is_active or not decides_about(make_decider(ended_by), region.id):
        raise AgreementRefused("Only an administrator or a regulator of the region can end it.")
    # anybody else's right is a mandate, which a regulator must not take from a colleague
    if partner.role != Role.PARTNER.value or not holds_region(partner, region):
        raise AgreementRefused("There is no agreement with this account on this region: nothing was ended.")
    with recorded(_entry(ended_by, "agreement.end", region, None, partner, None)), transaction.atomic():
        withdraw_region(partner, region)


def _check_terms(partner: User, level: Level, reference: str, until: datetime | None, now: datetime) -> None:
    if partner.role != Role.PARTNER.value or not partner.is_active:
        raise AgreementRefused("An agreement is made with an active account of role partner.")
    if not FINEST_AGREED[Role.PARTNER] <= level <= Level.L3:
        raise AgreementRefused("An agreement is on L1, L2 or L3.")
    if level > Level.L1:
        if until is not None:
            raise AgreementRefused("Only an agreement on L1 ends by itself.")
        return
    if not reference:
        raise AgreementRefused("L1 needs a written agreement: say which one it is.")
    if until is None or not now < until <= now + timedelta(days=AGREED_DAYS_MAX):
        raise AgreementRefused(
            f"An agreement on L1 ends at some day within {AGREED_DAYS_MAX} days: say which."
        )


def _check_people(
    agreed_by: User, seconded_by: User | None, partner: User, region: Region, level: Level
) -> None:
    if level is Level.L1 and seconded_by is None:
        raise AgreementRefused("L1 takes two people: say who else agrees.")
    people = [each for each in (agreed_by, seconded_by) if each is not None]
    if len({partner.id, *(each.id for each in people)}) <= len(people):
        raise AgreementRefused("Whoever agrees must be somebody else each time, and not the partner.")
    for each in people:
        if not each.is_active or not decides_about(make_decider(each), region.id):
            raise AgreementRefused(
                f"{each.username} is no administrator and no regulator with the mandate for this region."
            )


def _entry(
    actor: User, action: str, region: Region, level: Level | None, partner: User, seconded_by: User | None
) -> Entry:
    viewer = make_decider(actor)
    return Entry(
        viewer,
        action,
        "grant_agreement",
        viewer.request_id,
        level=None if level is None else int(level),
        policy_version=POLICY_VERSION,
        regions=[region.id],
        objects=[partner.id, *([seconded_by.id] if seconded_by else [])],
    )
