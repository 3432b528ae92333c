"""Keyed references and digests: the ledger can say "the same object again" without saying which."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings


def keyed_reference(identifier: UUID) -> str:
    """32 hex digits that stand for an object in the ledger. Without the key they cannot be linked to its id."""
    return _keyed(b"object", identifier.bytes)


def keyed_digest(content: bytes) -> str:
    """32 hex digits over an answer or a document, so that it can be recognised later and not guessed."""
    return _keyed(b"content", content)


def keyed_question(question: str) -> UUID:
    """What stands beside disclosed cells for who asked what, so that pages of one reading are known to be of one."""
    return UUID(_keyed(b"question", question.encode()))


def digest_cells(entry_id: UUID, cells: Sequence[int]) -> str:
    """32 hex digits over the cells that an entry disclosed, in rising order: what the sealed part must still hold.

    The entry's id stands in it, so that the same cells are not recognised in another entry.
    """
    # numbers with commas between them, written at once: one by one would take twice as long
    written = b"%d," * len(cells) % tuple(cells)
    return _keyed(b"cells", entry_id.bytes + written[:-1])


def _keyed(use: bytes, content: bytes) -> str:
    return hmac.digest(settings.HASH_KEY.encode(), use + b"\x00" + content, "sha256").hex()[:32]
