"""The example for a notebook in docs/detection.md runs as it stands there, and needs no Django."""

from __future__ import annotations

import subprocess
import sys

from tests.house.documents import ROOT, Document


def test_the_example_for_a_notebook_runs_without_django() -> None:
    (example,) = Document("docs/detection.md").blocks("python")
    code = f"{example}\nimport sys\nassert 'django' not in sys.modules\n"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "by blocks" in run.stdout
