-- What other systems have published, by cell: public each for itself, but beside our cells it says where to look, so it lies in
-- the vault and no role but the worker reads it.

CREATE TABLE vault.outside (
    row      integer NOT NULL CHECK (row BETWEEN 0 AND 17999),
    col      integer NOT NULL CHECK (col BETWEEN 0 AND 35999),
    system   text NOT NULL,
    theme    text NOT NULL CHECK (theme IN ('mining', 'forest_loss', 'fire')),
    first_on date NOT NULL,
    last_on  date NOT NULL CHECK (last_on >= first_on),
    trust    smallint NOT NULL CHECK (trust BETWEEN 0 AND 3),   -- low, nominal, high, highest
    alerts   integer NOT NULL CHECK (alerts > 0),
    PRIMARY KEY (row, col, system, theme)
);

REVOKE ALL ON vault.outside FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON vault.outside TO penumbra_worker;
