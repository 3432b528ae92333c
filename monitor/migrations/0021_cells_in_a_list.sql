-- Auditors' questions, as in 0020_readings, of disclosed cells that are lists of numbers (accounts, 0012_cells_in_a_list).

-- Disclosed cells by entry, in rising order, of the readings of which a page lies between p_since and before p_until. first_at,
-- last_at: when the first and the last page of the reading were asked for; the same for all of them. A reading begins with a
-- page that goes on from none, and ends before the next such page of the same question.
DROP FUNCTION vault.told_cells(timestamptz, timestamptz);
CREATE FUNCTION vault.told_cells(p_since timestamptz, p_until timestamptz)
RETURNS TABLE (entry_id uuid, cells integer[], first_at timestamptz, last_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH inside AS MATERIALIZED (
        SELECT d.entry_id, d.question, k.at
        FROM ledger.entry_key k JOIN ledger.disclosure d ON d.entry_id = k.id
        WHERE k.at >= coalesce(p_since, '-infinity') AND k.at < coalesce(p_until, 'infinity')
    ), page AS (
        SELECT d.entry_id, d.question, k.at,
            count(*) FILTER (WHERE NOT d.is_continued) OVER (PARTITION BY d.question ORDER BY k.at) AS reading
        FROM ledger.disclosure d JOIN ledger.entry_key k ON k.id = d.entry_id
        WHERE d.question IN (SELECT i.question FROM inside i)
    ), span AS (
        SELECT p.entry_id, min(p.at) OVER reading AS first_at, max(p.at) OVER reading AS last_at,
            bool_or(i.entry_id IS NOT NULL) OVER reading AS is_inside
        FROM page p LEFT JOIN inside i ON i.entry_id = p.entry_id
        WINDOW reading AS (PARTITION BY p.question, p.reading)
    ), told AS (
        SELECT i.entry_id, i.at AS first_at, i.at AS last_at FROM inside i WHERE i.question IS NULL
        UNION ALL
        SELECT s.entry_id, s.first_at, s.last_at FROM span s WHERE s.is_inside
    )
    SELECT t.entry_id, d.cells, t.first_at, t.last_at FROM told t JOIN ledger.disclosure d ON d.entry_id = t.entry_id
$$;

-- The cells of an alert's site, as the site is now, in rising order.
CREATE FUNCTION vault.list_site(p_alert uuid) RETURNS integer[] LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(member.row * 36000 + member.col ORDER BY member.row, member.col), '{}')
    FROM vault.alert_site meant JOIN vault.site_cell member ON member.site_id = vault.living_site(meant.site_id)
    WHERE meant.alert_id = p_alert
$$;

-- Whether one of the cells was disclosed. Both lists are in rising order, so most are told apart by their ends.
CREATE FUNCTION vault.holds_any(p_disclosed integer[], p_cells integer[]) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN p_disclosed[1] <= p_cells[cardinality(p_cells)] AND p_disclosed[cardinality(p_disclosed)] >= p_cells[1]
        AND EXISTS (SELECT FROM unnest(p_disclosed) AS shown (n) WHERE shown.n IN (SELECT unnest(p_cells)));
END $$;

-- The entries that disclosed a cell of an alert's site, as the site is now, with the time of their reading; of a reading as many
-- as it has purposes, on however many pages the site stood.
CREATE OR REPLACE FUNCTION vault.exposing_entries(p_ticket uuid, p_alert uuid, p_since timestamptz, p_until timestamptz)
RETURNS TABLE (entry_id uuid, first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'exposure');
    site integer[];
BEGIN
    PERFORM vault.check_auditor(ticket.user_id, ticket.token_id);
    IF ticket.object_id IS DISTINCT FROM p_alert THEN
        RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
    END IF;
    site := vault.list_site(p_alert);
    RETURN QUERY
    SELECT DISTINCT ON (told.first_at, told.last_at, e.actor, e.organisation, e.role, e.purpose_code, e.level)
        told.entry_id, told.first_at, told.last_at
    FROM vault.told_cells(p_since, p_until) told JOIN ledger.entry e ON e.id = told.entry_id
    WHERE vault.holds_any(told.cells, site);
END $$;

