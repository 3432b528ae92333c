-- What batches have told, kept so that a picture that comes late changes no month by itself (decisions/0058): since when each
-- score is a look at its cell, until when it was one, and what each piece had settled when it was told. Nobody but the worker
-- reads any of it.

-- without a volatile default first: the table is not written anew
ALTER TABLE vault.score ADD COLUMN known_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE vault.score ALTER COLUMN known_at SET DEFAULT clock_timestamp();

CREATE TABLE vault.told (
    models   bytea NOT NULL,       -- digest of the models that acted
    piece    bytea NOT NULL,       -- digest of the edition and the plausible cells of the piece
    month    integer NOT NULL,     -- by whose end it had settled: 12 * year + month - 1
    active   integer NOT NULL CHECK (active >= 0),
    told_at  timestamptz NOT NULL,
    PRIMARY KEY (models, piece, told_at, month)
);

REVOKE ALL ON vault.told FROM PUBLIC;
GRANT SELECT, INSERT ON vault.told TO penumbra_worker;
