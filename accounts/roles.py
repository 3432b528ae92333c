"""The seven kinds of people and machines, and the public (pure). One account has one role, so one view of any object."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who somebody is to the system; what that lets them see is the rule table's business, not this file's."""

    REGULATOR = "regulator"
    INSPECTOR = "inspector"
    PARTNER = "partner"
    AUDITOR = "auditor"
    ANALYST = "analyst"
    ADMINISTRATOR = "administrator"
    FEEDER = "feeder"
    PUBLIC = "public"
    """Whoever asks without an account, where that is allowed at all. No account can have this role."""


ACCOUNT_ROLES = tuple(role for role in Role if role is not Role.PUBLIC)
