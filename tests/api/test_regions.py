"""`/api/v1/regions`: the viewer's own regions by name, and nobody else's."""

from __future__ import annotations

import pytest

from tests.api.answers import assert_problem, ledger_of
from tests.api.conftest import WebClient
from tests.cast import Cast

URL = "/api/v1/regions"


@pytest.mark.parametrize(
    ("name", "regions"),
    [
        ("rosa", ["Aruwe East"]),
        ("otis", ["Aruwe West"]),
        ("anna", ["Aruwe East", "Aruwe West"]),
        ("pia", ["Aruwe East"]),
        ("paul", ["Aruwe East", "Aruwe West"]),
        ("mallory", []),
    ],
)
def test_everybody_sees_their_own(web: WebClient, cast: Cast, name: str, regions: list[str]) -> None:
    answer = web.as_(cast.everybody()[name]).get(URL)
    assert [region["name"] for region in answer.json()["items"]] == regions
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("read.regions", "answered", len(regions))
    ]


@pytest.mark.parametrize("name", ["ines", "aldo", "adam", "finn"])
def test_other_roles_are_refused(web: WebClient, cast: Cast, name: str) -> None:
    assert_problem(web.as_(cast.everybody()[name]).get(URL), 403, "not-permitted")


def test_there_are_no_parameters(web: WebClient, cast: Cast) -> None:
    assert_problem(web.as_(cast.pia).get(f"{URL}?limit=1"), 400, "invalid")
