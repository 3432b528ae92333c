"""A ticket opens once, soon, for its holder's rights of now; nothing else that anybody can read opens anything (P6, P7)."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError, connection, transaction

from accounts.ledger.entry import Entry, Reads, Ticket, TicketScope
from accounts.ledger.writer import open_entry
from accounts.models import Token
from accounts.tokens import issue_token
from monitor.errors import VaultSealed
from monitor.models import Region
from monitor.privacy.door.activity import WHOLE_EARTH
from monitor.privacy.scope import grant_region
from monitor.vault.tickets import CellFilter, read_activity_with_ticket
from tests.builders import cell_at, make_alert, make_model, put_cells, viewer_of
from tests.cast import Cast, make_cast
from tests.roles import as_role, read_rows


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody, and one active cell in the east."""
    cast = make_cast()
    put_cells(make_model(cast.anna.user), [cell_at(20.105, 2.105)])
    return cast


def open_ticket(cast: Cast, regions: list[UUID] | None = None, reads: Reads = Reads.ACTIVITY) -> Ticket:
    """A ticket for Rosa's east."""
    viewer = viewer_of(cast.rosa)
    scope = TicketScope(viewer.user_id, reads, [cast.east] if regions is None else regions)
    return open_entry(Entry(viewer, "read.activity", "/api/v1/activity", viewer.request_id), scope)


def count_cells(ticket: Ticket) -> int:
    """How many cells the web role gets for a ticket. Raises VaultSealed."""
    wanted = CellFilter(WHOLE_EARTH, ["active"])
    with as_role("penumbra_web"), transaction.atomic():
        return len(read_activity_with_ticket(ticket, wanted, -1, 100).numbers)


def is_sealed(ticket: Ticket) -> bool:
    """True where the vault does not take the ticket."""
    try:
        count_cells(ticket)
    except VaultSealed:
        return True
    return False


def test_it_opens_once(cast: Cast) -> None:
    ticket = open_ticket(cast)
    assert count_cells(ticket) == 1
    assert is_sealed(ticket)


