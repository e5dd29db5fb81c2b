"""Sender identities: who a mail is from, and the postal address every footer prints."""

from django.contrib import admin
from django.contrib.admin import display
from django.utils.safestring import SafeString

from campaigns.models import SenderIdentity
from consent.admin.base import PageAdmin
from consent.admin.look import chip, two_lines


@admin.register(SenderIdentity)
class SenderIdentityAdmin(PageAdmin[SenderIdentity]):
    list_display = ("named", "reply_to", "postal_address", "default")
    search_fields = ("name", "from_email")
    fieldsets = (
        ("What readers see", {"fields": (("name", "from_email"), "reply_to", "logo_url")}),
        ("By law", {"fields": ("postal_address",)}),
        ("Use", {"fields": ("is_default",)}),
    )
    empty_state = {
        "icon": "badge",
        "title": "Who is your mail from?",
        "text": "A sender identity is the name and address readers see, with the postal address "
        "that every mail has to print. A campaign needs one.",
    }

    @display(description="Sender", ordering="name")
    def named(self, sender: SenderIdentity) -> SafeString:
        return two_lines(sender.name, sender.from_email)

    @display(description="")
    def default(self, sender: SenderIdentity) -> SafeString:
        return chip("Default", tone="accent") if sender.is_default else SafeString()
