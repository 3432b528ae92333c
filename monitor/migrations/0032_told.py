"""What batches have told is kept: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible, as most before it are not: a batch without it would tell late pictures by themselves."""

    dependencies = [("monitor", "0031_grants_end_for_good")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
