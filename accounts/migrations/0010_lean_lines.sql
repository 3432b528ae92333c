-- What a line must be is looked at by its trigger, which keeps its plans: constraints of a table are read from their text anew
-- in each statement, and a foreign key is a statement of its own with a lock on a row that can never go. Nothing is allowed
-- now that was not before; the errors have the same codes. What stands in the tables passed the constraints.

ALTER TABLE ledger.entry DROP CONSTRAINT entry_nonce_check, DROP CONSTRAINT entry_action_check;
ALTER TABLE ledger.completion DROP CONSTRAINT completion_outcome_check, DROP CONSTRAINT completion_quantity_check;
ALTER TABLE ledger.completion_key DROP CONSTRAINT completion_key_entry_id_fkey;

CREATE OR REPLACE FUNCTION ledger.keep_entry() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf text;
BEGIN
    IF (octet_length(NEW.nonce) = 16 AND NEW.action ~ '^[a-z]+(\.[a-z_]+)+$') IS NOT TRUE THEN
        RAISE EXCEPTION 'an entry has a nonce of 16 bytes and a dotted word for its action'
            USING ERRCODE = 'check_violation';
    END IF;
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
    IF (NEW.outcome IN ('answered', 'refused', 'failed', 'done') AND NEW.quantity >= 0) IS NOT TRUE THEN
        RAISE EXCEPTION 'a completion has a known outcome and a quantity that is not negative'
            USING ERRCODE = 'check_violation';
    END IF;
    NEW.body := convert_to(
        '{"answer":' || to_json(NEW.answer_digest)
        || ',"at":"' || to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","cells":' || to_json(NEW.cells_digest)
        || ',"entry":' || to_json(NEW.entry_id)
        || ',"kind":"completion","nonce":"' || encode(NEW.nonce, 'hex')
        || '","outcome":' || to_json(NEW.outcome)
        || ',"quantity":' || NEW.quantity || '}', 'UTF8');
    NEW.xid := pg_current_xact_id();
    INSERT INTO ledger.completion_key (entry_id, at)
        SELECT k.id, NEW.at FROM ledger.entry_key k WHERE k.id = NEW.entry_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a completion is of an entry that is there' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NEW;
END $$;

-- Cells that lie apart hardly compress, and trying took longer than all else that a page of them costs the ledger.
ALTER TABLE ledger.disclosure ALTER COLUMN cells SET STORAGE EXTERNAL;
