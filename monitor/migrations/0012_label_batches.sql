-- Where labels come from. A batch is what was handed in at once, known by the digest that a model's manifest tells; labels that
-- inspectors' findings taught belong to none.

CREATE TABLE vault.label_batch (
    digest      text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
    imported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    labels      integer NOT NULL CHECK (labels >= 0),
    left_out    jsonb NOT NULL,          -- how many were not kept, by reason
    sources     jsonb NOT NULL           -- how many came from each source
);
ALTER TABLE vault.label ADD COLUMN batch text REFERENCES vault.label_batch;

REVOKE ALL ON vault.label_batch FROM PUBLIC;
GRANT SELECT, INSERT ON vault.label_batch TO penumbra_worker;
