"""Why a mail was skipped, held or not sent, in words a marketer reads."""

from typing import Final

WORDS: Final[dict[str, str]] = {
    "erased": "The customer was erased or merged into another one",
    "no_address": "No email address is known",
    "suppressed": "The address is on the suppression list",
    "no_consent": "No consent to this kind of mail",
    "holdout": "Held out on purpose, to measure what mailing is worth",
    "weekly_limit": "The weekly limit per person was reached",
    "held_too_long": "Held back by the weekly limit until it was no news any more",
    "not_rendered": "The template could not be filled for this person",
    "bad_address": "The address cannot be written into a mail; correct it in the profile",
    "refused": "The mail server refused it for good",
    "gave_up": "The mail server did not take it in several tries",
}


def in_words(code: str) -> str:
    """Return the sentence of a reason; a code nobody wrote a sentence for is shown as it is."""
    return WORDS.get(code, code.replace("_", " "))
