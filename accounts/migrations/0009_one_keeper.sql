-- One trigger for each line, in a language that keeps its plans: it writes the line's bytes, the same as in 0008 to the letter, and
-- its key. Functions in plain SQL were planned anew in each statement, and that was most of what a line cost the database.
-- Called by triggers only. The writer has no right on the tables of keys, so that no id is there without its line.

CREATE OR REPLACE FUNCTION ledger.keep_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf text;
BEGIN
    NEW.body := convert_to(
        '{"action":' || to_json(NEW.action)
        || ',"actor":' || coalesce(to_json(NEW.actor)::text, 'null')
        || ',"at":"' || to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","endpoint":' || to_json(NEW.endpoint)
        || ',"id":' || to_json(NEW.id)
        || ',"kind":"entry","level":' || coalesce(NEW.level::text, 'null')
        || ',"nonce":"' || encode(NEW.nonce, 'hex')
        || '","objects":' || to_json(NEW.object_refs)
        || ',"organisation":' || coalesce(to_json(NEW.organisation)::text, 'null')
        || ',"policy_version":' || to_json(NEW.policy_version)
        || ',"purpose":' || to_json(NEW.purpose_code)
        || ',"purpose_text":' || to_json(NEW.purpose_text)
        || ',"regions":' || to_json(NEW.regions)
        || ',"request_id":' || to_json(NEW.request_id)
        || ',"role":' || to_json(NEW.role)
        || ',"rule":' || to_json(NEW.rule) || '}', 'UTF8');
    NEW.xid := pg_current_xact_id();
    INSERT INTO ledger.entry_key (id, at) VALUES (NEW.id, NEW.at);
    -- the writer can read nothing; it is told the hash of its own line, for the receipt, in a setting of its session
    leaf := set_config('penumbra.leaf', encode(sha256('\x00'::bytea || NEW.body), 'hex'), false);
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION ledger.keep_completion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.body := convert_to(
        '{"answer":' || to_json(NEW.answer_digest)
        || ',"at":"' || to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","cells":' || to_json(NEW.cells_digest)
        || ',"entry":' || to_json(NEW.entry_id)
        || ',"kind":"completion","nonce":"' || encode(NEW.nonce, 'hex')
        || '","outcome":' || to_json(NEW.outcome)
        || ',"quantity":' || NEW.quantity || '}', 'UTF8');
    NEW.xid := pg_current_xact_id();
    INSERT INTO ledger.completion_key (entry_id, at) VALUES (NEW.entry_id, NEW.at);
    RETURN NEW;
END $$;

DROP TRIGGER entry_key_is_kept ON ledger.entry;
DROP TRIGGER completion_key_is_kept ON ledger.completion;
DROP FUNCTION ledger.keep_entry_key(), ledger.keep_completion_key();
DROP FUNCTION ledger.write_entry(ledger.entry), ledger.write_completion(ledger.completion), ledger.write_time(timestamptz);
