"""Months of the ledger: entries and completions in partitions, and what was archived. From the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, like the tables before it."""

    dependencies = [("accounts", "0007_harvest")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
