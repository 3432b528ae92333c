"""The bell: a service that wants work done rings, and after the commit a task is queued by name.

The one room of `monitor` that knows Celery. A lost ring does no harm: a sweep finds what is due by its state.
A ring carries an id and nothing else, so that nothing about a place is ever in a message.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from celery import current_app
from django.db import transaction


class Bell(StrEnum):
    """What can be asked for: the value is the task's name in `tasks`."""

    SCENE_RECEIVED = "tasks.detect_scene"
    FINDING_RECEIVED = "tasks.label_finding"
    MODEL_ACTIVATED = "tasks.rescore_scenes"


def ring(bell: Bell, identifier: UUID) -> None:
    """Queue the bell's task for one object once the present transaction is committed (at once without one).

    A signature by name honours eager mode in tests; `send_task` does not.
    """
    signature = current_app.signature(bell.value, args=[str(identifier)])
    # robust: a queue that is down must not turn a committed change into an error; the sweep will find it
    transaction.on_commit(lambda: signature.apply_async(retry=False), robust=True)
