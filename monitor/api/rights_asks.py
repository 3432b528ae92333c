"""What may be asked about postures, access requests, grants and quotas."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

from accounts.purpose import looks_like_a_place
from monitor.api.asks import BboxField, IdField, MomentField, PageAsk, PeriodField, WholeField
from monitor.api.rights_shapes import GRANTABLE, POSTURES, PURPOSES, REQUEST_STATUSES
from monitor.privacy.posture import GRANT_DAYS_MAX

MAX_REASON = 200


class GuardedActivityAsk(PageAsk):
    """What an exact role may ask of activity where the regions are guarded or sealed."""

    region = IdField(required=False)
    bbox = BboxField(required=False)
    period = PeriodField(required=False)


class PostureAsk(serializers.Serializer[Any]):
    """The posture that one wishes for a region."""

    posture = serializers.ChoiceField(choices=POSTURES)


class AccessRequestsAsk(PageAsk):
    """Which access requests."""

    status = serializers.ChoiceField(choices=REQUEST_STATUSES, required=False)


class GrantsAsk(PageAsk):
    """Which grants."""

    in_force = serializers.ChoiceField(choices=["true", "false"], required=False)


class AccessRequestAsk(serializers.Serializer[Any]):
    """A finer level on a region, why, and until when."""

    region = IdField()
    level = serializers.ChoiceField(choices=GRANTABLE)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    reason = serializers.CharField(max_length=MAX_REASON, required=False, default="", allow_blank=True)
    until = MomentField()

    def validate_reason(self, value: str) -> str:
        """People read it in one line, some of whom see no place."""
        if not value.isprintable():
            raise serializers.ValidationError("Use printable characters in one line.")
        if looks_like_a_place(value):
            raise serializers.ValidationError(
                "Say why, not where: the reason may hold no decimal number and no degree sign."
            )
        return value

    def validate_until(self, value: datetime) -> datetime:
        """A grant ends, and soon."""
        now = timezone.now()
        if not now < value <= now + timedelta(days=GRANT_DAYS_MAX):
            raise serializers.ValidationError(f"A grant ends after now and within {GRANT_DAYS_MAX} days.")
        return value


class QuotaReleaseAsk(serializers.Serializer[Any]):
    """How many more cells; one day's quota where it is not said."""

    cells = WholeField(min_value=1, max_value=1_000_000, required=False)

    def validate_cells(self, value: int) -> int:
        """At most a day's quota at a time."""
        if value > settings.CELLS_PER_DAY:
            raise serializers.ValidationError("Release at most one day's quota at a time.")
        return value
