"""API keys: made for one program each, shown once, revoked when nobody should use them."""

from typing import Any

from django import forms
from django.contrib.admin import display, register
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.safestring import SafeString

from consent import keys
from consent.admin.look import chips, quiet, two_lines, when
from consent.admin.program import ProgramAdmin, ProgramForm
from consent.models import ApiKey


class KeyForm(ProgramForm):
    expires_at = forms.DateTimeField(
        required=False,
        label="Holds until",
        help_text="UTC. Empty: until it is revoked.",
        widget=forms.DateTimeInput(
            attrs={"class": "at-input", "type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
        ),
    )


@register(ApiKey)
class ApiKeyAdmin(ProgramAdmin[ApiKey]):
    noun = "API key"
    form_class = KeyForm
    made_template = "attune/api_key.html"
    list_display = ("named", "scopes_shown", "state", "used", "made")
    list_select_related = ("created_by",)
    search_fields = ("name", "prefix")
    fields = (
        "name", "prefix", "scopes_shown", "source", "state", "created_by", "created_at",
        "last_used_at", "expires_at", "revoked_at",
    )  # fmt: skip
    readonly_fields = fields
    empty_state = {
        "icon": "key",
        "title": "No API keys yet",
        "text": "A program that brings data in or asks for content shows a key. Each program gets "
        "its own, with only the scopes it needs, so that one can be revoked alone.",
    }

    def make(self, given: dict[str, Any], *, actor: AbstractBaseUser) -> keys.Made:
        return keys.make(**given, actor=actor, now=timezone.now())

    def revoke_one(self, row: ApiKey, *, actor: AbstractBaseUser) -> bool:
        return keys.revoke(row, actor=actor, now=timezone.now())

    @display(description="Key", ordering="name")
    def named(self, row: ApiKey) -> SafeString:
        return two_lines(row.name, f"{row.prefix}…")

    @display(description="Last used", ordering="last_used_at")
    def used(self, row: ApiKey) -> SafeString:
        return when(row.last_used_at)

    @display(description="Made", ordering="created_at")
    def made(self, row: ApiKey) -> SafeString:
        return chips(when(row.created_at), quiet(row.created_by or "the system"))
