"""Show a block variant as a made-up reader would get it, before it is saved."""

from dataclasses import dataclass

from personalization.content import liquid, sample
from personalization.content.lint import check
from personalization.content.liquid import Kind, TemplateProblem, compile_template
from personalization.content.own import block_variables
from personalization.versions import Problem


@dataclass(frozen=True, slots=True)
class Preview:
    html: str = ""
    text: str = ""
    problems: tuple[Problem, ...] = ()


def preview(*, html: str, text: str, reader: sample.Reader, language: str = "") -> Preview:
    """Render both parts; a part with a problem stays empty and the problem says where."""
    context = sample.context(reader, language=language.partition("-")[0] or "en")
    shown_html, html_problems = _part(html, kind="html", context=context)
    shown_text, text_problems = _part(text, kind="text", context=context)
    return Preview(html=shown_html, text=shown_text, problems=(*html_problems, *text_problems))


def _part(
    source: str, *, kind: Kind, context: dict[str, object]
) -> tuple[str, tuple[Problem, ...]]:
    found = check(source, kind=kind, allowed=block_variables())
    if found:
        return "", tuple(_problem(each, kind) for each in found)
    try:
        return compile_template(source, kind=kind).render(context), ()
    except TemplateProblem as error:
        return "", tuple(_problem(each, kind) for each in error.problems)


def _problem(found: liquid.Problem, kind: Kind) -> Problem:
    return Problem(found.message, path=kind, line=found.line, column=found.column)
