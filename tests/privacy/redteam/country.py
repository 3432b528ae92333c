"""Invented countries: coasts, regions, sites that appear, grow and go, clouds, acquisitions. Pure: a plan is a country.

What an attacker may know of a country (its cells, its clouds, who took pictures when and when they were handed in) is
apart from what it hides (`sites`, `since`, `until`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from django.contrib.gis.geos import MultiPolygon, Polygon
from scipy.ndimage import gaussian_filter

from monitor.grid import Level, cell_bounds, locate_cells
from monitor.vault.regions import find_runs

Cell = tuple[int, int]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FIRST_MONDAY = date(2025, 9, 1)
EARLIER_MONTHS = 2
"""Months before the first Monday that were looked at already."""
SWATH = 66
"""Width of one acquisition in cells: about three blocks."""
NEVER = 1e9


@dataclass(frozen=True)
class Plan:
    """What makes a country. west, south, width, height: degrees. crowding: spread (log) of sites among blocks.
    clear: least and greatest share of a month's cells that are not under cloud."""

    name: str
    seed: int
    west: float
    south: float
    width: float
    height: float
    regions: int
    sites: int
    crowding: float
    weeks: int
    clear: tuple[float, float] = (0.55, 0.97)


@dataclass(frozen=True)
class Site:
    """One hidden site. point: where it began, in cells (row, col) with fractions; cells: the first holds the point;
    since: weeks at which each was dug; until: the end."""

    point: tuple[float, float]
    cells: tuple[Cell, ...]
    since: tuple[float, ...]
    until: float


@dataclass(frozen=True)
class Month:
    """One month's pictures. clear: cells that were seen, by row and column of the country; day, week: by swath, the day
    of the acquisition and the Monday (counted from the first) before which it was handled."""

    first: date
    clear: Bools
    day: tuple[date, ...]
    week: tuple[int, ...]


@dataclass(frozen=True)
class Country:
    """A country. region: number of the region of each cell, -1 at sea; shape (rows, cols) from `origin`."""

    plan: Plan
    origin: Cell
    boundaries: tuple[MultiPolygon, ...]
    region: Ints
    swath: Ints
    months: tuple[Month, ...]
    sites: tuple[Site, ...]
    since: Floats
    until: Floats

    def monday(self, week: int) -> date:
        """The day on which the batch of a week is published."""
        return FIRST_MONDAY + timedelta(weeks=week)

    def inside(self, cells: Ints) -> tuple[Ints, Ints]:
        """Indices into the arrays for cells of the lattice, shape (n, 2)."""
        return cells[:, 0] - self.origin[0], cells[:, 1] - self.origin[1]

    def cells_of(self, level: Level, row: int, col: int) -> Ints:
        """The land cells of a block, shape (n, 2), in order."""
        n = level.span
        top, left = row * n - self.origin[0], col * n - self.origin[1]
        rows, cols = self.region.shape
        part = self.region[max(top, 0) : min(top + n, rows), max(left, 0) : min(left + n, cols)]
        found = np.argwhere(part >= 0) if part.size else np.zeros((0, 2), dtype=np.int64)
        return np.asarray(
            found + np.array([max(top, 0) + self.origin[0], max(left, 0) + self.origin[1]]), dtype=np.int64
        )


def invent_country(plan: Plan) -> Country:
    """The country of a plan."""
    draw = np.random.default_rng(plan.seed)
    boundaries = _draw_boundaries(plan, draw)
    origin, region = _rasterise(boundaries)
    swath = np.broadcast_to(
        (np.arange(region.shape[1]) + int(draw.integers(SWATH))) // SWATH, region.shape
    ).astype(np.int64)
    sites = _place_sites(plan, origin, region, draw)
    since, until = np.full(region.shape, NEVER), np.full(region.shape, NEVER)
    for site in sites:
        for (row, col), week in zip(site.cells, site.since, strict=True):
            since[row - origin[0], col - origin[1]] = week
            until[row - origin[0], col - origin[1]] = site.until
    months = _take_pictures(plan, region.shape, int(swath.max()) + 1, draw)
    return Country(plan, origin, boundaries, region, swath, months, tuple(sites), since, until)


