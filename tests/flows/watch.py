"""A watcher beside the workers: looks again and again whether anything half-done can be seen from outside."""

from __future__ import annotations

from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.flows.workers import TICK_S, open_connection, wait_until

FAULTS = {
    "a scored scene whose scores are not all there": """
        SELECT count(*) FROM monitor_scene scene WHERE scene.state = 'scored' AND scene.cells_scored <> (
            SELECT count(*) FROM vault.score WHERE scene_id = scene.id AND model_id = scene.scored_by_id
                AND state_after IS NOT NULL)""",
    "scores of a scene that is not scored": """
        SELECT count(*) FROM monitor_scene scene WHERE scene.state <> 'scored'
            AND EXISTS (SELECT FROM vault.score WHERE scene_id = scene.id)""",
    "a cell whose state is not what its last score left": """
        SELECT count(*) FROM (
            SELECT DISTINCT ON (row, col) row, col, state_after FROM vault.score
            ORDER BY row, col, observed_on DESC, scene_id DESC) AS last
        FULL JOIN vault.cell_state believed USING (row, col)
        WHERE last.state_after IS DISTINCT FROM believed.state""",
    "an alert without a site, or a link without an alert": """
        SELECT count(*) FROM monitor_alert alert FULL JOIN vault.alert_site link ON link.alert_id = alert.id
            WHERE alert.id IS NULL OR link.alert_id IS NULL""",
    "an alert whose history does not begin": """
        SELECT count(*) FROM monitor_alert alert
            WHERE NOT EXISTS (SELECT FROM monitor_alertmove WHERE alert_id = alert.id)""",
    "a site with an active cell that nobody was told of": """
        SELECT count(*) FROM vault.site WHERE absorbed_into IS NULL
            AND EXISTS (SELECT FROM vault.site_cell JOIN vault.cell_state believed USING (row, col)
                WHERE site_id = site.id AND believed.state = 'active')
            AND (cells_alerted = 0 OR NOT EXISTS (SELECT FROM vault.alert_site WHERE site_id = site.id))""",
    "an open alert of a site without cells": """
        SELECT count(*) FROM vault.site JOIN vault.alert_site ON site_id = site.id
            WHERE absorbed_into IS NULL AND is_open
                AND NOT EXISTS (SELECT FROM vault.site_cell member WHERE member.site_id = site.id)""",
    "an active cell inside a region without a site": """
        SELECT count(*) FROM vault.cell_state believed WHERE state = 'active'
            AND EXISTS (SELECT FROM vault.region_run run WHERE run.row = believed.row
                AND believed.col BETWEEN run.col_from AND run.col_to)
            AND NOT EXISTS (SELECT FROM vault.site_cell member
                WHERE (member.row, member.col) = (believed.row, believed.col))""",
}
"""What may never be seen, each with how often it is there. Asked in one statement, so of one moment."""


class Watcher:
    """Looks from its beginning to its end; `faults` are those that were seen, `looks` how often it looked."""

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.looks = 0
        self._over = Event()
        self._connection = open_connection()
        self._thread = Thread(target=self._watch, daemon=True)

    def look_now(self) -> None:
        """Wait until it has looked once more from beginning to end."""
        before = self.looks
        wait_until(lambda: self.looks > before + 1, "the watcher looks")

    def _look(self) -> None:
        found: Any = self._connection.execute(
            "SELECT " + ", ".join(f"({query})" for query in FAULTS.values())
        ).fetchone()
        self.faults |= {name for name, count in zip(FAULTS, found, strict=True) if count}
        self.looks += 1

    def _watch(self) -> None:
        while not self._over.wait(TICK_S):
            self._look()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()
        self._connection.close()
