"""One chunk: constant queries, the gate at the last moment, what fails fails alone."""

import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.delivery.base import Delivery, Envelope, get_backend
from campaigns.models import Campaign, Link, Send
from campaigns.sending import lifecycle, pipeline
from consent import ledger
from personalization.content import blocks
from personalization.models import ContentBlock, InboxEvent, Receipt
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import RunningCatcher
from tests.campaigns.factories import NOON, MemoryBackend
from tests.campaigns.sending_support import State, caught, erase, part, states

pytestmark = pytest.mark.django_db


def launched(people: int = 1) -> Campaign:
    make.people(people)
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)
    return campaign


def queries_for(people: int) -> int:
    campaign = launched(people)
    with CaptureQueriesContext(connection) as queries:
        result = pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)
    assert result.counts == {State.SENT: people}
    return len(queries)


@pytest.fixture(scope="module")
def few() -> dict[str, int]:
    """Remembers the count for ten between two tests, each with a database of its own."""
    return {}


@pytest.mark.parametrize("people", [10, 100])
def test_queries_grow_by_the_group_of_twenty_and_not_by_the_person(
    people: int, few: dict[str, int]
) -> None:
    groups = -(-people // 20)

    count = queries_for(people)

    # A group: begin, lock, store and mark the next group, note the event, commit.
    per_group = 5
    few.setdefault("base", count - per_group * groups)
    assert count - per_group * groups == few["base"]
    assert few["base"] <= 30


def test_consent_withdrawn_after_planning_is_skipped() -> None:
    campaign, backend = launched(2), MemoryBackend()
    refused = Send.objects.order_by("pk")[0]
    ledger.withdraw(refused.subject, purpose="email_marketing", source="test", at=NOON)

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    refused.refresh_from_db()
    assert (refused.state, refused.reason) == (State.SKIPPED, "no_consent")
    assert len(backend.outbox) == 1


def test_person_erased_after_planning_is_skipped_and_their_mail_never_rendered() -> None:
    campaign, backend = launched(2), MemoryBackend()
    gone = Send.objects.order_by("pk")[0]
    erase(gone.subject, at=NOON)

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    gone.refresh_from_db()
    assert (gone.state, gone.reason) == (State.SKIPPED, "erased")
    assert not Receipt.objects.filter(subject=gone.subject).exists()
    assert len(backend.outbox) == 1


def test_profile_gone_between_gate_and_loading_is_skipped_and_keeps_no_place() -> None:
    campaign, backend = launched(2), MemoryBackend()
    gone = Send.objects.order_by("pk")[0]
    gone.subject.profile.delete()

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    gone.refresh_from_db()
    assert (gone.state, gone.reason, gone.is_counted) == (State.SKIPPED, "erased", False)
    assert gone.subject.frequencycounter.count == 0


def fails_on(name: str) -> None:
    """A hero that divides by zero for one person: found only when it is rendered."""
    block = ContentBlock.objects.get(slug="hero")
    broken = (
        f"{{% if customer.first_name == '{name}' %}}{{{{ 1 | divided_by: customer.city.size "
        "| minus: 6 | divided_by: 0 }}{% endif %}ok"
    )
    variants = [
        {"key": key, "name": key, "html": broken, "text": "ok"} for key in ("german", "general")
    ]
    blocks.publisher.publish(block, content={"variants": variants, "fallback": "general"}, now=NOON)


def test_mail_that_cannot_be_rendered_fails_alone() -> None:
    make.person(1)
    make.person(2, first_name="Zero")
    make.person(3)
    campaign, backend = make.campaign(), MemoryBackend()
    fails_on("Zero")
    lifecycle.launch(campaign, now=NOON)

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    failed = Send.objects.get(state=State.FAILED)
    assert failed.reason == "not_rendered"
    assert "divi" in failed.detail
    assert "Zero" not in failed.detail
    assert {e.recipient for e in backend.outbox} == {"anna1@example.com", "anna3@example.com"}


def test_address_that_no_header_can_carry_fails_alone() -> None:
    make.person(1)
    make.person(2, first_name="günther")
    campaign, backend = make.campaign(), MemoryBackend()
    lifecycle.launch(campaign, now=NOON)

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    failed = Send.objects.get(state=State.FAILED)
    assert failed.reason == "bad_address"
    assert "günther" not in failed.detail
    assert [e.recipient for e in backend.outbox] == ["anna1@example.com"]


def test_paused_campaign_takes_no_chunk_although_the_worker_read_it_before() -> None:
    campaign, backend = launched(2), MemoryBackend()
    lifecycle.pause(Campaign.objects.get())

    result = pipeline.run_chunk(campaign, backend=backend, now=NOON)

    assert result.taken == 0
    assert states(campaign) == {State.PLANNED: 2}


def test_block_that_lost_its_live_version_stops_the_campaign_and_its_page_says_why() -> None:
    campaign = launched(2)
    ContentBlock.objects.update(live=None)

    result = pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    campaign.refresh_from_db()
    assert "hero" in campaign.problem == result.problem
    assert states(campaign) == {State.PLANNED: 2}
    assert set(Send.objects.values_list("attempts", flat=True)) == {0}


class Breaking(MemoryBackend):
    """A backend with a fault of its own, after some mails."""

    def __init__(self, error: BaseException, *, after: int) -> None:
        super().__init__()
        self.error = error
        self.after = after

    def deliver(self, envelopes: Sequence[Envelope]) -> list[Delivery]:
        if len(self.outbox) >= self.after:
            raise self.error
        return super().deliver(envelopes)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("secret@example.com")])
