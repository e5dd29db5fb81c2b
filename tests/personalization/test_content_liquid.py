"""Liquid as marketers write it: what customers' values can do to it, and what it can cost."""

from itertools import product

import pytest
from liquid import Environment
from markupsafe import Markup

from personalization.content.liquid import (
    Kind,
    TemplateProblem,
    compile_template,
    single_line,
)
from personalization.content.liquid_filters import ALLOWED
from tests.effort import at_most

HOSTILE = "<script>alert('1')</script>{{7*7}}{% for x in y %}"


def render(source: str, kind: Kind = "html", **context: object) -> str:
    return compile_template(source, kind=kind).render(context)


def problem_of(source: str, **context: object) -> str:
    with pytest.raises(TemplateProblem) as caught:
        compile_template(source, kind="html").render(context)
    return str(caught.value)


def test_a_name_with_markup_and_liquid_comes_out_as_literal_text() -> None:
    html = render('<p title="{{ name }}">{{ name }}</p>', name=HOSTILE)

    assert "<script" not in html
    assert html.count("{{7*7}}{% for x in y %}") == 2
    assert "&#39;1&#39;" in html


def test_the_text_part_prints_a_name_as_it_is() -> None:
    assert render("{{ name }}", "text", name=HOSTILE) == HOSTILE


def test_a_300_character_name_is_printed_whole() -> None:
    assert render("{{ name }}", name="é" * 300) == "é" * 300


def test_markup_that_the_engine_rendered_is_printed_without_a_second_escaping() -> None:
    block = Markup("<b>Tom &amp; Jerry</b>")

    assert render("{{ blocks.hero.html }}", blocks={"hero": {"html": block}}) == str(block)
    assert render("{{ b | default: 'none' }}", b=block) == str(block)


@pytest.mark.parametrize("name", sorted(set(Environment().filters)))
def test_no_chain_of_two_filters_prints_a_value_raw(name: str) -> None:
    arguments = ["", ': "&lt;", "<"', ': "<"', ": name", ": name, name", ": 9", ": 0, 99"]
    firsts = ["", "| escape", "| url_encode", "| newline_to_br", "| split: ','", '| append: "<b>"']
    for first, own in product(firsts, arguments):
        source = f"{{{{ name {first} | {name}{own} }}}}"
        try:
            html = render(source, name="<script>,%3Cscript%3E")
        except TemplateProblem:
            continue  # the filter is absent, or refuses these arguments
        assert "<script" not in html.lower(), source


@pytest.mark.parametrize("name", ["safe", "escapejs", "escape_once", "base64_decode"])
def test_filters_that_print_raw_or_decode_are_absent(name: str) -> None:
    assert f"unknown filter `{name}`" in problem_of("{{ x | " + name + " }}")
    assert name not in ALLOWED


@pytest.mark.parametrize(
    "tag", ["include 'x'", "render 'x'", "liquid", "echo x", "tablerow a in b"]
)
def test_tags_that_load_files_or_hide_logic_are_unknown(tag: str) -> None:
    assert "unknown tag" in problem_of("{% " + tag + " %}")


def test_attributes_and_methods_of_values_cannot_be_reached() -> None:
    source = (
        "[{{ x.__class__ }}{{ x.upper }}{{ x.y.__init__ }}{{ settings.SECRET_KEY }}{{ request }}]"
    )

    assert render(source, x="abc") == "[]"


def test_an_object_in_the_data_is_refused_with_its_place() -> None:
    class Profile:
        pass

    with pytest.raises(TypeError, match=r"`customer\.orders\[\]` is a Profile"):
        render("{{ customer.orders }}", customer={"orders": [Profile()]})


def test_groups_and_missing_names_print_nothing() -> None:
    assert (
        render("[{{ customer }}{{ nobody.there }}{{ none }}]", customer={"a": 1}, none=None) == "[]"
    )


def test_a_missing_or_empty_value_is_blank() -> None:
    source = "{% if x.y != blank %}yes{% else %}no{% endif %}"

    assert [render(source, x={"y": y}) for y in (None, "", " ", "Bonn", 0)] == [
        "no",
        "no",
        "no",
        "yes",
        "yes",
    ]
    assert render(source) == "no"


def test_there_is_no_clock_in_a_template() -> None:
    assert render('[{{ now }}{{ today }}]{{ "now" | date: "%Y" }}') == "[]now"


