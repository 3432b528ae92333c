"""Two questions of auditors about disclosed cells, from the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, like the functions before them."""

    dependencies = [("monitor", "0009_block_line"), ("accounts", "0005_auditing")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
