"""Who else has told of a cell, in public: said with the exact cell, and by no answer that is coarse or without a place."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from monitor.models import Alert, Inspection
from monitor.services.releases import publish_release
from tests.api.conftest import EASTERN_SITE, WebClient
from tests.api.files import FORMATS, read_file
from tests.builders import put_cells
from tests.cast import Cast
from tests.rights import set_posture
from tests.tile_reader import read_tile

TILE = "/tiles/activity/8/142/126.mvt"
NAMES = (b"glad_l", b"radd", b"public_elsewhere")


@pytest.fixture(autouse=True)
def told(cast: Cast, model: UUID, alert: Alert, inspection: Inspection) -> None:
    """Two systems have told of the first cell of the site, and one of them of a quiet cell; a release."""
    quiet = (EASTERN_SITE[0][0], EASTERN_SITE[0][1] + 5)
    put_cells(model, [quiet], "quiet", probability=0.1)
    with connection.cursor() as cursor:
        for (row, col), names, confidence in (
            (EASTERN_SITE[0], "glad_l radd", "highest"),
            (EASTERN_SITE[1], "", "nominal"),
            (quiet, "radd", None),
        ):
            cursor.execute(
                "UPDATE vault.cell_state SET public_elsewhere = %s, confidence = %s WHERE row = %s AND col = %s",
                [names, confidence, row, col],
            )
    publish_release(date(2026, 11, 20))


def said(answer: Any) -> list[tuple[str | None, list[str]]]:
    """Confidence and names of each cell of an answer."""
    assert answer.status_code == 200
    told = [feature["properties"] for feature in answer.json()["features"]]
    return [(cell["confidence"], cell["public_elsewhere"]) for cell in told]


SITE = [("highest", ["glad_l", "radd"]), ("nominal", [])]


def test_whoever_may_see_the_exact_cell_is_told(
    web: WebClient, cast: Cast, alert: Alert, inspection: Inspection
) -> None:
    assert said(web.as_(cast.rosa).get("/api/v1/activity")) == SITE
    assert said(web.as_(cast.anna).get("/api/v1/activity")) == SITE
    assert said(web.as_(cast.rosa).get("/api/v1/activity", {"state": "quiet"})) == [(None, ["radd"])]
    assert said(web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}/site")) == SITE
    assert said(web.as_(cast.ines).get(f"/api/v1/inspections/{inspection.id}/site")) == SITE


@pytest.mark.parametrize("file_format", FORMATS)
def test_files_of_cells_tell_it_and_files_of_blocks_do_not(
    web: WebClient, cast: Cast, file_format: str
) -> None:
    first, second = read_file(file_format, web.as_(cast.rosa).get(f"/export/activity.{file_format}").content)
    assert first.values["confidence"] == "highest"
    names = first.values["public_elsewhere"]
    assert names == ("['glad_l', 'radd']" if file_format == "geojson" else "glad_l radd")
    assert second.values.get("public_elsewhere", "[]") == "[]"
    coarse = web.as_(cast.pia).get(f"/export/activity.{file_format}").content
    assert not [name for name in NAMES if name in coarse]


def test_tiles_of_cells_tell_it_and_tiles_of_blocks_do_not(web: WebClient, cast: Cast) -> None:
    cells = [cell.values for cell in read_tile(web.as_(cast.rosa).get(TILE).content)]
    assert [(cell["confidence"], cell.get("public_elsewhere")) for cell in cells] == [
        ("highest", "glad_l radd"),
        ("nominal", None),
    ]
    assert not [name for name in NAMES if name in web.as_(cast.pia).get(TILE).content]


def test_no_answer_that_is_coarse_or_has_no_place_says_it(
    web: WebClient, cast: Cast, alert: Alert, inspection: Inspection
) -> None:
    answers = [
        web.as_(cast.pia).get("/api/v1/activity"),
        web.as_(cast.pia).get("/api/v1/releases"),
        web.as_(cast.aldo).get("/api/v1/audit/entries"),
        web.as_(cast.aldo).get("/api/v1/audit/exposure", {"alert": str(alert.id)}),
        web.as_(cast.rosa).get("/api/v1/alerts"),
        web.as_(cast.rosa).get(f"/api/v1/alerts/{alert.id}"),
        web.as_(cast.ines).get("/api/v1/inspections"),
    ]
    set_posture(cast.east, "guarded")
    answers.append(web.as_(cast.rosa).get("/api/v1/activity"))
    for answer in answers:
        assert answer.status_code == 200, answer.content
        assert not [name for name in NAMES if name in answer.content]
    (listed,) = json.loads(answers[4].content)["items"]
    assert listed["confidence"] == "nominal"
