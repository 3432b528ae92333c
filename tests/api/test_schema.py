"""`/api/v1/schema`: an OpenAPI 3.1 document that is valid, the same for everybody, complete, and true."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from monitor.checks import PLACELESS_VIEWS, list_patterns
from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, outward_of
from tests.api.conftest import WebClient
from tests.api.files import MEDIA_TYPES
from tests.cast import Cast

URL = "/api/v1/schema"
ANSWERS = {
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "application/vnd.mapbox-vector-tile",
    *(kind.partition(";")[0] for kind in MEDIA_TYPES.values()),
}


@pytest.fixture
def document(web: WebClient) -> dict[str, Any]:
    """The document as it is served."""
    served: dict[str, Any] = json.loads(web.get(URL).content)
    return served


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_the_document_is_the_same_for_everybody_and_whatever_is_stored(web: WebClient, cast: Cast) -> None:
    empty = outward_of(web.get(URL))
    assert empty[0] == 200
    for person in cast.everybody().values():
        assert outward_of(web.as_(person).get(URL)) == empty


def test_nothing_of_what_is_stored_stands_in_the_document(
    web: WebClient, cast: Cast, alert: Alert, inspection: Inspection
) -> None:
    content = web.as_(cast.rosa).get(URL).content.decode()
    for word in (str(alert.id), str(inspection.id), str(cast.east), "Aruwe", "rosa", "20.1"):
        assert word not in content


def test_the_document_names_every_route_but_the_signs_of_life_and_itself(document: dict[str, Any]) -> None:
    routes = set()
    for pattern in list_patterns():
        view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
        assert view is not None
        if view.__name__ not in PLACELESS_VIEWS:
            route = "/" + re.sub(r"<(?:uuid|pseudonym|str|int):(\w+)>", r"{\1}", str(pattern.pattern))
            routes |= {(route, method.lower()) for method in view.roles}
    told = {(path, method) for path, operations in document["paths"].items() for method in operations}
    assert told == routes


def test_every_operation_says_what_it_takes_and_how_it_fails(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["operationId"]
            assert operation["description"]
            assert operation["security"] == [{"token": []}]
            assert operation["responses"].keys() >= {"400", "401", "403", "405", "429", "503"}
            if "{" in path:
                assert "404" in operation["responses"]
            for code, answer in operation["responses"].items():
                expected = "application/problem+json" if int(code) >= 400 else ANSWERS
                assert all(kind in expected for kind in answer["content"])


def test_no_example_and_no_default_host_stands_in_the_document(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert '"example' not in text
    assert "servers" not in document


def test_what_is_sent_has_no_other_fields(document: dict[str, Any]) -> None:
    asks = {
        name: schema for name, schema in document["components"]["schemas"].items() if name.endswith("Request")
    }
    assert asks
    assert all(schema["additionalProperties"] is False for schema in asks.values())


@pytest.mark.parametrize("query", ["lang=de", "format=yaml", "version=2", "lang=%00", "lang=../../x"])
def test_the_schema_takes_no_parameter(web: WebClient, query: str) -> None:
    assert_problem(web.get(f"{URL}?{query}"), 400, "invalid")
