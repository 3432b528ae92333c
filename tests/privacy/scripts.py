"""What one viewer asks in one run: drawn from a seed, from the OpenAPI document, from bait and from the viewer's role."""

from __future__ import annotations

import random
from collections.abc import Sequence

from accounts.roles import Role
from tests.privacy.attempts import ATTEMPTS, OWN
from tests.privacy.known import list_every_address, list_every_word, list_every_write, list_everything_by_id
from tests.privacy.questions import Bait, Question, Script
from tests.privacy.schema_questions import Operation, ask_operation
from tests.privacy.sequences import SEQUENCES, draw_sequence

BY_ID, FROM_SCHEMA = "known by id", "from the schema"


def write_scripts(
    seed: int, bait: Bait, count: int, role: Role | None, operations: Sequence[Operation]
) -> list[Script]:
    """Scripts with at least `count` requests; the same seed asks the same.

    First some of what is known: ids, addresses, words, operations, each kind of sequence (all of it where there is room). Of
    the rest a third is from the document, a third what the role may ask at all, a third attempts and sequences.
    """
    draw = random.Random(f"questions {seed} {role}")
    scripts: list[Script] = []
    for kind, part, known in (
        (BY_ID, 5, list_everything_by_id(bait)),
        ("writes", 12, list_every_write(bait)),
        ("addresses", 3, list_every_address(bait)),
        ("words", 6, list_every_word(bait)),
        (FROM_SCHEMA, 6, [ask_operation(draw, operation, bait) for operation in operations]),
    ):
        scripts += [
            Script(kind, [question]) for question in draw.sample(known, min(len(known), count // part))
        ]
    if count >= 6 * len(SEQUENCES):
        scripts += [Script(kind, write(draw, bait)) for kind, write in SEQUENCES.items()]
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
        else:
            ((maker, name),) = draw.choices([(m, n) for n, (m, _) in ATTEMPTS.items()], weights)
            script = Script(name, [maker(draw, bait)])
        scripts.append(script)
        asked += count_requests(script)
    return scripts


def count_requests(script: Script) -> int:
    """Requests whose answers are compared, further pages left out."""
    return sum(isinstance(step, Question) and step.asker is None for step in script.steps)
