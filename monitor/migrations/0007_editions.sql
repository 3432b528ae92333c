-- Releases in three editions (L1, L2, L3) whose pieces are nested, with certificates and a public plausibility prior.
-- Batches of before keep their digest and lose their rows: the next batch is complete in itself.

DROP TABLE release.block;
DROP TABLE release.batch_region;

-- The public layer that says how plausible a mine is in a cell. The newest is the one that acts; without one, or with one
-- that is even, every cell of a known region is as plausible as any other.
CREATE TABLE release.prior (
    id        uuid PRIMARY KEY,
    loaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    name      text NOT NULL,
    is_even   boolean NOT NULL,
    digest    text NOT NULL,       -- SHA-256 over the tiles
    cells     bigint NOT NULL      -- with a weight above zero
);
CREATE INDEX prior_newest ON release.prior (loaded_at DESC);

-- Weights of the 100 x 100 cells of a square of L3, from south to north and west to east, little-endian float32.
CREATE TABLE release.prior_tile (
    prior_id uuid NOT NULL REFERENCES release.prior ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    row      smallint NOT NULL,
    col      smallint NOT NULL,
    weights  bytea NOT NULL CHECK (octet_length(weights) = 40000),
    PRIMARY KEY (prior_id, row, col)
);

-- What is remembered of each square of L3, for ever: which of its cells count and in which groups they came (public
-- geography), and the coarsest level at which each of its blocks was ever published.
CREATE TABLE release.tile (
    row     smallint NOT NULL,
    col     smallint NOT NULL,
    counted bytea NOT NULL CHECK (octet_length(counted) = 1250),  -- a bit a cell, in the order of prior_tile
    groups  bytea NOT NULL,                                       -- zlib of little-endian uint16, in that order
    levels  bytea NOT NULL CHECK (octet_length(levels) = 126),    -- a byte a block: 100 of L1, 25 of L2, 1 of L3
    PRIMARY KEY (row, col)
);

-- A level never gets finer later (P2, LC-57), whatever the program believes.
CREATE FUNCTION release.keep_levels() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.row, NEW.col) = (OLD.row, OLD.col) AND NOT EXISTS (
        SELECT FROM generate_series(0, 125) AS block (n) WHERE get_byte(NEW.levels, n) < get_byte(OLD.levels, n)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a level never gets finer' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER keep_levels BEFORE UPDATE OR DELETE ON release.tile
    FOR EACH ROW EXECUTE FUNCTION release.keep_levels();
CREATE TRIGGER keep_tiles BEFORE TRUNCATE ON release.tile EXECUTE FUNCTION release.keep_levels();

-- Which pieces the editions of a batch have, and of which regions they show ground: public geography. Written once,
-- never changed; a batch names the one that it was made with.
CREATE TABLE release.geography (
    id             uuid PRIMARY KEY,
    made_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    policy_version text NOT NULL,
    prior_id       uuid REFERENCES release.prior,
    digest         text NOT NULL,
    content        bytea NOT NULL       -- arrays (monitor/releases/geography.py)
);
CREATE INDEX geography_newest ON release.geography (made_at DESC);

-- digest and row_count are those of the L2 edition; content_digest is over all rows and never leaves: it would change with
-- where inside an L2 block anything was seen. certificate: canonical JSON. All three are null for batches of before.
ALTER TABLE release.batch
    ADD COLUMN geography_id uuid REFERENCES release.geography,
    ADD COLUMN certificate text,
    ADD COLUMN content_digest text;

-- Bands only: no count, score or date finer than a month (editions 1 and 2) or a quarter (edition 3). A batch's rows are
-- written and taken away with it; a foreign key would look it up again for each of some hundred thousand.
CREATE TABLE release.block (
    batch_id uuid NOT NULL,
    edition  smallint NOT NULL CHECK (edition BETWEEN 1 AND 3),
    level    smallint NOT NULL CHECK (level BETWEEN edition AND 3),
    row      integer NOT NULL,
    col      integer NOT NULL,
    period   date NOT NULL CHECK (extract(day FROM period) = 1
        AND (edition < 3 OR extract(month FROM period) IN (1, 4, 7, 10))),
    band     text NOT NULL CHECK (band IN ('none', 'under_2', '2_to_5', '5_to_10', 'over_10')),
    trend    text NOT NULL CHECK (trend IN ('first', 'down', 'same', 'up')),
    observed text NOT NULL CHECK (observed IN ('none', 'under_25', '25_to_50', '50_to_75', 'over_75')),
    is_whole boolean NOT NULL,     -- false: the rest of its square
    piece    integer NOT NULL,     -- its number in the geography
    PRIMARY KEY (batch_id, edition, period, level, row, col)
);

-- The part of a batch that a whole region's agreement covers at one level: its rows by period and level, and their digest.
-- Bands are few, so somebody who got a digest over more rows than they receive could try out the others until it fits.
CREATE TABLE release.batch_region (
    batch_id  uuid NOT NULL REFERENCES release.batch ON DELETE CASCADE,
    region_id uuid NOT NULL,
    edition   smallint NOT NULL CHECK (edition BETWEEN 1 AND 3),
    digest    text NOT NULL,
    rows      jsonb NOT NULL,      -- [[first day of the period, level, how many], ...]
    PRIMARY KEY (batch_id, region_id, edition)
);

-- What an active account holds on regions: its role, and how fine an open region is to it. A partner's is L2, or what the
-- agreement in force on the region says.
CREATE OR REPLACE FUNCTION access.held(p_user uuid) RETURNS TABLE (region_id uuid, role text, base smallint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.content_object_id, holder.role,
        (CASE holder.role WHEN 'partner' THEN coalesce(agreement.level, 2) ELSE 0 END)::smallint
    FROM public.monitor_regionuserpermission held
    JOIN public.auth_permission permission ON permission.id = held.permission_id
    JOIN public.accounts_user holder ON holder.id = held.user_id
    LEFT JOIN public.monitor_agreement agreement
        ON agreement.user_id = held.user_id AND agreement.region_id = held.content_object_id
        AND (agreement.expires_at IS NULL OR agreement.expires_at > clock_timestamp())
    WHERE held.user_id = p_user AND holder.is_active
        AND (holder.role IN ('regulator', 'analyst') AND permission.codename = 'mandate_region'
            OR holder.role = 'partner' AND permission.codename = 'receive_region')
$$;
REVOKE ALL ON FUNCTION release.keep_levels() FROM PUBLIC;

GRANT SELECT ON release.geography, release.block, release.batch_region TO penumbra_web;
GRANT SELECT, INSERT, DELETE ON release.prior, release.prior_tile, release.geography, release.block,
    release.batch_region TO penumbra_worker;
GRANT SELECT, INSERT, UPDATE ON release.tile TO penumbra_worker;
