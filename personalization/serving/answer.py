"""One slot's answer to a mail provider; built the same way from a new and from a kept decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from personalization.content.blocks import RenderedBlock
from personalization.content.context import REASON
from personalization.offers.refusals import WITHHELD
from personalization.serving import lists

# Why nobody in particular is served, in words.
WORDS = {
    "unknown_person": "nobody is known by this name",
    "unknown_slot": "there is no such slot, or it is not live",
    "deadline": "there was no time to decide",
    "unavailable": "the data could not be read",
    "not_rendered": "the content failed on this person's data",
    "no_rule": "no rule applied",
    "nothing_to_show": "what the rules chose came out blank",
}
# Why there are no products, or no better ones.
MISSING = {
    "empty_catalogue": "there are no products",
    "sold_out": "no product is in stock",
    "nothing_allowed": "no product meets the limits of the list",
    "no_model": "no model was trained yet: products are from the catalogue alone",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is what goes out as JSON; `is_fallback_forced` says that we could not do better."""

    body: dict[str, Any] = field(repr=False)
    expires_at: datetime
    is_fallback_forced: bool = False


def build(
    *,
    decision_id: str,
    slot: str,
    told: Mapping[str, Any],
    decision: Mapping[str, Any],
    block: RenderedBlock,
    items: Sequence[Mapping[str, Any]],
    permission: Mapping[str, bool],
    expires_at: datetime,
    sentence: str,
    offer: Mapping[str, Any] | None = None,
    problem: str = "",
    explained: Mapping[str, Any] | None = None,
) -> Answer:
    """Put an answer together; the same arguments give the same bytes."""
    content = {"title": block.title, "items": [lists.ordered(item) for item in items]}
    body = {
        "decision_id": decision_id,
        "slot": slot,
        "block": told["block"],
        "variant": told["variant"],
        "language": told.get("language", ""),
        "fallback": bool(told["is_fallback"]),
        "content": {**content, "offer": dict(offer)} if offer else content,
        "html": str(block.html),
        "text": block.text,
        "permission": dict(permission),
        "expires_at": expires_at.isoformat().replace("+00:00", "Z"),
        "reasons": [*_reasons(told, decision, items, sentence=sentence, problem=problem)],
    }
    if explained is not None:
        body["explain"] = dict(explained)
    return Answer(body=body, expires_at=expires_at, is_fallback_forced=bool(problem))


def _reasons(
    told: Mapping[str, Any],
    decision: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    *,
    sentence: str,
    problem: str,
) -> Iterator[dict[str, Any]]:
    rule = {"ruleset": told["ruleset"], "version": told["version"]}
    if told["is_fallback"]:
        kind = problem or ("nothing_to_show" if told.get("blank") else "no_rule")
        yield {"kind": "fallback", "code": kind, "text": WORDS[kind], **rule}
    else:
        yield {"kind": "rule", "rule": told["rule"], "text": sentence, **rule}
    for each in told.get("withheld", ()):
        text = f"the offer could not be given: {WITHHELD[each['reason']]}"
        yield {"kind": "offer_withheld", "rule": each["rule"], "offer": each["offer"],
               "code": each["reason"], "text": text}  # fmt: skip
    for item, why in zip(items, decision["recommendations"], strict=True):
        yield {
            "kind": "recommendation",
            "product_id": item["product_id"],
            "strategy": why["strategy"],
            "text": item[REASON],
        }
    yield from of_products(decision, is_empty=not items)


def of_products(decision: Mapping[str, Any], *, is_empty: bool) -> Iterator[dict[str, Any]]:
    """Say why there are no products, or that no model chose them."""
    if missing := decision.get("missing"):
        yield {"kind": "empty", "code": missing, "text": MISSING[missing]}
    elif not is_empty and decision.get("model") is None:
        yield {"kind": "fallback", "code": "no_model", "text": MISSING["no_model"]}
