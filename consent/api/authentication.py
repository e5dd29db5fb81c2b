"""Who calls the API, and what that program may do: keys in any of the usual headers, scopes."""

import base64
import binascii
from collections.abc import Mapping, Sequence

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from consent import callers
from consent.callers import Caller
from consent.models import ApiKey

CHALLENGE = 'Bearer realm="attune"'


class CallerAuthentication(BaseAuthentication):
    """`Authorization: Bearer`, `X-API-Key`, or the password of Basic: a key or a token."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Caller] | None:
        secret = _secret(request)
        if secret is None:
            return None
        caller = callers.find(secret, now=timezone.now())
        if caller is None:
            raise AuthenticationFailed("This key or token is unknown, revoked or has expired.")
        return AnonymousUser(), caller

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class OutOfScope(PermissionDenied):
    """A key or token that holds, but not for this (RFC 6750)."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"This key or token lacks the scope {scope}. Make one that has it.")
        self.auth_header = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'


class HasScope(BasePermission):
    """Let a program in that has the scope which the view names as `scope`.

    A view with a scope for each method names them as `scopes`; of several any one will do.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        caller = request.auth
        if not isinstance(caller, Caller):
            return False
        wanted = scopes_of(view, method=request.method or "")
        if not caller.scopes & set(wanted):
            raise OutOfScope(wanted[0])
        return True


def scopes_of(view: object, *, method: str) -> tuple[str, ...]:
    """Return the scopes that let a program call this method of a view, the first to ask for."""
    by_method: Mapping[str, Sequence[str]] = getattr(view, "scopes", {})
    # HEAD is a GET without its body.
    named = by_method.get("get" if method == "HEAD" else method.lower())
    return tuple(map(str, named)) if named else (str(getattr(view, "scope", "")),)


def caller_of(request: Request) -> Caller:
    """Return the program that calls, for views that only programs reach."""
    if not isinstance(request.auth, Caller):
        raise NotAuthenticated
    return request.auth


def _definition(extension: object, auto_schema: object) -> list[dict[str, object]]:
    return [
        {"type": "http", "scheme": "bearer", "description": "An API key: atk_…"},
        {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        {"type": "http", "scheme": "basic", "description": "The API key as the password."},
        {
            "type": "oauth2",
            "description": "OAuth 2.0 client credentials: a token for an hour.",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "/oauth/token/",
                    "scopes": dict(ApiKey.Scope.choices),
                }
            },
        },
    ]


def _requirement(extension: object, auto_schema: object) -> list[dict[str, list[str]]]:
    """Any one of them will do."""
    return [{name: []} for name in _SCHEMES]


_SCHEMES = ["bearerKey", "headerKey", "basicKey", "oauth2"]
# How the API's description tells of keys and tokens; the generator finds it by being made.
CallerScheme = type(
    "CallerScheme",
    (OpenApiAuthenticationExtension,),
    {
        "target_class": f"{__name__}.{CallerAuthentication.__name__}",
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
