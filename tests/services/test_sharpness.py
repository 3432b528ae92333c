"""The table of posture in the database is the table of `monitor/privacy/posture.py`, for everything that it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from accounts.models import User
from accounts.roles import Role
from monitor.access.sharpness import find_sharpness
from monitor.grid import Level
from monitor.models import AccessGrant, AccessRequest, Region, RegionPosture
from monitor.privacy.posture import HeldGrant, Posture, choose_level
from monitor.privacy.scope import grant_region, withdraw_region
from tests.builders import make_alert, make_inspection, make_viewer
from tests.cast import Cast, Person
from tests.rights import give_grant, move, say_yes, secret_of, set_posture, wish
from tests.roles import as_role, read_rows

GRANTS = [None, *product((0, 1, 2), (1, 2))]


@contextmanager
def undone() -> Iterator[None]:
    """As the owner, and taken back at the end."""
    with as_role("none"), transaction.atomic():
        yield
        transaction.set_rollback(True)


def sharpness_of(person: Person) -> dict[UUID, Level]:
    """As the web role finds it."""
    with as_role("penumbra_web"):
        return find_sharpness(make_viewer(User.objects.get(id=person.user.id)))


def shut_to(person: Person) -> set[UUID]:
    """Regions of which no exact cell may reach somebody."""
    return {region for (region,) in read_rows("SELECT access.shut_regions(%s)", person.user.id)}


def floors_of(person: Person) -> set[Level]:
    """How finely somebody may see blocks around sealed regions."""
    return {
        Level(finest)
        for (finest,) in read_rows("SELECT finest FROM access.sealed_blocks(%s)", person.user.id)
    }


@pytest.mark.parametrize("name", ["rosa", "anna", "pia"])
def test_the_database_and_the_pure_table_agree(cast: Cast, name: str) -> None:
    person = cast.everybody()[name]
    role = Role(person.user.role)
    for posture, given in product(Posture, GRANTS):
        with undone():
            set_posture(cast.east, posture.value)
            held = []
            if given is not None and not (role is Role.PARTNER and given[0] == 0):
                give_grant(person, cast.east, given[0], *[cast.otis, cast.adam][: given[1]])
                held = [HeldGrant(Level(given[0]), given[1])]
            expected = choose_level(role, posture, held)
            assert sharpness_of(person)[cast.east] == expected, (posture, given)
            if role is not Role.PARTNER:
                assert (cast.east in shut_to(person)) == (expected > Level.L0), (posture, given)


def test_for_an_inspector_they_agree_too(cast: Cast) -> None:
    for posture, given in product(Posture, GRANTS):
        with undone():
            set_posture(cast.east, posture.value)
            held = []
            if given is not None:
                give_grant(cast.ines, cast.east, given[0], *[cast.otis, cast.adam][: given[1]])
                held = [HeldGrant(Level(given[0]), given[1])]
            expected = choose_level(Role.INSPECTOR, posture, held)
            assert (cast.east in shut_to(cast.ines)) == (expected > Level.L0), (posture, given)


def _expire(grant: AccessGrant) -> None:
    AccessGrant.objects.filter(id=grant.id).update(expires_at=grant.granted_at + timedelta(hours=1))


def _revoke(grant: AccessGrant) -> None:
    AccessGrant.objects.filter(id=grant.id).update(revoked_at=grant.granted_at)


def _change_role(grant: AccessGrant) -> None:
    User.objects.filter(id=grant.holder_id).update(role="analyst")


def _close_account(grant: AccessGrant) -> None:
    User.objects.filter(id=grant.holder_id).update(is_active=False)


def _take_region(grant: AccessGrant) -> None:
    withdraw_region(grant.holder, grant.region)


@pytest.mark.parametrize("end", [_expire, _revoke, _change_role, _close_account, _take_region])
def test_a_grant_that_is_over_opens_nothing(cast: Cast, end: Callable[[AccessGrant], None]) -> None:
    with undone():
        set_posture(cast.east, "sealed")
        grant = give_grant(cast.rosa, cast.east, 0, cast.otis, cast.adam)
        assert sharpness_of(cast.rosa)[cast.east] == Level.L0
        end(grant)
        assert sharpness_of(cast.rosa).get(cast.east, Level.L3) == Level.L3
        assert cast.east in shut_to(cast.rosa)


def _give_role_back(grant: AccessGrant) -> None:
    User.objects.filter(id=grant.holder_id).update(role=grant.role)


def _open_account_again(grant: AccessGrant) -> None:
    User.objects.filter(id=grant.holder_id).update(is_active=True)


def _give_region_back(grant: AccessGrant) -> None:
    grant_region(grant.holder, grant.region)


@pytest.mark.parametrize(
    ("end", "begin"),
    [
        (_change_role, _give_role_back),
        (_close_account, _open_account_again),
        (_take_region, _give_region_back),
    ],
)
def test_a_grant_does_not_come_back_with_what_it_ended_with(
    cast: Cast, end: Callable[[AccessGrant], None], begin: Callable[[AccessGrant], None]
) -> None:
    """Nor does a request that nobody had decided about; as the worker, who may write neither."""
    with undone():
        set_posture(cast.east, "sealed")
        grant = give_grant(cast.rosa, cast.east, 0, cast.otis, cast.adam)
        others = give_grant(cast.anna, cast.east, 0, cast.otis, cast.adam)
        waiting = AccessRequest.objects.create(
            asked_by=cast.rosa.user,
            role="regulator",
            region_id=cast.east,
            level=0,
            purpose="data-quality",
            until=grant.expires_at,
        )
        with as_role("penumbra_worker"):
            end(grant)
            begin(grant)
        assert sharpness_of(cast.rosa) == {cast.east: Level.L3}
        assert cast.east in shut_to(cast.rosa)
        assert sharpness_of(cast.anna)[others.region_id] == Level.L0
        waiting.refresh_from_db()
        assert waiting.status == "refused"
        assert say_yes(secret_of(cast.adam), waiting.id) == "over"


@pytest.mark.parametrize("change", [None, {"role": "analyst"}, {"is_active": False}])
def test_a_yes_and_a_wish_do_not_come_back_with_what_they_ended_with(
    cast: Cast, change: dict[str, Any] | None
) -> None:
    """Those that do not rest on it stay: another's yes, and where only a region was taken, a wish in another."""
    with undone():
        east, otis = Region.objects.get(id=cast.east), cast.otis.user
        grant_region(otis, east)
        for region in (cast.east, cast.west):
            set_posture(region, "sealed")
            assert move(secret_of(cast.otis), region, "sealed", "guarded", "ask") == "done"
        _, request = wish(secret_of(cast.rosa), cast.east)
        assert say_yes(secret_of(cast.otis), request) == "approved"
        with as_role("penumbra_worker"):
            if change is None:
                withdraw_region(otis, east)
                grant_region(otis, east)
            else:
                User.objects.filter(id=otis.id).update(**change)
                User.objects.filter(id=otis.id).update(role="regulator", is_active=True)
        asked = set(RegionPosture.objects.filter(asked_by=otis).values_list("region", flat=True))
        assert asked == ({cast.west} if change is None else set())
        assert move(secret_of(cast.adam), cast.east, "sealed", "guarded", "raise") == "conflict"
        assert say_yes(secret_of(cast.adam), request) == "approved"
        assert sharpness_of(cast.rosa)[cast.east] == Level.L3
        # said again it counts
        assert say_yes(secret_of(cast.otis), request) == "granted"


