-- Schema `ledger`: who asked, why, how sharply, and how much left. Append-only, even for its owner.
-- Rights: penumbra_ledger inserts and cannot read; penumbra_web reads what auditors may see; nobody updates.

-- From here on: a function that somebody forgets to protect can be called by nobody but its owner.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE SCHEMA ledger;

-- One row for each question, refusal and change of rights. Nothing in it is or reveals a place.
CREATE TABLE ledger.entry (
    id              uuid PRIMARY KEY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    nonce           bytea NOT NULL CHECK (octet_length(nonce) = 16),
    actor           uuid,                       -- pseudonym; null for somebody without an account
    organisation    uuid,
    role            text NOT NULL,
    purpose_code    text NOT NULL DEFAULT '',
    purpose_text    text NOT NULL DEFAULT '',
    action          text NOT NULL CHECK (action ~ '^[a-z]+(\.[a-z_]+)+$'),
    endpoint        text NOT NULL,              -- the template, never the URL
    level           smallint,
    rule            text NOT NULL DEFAULT '',
    policy_version  text NOT NULL DEFAULT '',
    regions         uuid[] NOT NULL DEFAULT '{}',
    object_refs     text[] NOT NULL DEFAULT '{}', -- keyed references
    request_id      uuid NOT NULL
);
CREATE INDEX entry_at ON ledger.entry (at DESC, id);
CREATE INDEX entry_actor ON ledger.entry (actor, at DESC);

-- What came of an entry. An entry without one counts as full disclosure.
CREATE TABLE ledger.completion (
    entry_id        uuid PRIMARY KEY REFERENCES ledger.entry,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    outcome         text NOT NULL CHECK (outcome IN ('answered', 'refused', 'failed', 'done')),
    quantity        integer NOT NULL CHECK (quantity >= 0),  -- cells, blocks or rows that left
    answer_digest   text NOT NULL DEFAULT ''                -- keyed
);

-- What an entry allows the vault to read, once and soon. Read by the vault's own functions only. It opens with its key,
-- which no role can select: the ids of entries stand in receipts and in what auditors read, and open nothing.
CREATE TABLE ledger.ticket (
    entry_id        uuid PRIMARY KEY REFERENCES ledger.entry,
    key             uuid NOT NULL UNIQUE,
    opened_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    user_id         uuid NOT NULL,
    reads           text NOT NULL CHECK (reads IN ('activity', 'alert_site', 'inspection_site')),
    regions         uuid[] NOT NULL DEFAULT '{}',
    object_id       uuid
);

-- The cells that an entry disclosed, for the question "who has seen this site?". Exact, hence sealed:
-- no role may read it; one function of the vault answers about it.
CREATE TABLE ledger.disclosure (
    entry_id        uuid PRIMARY KEY REFERENCES ledger.entry,
    cells           int4multirange NOT NULL
);

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER entry_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER completion_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.completion
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER ticket_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.ticket
    EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER disclosure_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.disclosure
    EXECUTE FUNCTION ledger.refuse_change();

REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO penumbra_ledger, penumbra_web, penumbra_worker;
-- `at` and `opened_at` are left out: the writer cannot choose the time
GRANT INSERT (id, nonce, actor, organisation, role, purpose_code, purpose_text, action, endpoint, level, rule,
    policy_version, regions, object_refs, request_id) ON ledger.entry TO penumbra_ledger;
GRANT INSERT (entry_id, outcome, quantity, answer_digest) ON ledger.completion TO penumbra_ledger;
GRANT INSERT (entry_id, key, user_id, reads, regions, object_id) ON ledger.ticket TO penumbra_ledger;
GRANT INSERT (entry_id, cells) ON ledger.disclosure TO penumbra_ledger;
GRANT SELECT ON ledger.entry, ledger.completion TO penumbra_web;