def test_whatever_breaks_a_chunk_what_was_not_begun_is_free_again(error: BaseException) -> None:
    campaign = launched(50)

    with pytest.raises(type(error)):
        pipeline.run_chunk(campaign, backend=Breaking(error, after=20), now=NOON)

    assert states(campaign) == {State.SENT: 20, State.UNKNOWN: 20, State.PLANNED: 10}
    assert InboxEvent.objects.count() == 20
    campaign.refresh_from_db()
    assert "secret" not in campaign.problem
    assert (type(error).__name__ in campaign.problem) == isinstance(error, RuntimeError)


def test_interrupted_chunk_can_go_on_at_once() -> None:
    campaign = launched(50)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run_chunk(campaign, backend=Breaking(KeyboardInterrupt(), after=20), now=NOON)

    result = pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON + timedelta(seconds=1))

    assert result.counts == {State.SENT: 10}


@pytest.mark.parametrize("size", [1, 7, 20, 21])
def test_chunks_of_any_size_send_everybody_once(size: int) -> None:
    campaign, backend = launched(22), MemoryBackend()

    while pipeline.run_chunk(campaign, backend=backend, now=NOON, size=size).taken:
        pass

    assert states(campaign) == {State.SENT: 22}
    assert len({envelope.message_key for envelope in backend.outbox}) == len(backend.outbox) == 22


def test_each_sent_mail_has_a_receipt_and_a_stored_target_for_each_link() -> None:
    make.product()
    campaign = launched(3)

    pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    keys = set(Send.objects.values_list("message_key", flat=True))
    assert set(Receipt.objects.values_list("message_key", flat=True)) == keys
    receipt = Receipt.objects.all()[0]
    assert receipt.decision["slots"]["hero"]["rule"] == "german"
    assert receipt.decision["template"] == {"template": campaign.template_id, "version": 1}


NAMES = {
    "none": "",
    "long": "X" * 300,
    "liquid": "{{7*7}}",
    "tag": "{% for i in (1..9) %}x{% endfor %}",
    "script": "<script>alert(1)</script>",
    "picture": "<img src=x onerror=alert(1)>",
    "lines": "Eve\r\nBcc: all@example.com\r\n\r\nbody",
    "quotes": '"Bobby" \'); DROP TABLE',
    "turkish": "Şükrü 東京 🎉",
}


