"""`/api/v1/scenes`: a feeder hands in a STAC item and follows its state; what is in the item stays in the vault."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from accounts.roles import Role
from monitor.models import Scene
from tests.api.answers import assert_problem, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.builders import make_scene, make_stac_item
from tests.cast import Cast, hire
from tests.chance import leave_chance_out

URL = "/api/v1/scenes"
FIELDS = {"id", "state", "sensor", "progress", "cause", "detail", "received_at"}


def hand_in(web: WebClient, item: Any, **headers: str) -> Any:
    """Post a STAC item."""
    return web.post_json(URL, item, **headers)


def count_stored() -> tuple[int, int]:
    """Scenes outside the vault and items inside."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM vault.item")
        return Scene.objects.count(), cursor.fetchone()[0]


def test_an_item_is_taken_in_and_can_be_followed(web: WebClient, cast: Cast) -> None:
    answer = hand_in(web.as_(cast.finn), make_stac_item())
    assert answer.status_code == 202
    body = answer.json()
    assert (body["state"], body["sensor"], body["progress"], body["cause"]) == (
        "received",
        "sentinel-2",
        0,
        "",
    )
    assert answer["Location"] == f"{URL}/{body['id']}"
    assert web.as_(cast.finn).get(answer["Location"]).json() == body
    assert outcomes_of(answer) == [("scene.receive", "done"), ("read.scene", "answered")]
    assert count_stored() == (1, 1)


def test_nothing_of_the_item_comes_back(web: WebClient, cast: Cast) -> None:
    answer = hand_in(web.as_(cast.finn), make_stac_item())
    for client in (web.as_(cast.finn), web.as_(cast.anna), web.as_(cast.rosa)):
        for told in (answer, client.get(URL), client.get(answer["Location"])):
            text = leave_chance_out(told.content.decode())
            assert not [word for word in ("bridge", "20.1", "2026-03-05") if word in text]
        assert client.get(answer["Location"]).json().keys() == FIELDS


def test_an_item_of_an_unknown_platform_is_taken_in_for_the_worker_to_refuse(
    web: WebClient, cast: Cast
) -> None:
    item = make_stac_item()
    item["properties"]["constellation"] = "somebody's own"
    answer = hand_in(web.as_(cast.finn), item)
    assert (answer.status_code, answer.json()["sensor"]) == (202, "")
    assert count_stored() == (1, 1)


def test_the_type_of_a_stac_item_is_taken_too(web: WebClient, cast: Cast) -> None:
    answer = web.as_(cast.finn).send("POST", URL, json.dumps(make_stac_item()), "application/geo+json")
    assert answer.status_code == 202


def test_the_same_item_again_is_the_same_scene(web: WebClient, cast: Cast) -> None:
    client = web.as_(cast.finn)
    first, again = (
        hand_in(client, make_stac_item()),
        hand_in(client, dict(reversed(make_stac_item().items()))),
    )
    assert first.json() == again.json()
    assert count_stored() == (1, 1)


def test_the_same_key_again_gets_the_first_answer(web: WebClient, cast: Cast) -> None:
    client = web.as_(cast.finn)
    first = hand_in(client, make_stac_item(), HTTP_IDEMPOTENCY_KEY="s-1")
    assert outward_of(hand_in(client, make_stac_item(), HTTP_IDEMPOTENCY_KEY="s-1")) == outward_of(first)
    other = hand_in(client, make_stac_item(id="another"), HTTP_IDEMPOTENCY_KEY="s-1")
    assert_problem(other, 409, "idempotency-key-reused")
    assert count_stored() == (1, 1)


def test_an_item_that_another_feeder_handed_in_is_taken_in_like_a_new_one(web: WebClient, cast: Cast) -> None:
    fay = hire("fay", Role.FEEDER)
    first, second = hand_in(web.as_(cast.finn), make_stac_item()), hand_in(web.as_(fay), make_stac_item())
    assert first.status_code == second.status_code == 202
    assert first.json()["id"] != second.json()["id"]
    assert web.as_(fay).get(second["Location"]).status_code == 200


def test_a_feeder_sees_the_scenes_of_its_own_only_and_others_look_like_none(
    web: WebClient, cast: Cast
) -> None:
    own, others = make_scene("received", cast.finn.user), make_scene("scored")
    client = web.as_(cast.finn)
    assert [item["id"] for item in client.get(URL).json()["items"]] == [str(own)]
    hidden, absent = client.get(f"{URL}/{others}"), client.get(f"{URL}/{uuid4()}")
    assert_problem(hidden, 404, "not-found")
    assert outward_of(hidden) == outward_of(absent)
    assert outcomes_of(hidden) == [("read.scene", "refused")]


