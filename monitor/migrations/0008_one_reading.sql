-- One function for every exit of exact cells, pages, chunks of files and tiles; and a page is written in a seventh of the
-- time, because what is asked for is written once, when it is stored.

DROP FUNCTION vault.exact_activity(
    uuid, integer, integer, integer, integer, text[], text, real, date, integer, integer
);
DROP FUNCTION vault.exact_activity_chunk(
    uuid, text, integer, integer, integer, integer, text[], text, real, date, integer, integer, text, text
);
DROP FUNCTION vault.read_cells(
    uuid, text, integer, integer, integer, integer, text[], text, real, date, integer, integer, text, text
);

-- ---------------------------------------------------------------------------------------------------------------
-- How a cell is written. What is asked for, cells that are suspected or active, is written once, when it is stored: a page is
-- then a matter of reading, and a cell that is asked for a hundred times is not made a hundred times.
-- ---------------------------------------------------------------------------------------------------------------

-- A GeoJSON feature. Coordinates come from integers, so they are exact decimals. The same for everybody and in every session,
-- whatever it calls a date.
CREATE FUNCTION vault.feature_text(
    p_row integer, p_col integer, p_state text, p_class text, p_probability real, p_low real, p_high real,
    p_observed date, p_valid real
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
        '],"observed_on":"', p_observed, '","valid_share":', p_valid::numeric(6, 3), '}}'
    );
END $$;

ALTER TABLE vault.cell_state ADD COLUMN feature text GENERATED ALWAYS AS (
    CASE WHEN state IN ('active', 'suspected')
        THEN vault.feature_text(row, col, state, mine_class, probability, low, high, observed_on, valid_share) END
) STORED;
ALTER TABLE vault.cell_state ALTER COLUMN feature SET STATISTICS 0;

-- One cell as a feature.
CREATE OR REPLACE FUNCTION vault.cell_feature(c vault.cell_state) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(c.feature, vault.feature_text(
        c.row, c.col, c.state, c.mine_class, c.probability, c.low, c.high, c.observed_on, c.valid_share))
$$;

-- nothing writes cells by these any more
DROP FUNCTION vault.feature_text(
    text, text, text, text, integer, integer, text, text, text, text, text, text, text
);
DROP FUNCTION vault.share_text(real);

-- ---------------------------------------------------------------------------------------------------------------
-- Who asks: as before, word for word, in a language that keeps its plans. A function in plain SQL is parsed and planned anew in
-- each statement that calls it, which took longer than reading a page.
-- ---------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION vault.is_committed(p_xmin xid) RETURNS boolean LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    top CONSTANT numeric := pg_snapshot_xmax(pg_current_snapshot())::text::numeric;
    low CONSTANT numeric := p_xmin::text::numeric;
BEGIN
    -- xmin has 32 bits: of the full ids that end in them, the one nearest to the newest transaction is meant
    RETURN coalesce(
        pg_xact_status((low + 4294967296 * round((top - low) / 4294967296))::text::xid8) = 'committed', false);
END $$;

