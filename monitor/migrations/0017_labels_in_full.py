"""Labels keep all that their file says, and batches know their cells: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: what labels say, and which cells a model was trained on, would be lost."""

    dependencies = [("monitor", "0016_findings_own_id")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
