"""The template editor: faults at their part with line and column, and the mail as it will look."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from campaigns.models import Template, TemplateVersion
from campaigns.rendering import publish
from personalization.content import blocks
from personalization.models import ContentBlock
from tests.campaigns.factories import NOON, TEMPLATE, campaign
from tests.personalization.factories import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


def a_template() -> Template:
    made = Template.objects.create(slug="spring", name="Spring")
    publish.publisher.publish(made, content=dict(TEMPLATE), now=NOON)
    return Template.objects.get(pk=made.pk)


def post(client: Client, template: Template, **changes: str) -> Any:
    url = reverse("admin:campaigns_template_change", args=[template.pk])
    seen = client.get(url).context["editor"].initial["seen"]
    data = {**TEMPLATE, "name": "Spring", "slug": "spring", "seen": seen, "_save": "1", **changes}
    return client.post(url, data)


def preview(client: Client, **parts: str) -> Any:
    url = reverse("admin:campaigns_template_preview")
    return client.post(url, {**TEMPLATE, **parts}, content_type="application/json").json()


def test_a_template_is_registered() -> None:
    admin.autodiscover()

    assert admin.site.is_registered(Template)


def test_saving_compiles_the_layout_into_a_draft() -> None:
    template = a_template()

    answer = post(client_of("marketer"), template, subject="New subject")

    draft = TemplateVersion.objects.get(of=template, number=2)
    assert answer.status_code == 302
    assert draft.content["subject"] == "New subject"
    assert "<html" in draft.content["html"]


def test_line_ends_of_a_browser_are_no_change() -> None:
    template = a_template()

    post(client_of("marketer"), template, text=TEMPLATE["text"].replace("\n", "\r\n"))

    assert TemplateVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("part", "source", "said"),
    [
        ("subject", "{{ customer.first_nam }}", "Line 1, column 4: unknown variable"),
        ("text", "Hello\n{% if %}", "Line 2"),
        ("mjml", "<mjml><mj-body><mj-foo/></mj-body></mjml>", "Line 1, column"),
    ],
)
def test_a_fault_stands_at_its_part_with_line_and_column(part: str, source: str, said: str) -> None:
    template = a_template()

    answer = post(client_of("marketer"), template, **{part: source})

    assert answer.status_code == 200
    assert said in str(answer.context["editor"].errors[part])
    assert TemplateVersion.objects.count() == 1


def test_the_preview_fills_a_slot_as_a_campaign_does_that_has_it() -> None:
    campaign()
    client = client_of("marketer")

    known = preview(client, reader="known")
    unknown = preview(client, reader="unknown")

    assert known["subject"] == "Anna, your picks"
    assert "<p>Made in Germany</p>" in known["html"]
    assert unknown["subject"] == "there, your picks"
    assert "<p>The season</p>" in unknown["html"]
    assert unknown["problems"] == []


def test_the_preview_follows_the_language_of_the_reader() -> None:
    campaign()
    block = ContentBlock.objects.get(slug="hero")
    assert block.live is not None
    variants = [
        {**each, "languages": [{"language": "pt-BR", "html": f"<p>Oi {each['key']}</p>",
                                "text": "Oi"}]}
        for each in block.live.content["variants"]
    ]  # fmt: skip
    content = {**block.live.content, "language": "en", "variants": variants}
    blocks.publisher.publish(block, content=content, now=NOON)
    client = client_of("marketer")
    subject = "{% if customer.language == 'pt' %}Oi{% else %}Hello{% endif %}"

    brazilian = preview(client, reader="known", language="pt-BR", subject=subject)
    english = preview(client, reader="known", language="en", subject=subject)
    page = client.get(reverse("admin:campaigns_template_change", args=[Template.objects.get().pk]))

    assert brazilian["subject"] == "Oi"
    assert "<p>Oi german</p>" in brazilian["html"]
    assert english["subject"] == "Hello"
    assert "<p>Made in Germany</p>" in english["html"]
    assert page.context["editor_config"]["languages"] == [
        ["en", "English"], ["pt-BR", "Portuguese (BR)"],
    ]  # fmt: skip


def test_the_preview_says_where_a_slot_will_be_when_nothing_fills_it_yet() -> None:
    shown = preview(client_of("marketer"))

    assert "Slot “hero”: a ruleset of the campaign fills it." in shown["html"]


def test_the_preview_names_part_line_and_column_of_a_fault() -> None:
    shown = preview(client_of("marketer"), text="x\n{{ nobody }}")

    assert shown["html"] == ""
    problem = shown["problems"][0]
    assert (problem["path"], problem["line"], problem["column"]) == ("text", 2, 4)


def test_who_may_not_see_templates_gets_no_preview(django_user_model: Any) -> None:
    client = Client()
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))

    answer = client.post(reverse("admin:campaigns_template_preview"), {})

    assert answer.status_code == 403