CREATE OR REPLACE FUNCTION access.held(p_user uuid) RETURNS TABLE (region_id uuid, role text, base smallint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT held.content_object_id, holder.role::text,
        (CASE holder.role WHEN 'partner' THEN coalesce(agreement.level, 2) ELSE 0 END)::smallint
    FROM public.monitor_regionuserpermission held
    JOIN public.auth_permission permission ON permission.id = held.permission_id
    JOIN public.accounts_user holder ON holder.id = held.user_id
    LEFT JOIN public.monitor_agreement agreement
        ON agreement.user_id = held.user_id AND agreement.region_id = held.content_object_id
        AND (agreement.expires_at IS NULL OR agreement.expires_at > clock_timestamp())
    WHERE held.user_id = p_user AND holder.is_active
        AND (holder.role IN ('regulator', 'analyst') AND permission.codename = 'mandate_region'
            OR holder.role = 'partner' AND permission.codename = 'receive_region');
END $$;

CREATE OR REPLACE FUNCTION access.granted(p_user uuid, p_region uuid) RETURNS smallint LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN (
        SELECT min(g.level)
        FROM public.monitor_accessgrant g
        JOIN public.accounts_user holder ON holder.id = g.holder_id AND holder.role = g.role AND holder.is_active
        LEFT JOIN public.monitor_regionposture posture ON posture.region_id = g.region_id
        WHERE g.holder_id = p_user AND g.region_id = p_region
            AND g.revoked_at IS NULL AND g.expires_at > clock_timestamp()
            AND (g.approvals >= 2 OR coalesce(posture.posture, 'open') IN ('open', 'guarded'))
    );
END $$;

CREATE OR REPLACE FUNCTION access.sharpness(p_user uuid) RETURNS TABLE (region_id uuid, finest smallint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT held.region_id, least(
        CASE coalesce(posture.posture, 'open')
            WHEN 'open' THEN held.base
            WHEN 'guarded' THEN greatest(held.base, 1)
            ELSE 3
        END, access.granted(p_user, held.region_id))::smallint
    FROM access.held(p_user) held
    LEFT JOIN public.monitor_regionposture posture ON posture.region_id = held.region_id;
END $$;

CREATE OR REPLACE FUNCTION access.sealed_blocks(p_user uuid) RETURNS TABLE (block_row integer, block_col integer, finest smallint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT b.row, b.col, max(coalesce(access.granted(p_user, posture.region_id), 3))::smallint
    FROM public.monitor_regionposture posture
    JOIN release.region_block b ON b.region_id = posture.region_id AND b.level = 3
    WHERE posture.posture NOT IN ('open', 'guarded')
    GROUP BY b.row, b.col;
END $$;

CREATE OR REPLACE FUNCTION access.shut_regions(p_user uuid) RETURNS SETOF uuid LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT posture.region_id
    FROM public.monitor_regionposture posture
    WHERE posture.posture <> 'open'
        AND NOT (posture.posture = 'guarded'
            AND EXISTS (SELECT FROM public.accounts_user u WHERE u.id = p_user AND u.role = 'inspector'))
        AND access.granted(p_user, posture.region_id) IS DISTINCT FROM 0;
END $$;

CREATE OR REPLACE FUNCTION access.quota(p_user uuid) RETURNS TABLE (allowed integer, used integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    today CONSTANT date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    RETURN QUERY
    SELECT l.cells_per_day + coalesce((
            SELECT sum(r.cells) FROM public.monitor_quotarelease r WHERE r.holder_id = p_user AND r.day = today
        ), 0)::integer,
        coalesce((SELECT c.used FROM vault.cells_read c WHERE c.user_id = p_user AND c.day = today), 0)
    FROM access.limits l;
END $$;

CREATE OR REPLACE FUNCTION vault.held_regions(p_user uuid, p_roles text[]) RETURNS SETOF uuid LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT held.content_object_id
    FROM public.monitor_regionuserpermission held
    JOIN public.auth_permission permission ON permission.id = held.permission_id
    JOIN public.accounts_user holder ON holder.id = held.user_id
    WHERE held.user_id = p_user AND permission.codename = 'mandate_region'
        AND holder.is_active AND holder.role = ANY (p_roles);
END $$;

CREATE OR REPLACE FUNCTION vault.stands(p_user uuid, p_token uuid) RETURNS boolean LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN p_token IS NULL OR EXISTS (
        SELECT FROM public.accounts_token t
        WHERE t.id = p_token AND t.user_id = p_user AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp());
END $$;

-- What an account may see now of the regions that a ticket names: mine, of which it sees every cell that does not lie in one of
-- `shut` too; and a word, as `exact_activity` tells it.
CREATE FUNCTION vault.sight_of(
    p_user uuid, p_token uuid, p_regions uuid[], OUT mine uuid[], OUT shut uuid[], OUT word text
) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    shut := ARRAY(SELECT access.shut_regions(p_user));
    mine := ARRAY(
        SELECT held.id FROM vault.held_regions(p_user, ARRAY['regulator', 'analyst']) AS held (id)
        WHERE held.id = ANY (p_regions) AND held.id <> ALL (shut) AND vault.stands(p_user, p_token));
    IF mine @> p_regions AND vault.stands(p_user, p_token) THEN
        word := md5(coalesce((
            SELECT string_agg(one.id::text, ',' ORDER BY one.id) FROM unnest(shut) AS one (id)
            WHERE EXISTS (
                SELECT FROM vault.region_run run
                JOIN vault.region_run closed ON closed.row = run.row
                    AND closed.col_from <= run.col_to AND closed.col_to >= run.col_from
                WHERE run.region_id = ANY (mine) AND closed.region_id = one.id)
        ), ''));
    END IF;
END $$;

-- Keep the cells of a reading, which is about to return them. What was counted today is not counted again.
CREATE OR REPLACE FUNCTION vault.keep_count(p_user uuid, p_day date, p_seen int4multirange, p_cells integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    fresh int4multirange;
BEGIN
    SELECT range_agg(int4range(n, n + 1)) INTO fresh FROM unnest(p_cells) AS n WHERE NOT n <@ p_seen;
    IF fresh IS NOT NULL THEN
        UPDATE vault.cells_read c
        SET cells = p_seen + fresh, used = (SELECT sum(upper(r) - lower(r)) FROM unnest(p_seen + fresh) AS r)
        WHERE c.user_id = p_user AND c.day = p_day;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------
-- The one reading of cells
-- ---------------------------------------------------------------------------------------------------------------

-- A cell as FlatGeobuf has it: a format without a place to say what a file is, so each row says it (P9).
CREATE TYPE vault.cell_square AS (
    geom public.geometry, row integer, col integer, state text, class text, probability float8, low float8, high float8,
    observed_on text, valid_share float8, level text, precision_deg float8, rule text, policy_version text,
    generalised boolean
);

-- Exact activity for a regulator or analyst: cells behind `p_after` of the regions that the ticket names and its holder sees
-- exactly now, in the order of cell numbers, at most `p_limit` and as many as the day's quota covers.
-- p_shape: what is written into `content`: features (GeoJSON, comma-joined), lines (comma-separated values: west, south, east,
-- north, row, col, state, class, probability, low, high, observed_on, valid_share; no value can hold a comma, a quote or a
-- line break), or into `file`: flatgeobuf (without an index; its head is cut off outside; p_rule, p_policy for its columns).
-- Where the quota is spent, content is null, whatever the cells.
-- sight: null unless the token stands and the holder sees every region of the ticket exactly now; else a digest of the regions
-- that are shut inside them. An answer in several parts is whole only if all of them had one sight (P7).
CREATE FUNCTION vault.exact_activity(
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
                    p.probability, p.low, p.high, p.observed_on, p.valid_share))
                ELSE concat(
                    (p.col - 18000) * 0.01, ',', (p.row - 9000) * 0.01, ',', (p.col - 17999) * 0.01, ',',
                    (p.row - 8999) * 0.01, ',', p.row, ',', p.col, ',', p.state, ',', p.mine_class, ',',
                    p.probability::numeric(4, 3), ',', p.low::numeric(4, 3), ',', p.high::numeric(4, 3), ',',
                    p.observed_on, ',', p.valid_share::numeric(6, 3))
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
            p.high::numeric(4, 3)::float8, p.observed_on::text, p.valid_share::numeric(6, 3)::float8, 'L0', 0.01, p_rule,
            p_policy, false
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
                SELECT c.col, c.state, c.mine_class, c.probability, c.low, c.high, c.valid_share, c.observed_on, c.feature
                FROM vault.cell_state c
                WHERE c.row = run.row AND c.col BETWEEN run.col_from AND run.col_to
                    AND c.state IN ('active', 'suspected') AND c.state = ANY (p_states)
                UNION ALL
                SELECT c.col, c.state, c.mine_class, c.probability, c.low, c.high, c.valid_share, c.observed_on, NULL
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

REVOKE ALL ON FUNCTION vault.feature_text, vault.sight_of, vault.exact_activity FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.exact_activity TO penumbra_web;
-- whoever stores a cell writes its feature; it knows the cell already
GRANT EXECUTE ON FUNCTION vault.feature_text TO penumbra_worker;
