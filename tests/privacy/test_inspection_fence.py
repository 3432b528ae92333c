"""The fence around inspections: they open sites, so the database believes nobody without the token of whoever acts.

Everything here is asked with the rights of the web role, as a process that belongs to somebody else would.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import Token, User
from accounts.tokens import revoke_tokens
from monitor.api.asks import MAX_WINDOW
from monitor.models import Alert, Inspection, InspectionUserPermission
from tests.api.conftest import cast
from tests.builders import cell_at, make_alert, make_inspection, make_model, put_cells
from tests.cast import Cast, Person
from tests.rights import call_act

__all__ = ["cast"]

SITE = [cell_at(20.105, 2.105)]


@pytest.fixture
def alert(cast: Cast) -> Alert:
    """A raised alert in the east."""
    put_cells(make_model(cast.rosa.user), SITE)
    return make_alert(cast.east, SITE)


def assign(who: Person, alert: UUID, to: Person, opens: float = 0, days: float = 7) -> str:
    """Give an alert to somebody; opens: in how many days."""
    start = timezone.now() + timedelta(days=opens)
    return call_act(
        "assign_inspection(%s, %s, %s, %s, %s, %s)",
        who.token.encode(),
        uuid4(),
        alert,
        to.user.id,
        start,
        start + timedelta(days=days),
    )


def act(word: str, who: Person, inspection: Inspection) -> str:
    """Accept or close."""
    return call_act(f"{word}_inspection(%s, %s)", who.token.encode(), inspection.id)


def test_a_regulators_token_gives_and_an_inspectors_takes_on(cast: Cast, alert: Alert) -> None:
    assert assign(cast.rosa, alert.id, cast.ines) == "done"
    inspection = Inspection.objects.get()
    assert (inspection.assigned_by, inspection.status) == (cast.rosa.user, "assigned")
    assert InspectionUserPermission.objects.get().user == cast.ines.user
    assert act("accept", cast.ines, inspection) == "done"
    assert act("close", cast.ines, inspection) == "done"
    assert not InspectionUserPermission.objects.exists()


@pytest.mark.parametrize(
    "name", ["otis", "ines", "ivo", "pia", "paul", "aldo", "anna", "adam", "finn", "mallory"]
)
def test_no_other_token_gives_an_alert_to_anybody(cast: Cast, alert: Alert, name: str) -> None:
    person = cast.everybody()[name]
    assert assign(person, alert.id, cast.ivo) == assign(person, uuid4(), cast.ivo) == "hidden"
    assert not Inspection.objects.exists()
    assert not InspectionUserPermission.objects.exists()


@pytest.mark.parametrize("name", ["rosa", "otis", "ivo", "pia", "aldo", "anna", "adam", "mallory"])
def test_only_the_inspectors_own_token_takes_it_on(cast: Cast, alert: Alert, name: str) -> None:
    inspection = make_inspection(alert, cast.ines.user, cast.rosa.user, "assigned")
    person = cast.everybody()[name]
    assert act("accept", person, inspection) == "hidden"
    if name != "rosa":
        assert act("close", person, inspection) == "hidden"
    inspection.refresh_from_db()
    assert inspection.status == "assigned"


@pytest.mark.parametrize("name", ["rosa", "otis", "pia", "aldo", "anna", "adam", "finn", "mallory"])
def test_nobody_but_an_inspector_is_given_one(cast: Cast, alert: Alert, name: str) -> None:
    assert assign(cast.rosa, alert.id, cast.everybody()[name]) == "nobody"
    User.objects.filter(username="ines").update(is_active=False)
    assert assign(cast.rosa, alert.id, cast.ines) == "nobody"
    assert not Inspection.objects.exists()


def test_an_inspector_who_was_a_regulator_gives_nothing(cast: Cast, alert: Alert) -> None:
    """The mandate is still a row; the role is what counts."""
    User.objects.filter(username="rosa").update(role="inspector")
    assert assign(cast.rosa, alert.id, cast.ines) == assign(cast.rosa, alert.id, cast.rosa) == "hidden"


def test_a_token_that_is_over_acts_no_more(cast: Cast, alert: Alert) -> None:
    inspection = make_inspection(alert, cast.ines.user, cast.rosa.user, "assigned")
    Token.objects.filter(user=cast.rosa.user).update(expires_at=timezone.now())
    revoke_tokens(cast.ines.user)
    assert assign(cast.rosa, alert.id, cast.ivo) == "hidden"
    for person in (cast.ines, cast.rosa):
        assert act("accept", person, inspection) == act("close", person, inspection) == "hidden"


def test_an_inspection_that_is_over_is_not_opened_again(cast: Cast, alert: Alert) -> None:
    inspection = make_inspection(alert, cast.ines.user, cast.rosa.user)
    assert act("close", cast.rosa, inspection) == "done"
    for word, person in (("accept", cast.ines), ("close", cast.ines), ("close", cast.rosa)):
        assert act(word, person, inspection) == "moved"
    inspection.refresh_from_db()
    assert (inspection.status, InspectionUserPermission.objects.count()) == ("closed", 0)


def test_an_alert_has_one_open_inspection_whoever_asks_twice(cast: Cast, alert: Alert) -> None:
    assert [assign(cast.rosa, alert.id, person) for person in (cast.ines, cast.ivo)] == ["done", "busy"]
    assert InspectionUserPermission.objects.get().user == cast.ines.user


def test_the_database_knows_windows_without_the_web_server(cast: Cast, alert: Alert) -> None:
    longest = MAX_WINDOW.total_seconds() / 86400
    for opens, days in ((0, 0), (0, -1), (-8, 7), (0, longest + 0.001), (3000, 4000)):
        assert assign(cast.rosa, alert.id, cast.ines, opens, days) == "no_window"
    assert assign(cast.rosa, alert.id, cast.ines, 30, longest) == "done"
    inspection = Inspection.objects.get()
    Inspection.objects.update(opens_at=timezone.now() - timedelta(days=1), expires_at=timezone.now())
    assert act("accept", cast.ines, inspection) == "past"
