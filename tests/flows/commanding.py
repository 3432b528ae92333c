"""Commands run in this process, and read by what they print."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

QUICK_WORDS = ("--patches", "8", "--block-deg", "0.05")
"""How a model is trained in seconds."""


class Commands:
    """Runs commands in this process and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def ask(self, *words: object) -> Any:
        """The answer of a command that is asked for JSON: one line on stdout, nothing else there."""
        self._capsys.readouterr()
        call_command(*map(str, words), "--json")
        (line,) = self._capsys.readouterr().out.splitlines()
        return json.loads(line)

    def refuse(self, *words: object) -> str:
        """What a command says when it refuses: one sentence or two, no traceback, nothing on stdout."""
        self._capsys.readouterr()
        with pytest.raises(CommandError) as caught:
            call_command(*map(str, words), "--json")
        assert self._capsys.readouterr().out == ""
        assert 15 < len(str(caught.value)) < 300
        return str(caught.value)