def weeks_from_start(day: date) -> float:
    """Weeks from the first Monday to a day; negative before it."""
    return (day - FIRST_MONDAY).days / 7


def _draw_boundaries(plan: Plan, draw: np.random.Generator) -> tuple[MultiPolygon, ...]:
    """Stripes from west to east between wavy borders, with a wavy coast all around: slivers of blocks at every edge."""
    lats = np.linspace(0, 1, 80)
    step = plan.width / plan.regions
    waves = [_wave(lats, 0.25 * step, draw) for _ in range(plan.regions + 1)]

    def edge(number: int, share: Floats) -> Floats:
        return plan.west + number * step + np.interp(share, lats, waves[number])

    coast = np.linspace(0, 1, 400)
    south, north = (
        plan.south + end * plan.height + _wave(coast, 0.05 * plan.height, draw) for end in (0.0, 1.0)
    )

    def shore(lon: float, line: Floats) -> float:
        return float(np.interp((lon - plan.west) / plan.width, coast, line))

    made = []
    for number in range(plan.regions):
        west, east = edge(number, lats), edge(number + 1, lats)
        low, high = (
            [(x, shore(x, line)) for x in np.linspace(west[end], east[end], 12)]
            for end, line in ((0, south), (-1, north))
        )
        left, right = (
            [(float(x), plan.south + y * plan.height) for x, y in zip(side, lats, strict=True)][8:-8]
            for side in (west, east)
        )
        ring = [*low, *right, *reversed(high), *reversed(left)]
        made.append(MultiPolygon(Polygon([*ring, ring[0]], srid=4326), srid=4326))
    return tuple(made)


def _wave(at: Floats, height: float, draw: np.random.Generator) -> Floats:
    terms = [np.sin(2 * np.pi * (k * at + draw.random())) / k for k in (1, 2, 3, 5)]
    return np.asarray(height * sum(terms) / 2)


def _rasterise(boundaries: tuple[MultiPolygon, ...]) -> tuple[Cell, Ints]:
    runs = [find_runs(boundary) for boundary in boundaries]
    every = np.concatenate(runs)
    row0, col0 = int(every[:, 0].min()), int(every[:, 1].min())
    shape = int(every[:, 0].max()) - row0 + 1, int(every[:, 2].max()) - col0 + 1
    region = np.full(shape, -1, dtype=np.int64)
    for number, own in enumerate(runs):
        for row, first, last in own:
            region[row - row0, first - col0 : last - col0 + 1] = number
    return (row0, col0), region


