"""The red team in small and in process: at a leaky server its attackers win, at the honest one they gain nothing."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from monitor.grid import Level
from monitor.privacy.policy import SEEN_PER_CENT_MIN
from tests.api.conftest import as_web_role
from tests.privacy.redteam.attackers import calendar, gather_attackers, gather_onlookers
from tests.privacy.redteam.attackers.bisection import Bisection
from tests.privacy.redteam.attackers.lessons import fit_line, is_beyond_chance
from tests.privacy.redteam.attackers.names import Names
from tests.privacy.redteam.attackers.offering import Offering
from tests.privacy.redteam.campaign import Attacker, Guess, Target
from tests.privacy.redteam.country import Plan, Site
from tests.privacy.redteam.judging import Score, choose_places, judge
from tests.privacy.redteam.report import join_parts, make_report, write_report
from tests.privacy.redteam.theatre import PARTNER, Theatre, prepare_theatre, roll_theatre
from tests.privacy.redteam.variants import VARIANTS, WRAPPERS, break_server, read_active_cells
from tests.privacy.redteam.wire import BUDGET, BudgetSpent, Desk, InnerWire, Purse

SMALL = Plan("small", 5, 20.03, 1.07, 0.7, 0.5, 3, 6, 0.3, 4)
FEW: Sequence[Attacker] = (
    Bisection(steps=1, single_cells=3),
    Names(),
    Offering(steps=1, single_cells=2),
)
HIDING = {"blocks": 1, "k_eff_p5": 400.0, "k_eff_min": 400.0, "p_max": 0.0025}


def answer_as_web(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application, with the rights of the web role."""
    with as_web_role():
        return WSGIHandler()(environ, start_response)


