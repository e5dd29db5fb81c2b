"""Writing one mail: the arm's subject, links, what the template shows, the same bytes again."""

import re

import pytest

from campaigns.models import Campaign, ExperimentArm, Link, Send
from campaigns.rendering import publish as templates
from campaigns.sending import compose, lifecycle, pipeline
from campaigns.sending.compose import CampaignIncomplete
from personalization.content import blocks
from personalization.models import ContentBlock
from tests.campaigns import factories as make
from tests.campaigns.factories import NOON, TEMPLATE, MemoryBackend
from tests.campaigns.sending_support import State

pytestmark = pytest.mark.django_db


def hero(html: str, *, text: str = "text") -> None:
    """Put this into both variants of the hero."""
    variants = [
        {"key": key, "name": key, "html": html, "text": text} for key in ("german", "general")
    ]
    blocks.publisher.publish(
        ContentBlock.objects.get(slug="hero"),
        content={"variants": variants, "fallback": "general"},
        now=NOON,
    )


def mails_of(campaign: Campaign) -> dict[str, str]:
    backend = MemoryBackend()
    lifecycle.launch(campaign, now=NOON)
    pipeline.run_chunk(campaign, backend=backend, now=NOON)
    return {e.recipient: e.content.decode().replace("\r\n ", "") for e in backend.outbox}


def test_each_reader_gets_the_subject_of_the_own_arm() -> None:
    make.people(12)
    campaign = make.campaign()
    make.experiment(campaign)
    ExperimentArm.objects.filter(key="b").update(subject="B for {{ customer.first_name }}")

    mails = mails_of(campaign)

    arms = dict(Send.objects.values_list("message_key", "arm"))
    assert set(arms.values()) == {"a", "b"}
    for key, arm in arms.items():
        mail = next(mail for mail in mails.values() if str(key) in mail)
        expected = {"a": "Subject: Anna, your picks", "b": "Subject: B for Anna"}
        assert expected[arm] in mail


def test_campaign_without_a_test_has_no_arm() -> None:
    make.person()

    mails_of(make.campaign())

    assert Send.objects.get().arm == ""


def test_same_send_tried_again_has_the_same_bytes() -> None:
    make.person()
    campaign = make.campaign()

    first = mails_of(campaign)
    Send.objects.update(state=State.PLANNED)
    second = mails_of(campaign)

    assert first == second


def test_link_longer_than_we_can_store_stays_as_it_is_written() -> None:
    make.person()
    campaign = make.campaign()
    long = "https://shop.example.com/?q=" + "x" * 1990
    hero(f'<a href="{long}">Go</a><a href="https://shop.example.com/short">Go</a>')

    (mail,) = mails_of(campaign).values()

    assert long in mail.replace("=\r\n", "").replace("=3D", "=")
    assert [link.url.partition("?")[0] for link in Link.objects.all()] == [
        "https://shop.example.com/short"
    ]


def test_one_target_in_html_and_text_is_one_link_and_asked_for_once() -> None:
    make.people(3)
    campaign = make.campaign()
    url = "https://shop.example.com/new"
    hero(f'<a href="{url}">A</a> <a href="{url}">B</a>', text=f"{url} and {url}.")

    mails = mails_of(campaign)

    assert Link.objects.count() == 1
    for mail in mails.values():
        assert len(set(re.findall(r"/c/[\w-]{40}", mail))) == 1


def test_other_links_than_web_links_and_the_unsubscribe_link_are_not_tracked() -> None:
    make.person()
    campaign = make.campaign()
    hero('<a href="mailto:shop@example.com">Write</a><a href="tel:+49301">Call</a>')

    (mail,) = mails_of(campaign).values()

    assert "mailto:shop@example.com" in mail
    assert "tel:+49301" in mail
    assert "/c/" not in mail


def test_slot_that_the_template_shows_only_in_its_text_is_noticed_too() -> None:
    campaign = make.campaign()
    content = {**TEMPLATE, "text": TEMPLATE["text"] + "{{ blocks.footer.text }}"}
    assert campaign.template is not None
    templates.publisher.publish(campaign.template, content=content, now=NOON)
    campaign.template.refresh_from_db()
    campaign.template_version = campaign.template.live

    assert compose.unfilled_slots(compose.kit(campaign, now=NOON)) == ["footer"]


def test_campaign_that_was_never_launched_has_no_kit() -> None:
    with pytest.raises(CampaignIncomplete, match="template"):
        compose.kit(make.campaign(), now=NOON)


def test_envelope_carries_the_permission_of_its_own_reader() -> None:
    make.people(3)
    campaign, backend = make.campaign(), MemoryBackend()
    lifecycle.launch(campaign, now=NOON)

    pipeline.run_chunk(campaign, backend=backend, now=NOON)

    for envelope in backend.outbox:
        assert envelope.permission.subject_id == envelope.subject_id
        assert envelope.permission.purpose == "email_marketing"
        assert envelope.permission.at == NOON
