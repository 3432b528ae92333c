"""Sites in the vault: merge the active cells into sites and say, without places, what changed.

A site ends where its region ends, so that what is said of it tells nothing of the cells across the border.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django.db import connection

from monitor.field.fusion import choose_confidence
from monitor.field.lifecycle import Confidence
from monitor.field.sites import Cell, SiteChange, neighbours_of, plan_sites


@dataclass(frozen=True, slots=True)
class SiteNews:
    """What a service may know of a site: that it is new or grew, in which region, how sure, of which kind.

    cells: how many it has now; active: how many of them are active now; alerted: how many it had when its last alert was
    raised (0: never).
    """

    site_id: UUID
    region_id: UUID
    mine_class: str
    confidence: Confidence
    cells: int
    active: int
    alerted: int
    absorbed: Sequence[UUID]


def merge_sites(scene_ids: Sequence[UUID]) -> list[SiteNews]:
    """Bring the sites around the cells of these scenes up to date; news of each of them.

    A site has the cells that were active at some time, as their history tells it now, or that another system confirmed. What
    a scene that came late shows to have never been active leaves its site, and so does what that system took back, unless
    somebody is on the way there; so the order of arrival does not matter. Runs under `lock_scoring`. Cells of two regions
    are never one site, though they touch. Active cells outside every region belong to nobody and make no site.
    """
    return _merge(
        "SELECT row, col FROM vault.score WHERE scene_id = ANY(%(scenes)s)", {"scenes": list(scene_ids)}
    )


def merge_sites_at(cells: Collection[Cell]) -> list[SiteNews]:
    """The same around these cells."""
    rows, cols = [row for row, _ in cells], [col for _, col in cells]
    return _merge("SELECT * FROM unnest(%(rows)s::int[], %(cols)s::int[])", {"rows": rows, "cols": cols})


def _merge(cells: str, values: Mapping[str, Any]) -> list[SiteNews]:
    """cells: a query for rows and columns, with its values."""
    left = _take_cells_out(cells, values)
    active = _read_active(cells, values)
    known, age, region_of_site = _read_sites(active, left)
    region_of = {**_find_regions(known), **active}
    news = []
    for region_id in sorted({*region_of.values()}):
        # a cell that its site had before the border was drawn here stays there until it is looked at itself
        own = {
            cell: site
            for cell, site in known.items()
            if region_of.get(cell) == region_id == region_of_site[site]
        }
        here = {cell for cell, region in active.items() if region == region_id}
        news += [_write_change(region_id, change) for change in plan_sites(here, own, age)]
    return news


def list_alerts_of_nothing() -> list[UUID]:
    """Open alerts whose site has no cell left."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT meant.alert_id FROM vault.alert_site meant JOIN vault.site ON site.id = meant.site_id"
            " WHERE meant.is_open AND site.absorbed_into IS NULL"
            " AND NOT EXISTS (SELECT FROM vault.site_cell member WHERE member.site_id = site.id)"
        )
        return [alert for (alert,) in cursor.fetchall()]


def link_alert(alert_id: UUID, site_id: UUID) -> bool:
    """Say which site a new alert means. False where the site has an open alert already; then nothing is written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.alert_site (alert_id, site_id) VALUES (%s, %s)"
            " ON CONFLICT (site_id) WHERE is_open DO NOTHING",
            [alert_id, site_id],
        )
        return bool(cursor.rowcount == 1)


def has_open_alert(site_id: UUID) -> bool:
    """True where somebody is already asked to look at this site, or is on the way to one that ended in it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE family AS (SELECT %s::uuid AS id UNION ALL"
            " SELECT site.id FROM vault.site JOIN family ON site.absorbed_into = family.id)"
            " SELECT EXISTS (SELECT FROM vault.alert_site JOIN family ON family.id = site_id WHERE is_open)",
            [site_id],
        )
        return bool(cursor.fetchone()[0])


def mark_alerted(site_id: UUID, cells: int) -> None:
    """Remember how many cells the site had when its alert was raised."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE vault.site SET cells_alerted = %s WHERE id = %s", [cells, site_id])


def list_open_alerts(site_ids: Sequence[UUID]) -> list[UUID]:
    """The open alerts of these sites."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT alert_id FROM vault.alert_site WHERE site_id = ANY(%s) AND is_open", [list(site_ids)]
        )
        return [alert for (alert,) in cursor.fetchall()]


def close_alert_site(alert_id: UUID) -> None:
    """An alert that is closed or dismissed makes room for the next one of its site."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT vault.close_alert_site(%s)", [alert_id])


def _take_cells_out(cells: str, values: Mapping[str, Any]) -> list[UUID]:
    """Cells that were never active, by their history, leave their sites; the sites that they left."""
    with connection.cursor() as cursor:
        cursor.execute(
            # fixed texts; whatever was asked is a parameter
            f"WITH never AS (SELECT row, col FROM vault.score seen WHERE (row, col) IN ({cells})"  # noqa: S608
            " AND NOT EXISTS (SELECT FROM vault.confirmed_cell told WHERE told.row = seen.row AND told.col = seen.col)"
            " GROUP BY row, col HAVING NOT bool_or(coalesce(state_after = 'active', false)))"
            " DELETE FROM vault.site_cell member USING never WHERE member.row = never.row AND member.col = never.col"
            " AND NOT EXISTS (SELECT FROM vault.alert_site meant JOIN public.monitor_alert alert"
            " ON alert.id = meant.alert_id WHERE meant.site_id = member.site_id AND meant.is_open"
            " AND alert.status IN ('assigned', 'visited')) RETURNING member.site_id",
            values,
        )
        return sorted({site_id for (site_id,) in cursor.fetchall()})


def _read_active(cells: str, values: Mapping[str, Any]) -> dict[Cell, UUID]:
    """Of the cells those that were active at some time or are confirmed, each with its region."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col FROM vault.score WHERE state_after = 'active'"  # noqa: S608
            f" AND (row, col) IN ({cells})"
            f" UNION SELECT row, col FROM vault.confirmed_cell WHERE (row, col) IN ({cells})",
            values,
        )
        return _find_regions(cursor.fetchall())


