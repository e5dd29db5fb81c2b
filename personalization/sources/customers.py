"""Take in what a shop says of a customer: who it is, what is registered, what they allow."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from consent import ledger
from consent.models import Purpose
from personalization.importing import customer_rows, profile_store
from personalization.importing.customer_rows import Columns
from personalization.importing.profile_store import Change
from personalization.importing.rows import Row
from personalization.ingest import seen, tally
from personalization.models import Source
from personalization.sources import objects, people
from personalization.sources.news import CustomerNews, Stated, Who

OLDER = "an older state than the one taken already"
NOT_REGISTERED = "nothing in it is registered in the field catalogue"


def take(news: CustomerNews, *, source: Source, now: datetime) -> str:
    """Write a customer unless something newer is known; return why nothing was done, or ''.

    The shop's word on consent goes to the ledger as the shop's, never as the person's own choice.
    """
    name = str(news.values.get("external_id") or news.values.get("email") or "")
    known = objects.known(objects.CUSTOMER, f"{name} {news.about}".rstrip(), source=source)
    if known.is_newer_than(news.told_at):
        return OLDER
    columns = customer_rows.catalogue()
    row = Row(line=0, values=dict(news.values))
    customer = customer_rows.read(
        row, columns=columns, default_source=f"webhook:{source.slug}", now=now
    )
    _note_unregistered(news.values, columns=columns, source=source, now=now)
    says_something = customer.personal or customer.attributes or news.stated
    if news.is_part and not (says_something or customer.names.email):
        return NOT_REGISTERED
    who = Who(external_id=customer.names.external_id, email=customer.names.email)
    subject_id = people.made(who, source=source, now=now)
    change = Change(subject_id, personal=customer.personal, attributes=customer.attributes)
    profile_store.save([change], source=source.slug, now=now)
    state(news.stated, subject_id=subject_id, source=source)
    objects.remember(known, source=source, at=news.told_at, subject_id=subject_id)
    return ""


def state(stated: tuple[Stated, ...], *, subject_id: int, source: Source) -> None:
    """Write consents to the ledger; a purpose that nobody registered is left out."""
    purposes = set(Purpose.objects.values_list("code", flat=True)) if stated else set()
    statements = [
        ledger.Statement(
            subject_id=subject_id,
            purpose=each.purpose,
            action=each.action,
            source=f"webhook:{source.slug}",
            occurred_at=each.at,
        )
        for each in stated
        if each.purpose in purposes
    ]
    if statements:
        ledger.record_many(statements)


def _note_unregistered(
    values: Mapping[str, object], *, columns: Columns, source: Source, now: datetime
) -> None:
    """Show on the page of the source what it sends of a person, and what is not kept of it."""
    found = Counter(
        ("", name, tally.type_name(value), columns.knows(name) and name not in columns.sensitive)
        for name, value in values.items()
        if value not in ("", None, [])
    )
    seen.note(found, source_id=source.pk, now=now)
