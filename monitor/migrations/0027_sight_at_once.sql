-- What an account sees exactly, as in 0008_one_reading and said as it was, in less time: whether its token stands is asked once, and where
-- no region is shut none are compared.
CREATE OR REPLACE FUNCTION vault.sight_of(
    p_user uuid, p_token uuid, p_regions uuid[], OUT mine uuid[], OUT shut uuid[], OUT word text
) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stands CONSTANT boolean := vault.stands(p_user, p_token);
BEGIN
    shut := ARRAY(SELECT access.shut_regions(p_user));
    mine := ARRAY(
        SELECT held.id FROM vault.held_regions(p_user, ARRAY['regulator', 'analyst']) AS held (id)
        WHERE stands AND held.id = ANY (p_regions) AND held.id <> ALL (shut));
    IF stands AND mine @> p_regions THEN
        IF cardinality(shut) > 0 THEN
            SELECT string_agg(one.id::text, ',' ORDER BY one.id) INTO word FROM unnest(shut) AS one (id)
            WHERE EXISTS (
                SELECT FROM vault.region_run run
                JOIN vault.region_run closed ON closed.row = run.row
                    AND closed.col_from <= run.col_to AND closed.col_to >= run.col_from
                WHERE run.region_id = ANY (mine) AND closed.region_id = one.id);
        END IF;
        word := md5(coalesce(word, ''));
    END IF;
END $$;
