"""Who is behind a request: `Authorization: Token <opaque>`, checked in the database every time (P7)."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from accounts.models import User
from accounts.purpose import PurposeUnknown, parse_purpose
from accounts.roles import Role
from accounts.tokens import encode_secret, find_token
from accounts.viewer import Credential, Viewer


class TokenAuthentication(BaseAuthentication):
    """Recognises a token. A missing header is anonymous; a wrong one is refused."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """The holder and what was shown, or None without a token header.

        Raises AuthenticationFailed for any token that opens nothing.
        """
        parts = get_authorization_header(request).split()
        if not parts:
            return None
        if len(parts) != 2 or parts[0].lower() != b"token":
            raise AuthenticationFailed(_("Send 'Authorization: Token <token>'."))
        secret = parts[1].decode("latin-1")
        token = find_token(secret)
        if token is None:
            raise AuthenticationFailed(_("This token opens nothing. Ask an administrator for a new one."))
        return token.user, Credential(token.id, encode_secret(secret))

    def authenticate_header(self, request: Request) -> str:
        """What the 401's WWW-Authenticate says."""
        return 'Token realm="penumbra"'


def name_viewer(user: object, shown: object, purpose_header: str | None, request_id: UUID) -> Viewer:
    """The viewer behind a request. Raises NotAuthenticated for anybody without an account, then PurposeUnknown.

    shown: what authentication returned beside the user.
    """
    if not isinstance(user, User):
        raise NotAuthenticated
    purpose = parse_purpose(_decode(purpose_header)) if purpose_header is not None else None
    return Viewer(
        user.id,
        user.pseudonym,
        user.username,
        user.organisation_id,
        Role(user.role),
        purpose,
        request_id,
        shown if isinstance(shown, Credential) else None,
    )


def _decode(header: str) -> str:
    """The text of a header, whose bytes WSGI hands on as so many letters of Latin-1: what they spell is looked at for
    places, and read by auditors. Raises PurposeUnknown unless they are UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise PurposeUnknown("The purpose must be text in UTF-8.") from None


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names this scheme."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """An API key in the Authorization header."""
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Token <token>"}
