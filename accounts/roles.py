"""The seven kinds of people and machines (pure). One account has one role, so it has one view of any object."""

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
