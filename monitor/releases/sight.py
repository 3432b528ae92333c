"""Which published blocks somebody may see now: rights, posture and grants in the statement that reads the blocks (P7).

Set into a query over `release.block b`: `SIGHT` in front of it, `VISIBLE_NOW` among its conditions. Both look at public
geography and at who asks, never at what is in a block (P3).
"""

SIGHT = """
    WITH seen AS MATERIALIZED (
        SELECT region_id, finest FROM access.sharpness(%(viewer)s)
    ), sealed AS MATERIALIZED (
        SELECT block_row, block_col, finest FROM access.sealed_blocks(%(viewer)s)
    )
"""

VISIBLE_NOW = """
    EXISTS (
        SELECT FROM release.region_block held JOIN seen ON seen.region_id = held.region_id
        WHERE held.region_id = ANY(%(regions)s) AND seen.finest BETWEEN 1 AND b.level
            AND held.level = b.level AND held.row = b.row AND held.col = b.col
    )
    -- a block that reaches into a region whose cells one sees would tell the rest of it by the difference (LC-42)
    AND NOT EXISTS (
        SELECT FROM release.region_block other JOIN seen ON seen.region_id = other.region_id AND seen.finest = 0
        WHERE other.level = b.level AND other.row = b.row AND other.col = b.col
    )
    -- sealing reaches outward to whole blocks of L3
    AND NOT EXISTS (
        SELECT FROM sealed
        WHERE b.level < sealed.finest
            AND sealed.block_row = b.row / CASE b.level WHEN 1 THEN 10 WHEN 2 THEN 5 ELSE 1 END
            AND sealed.block_col = b.col / CASE b.level WHEN 1 THEN 10 WHEN 2 THEN 5 ELSE 1 END
    )
"""