def _place_sites(plan: Plan, origin: Cell, region: Ints, draw: np.random.Generator) -> list[Site]:
    """Sites by block: how many is very uneven; where in a block, every cell is as likely as the next one."""
    n = Level.L2.span
    land = np.argwhere(region >= 0)
    keys, which = np.unique((land + origin) // n, axis=0, return_inverse=True)
    which = which.reshape(-1)
    sizes = np.bincount(which)
    weight = sizes * np.exp(plan.crowding * draw.standard_normal(len(keys)))
    counts = draw.multinomial(plan.sites, weight / weight.sum())
    taken: set[Cell] = set()
    sites = []
    for block in np.flatnonzero(counts):
        cells = land[which == block] + origin
        centre: Cell | None = None
        for _ in range(int(counts[block])):
            if centre is None or draw.random() < 0.4:
                seed = centre = _pick(cells, taken, draw)
            else:
                seed = _pick_near(cells, centre, taken, draw)
            sites.append(_grow(plan, seed, {(int(r), int(c)) for r, c in cells}, taken, draw))
    return sites


def _pick(cells: Ints, taken: set[Cell], draw: np.random.Generator) -> Cell:
    for _ in range(50):
        row, col = cells[draw.integers(len(cells))]
        if (int(row), int(col)) not in taken:
            break
    return int(row), int(col)


def _pick_near(cells: Ints, centre: Cell, taken: set[Cell], draw: np.random.Generator) -> Cell:
    """A cell of the same cluster; where that is outside the block or dug already, any cell."""
    row, col = np.rint(np.array(centre) + 2.5 * draw.standard_normal(2)).astype(int)
    near = (int(row), int(col))
    free = near not in taken and bool(np.any((cells[:, 0] == row) & (cells[:, 1] == col)))
    return near if free else _pick(cells, taken, draw)


def _grow(plan: Plan, seed: Cell, block: set[Cell], taken: set[Cell], draw: np.random.Generator) -> Site:
    start = float(draw.uniform(-10, 0) if draw.random() < 0.5 else draw.uniform(0, 0.85 * plan.weeks))
    cells, since = [seed], [start]
    taken.add(seed)
    for _ in range(min(int(draw.geometric(0.45)) - 1, 5)):
        row, col = cells[int(draw.integers(len(cells)))]
        step = ((0, 1), (1, 0), (0, -1), (-1, 0))[int(draw.integers(4))]
        new = (row + step[0], col + step[1])
        if new in block and new not in taken:
            taken.add(new)
            cells.append(new)
            since.append(since[-1] + float(draw.uniform(2, 12)))
    until = start + float(draw.uniform(15, 45)) if draw.random() < 0.2 else NEVER
    point = seed[0] + float(draw.random()), seed[1] + float(draw.random())
    return Site(point, tuple(cells), tuple(since), until)


def _take_pictures(
    plan: Plan, shape: tuple[int, ...], swaths: int, draw: np.random.Generator
) -> tuple[Month, ...]:
    """One composite a month and swath under clouds of some ten cells across; one in five is handled weeks late."""
    months = []
    last = FIRST_MONDAY + timedelta(weeks=plan.weeks)
    number = FIRST_MONDAY.year * 12 + FIRST_MONDAY.month - 1 - EARLIER_MONTHS
    while (first := date(number // 12, number % 12 + 1, 1)) < last:
        clouds = gaussian_filter(draw.standard_normal(shape), 5)
        clear = clouds < np.quantile(clouds, draw.uniform(*plan.clear))
        days = tuple(first + timedelta(days=int(draw.integers(28))) for _ in range(swaths))
        late = [int(draw.integers(2, 7)) if draw.random() < 0.2 else 0 for _ in range(swaths)]
        weeks = tuple(
            max(int(np.ceil(weeks_from_start(day) + 0.1)), 0) + lag
            for day, lag in zip(days, late, strict=True)
        )
        months.append(Month(first, clear, days, weeks))
        number += 1
    return tuple(months)


def survey_terrain(rows: Ints, cols: Ints) -> dict[str, Floats]:
    """Public layers at cells of the lattice: height, distance to a river, and where in its L2 block a cell lies."""
    n = Level.L2.span
    return {
        "elevation": 300
        + 120 * np.sin(rows / 7.0) * np.cos(cols / 9.0)
        + 60 * np.sin((rows + 2 * cols) / 5.0),
        "river": np.abs((cols - 10 * np.sin(rows / 12.0)) % 31 - 15),
        "row": (rows % n).astype(np.float64),
        "col": (cols % n).astype(np.float64),
    }


def centre_of(cell: Cell) -> tuple[float, float]:
    """Longitude and latitude of the middle of a cell."""
    west, south, east, north = cell_bounds(*cell)
    return (west + east) / 2, (south + north) / 2


def cell_of(lon: float, lat: float) -> Cell:
    """The cell that holds a point."""
    row, col = locate_cells(lon, lat)
    return int(row), int(col)
