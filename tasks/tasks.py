"""The tasks, by the names that bells and beat know them by. State is in rows: each may run twice, late, or never."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.utils import timezone

from monitor.errors import describe_fault
from monitor.privacy.ground import GroundSpoilt
from monitor.services import detections, evidence, inspections, labels, releases, requests
from monitor.services.sweeping import ring_for_what_is_due

log = logging.getLogger(__name__)


class WorkFailed(RuntimeError):
    """A task failed: what kind of error it was and where it arose, without its text."""


class DiscreetTask(Task):  # type: ignore[misc] # Celery ships no types
    """Base of all tasks: Celery logs the text and the frames of an error, and both can hold a place (LC-36)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run; let nothing of an error pass but its kind and where it arose."""
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            fault = describe_fault(error)
        raise WorkFailed(fault)


@shared_task(base=DiscreetTask, name="tasks.detect_scene")
def detect_scene(scene_id: str) -> None:
    """Take one scene from received to scored or refused."""
    detections.detect_scene(UUID(scene_id))


@shared_task(base=DiscreetTask, name="tasks.label_finding")
def label_finding(finding_id: str) -> None:
    """Draw the label that a finding teaches."""
    labels.label_finding(UUID(finding_id))


@shared_task(base=DiscreetTask, name="tasks.rescore_scenes")
def rescore_scenes(model_id: str) -> None:
    """A model was activated: sweep at once, which finds every scene that another model scored."""
    ring_for_what_is_due()


@shared_task(base=DiscreetTask, name="tasks.sweep")
def sweep() -> None:
    """Ring for whatever is due by its state: lost messages, lapsed leases, a new model."""
    ring_for_what_is_due()


@shared_task(base=DiscreetTask, name="tasks.close_expired_inspections")
def close_expired_inspections() -> None:
    """End inspections whose window has passed."""
    inspections.close_expired_inspections(timezone.now())


@shared_task(base=DiscreetTask, name="tasks.publish_release")
def publish_release() -> None:
    """Publish the weekly batch. What keeps it from being published is said in the log, with its mend."""
    try:
        releases.publish_release(timezone.now().date())
    except GroundSpoilt as error:
        log.error("%s", error)  # its text is ours, and holds no place


@shared_task(base=DiscreetTask, name="tasks.take_in_evidence")
def take_in_evidence() -> None:
    """Let what other systems will not take back any more count for our cells."""
    evidence.take_in_settled(timezone.now().date())


@shared_task(base=DiscreetTask, name="tasks.forget_answers")
def forget_answers() -> None:
    """Let go of answers that were kept for a repeat long enough."""
    requests.forget_answers(timezone.now())
