"""Wrong input of every kind ends in a problem document (RFC 9457): never in a 500, and nothing is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from accounts.models import Token, User
from accounts.tokens import issue_token, revoke_tokens
from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem, outcomes_of
from tests.api.conftest import WebClient
from tests.builders import make_stac_item
from tests.cast import Cast

JSON = "application/json"
MEBIBYTE = 1024 * 1024


def count_rows() -> dict[str, int]:
    """Rows of every table that a request could write to, the ledger's aside."""
    tables = [model._meta.db_table for model in apps.get_app_config("monitor").get_models()]
    tables += ["vault.item", "vault.spent_ticket", "vault.label"]
    with connection.cursor() as cursor:
        found = {}
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 (names of our own tables)
            found[table] = cursor.fetchone()[0]
    return found


@pytest.fixture
def posts(web: WebClient, cast: Cast, alert: Alert, inspection: Inspection) -> list[tuple[WebClient, str]]:
    """Every address that takes a body, with a client that may post there."""
    return [
        (web.as_(cast.finn), "/api/v1/scenes"),
        (web.as_(cast.rosa), f"/api/v1/alerts/{alert.id}/triage"),
        (web.as_(cast.rosa), "/api/v1/inspections"),
        (web.as_(cast.ines), f"/api/v1/inspections/{inspection.id}/accept"),
        (web.as_(cast.ines), f"/api/v1/inspections/{inspection.id}/findings"),
        (web.as_(cast.ines), f"/api/v1/inspections/{inspection.id}/close"),
        (web.as_(cast.anna), f"/api/v1/models/{uuid4()}/activate"),
    ]


@pytest.fixture
def _nothing_stored(posts: object) -> Iterator[None]:
    """The same rows after the test as before."""
    before = count_rows()
    yield
    assert count_rows() == before


MALFORMED = {
    "cut off": b'{"decision": ',
    "no JSON": b"decision=confirm",
    "XML": b"<decision>confirm</decision>",
    "two values": b"{} {}",
    "single quotes": b"{'decision': 'confirm'}",
    "comment": b"{} // nothing",
    "trailing comma": b'{"decision": "confirm",}',
    "duplicate key": b'{"decision": "dismiss", "decision": "confirm"}',
    "duplicate key inside": b'{"a": {"b": 1, "b": 2}}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": Infinity}',
    "-Infinity": b'{"a": [-Infinity]}',
    "a number beyond floats": b'{"a": 1e400}',
    "a number of 5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "NUL byte": b'{"a": "\x00"}',
    "NUL escaped": b'{"a": "\\u0000"}',
    "NUL in a key": b'{"\\u0000": 1}',
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "65 levels of lists": b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
    "65 levels of objects": b'{"a": ' * 65 + b"1" + b"}" * 65,
    "950 levels": b"[" * 950 + b"]" * 950,
    "100,000 levels": b"[" * 100_000 + b"]" * 100_000,
    "100,000 levels, open": b'{"a":' * 100_000,
    "a million brackets": b"[" * MEBIBYTE,
    "only blanks": b"   ",
}


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_is_no_strict_json_is_400_everywhere(posts: list[tuple[WebClient, str]], body: bytes) -> None:
    for client, url in posts:
        for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": "k"}):
            answer = client.generic("POST", url, body, content_type=JSON, **headers)
            assert_problem(answer, 400, "parse-error")


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize("body", ["[]", "[{}]", '"text"', "7", "null", "true", "[[[[]]]]", "1e300", "9" * 4000])
def test_json_that_is_no_object_is_400_everywhere(posts: list[tuple[WebClient, str]], body: str) -> None:
    for client, url in posts:
        assert_problem(client.generic("POST", url, body, content_type=JSON), 400, "invalid")


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
     "application/octet-stream", "application/json-patch+json", "application/geopackage+sqlite3", "nonsense", "application/",
     "application/json, text/plain", "APPLICATION /JSON"],
)
def test_another_content_type_is_415_everywhere(posts: list[tuple[WebClient, str]], content_type: str) -> None:
    for client, url in posts:
        answer = client.generic("POST", url, b'{"decision": "confirm"}', content_type=content_type)
        assert_problem(answer, 415, "unsupported-media-type")


def test_the_content_type_may_be_written_in_capitals_and_name_utf_8(web: WebClient, cast: Cast, alert: Alert) -> None:
    answer = web.as_(cast.rosa).generic(
        "POST", f"/api/v1/alerts/{alert.id}/triage", b'{"decision": "confirm"}', content_type="Application/JSON; charset=utf-8"
    )
    assert answer.status_code == 200


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize("content_type", [JSON, "application/geo+json"])
def test_a_body_over_two_mebibytes_is_413_everywhere(posts: list[tuple[WebClient, str]], content_type: str) -> None:
    for client, url in posts:
        body = b'{"decision": "' + b"x" * (2 * MEBIBYTE) + b'"}'
        assert_problem(client.generic("POST", url, body, content_type=content_type), 413, "body-too-large")


