-- A ticket is written by the service, which could write one in anybody's name. So the vault asks for what the service cannot
-- make up: the token of whoever asked, shown in the statement that reads. A ticket that no token stands behind opens nothing.
CREATE OR REPLACE FUNCTION vault.spend_ticket(p_ticket uuid, p_reads text) RETURNS ledger.ticket LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    opened ledger.ticket;
BEGIN
    SELECT t.* INTO opened
    FROM ledger.ticket t JOIN public.accounts_token shown ON shown.id = t.token_id AND shown.user_id = t.user_id
    WHERE t.key = p_ticket AND t.reads = p_reads AND vault.is_committed(t.xmin)
        AND shown.digest = sha256(decode(current_setting('penumbra.bearer', true), 'hex'))
        AND t.opened_at > clock_timestamp() - interval '60 seconds'
        -- a snapshot older than this statement would not see a revocation (P7)
        AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted');
    IF opened.entry_id IS NOT NULL THEN
        INSERT INTO vault.spent_ticket (entry_id) VALUES (opened.entry_id) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN opened;
        END IF;
    END IF;
    RAISE EXCEPTION 'no such ticket' USING ERRCODE = 'insufficient_privilege';
END $$;

-- True while the token behind a ticket is good.
CREATE OR REPLACE FUNCTION vault.stands(p_user uuid, p_token uuid) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM public.accounts_token t
        WHERE t.id = p_token AND t.user_id = p_user AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp())
$$;
