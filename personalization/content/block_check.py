"""What is wrong in a content block, and where: variants, their fallback, their languages."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from personalization.content import languages
from personalization.content.lint import check
from personalization.content.liquid import Kind
from personalization.versions import Content, Problem

# The names that content may use, each with a word of help.
Allowed = Mapping[str, str]

_KINDS: tuple[Kind, ...] = ("html", "text")
_MOST_LANGUAGES = 60


def translations(variant: Mapping[str, Any]) -> Sequence[Any]:
    """Return the texts of a variant in further languages."""
    found = variant.get("languages")
    return found if isinstance(found, list) else ()


def with_tags(content: Content) -> Content:
    """Return a content whose languages are written alike, `de_at` as `de-AT`."""
    variants = content.get("variants")
    written = {**content, "language": _tag(content.get("language"))}
    if not written["language"]:
        del written["language"]
    if isinstance(variants, list):
        written["variants"] = [_variant_with_tags(each) for each in variants]
    return written


def problems(content: Content, *, allowed: Allowed) -> Iterator[Problem]:
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
    yield from _default_problems(content)
    for i, variant in enumerate(variants):
        yield from _variant_problems(
            variant,
            path=f"variants[{i}]",
            default=str(content.get("language", "")),
            allowed=allowed,
        )


def _default_problems(content: Content) -> Iterator[Problem]:
    default = content.get("language", "")
    if default and (fault := languages.fault(str(default))):
        yield Problem(fault, path="language")
    elif not default and any(map(translations, content["variants"])):
        yield Problem(
            "say which language the default is written in: it is shown to everybody whose "
            "language has no text",
            path="language",
        )


def _variant_problems(
    variant: Mapping[str, Any], *, path: str, default: str, allowed: Allowed
) -> Iterator[Problem]:
    for name in ("key", "name"):
        if not str(variant.get(name) or "").strip():
            yield Problem(f"“{name}” is empty; fill it in", path=f"{path}.{name}")
    yield from _text_problems(
        variant, path=path, allowed=allowed, has_languages=bool(translations(variant))
    )
    if variant.get("languages") not in (None, []):
        yield from _language_problems(
            variant, path=f"{path}.languages", default=default, allowed=allowed
        )


def _language_problems(
    variant: Mapping[str, Any], *, path: str, default: str, allowed: Allowed
) -> Iterator[Problem]:
    given = variant["languages"]
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        yield Problem("languages are a list of objects", path=path)
        return
    if len(given) > _MOST_LANGUAGES:
        yield Problem(f"at most {_MOST_LANGUAGES} languages; take some out", path=path)
        return
    tags = [str(each.get("language", "")) for each in given]
    for tag, count in Counter(tags).items():
        if count > 1 and tag:
            told = languages.name(tag)
            yield Problem(f"{told} is there {count} times; keep one of them", path=path)
    for i, (tag, texts) in enumerate(zip(tags, given, strict=True)):
        at = f"{path}[{i}]"
        if fault := languages.fault(tag):
            yield Problem(fault, path=f"{at}.language")
        elif tag == default:
            yield Problem(
                f"the default is in {languages.name(tag)} already; write it there, or choose "
                "another language",
                path=f"{at}.language",
            )
        yield from _text_problems(texts, path=at, allowed=allowed, language=languages.name(tag))


def _text_problems(
    texts: Mapping[str, Any],
    *,
    path: str,
    allowed: Allowed,
    language: str = "",
    has_languages: bool = False,
) -> Iterator[Problem]:
    for kind in _KINDS:
        source = str(texts.get(kind) or "")
        if not source.strip():
            yield Problem(
                _empty(kind, language=language, has_languages=has_languages), path=f"{path}.{kind}"
            )
        for found in check(source, kind=kind, allowed=allowed):
            yield Problem(
                found.message, path=f"{path}.{kind}", line=found.line, column=found.column
            )


def _empty(kind: Kind, *, language: str, has_languages: bool) -> str:
    if language:
        return f"“{kind}” is empty in {language}; write it, or remove {language}"
    if has_languages:
        return (
            f"“{kind}” is empty in the default; fill it in: it is shown to everybody whose "
            "language has no text"
        )
    return f"“{kind}” is empty; fill it in"


def _variant_with_tags(variant: Any) -> Any:
    if not isinstance(variant, dict) or not isinstance(variant.get("languages"), list):
        return variant
    if not variant["languages"]:
        return {name: value for name, value in variant.items() if name != "languages"}
    return {
        **variant,
        "languages": [
            {**each, "language": _tag(each.get("language"))} if isinstance(each, dict) else each
            for each in variant["languages"]
        ],
    }


def _tag(written: object) -> str:
    """Return the tag; what cannot be read stays, and is refused by the check."""
    text = str(written or "")
    return languages.tag(text) or text
