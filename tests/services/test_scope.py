"""Which regions somebody holds: asked by name and asked by id are the same regions."""

from __future__ import annotations

import pytest

from monitor.models import Region
from monitor.privacy.scope import grant_region, list_region_ids, list_regions
from tests.builders import make_viewer
from tests.cast import Cast, make_cast


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody; Rosa once held the west as a partner does."""
    cast = make_cast()
    rosa = cast.rosa.user
    rosa.role = "partner"
    grant_region(rosa, Region.objects.get(id=cast.west))
    return cast


def test_the_ids_are_those_of_the_regions_for_everybody(cast: Cast) -> None:
    held = {}
    for name, person in cast.everybody().items():
        viewer = make_viewer(person.user)
        held[name] = list_region_ids(viewer)
        assert held[name] == sorted(region.id for region in list_regions(viewer)), name
    assert held["anna"] == sorted([cast.east, cast.west])
    assert held["adam"] == held["ines"] == held["mallory"] == []


def test_a_right_of_another_role_and_a_closed_account_hold_nothing(cast: Cast) -> None:
    rosa = cast.rosa.user
    rosa.role = "regulator"
    viewer = make_viewer(rosa)
    assert list_region_ids(viewer) == [cast.east]
    type(rosa).objects.filter(id=rosa.id).update(is_active=False)
    assert list_region_ids(viewer) == list_regions(viewer) == []
