"""`/api/v1/releases/{id}/certificate`: what a batch can tell at most, as far as it concerns whoever asks."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from monitor.models import Region
from monitor.privacy.certificate import canonical_json
from monitor.privacy.policy import POLICY_VERSION, SEEN_PER_CENT_MIN
from monitor.services.agreements import make_agreement
from monitor.services.regions import create_region
from monitor.services.releases import publish_release
from tests.api.answers import assert_problem, ledger_of, outcomes_of
from tests.api.conftest import EASTERN_SITE, WESTERN_SITE, WebClient
from tests.builders import put_cells
from tests.cast import Cast, Person, make_box
from tests.rights import set_posture
from tests.services.test_agreements import agree_on_l1

TODAY = date(2026, 11, 20)


def url_of(release: object) -> str:
    """Where the certificate of a batch is."""
    return f"/api/v1/releases/{release}/certificate"


def certificate_for(web: WebClient, person: Person, release: UUID) -> dict[str, Any]:
    """The certificate that somebody gets."""
    answer = web.as_(person).get(url_of(release))
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"release", "published_at", "certificate", "signature", "signature_format"}
    assert (body["release"], body["signature"], body["signature_format"]) == (
        str(release),
        None,
        "c2sp-signed-note",
    )
    return body["certificate"]  # type: ignore[no-any-return]


@pytest.fixture
def release(cast: Cast, model: UUID) -> UUID:
    """A batch with a site in the east and one in the west."""
    put_cells(model, [*EASTERN_SITE, *WESTERN_SITE])
    return publish_release(TODAY).batch


def test_a_partners_certificate_speaks_of_what_they_receive(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    certificate = certificate_for(web, cast.pia, release)
    (edition,) = certificate["editions"]
    assert certificate["policy_version"] == POLICY_VERSION
    assert certificate["scope"] == {
        "kind": "received",
        "regions": [{"region": str(cast.east), "level": "L2"}],
    }
    assert (edition["edition"], edition["pieces"], edition["pieces_by_level"]) == ("L2", 4, {"L2": 4})
    assert edition["rows"] == [{"period": "2026-09", "level": "L2", "rows": 1}]
    assert edition["k_eff"] == dict.fromkeys(["min", "p05", "p50", "max"], "400.00")
    assert edition["largest_prior"] == "0.0025"
    assert edition["largest_posterior"]["none"] == "0.0000"
    assert edition["largest_posterior"]["under_2"] == "0.0175"  # seven of 400
    assert edition["blocks"] == {"own_level": 4, "promoted_to_parent": 0, "published_nowhere": None}
    (batch,) = web.as_(cast.pia).get("/api/v1/releases").json()["items"]
    assert certificate["digest"] == batch["digest"]


def test_blocks_that_are_published_nowhere_are_counted_for_the_whole_batch_only(
    web: WebClient, cast: Cast, model: UUID
) -> None:
    """They belong to no piece, so of what somebody receives nothing is said, where a 0 would be said of every sliver."""
    before = certificate_for(web, cast.aldo, publish_release(TODAY).batch)
    make_agreement(cast.adam.user, cast.pia.user, make_sliver())
    release = publish_release(TODAY).batch
    after, received = (certificate_for(web, person, release) for person in (cast.aldo, cast.pia))
    assert [edition["blocks"]["published_nowhere"] for edition in before["editions"]] == [0, 0, 0]
    assert [edition["blocks"]["published_nowhere"] for edition in after["editions"]] == [1, 1, 1]
    assert [edition["blocks"]["published_nowhere"] for edition in received["editions"]] == [None]


def make_sliver() -> Region:
    """A region of 25 cells alone in its square of one degree: too few to be published at any level."""
    return Region.objects.get(id=create_region("Aruwe Islet", make_box(25.0, 2.0, 25.05, 2.05)))


def test_every_figure_holds_the_limits_that_the_certificate_names(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    certificate = certificate_for(web, cast.aldo, release)
    for edition in certificate["editions"]:
        assert Decimal(edition["k_eff"]["min"]) >= certificate["limits"]["k_eff_min"]
        assert Decimal(edition["largest_prior"]) <= Decimal(certificate["limits"]["largest_prior_max"])
    assert certificate["limits"]["seen_per_cent_min"] == SEEN_PER_CENT_MIN


def test_an_auditors_certificate_speaks_of_the_whole_batch_and_not_of_what_l1_holds(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    certificate = certificate_for(web, cast.aldo, release)
    assert certificate["scope"] == {"kind": "batch", "regions": []}
    rows = {edition["edition"]: edition["rows"] for edition in certificate["editions"]}
    assert rows["L1"] is None  # it would change with where inside an L2 block anything was seen
    assert rows["L2"] == [{"period": "2026-09", "level": "L2", "rows": 2}]
    plain = {
        certificate_for(web, cast.paul, release)["digest"],
        certificate_for(web, cast.pia, release)["digest"],
    }
    assert certificate["digest"] not in plain


def test_a_partners_certificate_does_not_change_with_what_they_do_not_receive(
    web: WebClient, cast: Cast, model: UUID, release: UUID
) -> None:
    put_cells(model, [(cell[0] + 3, cell[1]) for cell in WESTERN_SITE], observed_on=date(2026, 10, 2))
    later = publish_release(TODAY).batch
    before, after = (certificate_for(web, cast.pia, batch) for batch in (release, later))
    assert {**before, "release": ""} == {**after, "release": ""}


def test_on_other_terms_it_speaks_of_other_editions(web: WebClient, cast: Cast, release: UUID) -> None:
    agree_on_l1(cast.paul, cast.east, cast.rosa, cast.adam)
    certificate = certificate_for(web, cast.paul, release)
    assert [edition["edition"] for edition in certificate["editions"]] == ["L1", "L2"]
    assert [edition["pieces"] for edition in certificate["editions"]] == [16, 4]
    assert certificate["digest"] is not None
    set_posture(cast.east, "sealed")
    certificate = certificate_for(web, cast.paul, release)
    assert [edition["edition"] for edition in certificate["editions"]] == ["L2", "L3"]  # the west is open


def test_of_a_batch_whose_rows_are_gone_nobody_can_try_out_what_they_were(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    before = certificate_for(web, cast.pia, release)
    agree_on_l1(cast.paul, cast.east, cast.rosa, cast.adam)
    for _ in range(2):
        publish_release(TODAY)
    gone = {"digest": None, "editions": [each | {"rows": None} for each in before["editions"]]}
    assert certificate_for(web, cast.pia, release) == before | gone
    mixed = certificate_for(web, cast.paul, release)
    assert (mixed["digest"], [edition["rows"] for edition in mixed["editions"]]) == (None, [None, None])
    told = web.as_(cast.pia).get("/api/v1/releases").json()["items"]
    assert [(each["digest"] is None, each["rows"] is None) for each in told] == [(False, False)] * 2 + [
        (True, True)
    ]


def test_it_is_canonical_and_holds_no_broken_number(web: WebClient, cast: Cast, release: UUID) -> None:
    text = canonical_json(certificate_for(web, cast.aldo, release))
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")) == text
    assert not any(isinstance(number, float) for number in json.loads(text, parse_float=float).values())


def test_whoever_receives_nothing_gets_an_empty_certificate(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    certificate = certificate_for(web, cast.mallory, release)
    assert (certificate["editions"], certificate["scope"]["regions"]) == ([], [])


@pytest.mark.parametrize("name", ["pia", "mallory", "aldo"])
def test_a_batch_that_does_not_exist_is_not_there(web: WebClient, cast: Cast, name: str) -> None:
    answer = web.as_(cast.everybody()[name]).get(url_of(uuid4()))
    assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize("name", ["rosa", "ines", "anna", "adam", "finn"])
def test_other_roles_are_refused_and_it_is_recorded(
    web: WebClient, cast: Cast, release: UUID, name: str
) -> None:
    answer = web.as_(cast.everybody()[name]).get(url_of(release))
    assert_problem(answer, 403, "not-permitted")
    assert outcomes_of(answer) == [("refuse.certificate", "refused")]


def test_reading_one_is_an_entry_with_the_regions_that_it_speaks_of(
    web: WebClient, cast: Cast, release: UUID
) -> None:
    answer = web.as_(cast.pia).get(url_of(release))
    assert [(line.action, line.outcome, line.quantity) for line in ledger_of(answer)] == [
        ("read.certificate", "answered", 1)
    ]
