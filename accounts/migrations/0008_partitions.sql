-- Entries and completions by month of their time (UTC), so that whole months can leave the database once they are sealed
-- and archived. Rights stand on the parents alone: nobody but the owner may read or write a month directly.

-- --- ids, for ever ---------------------------------------------------------------------------------------------------
-- A partitioned table can hold a key only together with its month. That an id stands once, that an entry is completed
-- once, and that nothing is said of an entry that is not there, are keys of these two small tables instead. They stay when
-- a month is archived, and say which month a line is of.

CREATE TABLE ledger.entry_key (
    id              uuid PRIMARY KEY,
    at              timestamptz NOT NULL
);

CREATE TABLE ledger.completion_key (
    entry_id        uuid PRIMARY KEY REFERENCES ledger.entry_key,
    at              timestamptz NOT NULL
);

LOCK TABLE ledger.entry, ledger.completion IN ACCESS EXCLUSIVE MODE;
INSERT INTO ledger.entry_key SELECT id, at FROM ledger.entry;
INSERT INTO ledger.completion_key SELECT entry_id, at FROM ledger.completion;

ALTER TABLE ledger.ticket DROP CONSTRAINT ticket_entry_id_fkey,
    ADD CONSTRAINT ticket_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES ledger.entry_key;
ALTER TABLE ledger.disclosure DROP CONSTRAINT disclosure_entry_id_fkey,
    ADD CONSTRAINT disclosure_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES ledger.entry_key;

-- --- what was archived -----------------------------------------------------------------------------------------------

