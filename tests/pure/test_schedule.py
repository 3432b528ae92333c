"""What the clock asks for: each message lapses once the next one does its work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from celery.schedules import crontab
from django.conf import settings

PLANNED: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE


def measure_period(schedule: Any) -> timedelta:
    """Between two messages of a schedule: seconds, or a crontab."""
    if not isinstance(schedule, crontab):
        return timedelta(seconds=schedule)
    (days, hours) = (len(schedule.day_of_week), len(schedule.hour))
    return timedelta(days=7) / (days * hours * len(schedule.minute))


@pytest.mark.parametrize("name", PLANNED)
def test_a_message_of_the_clock_lapses_about_when_the_next_one_comes(name: str) -> None:
    period = measure_period(PLANNED[name]["schedule"])
    lasts = timedelta(seconds=PLANNED[name]["options"]["expires"])
    assert period <= lasts <= max(period, timedelta(minutes=5))
