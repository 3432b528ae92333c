"""Hold a scene while working on it: one guarded UPDATE claims it, a heartbeat keeps it, a lapsed lease frees it.

State lives in the row. Whoever has lost the claim can write nothing more: every write names the claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from monitor.detection.misplaced import COMPARED
from monitor.imagery.refusal import SceneRefused
from monitor.models import Scene, TrainedModel

_READ = Q(state__in=("waiting", "scored")) | Q(state="refused", cause__in=COMPARED)
"""Scenes that were read to their end."""
RING_AGAIN = timedelta(seconds=120)
"""A ring that nobody answered for so long counts as lost."""


class ClaimLost(RuntimeError):
    """Another worker has taken the scene over, because this one showed no progress for the length of a lease."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The hold of one worker on one scene."""

    scene_id: UUID
    key: UUID


def claim_scene(scene_id: UUID) -> Claim | None:
    """Claim a scene that is due, or None where it is done, held by another, or not there."""
    key = uuid4()
    taken = (
        _due(timezone.now())
        .filter(id=scene_id)
        .update(
            state="claimed", claim=key, claimed_until=_lease_end(), attempts=F("attempts") + 1, progress=0
        )
    )
    return Claim(scene_id, key) if taken else None


def keep_claim(claim: Claim, progress: float) -> None:
    """Renew the lease and say how far the work is (0..1). Raises ClaimLost."""
    _update(claim, progress=min(99, int(100 * progress)), claimed_until=_lease_end())


def refuse_scene(claim: Claim, cause: str, detail: str) -> None:
    """End the work on a scene that must not be scored, naming the cause. Raises ClaimLost."""
    _update(claim, state="refused", cause=cause, detail=detail[:300], claim=None, claimed_until=None)


def park_scene(claim: Claim, model_id: UUID | None) -> None:
    """End the work on a readable scene that no active model can score; activating another one makes it due again.

    model_id: the active model that asks for bands which the scene lacks, or None where none is active.
    """
    _update(claim, state="waiting", progress=100, scored_by_id=model_id, claim=None, claimed_until=None)


def give_back_scene(claim: Claim) -> None:
    """End the work on a scene that is not to blame for what failed: it is due again, and this was no attempt."""
    _update(
        claim,
        state="received",
        claim=None,
        claimed_until=None,
        attempts=F("attempts") - 1,
        rung_at=timezone.now(),
    )


def finish_scene(claim: Claim, cells: int, model_id: UUID) -> None:
    """End the work on a scene whose scores are in the present transaction. Raises ClaimLost, which undoes them."""
    _update(
        claim,
        state="scored",
        progress=100,
        cells_scored=cells,
        scored_at=timezone.now(),
        scored_by_id=model_id,
        claim=None,
        claimed_until=None,
    )


def refuse_scored_scene(claim: Claim, refusal: SceneRefused, model_id: UUID) -> None:
    """End the work on a scene whose scores, all of cells not observed, are in the present transaction. Raises ClaimLost."""
    _update(
        claim,
        state="refused",
        cause=refusal.cause.value,
        detail=refusal.detail[:300],
        progress=100,
        cells_scored=0,
        scored_at=timezone.now(),
        scored_by_id=model_id,
        claim=None,
        claimed_until=None,
    )


def revise_scene(scene_id: UUID, model_id: UUID, cells: int, refusal: SceneRefused | None) -> None:
    """A scene that this model scored was scored again, beside one that came late: it is refused now, or no longer.

    Does nothing where that has not changed, or where somebody holds the scene, who will find out alone.
    """
    mine = Scene.objects.filter(id=scene_id, scored_by_id=model_id)
    if refusal is not None:
        mine.filter(_READ).exclude(state="waiting").update(
            state="refused", cause=refusal.cause.value, detail=refusal.detail[:300], cells_scored=0
        )
    else:
        mine.filter(state="refused", cause__in=COMPARED).update(
            state="scored", cause="", detail="", cells_scored=cells
        )


def is_handed_in_again(scene_id: UUID, model_id: UUID) -> bool:
    """Whether this model saw the scene before and refused it for how it lies: its files may have been mended since."""
    return Scene.objects.filter(id=scene_id, scored_by_id=model_id).exists()


def take_due_scenes(limit: int) -> list[UUID]:
    """Scenes to ring for: never rung for, not answered for RING_AGAIN, or with a lapsed lease. Marks them as rung.

    Passes over rows that are locked: another sweep has them, or their scores are being written at this moment.
    """
    now = timezone.now()
    unheard = Q(rung_at__isnull=True) | Q(rung_at__lt=now - RING_AGAIN)
    due = _due(now).filter(unheard | Q(state="claimed")).order_by("received_at", "id")
    with transaction.atomic():
        scenes = list(due.select_for_update(skip_locked=True).values_list("id", flat=True)[:limit])
        Scene.objects.filter(id__in=scenes).update(rung_at=now)
    return scenes


def give_up_scenes() -> int:
    """Refuse scenes that have brought down SCENE_ATTEMPTS workers in a row; how many.

    Passes over rows that are locked, as `take_due_scenes` does: the sweep would wait for whoever writes their scores.
    """
    lost = Scene.objects.filter(
        state="claimed", claimed_until__lt=timezone.now(), attempts__gte=settings.SCENE_ATTEMPTS
    )
    with transaction.atomic():
        scenes = list(lost.select_for_update(skip_locked=True).values_list("id", flat=True))
        return Scene.objects.filter(id__in=scenes).update(
            state="refused",
            cause="worker_lost",
            detail=f"{settings.SCENE_ATTEMPTS} workers were lost while reading this scene. Check its files and memory.",
            claim=None,
            claimed_until=None,
        )


def make_outdated_scenes_due() -> int:
    """Make read scenes due again whose sensor's active model is not the one that saw them last; how many.

    Compared by rows, so that an activation cannot be lost with its ring.
    """
    outdated = 0
    for model in TrainedModel.objects.filter(state="active"):
        outdated += _make_due(Scene.objects.filter(_READ, sensor=model.sensor).exclude(scored_by=model))
    return outdated


def make_scene_due(scene_id: UUID) -> None:
    """Make a scene that was read due again, because its features are lost. Does nothing where it is due or held."""
    _make_due(Scene.objects.filter(_READ, id=scene_id))


def _make_due(scenes: QuerySet[Scene]) -> int:
    return scenes.update(state="received", cause="", detail="", attempts=0, progress=0, rung_at=None)


def _due(now: datetime) -> QuerySet[Scene]:
    return Scene.objects.filter(
        Q(state="received") | Q(state="claimed", claimed_until__lt=now, attempts__lt=settings.SCENE_ATTEMPTS)
    )


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SCENE_LEASE_S)


def _update(hold: Claim, **values: object) -> None:
    if not Scene.objects.filter(id=hold.scene_id, claim=hold.key).update(**values):
        raise ClaimLost("This scene is held by another worker now.")
