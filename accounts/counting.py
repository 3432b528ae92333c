"""How often something was done in the last minute, counted in Redis.

In one step: to read a counter and write it afterwards would let through whoever asks at the same moment.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import cast

from django.conf import settings
from limits import RateLimitItemPerMinute
from limits.storage import Storage, storage_from_string
from limits.strategies import MovingWindowRateLimiter

MINUTE_S = 60


def take(limit: int, *names: str) -> float | None:
    """Count one more under `names`; None where that makes no more than `limit` in the last minute.

    Else it is not counted, and what is returned is the time in seconds until one more will be. Raises RedisError.
    """
    limiter, item = MovingWindowRateLimiter(find_counters()), RateLimitItemPerMinute(limit)
    if limiter.hit(item, *names):
        return None
    return max(0.0, limiter.get_window_stats(item, *names).reset_time - time.time())


def check_counting() -> None:
    """Count something, to learn whether anything can be counted. Raises RedisError."""
    find_counters().incr("ready", MINUTE_S)


def find_counters() -> Storage:
    """Where this process counts."""
    return _open(settings.COUNTERS_URL, settings.COUNTERS_PREFIX, settings.REDIS_TIMEOUT_S)


@lru_cache
def _open(url: str, prefix: str, timeout_s: int) -> Storage:
    """Opened once, so that connections are kept; a child of this process makes its own."""
    # limits has a name of its own for a socket's address
    address = f"redis+{url}" if url.startswith("unix:") else url
    # a server that is silent is given up about, as one that is gone is
    bounds = {"socket_connect_timeout": timeout_s, "socket_timeout": timeout_s}
    # an address that begins with "async" would open another kind
    return cast("Storage", storage_from_string(address, key_prefix=prefix, **bounds))
