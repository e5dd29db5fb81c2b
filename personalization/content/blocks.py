"""Content blocks: check them, compile a version once, render a variant for one person."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from personalization.content.lint import check
from personalization.content.liquid import Compiled, Kind, compile_template
from personalization.content.variables import BLOCK_VARIABLES
from personalization.models import ContentBlockVersion
from personalization.versions import Content, ContentInvalid, Problem, Publisher


@dataclass(frozen=True, slots=True)
class CompiledVariant:
    key: str
    name: str
    html: Compiled
    text: Compiled


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


def prepare(content: Content) -> Content:
    """Return a checked block content, or raise ContentInvalid saying what to mend where."""
    problems = list(_problems(content))
    if problems:
        raise ContentInvalid(problems)
    return content


def compile_block(slug: str, *, version: int, content: Content) -> CompiledBlock:
    """Compile a checked content; the templates themselves are cached by source."""
    variants = {
        variant["key"]: CompiledVariant(
            key=variant["key"],
            name=variant["name"],
            html=compile_template(variant["html"], kind="html"),
            text=compile_template(variant["text"], kind="text"),
        )
        for variant in content["variants"]
    }
    return CompiledBlock(
        slug=slug, version=version, variants=variants, fallback=content["fallback"]
    )


def render(variant: CompiledVariant, context: Mapping[str, object]) -> RenderedBlock:
    """Fill one variant; values are escaped by the template engine, so the result is markup."""
    return RenderedBlock(
        html=Markup(variant.html.render(context)),
        text=variant.text.render(context),
        title=variant.name,
    )


def _problems(content: Content) -> Iterator[Problem]:
    variants = content.get("variants")
    if not isinstance(variants, list) or not variants:
        yield Problem("a block needs at least one variant; add one", path="variants")
        return
    keys = [variant.get("key") for variant in variants]
    for key in sorted({str(key) for key in keys if keys.count(key) > 1}):
        yield Problem(f"two variants are called “{key}”; rename one", path="variants")
    if content.get("fallback") not in keys:
        yield Problem(
            "choose the variant that is shown when nothing else fits; a block without a "
            "fallback could leave its slot empty",
            path="fallback",
        )
    for i, variant in enumerate(variants):
        yield from _variant_problems(variant, path=f"variants[{i}]")


def _variant_problems(variant: Mapping[str, Any], *, path: str) -> Iterator[Problem]:
    for name in ("key", "name", "html", "text"):
        if not str(variant.get(name) or "").strip():
            yield Problem(f"“{name}” is empty; fill it in", path=f"{path}.{name}")
    kinds: tuple[Kind, ...] = ("html", "text")
    for kind in kinds:
        for found in check(str(variant.get(kind) or ""), kind=kind, allowed=BLOCK_VARIABLES):
            yield Problem(
                found.message, path=f"{path}.{kind}", line=found.line, column=found.column
            )


publisher = Publisher(versions=ContentBlockVersion, prepare=prepare)
