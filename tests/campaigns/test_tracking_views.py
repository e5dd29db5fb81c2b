"""Links of really caught mails: what they count, what they refuse, what they never reveal."""

import re
from datetime import timedelta
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.delivery.base import get_backend
from campaigns.models import Campaign, Link, Send, TrackingEvent
from campaigns.sending import lifecycle, pipeline
from campaigns.tracking import urls
from campaigns.tracking.tokens import sign
from campaigns.views.tracking import PIXEL
from consent import gate, ledger, merging
from consent.models import ConsentRecord, DataSubject
from personalization.content import blocks
from personalization.models import ContentBlock, InboxEvent
from tests.campaigns import factories as make
from tests.campaigns.delivery_support import RunningCatcher
from tests.campaigns.factories import MemoryBackend
from tests.campaigns.sending_support import State, caught, part

pytestmark = pytest.mark.django_db
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
TARGET = "https://shop.example.com/new"
Mails = dict[str, EmailMessage]


@pytest.fixture
def mails(catcher: RunningCatcher) -> Mails:
    """Three caught mails, sent ten minutes ago; the third reader refused tracking."""
    now = timezone.now() - timedelta(minutes=10)
    make.people(2, at=now)
    make.person(3, granted=("email_marketing", "profiling"), at=now)
    campaign = make.campaign(now=now)
    html, text = f'<a href="{TARGET}">New</a>', f"New: {TARGET}"
    variants = [
        {"key": key, "name": key, "html": html, "text": text} for key in ("german", "general")
    ]
    content = {"variants": variants, "fallback": "general"}
    blocks.publisher.publish(ContentBlock.objects.get(slug="hero"), content=content, now=now)
    lifecycle.launch(campaign, now=now)
    pipeline.run_chunk(campaign, backend=get_backend(catcher.url), now=now)
    InboxEvent.objects.all().delete()
    return caught(catcher)


def reader(mails: Mails, number: int = 1) -> EmailMessage:
    return mails[f"anna{number}@example.com"]


def pixel(mail: EmailMessage) -> str:
    found = re.search(r'src="([^"]*/o/[^"]+)"', part(mail, "html"))
    assert found is not None
    return urlsplit(found[1]).path


def click(mail: EmailMessage, *, kind: str = "html") -> str:
    found = re.search(r"https?://[^\s\"]*(/c/[\w-]+)", part(mail, kind))
    assert found is not None
    return found[1]


def unsubscribe(mail: EmailMessage) -> str:
    return urlsplit(str(mail["List-Unsubscribe"]).strip("<>")).path


def subject_of(mail: EmailMessage) -> DataSubject:
    return Send.objects.get(message_key=mail["X-Attune-Message-Key"]).subject


def may_send(subject: DataSubject) -> bool:
    return gate.ask(subject, purpose="email_marketing", at=timezone.now()).may_send


def kinds() -> list[tuple[str, bool]]:
    return list(TrackingEvent.objects.order_by("pk").values_list("kind", "is_machine"))


def test_open_of_a_caught_mail_is_counted_for_its_send_and_as_behaviour(
    client: Client, mails: Mails
) -> None:
    answer = client.get(pixel(reader(mails)), headers={"user-agent": BROWSER})

    event = TrackingEvent.objects.get()
    assert (answer.status_code, answer.content) == (200, PIXEL)
    assert answer["Content-Type"] == "image/gif"
    assert "no-store" in answer["Cache-Control"]
    assert (event.kind, event.is_machine) == ("opened", False)
    assert event.send == Send.objects.get(message_key=reader(mails)["X-Attune-Message-Key"])
    assert InboxEvent.objects.count() == 1


@pytest.mark.parametrize("kind", ["html", "plain"])
def test_click_leads_to_the_target_and_is_counted(client: Client, mails: Mails, kind: str) -> None:
    answer = client.get(click(reader(mails), kind=kind), headers={"user-agent": BROWSER})

    event = TrackingEvent.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == Link.objects.get().url
    assert answer["Location"].startswith(TARGET)
    assert answer["Referrer-Policy"] == "no-referrer"
    assert (event.kind, event.is_machine, event.link) == ("clicked", False, Link.objects.get())


