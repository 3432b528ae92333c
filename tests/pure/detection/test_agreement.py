"""Labels that repeat or contradict each other are found, whatever order they stand in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from monitor.detection.agreement import (
    CONTRADICTED,
    FINDING,
    OUTWEIGHED,
    REPEATED,
    find_agreement,
    settle_labels,
)
from monitor.detection.labels import CellLabel

MINE = CellLabel(9100, 20000, 1, date(2021, 1, 1), date(2021, 12, 31), kind="pit", source="atlas/1")
NONE = replace(MINE, label=0, kind="forest", source="survey/1")


@st.composite
def label_lists(draw: st.DrawFn) -> list[CellLabel]:
    years = st.sampled_from([None, 2019, 2020, 2021])
    labels = []
    for _ in range(draw(st.integers(0, 12))):
        first, last = draw(years), draw(years)
        if first and last and first > last:
            first, last = last, first
        labels.append(
            CellLabel(
                9100,
                draw(st.integers(20000, 20002)),
                draw(st.integers(0, 2)),
                date(first, 1, 1) if first else None,
                date(last, 12, 31) if last else None,
                kind=draw(st.sampled_from(["", FINDING])),
                source=draw(st.sampled_from(["a", "b"])),
                item=draw(st.sampled_from(["", "one", "two"])),
            )
        )
    return labels


def test_the_same_said_twice_counts_once_whoever_says_it() -> None:
    again = replace(MINE, source="other", kind="")
    assert settle_labels([MINE, NONE, again][::2]) == ((MINE,), {REPEATED: 1})
    assert find_agreement([MINE, again]).repeated == ((1, 0),)


def test_labels_that_contradict_each_other_are_both_left_out() -> None:
    other = replace(MINE, col=20001)
    assert settle_labels([MINE, other, NONE]) == ((other,), {CONTRADICTED: 2})
    assert find_agreement([MINE, other, NONE]).contradicted == ((0, 2),)


def test_another_time_or_another_scene_is_no_contradiction() -> None:
    earlier = replace(NONE, observed_from=date(2019, 1, 1), observed_to=date(2019, 12, 31))
    assert settle_labels([earlier, MINE])[1] == {}
    assert settle_labels([replace(NONE, item="may"), replace(MINE, item="june")])[1] == {}
    assert settle_labels([replace(NONE, item="may"), replace(MINE, item="may")])[1] == {CONTRADICTED: 2}
    assert settle_labels([replace(NONE, item="may"), MINE])[1] == {CONTRADICTED: 2}
    unstated = replace(NONE, observed_from=None, observed_to=None)
    assert settle_labels([unstated, MINE])[1] == {CONTRADICTED: 2}


def test_a_visit_outweighs_what_was_read_off_a_picture() -> None:
    visit = replace(NONE, kind=FINDING, source="finding/1")
    for labels in ([MINE, visit], [visit, MINE]):
        assert settle_labels(labels) == ((visit,), {OUTWEIGHED: 1})
    assert settle_labels([visit, replace(visit, label=1)])[1] == {CONTRADICTED: 2}


@given(label_lists())
def test_what_is_left_agrees_and_everything_else_has_a_reason(labels: list[CellLabel]) -> None:
    kept, left_out = settle_labels(labels)
    assert len(kept) + sum(left_out.values()) == len(labels)
    assert settle_labels(kept) == (kept, {})


@given(label_lists(), st.randoms(use_true_random=False))
def test_the_order_of_the_file_does_not_matter(labels: list[CellLabel], random: object) -> None:
    shuffled = list(labels)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def say(kept: tuple[CellLabel, ...]) -> list[str]:
        return sorted(f"{x.col} {x.label} {x.period} {x.item} {x.kind}" for x in kept)

    one, other = settle_labels(labels), settle_labels(shuffled)
    assert (say(one[0]), one[1]) == (say(other[0]), other[1])
