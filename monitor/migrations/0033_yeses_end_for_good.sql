-- What somebody wished or approved, and what has not come about, ends with their mandate, role or account, as their grants do
-- (0031). Before, the first half of a raise of a posture, and the first of two yeses in a sealed region, counted for nothing
-- meanwhile and again once the same region, role or account was given again.

-- p_region: null for every region.
CREATE OR REPLACE FUNCTION access.end_grants(p_user uuid, p_region uuid) RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- all that wait, of others too, first: this waits for a yes and for a wish that are under way, and what follows sees them
    PERFORM FROM public.monitor_accessrequest
    WHERE region_id = coalesce(p_region, region_id) AND status = 'waiting' ORDER BY id FOR UPDATE;
    PERFORM FROM public.monitor_regionposture
    WHERE region_id = coalesce(p_region, region_id) ORDER BY region_id FOR UPDATE;
    UPDATE public.monitor_accessrequest SET status = 'refused', decided_at = clock_timestamp()
    WHERE asked_by_id = p_user AND region_id = coalesce(p_region, region_id) AND status = 'waiting';
    DELETE FROM public.monitor_accessapproval yes USING public.monitor_accessrequest wish
    WHERE yes.approver_id = p_user AND wish.id = yes.request_id
        AND wish.region_id = coalesce(p_region, wish.region_id) AND wish.status = 'waiting';
    UPDATE public.monitor_accessgrant SET revoked_at = clock_timestamp()
    WHERE holder_id = p_user AND region_id = coalesce(p_region, region_id)
        AND revoked_at IS NULL AND expires_at > clock_timestamp();
    UPDATE public.monitor_regionposture SET asked = '', asked_by_id = NULL, asked_at = NULL
    WHERE asked_by_id = p_user AND region_id = coalesce(p_region, region_id);
END $$;

-- Those that sleep now.
DELETE FROM public.monitor_accessapproval yes USING public.monitor_accessrequest wish
WHERE wish.id = yes.request_id AND wish.status = 'waiting' AND NOT access.decides(yes.approver_id, wish.region_id);
UPDATE public.monitor_regionposture SET asked = '', asked_by_id = NULL, asked_at = NULL
WHERE asked_by_id IS NOT NULL AND NOT access.decides(asked_by_id, region_id);
