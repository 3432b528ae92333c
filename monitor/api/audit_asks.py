"""What auditors may ask about exposure and the sealed log."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.purpose import PurposeCode
from accounts.roles import Role
from monitor.api.asks import MAX_TEXT, IdField, MomentField, PageAsk, TextField, WholeField

MAX_SIZE = 2**53 - 1
"""The greatest whole number that every reader of JSON takes for one."""
NO_ROLE = "anonymous"
"""The role of lines about somebody without an account."""
RECEIPT = r"([A-Za-z0-9+/]{43}=)(; mmd=[0-9]{1,4})?"
HASH_CHARS = 44
"""How long a hash is in base64."""


class WordField(serializers.ChoiceField):
    """One of a few words, which the problem lists: a word that is none would find nothing, and that would be believed."""

    def __init__(self, choices: Sequence[str], **kwargs: Any) -> None:
        super().__init__(choices, **kwargs)
        self.error_messages["invalid_choice"] = f"One of: {', '.join(choices)}."


class PeriodAsk(serializers.Serializer[Any]):
    """From when to before when; left out means without end."""

    since = MomentField(required=False)
    until = MomentField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A time that ends before it begins holds nothing, and an empty answer would be taken for "nobody"."""
        if "since" in attrs and "until" in attrs and attrs["until"] <= attrs["since"]:
            raise serializers.ValidationError({"until": ["It must be later than `since`."]})
        return attrs


class EntriesAsk(PeriodAsk, PageAsk):
    """Which ledger entries."""

    actor = IdField(required=False)
    organisation = IdField(required=False)
    role = WordField([*(role.value for role in Role), NO_ROLE], required=False)
    purpose = WordField([code.value for code in PurposeCode], required=False)
    level = WholeField(
        min_value=0,
        max_value=3,
        required=False,
        error_messages={"invalid": "Write 0 for exact, 1 to 3 for coarser."},
    )
    action = serializers.RegexField(
        r"^[a-z]+(\.[a-z_]+)+\Z",
        required=False,
        max_length=60,
        error_messages={"invalid": "Write a whole action as lines have it, such as read.activity."},
    )
    region = IdField(required=False)
    outcome = WordField(["open", "answered", "refused", "failed", "done"], required=False)


class ExposureAsk(PeriodAsk):
    """Of which alert."""

    alert = IdField()


class WarningsAsk(PeriodAsk):
    """In which time, and what counts as night: whole hours in UTC, the second left out."""

    night_from = WholeField(min_value=0, max_value=23, default=20)
    night_to = WholeField(min_value=0, max_value=23, default=4)


class CheckpointAsk(serializers.Serializer[Any]):
    """Which checkpoint; left out means the newest."""

    size = WholeField(min_value=1, max_value=MAX_SIZE, required=False)


@extend_schema_field(
    {
        "type": "string",
        "description": "an `Access-Receipt`, whole or its hash alone",
        "pattern": f"^{RECEIPT}$",
        "maxLength": MAX_TEXT,
    }
)
class ReceiptField(TextField):
    """An `Access-Receipt`, whole or its hash alone."""

    def read_text(self, text: str) -> bytes:
        """The hash, 32 bytes. A blank in it is taken for the plus that it was before somebody put it into a URL.

        Blanks around it, the end of its line and the name of the header may have been copied with it.
        """
        told, semicolon, rest = text.rstrip().partition(";")
        told = told.rstrip()  # a hash ends with "=", but it may begin with a plus
        before, hashed = told[:-HASH_CHARS], told[-HASH_CHARS:]
        found = re.fullmatch(RECEIPT, f"{hashed.replace(' ', '+')}{semicolon}{rest}")
        if found is None or before.strip().lower() not in {"", "access-receipt:"}:
            raise serializers.ValidationError("A receipt is what the header Access-Receipt held.")
        return b64decode(found[1])


class InclusionAsk(CheckpointAsk):
    """The line of a receipt, or of an entry's id, and under which checkpoint."""

    receipt = ReceiptField(required=False)
    entry = IdField(required=False)
    kind = WordField(["entry", "completion"], default="entry")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two, and `kind` with an id only."""
        if ("receipt" in attrs) == ("entry" in attrs):
            raise serializers.ValidationError(
                {"receipt": ["Give a receipt or the id of an entry, not both."]}
            )
        if "receipt" in attrs and attrs["kind"] != "entry":
            raise serializers.ValidationError({"kind": ["A receipt is of an entry."]})
        return attrs


class ConsistencyAsk(serializers.Serializer[Any]):
    """From which size of the log to which; `new` left out means the newest."""

    old = WholeField(min_value=1, max_value=MAX_SIZE)
    new = WholeField(min_value=1, max_value=MAX_SIZE, required=False)


class LogAsk(serializers.Serializer[Any]):
    """Where an export begins: at the size of a checkpoint, left out: at the first line not archived; and in which form."""

    start = WholeField(min_value=0, max_value=MAX_SIZE, required=False)
    form = WordField(["log", "ocsf"], default="log")
