"""Settings of the peer's server: ours, with the peer's addresses."""

from __future__ import annotations

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS as OURS

INSTALLED_APPS = [*OURS, "rest_framework_gis"]
ROOT_URLCONF = "tests.bench.peer_urls"
