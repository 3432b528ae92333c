"""The log's keys: one that begins or ceases to sign is on the ledger; one that nobody vouches for does not sign."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from accounts.ledger.proof.keyfile import write_keys
from accounts.ledger.proof.note import SigningKey, make_key, parse_note
from tests.ledger.months import OwnDatabase, copy_database, drop_database, make_database
from tests.pure.ledger.test_note import LOG

ADDED, DROPPED = ("key.add", "done"), ("key.drop", "done")


@dataclass(frozen=True)
class Log:
    """A database of its own, and the sealer's command on it."""

    database: OwnDatabase

    def seal(self, keys: Sequence[SigningKey], *words: str) -> subprocess.CompletedProcess[str]:
        """Seal once, with these keys in the key file."""
        write_keys(self.database.folder / "key", keys)
        return self.database.manage("sealer", "seal_ledger", *words)

    def list_changes(self) -> list[tuple[str, str | None]]:
        """Every change of keys that has its place in the log, and what came of it."""
        with self.database.connect() as owner:
            rows = owner.execute(
                "SELECT e.body, c.outcome FROM ledger.leaf l JOIN ledger.entry e ON e.id = l.entry_id"
                " AND l.kind = 'entry' LEFT JOIN ledger.completion c ON c.entry_id = e.id"
                " WHERE e.action LIKE 'key.%' ORDER BY l.index"
            ).fetchall()
        lines = [(json.loads(bytes(body)), outcome) for body, outcome in rows]
        assert all((line["actor"], line["endpoint"]) == (None, "seal_ledger") for line, _ in lines)
        return [(line["action"], outcome) for line, outcome in lines]

    def list_signers(self) -> set[bytes]:
        """The ids of the keys under the newest checkpoint."""
        with self.database.connect() as owner:
            ((note,),) = owner.execute("SELECT note FROM ledger.checkpoint ORDER BY size DESC LIMIT 1")
        return {signature.key_id for signature in parse_note(note).signatures}


@pytest.fixture(scope="module")
def base(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnDatabase]:
    """A database with the tables and no line."""
    made = OwnDatabase(f"test_keys_{uuid4().hex[:12]}", tmp_path_factory.mktemp("base"))
    try:
        make_database(made.name)
        write_keys(made.folder / "key", [LOG])
        done = made.manage("owner", "migrate", "--no-input", "-v", "0")
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        drop_database(made.name)


@pytest.fixture
def log(base: OwnDatabase, tmp_path: Path) -> Iterator[Log]:
    """A copy for one test, in which LOG has signed."""
    name = f"test_keys_{uuid4().hex[:12]}"
    try:
        copied = Log(copy_database(base, name, tmp_path))
        done = copied.seal([LOG])
        assert done.returncode == 0, done.stderr
        yield copied
    finally:
        drop_database(name)


def test_a_change_of_keys_is_in_the_log_that_the_changed_keys_sign_from_the_first_on(log: Log) -> None:
    new = make_key(LOG.name)
    assert log.list_changes() == [ADDED]
    assert log.seal([LOG]).returncode == 0
    assert log.list_changes() == [ADDED]
    assert log.seal([LOG, new]).returncode == 0
    assert (log.list_changes(), log.list_signers()) == (
        [ADDED, ADDED],
        {LOG.verifier.id, new.verifier.id},
    )
    assert log.seal([new]).returncode == 0
    assert (log.list_changes(), log.list_signers()) == ([ADDED, ADDED, DROPPED], {new.verifier.id})
    assert log.seal([new]).returncode == 0
    assert log.list_changes() == [ADDED, ADDED, DROPPED]


def test_a_key_made_anew_under_the_logs_name_signs_only_once_a_person_has_said_so(log: Log) -> None:
    stranger = make_key(LOG.name)
    refused = log.seal([stranger])
    assert refused.returncode == 1
    assert "signed by none of the keys in the key file" in refused.stderr
    assert "The sealer has stopped" in refused.stderr
    assert (log.list_changes(), log.list_signers()) == ([ADDED], {LOG.verifier.id})
    with log.database.connect() as owner:
        assert owner.execute("SELECT verifier FROM ledger.log_key").fetchall() == [(str(LOG.verifier),)]
    assert log.seal([stranger], "--accept-new-key").returncode == 0
    # two that are opened one around the other
    assert (log.list_changes(), log.list_signers()) == ([ADDED, ADDED, DROPPED], {stranger.verifier.id})
    assert log.seal([stranger]).returncode == 0
    assert log.seal([LOG]).returncode == 1


def test_a_log_that_goes_on_under_a_new_name_says_so_on_the_ledger(log: Log) -> None:
    other = make_key("elsewhere.example/ledger")
    assert "another log" in log.seal([other]).stderr
    (log.database.folder / "last-signed").unlink()
    assert log.seal([other]).returncode == 0
    assert (log.list_changes(), log.list_signers()) == ([ADDED, ADDED, DROPPED], {other.verifier.id})


def test_a_changed_key_signs_nothing_before_its_entry_is_written(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [LOG, make_key(LOG.name)]
    with monkeypatch.context() as changed:
        changed.setenv("PENUMBRA_DB_PASSWORD_LEDGER", "not the password")
        changed.setenv("PENUMBRA_LEDGER_TIMEOUT_S", "1")
        refused = log.seal(both)
    assert refused.returncode == 1
    assert "ledger" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert log.list_signers() == {LOG.verifier.id}
    assert log.seal(both).returncode == 0
    assert log.list_changes() == [ADDED, ADDED]
