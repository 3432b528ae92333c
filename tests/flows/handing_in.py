"""How Finn, a feeder, hands in an item over HTTP, and what he may be told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.answers import assert_problem
from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.flows.conftest import Ringing


def hand_in(web: WebClient, cast: Cast, item: dict[str, Any], ringing: Ringing) -> dict[str, Any]:
    """What Finn is told of an item in the end: the problem of his request, or the scene when the worker is done."""
    finn = web.as_(cast.finn)
    with ringing():
        answer = finn.post("/api/v1/scenes", item, format="json")
    if answer.status_code == 422:
        return {"state": "refused", "id": None} | assert_problem(answer, 422)
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = finn.get(answer["Location"]).json()
    return told


def assert_discreet(detail: str, item: dict[str, Any]) -> None:
    """A detail is a sentence for strangers: it names no file, no folder, no id and no coordinate."""
    assert len(detail) > 10
    secrets = [item["id"], *(Path(str(asset["href"])).name for asset in item["assets"].values())]
    secrets += [f"{degrees:.2f}" for degrees in item["bbox"]]
    for secret in (*secrets, "/", "\\", "vsi", ".tif", ".jp2"):
        assert secret not in detail, detail
