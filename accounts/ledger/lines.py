"""The canonical bytes of a line, said a second time in Python: what a stored body must be, given the line's columns.

The database writes the bytes (migration 0010_lean_lines); this is for whoever checks that it did, and that no column was
changed since. Must not import Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from accounts.ledger.proof.canonical import canonicalise


@dataclass(frozen=True, slots=True)
class EntryColumns:
    """A row of ledger.entry, in the order of `COLUMNS`."""

    id: UUID
    at: datetime
    nonce: bytes
    actor: UUID | None
    organisation: UUID | None
    role: str
    purpose_code: str
    purpose_text: str
    action: str
    endpoint: str
    level: int | None
    rule: str
    policy_version: str
    regions: Sequence[UUID]
    object_refs: Sequence[str]
    request_id: UUID

    COLUMNS: ClassVar[str] = (
        "id, at, nonce, actor, organisation, role, purpose_code, purpose_text, action, endpoint, level, rule,"
        " policy_version, regions, object_refs, request_id"
    )

    def write_body(self) -> bytes:
        """The bytes that the log holds of this entry."""
        return canonicalise(
            {
                "action": self.action,
                "actor": _write_id(self.actor),
                "at": write_time(self.at),
                "endpoint": self.endpoint,
                "id": str(self.id),
                "kind": "entry",
                "level": self.level,
                "nonce": bytes(self.nonce).hex(),
                "objects": list(self.object_refs),
                "organisation": _write_id(self.organisation),
                "policy_version": self.policy_version,
                "purpose": self.purpose_code,
                "purpose_text": self.purpose_text,
                "regions": [str(region) for region in self.regions],
                "request_id": str(self.request_id),
                "role": self.role,
                "rule": self.rule,
            }
        )


@dataclass(frozen=True, slots=True)
class CompletionColumns:
    """A row of ledger.completion, in the order of `COLUMNS`."""

    entry_id: UUID
    at: datetime
    nonce: bytes
    outcome: str
    quantity: int
    answer_digest: str
    cells_digest: str

    COLUMNS: ClassVar[str] = "entry_id, at, nonce, outcome, quantity, answer_digest, cells_digest"

    def write_body(self) -> bytes:
        """The bytes that the log holds of this completion."""
        return canonicalise(
            {
                "answer": self.answer_digest,
                "at": write_time(self.at),
                "cells": self.cells_digest,
                "entry": str(self.entry_id),
                "kind": "completion",
                "nonce": bytes(self.nonce).hex(),
                "outcome": self.outcome,
                "quantity": self.quantity,
            }
        )


def write_time(at: datetime) -> str:
    """A moment as the log writes it: UTC, microseconds, Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _write_id(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
