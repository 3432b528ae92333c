-- Schema `release`: what was published. The only thing a coarse role can ever read (P1).
-- No key, view or grant leads from here to the vault; blocks are plain integers of the lattice at their level.

CREATE SCHEMA release;

-- One published batch. The newest is the one that is read; the one before it keeps its rows for pages that were begun,
-- older ones keep their digest only.
CREATE TABLE release.batch (
    id             uuid PRIMARY KEY,
    published_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    policy_version text NOT NULL,
    digest         text NOT NULL,     -- SHA-256 over the batch's rows in canonical order
    row_count      integer NOT NULL
);
CREATE INDEX batch_newest ON release.batch (published_at DESC);

-- Bands only: no count, score or date finer than a month.
CREATE TABLE release.block (
    batch_id  uuid NOT NULL REFERENCES release.batch ON DELETE CASCADE,
    level     smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    row       integer NOT NULL,
    col       integer NOT NULL,
    period    date NOT NULL CHECK (extract(day FROM period) = 1),
    band      text NOT NULL CHECK (band IN ('none', 'under_2', '2_to_5', '5_to_10', 'over_10')),
    trend     text NOT NULL CHECK (trend IN ('first', 'down', 'same', 'up')),
    observed  text NOT NULL CHECK (observed IN ('none', 'under_25', '25_to_50', '50_to_75', 'over_75')),
    PRIMARY KEY (batch_id, level, row, col, period)
);

-- The part of a batch that one region's agreements cover: its rows and their digest. Bands are few, so somebody who got a
-- digest over more rows than they receive could try out the others until it fits.
CREATE TABLE release.batch_region (
    batch_id  uuid NOT NULL REFERENCES release.batch ON DELETE CASCADE,
    region_id uuid NOT NULL,
    digest    text NOT NULL,
    row_count integer NOT NULL,
    PRIMARY KEY (batch_id, region_id)
);

-- Which blocks an agreement on a region covers: public geography, the same whatever the vault holds (P3, P5).
CREATE TABLE release.region_block (
    region_id uuid NOT NULL,
    level     smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    row       integer NOT NULL,
    col       integer NOT NULL,
    PRIMARY KEY (region_id, level, row, col)
);

REVOKE ALL ON SCHEMA release FROM PUBLIC;
GRANT USAGE ON SCHEMA release TO penumbra_web, penumbra_worker;
GRANT SELECT ON ALL TABLES IN SCHEMA release TO penumbra_web;
GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA release TO penumbra_worker;
