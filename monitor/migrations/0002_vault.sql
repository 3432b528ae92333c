-- Schema `vault`: the only place that knows where. Tables belong to the owner; the worker reads and writes them;
-- the web role may execute five functions (three ask for a ticket, two only write) and nothing else. Everything is keyed by integer cells of the lattice.

CREATE SCHEMA vault;

-- A jurisdiction as runs of cells (row, first column, last column): public geography, fast to join.
CREATE TABLE vault.region_run (
    region_id   uuid NOT NULL REFERENCES public.monitor_region ON DELETE CASCADE,
    row         integer NOT NULL CHECK (row BETWEEN 0 AND 17999),
    col_from    integer NOT NULL CHECK (col_from BETWEEN 0 AND 35999),
    col_to      integer NOT NULL CHECK (col_to BETWEEN col_from AND 35999),
    PRIMARY KEY (region_id, row, col_from)
);
CREATE INDEX region_run_row ON vault.region_run (row, col_from);

-- The STAC item of a scene: its footprint, dates and hrefs.
CREATE TABLE vault.item (
    scene_id      uuid PRIMARY KEY REFERENCES public.monitor_scene ON DELETE CASCADE,
    document      jsonb NOT NULL,
    base_href     text NOT NULL,
    folder        text,              -- below it the files may be read: said by the operator who ingested the catalogue
    sensor        text NOT NULL,
    observed_from timestamptz NOT NULL,
    observed_to   timestamptz NOT NULL CHECK (observed_to >= observed_from)
);
CREATE INDEX item_by_date ON vault.item (sensor, observed_to);

-- Score history: one row per cell, scene and model. `state_after` is what was believed after this observation.
CREATE TABLE vault.score (
    row           integer NOT NULL,
    col           integer NOT NULL,
    scene_id      uuid NOT NULL REFERENCES public.monitor_scene ON DELETE CASCADE,
    model_id      uuid NOT NULL REFERENCES public.monitor_trainedmodel ON DELETE CASCADE,
    sensor        text NOT NULL,
    observed_from date NOT NULL,
    observed_on   date NOT NULL,
    observed      boolean NOT NULL,
    has_reference boolean NOT NULL,
    valid_share   real NOT NULL CHECK (valid_share >= 0),
    p_none        real,
    p_artisanal   real,
    p_industrial  real,
    low           real,
    high          real,
    state_after   text,
    PRIMARY KEY (row, col, scene_id, model_id),
    CHECK (observed = (p_none IS NOT NULL AND p_artisanal IS NOT NULL AND p_industrial IS NOT NULL))
);
CREATE INDEX score_by_scene ON vault.score (scene_id);

-- What is currently believed of each cell.
CREATE TABLE vault.cell_state (
    row           integer NOT NULL,
    col           integer NOT NULL,
    state         text NOT NULL CHECK (state IN ('quiet', 'suspected', 'active', 'not_observed')),
    mine_class    text NOT NULL CHECK (mine_class IN ('none', 'artisanal', 'industrial')),
    probability   real,
    low           real,
    high          real,
    valid_share   real NOT NULL,
    observed_on   date NOT NULL,
    support       smallint NOT NULL DEFAULT 0,
    systems       smallint NOT NULL DEFAULT 0,   -- sensors whose last word was high
    PRIMARY KEY (row, col)
);

-- Sites: neighbouring active cells. An absorbed site points to the one that goes on and keeps its history.
CREATE TABLE vault.site (
    id            uuid PRIMARY KEY,
    region_id     uuid NOT NULL REFERENCES public.monitor_region,
    age           bigint GENERATED ALWAYS AS IDENTITY,
    first_seen_on date NOT NULL,
    absorbed_into uuid REFERENCES vault.site,
    cells_alerted integer NOT NULL DEFAULT 0
);
CREATE INDEX site_absorbed ON vault.site (absorbed_into) WHERE absorbed_into IS NOT NULL;
CREATE TABLE vault.site_cell (
    row           integer NOT NULL,
    col           integer NOT NULL,
    site_id       uuid NOT NULL REFERENCES vault.site,
    PRIMARY KEY (row, col)
);
CREATE INDEX site_cell_site ON vault.site_cell (site_id);

