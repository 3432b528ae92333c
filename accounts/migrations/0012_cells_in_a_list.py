"""Disclosed cells are a list of numbers: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, like those before it."""

    # the functions of monitor 0020 are checked against the old type when they are made; 0021 makes them anew for the new one
    dependencies = [("accounts", "0011_readings"), ("monitor", "0020_readings")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
