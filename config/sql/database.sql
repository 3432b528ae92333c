-- What an empty database needs from an administrator before the owner can migrate it. Run inside that database; running it
-- again changes nothing. Schemas vault, release and ledger are made by migrations.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS postgis;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO penumbra_owner;
GRANT USAGE ON SCHEMA public TO penumbra_web, penumbra_worker, penumbra_ledger;
