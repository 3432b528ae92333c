-- What each account was shown of exact cells on each day, in numbers. Whether that looks like harvesting is decided outside
-- (monitor/privacy/harvest.py); what leaves the sealed part is counts, with an auditor's ticket.

ALTER TABLE ledger.ticket DROP CONSTRAINT ticket_reads_check;
ALTER TABLE ledger.ticket ADD CONSTRAINT ticket_reads_check
    CHECK (reads IN ('activity', 'alert_site', 'inspection_site', 'exposure', 'account', 'harvest'));

-- By account, role and day (UTC), from p_since to before p_until. answers: exact answers that held a cell, p_night of them
-- between the two hours (UTC; from 22 to 5 goes over midnight). shown: cells with repetition; different: without.
-- unfinished: exact readings without a completion. stopped: refusals because the day's quota was spent.
CREATE FUNCTION vault.reading_days(
    p_ticket uuid, p_since timestamptz, p_until timestamptz, p_night_from integer, p_night_to integer)
RETURNS TABLE (
    actor uuid, role text, day date, answers bigint, at_night bigint, shown bigint, different bigint, unfinished bigint,
    stopped bigint, allowed bigint, first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    ticket ledger.ticket := vault.spend_ticket(p_ticket, 'harvest');
BEGIN
    PERFORM vault.check_auditor(ticket.user_id, ticket.token_id);
    RETURN QUERY
    WITH reading AS (
        SELECT e.actor, e.role, (e.at AT TIME ZONE 'UTC')::date AS day, e.at, told.cells,
            e.action = 'refuse.quota' AS is_stopped,
            e.level = 0 AND done.entry_id IS NULL AS is_unfinished,
            CASE WHEN p_night_from <= p_night_to
                THEN extract(hour FROM e.at AT TIME ZONE 'UTC') >= p_night_from
                    AND extract(hour FROM e.at AT TIME ZONE 'UTC') < p_night_to
                ELSE extract(hour FROM e.at AT TIME ZONE 'UTC') >= p_night_from
                    OR extract(hour FROM e.at AT TIME ZONE 'UTC') < p_night_to
            END AS is_night
        FROM ledger.entry e
        LEFT JOIN ledger.completion done ON done.entry_id = e.id
        LEFT JOIN ledger.disclosure told ON told.entry_id = e.id
        WHERE e.at >= p_since AND e.at < p_until AND e.actor IS NOT NULL
            AND (e.level = 0 OR e.action = 'refuse.quota')
    )
    SELECT r.actor, r.role, r.day,
        count(r.cells),
        count(r.cells) FILTER (WHERE r.is_night),
        coalesce(sum(vault.count_cells(r.cells)), 0)::bigint,
        vault.count_cells(range_agg(r.cells)),
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

REVOKE ALL ON FUNCTION vault.reading_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.reading_days TO penumbra_web;
