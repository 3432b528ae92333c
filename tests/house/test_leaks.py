"""The leak list: every channel has a family, every family a leaky build or a reason why there is none."""

from __future__ import annotations

import pytest

from monitor.checks import list_patterns
from tests.house.source import ROOT
from tests.privacy.leaks import LEAKY_BUILDS
from tests.privacy.leaks.families import CHANNELS, FAMILIES, Family

LEAST = 24


def test_every_channel_of_the_leak_list_belongs_to_one_family() -> None:
    assert sorted(channel for family in FAMILIES for channel in family.channels) == list(
        range(1, CHANNELS + 1)
    )


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_has_a_leaky_build_or_a_test_or_is_absent(family: Family) -> None:
    channels = {f"LC-{number:02}" for number in family.channels}
    builds = [build.name for build in LEAKY_BUILDS if build.channel in channels]
    routes = [str(pattern.pattern) for pattern in list_patterns()]
    there = [route for route in routes if any(word in route for word in family.absent)]
    assert not there, f"{family.name}: {there} came; take the words away and break it in a leaky build"
    assert builds or family.tests or family.absent
    assert all((ROOT / test).is_file() for test in family.tests)


def test_there_are_as_many_builds_as_promised_and_each_has_a_known_channel() -> None:
    assert len(LEAKY_BUILDS) >= LEAST
    assert {int(build.channel.removeprefix("LC-")) for build in LEAKY_BUILDS} <= set(range(1, CHANNELS + 1))