def test_a_grant_is_for_one_region_and_one_person(cast: Cast) -> None:
    with undone():
        set_posture(cast.east, "sealed")
        set_posture(cast.west, "sealed")
        give_grant(cast.anna, cast.east, 0, cast.otis, cast.adam)
        assert sharpness_of(cast.anna) == {cast.east: Level.L0, cast.west: Level.L3}
        assert sharpness_of(cast.rosa) == {cast.east: Level.L3}


def test_a_grant_adds_no_region(cast: Cast) -> None:
    with undone():
        give_grant(cast.rosa, cast.west, 0, cast.otis, cast.adam)
        assert sharpness_of(cast.rosa) == {cast.east: Level.L0}


def test_a_grant_on_a_region_that_was_taken_away_does_not_open_its_blocks_to_the_neighbour(
    cast: Cast,
) -> None:
    """Sealing reaches outward to whole blocks, of which a neighbour sees no more than whoever holds nothing there."""
    with undone():
        pia, east = cast.pia.user, Region.objects.get(id=cast.east)
        grant_region(pia, Region.objects.get(id=cast.west))
        set_posture(cast.east, "sealed")
        give_grant(cast.pia, cast.east, 1, cast.otis, cast.adam)
        assert floors_of(cast.pia) == {Level.L1}
        withdraw_region(pia, east)
        assert sharpness_of(cast.pia) == {cast.west: Level.L2}
        assert floors_of(cast.pia) == {Level.L3}


@pytest.mark.parametrize("name", ["aldo", "adam", "finn", "mallory", "ines"])
def test_whoever_holds_nothing_has_no_sharpness(cast: Cast, name: str) -> None:
    assert sharpness_of(cast.everybody()[name]) == {}


def test_a_mandate_of_somebody_who_became_a_partner_is_no_reception(cast: Cast) -> None:
    with undone():
        User.objects.filter(id=cast.rosa.user.id).update(role="partner")
        assert sharpness_of(cast.rosa) == {}
        grant_region(User.objects.get(id=cast.rosa.user.id), Region.objects.get(id=cast.east))
        assert sharpness_of(cast.rosa) == {cast.east: Level.L2}


def test_a_region_of_an_unknown_posture_is_sealed(cast: Cast) -> None:
    """A word that this version does not know must not open anything."""
    with undone(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE monitor_regionposture DROP CONSTRAINT posture_is_known")
        set_posture(cast.east, "locked")
        assert sharpness_of(cast.rosa) == {cast.east: Level.L3}
        assert cast.east in shut_to(cast.rosa)
        assert cast.east in shut_to(cast.ines)


def test_the_regulator_who_assigned_it_keeps_no_site_of_a_sealed_region(cast: Cast) -> None:
    with undone():
        make_inspection(make_alert(cast.east, []), cast.ines.user, cast.rosa.user)
        set_posture(cast.east, "sealed")
        assert cast.east in shut_to(cast.ines) & shut_to(cast.rosa)
