-- Outside evidence by delivery, and what it confirms. All of it lies in the vault, and no role but the worker touches it.

-- What somebody fetched from a system. A later issue of the same name stands in the place of the one before, so that what a
-- system takes back is taken back here.
CREATE TABLE vault.delivery (
    id        uuid PRIMARY KEY,
    system    text NOT NULL,
    name      text NOT NULL,
    issued_on date NOT NULL,
    digest    text NOT NULL,   -- of what it says
    UNIQUE (system, name)
);

-- What a delivery says of a cell, of one day.
CREATE TABLE vault.evidence (
    delivery_id uuid NOT NULL REFERENCES vault.delivery ON DELETE CASCADE,
    row         integer NOT NULL CHECK (row BETWEEN 0 AND 17999),
    col         integer NOT NULL CHECK (col BETWEEN 0 AND 35999),
    theme       text NOT NULL CHECK (theme IN ('mining', 'forest_loss', 'fire')),
    observed_on date NOT NULL,
    trust       smallint NOT NULL CHECK (trust BETWEEN 0 AND 3),   -- low, nominal, high, highest
    alerts      integer NOT NULL CHECK (alerts > 0),
    PRIMARY KEY (row, col, delivery_id, theme, observed_on)
);
CREATE INDEX evidence_delivery ON vault.evidence (delivery_id);

-- What was kept until now, without days between the first and the last: as of the last.
INSERT INTO vault.delivery (id, system, name, issued_on, digest)
SELECT gen_random_uuid(), kept.system, 'before deliveries', current_date, ''
FROM (SELECT DISTINCT o.system FROM vault.outside o) AS kept;
INSERT INTO vault.evidence (delivery_id, row, col, theme, observed_on, trust, alerts)
SELECT d.id, o.row, o.col, o.theme, o.last_on, o.trust, o.alerts
FROM vault.outside o JOIN vault.delivery d ON d.system = o.system;
DROP TABLE vault.outside;

-- Cells that a look of ours only suspected and another system confirmed, by their history as it is known now. Beside the scores,
-- not in them: what is published counts what our own looks confirmed.
CREATE TABLE vault.confirmed_cell (
    row          integer NOT NULL,
    col          integer NOT NULL,
    confirmed_on date NOT NULL,
    holds        boolean NOT NULL,   -- the cell is active now, and by our looks alone it would not be
    PRIMARY KEY (row, col)
);

-- Until which day evidence that came to stand was taken in.
CREATE TABLE vault.evidence_clock (
    taken_until date NOT NULL,
    is_one      boolean PRIMARY KEY DEFAULT true CHECK (is_one)
);

-- Whether an independent system agrees with a high look of ours on an active cell.
ALTER TABLE vault.cell_state ADD COLUMN agreed boolean NOT NULL DEFAULT false;

REVOKE ALL ON vault.delivery, vault.evidence, vault.confirmed_cell, vault.evidence_clock FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.delivery, vault.evidence, vault.confirmed_cell, vault.evidence_clock
    TO penumbra_worker;

-- ---------------------------------------------------------------------------------------------------------------
-- What exact answers say of it, and only they: how sure a cell is, and who else has told of it in public.
-- ---------------------------------------------------------------------------------------------------------------

-- public_elsewhere: names of systems, with a blank between two; words that need no quoting anywhere.
ALTER TABLE vault.cell_state
    ADD COLUMN confidence text CHECK (confidence IN ('nominal', 'high', 'highest')),
    ADD COLUMN public_elsewhere text NOT NULL DEFAULT '' CHECK (public_elsewhere ~ '^([a-z0-9_]+( [a-z0-9_]+)*)?$');
UPDATE vault.cell_state SET confidence =
    CASE WHEN systems >= 2 THEN 'highest' WHEN support >= 3 THEN 'high' ELSE 'nominal' END
WHERE state = 'active';

-- The three below are those of 0008, with these two columns.
ALTER TABLE vault.cell_state DROP COLUMN feature;
DROP FUNCTION vault.feature_text(integer, integer, text, text, real, real, real, date, real);
CREATE FUNCTION vault.feature_text(
    p_row integer, p_col integer, p_state text, p_class text, p_probability real, p_low real, p_high real,
    p_observed date, p_valid real, p_confidence text, p_elsewhere text
) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE
    west  CONSTANT text := (p_col - 18000) * 0.01;
    south CONSTANT text := (p_row - 9000) * 0.01;
    east  CONSTANT text := (p_col - 17999) * 0.01;
    north CONSTANT text := (p_row - 8999) * 0.01;
