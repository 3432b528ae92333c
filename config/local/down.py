"""Room: config.local. Stops what was started here and, if asked, forgets it. Never touches a process it did not start."""

from __future__ import annotations

from pathlib import Path

from . import instance as place
from . import processes, servers
from .instance import Instance
from .report import EXIT_FAILED, say

INSTANCES = ("live", "test")
ORDER = ("beat", "web", "worker", "sealer", *servers.ORDER)


def take_down(root: Path) -> int:
    """Stop all processes of both instances: first who rings, then who works, then the sealer, the servers last."""
    stopped = sum(processes.stop_all(Instance(root, name), ORDER) for name in INSTANCES)
    say("everything is stopped" if stopped else "nothing was running")
    return 0


def clean(root: Path) -> int:
    """Stop everything, then remove var/ and what was made for this checkout outside of it."""
    take_down(root)
    alive = [record.name for name in INSTANCES for record in processes.read_alive(Instance(root, name))]
    if alive:
        say(f"FAILED: {', '.join(alive)} still runs\n  mend: end it by hand, then run this again")
        return EXIT_FAILED
    for folder in place.remove_folders(Instance(root, "live")):
        say(f"   removed {folder}")
    return 0
