"""The fence in the database: every right of every role, held against a committed list, and what leads where.

`grants.txt` is the golden list. When a migration changes it on purpose, write it anew and read the difference:
`PENUMBRA_WRITE_GRANTS=1 pytest tests/privacy/test_fence.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections

from monitor.vault.fence import RIGHTS, apply_rights
from tests.roles import as_role, read_rows

pytestmark = pytest.mark.django_db

GOLDEN = Path(__file__).with_name("grants.txt")
SCHEMAS = ["public", "vault", "release", "ledger", "access"]

RIGHTS_IN_CATALOG = """
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname = ANY (%s)
), brought_by_extension AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), granted AS (
    SELECT 'schema ' || nspname AS object, acl.*
    FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS acl
    WHERE oid IN (SELECT oid FROM ours)
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'sequence ' WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' ELSE 'table ' END
        || oid::regclass, acl.*
    FROM pg_class,
        aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))) AS acl
    WHERE relnamespace IN (SELECT oid FROM ours) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        AND ('pg_class'::regclass, oid) NOT IN (SELECT classid, objid FROM brought_by_extension)
    UNION ALL
    SELECT 'column ' || relation.oid::regclass || '.' || attname, acl.*
    FROM pg_attribute JOIN pg_class relation ON relation.oid = attrelid, aclexplode(attacl) AS acl
    WHERE relation.relnamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT 'function ' || oid::regprocedure || CASE WHEN prosecdef THEN ' as its owner' ELSE '' END, acl.*
    FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
    WHERE pronamespace IN (SELECT oid FROM ours)
        AND ('pg_proc'::regclass, oid) NOT IN (SELECT classid, objid FROM brought_by_extension)
    UNION ALL
    SELECT 'whatever is new of kind ' || defaclobjtype::text, acl.* FROM pg_default_acl, aclexplode(defaclacl) AS acl
)
SELECT object, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END,
    string_agg(privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END, ', ' ORDER BY privilege_type)
