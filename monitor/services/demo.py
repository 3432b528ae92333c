"""The demonstration: regions and invented people of every role. Made as often as asked, with the same result.

Only the command `seed_demo` uses it. An installation that serves real people makes its own accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import transaction

from accounts.models import Organisation, User
from accounts.roles import Role
from accounts.tokens import find_holder, issue_token
from monitor.imagery.item import SceneItem
from monitor.models import Region
from monitor.privacy.scope import grant_region
from monitor.services.regions import create_region

TOKEN_LABEL = "demonstration"  # noqa: S105 - what the token is for, not a token


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the demonstration. key: under which their token stands in demo.json. share: of the regions."""

    key: str
    username: str
    role: Role
    organisation: str
    share: str = "all"


CAST = (
    Member("regulator", "rosa", Role.REGULATOR, "Ministry of Mines", "first"),
    Member("regulator_2", "otis", Role.REGULATOR, "Ministry of Mines", "others"),
    Member("inspector", "ines", Role.INSPECTOR, "Ministry of Mines", "none"),
    Member("partner", "pia", Role.PARTNER, "Friends of the Forest"),
    Member("auditor", "aldo", Role.AUDITOR, "Court of Audit", "none"),
    Member("analyst", "anna", Role.ANALYST, "Ministry of Mines"),
    Member("administrator", "adam", Role.ADMINISTRATOR, "Ministry of Mines", "none"),
    Member("feeder", "finn", Role.FEEDER, "Satellite desk", "none"),
)


@dataclass(frozen=True, slots=True)
class Seeded:
    """One person as a script needs them."""

    username: str
    token: str
    regions: Sequence[tuple[UUID, str]]


def seed_people(regions: Sequence[UUID], known_tokens: Mapping[str, str]) -> dict[str, Seeded]:
    """Make everybody, give each their regions, and a token; a token of `known_tokens` that still works is kept.

    Tokens come last and outside the transaction: the ledger says of each that it was issued, which nothing may undo.
    """
    hired: list[tuple[Member, User, Sequence[UUID]]] = []
    with transaction.atomic():
        for member in CAST:
            user = _hire(member)
            own = {"all": regions, "first": regions[:1], "others": regions[1:], "none": []}[member.share]
            for region in Region.objects.filter(id__in=own):
                grant_region(user, region)
            hired.append((member, user, own))
    names = dict(Region.objects.filter(id__in=regions).values_list("id", "name"))
    seeded = {}
    for member, user, own in hired:
        token = known_tokens.get(member.key, "")
        if find_holder(token) != user:
            token = issue_token(user, TOKEN_LABEL)
        seeded[member.key] = Seeded(user.username, token, [(region, names[region]) for region in own])
    return seeded


def seed_regions(boundaries: Mapping[str, GEOSGeometry]) -> list[UUID]:
    """Make the regions, in the order of their names' appearance."""
    return [create_region(name, boundary) for name, boundary in boundaries.items()]


def divide_catalog(name: str, items: Sequence[SceneItem]) -> dict[str, MultiPolygon]:
    """Two regions for a catalogue, west and east of the meridian that divides its scenes most evenly.

    The edges lie on whole degrees, so every block of every level belongs to one of the two. One region where all
    scenes lie within one degree.
    """
    wests = sorted(int(item.bbox[0] // 1) for item in items)
    west, east = wests[0], max(int(-(-item.bbox[2] // 1)) for item in items)
    south = min(int(item.bbox[1] // 1) for item in items)
    north = max(int(-(-item.bbox[3] // 1)) for item in items)
    middle = min(max(wests[len(wests) // 2], west + 1), east - 1)
    if not west < middle < east:
        return {name: _box(west, south, east, north)}
    return {
        f"{name} west": _box(west, south, middle, north),
        f"{name} east": _box(middle, south, east, north),
    }


def _box(west: int, south: int, east: int, north: int) -> MultiPolygon:
    return MultiPolygon(Polygon.from_bbox((west, south, east, north)), srid=4326)


def _hire(member: Member) -> User:
    organisation, _ = Organisation.objects.get_or_create(name=member.organisation)
    user, is_new = User.objects.get_or_create(
        username=member.username,
        defaults={
            "role": member.role.value,
            "organisation": organisation,
            "email": f"{member.username}@example.org",
            # the administrator is a superuser, to show that this opens no place
            "is_superuser": member.role is Role.ADMINISTRATOR,
            "is_staff": member.role is Role.ADMINISTRATOR,
        },
    )
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
