"""Sweep: find by state what nobody is working on, and ring for it again. A lost message delays, it never loses."""

from __future__ import annotations

from monitor.bell import Bell, ring
from monitor.services.claims import give_up_scenes, make_outdated_scenes_due, take_due_scenes
from monitor.services.labels import list_unlabelled_findings
from monitor.vault.items import list_scenes_by_date

SWEEP_LIMIT = 2000
"""So many rings of a kind at most; the next sweep finds the rest."""


def ring_for_what_is_due() -> int:
    """Ring for due scenes, oldest observation first, and for findings without a label; how many rings."""
    give_up_scenes()
    make_outdated_scenes_due()
    scenes = list_scenes_by_date(take_due_scenes(SWEEP_LIMIT))
    found = list_unlabelled_findings(SWEEP_LIMIT)
    for scene_id in scenes:
        ring(Bell.SCENE_RECEIVED, scene_id)
    for finding_id in found:
        ring(Bell.FINDING_RECEIVED, finding_id)
    return len(scenes) + len(found)
