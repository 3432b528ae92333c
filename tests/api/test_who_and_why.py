"""Who asks and why: tokens that open nothing, purposes that are none, and too many questions, as problem documents."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone

from accounts.models import Token, User
from accounts.tokens import issue_token, revoke_tokens
from monitor.models import Alert
from tests.api.answers import assert_problem, outcomes_of
from tests.api.conftest import WebClient
from tests.cast import Cast


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Token pen_wrong",
        "Token a b",
        "token",
        "Basic cm9zYTpyb3Nh",
        "Bearer pen_x",
        "pen_x",
        "Token \xff\xfe",
        "Token " + "x" * 8000,
        "Token pen_\x01",
        "Digest username=rosa",
        ",",
    ],
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
    answers = [
        web.get("/api/v1/me", HTTP_AUTHORIZATION=f"Token {secret}")
        for secret in (expired, revoked, closed, "pen_x")
    ]
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
    [
        "",
        ";",
        "curiosity",
        "inspection-planning-2",
        "Field-Visit",
        "field-visit; " + "x" * 201,
        "field-visit; a\tb",
        "field-visit; \x7f",
        "field visit",
        "; field-visit",
        "field-visit,label-review",
        "field-visit; a\x00b",
        "field-visit; caf\xe9",  # no UTF-8
        "field-visit; २.३१".encode().decode("latin-1"),  # as a web server hands it on
    ],
)
def test_an_unknown_purpose_is_400_and_nothing_is_read(
    web: WebClient, cast: Cast, alert: Alert, purpose: str
) -> None:
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


def test_the_text_of_a_purpose_may_be_in_any_script_and_auditors_read_it_as_it_was_written(
    web: WebClient, cast: Cast
) -> None:
    client = web.as_(cast.rosa)
    text = "Visite à Kono, contrôle 訪問"
    client.credentials(
        HTTP_AUTHORIZATION=cast.rosa.headers["authorization"],
        HTTP_ACCESS_PURPOSE=f"field-visit; {text}".encode().decode("latin-1"),
    )
    assert client.get("/api/v1/activity").status_code == 200
    entries = (
        web.as_(cast.aldo)
        .get(f"/api/v1/audit/entries?action=read.activity&actor={cast.rosa.user.pseudonym}")
        .json()["items"]
    )
    assert [entry["purpose_text"] for entry in entries] == [text]


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


def test_where_requests_cannot_be_counted_none_is_answered(
    web: WebClient, cast: Cast, settings: LazySettings
) -> None:
    settings.COUNTERS_URL = "redis://127.0.0.1:1/0"
    assert_problem(web.as_(cast.rosa).get("/api/v1/activity"), 503, "limits-unavailable")
    assert web.get("/healthz").status_code == 200
