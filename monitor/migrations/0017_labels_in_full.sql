-- What a file says of a label beside its class, for the breakdown of figures; null where it was never said.
ALTER TABLE vault.label
    ADD COLUMN region text,
    ADD COLUMN mineral text,
    ADD COLUMN formalisation text;

-- Which cells a batch speaks of. A label belongs to the batch that wrote it last, so a batch that was imported again with a line
-- more or less would otherwise seem to have lost its cells. Model files tell the digest of their batch and no place: whoever has
-- the vault can count how many of the cells that a model is judged on were among those it was trained on.
CREATE TABLE vault.batch_cell (
    batch text    NOT NULL REFERENCES vault.label_batch,
    row   integer NOT NULL,
    col   integer NOT NULL,
    PRIMARY KEY (batch, row, col)
);
INSERT INTO vault.batch_cell (batch, row, col) SELECT DISTINCT batch, row, col FROM vault.label WHERE batch IS NOT NULL;

REVOKE ALL ON vault.batch_cell FROM PUBLIC;
GRANT SELECT, INSERT ON vault.batch_cell TO penumbra_worker;