-- One file: the lines from `start` to before `size`, which a checkpoint signs. Files follow upon each other without a gap.
CREATE TABLE ledger.archive (
    size            bigint PRIMARY KEY REFERENCES ledger.checkpoint,
    start           bigint NOT NULL UNIQUE CHECK (start >= 0 AND start < size),
    previous        bigint GENERATED ALWAYS AS (nullif(start, 0)) STORED REFERENCES ledger.archive,
    name            text NOT NULL CHECK (name <> '' AND name !~ '/'),   -- of the file, without its folder
    digest          bytea NOT NULL CHECK (octet_length(digest) = 32),   -- SHA-256 of the file
    archived_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The months whose lines are in no table any more, with how many there were. Every one of them lies in some archive.
CREATE TABLE ledger.archived_month (
    month           date PRIMARY KEY CHECK (extract(day FROM month) = 1),
    size            bigint NOT NULL REFERENCES ledger.archive,
    entries         bigint NOT NULL CHECK (entries >= 0),
    completions     bigint NOT NULL CHECK (completions >= 0)
);

-- --- the tables, anew ------------------------------------------------------------------------------------------------

ALTER TABLE ledger.completion DROP CONSTRAINT completion_entry_id_fkey;
ALTER TABLE ledger.entry RENAME TO entry_before;
ALTER TABLE ledger.completion RENAME TO completion_before;

CREATE TABLE ledger.entry (LIKE ledger.entry_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (at);
CREATE TABLE ledger.completion (LIKE ledger.completion_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (at);

-- A line whose month has no table (a clock that was set, a sealer that stood still) lands here: it is never refused.
CREATE TABLE ledger.entry_other PARTITION OF ledger.entry DEFAULT;
CREATE TABLE ledger.completion_other PARTITION OF ledger.completion DEFAULT;
CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry_other
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER completion_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.completion_other
    EXECUTE FUNCTION ledger.refuse_change();

CREATE FUNCTION ledger.start_of_month(p_at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp
RETURN date_trunc('month', p_at AT TIME ZONE 'UTC')::date;

-- Make the tables of a month, with what stands in the other one of this month moved into them; false where they are
-- there. Attaching locks the parent against other changes of its form only, and the table of others for a moment.
CREATE FUNCTION ledger.make_month(p_month date) RETURNS boolean LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first CONSTANT date := date_trunc('month', p_month)::date;
    starts CONSTANT timestamptz := first::timestamp AT TIME ZONE 'UTC';
    ends CONSTANT timestamptz := (first + interval '1 month') AT TIME ZONE 'UTC';
    parent text;
    made text;
    is_there boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(x'70656e6d6f6e7468'::bigint);     -- one at a time ("penmonth")
    IF EXISTS (SELECT FROM ledger.archived_month m WHERE m.month = first)
        OR to_regclass(format('ledger.entry_%s', to_char(first, 'YYYY_MM'))) IS NOT NULL
    THEN
        RETURN false;
    END IF;
    FOREACH parent IN ARRAY ARRAY['entry', 'completion'] LOOP
        made := format('%s_%s', parent, to_char(first, 'YYYY_MM'));
        EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING ALL)', made, parent);
        EXECUTE format('SELECT EXISTS (SELECT FROM ledger.%I WHERE at >= $1 AND at < $2)', parent || '_other')
            INTO is_there USING starts, ends;
        IF is_there THEN
            -- row by row the same bytes; nothing may be written between the two, nor anything else be changed
            EXECUTE format('LOCK TABLE ledger.%I IN ACCESS EXCLUSIVE MODE', parent || '_other');
            EXECUTE format('INSERT INTO ledger.%I SELECT * FROM ledger.%I WHERE at >= $1 AND at < $2',
                made, parent || '_other') USING starts, ends;
            EXECUTE format('ALTER TABLE ledger.%I DISABLE TRIGGER %I', parent || '_other', parent || '_is_final');
            EXECUTE format('DELETE FROM ledger.%I WHERE at >= $1 AND at < $2', parent || '_other') USING starts, ends;
            EXECUTE format('ALTER TABLE ledger.%I ENABLE TRIGGER %I', parent || '_other', parent || '_is_final');
        END IF;
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%I EXECUTE FUNCTION ledger.refuse_change()',
            parent || '_is_final', made);
        EXECUTE format('ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES FROM (%L) TO (%L)',
            parent, made, starts, ends);
    END LOOP;
    RETURN true;
END $$;

-- This month and the two that follow, by the database's clock; how many were made. Safe to call at any time, by any process:
-- it moves no line (a month with lines among the others is left for whoever archives), and rather gives up than makes
-- writers wait.
CREATE FUNCTION ledger.make_months() RETURNS integer LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    wanted date;
    made integer := 0;
BEGIN
    FOR wanted IN
        SELECT (ledger.start_of_month(clock_timestamp()) + n * interval '1 month')::date FROM generate_series(0, 2) AS n
    LOOP
        CONTINUE WHEN to_regclass(format('ledger.entry_%s', to_char(wanted, 'YYYY_MM'))) IS NOT NULL;
        CONTINUE WHEN EXISTS (SELECT FROM ledger.entry_other e WHERE ledger.start_of_month(e.at) = wanted)
            OR EXISTS (SELECT FROM ledger.completion_other c WHERE ledger.start_of_month(c.at) = wanted);
        IF ledger.make_month(wanted) THEN
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

-- --- moving the lines ------------------------------------------------------------------------------------------------

SELECT ledger.make_month(m.month) FROM (
    SELECT ledger.start_of_month(at) AS month FROM ledger.entry_before
    UNION SELECT ledger.start_of_month(at) FROM ledger.completion_before
) AS m ORDER BY m.month;

INSERT INTO ledger.entry SELECT * FROM ledger.entry_before;
INSERT INTO ledger.completion SELECT * FROM ledger.completion_before;

DO $$
BEGIN
    IF EXISTS (SELECT b::text FROM ledger.entry_before b EXCEPT ALL SELECT e::text FROM ledger.entry e)
        OR EXISTS (SELECT b::text FROM ledger.completion_before b EXCEPT ALL SELECT c::text FROM ledger.completion c)
        OR (SELECT count(*) FROM ledger.entry) <> (SELECT count(*) FROM ledger.entry_before)
        OR (SELECT count(*) FROM ledger.completion) <> (SELECT count(*) FROM ledger.completion_before)
    THEN
        RAISE EXCEPTION 'the lines in the new tables are not those of the old ones; nothing was changed';
    END IF;
END $$;

-- the functions that write bytes belong to the type of the old tables
DROP FUNCTION ledger.write_entry(ledger.entry_before);
DROP FUNCTION ledger.write_completion(ledger.completion_before);
DROP TABLE ledger.completion_before, ledger.entry_before;

ALTER TABLE ledger.entry ADD PRIMARY KEY (id, at);
ALTER TABLE ledger.completion ADD PRIMARY KEY (entry_id, at);
CREATE INDEX entry_at ON ledger.entry (at DESC, id);
CREATE INDEX entry_actor ON ledger.entry (actor, at DESC);
CREATE INDEX entry_xid ON ledger.entry (xid);
CREATE INDEX completion_xid ON ledger.completion (xid);

-- As in 0004_sealing, to the letter.
CREATE FUNCTION ledger.write_entry(e ledger.entry) RETURNS bytea LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
RETURN convert_to(
    '{"action":' || to_json(e.action)
    || ',"actor":' || coalesce(to_json(e.actor)::text, 'null')
    || ',"at":' || ledger.write_time(e.at)
    || ',"endpoint":' || to_json(e.endpoint)
    || ',"id":' || to_json(e.id)
    || ',"kind":"entry","level":' || coalesce(e.level::text, 'null')
    || ',"nonce":"' || encode(e.nonce, 'hex')
    || '","objects":' || to_json(e.object_refs)
    || ',"organisation":' || coalesce(to_json(e.organisation)::text, 'null')
    || ',"policy_version":' || to_json(e.policy_version)
    || ',"purpose":' || to_json(e.purpose_code)
    || ',"purpose_text":' || to_json(e.purpose_text)
    || ',"regions":' || to_json(e.regions)
    || ',"request_id":' || to_json(e.request_id)
    || ',"role":' || to_json(e.role)
    || ',"rule":' || to_json(e.rule) || '}', 'UTF8');

CREATE FUNCTION ledger.write_completion(c ledger.completion) RETURNS bytea LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
RETURN convert_to(
    '{"answer":' || to_json(c.answer_digest)
    || ',"at":' || ledger.write_time(c.at)
    || ',"cells":' || to_json(c.cells_digest)
    || ',"entry":' || to_json(c.entry_id)
    || ',"kind":"completion","nonce":"' || encode(c.nonce, 'hex')
    || '","outcome":' || to_json(c.outcome)
    || ',"quantity":' || c.quantity || '}', 'UTF8');

-- The writer has no right on the tables of ids, so that no id is there without its line. Called by triggers only.
CREATE FUNCTION ledger.keep_entry_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.entry_key (id, at) VALUES (NEW.id, NEW.at);
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.keep_completion_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ledger.completion_key (entry_id, at) VALUES (NEW.entry_id, NEW.at);
    RETURN NEW;
END $$;

-- triggers for each row reach every month, now and later; those for each statement stand on each table
CREATE TRIGGER entry_is_kept BEFORE INSERT ON ledger.entry
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_entry();
CREATE TRIGGER entry_key_is_kept BEFORE INSERT ON ledger.entry
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_entry_key();
CREATE TRIGGER completion_is_kept BEFORE INSERT ON ledger.completion
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_completion();
CREATE TRIGGER completion_key_is_kept BEFORE INSERT ON ledger.completion
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_completion_key();

CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER completion_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.completion
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER entry_key_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry_key
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER completion_key_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.completion_key
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER archive_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.archive
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER archived_month_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.archived_month
    EXECUTE FUNCTION ledger.refuse_change();

SELECT ledger.make_months();

-- --- rights ----------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_entry(ledger.entry), ledger.write_completion(ledger.completion) TO penumbra_ledger;
GRANT INSERT (id, nonce, actor, organisation, role, purpose_code, purpose_text, action, endpoint, level, rule,
    policy_version, regions, object_refs, request_id) ON ledger.entry TO penumbra_ledger;
GRANT INSERT (entry_id, outcome, quantity, answer_digest, cells_digest) ON ledger.completion TO penumbra_ledger;
GRANT SELECT ON ledger.entry, ledger.completion, ledger.archive, ledger.archived_month
    TO penumbra_web, penumbra_sealer;
GRANT SELECT ON ledger.entry_key, ledger.completion_key TO penumbra_sealer;
GRANT EXECUTE ON FUNCTION ledger.make_months(), ledger.start_of_month(timestamptz) TO penumbra_sealer;