-- How many different cells of each region one account was shown between two moments, and every other account that was
-- shown cells of that region in the same role.
CREATE OR REPLACE FUNCTION vault.cells_seen(p_ticket uuid, p_actor uuid, p_since timestamptz, p_until timestamptz)
RETURNS TABLE (role text, region_id uuid, actor uuid, cells bigint, region_cells bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- cells that are counted fit into memory, as a rule: what does not passes through the database's temporary files
SET work_mem = '64MB' AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'account');
BEGIN
    PERFORM vault.check_auditor(ticket.user_id, ticket.token_id);
    IF ticket.object_id IS DISTINCT FROM p_actor THEN
        RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    WITH different AS (
        SELECT DISTINCT e.role, e.actor, shown.n
        FROM vault.told_cells(p_since, p_until) told JOIN ledger.entry e ON e.id = told.entry_id,
            unnest(told.cells) AS shown (n)
        WHERE e.actor IS NOT NULL AND e.role IN (SELECT own.role FROM ledger.entry own WHERE own.actor = p_actor)
    ), seen AS MATERIALIZED (
        SELECT d.role, d.actor, range_agg(int4range(d.n, d.n + 1)) AS cells FROM different d GROUP BY d.role, d.actor
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

-- What each account was shown of exact cells on each day, in numbers: by account, role and day (UTC), from p_since to before
-- p_until and of readings that lie inside in part. answers: exact answers that held a cell, p_night of them
-- between the two hours (UTC; from 22 to 5 goes over midnight). shown: cells with repetition; different: without.
-- unfinished: exact readings without a completion. stopped: refusals because the day's quota was spent.
CREATE OR REPLACE FUNCTION vault.reading_days(
    p_ticket uuid, p_since timestamptz, p_until timestamptz, p_night_from integer, p_night_to integer)
RETURNS TABLE (
    actor uuid, role text, day date, answers bigint, at_night bigint, shown bigint, different bigint, unfinished bigint,
    stopped bigint, allowed bigint, first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- cells that are counted fit into memory, as a rule: what does not passes through the database's temporary files
SET work_mem = '64MB' AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'harvest');
BEGIN
    PERFORM vault.check_auditor(ticket.user_id, ticket.token_id);
    RETURN QUERY
    WITH told AS MATERIALIZED (
        SELECT * FROM vault.told_cells(p_since, p_until)
    ), entry AS (
        SELECT e.* FROM ledger.entry e WHERE e.at >= p_since AND e.at < p_until
        UNION ALL
        -- pages outside of readings that lie inside in part
        SELECT e.* FROM told JOIN ledger.entry e ON e.id = told.entry_id WHERE e.at < p_since OR e.at >= p_until
    ), reading AS (
        SELECT e.actor, e.role, (e.at AT TIME ZONE 'UTC')::date AS day, e.at, told.cells,
            e.action = 'refuse.quota' AS is_stopped,
            e.level = 0 AND done.entry_id IS NULL AS is_unfinished,
            CASE WHEN p_night_from <= p_night_to
                THEN extract(hour FROM e.at AT TIME ZONE 'UTC') >= p_night_from
                    AND extract(hour FROM e.at AT TIME ZONE 'UTC') < p_night_to
                ELSE extract(hour FROM e.at AT TIME ZONE 'UTC') >= p_night_from
                    OR extract(hour FROM e.at AT TIME ZONE 'UTC') < p_night_to
            END AS is_night
        FROM entry e
        LEFT JOIN ledger.completion done ON done.entry_id = e.id
        LEFT JOIN told ON told.entry_id = e.id
        WHERE e.actor IS NOT NULL AND (e.level = 0 OR e.action = 'refuse.quota')
    ), different AS MATERIALIZED (
        SELECT one.actor, one.role, one.day, count(*) AS cells
        FROM (SELECT DISTINCT r.actor, r.role, r.day, shown.n FROM reading r, unnest(r.cells) AS shown (n)) one
        GROUP BY one.actor, one.role, one.day
    )
    SELECT r.actor, r.role, r.day,
        count(r.cells),
        count(r.cells) FILTER (WHERE r.is_night),
        coalesce(sum(cardinality(r.cells)), 0)::bigint,
        coalesce((
            SELECT d.cells FROM different d WHERE d.actor = r.actor AND d.role = r.role AND d.day = r.day), 0),
        count(*) FILTER (WHERE r.is_unfinished),
        count(*) FILTER (WHERE r.is_stopped),
        (SELECT l.cells_per_day FROM access.limits l) + coalesce((
            SELECT sum(more.cells) FROM public.monitor_quotarelease more
            JOIN public.accounts_user holder ON holder.id = more.holder_id
            WHERE holder.pseudonym = r.actor AND more.day = r.day), 0),
        min(r.at), max(r.at)
    FROM reading r
    GROUP BY r.actor, r.role, r.day;
END $$;

REVOKE ALL ON FUNCTION vault.told_cells, vault.list_site, vault.holds_any FROM PUBLIC;
