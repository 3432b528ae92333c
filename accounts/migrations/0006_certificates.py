"""Certificates that wait for the log's signature, and the signatures. From the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: a ledger loses nothing by a command."""

    dependencies = [("accounts", "0005_auditing")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
