"""Every address is an exit with a leaky build, or says that nothing of a place can leave by it."""

from __future__ import annotations

from monitor.checks import list_patterns
from monitor.privacy.exits import EXITS, PLACELESS_ROUTES
from tests.privacy.exit_leaks import EXIT_LEAKS
from tests.privacy.leaks import LEAKY_BUILDS


def test_every_route_is_an_exit_or_placeless_and_none_is_both() -> None:
    routes = sorted(str(pattern.pattern) for pattern in list_patterns())
    assert sorted([*(one.route for one in EXITS), *PLACELESS_ROUTES]) == routes


def test_every_exit_has_a_leaky_build() -> None:
    broken = {build.exit for build in (*LEAKY_BUILDS, *EXIT_LEAKS)} - {""}
    assert broken == {one.name for one in EXITS}


def test_names_of_exits_and_of_builds_are_given_once() -> None:
    names = [one.name for one in EXITS]
    assert len(set(names)) == len(names)
    builds = [build.name for build in (*LEAKY_BUILDS, *EXIT_LEAKS)]
    assert len(set(builds)) == len(builds)


def test_every_exit_names_families_of_the_leak_list() -> None:
    for one in EXITS:
        assert one.families
        assert all(family.startswith("LC-") and 1 <= int(family[3:]) <= 58 for family in one.families)
