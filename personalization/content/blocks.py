"""Content blocks: check them, compile a version once, render a variant for one person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from personalization.content import block_check, languages
from personalization.content.block_check import translations
from personalization.content.context import template_context
from personalization.content.languages import Choice
from personalization.content.liquid import Compiled, TemplateProblem, compile_template
from personalization.content.own import block_variables
from personalization.content.visible import shows_something
from personalization.models import ContentBlock, ContentBlockVersion
from personalization.versions import Content, ContentInvalid, Problem, Publisher


@dataclass(frozen=True, slots=True)
class CompiledTexts:
    name: str
    html: Compiled
    text: Compiled


@dataclass(frozen=True, slots=True)
class CompiledVariant:
    """`default` is for everybody whose language is not among those of `others`."""

    key: str
    default: CompiledTexts
    default_language: str = ""
    others: Mapping[str, CompiledTexts] = field(default_factory=dict)
    _tags: tuple[str, ...] = ()

    def chosen(self, spoken: str) -> Choice | None:
        """Choose a language for a person; None where there is one text for everybody."""
        if not self.others:
            return None
        return languages.choose(spoken, default=self.default_language, others=self._tags)

    def texts(self, choice: Choice | None) -> CompiledTexts:
        return self.others.get(choice.language, self.default) if choice else self.default


@dataclass(frozen=True, slots=True)
class CompiledBlock:
    slug: str
    version: int
    variants: Mapping[str, CompiledVariant]
    fallback: str

    def variant(self, key: str) -> CompiledVariant:
        """Return a variant, or the fallback where this version lost the one a rule names."""
        return self.variants.get(key) or self.variants[self.fallback]


@dataclass(frozen=True, slots=True)
class RenderedBlock:
    """Ready content of one slot; `html` is markup whose values were escaped already."""

    html: Markup
    text: str
    title: str = ""
    # Empty where the block is written once for everybody.
    language: str = ""

    @property
    def is_blank(self) -> bool:
        """Say whether a reader would see nothing here."""
        return not shows_something(self.html, self.text)


def prepare(content: Content) -> Content:
    """Return a checked block content, its languages written as tags, or raise ContentInvalid."""
    written = block_check.with_tags(content)
    problems = list(block_check.problems(written, allowed=block_variables()))
    if problems := problems or [*_blank_fallback(written)]:
        raise ContentInvalid(problems)
    return written


def compile_block(slug: str, *, version: int, content: Content) -> CompiledBlock:
    """Compile a checked content; the templates themselves are cached by source."""
    language = str(content.get("language", ""))
    return CompiledBlock(
        slug=slug,
        version=version,
        variants={
            variant["key"]: _compiled(variant, language=language) for variant in content["variants"]
        },
        fallback=content["fallback"],
    )


def render(
    variant: CompiledVariant, context: Mapping[str, object], *, spoken: str = ""
) -> RenderedBlock:
    """Fill one variant, in the language of the person, or the default.

    Values are escaped by the template engine, so the result is markup.
    """
    choice = variant.chosen(spoken)
    texts = variant.texts(choice)
    return RenderedBlock(
        html=Markup(texts.html.render(context)),
        text=texts.text.render(context),
        title=texts.name,
        language=choice.language if choice else "",
    )


def languages_of(content: Content) -> list[str]:
    """Return the languages of a block, that of the default first; none if it has one text only."""
    others = (each["language"] for variant in content["variants"] for each in translations(variant))
    found = list(dict.fromkeys(others))
    return [content["language"], *found] if found else []


def languages_in_use() -> list[str]:
    """Return the languages that live blocks are written in (one query)."""
    live = ContentBlock.objects.exclude(live=None).order_by("pk")
    contents = live.values_list("live__content", flat=True)
    return list(dict.fromkeys(tag for content in contents for tag in languages_of(content)))


def _blank_fallback(content: Content) -> Iterator[Problem]:
    """Refuse a fallback that shows nothing where nobody is known and no product can be had."""
    keys = [variant["key"] for variant in content["variants"]]
    fallback = compile_block("", version=0, content=content).variant(content["fallback"])
    nobody = template_context(values={}, personal={}, recommendations=[], extras={})
    for spoken in ("", *fallback.others):
        try:
            shown = render(fallback, nobody, spoken=spoken)
        except TemplateProblem:
            continue
        if shown.is_blank:
            told = f" in {languages.name(spoken)}" if spoken else ""
            yield Problem(
                f"the fallback is blank{told} where nobody is known and no product can be shown: "
                "add words or a picture that are always there, in “html” and in “text”",
                path=f"variants[{keys.index(content['fallback'])}]",
            )


def _compiled(variant: Mapping[str, Any], *, language: str) -> CompiledVariant:
    others = {
        each["language"]: _compiled_texts(each, name=each.get("name") or variant["name"])
        for each in translations(variant)
    }
    return CompiledVariant(
        key=variant["key"],
        default=_compiled_texts(variant, name=variant["name"]),
        default_language=language,
        others=others,
        _tags=tuple(others),
    )


def _compiled_texts(texts: Mapping[str, Any], *, name: str) -> CompiledTexts:
    return CompiledTexts(
        name=name,
        html=compile_template(texts["html"], kind="html"),
        text=compile_template(texts["text"], kind="text"),
    )


publisher = Publisher(versions=ContentBlockVersion, prepare=prepare)