def test_the_id_of_an_entry_opens_nothing(cast: Cast) -> None:
    """Receipts and auditors show ids of entries, and the web role can read them all."""
    ticket = open_ticket(cast)
    with as_role("penumbra_web"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger.entry WHERE id = %s", [ticket.entry_id])
        assert cursor.fetchone() == (1,)
    for key in (ticket.entry_id, None, uuid4()):
        assert is_sealed(replace(ticket, key=key))
    assert count_cells(ticket) == 1


def test_a_ticket_opens_nothing_without_the_token_behind_it(cast: Cast) -> None:
    """Whoever took the service over can write tickets in anybody's name, and read the digests of all tokens."""
    ticket = open_ticket(cast)
    digests = [bytes(digest).hex() for digest in Token.objects.values_list("digest", flat=True)]
    others = [person.token.encode().hex() for name, person in cast.everybody().items() if name != "rosa"]
    another = issue_token(cast.rosa.user, "another program").encode().hex()
    for bearer in ("", "00", another, *digests, *others):
        assert is_sealed(replace(ticket, bearer=bearer)), bearer
    assert count_cells(ticket) == 1


def test_a_ticket_that_no_token_stands_behind_opens_nothing(cast: Cast) -> None:
    viewer = replace(viewer_of(cast.rosa), credential=None)
    scope = TicketScope(viewer.user_id, Reads.ACTIVITY, [cast.east])
    ticket = open_entry(Entry(viewer, "read.activity", "/api/v1/activity", viewer.request_id), scope)
    assert is_sealed(ticket)
    assert is_sealed(replace(ticket, bearer=cast.rosa.token.encode().hex()))


def test_a_token_of_ones_own_opens_no_ticket_in_somebody_elses_name(cast: Cast) -> None:
    viewer = viewer_of(cast.mallory)
    scope = TicketScope(cast.rosa.user.id, Reads.ACTIVITY, [cast.east])
    assert is_sealed(open_entry(Entry(viewer, "read.activity", "/api/v1/activity", uuid4()), scope))


def test_a_key_is_not_shown_by_accident(cast: Cast) -> None:
    ticket = open_ticket(cast)
    assert str(ticket.key) not in repr(ticket)
    assert ticket.bearer not in repr(ticket)
    assert ticket.key not in {ticket.entry_id, None}


def test_a_ticket_for_one_kind_of_reading_opens_no_other(cast: Cast) -> None:
    assert is_sealed(open_ticket(cast, reads=Reads.ALERT_SITE))
    assert is_sealed(open_ticket(cast, reads=Reads.INSPECTION_SITE))


def test_an_entry_without_a_ticket_opens_nothing(cast: Cast) -> None:
    viewer = viewer_of(cast.rosa)
    entry = open_entry(Entry(viewer, "read.alerts", "/api/v1/alerts", viewer.request_id))
    assert entry.key is None
    assert is_sealed(entry)


def test_it_is_worth_no_more_than_the_holders_rights_now(cast: Cast) -> None:
    tickets = [open_ticket(cast, [cast.east, cast.west]) for _ in range(4)]
    put_cells(make_model(cast.anna.user, "sentinel-1"), [cell_at(19.705, 2.105)])
    assert count_cells(tickets[0]) == 1  # the west is named in the ticket, and not Rosa's
    cast.rosa.user.is_active = False
    cast.rosa.user.save()
    assert count_cells(tickets[1]) == 0
    cast.rosa.user.is_active = True
    cast.rosa.user.role = "partner"
    cast.rosa.user.save()
    assert count_cells(tickets[2]) == 0
    cast.rosa.user.role = "regulator"
    cast.rosa.user.save()
    read_rows("DELETE FROM monitor_regionuserpermission WHERE user_id = %s RETURNING id", cast.rosa.user.id)
    assert count_cells(tickets[3]) == 0


def test_it_reaches_no_further_than_it_says(cast: Cast) -> None:
    grant_region(cast.rosa.user, Region.objects.get(id=cast.west))
    assert count_cells(open_ticket(cast, [cast.west])) == 0
    assert count_cells(open_ticket(cast, [])) == 0


def test_nobody_who_is_a_superuser_gets_more_for_it(cast: Cast) -> None:
    for person in (cast.adam, cast.mallory):
        viewer = viewer_of(person)
        scope = TicketScope(viewer.user_id, Reads.ACTIVITY, [cast.east, cast.west])
        entry = Entry(viewer, "read.activity", "/api/v1/activity", viewer.request_id)
        assert count_cells(open_entry(entry, scope)) == 0


def test_it_is_worthless_after_a_minute(cast: Cast) -> None:
    ticket = open_ticket(cast)
    with connection.cursor() as cursor:
        # the ledger refuses every change, so the clock of the test is the function's
        cursor.execute("SELECT pg_get_functiondef('vault.spend_ticket'::regproc)")
        older = cursor.fetchone()[0].replace(
            "clock_timestamp() - interval", "clock_timestamp() + interval '61 s' - interval"
        )
        cursor.execute(older)
    assert is_sealed(ticket)


def test_the_refusal_never_says_why(cast: Cast) -> None:
    spent = open_ticket(cast)
    count_cells(spent)
    told = set()
    foreign = replace(open_ticket(cast), bearer=cast.otis.token.encode().hex())
    unknown = replace(spent, key=uuid4())
    for ticket in (spent, unknown, foreign, open_ticket(cast, reads=Reads.ALERT_SITE)):
        with (
            pytest.raises(ProgrammingError) as caught,
            as_role("penumbra_web"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT vault.exact_activity(CASE WHEN set_config('penumbra.bearer', %s, true) <> '?' THEN %s::uuid END,"
                " 0, 1, 0, 1, '{active}', NULL, NULL, NULL, -1, 1)",
                [ticket.bearer, ticket.key],
            )
        told.add(tuple(str(caught.value).splitlines()[:2]))  # what it says, and the line that says it
    assert len(told) == 1


def test_what_the_web_role_hands_to_the_vault_never_comes_back(cast: Cast) -> None:
    alert = make_alert(cast.east, [cell_at(20.105, 2.105)])
    with as_role("penumbra_web"), connection.cursor() as cursor:
        cursor.execute("SELECT vault.close_alert_site(%s)", [alert.id])
        assert cursor.fetchone() in {(None,), ("",)}
    assert read_rows("SELECT is_open FROM vault.alert_site") == [
        (True,)
    ]  # an alert that is not over stays so
