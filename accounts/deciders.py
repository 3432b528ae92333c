"""Whoever decides something at the command line, as services and the ledger know them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from accounts.ledger.entry import Entry
from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer


def make_decider(user: User) -> Viewer:
    """The account in its role, for one command: without a purpose, so for nothing exact, and without a token."""
    return Viewer(
        user.id, user.pseudonym, user.username, user.organisation_id, Role(user.role), None, uuid4()
    )


def describe_decision(
    action: str,
    command: str,
    by: User | None,
    user: User,
    regions: Sequence[UUID] = (),
    policy_version: str = "",
) -> Entry:
    """What the ledger says of a command about an account. by: who decided, None where nobody is named."""
    viewer = None if by is None else make_decider(by)
    request_id = viewer.request_id if viewer else uuid4()
    return Entry(
        viewer,
        action,
        command,
        request_id,
        policy_version=policy_version,
        regions=regions,
        objects=[user.id],
    )


NOBODY_LEFT = (
    "No administrator is left. Until one is made, whoever has a shell here makes accounts and tokens without naming who"
    " decides: make one now, with `manage.py make_account USER --role administrator`. Its entry is `account.make_first`."
)


def has_administrator() -> bool:
    """Whether there is anybody who can decide about accounts. Without one, a first account needs no decider: there is no
    other way back than by whoever has the machine."""
    return User.objects.filter(role=Role.ADMINISTRATOR.value, is_active=True).exists()


def is_administrator(user: User) -> bool:
    """Whether accounts and mandates are for this account to decide about."""
    return user.is_active and user.role == Role.ADMINISTRATOR.value
