"""The fence in the database: every right of every role, held against a committed list, and tried by signing in.

`grants.txt` is the golden list. When a migration changes it on purpose, write it anew and read the difference:
`PENUMBRA_WRITE_GRANTS=1 pytest tests/privacy/test_fence.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from monitor.models import Inspection, Region
from monitor.privacy.door.activity import WHOLE_EARTH
from monitor.privacy.scope import grant_region
from monitor.vault.fence import RIGHTS
from monitor.vault.tickets import CellFilter, VaultSealed, read_activity_with_ticket
from tests.builders import cell_at, make_alert, make_inspection, make_model, make_viewer, put_cells
from tests.cast import Cast, make_cast
from tests.roles import as_role, read_rows

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).with_name("grants.txt")
ROLES = ("web", "worker", "ledger")
SCHEMAS = ("public", "vault", "release", "ledger")

# relations, columns, functions and schemas of ours (what an extension brought is left out), exploded to one right a row
RIGHTS_IN_CATALOG = """
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname = ANY (%(schemas)s)
), extension AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), granted AS (
    SELECT 'schema ' || nspname AS object, acl.* FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) acl
    WHERE oid IN (SELECT oid FROM ours)
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' ELSE 'table ' END || oid::regclass, acl.*
    FROM pg_class, aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) acl
    WHERE relnamespace IN (SELECT oid FROM ours) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND ('pg_class'::regclass, oid) NOT IN (SELECT classid, objid FROM extension)
    UNION ALL
    SELECT 'column ' || c.oid::regclass || '.' || attname, acl.* FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid, aclexplode(attacl) acl
    WHERE c.relnamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure || CASE WHEN prosecdef THEN ' as its owner' ELSE '' END, acl.*
    FROM pg_proc p, aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
    WHERE pronamespace IN (SELECT oid FROM ours) AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM extension)
    UNION ALL
    SELECT 'anything new in ' || coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'the database') || ' of kind ' || defaclobjtype, acl.*
    FROM pg_default_acl, aclexplode(defaclacl) acl
)
SELECT object, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END AS grantee,
    string_agg(privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END, ', ' ORDER BY privilege_type)
FROM granted WHERE grantee = 0 OR pg_get_userbyid(grantee) <> 'penumbra_owner'
GROUP BY 1, 2
"""


def list_rights() -> list[str]:
    """One line for every object that somebody other than the owner may use, and how."""
    rows = read_rows(RIGHTS_IN_CATALOG, {"schemas": list(SCHEMAS)})
    return sorted(f"{grantee}: {verbs} on {name}" for name, grantee, verbs in rows)


@contextmanager
def signed_in(role: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A real session of one login role on the test database, with its own password."""
    settings = connection.settings_dict
    password = os.environ.get(f"PENUMBRA_DB_PASSWORD_{role.upper()}")
    if password is None:
        pytest.skip(f"no password of {role} in the environment")
    with psycopg.connect(
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        dbname=settings["NAME"],
        user=f"penumbra_{role}",
        password=password,
        autocommit=True,
    ) as session:
        yield session


def refused(session: psycopg.Connection[tuple[Any, ...]], statement: str) -> bool:
    """True where the database says that this role has no right to."""
    try:
        session.execute(statement)  # type: ignore[call-overload]
    except psycopg.errors.InsufficientPrivilege:
        return True
    except psycopg.Error:
        return False
    return False


def relations(*schemas: str) -> list[str]:
    """Tables, views and sequences of the schemas."""
    return [
        name
        for (name,) in read_rows(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace::regnamespace::text = ANY(%s)"
            " AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1",
            list(schemas),
        )
    ]


def test_every_right_of_every_role_is_on_the_list_and_nothing_else_is() -> None:
    rights = list_rights()
    if os.environ.get("PENUMBRA_WRITE_GRANTS"):
        GOLDEN.write_text("\n".join(rights) + "\n", encoding="utf-8")
    expected = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert {"new": sorted(set(rights) - set(expected)), "gone": sorted(set(expected) - set(rights))} == {
        "new": [],
        "gone": [],
    }


