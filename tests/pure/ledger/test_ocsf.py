"""OCSF events: what the class demands is there, what the entry says is kept, and the raw line leads to its leaf."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from accounts.ledger.ocsf import write_event
from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.tree import hash_leaf
from monitor.field.lifecycle import AlertStatus

ENTRY: dict[str, Any] = {
    "action": "read.alert_site",
    "actor": str(UUID(int=1)),
    "at": "2026-11-20T12:34:56.789012Z",
    "endpoint": "/api/v1/alerts/{id}/site",
    "id": str(UUID(int=2)),
    "kind": "entry",
    "level": 0,
    "nonce": "00" * 16,
    "objects": ["ab" * 16],
    "organisation": str(UUID(int=3)),
    "policy_version": "2026-12",
    "purpose": "inspection-planning",
    "purpose_text": "",
    "regions": [str(UUID(int=4))],
    "request_id": str(UUID(int=5)),
    "role": "regulator",
    "rule": "exact-site-in-mandate",
}
DONE: dict[str, Any] = {
    "answer": "cd" * 16,
    "at": "2026-11-20T12:34:57.000001Z",
    "cells": "",
    "entry": ENTRY["id"],
    "kind": "completion",
    "nonce": "11" * 16,
    "outcome": "answered",
    "quantity": 7,
}
REQUIRED = {
    *("activity_id", "category_uid", "class_uid", "type_uid", "severity_id", "time", "metadata"),
    *("actor", "api", "src_endpoint"),
}


def event_of(done: dict[str, Any] | None = DONE, **changed: Any) -> dict[str, Any]:
    """The event of an entry."""
    body = canonicalise(ENTRY | changed)
    text = write_event("log.example", 41, hash_leaf(body), body, canonicalise(done) if done else None)
    assert text.endswith(b"}\n")
    return json.loads(text)  # type: ignore[no-any-return]


def test_an_event_has_all_that_the_class_demands() -> None:
    event = event_of()
    assert event.keys() >= REQUIRED
    assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (6003, 6, 600302)
    assert event["metadata"]["version"] == "1.3.0"
    assert event["metadata"]["product"]["vendor_name"] == "Penumbra"
    assert event["api"]["operation"] == "read.alert_site"
    assert event["api"]["request"]["uid"] == ENTRY["request_id"]
    assert event["actor"]["user"]["uid"] == ENTRY["actor"]
    assert event["time"] == 1795178096789


def test_the_raw_line_leads_to_its_leaf() -> None:
    event = event_of()
    assert sha256(b"\x00" + event["raw_data"].encode()).hexdigest() == event["unmapped"]["leaf"]
    assert json.loads(event["raw_data"]) == ENTRY


@pytest.mark.parametrize(
    ("outcome", "status", "severity"),
    [("answered", 1, 1), ("done", 1, 1), ("refused", 2, 2), ("failed", 2, 1), (None, 0, 1)],
)
def test_what_came_of_it_is_the_status(outcome: str | None, status: int, severity: int) -> None:
    event = event_of(DONE | {"outcome": outcome} if outcome else None)
    assert (event["status_id"], event["severity_id"]) == (status, severity)
    assert event["status_detail"] == (outcome or "open")
    assert ("end_time" in event) == (outcome is not None)


@pytest.mark.parametrize(
    ("action", "activity"),
    [
        ("read.activity", 2),
        ("export.ledger", 2),
        ("inspection.assign", 1),
        ("release.publish", 1),
        ("label.import", 1),
        ("model.train", 1),
        ("key.add", 1),
        ("account.make_first", 1),
        ("key.drop", 4),
        ("quota.release", 3),
        ("posture.raise", 3),
        ("grant.revoke", 4),
        ("mandate.give", 1),
        ("mandate.end", 4),
        ("refuse.alertsite", 99),
        ("access.refuse", 99),
        ("something.new", 99),
    ],
)
def test_the_verb_is_the_activity(action: str, activity: int) -> None:
    event = event_of(action=action)
    assert (event["activity_id"], event["type_uid"]) == (activity, 600300 + activity)


@pytest.mark.parametrize("status", list(AlertStatus))
def test_every_move_of_an_alert_is_a_creation_or_an_update(status: AlertStatus) -> None:
    assert event_of(action=f"alert.{status.value}")["activity_id"] == (
        1 if status is AlertStatus.RAISED else 3
    )


def test_somebody_without_an_account_is_no_user() -> None:
    assert event_of(actor=None, organisation=None)["actor"] == {"app_name": "penumbra"}
