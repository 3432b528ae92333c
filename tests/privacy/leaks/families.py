"""Families of the leak list, the builds of each, and what holds where no build can be made (pure but for the builds).

The list is that of the privacy design: LC-01 to LC-58. Every channel belongs to one family. A family has a leaky build; or a
test of its own that breaks things in another way; or it is absent: nothing of the kind exists, which is looked for by name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Channels of one kind. tests: files that hold it otherwise. absent: words of which no route may have one."""

    name: str
    channels: tuple[int, ...]
    tests: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


FAMILIES = (
    Family("filters by place", (1, 2)),
    Family("order", (3, 4)),
    Family("cursors and pages", (5, 6)),
    Family("ids", (7, 8)),
    Family("counts and extents", (9, 10, 11)),
    Family("tiles", (12,)),
    Family("files", (13,)),
    Family(
        "imagery and photos", (14, 15), absent=("photo", "chip", "thumbnail", "preview", "image", "media")
    ),
    Family("dates and clouds", (16, 17, 58)),
    Family("scores and covariates", (18, 19)),
    Family("names and edges", (20, 21)),
    Family("headers", (22,)),
    Family("shared caches", (23,)),
    Family("time and size", (24, 25)),
    Family("hidden and absent", (26, 27, 28)),
    Family("subscriptions", (29,), absent=("subscri", "geofence", "watch", "search")),
    Family("schema and choices", (30,)),
    Family("parameters and search", (31, 32)),
    Family("free text", (33,)),
    Family("notices", (34,), absent=("webhook", "notif", "mail", "push", "sms", "feed")),
    Family("logs", (35,)),
    Family("messages", (36,)),
    Family("caches and temporary files", (37,)),
    Family("the present and its differences", (38, 39, 40, 57)),
    Family("several accounts", (41,)),
    Family("borders", (42,)),
    Family("what was withdrawn", (43,)),
    Family("the ledger", (44, 45)),
    Family("lists of rights", (46,)),
    Family("revocation", (47, 48)),
    Family("assigning to oneself", (49,), tests=("tests/services/test_inspections.py",)),
    Family("quotas and limits", (50, 55)),
    Family(
        "the database", (51, 52), tests=("tests/privacy/test_fence.py", "tests/privacy/test_injection.py")
    ),
    Family("copies and side tables", (53, 54)),
    Family("writing back", (56,)),
)
CHANNELS = 58
