"""Languages: how they are read and written, and which of several texts a person gets."""

from typing import Any

import pytest

from personalization.comparison import compare, tell_block
from personalization.content import blocks, languages
from personalization.content.languages import Choice
from personalization.versions import ContentInvalid

# The names that content may use are partly those of the field catalogue.
pytestmark = pytest.mark.django_db
THERE = ("de", "pt-BR", "zh-Hans", "no")


def block(*others: Any, **given: Any) -> dict[str, Any]:
    """One variant in English with other languages."""
    variant = {"key": "a", "name": "Sale", "html": "<p>Sale</p>", "text": "Sale"}
    whole: dict[str, Any] = {
        "language": "en", "variants": [{**variant, "languages": list(others)}], "fallback": "a",
    }  # fmt: skip
    return {**whole, **given}


def text(language: str, words: str = "Rebajas", **given: str) -> dict[str, Any]:
    return {"language": language, "html": f"<p>{words}</p>", "text": words, **given}


def faults(content: dict[str, Any]) -> list[str]:
    with pytest.raises(ContentInvalid) as refused:
        blocks.prepare(content)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("value", "language"),
    [
        ("de", "de"), ("DE_at", "de-AT"), ("de_DE.UTF-8", "de-DE"), ("German", "de"),
        (" en-US ", "en-US"), ("zh-hant-tw", "zh-Hant-TW"), ("iw", "he"), ("de-DE-1996", "de-DE"),
        ("xx", ""), ("", ""), ("Klingon", ""), (7, ""), (None, ""), (["de"], ""), ("*", ""),
    ],
)  # fmt: skip
def test_what_systems_write_for_a_language_is_read(value: object, language: str) -> None:
    assert languages.spoken({"attributes.language": value}) == language


def test_a_locale_speaks_where_no_language_is_known() -> None:
    assert languages.spoken({"attributes.locale": "fr-CA"}) == "fr-CA"
    both = {"attributes.language": "es", "attributes.locale": "fr-CA"}
    assert languages.spoken(both) == "es"


@pytest.mark.parametrize(
    ("spoken", "language", "why"),
    [
        ("de", "de", "own"), ("en-US", "en-US", "own"), ("de-AT", "de", "wider"),
        ("zh-Hans-SG", "zh-Hans", "wider"), ("pt", "pt-BR", "kin"), ("pt-PT", "pt-BR", "kin"),
        ("en-GB", "en-US", "kin"), ("nb", "no", "kin"), ("zh-Hant", "en-US", "other"),
        ("sv", "en-US", "other"), ("", "en-US", "unknown"),
    ],
)  # fmt: skip
def test_the_nearest_text_there_is_is_chosen(spoken: str, language: str, why: Any) -> None:
    assert languages.choose(spoken, default="en-US", others=THERE) == Choice(language, why)


def test_languages_are_kept_as_tags() -> None:
    ready = blocks.prepare(block(text("de_at"), text("ES"), language="EN_us"))

    assert ready["language"] == "en-US"
    assert [each["language"] for each in ready["variants"][0]["languages"]] == ["de-AT", "es"]


def test_a_block_without_languages_is_kept_as_it_was() -> None:
    plain = {"variants": [{"key": "a", "name": "A", "html": "<p>x</p>", "text": "x"}],
             "fallback": "a"}  # fmt: skip

    assert blocks.prepare(plain) == plain
    compiled = blocks.compile_block("hero", version=1, content=plain)
    assert compiled.variant("a").chosen("de") is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (block(text("xqzv")), "languages[0].language: “xqzv” is no language: write it as"),
        (block(text("german")), "did you mean “de”, German?"),
        (block(text("")), "languages[0].language: “” is no language"),
        (block(text("de-ABC-x")), "has a region or script that cannot be read"),
        (block(text("es"), text("ES")), "variants[0].languages: Spanish is there 2 times"),
        (block(text("EN")), "the default is in English already"),
        (block(text("es"), language=""), "language: say which language the default is written in"),
        (block(text("es"), language="xx"), "language: “xx” is no language"),
        (block({"language": "es", "html": "<p>x</p>"}), "“text” is empty in Spanish; write it, or"),
        (block(text("es", "{{ nonsense }}")), "languages[0].html line 1, column"),
        (block("es"), "languages are a list of objects"),
        (block(*(text("es") for _ in range(61))), "at most 60 languages"),
    ],
)
def test_a_fault_is_named_with_its_place(content: dict[str, Any], says: str) -> None:
    assert any(says in fault for fault in faults(content)), faults(content)


def test_a_default_that_is_missing_is_refused() -> None:
    content = block(text("es"))
    content["variants"][0]["html"] = " "

    [fault] = faults(content)

    assert fault.startswith("variants[0].html: “html” is empty in the default; fill it in")


def test_two_versions_are_compared_language_by_language() -> None:
    before, after = block(text("es")), block(text("es", "Ofertas"), text("de", "Angebote"))

    changes = [(each.label, each.before) for each in compare(tell_block(before), tell_block(after))]

    assert changes == [
        ("Variant “a” in Spanish › HTML", "<p>Rebajas</p>"),
        ("Variant “a” in Spanish › text", "Rebajas"),
        ("Variant “a” in German", ""),
    ]


def test_a_variant_is_written_in_the_language_of_a_person() -> None:
    content = block(text("es", "Rebajas {{ customer.city }}", name="Rebajas"), text("de", "Sale!"))
    variant = blocks.compile_block("hero", version=1, content=content).variant("a")
    context: dict[str, object] = {"customer": {"city": "<Lima>"}}

    spanish = blocks.render(variant, context, spoken="es-PE")
    german = blocks.render(variant, context, spoken="de")
    unknown = blocks.render(variant, context)

    assert (spanish.html, spanish.title) == ("<p>Rebajas &lt;Lima&gt;</p>", "Rebajas")
    assert (german.title, german.language) == ("Sale", "de")
    assert (unknown.text, unknown.language) == ("Sale", "en")
