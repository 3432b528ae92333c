"""`manage.py try_recipe`: the honest figures of a recipe on a labelled catalogue, over several seeds; nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitor.detection.cells import NoLabelledCells, gather_cells
from monitor.detection.folds import FoldsNotPossible
from monitor.detection.heads import MODELS, Recipe, TrainingRefused
from monitor.detection.labels import CellLabel
from monitor.detection.refusals import count_causes
from monitor.detection.seeds import Figures, judge_deal, subtract_deals, sum_up_deals
from monitor.detection.survey import Refusal
from monitor.detection.windows import PatchesNotDrawn
from monitor.imagery.sensors import PROFILES
from monitor.management.arguments import (
    add_catalog_arguments,
    add_patch_arguments,
    find_catalog,
    load_labels,
    read_block_deg,
    read_count,
)
from monitor.management.console import print_answer, show_progress
from monitor.management.labelled import read_labelled_scenes
from monitor.management.refused import add_causes

SEEDS = 15


class Command(BaseCommand):
    """Exit codes: 0 judged; 1 the catalogue or labels do not allow it, with the cause."""

    help = (
        "Cross-validate a recipe on a labelled catalogue over several seeds of patches and folds; print the medians. "
        "Nothing is kept."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """On what, how, how often."""
        add_catalog_arguments(parser)
        parser.add_argument("--sensor", default="sentinel-2", choices=sorted(PROFILES), help="(sentinel-2)")
        parser.add_argument(
            "--estimator",
            nargs="+",
            default=[MODELS[0]],
            choices=MODELS,
            help=f"one or several, to be judged on the same deals ({MODELS[0]})",
        )
        parser.add_argument(
            "--normalise",
            action="store_true",
            help="judge each once more with references brought to the light of now, by ground that did not change",
        )
        add_patch_arguments(parser)
        parser.add_argument("--block-deg", type=read_block_deg, help="side of the blocks held back together")
        parser.add_argument(
            "--seeds", type=read_count, default=SEEDS, help=f"how many deals, from seed 0 on ({SEEDS})"
        )
        parser.add_argument(
            "--with-one-sided",
            action="store_true",
            help="let periods that hold one kind of label teach too (they are left out)",
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read the cells anew for each seed, judge, print each deal and the medians."""
        options["catalog"] = find_catalog(options["catalog"])
        labels = load_labels(options["labels"])
        deals: dict[str, list[Figures]] = {}
        refused: list[Refusal] = []
        try:
            for seed in range(options["seeds"]):
                for name, figures in self._judge_seed(seed, labels, refused, options):
                    deals.setdefault(name, []).append(figures)
                    if not options["json"]:
                        told = "  ".join(f"{what} {value:.3f}" for what, value in figures.items())
                        self.stdout.write(f"seed {seed}, {name}: {told}")
        except (NoLabelledCells, TrainingRefused, FoldsNotPossible, PatchesNotDrawn) as error:
            raise CommandError(add_causes(error, count_causes(refused))) from error
        except OSError as error:
            raise CommandError(f"A file cannot be read: {error.strerror}.") from error
        first, *others = deals
        summed = {name: sum_up_deals(own) for name, own in deals.items()}
        for name in others:
            summed[f"{name} less {first}"] = sum_up_deals(subtract_deals(deals[name], deals[first]))
        if options["json"]:
            answer = {"seeds": options["seeds"], "refused": count_causes(refused), "recipes": summed}
            print_answer(answer, as_json=True)
            return
        for name, figures_of in summed.items():
            self.stdout.write(f"{name}, {options['seeds']} seeds: median (least to greatest)")
            for what, figure in figures_of.items():
                self.stdout.write(f"  {what:<58}{_write(figure)}")
        print_answer({"refused": count_causes(refused)}, as_json=False)

    def _judge_seed(
        self, seed: int, labels: Sequence[CellLabel], refused: list[Refusal], options: dict[str, Any]
    ) -> Iterator[tuple[str, Figures]]:
        """Name and figures of each recipe for one seed; the scenes are read once."""
        with show_progress() as progress:
            scenes, layout = read_labelled_scenes(
                options["catalog"],
                labels,
                progress,
                refused,
                sensor=options["sensor"],
                patches=options["patches"],
                seed=seed,
                patch_sizes=options["patch_sizes"],
                drawing=options["drawing"],
            )
        for normalise in (False, True) if options["normalise"] else (False,):
            cells = gather_cells(labels, scenes, layout=layout, normalise=normalise)
            for estimator in options["estimator"]:
                recipe = Recipe(
                    block_deg=options["block_deg"],
                    seed=seed,
                    model=estimator,
                    pair_sizes=options["pair_sizes"],
                    pair_drawing=options["drawing"],
                    leave_out_one_sided=not options["with_one_sided"],
                )
                yield estimator + (", normalised" if normalise else ""), judge_deal(cells, recipe)


def _write(figure: dict[str, float]) -> str:
    """`0.867 (0.851 to 0.880)`: median, least and greatest."""
    return f"{figure['median']:.3f} ({figure['least']:.3f} to {figure['greatest']:.3f})"
