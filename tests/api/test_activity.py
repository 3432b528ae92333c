"""`/api/v1/activity`: as sharp as the viewer's rule, and nothing outside it."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest
from django.db import connection

from monitor.services.releases import publish_release
from tests.api.answers import entry_of, ledger_of, outcomes_of
from tests.api.conftest import WebClient
from tests.builders import cell_at, make_model, put_cells
from tests.cast import Cast

URL = "/api/v1/activity"
EASTERN = cell_at(20.105, 2.105)
WESTERN = cell_at(19.705, 2.105)


@pytest.fixture
def model(cast: Cast) -> UUID:
    """An active model."""
    return make_model(cast.anna.user)


def test_a_regulator_sees_the_exact_cells_of_the_mandate_and_nothing_outside(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, [EASTERN, WESTERN])
    answer = web.as_(cast.rosa).get(URL)
    assert answer.status_code == 200
    body = answer.json()
    assert [(f["properties"]["row"], f["properties"]["col"]) for f in body["features"]] == [EASTERN]
    assert body["features"][0]["geometry"]["coordinates"][0][0] == [20.1, 2.1]
    assert (body["precision_deg"], body["level"], body["generalised"]) == (0.01, "L0", False)
    assert entry_of(answer).version == 7
    assert answer["Cache-Control"] == "private, no-store"


def test_asking_for_a_region_outside_the_mandate_looks_like_one_that_does_not_exist(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, [EASTERN, WESTERN])
    hidden = web.as_(cast.rosa).get(URL, {"region": str(cast.west)})
    absent = web.as_(cast.rosa).get(URL, {"region": str(uuid4())})
    assert hidden.status_code == absent.status_code == 200
    assert hidden.content == absent.content


def test_an_exact_answer_needs_a_purpose(web: WebClient, cast: Cast) -> None:
    client = web.as_(cast.rosa)
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"])
    answer = client.get(URL)
    assert (answer.status_code, answer.json()["code"]) == (400, "purpose-required")


def test_pages_of_exact_cells_follow_each_other_without_gap_or_overlap(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    cells = sorted(cell_at(20.005 + i / 100, 2.005 + j / 100) for i in range(5) for j in range(5))
    put_cells(model, cells)
    client, url, seen = web.as_(cast.rosa), f"{URL}?limit=7", []
    while url:
        body = client.get(url).json()
        seen += [(f["properties"]["row"], f["properties"]["col"]) for f in body["features"]]
        url = body["next"]
    assert seen == cells


def test_a_partner_gets_released_blocks_of_a_fifth_of_a_degree_and_no_finer(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, [EASTERN, WESTERN])
    publish_release(date(2026, 11, 20))
    body = web.as_(cast.pia).get(URL).json()
    assert [(f["properties"]["level"], f["properties"]["band"]) for f in body["features"]] == [
        ("L2", "under_2")
    ]
    assert body["features"][0]["geometry"]["coordinates"][0][0] == [20, 2]
    assert body["generalised"] is True
    assert body["features"][0]["properties"]["period"] == "2026-09"


def test_what_happened_after_the_release_is_not_in_it(web: WebClient, cast: Cast, model: UUID) -> None:
    publish_release(date(2026, 11, 20))
    put_cells(model, [EASTERN])
    assert web.as_(cast.pia).get(URL).json()["features"] == []


def test_a_partners_box_is_snapped_outward_to_whole_blocks_and_echoed(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, [EASTERN])
    publish_release(date(2026, 11, 20))
    body = web.as_(cast.pia).get(URL, {"bbox": "20.19,2.19,20.195,2.195"}).json()
    assert body["applied_bbox"] == [20, 2, 20.2, 2.2]
    assert len(body["features"]) == 1


@pytest.mark.parametrize("name", ["ines", "aldo", "adam", "finn"])
def test_other_roles_may_not_ask(web: WebClient, cast: Cast, name: str) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL)
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")


def test_a_superuser_of_a_coarse_role_without_a_region_sees_nothing(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    put_cells(model, [EASTERN, WESTERN])
    publish_release(date(2026, 11, 20))
    assert web.as_(cast.mallory).get(URL).json()["features"] == []


@pytest.mark.parametrize(
    "query",
    [
        "nonsense=1",
        "bbox=1,2,3",
        "bbox=nan,0,1,1",
        "bbox=170,0,-170,1",
        "state=happy",
        "limit=0",
        "limit=1&limit=2",
        "cursor=abc",
        "min_probability=2",
        "min_probability=nan",
        "min_probability=0_1",
        "min_probability=+0.5",
        "min_probability=%D9%A0.%D9%A5",
        "since=yesterday",
        "since=%D9%A2%D9%A0%D9%A2%D9%A6-09-01",
        "region=01a2334c-be2b-74a9-90aa-3c27b790ce0%D9%A8",
        "class=none",
        "period=2026-09",
    ],
)
def test_what_is_not_understood_is_400_for_a_regulator(web: WebClient, cast: Cast, query: str) -> None:
    answer = web.as_(cast.rosa).get(f"{URL}?{query}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "query",
    ["region=x", "min_probability=0.5", "since=2026-01-01", "state=active", "level=L0", "period=2026-Q5"],
)
def test_exact_filters_do_not_exist_for_a_partner(web: WebClient, cast: Cast, query: str) -> None:
    assert web.as_(cast.pia).get(f"{URL}?{query}").status_code == 400


def test_the_disclosed_cells_are_sealed_in_the_ledger(web: WebClient, cast: Cast, model: UUID) -> None:
    put_cells(model, [EASTERN])
    entry = entry_of(web.as_(cast.rosa).get(URL))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.quantity, c.outcome, d.cells FROM ledger.completion c JOIN ledger.disclosure d"
            " USING (entry_id) WHERE c.entry_id = %s",
            [entry],
        )
        number = EASTERN[0] * 36000 + EASTERN[1]
        assert cursor.fetchone() == (1, "answered", [number])


@pytest.mark.parametrize(
    "query",
    [
        "",
        "level=L2",
        "level=L3",
        "bbox=20.101,2.101,20.102,2.102",
        "bbox=20.105,2.105,20.105,2.105&level=L3",
        "period=2026-09",
        "limit=1",
    ],
)
@pytest.mark.parametrize("name", ["pia", "paul"])
def test_no_question_of_a_partner_is_answered_finer_than_a_fifth_of_a_degree(
    web: WebClient, cast: Cast, model: UUID, name: str, query: str
) -> None:
    put_cells(model, [EASTERN, WESTERN])
    publish_release(date(2026, 11, 20))
    answer = web.as_(cast.everybody()[name]).get(f"{URL}?{query}")
    body = answer.json()
    assert answer.status_code == 200
    assert entry_of(answer).version == 7
    assert answer["Cache-Control"] == "private, no-store"
    assert (body["generalised"], body["precision_deg"]) == (True, 1 if "L3" in query else 0.2)
    for feature in body["features"]:
        assert feature["properties"].keys() == {
            "level",
            "row",
            "col",
            "period",
            "band",
            "trend",
            "observed",
            "part",
        }
        assert feature["properties"]["level"] in {"L2", "L3"}
        lons, lats = zip(*feature["geometry"]["coordinates"][0], strict=True)
        assert round(max(lons) - min(lons), 9) in {0.2, 1}
        assert round(max(lats) - min(lats), 9) in {0.2, 1}


def test_a_coarse_answer_has_its_entry_and_completion_too(web: WebClient, cast: Cast, model: UUID) -> None:
    put_cells(model, [EASTERN])
    publish_release(date(2026, 11, 20))
    (line,) = ledger_of(web.as_(cast.pia).get(URL))
    assert (line.action, line.outcome, line.quantity, line.level) == ("read.activity", "answered", 1, 2)
    assert line.role == "partner"


def test_a_role_without_a_rule_is_recorded_as_a_refusal(web: WebClient, cast: Cast) -> None:
    assert outcomes_of(web.as_(cast.adam).get(URL)) == [("refuse.activity", "refused")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=active", {"first"}),
        ("state=suspected", {"second"}),
        ("state=quiet", set()),
        ("state=active,suspected", {"first", "second"}),
        ("min_probability=0.8", {"first"}),
        ("since=2026-09-16", {"second"}),
        ("class=artisanal", {"first", "second"}),
        ("class=industrial", set()),
        ("bbox=20.1,2.1,20.11,2.11", {"first"}),
        ("bbox=19.9,1.9,20.5,2.5", {"first", "second"}),
    ],
)
def test_exact_cells_are_filtered(
    web: WebClient, cast: Cast, model: UUID, query: str, found: set[str]
) -> None:
    cells = {"first": EASTERN, "second": cell_at(20.305, 2.305)}
    put_cells(model, [cells["first"]])
    put_cells(model, [cells["second"]], state="suspected", observed_on=date(2026, 9, 16), probability=0.6)
    body = web.as_(cast.rosa).get(f"{URL}?{query}").json()
    told = {(f["properties"]["row"], f["properties"]["col"]) for f in body["features"]}
    assert told == {cells[name] for name in found}
