-- Whether the features of a cell lay within what the model was fitted to. Of scores from before this was kept, all count.

ALTER TABLE vault.score ADD COLUMN familiar boolean NOT NULL DEFAULT true;
