"""Data for the tests of campaigns: people, a shop, a campaign, mails and what came back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import orjson
from django.contrib.auth.models import Group, User

from campaigns.delivery.base import Delivery, Envelope, Outcome
from campaigns.models import (
    Campaign,
    CampaignSlot,
    Conversion,
    Experiment,
    ExperimentArm,
    Send,
    SenderIdentity,
    Template,
    TrackingEvent,
)
from campaigns.rendering import publish as templates
from campaigns.sending import lifecycle, pipeline
from campaigns.sending.pipeline import ChunkResult
from consent import identify, identity, ledger
from consent.identify import Names
from consent.ledger import Statement
from consent.models import DataSubject
from personalization.content import blocks
from personalization.models import (
    ContentBlock,
    CustomerProfile,
    Event,
    EventItem,
    Product,
    RuleSet,
    Segment,
    Source,
)
from personalization.profiles.load import PERSONAL_PLACE
from personalization.rules import publish as rules
from personalization.segments import publish as segments

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
EVERYTHING = ("email_marketing", "email_tracking", "profiling")
SOURCE = "shop"
TEMPLATE = {
    "subject": "{{ customer.first_name | default: 'there' }}, your picks",
    "preheader": "Fresh on the shelf",
    "mjml": (
        "<mjml><mj-body><mj-section><mj-column>"
        "<mj-text>Hello {{ customer.first_name | default: 'there' }}</mj-text>"
        "<mj-text>{{ blocks.hero.html }}</mj-text>"
        '<mj-text>{{ sender.postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a>'
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    ),
    "text": (
        "Hello {{ customer.first_name | default: 'there' }}\n{{ blocks.hero.text }}\n"
        "{{ sender.postal_address }}\n{{ unsubscribe_url }}"
    ),
}


class MemoryBackend:
    """A provider that keeps the envelopes; `fails` names recipients it refuses for good."""

    def __init__(self, *, problem: str = "", fails: Sequence[str] = ()) -> None:
        self.outbox: list[Envelope] = []
        self.problem = problem
        self.fails = fails

    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        return [self._deliver(envelope) for envelope in envelopes]

    def _deliver(self, envelope: Envelope) -> Delivery:
        if envelope.recipient in self.fails:
            return Delivery(envelope.message_key, Outcome.FAILED, "550 refused")
        self.outbox.append(envelope)
        return Delivery(envelope.message_key, Outcome.SENT)

    def lookup(self, message_keys: Sequence[str]) -> Mapping[str, bool] | None:
        known = {envelope.message_key for envelope in self.outbox}
        return {key: key in known for key in message_keys}

    def is_up(self) -> str:
        return self.problem

    def close(self) -> None:
        self.outbox.clear()


def staff(role: str) -> User:
    """An account of a role; the fixture `roles` has to have made the groups."""
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def person(
    number: int = 1,
    *,
    first_name: str = "Anna",
    granted: Sequence[str] = EVERYTHING,
    at: datetime = NOON,
    country: str = "DE",
) -> DataSubject:
    """A customer with a number, an address and consents: `anna1@example.com`, `C1`."""
    [made] = _made([number], first_name=first_name, granted=granted, at=at, country=country)
    return made


def people(
    count: int, *, granted: Sequence[str] = EVERYTHING, at: datetime = NOON
) -> list[DataSubject]:
    return _made(range(1, count + 1), first_name="Anna", granted=granted, at=at, country="DE")


def _made(
    numbers: Iterable[int],
    *,
    first_name: str,
    granted: Sequence[str],
    at: datetime,
    country: str,
) -> list[DataSubject]:
    """Store customers in few statements, however many they are."""
    names = [
        Names(external_id=f"C{number}", email=f"{first_name.lower()}{number}@example.com")
        for number in numbers
    ]
    ids = [pk or 0 for pk in identify.resolve(names, source=SOURCE).subject_ids]
    found = DataSubject.objects.in_bulk(ids)
    subjects = [found[pk] for pk in ids]
    CustomerProfile.objects.bulk_create(
        CustomerProfile(
            subject=subject,
            personal=_sealed(subject, first_name=first_name),
            attributes={"country": country, "city": "Berlin"},
        )
        for subject in subjects
    )
    ledger.record_many(
        [
            Statement(
                subject_id=pk,
                purpose=purpose,
                action="granted",
                source="test",
                occurred_at=at - timedelta(days=1),
                is_own_choice=True,
            )
            for pk in ids
            for purpose in granted
        ]
    )
    return subjects


def _sealed(subject: DataSubject, *, first_name: str) -> bytes:
    owner = str(subject.pseudonym)
    key = identity.unwrap(bytes(subject.wrapped_key or b""), pseudonym=owner)
    plain = orjson.dumps({"first_name": first_name, "last_name": "Berg"})
    return identity.seal(plain, key=key, place=PERSONAL_PLACE, owner=owner)


def rename(subject: DataSubject, *, first_name: str) -> None:
    """Give a person another name, as an import would."""
    CustomerProfile.objects.filter(subject=subject).update(
        personal=_sealed(subject, first_name=first_name)
    )


def product(number: int = 1, *, name: str = "", category: str = "boots") -> Product:
    return Product.objects.create(
        product_id=f"P{number}",
        name=name or f"Product {number}",
        category=category,
        price=Decimal("19.90"),
        currency="USD",
        url=f"https://shop.example.com/{number}",
    )


def order(subject: DataSubject, *items: Product, at: datetime) -> Event:
    [made] = orders([(subject, at)], items=items)
    return made


def orders(
    told: Sequence[tuple[DataSubject, datetime]], *, items: Sequence[Product]
) -> list[Event]:
    """An order of these products for each person and time."""
    source, _ = Source.objects.get_or_create(slug=SOURCE, defaults={"name": "Shop"})
    made = Event.objects.bulk_create(
        Event(
            source=source,
            name="Order Completed",
            profile_id=subject.pk,
            origin_profile_id=subject.pk,
            occurred_at=at,
            received_at=at,
            amount=sum((item.price for item in items), Decimal()),
            currency="USD",
        )
        for subject, at in told
    )
    EventItem.objects.bulk_create(
        EventItem(
            event_id=event.pk,
            line=line,
            occurred_at=event.occurred_at,
            profile_id=event.profile_id,
            name=event.name,
            product_id=item.pk,
            quantity=1,
            price=item.price,
        )
        for event in made
        for line, item in enumerate(items)
    )
    return made


def follow_up(name: str, order: Event, *, amount: Decimal | None, at: datetime) -> Event:
    """What became of an order: a refund, a cancellation."""
    return Event.objects.create(
        source=order.source,
        name=name,
        profile_id=order.profile_id,
        origin_profile_id=order.profile_id,
        occurred_at=at,
        received_at=at,
        amount=amount,
        currency=order.currency,
        properties={"order_id": Event.objects.get(pk=order.pk).properties["order_id"]},
    )


def segment(slug: str = "readers", *, now: datetime = NOON) -> Segment:
    """Everybody: a condition over a field would leave out who refused its purpose."""
    made = Segment.objects.create(slug=slug, name="Newsletter readers")
    segments.publisher.publish(made, content={"tree": {"all": []}}, now=now)
    return Segment.objects.get(pk=made.pk)


def ruleset(slug: str = "hero", *, now: datetime = NOON) -> RuleSet:
    """Germans see the variant `german`, everybody else the fallback `general`."""
    block = ContentBlock.objects.create(slug=slug, name="Hero block")
    variants = [
        {"key": key, "name": name, "html": f"<p>{name}</p>", "text": name}
        for key, name in (("german", "Made in Germany"), ("general", "The season"))
    ]
    blocks.publisher.publish(block, content={"variants": variants, "fallback": "general"}, now=now)
    made = RuleSet.objects.create(slug=slug, name="Who sees which hero")
    rule = {
        "key": "german",
        "name": "Lives in Germany",
        "priority": 1,
        "condition": {"field": "attributes.country", "op": "eq", "value": "DE"},
        "outcome": {"block": slug, "variant": "german"},
    }
    content = {
        "hit_policy": "first",
        "rules": [rule],
        "fallback": {"block": slug, "variant": "general"},
    }
    rules.publisher.publish(made, content=content, now=now)
    return RuleSet.objects.get(pk=made.pk)


def campaign(name: str = "Spring", *, slug: str = "spring", now: datetime = NOON) -> Campaign:
    """A campaign that is ready to be launched, with the segment of `segment()`."""
    template = Template.objects.create(slug=slug, name=f"{name} template")
    templates.publisher.publish(template, content=dict(TEMPLATE), now=now)
    sender, _ = SenderIdentity.objects.get_or_create(
        name="Attune Market",
        defaults={"from_email": "news@example.com", "postal_address": "1 Orchard Lane"},
    )
    made = Campaign.objects.create(
        slug=slug,
        name=name,
        purpose_id="email_marketing",
        template=Template.objects.get(pk=template.pk),
        sender=sender,
    )
    readers = Segment.objects.filter(slug="readers").first() or segment(now=now)
    made.segments.add(readers)
    hero = RuleSet.objects.filter(slug="hero").first() or ruleset(now=now)
    CampaignSlot.objects.create(campaign=made, name="hero", ruleset=hero)
    return made


def experiment(of: Campaign, *, holdout_percent: int = 0) -> Experiment:
    made = Experiment.objects.create(
        campaign=of, name="Subject line", holdout_percent=holdout_percent, seed=f"{of.slug}-seed"
    )
    for key, name in (("a", "Your name"), ("b", "A product")):
        ExperimentArm.objects.create(experiment=made, key=key, name=name)
    return made


def launched(
    of: Campaign, *, now: datetime = NOON, backend: MemoryBackend | None = None
) -> ChunkResult:
    """Launch and send everything that is due through the real pipeline."""
    lifecycle.launch(of, now=now)
    result = pipeline.run_chunk(of, backend=backend or MemoryBackend(), now=now)
    lifecycle.finish(now=now)
    of.refresh_from_db()
    return result


def send(
    of: Campaign, subject: DataSubject, *, state: str = Send.State.SENT, **given: object
) -> Send:
    values: dict[str, object] = {"occurrence": "test", "state": state, "created_at": NOON}
    if state == Send.State.SENT:
        values |= {"handed_over_at": NOON, "sent_at": NOON}
    return Send.objects.create(**{"campaign": of, "subject": subject, **values, **given})


def tracked(
    mail: Send, kind: str = "opened", *, is_machine: bool = False, at: datetime = NOON
) -> TrackingEvent:
    return TrackingEvent.objects.create(
        campaign_id=mail.campaign_id, send=mail, kind=kind, is_machine=is_machine, occurred_at=at
    )


def converted(mail: Send, *, amount: str = "49.90", at: datetime = NOON) -> Conversion:
    return Conversion.objects.create(
        send=mail,
        campaign_id=mail.campaign_id,
        order_key=f"{mail.pk}:{Conversion.objects.count()}",
        occurred_at=at,
        amount=Decimal(amount),
    )
