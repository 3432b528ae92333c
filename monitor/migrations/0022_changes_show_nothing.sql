-- What auditors are told of days, as in 0021_cells_in_a_list, of entries that can disclose (accounts, 0013_what_discloses). A
-- question for exact cells, or a yes to it, that was never completed counted as an exact reading.

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
            reads.is_exact AND done.entry_id IS NULL AS is_unfinished,
            CASE WHEN p_night_from <= p_night_to
                THEN extract(hour FROM e.at AT TIME ZONE 'UTC') >= p_night_from
                    AND extract(hour FROM e.at AT TIME ZONE 'UTC') < p_night_to
                ELSE extract(hour FROM e.at AT TIME ZONE 'UTC') >= p_night_from
                    OR extract(hour FROM e.at AT TIME ZONE 'UTC') < p_night_to
            END AS is_night
        FROM entry e
        CROSS JOIN LATERAL (SELECT e.level = 0 AND ledger.can_disclose(e.action)) AS reads (is_exact)
        LEFT JOIN ledger.completion done ON done.entry_id = e.id
        LEFT JOIN told ON told.entry_id = e.id
        WHERE e.actor IS NOT NULL AND (reads.is_exact OR e.action = 'refuse.quota')
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
