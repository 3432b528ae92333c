"""`/api/v1/access-requests` and `/api/v1/grants`: somebody asks, another says yes, and it ends by itself or at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from accounts.tokens import revoke_tokens
from monitor.models import AccessGrant, AccessRequest, Alert, Inspection, Region
from monitor.privacy.scope import withdraw_region
from tests.api.answers import assert_problem, cells_of, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.cast import Cast, Person, hire
from tests.rights import give_grant, set_posture

URL, GRANTS = "/api/v1/access-requests", "/api/v1/grants"


@pytest.fixture
def rita(cast: Cast) -> Person:
    """A second regulator of the east."""
    return hire("rita", Role.REGULATOR, cast.east)


def wish(region: UUID, level: str = "L0", days: float = 7, **more: Any) -> dict[str, Any]:
    """A body that asks."""
    until = timezone.now() + timedelta(days=days)
    return {
        "region": str(region),
        "level": level,
        "purpose": "incident-response",
        "until": until.isoformat(),
        **more,
    }


def ask(web: WebClient, person: Person, body: dict[str, Any]) -> Any:
    """Somebody asks."""
    return web.as_(person).post(URL, body, format="json")


def decide(web: WebClient, person: Person, request_id: object, word: str = "approve") -> Any:
    """Somebody decides."""
    return web.as_(person).post(f"{URL}/{request_id}/{word}")


def test_one_yes_opens_a_guarded_region_until_the_end(
    web: WebClient, cast: Cast, rita: Person, alert: Alert
) -> None:
    set_posture(cast.east, "guarded")
    answer = ask(web, cast.rosa, wish(cast.east, reason="a flood"))
    body = answer.json()
    assert (answer.status_code, body["status"], body["asked_by"], body["grant"]) == (
        201,
        "waiting",
        "rosa",
        None,
    )
    assert answer["Location"] == f"{URL}/{body['id']}"
    assert outcomes_of(answer)[0] == ("access.ask", "done")
    assert ledger_of(answer)[0].level == 0
    assert web.as_(cast.rosa).get("/api/v1/activity").json()["generalised"] is True
    yes = decide(web, rita, body["id"])
    assert (yes.status_code, yes.json()["status"], yes.json()["approved_by"]) == (200, "granted", ["rita"])
    assert outcomes_of(yes)[0] == ("access.approve", "done")
    assert len(cells_of(web.as_(cast.rosa).get("/api/v1/activity"))) == 2
    assert web.as_(rita).get("/api/v1/activity").json()["generalised"] is True
    (grant,) = web.as_(cast.rosa).get(GRANTS).json()["items"]
    assert (grant["id"], grant["expires_at"], grant["in_force"]) == (yes.json()["grant"], body["until"], True)
    assert web.as_(cast.rosa).get("/api/v1/me").json()["open_grants"] == 1
    AccessGrant.objects.update(granted_at=timezone.now() - timedelta(days=9), expires_at=timezone.now())
    assert web.as_(cast.rosa).get("/api/v1/activity").json()["generalised"] is True
    assert web.as_(cast.rosa).get(GRANTS).json()["items"][0]["in_force"] is False


def test_a_sealed_region_takes_two_different_people(
    web: WebClient, cast: Cast, rita: Person, alert: Alert
) -> None:
    set_posture(cast.east, "sealed")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    first = decide(web, rita, request_id)
    assert (first.status_code, first.json()["status"], first.json()["grant"]) == (200, "waiting", None)
    again = decide(web, rita, request_id)
    assert_problem(again, 409, "not-now")
    assert outcomes_of(again)[0] == ("access.approve", "failed")
    assert web.as_(cast.rosa).get("/api/v1/activity").json()["generalised"] is True
    second = decide(web, cast.adam, request_id)
    assert (second.json()["status"], second.json()["approved_by"]) == ("granted", ["adam", "rita"])
    assert len(cells_of(web.as_(cast.rosa).get("/api/v1/activity"))) == 2


def test_what_one_person_approved_is_worth_nothing_once_the_region_is_sealed(
    web: WebClient, cast: Cast, rita: Person, alert: Alert
) -> None:
    set_posture(cast.east, "guarded")
    decide(web, rita, ask(web, cast.rosa, wish(cast.east)).json()["id"])
    assert len(cells_of(web.as_(cast.rosa).get("/api/v1/activity"))) == 2
    set_posture(cast.east, "sealed")
    assert web.as_(cast.rosa).get("/api/v1/activity").json()["generalised"] is True
    assert [grant["in_force"] for grant in web.as_(cast.rosa).get(GRANTS).json()["items"]] == [False]


def _close(person: Person) -> None:
    User.objects.filter(id=person.user.id).update(is_active=False)


def _dismiss(person: Person) -> None:
    person.user.regionuserpermission_set.all().delete()


def _demote(person: Person) -> None:
    User.objects.filter(id=person.user.id).update(role="analyst")


@pytest.mark.parametrize("change", [_close, _dismiss, _demote])
def test_the_yes_of_somebody_who_is_gone_does_not_count(
    web: WebClient, cast: Cast, rita: Person, change: Any
) -> None:
    set_posture(cast.east, "sealed")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    decide(web, rita, request_id)
    change(rita)
    assert decide(web, cast.adam, request_id).json()["status"] == "waiting"


@pytest.mark.parametrize("change", [_close, _demote])
def test_nobody_who_is_gone_is_granted_anything(
    web: WebClient, cast: Cast, rita: Person, change: Any
) -> None:
    set_posture(cast.east, "guarded")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    change(cast.rosa)
    assert_problem(decide(web, rita, request_id), 409, "not-now")
    assert not AccessGrant.objects.exists()


@pytest.mark.parametrize("word", ["approve", "refuse"])
def test_nobody_decides_for_oneself(web: WebClient, cast: Cast, word: str) -> None:
    set_posture(cast.east, "guarded")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    assert_problem(decide(web, cast.rosa, request_id, word), 403, "not-permitted")
    assert AccessRequest.objects.get().status == "waiting"


def test_a_no_ends_it(web: WebClient, cast: Cast, rita: Person) -> None:
    set_posture(cast.east, "guarded")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    answer = decide(web, rita, request_id, "refuse")
    assert (answer.json()["status"], answer.json()["refused_by"]) == ("refused", "rita")
    assert outcomes_of(answer)[0] == ("access.refuse", "done")
    for word in ("approve", "refuse"):
        assert_problem(decide(web, cast.adam, request_id, word), 409, "not-now")
    assert ask(web, cast.rosa, wish(cast.east)).status_code == 201


@pytest.mark.parametrize("word", ["approve", "refuse", ""])
def test_a_request_in_another_region_answers_exactly_like_none(web: WebClient, cast: Cast, word: str) -> None:
    set_posture(cast.east, "guarded")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    client = web.as_(cast.otis)
    hidden, absent = (
        client.post(f"{URL}/{each}/{word}") if word else client.get(f"{URL}/{each}")
        for each in (request_id, uuid4())
    )
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == outcomes_of(absent)


def test_a_region_that_one_holds_nothing_on_cannot_be_asked_for(web: WebClient, cast: Cast) -> None:
    hidden, absent = (ask(web, cast.rosa, wish(region)) for region in (cast.west, uuid4()))
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert not AccessRequest.objects.exists()


def test_what_is_no_finer_or_too_fine_is_refused(web: WebClient, cast: Cast) -> None:
    for level in ("L0", "L1", "L2"):
        assert_problem(ask(web, cast.rosa, wish(cast.east, level)), 409, "not-now")
    assert_problem(ask(web, cast.pia, wish(cast.east, "L2")), 409, "not-now")
    assert_problem(ask(web, cast.pia, wish(cast.east, "L0")), 403, "not-permitted")


@pytest.mark.parametrize("days", [-1, 30.5])
def test_a_grant_ends_and_soon(web: WebClient, cast: Cast, days: float) -> None:
    set_posture(cast.east, "guarded")
    assert_problem(ask(web, cast.rosa, wish(cast.east, days=days)), 400, "invalid")


@pytest.mark.parametrize(
    "change",
    [
        {"level": "L3"},
        {"level": 0},
        {"purpose": "curiosity"},
        {"reason": "x" * 201},
        {"reason": "a\nb"},
        {"reason": "a flood at 2.105, 20.305"},
        {"reason": "west of 20°"},
        {"reason": "a flood at ２．１０５"},
        {"reason": "a flood at ٢٫١٠٥"},
        {"reason": "west of 20˚"},
        {"for": "otis"},
    ],
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, change: dict[str, Any]) -> None:
    assert_problem(ask(web, cast.rosa, wish(cast.east) | change), 400, "invalid")


def test_one_request_waits_for_a_region(web: WebClient, cast: Cast) -> None:
    set_posture(cast.east, "guarded")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    assert_problem(ask(web, cast.rosa, wish(cast.east)), 409, "not-now")
    now = timezone.now()
    AccessRequest.objects.filter(id=request_id).update(
        asked_at=now - timedelta(days=2), until=now - timedelta(days=1)
    )
    assert_problem(decide(web, cast.adam, request_id), 409, "not-now")
    assert ask(web, cast.rosa, wish(cast.east)).status_code == 201


def test_a_partner_asks_for_a_finer_level(web: WebClient, cast: Cast) -> None:
    request_id = ask(web, cast.pia, wish(cast.east, "L1")).json()["id"]
    decide(web, cast.rosa, request_id)
    regions = web.as_(cast.pia).get("/api/v1/me").json()["regions"]
    assert [region["level"] for region in regions] == ["L1"]
    assert web.as_(cast.pia).get("/api/v1/activity").json()["level"] == "L1"


def test_an_inspector_asks_for_the_region_of_an_open_inspection(
    web: WebClient, cast: Cast, inspection: Inspection
) -> None:
    assert_problem(ask(web, cast.ines, wish(cast.east)), 409, "not-now")
    set_posture(cast.east, "sealed")
    assert_problem(ask(web, cast.ivo, wish(cast.east)), 404, "not-found")
    request_id = ask(web, cast.ines, wish(cast.east)).json()["id"]
    for person in (cast.rosa, cast.adam):
        decide(web, person, request_id)
    assert len(cells_of(web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site"))) == 2


# --- lists and grants ------------------------------------------------------------------------------------------------------


def test_lists_hold_ones_own_and_what_one_decides(web: WebClient, cast: Cast) -> None:
    east, west = (give_grant(cast.paul, region, 1, cast.adam) for region in (cast.east, cast.west))
    both = {str(east.id), str(west.id)}
    for name, seen in {
        "paul": both,
        "adam": both,
        "rosa": {str(east.id)},
        "otis": {str(west.id)},
        "pia": set(),
    }.items():
        client = web.as_(cast.everybody()[name])
        assert {grant["id"] for grant in client.get(GRANTS).json()["items"]} == seen, name
        assert {row["grant"] for row in client.get(URL).json()["items"]} == seen, name


def test_lists_come_in_pages_and_can_be_narrowed(web: WebClient, cast: Cast) -> None:
    ids = {str(give_grant(cast.pia, cast.east, 1, cast.rosa).id) for _ in range(3)}
    over = give_grant(cast.pia, cast.east, 1, cast.rosa, lasts=timedelta(hours=-1))
    client = web.as_(cast.adam)
    for url, name in ((GRANTS, "id"), (URL, "grant")):
        found, following = [], f"{url}?limit=3"
        while following:
            page = client.get(following).json()
            found += [row[name] for row in page["items"]]
            following = page["next"]
        assert sorted(found) == sorted([*ids, str(over.id)])
    assert {row["id"] for row in client.get(f"{GRANTS}?in_force=true").json()["items"]} == ids
    assert [row["id"] for row in client.get(f"{GRANTS}?in_force=false").json()["items"]] == [str(over.id)]
    assert client.get(f"{URL}?status=waiting").json()["items"] == []
    following = client.get(f"{GRANTS}?limit=1").json()["next"]
    assert_problem(web.as_(cast.rosa).get(following), 404, "cursor-unusable")


@pytest.mark.parametrize("name", ["rosa", "pia", "adam"])
def test_one_person_ends_a_grant_at_once(web: WebClient, cast: Cast, name: str) -> None:
    grant = give_grant(cast.pia, cast.east, 1, cast.rosa)
    assert web.as_(cast.pia).get("/api/v1/activity").json()["level"] == "L1"
    answer = web.as_(cast.everybody()[name]).post(f"{GRANTS}/{grant.id}/revoke")
    assert (answer.status_code, answer.json()["revoked_by"], answer.json()["in_force"]) == (200, name, False)
    assert outcomes_of(answer)[0] == ("grant.revoke", "done")
    assert web.as_(cast.pia).get("/api/v1/activity").json()["level"] == "L2"
    assert_problem(web.as_(cast.rosa).post(f"{GRANTS}/{grant.id}/revoke"), 409, "not-now")


def test_a_grant_ends_with_what_its_holder_holds_on_the_region(web: WebClient, cast: Cast) -> None:
    give_grant(cast.pia, cast.east, 1, cast.rosa)
    client = web.as_(cast.pia)
    for is_held in (True, False):
        assert [row["in_force"] for row in client.get(GRANTS).json()["items"]] == [is_held]
        assert len(client.get(f"{GRANTS}?in_force=true").json()["items"]) == is_held
        assert client.get("/api/v1/me").json()["open_grants"] == is_held
        withdraw_region(cast.pia.user, Region.objects.get(id=cast.east))


def test_a_grant_of_others_is_revoked_exactly_like_none(web: WebClient, cast: Cast) -> None:
    grant = give_grant(cast.pia, cast.east, 1, cast.rosa)
    for name in ("otis", "paul", "mallory", "anna"):
        client = web.as_(cast.everybody()[name])
        hidden, absent = (client.post(f"{GRANTS}/{each}/revoke") for each in (grant.id, uuid4()))
        assert_problem(hidden, 404, "not-found")
        assert outward_of(hidden) == outward_of(absent)
    grant.refresh_from_db()
    assert grant.revoked_at is None


def test_a_revoked_token_decides_nothing(web: WebClient, cast: Cast, rita: Person) -> None:
    set_posture(cast.east, "guarded")
    request_id = ask(web, cast.rosa, wish(cast.east)).json()["id"]
    revoke_tokens(rita.user)
    assert decide(web, rita, request_id).status_code == 401
