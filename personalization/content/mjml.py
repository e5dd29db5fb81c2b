"""Turn MJML with Liquid in it into responsive HTML with the same Liquid in it.

The library accepts unknown elements, wrong nesting and vanished attributes without a word, and
its parser trips over Liquid that holds quotes or `<`. So the source is checked here, with line
and column, and every Liquid tag goes through the library as a stand-in of the same length.

What a template may do:

* `{{ name }}` in texts and in attributes that take text (`href`, `src`, `alt`, colours).
* `{% if %}` and `{% for %}` around whole elements in `mj-body`, `mj-wrapper`, `mj-section`,
  `mj-group`, `mj-column` and `mj-hero`: each tag is wrapped into `mj-raw` on the way. A block has
  to end in the element it began in. For a loop over products put `{% for %}` around one
  `mj-section` (one row each: safe in every mail program, Outlook's Word engine included); around
  `mj-column` it works, too, but give the column its `width`, since the library counts one.
* `{{ blocks.hero.html }}`: in an `mj-text`, or directly in `mj-body` when the block brings its own
  table. Directly in other elements it would end up inside a comment for Outlook.
"""

from functools import lru_cache

import mjml

from personalization.content.liquid import (
    Problem,
    TemplateProblem,
    compile_template,
    position,
)
from personalization.content.mjml_check import Scan, scan
from personalization.content.mjml_liquid import Shielded, shield
from personalization.content.mjml_minify import minify


def check(source: str) -> list[Problem]:
    """Everything that would make `to_html` refuse the source."""
    try:
        to_html(source)
    except TemplateProblem as problem:
        return list(problem.problems)
    return []


@lru_cache(maxsize=64)
def to_html(source: str) -> str:
    """Compile to HTML; raises TemplateProblem with line and column in the MJML source."""
    compile_template(source, kind="html")
    shielded = shield(source)
    found = scan(shielded)
    if found.problems:
        raise TemplateProblem(found.problems)
    html = _compile(shielded, found)
    _require_all_liquid(html, shielded)
    return shielded.restore(minify(html, shielded))


def _compile(shielded: Shielded, found: Scan) -> str:
    try:
        # No web fonts: they would tell another company who reads the mail.
        return str(mjml.mjml2html(found.rewritten(shielded.text), fonts={}))
    except ValueError as error:
        message = f"this cannot be compiled as MJML: {error}"
        raise TemplateProblem([Problem(message)]) from error


def _require_all_liquid(html: str, shielded: Shielded) -> None:
    problems = []
    for liquid in shielded.tags:
        seen = html.count(liquid.stand_in)
        if seen == 0 or (seen > 1 and liquid.is_block):
            line, column = position(shielded.source, liquid.offset)
            message = f"`{liquid.source}` cannot stand here: MJML drops or repeats it at this place"
            problems.append(Problem(message, line, column))
    if problems:
        raise TemplateProblem(problems)
