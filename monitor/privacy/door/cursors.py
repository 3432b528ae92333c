"""Cursors of pages: opaque, bound to one viewer and one question, and the same for the same position.

Encrypted, because a cursor stands in a URL and an exact one holds a cell; deterministic (AES-SIV), because a random one
would differ between two equal answers. A cursor that was changed or belongs to another question is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings


class CursorUnusable(ValueError):
    """The cursor was not made for this viewer and question."""

    def __init__(self) -> None:
        super().__init__("This cursor does not belong to this question. Start again without it.")


def seal_cursor(position: list[Any], bound_to: str) -> str:
    """A cursor for a position (JSON values) of the question and viewer that `bound_to` names."""
    content = json.dumps(position, separators=(",", ":")).encode()
    return _write(_cipher().encrypt(content, [bound_to.encode()]))


def open_cursor(cursor: str, bound_to: str) -> list[Any]:
    """The position of a cursor. Raises CursorUnusable for anything but a cursor sealed with the same `bound_to`."""
    try:
        sealed = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        position = json.loads(_cipher().decrypt(sealed, [bound_to.encode()]))
    except (InvalidTag, ValueError, UnicodeError, binascii.Error):
        raise CursorUnusable from None
    # the last letter can hold bits that decoding drops
    if not isinstance(position, list) or _write(sealed) != cursor:
        raise CursorUnusable
    return position


def _write(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


@lru_cache(maxsize=1)
def _cipher() -> AESSIV:
    return AESSIV(hashlib.sha512(b"penumbra cursor\x00" + settings.HASH_KEY.encode()).digest())
