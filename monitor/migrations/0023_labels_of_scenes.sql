-- A source may say something of each scene, and of periods that end on the same day: each is a label of its own. Before, the last
-- one that was imported took the place of the others.
ALTER TABLE vault.label
    DROP CONSTRAINT label_row_col_observed_to_source_key,
    ADD CONSTRAINT label_said_once UNIQUE NULLS NOT DISTINCT (row, col, observed_from, observed_to, item, source);
