"""Accounts and mandates made by commands: on the ledger first, by an administrator, and effective at once."""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts.ledger.connection import LedgerUnavailable, close_ledger_connections
from accounts.ledger.keyed import keyed_reference
from accounts.models import Token, User
from accounts.roles import Role
from accounts.tokens import find_token, issue_token
from monitor.models import Region
from monitor.privacy.scope import list_region_ids
from monitor.services.accounts import AccountRefused, close_account, end_region, give_region, make_account
from tests.builders import make_viewer
from tests.cast import Cast, make_cast
from tests.ledger.conftest import connect
from tests.roles import as_role, read_rows
from tests.services.conftest import start_apart


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


def entries_about(user: User) -> list[tuple[Any, ...]]:
    """Action, actor, outcome and regions of every entry that names an account."""
    return read_rows(
        "SELECT e.action, e.actor, c.outcome, e.regions FROM ledger.entry e"
        " LEFT JOIN ledger.completion c ON c.entry_id = e.id WHERE %s = ANY (e.object_refs) ORDER BY e.at",
        keyed_reference(user.id),
    )


def test_an_account_a_mandate_and_their_end_are_on_the_ledger_with_who_decided(cast: Cast) -> None:
    adam = cast.adam.user
    region = Region.objects.get(id=cast.east)
    with as_role("penumbra_worker"):
        ruth = make_account("ruth", Role.REGULATOR, "ruth@example.org", "Ministry of Mines", adam)
        give_region(ruth, region, adam)
        assert list_region_ids(make_viewer(ruth)) == [cast.east]
        secret = issue_token(ruth)
        end_region(ruth, region, adam)
        assert list_region_ids(make_viewer(ruth)) == []
        close_account(ruth, adam)
    assert find_token(secret) is None
    by = adam.pseudonym
    assert entries_about(ruth) == [
        ("account.make", by, "done", []),
        ("mandate.give", by, "done", [cast.east]),
        ("token.issue", None, "done", []),
        ("mandate.end", by, "done", [cast.east]),
        ("account.close", by, "done", []),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"revoked_at": timezone.now() - timedelta(days=1)},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"user__is_active": False},
        {"digest": b"other"},
    ],
)
def test_a_token_is_found_where_it_is_usable_and_its_holder_is_who_the_orm_says(
    cast: Cast, change: dict[str, Any]
) -> None:
    user = cast.rosa.user
    secret = issue_token(user)
    token = Token.objects.get(digest=hashlib.sha256(secret.encode()).digest())
    for name, value in change.items():
        holder, name = (user, name.removeprefix("user__")) if name.startswith("user__") else (token, name)
        setattr(holder, name, value)
        holder.save()
    found = find_token(secret)
    asked = "digest" not in change  # the secret is another one's then
    assert (
        (found is not None) == (asked and Token.objects.usable().filter(id=token.id).exists()) == (not change)
    )
    if found is not None:
        assert (found.id, found.user_id, found.user) == (token.id, user.id, user)
        kept, whole = found.user.__dict__, User.objects.get(id=user.id).__dict__
        asked_of = set(kept) - {"_state"}
        assert {name: kept[name] for name in asked_of} == {name: whole[name] for name in asked_of}
        assert found.user.organisation == user.organisation  # what was not asked is read later


def test_without_a_ledger_there_is_no_account_and_no_mandate(cast: Cast, settings: LazySettings) -> None:
    settings.LEDGER_PASSWORD, settings.LEDGER_TIMEOUT_S = "not the password", 1
    close_ledger_connections()
    try:
        with pytest.raises(CommandError, match="ledger"):
            call_command("make_account", "ruth", "--role=regulator", "--by=adam")
        with pytest.raises(CommandError, match="ledger"):
            call_command("give_region", "rosa", Region.objects.get(id=cast.west).name, "--by=adam")
    finally:
        close_ledger_connections()
    assert not User.objects.filter(username="ruth").exists()
    assert list_region_ids(make_viewer(cast.rosa.user)) == [cast.east]


@pytest.mark.parametrize("name", ["rosa", "pia", "aldo", None])
def test_nobody_but_an_administrator_decides_about_accounts(cast: Cast, name: str | None) -> None:
    by = cast.everybody()[name].user if name else None
    with pytest.raises(AccountRefused):
        make_account("ruth", Role.REGULATOR, "", None, by)
    assert not User.objects.filter(username="ruth").exists()