def test_customers_of_any_name_get_their_mail_with_the_name_as_text(
    catcher: RunningCatcher,
) -> None:
    numbers = {
        number: make.person(number, first_name="anna") for number in range(1, len(NAMES) + 1)
    }
    for subject, name in zip(numbers.values(), NAMES.values(), strict=True):
        make.rename(subject, first_name=name)
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)

    pipeline.run_chunk(campaign, backend=get_backend(catcher.url), now=NOON)

    assert states(campaign) == {State.SENT: len(NAMES)}
    mails = caught(catcher)
    found = {name: mails[f"anna{number}@example.com"] for number, name in enumerate(NAMES, start=1)}
    for mail in found.values():
        assert mail["Bcc"] is None
        assert len(mail.get_all("To", [])) == len(mail.get_all("Subject", [])) == 1
        assert "<script>" not in part(mail, "html")
        assert "<img src=x" not in part(mail, "html")
        assert "49" not in part(mail, "plain").splitlines()[0]
    assert part(found["none"], "plain").startswith("Hello there\n")
    assert part(found["liquid"], "plain").startswith("Hello {{7*7}}\n")
    assert "{{7*7}}" in part(found["liquid"], "html")
    assert "{% for i in (1..9) %}" in part(found["tag"], "html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in part(found["script"], "html")
    assert found["script"]["Subject"] == "<script>alert(1)</script>, your picks"
    assert "X" * 300 in part(found["long"], "html")
    assert "X" * 300 in str(found["long"]["Subject"])
    assert found["lines"]["Subject"] == "Eve Bcc: all@example.com body, your picks"
    assert NAMES["turkish"] in part(found["turkish"], "plain")
    assert NAMES["turkish"] in str(found["turkish"]["Subject"])


def test_caught_mail_has_what_the_law_and_the_mailbox_providers_want(
    catcher: RunningCatcher,
) -> None:
    campaign = launched()

    pipeline.run_chunk(campaign, backend=get_backend(catcher.url), now=NOON)

    send = Send.objects.get()
    (mail,) = caught(catcher).values()
    url = re.fullmatch(r"<(http://127\.0\.0\.1:8000/u/[\w-]{40})>", mail["List-Unsubscribe"])
    assert url is not None
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == f"<{send.message_key}@example.com>"
    assert mail["X-Attune-Message-Key"] == str(send.message_key)
    for kind in ("plain", "html"):
        assert "1 Orchard Lane" in part(mail, kind)
        assert url[1] in part(mail, kind)
    assert mail.get_content_type() == "multipart/alternative"


def with_links() -> Campaign:
    """A campaign whose hero holds a link of its own."""
    campaign = make.campaign()
    link = '<a href="https://shop.example.com/new?size=42&utm_source=own#top">New</a>'
    text = "New: https://shop.example.com/new?size=42"
    variants = [
        {"key": key, "name": key, "html": link, "text": text} for key in ("german", "general")
    ]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="hero"),
        content={"variants": variants, "fallback": "general"},
        now=NOON,
    )
    lifecycle.launch(campaign, now=NOON)
    return campaign


def test_links_carry_the_campaigns_parameters_and_lead_through_us() -> None:
    make.person()
    campaign, backend = with_links(), MemoryBackend()

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    content = backend.outbox[0].content.decode()
    assert "shop.example.com" not in content
    assert set(Link.objects.values_list("url", flat=True)) == {
        "https://shop.example.com/new?size=42&utm_source=own&utm_medium=email&utm_campaign=spring#top",
        "https://shop.example.com/new?size=42&utm_source=attune&utm_medium=email&utm_campaign=spring",
    }


def test_who_refused_tracking_gets_no_pixel_and_links_that_all_such_readers_share() -> None:
    marketing_only = ("email_marketing", "profiling")
    make.person(1)
    make.person(2, granted=marketing_only)
    make.person(3, granted=marketing_only)
    campaign, backend = with_links(), MemoryBackend()

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    tracked, second, third = (
        next(e.content.decode() for e in backend.outbox if e.recipient == f"anna{n}@example.com")
        for n in (1, 2, 3)
    )
    assert "/o/" in tracked
    assert "/o/" not in second + third
    links = [set(re.findall(r"/c/[\w-]{40}", mail)) for mail in (tracked, second, third)]
    assert links[1] == links[2]
    assert links[0].isdisjoint(links[1])


def test_no_address_or_name_stands_in_any_link() -> None:
    make.person()
    campaign, backend = with_links(), MemoryBackend()

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    urls = re.findall(r'https?://[^\s">]+', backend.outbox[0].content.decode())
    assert urls
    for url in urls:
        assert re.fullmatch(r"http://127\.0\.0\.1:8000/[ocu]/[\w-]{40}(\.gif)?", url) or (
            "w3.org" in url or "fonts" in url
        )


def test_arm_once_given_stays_also_when_the_mail_is_tried_again() -> None:
    make.people(6)
    campaign = make.campaign()
    make.experiment(campaign)
    lifecycle.launch(campaign, now=NOON)
    Send.objects.update(arm="b", state=State.PLANNED)

    pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    assert set(Send.objects.values_list("arm", flat=True)) == {"b"}


def test_arm_that_was_deleted_meanwhile_is_dealt_anew() -> None:
    campaign = launched(2)
    make.experiment(campaign)
    Send.objects.update(arm="gone")

    pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    assert states(campaign) == {State.SENT: 2}
    assert set(Send.objects.values_list("arm", flat=True)) <= {"a", "b"}


def test_amount_of_data_of_a_person_does_not_change_the_number_of_queries() -> None:
    boots = [make.product(number) for number in range(1, 9)]
    subject = make.person()
    for day in range(1, 30):
        make.order(subject, *boots, at=NOON - timedelta(days=day))
    campaign = make.campaign()
    lifecycle.launch(campaign, now=NOON)

    with CaptureQueriesContext(connection) as queries:
        pipeline.run_chunk(campaign, backend=MemoryBackend(), now=NOON)

    assert Decimal("19.90") == boots[0].price
    assert len(queries) <= 37
