"""Why somebody asks (pure): the header `Access-Purpose: <code>[; text]`, required whenever an answer can be exact."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

MAX_TEXT = 200
_PLACE = re.compile(r"\d\s*[.,\u066b]\s*\d|[°º˚]")
"""What a coordinate looks like. Auditors read this text, and they see no place."""


class PurposeCode(StrEnum):
    """The purposes that the ledger knows."""

    INSPECTION_PLANNING = "inspection-planning"
    FIELD_VISIT = "field-visit"
    LABEL_REVIEW = "label-review"
    MODEL_TRAINING = "model-training"
    INCIDENT_RESPONSE = "incident-response"
    DATA_QUALITY = "data-quality"


class PurposeUnknown(ValueError):
    """The header names no purpose of the list, or its text is too long."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose code and, in the asker's words, what for."""

    code: PurposeCode
    text: str = ""


def looks_like_a_place(text: str) -> bool:
    """Whether a text holds a decimal number or a degree sign: words for those who see no place must not."""
    # digits of other scripts are digits, and wide ones are written beside wide points
    return _PLACE.search(text) is not None or _PLACE.search(unicodedata.normalize("NFKC", text)) is not None


def parse_purpose(header: str) -> Purpose:
    """Read `<code>[; text]`. Raises PurposeUnknown for an unknown code, control characters or a text over 200 characters."""
    code, _, text = header.partition(";")
    text = text.strip()
    if len(text) > MAX_TEXT or not text.isprintable():
        raise PurposeUnknown(f"The purpose's text must be printable and at most {MAX_TEXT} characters long.")
    if looks_like_a_place(text):
        raise PurposeUnknown(
            "Say why, not where: the purpose's text may hold no decimal number and no degree sign."
        )
    try:
        return Purpose(PurposeCode(code.strip()), text)
    except ValueError:
        raise PurposeUnknown(f"Access-Purpose must begin with one of: {', '.join(PurposeCode)}.") from None
