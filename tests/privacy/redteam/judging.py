"""The figures: how far attackers end from the sites, against the same attackers who know the block and the prior only.

Error: an attacker may name as many places as the block holds sites; a site's error is its distance, in km, from the
nearest place named. Both sides choose their places by the same rule, from the posterior or from the prior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.privacy.redteam.campaign import Guess, Target, Trail
from tests.privacy.redteam.country import Floats, Ints, Site

RESAMPLES = 2000
FEW = 3
SMALL = 800
"""Cells of a block that is searched whole."""
KM_A_CELL = 1.1132
_CONFIDENT = (2.5, 97.5)


@dataclass(frozen=True)
class Sparse:
    """Sites in blocks with at most FEW of them: there a hint about the block is a hint about the site."""

    sites: int
    rho: float
    rho_low: float
    rho_high: float
    rank: float
    rank_se: float


@dataclass(frozen=True)
class Score:
    """Figures of one attacker at one server. rank: 0 best, 1 worst, 0.5 where all cells are alike."""

    sites: int
    rho: float
    rho_low: float
    rho_high: float
    error: float
    error_prior: float
    lift: float
    lift_low: float
    rank: float
    rank_prior: float
    rank_se: float
    queries_median: float
    queries_most: int
    queries_to_halve: float
    curve: tuple[tuple[float, float], ...]
    """Median error after at most so many questions, as (questions, error)."""
    sparse: Sparse | None
    """The same for sites in blocks that hide few."""


def choose_places(target: Target, weights: Floats) -> Ints:
    """As many cells as the target has sites, chosen one after the other so that the expected distance of a cell drawn
    from `weights` to the nearest of them is least (greedy k-median); shape (places, 2)."""
    likely = np.flatnonzero(weights > weights.max() * 1e-6)
    centres = _choose_centres(target, weights)
    distance = np.hypot(
        target.cells[centres, None, 0] - target.cells[None, likely, 0],
        target.cells[centres, None, 1] - target.cells[None, likely, 1],
    )
    nearest = np.full(len(likely), np.inf)
    chosen = []
    for _ in range(target.places):
        cost = np.minimum(distance, nearest) @ weights[likely]
        # costs that differ by rounding only are equal: the first cell is taken, on both sides
        best = int(np.flatnonzero(cost <= cost.min() + 1e-9)[0])
        chosen.append(centres[best])
        nearest = np.minimum(nearest, distance[best])
    return np.asarray(target.cells[chosen])


def _choose_centres(target: Target, weights: Floats) -> Ints:
    """Numbers of the cells among which places are chosen: all of a small block; of a large one every fourth in both
    directions, and the likeliest."""
    if len(weights) <= SMALL:
        return np.arange(len(weights))
    lattice = np.flatnonzero((target.cells % 4 == 2).all(axis=1))
    likeliest = np.argsort(-weights, kind="stable")[:SMALL]
    first = likeliest[weights[likeliest] > 2 * weights.mean()]
    return np.union1d(lattice, first)


def measure_errors(target: Target, weights: Floats, sites: Sequence[Site]) -> Floats:
    """Kilometres from each site to the middle of the nearest cell named; shape (sites,)."""
    places = choose_places(target, weights) + 0.5
    at = np.array([site.point for site in sites])
    away = np.hypot(at[:, None, 0] - places[None, :, 0], at[:, None, 1] - places[None, :, 1])
    return np.asarray(KM_A_CELL * away.min(axis=1))


def rank_sites(target: Target, weights: Floats, sites: Sequence[Site]) -> tuple[Floats, Floats]:
    """Normalised middle rank of each site's cell, and the chance that the first cell of the ranking is it."""
    order = {(int(row), int(col)): number for number, (row, col) in enumerate(target.cells)}
    own = weights[[order[site.cells[0]] for site in sites]]
    close = 1e-12
    above = (weights[None, :] > own[:, None] + close).sum(axis=1)
    tied = (np.abs(weights[None, :] - own[:, None]) <= close).sum(axis=1)
    is_first = own >= weights.max() - close
    return (above + tied / 2) / len(weights), is_first / tied


