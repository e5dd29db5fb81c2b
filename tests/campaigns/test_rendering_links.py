"""Links of a mail go through us once, and nothing else is touched."""

import re
import time
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from campaigns.rendering import html, links
from tests.campaigns.rendering_samples import UNSUBSCRIBE_URL, demo_content, reader


class Recorder:
    """Answers T1, T2 … and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, url: str) -> str:
        self.asked.append(url)
        return f"T{len(self.asked)}&"


def tracked(url: str) -> str:
    return f"https://t.example.com/c/?to={len(url)}&<{url[-3:]}>"


def test_both_kinds_of_quotes_and_written_entities_are_understood() -> None:
    link_for = Recorder()
    source = """<a class="x" href="https://a.example/?x=1&amp;y=2"><A HREF = 'http://b.example/'>"""

    rewritten = links.rewrite(source, link_for)

    assert link_for.asked == ["https://a.example/?x=1&y=2", "http://b.example/"]
    assert rewritten == """<a class="x" href="T1&amp;"><A HREF = 'T2&amp;'>"""


@pytest.mark.parametrize(
    "source",
    [
        '<a href="mailto:a@example.com">',
        '<a href="tel:+1">',
        '<a href="#top">',
        '<a href="/relative">',
        '<a data-href="https://a.example">',
        '<link rel="stylesheet" href="https://a.example/style.css">',
        '<img src="https://a.example/picture.png">',
        "<p>Go to https://a.example</p>",
        "<p>href=&#34;https://a.example&#34;</p>",
    ],
)
def test_what_is_no_web_link_stays(source: str) -> None:
    assert links.rewrite(source, tracked) == source


def test_the_unsubscribe_link_stays_even_when_written_with_entities() -> None:
    source = '<a href="https://m.example/u/1?a=1&amp;b=2">out</a><a href="https://a.example">in</a>'

    rewritten = links.rewrite(source, lambda _: "T", keep={"https://m.example/u/1?a=1&b=2"})

    assert rewritten == '<a href="https://m.example/u/1?a=1&amp;b=2">out</a><a href="T">in</a>'


def test_the_same_target_is_asked_for_once() -> None:
    link_for = Recorder()

    links.rewrite('<a href="https://a.example">' * 3, link_for)

    assert link_for.asked == ["https://a.example"]


def test_a_target_cannot_leave_its_attribute() -> None:
    rewritten = links.rewrite('<a href="https://a.example">', lambda _: '"><script>')

    assert rewritten == '<a href="&#34;&gt;&lt;script&gt;">'


def test_the_pixel_stands_before_the_end_of_the_body_and_only_when_asked_for() -> None:
    mail = "<html><body><p>x</p></body></html>"

    with_pixel = links.rewrite(mail, tracked, pixel_url="https://m.example/o/1.gif")

    assert links.rewrite(mail, tracked) == mail
    assert with_pixel.index("x</p><img src=") < with_pixel.index("</body>")
    assert links.rewrite("<p>x", tracked, pixel_url="https://m.example/o.gif").startswith(
        "<p>x<img"
    )
    assert links.rewrite("<p></BODY>", tracked, pixel_url="https://m/").endswith("\n</BODY>")


def test_every_link_of_the_demo_mail_is_rewritten_except_the_way_out() -> None:
    compiled = html.compile_email(html.prepare(demo_content()))
    mail = html.render(compiled, reader()).html

    rewritten = links.rewrite(mail, lambda _: "https://t.example/c/x", keep={UNSUBSCRIBE_URL})

    targets = {unescape(rest.split('"')[0]) for rest in rewritten.split('href="')[1:]}
    assert targets == {"https://t.example/c/x", UNSUBSCRIBE_URL}


def test_rewriting_12_kilobytes_takes_microseconds() -> None:
    compiled = html.compile_email(html.prepare(demo_content()))
    mail = html.render(compiled, reader()).html[:12_000]
    times = []

    for _ in range(50):
        start = time.thread_time()
        links.rewrite(mail, lambda _: "https://t.example/c/x", pixel_url="https://t.example/o")
        times.append(time.thread_time() - start)

    assert min(times) < 200e-6  # about 30 on the machine the benchmarks ran on


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a.example/x.", "see <https://a.example/x>."),
        ("(https://a.example/x)", "(<https://a.example/x>)"),
        ("https://a.example/w_(x)!", "<https://a.example/w_(x)>!"),
        ("https://a.example/?a=1&b=2\nnext", "<https://a.example/?a=1&b=2>\nnext"),
        ("out: https://m.example/u", "out: https://m.example/u"),
        ("mailto:a@example.com ftp://a.example", "mailto:a@example.com ftp://a.example"),
    ],
)
def test_links_of_the_text_part_are_rewritten(text: str, expected: str) -> None:
    keep = {"https://m.example/u"}

    assert links.rewrite_text(text, lambda url: f"<{url}>", keep=keep) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example?utm_source=s&utm_medium=m&utm_campaign=c+%26"),
        (
            "https://a.example/p?q=1#top",
            "https://a.example/p?q=1&utm_source=s&utm_medium=m&utm_campaign=c+%26#top",
        ),
        (
            "https://a.example/?utm_source=own&x=%26",
            "https://a.example/?utm_source=own&x=%26&utm_medium=m&utm_campaign=c+%26",
        ),
    ],
)
def test_campaign_parameters_keep_what_the_link_has(url: str, expected: str) -> None:
    assert links.with_utm(url, source="s", medium="m", campaign="c &") == expected


def test_campaign_parameters_are_not_added_twice() -> None:
    once = links.with_utm("https://a.example", source="s", medium="m", campaign="c", content="x")

    assert links.with_utm(once, source="s", medium="m", campaign="c", content="x") == once


@given(values=st.lists(st.text(min_size=1, max_size=20), min_size=4, max_size=4))
def test_any_campaign_name_can_be_read_back(values: list[str]) -> None:
    source, medium, campaign, content = (value.replace("\ud800", "") for value in values)

    url = links.with_utm(
        "https://a.example/?a=1", source=source, medium=medium, campaign=campaign, content=content
    )

    query = parse_qs(urlsplit(url).query, keep_blank_values=True)
    assert query["utm_campaign"] == [campaign]
    assert query["utm_content"] == [content]
    assert query["a"] == ["1"]


# How links were found before: one expression over the whole text. It says what is right.
PLAIN_HREF = re.compile(
    r"(?P<before><(?:a|area|v:\w+)\s(?:[^>]*?\s)?href\s*=\s*)"
    r"(?P<quote>[\"'])\s*(?P<url>https?://(?:(?!(?P=quote)).)*?)\s*(?P=quote)",
    re.IGNORECASE | re.DOTALL,
)
PLAIN_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
HTML_PIECES = [
    *("<a ", "<A\n", "<area ", "<abbr ", "<v:rect ", "<a:b ", "<a", "<", ">", " ", "\n", "x"),
    *('href="', "href='", 'HREF = "', ' href="', 'data-href="', '"', "'", "=", "title='"),
    *("https://a.example/1", "http://b.example/?x=1&amp;y=2", "https://", "HTTPS://C.example", "&"),
    *(
        "mailto:a@b.example",
        "https://keep.example",
        "</a>",
        "<!--",
        "-->",
        "\u00a0",
        "ſ",
        "httpſ://d",
    ),
]

TEXT_PIECES = [
    *("http", "https", "HTTP", "httpſ", "s", "://", ":", "/", "a.example", "https://keep.example"),
    *(".", ",", "(", ")", "*", " ", "\n", "<", ">", '"', "é", "x"),
]


def plainly(html: str, *, keep: set[str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        before, quote, written = match.group("before", "quote", "url")
        url = unescape(written)
        target = written if url in keep else escape(tracked(url))
        return f"{before}{quote}{target}{quote}"

    return PLAIN_HREF.sub(replaced, html)


@given(st.lists(st.sampled_from(HTML_PIECES), max_size=30))
@settings(max_examples=2_000, deadline=None)
def test_links_are_those_that_one_plain_expression_finds(pieces: list[str]) -> None:
    html, keep = "".join(pieces), {"https://keep.example"}

    assert links.rewrite(html, tracked, keep=keep) == plainly(html, keep=keep)


@given(st.lists(st.sampled_from(TEXT_PIECES), max_size=30))
@settings(max_examples=2_000, deadline=None)
def test_links_in_a_text_are_those_that_one_plain_expression_finds(pieces: list[str]) -> None:
    text, keep = "".join(pieces), {"https://keep.example"}

    def replaced(match: re.Match[str]) -> str:
        url, rest = match.group(), ""
        while url and (
            url[-1] in ".,;:!?'*" or (url[-1] == ")" and url.count("(") < url.count(")"))
        ):
            url, rest = url[:-1], url[-1] + rest
        return (url if url in keep else tracked(url)) + rest

    assert links.rewrite_text(text, tracked, keep=keep) == PLAIN_URL.sub(replaced, text)
