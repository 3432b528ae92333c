"""The ledger by months: where a line lands, what holds for each month's table, and that no clock makes a line be refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import errors, sql

from accounts.ledger.sealing_process import make_months
from tests.ledger.conftest import Connection, connect
from tests.ledger.sealers import find_places, seal_all, sealing, write_lines


def write_at(owner: Connection, at: datetime) -> UUID:
    """An entry as a clock that stands at `at` would date it."""
    identifier = uuid4()
    owner.execute(
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, at) VALUES"
        " (%s, %s, 'auditor', 'read.test', '/', %s, %s)",
        [identifier, uuid4().bytes, uuid4(), at],
    )
    return identifier


def table_of(owner: Connection, kind: str, identifier: UUID) -> str:
    """The table in which a line lies."""
    key = sql.Identifier("id" if kind == "entry" else "entry_id")
    query = sql.SQL("SELECT tableoid::regclass::text FROM ledger.{} WHERE {} = %s")
    row = owner.execute(query.format(sql.Identifier(kind), key), [identifier]).fetchone()
    assert row is not None
    return str(row[0])


def list_tables(owner: Connection) -> list[str]:
    """Every table that holds lines, months and others."""
    rows = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent IN ('ledger.entry'::regclass, 'ledger.completion'::regclass) ORDER BY 1"
    ).fetchall()
    return [name for (name,) in rows]


def test_a_line_lands_in_the_table_of_its_month(owner: Connection) -> None:
    (ticket,) = write_lines(1)
    month = f"{datetime.now(UTC):%Y_%m}"
    assert table_of(owner, "entry", ticket.entry_id) == f"ledger.entry_{month}"
    assert table_of(owner, "completion", ticket.entry_id) == f"ledger.completion_{month}"


def test_this_month_and_the_two_that_follow_have_their_tables(owner: Connection) -> None:
    first = datetime.now(UTC).replace(day=1)
    names = list_tables(owner)
    for days in (0, 32, 64):
        month = f"{first + timedelta(days=days):%Y_%m}" if days else f"{first:%Y_%m}"
        assert f"ledger.entry_{month}" in names
        assert f"ledger.completion_{month}" in names


@pytest.mark.parametrize("at", [datetime(1999, 5, 7, tzinfo=UTC), datetime(2107, 1, 1, tzinfo=UTC)])
def test_a_clock_that_is_set_back_or_forward_refuses_no_line_and_it_is_sealed(
    owner: Connection, at: datetime
) -> None:
    identifier = write_at(owner, at)
    assert table_of(owner, "entry", identifier) == "ledger.entry_other"
    with sealing() as sealer:
        seal_all(sealer)
    assert find_places(owner, [identifier])


def test_months_begin_at_midnight_utc_whatever_zone_the_session_has(owner: Connection) -> None:
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    owner.execute("SET TIME ZONE 'Pacific/Kiritimati'")
    assert table_of(owner, "entry", write_at(owner, first)) == f"ledger.entry_{first:%Y_%m}"
    before = write_at(owner, first - timedelta(microseconds=1))
    assert table_of(owner, "entry", before) != f"ledger.entry_{first:%Y_%m}"


def test_lines_that_came_before_their_month_had_a_table_are_moved_unchanged(owner: Connection) -> None:
    at = datetime(1998, 2, 3, tzinfo=UTC)
    identifier = write_at(owner, at)
    kept = owner.execute("SELECT e::text FROM ledger.entry e WHERE id = %s", [identifier]).fetchone()
    assert owner.execute("SELECT ledger.make_month(%s)", [at.date()]).fetchone() == (True,)
    assert table_of(owner, "entry", identifier) == "ledger.entry_1998_02"
    assert owner.execute("SELECT e::text FROM ledger.entry e WHERE id = %s", [identifier]).fetchone() == kept
    assert owner.execute("SELECT ledger.make_month(%s)", [date(1998, 2, 20)]).fetchone() == (False,)
    for table in ("entry_1998_02", "entry_other"):
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            owner.execute(sql.SQL("DELETE FROM ledger.{}").format(sql.Identifier(table)))


def test_no_table_of_a_month_can_be_changed_even_by_its_owner(owner: Connection) -> None:
    write_lines(1)
    for name in list_tables(owner):
        for statement in (f"UPDATE {name} SET body = ''", f"DELETE FROM {name}", f"TRUNCATE {name}"):
            with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
                owner.execute(statement)


@pytest.mark.parametrize("role", ["web", "worker", "ledger", "sealer"])
def test_nobody_reads_or_writes_the_table_of_a_month_directly(owner: Connection, role: str) -> None:
    (ticket,) = write_lines(1)
    names = list_tables(owner)
    keys = ["ledger.entry_key", "ledger.completion_key"] if role != "sealer" else []
    with connect() as connection:
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(f"penumbra_{role}")))
        for name in [*names, *keys]:
            for statement in (f"SELECT count(*) FROM {name}", f"COPY {name} TO STDOUT"):
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(statement)
        for statement in (
            f"INSERT INTO {table_of(owner, 'entry', ticket.entry_id)} (id) VALUES (gen_random_uuid())",
            "INSERT INTO ledger.entry_key VALUES (gen_random_uuid(), now())",
            f"INSERT INTO ledger.completion_key VALUES ('{ticket.entry_id}', now())",
            "SELECT ledger.make_month('2031-01-01')",
            "INSERT INTO ledger.archived_month VALUES ('2020-01-01', 1, 0, 0)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)


def test_an_id_stands_once_in_all_months_together(owner: Connection) -> None:
    (ticket,) = write_lines(1)
    again = (
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, at) VALUES"
        " (%s, %s, 'auditor', 'read.test', '/', %s, '1999-01-01')"
    )
    with pytest.raises(errors.UniqueViolation):
        owner.execute(again, [ticket.entry_id, uuid4().bytes, uuid4()])
    with pytest.raises(errors.UniqueViolation):
        owner.execute(
            "INSERT INTO ledger.completion (entry_id, at, outcome, quantity) VALUES (%s, '1999-01-01', 'done', 0)",
            [ticket.entry_id],
        )
    with pytest.raises(errors.ForeignKeyViolation):
        owner.execute(
            "INSERT INTO ledger.completion (entry_id, outcome, quantity) VALUES (gen_random_uuid(), 'done', 0)"
        )


def test_the_sealer_makes_months_and_goes_on_where_it_cannot(owner: Connection) -> None:
    last = list_tables(owner)[-2].removeprefix("ledger.entry_")
    names = [f"ledger.{kind}_{last}" for kind in ("entry", "completion")]
    owner.execute(f"DROP TABLE {', '.join(names)}")
    with connect() as connection:
        connection.execute("SET ROLE penumbra_sealer")
        with owner.transaction():
            owner.execute("LOCK TABLE ledger.entry_other IN ROW EXCLUSIVE MODE")
            make_months(connection)
        assert not set(names) & set(list_tables(owner))
        make_months(connection)
    assert set(names) <= set(list_tables(owner))


def test_the_newest_lines_are_found_by_their_transaction_in_every_month(owner: Connection) -> None:
    owner.execute("SET enable_seqscan = off")
    for table in ("entry", "completion"):
        rows = owner.execute(
            sql.SQL("EXPLAIN SELECT body FROM ledger.{} WHERE xid >= '999999999'::xid8").format(
                sql.Identifier(table)
            )
        ).fetchall()
        plan = [line for (line,) in rows]
        assert not [line for line in plan if "Seq Scan" in line]
        tables = [name for name in list_tables(owner) if f".{table}_" in name]
        assert len([line for line in plan if "Index Cond: (xid >=" in line]) == len(tables)
