"""What makes the ledger provable: canonical bytes, the sealed tree, its checkpoints. From the SQL file beside this one."""

from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Not reversible: a proof is not dropped by a command."""

    dependencies = [("accounts", "0003_ticket_token")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
