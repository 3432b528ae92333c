"""Whoever decides something at the command line, as services and the ledger know them."""

from __future__ import annotations

from uuid import uuid4

from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer


def make_decider(user: User) -> Viewer:
    """The account in its role, for one command: without a purpose, so for nothing exact, and without a token."""
    return Viewer(
        user.id, user.pseudonym, user.username, user.organisation_id, Role(user.role), None, uuid4()
    )


def is_administrator(user: User) -> bool:
    """Whether accounts and mandates are for this account to decide about."""
    return user.is_active and user.role == Role.ADMINISTRATOR.value
