"""`/api/v1/releases/{id}/certificate`: the log's signature, which comes with the sealer's next round."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.ledger.certificates import ask_signature, sign_waiting
from accounts.ledger.own_connection import own_connection
from accounts.ledger.proof.checkpoint import CheckpointRefused, open_checkpoint
from accounts.ledger.proof.note import parse_note, verify_note
from monitor.privacy.certificate import canonical_json
from monitor.services.releases import publish_release
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE, WebClient
from tests.builders import put_cells
from tests.cast import Cast, Person
from tests.ledger.test_tampering import run
from tests.pure.ledger.test_note import LOG, OTHER
from tests.roles import as_role, read_rows

TODAY = date(2026, 11, 20)


@pytest.fixture
def release(cast: Cast, model: UUID) -> UUID:
    """A batch with a site in the east and one in the west, published by the worker."""
    put_cells(model, [*EASTERN_SITE, *WESTERN_SITE])
    with as_role("penumbra_worker"):
        return publish_release(TODAY).batch


def read_answer(web: WebClient, person: Person, release: UUID) -> dict[str, Any]:
    """What somebody gets."""
    answer = web.as_(person).get(f"/api/v1/releases/{release}/certificate")
    assert answer.status_code == 200, answer.content
    return answer.json()  # type: ignore[no-any-return]


def seal(count: int) -> None:
    """The sealer's round, which finds so many."""
    with as_role("penumbra_sealer"):
        assert sign_waiting(own_connection(), [LOG]) == count


def note_of(answer: dict[str, Any]) -> str:
    """The signed note that the answer makes."""
    return f"{canonical_json(answer['certificate'])}\n\n{answer['signature']}"


def test_a_batchs_certificate_is_signed_when_the_sealer_has_been_there(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    seal(1)
    answer = read_answer(web, cast.aldo, release)
    assert verify_note(parse_note(note_of(answer)), [LOG.verifier]) == [LOG.verifier]
    seal(0)


def test_a_partners_is_signed_for_the_second_reading(web: WebClient, cast: Cast, release: UUID) -> None:
    assert read_answer(web, cast.pia, release)["signature"] is None
    assert read_answer(web, cast.pia, release)["signature"] is None
    seal(2)
    answer = read_answer(web, cast.pia, release)
    assert verify_note(parse_note(note_of(answer)), [LOG.verifier]) == [LOG.verifier]
    assert read_answer(web, cast.paul, release)["signature"] is None  # other terms, another certificate


def test_a_signed_certificate_is_no_checkpoint(web: WebClient, cast: Cast, release: UUID) -> None:
    seal(1)
    with pytest.raises(CheckpointRefused):
        open_checkpoint(note_of(read_answer(web, cast.aldo, release)), [LOG.verifier])


@pytest.mark.parametrize(
    "text",
    [
        f"{LOG.name}\n5\n{'A' * 43}=\n",
        '{"release":"x"}',
        '{"digest":null, "editions":[],"limits":{},"policy_version":"1","release":"x","scope":{}}',
        '{"digest":null,"editions":[],"extra":1,"limits":{},"policy_version":"1","release":"x","scope":{}}',
    ],
    ids=["a checkpoint", "a field", "with a blank", "a field too many"],
)
def test_the_sealer_signs_nothing_but_certificates(cast: Cast, text: str) -> None:
    with as_role("penumbra_web"):
        assert ask_signature(own_connection(), text) is None
    seal(1)
    with as_role("penumbra_web"):
        assert ask_signature(own_connection(), text) is None
    assert read_rows("SELECT lines FROM ledger.certificate_signature") == [("",)]


@pytest.mark.parametrize("role", ["penumbra_web", "penumbra_worker"])
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT content FROM ledger.certificate",
        "INSERT INTO ledger.certificate_signature (digest, lines) VALUES ('', '')",
        "UPDATE ledger.certificate SET content = ''",
    ],
)
def test_whoever_asks_can_neither_read_what_waits_nor_sign(cast: Cast, role: str, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        as_role(role),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_the_verifier_takes_certificates(
    web: WebClient, cast: Cast, release: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = read_answer(web, cast.pia, release)
    seal(2)
    signed = read_answer(web, cast.pia, release)
    changed = json.loads(json.dumps(signed))
    changed["certificate"]["editions"][0]["pieces"] += 1
    file, key = tmp_path / "certificate.json", f"--key={LOG.verifier}"
    told = {}
    for name, answer, with_key in (
        ("signed", signed, key),
        ("waiting", waiting, key),
        ("changed", changed, key),
        ("foreign", signed, f"--key={OTHER.verifier}"),
        ("nothing", {"signature": "x"}, key),
    ):
        file.write_text(json.dumps(answer))
        told[name] = run(capsys, "--certificate", file, with_key)
    assert {name: code for name, (code, _) in told.items()} == {
        "signed": 0,
        "waiting": 3,
        "changed": 1,
        "foreign": 1,
        "nothing": 2,  # no answer with a certificate at all
    }
    assert "bad-signature" in told["changed"][1]
    assert "foreign-key" in told["foreign"][1]
