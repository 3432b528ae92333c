-- The token behind the request of a ticket: once it is revoked, the vault opens for the ticket no more (P7).
-- Null for a ticket that no token stands behind.
ALTER TABLE ledger.ticket ADD COLUMN token_id uuid;
GRANT INSERT (token_id) ON ledger.ticket TO penumbra_ledger;
