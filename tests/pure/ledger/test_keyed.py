"""What digests of the ledger are taken over stays as it is: stored ones are compared with them for years."""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

import pytest
from django.conf import LazySettings

from accounts.ledger.keyed import digest_cells

ENTRY = UUID("018f0000-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("cells", "written"), [([], b""), ([70], b"70"), ([-3, 70, 395_999_999], b"-3,70,395999999")]
)
def test_cells_are_digested_as_numbers_with_commas_between_them(
    settings: LazySettings, cells: list[int], written: bytes
) -> None:
    settings.HASH_KEY = "a key of this test"
    content = b"cells\x00" + ENTRY.bytes + written
    whole = hmac.new(b"a key of this test", content, hashlib.sha256).hexdigest()
    assert digest_cells(ENTRY, cells) == whole[:32]
