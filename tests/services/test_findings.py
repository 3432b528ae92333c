"""Findings and the labels they become: once per id and inspection, from somebody who was there, on the cells of the site."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from monitor.detection.labels import CLASSES, CellLabel
from monitor.errors import NotNow, NotThere
from monitor.field.lifecycle import NOT_A_VISIT, FindingKind, PeopleBand, Response
from monitor.models import Alert, Finding, Inspection
from monitor.services.findings import Report, receive_finding
from monitor.services.inspections import close_inspection
from monitor.services.labels import LABEL_OF, import_labels, label_finding, list_unlabelled_findings
from tests.builders import cell_at, make_alert, make_inspection, make_viewer, put_cells, viewer_of
from tests.cast import Cast, Person
from tests.roles import as_role, read_rows

SITE = [cell_at(20.105, 2.105), cell_at(20.115, 2.105)]
HERE = "/api/v1/inspections"
VISITED = sorted(set(FindingKind) - NOT_A_VISIT)


def report(kind: FindingKind = FindingKind.ACTIVE) -> Report:
    """A finding of its own id."""
    return Report(uuid4(), kind, date(2026, 10, 1), PeopleBand.SOME, Response.FORMALISATION, mercury=True)


@pytest.fixture
def inspection(cast: Cast, model: UUID) -> Inspection:
    """Accepted by Ines."""
    put_cells(model, SITE)
    return make_inspection(make_alert(cast.east, SITE), cast.ines.user, cast.rosa.user)


def hand_in(person: Person, inspection: Inspection, what: Report) -> bool:
    """The person reports."""
    return receive_finding(make_viewer(person.user), inspection.id, what, HERE)


def labels() -> list[tuple[object, ...]]:
    """Labels in the vault."""
    return read_rows(
        "SELECT row, col, label, kind, source, observed_to FROM vault.label ORDER BY row, col, source"
    )


def test_a_finding_is_kept_once_however_often_it_is_handed_in(
    cast: Cast, inspection: Inspection, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    what = report()
    with django_capture_on_commit_callbacks() as rings:
        assert [hand_in(cast.ines, inspection, what) for _ in range(3)] == [True, False, False]
    finding = Finding.objects.get()
    assert (finding.own_id, finding.kind, finding.people, finding.mercury) == (
        what.id,
        "active",
        "11-50",
        True,
    )
    assert len(rings) == 1


def test_the_same_id_for_something_else_is_refused(cast: Cast, inspection: Inspection) -> None:
    what = report()
    hand_in(cast.ines, inspection, what)
    for other in (replace(what, kind=FindingKind.INACTIVE), replace(what, observed_on=date(2026, 10, 2))):
        with pytest.raises(NotNow, match="id of its own"):
            hand_in(cast.ines, inspection, other)
    assert Finding.objects.get().kind == "active"


@pytest.mark.parametrize("name", ["ivo", "rosa", "otis", "pia", "aldo", "anna", "adam", "mallory"])
def test_only_the_inspector_of_the_inspection_reports(cast: Cast, inspection: Inspection, name: str) -> None:
    with pytest.raises(NotThere):
        hand_in(cast.everybody()[name], inspection, report())
    assert not Finding.objects.exists()


def test_a_closed_inspection_takes_no_new_finding_but_knows_an_old_one(
    cast: Cast, inspection: Inspection
) -> None:
    what = report()
    hand_in(cast.ines, inspection, what)
    with as_role("penumbra_web"):
        close_inspection(viewer_of(cast.ines), inspection.id, HERE)
    assert hand_in(cast.ines, inspection, what) is False  # sent again after a lost connection
    with pytest.raises(NotNow, match="accepted"):
        hand_in(cast.ines, inspection, report())


@pytest.mark.parametrize("kind", list(FindingKind))
def test_an_alert_is_visited_by_somebody_who_was_there(
    cast: Cast, inspection: Inspection, kind: FindingKind
) -> None:
    hand_in(cast.ines, inspection, report(kind))
    assert Alert.objects.get().status == ("assigned" if kind in NOT_A_VISIT else "visited")


def test_a_second_finding_of_the_same_visit_is_kept_too(cast: Cast, inspection: Inspection) -> None:
    hand_in(cast.ines, inspection, report())
    hand_in(cast.ines, inspection, report(FindingKind.INDUSTRIAL))
    assert Finding.objects.count() == 2
    assert Alert.objects.get().status == "visited"


@pytest.mark.parametrize("kind", list(FindingKind))
def test_a_finding_teaches_exactly_what_its_kind_says(
    cast: Cast, inspection: Inspection, kind: FindingKind
) -> None:
    what = report(kind)
    hand_in(cast.ines, inspection, what)
    taught = LABEL_OF.get(kind)
    (finding,) = list_unlabelled_findings(10)
    assert label_finding(finding) == (len(SITE) if taught else 0)
    expected = [
        (row, col, taught, "finding", f"finding/{finding}", what.observed_on)
        for row, col in sorted(SITE)
        if taught
    ]
    assert labels() == expected


def test_somebody_who_was_not_there_teaches_nothing() -> None:
    assert not NOT_A_VISIT & set(LABEL_OF)


def test_labelling_twice_is_labelling_once_and_the_sweep_finds_what_is_due(
    cast: Cast, inspection: Inspection
) -> None:
    taught, silent = report(), report(FindingKind.UNSAFE)
    for what in (taught, silent):
        hand_in(cast.ines, inspection, what)
    due = {finding.own_id: finding.id for finding in Finding.objects.all()}
    assert set(list_unlabelled_findings(10)) == set(due.values())
    assert [label_finding(due[what.id]) for what in (taught, taught, silent)] == [2, 0, 0]
    assert list_unlabelled_findings(10) == []
    assert len(labels()) == len(SITE)


def test_a_finding_that_does_not_exist_teaches_nothing() -> None:
    assert label_finding(uuid4()) == 0


def test_a_label_goes_to_the_site_that_goes_on_after_a_merger(
    cast: Cast, inspection: Inspection, model: UUID
) -> None:
    from monitor.services.alerts import raise_alerts

    hand_in(cast.ines, inspection, report())
    (finding,) = list_unlabelled_findings(10)
    grown = [(row, col + 2) for row, col in SITE]
    raise_alerts([put_cells(model, grown)])
    assert label_finding(finding) == 4


def test_imported_labels_are_kept_once_and_the_last_word_counts() -> None:
    row, col = SITE[0]
    label = CellLabel(
        row=row,
        col=col,
        label=CLASSES.index("artisanal"),
        kind="river_bank",
        source="survey",
        observed_from=None,
        observed_to=date(2026, 1, 1),
        item="",
    )
    assert import_labels([label, label]).stored == 1
    assert import_labels([replace(label, label=CLASSES.index("none"))]).stored == 1
    assert labels() == [(row, col, "none", "river_bank", "survey", date(2026, 1, 1))]
    assert import_labels([]).stored == 0
