"""The viewer (pure): who asks, frozen for the length of one request. Nothing downstream looks at a User."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from accounts.purpose import Purpose
from accounts.roles import Role


@dataclass(frozen=True, slots=True)
class Credential:
    """The token that somebody showed. token_id: its row. secret: what the database's own functions check, never shown."""

    token_id: UUID
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One asker during one request.

    user_id: key of the account, never shown. pseudonym: how the ledger calls this person. organisation: its public id,
    or None. purpose: why they ask, or None where the answer cannot be exact. request_id: ties entries of one request.
    credential: the token behind the request; None for a command, which can therefore make no two-person move.
    """

    user_id: UUID
    pseudonym: UUID
    username: str
    organisation: UUID | None
    role: Role
    purpose: Purpose | None
    request_id: UUID
    credential: Credential | None = field(default=None, repr=False)


NOBODY = UUID(int=0)
"""The account of whoever has none."""


def make_public_viewer(request_id: UUID) -> Viewer:
    """The viewer of a request without an account, where the installation answers the public at all."""
    return Viewer(NOBODY, NOBODY, "", None, Role.PUBLIC, None, request_id)
