-- A grant, and a request that still waits, end for good with what their holder held when people said yes: the mandate or the
-- agreement, the role, the account. Before, they slept, and woke when the same region, role or account was given again, for
-- another purpose perhaps and by people who had never heard of them.

-- p_region: null for every region.
CREATE FUNCTION access.end_grants(p_user uuid, p_region uuid) RETURNS void LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- requests first: this waits for a yes that is under way, whose grant the next statement then sees
    UPDATE public.monitor_accessrequest SET status = 'refused', decided_at = clock_timestamp()
    WHERE asked_by_id = p_user AND region_id = coalesce(p_region, region_id) AND status = 'waiting';
    UPDATE public.monitor_accessgrant SET revoked_at = clock_timestamp()
    WHERE holder_id = p_user AND region_id = coalesce(p_region, region_id)
        AND revoked_at IS NULL AND expires_at > clock_timestamp();
END $$;

-- As the owner: whoever takes a region away may not write grants.
CREATE FUNCTION access.region_withdrawn() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.end_grants(OLD.user_id, OLD.content_object_id);
    RETURN NULL;
END $$;

CREATE FUNCTION access.account_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.end_grants(OLD.id, NULL);
    RETURN NULL;
END $$;

CREATE TRIGGER grants_end_with_the_region AFTER DELETE ON public.monitor_regionuserpermission
    FOR EACH ROW EXECUTE FUNCTION access.region_withdrawn();
CREATE TRIGGER grants_end_with_the_account AFTER UPDATE OF role, is_active ON public.accounts_user
    FOR EACH ROW WHEN (OLD.role IS DISTINCT FROM NEW.role OR OLD.is_active AND NOT NEW.is_active)
    EXECUTE FUNCTION access.account_changed();

REVOKE ALL ON FUNCTION access.end_grants, access.region_withdrawn, access.account_changed FROM PUBLIC;

-- Those that sleep now.
UPDATE public.monitor_accessgrant g SET revoked_at = clock_timestamp()
WHERE g.revoked_at IS NULL AND g.expires_at > clock_timestamp() AND NOT (
    EXISTS (SELECT FROM public.accounts_user u WHERE u.id = g.holder_id AND u.is_active AND u.role = g.role)
    AND (g.role = 'inspector' OR EXISTS (SELECT FROM access.held(g.holder_id) held WHERE held.region_id = g.region_id)));
UPDATE public.monitor_accessrequest w SET status = 'refused', decided_at = clock_timestamp()
WHERE w.status = 'waiting' AND NOT (
    EXISTS (SELECT FROM public.accounts_user u WHERE u.id = w.asked_by_id AND u.is_active AND u.role = w.role)
    AND (w.role = 'inspector' OR EXISTS (SELECT FROM access.held(w.asked_by_id) held WHERE held.region_id = w.region_id)));
