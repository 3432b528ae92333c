"""An invented log, seeded: entries and completions as the database writes them, sealed in batches, exported as lines."""

from __future__ import annotations

import importlib.util
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

from accounts.ledger.proof.canonical import canonicalise
from accounts.ledger.proof.checkpoint import TreeHead, cosign, sign_head
from accounts.ledger.proof.export import write_checkpoint_line, write_leaf_line, write_start_line
from accounts.ledger.proof.note import COSIGNATURE, Note, SigningKey
from accounts.ledger.proof.tree import Frontier, Node, hash_leaf
from tests.pure.ledger.test_note import LOG, seeded_key

VERIFIER = Path(__file__).parents[3] / "docs" / "verify" / "penumbra_verify.py"
WITNESS = seeded_key("witness.example/w1", 0, COSIGNATURE)
BEGIN_S = 1_790_000_000


def load_verifier() -> ModuleType:
    """The stand-alone verifier as a module."""
    spec = importlib.util.spec_from_file_location("penumbra_verify", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["penumbra_verify"] = module
    spec.loader.exec_module(module)
    return module


def make_bodies(count: int, seed: int = 4) -> list[dict[str, Any]]:
    """`count` leaves: entries, each followed by its completion a little later; a few have none."""
    draw = random.Random(seed)
    people = [UUID(int=draw.getrandbits(128), version=4) for _ in range(12)]
    bodies: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []
    while len(bodies) < count:
        at = f"2026-09-{1 + len(bodies) // 3000:02d}T08:{len(bodies) // 60 % 60:02d}:{len(bodies) % 60:02d}.000001Z"
        if waiting and draw.random() < 0.55:
            entry = waiting.pop(0)
            bodies.append(
                {
                    "answer": draw.randbytes(16).hex(),
                    "at": at,
                    "cells": draw.randbytes(16).hex(),
                    "entry": entry["id"],
                    "kind": "completion",
                    "nonce": draw.randbytes(16).hex(),
                    "outcome": "answered",
                    "quantity": draw.randrange(2000),
                }
            )
            continue
        entry = {
            "action": draw.choice(["read.activity", "read.alert_site", "read.alerts"]),
            "actor": str(draw.choice(people)),
            "at": at,
            "endpoint": "/api/v1/activity",
            "id": str(UUID(int=draw.getrandbits(128), version=4)),
            "kind": "entry",
            "level": draw.choice([0, 2, None]),
            "nonce": draw.randbytes(16).hex(),
            "objects": [],
            "organisation": str(people[0]),
            "policy_version": "2026-11",
            "purpose": "inspection-planning",
            "purpose_text": draw.choice(["", "tournée de septembre", "after the report “7b”"]),
            "regions": [str(people[1])],
            "request_id": str(UUID(int=draw.getrandbits(128), version=4)),
            "role": "regulator",
            "rule": "exact",
        }
        bodies.append(entry)
        if draw.random() < 0.98:
            waiting.append(entry)
    return bodies


@dataclass
class InventedLog:
    """Leaves in order, and for each sealed size its checkpoint and right edge."""

    leaves: list[bytes] = field(default_factory=list)
    notes: dict[int, Note] = field(default_factory=dict)
    edges: dict[int, list[bytes]] = field(default_factory=dict)
    nodes: dict[Node, bytes] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)

    def grow(
        self, leaves: list[bytes], batch: int = 256, key: SigningKey = LOG, witnessed: bool = False
    ) -> None:
        """Add leaves, and a checkpoint after each batch and at the end."""
        for number, leaf in enumerate(leaves, 1):
            self.leaves.append(leaf)
            self.nodes |= self.frontier.append(hash_leaf(leaf))
            if number % batch == 0 or number == len(leaves):
                self.seal(key, witnessed)

    def seal(self, key: SigningKey = LOG, witnessed: bool = False) -> None:
        """Sign the present size."""
        size = len(self.leaves)
        note = sign_head(TreeHead(LOG.name, size, self.frontier.root()), [key])
        if witnessed:
            note = Note(note.text, [*note.signatures, cosign(note, WITNESS, BEGIN_S + size)])
        self.notes[size], self.edges[size] = note, self.frontier.hashes()

    def lines(self, start: int = 0) -> list[bytes]:
        """The export from `start`: its first line, the checkpoints, the leaves."""
        edge = self.edges.get(start, [])
        head = write_start_line(LOG.name, [LOG.verifier], start, edge)
        return [head, *self.checkpoint_lines(start), *self.leaf_lines(start)]

    def checkpoint_lines(self, start: int = 0) -> list[bytes]:
        """All checkpoints from `start`."""
        return [
            write_checkpoint_line(str(note), self.edges[size])
            for size, note in self.notes.items()
            if size >= start
        ]

    def leaf_lines(self, start: int = 0) -> list[bytes]:
        """All leaves from `start`."""
        return [write_leaf_line(leaf, index) for index, leaf in enumerate(self.leaves) if index >= start]


def make_log(count: int, batch: int = 256, witnessed: bool = False, seed: int = 4) -> InventedLog:
    """A sealed log of `count` leaves."""
    log = InventedLog()
    log.grow([canonicalise(body) for body in make_bodies(count, seed)], batch, witnessed=witnessed)
    return log
