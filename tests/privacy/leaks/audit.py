"""Leaky builds of what auditors ask: answers that were to hold no place, and tell of one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from monitor.privacy.door import exposure, harvest
from monitor.privacy.harvest import Sign
from monitor.vault.exposure import read_exposure_with_ticket
from tests.privacy.leaks.build import READ_THE_VAULT, LeakyBuild, leave_code_alone
from tests.privacy.leaks.exits import read_cells, read_extent


def _say_where(patch: pytest.MonkeyPatch) -> None:
    """Exposure that repeats what somebody asked for, place and all."""
    honest = read_exposure_with_ticket

    def read(*args: Any) -> Any:
        asked = " ".join(map(str, read_cells()[0]))
        return [dataclasses.replace(row, purpose=f"{row.purpose} at {asked}") for row in honest(*args)]

    patch.setattr(exposure, "read_exposure_with_ticket", read)


def _measure_the_extent(patch: pytest.MonkeyPatch) -> None:
    """An account's share of a region as the width of what it saw."""
    honest = exposure.compare_with_peers

    def compare(*args: Any) -> Any:
        west, _, east, _ = read_extent()
        return [dataclasses.replace(share, seen=round((east - west) * 100)) for share in honest(*args)]

    patch.setattr(exposure, "compare_with_peers", compare)


def _warn_of_the_extent(patch: pytest.MonkeyPatch) -> None:
    """A warning for every day, with how far what was seen lies apart."""

    def find(days: Any) -> Any:
        west, _, east, _ = read_extent()
        return [(dataclasses.replace(day, stopped=round((east - west) * 100)), Sign.TILING) for day in days]

    patch.setattr(harvest, "find_warnings", find)


_PAGE_BY_PAGE = """
    CREATE OR REPLACE FUNCTION vault.told_cells(p_since timestamptz, p_until timestamptz)
    RETURNS TABLE (entry_id uuid, cells integer[], first_at timestamptz, last_at timestamptz)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
        SELECT d.entry_id, d.cells, k.at, k.at FROM ledger.disclosure d JOIN ledger.entry_key k ON k.id = d.entry_id
        WHERE (p_since IS NULL OR k.at >= p_since) AND (p_until IS NULL OR k.at < p_until)
    $$
"""
"""Auditors are told of single pages, which go from south to north."""

AUDIT_LEAKS = tuple(
    LeakyBuild(name, channel, "counted", "aldo", break_code, statement, exit_name, focus="known by id")
    for name, channel, break_code, statement, exit_name in (
        ("exposure repeats the question's place", "LC-44", _say_where, READ_THE_VAULT, "exposure"),
        ("a share is the extent of what was seen", "LC-10", _measure_the_extent, READ_THE_VAULT, "account"),
        (
            "a warning says how far the cells lie apart",
            "LC-09",
            _warn_of_the_extent,
            READ_THE_VAULT,
            "warnings",
        ),
        ("exposure tells the page of a site", "LC-44", leave_code_alone, _PAGE_BY_PAGE, "exposure"),
    )
)