FROM granted WHERE grantee = 0 OR pg_get_userbyid(grantee) LIKE 'penumbra%%' AND pg_get_userbyid(grantee) <> 'penumbra_owner'
GROUP BY 1, 2
"""


def list_rights() -> list[str]:
    """One line for every object that somebody other than the owner may use, and how."""
    rows = read_rows(RIGHTS_IN_CATALOG, SCHEMAS)
    return sorted(f"{grantee}: {verbs} on {name}" for name, grantee, verbs in rows)


def test_every_right_of_every_role_is_on_the_list_and_nothing_else_is() -> None:
    rights = list_rights()
    if os.environ.get("PENUMBRA_WRITE_GRANTS"):
        GOLDEN.write_text("\n".join(rights) + "\n", encoding="utf-8")
    expected = GOLDEN.read_text(encoding="utf-8").splitlines()
    assert {"new": sorted(set(rights) - set(expected)), "gone": sorted(set(expected) - set(rights))} == {
        "new": [],
        "gone": [],
    }


def test_the_web_role_may_do_nothing_on_the_vault_but_call_its_eight_functions() -> None:
    lines = [
        line.partition(" on ")[2]
        for line in list_rights()
        if line.startswith("penumbra_web") and "vault" in line
    ]
    assert sorted(name.partition("(")[0] for name in lines) == [
        "function vault.cells_seen",
        "function vault.close_alert_site",
        "function vault.deposit_item",
        "function vault.exact_activity",
        "function vault.exact_alert_site",
        "function vault.exact_inspection_site",
        "function vault.exposing_entries",
        "function vault.reading_days",
        "schema vault",
    ]


def test_nobody_else_has_any_right_on_vault_ledger_or_release() -> None:
    strangers = [line for line in list_rights() if line.startswith("PUBLIC") and "schema public" not in line]
    assert strangers == []


def test_a_function_that_somebody_forgets_to_protect_can_be_called_by_nobody() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE FUNCTION vault.forgotten() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    for role in ("penumbra_web", "penumbra_worker", "penumbra_ledger", "penumbra_sealer"):
        assert read_rows("SELECT has_function_privilege(%s, 'vault.forgotten()', 'EXECUTE')", role) == [
            (False,)
        ]


def test_rights_are_renewed_without_a_moment_in_which_a_role_has_none() -> None:
    """As `migrate` does it on a running system: whoever asks after each statement finds every right as it was before."""
    held = (
        "SELECT table_name, grantee, privilege_type FROM information_schema.table_privileges"
        " WHERE table_schema = 'public' AND starts_with(grantee, 'penumbra') ORDER BY 1, 2, 3"
    )
    before = read_rows(held)
    assert before
    migrating = connection.copy("migrating")
    connections["migrating"] = migrating
    seen = []

    def look(execute: Any, *statement: Any) -> Any:
        result = execute(*statement)
        seen.append(read_rows(held) == before)
        return result

    try:
        with migrating.execute_wrapper(look):
            apply_rights(apps.get_app_config("monitor"), "migrating")
    finally:
        migrating.close()
        del connections["migrating"]
    assert len(seen) > len(RIGHTS)
    assert all(seen)
    assert read_rows(held) == before


@pytest.mark.parametrize("role", ["penumbra_web", "penumbra_ledger", "penumbra_sealer"])
def test_what_the_server_notes_of_columns_tells_nobody_outside_values_of_the_vault(role: str) -> None:
    """Numbers of rows are told to every role, a documented limit; the commonest rows and columns would be places."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO vault.spent_ticket SELECT gen_random_uuid() FROM generate_series(1, 50)")
        cursor.execute("ANALYZE vault.spent_ticket")
    noted = "SELECT DISTINCT schemaname::text FROM pg_stats WHERE schemaname = 'vault'"
    assert read_rows(noted) == [("vault",)]
    with as_role(role), connection.cursor() as cursor:
        cursor.execute(noted)
        assert cursor.fetchall() == []


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
            " ('penumbra_web', 'penumbra_worker', 'penumbra_ledger', 'penumbra_sealer')"
            " OR roleid::regrole::text = 'penumbra_owner'"
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
        "SELECT oid::regprocedure::text FROM pg_proc"
        " WHERE pronamespace::regnamespace::text IN ('vault', 'release', 'ledger', 'access')"
        # names in a body of standard SQL were looked up when the function was made
        " AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) AND prosqlbody IS NULL"
    )
    assert loose == []
    assert (
        read_rows(
            "SELECT oid::regprocedure::text FROM pg_proc p WHERE prosecdef AND pronamespace::regnamespace::text NOT IN"
            " ('vault', 'access', 'pg_catalog') AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"
            " ORDER BY 1"
        )
        # two that triggers alone can call, and one that makes months and takes nothing (decisions/0033)
        == [("ledger.keep_completion()",), ("ledger.keep_entry()",), ("ledger.make_months()",)]
    )


def test_every_function_that_runs_as_the_owner_of_the_vault_keeps_its_plans_to_itself() -> None:
    """Whoever calls one may have the plans of the statements in it printed, with the values that these are given."""
    telling = read_rows(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND pronamespace = 'vault'::regnamespace"
        " AND NOT coalesce('debug_print_plan=off' = ANY (proconfig), false)"
    )
    assert telling == []


def test_every_table_outside_the_schemas_of_the_fence_is_listed_or_belongs_to_the_owner_alone() -> None:
    usable = {line.partition(" on ")[2] for line in list_rights() if line.startswith("penumbra_")}
    tables = {name.partition(" ")[2] for name in usable if name.startswith("table ") and "." not in name}
    columns = {
        name.partition(" ")[2].partition(".")[0] for name in usable if name.startswith("column monitor_")
    }
    assert tables | columns == set(RIGHTS)
