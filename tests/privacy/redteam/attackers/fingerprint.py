"""Fingerprinting (LC-17 to LC-19): whatever number comes with a block, does it follow a public map at the site?

On the half of the country whose sites the attacker knows, every number of every record is held against every public
layer at the sites' cells, less what the block as a whole explains. A relation that is sure makes a likelihood for each
cell of the other half (Bayes); records of one block are alternatives, numbers of one record count together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.privacy.redteam.attackers.lessons import SURE
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
from tests.privacy.redteam.country import Floats
from tests.privacy.redteam.wire import Purse

Record = dict[str, float]
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
    """For each number the layer that it follows most surely."""
    lessons = [
        number
        for number, own in enumerate(records)
        if campaign.fold(number) != fold and len(own) == 1 and len(campaign.truths[number])
    ]
    single = [number for number in lessons if len(campaign.truths[number]) == 1]
    lessons = single if len(single) >= 15 else lessons
    names = sorted({name for number in lessons for name in records[number][0]})
    found: dict[str, Relation] = {}
    for name in names:
        values = np.array([records[number][0].get(name, 0.0) for number in lessons])
        if len(values) < 12 or float(np.ptp(values)) < 1e-12:
            continue
        relations = [_relate(campaign, lessons, layer, values) for layer in campaign.atlas.layers]
        best = max(relations, key=lambda relation: abs(relation.t))
        if abs(best.t) > SURE + 30 / len(values):
            found[name] = best
    return found


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
    return Relation(layer, float(fitted[0]), float(fitted[1]), float(fitted[2]), spread, float(fitted[0]) / error)


def _weigh(
    campaign: Campaign, target: Target, records: Sequence[Record], relations: dict[str, Relation]
) -> Floats:
    weights = np.zeros(len(target.cells))
    for record in records:
        log = np.zeros(len(target.cells))
        for name, relation in relations.items():
            if name not in record and not name.count(" is "):
                continue
            here = campaign.atlas.look_up(campaign.atlas.layers[relation.layer], target.cells)
            mean = float(here @ target.prior)
            said = relation.own * (here - mean) + relation.mean * mean + relation.level
            log -= 0.5 * ((record.get(name, 0.0) - said) / (1.2 * relation.spread)) ** 2
        weights += normalise(target.prior * np.exp(log - log.max()), target.prior)
    return normalise(weights, target.prior)
