"""Overlap: how many of the cells that a saved model is judged on were among those it was trained on.

Room `detection`, pure. A model file holds the digest of its labels and no place, so that it can be handed around. The vault
knows which cells belong to a digest. May import `labels`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from monitor.detection.labels import CellLabel

SMALL_SHARE = 0.02
"""Share of the judged cells from which a report warns that the model has seen them."""


def count_overlap(
    judged: Sequence[CellLabel], trained_on: Collection[tuple[int, int]] | None, *, same_labels: bool
) -> int | None:
    """How many of the judged labels speak of a cell that the model was trained on; None where nobody looked.

    trained_on: rows and columns of such cells. same_labels: whether the labels are those of the training, to the last line.
    """
    if same_labels:
        return len(judged)
    if trained_on is None:
        return None
    return sum((label.row, label.col) in trained_on for label in judged)


def warn_of_overlap(overlap: int | None, judged: int, *, same_labels: bool) -> list[str]:
    """The sentence for the reader of a report, if there is reason for one. overlap: of `count_overlap`."""
    if same_labels:
        return [
            "These are the labels that the model was trained on: the figures say how well it remembers, no more."
        ]
    if overlap is None or overlap <= SMALL_SHARE * judged:
        return []
    return [
        f"{overlap} of the {judged} cells judged here were among those that the model was trained on: of these the figures "
        "say how well it remembers. Judge it on labels of other cells."
    ]
