-- What an auditor asks of the sealed cells takes a ticket, as every question to the vault does: its entry comes first.
ALTER TABLE ledger.ticket DROP CONSTRAINT ticket_reads_check;
ALTER TABLE ledger.ticket ADD CONSTRAINT ticket_reads_check
    CHECK (reads IN ('activity', 'alert_site', 'inspection_site', 'exposure', 'account'));

-- A receipt is a hash; whoever brings one is shown its place.
CREATE INDEX leaf_hash ON ledger.leaf (hash);
