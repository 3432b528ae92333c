"""`manage.py seed_demo`: regions, people of every role, tokens; and an invented country where no catalogue is given."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry
from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.imagery.catalog import walk_items
from monitor.imagery.invented import write_invented_country
from monitor.imagery.refusal import SceneRefused
from monitor.management.console import print_answer
from monitor.services.demo import Seeded, divide_catalog, seed_people, seed_regions


class Command(BaseCommand):
    """Exit codes: 0 done; 1 the catalogue holds no item that can be placed."""

    help = "Make regions, invented people of every role and their tokens (var/demo.json), and an invented country."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose scenes, and where the service answers."""
        parser.add_argument(
            "--catalog", type=Path, help="make regions for this catalogue instead of inventing a country"
        )
        parser.add_argument(
            "--url", default="http://127.0.0.1:8000", help="address of the service, for demo.json"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Invent or divide, make people, write demo.json for the owner only."""
        answer: dict[str, Any] = {}
        if options["catalog"]:
            regions = self._divide(options["catalog"])
        else:
            folder = Path(settings.STATE_DIR) / "scenes" / "invented-country"
            country = write_invented_country(folder) if not (folder / "regions.geojson").exists() else None
            catalog, labels, borders = (
                folder / name for name in ("catalog.json", "labels.csv", "regions.geojson")
            )
            regions = {
                feature["properties"]["name"]: GEOSGeometry(json.dumps(feature["geometry"]), srid=4326)
                for feature in json.loads(borders.read_text(encoding="utf-8"))["features"]
            }
            answer |= {"catalog": str(catalog), "labels": str(labels), "invented_now": country is not None}
        file = Path(settings.STATE_DIR) / "demo.json"
        people = seed_people(seed_regions(regions), self._read_tokens(file))
        self._write(file, options["url"], people)
        answer |= {"regions": list(regions), "people": len(people), "analyst": people["analyst"].username}
        print_answer(answer, options["json"])

    @staticmethod
    def _divide(catalog: Path) -> dict[str, GEOSGeometry]:
        items = []
        for entry in walk_items(catalog.absolute()):
            try:
                items.append(entry.parse())
            except SceneRefused:
                continue  # `ingest` will name the cause
        if not items:
            raise CommandError(
                "No item of this catalogue can be placed. `manage.py ingest` names the causes."
            )
        return dict(divide_catalog(catalog.absolute().parent.name, items))

    @staticmethod
    def _read_tokens(file: Path) -> dict[str, str]:
        if not file.exists():
            return {}
        roles = json.loads(file.read_text(encoding="utf-8")).get("roles", {})
        return {key: person["token"] for key, person in roles.items()}

    @staticmethod
    def _write(file: Path, url: str, people: dict[str, Seeded]) -> None:
        """Whole or not at all, readable by the owner only."""
        content = {
            "url": url,
            "roles": {
                key: {
                    "user": person.username,
                    "token": person.token,
                    "regions": [{"id": str(region), "name": name} for region, name in person.regions],
                }
                for key, person in people.items()
            },
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        with os.fdopen(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as stream:
            json.dump(content, stream, indent=2)
        partial.replace(file)