def _find_regions(cells: Collection[Cell]) -> dict[Cell, UUID]:
    """The region that each cell belongs to, of several the smallest. Cells outside every region are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH size AS MATERIALIZED (SELECT region_id, sum(col_to - col_from + 1) AS cells FROM vault.region_run"
            " GROUP BY region_id)"
            " SELECT DISTINCT ON (cell.row, cell.col) cell.row, cell.col, run.region_id"
            " FROM unnest(%s::int[], %s::int[]) AS cell (row, col)"
            " JOIN vault.region_run run ON run.row = cell.row AND cell.col BETWEEN run.col_from AND run.col_to"
            " JOIN size ON size.region_id = run.region_id"
            " ORDER BY cell.row, cell.col, size.cells, run.region_id",
            [[row for row, _ in cells], [col for _, col in cells]],
        )
        return {(row, col): region_id for row, col, region_id in cursor.fetchall()}


def _read_sites(
    active: Mapping[Cell, UUID], also: Sequence[UUID]
) -> tuple[dict[Cell, UUID], dict[UUID, int], dict[UUID, UUID]]:
    """All cells of every site that an active cell of its own region meets, and of those in `also`; age and region of each
    site.

    What happens across a border does not even make anybody look at a site: a moment tells too.
    """
    around = sorted({(of, *near) for cell, of in active.items() for near in neighbours_of([cell])})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT member.row, member.col, site.id, site.age, site.region_id FROM vault.site_cell member"
            " JOIN vault.site ON site.id = member.site_id WHERE member.site_id IN (SELECT met.site_id"
            " FROM vault.site_cell met JOIN vault.site whose ON whose.id = met.site_id"
            " JOIN unnest(%s::uuid[], %s::int[], %s::int[]) AS near (region_id, row, col)"
            " ON met.row = near.row AND met.col = near.col AND whose.region_id = near.region_id)"
            " OR member.site_id = ANY(%s)",
            [*([each[part] for each in around] for part in range(3)), list(also)],
        )
        found = cursor.fetchall()
    return (
        {(row, col): site_id for row, col, site_id, *_ in found},
        {site_id: -born for _, _, site_id, born, _ in found},
        {site_id: region_id for _, _, site_id, _, region_id in found},
    )


def _write_change(region_id: UUID, change: SiteChange[UUID]) -> SiteNews:
    cells = sorted(change.cells)
    rows, cols = [row for row, _ in cells], [col for _, col in cells]
    site_id = change.kept or uuid4()
    with connection.cursor() as cursor:
        first_seen, mine_class, support, systems, active = _describe_cells(rows, cols)
        if change.kept is None:
            cursor.execute(
                "INSERT INTO vault.site (id, region_id, first_seen_on) VALUES (%s, %s, %s)",
                [site_id, region_id, first_seen],
            )
        if change.absorbed:
            cursor.execute(
                "UPDATE vault.site SET absorbed_into = %s WHERE id = ANY(%s)",
                [site_id, list(change.absorbed)],
            )
        cursor.execute(
            "INSERT INTO vault.site_cell (row, col, site_id) SELECT row, col, %s FROM unnest(%s::int[], %s::int[])"
            " AS cell (row, col) ON CONFLICT (row, col) DO UPDATE SET site_id = excluded.site_id",
            [site_id, rows, cols],
        )
        cursor.execute(
            "UPDATE vault.site SET first_seen_on = %s WHERE id = %s RETURNING cells_alerted",
            [first_seen, site_id],
        )
        (alerted,) = cursor.fetchone()
    return SiteNews(
        site_id,
        region_id,
        mine_class,
        # of our own looks alone: an alert has no place, and must not say where others told of something
        choose_confidence(support, systems),
        len(cells),
        active,
        alerted,
        change.absorbed,
    )


def _describe_cells(rows: list[int], cols: list[int]) -> tuple[date, str, int, int, int]:
    """First day on which one of the cells was active or confirmed, commonest class, greatest support and number of systems
    among them, how many are active now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.mine_class, least(told.confirmed_on, (SELECT min(h.observed_on) FROM vault.score h"
            " WHERE h.row = s.row AND h.col = s.col AND h.state_after = 'active')), s.support, s.systems,"
            " s.state = 'active', s.observed_on FROM unnest(%s::int[], %s::int[]) AS cell (row, col)"
            " JOIN vault.cell_state s ON s.row = cell.row AND s.col = cell.col"
            " LEFT JOIN vault.confirmed_cell told ON told.row = cell.row AND told.col = cell.col",
            [rows, cols],
        )
        described = cursor.fetchall()
    classes = Counter(mine_class for mine_class, *_ in described if mine_class != "none")
    return (
        # none of them was active after all: somebody was on the way there, and what held them together is gone
        min((row[1] for row in described if row[1] is not None), default=min(row[5] for row in described)),
        max(classes, key=lambda mine_class: (classes[mine_class], mine_class), default="artisanal"),
        max(row[2] for row in described),
        max(row[3] for row in described),
        sum(row[4] for row in described),
    )
