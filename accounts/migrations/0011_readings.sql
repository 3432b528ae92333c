-- Pages of one reading, chunks of a file, tiles of an hour: which question a page belongs to, and whether it goes on from one
-- before. An auditor is told of the whole reading, never of a page: pages go from south to north. Sealed like the cells; no role
-- may read it.
ALTER TABLE ledger.disclosure
    ADD COLUMN question uuid,       -- who asked what, keyed; of chunks the file's entry; null where all was told at once
    ADD COLUMN is_continued boolean NOT NULL DEFAULT false;
GRANT INSERT (question, is_continued) ON ledger.disclosure TO penumbra_ledger;
CREATE INDEX disclosure_question ON ledger.disclosure (question) WHERE question IS NOT NULL;
-- lines come in the order of time, so this costs a line nothing
CREATE INDEX entry_key_at ON ledger.entry_key USING brin (at) WITH (autosummarize = on);
