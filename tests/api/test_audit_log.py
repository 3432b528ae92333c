"""`/api/v1/audit/checkpoint`, `/proof/...`, `/export`: the sealed log, checked with the verifier that shares no code."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.exceptions import ValidationError

from accounts.ledger.proof.checkpoint import TreeHead, open_checkpoint
from accounts.ledger.proof.note import decode_base64
from accounts.ledger.proof.offline import parse_proof
from accounts.ledger.proof.paths import verify_consistency
from accounts.models import Token, User
from accounts.tokens import revoke_tokens
from accounts.viewer import Credential
from monitor.api.audit_asks import ReceiptField
from monitor.errors import StreamCut
from monitor.models import Alert
from monitor.privacy.door.log import open_log
from tests.api.answers import assert_problem, entry_of, ledger_of
from tests.api.conftest import WebClient
from tests.builders import make_viewer
from tests.cast import Cast
from tests.ledger.sealers import seal_all, sealing, write_lines
from tests.pure.ledger.test_note import LOG

VERIFIER = Path(__file__).resolve().parents[2] / "docs/verify/penumbra_verify.py"
AUDIT = "/api/v1/audit"


@pytest.fixture
def sealed(db: None) -> TreeHead:
    """A log with lines in it, sealed; the head of its newest checkpoint."""
    return seal()


def seal() -> TreeHead:
    """Give every line its place. There is something new each time."""
    write_lines(1)
    with sealing() as sealer:
        return seal_all(sealer)[-1].head


def read(web: WebClient, cast: Cast, path: str, **query: Any) -> Any:
    """What Aldo gets."""
    answer = web.as_(cast.aldo).get(f"{AUDIT}/{path}", query)
    assert answer.status_code == 200, answer.content
    return answer


def test_the_newest_checkpoint_is_a_note_that_the_log_signed(
    web: WebClient, cast: Cast, sealed: TreeHead
) -> None:
    answer = read(web, cast, "checkpoint")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    head, _ = open_checkpoint(answer.content.decode(), [LOG.verifier])
    assert head == sealed
    older = read(web, cast, "checkpoint", size=head.size).content
    seal()
    assert open_checkpoint(read(web, cast, "checkpoint").content.decode(), [LOG.verifier])[0].size > head.size
    assert read(web, cast, "checkpoint", size=head.size).content == older


def test_whoever_kept_a_receipt_is_shown_the_entry_in_the_log(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    disclosed = web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    receipt = disclosed["Access-Receipt"]
    assert_problem(
        web.as_(cast.aldo).get(f"{AUDIT}/proof/inclusion", {"receipt": receipt}), 404, "not-sealed"
    )
    seal()
    hashed = receipt.partition(";")[0]
    as_copied = (f" {receipt}\r", f"Access-Receipt: {receipt}", f"access-receipt:{hashed} ")
    for text in (receipt, hashed, hashed.replace("+", " "), *as_copied):
        proof = parse_proof(read(web, cast, "proof/inclusion", receipt=text).content.decode())
        proof.verify([LOG.verifier])
        line = json.loads(proof.leaf)
        assert (line["id"], line["action"]) == (str(entry_of(disclosed)), "read.alert_site")


@pytest.mark.parametrize(
    "text", ["+" * 43 + "=", " " * 43 + "=", "Access-Receipt: " + "+" * 43 + "=; mmd=60 "]
)
def test_a_receipt_that_begins_with_a_plus_keeps_it_as_copied_or_as_a_blank(text: str) -> None:
    assert ReceiptField().run_validation(text) == base64.b64decode("+" * 43 + "=")


@pytest.mark.parametrize(
    "text", ["", "=", " ", "+" * 44, "x " + "+" * 43 + "=", "Receipt: " + "+" * 43 + "=", "+" * 43 + "=;"]
)
def test_what_is_no_receipt_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValidationError, match="Access-Receipt"):
        ReceiptField().run_validation(text)


def test_an_entry_and_its_completion_are_proven_by_id_and_under_an_older_checkpoint(
    web: WebClient, cast: Cast, sealed: TreeHead
) -> None:
    (ticket,) = write_lines(1)
    head = seal()
    seal()
    for kind in ("entry", "completion"):
        query = {"entry": str(ticket.entry_id), "kind": kind, "size": head.size}
        proof = parse_proof(read(web, cast, "proof/inclusion", **query).content.decode())
        assert proof.verify([LOG.verifier]) == head
        assert json.loads(proof.leaf)["kind"] == kind
    query = {"entry": str(ticket.entry_id), "size": sealed.size}
    assert_problem(web.as_(cast.aldo).get(f"{AUDIT}/proof/inclusion", query), 404, "not-sealed")


def test_a_longer_log_is_proven_to_begin_with_a_shorter_one(
    web: WebClient, cast: Cast, sealed: TreeHead
) -> None:
    head = seal()
    for query in ({"old": sealed.size}, {"old": sealed.size, "new": head.size}):
        body = read(web, cast, "proof/consistency", **query).json()
        assert (body["old"], body["new"]) == (sealed.size, head.size)
        hashes = [decode_base64(text) for text in body["hashes"]]
        verify_consistency(sealed.size, head.size, sealed.root, head.root, hashes)


@pytest.mark.parametrize("number", ["1_000", "+1", "\u0663", " 1", "1.0", "", "1e3"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("proof/consistency", "old"),
        ("checkpoint", "size"),
        ("export", "start"),
        ("entries", "limit"),
        ("entries", "level"),
        ("warnings", "night_from"),
    ],
)
def test_a_number_is_written_in_digits_alone(
    web: WebClient, cast: Cast, path: str, name: str, number: str
) -> None:
    answer = web.as_(cast.aldo).get(f"/api/v1/audit/{path}", {name: number})
    problem = assert_problem(answer, 400, "invalid")
    assert [error["field"] for error in problem["errors"]] == [name]


@pytest.mark.parametrize(("old", "new"), [(2, 1), (1, 10**9), (10**9, None)])
def test_what_the_log_has_not_reached_is_not_proven(
    web: WebClient, cast: Cast, sealed: TreeHead, old: int, new: int | None
) -> None:
    query = {"old": old} | ({"new": new} if new else {})
    assert_problem(web.as_(cast.aldo).get(f"{AUDIT}/proof/consistency", query), 404, "not-sealed")


def test_the_export_is_found_sound_by_the_verifier_with_receipt_and_older_checkpoint(
    web: WebClient, cast: Cast, alert: Alert, sealed: TreeHead, tmp_path: Path
) -> None:
    held = tmp_path / "held"
    held.write_bytes(read(web, cast, "checkpoint").content)
    receipts = tmp_path / "receipts"
    receipts.write_text(web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")["Access-Receipt"] + "\n")
    seal()
    answer = read(web, cast, "export")
    assert answer["Content-Type"] == "application/x-ndjson"
    assert answer["Content-Disposition"] == 'attachment; filename="ledger.jsonl"'
    export = tmp_path / "ledger.jsonl"

    def judge(content: bytes) -> int:
        export.write_bytes(content)
        words = ["--key", str(LOG.verifier), "--held", str(held), "--receipt", str(receipts)]
        done = subprocess.run(
            [sys.executable, str(VERIFIER), *words, str(export)], capture_output=True, check=False
        )
        return done.returncode

    assert judge(answer.content) == 0
    assert judge(answer.content.replace(b"read.alert_site", b"read.alert_sight")) == 1


def test_an_export_may_begin_at_a_checkpoint_and_nowhere_else(
    web: WebClient, cast: Cast, sealed: TreeHead
) -> None:
    head = seal()
    whole, rest = read(web, cast, "export").content, read(web, cast, "export", start=sealed.size).content
    assert whole.count(b'"index":') - rest.count(b'"index":') == sealed.size
    assert rest.count(b'"index":') == head.size - sealed.size
    for form in ("log", "ocsf"):
        answer = web.as_(cast.aldo).get(f"{AUDIT}/export", {"start": head.size + 10**6, "form": form})
        assert_problem(answer, 400, "no-such-start")
    # nothing has come since, which is no fault
    assert read(web, cast, "export", form="ocsf", start=head.size).status_code == 200


def test_the_export_as_events_has_one_for_each_entry(
    web: WebClient, cast: Cast, alert: Alert, sealed: TreeHead
) -> None:
    receipt = web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")["Access-Receipt"]
    seal()
    events = [json.loads(line) for line in read(web, cast, "export", form="ocsf").content.splitlines()]
    lines = [json.loads(line) for line in read(web, cast, "export").content.splitlines()]
    entries = {line["index"]: line["body"] for line in lines if line.get("body", {}).get("kind") == "entry"}
    assert {event["metadata"]["sequence"]: json.loads(event["raw_data"]) for event in events} == entries
    leaf = base64.b64decode(receipt.partition(";")[0]).hex()
    (event,) = [event for event in events if event["unmapped"]["leaf"] == leaf]
    assert (event["api"]["operation"], event["status_detail"]) == ("read.alert_site", "answered")
    assert_problem(web.as_(cast.aldo).get(f"{AUDIT}/export", {"form": "xml"}), 400)


def test_an_export_ends_soon_after_the_right_to_it(
    cast: Cast, sealed: TreeHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.privacy.door.log.LINES_A_LOOK", 2)
    token = Token.objects.get(user=cast.aldo.user)
    viewer = replace(make_viewer(cast.aldo.user), credential=Credential(token.id, b""))
    write_lines(3)
    seal()
    whole = len(list(open_log(viewer, None, "log", "/test").lines))
    lines = open_log(viewer, None, "log", "/test").lines
    read = [next(lines)]
    revoke_tokens(cast.aldo.user)
    with pytest.raises(StreamCut):
        read.extend(lines)
    assert len(read) == 2 < whole
    assert read_outcomes("export.ledger")[-2:] == [("answered", whole), ("refused", 2)]


def test_an_export_whose_reader_went_away_is_not_called_refused(cast: Cast, sealed: TreeHead) -> None:
    lines = open_log(make_viewer(cast.aldo.user), None, "log", "/test").lines
    next(lines)
    lines.close()
    assert read_outcomes("export.ledger")[-1] == ("failed", 1)


def read_outcomes(action: str) -> list[tuple[str, int]]:
    """Outcome and quantity of all completed entries of an action, in the order in which they were asked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.outcome, c.quantity FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
            " WHERE e.action = %s ORDER BY e.at",
            [action],
        )
        return list(cursor.fetchall())


