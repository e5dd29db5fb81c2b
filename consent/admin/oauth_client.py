"""OAuth clients: programs that fetch a token for an hour instead of showing a key for ever."""

from typing import Any

from django.contrib.admin import display, register, site
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.safestring import SafeString
from oauth2_provider import admin as library
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from consent import oauth
from consent.admin.look import chips, quiet, two_lines, when
from consent.admin.program import ProgramAdmin
from consent.models import OAuthClient

# The library's own pages: ours makes clients that can do one thing only. Its module is imported
# first, whoever asks for ours: otherwise it would register its pages over ours.
for model in (library.application_model, AccessToken, Grant, IDToken, RefreshToken):
    if site.is_registered(model):
        site.unregister(model)


@register(OAuthClient)
class OAuthClientAdmin(ProgramAdmin[OAuthClient]):
    noun = "OAuth client"
    made_template = "attune/oauth_client.html"
    list_display = ("named", "scopes_shown", "state", "made")
    list_select_related = ("created_by",)
    search_fields = ("name", "client_id")
    fields = (
        "name", "client_id", "scopes_shown", "source", "state", "created_by", "created",
        "revoked_at",
    )  # fmt: skip
    readonly_fields = fields
    empty_state = {
        "icon": "vpn_key",
        "title": "No OAuth clients yet",
        "text": "A mail provider that speaks OAuth 2.0 (client credentials) fetches a token at "
        "/oauth/token/ and shows it for an hour. One that does not gets an API key.",
    }

    def make(self, given: dict[str, Any], *, actor: AbstractBaseUser) -> oauth.Made:
        return oauth.make(**given, actor=actor)

    def revoke_one(self, row: OAuthClient, *, actor: AbstractBaseUser) -> bool:
        return oauth.revoke(row, actor=actor, now=timezone.now())

    @display(description="Client", ordering="name")
    def named(self, row: OAuthClient) -> SafeString:
        return two_lines(row.name, f"{row.client_id[:12]}…")

    @display(description="Made", ordering="created")
    def made(self, row: OAuthClient) -> SafeString:
        return chips(when(row.created), quiet(row.created_by or "the system"))
