-- The provable ledger: canonical bytes of each line, their place in one Merkle tree, signed checkpoints, witnesses' words.
-- Rights: penumbra_sealer reads lines and adds to the tree; penumbra_web reads what auditors may see; nobody updates.

-- --- canonical bytes -------------------------------------------------------------------------------------------------
-- RFC 8785: keys in order, no blanks, the escapes of to_json (which are those of the standard), integers as digits. The
-- database writes them, so that they cannot differ from the columns, and its clock is the one that counts.

ALTER TABLE ledger.completion
    ADD COLUMN nonce bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),   -- 122 random bits
    ADD COLUMN cells_digest text NOT NULL DEFAULT '';                       -- keyed; what ledger.disclosure must still say

ALTER TABLE ledger.entry ADD COLUMN body bytea;
ALTER TABLE ledger.completion ADD COLUMN body bytea;

-- Which lines are new: a transaction that began early can commit late. Its number says when a line is certainly settled: below
-- the oldest number that is still open, every line is either there or will never be. Clocks have no say in it. The column comes
-- before the functions below: PostgreSQL 15.20 rewrites no table while a function takes its row.
ALTER TABLE ledger.entry ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();
ALTER TABLE ledger.completion ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id();

CREATE FUNCTION ledger.write_time(p_at timestamptz) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp
RETURN to_char(p_at AT TIME ZONE 'UTC', '"\""YYYY-MM-DD"T"HH24:MI:SS.US"Z\""');

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

-- The writer can read nothing; it is told the hash of its own line, for the receipt, in a setting of its session.
CREATE FUNCTION ledger.keep_entry() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.body := ledger.write_entry(NEW);
    NEW.xid := pg_current_xact_id();
    PERFORM set_config('penumbra.leaf', encode(sha256('\x00'::bytea || NEW.body), 'hex'), false);
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.keep_completion() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.body := ledger.write_completion(NEW);
    NEW.xid := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE INDEX entry_xid ON ledger.entry (xid);
CREATE INDEX completion_xid ON ledger.completion (xid);

-- Lines from before get their bytes now, once; from here on nothing changes any more.
ALTER TABLE ledger.entry DISABLE TRIGGER entry_is_final;
ALTER TABLE ledger.completion DISABLE TRIGGER completion_is_final;
UPDATE ledger.entry e SET body = ledger.write_entry(e);
UPDATE ledger.completion c SET body = ledger.write_completion(c);
ALTER TABLE ledger.entry ENABLE TRIGGER entry_is_final, ALTER COLUMN body SET NOT NULL;
ALTER TABLE ledger.completion ENABLE TRIGGER completion_is_final, ALTER COLUMN body SET NOT NULL;

CREATE TRIGGER entry_is_kept BEFORE INSERT ON ledger.entry
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_entry();
CREATE TRIGGER completion_is_kept BEFORE INSERT ON ledger.completion
    FOR EACH ROW EXECUTE FUNCTION ledger.keep_completion();

-- --- the tree --------------------------------------------------------------------------------------------------------

-- The place of each line. `before` makes a gap impossible, the two keys a double.
CREATE TABLE ledger.leaf (
    index           bigint PRIMARY KEY CHECK (index >= 0),
    kind            text NOT NULL CHECK (kind IN ('entry', 'completion')),
    entry_id        uuid NOT NULL,
    hash            bytea NOT NULL CHECK (octet_length(hash) = 32),
    before          bigint GENERATED ALWAYS AS (nullif(index, 0) - 1) STORED REFERENCES ledger.leaf,
    UNIQUE (entry_id, kind)
);

-- Complete subtrees above the leaves. They never change, so every proof is put together from a few of them.
CREATE TABLE ledger.node (
    level           smallint NOT NULL CHECK (level BETWEEN 1 AND 62),
    place           bigint NOT NULL CHECK (place >= 0),
    hash            bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, place)
);

-- What the log has signed. edge: the hashes that make up the root. horizon: below it, every line has its place; it means
-- something in the database cluster `cluster` only.
CREATE TABLE ledger.checkpoint (
    size            bigint PRIMARY KEY CHECK (size > 0),
    last            bigint GENERATED ALWAYS AS (size - 1) STORED NOT NULL REFERENCES ledger.leaf,
    root            bytea NOT NULL CHECK (octet_length(root) = 32),
    edge            bytea[] NOT NULL,
    note            text NOT NULL,
    sealed_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    horizon         xid8 NOT NULL,
    cluster         bigint NOT NULL
);
CREATE INDEX checkpoint_sealed_at ON ledger.checkpoint (sealed_at);

-- What witnesses said of them.
CREATE TABLE ledger.cosignature (
    size            bigint NOT NULL REFERENCES ledger.checkpoint,
    witness         text NOT NULL,
    line            text NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (size, witness)
);

-- Public keys that the log has signed with, for those who want to compare. Trust in a key comes from elsewhere.
CREATE TABLE ledger.log_key (
    verifier        text PRIMARY KEY,
    since           timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TRIGGER leaf_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.leaf
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER node_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.node
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER checkpoint_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoint
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER cosignature_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.cosignature
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER log_key_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.log_key
    EXECUTE FUNCTION ledger.refuse_change();

-- --- rights ----------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.write_time(timestamptz), ledger.write_entry(ledger.entry),
    ledger.write_completion(ledger.completion) TO penumbra_ledger;
GRANT INSERT (cells_digest) ON ledger.completion TO penumbra_ledger;
GRANT USAGE ON SCHEMA ledger TO penumbra_sealer;
GRANT SELECT ON ledger.entry, ledger.completion, ledger.leaf, ledger.node, ledger.checkpoint, ledger.cosignature,
    ledger.log_key TO penumbra_sealer;
GRANT INSERT (index, kind, entry_id, hash) ON ledger.leaf TO penumbra_sealer;
GRANT INSERT (level, place, hash) ON ledger.node TO penumbra_sealer;
GRANT INSERT (size, root, edge, note, horizon, cluster) ON ledger.checkpoint TO penumbra_sealer;
GRANT INSERT (size, witness, line) ON ledger.cosignature TO penumbra_sealer;
GRANT INSERT (verifier) ON ledger.log_key TO penumbra_sealer;
GRANT SELECT ON ledger.leaf, ledger.node, ledger.checkpoint, ledger.cosignature, ledger.log_key TO penumbra_web;