def test_dates_are_formatted_from_iso_texts_and_other_texts_are_left_alone() -> None:
    assert render('{{ d | date: "%-d %B %Y" }}', d="2026-03-04T10:00:00Z") == "4 March 2026"
    assert render('{{ d | date: "%Y" }}', d="<soon>") == "&lt;soon&gt;"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ (1..10000000) | join }}", "a range may hold at most 1,000 numbers"),
        ("{% for i in (1..999999999) reversed %}{% endfor %}", "a range may hold"),
        ("{% for i in (1..big) reversed %}{% endfor %}", "a range may hold"),
        ("{% for i in (1..900) limit: x %}{% endfor %}{{ (1..big) | size }}", "a range may hold"),
        ("{% if a contains (1..100000000) %}{% endif %}", "a range may hold"),
        ("{% case a %}{% when (1..100000000) %}{% endcase %}", "a range may hold"),
        ("{% assign r = (1..big) %}{{ r | reverse | first }}", "a range may hold"),
        (
            "{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}",
            "loops run more than 2,000 times",
        ),
        (
            '{% assign x = "ab" %}{% for i in (1..99) %}{% assign x = x | append: x %}{% endfor %}',
            "texts of more than 20,000 characters",
        ),
        ('{{ long | replace: "a", long }}', "texts of more than 20,000 characters"),
        ('{{ long | split: "" | join: long }}', "more than"),
        (
            "{% assign x = 9 %}{% for i in (1..99) %}{% assign x = x | times: x %}{% endfor %}",
            "30 digits",
        ),
        ("{% for i in (1..50) %}" * 40 + "{% endfor %}" * 40, "nesting"),
        ("{% if " + "a and " * 5000 + "a %}x{% endif %}", "nested too deeply"),
        ("{{ a[" + "a[" * 3000 + "]" * 3001 + " }}", ""),
        ("{{ a }}" * 30_000, "does too much"),
        ("{% for i in a %}" + "{{ i }}" * 2_000 + "{% endfor %}", "does too much"),
        ("x" * 300_001, "longer than 300,000 characters"),
    ],
)
def test_a_template_bomb_is_refused_at_once(source: str, message: str) -> None:
    with at_most(5):
        assert message in problem_of(source, big=10**9, long="a" * 5000, a="x")


def test_the_worst_allowed_template_still_ends_soon() -> None:
    line = '{% assign u = t | replace: "a", "b" | upcase | split: "," | first | size %}'
    loop = "{% for i in (1..990) %}" + line * 2 + "{% endfor %}"
    source = '{% assign t = "' + "ab " * 3000 + '" %}' + loop * 2

    with at_most(10):
        render(source)


def test_output_is_capped() -> None:
    source = "{% capture c %}{{ t }}{% endcapture %}{% for i in (1..200) %}{{ c }}{% endfor %}"

    assert "output is longer than 1,000,000" in problem_of(source, t="x" * 19_000)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("one\n  {{ name | }}", "line 2, column 6"),
        (
            "one\n\n {% if a %}{% for b in c %}{% endfor %}",
            "line 3, column 2: `if` is never closed",
        ),
        ("{% fro p in q %}", "line 1, column 4: unknown tag `fro`; did you mean `for`?"),
        (
            "a\nb {{ x | upcas }}",
            "line 2, column 10: unknown filter `upcas`; did you mean `upcase`?",
        ),
        ("{% endif %}", "line 1, column 4: `endif` without the tag it belongs to"),
        ("{% break %}", "line 1, column 4: `break` is only possible inside"),
        ("\n{{ name", "line 2, column 1"),
        ("{% comment %} x", "line 1, column 4: comment tag was never closed"),
    ],
)
def test_a_syntax_error_names_line_and_column(source: str, place: str) -> None:
    assert place in problem_of(source)


def test_all_unknown_filters_are_reported_together() -> None:
    with pytest.raises(TemplateProblem) as caught:
        compile_template("{{ a | one }}\n{{ b | two }}", kind="text")

    assert [(p.line, p.column) for p in caught.value.problems] == [(1, 8), (2, 8)]


def test_half_a_surrogate_pair_cannot_break_the_mail() -> None:
    assert render("{{ n }}", n="a\ud800b").encode() == b"a?b"


def test_a_single_line_holds_no_line_break_and_no_control_character() -> None:
    assert single_line(" Hi\r\nBcc: x\x00\u2028 \u202eyou\x85 ") == "Hi Bcc: x you"
    assert single_line("👩‍🍳 Zoë") == "👩‍🍳 Zoë"


def test_the_same_source_is_compiled_once_for_each_kind() -> None:
    source = "once {{ a }}"

    assert compile_template(source, kind="html") is compile_template(source, kind="html")
    assert compile_template(source, kind="html") is not compile_template(source, kind="text")
