"""`manage.py activate_model`: let a model act in place of the one before, or go back to the one before."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.deciders import make_decider
from accounts.ledger.connection import LedgerUnavailable
from accounts.models import User
from accounts.roles import Role
from accounts.viewer import Viewer
from monitor.detection.modelfile import ModelRefused
from monitor.errors import NotNow
from monitor.imagery.sensors import PROFILES
from monitor.management.console import print_answer
from monitor.management.saved_models import load_kept_model
from monitor.services.trained_models import (
    activate_model,
    find_model_file,
    find_model_id,
    find_previous_model,
)


class Command(BaseCommand):
    """Exit codes: 0 it acts; 1 there is no such model or analyst, or its file is gone or damaged, with the cause."""

    help = "Let a trained model act for its sensor; --back lets the one act again that acted before."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which model, in whose name."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--model", help="a model's id or sha256")
        which.add_argument(
            "--back", metavar="SENSOR", choices=sorted(PROFILES), help="go back for this sensor"
        )
        parser.add_argument("--by", required=True, metavar="USER", help="the analyst who answers for it")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find the model, activate it; every read scene of its sensor becomes due again."""
        analyst = find_analyst(options["by"])
        if options["back"]:
            model_id = find_previous_model(options["back"])
            if model_id is None:
                raise CommandError(f"No model acted for {options['back']} before the one that acts now.")
        else:
            model_id = find_model_id(options["model"])
            if model_id is None:
                raise CommandError(f"{options['model']!r} is no model of this installation.")
        try:
            # with a model whose file is gone no scene would be scored
            load_kept_model(find_model_file(str(model_id)) or "")
            left = activate_model(analyst, model_id, "activate_model", going_back=bool(options["back"]))
        except (LedgerUnavailable, ModelRefused, NotNow) as error:
            raise CommandError(str(error)) from error
        answer = {
            "model": str(model_id),
            "left": str(left) if left else None,
            "activated_by": analyst.username,
        }
        print_answer(answer, options["json"])


def find_analyst(name: str) -> Viewer:
    """The analyst in whose name a command acts. Raises CommandError."""
    user = User.objects.filter(username=name, role=Role.ANALYST.value, is_active=True).first()
    if user is None:
        raise CommandError(f"No active analyst is called {name!r}; only an analyst activates a model.")
    return make_decider(user)
