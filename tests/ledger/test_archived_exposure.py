"""Who has seen a site in archived months: a command answers from files and sealed cells, on the record, without a place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from accounts.ledger.archiving import archive_months
from accounts.ledger.keyed import keyed_reference
from accounts.ledger.proof.keyfile import write_keys
from accounts.ledger.proof.note import make_key
from monitor.models import Alert
from monitor.vault import archived_exposure
from monitor.vault.archived_exposure import read_archived_exposure
from monitor.vault.exposure import Exposure
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.builders import OPEN_CHANGES, leave_entry_open
from tests.cast import Cast
from tests.chance import leave_chance_out
from tests.ledger.months import OwnDatabase, drop_database, make_database, months_ago
from tests.ledger.tickets import EASTERN
from tests.pure.ledger.test_note import LOG

MOMENTS = ("first_at", "last_at")
PREPARE = f"""
from tests.builders import make_alert, make_model, put_cells
from tests.cast import make_cast
cast = make_cast()
put_cells(make_model(cast.anna.user), {EASTERN_SITE!r})
print(make_alert(cast.east, {EASTERN_SITE!r}).id, cast.east, cast.rosa.user.pseudonym, cast.otis.user.pseudonym)
"""


def read_moment(row: dict[str, str], field: str) -> datetime:
    """A field of an answer as a time."""
    return datetime.fromisoformat(row[field])


def read_files(alert: Alert, bodies: list[dict[str, Any]]) -> list[Exposure]:
    """What the archives say of an alert until now. The tables that they are read into go, as after a command."""
    before = transaction.savepoint()
    found = read_archived_exposure(
        alert.id, alert.region_id, [keyed_reference(alert.id)], bodies, None, datetime.now(UTC)
    )
    transaction.savepoint_rollback(before)
    return found


def test_the_archives_answer_as_the_service_does_for_the_same_lines(
    web: WebClient, cast: Cast, alert: Alert, western_alert: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")
    page = web.as_(cast.rosa).get("/api/v1/activity?limit=1").json()["next"]
    web.as_(cast.rosa).get(page)
    web.as_(cast.otis).get("/api/v1/activity")
    with connection.cursor() as cursor:  # and somebody of the public, who has no pseudonym
        cursor.execute(
            "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, level)"
            " VALUES (%s, %s, 'public', 'read.activity', '/', %s, 3)",
            [uuid4(), uuid4().bytes, uuid4()],
        )
    for action, level in OPEN_CHANGES:
        leave_entry_open(cast.otis, action, level, [cast.east], [alert.id])
    answer = web.as_(cast.aldo).get("/api/v1/audit/exposure", {"alert": str(alert.id)})
    told = {
        (row["actor"], row["purpose"], row["level"], row["shown"], *(read_moment(row, at) for at in MOMENTS))
        for row in answer.json()["items"]
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM ledger.entry UNION ALL SELECT body FROM ledger.completion")
        bodies = [json.loads(bytes(body)) for (body,) in cursor.fetchall()]
    # nothing but what was written after the months were archived; then nothing but what the files say
    rest = read_files(alert, [])
    monkeypatch.setattr(archived_exposure, "_REST", ())
    found = read_files(alert, bodies)
    for rows in (rest, found):
        assert {
            (row.actor and str(row.actor), row.purpose, row.level, row.how, row.first_at, row.last_at)
            for row in rows
        } == told
        assert {row.how for row in rows if row.actor == cast.rosa.user.pseudonym} == {"cells"}
        assert not [row for row in rows if row.actor == cast.otis.user.pseudonym]


class Archived:
    """A database with an alert, exact answers two months ago, a month ago and now, and the older months in two archives."""

    def __init__(self, database: OwnDatabase) -> None:
        self.database = database
        done = database.manage("owner", "shell", "-c", PREPARE)
        assert done.returncode == 0, done.stderr
        self.alert, self.region, self.rosa, self.otis = done.stdout.split()[-4:]
        old = datetime.combine(months_ago(2), datetime.min.time(), UTC)
        self.show(self.rosa, old, EASTERN[0])
        self.show(self.otis, old, 7)
        database.seal()
        self.show(self.otis, datetime.combine(months_ago(1), datetime.min.time(), UTC), 8)
        database.seal()
        self.show(self.otis, datetime.now(UTC), EASTERN[0])
        database.seal()
        self.files = [database.folder / name for name in ("older.jsonl", "later.jsonl")]
        with database.connect() as opened:
            for file, count in zip(self.files, (1, 0), strict=True):
                archive_months(opened, months_ago(count), file, [LOG.verifier])

    def show(self, actor: str, at: datetime, cell: int) -> None:
        """An exact answer about the region, with one cell."""
        identifier = uuid4()
        with self.database.connect() as opened:
            opened.execute(
                "INSERT INTO ledger.entry (id, nonce, actor, role, action, endpoint, request_id, at, level, regions)"
                " VALUES (%s, %s, %s, 'regulator', 'read.activity', '/', %s, %s, 0, %s)",
                [identifier, uuid4().bytes, actor, uuid4(), at, [UUID(self.region)]],
            )
            opened.execute("INSERT INTO ledger.disclosure VALUES (%s, %s)", [identifier, [cell]])
            opened.execute(
                "INSERT INTO ledger.completion (entry_id, outcome, quantity, at) VALUES (%s, 'answered', 1, %s)",
                [identifier, at],
            )

    def ask(self, *words: object, by: str = "aldo", alert: str = "") -> tuple[int, str, str]:
        """The command's exit code, what it printed and what it complained of."""
        done = self.database.manage(
            "owner", "read_archived_exposure", alert or self.alert, *words, "--by", by, "--json"
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def archived(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archived]:
    """As described."""
    name, folder = f"test_exposed_{uuid4().hex[:12]}", tmp_path_factory.mktemp("exposed")
    write_keys(folder / "key", [LOG])
    try:
        make_database(name)
        database = OwnDatabase(name, folder)
        assert database.manage("owner", "migrate", "--no-input", "-v", "0").returncode == 0
        yield Archived(database)
    finally:
        drop_database(name)


def test_the_command_names_who_was_shown_a_cell_of_the_site_in_archived_months_and_nobody_else(
    archived: Archived,
) -> None:
    code, told, complaint = archived.ask(*archived.files)
    assert code == 0, complaint
    answer = json.loads(told)
    assert [(row["actor"], row["shown"], row["level"]) for row in answer["items"]] == [
        (archived.rosa, "cells", 0)
    ]
    assert answer["not_looked_at"] == []
    assert not [cell for cell in EASTERN if str(cell) in leave_chance_out(told)]
    with archived.database.connect() as opened:
        row = opened.execute(
            "SELECT e.role, c.outcome, e.object_refs FROM ledger.entry e JOIN ledger.completion c ON c.entry_id = e.id"
            " WHERE e.action = 'read.exposure' AND e.endpoint = 'read_archived_exposure' ORDER BY e.at LIMIT 1"
        ).fetchone()
    assert row is not None
    assert row[:2] == ("auditor", "done")
    assert len(row[2]) == 1


def test_a_file_that_is_damaged_or_no_archive_is_not_believed(archived: Archived, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_bytes(
        archived.files[0].read_bytes().replace(archived.rosa.encode(), archived.otis.encode())
    )
    rest = archived.database.export(tmp_path / "rest.jsonl")
    for file, words in (
        (damaged, "is damaged"),
        (rest, "no archive"),
        (tmp_path / "none", "could not be read"),
    ):
        code, told, complaint = archived.ask(file)
        assert (code, told) == (1, "")
        assert words in complaint


def test_archives_are_believed_on_the_word_of_a_key_kept_elsewhere(archived: Archived) -> None:
    stranger = make_key(LOG.name)
    for key, code, words in ((LOG, 0, ""), (stranger, 1, "keys from the database only"), ("x", 1, "")):
        text = key if isinstance(key, str) else str(key.verifier)
        found, told, complaint = archived.ask(*archived.files, "--key", text)
        assert (found, bool(told)) == (code, code == 0), complaint
        assert words in complaint


def test_only_an_auditor_asks_and_only_of_an_alert_that_is_there(archived: Archived) -> None:
    for by, alert, words in (
        ("rosa", "", "auditor"),
        ("nobody", "", "no account"),
        ("aldo", str(UUID(int=0)), "no alert"),
    ):
        code, told, complaint = archived.ask(*archived.files, by=by, alert=alert)
        assert (code, told) == (1, "")
        assert words in complaint
    later = f"--since={datetime.now(UTC):%Y-%m}-01"
    code, _, complaint = archived.ask(later, *archived.files)
    assert (code, "ask the service" in complaint) == (1, True)
    for since, until in (("2026-03-02", "2026-03-01"), ("2026-03-01", "2026-03-01")):
        code, told, complaint = archived.ask(f"--since={since}", f"--until={until}", *archived.files)
        assert (code, told, "--until must be later than --since" in complaint) == (1, "", True)
    done = archived.database.manage(
        "sealer", "read_archived_exposure", archived.alert, archived.files[0], "--by", "aldo"
    )
    assert (done.returncode, "Only the owner" in done.stderr) == (1, True)


def test_archives_that_were_not_given_are_named_and_files_may_have_other_names(
    archived: Archived, tmp_path: Path
) -> None:
    moved = tmp_path / "renamed.jsonl"
    moved.write_bytes(archived.files[0].read_bytes())
    code, told, _ = archived.ask(moved)
    assert (code, len(json.loads(told)["items"])) == (3, 1)
    assert [name.split(",")[0] for name in json.loads(told)["not_looked_at"]] == ["later.jsonl"]
    assert archived.ask(moved, archived.files[1])[0] == 0
