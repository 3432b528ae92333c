"""Settings of a public installation: everything of `config.settings`, and no way to start without what it needs.

Wiring. Refuses to start on a missing, short or well-known secret, naming it.
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from config.env import read_number, read_words
from config.settings import *  # noqa: F403
from config.settings import DATABASES, DEBUG, HASH_KEY, LEDGER_PASSWORD, SECRET_KEY


def refuse_weak(name: str, value: str) -> None:
    """Raise ImproperlyConfigured for a secret that is short or that somebody could guess."""
    if len(value) < 24 or value.lower() in {"changeme", "secret", "password"} or len(set(value)) < 8:
        raise ImproperlyConfigured(
            f"{name} is too weak for production. Give it 32 random characters or more."
        )


refuse_weak("PENUMBRA_SECRET_KEY", SECRET_KEY)
refuse_weak("PENUMBRA_HASH_KEY", HASH_KEY)
refuse_weak("PENUMBRA_DB_PASSWORD_LEDGER", LEDGER_PASSWORD)
refuse_weak("the database password of this process", DATABASES["default"]["PASSWORD"])
if SECRET_KEY == HASH_KEY:
    raise ImproperlyConfigured("PENUMBRA_SECRET_KEY and PENUMBRA_HASH_KEY must differ.")
if DEBUG:
    raise ImproperlyConfigured(
        "PENUMBRA_DEBUG must be off in production: its pages show values of variables."
    )

ALLOWED_HOSTS = read_words("PENUMBRA_ALLOWED_HOSTS")
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "PENUMBRA_ALLOWED_HOSTS is not set. List the names that this service answers to."
    )

SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = read_number("PENUMBRA_HSTS_SECONDS", 31_536_000, least=0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
