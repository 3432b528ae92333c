"""How long a test waits for what is known to come.

It says nothing of how fast anything is: a machine that does three things at once is several times slower than one that
does a test alone, and a test that gives up too early has found nothing.
"""

from __future__ import annotations

PATIENCE_S = 240.0
"""Seconds. A test that waits longer has failed."""
