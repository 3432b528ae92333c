"""What other systems have published about cells: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Reversible: it can be loaded again."""

    dependencies = [("monitor", "0012_label_batches")]
    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), "DROP TABLE vault.outside"
        )
    ]
