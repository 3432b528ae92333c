"""Tickets for what auditors ask of disclosed cells, and the log found by receipt. From the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: a ledger loses nothing by a command."""

    dependencies = [("accounts", "0004_sealing")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
