"""The plausibility prior: any layer becomes weights of cells, and releases hide places among them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import rasterio
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction
from rasterio.transform import from_origin

from monitor.grid import Level
from monitor.releases.priors import find_prior, read_weights, write_prior
from monitor.services.geography import Geography, renew_geography
from monitor.services.priors import PriorRefused, forget_prior, load_prior
from monitor.services.regions import create_region
from tests.cast import Cast, make_box
from tests.roles import as_role, read_rows

TILE = np.array([[92, 200]])


def progress(stage: str, done: int, total: int) -> None:
    """Nobody watches."""


def write_raster(path: Path, values: np.ndarray[Any, Any], **more: Any) -> str:
    """A raster from 20 E 2.4 N southward, of pixels of 0.02 degree."""
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "transform": from_origin(20.0, 2.4, 0.02, 0.02),
    }
    with rasterio.open(path, "w", **profile | more) as raster:
        raster.write(values.astype("float32"), 1)
    return str(path)


def write_vector(path: Path, *features: tuple[list[list[float]], Any]) -> str:
    """A layer of polygons with a field `weight`."""
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"weight": weight},
                        "geometry": {"type": "Polygon", "coordinates": [ring]},
                    }
                    for ring, weight in features
                ],
            }
        )
    )
    return str(path)


def ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    """The ring of a rectangle."""
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def weights_now() -> np.ndarray[Any, Any]:
    """The weights of the tile of the east, as the prior that acts has them."""
    prior = find_prior()
    assert prior is not None
    weights: np.ndarray[Any, Any] = read_weights(prior.id, TILE)[0]
    return weights


def level_of(geography: Geography, edition: Level, row: int, col: int) -> int:
    """At which level a block of an edition is published."""
    tile = geography.tiles.tolist().index([row * edition.span // 100, col * edition.span // 100])
    across = 100 // edition.span
    return int(geography.editions[edition].levels[tile, row % across, col % across])


def test_a_raster_gives_each_cell_the_mean_of_its_pixels_south_up(cast: Cast, tmp_path: Path) -> None:
    values = np.zeros((20, 20))
    values[0, 0] = 8  # the pixel in the north-west
    values[19, 19] = 2
    loaded = load_prior(write_raster(tmp_path / "p.tif", values), "p", None, 0, progress)
    weights = weights_now()
    assert weights[38:40, 0:2].tolist() == [[8, 8], [8, 8]]
    assert weights[0:2, 38:40].tolist() == [[2, 2], [2, 2]]
    assert (weights.sum(), loaded.prior.cells, loaded.plausible) == (40, 8, 8)
    assert loaded.known == 3200  # both regions


def test_what_has_no_data_weighs_nothing(cast: Cast, tmp_path: Path) -> None:
    values = np.full((20, 20), 3.0)
    values[5] = -1
    load_prior(write_raster(tmp_path / "p.tif", values, nodata=-1), "p", None, 0, progress)
    assert (weights_now() > 0).sum() == 1600 - 80


def test_a_vector_layer_gives_each_cell_the_greatest_weight_of_what_covers_it(
    cast: Cast, tmp_path: Path
) -> None:
    path = write_vector(
        tmp_path / "p.geojson",
        (ring(20.0, 2.0, 20.1, 2.1), 5),
        (ring(20.05, 2.05, 20.2, 2.2), 2),
        (ring(20.3, 2.3, 20.4, 2.4), 0),
    )
    load_prior(path, "p", "weight", 0, progress)
    weights = weights_now()
    assert (weights[2, 2], weights[7, 7], weights[12, 12], weights[35, 35]) == (5, 5, 2, 0)
    load_prior(path, "p", None, 0, progress)
    assert weights_now()[35, 35] == 1


@pytest.mark.parametrize(
    ("name", "more", "cause"),
    [("p.tif", {"crs": None}, "coordinate system"), ("absent.tif", None, "no such file")],
)
def test_a_raster_that_cannot_be_a_prior_is_refused(
    cast: Cast, tmp_path: Path, name: str, more: dict[str, Any] | None, cause: str
) -> None:
    if more is not None:
        write_raster(tmp_path / name, np.ones((4, 4)), **more)
    with pytest.raises(PriorRefused, match=cause):
        load_prior(str(tmp_path / name), "p", None, 0, progress)
    assert find_prior() is None


def test_a_negative_weight_is_refused(cast: Cast, tmp_path: Path) -> None:
    with pytest.raises(PriorRefused, match="at least 0"):
        load_prior(write_raster(tmp_path / "p.tif", np.full((20, 20), -2.0)), "p", None, 0, progress)
    path = write_vector(tmp_path / "p.geojson", (ring(20.0, 2.0, 20.1, 2.1), -1))
    with pytest.raises(PriorRefused, match="at least 0"):
        load_prior(path, "p", "weight", 0, progress)
    assert find_prior() is None


def test_a_refusal_says_nothing_of_where_the_file_lies(cast: Cast, tmp_path: Path) -> None:
    broken = tmp_path / "secret-folder-name.tif"
    broken.write_bytes(b"II*\x00broken")
    with pytest.raises(PriorRefused) as refused:
        load_prior(str(broken), "p", None, 0, progress)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("layer", "field", "cause"), [(3, None, "not one of them"), (0, "height", "no such field")]
)
def test_a_vector_layer_that_has_not_what_was_named_is_refused(
    cast: Cast, tmp_path: Path, layer: int, field: str | None, cause: str
) -> None:
    path = write_vector(tmp_path / "p.geojson", (ring(20.0, 2.0, 20.1, 2.1), 1))
    with pytest.raises(PriorRefused, match=cause):
        load_prior(path, "p", field, layer, progress)


def test_one_likely_cell_is_hidden_in_a_coarser_block_and_stays_there(cast: Cast) -> None:
    """LC-57: a second prior that is even again brings nothing back."""
    weights = np.ones((100, 100), dtype=np.float32)
    weights[5, 5] = 30  # 30 of 129 in its L1 block, 30 of 429 in its L2 block
    before = renew_geography()
    assert (level_of(before, Level.L1, 920, 2000), level_of(before, Level.L2, 460, 1000)) == (1, 2)
    write_prior("peak", [(92, 200, weights), (92, 199, np.ones_like(weights))])
    peaked = renew_geography()
    assert (level_of(peaked, Level.L1, 920, 2000), level_of(peaked, Level.L2, 460, 1000)) == (2, 2)
    assert peaked.id != before.id
    forget_prior()
    after = renew_geography()
    assert level_of(after, Level.L1, 920, 2000) == 2
    assert level_of(after, Level.L1, 922, 2000) == 1
    assert after.id != peaked.id  # the figures of the prior are others


def test_a_mask_takes_the_sea_out_of_the_plausible_cells(cast: Cast) -> None:
    land = np.ones((100, 100), dtype=np.float32)
    land[:, :20] = 0
    write_prior("land", [(92, 200, land)])
    geography = renew_geography()
    assert geography.counted.sum() == 40 * 20
    assert level_of(geography, Level.L2, 460, 1000) == 0
    assert level_of(geography, Level.L2, 460, 1001) == 2


def test_a_geography_is_the_same_as_long_as_nothing_public_changes(cast: Cast) -> None:
    first = renew_geography().id
    kept = read_rows("SELECT id FROM release.geography")  # tests that commit leave theirs
    assert renew_geography().id == first
    create_region("Aruwe North", make_box(20.0, 2.6, 20.4, 2.8))
    assert read_rows("SELECT id FROM release.geography") == kept
    assert renew_geography().id != first
    assert len(read_rows("SELECT id FROM release.geography")) == len(kept) + 1


def test_a_block_that_was_published_coarser_stays_so_when_its_region_grows(cast: Cast) -> None:
    create_region("Strip", make_box(21.0, 2.0, 21.2, 2.03))  # 60 cells: 30 in each of two L1 blocks
    first = renew_geography()
    assert (level_of(first, Level.L1, 920, 2010), level_of(first, Level.L2, 460, 1005)) == (2, 2)
    create_region("Strip", make_box(21.0, 2.0, 21.4, 2.4))
    second = renew_geography()
    assert level_of(second, Level.L1, 920, 2010) == 2
    assert level_of(second, Level.L1, 923, 2013) == 1


def test_the_database_refuses_a_finer_level_and_forgets_none(cast: Cast) -> None:
    renew_geography()
    finer = "UPDATE release.tile SET levels = set_byte(levels, 0, %s) WHERE row = 92 AND col = 200"
    with connection.cursor() as cursor:
        cursor.execute(finer, [2])
        for statement, values in (
            (finer, [1]),
            (finer, [0]),
            ("UPDATE release.tile SET row = 1", []),
            ("DELETE FROM release.tile", []),
            ("TRUNCATE release.tile", []),
        ):
            with as_role("none"), pytest.raises(IntegrityError), transaction.atomic():
                cursor.execute(statement, values)
        with pytest.raises(DatabaseError), transaction.atomic():
            cursor.execute("DELETE FROM release.tile")


def test_the_web_role_reads_no_prior_and_no_memory_of_tiles(cast: Cast) -> None:
    renew_geography()
    for table in ("prior", "prior_tile", "tile"):
        assert read_rows("SELECT has_table_privilege('penumbra_web', %s, 'SELECT')", f"release.{table}") == [
            (False,)
        ]


def test_loading_is_an_entry_of_the_ledger(cast: Cast) -> None:
    loadings = "SELECT count(*) FROM ledger.entry WHERE action = 'prior.load'"
    ((before,),) = read_rows(loadings)
    forget_prior()
    assert read_rows(loadings) == [(before + 1,)]


def test_the_command_loads_a_prior_and_says_what_it_covers(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_raster(tmp_path / "land.tif", np.ones((20, 20)))
    call_command("load_prior", path, "--json")
    answer = json.loads(capsys.readouterr().out)
    assert UUID(answer["prior"]).version == 4
    assert (answer["name"], answer["cells_of_regions"], answer["plausible_cells_of_regions"]) == (
        "land",
        3200,
        1600,
    )
    call_command("load_prior", "--even", "--json")
    assert find_prior() is None
    with pytest.raises(CommandError, match="Give a FILE"):
        call_command("load_prior")
    with pytest.raises(CommandError, match="no such file"):
        call_command("load_prior", str(tmp_path / "absent"))
