"""Labels of several scenes from one source stand side by side: the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: labels that stand side by side could not stand under the old key."""

    dependencies = [("monitor", "0022_changes_show_nothing")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
