"""The ledger is append-only: for its owner, and all the more for everybody else; its writer can write and no more."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors, sql

from accounts.ledger.entry import Entry, Outcome, Reads, TicketScope
from accounts.ledger.writer import complete_entry, open_entry
from tests.ledger.conftest import Connection, connect

TABLES = {
    "entry": "purpose_text = 'nothing'",
    "completion": "quantity = 0",
    "ticket": "opened_at = now()",
    "disclosure": "cells = '{}'",
}


@pytest.fixture
def written(db: None) -> UUID:
    """One disclosure with a row in each table of the ledger; its entry's id."""
    entry = Entry(None, "read.activity", "/test", uuid4())
    ticket = open_entry(entry, TicketScope(uuid4(), Reads.ACTIVITY))
    complete_entry(ticket, Outcome.ANSWERED, 2, b"features", [7, 8])
    return ticket.entry_id


@pytest.mark.parametrize(("table", "change"), TABLES.items())
def test_the_owner_cannot_change_or_remove_a_line(
    owner: Connection, written: UUID, table: str, change: str
) -> None:
    key = "id" if table == "entry" else "entry_id"
    # a table of months is unique together with the time; the id alone is a key of its own table
    unique = f"{key}, at" if table in {"entry", "completion"} else key
    statements = [
        f"UPDATE ledger.{table} SET {change}",
        f"UPDATE ledger.{table} SET {change} WHERE {key} = '{written}'",
        f"UPDATE ledger.{table} SET {change} WHERE false",
        f"DELETE FROM ledger.{table}",
        f"DELETE FROM ledger.{table} WHERE {key} = '{written}'",
        f"TRUNCATE ledger.{table} CASCADE",
        f"TRUNCATE {', '.join(f'ledger.{name}' for name in TABLES)}",
        f"INSERT INTO ledger.{table} SELECT * FROM ledger.{table} WHERE {key} = '{written}'"
        f" ON CONFLICT ({unique}) DO UPDATE SET {change}",
        f"MERGE INTO ledger.{table} t USING (SELECT 1) s ON t.{key} = '{written}' WHEN MATCHED THEN DELETE",
    ]
    before = owner.execute(f"SELECT * FROM ledger.{table} WHERE {key} = %s", [written]).fetchall()
    assert len(before) == 1
    for statement in statements:
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            owner.execute(statement)
    assert owner.execute(f"SELECT * FROM ledger.{table} WHERE {key} = %s", [written]).fetchall() == before


@pytest.mark.parametrize("table", TABLES)
def test_a_line_cannot_be_written_twice(owner: Connection, written: UUID, table: str) -> None:
    key = "id" if table == "entry" else "entry_id"
    with pytest.raises(errors.UniqueViolation):
        owner.execute(f"INSERT INTO ledger.{table} SELECT * FROM ledger.{table} WHERE {key} = %s", [written])


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("role", ["web", "worker", "ledger"])
def test_no_other_role_changes_or_removes_a_line(
    owner: Connection, written: UUID, role: str, table: str
) -> None:
    owner.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"penumbra_{role}")))
    for statement in (
        f"UPDATE ledger.{table} SET {TABLES[table]}",
        f"DELETE FROM ledger.{table}",
        f"TRUNCATE ledger.{table}",
        f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL",
        f"DROP TABLE ledger.{table} CASCADE",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute(statement)


# --- the writer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_the_writer_can_read_nothing_of_what_it_wrote(writer: Connection, written: UUID, table: str) -> None:
    for statement in (
        f"SELECT * FROM ledger.{table}",
        f"SELECT count(*) FROM ledger.{table}",
        f"COPY ledger.{table} TO STDOUT",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            writer.execute(statement)


def test_the_writer_cannot_ask_an_insert_what_it_did(writer: Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        writer.execute(_insert_entry("") + " RETURNING at")
    with pytest.raises(errors.InsufficientPrivilege):
        writer.execute(_insert_entry("") + " ON CONFLICT (id, at) DO NOTHING RETURNING id")


def _insert_entry(more_names: str, more_values: str = "") -> str:
    return (
        f"INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id{more_names}) VALUES"
        f" (gen_random_uuid(), decode(repeat('ab', 16), 'hex'), 'auditor', 'read.test', '/', gen_random_uuid(){more_values})"
    )


def test_the_writer_cannot_choose_the_time(writer: Connection, written: UUID) -> None:
    writer.execute(_insert_entry(""))
    past = "'2020-01-01T00:00:00Z'"
    for statement in (
        _insert_entry(", at", f", {past}"),
        f"INSERT INTO ledger.completion (entry_id, at, outcome, quantity) VALUES ('{written}', {past}, 'done', 0)",
        f"INSERT INTO ledger.ticket (entry_id, key, opened_at, user_id, reads) VALUES ('{written}', '{uuid4()}', {past},"
        f" '{uuid4()}', 'activity')",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            writer.execute(statement)


def test_the_writer_reaches_no_other_table_and_opens_nothing(writer: Connection) -> None:
    for statement in (
        "SELECT * FROM vault.cell_state",
        "SELECT * FROM vault.spent_ticket",
        "SELECT * FROM vault.exact_alert_site(gen_random_uuid(), gen_random_uuid())",
        "SELECT vault.spend_ticket(gen_random_uuid(), 'activity')",
        "SELECT * FROM release.block",
        "SELECT * FROM public.accounts_user",
        "SELECT * FROM public.monitor_alert",
        "SET ROLE penumbra_owner",
        "SET ROLE penumbra_web",
        "SET SESSION AUTHORIZATION penumbra_worker",
        "CREATE TABLE public.mine (id integer)",
        "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            writer.execute(statement)


def test_the_web_role_reads_what_auditors_may_see_and_writes_nothing(
    owner: Connection, written: UUID
) -> None:
    owner.execute("SET ROLE penumbra_web")
    assert owner.execute("SELECT count(*) FROM ledger.entry WHERE id = %s", [written]).fetchone() == (1,)
    for statement in (
        "SELECT * FROM ledger.ticket",
        "SELECT key FROM ledger.ticket",
        "SELECT * FROM ledger.disclosure",
        _insert_entry(""),
        f"INSERT INTO ledger.completion (entry_id, outcome, quantity) VALUES ('{written}', 'done', 0)",
        "INSERT INTO ledger.ticket (entry_id, key, user_id, reads)"
        f" VALUES ('{written}', '{uuid4()}', '{uuid4()}', 'activity')",
        f"INSERT INTO ledger.disclosure (entry_id, cells) VALUES ('{written}', '{{}}')",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute(statement)


def test_the_worker_reads_nothing_of_the_ledger(owner: Connection, written: UUID) -> None:
    owner.execute("SET ROLE penumbra_worker")
    for table in TABLES:
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute(f"SELECT * FROM ledger.{table}")


def test_a_wrong_password_opens_no_connection_as_the_writer() -> None:
    with (
        pytest.raises(psycopg.OperationalError),
        connect(user="penumbra_ledger", password="not the password"),
    ):
        pass
