"""`/api/v1/models` and `/{id}/activate`: trained models, and the person's act that lets one of them decide."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from monitor.models import TrainedModel
from tests.api.answers import assert_problem, ledger_of, outcomes_of, outward_of
from tests.api.conftest import WebClient
from tests.cast import Cast

URL = "/api/v1/models"


@pytest.fixture
def trained(cast: Cast) -> TrainedModel:
    """A model that nobody has let act yet."""
    return TrainedModel.objects.create(
        sha256=uuid4().hex * 2, sensor="sentinel-2", featurizer=uuid4().hex * 2, metrics={"auc": 0.9}
    )


def activate(web: WebClient, model_id: object, body: Any = None, **headers: str) -> Any:
    """Activate a model."""
    return web.post_json(f"{URL}/{model_id}/activate", body or {}, **headers)


def test_an_analyst_compares_models_newest_first(
    web: WebClient, cast: Cast, model: UUID, trained: TrainedModel
) -> None:
    answer = web.as_(cast.anna).get(URL)
    newest, older = answer.json()["items"]
    assert (newest["id"], newest["state"], newest["metrics"]) == (str(trained.id), "trained", {"auc": 0.9})
    assert (older["id"], older["state"], older["activated_by"]) == (str(model), "active", "anna")
    assert newest.keys() == {
        "id",
        "state",
        "sensor",
        "sha256",
        "metrics",
        "trained_at",
        "activated_by",
        "activated_at",
    }
    assert [(line.action, line.quantity) for line in ledger_of(answer)] == [("read.models", 2)]


def test_activating_a_model_retires_the_one_before_and_says_who_did(
    web: WebClient, cast: Cast, model: UUID, trained: TrainedModel
) -> None:
    answer = activate(web.as_(cast.anna), trained.id)
    body = answer.json()
    assert (answer.status_code, body["state"], body["activated_by"]) == (200, "active", "anna")
    assert TrainedModel.objects.get(id=model).state == "retired"
    assert outcomes_of(answer) == [("model.activate", "done"), ("read.model", "answered")]


def test_activating_twice_changes_nothing(web: WebClient, cast: Cast, trained: TrainedModel) -> None:
    client = web.as_(cast.anna)
    assert activate(client, trained.id).json() == activate(client, trained.id).json()


def test_a_model_of_another_sensor_goes_on(
    web: WebClient, cast: Cast, model: UUID, trained: TrainedModel
) -> None:
    TrainedModel.objects.filter(id=model).update(sensor="landsat-8")
    activate(web.as_(cast.anna), trained.id)
    assert set(TrainedModel.objects.values_list("state", flat=True)) == {"active"}


def test_a_model_that_gives_every_cell_the_same_probability_does_not_act(
    web: WebClient, cast: Cast, model: UUID, trained: TrainedModel
) -> None:
    trained.metrics = {"unordered_heads": ["change"]}
    trained.save()
    answer = activate(web.as_(cast.anna), trained.id)
    assert "same probability (change)" in assert_problem(answer, 409, "not-now")["detail"]
    assert (TrainedModel.objects.get(id=model).state, outcomes_of(answer)) == ("active", [])


@pytest.mark.parametrize("name", ["rosa", "ines", "pia", "aldo", "adam", "finn", "mallory"])
def test_nobody_but_an_analyst_sees_or_activates_models(
    web: WebClient, cast: Cast, trained: TrainedModel, name: str
) -> None:
    client = web.as_(cast.everybody()[name])
    assert_problem(client.get(URL), 403, "not-permitted")
    answer = activate(client, trained.id)
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.modelactivate", "refused")]
    trained.refresh_from_db()
    assert trained.state == "trained"


def test_a_model_that_does_not_exist_is_not_there(web: WebClient, cast: Cast) -> None:
    answer = activate(web.as_(cast.anna), uuid4())
    assert_problem(answer, 404, "not-found")
    assert outcomes_of(answer) == [("refuse.modelactivate", "refused")]


def test_the_same_key_again_gets_the_first_answer(web: WebClient, cast: Cast, trained: TrainedModel) -> None:
    client = web.as_(cast.anna)
    first = activate(client, trained.id, HTTP_IDEMPOTENCY_KEY="m")
    assert outward_of(activate(client, trained.id, HTTP_IDEMPOTENCY_KEY="m")) == outward_of(first)
    assert_problem(activate(client, uuid4(), HTTP_IDEMPOTENCY_KEY="m"), 409, "idempotency-key-reused")


@pytest.mark.parametrize("body", [{"force": True}, [1], {"state": "active"}])
def test_activating_says_nothing_else(web: WebClient, cast: Cast, trained: TrainedModel, body: Any) -> None:
    assert_problem(activate(web.as_(cast.anna), trained.id, body), 400, "invalid")


@pytest.mark.parametrize("query", ["limit=0", "cursor=x", "sensor=sentinel-2"])
def test_what_is_not_understood_is_400(web: WebClient, cast: Cast, query: str) -> None:
    assert_problem(web.as_(cast.anna).get(f"{URL}?{query}"), 400)