-- Which site an alert means. One open alert a site.
CREATE TABLE vault.alert_site (
    alert_id      uuid PRIMARY KEY REFERENCES public.monitor_alert,
    site_id       uuid NOT NULL REFERENCES vault.site,
    is_open       boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX one_open_alert_a_site ON vault.alert_site (site_id) WHERE is_open;

-- Labels: reviewed statements about a cell at a date.
CREATE TABLE vault.label (
    row            integer NOT NULL,
    col            integer NOT NULL,
    label          text NOT NULL CHECK (label IN ('none', 'artisanal', 'industrial')),
    kind           text NOT NULL DEFAULT '',
    source         text NOT NULL,
    observed_from  date,
    observed_to    date,              -- null where the source does not say for when it holds
    item           text NOT NULL DEFAULT '',
    UNIQUE NULLS NOT DISTINCT (row, col, observed_to, source)
);

-- A ticket is spent here, in the same statement that reads.
CREATE TABLE vault.spent_ticket (
    entry_id uuid PRIMARY KEY,
    spent_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- ---------------------------------------------------------------------------------------------------------------
-- The gate. Functions below run with the owner's rights, with a pinned search path.
-- ---------------------------------------------------------------------------------------------------------------

-- True where the transaction that wrote a row is over: its row would survive a crash now. Asks for the transaction's own
-- status: a snapshot knows no subtransactions, so it would take a row of an open savepoint for a committed one.
CREATE FUNCTION vault.is_committed(p_xmin xid) RETURNS boolean LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
    -- xmin has 32 bits: of the full ids that end in them, the one nearest to the newest transaction is meant
    WITH newest AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS top),
    widened AS (
        SELECT p_xmin::text::numeric + 4294967296 * round((top - p_xmin::text::numeric) / 4294967296) AS full_xid
        FROM newest
    )
    SELECT coalesce(pg_xact_status(full_xid::text::xid8) = 'committed', false) FROM widened
$$;

-- Spend a ticket, named by its key, and return it. Refuses one that is missing, uncommitted, older than 60 s, for another kind of reading
-- or used before (P6). The message never says which: to a stranger all tickets are equally worthless.
CREATE FUNCTION vault.spend_ticket(p_ticket uuid, p_reads text) RETURNS ledger.ticket LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    opened ledger.ticket;
BEGIN
    SELECT t.* INTO opened FROM ledger.ticket t
    WHERE t.key = p_ticket AND t.reads = p_reads AND vault.is_committed(t.xmin)
        AND t.opened_at > clock_timestamp() - interval '60 seconds';
    IF opened.entry_id IS NOT NULL THEN
        INSERT INTO vault.spent_ticket (entry_id) VALUES (opened.entry_id) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN opened;
        END IF;
    END IF;
    RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
END $$;

-- The regions that an active account with one of the roles holds a permission on now (P7).
CREATE FUNCTION vault.held_regions(p_user uuid, p_roles text[]) RETURNS SETOF uuid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.content_object_id
    FROM public.monitor_regionuserpermission held
    JOIN public.auth_permission permission ON permission.id = held.permission_id
    JOIN public.accounts_user holder ON holder.id = held.user_id
    WHERE held.user_id = p_user AND permission.codename = 'mandate_region'
        AND holder.is_active AND holder.role = ANY (p_roles)
$$;

-- The site that goes on for a site that may have been absorbed.
CREATE FUNCTION vault.living_site(p_site uuid) RETURNS uuid LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE step AS (
        SELECT id, absorbed_into FROM vault.site WHERE id = p_site
        UNION ALL
        SELECT s.id, s.absorbed_into FROM vault.site s JOIN step ON s.id = step.absorbed_into
    )
    SELECT id FROM step WHERE absorbed_into IS NULL
$$;

-- One cell as a GeoJSON feature in text. Coordinates come from integers, so they are exact decimals.
CREATE FUNCTION vault.cell_feature(c vault.cell_state) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT format(
        '{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[%1$s,%2$s],[%3$s,%2$s],[%3$s,%4$s],[%1$s,%4$s],[%1$s,%2$s]]]},'
        '"properties":{"row":%5$s,"col":%6$s,"state":"%7$s","class":"%8$s","probability":%9$s,"interval":[%10$s,%11$s],'
        '"observed_on":"%12$s","valid_share":%13$s}}',
        ((c.col - 18000) / 100.0)::numeric(6, 2), ((c.row - 9000) / 100.0)::numeric(6, 2),
        ((c.col - 17999) / 100.0)::numeric(6, 2), ((c.row - 8999) / 100.0)::numeric(6, 2),
        c.row, c.col, c.state, c.mine_class,
        coalesce(c.probability::numeric(4, 3)::text, 'null'),
        coalesce(c.low::numeric(4, 3)::text, 'null'), coalesce(c.high::numeric(4, 3)::text, 'null'),
        c.observed_on, c.valid_share::numeric(6, 3))
$$;

-- Exact activity for a regulator or analyst: one page of cells in the regions that the ticket names and the holder
-- holds now, in the order of cell numbers, after `p_after`.
CREATE FUNCTION vault.exact_activity(
    p_ticket uuid, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer, p_states text[],
    p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer
) RETURNS TABLE (features text, cells integer[], more boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'activity');
BEGIN
    RETURN QUERY
    WITH mine AS MATERIALIZED (
        SELECT held.id FROM vault.held_regions(ticket.user_id, ARRAY['regulator', 'analyst']) AS held (id)
        WHERE held.id = ANY (ticket.regions)
    ), found AS (
        SELECT DISTINCT ON (s.row, s.col) s AS cell, s.row * 36000 + s.col AS number
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
        ORDER BY s.row, s.col
        LIMIT p_limit + 1
    ), page AS (SELECT f.cell, f.number FROM found f ORDER BY f.number LIMIT p_limit)
    SELECT coalesce(string_agg(vault.cell_feature(page.cell), ',' ORDER BY page.number), ''),
        coalesce(array_agg(page.number ORDER BY page.number), '{}'),
        (SELECT count(*) FROM found) > p_limit
    FROM page;
END $$;

-- The cells of one alert's site, for a regulator who holds the alert's region now. A site can reach over a border: what
-- lies outside the regions held stays there.
CREATE FUNCTION vault.exact_alert_site(p_ticket uuid, p_alert uuid)
RETURNS TABLE (features text, cells integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'alert_site');
BEGIN
    RETURN QUERY
    SELECT string_agg(vault.cell_feature(s), ',' ORDER BY s.row, s.col),
        array_agg(s.row * 36000 + s.col ORDER BY s.row, s.col)
    FROM public.monitor_alert alert
    JOIN vault.alert_site meant ON meant.alert_id = alert.id
    JOIN vault.site_cell member ON member.site_id = vault.living_site(meant.site_id)
    JOIN vault.cell_state s ON s.row = member.row AND s.col = member.col
    WHERE alert.id = p_alert AND ticket.object_id = p_alert
        AND alert.region_id IN (SELECT vault.held_regions(ticket.user_id, ARRAY['regulator']))
        AND EXISTS (
            SELECT FROM vault.held_regions(ticket.user_id, ARRAY['regulator']) AS held (id)
            JOIN vault.region_run run ON run.region_id = held.id
            WHERE run.row = s.row AND s.col BETWEEN run.col_from AND run.col_to
        )
    HAVING count(*) > 0;
END $$;

-- The cells of one inspection's site, for its inspector: assigned, accepted, within its window and not closed, now; and in
-- the alert's region, because nobody can hand out what lies beyond it.
CREATE FUNCTION vault.exact_inspection_site(p_ticket uuid, p_inspection uuid)
RETURNS TABLE (features text, cells integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'inspection_site');
BEGIN
    RETURN QUERY
    SELECT string_agg(vault.cell_feature(s), ',' ORDER BY s.row, s.col),
        array_agg(s.row * 36000 + s.col ORDER BY s.row, s.col)
    FROM public.monitor_inspection inspection
    JOIN public.monitor_alert alert ON alert.id = inspection.alert_id
    JOIN public.accounts_user inspector ON inspector.id = inspection.inspector_id
    JOIN public.monitor_inspectionuserpermission held
        ON held.content_object_id = inspection.id AND held.user_id = inspector.id
    JOIN public.auth_permission permission
        ON permission.id = held.permission_id AND permission.codename = 'carry_out_inspection'
    JOIN vault.alert_site meant ON meant.alert_id = alert.id
    JOIN vault.site_cell member ON member.site_id = vault.living_site(meant.site_id)
    JOIN vault.cell_state s ON s.row = member.row AND s.col = member.col
    WHERE inspection.id = p_inspection AND ticket.object_id = p_inspection
        AND inspector.id = ticket.user_id AND inspector.is_active AND inspector.role = 'inspector'
        AND inspection.status = 'accepted'
        AND clock_timestamp() >= inspection.opens_at AND clock_timestamp() < inspection.expires_at
        AND EXISTS (
            SELECT FROM vault.region_run run
            WHERE run.region_id = alert.region_id AND run.row = s.row AND s.col BETWEEN run.col_from AND run.col_to
        )
    HAVING count(*) > 0;
END $$;

-- Hand in a scene's item. Write-only: nothing comes back, and an item that is there already stays as it is.
CREATE FUNCTION vault.deposit_item(
    p_scene uuid, p_document jsonb, p_base_href text, p_sensor text, p_from timestamptz, p_to timestamptz
) RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO vault.item (scene_id, document, base_href, sensor, observed_from, observed_to)
    VALUES (p_scene, p_document, p_base_href, p_sensor, p_from, p_to)
    ON CONFLICT (scene_id) DO NOTHING
$$;

-- An alert that was closed or dismissed makes room for the next one of its site. Write-only.
CREATE FUNCTION vault.close_alert_site(p_alert uuid) RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    UPDATE vault.alert_site SET is_open = false
    WHERE alert_id = p_alert
        AND EXISTS (SELECT FROM public.monitor_alert a WHERE a.id = p_alert AND a.status IN ('closed', 'dismissed'))
$$;

REVOKE ALL ON SCHEMA vault FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vault FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO penumbra_web, penumbra_worker;
GRANT EXECUTE ON FUNCTION
    vault.exact_activity, vault.exact_alert_site, vault.exact_inspection_site,
    vault.deposit_item, vault.close_alert_site
    TO penumbra_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vault TO penumbra_worker;
REVOKE ALL ON vault.spent_ticket FROM penumbra_worker;
GRANT EXECUTE ON FUNCTION vault.deposit_item, vault.close_alert_site, vault.living_site TO penumbra_worker;
