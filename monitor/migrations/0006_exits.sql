-- Every exit of exact cells reads through one function: pages of activity, chunks of files, tiles. What may be read, and
-- whether an answer that was begun may go on, is decided in the statement that reads (P7).

-- A page of few cells must not read them all: rows are taken in the order of runs and keys.
CREATE INDEX cell_state_marked ON vault.cell_state (row, col) WHERE state IN ('active', 'suspected');

-- ---------------------------------------------------------------------------------------------------------------
-- How a cell is written. These bodies are resolved when they are made, so no search path can bend them; without a setting
-- of their own they are set into the statement that calls them, instead of being called once a cell.
-- ---------------------------------------------------------------------------------------------------------------

-- A share with three digits.
CREATE FUNCTION vault.share_text(p_share real) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_share::numeric(6, 3)::text;

-- A GeoJSON feature. Sides are exact decimals, shares as `share_text` writes them or null.
CREATE FUNCTION vault.feature_text(
    p_west text, p_south text, p_east text, p_north text, p_row integer, p_col integer, p_state text, p_class text,
    p_probability text, p_low text, p_high text, p_observed text, p_valid text
) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat(
    '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[', p_west, ',', p_south, '],[', p_east, ',', p_south,
    '],[', p_east, ',', p_north, '],[', p_west, ',', p_north, '],[', p_west, ',', p_south, ']]]},"properties":{"row":',
    p_row, ',"col":', p_col, ',"state":"', p_state, '","class":"', p_class, '","probability":',
    coalesce(p_probability, 'null'), ',"interval":[', coalesce(p_low, 'null'), ',', coalesce(p_high, 'null'),
    '],"observed_on":"', p_observed, '","valid_share":', p_valid, '}}'
);

-- One cell as a feature, for the sites.
CREATE OR REPLACE FUNCTION vault.cell_feature(c vault.cell_state) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT vault.feature_text(
        ((c.col - 18000) * 0.01)::text, ((c.row - 9000) * 0.01)::text,
        ((c.col - 17999) * 0.01)::text, ((c.row - 8999) * 0.01)::text, c.row, c.col, c.state, c.mine_class,
        vault.share_text(c.probability), vault.share_text(c.low), vault.share_text(c.high),
        c.observed_on::text, vault.share_text(c.valid_share))
$$;

-- ---------------------------------------------------------------------------------------------------------------
-- The one reading of cells
-- ---------------------------------------------------------------------------------------------------------------

-- Cells behind `p_after` of the regions that the ticket names and its holder sees exactly now, in the order of cell numbers,
-- in a shape: features (GeoJSON text, comma-joined), lines (comma-separated values: west, south, east, north, row, col,
-- state, class, probability, low, high, observed_on, valid_share; no value can hold a comma, a quote or a line break),
-- flatgeobuf (a file without index, whose head is cut off outside; p_rule and p_policy go into its columns, it has no other
-- place to say what it is, P9). Where the day's quota is spent: null in place of the text and no look at any cell.
-- sight: null unless the token stands and the holder sees every region of the ticket exactly now; else a digest of the
-- regions that are shut inside them. An answer in several parts is whole only if all of them had one sight.
CREATE FUNCTION vault.read_cells(
    p_ticket uuid, p_shape text, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer,
    p_states text[], p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer,
    p_rule text, p_policy text
) RETURNS TABLE (content text, file bytea, cells integer[], more boolean, sight text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
-- a plan made without the limit sorts everything first, and so does one that takes a run for nearly empty
SET plan_cache_mode = force_custom_plan SET enable_sort = off AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'activity');
    tally record;
