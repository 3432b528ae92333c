"""What one viewer asks in one run: drawn from a seed, from the OpenAPI document, from bait and from the viewer's role."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from accounts.roles import Role
from tests.privacy.acts import ALERTS_RAISED
from tests.privacy.attempts import ATTEMPTS, OWN
from tests.privacy.known import list_every_address, list_every_word, list_every_write, list_everything_by_id
from tests.privacy.questions import Bait, Question, Script
from tests.privacy.schema_questions import Operation, ask_operation
from tests.privacy.sequences import SEQUENCES, draw_sequence

BY_ID, FROM_SCHEMA = "known by id", "from the schema"
SHARES = {BY_ID: 8, "writes": 20, "addresses": 8, "words": 12, FROM_SCHEMA: 8}
"""One of so many questions is from the sample of each kind of what is known."""
DRAWS = 12
_PART = re.compile(r"/tiles/|[?&](bbox|state|class|min_probability|since)=")
"""Of a tile, a box or a choice of cells the number depends on which cells they are, in worlds of equal counts too."""


def write_scripts(
    seed: int, bait: Bait, count: int, role: Role | None, operations: Sequence[Operation], focus: str = ""
) -> list[Script]:
    """Scripts with at least `count` requests; the same seed asks the same.

    First samples of what is known: ids, writes, addresses, words, operations. Of the rest a third is from the document, a
    third what the role may ask at all, a third attempts and sequences. focus: a kind of which there is much in the
    beginning (all that is known, or several draws), where one looks for a leak of one kind.
    """
    draw = random.Random(f"questions {seed} {role}")
    known = {
        BY_ID: list_everything_by_id(bait, role),
        "writes": list_every_write(bait),
        "addresses": list_every_address(bait),
        "words": list_every_word(bait),
        FROM_SCHEMA: [ask_operation(draw, operation, bait) for operation in operations],
    }
    scripts: list[Script] = []
    if focus in SEQUENCES:
        drawn = [Script(focus, SEQUENCES[focus](draw, bait)) for _ in range(DRAWS)]
        scripts += [script for script in drawn if _may_be_asked(script, role)]
    elif focus in ATTEMPTS:
        scripts += [Script(focus, [ATTEMPTS[focus][0](draw, bait)]) for _ in range(3 * DRAWS)]
    for kind, questions in known.items():
        sample = len(questions) if kind == focus else min(len(questions), count // SHARES[kind])
        scripts += [Script(kind, [question]) for question in draw.sample(questions, sample)]
    weights = [weight for _, weight in ATTEMPTS.values()]
    asked = sum(count_requests(script) for script in scripts)
    while asked < count:
        share = draw.random()
        if share < 0.34:
            script = Script(FROM_SCHEMA, [ask_operation(draw, draw.choice(operations), bait)])
        elif share < 0.64 and role in OWN:
            script = Script("own rights", [draw.choice(OWN[role])(draw, bait)])
        elif share < 0.80:
            script = draw_sequence(draw, bait)
            if not _may_be_asked(script, role):
                continue
        else:
            ((maker, name),) = draw.choices([(m, n) for n, (m, _) in ATTEMPTS.items()], weights)
            script = Script(name, [maker(draw, bait)])
        scripts.append(script)
        asked += count_requests(script)
    return scripts


def _may_be_asked(script: Script, role: Role | None) -> bool:
    """False where others would read a part of what they may see before an auditor, who may know how many cells they got;
    and where alerts are raised, whose entries come in a random order."""
    return role is not Role.AUDITOR or not any(
        step is ALERTS_RAISED
        or (isinstance(step, Question) and step.asker is not None and _PART.search(step.url))
        for step in script.steps
    )


def count_requests(script: Script) -> int:
    """Requests whose answers are compared, further pages left out."""
    return sum(isinstance(step, Question) and step.asker is None for step in script.steps)