def test_the_first_account_needs_no_administrator_and_the_public_role_no_account(db: None) -> None:
    assert not make_account("first", Role.ADMINISTRATOR, "", None, None).has_usable_password()
    with pytest.raises(AccountRefused):
        make_account("second", Role.ADMINISTRATOR, "", None, None)
    with pytest.raises(AccountRefused):
        make_account("anybody", Role.PUBLIC, "", None, User.objects.get(username="first"))


@pytest.mark.parametrize(
    "words",
    [
        ("make_account", "adam", "--close", "--by=adam", "--json"),
        ("erase_identity", "adam", "--confirm=adam", "--by=adam"),
    ],
    ids=lambda words: str(words[0]),
)
def test_that_no_administrator_is_left_is_told_and_who_is_made_then_is_on_the_ledger_as_such(
    cast: Cast, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    second = make_account("ada", Role.ADMINISTRATOR, "", None, cast.adam.user)
    assert entries_about(second)[0][0] == "account.make"
    with as_role("penumbra_worker"):
        call_command("make_account", "ada", "--close", "--by=adam", "--json")
        assert "No administrator is left" not in capsys.readouterr().err
        call_command(*words)
    assert "No administrator is left" in capsys.readouterr().err
    call_command("make_account", "anew", "--role=administrator", "--json")
    made = User.objects.get(username="anew")
    assert entries_about(made) == [("account.make_first", None, "done", [])]


def test_an_account_whose_closing_cannot_be_told_as_done_is_closed_with_its_tokens_and_says_so(
    cast: Cast, settings: LazySettings
) -> None:
    """With an entry for the tokens within, that of the account was undone where the inner one could not be completed."""
    secret = issue_token(cast.rosa.user)
    close_ledger_connections()
    settings.LEDGER_TIMEOUT_S = 1
    try:
        with connect() as owner, owner.transaction():
            owner.execute("LOCK TABLE ledger.completion IN SHARE MODE")
            with pytest.raises(LedgerUnavailable, match="This was done"):
                close_account(cast.rosa.user, cast.adam.user)
    finally:
        close_ledger_connections()
    cast.rosa.user.refresh_from_db()
    assert (cast.rosa.user.is_active, find_token(secret)) == (False, None)


def test_a_mandate_is_for_those_who_see_cells_and_never_for_oneself(cast: Cast) -> None:
    region = Region.objects.get(id=cast.east)
    with pytest.raises(AccountRefused):
        give_region(cast.pia.user, region, cast.adam.user)
    with pytest.raises(AccountRefused):
        give_region(cast.adam.user, region, cast.adam.user)


def test_of_two_accounts_of_one_name_at_once_one_is_refused_with_the_cause() -> None:
    is_there = Event()

    def make_first() -> None:
        with transaction.atomic():
            User.objects.create(username="twin", role=Role.REGULATOR.value)
            is_there.set()
            until = time.monotonic() + 10
            while not read_rows("SELECT FROM pg_locks WHERE NOT granted") and time.monotonic() < until:
                time.sleep(0.01)

    def make_second() -> User:
        assert is_there.wait(10)
        return make_account("twin", Role.ANALYST, "", None, None)

    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = start_apart(pool, make_first), start_apart(pool, make_second)
            first.result()
            with pytest.raises(AccountRefused, match="meantime"):
                second.result()
        assert User.objects.get(username="twin").role == Role.REGULATOR
    finally:
        with connect() as owner:
            owner.execute("DELETE FROM accounts_user WHERE username = 'twin'")


def test_the_commands_say_what_they_did(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    west = Region.objects.get(id=cast.west).name
    call_command("make_account", "ruth", "--role=analyst", "--by=adam", "--json")
    call_command("give_region", "ruth", west, "--by=adam", "--json")
    call_command("give_region", "ruth", west, "--by=adam", "--end", "--json")
    call_command("make_account", "ruth", "--close", "--by=adam", "--json")
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert not User.objects.get(username="ruth").is_active


def test_a_leaked_token_is_revoked_and_another_issued_while_the_account_goes_on(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    rosa = cast.rosa.user
    leaked, kept = issue_token(rosa, "laptop"), issue_token(rosa, "desk")
    with as_role("penumbra_worker"):
        call_command("issue_token", "rosa", "--label=laptop", "--revoke", "--by=adam")
    assert (find_token(leaked), find_token(kept) is not None) == (None, True)
    with as_role("penumbra_worker"):
        with pytest.raises(CommandError, match="nothing was revoked"):
            call_command("issue_token", "rosa", "--label=laptop", "--revoke", "--by=adam")
        call_command("issue_token", "rosa", "--revoke", "--json", "--by=adam")
    assert find_token(kept) is None
    capsys.readouterr()
    call_command("issue_token", "rosa", "--by=adam")
    assert find_token(capsys.readouterr().out.strip()) is not None
    call_command("issue_token", "rosa", "--list", "--json")
    tokens = json.loads(capsys.readouterr().out)["tokens"]
    assert [(each["label"], each["state"]) for each in tokens[1:]] == [
        ("laptop", "revoked"),
        ("desk", "revoked"),
        ("command line", "usable"),
    ]
    call_command("issue_token", "rosa", "--list")
    assert capsys.readouterr().out.splitlines()[-1].endswith("command line")


def test_nobody_issues_or_revokes_a_token_without_saying_who_decides_where_somebody_can(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    rosa, adam = cast.rosa.user, cast.adam.user
    kept, before = issue_token(rosa, "laptop"), Token.objects.count()
    for words in ([], ["--revoke"], ["--label=laptop", "--revoke"]):
        with pytest.raises(CommandError, match="Say with --by which administrator decides"):
            call_command("issue_token", "rosa", *words)
    assert (find_token(kept) is not None, Token.objects.count()) == (True, before)
    call_command("issue_token", "rosa", "--list")
    close_account(adam, adam)
    capsys.readouterr()
    call_command("issue_token", "rosa")
    assert find_token(capsys.readouterr().out.strip()) is not None


def test_who_decided_about_a_token_is_on_the_ledger(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    rosa, adam = cast.rosa.user, cast.adam.user
    before = len(entries_about(rosa))
    with as_role("penumbra_worker"):
        call_command("issue_token", "rosa", "--label=laptop", "--by=adam")
        call_command("issue_token", "rosa", "--label=laptop", "--revoke", "--by=adam")
        for nobody in ("rosa", "anybody"):
            with pytest.raises(CommandError, match="no active administrator"):
                call_command("issue_token", "rosa", f"--by={nobody}")
    assert find_token(capsys.readouterr().out.splitlines()[0]) is None
    assert entries_about(rosa)[before:] == [
        ("token.issue", adam.pseudonym, "done", []),
        ("token.revoke", adam.pseudonym, "done", []),
    ]


def test_a_closed_account_gets_no_token_and_the_command_says_that_it_is_closed(cast: Cast) -> None:
    close_account(cast.rosa.user, cast.adam.user)
    with pytest.raises(CommandError, match="is closed"):
        call_command("issue_token", "rosa", "--by=adam")


def test_a_token_that_could_not_be_stored_was_not_issued_for_the_ledger(cast: Cast) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        issue_token(cast.rosa.user, "x" * 81)
    assert entries_about(cast.rosa.user)[-1][:3] == ("token.issue", None, "failed")


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ([""], "username"),
        (["ruth green"], "username"),
        (["x" * 151], "username"),
        (["ruth", "--email=nowhere"], "email"),
        (["ruth", "--organisation="], "organisation"),
        (["ruth", "--organisation=" + "x" * 201], "organisation"),
        (["erased-ruth"], "erased"),
    ],
)
def test_an_account_with_words_that_cannot_be_kept_is_refused_with_the_cause(
    cast: Cast, words: list[str], cause: str
) -> None:
    accounts = User.objects.count()
    with pytest.raises(CommandError, match=cause):
        call_command("make_account", *words, "--role=regulator", "--by=adam")
    assert User.objects.count() == accounts


def test_a_closed_account_gets_no_mandate_and_keeps_its_name(cast: Cast) -> None:
    close_account(cast.rosa.user, cast.adam.user)
    with pytest.raises(AccountRefused, match="closed"):
        give_region(cast.rosa.user, Region.objects.get(id=cast.west), cast.adam.user)
    with pytest.raises(AccountRefused, match="closed"):
        make_account("rosa", Role.REGULATOR, "", None, cast.adam.user)


def test_nothing_is_told_as_ended_where_nothing_was_held(cast: Cast) -> None:
    with pytest.raises(AccountRefused, match="nothing was ended"):
        end_region(cast.rosa.user, Region.objects.get(id=cast.west), cast.adam.user)
    assert entries_about(cast.rosa.user)[-1][0] == "token.issue"  # of the cast: no mandate.end


def test_an_agreement_is_not_ended_as_if_it_were_a_mandate(cast: Cast) -> None:
    """The ledger would tell of a mandate that a partner never had, and of no agreement's end."""
    with pytest.raises(CommandError, match="grant_agreement"):
        call_command("give_region", "pia", Region.objects.get(id=cast.east).name, "--end", "--by=adam")
    assert list_region_ids(make_viewer(cast.pia.user)) == [cast.east]