def test_click_of_who_refused_tracking_counts_for_the_campaign_only(
    client: Client, mails: Mails
) -> None:
    answer = client.get(click(reader(mails, 3)), headers={"user-agent": BROWSER})

    event = TrackingEvent.objects.get()
    assert answer.status_code == 302
    assert (event.send, event.campaign) == (None, Campaign.objects.get())
    assert not InboxEvent.objects.exists()


def test_click_on_a_link_of_our_own_making_that_is_not_stored_is_404(
    client: Client, mails: Mails
) -> None:
    unknown = sign("click", Send.objects.all()[0].pk, 12345, key=urls.token_key())

    assert client.get(f"/c/{unknown}").status_code == 404
    assert kinds() == []


@pytest.mark.parametrize("extra", ["?url=https://evil.example", "?next=//evil.example", "/"])
def test_nothing_in_the_address_changes_where_a_click_leads(
    client: Client, mails: Mails, extra: str
) -> None:
    answer = client.get(click(reader(mails)) + extra)

    assert answer.status_code == 404 or answer["Location"] == Link.objects.get().url


def test_forged_or_shortened_tokens_are_refused_everywhere(client: Client, mails: Mails) -> None:
    good = click(reader(mails))
    forged = [
        good[:-1],
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        good + "A",
        "/c/%00",
        "/c/x",
    ]

    assert [client.get(path).status_code for path in forged] == [404] * len(forged)
    assert client.post("/u/forged").status_code == 404
    assert client.get("/o/forged.gif").content == PIXEL
    assert kinds() == []


def test_token_of_one_purpose_does_nothing_at_the_address_of_another(
    client: Client, mails: Mails
) -> None:
    mail = reader(mails)
    tokens = {
        "o": pixel(mail).removeprefix("/o/").removesuffix(".gif"),
        "c": click(mail).removeprefix("/c/"),
        "u": unsubscribe(mail).removeprefix("/u/"),
    }

    for at, path in (("o", "/o/{}.gif"), ("c", "/c/{}"), ("u", "/u/{}")):
        for kind, token in tokens.items():
            if kind != at:
                client.post(path.format(token))
                client.get(path.format(token))

    assert kinds() == []
    assert may_send(subject_of(mail))


def test_looking_at_the_unsubscribe_page_changes_nothing(client: Client, mails: Mails) -> None:
    before = ConsentRecord.objects.count()

    for ask in (client.get, client.head):
        assert ask(unsubscribe(reader(mails))).status_code == 200

    assert ConsentRecord.objects.count() == before
    assert kinds() == []
    assert may_send(subject_of(reader(mails)))


def test_one_click_unsubscribe_acts_without_cookies_at_once_and_once(mails: Mails) -> None:
    mailbox_provider = Client(enforce_csrf_checks=True)
    path = unsubscribe(reader(mails))
    body = "List-Unsubscribe=One-Click"

    answers = [
        mailbox_provider.post(path, body, content_type="application/x-www-form-urlencoded")
        for _ in range(3)
    ]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert not answers[0].cookies
    assert not may_send(subject_of(reader(mails)))
    assert kinds() == [("unsubscribed", False)]
    objections = ConsentRecord.objects.filter(action=ConsentRecord.Action.OBJECTED)
    assert objections.count() == 1


@pytest.mark.parametrize("body", ["", "email=anna2@example.com", "next=//evil.example&send=2"])
def test_unsubscribing_one_person_never_touches_another_whatever_the_form_says(
    client: Client, mails: Mails, body: str
) -> None:
    answer = client.post(
        unsubscribe(reader(mails, 1)), body, content_type="application/x-www-form-urlencoded"
    )

    assert answer.status_code == 200
    assert not may_send(subject_of(reader(mails, 1)))
    assert may_send(subject_of(reader(mails, 2)))
    assert may_send(subject_of(reader(mails, 3)))


def test_mails_after_the_unsubscribe_are_skipped(client: Client, mails: Mails) -> None:
    client.post(unsubscribe(reader(mails, 1)))
    again, backend = make.campaign("Again", slug="again"), MemoryBackend()
    lifecycle.launch(again, now=timezone.now())

    pipeline.run_chunk(again, backend=backend, now=timezone.now())

    skipped = Send.objects.get(campaign=again, state=State.SKIPPED)
    assert skipped.subject == subject_of(reader(mails, 1))
    assert {e.recipient for e in backend.outbox} == {"anna2@example.com", "anna3@example.com"}