BEGIN
    RETURN concat(
        '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[', west, ',', south, '],[', east, ',', south, '],[',
        east, ',', north, '],[', west, ',', north, '],[', west, ',', south, ']]]},"properties":{"row":', p_row, ',"col":', p_col,
        ',"state":"', p_state, '","class":"', p_class, '","probability":', coalesce(p_probability::numeric(4, 3)::text, 'null'),
        ',"interval":[', coalesce(p_low::numeric(4, 3)::text, 'null'), ',', coalesce(p_high::numeric(4, 3)::text, 'null'),
        '],"observed_on":"', p_observed, '","valid_share":', p_valid::numeric(6, 3),
        ',"confidence":', coalesce('"' || p_confidence || '"', 'null'),
        ',"public_elsewhere":[', '"' || nullif(replace(p_elsewhere, ' ', '","'), '') || '"', ']}}'
    );
END $$;

ALTER TABLE vault.cell_state ADD COLUMN feature text GENERATED ALWAYS AS (
    CASE WHEN state IN ('active', 'suspected')
        THEN vault.feature_text(row, col, state, mine_class, probability, low, high, observed_on, valid_share,
            confidence, public_elsewhere) END
) STORED;
ALTER TABLE vault.cell_state ALTER COLUMN feature SET STATISTICS 0;

CREATE OR REPLACE FUNCTION vault.cell_feature(c vault.cell_state) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(c.feature, vault.feature_text(
        c.row, c.col, c.state, c.mine_class, c.probability, c.low, c.high, c.observed_on, c.valid_share,
        c.confidence, c.public_elsewhere))
$$;

-- A cell as FlatGeobuf has it.
DROP TYPE vault.cell_square;
CREATE TYPE vault.cell_square AS (
    geom public.geometry, row integer, col integer, state text, class text, probability float8, low float8, high float8,
    observed_on text, valid_share float8, confidence text, public_elsewhere text, level text, precision_deg float8, rule text,
    policy_version text, generalised boolean
);

