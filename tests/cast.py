"""The cast: invented people of every role in an invented country, among them one who must never see anything.

Aruwe has two regions of four L2 blocks each. Rosa has the mandate for the east, Otis for the west; Pia receives the east.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib.gis.geos import MultiPolygon, Polygon

from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.tokens import issue_token
from monitor.models import Region
from monitor.privacy.scope import grant_region
from monitor.services.regions import create_region

EAST = (20.0, 2.0, 20.4, 2.4)
WEST = (19.6, 2.0, 20.0, 2.4)
PURPOSE = "inspection-planning; week 7"


@dataclass(frozen=True)
class Person:
    """One member of the cast, with a token."""

    user: User
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What this person's program sends: token and purpose."""
        return {"authorization": f"Token {self.token}", "access-purpose": PURPOSE}


@dataclass(frozen=True)
class Cast:
    """Everybody, and the two regions."""

    east: UUID
    west: UUID
    rosa: Person
    otis: Person
    ines: Person
    ivo: Person
    pia: Person
    paul: Person
    aldo: Person
    anna: Person
    adam: Person
    finn: Person
    mallory: Person

    def everybody(self) -> dict[str, Person]:
        """People by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Person)}


def make_box(west: float, south: float, east: float, north: float) -> MultiPolygon:
    """A rectangle in degrees as a multipolygon."""
    return MultiPolygon(Polygon.from_bbox((west, south, east, north)), srid=4326)


def hire(name: str, role: Role, *regions: UUID, **more: Any) -> Person:
    """Make an account with a token, and with what its role holds on the regions."""
    user = User.objects.create_user(name, f"{name}@example.org", role=role.value, **more)
    for region in Region.objects.filter(id__in=regions):
        grant_region(user, region)
    return Person(user, issue_token(user, "tests"))


def make_cast(identify: Callable[[str], UUID] = lambda name: uuid4()) -> Cast:
    """Make the regions and people. Needs a database. identify: the id for a name, where ids must be known beforehand."""
    for name, box in (("Aruwe East", EAST), ("Aruwe West", WEST)):
        Region.objects.create(id=identify(name), name=name, boundary=make_box(*box))
    east, west = create_region("Aruwe East", make_box(*EAST)), create_region("Aruwe West", make_box(*WEST))
    friends = "Friends of the Aruwe Forest"
    organisation = Organisation.objects.create(id=identify(friends), name=friends)

    def engage(name: str, role: Role, *regions: UUID, **more: Any) -> Person:
        return hire(
            name, role, *regions, id=identify(name), pseudonym=identify(f"pseudonym of {name}"), **more
        )

    return Cast(
        east=east,
        west=west,
        rosa=engage("rosa", Role.REGULATOR, east),
        otis=engage("otis", Role.REGULATOR, west),
        ines=engage("ines", Role.INSPECTOR),
        ivo=engage("ivo", Role.INSPECTOR),
        pia=engage("pia", Role.PARTNER, east, organisation=organisation),
        paul=engage("paul", Role.PARTNER, east, west),
        aldo=engage("aldo", Role.AUDITOR),
        anna=engage("anna", Role.ANALYST, east, west),
        adam=engage("adam", Role.ADMINISTRATOR, is_superuser=True, is_staff=True),
        finn=engage("finn", Role.FEEDER),
        # Mallory: an account of a coarse role without any region, a superuser by mistake. Must never see a thing.
        mallory=engage("mallory", Role.PARTNER, is_superuser=True, is_staff=True),
    )
