"""Show the payload of a webhook without what names a person in the words of shops and CRMs."""

import re
from typing import Final

from personalization.ingest import masking

_PERSONAL: Final = frozenset(
    (
        *("browserip", "customeripaddress", "useragent", "customeruseragent", "carttoken"),
        *("checkouttoken", "sessionid", "cartkey", "abandonedcheckouturl", "orderstatusurl"),
        *("contactemail", "emailaddress", "note", "customernote", "noteattributes", "company"),
        *("objectid", "propertyvalue", "latitude", "longitude", "customerid", "birthday"),
        *("clientdetails", "avatarurl", "landingsite", "referringsite", "orderkey"),
    )
)
# Whose number is a person's.
_PEOPLE: Final = frozenset(("customer", "contact", "user", "buyer"))
_HIDDEN = "***"


def masked(payload: object) -> object:
    """Return the same shape; nothing is left of what may name somebody but a first letter."""
    return masking.masked(_without(payload, is_person=False))


def _without(value: object, *, is_person: bool) -> object:
    if isinstance(value, list):
        return [_without(each, is_person=is_person) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _HIDDEN
        if each not in (None, "") and (_folded(key) in _PERSONAL or (is_person and key == "id"))
        else _without(each, is_person=_folded(key) in _PEOPLE)
        for key, each in value.items()
    }


def _folded(key: object) -> str:
    return re.sub(r"[\W_]+", "", str(key)).casefold()
