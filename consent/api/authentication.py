"""Who calls the API, and what that program may do: keys in any of the usual headers, scopes."""

import base64
import binascii

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from consent import keys
from consent.models import ApiKey

CHALLENGE = 'Bearer realm="attune"'


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer KEY`, `X-API-Key: KEY`, or the password of Basic."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        secret = _secret(request)
        if secret is None:
            return None
        row = keys.find(secret, now=timezone.now())
        if row is None:
            raise AuthenticationFailed("This API key is unknown, revoked or has expired.")
        return AnonymousUser(), row

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class OutOfScope(PermissionDenied):
    """A key that holds, but not for this (RFC 6750)."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key lacks the scope {scope}. Make one that has it.")
        self.auth_header = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'


class HasScope(BasePermission):
    """Let a program in whose key has the scope that the view names as `scope`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        row = request.auth
        if not isinstance(row, ApiKey):
            return False
        scope = str(view.scope) if hasattr(view, "scope") else ""
        if scope not in row.scopes:
            raise OutOfScope(scope)
        return True


def _definition(extension: object, auto_schema: object) -> list[dict[str, str]]:
    return [
        {"type": "http", "scheme": "bearer", "description": "An API key: atk_…"},
        {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        {"type": "http", "scheme": "basic", "description": "The API key as the password."},
    ]


def _requirement(extension: object, auto_schema: object) -> list[dict[str, list[str]]]:
    """Any one of the three will do."""
    return [{name: []} for name in _SCHEMES]


_SCHEMES = ["bearerKey", "headerKey", "basicKey"]
# How the API's description tells of keys; the generator finds it by being made.
KeyScheme = type(
    "KeyScheme",
    (OpenApiAuthenticationExtension,),
    {
        "target_class": f"{__name__}.{KeyAuthentication.__name__}",
        "name": _SCHEMES,
        "get_security_definition": _definition,
        "get_security_requirement": _requirement,
    },
)


def _secret(request: Request) -> str | None:
    given = request.headers.get("X-API-Key", "").strip()
    if given:
        return given
    kind, _, rest = request.headers.get("Authorization", "").partition(" ")
    match kind.lower():
        case "bearer":
            return rest.strip()
        case "basic":
            return _password(rest.strip())
        case _:
            return None


def _password(encoded: str) -> str:
    """Return the password of Basic; some programs put the key in the name and leave that empty."""
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or name
