-- The five login roles of the fence (docs/privacy-promise.md). Run by a database administrator; running it again
-- changes passwords only. Passwords come from the environment, never from a command line. Needs psql 14 or later.
--   psql -v ON_ERROR_STOP=1 -f roles.sql           PENUMBRA_DB_PASSWORD_OWNER, _WEB, _WORKER, _LEDGER, _SEALER in the environment
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv password_owner PENUMBRA_DB_PASSWORD_OWNER
\getenv password_web PENUMBRA_DB_PASSWORD_WEB
\getenv password_worker PENUMBRA_DB_PASSWORD_WORKER
\getenv password_ledger PENUMBRA_DB_PASSWORD_LEDGER
\getenv password_sealer PENUMBRA_DB_PASSWORD_SEALER

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['penumbra_owner', 'penumbra_web', 'penumbra_worker', 'penumbra_ledger', 'penumbra_sealer']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

SET log_statement = 'none';
ALTER ROLE penumbra_owner LOGIN NOCREATEROLE PASSWORD :'password_owner';
ALTER ROLE penumbra_web LOGIN NOCREATEROLE PASSWORD :'password_web';
ALTER ROLE penumbra_worker LOGIN NOCREATEROLE PASSWORD :'password_worker';
ALTER ROLE penumbra_ledger LOGIN NOCREATEROLE PASSWORD :'password_ledger';
ALTER ROLE penumbra_sealer LOGIN NOCREATEROLE PASSWORD :'password_sealer';

-- The owner migrates; it may also put on each of the lesser roles, which is how tests speak as them.
GRANT penumbra_web, penumbra_worker, penumbra_ledger, penumbra_sealer TO penumbra_owner;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname LIKE 'penumbra\_%' AND (rolsuper OR rolbypassrls OR rolcreaterole)) THEN
        RAISE EXCEPTION 'a role of Penumbra is superuser, bypasses row security or makes roles'
            USING HINT = 'ALTER ROLE ... NOSUPERUSER NOBYPASSRLS NOCREATEROLE';
    END IF;
END
$$;
