"""Show an event without what names a person, and take back what somebody left masked."""

import re
from collections.abc import Mapping
from typing import Final

from consent.masking import mask

_PERSONAL: Final = frozenset(
    (
        *("email", "emailaddress", "mail", "phone", "phonenumber", "mobile", "telephone"),
        *("name", "firstname", "lastname", "fullname", "middlename", "surname", "givenname"),
        *("familyname", "username", "login", "password", "street", "address", "address1"),
        *("address2", "addressline1", "addressline2", "birthday", "birthdate", "dateofbirth"),
        *("ip", "ipaddress", "ssn", "iban", "cardnumber", "creditcard", "passport", "userid"),
        *("customerid", "externalid", "anonymousid", "previousid", "distinctid", "customername"),
        *("customeremail", "postcode", "postalcode", "zip", "zipcode", "company", "token"),
        # All that is said of a person: what nobody registered may be anything, their health too.
        "traits",
    )
)
# What is sold has a name as well, and names nobody.
_GOODS: Final = frozenset(("products", "items", "product", "campaign", "library", "page"))
# Begun where a word begins, and a host is short: what somebody sent may be long and end in none.
_ADDRESS: Final = re.compile(r"(?<![^\s@/?&=])[^\s@/?&=]+(@|%40)[^\s@/?&=]{1,253}\.[^\s@]")


def masked(value: object, *, is_personal: bool = False, is_goods: bool = False) -> object:
    """Return the same shape; of what may name a person, the first letter only."""
    if isinstance(value, dict):
        names = _names(value)
        return {
            names[key]: masked(
                each,
                is_personal=is_personal or (_folded(key) in _PERSONAL and not is_goods),
                is_goods=is_goods or _folded(key) in _GOODS,
            )
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [masked(each, is_personal=is_personal, is_goods=is_goods) for each in value]
    if isinstance(value, str):
        return mask(value) if is_personal or _ADDRESS.search(value) else value
    return "***" if is_personal and value is not None else value


def restored(written: object, *, shown: object, real: object) -> object:
    """Put back what was masked and left so; everything else is as somebody wrote it."""
    if written == shown:
        return real
    if isinstance(written, dict) and isinstance(shown, dict) and isinstance(real, dict):
        names = {theirs: key for key, theirs in _names(real).items()}
        return {
            names.get(key, key): restored(each, shown=shown[key], real=real[names[key]])
            if key in shown
            else each
            for key, each in written.items()
        }
    if isinstance(written, list) and isinstance(shown, list) and isinstance(real, list):
        pairs = zip(written, shown, real, strict=False)
        known = [restored(each, shown=seen, real=was) for each, seen, was in pairs]
        return [*known, *written[len(known) :]]
    return written


def _names(given: Mapping[str, object]) -> dict[str, str]:
    """Return how each key is shown: some clients put an address where a name belongs."""
    return {
        key: f"{mask(key)} ({number})" if _ADDRESS.search(key) else key
        for number, key in enumerate(given, start=1)
    }


def _folded(key: object) -> str:
    return re.sub(r"[\W_]+", "", str(key)).casefold()
