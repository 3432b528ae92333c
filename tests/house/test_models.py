"""Every field of every table says where it stands, and none outside the vault is exact."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.gis.db.models import GeometryField
from django.db.models import Field

from tests.house.source import list_modules, name_of, parse

FILES = [path for path in list_modules("accounts", "monitor") if "models" in (path.stem, path.parent.name)]
STANDS = re.compile(r"# where: (none|coarse|exact)\b")
PUBLIC_GEOGRAPHY = {("Region", "boundary")}


def list_fields(path: Path) -> Iterator[tuple[str, str, str]]:
    """Class, field and the field's source of every model field that a file declares."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for table in parse(path).body:
        if not isinstance(table, ast.ClassDef):
            continue
        for statement in table.body:
            value = statement.value if isinstance(statement, ast.Assign) else None
            called = value.func if isinstance(value, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else ""
            if name.endswith("Field") or name in {"ForeignKey", "GenericForeignKey"}:
                assert isinstance(statement, ast.Assign)
                source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
                yield table.name, ast.unparse(statement.targets[0]), source


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_field_says_where_it_stands_and_none_is_exact(path: Path) -> None:
    faults = []
    for table, name, source in list_fields(path):
        stands = STANDS.findall(source)
        if len(stands) != 1:
            faults.append(f"{table}.{name} does not say where it stands")
        elif stands == ["exact"]:
            faults.append(f"{table}.{name} is exact: exact things live in the vault")
    assert faults == []


def test_no_field_is_missed_by_reading_the_source() -> None:
    declared: dict[str, set[str]] = {}
    for path in FILES:
        for table, name, _ in list_fields(path):
            declared.setdefault(table, set()).add(name)
    for label in ("accounts", "monitor"):
        for model in apps.get_app_config(label).get_models():
            inherited = {
                field.name
                for base in model.__mro__[1:]
                if hasattr(base, "_meta") and base._meta.abstract
                for field in base._meta.get_fields()
            }
            own = {f.name for f in model._meta.get_fields() if isinstance(f, Field) and not f.auto_created}
            assert own - inherited <= declared[model.__name__], model.__name__


def test_the_only_geometry_outside_the_fence_is_a_regions_public_boundary() -> None:
    shapes = {
        (model.__name__, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, GeometryField)
    }
    assert shapes == PUBLIC_GEOGRAPHY


def test_no_table_outside_the_fence_can_hold_an_arbitrary_document_but_a_models_figures() -> None:
    loose = {
        (model.__name__, field.name)
        for label in ("accounts", "monitor")
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.get_fields()
        if isinstance(field, Field) and field.get_internal_type() == "JSONField"
    }
    assert loose == {("TrainedModel", "metrics")}


def test_no_model_of_a_vault_table_exists() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert not [name for name in tables if name.startswith(("vault", "release", "ledger", '"'))]
