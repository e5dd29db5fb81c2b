"""Minified HTML shows what it showed before, in fewer bytes and in lines a mail may hold."""

import re
from pathlib import Path

import mjml as library
import pytest

from personalization.content import mjml
from personalization.content.liquid import compile_template
from personalization.content.mjml_check import scan
from personalization.content.mjml_liquid import shield
from personalization.content.mjml_minify import minify

DEMO = Path(__file__).parents[2] / "campaigns" / "demo" / "templates" / "market.mjml"
PRODUCT = {"name": "Apples", "url": "https://a.example", "price": "1.99", "reason": "because"}


def before(source: str) -> str:
    """What the library makes of a template, Liquid put back, nothing else done."""
    shielded = shield(source)
    html = library.mjml2html(scan(shielded).rewritten(shielded.text), fonts={})
    return shielded.restore(html)


def meaning(html: str) -> str:
    """The HTML without what nobody sees: other comments, seams of conditions, blanks at tags."""
    html = re.sub(r"<!--(?!\[if|<!|>)[^{}]*?-->", "", html)
    html = re.sub(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>", "", html)
    return re.sub(r"\s*(<[^>]*>)\s*", r"\1", html)


def test_the_demo_template_means_the_same_and_is_smaller() -> None:
    source = DEMO.read_text()

    html, plain = mjml.to_html(source), before(source)

    assert meaning(html) == meaning(plain)
    assert len(html) < len(plain)
    assert "<!-- Greeting -->" in plain
    assert "<!-- Greeting -->" not in html


def test_code_for_outlook_stays() -> None:
    html = mjml.to_html(DEMO.read_text())

    assert "<!--[if !mso]><!-->" in html
    assert "<!--<![endif]-->" in html
    assert html.count("<!--[if") == html.count("<![endif]-->")


@pytest.mark.parametrize("count", [0, 1, 12])
def test_lines_stay_short_however_often_a_loop_runs(count: int) -> None:
    context = {"recommendations": [PRODUCT] * count, "traits": {"order_count": 3}}

    html = compile_template(mjml.to_html(DEMO.read_text()), kind="html").render(context)

    lines = html.split("\n")
    assert max(map(len, lines)) < 998
    assert len(lines) < 90 + 4 * count


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p><!-- note --><p>b</p>", "<p>a</p><p>b</p>"),
        ("<!-->x<!-- -->", "<!-->x"),
        ("<!--[if mso]>a<![endif]--><b>", "<!--[if mso]>a<![endif]--><b>"),
        ("<!--[if !mso]><!-->a<!--<![endif]-->", "<!--[if !mso]><!-->a<!--<![endif]-->"),
        (
            "<!--[if mso | IE]><td><![endif]-->\n<!--[if mso | IE]></td><![endif]-->",
            "<!--[if mso | IE]><td></td><![endif]-->",
        ),
        ("<style><!-- a { color: red; } --></style>", "<style><!-- a { color: red; } --></style>"),
        ("<!-- {{ a }} --><i>", "<!-- {{ a }} --><i>"),
        ("<!-- {% if a %} -->x<!-- {% endif %} -->", "<!-- {% if a %} -->x<!-- {% endif %} -->"),
    ],
)
def test_only_what_nobody_sees_is_taken_out(html: str, expected: str) -> None:
    shielded = shield(html)

    assert shielded.restore(minify(shielded.text, shielded)) == expected