@pytest.fixture(autouse=True)
def _kept_connection() -> Iterator[None]:
    """A request does not end the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def theatre(db: None, settings: Any) -> Theatre:
    """A small country with six weekly batches."""
    settings.REQUESTS_PER_MINUTE = 1_000_000
    read_active_cells.cache_clear()
    made = prepare_theatre(SMALL)
    roll_theatre(made, InnerWire(answer_as_web))
    return made


def score(theatre: Theatre, attacker: Attacker, leak: str | None) -> Score:
    wire = InnerWire(break_server(leak, answer_as_web) if leak else answer_as_web)
    audience = theatre.audiences[PARTNER]
    campaign = theatre.campaign(wire, audience, threads=1)
    return judge(campaign.targets, audience.hidden, attacker.attack(campaign))


def test_attackers_win_at_a_leaky_server_and_gain_nothing_at_the_honest_one(theatre: Theatre) -> None:
    assert len(theatre.audiences[PARTNER].targets) >= 3
    for attacker in FEW:
        control, honest = score(theatre, attacker, attacker.control), score(theatre, attacker, None)
        assert control.rho < 0.3, f"{attacker.name} does not see through its control"
        assert control.lift > 20
        assert (honest.rho_low, honest.rho, honest.lift_low) == (1, 1, 1)
        assert honest.rank == pytest.approx(0.5)
        assert honest.queries_to_halve == float("inf")


def make_target(places: int) -> Target:
    cells = np.argwhere(np.ones((20, 20)))
    return Target(Level.L2, 0, 0, cells, np.full(400, 1 / 400), places)


def make_site(row: int, col: int) -> Site:
    return Site((row + 0.5, col + 0.5), ((row, col),), (0.0,), 99.0)


def test_who_knows_the_cell_has_no_error_and_who_knows_nothing_has_a_ratio_of_one() -> None:
    targets, hidden = [make_target(1)] * 3, [[make_site(0, k)] for k in (0, 7, 19)]
    sure = [[Guess(5, np.eye(400)[k])] for k in (0, 7, 19)]
    known = judge(targets, hidden, sure)
    assert (known.rho, known.rho_high, known.lift, known.queries_to_halve) == (0, 0, 400, 5)
    assert known.rank < 0.01
    nothing = judge(targets, hidden, [[Guess(5, target.prior)] for target in targets])
    assert (nothing.rho, nothing.rho_low, nothing.lift, nothing.rank) == (1, 1, 1, 0.5)


def test_a_wrong_guess_is_worse_than_none() -> None:
    targets, hidden = [make_target(1)] * 3, [[make_site(0, k)] for k in (0, 7, 19)]
    wrong = judge(targets, hidden, [[Guess(5, np.eye(400)[399])]] * 3)
    assert wrong.rho > 1
    assert wrong.rank > 0.5


def test_places_named_without_knowledge_are_the_middle_or_spread_over_the_block() -> None:
    (middle,) = choose_places(make_target(1), make_target(1).prior).tolist()
    assert all(9 <= at <= 10 for at in middle)
    spread = choose_places(make_target(4), make_target(4).prior)
    assert len({tuple(place) for place in spread.tolist()}) == 4


def test_no_attacker_asks_more_than_the_budget_and_stored_answers_count() -> None:
    class Silent:
        def send(self, method: str, url: str, headers: Any, body: Any = None) -> Any:
            return None

    desk = Desk(Silent(), [{}])
    purse = Purse(desk, 0)
    for _ in range(BUDGET):
        purse.ask("/same")
    assert desk.sent == 1
    with pytest.raises(BudgetSpent):
        purse.ask("/same")


def test_a_rule_is_not_learned_from_noise() -> None:
    draw = np.random.default_rng(1)
    noise = [fit_line(draw.random(50), draw.random(50)) for _ in range(300)]
    assert not any(line.is_sure(len(noise)) for line in noise)
    x = draw.random(50)
    assert fit_line(x, 2 * x + 0.1 * draw.random(50)).is_sure(300)
    assert not is_beyond_chance(3.0, 50, 300)


def test_every_attacker_has_a_control_of_its_own() -> None:
    controls = [attacker.control for attacker in gather_attackers(1)]
    assert len(set(controls)) == len(controls)
    assert set(controls) == {*VARIANTS, *WRAPPERS}
    assert {attacker.name for attacker in gather_onlookers()} <= {a.name for a in gather_attackers(1)}


def make_score(**more: Any) -> Score:
    rho = {"rho": 1.0, "rho_low": 1.0, "rho_high": 1.0, "error": 7.0, "error_prior": 7.0}
    others = {"lift": 1.0, "lift_low": 1.0, "rank": 0.5, "rank_prior": 0.5, "rank_se": 0.0}
    queries = {"queries_median": 9.0, "queries_most": 9, "queries_to_halve": float("inf")}
    usual: dict[str, Any] = {
        "sites": 9,
        **rho,
        **others,
        **queries,
        "curve": ((0.0, 7.0), (9.0, 7.0)),
        "sparse": None,
    }
    return Score(**usual | more)


def make_small_report(api: Score, control: Score) -> dict[str, Any]:
    return make_report(
        {}, {"partner": HIDING}, {"partner": {"a": api}}, {"a": control}, {"a": ("LC-01", "exact box")}
    )


def test_a_report_without_a_leak_meets_its_goals_and_takes_the_parts_of_other_runs(tmp_path: Path) -> None:
    report = make_small_report(make_score(), make_score(rho=0.1, rho_low=0.1, rho_high=0.2))
    assert report["met"]
    assert [goal["goal"] for goal in report["goals"] if goal["met"] is None] == [
        "two worlds: no pair differs",
        "leaky builds: all are caught",
    ]
    by_viewer = {
        "pia": {"compared": 40_000, "differing": 0},
        "paul later": {"compared": 50_000, "differing": 0},
        "anonymous": {"compared": 10_000, "differing": 0},
    }
    compared = {"pairs_compared": 100_000, "pairs_differing": 0, "by_viewer": by_viewer}
    joined = join_parts(report, compared, {"caught": 23, "total": 24})
    assert joined["two_worlds"]["by_role"] == {
        "partner": {"compared": 90_000, "differing": 0},
        "nobody": {"compared": 10_000, "differing": 0},
    }
    assert [goal["goal"] for goal in joined["goals"] if goal["met"] is False] == [
        "leaky builds: all are caught"
    ]
    write_report(joined, tmp_path)
    assert json.loads((tmp_path / "privacy.json").read_text()) == joined
    page = (tmp_path / "privacy.html").read_text()
    assert "23 of 24" in page
    assert "P10" in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("api", "control"),
    [
        (make_score(rho=0.99, rho_low=0.9), make_score(rho_high=0.2)),
        (make_score(lift=3.0, lift_low=1.4), make_score(rho_high=0.2)),
        (make_score(rank=0.45, rank_se=0.01), make_score(rho_high=0.2)),
        (make_score(), make_score(rho=0.9, rho_high=1.1)),
    ],
    ids=["rho", "lift", "rank", "a control that is not seen through"],
)
def test_a_missed_goal_is_named(api: Score, control: Score) -> None:
    report = make_small_report(api, control)
    assert not report["met"]
    assert len([goal for goal in report["goals"] if goal["met"] is False]) == 1


def test_attackers_know_nothing_of_the_product_but_the_lattice() -> None:
    for path in sorted((Path(__file__).parent / "redteam/attackers").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                product = name.split(".")[0] in {"accounts", "config", "monitor", "tasks", "django"}
                assert not product or name == "monitor.grid", f"{path.name} imports {name}"


def test_the_attacker_by_months_knows_the_rule_that_certificates_tell() -> None:
    assert calendar.SEEN_PER_CENT == SEEN_PER_CENT_MIN
