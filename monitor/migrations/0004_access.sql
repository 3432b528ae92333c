-- Schema `access`: who may see how sharply, now. Its functions are the only way to change a posture, a grant or a quota.
-- Whoever acts shows their token: a process that lies about who asks can raise nothing, because it would need the
-- tokens of two people. Reading functions run as whoever calls them; acting functions as the owner, with a pinned path.

CREATE SCHEMA access;

-- How many different exact cells one account may be shown in a day (UTC). One row, renewed from the settings after each
-- migration; no process can change it.
CREATE TABLE access.limits (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    cells_per_day integer NOT NULL CHECK (cells_per_day > 0)
);
INSERT INTO access.limits (cells_per_day) VALUES (20000);

-- What was disclosed to one account on one day. Exact, hence in the vault; `used` is the number of cells.
CREATE TABLE vault.cells_read (
    user_id uuid NOT NULL REFERENCES public.accounts_user ON DELETE CASCADE,
    day     date NOT NULL,
    cells   int4multirange NOT NULL DEFAULT '{}',
    used    integer NOT NULL DEFAULT 0 CHECK (used >= 0),
    PRIMARY KEY (user_id, day)
);

-- ---------------------------------------------------------------------------------------------------------------
-- How sharply, now (P7). The same table as monitor/privacy/posture.py; a test holds the two together.
-- ---------------------------------------------------------------------------------------------------------------

