-- Any role may have the plans of its statements printed, and sent to itself: those inside the functions that it calls, too. What
-- such a statement is given stands in its plan, the cells of a site among it. So the functions that run as the owner do without.
-- A function that is made again has to say so again; a test looks.
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT oid::regprocedure FROM pg_proc WHERE prosecdef AND pronamespace = 'vault'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET debug_print_plan = off', each);
    END LOOP;
END $$;
