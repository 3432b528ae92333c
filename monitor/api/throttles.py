"""Limits per account, by requests and never by hits: what is left must not depend on what is hidden (LC-55)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User

if TYPE_CHECKING:  # the views import the throttles that the settings name
    from rest_framework.views import APIView


class RoleThrottle(SimpleRateThrottle):
    """REQUESTS_PER_MINUTE for one account in one role; by address for somebody without an account."""

    scope = "role"

    def get_rate(self) -> str:
        """The configured rate."""
        return f"{settings.REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """One counter per account and role."""
        user = request.user
        if not isinstance(user, User):
            return f"throttle-address-{self.get_ident(request)}"
        return f"throttle-{user.role}-{user.pk}"


class AddressThrottle(SimpleRateThrottle):
    """PUBLIC_REQUESTS_PER_MINUTE for one address, for whoever has no account, where the public is answered."""

    scope = "address"

    def get_rate(self) -> str:
        """The configured rate."""
        return f"{settings.PUBLIC_REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """One counter per address; None counts nothing."""
        if isinstance(request.user, User) or not settings.PUBLIC_ACCESS:
            return None
        return f"throttle-public-{self.get_ident(request)}"