def judge(targets: Sequence[Target], hidden: Sequence[Sequence[Site]], trails: Sequence[Trail]) -> Score:
    """Figures over all sites. hidden: the sites, by target."""
    groups = np.repeat(np.arange(len(targets)), [len(sites) for sites in hidden])
    priors = [Guess(0, target.prior) for target in targets]
    before = _errors(targets, hidden, priors)
    lasts = [trail[-1] if trail else prior for trail, prior in zip(trails, priors, strict=True)]
    after = _errors(targets, hidden, lasts)
    low, high = _bootstrap_rho(groups, after, before)
    ranks, firsts = _ranks(targets, hidden, lasts)
    ranks_prior, firsts_prior = _ranks(targets, hidden, priors)
    lift, lift_low = _bootstrap_lift(groups, firsts, firsts_prior)
    curve = _follow(targets, hidden, trails, priors)
    queries = np.array([last.queries for last in lasts])[groups]
    halved = [count for count, error in curve if error <= np.median(before) / 2]
    return Score(
        sites=len(groups),
        rho=_ratio(np.median(after), np.median(before)),
        rho_low=low,
        rho_high=high,
        error=float(np.median(after)),
        error_prior=float(np.median(before)),
        lift=lift,
        lift_low=lift_low,
        rank=float(ranks.mean()),
        rank_prior=float(ranks_prior.mean()),
        rank_se=_clustered_error(groups, ranks - ranks_prior),
        queries_median=float(np.median(queries)),
        queries_most=int(queries.max(initial=0)),
        queries_to_halve=min(halved, default=float("inf")),
        curve=curve,
        sparse=_judge_sparse(groups, after, before, ranks, ranks_prior),
    )


def _judge_sparse(
    groups: Ints, after: Floats, before: Floats, ranks: Floats, ranks_prior: Floats
) -> Sparse | None:
    few = np.bincount(groups)[groups] <= FEW
    if not few.any():
        return None
    low, high = _bootstrap_rho(groups[few], after[few], before[few])
    _, own = np.unique(groups[few], return_inverse=True)
    return Sparse(
        int(few.sum()),
        _ratio(np.median(after[few]), np.median(before[few])),
        low,
        high,
        float(ranks[few].mean()),
        _clustered_error(own, ranks[few] - ranks_prior[few]),
    )


def _errors(targets: Sequence[Target], hidden: Sequence[Sequence[Site]], guesses: Sequence[Guess]) -> Floats:
    return np.concatenate(
        [
            measure_errors(target, guess.weights, sites)
            for target, guess, sites in zip(targets, guesses, hidden, strict=True)
            if sites
        ]
    )


def _ranks(
    targets: Sequence[Target], hidden: Sequence[Sequence[Site]], guesses: Sequence[Guess]
) -> tuple[Floats, Floats]:
    both = [
        rank_sites(target, guess.weights, sites)
        for target, guess, sites in zip(targets, guesses, hidden, strict=True)
        if sites
    ]
    return np.concatenate([one for one, _ in both]), np.concatenate([other for _, other in both])


def _follow(
    targets: Sequence[Target],
    hidden: Sequence[Sequence[Site]],
    trails: Sequence[Trail],
    priors: Sequence[Guess],
) -> tuple[tuple[float, float], ...]:
    """Median error when nobody may ask more than so many questions about a site."""
    counts = sorted({guess.queries for trail in trails for guess in trail})
    if len(counts) > 8:
        counts = sorted({counts[k] for k in np.linspace(0, len(counts) - 1, 8).astype(int)})
    curve = [(0.0, float(np.median(_errors(targets, hidden, priors))))]
    for most in counts:
        allowed = [
            next((guess for guess in reversed(trail) if guess.queries <= most), prior)
            for trail, prior in zip(trails, priors, strict=True)
        ]
        curve.append((float(most), float(np.median(_errors(targets, hidden, allowed)))))
    return tuple(curve)


def _resample(groups: Ints) -> list[Ints]:
    """Sites of blocks drawn with replacement: sites of one block share their fate, so blocks are drawn, not sites."""
    draw = np.random.default_rng(20)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    return [
        np.concatenate([members[k] for k in draw.integers(len(members), size=len(members))])
        for _ in range(RESAMPLES)
    ]


def _bootstrap_rho(groups: Ints, after: Floats, before: Floats) -> tuple[float, float]:
    if np.array_equal(after, before):
        return 1.0, 1.0
    ratios = [_ratio(np.median(after[s]), np.median(before[s])) for s in _resample(groups)]
    low, high = np.percentile(ratios, _CONFIDENT)
    return float(low), float(high)


def _bootstrap_lift(groups: Ints, firsts: Floats, prior: Floats) -> tuple[float, float]:
    if np.array_equal(firsts, prior):
        return 1.0, 1.0
    lifts = [_ratio(firsts[s].mean(), prior[s].mean()) for s in _resample(groups)]
    return _ratio(firsts.mean(), prior.mean()), float(np.percentile(lifts, _CONFIDENT[0]))


def _clustered_error(groups: Ints, values: Floats) -> float:
    """Standard error of the mean of values that share blocks."""
    sums = np.bincount(groups, values - values.mean())
    return float(np.sqrt((sums**2).sum()) / len(values))


def _ratio(one: float, other: float) -> float:
    if other == 0:
        return 1.0 if one == 0 else float("inf")
    return float(one / other)