def test_the_web_role_may_do_nothing_on_the_vault_but_call_its_five_functions() -> None:
    lines = [
        line.partition(" on ")[2]
        for line in list_rights()
        if line.startswith("penumbra_web") and "vault" in line
    ]
    assert sorted(name.partition("(")[0] for name in lines) == [
        "function vault.close_alert_site",
        "function vault.deposit_item",
        "function vault.exact_activity",
        "function vault.exact_alert_site",
        "function vault.exact_inspection_site",
        "schema vault",
    ]


def test_nobody_else_has_any_right_on_vault_ledger_or_release() -> None:
    strangers = [line for line in list_rights() if line.startswith("PUBLIC") and "schema public" not in line]
    assert strangers == []


def test_no_right_can_be_passed_on() -> None:
    assert [line for line in list_rights() if "grant option" in line] == []


def test_no_role_is_superuser_passes_row_security_or_wears_another() -> None:
    assert (
        read_rows(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'penumbra%%' AND (rolsuper OR rolbypassrls OR rolcreaterole"
            " OR rolreplication)"
        )
        == []
    )
    assert (
        read_rows(
            "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members WHERE member::regrole::text IN"
            " ('penumbra_web', 'penumbra_worker', 'penumbra_ledger') OR roleid::regrole::text = 'penumbra_owner'"
        )
        == []
    )


def test_no_key_and_no_view_leads_from_the_release_to_the_vault() -> None:
    keys = read_rows(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text LIKE 'release.%%'"
        " AND confrelid::regclass::text NOT LIKE 'release.%%'"
    )
    back = read_rows(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confrelid::regclass::text LIKE 'release.%%'"
        " AND conrelid::regclass::text NOT LIKE 'release.%%'"
    )
    assert keys == back == []
    views = read_rows(
        "SELECT schemaname, viewname FROM pg_views WHERE schemaname = ANY(%s) AND viewname NOT LIKE 'geo%%_columns'",
        list(SCHEMAS),
    )
    assert views == []
    assert read_rows("SELECT schemaname FROM pg_matviews WHERE schemaname = ANY(%s)", list(SCHEMAS)) == []


def test_no_key_leads_from_public_tables_into_the_vault() -> None:
    """A foreign key checks its target whatever the role may see, and so tells whether it exists."""
    assert (
        read_rows(
            "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
            " AND confrelid::regclass::text LIKE 'vault.%%' AND conrelid::regclass::text NOT LIKE 'vault.%%'"
        )
        == []
    )


def test_every_function_of_ours_pins_its_search_path() -> None:
    loose = read_rows(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace::regnamespace::text IN ('vault', 'release', 'ledger')"
        " AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)"
    )
    assert loose == []
    assert (
        read_rows(
            "SELECT oid::regprocedure::text FROM pg_proc p WHERE prosecdef AND pronamespace::regnamespace::text NOT IN"
            " ('vault', 'pg_catalog') AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"
        )
        == []
    )


def test_every_table_outside_the_schemas_of_the_fence_is_listed_or_belongs_to_the_owner_alone() -> None:
    listed = {
        line.partition("table ")[2]
        for line in list_rights()
        if line.startswith("penumbra_") and "table " in line
    }
    public = {name for name in listed if "." not in name}
    columns = {line.partition("column ")[2].partition(".")[0] for line in list_rights() if "column " in line}
    assert public | (columns & set(RIGHTS)) == set(RIGHTS)


@pytest.mark.parametrize("role", ["web", "ledger"])
def test_signed_in_nobody_but_the_worker_reads_or_writes_the_vault(role: str) -> None:
    names = relations("vault")
    assert "vault.cell_state" in names
    with signed_in(role) as session:
        for name in names:
            for statement in (
                f"TABLE {name}",
                f"SELECT count(*) FROM {name}",
                f"INSERT INTO {name} DEFAULT VALUES",
                f"UPDATE {name} SET row = 0",
                f"DELETE FROM {name}",
                f"TRUNCATE {name}",
                f"LOCK TABLE {name}",
                f"COPY {name} TO STDOUT",
                f"CREATE TEMP TABLE mine (LIKE {name}) ON COMMIT DROP",
                f"ANALYZE {name}",
            ):
                is_meaningless = "row = 0" in statement or "sequence" in name or "_seq" in name
                if statement.startswith("ANALYZE"):
                    session.execute(statement)  # type: ignore[call-overload] # skipped with a warning, it reads nothing
                else:
                    assert refused(session, statement) or is_meaningless, f"{role}: {statement}"


@pytest.mark.parametrize("role", ["web", "ledger"])
def test_signed_in_the_inner_functions_of_the_vault_cannot_be_called(role: str) -> None:
    allowed = {
        "exact_activity",
        "exact_alert_site",
        "exact_inspection_site",
        "deposit_item",
        "close_alert_site",
    }
    functions = read_rows(
        "SELECT proname, (SELECT coalesce(string_agg('NULL::' || format_type(t, NULL), ', '), '') FROM unnest(proargtypes) t)"
        " FROM pg_proc WHERE pronamespace = 'vault'::regnamespace"
    )
    assert len(functions) > len(allowed)
    with signed_in(role) as session:
        for name, arguments in functions:
            if role == "web" and name in allowed:
                continue
            assert refused(session, f"SELECT vault.{name}({arguments})"), name


def test_signed_in_the_statistics_of_the_vault_are_hidden_too() -> None:
    """Most common values of a column are values of the column."""
    with signed_in("web") as session:
        rows = session.execute(
            "SELECT DISTINCT schemaname FROM pg_stats WHERE schemaname IN ('vault', 'ledger')"
        ).fetchall()
        assert {name for (name,) in rows} <= {"ledger"}
        assert session.execute(
            "SELECT count(*) FROM pg_stats WHERE tablename IN ('ticket', 'disclosure')"
        ).fetchone() == (0,)


def test_signed_in_the_web_role_cannot_write_forge_or_read_the_sealed_part_of_the_ledger() -> None:
    with signed_in("web") as session:
        for name in ("entry", "completion", "ticket", "disclosure"):
            assert refused(session, f"INSERT INTO ledger.{name} DEFAULT VALUES"), name
            assert refused(session, f"DELETE FROM ledger.{name}"), name
        for name in ("ticket", "disclosure"):
            assert refused(session, f"TABLE ledger.{name}"), name


def test_signed_in_the_ledger_role_can_read_nothing_at_all() -> None:
    with signed_in("ledger") as session:
        for name in relations("ledger", "release", "vault"):
            assert refused(session, f"TABLE {name}"), name
        for table in RIGHTS:
            assert refused(session, f"TABLE {table}"), table
        assert refused(
            session, "INSERT INTO ledger.ticket (entry_id, opened_at) VALUES (gen_random_uuid(), now())"
        )


def test_signed_in_the_web_role_cannot_give_itself_a_mandate_a_role_or_a_token() -> None:
    with signed_in("web") as session:
        for statement in (
            "INSERT INTO monitor_regionuserpermission (content_object_id, permission_id, user_id) SELECT NULL, NULL, NULL",
            "UPDATE monitor_regionuserpermission SET user_id = NULL",
            "DELETE FROM monitor_regionuserpermission",
            "UPDATE accounts_user SET role = 'regulator'",
            "UPDATE accounts_user SET is_active = true",
            "INSERT INTO accounts_user (role) VALUES ('regulator')",
            "INSERT INTO accounts_token (label) VALUES ('mine')",
            "UPDATE accounts_token SET revoked_at = NULL",
            "UPDATE auth_permission SET codename = 'mandate_region'",
            "UPDATE monitor_alert SET region_id = NULL",
            "UPDATE monitor_inspection SET inspector_id = NULL",
            "UPDATE monitor_inspection SET expires_at = now()",
            "UPDATE monitor_inspection SET alert_id = NULL",
            "UPDATE monitor_region SET name = ''",
            "INSERT INTO release.region_block VALUES (gen_random_uuid(), 1, 1, 1)",
            "UPDATE release.block SET band = 'none'",
            "CREATE TABLE mine ()",
            "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE SCHEMA mine",
            "SET ROLE penumbra_owner",
            "SET ROLE penumbra_worker",
            "SET session_replication_role = replica",
            "ALTER ROLE penumbra_web SUPERUSER",
        ):
            assert refused(session, statement), statement


def test_signed_in_the_worker_cannot_spend_or_unspend_tickets_or_read_the_ledger() -> None:
    with signed_in("worker") as session:
        for statement in (
            "TABLE vault.spent_ticket",
            "DELETE FROM vault.spent_ticket",
            "TABLE ledger.entry",
            "TABLE ledger.ticket",
            "TABLE ledger.disclosure",
            "INSERT INTO ledger.entry DEFAULT VALUES",
            "UPDATE release.block SET band = 'none'",
            "SELECT vault.spend_ticket(NULL, NULL)",
        ):
            assert refused(session, statement), statement


class TestTickets:
    """A ticket opens once, soon, for its holder's rights of now; nothing else that anybody can read opens anything."""

    @pytest.fixture
    def cast(self) -> Cast:
        """Everybody, and one active cell in the east."""
        cast = make_cast()
        put_cells(make_model(cast.anna.user), [cell_at(20.105, 2.105)])
        return cast

    def open_ticket(
        self, cast: Cast, regions: list[UUID] | None = None, reads: Reads = Reads.ACTIVITY
    ) -> Ticket:
        """A ticket for Rosa's east."""
        viewer = make_viewer(cast.rosa.user)
        scope = TicketScope(viewer.user_id, reads, [cast.east] if regions is None else regions)
        return open_entry(Entry(viewer, "read.activity", "/api/v1/activity", viewer.request_id), scope)

    def count_cells(self, ticket: Ticket) -> int:
        """How many cells the web role gets for a ticket. Raises VaultSealed."""
        wanted = CellFilter(WHOLE_EARTH, ["active"])
        with as_role("penumbra_web"), transaction.atomic():
            return len(read_activity_with_ticket(ticket, wanted, -1, 100).numbers)

    def is_sealed(self, ticket: Ticket) -> bool:
        """True where the vault does not take the ticket."""
        try:
            self.count_cells(ticket)
        except VaultSealed:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")
            return True
        return False

    def test_it_opens_once(self, cast: Cast) -> None:
        ticket = self.open_ticket(cast)
        assert self.count_cells(ticket) == 1
        assert self.is_sealed(ticket)

    def test_the_id_of_an_entry_opens_nothing(self, cast: Cast) -> None:
        """Receipts and auditors show ids of entries, and the web role can read them all."""
        ticket = self.open_ticket(cast)
        with as_role("penumbra_web"), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM ledger.entry WHERE id = %s", [ticket.entry_id])
            assert cursor.fetchone() == (1,)
        assert self.is_sealed(Ticket(ticket.entry_id, ticket.entry_id))
        assert self.is_sealed(Ticket(ticket.entry_id, None))
        assert self.is_sealed(Ticket(ticket.entry_id, uuid4()))
        assert self.count_cells(ticket) == 1

    def test_a_key_is_not_shown_by_accident(self, cast: Cast) -> None:
        ticket = self.open_ticket(cast)
        assert str(ticket.key) not in repr(ticket)
        assert ticket.key not in {ticket.entry_id, None}

    def test_a_ticket_for_one_kind_of_reading_opens_no_other(self, cast: Cast) -> None:
        assert self.is_sealed(self.open_ticket(cast, reads=Reads.ALERT_SITE))
        assert self.is_sealed(self.open_ticket(cast, reads=Reads.INSPECTION_SITE))

    def test_an_entry_without_a_ticket_opens_nothing(self, cast: Cast) -> None:
        viewer = make_viewer(cast.rosa.user)
        entry = open_entry(Entry(viewer, "read.alerts", "/api/v1/alerts", viewer.request_id))
        assert entry.key is None
        assert self.is_sealed(entry)

    def test_it_is_worth_no_more_than_the_holders_rights_now(self, cast: Cast) -> None:
        tickets = [self.open_ticket(cast, [cast.east, cast.west]) for _ in range(4)]
        put_cells(make_model(cast.anna.user, "sentinel-1"), [cell_at(19.705, 2.105)])
        assert self.count_cells(tickets[0]) == 1  # the west is named in the ticket, and not Rosa's
        cast.rosa.user.is_active = False
        cast.rosa.user.save()
        assert self.count_cells(tickets[1]) == 0
        cast.rosa.user.is_active = True
        cast.rosa.user.role = "partner"
        cast.rosa.user.save()
        assert self.count_cells(tickets[2]) == 0
        cast.rosa.user.role = "regulator"
        cast.rosa.user.save()
        read_rows(
            "DELETE FROM monitor_regionuserpermission WHERE user_id = %s RETURNING id", cast.rosa.user.id
        )
        assert self.count_cells(tickets[3]) == 0

    def test_it_reaches_no_further_than_it_says(self, cast: Cast) -> None:
        grant_region(cast.rosa.user, Region.objects.get(id=cast.west))
        assert self.count_cells(self.open_ticket(cast, [cast.west])) == 0
        assert self.count_cells(self.open_ticket(cast, [])) == 0

    def test_nobody_who_is_a_superuser_gets_more_for_it(self, cast: Cast) -> None:
        for person in (cast.adam, cast.mallory):
            viewer = make_viewer(person.user)
            scope = TicketScope(viewer.user_id, Reads.ACTIVITY, [cast.east, cast.west])
            entry = Entry(viewer, "read.activity", "/api/v1/activity", viewer.request_id)
            assert self.count_cells(open_entry(entry, scope)) == 0

    def test_it_is_worthless_after_a_minute(self, cast: Cast) -> None:
        ticket = self.open_ticket(cast)
        with connection.cursor() as cursor:
            # the ledger refuses every change, so the clock of the test is the function's
            cursor.execute("SELECT pg_get_functiondef('vault.spend_ticket'::regproc)")
            older = cursor.fetchone()[0].replace(
                "clock_timestamp() - interval", "clock_timestamp() + interval '61 s' - interval"
            )
            cursor.execute(older)
        assert self.is_sealed(ticket)

    def test_the_refusal_never_says_why(self, cast: Cast) -> None:
        spent = self.open_ticket(cast)
        self.count_cells(spent)
        told = set()
        for ticket in (spent, Ticket(uuid4(), uuid4()), self.open_ticket(cast, reads=Reads.ALERT_SITE)):
            with pytest.raises(ProgrammingError) as caught, as_role("penumbra_web"), transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT vault.exact_activity(%s, 0, 1, 0, 1, '{active}', NULL, NULL, NULL, -1, 1)",
                        [ticket.key],
                    )
            told.add(str(caught.value))
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")
        assert len(told) == 1


def test_what_the_web_role_hands_to_the_vault_never_comes_back(db: None) -> None:
    cast = make_cast()
    cell = cell_at(20.105, 2.105)
    put_cells(make_model(cast.anna.user), [cell])
    alert = make_alert(cast.east, [cell])
    make_inspection(alert, cast.ines.user, cast.rosa.user)
    with as_role("penumbra_web"), connection.cursor() as cursor:
        cursor.execute("SELECT vault.close_alert_site(%s)", [alert.id])
        assert cursor.fetchone() == ("",)
    assert read_rows("SELECT is_open FROM vault.alert_site") == [(True,)]  # the alert itself is still open
    assert Inspection.objects.count() == 1
