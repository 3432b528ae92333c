"""Limits per account, by requests and never by hits: what is left must not depend on what is hidden (LC-55)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.counting import take
from accounts.models import User

if TYPE_CHECKING:  # the views import the throttles that the settings name
    from rest_framework.views import APIView


class RoleThrottle(BaseThrottle):
    """REQUESTS_PER_MINUTE for one account in one role; by address for somebody without an account."""

    _wait_s: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether it is one of so many. Raises RedisError where that cannot be known."""
        limit, names = self.counted(request)
        self._wait_s = None if limit is None else take(limit, "throttle", *names)
        return self._wait_s is None

    def wait(self) -> float | None:
        """Seconds until another one is answered."""
        return self._wait_s

    def counted(self, request: Request) -> tuple[int | None, list[str]]:
        """How many are answered in a minute, None for any number, and under which names they are counted."""
        user = request.user
        who = [user.role, str(user.pk)] if isinstance(user, User) else ["address", self.get_ident(request)]
        return settings.REQUESTS_PER_MINUTE, who


class AddressThrottle(RoleThrottle):
    """PUBLIC_REQUESTS_PER_MINUTE for one address, for whoever has no account, where the public is answered."""

    def counted(self, request: Request) -> tuple[int | None, list[str]]:
        """By address; any number for whoever has an account, and where the public is not answered at all."""
        if isinstance(request.user, User) or not settings.PUBLIC_ACCESS:
            return None, []
        return settings.PUBLIC_REQUESTS_PER_MINUTE, ["public", self.get_ident(request)]