def test_a_body_just_under_two_mebibytes_is_read(web: WebClient, cast: Cast) -> None:
    item = make_stac_item(note="x" * (2 * MEBIBYTE - 2000))
    assert web.as_(cast.finn).post("/api/v1/scenes", json.dumps(item), content_type=JSON).status_code == 202


def test_a_role_without_business_here_is_refused_before_the_body_is_read(web: WebClient, cast: Cast) -> None:
    body = b"[" * (3 * MEBIBYTE)
    assert_problem(web.as_(cast.pia).generic("POST", "/api/v1/scenes", body, content_type=JSON), 403)
    assert_problem(web.generic("POST", "/api/v1/scenes", body, content_type=JSON), 401)


# --- who asks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["Token", "Token ", "Token pen_wrong", "Token a b", "token", "Basic cm9zYTpyb3Nh", "Bearer pen_x", "pen_x", "Token \xff\xfe", "Token " + "x" * 8000,
     "Token pen_\x01", "Digest username=rosa", ","],
)
def test_a_token_that_opens_nothing_is_401(web: WebClient, cast: Cast, header: str) -> None:
    answer = web.get("/api/v1/me", HTTP_AUTHORIZATION=header)
    problem = assert_problem(answer, 401)
    assert answer["WWW-Authenticate"] == 'Token realm="penumbra"'
    assert "pen_" not in problem["detail"]


def test_unknown_expired_revoked_and_closed_look_exactly_the_same(web: WebClient, cast: Cast) -> None:
    expired, revoked, closed = (issue_token(user) for user in (cast.rosa.user, cast.otis.user, cast.pia.user))
    Token.objects.filter(user=cast.rosa.user).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert revoke_tokens(cast.otis.user) == 2
    User.objects.filter(username="pia").update(is_active=False)
    answers = [web.get("/api/v1/me", HTTP_AUTHORIZATION=f"Token {secret}") for secret in (expired, revoked, closed, "pen_x")]
    for answer in answers:
        assert_problem(answer, 401, "authentication-failed")
        assert (answer.content, answer.headers.keys()) == (answers[0].content, answers[0].headers.keys())


def test_revoking_a_token_is_felt_by_the_next_request(web: WebClient, cast: Cast) -> None:
    client = web.as_(cast.rosa)
    assert client.get("/api/v1/me").status_code == 200
    revoke_tokens(cast.rosa.user)
    assert_problem(client.get("/api/v1/me"), 401)


@pytest.mark.parametrize(
    "purpose",
    ["", ";", "curiosity", "inspection-planning-2", "Field-Visit", "field-visit; " + "x" * 201, "field-visit; a\tb", "field-visit; \x7f",
     "field visit", "; field-visit", "field-visit,label-review", "field-visit; a\x00b"],
)
def test_an_unknown_purpose_is_400_and_nothing_is_read(web: WebClient, cast: Cast, alert: Alert, purpose: str) -> None:
    client = web.as_(cast.rosa)
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"], HTTP_ACCESS_PURPOSE=purpose)
    for url in ("/api/v1/activity", f"/api/v1/alerts/{alert.id}/site"):
        answer = client.get(url)
        assert_problem(answer, 400, "purpose-unknown")
        assert outcomes_of(answer) == []


def test_who_asks_is_looked_at_before_why(web: WebClient, alert: Alert) -> None:
    answer = web.get(f"/api/v1/alerts/{alert.id}/site", HTTP_ACCESS_PURPOSE="curiosity")
    assert_problem(answer, 401, "not-authenticated")


def test_a_purpose_may_have_a_text_of_200_characters(web: WebClient, cast: Cast, alert: Alert) -> None:
    client = web.as_(cast.rosa)
    purpose = "incident-response; " + "x" * 200
    client.credentials(HTTP_AUTHORIZATION=cast.rosa.headers["authorization"], HTTP_ACCESS_PURPOSE=purpose)
    assert client.get(f"/api/v1/alerts/{alert.id}/site").status_code == 200


