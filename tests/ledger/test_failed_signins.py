"""Attempts to sign in with a token that opens nothing are on the ledger, up to a limit, and say nothing of the token."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from accounts.ledger import signing_in
from accounts.tokens import revoke_tokens
from tests.api.answers import assert_problem, ledger_of
from tests.api.conftest import WebClient
from tests.cast import Cast
from tests.ledger import test_ledger_down
from tests.ledger.conftest import Connection
from tests.ledger.test_ledger_down import assert_told_nothing, refused_insert

_impatient = test_ledger_down._impatient
URL = "/api/v1/alerts"


def with_token(token: str) -> WebClient:
    """A client with this token."""
    client = WebClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def test_a_token_that_opens_nothing_is_an_entry_without_a_person(cast: Cast, owner: Connection) -> None:
    answer = with_token("pen_secret-that-nobody-has").get(URL)
    assert_problem(answer, 401, "authentication-failed")
    (line,) = ledger_of(answer)
    assert (line.action, line.outcome, line.role) == ("refuse.signin", "refused", "anonymous")
    row = owner.execute(
        "SELECT actor, endpoint, convert_from(body, 'UTF8') FROM ledger.entry WHERE request_id = %s",
        [answer["X-Request-Id"]],
    ).fetchone()
    assert row is not None
    assert row[:2] == (None, URL)
    assert "nobody-has" not in row[2]


def test_a_revoked_token_is_one_too_and_no_token_is_none(web: WebClient, cast: Cast) -> None:
    revoke_tokens(cast.rosa.user)
    assert [line.action for line in ledger_of(web.as_(cast.rosa).get(URL))] == ["refuse.signin"]
    assert ledger_of(web.as_(None).get(URL)) == []


def test_strangers_cannot_fill_the_ledger(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "RECORDED_A_MINUTE", 3)
    answers = [with_token(f"pen_{number}").get(URL) for number in range(5)]
    assert {answer.status_code for answer in answers} == {401}
    assert [len(ledger_of(answer)) for answer in answers] == [1, 1, 1, 0, 0]


def test_without_redis_an_attempt_is_answered_as_a_question_is(cast: Cast, settings: LazySettings) -> None:
    """Attempts cannot be counted then: nobody is told whether a token opens something."""
    settings.COUNTERS_URL = "redis://127.0.0.1:1/0"
    answers = [with_token("pen_wrong").get(URL), WebClient().as_(cast.rosa).get(URL)]
    wrong, right = [assert_problem(answer, 503, "limits-unavailable") for answer in answers]
    assert wrong == right
    assert ledger_of(answers[0]) == []


def test_without_a_ledger_an_attempt_is_not_told_from_a_question(
    cast: Cast, owner: Connection, settings: LazySettings
) -> None:
    with refused_insert(owner, settings):
        assert_told_nothing(with_token("pen_wrong").get(URL))
