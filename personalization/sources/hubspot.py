"""HubSpot: contacts made, changed one property at a time, and erased."""

from collections.abc import Callable, Mapping

from consent.models import PrivacyRequest
from personalization.importing.values import CellError
from personalization.sources.delivered import Delivered
from personalization.sources.news import CustomerNews, News, Nothing, RequestNews, Stated, Who

WHY = "the contact's number at HubSpot finds them again"
# HubSpot's property to our column; `properties` in the mapping of the source adds to it.
_COLUMNS = {
    "email": "email",
    "firstname": "first_name",
    "lastname": "last_name",
    "phone": "phone",
    "mobilephone": "phone",
    "address": "street",
    "zip": "postal_code",
    "city": "city",
    "state": "region",
    "country": "country",
    "hs_language": "language",
}
_OPT_OUT = "hs_email_optout"


def read(given: Delivered) -> list[News]:
    """Return what one element of a notification says."""
    reader = _READERS.get(given.topic)
    if reader is None:
        return [Nothing(f"nothing is done with the topic {given.topic}")]
    return reader(given)


def _created(given: Delivered) -> list[News]:
    at = given.body.milliseconds("occurredAt", now=given.received_at)
    return [CustomerNews({"external_id": _contact(given)}, at)]


def _changed(given: Delivered) -> list[News]:
    body = given.body
    at = body.milliseconds("occurredAt", now=given.received_at)
    name = body.text("propertyName", limit=100)
    if not name:
        raise CellError("propertyName", "is missing: it says what changed")
    if name == _OPT_OUT:
        return _opted_out(given)
    column = _column(name, mapping=given.mapping)
    value = body.email("propertyValue") if column == "email" else body["propertyValue"].value
    return [CustomerNews({"external_id": _contact(given), column: value}, at, about=column)]


def _column(name: str, *, mapping: Mapping[str, object]) -> str:
    own = mapping.get("properties")
    chosen = own.get(name) if isinstance(own, dict) else None
    return str(chosen) if chosen else _COLUMNS.get(name, name)


def _opted_out(given: Delivered) -> list[News]:
    """Take an opt-out as a withdrawal; that somebody did not opt out is no consent."""
    if str(given.body["propertyValue"].value).lower() != "true":
        return [Nothing("that somebody has not opted out is no consent")]
    at = given.body.milliseconds("occurredAt", now=given.received_at)
    stated = (Stated("email_marketing", "withdrawn", at),)
    return [CustomerNews({"external_id": _contact(given)}, at, stated=stated, about=_OPT_OUT)]


def _deleted(given: Delivered) -> list[News]:
    return [
        Nothing(
            "a contact was deleted; erasure is asked for by HubSpot's own deletion for privacy "
            "(contact.privacyDeletion)"
        )
    ]


def _erasure(given: Delivered) -> list[News]:
    who = Who(external_id=_contact(given))
    return [RequestNews(kind=PrivacyRequest.Kind.ERASURE, reference=given.id, who=who)]


def _contact(given: Delivered) -> str:
    return given.body.needed_id("objectId", why=WHY)


_READERS: Mapping[str, Callable[[Delivered], list[News]]] = {
    "contact.creation": _created,
    "contact.propertyChange": _changed,
    "contact.deletion": _deleted,
    "contact.privacyDeletion": _erasure,
}
TOPICS = tuple(_READERS)
