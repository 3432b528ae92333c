"""What other systems publish, read into one form; and what cannot be read is refused without a place."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.field.outside import (
    EPOCH,
    OutsideAlert,
    OutsideRefused,
    decode_pixels,
    gather_published,
    read_api_answer,
    read_csv_download,
    read_pixels,
    read_trust,
)
from monitor.field.systems import SYSTEMS, Theme, Trust

ROW: dict[str, Any] = {
    "latitude": 2.105,
    "longitude": 20.105,
    "gfw_integrated_alerts__date": "2024-10-31",
    "gfw_integrated_alerts__confidence": "high",
}
CELL = (9210, 20010)
TODAY = date(2026, 6, 1)


def answer(*rows: dict[str, Any]) -> str:
    return json.dumps({"data": list(rows)})


def test_an_answer_of_the_api_is_read_whatever_the_columns_are_called() -> None:
    fire = {"latitude": 2.105, "longitude": 20.105, "alert__date": "2025-01-15", "confidence__cat": "l"}
    assert read_api_answer(answer(ROW), "gfw_integrated", TODAY) == [
        OutsideAlert(*CELL, "gfw_integrated", Theme.FOREST_LOSS, date(2024, 10, 31), Trust.HIGH)
    ]
    assert read_api_answer(answer(fire), "viirs", TODAY) == [
        OutsideAlert(*CELL, "viirs", Theme.FIRE, date(2025, 1, 15), Trust.LOW)
    ]
    text = "latitude,longitude,glad_alerts__date,glad_alerts__confidence\n2.105,20.105,2025-01-15,nominal\n"
    assert read_csv_download(text, "glad_l", TODAY)[0].trust is Trust.NOMINAL


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_alerts_of_another_system_by_their_columns_are_refused(system: str) -> None:
    for other in SYSTEMS.values():
        if other.dataset is None:
            continue
        names = ("latitude", "longitude", f"{other.dataset}__date", f"{other.dataset}__confidence")
        row = dict(zip(names, (2.105, 20.105, "2024-10-31", "high"), strict=True))
        if other.name == system:
            assert read_api_answer(answer(row), system, TODAY)
            continue
        text = ",".join(names) + "\n2.105,20.105,2024-10-31,high\n"
        with pytest.raises(OutsideRefused, match=f"--system {other.name}"):
            read_api_answer(answer(row), system, TODAY)
        with pytest.raises(OutsideRefused, match=f"--system {other.name}"):
            read_csv_download(text, system, TODAY)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": None},
        {"latitude": "north"},
        {"longitude": 200},
        {"latitude": float("nan")},
        {"latitude": 10**400},
        {"latitude": True},
        {"longitude": False},
        {"latitude": "-6_9"},
        {"latitude": "\u0662.5"},
        {"gfw_integrated_alerts__date": "yesterday"},
        {"gfw_integrated_alerts__date": "1999-01-01"},
        {"gfw_integrated_alerts__date": "2014-12-30"},
        {"gfw_integrated_alerts__date": "2026-06-03"},
        {"gfw_integrated_alerts__confidence": "certain"},
        {"another__date": "2024-10-31"},
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_its_place_is_not(wrong: dict[str, Any]) -> None:
    with pytest.raises(OutsideRefused, match="Row 2") as caught:
        read_api_answer(answer(ROW, ROW | wrong), "gfw_integrated", TODAY)
    assert "20.1" not in str(caught.value)
    assert "2.105" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "no json", "[" * 100_000, "3", '{"data": 3}', '{"data": [1]}', '{"status": "error"}'),
        '{"status": "failed", "data": []}',
    ],
)
def test_an_answer_without_alerts_is_refused(text: str) -> None:
    with pytest.raises(OutsideRefused):
        read_api_answer(text, "radd", TODAY)


def test_a_number_that_python_alone_would_take_is_no_latitude() -> None:
    """Before, `-6_9` was 69 degrees south, and `true` one degree north."""
    with pytest.raises(
        OutsideRefused, match="Row 1 cannot be read: its latitude or longitude is no number such as"
    ):
        read_csv_download(HEAD + "-6_9,20.105,2025-01-15,high\n", "radd", TODAY)
    (read,) = read_csv_download(HEAD + " 2.105 ,2.0105e1,2025-01-15,high\n", "radd", TODAY)
    assert (read.row, read.col) == CELL


def test_an_answer_that_was_saved_with_a_byte_order_mark_is_read() -> None:
    assert read_api_answer("\ufeff" + answer(ROW | {"status": None}), "gfw_integrated", TODAY)


HEAD = "latitude,longitude,radd__date,radd__confidence\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeff",
        "\n",
        "foo;bar\n",
        HEAD.replace(",", ";"),
        HEAD.replace("latitude", "lat"),
        HEAD.replace("radd__date", "radd__day"),
        HEAD.replace("radd__confidence", "radd__date"),
        HEAD.replace("longitude", "longitude,longitude"),
    ],
)
def test_a_table_that_does_not_name_its_columns_is_refused_even_without_rows(text: str) -> None:
    with pytest.raises(OutsideRefused, match="first line of the table must name latitude"):
        read_csv_download(text, "radd", TODAY)


def test_a_table_of_named_columns_and_no_rows_tells_of_no_alerts() -> None:
    assert read_csv_download(HEAD, "radd", TODAY) == []


@pytest.mark.parametrize("row", ["2026-01-05,high,2,105,20,105", "2026-01-05,high,2.105"])
def test_a_row_of_other_fields_than_the_first_line_is_named(row: str) -> None:
    head = "radd__date,radd__confidence,latitude,longitude\n"
    with pytest.raises(OutsideRefused, match="Row 2 has not as many fields"):
        read_csv_download(f"{head}2026-01-05,high,2.105,20.105\n{row}\n", "radd", TODAY)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{HEAD}2,20,2025-01-15,{'x' * 200_000}\n", 2),
        (f"{HEAD[:-1]}{'x' * 200_000}\n", 1),
        (f'{HEAD[:-1]},note\n2,20,2025-01-15,high,a\n2,20,2025-01-15,high,"b\n2,20,2025-01-15,high,c\n', 3),
    ],
)
def test_a_line_that_is_no_csv_is_named(text: str, line: int) -> None:
    with pytest.raises(OutsideRefused, match=f"Line {line} of the table, or one after it, is no CSV"):
        read_csv_download(text, "radd", TODAY)


@given(st.integers(1, 4), st.integers(0, 9999))
def test_the_raster_encoding_is_a_digit_and_days(digit: int, days: int) -> None:
    values = np.array([digit * 10_000 + days, 0], np.uint16)
    alerts = read_pixels(
        values, np.array([20.105, 20.2]), np.array([2.105, 2.2]), "radd", EPOCH + timedelta(days=days)
    )
    assert [(alert.row, alert.col) for alert in alerts] == [CELL]
    assert alerts[0].observed_on == EPOCH + timedelta(days=days)
    assert alerts[0].trust.rank == digit - 1


@pytest.mark.parametrize("value", [-1, 5, 9_999, 50_000, 60_001])
def test_a_raster_of_something_else_is_refused(value: int) -> None:
    with pytest.raises(OutsideRefused, match="encoded"):
        decode_pixels(np.array([30_123, value]))


@pytest.mark.parametrize(("lon", "lat"), [(190.0, 2.0), (20.0, 91.0), (float("inf"), 2.0)])
def test_a_raster_whose_alerts_lie_outside_the_world_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(OutsideRefused, match="outside the world"):
        read_pixels(np.array([30_123]), np.array([lon]), np.array([lat]), "radd", TODAY)


def test_an_alert_of_tomorrow_is_read_and_one_of_the_day_after_is_not() -> None:
    tomorrow = ROW | {"gfw_integrated_alerts__date": "2026-06-02"}
    assert len(read_api_answer(answer(tomorrow), "gfw_integrated", TODAY)) == 1
    with pytest.raises(OutsideRefused, match="Row 1 is dated before 2014-12-31 or after tomorrow"):
        read_api_answer(answer(tomorrow), "gfw_integrated", TODAY - timedelta(days=1))


def test_many_pixels_of_a_cell_are_one_place_for_each_system_and_day() -> None:
    days = [date(2025, 1, 5), date(2025, 3, 1), date(2025, 1, 5)]
    alerts = [
        OutsideAlert(*CELL, "radd", Theme.FOREST_LOSS, day, trust)
        for day, trust in zip(days, [Trust.LOW, Trust.NOMINAL, Trust.HIGH], strict=True)
    ]
    other = OutsideAlert(*CELL, "glad_l", Theme.FOREST_LOSS, days[0], Trust.HIGH)
    assert [
        (each.system, each.observed_on, each.trust, each.alerts)
        for each in gather_published([*alerts, other])
    ] == [
        ("glad_l", days[0], Trust.HIGH, 1),
        ("radd", days[0], Trust.HIGH, 2),
        ("radd", days[1], Trust.NOMINAL, 1),
    ]


def test_what_is_published_settles_when_its_system_says_so() -> None:
    alert = OutsideAlert(*CELL, "gfw_integrated", Theme.FOREST_LOSS, date(2025, 1, 1), Trust.HIGH)
    (published,) = gather_published([alert])
    assert published.settles_on == date(2025, 1, 15)


def test_the_words_of_all_systems_lie_on_one_scale() -> None:
    assert [read_trust(word).rank for word in ("low", " Medium ", "nominal", "HIGH", "highest")] == [
        0,
        1,
        1,
        2,
        3,
    ]


@pytest.mark.shared_data
def test_real_answers_of_the_api_are_read(shared_data: Path) -> None:
    answers = json.loads((shared_data / "alerts/gfw_responses.json").read_text())
    systems = {"gfw_integrated_alerts": "gfw_integrated", "glad_alerts": "glad_l"}
    for name, content in answers.items():
        system = systems.get(name, "viirs")
        alerts = read_api_answer(json.dumps(content), system, TODAY)
        assert len(alerts) == len(content["data"]) > 2
        assert {alert.system for alert in alerts} == {system} <= set(SYSTEMS)
        assert len({alert.trust for alert in alerts}) > 1