-- What an active account holds on regions: its role, and how fine an open region is to it.
CREATE FUNCTION access.held(p_user uuid) RETURNS TABLE (region_id uuid, role text, base smallint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.content_object_id, holder.role, (CASE holder.role WHEN 'partner' THEN 2 ELSE 0 END)::smallint
    FROM public.monitor_regionuserpermission held
    JOIN public.auth_permission permission ON permission.id = held.permission_id
    JOIN public.accounts_user holder ON holder.id = held.user_id
    WHERE held.user_id = p_user AND holder.is_active
        AND (holder.role IN ('regulator', 'analyst') AND permission.codename = 'mandate_region'
            OR holder.role = 'partner' AND permission.codename = 'receive_region')
$$;

-- The finest level that grants in force open of a region to an account; null where there is none. In a sealed region a
-- grant counts only if two people approved it. A grant counts in the role that it was given to.
CREATE FUNCTION access.granted(p_user uuid, p_region uuid) RETURNS smallint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT min(g.level)
    FROM public.monitor_accessgrant g
    JOIN public.accounts_user holder ON holder.id = g.holder_id AND holder.role = g.role AND holder.is_active
    LEFT JOIN public.monitor_regionposture posture ON posture.region_id = g.region_id
    WHERE g.holder_id = p_user AND g.region_id = p_region
        AND g.revoked_at IS NULL AND g.expires_at > clock_timestamp()
        AND (g.approvals >= 2 OR coalesce(posture.posture, 'open') IN ('open', 'guarded'))
$$;

-- The finest level of each region that an account holds something on.
CREATE FUNCTION access.sharpness(p_user uuid) RETURNS TABLE (region_id uuid, finest smallint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT held.region_id, least(
        CASE coalesce(posture.posture, 'open')
            WHEN 'open' THEN held.base
            WHEN 'guarded' THEN greatest(held.base, 1)
            ELSE 3
        END, access.granted(p_user, held.region_id))::smallint
    FROM access.held(p_user) held
    LEFT JOIN public.monitor_regionposture posture ON posture.region_id = held.region_id
$$;

-- Regions of which no exact cell may reach an account now, whatever it holds: a cell that lies in one of them stays
-- there, although it may lie in an open region too. An inspector keeps the sites of a guarded region.
CREATE FUNCTION access.shut_regions(p_user uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT posture.region_id
    FROM public.monitor_regionposture posture
    WHERE posture.posture <> 'open'
        AND NOT (posture.posture = 'guarded'
            AND EXISTS (SELECT FROM public.accounts_user u WHERE u.id = p_user AND u.role = 'inspector'))
        AND access.granted(p_user, posture.region_id) IS DISTINCT FROM 0
$$;

-- Blocks of L3 that touch a sealed region, and the finest level at which an account may see blocks inside them. Sealing
-- reaches outward to whole blocks: the rest of one, told finer, would tell the sealed part by its difference.
CREATE FUNCTION access.sealed_blocks(p_user uuid) RETURNS TABLE (block_row integer, block_col integer, finest smallint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT b.row, b.col, max(coalesce(access.granted(p_user, posture.region_id), 3))::smallint
    FROM public.monitor_regionposture posture
    JOIN release.region_block b ON b.region_id = posture.region_id AND b.level = 3
    WHERE posture.posture NOT IN ('open', 'guarded')
    GROUP BY b.row, b.col
$$;

-- ---------------------------------------------------------------------------------------------------------------
-- Who acts
-- ---------------------------------------------------------------------------------------------------------------

-- The active account behind a usable token; no row for anything else.
CREATE FUNCTION access.bearer(p_secret bytea) RETURNS TABLE (user_id uuid, role text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.id, u.role::text
    FROM public.accounts_token t JOIN public.accounts_user u ON u.id = t.user_id
    WHERE t.digest = sha256(p_secret) AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp() AND u.is_active
$$;

-- True for whoever decides about a region now: an administrator, or a regulator with the mandate for it.
CREATE FUNCTION access.decides(p_user uuid, p_region uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM public.monitor_region r WHERE r.id = p_region) AND (
        EXISTS (SELECT FROM public.accounts_user u WHERE u.id = p_user AND u.is_active AND u.role = 'administrator')
        OR EXISTS (SELECT FROM access.held(p_user) held WHERE held.region_id = p_region AND held.role = 'regulator'))
$$;

-- True for an inspector with an open inspection in a region.
CREATE FUNCTION access.inspects(p_user uuid, p_region uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM public.monitor_inspection inspection
        JOIN public.monitor_alert alert ON alert.id = inspection.alert_id AND alert.region_id = p_region
        JOIN public.accounts_user u ON u.id = inspection.inspector_id AND u.is_active AND u.role = 'inspector'
        WHERE inspection.inspector_id = p_user AND inspection.status IN ('assigned', 'accepted')
            AND inspection.expires_at > clock_timestamp())
$$;

-- ---------------------------------------------------------------------------------------------------------------
-- Acts. Each answers with one word; 'hidden' stands for everything that the actor may not know (P8).
-- ---------------------------------------------------------------------------------------------------------------

-- Move a region's posture. `p_before` and `p_move` say what the actor believes, as the ledger has it already; where they
-- are no longer true nothing happens ('conflict').
CREATE FUNCTION access.move_posture(p_secret bytea, p_region uuid, p_before text, p_after text, p_move text)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    strictness CONSTANT text[] := ARRAY['open', 'guarded', 'sealed'];
    actor uuid;
    here public.monitor_regionposture;
    seconded boolean;
BEGIN
    SELECT b.user_id INTO actor FROM access.bearer(p_secret) b;
    IF actor IS NULL OR NOT access.decides(actor, p_region) OR NOT coalesce(p_after = ANY (strictness), false) THEN
        RETURN 'hidden';
    END IF;
    INSERT INTO public.monitor_regionposture (region_id, posture) VALUES (p_region, 'open') ON CONFLICT DO NOTHING;
    SELECT * INTO here FROM public.monitor_regionposture WHERE region_id = p_region FOR UPDATE;
    -- whoever asked must still be somebody else, active, and entitled
    seconded := here.asked = p_after AND here.asked_by_id IS NOT NULL AND here.asked_by_id <> actor AND here.asked_at > clock_timestamp() - interval '7 days'
        AND access.decides(here.asked_by_id, p_region);
    IF here.posture IS DISTINCT FROM p_before
        OR p_move IS DISTINCT FROM (
            CASE sign(array_position(strictness, p_after) - array_position(strictness, here.posture))
                WHEN 1 THEN 'lower' WHEN 0 THEN 'withdraw'
                ELSE CASE WHEN seconded THEN 'raise' ELSE 'ask' END END
        )
    THEN
        RETURN 'conflict';
    END IF;
    IF p_move = 'ask' THEN
        UPDATE public.monitor_regionposture SET asked = p_after, asked_by_id = actor, asked_at = clock_timestamp()
        WHERE region_id = p_region;
    ELSE
        UPDATE public.monitor_regionposture
        SET posture = p_after, asked = '', asked_by_id = NULL, asked_at = NULL,
            changed_by_id = CASE p_move WHEN 'withdraw' THEN changed_by_id ELSE actor END,
            changed_at = CASE p_move WHEN 'withdraw' THEN changed_at ELSE clock_timestamp() END
        WHERE region_id = p_region;
    END IF;
    RETURN 'done';
END $$;

-- Ask for a finer level on a region that one holds something on. A grant makes sharper; it never adds a region.
CREATE FUNCTION access.ask(
    p_secret bytea, p_id uuid, p_region uuid, p_level integer, p_purpose text, p_reason text, p_until timestamptz
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    actor_role text;
    present integer;
BEGIN
    SELECT b.user_id, b.role INTO actor, actor_role FROM access.bearer(p_secret) b;
    IF actor_role = 'inspector' THEN
        IF access.inspects(actor, p_region) THEN
            present := CASE WHEN p_region IN (SELECT access.shut_regions(actor)) THEN 3 ELSE 0 END;
        END IF;
    ELSE
        SELECT s.finest INTO present FROM access.sharpness(actor) s WHERE s.region_id = p_region;
    END IF;
    IF present IS NULL THEN
        RETURN 'hidden';
    ELSIF p_level < (CASE actor_role WHEN 'partner' THEN 1 ELSE 0 END) OR p_level > 2 THEN
        RETURN 'too_fine';
    ELSIF p_level >= present THEN
        RETURN 'not_finer';
    ELSIF p_until <= clock_timestamp() OR p_until > clock_timestamp() + interval '30 days' THEN
        RETURN 'too_long';
    END IF;
    -- what nobody decided in time makes room
    UPDATE public.monitor_accessrequest SET status = 'refused', decided_at = clock_timestamp()
    WHERE asked_by_id = actor AND region_id = p_region AND status = 'waiting' AND until <= clock_timestamp();
    INSERT INTO public.monitor_accessrequest (id, asked_by_id, role, region_id, level, purpose, reason, until)
    VALUES (p_id, actor, actor_role, p_region, p_level, p_purpose, p_reason, p_until)
    ON CONFLICT DO NOTHING;
    RETURN CASE WHEN FOUND THEN 'done' ELSE 'waiting' END;
END $$;

-- Say yes or no to somebody else's request. So many yeses as the posture asks for make a grant: one, or two while the
-- region is sealed; only the yeses of people count who are active and entitled at that moment.
CREATE FUNCTION access.decide(p_secret bytea, p_request uuid, p_yes boolean)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    wish public.monitor_accessrequest;
    needed integer;
    yeses integer;
BEGIN
    SELECT b.user_id INTO actor FROM access.bearer(p_secret) b;
    SELECT * INTO wish FROM public.monitor_accessrequest WHERE id = p_request FOR UPDATE;
    IF actor IS NULL OR wish.id IS NULL OR NOT (wish.asked_by_id = actor OR access.decides(actor, wish.region_id)) THEN
        RETURN 'hidden';
    ELSIF wish.asked_by_id = actor THEN
        RETURN 'oneself';
    ELSIF wish.status <> 'waiting' OR p_yes AND wish.until <= clock_timestamp() THEN
        RETURN 'over';
    ELSIF NOT p_yes THEN
        UPDATE public.monitor_accessrequest SET status = 'refused', decided_at = clock_timestamp(), refused_by_id = actor
        WHERE id = wish.id;
        RETURN 'refused';
    ELSIF NOT EXISTS (
        SELECT FROM public.accounts_user u WHERE u.id = wish.asked_by_id AND u.is_active AND u.role = wish.role
    ) THEN
        RETURN 'over';
    END IF;
    INSERT INTO public.monitor_accessapproval (request_id, approver_id) VALUES (wish.id, actor) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'again';
    END IF;
    SELECT count(*) INTO yeses FROM public.monitor_accessapproval y
    WHERE y.request_id = wish.id AND y.approver_id <> wish.asked_by_id AND access.decides(y.approver_id, wish.region_id);
    SELECT CASE WHEN posture.posture IN ('open', 'guarded') THEN 1 ELSE 2 END INTO needed
    FROM public.monitor_regionposture posture WHERE posture.region_id = wish.region_id;
    IF yeses < coalesce(needed, 1) THEN
        RETURN 'approved';
    END IF;
    INSERT INTO public.monitor_accessgrant (id, request_id, holder_id, role, region_id, level, approvals, expires_at)
    VALUES (gen_random_uuid(), wish.id, wish.asked_by_id, wish.role, wish.region_id, wish.level, yeses, wish.until);
    UPDATE public.monitor_accessrequest SET status = 'granted', decided_at = clock_timestamp() WHERE id = wish.id;
    RETURN 'granted';
END $$;

-- Take a grant back, or give it up: one person, at once.
CREATE FUNCTION access.revoke_grant(p_secret bytea, p_grant uuid)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    given public.monitor_accessgrant;
BEGIN
    SELECT b.user_id INTO actor FROM access.bearer(p_secret) b;
    SELECT * INTO given FROM public.monitor_accessgrant WHERE id = p_grant FOR UPDATE;
    IF actor IS NULL OR given.id IS NULL OR NOT (given.holder_id = actor OR access.decides(actor, given.region_id)) THEN
        RETURN 'hidden';
    ELSIF given.revoked_at IS NOT NULL OR given.expires_at <= clock_timestamp() THEN
        RETURN 'over';
    END IF;
    UPDATE public.monitor_accessgrant SET revoked_at = clock_timestamp(), revoked_by_id = actor WHERE id = given.id;
    RETURN 'done';
END $$;

-- Let somebody else read more cells today: by an administrator, or by a regulator of a region that the reader works in.
CREATE FUNCTION access.release_quota(p_secret bytea, p_user uuid, p_cells integer)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    actor_role text;
    reader_role text;
BEGIN
    SELECT b.user_id, b.role INTO actor, actor_role FROM access.bearer(p_secret) b;
    SELECT u.role INTO reader_role FROM public.accounts_user u
    WHERE u.id = p_user AND u.is_active AND u.role IN ('regulator', 'analyst', 'inspector');
    IF actor = p_user THEN
        RETURN 'oneself';
    ELSIF actor IS NULL OR reader_role IS NULL OR NOT (
        actor_role = 'administrator' OR actor_role = 'regulator' AND EXISTS (
            SELECT FROM access.held(actor) mine
            WHERE mine.region_id IN (SELECT theirs.region_id FROM access.held(p_user) theirs)
                OR access.inspects(p_user, mine.region_id)))
    THEN
        RETURN 'hidden';
    ELSIF p_cells NOT BETWEEN 1 AND (SELECT l.cells_per_day FROM access.limits l) THEN
        RETURN 'too_many';
    END IF;
    INSERT INTO public.monitor_quotarelease (id, holder_id, day, cells, released_by_id)
    VALUES (gen_random_uuid(), p_user, (clock_timestamp() AT TIME ZONE 'UTC')::date, p_cells, actor);
    RETURN 'done';
END $$;

-- How many different cells an account may be shown today, and how many it has been shown. Numbers only.
CREATE FUNCTION access.quota(p_user uuid) RETURNS TABLE (allowed integer, used integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH today AS MATERIALIZED (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day)
    SELECT l.cells_per_day + coalesce((
            SELECT sum(r.cells) FROM public.monitor_quotarelease r WHERE r.holder_id = p_user AND r.day = today.day
        ), 0)::integer,
        coalesce((SELECT c.used FROM vault.cells_read c WHERE c.user_id = p_user AND c.day = today.day), 0)
    FROM access.limits l, today
$$;

-- ---------------------------------------------------------------------------------------------------------------
-- The gate, again: the functions that read exact cells know posture, grants, quota and the token behind the ticket.
-- ---------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION vault.spend_ticket(p_ticket uuid, p_reads text) RETURNS ledger.ticket LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    opened ledger.ticket;
BEGIN
    SELECT t.* INTO opened FROM ledger.ticket t
    WHERE t.key = p_ticket AND t.reads = p_reads AND vault.is_committed(t.xmin)
        AND t.opened_at > clock_timestamp() - interval '60 seconds'
        -- a snapshot older than this statement would not see a revocation (P7)
        AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted');
    IF opened.entry_id IS NOT NULL THEN
        INSERT INTO vault.spent_ticket (entry_id) VALUES (opened.entry_id) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN opened;
        END IF;
    END IF;
    RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
END $$;

-- True while the token behind a ticket is good; a ticket that no token stands behind is its own.
CREATE FUNCTION vault.stands(p_user uuid, p_token uuid) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_token IS NULL OR EXISTS (
        SELECT FROM public.accounts_token t
        WHERE t.id = p_token AND t.user_id = p_user AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp())
$$;

-- Begin to count a reading: what the account was shown today, and how many more cells it may be shown. Readings of one
-- account wait for each other here, so that two at once cannot both take the last cells.
CREATE FUNCTION vault.open_count(p_user uuid, OUT day date, OUT seen int4multirange, OUT room integer)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    day := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    INSERT INTO vault.cells_read (user_id, day) VALUES (p_user, open_count.day) ON CONFLICT DO NOTHING;
    -- the union takes the value out of its compressed form once, not once a cell
    SELECT c.cells + '{}'::int4multirange INTO seen FROM vault.cells_read c
    WHERE c.user_id = p_user AND c.day = open_count.day FOR UPDATE;
    SELECT q.allowed - q.used INTO room FROM access.quota(p_user) q;
END $$;

-- Keep the cells of a reading, which is about to return them.
CREATE FUNCTION vault.keep_count(p_user uuid, p_day date, p_seen int4multirange, p_cells integer[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    cells_now int4multirange;
BEGIN
    SELECT p_seen + range_agg(int4range(n, n + 1)) INTO cells_now FROM unnest(p_cells) AS n;
    IF cells_now <> p_seen THEN
        UPDATE vault.cells_read c
        SET cells = cells_now, used = (SELECT sum(upper(r) - lower(r)) FROM unnest(cells_now) AS r)
        WHERE c.user_id = p_user AND c.day = p_day;
    END IF;
END $$;

-- Where the quota is spent all three answer with null features, whatever the cells: a refusal that depended on them
-- would tell, cell by cell, what it refuses.

CREATE OR REPLACE FUNCTION vault.exact_activity(
    p_ticket uuid, p_row_from integer, p_row_to integer, p_col_from integer, p_col_to integer, p_states text[],
    p_class text, p_min_probability real, p_since date, p_after integer, p_limit integer
) RETURNS TABLE (features text, cells integer[], more boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'activity');
    tally record;
BEGIN
    SELECT * INTO tally FROM vault.open_count(ticket.user_id);
    IF tally.room <= 0 THEN
        RETURN QUERY SELECT NULL::text, '{}'::integer[], true;
        RETURN;
    END IF;
    WITH shut AS MATERIALIZED (
        SELECT access.shut_regions(ticket.user_id) AS id
    ), mine AS MATERIALIZED (
        SELECT held.id FROM vault.held_regions(ticket.user_id, ARRAY['regulator', 'analyst']) AS held (id)
        WHERE held.id = ANY (ticket.regions) AND held.id NOT IN (SELECT shut.id FROM shut)
            AND vault.stands(ticket.user_id, ticket.token_id)
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
            AND NOT EXISTS (
                SELECT FROM shut JOIN vault.region_run closed ON closed.region_id = shut.id
                WHERE closed.row = s.row AND s.col BETWEEN closed.col_from AND closed.col_to
            )
        ORDER BY s.row, s.col
        LIMIT p_limit + 1
    ), counted AS (
        SELECT f.cell, f.number, row_number() OVER (ORDER BY f.number) AS nth,
            count(*) FILTER (WHERE NOT f.number <@ tally.seen) OVER (ORDER BY f.number) AS fresh
        FROM found f
    ), page AS (
        SELECT c.cell, c.number FROM counted c WHERE c.nth <= p_limit AND c.fresh <= tally.room
    )
    SELECT coalesce(string_agg(vault.cell_feature(page.cell), ',' ORDER BY page.number), ''),
        coalesce(array_agg(page.number ORDER BY page.number), '{}'),
        (SELECT count(*) FROM found) > count(*)
    INTO features, cells, more
    FROM page;
    PERFORM vault.keep_count(ticket.user_id, tally.day, tally.seen, cells);
    RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION vault.exact_alert_site(p_ticket uuid, p_alert uuid)
RETURNS TABLE (features text, cells integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'alert_site');
    tally record;
BEGIN
    SELECT * INTO tally FROM vault.open_count(ticket.user_id);
    IF tally.room <= 0 THEN
        RETURN QUERY SELECT NULL::text, '{}'::integer[];
        RETURN;
    END IF;
    WITH shut AS MATERIALIZED (SELECT access.shut_regions(ticket.user_id) AS id)
    SELECT string_agg(vault.cell_feature(s), ',' ORDER BY s.row, s.col),
        array_agg(s.row * 36000 + s.col ORDER BY s.row, s.col)
    INTO features, cells
    FROM public.monitor_alert alert
    JOIN vault.alert_site meant ON meant.alert_id = alert.id
    JOIN vault.site_cell member ON member.site_id = vault.living_site(meant.site_id)
    JOIN vault.cell_state s ON s.row = member.row AND s.col = member.col
    WHERE alert.id = p_alert AND ticket.object_id = p_alert
        AND vault.stands(ticket.user_id, ticket.token_id)
        AND alert.region_id NOT IN (SELECT shut.id FROM shut)
        AND NOT EXISTS (
            SELECT FROM shut JOIN vault.region_run closed ON closed.region_id = shut.id
            WHERE closed.row = s.row AND s.col BETWEEN closed.col_from AND closed.col_to
        )
        AND alert.region_id IN (SELECT vault.held_regions(ticket.user_id, ARRAY['regulator']))
        AND EXISTS (
            SELECT FROM vault.held_regions(ticket.user_id, ARRAY['regulator']) AS held (id)
            JOIN vault.region_run run ON run.region_id = held.id
            WHERE run.row = s.row AND s.col BETWEEN run.col_from AND run.col_to
        )
    HAVING count(*) > 0;
    IF FOUND THEN
        PERFORM vault.keep_count(ticket.user_id, tally.day, tally.seen, cells);
        RETURN NEXT;
    END IF;
END $$;

CREATE OR REPLACE FUNCTION vault.exact_inspection_site(p_ticket uuid, p_inspection uuid)
RETURNS TABLE (features text, cells integer[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'inspection_site');
    tally record;
BEGIN
    SELECT * INTO tally FROM vault.open_count(ticket.user_id);
    IF tally.room <= 0 THEN
        RETURN QUERY SELECT NULL::text, '{}'::integer[];
        RETURN;
    END IF;
    WITH shut AS MATERIALIZED (SELECT access.shut_regions(ticket.user_id) AS id)
    SELECT string_agg(vault.cell_feature(s), ',' ORDER BY s.row, s.col),
        array_agg(s.row * 36000 + s.col ORDER BY s.row, s.col)
    INTO features, cells
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
        AND vault.stands(ticket.user_id, ticket.token_id)
        AND inspection.status = 'accepted'
        AND clock_timestamp() >= inspection.opens_at AND clock_timestamp() < inspection.expires_at
        AND alert.region_id NOT IN (SELECT shut.id FROM shut)
        AND NOT EXISTS (
            SELECT FROM shut JOIN vault.region_run closed ON closed.region_id = shut.id
            WHERE closed.row = s.row AND s.col BETWEEN closed.col_from AND closed.col_to
        )
        AND EXISTS (
            SELECT FROM vault.region_run run
            WHERE run.region_id = alert.region_id AND run.row = s.row AND s.col BETWEEN run.col_from AND run.col_to
        )
    HAVING count(*) > 0;
    IF FOUND THEN
        PERFORM vault.keep_count(ticket.user_id, tally.day, tally.seen, cells);
        RETURN NEXT;
    END IF;
END $$;

REVOKE ALL ON SCHEMA access FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA access FROM PUBLIC;
REVOKE ALL ON FUNCTION vault.stands, vault.open_count, vault.keep_count FROM PUBLIC;
GRANT USAGE ON SCHEMA access TO penumbra_web;
-- five acts, each with a token; and what a coarse answer and `me` read, of rows that this role may read anyway
GRANT EXECUTE ON FUNCTION
    access.move_posture, access.ask, access.decide, access.revoke_grant, access.release_quota,
    access.held, access.granted, access.sharpness, access.sealed_blocks, access.quota
    TO penumbra_web;
