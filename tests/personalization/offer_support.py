"""What tests of offers share: an offer with codes, mails that ask for it."""

import uuid
from collections.abc import Iterable

from consent.models import DataSubject
from personalization.models import Offer, OfferGrant, OfferTally
from personalization.offers import codes
from personalization.offers.reserve import Ask
from tests.consent.people import NOON


def offer(slug: str = "spring", *, with_codes: Iterable[str] = (), **given: object) -> Offer:
    values: dict[str, object] = {"name": f"Offer {slug}", "value": 10, **given}
    made = Offer.objects.create(slug=slug, **values)
    if made.kind == Offer.Kind.POOL:
        codes.add(made, with_codes, now=NOON)
    return Offer.objects.get(pk=made.pk)


def ask(subject: DataSubject, *, of: Offer, key: str = "") -> Ask:
    return Ask(key or str(uuid.uuid4()), subject.pk, of.pk)


def given(of: Offer) -> int:
    """How often an offer was given, by its tally, which has to agree with its grants."""
    tally = OfferTally.objects.filter(offer=of).values_list("given", flat=True).first() or 0
    assert tally == OfferGrant.objects.filter(offer=of).count()
    return tally
