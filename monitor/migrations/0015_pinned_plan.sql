-- A page of cells goes by the keys of cells, run by run, and never through the whole table: an installation that is young, or
-- whose statistics are old, made the planner take that for cheaper, and then the time of an answer told how many cells others
-- have (LC-24). What is switched off here leaves one way.
ALTER FUNCTION vault.exact_activity(
    uuid, integer, integer, integer, integer, text[], text, real, date, integer, integer, text, text, text
) SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off;
