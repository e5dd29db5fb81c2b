"""Show an event without what names a person, and take back what somebody left masked."""

import re
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
    )
)
# What is sold has a name as well, and names nobody.
_GOODS: Final = frozenset(("products", "items", "product", "campaign", "library", "page"))
_ADDRESS: Final = re.compile(r"[^\s@/?&=]+(@|%40)[^\s@/?&=]+\.[^\s@]+")


def masked(value: object, *, is_personal: bool = False, is_goods: bool = False) -> object:
    """Return the same shape; of what may name a person, the first letter only."""
    if isinstance(value, dict):
        return {
            key: masked(
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
        return {
            key: restored(each, shown=shown[key], real=real[key]) if key in shown else each
            for key, each in written.items()
        }
    if isinstance(written, list) and isinstance(shown, list) and isinstance(real, list):
        pairs = zip(written, shown, real, strict=False)
        known = [restored(each, shown=seen, real=was) for each, seen, was in pairs]
        return [*known, *written[len(known) :]]
    return written


def _folded(key: object) -> str:
    return re.sub(r"[\W_]+", "", str(key)).casefold()
