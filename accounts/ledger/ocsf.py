"""The log as OCSF events for those who gather the records of many systems: one API Activity event (6003) an entry.

A mapping is for reading, not for proving: `raw_data` is the entry's own bytes, whose leaf hash stands in the log. What each
field means is told in docs/ocsf.md. Must not import Django. Holds no place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from accounts.ledger.exporting import NoSuchStart, find_start
from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.sealing import Connection, LedgerBroken, read_newest

VERSION = "1.3.0"
"""Of the schema whose required attributes every event has."""
CATEGORY, CLASS = 6, 6003
CREATE, READ, UPDATE, DELETE, OTHER = 1, 2, 3, 4, 99
ACTIVITIES = {
    **dict.fromkeys(
        ["make", "give", "issue", "ask", "assign", "receive", "raised", "load", "publish", "create"], CREATE
    ),
    **dict.fromkeys(["import", "train", "add", "make_first"], CREATE),
    **dict.fromkeys(
        ["accept", "activate", "approve", "close", "expire", "release", "raise", "lower"], UPDATE
    ),
    **dict.fromkeys(["triaged", "assigned", "visited", "closed", "dismissed"], UPDATE),
    **dict.fromkeys(["erase", "revoke", "end", "drop"], DELETE),
}
"""What an action's verb is among create, update and delete; `read.` and `export.` are 2, all others 99."""
NAMES = {CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete"}
SUCCESS, FAILURE, UNKNOWN = 1, 2, 0
STATUSES = {"answered": SUCCESS, "done": SUCCESS, "refused": FAILURE, "failed": FAILURE, "open": UNKNOWN}
INFORMATIONAL, LOW = 1, 2
FETCHED = 1000
_ENTRIES = """
    SELECT l.index, l.hash, e.body, c.body FROM ledger.leaf l
    LEFT JOIN ledger.entry e ON e.id = l.entry_id
    LEFT JOIN ledger.completion c ON c.entry_id = l.entry_id
    WHERE l.kind = 'entry' AND l.index >= %s AND l.index < %s ORDER BY l.index
"""


def export_events(connection: Connection, start: int | None = None) -> Iterator[bytes]:
    """An event a line for each entry from leaf `start` to the newest checkpoint. Raises LedgerBroken, psycopg.Error.

    start: left out, the first line that was not archived. Raises NoSuchStart for one that was, and for one behind the newest
    checkpoint.
    """
    newest = read_newest(connection)
    size, origin = (newest.head.size, newest.head.origin) if newest else (0, "")
    begin = find_start(connection, start)
    if begin > size:
        # whoever goes on where they ended would take nothing for "nothing new", and the log was taken back
        raise NoSuchStart(f"The log has {size} lines, so that none begins at {begin}.")
    for first in range(begin, size, FETCHED):
        rows = connection.execute(_ENTRIES, [first, min(first + FETCHED, size)]).fetchall()
        for index, hashed, body, completion in rows:
            if body is None:
                raise LedgerBroken(f"The line of leaf {index} is missing from the database.")
            yield write_event(origin, index, bytes(hashed), bytes(body), completion and bytes(completion))


def write_event(origin: str, index: int, hashed: bytes, body: bytes, completion: bytes | None) -> bytes:
    """One event, canonical JSON and a newline. body, completion: canonical lines of the log; hashed: the entry's leaf."""
    entry: dict[str, Any] = json.loads(body)
    done: dict[str, Any] = json.loads(completion) if completion else {}
    outcome = done.get("outcome", "open")
    activity = _read_activity(entry["action"])
    event = {
        "activity_id": activity,
        "activity_name": NAMES.get(activity, entry["action"]),
        "actor": _describe_actor(entry),
        "api": {
            "operation": entry["action"],
            "request": {"uid": entry["request_id"]},
            "service": {"name": "penumbra"},
        },
        "category_name": "Application Activity",
        "category_uid": CATEGORY,
        "class_name": "API Activity",
        "class_uid": CLASS,
        "http_request": {"url": {"path": entry["endpoint"]}},
        "metadata": {
            "correlation_uid": entry["request_id"],
            "event_code": entry["action"],
            "log_name": origin,
            "original_time": entry["at"],
            "product": {"feature": {"name": "ledger"}, "name": "Penumbra", "vendor_name": "Penumbra"},
            "sequence": index,
            "uid": entry["id"],
            "version": VERSION,
        },
        "raw_data": body.decode("utf-8"),
        "resources": [
            *({"type": "region", "uid": region} for region in entry["regions"]),
            *({"type": "keyed reference", "uid": reference} for reference in entry["objects"]),
        ],
        "severity": "Low" if outcome == "refused" else "Informational",
        "severity_id": LOW if outcome == "refused" else INFORMATIONAL,
        # where somebody sat is not recorded; the class demands the attribute
        "src_endpoint": {"name": "not recorded"},
        "status": {SUCCESS: "Success", FAILURE: "Failure"}.get(STATUSES[outcome], "Unknown"),
        "status_detail": outcome,
        "status_id": STATUSES[outcome],
        "time": _milliseconds(entry["at"]),
        "type_name": f"API Activity: {NAMES.get(activity, 'Other')}",
        "type_uid": CLASS * 100 + activity,
        "unmapped": _keep_rest(entry, done, hashed),
    }
    if done:
        event["end_time"] = _milliseconds(done["at"])
    return canonicalise(event) + b"\n"


def _read_activity(action: str) -> int:
    noun, _, verb = action.partition(".")
    if "refuse" in {noun, verb}:  # what was refused stands in the endpoint
        return OTHER
    return READ if noun in {"read", "export"} else ACTIVITIES.get(verb, OTHER)


def _describe_actor(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry["actor"] is None:  # the public, or a command
        return {"app_name": "penumbra"}
    user: dict[str, Any] = {"type": entry["role"], "type_id": OTHER, "uid": entry["actor"]}
    if entry["organisation"] is not None:
        user["org"] = {"uid": entry["organisation"]}
    return {"user": user}


def _keep_rest(entry: Mapping[str, Any], done: Mapping[str, Any], hashed: bytes) -> dict[str, Any]:
    """What the class has no attribute for."""
    kept = {
        name: entry[name] for name in ("level", "policy_version", "purpose", "purpose_text", "role", "rule")
    }
    return kept | {
        "answer": done.get("answer", ""),
        "leaf": hashed.hex(),
        "quantity": done.get("quantity"),
    }


def _milliseconds(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
