"""What each database role may do with each table outside the vault, in one table, renewed after every migration.

The rights on `vault`, `release` and `ledger` stand in the SQL that makes them. A test holds both against the catalog.
A table that is not named here can be reached by the owner only: forgetting is loud.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections, transaction

READ = "SELECT"
WRITE = "SELECT, INSERT, UPDATE, DELETE"

RIGHTS: dict[str, dict[str, str]] = {
    # table: {role: verbs}; a right to update is a right to columns, so that no statement of the web role can move an
    # alert into another region, an inspection to another person, or an account into another role
    "accounts_organisation": {"web": READ, "worker": WRITE},
    "accounts_token": {"web": READ, "worker": WRITE},
    "accounts_user": {"web": READ, "worker": WRITE},
    # a partner's terms: nobody who answers questions can change them
    "monitor_agreement": {"web": READ, "worker": WRITE},
    "auth_permission": {"web": READ, "worker": READ},
    "django_content_type": {"web": READ, "worker": READ},
    "django_migrations": {"web": READ, "worker": READ},
    # who may see how sharply: written by the functions of schema access only, which check two people themselves
    "monitor_accessapproval": {"web": READ, "worker": READ},
    "monitor_accessgrant": {"web": READ, "worker": READ},
    "monitor_accessrequest": {"web": READ, "worker": READ},
    "monitor_alert": {"web": "SELECT, UPDATE (status, dismissal)", "worker": WRITE},
    "monitor_alertmove": {"web": "SELECT, INSERT", "worker": WRITE},
    "monitor_finding": {"web": "SELECT, INSERT", "worker": WRITE},
    "monitor_handledrequest": {"web": "SELECT, INSERT", "worker": WRITE},
    # what opens a site: given, taken on and ended by functions of schema access that take the token of whoever does it
    "monitor_inspection": {"web": READ, "worker": WRITE},
    "monitor_inspectionuserpermission": {"web": READ, "worker": WRITE},
    "monitor_quotarelease": {"web": READ, "worker": READ},
    "monitor_region": {"web": READ, "worker": WRITE},
    "monitor_regionposture": {"web": READ, "worker": READ},
    "monitor_regionuserpermission": {"web": READ, "worker": WRITE},
    # a refused scene that is handed in again is read again
    "monitor_scene": {
        "web": "SELECT, INSERT, UPDATE (state, cause, detail, attempts, progress, rung_at)",
        "worker": WRITE,
    },
    "monitor_trainedmodel": {
        "web": "SELECT, UPDATE (state, activated_by_id, activated_at)",
        "worker": WRITE,
    },
}


def apply_rights(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Bring the rights on schema public into the state of RIGHTS. Runs as the owner, after `migrate`.

    In one transaction: a service that runs meanwhile has its rights before and after, and is never without them.
    """
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
        )
        present = {name for (name,) in cursor.fetchall()}
        for table in sorted(present):
            cursor.execute(
                f'REVOKE ALL ON public."{table}" FROM PUBLIC, penumbra_web, penumbra_worker, penumbra_ledger'
            )
            for role, verbs in RIGHTS.get(table, {}).items():
                cursor.execute(f'GRANT {verbs} ON public."{table}" TO penumbra_{role}')
