"""Asks: what may be asked where, one small validated class each. A parameter that is not named here is refused."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from monitor.api.shapes import ALERT_STATUSES, DISMISSAL_REASONS, FINDING_KINDS, INSPECTION_STATUSES
from monitor.field.lifecycle import PeopleBand, Response
from monitor.field.states import CellState
from monitor.grid import Box, Level, OutsideLattice, box_of_degrees
from monitor.privacy.certificate import Quarter

MAX_LIMIT = 10_000
CURSOR = r"^[A-Za-z0-9_-]{26,400}$"
"""What every cursor looks like; whether it is one of this question is for the door to say."""
MAX_TEXT = 200
MAX_WINDOW = timedelta(days=60)
"""An inspection's place is open for so long at most."""


class IdField(serializers.UUIDField):
    """An id as text. A number is none, although one could be read as 128 bits."""

    default_error_messages = {
        "invalid": "Give an id as answers have it, such as 01a2334c-be2b-74a9-90aa-3c27b790ce08. A name is none."
    }

    def to_internal_value(self, data: Any) -> Any:
        """The UUID. Raises ValidationError for anything but a text that is one, in letters and digits of ASCII."""
        if not isinstance(data, str) or not data.isascii():
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class WholeField(serializers.IntegerField):
    """A whole number; as text, in the digits 0 to 9 alone. `1_000`, `+1` and digits of other scripts are no such text."""

    def to_internal_value(self, data: Any) -> int:
        """The number. Raises ValidationError for anything else."""
        if isinstance(data, str) and re.fullmatch(r"[0-9]+", data) is None:
            self.fail("invalid")
        return super().to_internal_value(data)


class DayField(serializers.DateField):
    """A day, in the digits 0 to 9: those of other scripts would be read as well."""

    default_error_messages = {"invalid": "Write a day as 2026-11-30."}

    def to_internal_value(self, value: Any) -> date:
        """The day. Raises ValidationError for anything else."""
        if isinstance(value, str) and not value.isascii():
            self.fail("invalid")
        return super().to_internal_value(value)


class MomentField(serializers.DateTimeField):
    """A moment, in the digits 0 to 9; a date is its midnight, and without a zone it is UTC."""

    default_error_messages = {
        "invalid": "Write a moment as 2026-11-30T08:00:00Z. In an address the + of a zone is written %2B."
    }

    def to_internal_value(self, value: Any) -> datetime:
        """The moment. Raises ValidationError for anything else."""
        if isinstance(value, str) and not value.isascii():
            self.fail("invalid")
        return super().to_internal_value(value)


