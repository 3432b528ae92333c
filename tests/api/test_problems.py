"""A body that is not understood ends in a problem document (RFC 9457), whatever is wrong with it; nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection

from monitor.models import Alert, Inspection
from tests.api.answers import assert_problem
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
            cursor.execute(f"SELECT count(*) FROM {table}")
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
def test_a_body_that_is_no_strict_json_is_400_everywhere(
    posts: list[tuple[WebClient, str]], body: bytes
) -> None:
    for client, url in posts:
        for headers in ({}, {"HTTP_IDEMPOTENCY_KEY": "k"}):
            answer = client.send("POST", url, body, **headers)
            assert_problem(answer, 400, "parse-error")


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize(
    "body", ["[]", "[{}]", '"text"', "7", "null", "true", "[[[[]]]]", "1e300", "9" * 4000]
)
def test_json_that_is_no_object_is_400_everywhere(posts: list[tuple[WebClient, str]], body: str) -> None:
    for client, url in posts:
        assert_problem(client.send("POST", url, body), 400, "invalid")


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/html",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/octet-stream",
        "application/json-patch+json",
        "application/geopackage+sqlite3",
        "nonsense",
        "application/",
        "application/json, text/plain",
        "APPLICATION /JSON",
    ],
)
def test_another_content_type_is_415_everywhere(
    posts: list[tuple[WebClient, str]], content_type: str
) -> None:
    for client, url in posts:
        answer = client.send("POST", url, b'{"decision": "confirm"}', content_type)
        assert_problem(answer, 415, "unsupported-media-type")


def test_the_content_type_may_be_written_in_capitals_and_name_utf_8(
    web: WebClient, cast: Cast, alert: Alert
) -> None:
    answer = web.as_(cast.rosa).send(
        "POST",
        f"/api/v1/alerts/{alert.id}/triage",
        b'{"decision": "confirm"}',
        content_type="Application/JSON; charset=utf-8",
    )
    assert answer.status_code == 200


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize("content_type", [JSON, "application/geo+json"])
def test_a_body_over_two_mebibytes_is_413_everywhere(
    posts: list[tuple[WebClient, str]], content_type: str
) -> None:
    for client, url in posts:
        body = b'{"decision": "' + b"x" * (2 * MEBIBYTE) + b'"}'
        assert_problem(client.send("POST", url, body, content_type), 413, "body-too-large")


def test_a_body_just_under_two_mebibytes_is_read(web: WebClient, cast: Cast) -> None:
    item = make_stac_item(note="x" * (2 * MEBIBYTE - 2000))
    assert web.as_(cast.finn).post_json("/api/v1/scenes", item).status_code == 202


def test_a_role_without_business_here_is_refused_before_the_body_is_read(web: WebClient, cast: Cast) -> None:
    body = b"[" * (3 * MEBIBYTE)
    assert_problem(web.as_(cast.pia).send("POST", "/api/v1/scenes", body), 403)
    assert_problem(web.send("POST", "/api/v1/scenes", body), 401)


@pytest.mark.usefixtures("_nothing_stored")
def test_a_post_takes_no_query(posts: list[tuple[WebClient, str]]) -> None:
    for client, url in posts:
        answer = client.send("POST", f"{url}?dry_run=true", b"{}")
        problem = assert_problem(answer, 400, "invalid")
        assert problem["errors"] == [{"field": "dry_run", "detail": "Unknown parameter."}]


@pytest.mark.usefixtures("_nothing_stored")
@pytest.mark.parametrize(
    "key", ["", " ", "a b", "k" * 101, "a\tb", "ключ".encode().decode("latin-1"), "\x7f", "a\x00"]
)
def test_an_idempotency_key_is_short_and_printable(posts: list[tuple[WebClient, str]], key: str) -> None:
    bodies = {"scenes": make_stac_item(), "triage": {"decision": "confirm"}}
    for client, url in posts:
        body = bodies.get(url.rsplit("/", 1)[-1])
        if body is not None:
            answer = client.post_json(url, body, HTTP_IDEMPOTENCY_KEY=key)
            assert_problem(answer, 400, "invalid")
