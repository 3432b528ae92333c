"""A person can be erased: no name, no token and no link to the pseudonym is left, and every proof still holds."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.ledger.checking import check_log
from accounts.ledger.connection import close_ledger_connections
from accounts.models import User
from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.ledger.conftest import Connection, connect
from tests.ledger.sealers import seal_all, sealing
from tests.pure.ledger.test_note import LOG
from tests.roles import as_role


def find_everywhere(text: str) -> list[str]:
    """Tables of schema public in which a text stands, in any column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
        )
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM public."{table}" t WHERE t::text LIKE %s', [f"%{text}%"])
            found += [table] * bool(cursor.fetchone()[0])
    return found


def test_nothing_is_left_that_leads_from_the_ledger_to_the_person(
    web: WebClient, cast: Cast, owner: Connection
) -> None:
    ruth = cast.rosa.user
    User.objects.filter(pk=ruth.pk).update(
        first_name="Rosalind", last_name="Example", email="rosalind@example.org"
    )
    ruth.refresh_from_db()
    client, name, pseudonym = web.as_(cast.rosa), ruth.username, ruth.pseudonym
    assert client.get("/api/v1/activity").status_code == 200
    count = "SELECT count(*) FROM ledger.entry WHERE actor = %s"
    seen = owner.execute(count, [pseudonym]).fetchone()
    assert seen is not None
    assert seen[0] > 0
    with as_role("penumbra_worker"):  # whom commands speak as
        call_command("erase_identity", name, "--confirm", name, "--by", "adam")
    for trace in (str(pseudonym), "Rosalind", "Example", "rosalind@example.org"):
        assert find_everywhere(trace) == []
    assert "accounts_user" not in find_everywhere(name)
    assert owner.execute(count, [pseudonym]).fetchone() == seen
    assert client.get("/api/v1/me").status_code == 401
    row = owner.execute(
        "SELECT actor FROM ledger.entry WHERE action = 'account.erase' ORDER BY at DESC LIMIT 1"
    ).fetchone()
    assert row == (cast.adam.user.pseudonym,)
    with sealing() as sealer:
        seal_all(sealer)
    with connect() as opened:
        assert check_log(opened, [LOG.verifier]).damages == []


def test_an_account_is_erased_once_and_only_by_its_name_said_twice(cast: Cast) -> None:
    name = cast.pia.user.username
    with pytest.raises(CommandError, match="differ"):
        call_command("erase_identity", name, "--confirm", "somebody", "--by", "adam")
    for decider, cause in (("rosa", "active administrator"), ("nobody", "after --by")):
        with pytest.raises(CommandError, match=cause):
            call_command("erase_identity", name, "--confirm", name, "--by", decider)
    with pytest.raises(CommandError, match="no account"):
        call_command("erase_identity", "nobody", "--confirm", "nobody", "--by", "adam")
    call_command("erase_identity", name, "--confirm", name, "--by", "adam")
    gone = User.objects.get(pk=cast.pia.user.pk).username
    with pytest.raises(CommandError, match="before"):
        call_command("erase_identity", gone, "--confirm", gone, "--by", "adam")


def test_without_an_entry_nobody_is_erased(cast: Cast, settings: LazySettings) -> None:
    name = cast.pia.user.username
    settings.LEDGER_TIMEOUT_S = 1
    settings.LEDGER_PASSWORD = "not the password"
    close_ledger_connections()
    try:
        with pytest.raises(CommandError, match="ledger"):
            call_command("erase_identity", name, "--confirm", name, "--by", "adam")
    finally:
        close_ledger_connections()
    assert User.objects.filter(username=name, is_active=True).exists()
