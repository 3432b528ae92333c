"""Fingerprinting (LC-17 to LC-19): whatever number comes with a block, does it follow a public map at the site?

On the half of the country whose sites the attacker knows, every number of every record is held against every public
layer at the sites' cells, less what the block as a whole explains. A relation that is sure makes a likelihood for each
cell of the other half (Bayes); records of one block are alternatives, numbers of one record count together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.privacy.redteam.attackers.lessons import is_beyond_chance
from tests.privacy.redteam.campaign import (
    ACTIVITY,
    PAGE,
    Campaign,
    Guess,
    Target,
    Trail,
    is_about,
    normalise,
    read_features,
    write_box,
)
from tests.privacy.redteam.country import Floats, Ints
from tests.privacy.redteam.wire import Purse

Record = dict[str, float]
LESSONS = 12
WORDS = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Relation:
    """value = own * (layer - mean of the block) + mean * (mean of the block) + level, with what is left."""

    layer: str
    own: float
    mean: float
    level: float
    spread: float
    t: float


@dataclass(frozen=True)
class Fingerprint:
    """Records of the block against public maps."""

    name: str = "fingerprinting"
    channel: str = "LC-19"
    control: str = "terrain of sites"
    asks_much: bool = False

    def attack(self, campaign: Campaign) -> list[Trail]:
        """A trail for each target."""
        purses = [campaign.purse(number) for number in range(len(campaign.targets))]
        records = campaign.each(lambda number: _read_records(purses[number], campaign.targets[number]))
        relations = {fold: _learn(campaign, records, fold) for fold in (0, 1)}
        return [
            [
                Guess(
                    purses[number].spent,
                    _weigh(campaign, target, records[number], relations[campaign.fold(number)]),
                )
            ]
            for number, target in enumerate(campaign.targets)
        ]


def _read_records(purse: Purse, target: Target) -> list[Record]:
    """What the answers about a block hold: one record for each nested one, else one for each row, with the headers."""
    reply = purse.ask(ACTIVITY, {"bbox": write_box(*target.bounds), "limit": PAGE})
    envelope: Record = {"length": float(len(reply.body))}
    for name, value in reply.headers:
        if re.fullmatch(r"\d{1,12}", value) and name.lower() != "content-length":
            envelope[f"header {name}"] = float(value)
    rows = [f["properties"] for f in read_features(reply) if is_about(f, target)]
    if not rows:
        return []
    nested = [each for value in rows[-1].values() for each in _list_records(value)]
    if nested:
        return [_flatten(each) for each in nested]
    newest = _flatten(rows[-1]) | envelope
    for back, row in enumerate(reversed(rows[-6:-1]), start=1):
        newest |= {f"{name} {back} before": value for name, value in _flatten(row).items()}
    return [newest]


def _list_records(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict))


def _flatten(said: dict[str, Any]) -> Record:
    """Numbers as they are; words by what they are made of, so that an order among them can be learned."""
    found: Record = {}
    for name, value in said.items():
        if isinstance(value, bool | int | float):
            found[name] = float(value)
        elif isinstance(value, str) and WORDS.fullmatch(value):
            found[f"{name} is {value}"] = 1.0
    return found


def _learn(campaign: Campaign, records: Sequence[Sequence[Record]], fold: int) -> dict[str, Relation]:
    """For each number the layer that it follows most surely. Records are not signed with a place, so the mean over the
    records of a block is held against the mean over its sites."""
    lessons = [number for number, own in enumerate(records) if campaign.fold(number) != fold and len(own)]
    # where there is a record for each known cell, the means are of the same things
    whole = [number for number in lessons if len(records[number]) == len(campaign.truths[number])]
    lessons = whole if len(whole) >= LESSONS else lessons
    names = sorted({name for number in lessons for record in records[number] for name in record})
    means = {name: [_mean_of(records[number], name) for number in lessons] for name in names}
    varied = {name: np.array(values) for name, values in means.items() if np.ptp(values) > 1e-12}
    found: dict[str, Relation] = {}
    for name, values in varied.items():
        relations = [_relate(campaign, lessons, layer, values) for layer in campaign.atlas.layers]
        best = max(relations, key=lambda relation: abs(relation.t))
        if is_beyond_chance(best.t, len(values) - 3, len(varied) * len(relations)):
            found[name] = _sharpen(campaign, lessons, records, name, best)
    return found


def _mean_of(records: Sequence[Record], name: str) -> float:
    return float(np.mean([record.get(name, 0.0) for record in records]))


def _sharpen(
    campaign: Campaign,
    lessons: Sequence[int],
    records: Sequence[Sequence[Record]],
    name: str,
    found: Relation,
) -> Relation:
    """The relation with the spread of single records about the site of the block that explains each best."""
    left = []
    for number in lessons:
        said = _predict(campaign, campaign.targets[number], found, campaign.truths[number])
        left += [float(np.abs(said - record.get(name, 0.0)).min()) for record in records[number]]
    return replace(found, spread=max(1.5 * float(np.median(left)), 0.02 * found.spread, 1e-3))


def _predict(campaign: Campaign, target: Target, relation: Relation, cells: Ints) -> Floats:
    """What a record would say of a site at each of these cells."""
    layer = campaign.atlas.layers[relation.layer]
    mean = float(campaign.atlas.look_up(layer, target.cells) @ target.prior)
    here = campaign.atlas.look_up(layer, cells)
    return np.asarray(relation.own * (here - mean) + relation.mean * mean + relation.level)


def _relate(campaign: Campaign, lessons: Sequence[int], layer: str, values: Floats) -> Relation:
    own, mean = [], []
    for number in lessons:
        target, truth = campaign.targets[number], campaign.truths[number]
        here = campaign.atlas.look_up(campaign.atlas.layers[layer], target.cells)
        there = campaign.atlas.look_up(campaign.atlas.layers[layer], truth)
        mean.append(float(here @ target.prior))
        own.append(float(np.mean(there)) - mean[-1])
    design = np.column_stack([own, mean, np.ones(len(own))])
    fitted, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    left = values - design @ fitted
    spread = max(float(np.sqrt((left**2).sum() / max(len(values) - 3, 1))), 1e-3)
    if rank < 3:
        return Relation(layer, 0.0, 0.0, 0.0, spread, 0.0)
    error = spread * float(np.sqrt(np.linalg.inv(design.T @ design)[0, 0]))
    return Relation(
        layer, float(fitted[0]), float(fitted[1]), float(fitted[2]), spread, float(fitted[0]) / error
    )


def _weigh(
    campaign: Campaign, target: Target, records: Sequence[Record], relations: dict[str, Relation]
) -> Floats:
    weights = np.zeros(len(target.cells))
    for record in records:
        log = np.zeros(len(target.cells))
        for name, relation in relations.items():
            if name not in record and not name.count(" is "):
                continue
            said = _predict(campaign, target, relation, target.cells)
            log -= 0.5 * ((record.get(name, 0.0) - said) / relation.spread) ** 2
        weights += normalise(target.prior * np.exp(log - log.max()), target.prior)
    return normalise(weights, target.prior)
