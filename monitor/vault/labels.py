"""Labels in the vault: reviewed statements about cells, from files and from findings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from monitor.detection.labels import CLASSES, CellLabel

TEXTS = ("kind", "source", "item", "region", "mineral", "formalisation")
"""The texts of a label, as columns and as fields; "" if unstated."""


def store_batch(digest: str, labels: int, left_out: Mapping[str, int], sources: Mapping[str, int]) -> None:
    """Keep where labels come from: by the digest that stands in the manifest of a model trained on them. Again is once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.label_batch (digest, labels, left_out, sources) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (digest) DO NOTHING",
            [digest, labels, json.dumps(dict(left_out)), json.dumps(dict(sources))],
        )


def store_batch_cells(digest: str, labels: Sequence[CellLabel]) -> None:
    """Keep which cells a batch speaks of. Again is once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.batch_cell (batch, row, col) SELECT %s, * FROM unnest(%s::int[], %s::int[])"
            " ON CONFLICT DO NOTHING",
            [digest, [label.row for label in labels], [label.col for label in labels]],
        )


def find_batch_cells(digest: str, labels: Sequence[CellLabel]) -> set[tuple[int, int]] | None:
    """Which cells of these labels a batch speaks of, as rows and columns; None where its cells are not known here."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM vault.batch_cell WHERE batch = %s)", [digest])
        if cursor.fetchall() == [(False,)]:
            return None
        cursor.execute(
            "SELECT row, col FROM vault.batch_cell"
            " WHERE batch = %s AND (row, col) IN (SELECT * FROM unnest(%s::int[], %s::int[]))",
            [digest, [label.row for label in labels], [label.col for label in labels]],
        )
        return set(cursor.fetchall())


def store_labels(labels: Sequence[CellLabel], batch: str) -> int:
    """Keep labels of a batch; one of the same cell, period, scene and source replaces the old, unless that was taught by an
    inspector's finding. How many were written."""
    unique = {identify_label(label): label for label in labels}
    if not unique:
        return 0
    kept = list(unique.values())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.label (row, col, label, observed_from, observed_to, kind, source, item, region, mineral,"
            " formalisation, batch)"
            " SELECT *, %s FROM unnest(%s::int[], %s::int[], %s::text[], %s::date[], %s::date[], %s::text[], %s::text[],"
            " %s::text[], %s::text[], %s::text[], %s::text[])"
            " ON CONFLICT ON CONSTRAINT label_said_once DO UPDATE SET label = excluded.label, kind = excluded.kind,"
            " region = excluded.region, mineral = excluded.mineral, formalisation = excluded.formalisation,"
            " batch = excluded.batch"
            " WHERE label.batch IS NOT NULL OR label.kind <> 'finding'",
            [
                batch,
                [label.row for label in kept],
                [label.col for label in kept],
                [CLASSES[label.label] for label in kept],
                [label.observed_from for label in kept],
                [label.observed_to for label in kept],
                *([getattr(label, name) for label in kept] for name in TEXTS),
            ],
        )
        return int(cursor.rowcount)


def identify_label(label: CellLabel) -> tuple[object, ...]:
    """What is kept once: cell, period, scene and source."""
    return label.row, label.col, label.observed_from, label.observed_to, label.item, label.source


def load_labels_of_cells(labels: Sequence[CellLabel]) -> list[CellLabel]:
    """What the vault says already of the cells of these labels."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col, label, observed_from, observed_to, kind, source, item, coalesce(region, ''),"
            " coalesce(mineral, ''), coalesce(formalisation, '') FROM vault.label"
            " WHERE (row, col) IN (SELECT * FROM unnest(%s::int[], %s::int[]))"
            " ORDER BY row, col, observed_to, observed_from, item, source",
            [[label.row for label in labels], [label.col for label in labels]],
        )
        return [_read_row(row) for row in cursor.fetchall()]


def load_finding_labels() -> list[CellLabel]:
    """The labels that inspectors' findings have taught so far. A file's are of a batch, whatever kind they say to be of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row, col, label, observed_from, observed_to, kind, source, item, coalesce(region, ''),"
            " coalesce(mineral, ''), coalesce(formalisation, '') FROM vault.label"
            " WHERE kind = 'finding' AND batch IS NULL ORDER BY row, col, observed_to, source"
        )
        return [_read_row(row) for row in cursor.fetchall()]


def _read_row(found: Sequence[Any]) -> CellLabel:
    row, col, label, first, last, *texts = found
    return CellLabel(row, col, CLASSES.index(label), first, last, **dict(zip(TEXTS, texts, strict=True)))


def label_alert_cells(alert_id: UUID, label: str, observed_on: date, finding_id: UUID) -> int:
    """Draw a label on every cell of an alert's site from what an inspector found there; how many cells."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO vault.label (row, col, label, kind, source, observed_from, observed_to, item)"
            " SELECT member.row, member.col, %s, 'finding', %s, %s, %s, ''"
            " FROM vault.alert_site meant JOIN vault.site_cell member"
            " ON member.site_id = vault.living_site(meant.site_id) WHERE meant.alert_id = %s"
            " ON CONFLICT ON CONSTRAINT label_said_once DO NOTHING",
            [label, f"finding/{finding_id}", observed_on, observed_on, alert_id],
        )
        return int(cursor.rowcount)
