"""The statements that write lines: prepared once, straight through libpq, and by keys whatever the statistics say."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from accounts.ledger.connection import LedgerUnavailable, Prepared, ledger_connection
from tests.ledger.months import OwnDatabase, drop_database, make_database

ECHO = Prepared(b"echo", b"SELECT $1::text")
DIVIDE = Prepared(b"divide", b"SELECT 1 / $1::int")
PAIRS = 30
WRITE_PAIRS = f"""
from uuid import uuid4
from accounts.ledger.connection import close_ledger_connections
from accounts.ledger.entry import Entry, Outcome
from accounts.ledger.writer import complete_entry, open_entry
for _ in range({PAIRS}):
    complete_entry(open_entry(Entry(None, 'read.test', '/test', uuid4())), Outcome.ANSWERED)
close_ledger_connections()
"""


@pytest.mark.parametrize("text", [None, "", "two lines\nof 'text' with \\ and \"", "ʻOumuamua ☃"])
def test_values_arrive_as_they_were_sent(db: None, text: str | None) -> None:
    with ledger_connection() as ledger:
        assert ledger.run(ECHO, [text]) == ledger.run(ECHO, [text]) == text


def test_a_text_that_would_be_cut_off_is_refused(db: None) -> None:
    with pytest.raises(LedgerUnavailable) as refused, ledger_connection() as ledger:
        ledger.run(ECHO, ["whole\x00 or not"])
    assert isinstance(refused.value.__cause__, psycopg.DataError)


def test_what_the_database_refuses_is_raised_and_the_connection_goes_on(db: None) -> None:
    with ledger_connection() as ledger:
        with pytest.raises(psycopg.errors.DivisionByZero):
            ledger.run(DIVIDE, ["0"])
        with pytest.raises(psycopg.errors.SyntaxError):
            ledger.run(Prepared(b"no statement", b"SELEKT"), [])
        assert ledger.run(DIVIDE, ["1"]) == "1"


def test_a_line_reads_no_whole_table_although_statistics_say_that_there_is_none(
    django_db_setup: None, tmp_path: Path
) -> None:
    """A check that is planned while a table is empty, by its statistics, would read all of it for every later line."""
    database = OwnDatabase(f"test_prepared_{uuid4().hex[:12]}", tmp_path)
    try:
        make_database(database.name)
        assert database.manage("owner", "migrate", "--no-input", "-v", "0").returncode == 0
        with database.connect() as owner:
            owner.execute("ANALYZE ledger.entry_key, ledger.completion_key")
            before = owner.execute(
                "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'ledger'"
            ).fetchone()
            done = database.manage("web", "shell", "-c", WRITE_PAIRS)
            assert done.returncode == 0, done.stderr
            after = owner.execute(
                "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'ledger'"
            ).fetchone()
            written = owner.execute("SELECT count(*) FROM ledger.completion").fetchone()
        assert written == (PAIRS,)
        assert after == before
    finally:
        drop_database(database.name)
