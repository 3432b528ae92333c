"""The application for gunicorn, without entries and completions: `tests.bench.without_ledger` says how."""

from __future__ import annotations

from config.wsgi import application
from monitor.privacy.door import disclosure
from tests.bench.without_ledger import complete_nothing, open_nothing

__all__ = ["application"]

vars(disclosure).update(
    open_entry=open_nothing, complete_entry=complete_nothing, complete_later=complete_nothing
)
