-- As in 0008_one_reading, but a grant counts only while its holder holds the region: it makes sharper, and adds no region. One that
-- outlived a mandate or an agreement opened a guarded region's cells where an open region overlaps it, and finer blocks around a
-- sealed one, to somebody who holds nothing there any more. An inspector holds no region: the statement that reads asks for an
-- open inspection.
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
            AND (g.role = 'inspector' OR EXISTS (SELECT FROM access.held(p_user) held WHERE held.region_id = p_region))
    );
END $$;
