"""Check an email template and compile its MJML; what is refused cannot be saved or put live."""

from campaigns.models import TemplateVersion
from campaigns.rendering import html
from campaigns.rendering.variables import VARIABLES
from personalization.content import own
from personalization.content.liquid import TemplateProblem
from personalization.versions import Content, ContentInvalid, Problem, Publisher

PARTS = ("subject", "preheader", "mjml", "text")


def names() -> dict[str, str]:
    """Return every name a mail may use, with the traits that marketers defined (one query)."""
    return {**own.variables(), **VARIABLES}


def prepare(content: Content) -> Content:
    """Return the content with its HTML, or raise ContentInvalid with part, line and column."""
    source = {part: str(content.get(part) or "") for part in PARTS}
    problems = [
        Problem(
            found.problem.message,
            path=found.part,
            line=found.problem.line,
            column=found.problem.column,
        )
        for found in html.check(source, allowed=names())
    ]
    if problems:
        raise ContentInvalid(problems)
    try:
        return html.prepare(source)
    except TemplateProblem as error:
        raise ContentInvalid(
            [Problem(p.message, path="mjml", line=p.line, column=p.column) for p in error.problems]
        ) from error


publisher = Publisher(versions=TemplateVersion, prepare=prepare)
