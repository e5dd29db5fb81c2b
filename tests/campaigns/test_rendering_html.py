"""A whole email from its template, for readers known, unknown and hostile."""

import re
from html.parser import HTMLParser

import pytest

from campaigns.rendering import html
from campaigns.rendering.html import Rendered
from campaigns.rendering.variables import VARIABLES
from tests.campaigns.rendering_samples import STRANGER, UNSUBSCRIBE_URL, demo_content, reader

HOSTILE = '"><script>alert(1)</script>{{7*7}}\r\nBcc: evil@example.com'


def rendered(**changes: object) -> Rendered:
    compiled = html.compile_email(html.prepare(demo_content()))
    return html.render(compiled, reader(**changes))


def problems(**parts: str) -> list[str]:
    return [str(problem) for problem in html.check({**demo_content(), **parts}, allowed=VARIABLES)]


class _Balance(HTMLParser):
    """Does every element close, as a mail program would see it?"""

    void = frozenset({"meta", "br", "img", "hr", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("subject", ["subject_a", "subject_b"])
def test_the_demo_templates_have_no_problem(subject: str) -> None:
    assert html.check(demo_content(subject=subject), allowed=VARIABLES) == []


@pytest.mark.parametrize("changes", [{}, STRANGER, {"traits": {"order_count": 1}}])
def test_the_demo_mail_is_balanced_html_with_no_token_left(changes: dict[str, object]) -> None:
    mail = rendered(**changes)

    balance = _Balance()
    balance.feed(mail.html)

    assert balance.open == []
    for part in (mail.subject, mail.html, mail.text):
        assert "{{" not in part
        assert "{%" not in part
        assert "ꀀ" not in part


def test_the_demo_mail_names_the_reader_the_products_and_the_reasons() -> None:
    mail = rendered()

    assert mail.subject == "Ana, your picks are ready"
    assert len(mail.html) >= 12_000
    for text in ("Hello Ana", "Dayton", "Apples", "$3.49", "Because you bought Bananas", "23"):
        assert text in mail.html
    assert "<p>Fruit &amp; more: <a href=" in mail.html
    assert "Fruit & more" in mail.text
    assert "https://shop.example.com/p/3?a=1&b=2\n" in mail.text


def test_the_other_subject_names_a_product() -> None:
    compiled = html.compile_email(html.prepare(demo_content(subject="subject_b")))

    assert html.render(compiled, reader()).subject == "Fresh on the shelf: Apples"
    assert html.render(compiled, reader(**STRANGER)).subject == "Fresh on the shelf this week"


def test_a_stranger_gets_a_whole_mail_without_gaps() -> None:
    mail = rendered(**STRANGER)

    assert mail.subject == "Your picks are ready"
    assert "Hello there" in mail.html
    assert "Hello there,\n\nwe looked" in mail.text
    for absent in ("Chosen for you", "Thank you for shopping", " in </", "beginning with"):
        assert absent not in mail.html


def test_footer_and_way_out_are_in_both_parts() -> None:
    mail = rendered(**STRANGER)

    assert UNSUBSCRIBE_URL in mail.text
    assert f'href="{UNSUBSCRIBE_URL.replace("&", "&amp;")}"' in mail.html
    assert "12 Orchard Lane" in mail.text
    assert "12 Orchard Lane" in mail.html


def test_a_hostile_name_is_literal_everywhere_and_adds_no_line_to_the_subject() -> None:
    mail = rendered(customer={"first_name": HOSTILE})

    assert "<script" not in mail.html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in mail.html
    assert "{{7*7}}" in mail.text
    assert (
        mail.subject
        == '"><script>alert(1)</script>{{7*7}} Bcc: evil@example.com, your picks are ready'
    )


def test_a_300_character_name_is_rendered() -> None:
    name = "Maximiliane " * 25

    assert name.strip() in rendered(customer={"first_name": name}).html


def test_the_preheader_is_hidden_before_everything_else_and_escaped() -> None:
    products = [{"name": "Figs <b>"}, {"name": "Nuts"}]

    mail = rendered(recommendations=products)

    body = mail.html[mail.html.index("<body") :]
    assert re.match(r'<body[^>]*>\s*<div style="display:none;[^>]*>Figs &lt;b&gt;, Nuts and', body)


def test_no_line_of_the_demo_mail_is_too_long_for_8bit_transport() -> None:
    assert max(len(line.encode()) for line in rendered().html.split("\n")) <= 998


def test_the_same_values_give_the_same_bytes() -> None:
    assert rendered() == rendered()


@pytest.mark.parametrize("name", ["unsubscribe_url", "sender.postal_address"])
@pytest.mark.parametrize("part", ["mjml", "text"])
def test_a_template_without_its_footer_is_refused(part: str, name: str) -> None:
    source = demo_content()[part].replace("{{ " + name + " }}", "")

    assert [f"the footer lacks `{{{{ {name} }}}}`" in p for p in problems(**{part: source})] == [
        True
    ]


@pytest.mark.parametrize(
    "instead",
    ["{% if customer.city %}{{ unsubscribe_url }}{% endif %}", "<!-- {{ unsubscribe_url }} -->"],
)
def test_a_footer_that_may_stay_unseen_is_refused(instead: str) -> None:
    footer = '<a href="{{ unsubscribe_url }}" style="color:#17643a;text-decoration:underline;">'
    source = demo_content()["mjml"].replace(footer, f"{instead}<a>")

    assert ["the footer lacks" in problem for problem in problems(mjml=source)] == [True]


@pytest.mark.parametrize(
    ("part", "source", "expected"),
    [
        ("subject", "Hi {{ customer.fist_name }}", "subject, line 1, column 7: unknown variable"),
        ("subject", "  ", "subject, line 1, column 1: this part is empty"),
        ("preheader", "{{ x | }}", "preheader, line 1, column 4"),
        ("text", "a\n{{ secret }}", "text, line 2, column 4: unknown variable `secret`"),
        ("mjml", "<mjml>\n<mj-bdy></mj-bdy></mjml>", "mjml, line 2, column 1: unknown element"),
    ],
)
def test_a_problem_names_its_part_line_and_column(part: str, source: str, expected: str) -> None:
    assert expected in "\n".join(problems(**{part: source}))
