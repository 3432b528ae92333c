"""What tests leave out before they look for a place is no place."""

from __future__ import annotations

import pytest

from tests.chance import leave_chance_out


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("of bb576da1-5588-4c24-b56d-404601849800", "of <chance>"),
        (f"\\\\x{'20' * 16}, {'9A' * 32}", "<chance>, <chance>"),
        ("2026-12-03T12:28:32.102716+00:00", "2026-12-03T<chance>+00:00"),
        (
            "12:28:20,105 tasks.detect_scene[1] succeeded in 0.920054e-05s: None",
            "<chance> tasks.detect_scene[1]",
        ),
    ],
)
def test_ids_digests_hours_and_durations_are_left_out(text: str, left: str) -> None:
    assert leave_chance_out(text).startswith(left)
    assert not [digits for digits in ("20.1", "32.1", "9200", "2020") if digits in leave_chance_out(text)]


@pytest.mark.parametrize(
    "text",
    [
        "[20.105,2.105]",
        "row 9210, col 20010",
        "331580010",
        "N20 06 18",
        "2026-12-03",
        "20.105s",
        "9210:20010",
    ],
)
def test_places_and_days_stay(text: str) -> None:
    assert leave_chance_out(text) == text
