"""A country to measure on: 90,000 cells of one region, over 10,000 of them active, and 1,125 published blocks.

The same rows stand beside them as the peer would keep them, with geometry and its index. Everything follows from formulas,
in a database of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import numpy as np
from django.db import connection

from accounts.ledger.completions import write_waiting
from accounts.ledger.connection import close_ledger_connections
from accounts.roles import Role
from monitor.grid import Level
from monitor.privacy.coarsen import ActivityBand, ObservedBand, Trend
from monitor.privacy.policy import POLICY_VERSION
from monitor.releases.batches import NewBatch, NewRows, write_batch
from monitor.services.geography import renew_geography
from monitor.services.regions import create_region
from tests.cast import Person, hire, make_box

DATABASE = "penumbra_bench"
BOX = (20.0, 2.0, 23.0, 5.0)
ROWS, COLS = range(9200, 9500), range(20000, 20300)
MONTHS = [date(2026, month, 1) for month in (6, 7, 8, 9, 10)]

_CELLS = """
    INSERT INTO vault.cell_state (row, col, state, mine_class, probability, low, high, valid_share, observed_on, support,
        systems)
    SELECT row, col, CASE WHEN (row * 7919 + col * 7907) % 100 < 15 THEN 'active' ELSE 'quiet' END, 'artisanal',
        (row * 31 + col * 17) % 1000 / 1000.0, 0.1, 0.95, 0.8, date '2026-09-15' - (row + col) % 200, 2, 1
    FROM generate_series(9200, 9499) AS row, generate_series(20000, 20299) AS col
"""
_PEER = """
    CREATE TABLE public.bench_cell AS
    SELECT row_number() OVER (ORDER BY row, col)::int AS id, row, col, state, mine_class, probability, low, high,
        observed_on, valid_share, ST_MakeEnvelope((col - 18000) / 100.0, (row - 9000) / 100.0, (col - 17999) / 100.0,
            (row - 8999) / 100.0, 4326)::geometry(Polygon, 4326) AS geom
    FROM vault.cell_state;
    ALTER TABLE public.bench_cell ADD PRIMARY KEY (id);
    CREATE INDEX ON public.bench_cell USING gist (geom);
    CREATE TABLE public.bench_block AS
    SELECT row_number() OVER (ORDER BY period, level, row, col)::int AS id, 'L' || level AS level, row, col,
        to_char(period, 'YYYY-MM') AS period, band, trend, observed,
        ST_MakeEnvelope((col * 20 - 18000) / 100.0, (row * 20 - 9000) / 100.0, ((col + 1) * 20 - 18000) / 100.0,
            ((row + 1) * 20 - 9000) / 100.0, 4326)::geometry(Polygon, 4326) AS geom
    FROM release.block;
    ALTER TABLE public.bench_block ADD PRIMARY KEY (id);
    CREATE INDEX ON public.bench_block USING gist (geom);
    GRANT SELECT ON public.bench_cell, public.bench_block TO penumbra_web;
    ANALYZE;
"""


@dataclass(frozen=True)
class Country:
    """The region and who asks: a regulator with the mandate and a partner who receives it."""

    region: UUID
    regulator: Person
    partner: Person


@contextmanager
def make_country() -> Iterator[Country]:
    """The country, in a database that is made for it and dropped afterwards."""
    before = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = DATABASE
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield _fill()
    finally:
        write_waiting()
        close_ledger_connections()
        connection.creation.destroy_test_db(before, verbosity=0)


def _fill() -> Country:
    region = create_region("Bench", make_box(*BOX))
    _publish()
    with connection.cursor() as cursor:
        cursor.execute(_CELLS)
        cursor.execute(_PEER)
    return Country(region, hire("regulator", Role.REGULATOR, region), hire("partner", Role.PARTNER, region))


def _publish() -> None:
    """A row for each block of L2 and month, with bands that follow from its place."""
    geography = renew_geography()
    pieces = geography.map.editions[Level.L2]
    count = len(pieces)
    piece, period = np.tile(np.arange(count), len(MONTHS)), np.repeat(np.arange(len(MONTHS)), count)
    month = np.array([each.month for each in MONTHS])[period]
    band = (pieces.row[piece] * 7 + pieces.col[piece] * 3 + month) % len(ActivityBand)
    trend = np.full(len(piece), list(Trend).index(Trend.SAME))
    observed = np.full(len(piece), list(ObservedBand).index(ObservedBand.OVER_75))
    rows = NewRows(Level.L2, pieces, MONTHS, piece, period, band, trend, observed).sorted()
    digest = rows.digest()
    batch = NewBatch(uuid4(), geography.id, POLICY_VERSION, digest, len(rows), digest, "{}")
    write_batch(batch, {Level.L2: rows})
