"""Ids in addresses as auditors copy them: also in capitals, as a parameter takes them."""

from __future__ import annotations

from django.urls.converters import UUIDConverter


class PseudonymConverter(UUIDConverter):
    """The pseudonym of an account. Other ids in addresses are as answers write them."""

    regex = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
