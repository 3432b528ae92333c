-- Exact pages in less time: what is said stays as it was.

-- In SQL it was planned anew for every answer.
CREATE OR REPLACE FUNCTION vault.stands(p_user uuid, p_token uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.accounts_token t
        WHERE t.id = p_token AND t.user_id = p_user AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp());
END $$;

-- What an account may read yet today. p_hold: whether its other answers wait from now on until this one is over. seen, used: what
-- it has read today, and how many cells that is.
DROP FUNCTION vault.open_count(uuid);
CREATE FUNCTION vault.open_count(
    p_user uuid, p_hold boolean DEFAULT true, OUT day date, OUT seen int4multirange, OUT room integer, OUT used integer
) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    day := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    -- to insert beside a row that another is changing would wait for it
    IF NOT EXISTS (SELECT FROM vault.cells_read c WHERE c.user_id = p_user AND c.day = open_count.day) THEN
        INSERT INTO vault.cells_read (user_id, day) VALUES (p_user, open_count.day) ON CONFLICT DO NOTHING;
    END IF;
    IF p_hold THEN
        PERFORM FROM vault.cells_read c WHERE c.user_id = p_user AND c.day = open_count.day FOR UPDATE;
    END IF;
    -- the union takes the value out of its compressed form once, not once a cell
    SELECT c.cells + '{}'::int4multirange, c.used INTO seen, used
    FROM vault.cells_read c WHERE c.user_id = p_user AND c.day = open_count.day;
    SELECT q.allowed - open_count.used INTO room FROM access.quota(p_user) q;
END $$;

-- Counts cells as read. False, with nothing counted, where another answer has counted for the account since open_count told
-- p_used, or is about to: what was read then may be more than is allowed. Nothing waits here, between the reading of cells and their
-- leaving, in which a right could end (P7). Cells that were counted before change nothing. p_used: null where the count is held.
DROP FUNCTION vault.keep_count(uuid, date, int4multirange, integer[]);
CREATE FUNCTION vault.keep_count(
    p_user uuid, p_day date, p_seen int4multirange, p_cells integer[], p_used integer DEFAULT NULL
) RETURNS boolean LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fresh int4multirange;
BEGIN
    SELECT range_agg(int4range(n, n + 1)) INTO fresh FROM unnest(p_cells) AS n WHERE NOT n <@ p_seen;
    IF fresh IS NULL THEN
        RETURN true;
    END IF;
    PERFORM FROM vault.cells_read c
    WHERE c.user_id = p_user AND c.day = p_day AND (p_used IS NULL OR c.used = p_used) FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE vault.cells_read c
    SET cells = p_seen + fresh, used = (SELECT sum(upper(r) - lower(r)) FROM unnest(p_seen + fresh) AS r)
    WHERE c.user_id = p_user AND c.day = p_day;
    RETURN true;
END $$;

REVOKE ALL ON FUNCTION vault.open_count, vault.keep_count FROM PUBLIC;

-- As in 0014, with the settings of 0015. A page is read as lists and cut where it or the day's quota ends, rather than counted
-- cell by cell by windows; other answers to the same account wait only where they would count the same.
CREATE OR REPLACE FUNCTION vault.exact_activity(
    p_ticket uuid, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer, p_states text[],
    p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer,
    p_shape text DEFAULT 'features', p_rule text DEFAULT '', p_policy text DEFAULT ''
) RETURNS TABLE (content text, cells integer[], more boolean, sight text, file bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- one plan for all questions, whose shape is given by the statement: nothing to choose but by mistake
SET plan_cache_mode = force_generic_plan SET enable_sort = off
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
-- what is read stays in memory: no cell passes through a temporary file
SET work_mem = '64MB' AS $$
DECLARE
    ticket CONSTANT ledger.ticket := vault.spend_ticket(p_ticket, 'activity');
    tally record;
    texts text[];
    squares vault.cell_square[];
    kept integer;
    held boolean := false;
BEGIN
    LOOP
        SELECT * INTO tally FROM vault.open_count(ticket.user_id, held);
        IF tally.room <= 0 THEN
            RETURN QUERY SELECT NULL::text, '{}'::integer[], true, NULL::text, NULL::bytea;
            RETURN;
        END IF;
        -- a stable function sees what this statement sees
        WITH seen AS MATERIALIZED (
            SELECT own.mine, own.shut, own.word FROM vault.sight_of(ticket.user_id, ticket.token_id, ticket.regions) AS own
        )
        SELECT
            coalesce(array_agg(f.number), '{}'),
            -- only what the shape asks for is written
            array_agg(CASE p_shape
                WHEN 'features' THEN coalesce(f.feature, vault.feature_text(f.row, f.col, f.state, f.mine_class,
                    f.probability, f.low, f.high, f.observed_on, f.valid_share, f.confidence, f.public_elsewhere))
                ELSE concat(
                    (f.col - 18000) * 0.01, ',', (f.row - 9000) * 0.01, ',', (f.col - 17999) * 0.01, ',',
                    (f.row - 8999) * 0.01, ',', f.row, ',', f.col, ',', f.state, ',', f.mine_class, ',',
                    f.probability::numeric(4, 3), ',', f.low::numeric(4, 3), ',', f.high::numeric(4, 3), ',',
                    f.observed_on, ',', f.valid_share::numeric(6, 3), ',', f.confidence, ',', f.public_elsewhere)
            END) FILTER (WHERE p_shape <> 'flatgeobuf'),
            array_agg(ROW(
                public.ST_MakeEnvelope(
                    (f.col - 18000) / 100.0, (f.row - 9000) / 100.0, (f.col - 17999) / 100.0, (f.row - 8999) / 100.0, 4326
                ),
                f.row, f.col, f.state, f.mine_class, f.probability::numeric(4, 3)::float8, f.low::numeric(4, 3)::float8,
                f.high::numeric(4, 3)::float8, f.observed_on::text, f.valid_share::numeric(6, 3)::float8,
                -- PostGIS does not read a text back that is null
                coalesce(f.confidence, ''), f.public_elsewhere, 'L0', 0.01, p_rule, p_policy, false
            )::vault.cell_square) FILTER (WHERE p_shape = 'flatgeobuf'),
            (SELECT seen.word FROM seen)
        INTO cells, texts, squares, sight
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
            -- one more than the page holds tells whether there are more
            LIMIT p_limit + 1
        ) AS f;
        kept := least(cardinality(cells), p_limit);
        -- a page that the day's quota covers whatever is in it needs no counting
        IF tally.room < kept THEN
            SELECT count(*) FILTER (WHERE counted.fresh <= tally.room) INTO kept
            FROM (
                SELECT count(*) FILTER (WHERE NOT one.number <@ tally.seen) OVER (ORDER BY one.place) AS fresh
                FROM unnest(cells[:kept]) WITH ORDINALITY AS one (number, place)
            ) AS counted;
        END IF;
        more := cardinality(cells) > kept;
        cells := cells[:kept];
        content := coalesce(array_to_string(texts[:kept], CASE p_shape WHEN 'features' THEN ',' ELSE E'\n' END), '');
        IF p_shape = 'flatgeobuf' THEN
            SELECT coalesce(public.ST_AsFlatGeobuf(square, false, 'geom'), '') INTO file FROM unnest(squares[:kept]) AS square;
        END IF;
        EXIT WHEN vault.keep_count(ticket.user_id, tally.day, tally.seen, cells, tally.used);
        -- another answer counts: this one is read anew, once it holds the count
        held := true;
    END LOOP;
    RETURN NEXT;
END $$;
