"""What no line of the ledger may be: refused by the table's trigger, whoever writes."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from accounts.ledger.entry import Entry
from accounts.ledger.writer import open_entry
from tests.ledger.conftest import Connection

ENTRY = {
    "id": "gen_random_uuid()",
    "nonce": r"'\x00112233445566778899aabbccddeeff'::bytea",
    "role": "'auditor'",
    "action": "'read.test'",
    "endpoint": "'/test'",
    "request_id": "gen_random_uuid()",
}


def insert(connection: Connection, table: str, line: dict[str, str]) -> None:
    """Write a line. line: an SQL expression for each column."""
    connection.execute(
        sql.SQL("INSERT INTO ledger.{} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, line)),
            sql.SQL(", ").join(map(sql.SQL, line.values())),
        )
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "'Read.test'"),
        ("action", "'read'"),
        ("action", "'read.test '"),
        ("action", "'read.test' || chr(10)"),
        ("action", "''"),
        ("action", "NULL"),
        ("nonce", r"'\x0011'::bytea"),
        ("nonce", "''::bytea"),
        ("nonce", "NULL"),
    ],
)
def test_an_entry_that_is_none_is_refused(writer: Connection, column: str, value: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        insert(writer, "entry", ENTRY | {column: value})
    insert(writer, "entry", ENTRY)


@pytest.mark.parametrize(
    ("column", "value"),
    [("outcome", "'open'"), ("outcome", "''"), ("outcome", "NULL"), ("quantity", "-1"), ("quantity", "NULL")],
)
def test_a_completion_that_is_none_is_refused(writer: Connection, column: str, value: str) -> None:
    ticket = open_entry(Entry(None, "read.test", "/test", uuid4()))
    line = {"entry_id": f"'{ticket.entry_id}'", "outcome": "'answered'", "quantity": "0"}
    with pytest.raises(psycopg.errors.CheckViolation):
        insert(writer, "completion", line | {column: value})
    insert(writer, "completion", line)


def test_nothing_is_said_of_an_entry_that_is_not_there(writer: Connection) -> None:
    line = {"entry_id": "gen_random_uuid()", "outcome": "'answered'", "quantity": "0"}
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        insert(writer, "completion", line)


def test_no_month_has_a_constraint_to_be_read_in_each_statement(owner: Connection) -> None:
    kept = owner.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype IN ('c', 'f') AND"
        " (conrelid IN ('ledger.entry'::regclass, 'ledger.completion'::regclass, 'ledger.completion_key'::regclass)"
        " OR conrelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN"
        " ('ledger.entry'::regclass, 'ledger.completion'::regclass)))"
    ).fetchall()
    assert kept == []
