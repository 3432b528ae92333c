"""Fixtures of the flows: an invented land with mines, a model trained on it, a vault of its own for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, DjangoDbBlocker, Settings

from monitor.detection.labels import read_labels
from monitor.detection.survey import Refusal
from monitor.imagery.access import AssetAccess
from monitor.imagery.item import parse_item
from monitor.services.detections import load_active_model
from monitor.services.scenes import receive_scene
from monitor.services.training import Preparation, keep_model_file, train_on_items
from tests.api.conftest import WebClient
from tests.cast import Cast, make_cast
from tests.flows.commanding import Commands
from tests.flows.mined_land import MinedLand, write_land
from tests.flows.route import QUICK, Trainee, as_worker, let_act, say_nothing, stand, walk
from tests.flows.second_scene import Prepared
from tests.flows.workers import Crew, PrivateQueue

Ringing = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory) -> MinedLand:
    """Two quarters of a land in which mines are dug between them. Nobody may change its files."""
    return write_land(tmp_path_factory.mktemp("land"))


@pytest.fixture
def _readable_land(settings: Settings, land: MinedLand, tmp_path: Path) -> None:
    """Scenes may be read from the land's folder and from the test's own."""
    settings.IMAGERY_ROOTS = [land.folder, tmp_path]


@pytest.fixture(scope="session")
def trainee(land: MinedLand) -> Trainee:
    """A real model, with few patches, trained once on the land."""
    return train(land, QUICK)


@pytest.fixture(scope="session")
def successor(land: MinedLand) -> Trainee:
    """Another model, trained on the same land with other patches."""
    return train(land, replace(QUICK, seed=1))


@pytest.fixture(scope="session")
def rough_land(tmp_path_factory: pytest.TempPathFactory) -> MinedLand:
    """The land with fields: on ground without detail nobody could tell how a scene lies."""
    return write_land(tmp_path_factory.mktemp("rough"), rough=True)


@pytest.fixture
def _readable_rough_land(settings: Settings, rough_land: MinedLand, tmp_path: Path) -> None:
    settings.IMAGERY_ROOTS = [rough_land.folder, tmp_path]


@pytest.fixture(scope="session")
def rough_trainee(rough_land: MinedLand) -> Trainee:
    """A model that knows fields."""
    return train(rough_land, QUICK)


@pytest.fixture(scope="session")
def rough_successor(rough_land: MinedLand) -> Trainee:
    """Another one."""
    return train(rough_land, replace(QUICK, seed=1))


def train(land: MinedLand, how: Preparation) -> Trainee:
    """Train on both quarters, without a database."""
    items = [parse_item(item, "") for item in land.items.values()]
    access = AssetAccess(roots=(land.folder,))
    refused: list[Refusal] = []
    model, report = train_on_items(items, read_labels(land.labels), how, access, say_nothing, refused)
    assert not refused
    return Trainee(model, report)


@pytest.fixture(autouse=True)
def vault_dir(settings: Settings, tmp_path: Path) -> Path:
    """A feature store that nobody else writes to, and no state but the test's own."""
    settings.VAULT_DIR, settings.STATE_DIR = tmp_path / "vault", tmp_path / "state"
    load_active_model.cache_clear()
    return tmp_path / "vault"


@pytest.fixture
def cast(db: None) -> Cast:
    """Everybody."""
    return make_cast()


@pytest.fixture
def worker(cast: Cast) -> Iterator[None]:
    """The whole test speaks to the database as the worker."""
    with as_worker():
        yield


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


@pytest.fixture(scope="session")
def crew(
    land: MinedLand,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Crew]:
    """Workers on a private queue; whoever survives a test works in the next one."""
    queue, folder = PrivateQueue(), tmp_path_factory.mktemp("crew")
    (folder / "vault").mkdir()
    with django_db_blocker.unblock():
        made = Crew(queue, folder, land.folder)
    yield made
    made.dismiss()
    queue.close()


@pytest.fixture
def committed(
    crew: Crew, land: MinedLand, django_db_blocker: DjangoDbBlocker, settings: Settings
) -> Iterator[None]:
    """Everything is committed, for the workers to see; the database is emptied afterwards.

    Modules of real workers put it in the place of `transactional_db`, by whose name pytest-django makes the database.
    """
    settings.VAULT_DIR, settings.IMAGERY_ROOTS = crew.folder / "vault", [land.folder]
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
        yield
        empty_database()
        connection.close()
    crew.queue.lose_everything()


def empty_database() -> None:
    """Empty every table but the append-only ledger and what migrations filled."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables"
            " WHERE schemaname IN ('vault', 'release') OR tablename ~ '^(accounts|monitor)_'"
        )
        (tables,) = cursor.fetchone()
        # what releases remember for ever is forgotten here, which only the owner can do
        cursor.execute("ALTER TABLE release.tile DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        cursor.execute("ALTER TABLE release.tile ENABLE TRIGGER USER")


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`bells(url)`: from now on what this process rings is sent to that queue. At first nobody hears it."""

    def send_to(url: str) -> None:
        monkeypatch.setenv("CELERY_BROKER_URL", url)
        vars(current_app).pop("amqp", None)  # it keeps its connections

    send_to("memory://localhost")
    yield send_to
    vars(current_app).pop("amqp", None)


@pytest.fixture
def prepared(crew: Crew, land: MinedLand, trainee: Trainee, bells: Callable[[str], None]) -> Prepared:
    """A model acts, the first quarter is scored, the second one is received and nobody was told; bells are heard."""
    cast = make_cast()
    model_id = let_act(trainee, cast.anna.user)
    (before,) = walk(land.items["t0"])
    assert stand(before) == [("scored", "")]
    scene_id, _ = receive_scene(land.items["t1"], "", None, announce=False)
    bells(crew.queue.url)
    return Prepared(model_id, before, scene_id, land)


@pytest.fixture
def model_file(trainee: Trainee, vault_dir: Path) -> Path:
    """The file of a trained model."""
    return vault_dir / "models" / f"{keep_model_file(trainee.model, trainee.report, timezone.now())}.penumbra"


@pytest.fixture
def commands(capsys: pytest.CaptureFixture[str]) -> Commands:
    """Commands."""
    return Commands(capsys)
