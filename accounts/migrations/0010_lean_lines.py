"""What a line must be is looked at by its trigger: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, like the functions before it."""

    dependencies = [("accounts", "0009_one_keeper")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
