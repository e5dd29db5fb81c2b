"""MJML with Liquid in it: what survives, and what is refused with line and column."""

import pytest

from personalization.content import mjml
from personalization.content.liquid import TemplateProblem, compile_template


def body(inner: str) -> str:
    return f"<mjml>\n<mj-body>\n{inner}\n</mj-body>\n</mjml>"


def column(inner: str) -> str:
    return body(f"<mj-section><mj-column>{inner}</mj-column></mj-section>")


def test_a_loop_around_sections_repeats_them() -> None:
    source = body(
        "{% for p in products %}<mj-section><mj-column><mj-text>{{ p.name }}</mj-text>"
        "</mj-column></mj-section>{% endfor %}"
    )

    html = compile_template(mjml.to_html(source), kind="html").render(
        {"products": [{"name": "Apples"}, {"name": "<Bread>"}]}
    )

    assert html.count('max-width:600px;"><table') == 2
    assert html.index("Apples") < html.index("&lt;Bread&gt;")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_tables_stay_balanced_whatever_a_loop_or_condition_does(count: int) -> None:
    source = body(
        "<mj-wrapper>{% for p in products %}<mj-section>{% if p.wide %}<mj-column><mj-text>w"
        '</mj-text></mj-column>{% else %}<mj-group>{% for c in p.cells %}<mj-column width="50%">'
        "{% if c %}<mj-text>{{ c }}</mj-text>{% endif %}</mj-column>{% endfor %}</mj-group>"
        "{% endif %}</mj-section>{% endfor %}</mj-wrapper>"
    )
    products = [{"wide": i == 1, "cells": ["x", ""]} for i in range(count)]

    html = compile_template(mjml.to_html(source), kind="html").render({"products": products})

    for tag in ("table", "tr", "td", "div"):
        assert html.count(f"<{tag}") == html.count(f"</{tag}>"), tag
    assert html.count("<!--[if mso | IE]>") == html.count("<![endif]-->") - _head_endings(html)


def _head_endings(html: str) -> int:
    head = html[: html.index("<body")]
    return head.count("<![endif]-->") - head.count("<!--[if mso | IE]>")


def test_liquid_with_quotes_and_comparisons_survives_unchanged() -> None:
    tags = ['{{ url | default: "https://a.example/?x=1&y=2" }}', "{% if a < 3 and b > '<' %}"]
    button = f'<mj-button href="{tags[0]}">go</mj-button>'
    source = column(f"{button}<mj-text>{tags[1]}few{{% endif %}}<br>x</mj-text>")

    html = mjml.to_html(source)

    assert f'href="{tags[0]}"' in html
    assert f"{tags[1]}few{{% endif %}}<br />x" in html


def test_a_block_slot_prints_markup_in_a_text() -> None:
    html = mjml.to_html(column("<mj-text>{{ blocks.hero.html }}</mj-text>"))

    assert "{{ blocks.hero.html }}</div>" in html


def test_no_foreign_server_is_asked_for_fonts() -> None:
    source = column('<mj-text font-family="Roboto, Open Sans, Ubuntu">x</mj-text>')

    assert "googleapis" not in mjml.to_html(source)


def test_compiled_lines_are_short_enough_for_mail() -> None:
    source = body("<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>" * 20)

    assert max(len(line) for line in mjml.to_html(source).split("\n")) < 998


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (
            "<mj-sectoin/>",
            "line 3, column 1: unknown element `mj-sectoin`; did you mean `mj-section`?",
        ),
        (
            "<mj-section>\n  <mj-text>x</mj-text></mj-section>",
            "line 4, column 3: `<mj-text>` cannot stand in `<mj-section>`",
        ),
        ("hello", "line 3, column 1: text cannot stand directly in `<mj-body>`"),
        ("<mj-section>", "line 3, column 1: `<mj-section>` is never closed"),
        ("</mj-section>", "line 3, column 1: `</mj-section>` closes nothing"),
        (
            "<mj-section>{{ x }}</mj-section>",
            "line 3, column 13: put `{{ x }}` into an `<mj-text>`",
        ),
        (
            "{% for p in r %}<mj-section>{% endfor %}</mj-section>",
            "line 3, column 29: `endfor` has to begin and end inside the same element",
        ),
        ("{% if a %}\n{{ b | }}{% endif %}", "line 4, column 4"),
        ("<mj-include path='/etc/passwd' />", "unknown element `mj-include`"),
    ],
)
def test_wrong_structure_is_refused_with_its_place(inner: str, expected: str) -> None:
    assert expected in "\n".join(map(str, mjml.check(body(inner))))


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<mj-text>a < b</mj-text>", "column 35: no complete element begins here"),
        ("<mj-text><p>a</mj-text>", "column 33: `<p>` is never closed"),
        ("<mj-text><a href=x>y</a></mj-text>", "column 33: put the attribute values of `<a>`"),
        ("<mj-text><a {% if x %}href='y'{% endif %}>z</a></mj-text>", "Liquid can stand in quotes"),
        ("<mj-text><script>x</script></mj-text>", "`<script>` is not possible in a mail"),
        ('<mj-spacer height="{{ x }}" foo="{{ y }}" />', "`{{ y }}` cannot stand here"),
        ('<mj-social><mj-social-element name="x"/></mj-social>', "has no own image"),
    ],
)
def test_wrong_content_is_refused_with_its_place(inner: str, expected: str) -> None:
    assert expected in "\n".join(map(str, mjml.check(column(inner))))


@pytest.mark.parametrize("source", ["", "<mjml></mjml>", "<mjml><mj-head></mj-head></mjml>"])
def test_a_template_without_body_is_refused(source: str) -> None:
    assert "no `<mj-body>`" in str(mjml.check(source)[0])


def test_a_style_may_hold_child_selectors() -> None:
    source = (
        "<mjml><mj-head><mj-style>a > b { color: red }</mj-style></mj-head>"
        "<mj-body><mj-section><mj-column></mj-column></mj-section></mj-body></mjml>"
    )

    assert mjml.check(source) == []


def test_markup_in_a_style_is_refused_with_its_place() -> None:
    source = (
        "<mjml><mj-head><mj-style>\n/* <p> */</mj-style></mj-head>"
        "<mj-body><mj-section><mj-column></mj-column></mj-section></mj-body></mjml>"
    )

    assert [str(problem) for problem in mjml.check(source)] == [
        "line 2, column 4: `<` is not possible in a style, not even in a comment"
    ]


def test_to_html_raises_what_check_reports() -> None:
    with pytest.raises(TemplateProblem, match="unknown element `mj-foo`"):
        mjml.to_html(body("<mj-foo/>"))
