"""Signing in as each role and trying what it must not do: whatever the code above says, the database refuses."""

from __future__ import annotations

import pytest

from monitor.vault.fence import RIGHTS
from tests.privacy.sessions import refused, relations, signed_in
from tests.roles import read_rows

pytestmark = pytest.mark.django_db

ON_A_RELATION = (
    "TABLE {}",
    "SELECT count(*) FROM {}",
    "INSERT INTO {} DEFAULT VALUES",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "COPY {} TO STDOUT",
    "SELECT 1 FROM {} FOR UPDATE",
    "DO $$ BEGIN LOCK TABLE {} IN ACCESS SHARE MODE; END $$",
)
NOT_FOR_SEQUENCES = ON_A_RELATION[2:]
"""Statements that are wrong for a sequence before any right is looked at."""


@pytest.mark.parametrize("role", ["web", "ledger"])
def test_signed_in_nobody_but_the_worker_reads_or_writes_the_vault(role: str) -> None:
    names = relations("vault")
    assert "vault.cell_state" in names
    with signed_in(role) as session:
        for name in names:
            for template in ON_A_RELATION:
                if not (name.endswith("_seq") and template in NOT_FOR_SEQUENCES):
                    assert refused(session, template.format(name)), f"{role}: {template.format(name)}"


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
        "SELECT proname, (SELECT coalesce(string_agg('NULL::' || format_type(argument, NULL), ', '), '')"
        " FROM unnest(proargtypes) AS argument) FROM pg_proc WHERE pronamespace = 'vault'::regnamespace"
    )
    assert {name for name, _ in functions} > allowed
    with signed_in(role) as session:
        for name, arguments in functions:
            if role != "web" or name not in allowed:
                assert refused(session, f"SELECT vault.{name}({arguments})"), name


def test_signed_in_the_statistics_of_sealed_tables_are_hidden_too() -> None:
    """The most common values of a column are values of the column."""
    with signed_in("web") as session:
        shown = session.execute("SELECT DISTINCT schemaname, tablename FROM pg_stats").fetchall()
    assert not {name for schema, name in shown if schema == "vault"}
    assert not {name for schema, name in shown if schema == "ledger"} & {"ticket", "disclosure"}


def test_signed_in_the_web_role_cannot_write_forge_or_read_the_sealed_part_of_the_ledger() -> None:
    with signed_in("web") as session:
        for name in ("ledger.entry", "ledger.completion", "ledger.ticket", "ledger.disclosure"):
            for template in ("INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {}"):
                assert refused(session, template.format(name)), template.format(name)
        for name in ("ledger.ticket", "ledger.disclosure"):
            assert refused(session, f"TABLE {name}"), name


def test_signed_in_the_ledger_role_can_read_nothing_at_all() -> None:
    with signed_in("ledger") as session:
        for name in [*relations("ledger", "release", "vault"), *RIGHTS]:
            assert refused(session, f"TABLE {name}"), name


def test_signed_in_the_ledger_role_cannot_choose_the_time_of_an_entry() -> None:
    with signed_in("ledger") as session:
        assert refused(session, "INSERT INTO ledger.entry (id, at) VALUES (gen_random_uuid(), now())")
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
            "INSERT INTO monitor_inspection (status) VALUES ('accepted')",
            "UPDATE monitor_inspection SET status = 'accepted'",
            "UPDATE monitor_inspection SET expires_at = now()",
            "DELETE FROM monitor_inspection",
            "SELECT FROM monitor_inspection FOR UPDATE",
            "INSERT INTO monitor_inspectionuserpermission (content_object_id) VALUES (NULL)",
            "UPDATE monitor_inspectionuserpermission SET user_id = NULL",
            "DELETE FROM monitor_inspectionuserpermission",
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
