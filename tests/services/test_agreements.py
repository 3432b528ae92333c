"""Agreements: L2 by default, L1 only in writing, by two, for a time; each an entry of the ledger."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from monitor.access.sharpness import find_sharpness
from monitor.grid import Level
from monitor.models import Agreement, Region
from monitor.privacy.scope import list_region_ids
from monitor.releases.batches import BlockRow, find_batch
from monitor.releases.blocks import BlockFilter, read_blocks, read_shown
from monitor.releases.sight import Reader, RightsMoved, read_rights
from monitor.services.agreements import AgreementRefused, end_agreement, make_agreement
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.builders import cell_at, make_viewer, put_cells
from tests.cast import Cast, Person, hire, make_box
from tests.rights import set_posture
from tests.roles import as_role, read_rows

TODAY = date(2026, 11, 20)
SITE = [cell_at(20.105, 2.105)]


def agree_on_l1(partner: Person, region: UUID, first: Person, second: Person, days: int = 90) -> UUID:
    """A partner receives a region at L1."""
    return make_agreement(
        first.user,
        partner.user,
        Region.objects.get(id=region),
        Level.L1,
        seconded_by=second.user,
        reference="MoU 2026/14",
        until=timezone.now() + timedelta(days=days),
    )


def read_as(person: Person, batch: UUID) -> list[BlockRow]:
    """What somebody sees of a batch."""
    with as_role("penumbra_web"):
        regions = list(read_rights(Reader(person.user.id)).sight.levels)
        return read_blocks(batch, regions, Level.L1, None, None, None, 100, Reader(person.user.id))


def editions_of(person: Person, batch: UUID) -> list[int]:
    """Of which editions somebody sees rows."""
    return sorted({int(row.edition) for row in read_as(person, batch)})


def bend(region: UUID, posture: str) -> None:
    """A posture; the worker could not."""
    with as_role("none"):
        set_posture(region, posture)


@pytest.fixture
def batch(cast: Cast, model: UUID) -> UUID:
    """A batch with a site in the east, old enough for all three editions."""
    put_cells(model, SITE, observed_on=date(2026, 5, 15), around=Level.L3)
    return publish_release(TODAY).batch


def test_a_partner_receives_l2_unless_something_else_was_agreed(cast: Cast, batch: UUID) -> None:
    assert editions_of(cast.pia, batch) == [2]
    agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    assert editions_of(cast.pia, batch) == [1]
    make_agreement(cast.adam.user, cast.pia.user, Region.objects.get(id=cast.east), Level.L3)
    assert editions_of(cast.pia, batch) == [3]
    make_agreement(cast.adam.user, cast.pia.user, Region.objects.get(id=cast.east))
    assert editions_of(cast.pia, batch) == [2]
    assert Agreement.objects.count() == 1


def test_an_agreement_brings_a_region_that_was_not_held(cast: Cast, batch: UUID) -> None:
    assert editions_of(cast.mallory, batch) == []
    make_agreement(cast.rosa.user, cast.mallory.user, Region.objects.get(id=cast.east))
    assert editions_of(cast.mallory, batch) == [2]


def test_an_agreement_on_l1_ends_by_itself(cast: Cast, batch: UUID) -> None:
    agreement = agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    Agreement.objects.filter(id=agreement).update(
        agreed_at=timezone.now() - timedelta(days=2), expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert editions_of(cast.pia, batch) == [2]
    with as_role("penumbra_web"):
        assert find_sharpness(make_viewer(cast.pia.user)) == {cast.east: Level.L2}


def test_ending_an_agreement_takes_the_region_away_at_once(cast: Cast, batch: UUID) -> None:
    agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    end_agreement(cast.rosa.user, cast.pia.user, Region.objects.get(id=cast.east))
    assert editions_of(cast.pia, batch) == []
    assert not Agreement.objects.exists()


def test_rights_that_change_before_the_reading_statement_give_no_rows(cast: Cast, batch: UUID) -> None:
    """P7: the mask of pieces was made with rights that hold no longer."""
    found = find_batch(batch)
    assert found is not None
    with as_role("penumbra_web"):
        rights = read_rights(Reader(cast.pia.user.id))
    end_agreement(cast.rosa.user, cast.pia.user, Region.objects.get(id=cast.east))
    with as_role("penumbra_web"), pytest.raises(RightsMoved):
        read_shown(found, rights, BlockFilter(Level.L1), 100)


@pytest.mark.parametrize(("posture", "editions"), [("open", [1]), ("guarded", [1]), ("sealed", [3])])
def test_posture_bends_an_agreement_too(cast: Cast, batch: UUID, posture: str, editions: list[int]) -> None:
    agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    bend(cast.east, posture)
    assert editions_of(cast.pia, batch) == editions


def test_a_guarded_regulator_sees_l1_and_a_sealed_one_l3(cast: Cast, batch: UUID) -> None:
    assert read_as(cast.rosa, batch) == []
    bend(cast.east, "guarded")
    assert editions_of(cast.rosa, batch) == [1]
    bend(cast.east, "sealed")
    assert editions_of(cast.rosa, batch) == [3]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"reference": " "}, "say which one"),
        ({"until": None}, "say which"),
        ({"until": timezone.now() - timedelta(days=1)}, "say which"),
        ({"until": timezone.now() + timedelta(days=800)}, "say which"),
        ({"seconded_by": None}, "takes two"),
        ({"level": Level.L0}, "L1, L2 or L3"),
        ({"level": Level.L2}, "ends by itself"),
    ],
)
def test_terms_that_cannot_be_agreed_are_refused(cast: Cast, change: dict[str, object], cause: str) -> None:
    terms: dict[str, object] = {
        "level": Level.L1,
        "reference": "MoU 2026/14",
        "until": timezone.now() + timedelta(days=30),
        "seconded_by": cast.adam.user,
    }
    with pytest.raises(AgreementRefused, match=cause):
        make_agreement(
            cast.rosa.user,
            cast.pia.user,
            Region.objects.get(id=cast.east),
            **(terms | change),  # type: ignore[arg-type]
        )
    assert not Agreement.objects.exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rosa", "rosa"),
        ("pia", "adam"),
        ("rosa", "pia"),
        ("otis", "adam"),
        ("rosa", "otis"),
        ("anna", "adam"),
    ],
)
def test_only_two_different_people_who_decide_about_the_region_can_agree_on_l1(
    cast: Cast, first: str, second: str
) -> None:
    people = cast.everybody()
    with pytest.raises(AgreementRefused):
        agree_on_l1(cast.pia, cast.east, people[first], people[second])
    assert not Agreement.objects.exists()


@pytest.mark.parametrize("name", ["rosa", "anna", "ines", "aldo", "adam"])
def test_agreements_are_made_with_partners_only(cast: Cast, name: str) -> None:
    with pytest.raises(AgreementRefused, match="role partner"):
        make_agreement(cast.adam.user, cast.everybody()[name].user, Region.objects.get(id=cast.east))


@pytest.mark.parametrize(
    "change",
    [
        {"reference": ""},
        {"seconded_by": None},
        {"expires_at": None},
        {"level": 0},
        {"level": 2},
        {"seconded_by": "rosa"},
        {"seconded_by": "pia"},
        {"agreed_by": "pia"},
    ],
)
def test_the_database_holds_the_terms_itself(cast: Cast, change: dict[str, object]) -> None:
    agreement = agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    people: dict[str, User] = {name: person.user for name, person in cast.everybody().items()}
    values = {name: people.get(str(value), value) for name, value in change.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        Agreement.objects.filter(id=agreement).update(**values)


def test_the_web_role_cannot_write_an_agreement(cast: Cast) -> None:
    agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    for verb in ("INSERT", "UPDATE", "DELETE"):
        assert read_rows("SELECT has_table_privilege('penumbra_web', 'monitor_agreement', %s)", verb) == [
            (False,)
        ]


def test_each_change_is_an_entry_that_names_who_agreed(cast: Cast) -> None:
    agree_on_l1(cast.pia, cast.east, cast.rosa, cast.adam)
    end_agreement(cast.adam.user, cast.pia.user, Region.objects.get(id=cast.east))
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT action, actor, level, regions, cardinality(object_refs) FROM ledger.entry"
            " WHERE action LIKE 'agreement.%%' ORDER BY at DESC LIMIT 2"
        )
        end, made = cursor.fetchall()
    assert made == ("agreement.make", cast.rosa.user.pseudonym, 1, [cast.east], 2)
    assert end == ("agreement.end", cast.adam.user.pseudonym, None, [cast.east], 1)


def test_the_command_records_an_agreement_and_says_why_it_does_not(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    until = (timezone.now() + timedelta(days=30)).date().isoformat()
    terms = ["--level", "L1", "--second", "adam", "--reference", "MoU", "--until", until, "--json"]
    call_command("grant_agreement", "pia", "Aruwe East", "--by", "rosa", *terms)
    assert '"level": "L1"' in capsys.readouterr().out
    assert Agreement.objects.get().level == 1
    with pytest.raises(CommandError, match="takes two"):
        call_command("grant_agreement", "pia", "Aruwe East", "--by", "rosa", "--level", "L1", *terms[4:])
    with pytest.raises(CommandError, match="No account"):
        call_command("grant_agreement", "nobody", "Aruwe East", "--by", "rosa")
    with pytest.raises(CommandError, match="No region"):
        call_command("grant_agreement", "pia", "Atlantis", "--by", "rosa")
    call_command("grant_agreement", "pia", "Aruwe East", "--by", "rosa", "--end")
    assert not Agreement.objects.exists()


def test_asking_for_one_region_shows_its_border_no_finer_than_all_agreements_together_do(
    cast: Cast, model: UUID
) -> None:
    """The L2 block less its L1 blocks in one region would be a figure at L1 of the other."""
    near, far = (
        create_region(name, make_box(west, 2.0, west + 0.1, 2.4))
        for name, west in (("Near", 20.4), ("Far", 20.5))
    )
    put_cells(model, [cell_at(20.405, 2.005)], observed_on=date(2026, 5, 15))
    batch = publish_release(TODAY).batch
    agree_on_l1(cast.mallory, near, cast.adam, second_administrator())
    levels = {}
    for alone in (True, False):
        if not alone:
            make_agreement(cast.adam.user, cast.mallory.user, Region.objects.get(id=far))
        with as_role("penumbra_web"):
            rows = read_blocks(batch, [near], Level.L1, None, None, None, 100, Reader(cast.mallory.user.id))
        levels[alone] = [row.level for row in rows]
    assert {alone: set(seen) for alone, seen in levels.items()} == {True: {Level.L1}, False: {Level.L2}}


def second_administrator() -> Person:
    """Somebody else who may decide about any region."""
    return hire("agathe", Role.ADMINISTRATOR)


def test_a_mandate_is_no_agreement_that_a_regulator_could_end(cast: Cast) -> None:
    region = Region.objects.get(id=cast.east)
    with pytest.raises(AgreementRefused, match="nothing was ended"):
        end_agreement(cast.rosa.user, cast.anna.user, region)
    assert region.id in list_region_ids(make_viewer(cast.anna.user))


def test_a_closed_administrator_ends_no_agreement_and_nobody_one_that_is_not_there(cast: Cast) -> None:
    east, west = Region.objects.get(id=cast.east), Region.objects.get(id=cast.west)
    with pytest.raises(AgreementRefused, match="nothing was ended"):
        end_agreement(cast.adam.user, cast.ines.user, east)
    User.objects.filter(id=cast.adam.user.id).update(is_active=False)
    for region in (east, west):
        with pytest.raises(AgreementRefused, match="Only an administrator"):
            end_agreement(User.objects.get(username="adam"), cast.pia.user, region)


def test_a_reference_that_is_too_long_is_refused_with_the_cause(cast: Cast) -> None:
    region = Region.objects.get(id=cast.east)
    with pytest.raises(CommandError, match="at most 200"):
        call_command("grant_agreement", "pia", region.name, "--by=adam", "--reference", "x" * 201)