def test_an_export_ends_where_its_reader_is_no_auditor_any_more(cast: Cast, sealed: TreeHead) -> None:
    token = Token.objects.get(user=cast.aldo.user)
    viewer = replace(make_viewer(cast.aldo.user), credential=Credential(token.id, b""))
    User.objects.filter(id=cast.aldo.user.id).update(role="partner")
    with pytest.raises(StreamCut):
        open_log(viewer, None, "log", "/test")


def test_each_reading_is_an_entry_and_an_export_counts_its_lines(
    web: WebClient, cast: Cast, sealed: TreeHead
) -> None:
    asked = {
        "checkpoint": ("read.checkpoint", {}),
        "proof/consistency": ("read.consistency", {"old": 1}),
        "export": ("export.ledger", {}),
    }
    for path, (action, query) in asked.items():
        answer = read(web, cast, path, **query)
        (line,) = ledger_of(answer)
        assert (line.action, line.outcome, line.role, line.level) == (action, "answered", "auditor", None)
        assert path != "export" or line.quantity == answer.content.count(b"\n")


@pytest.mark.parametrize("name", ["rosa", "pia", "adam", "finn"])
@pytest.mark.parametrize("path", ["checkpoint", "proof/inclusion", "proof/consistency", "export"])
def test_nobody_but_an_auditor_reads_the_log(web: WebClient, cast: Cast, name: str, path: str) -> None:
    assert_problem(web.as_(cast.everybody()[name]).get(f"{AUDIT}/{path}"), 403, "not-permitted")


@pytest.mark.parametrize(
    "query",
    [
        "checkpoint?size=0",
        "checkpoint?size=x",
        "proof/inclusion",
        "proof/inclusion?receipt=x",
        "proof/inclusion?entry=1",
        f"proof/inclusion?entry={uuid4()}&receipt={base64.b64encode(bytes(32)).decode()}",
        f"proof/inclusion?receipt={base64.b64encode(bytes(32)).decode()}&kind=completion",
        "proof/consistency",
        "proof/consistency?old=0",
        "proof/consistency?old=-1&new=2",
        "export?start=-1",
        "export?limit=5",
    ],
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.aldo).get(f"{AUDIT}/{query}"), 400, "invalid")