-- p_shape: as in 0008; lines end with confidence and public_elsewhere.
CREATE OR REPLACE FUNCTION vault.exact_activity(
    p_ticket uuid, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer, p_states text[],
    p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer,
    p_shape text DEFAULT 'features', p_rule text DEFAULT '', p_policy text DEFAULT ''
) RETURNS TABLE (content text, cells integer[], more boolean, sight text, file bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- one plan for all questions, whose shape is given by the statement: nothing to choose but by mistake
SET plan_cache_mode = force_generic_plan SET enable_sort = off
-- what is read stays in memory: no cell passes through a temporary file
SET work_mem = '64MB' AS $$
DECLARE
    ticket CONSTANT ledger.ticket := vault.spend_ticket(p_ticket, 'activity');
    tally record;
BEGIN
    SELECT * INTO tally FROM vault.open_count(ticket.user_id);
    IF tally.room <= 0 THEN
        RETURN QUERY SELECT NULL::text, '{}'::integer[], true, NULL::text, NULL::bytea;
        RETURN;
    END IF;
    -- a stable function sees what this statement sees
    WITH seen AS MATERIALIZED (
        SELECT own.mine, own.shut, own.word FROM vault.sight_of(ticket.user_id, ticket.token_id, ticket.regions) AS own
    )
    SELECT
        -- only what the shape asks for is written
        coalesce(string_agg(
            CASE p_shape
                WHEN 'features' THEN coalesce(p.feature, vault.feature_text(p.row, p.col, p.state, p.mine_class,
                    p.probability, p.low, p.high, p.observed_on, p.valid_share, p.confidence, p.public_elsewhere))
                ELSE concat(
                    (p.col - 18000) * 0.01, ',', (p.row - 9000) * 0.01, ',', (p.col - 17999) * 0.01, ',',
                    (p.row - 8999) * 0.01, ',', p.row, ',', p.col, ',', p.state, ',', p.mine_class, ',',
                    p.probability::numeric(4, 3), ',', p.low::numeric(4, 3), ',', p.high::numeric(4, 3), ',',
                    p.observed_on, ',', p.valid_share::numeric(6, 3), ',', p.confidence, ',', p.public_elsewhere)
            END,
            CASE p_shape WHEN 'features' THEN ',' ELSE E'\n' END
        ) FILTER (WHERE p.is_here AND p_shape <> 'flatgeobuf'), ''),
        coalesce(array_agg(p.number) FILTER (WHERE p.is_here), '{}'),
        count(*) > count(*) FILTER (WHERE p.is_here),
        (SELECT seen.word FROM seen),
        CASE WHEN p_shape = 'flatgeobuf' THEN coalesce(public.ST_AsFlatGeobuf(ROW(
            public.ST_MakeEnvelope(
                (p.col - 18000) / 100.0, (p.row - 9000) / 100.0, (p.col - 17999) / 100.0, (p.row - 8999) / 100.0, 4326
            ),
            p.row, p.col, p.state, p.mine_class, p.probability::numeric(4, 3)::float8, p.low::numeric(4, 3)::float8,
            p.high::numeric(4, 3)::float8, p.observed_on::text, p.valid_share::numeric(6, 3)::float8,
            -- PostGIS does not read a text back that is null
            coalesce(p.confidence, ''), p.public_elsewhere, 'L0', 0.01, p_rule, p_policy, false
        )::vault.cell_square, false, 'geom') FILTER (WHERE p.is_here AND p_shape = 'flatgeobuf'), '') END
    INTO content, cells, more, sight, file
    FROM (
        SELECT f.*, row_number() OVER so_far <= p_limit
            -- a page that the day's quota covers whatever is in it needs no counting
            AND (tally.room >= p_limit
                OR count(*) FILTER (WHERE NOT f.number <@ tally.seen) OVER so_far <= tally.room) AS is_here
        FROM (
            -- run by run from the south, so that a page of few cells does not read them all, and none of others (LC-24)
            SELECT run.row * 36000 + s.col AS number, run.row, s.*
            FROM (
                -- the sum keeps the planner from taking the order from an index that holds everybody's runs
                SELECT r.region_id, r.row + 0 AS row, greatest(r.col_from, p_col_from) AS col_from, least(r.col_to, p_col_to - 1) AS col_to
                FROM vault.region_run r
                WHERE r.region_id = ANY (ARRAY(SELECT unnest(seen.mine) FROM seen))
                    AND r.row >= greatest(p_row_from, p_after / 36000) AND r.row < p_row_to
                    AND r.col_to >= p_col_from AND r.col_from < p_col_to
                ORDER BY 2, 3
                OFFSET 0
            ) AS run
            CROSS JOIN LATERAL (
                SELECT c.col, c.state, c.mine_class, c.probability, c.low, c.high, c.valid_share, c.observed_on, c.confidence,
                    c.public_elsewhere, c.feature
                FROM vault.cell_state c
                WHERE c.row = run.row AND c.col BETWEEN run.col_from AND run.col_to
                    AND c.state IN ('active', 'suspected') AND c.state = ANY (p_states)
                UNION ALL
                SELECT c.col, c.state, c.mine_class, c.probability, c.low, c.high, c.valid_share, c.observed_on, c.confidence,
                    c.public_elsewhere, NULL
                FROM vault.cell_state c
                WHERE p_states && ARRAY['quiet', 'not_observed'] AND c.row = run.row
                    AND c.col BETWEEN run.col_from AND run.col_to
                    AND c.state NOT IN ('active', 'suspected') AND c.state = ANY (p_states)
            ) AS s
            WHERE run.row * 36000 + s.col > p_after
                AND (p_class IS NULL OR s.mine_class = p_class)
                AND (p_min_probability IS NULL OR s.probability >= p_min_probability)
                AND (p_since IS NULL OR s.observed_on >= p_since)
                AND (NOT EXISTS (SELECT FROM seen WHERE cardinality(seen.shut) > 0) OR NOT EXISTS (
                    SELECT FROM vault.region_run closed
                    WHERE closed.row = run.row AND s.col BETWEEN closed.col_from AND closed.col_to
                        AND closed.region_id = ANY (ARRAY(SELECT unnest(seen.shut) FROM seen))
                ))
                -- regions may overlap: a cell is taken in the first of them
                AND (NOT EXISTS (SELECT FROM seen WHERE cardinality(seen.mine) > 1) OR NOT EXISTS (
                    SELECT FROM vault.region_run twin
                    WHERE twin.row = run.row AND s.col BETWEEN twin.col_from AND twin.col_to AND twin.region_id < run.region_id
                        AND twin.region_id = ANY (ARRAY(SELECT unnest(seen.mine) FROM seen))
                ))
            ORDER BY run.row, s.col
            LIMIT p_limit + 1
        ) AS f
        WINDOW so_far AS (ORDER BY f.row, f.col ROWS UNBOUNDED PRECEDING)
    ) AS p;
    PERFORM vault.keep_count(ticket.user_id, tally.day, tally.seen, cells);
    RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION vault.feature_text FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.feature_text TO penumbra_worker;
