"""Room: config.local. The stages of `up` that are commands of manage.py: which, in what order, as which database role.

A stage shows its progress on stderr and ends with JSON on stdout, which goes into the report and, where it names a
`catalog`, `labels` or `analyst`, fills the words of later stages. Every stage may be run again at any time.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .report import Trouble, say

FILLED = ("catalog", "labels", "analyst")  # keys of a stage's answer that later stages may name


@dataclass(frozen=True)
class Stage:
    """One call of manage.py. `words` may hold {url}, {log_name} and the names in FILLED, to be put in; `if_known` are words
    that are added where what they name is known."""

    name: str
    words: tuple[str, ...]
    if_known: tuple[str, ...] = ()
    role: str = "worker"
    answers: bool = True


BEFORE_PROCESSES = (
    Stage("migrate", ("migrate", "--no-input"), role="owner", answers=False),
    Stage("ledger-key", ("make_ledger_key", "{log_name}"), role="sealer", answers=False),
    Stage("seed", ("seed_demo", "--url", "{url}", "--json"), if_known=("--catalog", "{catalog}")),
)
AFTER_PROCESSES = (
    Stage("ingest", ("ingest", "{catalog}", "--wait", "--json")),
    Stage("train", ("train_model", "--labels", "{labels}", "--activate-by", "{analyst}", "--json")),
    Stage("detect", ("ingest", "{catalog}", "--wait", "--json")),
    Stage("release", ("publish_release", "--if-changed", "--json")),
)


def fill(words: tuple[str, ...], facts: Mapping[str, str]) -> list[str]:
    """The words with what is known put in. A word about something unknown is `Trouble`."""
    try:
        return [word.format_map(facts) for word in words]
    except KeyError as unknown:
        raise Trouble(
            f"{words[0]} needs {unknown}, which no earlier stage named", "see config/local/stages.py"
        ) from unknown


def choose_words(stage: Stage, facts: Mapping[str, str]) -> list[str]:
    """The words of a stage, with those that are added where they can be filled."""
    try:
        more = [word.format_map(facts) for word in stage.if_known]
    except KeyError:
        more = []
    return [*fill(stage.words, facts), *more]


def read_answer(stdout: str) -> Any:
    """The JSON at the end of a command's output: all of it, or its last line. None if there is none."""
    for text in (stdout, *stdout.strip().splitlines()[-1:]):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            continue
    return None


def carry_out(
    stage: Stage, python: Path, root: Path, log: Path, env: Mapping[str, str], facts: dict[str, str]
) -> Any:
    """Run a stage; its answer, which also goes into `facts` where later stages need it. Raises `Trouble` if it fails."""
    command = [str(python), "manage.py", *choose_words(stage, facts)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=root, env=dict(env), check=False)
    with log.open("a") as stream:
        stream.write(done.stdout)
    if done.returncode != 0 or not stage.answers:
        for line in done.stdout.splitlines():
            say(f"   | {line}")
    if done.returncode != 0:
        raise Trouble(
            f"stage {stage.name} failed (manage.py {stage.words[0]}, exit code {done.returncode}); its words stand above",
            f"mend the cause, then `make up` again: it repeats nothing that is done. Worker's log: {log.parent}/worker.log",
        )
    if not stage.answers:
        return None
    answer = read_answer(done.stdout)
    if answer is None:
        raise Trouble(f"stage {stage.name} ended without its JSON answer", f"its output is in {log}")
    if isinstance(answer, dict):
        facts.update({name: str(answer[name]) for name in FILLED if answer.get(name)})
    return answer
