"""Sites: neighbouring cells are one, histories are never cut, and the order of arrival changes nothing."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.field.sites import Cell, group_cells, neighbours_of, plan_sites

small_cells = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30)


def touch(one: Cell, other: Cell) -> bool:
    """True for cells that share a side or a corner."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) == 1


@st.composite
def landscapes(draw: st.DrawFn) -> tuple[set[Cell], dict[Cell, str], dict[str, int]]:
    """Active cells, the sites known before (each a connected group), and their ages."""
    known: dict[Cell, str] = {}
    age: dict[str, int] = {}
    for number, group in enumerate(group_cells(draw(small_cells))):
        name = f"site-{number}"
        age[name] = draw(st.integers(0, 1000)) * 100 + number  # no two of one age
        known |= dict.fromkeys(group, name)
    return draw(small_cells), known, age


def test_cells_that_touch_at_a_side_or_corner_are_one_group() -> None:
    assert group_cells([(0, 0), (0, 1), (1, 2), (5, 5)]) == [{(0, 0), (0, 1), (1, 2)}, {(5, 5)}]


def test_cells_two_apart_are_not_neighbours() -> None:
    assert len(group_cells([(0, 0), (0, 2)])) == 2


def test_no_cells_make_no_group() -> None:
    assert group_cells([]) == []
    assert plan_sites([], dict[Cell, str](), {}) == []


@given(small_cells)
def test_groups_are_connected_apart_from_each_other_and_lose_nothing(cells: set[Cell]) -> None:
    groups = group_cells(cells)
    assert sorted(cell for group in groups for cell in group) == sorted(cells)
    for number, group in enumerate(groups):
        reached = {min(group)}
        while edge := {cell for cell in group - reached if any(touch(cell, old) for old in reached)}:
            reached |= edge
        assert reached == group
        for other in groups[number + 1 :]:
            assert not any(touch(one, two) for one in group for two in other)


@given(small_cells, st.integers(0, 2**32))
def test_the_order_of_the_cells_does_not_matter(cells: set[Cell], seed: int) -> None:
    shuffled = sorted(cells)
    random.Random(seed).shuffle(shuffled)
    assert group_cells(shuffled) == group_cells(sorted(cells))


@given(small_cells)
def test_neighbours_are_the_cells_and_all_that_touch_them(cells: set[Cell]) -> None:
    around = neighbours_of(cells)
    assert cells <= around
    assert all(cell in cells or any(touch(cell, one) for one in cells) for cell in around)


def test_a_new_group_is_a_new_site() -> None:
    (change,) = plan_sites([(0, 0), (0, 1)], dict[Cell, str](), {})
    assert (change.kept, change.absorbed) == (None, ())
    assert change.new_cells == change.cells == {(0, 0), (0, 1)}


def test_a_site_that_grows_keeps_its_identity_and_tells_its_new_cells() -> None:
    (change,) = plan_sites([(0, 1)], {(0, 0): "a"}, {"a": 1})
    assert (change.kept, change.absorbed, change.new_cells) == ("a", (), frozenset({(0, 1)}))


def test_of_sites_that_come_to_touch_the_oldest_goes_on() -> None:
    known = {(0, 0): "young", (0, 2): "old", (0, 4): "middle"}
    (change,) = plan_sites([(0, 1), (0, 3)], known, {"young": 1, "old": 9, "middle": 5})
    assert change.kept == "old"
    assert change.absorbed == ("middle", "young")
    assert change.cells == {(0, number) for number in range(5)}
    assert change.new_cells == {(0, 1), (0, 3)}


def test_sites_of_one_age_merge_the_same_way_every_time() -> None:
    for known in ({(0, 0): "a", (0, 2): "b"}, {(0, 2): "b", (0, 0): "a"}):
        (change,) = plan_sites([(0, 1)], known, {"a": 3, "b": 3})
        assert (change.kept, change.absorbed) == ("a", ("b",))


def test_a_cell_that_went_quiet_stays_a_member() -> None:
    (change,) = plan_sites([], {(0, 0): "a", (0, 1): "a"}, {"a": 1})
    assert change.cells == {(0, 0), (0, 1)}
    assert not change.new_cells


@given(landscapes())
def test_a_history_is_never_cut(landscape: tuple[set[Cell], dict[Cell, str], dict[str, int]]) -> None:
    active, known, age = landscape
    changes = plan_sites(active, known, age)
    ended = [site for change in changes for site in ((change.kept,) if change.kept else ()) + change.absorbed]
    assert sorted(ended) == sorted(set(known.values()))  # each known site goes on or ends in exactly one
    assert sorted(cell for change in changes for cell in change.cells) == sorted(active | set(known))
    for change in changes:
        assert change.new_cells == change.cells - set(known)
        assert all(
            age[older] >= age[younger]
            for older, younger in pairwise(filter(None, (change.kept, *change.absorbed)))
        )


@given(landscapes(), st.integers(0, 2**32))
def test_the_plan_does_not_depend_on_the_order_of_anything(
    landscape: tuple[set[Cell], dict[Cell, str], dict[str, int]], seed: int
) -> None:
    active, known, age = landscape
    draw = random.Random(seed)
    shuffled_active, shuffled_known = sorted(active), sorted(known.items())
    draw.shuffle(shuffled_active)
    draw.shuffle(shuffled_known)
    assert plan_sites(shuffled_active, dict(shuffled_known), age) == plan_sites(active, known, age)


@given(landscapes())
def test_cells_seen_one_by_one_end_in_the_same_sites_as_all_at_once(
    landscape: tuple[set[Cell], dict[Cell, str], dict[str, int]],
) -> None:
    """Whatever the order of the scenes, the same cells end together."""
    active, known, age = landscape
    at_once = {change.cells for change in plan_sites(active, known, age)}
    grown, ages = dict(known), dict(age)
    for number, cell in enumerate(sorted(active)):
        for change in plan_sites([cell], grown, ages):
            name = change.kept or f"new-{number}"
            ages.setdefault(name, -number)
            grown |= dict.fromkeys(change.cells, name)
    one_by_one: dict[str, set[Cell]] = {}
    for cell, name in grown.items():
        one_by_one.setdefault(name, set()).add(cell)
    assert {frozenset(cells) for cells in one_by_one.values()} == at_once


def test_a_site_that_falls_apart_goes_on_in_its_largest_part_and_the_rest_is_new() -> None:
    known = dict.fromkeys([(0, 0), (0, 1), (0, 5)], "a")
    one, other = plan_sites([(0, 6)], known, {"a": 1})
    assert (one.kept, one.cells, one.parted_from) == ("a", frozenset({(0, 0), (0, 1)}), None)
    assert (other.kept, other.cells, other.parted_from) == (None, frozenset({(0, 5), (0, 6)}), "a")
    assert other.new_cells == {(0, 6)}


@given(landscapes(), st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_the_cells_of_sites_follow_from_cells_alone_and_every_known_site_goes_on_once(
    landscape: tuple[set[Cell], dict[Cell, str], dict[str, int]], gone: set[Cell]
) -> None:
    active, known, age = landscape
    left = {cell: site for cell, site in known.items() if cell not in gone}
    changes = plan_sites(active, left, age)
    assert [change.cells for change in changes] == group_cells(active | set(left))
    goes_on = [name for change in changes for name in (change.kept, *change.absorbed) if name is not None]
    assert sorted(goes_on) == sorted(set(left.values()))
