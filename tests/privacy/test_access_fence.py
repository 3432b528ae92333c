"""The fence around posture, grants and quotas: a web process that belongs to somebody else can raise nothing by itself.

It can say whatever it likes about who asks; the functions of schema `access` believe tokens only, and of two people.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.utils import timezone
from psycopg import errors

from accounts.models import Token, User
from accounts.tokens import issue_token, revoke_tokens
from monitor.models import AccessGrant, AccessRequest, QuotaRelease, RegionPosture
from tests.api.conftest import cast
from tests.cast import Cast
from tests.ledger.conftest import connect
from tests.rights import call_act, move, say_yes, secret_of, set_posture, wish
from tests.roles import read_rows

__all__ = ["cast"]

TABLES = (
    "monitor_regionposture",
    "monitor_accessrequest",
    "monitor_accessapproval",
    "monitor_accessgrant",
    "monitor_quotarelease",
)
ACTS = {
    "move_posture",
    "ask",
    "decide",
    "revoke_grant",
    "release_quota",
    "assign_inspection",
    "accept_inspection",
    "close_inspection",
}
TRIGGERS = {"region_withdrawn", "account_changed"}
READ = {"held", "granted", "sharpness", "sealed_blocks", "quota"}


@pytest.fixture(params=["web", "worker", "ledger"])
def session(db: None, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """A real session of a login role."""
    role = request.param
    with connect(
        user=f"penumbra_{role}", password=os.environ[f"PENUMBRA_DB_PASSWORD_{role.upper()}"]
    ) as opened:
        yield opened


def test_signed_in_nobody_writes_these_tables(session: psycopg.Connection[Any]) -> None:
    for table in (*TABLES, "access.limits", "vault.cells_read"):
        for statement in (
            f"INSERT INTO {table} DEFAULT VALUES",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"SELECT 1 FROM {table} FOR UPDATE",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                session.execute(statement)
    for statement in (
        "UPDATE monitor_regionposture SET posture = 'open'",
        "UPDATE monitor_accessgrant SET expires_at = now() + interval '1 year'",
        "UPDATE monitor_accessgrant SET revoked_at = NULL, approvals = 2",
        "UPDATE monitor_quotarelease SET cells = 1000000",
        "UPDATE access.limits SET cells_per_day = 2000000000",
        "UPDATE vault.cells_read SET used = 0",
        "TABLE vault.cells_read",
        "TABLE access.limits",
        "CREATE FUNCTION access.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "SELECT * FROM access.bearer('x')",
        "SELECT access.decides(gen_random_uuid(), gen_random_uuid())",
        "SELECT access.inspects(gen_random_uuid(), gen_random_uuid())",
        "SELECT access.shut_regions(gen_random_uuid())",
        "SELECT access.end_grants(gen_random_uuid(), NULL)",
        "SELECT vault.open_count(gen_random_uuid())",
        "SELECT vault.keep_count(gen_random_uuid(), now()::date, '{}', '{}')",
        "SELECT vault.stands(gen_random_uuid(), NULL)",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            session.execute(statement)


def test_the_web_role_may_call_eight_acts_and_five_readings(db: None) -> None:
    def callable_by(role: str) -> set[str]:
        rows = read_rows(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'access'::regnamespace"
            " AND has_function_privilege(%s, oid, 'EXECUTE')",
            role,
        )
        return {name for (name,) in rows}

    assert callable_by("penumbra_web") == ACTS | READ
    assert callable_by("penumbra_worker") == callable_by("penumbra_ledger") == set()


def test_every_function_is_pinned_and_only_acts_run_as_the_owner(db: None) -> None:
    rows = read_rows(
        "SELECT proname, prosecdef, coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false) FROM pg_proc"
        " WHERE pronamespace = 'access'::regnamespace"
    )
    assert all(pinned for _, _, pinned in rows)
    # the quota counts what only the vault knows; a trigger ends grants, which nobody who takes a region away may write
    assert {name for name, as_owner, _ in rows if as_owner} == ACTS | {"quota"} | TRIGGERS


@pytest.mark.parametrize("guess", [b"", b"pen_", b"\x00", b"' OR 1=1 --", bytes(32), b"\xff" * 40])
def test_without_a_token_nobody_does_anything(cast: Cast, guess: bytes) -> None:
    set_posture(cast.east, "sealed")
    assert move(guess, cast.east, "sealed", "open", "raise") == "hidden"
    assert wish(guess, cast.east)[0] == "hidden"
    assert say_yes(guess, uuid4()) == "hidden"
    assert call_act("release_quota(%s, %s, 5)", guess, cast.rosa.user.id) == "hidden"
    for act in ("accept_inspection", "close_inspection"):
        assert call_act(f"{act}(%s, %s)", guess, uuid4()) == "hidden"


def test_the_stored_digest_of_a_token_is_no_token(cast: Cast) -> None:
    """The web role can read digests; showing one opens nothing."""
    set_posture(cast.east, "guarded")
    for digest in Token.objects.values_list("digest", flat=True):
        assert move(bytes(digest), cast.east, "guarded", "open", "ask") == "hidden"


@pytest.mark.parametrize("word", ["raise", "ask", "lower", "withdraw", "", "RAISE"])
def test_with_one_token_no_word_raises_a_posture(cast: Cast, word: str) -> None:
    set_posture(cast.east, "sealed")
    for _ in range(3):
        move(secret_of(cast.rosa), cast.east, "sealed", "open", word)
        move(secret_of(cast.rosa), cast.east, "open", "open", word)
    assert RegionPosture.objects.get(region_id=cast.east).posture == "sealed"


def test_a_word_that_is_no_posture_is_none(cast: Cast) -> None:
    for word in ("", "OPEN", "shut", "open; DROP TABLE monitor_region", None):
        assert move(secret_of(cast.rosa), cast.east, "open", word, "lower") == "hidden"  # type: ignore[arg-type]


def test_two_tokens_of_one_person_are_one_person(cast: Cast) -> None:
    set_posture(cast.east, "sealed")
    other = issue_token(cast.rosa.user, "another program").encode()
    assert move(secret_of(cast.rosa), cast.east, "sealed", "open", "ask") == "done"
    assert move(other, cast.east, "sealed", "open", "raise") == "conflict"
    _, request_id = wish(secret_of(cast.rosa), cast.east)
    assert say_yes(other, request_id) == "oneself"


@pytest.mark.parametrize("name", ["ines", "pia", "anna", "aldo", "finn", "mallory", "otis"])
def test_the_token_of_somebody_who_decides_nothing_decides_nothing(cast: Cast, name: str) -> None:
    secret = secret_of(cast.everybody()[name])
    set_posture(cast.east, "sealed")
    _, request_id = wish(secret_of(cast.rosa), cast.east)
    assert move(secret, cast.east, "sealed", "sealed", "withdraw") == "hidden"
    assert say_yes(secret, request_id) == "hidden"
    assert call_act("release_quota(%s, %s, 5)", secret, cast.rosa.user.id) == "hidden"
    assert not AccessGrant.objects.exists()
    assert not QuotaRelease.objects.exists()


def test_a_token_that_is_over_acts_no_more(cast: Cast) -> None:
    revoke_tokens(cast.rosa.user)
    Token.objects.filter(user=cast.otis.user).update(expires_at=timezone.now())
    User.objects.filter(id=cast.adam.user.id).update(is_active=False)
    for person, region in ((cast.rosa, cast.east), (cast.otis, cast.west), (cast.adam, cast.east)):
        assert move(secret_of(person), region, "open", "sealed", "lower") == "hidden"


def test_the_database_knows_ends_and_levels_without_the_web_server(cast: Cast) -> None:
    set_posture(cast.east, "guarded")
    for days in (-1, 0, 31, 4000):
        assert wish(secret_of(cast.rosa), cast.east, days=days)[0] == "too_long"
    assert wish(secret_of(cast.rosa), cast.west)[0] == "hidden"
    assert wish(secret_of(cast.rosa), cast.east, level=3)[0] == "too_fine"
    assert wish(secret_of(cast.rosa), cast.east, level=-1)[0] == "too_fine"
    assert wish(secret_of(cast.pia), cast.east, level=0)[0] == "too_fine"
    assert not AccessRequest.objects.exists()


def test_more_than_a_day_is_never_released(cast: Cast) -> None:
    for cells in (0, -5, 20_001, 2_000_000_000):
        assert (
            call_act("release_quota(%s, %s, %s)", secret_of(cast.adam), cast.rosa.user.id, cells)
            == "too_many"
        )
    assert call_act("release_quota(%s, %s, 5)", secret_of(cast.adam), cast.adam.user.id) == "oneself"
    assert call_act("release_quota(%s, %s, 5)", secret_of(cast.adam), cast.pia.user.id) == "hidden"
