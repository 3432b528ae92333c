"""How postures, access requests, grants and quotas are written. Fields are listed, so nothing leaves by being there."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.purpose import PurposeCode
from monitor.grid import Level
from monitor.privacy.posture import Posture
from monitor.privacy.released import (
    Leaving,
    PlacelessAccessRequest,
    PlacelessAllowance,
    PlacelessGrant,
    PlacelessPosture,
    PlacelessQuota,
)

LEVELS = [level.name for level in Level]
POSTURES = [posture.value for posture in Posture]
REQUEST_STATUSES = ["waiting", "granted", "refused"]
GRANTABLE = [Level.L0.name, Level.L1.name, Level.L2.name]
PURPOSES = [code.value for code in PurposeCode]


class PostureShape(serializers.Serializer[Any]):
    """The posture of a region; `asked` is a raise that waits for a second person."""

    region = serializers.UUIDField()
    posture = serializers.ChoiceField(choices=POSTURES)
    changed_by = serializers.CharField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)
    asked = serializers.ChoiceField(choices=POSTURES, allow_null=True)
    asked_by = serializers.CharField(allow_null=True)
    asked_at = serializers.DateTimeField(allow_null=True)


class AccessRequestShape(serializers.Serializer[Any]):
    """Somebody asks for a finer level on a region."""

    id = serializers.UUIDField()
    asked_by = serializers.CharField()
    role = serializers.CharField()
    region = serializers.UUIDField()
    level = serializers.ChoiceField(choices=GRANTABLE)
    purpose = serializers.ChoiceField(choices=PURPOSES)
    reason = serializers.CharField(allow_blank=True)
    until = serializers.DateTimeField()
    asked_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=REQUEST_STATUSES)
    approved_by = serializers.ListField(child=serializers.CharField())
    refused_by = serializers.CharField(allow_null=True)
    grant = serializers.UUIDField(allow_null=True)


class GrantShape(serializers.Serializer[Any]):
    """A finer level on a region for one person, until it ends."""

    id = serializers.UUIDField()
    request = serializers.UUIDField()
    holder = serializers.CharField()
    role = serializers.CharField()
    region = serializers.UUIDField()
    level = serializers.ChoiceField(choices=GRANTABLE)
    approved_by = serializers.ListField(child=serializers.CharField())
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_by = serializers.CharField(allow_null=True)
    in_force = serializers.BooleanField()


class QuotaShape(serializers.Serializer[Any]):
    """How many different exact cells somebody may be shown today, and has been shown."""

    username = serializers.CharField()
    per_day = serializers.IntegerField()
    used = serializers.IntegerField()
    left = serializers.IntegerField()
    release = serializers.CharField()


class AllowanceShape(serializers.Serializer[Any]):
    """How many different exact cells somebody may be shown today."""

    username = serializers.CharField()
    per_day = serializers.IntegerField()


RIGHTS_SHAPES: dict[type[Leaving], type[serializers.Serializer[Any]]] = {
    PlacelessPosture: PostureShape,
    PlacelessAccessRequest: AccessRequestShape,
    PlacelessGrant: GrantShape,
    PlacelessQuota: QuotaShape,
    PlacelessAllowance: AllowanceShape,
}
