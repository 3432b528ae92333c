"""Agreement of labels: which say the same, which contradict each other, and what is left to learn from and to judge by.

Room `detection`, pure. Labels are named by their position, never by their place. Imports `labels` alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from monitor.detection.labels import CellLabel

FINDING = "finding"
"""Kind of a label that somebody drew from a visit: it outweighs what was read off a picture."""
REPEATED, CONTRADICTED, OUTWEIGHED = (
    "says what another label says",
    "contradicts another label",
    "a visit says otherwise",
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was found among labels, by their positions.

    kept: those that count, in their order. repeated: pairs, a label and the earlier one that says the same. contradicted:
    pairs that cannot both be true; neither counts. outweighed: pairs, a label and the visit that says otherwise.
    """

    kept: tuple[int, ...]
    repeated: tuple[tuple[int, int], ...]
    contradicted: tuple[tuple[int, int], ...]
    outweighed: tuple[tuple[int, int], ...]

    @property
    def left_out(self) -> dict[str, int]:
        """How many labels do not count, by reason."""
        labels = {
            REPEATED: {one for one, _ in self.repeated},
            OUTWEIGHED: {one for one, _ in self.outweighed},
            CONTRADICTED: {each for pair in self.contradicted for each in pair},
        }
        told: set[int] = set()
        counts = {}
        for reason, places in labels.items():
            if places - told:
                counts[reason] = len(places - told)
            told |= places
        return counts


def find_agreement(labels: Sequence[CellLabel]) -> Agreement:
    """Compare the labels of each cell.

    Parameters
    ----------
    labels : sequence of CellLabel

    Returns
    -------
    Agreement
        Which labels count, which repeat, contradict or are outweighed, by position.

    Notes
    -----
    Two labels say the same if cell, class, period and scene are the same, whoever says so. They contradict each other if
    the class differs and both can speak of one scene: of the same scene, or, where one names none, of periods that overlap.

    Examples
    --------
    >>> mine = CellLabel(9000, 20000, 1)
    >>> found = find_agreement([mine, mine, CellLabel(9001, 20000, 0), CellLabel(9002, 20000, 0), CellLabel(9002, 20000, 1)])
    >>> found.kept, found.repeated, found.contradicted
    ((0, 2), ((1, 0),), ((3, 4),))
    """
    by_cell: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, label in enumerate(labels):
        by_cell[label.row, label.col].append(place)
    repeated, contradicted, outweighed = [], [], []
    for places in by_cell.values():
        alone: list[int] = []
        for place in places:
            same = [other for other in alone if _say_the_same(labels[place], labels[other])]
            if same:
                repeated.append((place, same[0]))
            else:
                alone.append(place)
        for at, one in enumerate(alone):
            for other in alone[at + 1 :]:
                if not _contradict(labels[one], labels[other]):
                    continue
                visited = [labels[each].kind == FINDING for each in (one, other)]
                if visited[0] == visited[1]:
                    contradicted.append((one, other))
                else:
                    outweighed.append((other, one) if visited[0] else (one, other))
    out = {one for one, _ in (*repeated, *outweighed)} | {each for pair in contradicted for each in pair}
    kept = tuple(place for place in range(len(labels)) if place not in out)
    return Agreement(kept, tuple(sorted(repeated)), tuple(sorted(contradicted)), tuple(sorted(outweighed)))


def settle_labels(labels: Sequence[CellLabel]) -> tuple[tuple[CellLabel, ...], dict[str, int]]:
    """The labels that count, and how many do not, by reason."""
    agreement = find_agreement(labels)
    return tuple(labels[place] for place in agreement.kept), agreement.left_out


def _say_the_same(one: CellLabel, other: CellLabel) -> bool:
    return (one.label, one.period, one.item, one.kind == FINDING) == (
        other.label,
        other.period,
        other.item,
        other.kind == FINDING,
    )


def _contradict(one: CellLabel, other: CellLabel) -> bool:
    if one.label == other.label:
        return False
    if one.item and other.item:
        return one.item == other.item
    return _begin(one) <= _end(other) and _begin(other) <= _end(one)


def _begin(label: CellLabel) -> date:
    return label.observed_from or date.min


def _end(label: CellLabel) -> date:
    return label.observed_to or date.max