def test_import_that_comes_later_does_not_subscribe_again(client: Client, mails: Mails) -> None:
    subject = subject_of(reader(mails))
    subject.states.filter(purpose="email_marketing").delete()
    client.post(unsubscribe(reader(mails)))
    statement = ledger.Statement(
        subject_id=subject.pk,
        purpose="email_marketing",
        action=ConsentRecord.Action.GRANTED,
        source="import",
        occurred_at=timezone.now() + timedelta(hours=1),
    )

    ledger.record_many([statement])

    assert not may_send(subject)


def test_unsubscribe_of_a_merged_person_holds_for_whom_they_became(
    client: Client, mails: Mails
) -> None:
    first, second, third = (subject_of(reader(mails, n)) for n in (1, 2, 3))
    merging.join(second, first, reason="decided", source="", actor=None, now=timezone.now())
    merging.join(third, second, reason="decided", source="", actor=None, now=timezone.now())

    client.post(unsubscribe(reader(mails, 1)))

    assert not may_send(third)


def test_tracking_taken_back_silences_pixels_and_links_of_mails_sent_before(
    client: Client, mails: Mails
) -> None:
    subject = subject_of(reader(mails))
    ledger.withdraw(subject, purpose="email_tracking", source="test", at=timezone.now())

    opened = client.get(pixel(reader(mails)), headers={"user-agent": BROWSER})
    clicked = client.get(click(reader(mails)), headers={"user-agent": BROWSER})

    assert opened.content == PIXEL
    assert clicked.status_code == 302
    assert TrackingEvent.objects.get().send is None
    assert not InboxEvent.objects.exists()


@pytest.mark.parametrize(
    "agent", ["", "Mozilla/5.0", "GoogleImageProxy", "Barracuda Sentinel", "curl/8", "Slackbot 1.0"]
)
def test_scanners_and_proxies_are_counted_apart(client: Client, mails: Mails, agent: str) -> None:
    client.get(pixel(reader(mails)), headers={"user-agent": agent})
    client.get(click(reader(mails)), headers={"user-agent": agent})

    assert kinds() == [("opened", True), ("clicked", True)]


def test_head_request_is_a_machine(client: Client, mails: Mails) -> None:
    client.head(click(reader(mails)), headers={"user-agent": BROWSER})

    assert kinds() == [("clicked", True)]


def test_who_clicks_before_anybody_could_read_is_a_machine(client: Client, mails: Mails) -> None:
    Send.objects.update(sent_at=timezone.now())

    client.get(click(reader(mails)), headers={"user-agent": BROWSER})

    assert kinds() == [("clicked", True)]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_only_safe_requests_reach_pixel_and_link(client: Client, mails: Mails, method: str) -> None:
    for path in (pixel(reader(mails)), click(reader(mails))):
        assert getattr(client, method)(path).status_code == 405
    assert kinds() == []


def test_pages_show_no_personal_data_and_are_kept_from_caches_and_referrers(
    client: Client, mails: Mails
) -> None:
    path = unsubscribe(reader(mails))

    for answer in (client.get(path), client.post(path), client.get("/u/invalid")):
        page = answer.content.decode()
        assert "anna" not in page.lower()
        assert "no-store" in answer["Cache-Control"]
        assert '<meta name="referrer" content="no-referrer">' in page


def test_address_of_the_request_does_not_change_links_in_mails(
    client: Client, mails: Mails
) -> None:
    answer = client.get(unsubscribe(reader(mails)), headers={"x-forwarded-host": "evil.example"})

    assert "evil.example" not in answer.content.decode()
    assert urls.addresses().unsubscribe(1).startswith("http://127.0.0.1:8000/u/")


def test_mail_of_an_erased_person_counts_nothing_any_more(client: Client, mails: Mails) -> None:
    subject = subject_of(reader(mails))
    DataSubject.objects.filter(pk=subject.pk).update(
        erased_at=timezone.now(), wrapped_key=None, email_index=None
    )
    before = ConsentRecord.objects.count()

    client.get(pixel(reader(mails)), headers={"user-agent": BROWSER})
    answer = client.post(unsubscribe(reader(mails)))

    assert answer.status_code == 200
    assert kinds() == []
    assert ConsentRecord.objects.count() == before
