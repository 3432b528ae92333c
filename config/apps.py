"""Makes the Celery application current in every Django process, so that a bell rings in the right queue."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class ConfigApp(AppConfig):
    """The wiring, as Django sees it."""

    name = "config"

    def ready(self) -> None:
        """Load the Celery application."""
        import_module("config.celery")