@pytest.mark.parametrize("name", ["anna", "rosa"])
def test_analysts_and_regulators_follow_every_state(web: WebClient, cast: Cast, name: str) -> None:
    made = {str(make_scene("refused", cast.finn.user)), str(make_scene("scored"))}
    client = web.as_(cast.everybody()[name])
    answer = client.get(URL)
    assert {item["id"] for item in answer.json()["items"]} == made
    assert [(line.action, line.quantity) for line in ledger_of(answer)] == [("read.scenes", 2)]
    (refused,) = client.get(URL, {"state": "refused"}).json()["items"]
    assert (refused["cause"], refused["detail"]) == ("truncated", "cut off")


@pytest.mark.parametrize("name", ["ines", "pia", "aldo", "adam", "mallory"])
def test_other_roles_see_no_scene(web: WebClient, cast: Cast, name: str) -> None:
    client, scene = web.as_(cast.everybody()[name]), make_scene()
    for url in (URL, f"{URL}/{scene}"):
        assert_problem(client.get(url), 403, "not-permitted")


@pytest.mark.parametrize("name", ["rosa", "anna", "ines", "pia", "aldo", "adam", "mallory"])
def test_nobody_but_a_feeder_hands_in(web: WebClient, cast: Cast, name: str) -> None:
    answer = hand_in(web.as_(cast.everybody()[name]), make_stac_item())
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.scenes", "refused")]
    assert count_stored() == (0, 0)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"type": "FeatureCollection"}, "malformed-item"),
        ({"id": None}, "malformed-item"),
        ({"bbox": None}, "malformed-item"),
        ({"bbox": [2000, 2, 2001, 3]}, "malformed-item"),
        ({"bbox": [179, 2, -179, 3]}, "antimeridian"),
        ({"properties": {}}, "no-observation-date"),
        ({"properties": {"datetime": "soon"}}, "no-observation-date"),
        ({"properties": None}, "no-observation-date"),
        ({"assets": {}}, "asset-missing"),
        ({"assets": [1, 2]}, "asset-missing"),
    ],
)
def test_an_item_that_cannot_be_used_is_refused_with_its_own_cause_and_not_stored(
    web: WebClient, cast: Cast, more: dict[str, Any], code: str
) -> None:
    answer = hand_in(web.as_(cast.finn), make_stac_item(**more))
    problem = assert_problem(answer, 422, code)
    assert problem["cause"] == code.replace("-", "_")
    assert "bridge" not in problem["detail"]
    assert count_stored() == (0, 0)


@pytest.mark.parametrize("body", [[], [{}], "item", 7, None, True])
def test_what_is_no_object_is_400(web: WebClient, cast: Cast, body: Any) -> None:
    assert_problem(hand_in(web.as_(cast.finn), body), 400, "invalid")
    assert count_stored() == (0, 0)


@pytest.mark.parametrize(
    "odd",
    [
        '{"a": 1e400}',
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        '{"a": "\\u0000"}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        '{"a":' * 63 + "1" + "}" * 63,
        '{"a":' + "[" * 900 + "]" * 900 + "}",
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a": ' + "9" * 5000 + "}",
    ],
)
def test_what_no_database_could_keep_is_refused_wherever_it_stands(
    web: WebClient, cast: Cast, odd: str
) -> None:
    body = json.dumps(make_stac_item(properties="ODD")).replace('"ODD"', odd)
    for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": "odd"}):
        answer = web.as_(cast.finn).send("POST", URL, body, **headers)
        assert_problem(answer, 400, "parse-error")
    assert count_stored() == (0, 0)


@pytest.mark.parametrize(
    "odd", ['"\\ud83d\\ude00"', "1e300", "9" * 4000, '"\\\\u0000"', "[" * 50 + "]" * 50, '""', '{"": {}}']
)
def test_what_is_odd_but_json_is_kept_as_it_is(web: WebClient, cast: Cast, odd: str) -> None:
    body = json.dumps(make_stac_item(odd="ODD")).replace('"ODD"', odd)
    answer = web.as_(cast.finn).send("POST", URL, body, HTTP_IDEMPOTENCY_KEY="odd")
    assert answer.status_code == 202
    assert count_stored() == (1, 1)


@pytest.mark.parametrize(
    "query", ["state=done", "limit=0", "cursor=x", "sensor=sentinel-2", "bbox=0,0,1,1", "datetime=2026"]
)
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.anna).get(f"{URL}?{query}"), 400)


def test_pages_of_scenes_follow_each_other(web: WebClient, cast: Cast) -> None:
    made = {str(make_scene()) for _ in range(3)}
    client, url, seen = web.as_(cast.anna), f"{URL}?limit=2&state=scored", []
    while url:
        body = client.get(url).json()
        seen += [item["id"] for item in body["items"]]
        url = body["next"]
    assert len(seen) == 3
    assert set(seen) == made
