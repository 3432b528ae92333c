-- What auditors ask of ledger.disclosure. No role can read that table; these two functions do, each with a ticket of its
-- own, for an auditor who is one now, and answer with entries and numbers, never with a cell.

-- Refuse a ticket whose holder is no active auditor any more, or whose token was revoked (P7). An empty answer would say
-- that nobody has seen a thing.
CREATE FUNCTION vault.check_auditor(p_user uuid, p_token uuid) RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF vault.stands(p_user, p_token) AND EXISTS (
        SELECT FROM public.accounts_user holder
        WHERE holder.id = p_user AND holder.is_active AND holder.role = 'auditor'
    ) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION vault.count_cells(p_cells int4multirange) RETURNS bigint LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(upper(span) - lower(span)), 0) FROM unnest(p_cells) AS span
$$;

-- The entries from p_since to before p_until that disclosed a cell of an alert's site, as the site is now.
CREATE FUNCTION vault.exposing_entries(p_ticket uuid, p_alert uuid, p_since timestamptz, p_until timestamptz)
RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'exposure');
    site int4multirange;
BEGIN
    PERFORM vault.check_auditor(ticket.user_id, ticket.token_id);
    IF ticket.object_id IS DISTINCT FROM p_alert THEN
        RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT range_agg(int4range(member.row * 36000 + member.col, member.row * 36000 + member.col + 1)) INTO site
    FROM vault.alert_site meant
    JOIN vault.site_cell member ON member.site_id = vault.living_site(meant.site_id)
    WHERE meant.alert_id = p_alert;
    RETURN QUERY
    SELECT shown.entry_id
    FROM ledger.disclosure shown JOIN ledger.entry e ON e.id = shown.entry_id
    WHERE (p_since IS NULL OR e.at >= p_since) AND (p_until IS NULL OR e.at < p_until) AND shown.cells && site;
END $$;

-- How many different cells of each region one account was shown between two moments, and every other account that was
-- shown cells of that region in the same role.
CREATE FUNCTION vault.cells_seen(p_ticket uuid, p_actor uuid, p_since timestamptz, p_until timestamptz)
RETURNS TABLE (role text, region_id uuid, actor uuid, cells bigint, region_cells bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'account');
BEGIN
    PERFORM vault.check_auditor(ticket.user_id, ticket.token_id);
    IF ticket.object_id IS DISTINCT FROM p_actor THEN
        RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    WITH seen AS MATERIALIZED (
        SELECT e.role, e.actor, range_agg(shown.cells) AS cells
        FROM ledger.disclosure shown JOIN ledger.entry e ON e.id = shown.entry_id
        WHERE (p_since IS NULL OR e.at >= p_since) AND (p_until IS NULL OR e.at < p_until) AND e.actor IS NOT NULL
            AND e.role IN (SELECT own.role FROM ledger.entry own WHERE own.actor = p_actor)
        GROUP BY e.role, e.actor
    ), region AS MATERIALIZED (
        SELECT run.region_id,
            range_agg(int4range(run.row * 36000 + run.col_from, run.row * 36000 + run.col_to + 1)) AS cells
        FROM vault.region_run run GROUP BY run.region_id
    ), counted AS MATERIALIZED (
        SELECT s.role, r.region_id, s.actor, vault.count_cells(s.cells * r.cells) AS cells,
            vault.count_cells(r.cells) AS region_cells
        FROM seen s CROSS JOIN region r
    )
    SELECT c.* FROM counted c
    WHERE c.cells > 0 AND EXISTS (
        SELECT FROM counted own
        WHERE own.actor = p_actor AND own.role = c.role AND own.region_id = c.region_id AND own.cells > 0);
END $$;

REVOKE ALL ON FUNCTION vault.check_auditor, vault.count_cells, vault.exposing_entries, vault.cells_seen FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.exposing_entries, vault.cells_seen TO penumbra_web;
