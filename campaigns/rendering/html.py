"""Compile an email template version once, render it for one reader."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from campaigns.rendering import text as plain_text
from campaigns.rendering.variables import POSTAL_ADDRESS, UNSUBSCRIBE
from personalization.content import lint, mjml
from personalization.content.liquid import (
    Compiled,
    Kind,
    Problem,
    TemplateProblem,
    compile_template,
    position,
    single_line,
)
from personalization.content.liquid_runtime import plain

_BODY: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
# Shown beside the subject in the inbox; the filler keeps the body's first words out of there.
_PREHEADER: Final = (
    '\n<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;'
    'opacity:0;overflow:hidden;mso-hide:all;">{{ preheader }}'
    + ("\n" + "&#847;&zwnj;&nbsp;" * 8) * 5
    + "</div>"
)


@dataclass(frozen=True, slots=True)
class CompiledEmail:
    subject: Compiled
    preheader: Compiled
    html: Compiled
    text: Compiled


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class PartProblem:
    """A problem in one part of a template: subject, preheader, mjml or text."""

    part: str
    problem: Problem

    def __str__(self) -> str:
        return f"{self.part}, {self.problem}"


def check(content: Mapping[str, str], *, allowed: Mapping[str, str]) -> list[PartProblem]:
    """Everything that keeps this content from being saved, part by part; `allowed` are the names
    it may use."""
    return list(_problems(content, allowed))


def prepare(content: Mapping[str, str]) -> dict[str, str]:
    """The content with `html` compiled from its `mjml`; raises TemplateProblem."""
    return {**content, "html": mjml.to_html(content["mjml"])}


def compile_email(content: Mapping[str, str]) -> CompiledEmail:
    """Compile a prepared content; parts are cached by their source text."""
    return CompiledEmail(
        subject=compile_template(content["subject"], kind="text"),
        preheader=compile_template(content.get("preheader", ""), kind="text"),
        html=compile_template(_with_preheader(content["html"]), kind="html"),
        text=compile_template(content["text"], kind="text"),
    )


def render(compiled: CompiledEmail, context: Mapping[str, object]) -> Rendered:
    """Fill in one reader's values; the two one-line parts can hold no line break."""
    data = plain(context)
    preheader = single_line(compiled.preheader.render(data))
    return Rendered(
        subject=single_line(compiled.subject.render(data)),
        html=compiled.html.render(data.also({"preheader": preheader})),
        text=plain_text.clean(compiled.text.render(data)),
    )


@lru_cache(maxsize=64)
def _with_preheader(html: str) -> str:
    body = _BODY.search(html)
    place = body.end() if body else 0
    return html[:place] + _PREHEADER + html[place:]


def _problems(content: Mapping[str, str], allowed: Mapping[str, str], /) -> Iterator[PartProblem]:
    parts: tuple[tuple[str, Kind], ...] = (
        ("subject", "text"),
        ("preheader", "text"),
        ("mjml", "html"),
        ("text", "text"),
    )
    for part, kind in parts:
        source = content.get(part, "")
        if not source.strip() and part != "preheader":
            yield PartProblem(part, Problem("this part is empty; a mail needs it"))
            continue
        problems = lint.check(source, kind=kind, allowed=allowed)
        if part == "mjml" and not problems:
            problems = mjml.check(source)
        if part in {"mjml", "text"} and not problems:
            problems = list(_footer_problems(source, kind=kind))
        yield from (PartProblem(part, problem) for problem in problems)


def _footer_problems(source: str, *, kind: Kind) -> Iterator[Problem]:
    """The law wants both in every mail, so neither may depend on a condition."""
    visible = _COMMENT.sub("", source) if kind == "html" else source
    try:
        printed = lint.printed_always(visible, kind=kind)
    except TemplateProblem as problem:  # Liquid that begins or ends inside a comment
        yield from problem.problems
        return
    line, column = position(source, len(source))
    for name in (UNSUBSCRIBE, POSTAL_ADDRESS):
        if name not in printed:
            message = (
                f"the footer lacks `{{{{ {name} }}}}`; print it as it is, outside of any "
                "condition, loop or comment"
            )
            yield Problem(message, line, column)
