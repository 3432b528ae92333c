"""The sealer gives every committed line one place: no gap, no double, no skip, whatever commits late or dies."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from accounts.ledger.entry import Entry, Outcome, Ticket
from accounts.ledger.lines import CompletionColumns, EntryColumns
from accounts.ledger.proof.canonical import parse_canonical
from accounts.ledger.proof.checkpoint import TreeHead
from accounts.ledger.proof.tree import EMPTY_ROOT, fold, hash_leaf
from accounts.ledger.sealing import BATCH, FETCHED, LedgerBroken, Sealer, read_newest
from accounts.ledger.writer import complete_entry, open_entry
from tests.ledger.conftest import Connection, connect
from tests.ledger.sealers import assert_sound, find_places, seal_all, sealing, wait_for_lock, write_lines
from tests.pure.ledger.test_note import LOG

ENTRY = (
    "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, at)"
    " VALUES (%s, decode(repeat('ab', 16), 'hex'), 'auditor', 'read.test', '/', gen_random_uuid(), clock_timestamp() + %s)"
)


def insert_entry(connection: Connection, ahead: timedelta = timedelta()) -> UUID:
    """An entry on this connection, its clock ahead by so much (or behind)."""
    identifier = uuid4()
    connection.execute(ENTRY, [identifier, ahead])
    return identifier


# --- the bytes ------------------------------------------------------------------------------------------------------


def read_body(owner: Connection, entry_id: UUID) -> tuple[EntryColumns, bytes]:
    """The columns of an entry, and its bytes."""
    row = owner.execute(
        f"SELECT {EntryColumns.COLUMNS}, body FROM ledger.entry WHERE id = %s", [entry_id]
    ).fetchone()
    assert row is not None
    return EntryColumns(*row[:-1]), bytes(row[-1])


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(texts, texts, st.none() | st.integers(0, 3), st.lists(st.uuids(), max_size=3), st.none() | st.uuids())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_writes_the_bytes_that_the_standard_wants(
    owner: Connection, text: str, role: str, level: int | None, regions: list[UUID], actor: UUID | None
) -> None:
    identifier = uuid4()
    owner.execute(
        "INSERT INTO ledger.entry (id, nonce, actor, role, purpose_text, action, endpoint, level, regions, object_refs,"
        " request_id) VALUES (%s, %s, %s, %s, %s, 'read.test', %s, %s, %s, %s, %s)",
        [identifier, uuid4().bytes, actor, role, text, text, level, regions, [text, role], uuid4()],
    )
    columns, body = read_body(owner, identifier)
    assert body == columns.write_body()
    value = parse_canonical(body)
    assert isinstance(value, dict)
    assert (value["purpose_text"], value["role"], value["level"]) == (text, role, level)


def test_a_completion_has_its_bytes_too(owner: Connection) -> None:
    ticket = open_entry(Entry(None, "read.activity", "/test", uuid4()))
    complete_entry(ticket, Outcome.ANSWERED, 3, b"answer", [5, 6, 7])
    row = owner.execute(
        f"SELECT {CompletionColumns.COLUMNS}, body FROM ledger.completion WHERE entry_id = %s",
        [ticket.entry_id],
    ).fetchone()
    assert row is not None
    columns = CompletionColumns(*row[:-1])
    assert bytes(row[-1]) == columns.write_body()
    assert len(columns.nonce) == 16
    assert len(columns.cells_digest) == 32


def test_the_same_cells_have_another_digest_in_another_entry(owner: Connection) -> None:
    tickets = [open_entry(Entry(None, "read.activity", "/test", uuid4())) for _ in range(2)]
    for ticket in tickets:
        complete_entry(ticket, Outcome.ANSWERED, 1, b"answer", [5])
    rows = owner.execute(
        "SELECT DISTINCT cells_digest FROM ledger.completion WHERE entry_id = ANY(%s)",
        [[ticket.entry_id for ticket in tickets]],
    ).fetchall()
    assert len(rows) == 2


def test_a_receipt_is_the_hash_of_the_entrys_bytes(owner: Connection) -> None:
    tickets = [open_entry(Entry(None, "read.activity", "/test", uuid4())) for _ in range(3)]
    for ticket in tickets:
        assert ticket.leaf == hash_leaf(read_body(owner, ticket.entry_id)[1])
        assert ticket.receipt.endswith("; mmd=60")
    assert len({ticket.leaf for ticket in tickets}) == 3


def test_nobody_writes_bytes_of_his_own(owner: Connection, writer: Connection) -> None:
    identifier = uuid4()
    owner.execute(
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id, body, xid) VALUES"
        " (%s, %s, 'auditor', 'read.test', '/', %s, 'forged', '1')",
        [identifier, uuid4().bytes, uuid4()],
    )
    columns, body = read_body(owner, identifier)
    assert body == columns.write_body()
    with pytest.raises(errors.InsufficientPrivilege):
        writer.execute("INSERT INTO ledger.entry (id, body) VALUES (gen_random_uuid(), 'forged')")


# --- the places -----------------------------------------------------------------------------------------------------


def test_every_line_gets_one_place_and_an_entry_stands_before_its_completion(owner: Connection) -> None:
    tickets = write_lines(5)
    with sealing() as sealer:
        assert seal_all(sealer)
        assert seal_all(sealer) == []
    places = find_places(owner, [ticket.entry_id for ticket in tickets])
    assert len(places) == 10
    for ticket in tickets:
        assert places[(ticket.entry_id, "entry")] < places[(ticket.entry_id, "completion")]
    assert assert_sound(owner) >= 10


def test_more_lines_than_a_batch_holds_are_sealed_in_several_checkpoints(owner: Connection) -> None:
    with sealing() as sealer:
        seal_all(sealer)
        with owner.transaction():
            for _ in range(2 * BATCH + 3):
                insert_entry(owner)
        sizes = [sealed.head.size for sealed in seal_all(sealer)]
    assert [after - before for before, after in pairwise(sizes)] == [BATCH, 3]
    assert_sound(owner)


@pytest.mark.parametrize("held", [False, True], ids=["settled", "held by an open transaction"])
def test_a_long_backlog_is_sealed_in_several_transactions(owner: Connection, held: bool) -> None:
    with contextlib.ExitStack() as open_transaction:
        if held:
            late = open_transaction.enter_context(connect())
            open_transaction.enter_context(late.transaction())
            insert_entry(late)
        owner.execute(
            "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id) SELECT gen_random_uuid(),"
            " uuid_send(gen_random_uuid()), 'auditor', 'read.test', '/', gen_random_uuid()"
            " FROM generate_series(1, %s)",
            [FETCHED + BATCH + 1],
        )
        with sealing() as sealer:
            assert len(seal_all(sealer)) > FETCHED // BATCH
    with sealing() as sealer:
        assert len(seal_all(sealer)) == held
    assert_sound(owner)


def test_a_transaction_that_commits_late_is_not_skipped(owner: Connection) -> None:
    with sealing() as sealer, connect() as late, connect() as latest:
        with late.transaction():
            first = insert_entry(late)
            with latest.transaction():
                second = insert_entry(latest)
                for _ in range(3):
                    early = write_lines(2)
                    seal_all(sealer)
                    assert len(find_places(owner, [ticket.entry_id for ticket in early])) == 4
                assert find_places(owner, [first, second]) == {}
            seal_all(sealer)
            assert list(find_places(owner, [first, second])) == [(second, "entry")]
        seal_all(sealer)
    places = find_places(owner, [first, second])
    assert places[(second, "entry")] < places[(first, "entry")]
    assert_sound(owner)


def test_a_late_commit_is_found_by_another_sealer_and_across_a_full_batch(owner: Connection) -> None:
    with connect() as late:
        with late.transaction():
            first = insert_entry(late)
            with sealing() as sealer, owner.transaction():
                for _ in range(BATCH + 5):
                    insert_entry(owner)
            with sealing() as sealer:
                seal_all(sealer)
        with sealing() as sealer:
            seal_all(sealer)
    assert len(find_places(owner, [first])) == 1
    assert_sound(owner)


def test_a_line_that_was_rolled_back_leaves_no_place_and_no_gap(owner: Connection) -> None:
    with sealing() as sealer, connect() as undone:
        with undone.transaction(force_rollback=True):
            gone = insert_entry(undone)
            seal_all(sealer)
        write_lines(1)
        seal_all(sealer)
    assert find_places(owner, [gone]) == {}
    assert_sound(owner)


def test_a_clock_that_is_set_back_reorders_nothing(owner: Connection) -> None:
    with sealing() as sealer:
        seal_all(sealer)
        ahead = [insert_entry(owner, timedelta(days=days)) for days in (0, 3, -400, 2, -1)]
        seal_all(sealer)
        behind = [insert_entry(owner, timedelta(days=days)) for days in (-900, 5)]
        seal_all(sealer)
    places = find_places(owner, [*ahead, *behind])
    order = [places[(identifier, "entry")] for identifier in (*ahead, *behind)]
    assert order == list(range(order[0], order[0] + 7))
    assert_sound(owner)


def test_a_completion_without_a_place_for_its_entry_cannot_happen_within_one_transaction(
    owner: Connection,
) -> None:
    with sealing() as sealer:
        with owner.transaction():
            identifiers = [insert_entry(owner) for _ in range(3)]
            for identifier in reversed(identifiers):
                owner.execute(
                    "INSERT INTO ledger.completion (entry_id, outcome, quantity) VALUES (%s, 'done', 0)",
                    [identifier],
                )
        seal_all(sealer)
    places = find_places(owner, identifiers)
    assert all(places[(each, "entry")] < places[(each, "completion")] for each in identifiers)


# --- dying, and being two -------------------------------------------------------------------------------------------


def test_only_one_sealer_works_at_a_time_and_the_lock_falls_with_its_connection(owner: Connection) -> None:
    with connect() as other:
        second = Sealer(other, [LOG])
        with sealing():
            assert not second.take_lock()
        wait_for_lock(other)
        assert second.take_lock()


def test_a_sealer_that_dies_before_its_commit_leaves_nothing_behind(owner: Connection) -> None:
    before = read_newest(owner)
    (ticket,) = write_lines(1)
    with connect() as connection:
        wait_for_lock(connection)
        dying = Sealer(connection, [LOG])
        assert dying.take_lock()
        with contextlib.suppress(psycopg.OperationalError), connection.transaction():
            # what a batch does, cut off before its end by the server
            assert dying.seal_new()
            owner.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            connection.execute("SELECT 1")
        assert connection.broken
    assert find_places(owner, [ticket.entry_id]) == {}
    after = read_newest(owner)
    assert (after.head if after else None) == (before.head if before else None)
    with sealing() as sealer:
        seal_all(sealer)
    assert_sound(owner)


def test_two_batches_cannot_take_the_same_places(owner: Connection) -> None:
    """Were there two sealers after all, the tables would refuse the second."""
    write_lines(1)
    with sealing() as sealer:
        seal_all(sealer)
    newest = read_newest(owner)
    assert newest is not None
    last = newest.head.size - 1
    for place in (last, last + 2):
        with pytest.raises((errors.UniqueViolation, errors.ForeignKeyViolation)):
            owner.execute(
                "INSERT INTO ledger.leaf (index, kind, entry_id, hash) VALUES (%s, 'entry', gen_random_uuid(), %s)",
                [place, EMPTY_ROOT],
            )
    with pytest.raises(errors.UniqueViolation):
        owner.execute(
            "INSERT INTO ledger.leaf (index, kind, entry_id, hash) SELECT %s, kind, entry_id, hash FROM ledger.leaf"
            " WHERE index = %s",
            [last + 1, last],
        )


def test_a_horizon_of_another_cluster_is_not_believed(owner: Connection) -> None:
    """A database restored elsewhere counts its transactions from another number; a lower one must not be skipped."""
    with sealing() as sealer:
        write_lines(1)
        seal_all(sealer)
        sealer._horizon = 2**62
        (ticket,) = write_lines(1)
        assert seal_all(sealer) == []
    with sealing() as sealer:
        assert seal_all(sealer)
    assert len(find_places(owner, [ticket.entry_id])) == 2
    assert_sound(owner)


# --- what was signed before -----------------------------------------------------------------------------------------


def test_a_log_that_continues_what_was_signed_goes_on(owner: Connection) -> None:
    with sealing() as sealer:
        write_lines(2)
        seal_all(sealer)
        newest = read_newest(owner)
        assert newest is not None
        for remembered in (None, TreeHead(LOG.name, 0, EMPTY_ROOT), newest.head):
            sealer.check_memory(remembered)
        write_lines(2)
        seal_all(sealer)
        sealer.check_memory(newest.head)


def test_a_database_that_is_older_than_what_was_signed_is_not_signed(owner: Connection) -> None:
    with sealing() as sealer:
        write_lines(1)
        seal_all(sealer)
        newest = read_newest(owner)
        assert newest is not None
        for remembered in (
            TreeHead(LOG.name, newest.head.size + 1, newest.head.root),
            TreeHead(LOG.name, newest.head.size, EMPTY_ROOT),
            TreeHead("another.example/log", newest.head.size, newest.head.root),
        ):
            with pytest.raises(LedgerBroken):
                sealer.check_memory(remembered)


def test_a_stored_head_that_was_changed_is_not_built_upon(owner: Connection) -> None:
    with sealing() as sealer:
        write_lines(1)
        seal_all(sealer)
        write_lines(1)
        owner.execute("ALTER TABLE ledger.checkpoint DISABLE TRIGGER checkpoint_is_final")
        newest = read_newest(owner)
        assert newest is not None
        change = "UPDATE ledger.checkpoint SET root = %s WHERE size = %s"
        owner.execute(change, [EMPTY_ROOT, newest.head.size])
        try:
            with pytest.raises(LedgerBroken):
                sealer.seal_new()
        finally:
            owner.execute(change, [fold(newest.edge), newest.head.size])
            owner.execute("ALTER TABLE ledger.checkpoint ENABLE TRIGGER checkpoint_is_final")
        seal_all(sealer)
    assert_sound(owner)


# --- rights ---------------------------------------------------------------------------------------------------------


def test_the_sealer_adds_to_the_tree_and_changes_nothing(owner: Connection) -> None:
    write_lines(1)
    owner.execute("SET ROLE penumbra_sealer")
    for statement in (
        "INSERT INTO ledger.entry (id, nonce, role, action, endpoint, request_id) VALUES"
        " (gen_random_uuid(), '\\x00', 'auditor', 'read.test', '/', gen_random_uuid())",
        "UPDATE ledger.leaf SET index = 0",
        "DELETE FROM ledger.checkpoint",
        "TRUNCATE ledger.node",
        "UPDATE ledger.entry SET body = ''",
        "SELECT * FROM ledger.ticket",
        "SELECT * FROM ledger.disclosure",
        "SELECT * FROM vault.cell_state",
        "SELECT * FROM accounts_user",
        "INSERT INTO ledger.checkpoint (sealed_at) VALUES (now())",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            owner.execute(statement)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("leaf", "hash"),
        ("node", "hash"),
        ("checkpoint", "root"),
        ("cosignature", "line"),
        ("log_key", "since"),
    ],
)
def test_the_owner_cannot_change_or_remove_what_was_sealed(
    owner: Connection, table: str, column: str
) -> None:
    for statement in (
        f"UPDATE ledger.{table} SET {column} = {column}",
        f"DELETE FROM ledger.{table}",
        f"TRUNCATE ledger.{table} CASCADE",
    ):
        with pytest.raises(errors.InsufficientPrivilege, match="append-only"):
            owner.execute(statement)


def test_an_entry_says_when_the_database_wrote_it(owner: Connection) -> None:
    ticket: Ticket = open_entry(Entry(None, "read.activity", "/test", uuid4()))
    columns, _ = read_body(owner, ticket.entry_id)
    now = owner.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    assert isinstance(now[0], datetime)
    assert timedelta() <= now[0] - columns.at < timedelta(minutes=1)
