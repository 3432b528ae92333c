-- What a page needs of a row as one text: to write a thousand of them while reading takes four times as long as to find
-- them. The period is a number of days, because how a date is written depends on a setting of the session.
ALTER TABLE release.block ADD COLUMN line text NOT NULL GENERATED ALWAYS AS (
    edition || ' ' || level || ' ' || row || ' ' || col || ' ' || (period - date '1970-01-01') || ' ' || band || ' '
    || trend || ' ' || observed || ' ' || is_whole
) STORED;
