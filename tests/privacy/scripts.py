"""What one viewer asks in one run: drawn from a seed, from the OpenAPI document, from bait and from the viewer's role."""

from __future__ import annotations

import random
from collections.abc import Sequence

from accounts.roles import Role
from tests.privacy.attempts import ATTEMPTS, OWN, list_everything_by_id
from tests.privacy.questions import Bait, Script
from tests.privacy.schema_questions import Operation, ask_operation
from tests.privacy.sequences import draw_sequence

BY_ID, FROM_SCHEMA = "known by id", "from the schema"


def write_scripts(
    seed: int, bait: Bait, count: int, role: Role | None, operations: Sequence[Operation]
) -> list[Script]:
    """Scripts with at least `count` requests; the same seed asks the same.

    First some of all that is known by its id (all of it where there is room) and every operation once. Of the rest a third
    is from the document, a third what the role may ask at all, a third attempts and sequences.
    """
    draw = random.Random(f"questions {seed} {role}")
    known = list_everything_by_id(bait)
    scripts = [Script(BY_ID, [question]) for question in draw.sample(known, min(len(known), count // 4))]
    scripts += [
        Script(FROM_SCHEMA, [ask_operation(draw, operation, bait)])
        for operation in draw.sample(operations, min(len(operations), count // 4))
    ]
    weights = [weight for _, weight in ATTEMPTS.values()]
    asked = len(scripts)
    while asked < count:
        kind = draw.random()
        if kind < 0.34:
            script = Script(FROM_SCHEMA, [ask_operation(draw, draw.choice(operations), bait)])
        elif kind < 0.64 and role in OWN:
            script = Script("own rights", [draw.choice(OWN[role])(draw, bait)])
        elif kind < 0.80:
            script = draw_sequence(draw, bait)
        else:
            ((maker, name),) = draw.choices([(m, n) for n, (m, _) in ATTEMPTS.items()], weights)
            script = Script(name, [maker(draw, bait)])
        scripts.append(script)
        asked += sum(getattr(step, "asker", "") is None for step in script.steps)
    return scripts
