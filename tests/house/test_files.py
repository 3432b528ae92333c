"""Sizes, names and habits of the product's files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, ROOT, list_modules, name_of, parse

MODULES = list_modules()
LINES = 300
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "core",
    "lib",
    "shared",
    "manager",
}
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE = re.compile(r"/(root|work|tmp|home)/")


def list_texts() -> list[Path]:
    """Everything that people write in the product's packages and beside them."""
    suffixes = {".py", ".sql", ".toml", ".md", ".yml", ".sh"}
    found = [
        path
        for package in (*PACKAGES, "docs", "docker", "tests")
        for path in sorted((ROOT / package).rglob("*"))
    ]
    return [path for path in (*found, *sorted(ROOT.glob("*"))) if path.is_file() and path.suffix in suffixes]


def test_no_file_is_longer_than_one_can_hold_in_the_head() -> None:
    sizes = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: size for name, size in sizes.items() if size > LINES} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = [name_of(path) for path in MODULES if {path.stem, path.parent.name} & FORBIDDEN_NAMES]
    assert named == ["config/postgis/base.py"]  # Django looks for a database backend under this name


def test_nothing_is_left_for_later() -> None:
    assert [
        name_of(path) for path in list_texts() if UNFINISHED.search(path.read_text(encoding="utf-8"))
    ] == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    strays = [name_of(path) for path in list_texts() if MACHINE.search(path.read_text(encoding="utf-8"))]
    assert [name for name in strays if not name.startswith(("docker/", "tests/", "config/local/"))] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_opens_by_saying_what_it_is(path: Path) -> None:
    if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip():
        return
    text = ast.get_docstring(parse(path))
    assert text is not None
    assert len(text.splitlines()) <= 15


def test_every_public_class_and_function_has_a_docstring() -> None:
    silent = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path in list_modules("accounts", "monitor", "tasks")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and node.name not in {"Meta", "Migration"}
        and ast.get_docstring(node) is None
        and node in _top_level(parse(path))
    ]
    assert silent == []


def _top_level(tree: ast.Module) -> list[ast.AST]:
    methods = [member for node in tree.body if isinstance(node, ast.ClassDef) for member in node.body]
    return [*tree.body, *methods]


def test_no_error_is_swallowed_without_a_word() -> None:
    swallowed = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or all(isinstance(line, ast.Pass) for line in node.body))
    ]
    assert swallowed == []


def test_product_code_does_not_know_that_it_is_tested() -> None:
    strays = [
        name_of(path)
        for path in MODULES
        if re.search(r"\b(TESTING|PYTEST_CURRENT_TEST|unittest|pytest)\b", path.read_text(encoding="utf-8"))
        and not name_of(path).startswith("config/local/")
    ]
    assert strays == []


def test_tests_that_need_no_server_ask_for_no_database() -> None:
    """`make check` runs them where nothing has been started."""
    mark = re.compile(r"mark\.(django)_db")
    asking = [
        name_of(path)
        for folder in ("house", "pure")
        for path in sorted((ROOT / "tests" / folder).rglob("*.py"))
        if mark.search(path.read_text(encoding="utf-8"))
    ]
    assert asking == []