BEGIN
    SELECT * INTO tally FROM vault.open_count(ticket.user_id);
    IF tally.room <= 0 THEN
        RETURN QUERY SELECT NULL::text, NULL::bytea, '{}'::integer[], true, NULL::text;
        RETURN;
    END IF;
    WITH shut AS MATERIALIZED (
        SELECT access.shut_regions(ticket.user_id) AS id
    ), mine AS MATERIALIZED (
        SELECT held.id FROM vault.held_regions(ticket.user_id, ARRAY['regulator', 'analyst']) AS held (id)
        WHERE held.id = ANY (ticket.regions) AND held.id NOT IN (SELECT shut.id FROM shut)
            AND vault.stands(ticket.user_id, ticket.token_id)
    ), found AS MATERIALIZED (
        SELECT DISTINCT ON (s.row, s.col) s.row * 36000 + s.col AS number, s.row, s.col, s.state, s.mine_class,
            s.probability, s.low, s.high, s.valid_share, s.observed_on
        FROM mine
        JOIN vault.region_run run ON run.region_id = mine.id
            AND run.row >= p_row_from AND run.row < p_row_to
        JOIN vault.cell_state s ON s.row = run.row AND s.col BETWEEN run.col_from AND run.col_to
        WHERE s.row >= p_row_from AND s.row < p_row_to AND s.col >= p_col_from AND s.col < p_col_to
            AND s.row >= p_after / 36000 AND s.row * 36000 + s.col > p_after
            AND s.state = ANY (p_states)
            AND (p_class IS NULL OR s.mine_class = p_class)
            AND (p_min_probability IS NULL OR s.probability >= p_min_probability)
            AND (p_since IS NULL OR s.observed_on >= p_since)
            AND NOT EXISTS (
                SELECT FROM shut JOIN vault.region_run closed ON closed.region_id = shut.id
                WHERE closed.row = s.row AND s.col BETWEEN closed.col_from AND closed.col_to
            )
        ORDER BY s.row, s.col
        LIMIT p_limit + 1
    ), page AS MATERIALIZED (
        SELECT f.* FROM found f
        -- where the quota could end in this page: up to the last cell that it still covers
        WHERE tally.room >= p_limit OR f.number <= (
            SELECT coalesce(max(c.number), -1) FROM (
                SELECT n.number, count(*) FILTER (WHERE NOT n.number <@ tally.seen) OVER (ORDER BY n.number) AS fresh
                FROM found n
            ) AS c WHERE c.fresh <= tally.room
        )
        ORDER BY f.number LIMIT p_limit
    ), written AS (
        SELECT p.number, ((p.col - 18000) * 0.01)::text AS west, ((p.row - 9000) * 0.01)::text AS south,
            ((p.col - 17999) * 0.01)::text AS east, ((p.row - 8999) * 0.01)::text AS north, p.row, p.col, p.state,
            p.mine_class, vault.share_text(p.probability) AS probability, vault.share_text(p.low) AS low,
            vault.share_text(p.high) AS high, p.observed_on::text AS observed_on,
            vault.share_text(p.valid_share) AS valid_share
        FROM page p OFFSET 0
    )
    SELECT
        CASE p_shape
            WHEN 'features' THEN (SELECT coalesce(string_agg(vault.feature_text(
                w.west, w.south, w.east, w.north, w.row, w.col, w.state, w.mine_class, w.probability, w.low, w.high,
                w.observed_on, w.valid_share), ','), '') FROM written w)
            WHEN 'lines' THEN (SELECT coalesce(string_agg(concat(
                w.west, ',', w.south, ',', w.east, ',', w.north, ',', w.row, ',', w.col, ',', w.state, ',', w.mine_class,
                ',', w.probability, ',', w.low, ',', w.high, ',', w.observed_on, ',', w.valid_share), E'\n'), '')
                FROM written w)
            ELSE ''
        END,
        CASE WHEN p_shape = 'flatgeobuf' THEN (
            SELECT coalesce(public.ST_AsFlatGeobuf(square, false, 'geom'), ''::bytea) FROM (
                SELECT public.ST_MakeEnvelope(
                        (p.col - 18000) / 100.0, (p.row - 9000) / 100.0, (p.col - 17999) / 100.0, (p.row - 8999) / 100.0, 4326
                    ) AS geom,
                    p.row, p.col, p.state, p.mine_class AS class, p.probability::numeric(6, 3)::float8 AS probability,
                    p.low::numeric(6, 3)::float8 AS low, p.high::numeric(6, 3)::float8 AS high,
                    p.observed_on::text AS observed_on, p.valid_share::numeric(6, 3)::float8 AS valid_share,
                    'L0'::text AS level, 0.01::float8 AS precision_deg, p_rule AS rule, p_policy AS policy_version,
                    false AS generalised
                FROM page p
            ) AS square
        ) END,
        (SELECT coalesce(array_agg(p.number), '{}') FROM page p),
        (SELECT count(*) FROM found) > (SELECT count(*) FROM page),
        CASE WHEN vault.stands(ticket.user_id, ticket.token_id) AND NOT EXISTS (
            SELECT FROM unnest(ticket.regions) AS named (id) WHERE named.id NOT IN (SELECT mine.id FROM mine)
        ) THEN (
            SELECT md5(coalesce(string_agg(shut.id::text, ',' ORDER BY shut.id), '')) FROM shut
            WHERE EXISTS (
                SELECT FROM mine JOIN vault.region_run run ON run.region_id = mine.id
                JOIN vault.region_run closed ON closed.region_id = shut.id AND closed.row = run.row
                    AND closed.col_from <= run.col_to AND closed.col_to >= run.col_from
            )
        ) END
    INTO content, file, cells, more, sight;
    PERFORM vault.keep_count(ticket.user_id, tally.day, tally.seen, cells);
    RETURN NEXT;
END $$;

-- A page of activity.
CREATE OR REPLACE FUNCTION vault.exact_activity(
    p_ticket uuid, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer, p_states text[],
    p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer
) RETURNS TABLE (features text, cells integer[], more boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT r.content, r.cells, r.more INTO features, cells, more FROM vault.read_cells(
        p_ticket, 'features', p_row_from, p_row_to, p_col_from, p_col_to, p_states, p_class, p_min_probability, p_since,
        p_after, p_limit, '', ''
    ) AS r;
    RETURN NEXT;
END $$;

-- A chunk of a longer answer, as bytes.
CREATE FUNCTION vault.exact_activity_chunk(
    p_ticket uuid, p_shape text, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer,
    p_states text[], p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer,
    p_rule text, p_policy text
) RETURNS TABLE (content bytea, cells integer[], more boolean, sight text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT coalesce(r.file, convert_to(r.content, 'UTF8')), r.cells, r.more, r.sight INTO content, cells, more, sight
    FROM vault.read_cells(
        p_ticket, p_shape, p_row_from, p_row_to, p_col_from, p_col_to, p_states, p_class, p_min_probability, p_since,
        p_after, p_limit, p_rule, p_policy
    ) AS r;
    RETURN NEXT;
END $$;

REVOKE ALL ON FUNCTION vault.share_text, vault.feature_text, vault.read_cells, vault.exact_activity_chunk FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.exact_activity_chunk TO penumbra_web;
