"""Which earlier scene a cell is compared with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.detection.change import (
    FeaturesDiffer,
    SceneFeatures,
    find_reference,
    pair_features,
    stack_change,
)
from tests.pure.detection.invented import make_features, make_scene_features

A, B, C = (9000, 20000), (9000, 20001), (9001, 20000)


def of_day(
    day: int, item_id: str, cells: list[tuple[int, int]], value: float, share: float = 1.0
) -> SceneFeatures:
    features = make_features(cells, [value] * len(cells), [share] * len(cells))
    return make_scene_features(
        item_id, f"2024-01-{day:02d}T10:00:00", f"2024-01-{day:02d}T10:00:00", features
    )


NOW = of_day(20, "now", [A, B, C], 9.0)


def test_the_reference_of_each_cell_is_the_earliest_scene_that_shows_it_where_none_is_a_year_old() -> None:
    earlier = [
        of_day(5, "newer", [A, B], 2.0),
        of_day(3, "old", [A], 1.0),
        of_day(25, "later", [A, B, C], 3.0),
    ]
    pairs = pair_features(NOW, earlier, 0.5)
    np.testing.assert_array_equal(pairs.values, [[1.0], [2.0], [np.nan]])
    assert pairs.source.tolist() == [1, 0, -1]


def of_date(when: str, cells: list[tuple[int, int]], value: float) -> SceneFeatures:
    return make_scene_features(
        when, f"{when}T10:00:00", f"{when}T10:00:00", make_features(cells, [value] * len(cells))
    )


def test_the_reference_of_each_cell_is_the_latest_scene_a_year_old() -> None:
    earlier = [
        of_date("2023-01-20", [A], 2.0),  # a year before the day of now
        of_date("2023-01-21", [A, B], 3.0),
        of_date("2022-08-01", [A, C], 1.0),
        of_date("2023-08-01", [A, B, C], 4.0),
    ]
    assert pair_features(NOW, earlier, 0.5).values.ravel().tolist() == [2.0, 3.0, 1.0]


def test_a_mine_that_stands_is_held_against_the_ground_before_it_for_a_year() -> None:
    forest, mine = 0.0, 1.0
    scenes = [
        of_date(when, [A], ground)
        for when, ground in (
            ("2022-12-01", forest),
            ("2023-03-01", forest),
            ("2023-06-01", mine),
            ("2023-07-01", mine),
            ("2024-05-30", mine),
            ("2024-06-01", mine),
        )
    ]
    found = [pair_features(scene, scenes, 0.5).values[0, 0] for scene in scenes[2:]]
    assert found == [forest, forest, forest, mine]


def test_a_scene_that_has_not_ended_when_this_one_begins_is_no_reference() -> None:
    features = make_features([A], [1.0])
    overlapping = make_scene_features("composite", "2024-01-01T00:00:00", "2024-01-20T10:00:00", features)
    ended = make_scene_features("composite", "2024-01-01T00:00:00", "2024-01-19T23:59:59", features)
    assert pair_features(NOW, [overlapping], 0.5).source[0] == -1
    assert pair_features(NOW, [ended], 0.5).source[0] == 0


def test_another_granule_of_the_same_pass_is_no_reference() -> None:
    features = make_features([A], [1.0])
    before = of_day(3, "before", [A], 2.0)
    granule = make_scene_features("granule", "2024-01-20T09:59:46", "2024-01-20T09:59:46", features)
    assert pair_features(NOW, [before, granule], 0.5).source[0] == 0


def test_the_scene_itself_and_other_sensors_are_no_reference() -> None:
    radar = make_scene_features("radar", "2024-01-02", "2024-01-02", make_features([A], [1.0]), "sentinel-1")
    assert pair_features(NOW, [NOW, radar], 0.5).source.tolist() == [-1, -1, -1]


def test_a_cell_that_a_scene_hardly_shows_is_looked_up_in_another() -> None:
    earlier = [of_day(2, "cloudy", [A], 1.0, share=0.4), of_day(8, "clear", [A], 2.0)]
    assert pair_features(NOW, earlier, 0.5).values[0, 0] == 2.0
    assert pair_features(NOW, earlier, 0.3).values[0, 0] == 1.0


def test_of_two_scenes_of_one_moment_the_choice_does_not_depend_on_their_order() -> None:
    twins = [of_day(2, "x", [A], 1.0), of_day(2, "y", [A], 2.0)]
    assert (
        pair_features(NOW, twins, 0.5).values[0, 0]
        == pair_features(NOW, twins[::-1], 0.5).values[0, 0]
        == 1.0
    )


@given(st.permutations(range(6)))
def test_the_order_in_which_scenes_are_given_does_not_matter(order: list[int]) -> None:
    earlier = [of_day(day + 1, f"scene {day}", [A, B][: 1 + day % 2], float(day)) for day in range(6)]
    pairs = pair_features(NOW, [earlier[place] for place in order], 0.5)
    assert pairs.values[:2, 0].tolist() == [0.0, 1.0]


def test_features_of_another_featurizer_are_refused() -> None:
    other = make_scene_features("x", "2024-01-02", "2024-01-02", make_features([A], [1.0], digest="other"))
    with pytest.raises(FeaturesDiffer, match="different featurizers"):
        pair_features(NOW, [other], 0.5)
    with pytest.raises(FeaturesDiffer):
        find_reference(NOW.features, other.features, 0.5)


def test_find_reference_matches_cells_whatever_their_order() -> None:
    before = make_features([C, A], [[3.0], [1.0]], [0.9, 0.1])
    np.testing.assert_array_equal(find_reference(NOW.features, before, 0.5), [[np.nan], [np.nan], [3.0]])
    np.testing.assert_array_equal(find_reference(NOW.features, None, 0.5), [[np.nan]] * 3)


def test_change_is_before_now_and_the_difference() -> None:
    stacked = stack_change(np.array([[3.0, 5.0]], np.float32), np.array([[1.0, 7.0]], np.float32))
    assert stacked.tolist() == [[1.0, 7.0, 3.0, 5.0, 2.0, -2.0]]
