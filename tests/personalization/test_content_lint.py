"""What the editor is told before a template can be saved."""

import pytest

from personalization.content.lint import check, printed_always

ALLOWED = {
    "customer.first_name": "first name",
    "customer.city": "city",
    "recommendations[].name": "name",
    "recommendations[].url": "page",
    "blocks.*.html": "block",
    "unsubscribe_url": "way out",
}


def messages(source: str) -> list[str]:
    return [str(problem) for problem in check(source, kind="html", allowed=ALLOWED)]


@pytest.mark.parametrize(
    "source",
    [
        '{{ customer.first_name | default: "there" }}',
        "{% for p in recommendations %}{{ forloop.index }}{{ p.name }}{% endfor %}",
        "{{ recommendations[0].name }}{{ recommendations.first.url }}{{ recommendations.size }}",
        "{% assign best = recommendations | sort: 'name' | first %}{{ best.url }}",
        "{% assign city = customer.city %}{{ city | upcase }}",
        "{% capture hello %}Hi{% endcapture %}{{ hello }}",
        "{{ blocks.hero.html }}{{ blocks.anything.html }}",
        "{{ customer['city'] }}{{ customer[unsubscribe_url] }}",
        "{% comment %}{{ unknown }}{% endcomment %}{% raw %}{{ unknown }}{% endraw %}",
    ],
)
def test_allowed_names_are_no_problem(source: str) -> None:
    assert messages(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "\n  {{ customer.fist_name }}",
            (
                "line 2, column 6: unknown variable `customer.fist_name`; "
                "did you mean `customer.first_name`?"
            ),
        ),
        (
            "{{ custmer.city }}",
            "line 1, column 4: unknown variable `custmer.city`; did you mean `customer.city`?",
        ),
        (
            "{% for p in recommendations %}\n{{ p.nmae }}{% endfor %}",
            "line 2, column 4: unknown variable `p.nmae`; did you mean `p.name`?",
        ),
        (
            "{{ blocks.hero.htm }}",
            (
                "line 1, column 4: unknown variable `blocks.hero.htm`; "
                "did you mean `blocks.hero.html`?"
            ),
        ),
        (
            "{% assign best = recommendations.first %}{{ best.ulr }}",
            "line 1, column 45: unknown variable `best.ulr`; did you mean `best.url`?",
        ),
        ("{{ settings.SECRET_KEY }}", "line 1, column 4: unknown variable `settings.SECRET_KEY`"),
        (
            "{% if customer.age > 3 %}{% endif %}",
            "line 1, column 7: unknown variable `customer.age`",
        ),
        (
            "{{ 'a' | append: nobody }}",
            "line 1, column 18: unknown variable `nobody`",
        ),
        (
            "{{ customer }}",
            "line 1, column 4: `customer` is a group: print one field, such as `.first_name`",
        ),
        (
            "{{ recommendations }}",
            (
                "line 1, column 4: `recommendations` is a list: write it with a `for` loop, "
                "such as `.name`"
            ),
        ),
    ],
)
def test_an_unknown_name_is_reported_with_place_and_proposal(source: str, expected: str) -> None:
    assert messages(source) == [expected]


def test_a_loop_variable_is_unknown_after_its_loop() -> None:
    source = "{% for p in recommendations %}{% endfor %}{{ p.name }}"

    assert messages(source) == ["line 1, column 46: unknown variable `p.name`"]


def test_every_unknown_name_is_reported_at_once() -> None:
    assert len(messages("{{ a }}{{ b }}{% if c %}{{ d }}{% endif %}")) == 4


def test_a_syntax_error_is_the_only_report() -> None:
    assert messages("{{ unknown }}{% if %}") == ["line 1, column 17: missing expression"]


def test_only_what_is_printed_without_condition_counts_as_always_printed() -> None:
    source = (
        "{{ a.b }}{% if x %}{{ c }}{% endif %}{{ d | upcase }}{% comment %}{{ e }}{% endcomment %}"
    )

    assert printed_always(source, kind="text") == {"a.b"}
