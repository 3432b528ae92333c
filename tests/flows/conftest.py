"""Fixtures of the flows: an invented land with mines, a model trained on it, a vault of its own for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from celery import current_app
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from monitor.detection.labels import read_labels
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import parse_item
from monitor.services.detections import load_active_model
from monitor.services.training import Preparation, train_on_items
from tests.api.conftest import WebClient
from tests.cast import Cast, make_cast
from tests.flows.mined_land import MinedLand, write_land
from tests.flows.route import QUICK, Trainee, say_nothing

Ringing = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory) -> MinedLand:
    """Two quarters of a land in which mines are dug between them. Nobody may change its files."""
    return write_land(tmp_path_factory.mktemp("land"))


@pytest.fixture(scope="session")
def trainee(land: MinedLand) -> Trainee:
    """A real model, with few patches, trained once on the land."""
    return train(land, QUICK)


@pytest.fixture(scope="session")
def successor(land: MinedLand) -> Trainee:
    """Another model, trained on the same land with other patches."""
    return train(land, replace(QUICK, seed=1))


def train(land: MinedLand, how: Preparation) -> Trainee:
    """Train on both quarters, without a database."""
    items = [parse_item(item, "") for item in land.items.values()]
    access = AssetAccess(roots=(land.folder,))
    model, report, refused = train_on_items(items, read_labels(land.labels), how, access, say_nothing)
    assert not refused
    return Trainee(model, report)


@pytest.fixture(autouse=True)
def vault_dir(settings: Settings, tmp_path: Path) -> Path:
    """A feature store that nobody else writes to."""
    settings.VAULT_DIR = tmp_path / "vault"
    load_active_model.cache_clear()
    return tmp_path / "vault"


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def web(db: None) -> WebClient:
    """A client without an account; `web.as_(cast.rosa)` has one."""
    return WebClient()


@pytest.fixture
def ringing(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> Ringing:
    """A worker in this process: what is rung for inside `with ringing():` is done at the end of the block."""
    current_app.loader.import_default_modules()

    @contextmanager
    def hear() -> Iterator[None]:
        current_app.conf.task_always_eager = True
        try:
            with django_capture_on_commit_callbacks(execute=True):
                yield
        finally:
            current_app.conf.task_always_eager = False

    return hear
