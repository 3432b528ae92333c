-- Disclosed cells as the list of their numbers, each once and in rising order, as their digest is taken. As ranges they took the
-- database several times as long to write, for every page of exact cells; auditors' questions make ranges of them instead.
CREATE FUNCTION ledger.list_numbers(p_ranges int4multirange) RETURNS integer[] LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(n ORDER BY n), '{}')
    FROM unnest(p_ranges) AS span, generate_series(lower(span), upper(span) - 1) AS n
$$;
ALTER TABLE ledger.disclosure ALTER COLUMN cells TYPE integer[] USING ledger.list_numbers(cells);
DROP FUNCTION ledger.list_numbers(int4multirange);
-- to compress numbers that lie apart costs much and gains little
ALTER TABLE ledger.disclosure ALTER COLUMN cells SET STORAGE EXTERNAL;
