"""Life cycles of an alert and an inspection (pure): which move of an alert may follow which. Services make them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class AlertStatus(StrEnum):
    """Where an alert stands."""

    RAISED = "raised"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    VISITED = "visited"
    CLOSED = "closed"
    DISMISSED = "dismissed"

    @property
    def is_open(self) -> bool:
        """True while somebody may still act on it; a site has at most one open alert."""
        return self not in {AlertStatus.CLOSED, AlertStatus.DISMISSED}


class InspectionStatus(StrEnum):
    """Where an inspection stands. Only `ACCEPTED` opens the place.

    Moved by functions of the database alone (schema `access`), but for `EXPIRED`, which comes with the end of the window.
    """

    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    CLOSED = "closed"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """True until it is closed or its window has passed."""
        return self in {InspectionStatus.ASSIGNED, InspectionStatus.ACCEPTED}


class DismissalReason(StrEnum):
    """Why an alert is not worth a visit."""

    CLOUD = "cloud"
    RIVER_BANK = "river_bank"
    CLEARING = "clearing"
    FIRE = "fire"
    CONSTRUCTION = "construction"
    LICENSED = "licensed"
    DUPLICATE = "duplicate"
    OTHER = "other"


class AlertKind(StrEnum):
    """What an alert says of its site."""

    APPEARED = "appeared"
    GREW = "grew"


class Confidence(StrEnum):
    """How sure an alert is, in the words of forest alerts: one observation, several, several systems."""

    NOMINAL = "nominal"
    HIGH = "high"
    HIGHEST = "highest"


class FindingKind(StrEnum):
    """What an inspector found."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    NEVER_A_MINE = "never_a_mine"
    INDUSTRIAL = "industrial"
    NOT_REACHABLE = "not_reachable"
    UNSAFE = "unsafe"
    OTHER = "other"


class PeopleBand(StrEnum):
    """How many people were seen; never a count."""

    NONE = "none"
    FEW = "1-10"
    SOME = "11-50"
    MANY = "51-200"
    CROWD = "over-200"
    UNKNOWN = "unknown"


class Response(StrEnum):
    """What followed. Livelihoods are at stake: enforcement is one answer of seven."""

    FORMALISATION = "formalisation"
    SAFETY_ADVICE = "safety_advice"
    MERCURY_REDUCTION = "mercury_reduction"
    HEALTH_REFERRAL = "health_referral"
    ENVIRONMENTAL_ORDER = "environmental_order"
    ENFORCEMENT = "enforcement"
    NONE = "none"


class MoveNotAllowed(ValueError):
    """The life cycle has no such move from here."""


ALERT_MOVES: Mapping[AlertStatus, frozenset[AlertStatus]] = {
    AlertStatus.RAISED: frozenset({AlertStatus.TRIAGED, AlertStatus.ASSIGNED, AlertStatus.DISMISSED}),
    AlertStatus.TRIAGED: frozenset({AlertStatus.ASSIGNED, AlertStatus.DISMISSED}),
    # back to triaged when an inspection ends without a visit
    AlertStatus.ASSIGNED: frozenset({AlertStatus.VISITED, AlertStatus.TRIAGED}),
    AlertStatus.VISITED: frozenset({AlertStatus.CLOSED}),
    AlertStatus.CLOSED: frozenset(),
    AlertStatus.DISMISSED: frozenset(),
}
NOT_A_VISIT = frozenset({FindingKind.NOT_REACHABLE, FindingKind.UNSAFE})
"""Findings of somebody who was not there: they visit nothing and teach nothing."""


def check_alert_move(now: AlertStatus, then: AlertStatus) -> None:
    """Raise MoveNotAllowed unless an alert may go from `now` to `then`."""
    if then not in ALERT_MOVES[now]:
        raise MoveNotAllowed(f"An alert that is {now} cannot become {then}.")
