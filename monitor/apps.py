"""Django's view of the package that knows the subject."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MonitorApp(AppConfig):
    """Regions, scenes, alerts, inspections; the vault and the door."""

    name = "monitor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Renew the database roles' rights and the quota after each migration and walk every URL at start-up."""
        from monitor import checks  # noqa: F401 (registers the start-up checks)
        from monitor.access.quotas import apply_limits
        from monitor.vault.fence import apply_rights

        post_migrate.connect(apply_rights, sender=self)
        post_migrate.connect(apply_limits, sender=self)
