"""Show a template as a made-up reader would get it, before it is saved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from campaigns.models import CampaignSlot, SenderIdentity
from campaigns.rendering import html, publish
from personalization.content import blocks, sample
from personalization.content.liquid import TemplateProblem
from personalization.models import ContentBlock
from personalization.versions import Content, ContentInvalid, Problem

_SLOT = re.compile(r"\bblocks\.([A-Za-z_][\w-]*)")
_NOTHING_YET = Markup(
    '<p style="padding:24px;border:2px dashed #c9c6d8;border-radius:8px;color:#6b6880;'
    'text-align:center;">Slot “{}”: a ruleset of the campaign fills it.</p>'
)


@dataclass(frozen=True, slots=True)
class Preview:
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    problems: tuple[Problem, ...] = ()


def preview(content: Content, *, reader: sample.Reader, language: str = "") -> Preview:
    """Compile and render all parts; with a problem nothing is shown but the problem."""
    try:
        ready = publish.prepare(content)
        return _rendered(ready, context=_context(ready, reader=reader, language=language))
    except ContentInvalid as invalid:
        return Preview(problems=tuple(invalid.problems))
    except TemplateProblem as error:
        problems = (
            Problem(each.message, line=each.line, column=each.column) for each in error.problems
        )
        return Preview(problems=tuple(problems))


def _rendered(ready: Content, *, context: Mapping[str, object]) -> Preview:
    compiled = html.compile_email(ready)
    shown = html.render(compiled, context)
    return Preview(
        subject=shown.subject,
        preheader=compiled.preheader.render(context),
        html=shown.html,
        text=shown.text,
    )


def _context(ready: Content, *, reader: sample.Reader, language: str) -> dict[str, Any]:
    shared = sample.context(reader, language=language.partition("-")[0] or "en")
    spoken = language if reader == "known" else ""
    sender = SenderIdentity.objects.first()
    return {
        **shared,
        "blocks": _blocks(_slots(ready), reader=reader, context=shared, spoken=spoken),
        "campaign": {"name": "Preview"},
        "sender": {
            "name": sender.name if sender else "Your shop",
            "postal_address": sender.postal_address if sender else "1 Example Street, Exampletown",
            "logo_url": sender.logo_url if sender else "",
        },
        "unsubscribe_url": "#unsubscribe",
    }


def _slots(ready: Content) -> set[str]:
    return {name for part in ("mjml", "text") for name in _SLOT.findall(ready[part])}


def _blocks(
    names: set[str], *, reader: sample.Reader, context: Mapping[str, object], spoken: str
) -> dict[str, dict[str, Markup | str]]:
    """Fill slots as a campaign does that has them: a rule's choice, or what everyone else sees."""
    outcomes = _outcomes(names, reader=reader)
    wanted = {str(outcome.get("block")) for outcome in outcomes.values()}
    live = {
        block.slug: blocks.compile_block(
            block.slug, version=block.live.number, content=block.live.content
        )
        for block in ContentBlock.objects.filter(slug__in=wanted).select_related("live")
        if block.live is not None
    }
    found: dict[str, dict[str, Markup | str]] = {}
    for name in names:
        outcome = outcomes.get(name, {})
        block = live.get(str(outcome.get("block")))
        if block is None:
            found[name] = {"html": _NOTHING_YET.format(name), "text": f"[slot {name}]"}
            continue
        variant = block.variant(str(outcome.get("variant")))
        shown = blocks.render(variant, context, spoken=spoken)
        found[name] = {"html": shown.html, "text": shown.text}
    return found


def _outcomes(names: set[str], *, reader: sample.Reader) -> dict[str, Mapping[str, Any]]:
    slots = CampaignSlot.objects.filter(name__in=names).select_related("ruleset__live")
    found: dict[str, Mapping[str, Any]] = {}
    for slot in slots.order_by("pk"):
        if slot.ruleset.live is None:
            continue
        content = slot.ruleset.live.content
        rules = [rule["outcome"] for rule in content["rules"]] if reader == "known" else []
        found[slot.name] = next(iter(rules), content["fallback"])
    return found