class FlagField(serializers.BooleanField):
    """True or false as JSON writes them; "yes" and 1 are neither."""

    def to_internal_value(self, data: Any) -> bool:
        """The value. Raises ValidationError for anything else."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ProbabilityField(serializers.FloatField):
    """A number from 0 to 1, written as JSON writes one: not `0_1`, which Python reads as 1, nor in digits of other scripts.

    Nor is NaN, although it compares as neither smaller nor greater.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        """The number. Raises ValidationError for anything else."""
        if isinstance(data, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", data) is None:
            self.fail("invalid")
        number = super().to_internal_value(data)
        if math.isnan(number):
            self.fail("invalid")
        return number


class TextField(serializers.Field[Any, str, Any, Any]):
    """A text that means something else once it is read."""

    def to_internal_value(self, data: Any) -> Any:
        """The value that the text means. Raises ValidationError for a text that means none."""
        if not isinstance(data, str) or len(data) > MAX_TEXT:
            raise serializers.ValidationError(f"Give a text of at most {MAX_TEXT} characters.")
        return self.read_text(data)

    def read_text(self, text: str) -> Any:
        """What the text means."""
        raise NotImplementedError


def _describe_text(description: str, pattern: str) -> dict[str, object]:
    return {"type": "string", "description": description, "pattern": f"^{pattern}$", "maxLength": MAX_TEXT}


_DEGREES = r"-?[0-9]{1,3}(\.[0-9]{1,20})?"
_BBOX = rf"{_DEGREES}(,{_DEGREES}){{3}}"


@extend_schema_field(_describe_text("west,south,east,north in degrees (CRS84)", _BBOX))
class BboxField(TextField):
    """`west,south,east,north` in degrees, as a box of cells."""

    def read_text(self, text: str) -> Box:
        """The smallest box of cells that holds it."""
        if re.fullmatch(_BBOX, text) is None:
            raise serializers.ValidationError("A box is west,south,east,north in degrees.")
        try:
            return box_of_degrees(*map(float, text.split(",")))
        except OutsideLattice as error:
            raise serializers.ValidationError(str(error)) from None


_PERIOD = r"([1-9][0-9]{3})-(0[1-9]|1[0-2]|Q[1-4])"


@extend_schema_field(_describe_text("a calendar month, YYYY-MM; of L3 a quarter, YYYY-Qn", _PERIOD))
class PeriodField(TextField):
    """A calendar month, `YYYY-MM`, by its first day, or a quarter, `YYYY-Qn`."""

    def read_text(self, text: str) -> date:
        """The month's first day, or the quarter."""
        match = re.fullmatch(_PERIOD, text)
        if match is None:
            raise serializers.ValidationError("A period is a calendar month, YYYY-MM, or a quarter, YYYY-Qn.")
        if match[2][0] == "Q":
            return Quarter(int(match[1]), 3 * int(match[2][1]) - 2, 1)
        return date(int(match[1]), int(match[2]), 1)


_STATE = f"({'|'.join(CellState)})"


@extend_schema_field(
    _describe_text(
        f"one or more of {', '.join(CellState)}, separated by commas", f"{_STATE}(,{_STATE}){{0,7}}"
    )
)
class StatesField(TextField):
    """One or more states, separated by commas."""

    def read_text(self, text: str) -> list[CellState]:
        """The states, each once."""
        try:
            return sorted({CellState(word) for word in text.split(",")})
        except ValueError:
            raise serializers.ValidationError(f"States are {', '.join(CellState)}.") from None


class PageAsk(serializers.Serializer[Any]):
    """A page: how many, and where the one before ended."""

    limit = WholeField(min_value=1, max_value=MAX_LIMIT, default=1000)
    cursor = serializers.RegexField(CURSOR, required=False, max_length=400)


class ExactActivityAsk(PageAsk):
    """What an exact role may ask of activity."""

    region = IdField(required=False)
    bbox = BboxField(required=False)
    state = StatesField(required=False)
    min_probability = ProbabilityField(required=False)
    since = DayField(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`class` is a word of Python, so this field cannot be declared by name."""
        fields = super().get_fields()
        fields["class"] = serializers.ChoiceField(choices=["artisanal", "industrial"], required=False)
        return fields


class CoarseActivityAsk(PageAsk):
    """What a coarse role may ask of activity."""

    bbox = BboxField(required=False)
    period = PeriodField(required=False)
    level = serializers.ChoiceField(choices=[Level.L1.name, Level.L2.name, Level.L3.name], required=False)


class AlertsAsk(PageAsk):
    """Which alerts."""

    region = IdField(required=False)
    status = serializers.ChoiceField(choices=ALERT_STATUSES, required=False)


class InspectionsAsk(PageAsk):
    """Which inspections."""

    status = serializers.ChoiceField(choices=INSPECTION_STATUSES, required=False)


class ScenesAsk(PageAsk):
    """Which scenes."""

    state = serializers.ChoiceField(
        choices=["received", "claimed", "waiting", "scored", "refused"], required=False
    )


class NothingAsk(serializers.Serializer[Any]):
    """No parameter at all."""


class TriageAsk(serializers.Serializer[Any]):
    """Confirm an alert, or dismiss it with a reason."""

    decision = serializers.ChoiceField(choices=["confirm", "dismiss"])
    reason = serializers.ChoiceField(choices=DISMISSAL_REASONS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A dismissal needs a reason, a confirmation has none."""
        if (attrs["decision"] == "dismiss") != ("reason" in attrs):
            raise serializers.ValidationError({"reason": "Give a reason when you dismiss, and only then."})
        return attrs


class AssignAsk(serializers.Serializer[Any]):
    """Give an alert to an inspector."""

    alert = IdField()
    inspector = serializers.CharField(max_length=150)
    opens_at = MomentField(required=False)
    expires_at = MomentField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The window has a length, lies ahead, and is not longer than 60 days."""
        attrs.setdefault("opens_at", timezone.now())
        opens_at: datetime = attrs["opens_at"]
        expires_at: datetime = attrs["expires_at"]
        if expires_at <= max(opens_at, timezone.now()):
            raise serializers.ValidationError(
                {"expires_at": "The window must end after it opens, and after now."}
            )
        if expires_at - opens_at > MAX_WINDOW:
            raise serializers.ValidationError(
                {"expires_at": f"The window may be {MAX_WINDOW.days} days long at most."}
            )
        return attrs


class FindingAsk(serializers.Serializer[Any]):
    """A finding as it is handed in."""

    id = IdField()
    kind = serializers.ChoiceField(choices=FINDING_KINDS)
    observed_on = DayField()
    people = serializers.ChoiceField(
        choices=[band.value for band in PeopleBand], default=PeopleBand.UNKNOWN.value
    )
    response = serializers.ChoiceField(choices=[r.value for r in Response], default=Response.NONE.value)
    mercury = FlagField(default=False)
    child_labour = FlagField(default=False)
    armed_presence = FlagField(default=False)

    def validate_observed_on(self, value: date) -> date:
        """Nobody finds anything tomorrow."""
        if value > timezone.now().date():
            raise serializers.ValidationError("The day of a finding cannot lie ahead.")
        return value
