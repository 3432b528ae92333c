"""How exposure, accounts and proofs are written. Fields are listed, so nothing leaves by being there."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from monitor.privacy.harvest import Sign
from monitor.privacy.released import Leaving
from monitor.privacy.released_audit import (
    PlacelessAccount,
    PlacelessConsistency,
    PlacelessExposure,
    PlacelessWarning,
)

BESIDE_ENTRIES: dict[str, serializers.Field[Any, Any, Any, Any]] = {
    "archived_before": serializers.DateTimeField(
        allow_null=True,
        help_text="Entries before it are in archives; null where the question does not reach there and nothing is unheard"
        " of.",
    ),
    "unheard_of": serializers.ListField(
        child=serializers.ChoiceField(choices=["actor", "organisation", "action", "region"]),
        help_text="Where no entry was found: the filters whose value no entry has, at any time that is not archived.",
    ),
}


class ExposureShape(serializers.Serializer[Any]):
    """Somebody who was shown the site, or may have been, and how that is known."""

    actor = serializers.UUIDField(allow_null=True)
    organisation = serializers.UUIDField(allow_null=True)
    role = serializers.CharField()
    purpose = serializers.CharField(allow_blank=True)
    level = serializers.IntegerField()
    shown = serializers.ChoiceField(choices=["cells", "unfinished", "blocks"])
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class ReadingsShape(serializers.Serializer[Any]):
    """Answers with places, by role, level and purpose."""

    role = serializers.CharField()
    level = serializers.IntegerField()
    purpose = serializers.CharField(allow_blank=True)
    answers = serializers.IntegerField()
    unfinished = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class ShareShape(serializers.Serializer[Any]):
    """Different exact cells of a region that the account was shown, beside others in the same role."""

    role = serializers.CharField()
    region = serializers.UUIDField()
    seen = serializers.IntegerField()
    size = serializers.IntegerField()
    peers = serializers.IntegerField()
    peers_median = serializers.IntegerField(allow_null=True)
    peers_most = serializers.IntegerField(allow_null=True)


class AccountShape(serializers.Serializer[Any]):
    """What an account was shown."""

    actor = serializers.UUIDField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    refusals = serializers.IntegerField()
    readings = ReadingsShape(many=True)
    shares = ShareShape(many=True)


class WarningShape(serializers.Serializer[Any]):
    """A day that looks like harvesting, why, and the numbers behind it."""

    actor = serializers.UUIDField()
    role = serializers.CharField()
    day = serializers.DateField()
    sign = serializers.ChoiceField(choices=[sign.value for sign in Sign])
    answers = serializers.IntegerField()
    at_night = serializers.IntegerField()
    fresh = serializers.IntegerField(
        help_text="Answers of which at least nine cells in ten stood in no answer of the day before."
    )
    seen = serializers.IntegerField()
    seen_in_all = serializers.IntegerField(help_text="Different cells in all of the time asked for.")
    allowed = serializers.IntegerField()
    unfinished = serializers.IntegerField()
    stopped = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class ConsistencyShape(serializers.Serializer[Any]):
    """That a longer log begins with a shorter one."""

    old = serializers.IntegerField()
    new = serializers.IntegerField()
    hashes = serializers.ListField(child=serializers.CharField())


AUDIT_SHAPES: dict[type[Leaving], type[serializers.Serializer[Any]]] = {
    PlacelessExposure: ExposureShape,
    PlacelessAccount: AccountShape,
    PlacelessConsistency: ConsistencyShape,
    PlacelessWarning: WarningShape,
}
