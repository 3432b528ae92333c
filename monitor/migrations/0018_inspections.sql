-- An inspection opens a site, so whoever gives one, takes one on or ends one shows their token, as for the acts of 0004:
-- the web role cannot write inspections, nor the rights to them.

-- Give an alert to an inspector for a window of time: by a regulator of its region, never to oneself. The row of the alert
-- stays locked until the transaction ends, so that whoever moves it next knows of this.
CREATE FUNCTION access.assign_inspection(
    p_secret bytea, p_id uuid, p_alert uuid, p_inspector uuid, p_opens timestamptz, p_expires timestamptz
) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    here uuid;
BEGIN
    SELECT b.user_id INTO actor FROM access.bearer(p_secret) b;
    SELECT alert.region_id INTO here FROM public.monitor_alert alert WHERE alert.id = p_alert FOR UPDATE;
    IF actor IS NULL OR NOT EXISTS (
        SELECT FROM access.held(actor) held WHERE held.region_id = here AND held.role = 'regulator'
    ) THEN
        RETURN 'hidden';
    ELSIF p_inspector = actor OR NOT EXISTS (
        SELECT FROM public.accounts_user u WHERE u.id = p_inspector AND u.is_active AND u.role = 'inspector'
    ) THEN
        RETURN 'nobody';
    ELSIF NOT coalesce(
        p_expires > greatest(p_opens, clock_timestamp()) AND p_expires <= p_opens + interval '60 days', false
    ) THEN
        RETURN 'no_window';
    END IF;
    INSERT INTO public.monitor_inspection (id, alert_id, inspector_id, assigned_by_id, status, opens_at, expires_at, assigned_at)
    VALUES (p_id, p_alert, p_inspector, actor, 'assigned', p_opens, p_expires, clock_timestamp())
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'busy';
    END IF;
    INSERT INTO public.monitor_inspectionuserpermission (permission_id, user_id, content_object_id)
    SELECT permission.id, p_inspector, p_id FROM public.auth_permission permission
    WHERE permission.codename = 'carry_out_inspection';
    RETURN 'done';
END $$;

-- Take an inspection on: its inspector, within the window. From then on the vault opens the site.
CREATE FUNCTION access.accept_inspection(p_secret bytea, p_inspection uuid)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    actor_role text;
    here public.monitor_inspection;
BEGIN
    SELECT b.user_id, b.role INTO actor, actor_role FROM access.bearer(p_secret) b;
    SELECT * INTO here FROM public.monitor_inspection WHERE id = p_inspection FOR UPDATE;
    IF actor_role IS DISTINCT FROM 'inspector' OR here.inspector_id IS DISTINCT FROM actor THEN
        RETURN 'hidden';
    ELSIF here.expires_at <= clock_timestamp() THEN
        RETURN 'past';
    ELSIF here.status <> 'assigned' THEN
        RETURN 'moved';
    END IF;
    UPDATE public.monitor_inspection SET status = 'accepted' WHERE id = here.id;
    RETURN 'done';
END $$;

-- End an inspection: its inspector, or a regulator of its region. The site is shut with the commit (P7).
CREATE FUNCTION access.close_inspection(p_secret bytea, p_inspection uuid)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor uuid;
    actor_role text;
    here public.monitor_inspection;
BEGIN
    SELECT b.user_id, b.role INTO actor, actor_role FROM access.bearer(p_secret) b;
    SELECT * INTO here FROM public.monitor_inspection WHERE id = p_inspection FOR UPDATE;
    IF NOT coalesce(actor_role = 'inspector' AND here.inspector_id = actor, false) AND NOT EXISTS (
        SELECT FROM public.monitor_alert alert
        JOIN access.held(actor) held ON held.region_id = alert.region_id AND held.role = 'regulator'
        WHERE alert.id = here.alert_id)
    THEN
        RETURN 'hidden';
    ELSIF here.status NOT IN ('assigned', 'accepted') THEN
        RETURN 'moved';
    END IF;
    UPDATE public.monitor_inspection SET status = 'closed', closed_at = clock_timestamp() WHERE id = here.id;
    DELETE FROM public.monitor_inspectionuserpermission WHERE content_object_id = here.id;
    RETURN 'done';
END $$;

REVOKE ALL ON FUNCTION access.assign_inspection, access.accept_inspection, access.close_inspection FROM PUBLIC;
GRANT EXECUTE ON FUNCTION access.assign_inspection, access.accept_inspection, access.close_inspection TO penumbra_web;
