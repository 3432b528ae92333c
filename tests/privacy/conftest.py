"""Fixtures of the privacy tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.privacy.committed import Committed, commit_world


@pytest.fixture
def committed(db: None) -> Iterator[Committed]:
    """A world that other connections see. The test itself works in threads: its own connection must not be used."""
    with commit_world() as world:
        yield world
