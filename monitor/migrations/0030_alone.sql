-- Of a score that was judged by change: the probability of mining that the model gives without the reference. Not
-- known of scores from before this was kept.

ALTER TABLE vault.score ADD COLUMN alone real;
