"""Django's view of the package that knows who may ask and who has asked."""

from django.apps import AppConfig


class AccountsApp(AppConfig):
    """Users, organisations, tokens and the ledger."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
