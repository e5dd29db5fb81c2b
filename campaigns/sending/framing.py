"""What stands around the blocks of a mail: campaign, sender, subjects; and the marks of its parts.

Sending and replaying a receipt both come through here, so that they cannot differ.
"""

from collections.abc import Mapping
from typing import Any, Final

from campaigns.models import Campaign, SenderIdentity
from campaigns.rendering import html
from personalization import receipts
from personalization.content.blocks import RenderedBlock
from personalization.content.liquid_runtime import PlainData
from personalization.receipts import Part

# Under this name a receipt keeps the address that its mail printed.
UNSUBSCRIBE: Final = "unsubscribe"


def frame(campaign: Campaign, *, sender: SenderIdentity, subjects: Mapping[str, str]) -> Part:
    """Return what all mails of a campaign print; receipts name it by its key."""
    return receipts.part(
        {
            "campaign": {"name": campaign.name},
            "sender": {
                "name": sender.name,
                "postal_address": sender.postal_address,
                "logo_url": sender.logo_url,
            },
            "subjects": dict(subjects),
        }
    )


def mail_context(
    seen: PlainData,
    *,
    blocks: Mapping[str, RenderedBlock],
    frame: Mapping[str, Any],
    unsubscribe: str,
) -> PlainData:
    """Return what a mail's template sees: what its blocks saw, them, and the frame around."""
    return seen.also(
        {
            "blocks": {
                name: {"html": block.html, "text": block.text} for name, block in blocks.items()
            },
            "campaign": frame["campaign"],
            "sender": frame["sender"],
            "unsubscribe_url": unsubscribe,
        }
    )


def emails_of(
    content: Mapping[str, str], *, subjects: Mapping[str, str]
) -> dict[str, html.CompiledEmail]:
    """Compile a template once for each arm's subject, and once as it is under no arm."""
    return {
        key: html.compile_email({**content, "subject": subject or content["subject"]})
        for key, subject in {**subjects, "": ""}.items()
    }


def marks(rendered: html.Rendered) -> dict[str, str]:
    """Return the marks of a mail's parts, links as they were written."""
    return {
        "mail.subject": receipts.digest(rendered.subject),
        "mail.html": receipts.digest(rendered.html),
        "mail.text": receipts.digest(rendered.text),
    }
