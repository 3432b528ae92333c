"""Addresses that are none: paths, parameters, hosts, methods and headers that nobody understands, as problem documents."""

from __future__ import annotations

import pytest

from monitor.models import Alert
from tests.api.answers import assert_problem
from tests.api.conftest import WebClient
from tests.cast import Cast


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/me",
        "/api/v1/me/",
        "/admin/",
        "/api/v1/sites",
        "/api/v1/alerts/1",
        "/metrics",
        "/api/v1/%ff%fe",
        "/%00",
        "/api/v1/me%00",
        "/api/v1/me;x=1",
        "/%c0%ae%c0%ae/",
        "/api/v1/../../etc/passwd",
        "/.env",
        "/" + "x" * 9000,
        "/api/v1/alerts/00000000-0000-0000-0000-00000000000g",
        "/static/x.js",
        "/api/v1/schema/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_unknown_path_is_404_whoever_asks_and_however(
    web: WebClient, cast: Cast, path: str, method: str
) -> None:
    answers = [client.send(method, path) for client in (web, web.as_(cast.rosa), web.as_(cast.adam))]
    for answer in answers:
        assert_problem(answer, 404, "not-found")
        assert answer.content == answers[0].content


@pytest.mark.parametrize(
    "query",
    [
        "%00=1",
        "x=%00",
        "%ff=%fe",
        "limit=%ff",
        "cursor=%ff",
        "cursor=%F0%9F%92%8E",
        "limit=1e3",
        "limit=" + "%D9%A3" * 6,
        "limit=" + "9" * 400,
        "limit=" + "9" * 5000,
        "cursor=" + "A" * 401,
        "=",
        "[]=1",
        "limit[]=1",
        "limit=1&limit=1",
        "limit=",
        "cursor=",
        "&&&x",
        "%",
        "a" * 5000 + "=1",
        "limit=-1",
        "limit=0x10",
        "limit=None",
        "limit=NaN",
        "__class__=1",
        "limit__gte=1",
        "format=api",
        "format=json",
        "callback=x",
    ],
)
def test_a_query_that_is_not_understood_is_400_everywhere(
    web: WebClient, cast: Cast, alert: Alert, query: str
) -> None:
    for person, url in (
        (cast.rosa, "/api/v1/activity"),
        (cast.pia, "/api/v1/activity"),
        (cast.rosa, "/api/v1/alerts"),
        (cast.ines, "/api/v1/inspections"),
        (cast.anna, "/api/v1/scenes"),
        (cast.anna, "/api/v1/models"),
        (cast.pia, "/api/v1/releases"),
        (cast.aldo, "/api/v1/audit/entries"),
        (cast.rosa, f"/api/v1/alerts/{alert.id}/site"),
        (cast.pia, "/api/v1/me"),
    ):
        assert_problem(web.as_(person).send("GET", url, QUERY_STRING=query), 400)


def test_a_thousand_parameters_are_400(web: WebClient, cast: Cast) -> None:
    for count in (999, 1001, 20_000):
        answer = web.as_(cast.rosa).send("GET", "/api/v1/activity", QUERY_STRING="&".join(["a=1"] * count))
        assert_problem(answer, 400)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1:x", "", "a b", "localhost.evil.example", "[::1", "локально"]
)
def test_a_host_that_is_not_served_here_is_400(web: WebClient, cast: Cast, host: str) -> None:
    problem = assert_problem(web.as_(cast.rosa).get("/api/v1/activity", HTTP_HOST=host), 400, "bad-request")
    assert problem["detail"] == "The request's host is not served here."


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
        {"HTTP_ACCEPT": "text/html"},
        {"HTTP_ACCEPT": "*/*;q=x,,"},
        {"HTTP_RANGE": "bytes=0-1"},
        {"HTTP_X_FORWARDED_FOR": "\xff" * 500},
        {"HTTP_IF_NONE_MATCH": "*"},
        {"HTTP_IF_MODIFIED_SINCE": "never"},
        {"HTTP_ACCEPT_LANGUAGE": "x" * 5000},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_COOKIE": "sessionid=1; =; \xff"},
    ],
)
def test_headers_that_nobody_asked_for_change_nothing(
    web: WebClient, cast: Cast, headers: dict[str, str]
) -> None:
    client = web.as_(cast.pia)
    plain = client.get("/api/v1/me")
    odd = client.send("GET", "/api/v1/me", **headers)
    assert (odd.status_code, odd.content, odd["Content-Type"]) == (200, plain.content, "application/json")


@pytest.mark.parametrize("method", ["CONNECT", "PROPFIND", "GE T", "X" * 100])
def test_a_method_that_does_not_exist_is_405(web: WebClient, cast: Cast, method: str) -> None:
    assert_problem(web.as_(cast.rosa).send(method, "/api/v1/alerts"), 405)


def test_a_problem_never_repeats_what_was_sent(web: WebClient, cast: Cast) -> None:
    answer = web.as_(cast.rosa).get(
        "/api/v1/activity?bbox=20.123456,2.1,x,2.2&min_probability=0.987x&state=zzz"
    )
    problem = assert_problem(answer, 400, "invalid")
    assert {error["field"] for error in problem["errors"]} == {"bbox", "min_probability", "state"}
    assert not [value for value in (b"20.123", b"0.987", b"zzz") if value in answer.content]
