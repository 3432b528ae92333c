"""Heads from labelled cells: fit members, weigh them, calibrate on cells held back, note what is familiar.

Room `detection`, pure. The one place where a recipe becomes a head, for the model that is kept and for those of the
cross-validation alike. May import `calibration`, `cells`, `familiarity`, `folds`, `learnable`, `model`, `pairs`,
`scorers`, `stacking`, `views`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.detection.calibration import DRAWS, fit_calibrator
from monitor.detection.cells import LabelledCells
from monitor.detection.familiarity import fit_familiarity
from monitor.detection.folds import FOLDS, FoldsNotPossible, assign_blocks
from monitor.detection.labels import CLASSES
from monitor.detection.learnable import choose_learnable
from monitor.detection.model import Head, Member
from monitor.detection.pairs import PATCH_SIZES, PATCHES, PairFeaturizer
from monitor.detection.patches import EMPIRICAL
from monitor.detection.periods import find_teaching, tells_change
from monitor.detection.ridge import PENALTIES, REPEATS
from monitor.detection.scorers import BOOSTING, FOREST, KINDS, RIDGE, count_deals, fit_scorer
from monitor.detection.stacking import average_members, weigh_members
from monitor.detection.views import CELLS, NOW, PAIR, PARTS, SUMMARIES, Sight, list_draws

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

ENSEMBLE, STACKED = "ensemble", "stacked"
MODELS = (ENSEMBLE, *KINDS, STACKED)
MEMBERS = 3
"""Ridges of the ensemble, each on a draw of patches of its own."""


class TrainingRefused(ValueError):
    """The labels do not allow a model to be trained."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is made.

    Parameters
    ----------
    block_deg : float, optional
        Side of the blocks that are held back together; chosen by the labels unless told.
    folds, repeats : int
        Of the inner folds.
    penalties : tuple of float
        Of ridge, among which to choose.
    seed : int
        Deals the folds.
    draws : int
        Bootstrap draws of the calibrator.
    model : str
        One of `MODELS`.
    pair_patches, pair_sizes, pair_drawing
        Patches of the head of change: how many for each member that looks at them, of how many parts along a side, how
        drawn (`make_patches`).
    leave_out_one_sided : bool
        Whether periods all of whose cells have one kind of label are kept from teaching what that kind is, and how frequent
        it is.

    Examples
    --------
    >>> Recipe(model="stacked", block_deg=1.0).folds
    5
    """

    block_deg: float | None = None
    folds: int = FOLDS
    repeats: int = REPEATS
    penalties: tuple[float, ...] = PENALTIES
    seed: int = 0
    draws: int = DRAWS
    model: str = ENSEMBLE
    pair_patches: int = PATCHES
    pair_sizes: tuple[int, ...] = PATCH_SIZES
    pair_drawing: str = EMPIRICAL
    leave_out_one_sided: bool = True

    @property
    def all_pair_patches(self) -> int:
        """Patches of pairs of all members together."""
        return self.pair_patches * (MEMBERS if self.model == ENSEMBLE else 1)

    @property
    def deals(self) -> int:
        """How often blocks are dealt anew, for every member alike."""
        return min(
            count_deals(kind, self.repeats) for kind in (KINDS if self.model == STACKED else [self.model])
        )


@dataclass(frozen=True, slots=True)
class FittedHead:
    """What `fit_head` made. penalties: those chosen, by member. held_back: float64 (repeats, n, m), scores of every cell
    by members that had not seen its block, those that neither teach nor calibrate among them; NaN where a score says
    nothing."""

    head: Head
    penalties: dict[str, float]
    held_back: Float64


@dataclass(frozen=True, slots=True)
class Heads:
    """What `fit_heads` made. penalties: those chosen, by head and member. taught: cells that taught and calibrated, by
    head. share: of mines among them, for which the probabilities hold. held_back: as of `FittedHead`, by head: of the cells
    with a reference for `change`, of all for `single`."""

    change: Head | None
    single: Head
    penalties: dict[str, float]
    taught: dict[str, int]
    share: dict[str, float]
    held_back: dict[str, Float64]


def fit_heads(
    cells: LabelledCells,
    recipe: Recipe,
    block_deg: float,
    *,
    draws: int | None = None,
    with_change: bool | None = None,
) -> Heads:
    """Fit the head of change to the cells with a reference, and the other to all.

    draws: bootstrap draws of the calibrators, of the recipe unless told. with_change: whether a head of change is wanted;
    unless told, where mines and others with a reference are enough (`tells_change`): folds ask it of the whole. There is
    none where these lack mines or others, or cannot be split into folds. Raises TrainingRefused, FoldsNotPossible.
    """
    check_classes(cells.classes)
    check_features(cells)
    penalties: dict[str, float] = {}
    taught: dict[str, int] = {}
    share: dict[str, float] = {}
    held_back: dict[str, Float64] = {}

    def fit(name: str, own: LabelledCells, sight: Sight) -> Head:
        teaches = choose_teaching(own, recipe, block_deg)
        blocks = assign_blocks(own.rows, own.cols, block_deg)
        fitted = fit_head(sight, own.classes, blocks, recipe, teaches=teaches, draws=draws)
        penalties.update({f"{name}: {member}": penalty for member, penalty in fitted.penalties.items()})
        taught[name], share[name] = int(teaches.sum()), float(own.mining[teaches].mean())
        held_back[name] = fitted.held_back
        return fitted.head

    single = fit("single", cells, Sight(cells.layout, cells.now))
    change = None
    paired = cells.select(cells.has_reference)
    wanted = tells_change(paired.mining) if with_change is None else with_change
    if wanted and len(set(paired.mining.tolist())) == 2:
        pairs = PairFeaturizer.fit(
            paired.now,
            paired.reference,
            cells.layout,
            n_patches=recipe.all_pair_patches,
            patch_sizes=recipe.pair_sizes,
            drawing=recipe.pair_drawing,
            seed=recipe.seed,
        )
        with suppress(FoldsNotPossible):
            change = fit("change", paired, Sight(cells.layout, paired.now, paired.reference, pairs))
    return Heads(change, single, penalties, taught, share, held_back)


def list_unordered(heads: Heads) -> list[str]:
    """The heads that give all cells the share of each class: where cells were held back, scores put mines below others."""
    own = {"change": heads.change, "single": heads.single}
    return [name for name, head in own.items() if head is not None and head.calibrator.tells_nothing]


def choose_teaching(cells: LabelledCells, recipe: Recipe, block_deg: float) -> Bool:
    """bool (n,): the cells that a recipe learns from and calibrates on. Raises FoldsNotPossible."""
    teaches = (
        find_teaching(cells.periods, cells.classes)
        if recipe.leave_out_one_sided
        else np.ones(len(cells), np.bool_)
    )
    blocks = assign_blocks(cells.rows, cells.cols, block_deg)
    return choose_learnable(
        cells.classes, blocks, teaches, folds=recipe.folds, deals=recipe.deals, seed=recipe.seed
    )


def check_classes(classes: npt.NDArray[np.int64]) -> None:
    """Raise TrainingRefused unless there are cells without a mine and cells with one."""
    if not (classes == 0).any() or not (classes != 0).any():
        known = ", ".join(CLASSES[place] for place in np.unique(classes)) or "nothing"
        raise TrainingRefused(
            f"The labels say {known} only; a model needs cells without a mine and cells with one."
        )


def check_features(cells: LabelledCells) -> None:
    """Raise TrainingRefused unless all features of now are finite; those of the reference may be unknown."""
    unknown = int((~np.isfinite(cells.now).all(axis=1)).sum())
    if unknown:
        raise TrainingRefused(
            f"{unknown} of {len(cells)} cells have features that are not finite; leave out cells that were not observed."
        )


def plan_members(model: str, sight: Sight) -> list[tuple[str, str]]:
    """Kinds and views of the members of a head.

    Linear members look at answers of patches, those of pairs where there are maps of two dates; trees at summaries and
    statistics of parts. Without patches of pairs an ensemble is one ridge. Raises ValueError for an unknown model.
    """
    if model not in MODELS:
        raise ValueError(f"There is no model called {model!r}; there are {', '.join(MODELS)}.")
    if sight.pairs is not None:
        linear, tabular = PAIR, PARTS
    elif sight.reference is not None:
        linear, tabular = CELLS, CELLS
    else:
        linear, tabular = NOW, SUMMARIES
    if model == ENSEMBLE:
        return [(RIDGE, view) for view in (list_draws(MEMBERS) if linear == PAIR else [linear])]
    if model == STACKED:
        return [(RIDGE, linear), (FOREST, tabular), (BOOSTING, tabular)]
    return [(model, tabular if model in (FOREST, BOOSTING) else linear)]


def fit_head(
    sight: Sight,
    classes: Int64,
    blocks: Int64,
    recipe: Recipe,
    *,
    teaches: Bool | None = None,
    draws: int | None = None,
) -> FittedHead:
    """The head of a recipe.

    sight: n cells. classes: int64 (n,), positions in CLASSES. blocks: int64 (n,), held back together. teaches: bool (n,),
    the cells to learn from and to calibrate on, all unless told; their classes can be learnt (`choose_learnable`). draws:
    bootstrap draws of the calibrator, of the recipe unless told. Raises FoldsNotPossible.
    """
    taught = np.ones(len(classes), np.bool_) if teaches is None else teaches
    plan = plan_members(recipe.model, sight)
    fitted = [
        fit_scorer(
            kind,
            sight.view(view),
            classes,
            blocks,
            taught,
            penalties=recipe.penalties,
            repeats=recipe.repeats,
            folds=recipe.folds,
            seed=recipe.seed,
        )
        for kind, view in plan
    ]
    learnt = np.unique(classes[taught])
    places = np.searchsorted(learnt, classes)
    held_back = [each.out_of_fold for each in fitted]
    weights, combined = (
        weigh_members(held_back, places, taught)
        if recipe.model == STACKED
        else average_members(held_back, taught)
    )
    members = tuple(
        Member(view, each.estimator, weight)
        for (_, view), each, weight in zip(plan, fitted, weights, strict=True)
    )
    calibrator = fit_calibrator(
        combined[:, taught],
        places[taught],
        blocks[taught],
        draws=recipe.draws if draws is None else draws,
        seed=recipe.seed,
    )
    now = fit_familiarity(sight.now, sight.layout, blocks)
    before = None if sight.reference is None else fit_familiarity(sight.reference, sight.layout, blocks)
    learnt_classes = tuple(learnt.tolist())
    head = Head(members, sight.layout, sight.pairs, calibrator, learnt_classes, now, before)
    chosen = {
        f"{kind} on {view}": each.penalty
        for (kind, view), each in zip(plan, fitted, strict=True)
        if each.penalty is not None
    }
    return FittedHead(head, chosen, combined)
