#!/usr/bin/env python3
"""Penumbra's command line: `./manage.py help` lists the commands. After `make up` it speaks to what that started."""

import os
import sys
from pathlib import Path

from config.local.attached import attach, change_interpreter, refuse_unreadable
from config.local.report import EXIT_USAGE

ROOT = Path(__file__).resolve().parent


def main() -> None:
    """Run one management command."""
    refuse_unreadable(sys.argv[1:])
    change_interpreter(ROOT)
    attach(ROOT, os.environ, "".join(sys.argv[1:2]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # commands do the worker's work; `migrate` alone is the owner's
    os.environ.setdefault("PENUMBRA_DB_ROLE", "worker")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        print(f"manage.py: error: {error}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None


if __name__ == "__main__":
    main()
