"""One door: only the door builds a shape that carries places, every route answers through the base view."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.views import View

from monitor.api.audit_shapes import WarningShape
from monitor.api.rendering import dump, render
from monitor.api.shapes import SHAPES
from monitor.checks import PLACELESS_VIEWS, check_every_url, list_patterns
from monitor.privacy import released, released_audit, released_files
from monitor.privacy.released import Leaving, Page
from monitor.privacy.released_audit import PlacelessWarning
from tests.house.source import list_calls, list_modules, name_of, parse

WITH_PLACES = {
    *("ExactCells", "ReleasedBlocks", "ReleasedBlock"),
    *("ExactFile", "ReleasedFile", "ReadyFile", "Tile", "ReleasedSummary"),
}
TICKETED = {
    *("read_activity_with_ticket", "read_activity_chunk_with_ticket"),
    *("read_alert_site_with_ticket", "read_inspection_site_with_ticket"),
    *("read_exposure_with_ticket", "count_cells_with_ticket"),
}


class Stray(View):
    """A view that is no DoorView; only this test routes to it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Could say anything."""
        return HttpResponse("anything")


urlpatterns = [path("stray", Stray.as_view()), path("strayer", lambda request: HttpResponse("anything"))]


def test_only_the_door_builds_shapes_that_carry_places() -> None:
    strays = [
        f"{name_of(module)}:{line} builds {called}"
        for module in list_modules()
        for called, line in list_calls(module)
        if called in WITH_PLACES and not name_of(module).startswith("monitor/privacy/door/")
    ]
    assert strays == []


def test_a_new_shape_that_carries_places_is_named_here() -> None:
    shapes, exits = (
        {
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__
        }
        for module in (released, released_files)
    )
    exact = {name for name in shapes if name.startswith("Exact")}
    assert exact | {name for name in shapes if name.startswith("ReleasedBlock")} | exits == WITH_PLACES


def test_only_the_door_reads_the_vault_with_a_ticket() -> None:
    strays = [
        f"{name_of(module)}:{line} calls {called}"
        for module in list_modules()
        for called, line in list_calls(module)
        if called in TICKETED and not name_of(module).startswith("monitor/privacy/door/")
    ]
    assert strays == []


def test_only_the_ledger_makes_tickets() -> None:
    makers = {
        name_of(module) for module in list_modules() for called, _ in list_calls(module) if called == "Ticket"
    }
    assert makers == {"accounts/ledger/writer.py"}


def test_every_route_answers_through_the_base_view() -> None:
    assert check_every_url(None) == []
    assert len(list(list_patterns())) > len(PLACELESS_VIEWS)
    assert {"SchemaView", "HealthView", "ReadyView"} == PLACELESS_VIEWS


@override_settings(ROOT_URLCONF="tests.house.test_door")
def test_a_route_past_the_base_view_stops_the_process_at_its_start() -> None:
    assert [error.id for error in check_every_url(None)] == ["monitor.E001", "monitor.E001"]


def leaves(parent: type[Leaving] = Leaving) -> Iterator[type[Leaving]]:
    """Every shape that may leave."""
    for shape in parent.__subclasses__():
        yield shape
        yield from leaves(shape)


def test_every_shape_that_may_leave_can_be_written_or_is_refused_by_name() -> None:
    written_apart = {
        *("ExactCells", "ReleasedBlocks", "Page"),
        *("ExactFile", "ReleasedFile", "ReadyFile", "Tile", "ReleasedSummary"),
        *("LogText", "LogLines", "EntriesPage"),
    }
    rooms = {released.__name__, released_files.__name__, released_audit.__name__}
    assert {shape.__name__ for shape in leaves() if shape.__module__ in rooms} == {
        shape.__name__ for shape in SHAPES
    } | written_apart

    class Unknown(Leaving):
        """Nobody taught the renderer to write this."""

    with pytest.raises(LookupError):
        render(Unknown(), None)  # type: ignore[arg-type]


def test_a_page_is_written_by_one_serializer_for_each_kind_and_as_its_items_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To make a serializer costs more than to write a row."""
    made = []

    class CountedShape(WarningShape):
        """Says that it was made."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(type(self))
            super().__init__(*args, **kwargs)

    at = datetime(2026, 11, 30, 8, 0, 0, 123456, tzinfo=UTC)
    items = [
        PlacelessWarning(UUID(int=n), "regulator", at.date(), "tiling", n, 0, n, n, n, 20_000, 0, 0, at, at)
        for n in range(50)
    ]
    alone = ",".join(dump(WarningShape(item).data) for item in items)
    monkeypatch.setitem(SHAPES, PlacelessWarning, CountedShape)
    _, body = render(Page(items, None), None)  # type: ignore[arg-type]
    assert len(made) == 1
    assert body == f'{{"items":[{alone}],"next":null}}'


def test_no_serializer_takes_its_fields_from_a_model() -> None:
    """Fields are listed one by one: nothing leaves by being there."""
    faults = []
    for module in list_modules("monitor", "accounts"):
        for node in ast.walk(parse(module)):
            if isinstance(node, ast.ClassDef):
                bases = {
                    base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                    for base in node.bases
                }
                if any("Model" in base and "Serializer" in base for base in bases):
                    faults.append(f"{name_of(module)}:{node.lineno} {node.name} is a ModelSerializer")
            if isinstance(node, ast.Assign) and any(
                getattr(target, "id", "") == "exclude" for target in node.targets
            ):
                faults.append(f"{name_of(module)}:{node.lineno} excludes instead of listing")
            if isinstance(node, ast.Constant) and node.value == "__all__":
                faults.append(f"{name_of(module)}:{node.lineno} takes all fields")
    assert faults == []