def test_too_many_requests_are_429_and_say_when_to_come_back(
    web: WebClient, cast: Cast, settings: LazySettings
) -> None:
    settings.REQUESTS_PER_MINUTE = 2
    client = web.as_(cast.pia)
    assert [client.get("/api/v1/me").status_code for _ in range(2)] == [200, 200]
    answer = client.get("/api/v1/me")
    assert_problem(answer, 429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert web.as_(cast.rosa).get("/api/v1/me").status_code == 200


# --- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/api/v1/", "/api/v2/me", "/api/v1/me/", "/admin/", "/api/v1/sites", "/api/v1/alerts/1", "/metrics",
     "/api/v1/%ff%fe", "/%00", "/api/v1/me%00", "/api/v1/me;x=1", "/%c0%ae%c0%ae/", "/api/v1/../../etc/passwd", "/.env", "/" + "x" * 9000,
     "/api/v1/alerts/00000000-0000-0000-0000-00000000000g", "/static/x.js", "/api/v1/schema/"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_an_unknown_path_is_404_whoever_asks_and_however(web: WebClient, cast: Cast, path: str, method: str) -> None:
    answers = [client.generic(method, path) for client in (web, web.as_(cast.rosa), web.as_(cast.adam))]
    for answer in answers:
        assert_problem(answer, 404, "not-found")
        assert answer.content == answers[0].content


@pytest.mark.parametrize(
    "query",
    ["%00=1", "x=%00", "%ff=%fe", "limit=%ff", "cursor=%ff", "cursor=%F0%9F%92%8E", "limit=1e3", "limit=" + "%D9%A3" * 6, "limit=" + "9" * 400,
     "limit=" + "9" * 5000, "cursor=" + "A" * 401, "=", "[]=1", "limit[]=1", "limit=1&limit=1", "limit=", "cursor=", "&&&x", "%", "a" * 5000 + "=1",
     "limit=-1", "limit=0x10", "limit=None", "limit=NaN", "__class__=1", "limit__gte=1", "format=api", "format=json", "callback=x"],
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
        assert_problem(web.as_(person).generic("GET", url, QUERY_STRING=query), 400)


def test_a_thousand_parameters_are_400(web: WebClient, cast: Cast) -> None:
    for count in (999, 1001, 20_000):
        answer = web.as_(cast.rosa).generic("GET", "/api/v1/activity", QUERY_STRING="&".join(["a=1"] * count))
        assert_problem(answer, 400)


@pytest.mark.usefixtures("_nothing_stored")
def test_a_post_takes_no_query(posts: list[tuple[WebClient, str]]) -> None:
    for client, url in posts:
        answer = client.generic("POST", f"{url}?dry_run=true", b"{}", content_type=JSON)
        problem = assert_problem(answer, 400, "invalid")
        assert problem["errors"] == [{"field": "dry_run", "detail": "Unknown parameter."}]


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 101, "a\tb", "ключ".encode().decode("latin-1"), "\x7f", "a\x00"])
def test_an_idempotency_key_is_short_and_printable(posts: list[tuple[WebClient, str]], key: str) -> None:
    bodies = {"scenes": make_stac_item(), "triage": {"decision": "confirm"}}
    for client, url in posts:
        body = bodies.get(url.rsplit("/", 1)[-1])
        if body is not None:
            answer = client.post(url, json.dumps(body), content_type=JSON, HTTP_IDEMPOTENCY_KEY=key)
            assert_problem(answer, 400, "invalid")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:x", "", "a b", "localhost.evil.example", "[::1", "локально"])
def test_a_host_that_is_not_served_here_is_400(web: WebClient, cast: Cast, host: str) -> None:
    problem = assert_problem(web.as_(cast.rosa).get("/api/v1/activity", HTTP_HOST=host), 400, "bad-request")
    assert problem["detail"] == "The request's host is not served here."


@pytest.mark.parametrize(
    "headers",
    [{"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"}, {"HTTP_ACCEPT": "text/html"}, {"HTTP_ACCEPT": "*/*;q=x,,"}, {"HTTP_RANGE": "bytes=0-1"},
     {"HTTP_X_FORWARDED_FOR": "\xff" * 500}, {"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_IF_MODIFIED_SINCE": "never"}, {"HTTP_ACCEPT_LANGUAGE": "x" * 5000},
     {"HTTP_X_FORWARDED_HOST": "evil.example"}, {"CONTENT_TYPE": "nonsense"}, {"HTTP_COOKIE": "sessionid=1; =; \xff"}],
)
def test_headers_that_nobody_asked_for_change_nothing(web: WebClient, cast: Cast, headers: dict[str, str]) -> None:
    client = web.as_(cast.pia)
    plain = client.get("/api/v1/me")
    odd = client.get("/api/v1/me", **headers)
    assert (odd.status_code, odd.content, odd["Content-Type"]) == (200, plain.content, "application/json")


@pytest.mark.parametrize("method", ["CONNECT", "PROPFIND", "GE T", "X" * 100])
def test_a_method_that_does_not_exist_is_405(web: WebClient, cast: Cast, method: str) -> None:
    assert_problem(web.as_(cast.rosa).generic(method, "/api/v1/alerts"), 405)


def test_a_problem_never_repeats_what_was_sent(web: WebClient, cast: Cast) -> None:
    answer = web.as_(cast.rosa).get("/api/v1/activity?bbox=20.123456,2.1,x,2.2&min_probability=0.987x&state=zzz")
    problem = assert_problem(answer, 400, "invalid")
    assert {error["field"] for error in problem["errors"]} == {"bbox", "min_probability", "state"}
    assert not [value for value in (b"20.123", b"0.987", b"zzz") if value in answer.content]
