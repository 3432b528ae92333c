-- Days of readings, as in 0024_little_by_little, with how many answers told what no answer of the day had told before, instead of
-- how many cells were told with repetition: whoever went along box by box and then read one of them often enough was no more
-- said to tile.

DROP FUNCTION vault.reading_days(uuid, timestamptz, timestamptz, integer, integer);

-- What each account was shown of exact cells on each day, in numbers: by account, role and day (UTC), from p_since to before
-- p_until and of readings that lie inside in part. answers: exact answers that held a cell, p_night of them
-- between the two hours (UTC; from 22 to 5 goes over midnight), fresh of them such that p_fresh of their cells, a share, or more
-- stood in no answer of the day before. different: cells without repetition; in_all: over all days of the account in this role.
-- unfinished: exact readings without a completion. stopped: refusals because the day's quota was spent.
CREATE FUNCTION vault.reading_days(
    p_ticket uuid, p_since timestamptz, p_until timestamptz, p_night_from integer, p_night_to integer,
    p_fresh double precision)
RETURNS TABLE (
    actor uuid, role text, day date, answers bigint, at_night bigint, fresh bigint, different bigint, in_all bigint,
    unfinished bigint, stopped bigint, allowed bigint, first_at timestamptz, last_at timestamptz)
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
            END AS is_night,
            row_number() OVER (ORDER BY e.at, e.id) AS turn
        FROM entry e
        CROSS JOIN LATERAL (SELECT e.level = 0 AND ledger.can_disclose(e.action)) AS reads (is_exact)
        LEFT JOIN ledger.completion done ON done.entry_id = e.id
        LEFT JOIN told ON told.entry_id = e.id
        WHERE e.actor IS NOT NULL AND (reads.is_exact OR e.action = 'refuse.quota')
    ), different AS MATERIALIZED (
        SELECT r.actor, r.role, r.day, shown.n, min(r.turn) AS turn
        FROM reading r, unnest(r.cells) AS shown (n) GROUP BY r.actor, r.role, r.day, shown.n
    ), first_told AS MATERIALIZED (
        SELECT d.turn, count(*) AS cells FROM different d GROUP BY d.turn
    ), by_account AS MATERIALIZED (
        SELECT d.actor, d.role, count(DISTINCT d.n) AS cells FROM different d GROUP BY d.actor, d.role
    )
    SELECT r.actor, r.role, r.day,
        count(r.cells),
        count(r.cells) FILTER (WHERE r.is_night),
        count(*) FILTER (WHERE first_told.cells >= p_fresh * cardinality(r.cells)),
        coalesce(sum(first_told.cells), 0)::bigint,
        coalesce((SELECT a.cells FROM by_account a WHERE a.actor = r.actor AND a.role = r.role), 0),
        count(*) FILTER (WHERE r.is_unfinished),
        count(*) FILTER (WHERE r.is_stopped),
        (SELECT l.cells_per_day FROM access.limits l) + coalesce((
            SELECT sum(more.cells) FROM public.monitor_quotarelease more
            JOIN public.accounts_user holder ON holder.id = more.holder_id
            WHERE holder.pseudonym = r.actor AND more.day = r.day), 0),
        min(r.at), max(r.at)
    FROM reading r
    LEFT JOIN first_told ON first_told.turn = r.turn
    GROUP BY r.actor, r.role, r.day;
END $$;

REVOKE ALL ON FUNCTION vault.reading_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.reading_days TO penumbra_web;
