"""Answers kept for an Idempotency-Key: for seven days, and then no more."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from monitor.models import HandledRequest
from monitor.services.requests import KEPT_FOR, KeptAnswer, find_answer, forget_answers, keep_answer
from tasks.tasks import forget_answers as forget_answers_task
from tests.cast import Cast

ANSWER = KeptAnswer("d" * 32, 201, "{}")


def test_an_answer_is_kept_for_seven_days_and_then_the_key_is_a_new_one(cast: Cast) -> None:
    user_id, now = cast.rosa.user.id, timezone.now()
    for key, age in (("old", KEPT_FOR + timedelta(minutes=1)), ("young", KEPT_FOR - timedelta(minutes=1))):
        keep_answer(user_id, key, ANSWER)
        HandledRequest.objects.filter(key=key).update(handled_at=now - age)
    assert forget_answers(now) == 1
    assert find_answer(user_id, "old") is None
    assert find_answer(user_id, "young") == ANSWER
    other = KeptAnswer("e" * 32, 200, "{}")
    keep_answer(user_id, "old", other)
    assert find_answer(user_id, "old") == other
    assert timedelta(days=7) == KEPT_FOR  # as docs/api-guide.md and docs/privacy-promise.md say


def test_the_clock_asks_every_hour_and_the_task_lets_old_answers_go(cast: Cast) -> None:
    keep_answer(cast.rosa.user.id, "old", ANSWER)
    HandledRequest.objects.update(handled_at=timezone.now() - timedelta(days=8))
    planned = settings.CELERY_BEAT_SCHEDULE["forget_answers"]
    assert planned["task"] == forget_answers_task.name
    assert planned["schedule"].hour == set(range(24))
    forget_answers_task()
    assert not HandledRequest.objects.exists()
