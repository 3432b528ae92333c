"""The shapes that may leave: frozen, named for what they are, and placeless where they say so."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import NoneType, UnionType
from uuid import UUID

import pytest

from monitor.privacy import released, released_audit, released_files
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend
from monitor.privacy.released import Leaving

SHAPES = {
    name: value
    for module in (released, released_files, released_audit)
    for name, value in vars(module).items()
    if inspect.isclass(value) and value.__module__ == module.__name__ and dataclasses.is_dataclass(value)
}
LEAVING = {name: shape for name, shape in SHAPES.items() if issubclass(shape, Leaving)}
WITH_PLACES = {
    *("ExactCells", "ReleasedBlocks"),
    *("ExactFile", "ReleasedFile", "ReadyFile", "Tile", "ReleasedSummary"),
}
PLACELESS = {name for name in SHAPES if name.startswith("Placeless")}
SPOTTED = (
    "lat",
    "lon",
    "row",
    "col",
    "cell",
    "bbox",
    "bounds",
    "geom",
    "place",
    "path",
    "href",
    "foot",
    "score",
    "prob",
)
WORDS = (str, int, bool, UUID, date, datetime, NoneType)
PARTS = (
    released.PlacelessRegion,
    released.PlacelessQuota,
    released_audit.PlacelessReadings,
    released_audit.PlacelessShare,
)


def types_in(annotation: object) -> set[object]:
    """All plain types that an annotation is made of."""
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, UnionType, Sequence, tuple, list}:
        return {found for part in typing.get_args(annotation) for found in types_in(part)}
    return {origin or annotation}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_shape_is_frozen_and_has_no_room_for_more(name: str) -> None:
    assert SHAPES[name].__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(SHAPES[name])


def test_every_leaving_shape_says_by_its_name_what_it_holds() -> None:
    rest = set(LEAVING) - WITH_PLACES - PLACELESS
    assert rest == {"Page", "EntriesPage", "ReleasedBatch", "ReleasedCertificate", "LogText", "LogLines"}


@pytest.mark.parametrize("name", sorted(PLACELESS))
def test_a_placeless_shape_has_no_field_that_could_hold_a_place(name: str) -> None:
    hints = typing.get_type_hints(SHAPES[name])
    for field, annotation in hints.items():
        assert not any(word in field for word in SPOTTED), field
        for found in types_in(annotation):
            if (name, field) == ("PlacelessModel", "metrics"):
                assert found is Mapping  # figures of a model, over all its cells
            else:
                assert found in {*WORDS, *PARTS}, field


def test_a_released_block_holds_bands_and_a_month_and_no_number_that_was_counted() -> None:
    hints = typing.get_type_hints(released.ReleasedBlock)
    assert hints == {
        "level": str,
        "row": int,
        "col": int,
        "bounds": tuple[str, str, str, str],
        "period": str,
        "band": ActivityBand,
        "trend": Trend,
        "observed": ObservedBand,
        "part": str,
    }


def test_no_shape_holds_a_float_so_no_score_can_ride_along() -> None:
    for name, shape in SHAPES.items():
        for field, annotation in typing.get_type_hints(shape).items():
            assert float not in types_in(annotation), f"{name}.{field}"


def test_what_has_places_says_how_sharp_it_is() -> None:
    for name in WITH_PLACES:
        first, *_ = dataclasses.fields(LEAVING[name])
        assert first.name == "provenance"
        assert first.default is dataclasses.MISSING
