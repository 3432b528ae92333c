"""Leaky builds of side doors: logs, messages, Redis, tables, the ledger, temporary files. Canaries must find the place."""

from __future__ import annotations

import dataclasses
import logging
import tempfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.db import transaction

from accounts.viewer import Viewer
from monitor.api import problems
from monitor.api.files import writing
from monitor.api.files.geopackage import write_geopackage
from monitor.api.view import DoorView
from monitor.bell import Bell
from monitor.models import Scene
from monitor.privacy.door import activity
from monitor.services import scenes
from tasks.tasks import DiscreetTask
from tests.privacy.leaks.build import LeakyBuild, change_response, leave_code_alone

NOTE_THE_CELLS = """
ALTER TABLE release.block ADD COLUMN note text;
CREATE FUNCTION release.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    NEW.note := (SELECT string_agg(row || ' ' || col, ';') FROM vault.cell_state WHERE row / 20 = NEW.row);
    RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE INSERT ON release.block FOR EACH ROW EXECUTE FUNCTION release.note();
"""
log = logging.getLogger("monitor.careless")

Tell = Callable[[Viewer, activity.ExactAsk, Any], None]


def _on_reading(tell: Tell) -> Callable[[pytest.MonkeyPatch], None]:
    """Do something with what an exact role was answered."""

    def break_code(patch: pytest.MonkeyPatch) -> None:
        honest = activity.read_exact_activity

        def read(viewer: Viewer, ask: activity.ExactAsk, regions: list[UUID], endpoint: str) -> Any:
            cells, receipt = honest(viewer, ask, regions, endpoint)
            tell(viewer, ask, cells)
            return cells, receipt

        patch.setattr("monitor.api.views.activity.read_exact_activity", read)

    return break_code


def _log_the_ask(viewer: Viewer, ask: activity.ExactAsk, cells: Any) -> None:
    log.debug("%s asked for %r", viewer.username, ask.box)


def _keep_the_answer(viewer: Viewer, ask: activity.ExactAsk, cells: Any) -> None:
    redis.Redis.from_url(settings.COUNTERS_URL).set(
        f"{settings.COUNTERS_PREFIX}-{viewer.user_id}", cells.features
    )


def _log_the_address(patch: pytest.MonkeyPatch) -> None:
    """Every request's line with its query, as servers log it."""
    honest = DoorView.initial

    def initial(self: DoorView, request: Any, *args: Any, **kwargs: Any) -> None:
        log.info("%s %s", request.method, request.get_full_path())
        honest(self, request, *args, **kwargs)

    patch.setattr(DoorView, "initial", initial)


def _log_the_fault(patch: pytest.MonkeyPatch) -> None:
    """An unknown error is logged with its trace."""

    def describe(error: BaseException) -> str:
        log.error("fault", exc_info=error)
        return "fault"

    patch.setattr(problems, "describe_fault", describe)


def _let_the_task_tell(patch: pytest.MonkeyPatch) -> None:
    """A task's error is Celery's to log, values of the statement and all."""
    patch.setattr(DiscreetTask, "__call__", lambda self, *args, **kwargs: self.run(*args, **kwargs))


def _ring_with_the_place(patch: pytest.MonkeyPatch) -> None:
    """A bell carries what the worker will need, to save a query."""

    def ring(bell: Bell, identifier: UUID) -> None:
        words = [str(identifier), [20.07, 2.13, 20.09, 2.14]]
        transaction.on_commit(lambda: current_app.send_task(bell.value, args=words, retry=False), robust=True)

    patch.setattr(scenes, "ring", ring)


def _name_the_scene(patch: pytest.MonkeyPatch) -> None:
    """A scene is kept under the name that it came with."""
    honest = scenes.receive_scene

    def receive(document: Any, *args: Any, **kwargs: Any) -> tuple[UUID, bool]:
        scene_id, is_new = honest(document, *args, **kwargs)
        Scene.objects.filter(id=scene_id).update(cause="named", detail=str(document["id"]), state="refused")
        return scene_id, is_new

    patch.setattr(scenes, "receive_scene", receive)


def _answer_a_post_with_places(patch: pytest.MonkeyPatch) -> None:
    """The answer to a POST holds the place, and is kept for its idempotency key."""
    honest = DoorView._to_http

    def to_http(self: DoorView, request: Any, answer: Any) -> Any:
        response = honest(self, request, answer)
        if request.method == "POST" and response.status_code == 201:
            response.content = response.content[:-1] + b',"at":[20.075,2.135]}'
        return response

    patch.setattr(DoorView, "_to_http", to_http)


def _record_the_box(patch: pytest.MonkeyPatch) -> None:
    """The ledger keeps the address as it was asked."""
    honest = activity.read_exact_activity

    def read(viewer: Viewer, ask: activity.ExactAsk, regions: list[UUID], endpoint: str) -> Any:
        return honest(
            viewer, ask, regions, f"{endpoint}?box={dataclasses.astuple(ask.box) if ask.box else ''}"
        )

    patch.setattr("monitor.api.views.activity.read_exact_activity", read)


def _write_beside(patch: pytest.MonkeyPatch) -> None:
    """A file is made on disk and left there."""

    def write(shape: Any) -> bytes:
        content = write_geopackage(shape)
        with tempfile.NamedTemporaryFile(suffix=".gpkg", delete=False) as file:
            file.write(content)
        return content

    patch.setattr(writing, "write_geopackage", write)


def _say_where(patch: pytest.MonkeyPatch) -> None:
    """A header for whoever debugs."""

    def say(view: DoorView, answer: Any) -> None:
        answer["X-Nearest"] = "20.0751,2.1352"

    change_response(patch, say)


def _build(
    name: str,
    channel: str,
    sink: str,
    break_code: Callable[[pytest.MonkeyPatch], None],
    statement: str | None = None,
) -> LeakyBuild:
    return LeakyBuild(name, channel, sink, None, break_code, statement, net="canaries")


SIDE_DOOR_LEAKS = (
    _build("an answer has a header for whoever debugs", "LC-25", "answers", _say_where),
    _build("a log tells the box", "LC-35", "logs", _on_reading(_log_the_ask)),
    _build("a log tells addresses", "LC-35", "logs", _log_the_address),
    _build("a log tells a fault's text", "LC-35", "logs", _log_the_fault),
    _build("a task's failure tells its values", "LC-36", "logs", _let_the_task_tell),
    _build("a task's argument tells the box", "LC-36", "messages", _ring_with_the_place),
    _build("an exact answer is kept in Redis", "LC-37", "counters", _on_reading(_keep_the_answer)),
    _build("a file is left on disk", "LC-37", "temporary files", _write_beside),
    _build("a scene keeps its name", "LC-33", "tables", _name_the_scene),
    _build("a kept answer tells the place", "LC-54", "tables", _answer_a_post_with_places),
    _build("an entry of the ledger tells the box", "LC-44", "tables", _record_the_box),
    _build("a released row has a note", "LC-53", "tables", leave_code_alone, NOTE_THE_CELLS),
)
