"""The names an email template may use, each with a word of help for the editor."""

from typing import Final

from personalization.content.variables import BLOCK_VARIABLES

UNSUBSCRIBE: Final = "unsubscribe_url"
POSTAL_ADDRESS: Final = "sender.postal_address"

VARIABLES: Final[dict[str, str]] = {
    **BLOCK_VARIABLES,
    "blocks.*.html": "content block of a slot, as in blocks.hero.html (for the MJML part)",
    "blocks.*.text": "the same block as plain text (for the text part)",
    "campaign.name": "name of the campaign",
    "sender.name": "sender's name, as in the From line",
    POSTAL_ADDRESS: "sender's postal address; every mail has to print it",
    "sender.logo_url": "sender's logo, may be empty",
    UNSUBSCRIBE: "one-click unsubscribe page of this reader; every mail has to print it",
}
