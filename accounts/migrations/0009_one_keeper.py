"""One trigger for each line of the ledger, which keeps its plans: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, like the functions before it."""

    dependencies = [("accounts", "0008_partitions")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
